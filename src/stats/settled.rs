//! Looking back on a series of evenly spaced values: where its beginning ends, and whether the rest changes. (`steady_state` is for a series
//! that is still going on.)

/// How many values at the start to leave out so that the mean of the rest is known best: the minimum of MSER (White, 1997), at most half.
/// The values are means of windows already, as MSER-5 makes them of five observations.
pub fn truncation(values: &[f64]) -> usize {
    let (mut sum, mut squares, mut best, mut at) = (0.0, 0.0, f64::INFINITY, 0);
    // Around the last value, so that large values with small differences lose no digits.
    let origin = values.last().copied().unwrap_or(0.0);
    for (start, value) in values.iter().enumerate().rev() {
        let (n, value) = ((values.len() - start) as f64, value - origin);
        sum += value;
        squares += value * value;
        let error = (squares - sum * sum / n).max(0.0) / (n * n);
        // Of equals the one that leaves out least; what floating point makes of a constant is not a difference.
        if start <= values.len() / 2 && error <= best * (1.0 + 1e-9) + 1e-12 * origin * origin {
            (best, at) = (error.min(best), start);
        }
    }
    at
}

/// A straight line through a series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trend {
    /// The mean of the values.
    pub mean: f64,
    /// By how much the line changes from the first to the last value.
    pub change: f64,
    /// The standard error of the change, widened when neighbours resemble each other.
    pub error: f64,
}

/// Half the width of a 95 % confidence interval, in standard errors.
const Z: f64 = 1.96;

impl Trend {
    /// Least squares; None for fewer than four values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        if values.len() < 4 {
            return None;
        }
        let (mean, middle) = (values.iter().sum::<f64>() / n, (n - 1.0) / 2.0);
        let around = |at: usize| at as f64 - middle;
        let spread: f64 = (0..values.len()).map(|at| around(at).powi(2)).sum();
        let slope = values.iter().enumerate().map(|(at, v)| around(at) * (v - mean)).sum::<f64>() / spread;
        let rest: Vec<f64> = values.iter().enumerate().map(|(at, v)| v - mean - slope * around(at)).collect();
        let squares: f64 = rest.iter().map(|r| r * r).sum();
        let variance = squares / (n - 2.0);
        let alike = rest.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / squares.max(f64::MIN_POSITIVE);
        let alike = alike.clamp(0.0, 0.9);
        let widened = ((1.0 + alike) / (1.0 - alike)).sqrt();
        Some(Self { mean, change: slope * (n - 1.0), error: (variance / spread).sqrt() * (n - 1.0) * widened })
    }

    /// Whether it is shown (95 %) that the series rises by more than `least`.
    pub fn rises_by(&self, least: f64) -> bool {
        self.change - Z * self.error > least
    }

    /// Whether it is shown that the series changes by more than this share of its mean.
    pub fn changes_by(&self, share: f64) -> bool {
        self.change.abs() - Z * self.error > share * self.mean.abs()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn noisy(n: usize, noise: f64, seed: u64, mean: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        (0..n).map(|at| mean(at) * (1.0 + noise * random.random_range(-1.0..=1.0))).collect()
    }

    #[test]
    fn a_cold_start_is_cut_off() {
        assert_eq!(truncation(&[100.0; 40]), 0);
        assert_eq!(truncation(&[]), 0);
        let mean = |least: usize, shape: &dyn Fn(usize) -> f64| {
            let all: Vec<usize> = (0..50).map(|seed| truncation(&noisy(40, 0.05, seed, shape))).collect();
            assert!(all.iter().all(|at| (least..=20).contains(at)), "{all:?}");
            all.iter().sum::<usize>() as f64 / 50.0
        };
        let step = mean(8, &|n| if n < 8 { 300.0 } else { 100.0 });
        let decay = mean(6, &|n| 100.0 + 400.0 * (-(n as f64) / 3.0).exp());
        assert!(step < 13.0 && decay < 17.0, "{step} {decay}");
        // The usual noise costs little.
        let mean = (0..50).map(|seed| truncation(&noisy(40, 0.2, seed, |_| 100.0))).sum::<usize>() as f64 / 50.0;
        assert!(mean < 10.0, "{mean}");
    }

    #[test]
    fn a_trend_is_told_from_noise() {
        let shown = |noise: f64, growth: f64| {
            let seeds = (0..100).filter(|seed| {
                let values = noisy(20, noise, *seed, |n| 100.0 + growth * n as f64 / 19.0);
                Trend::of(&values).unwrap().changes_by(0.1)
            });
            seeds.count()
        };
        assert_eq!(shown(0.02, 30.0), 100);
        assert_eq!(shown(0.1, 0.0), 0);
        assert!(shown(0.5, 0.0) <= 3);
        let trend = Trend::of(&[10.0, 11.0, 12.0, 13.0, 14.0]).unwrap();
        assert!((trend.change - 4.0).abs() < 1e-9 && trend.error < 1e-6 && trend.mean == 12.0);
        assert!(trend.rises_by(3.9) && !trend.rises_by(4.1));
        assert!(!Trend::of(&[14.0, 13.0, 12.0, 11.0]).unwrap().rises_by(0.0));
        assert_eq!(Trend::of(&[1.0, 2.0, 3.0]), None);
    }

    proptest! {
        #[test]
        fn at_most_half_is_cut(values in proptest::collection::vec(-1e9f64..1e9, 0..60)) {
            prop_assert!(truncation(&values) <= values.len() / 2);
        }
    }
}
