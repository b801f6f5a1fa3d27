//! Quantiles of small samples, by linear interpolation between order statistics (Hyndman and Fan's type 7, which is
//! what k6 uses too). Called by whoever summarises one call or one report; run-wide trends live in `metrics::histogram`,
//! which does not keep every value.

/// The `q`-quantile (0..=1) of values sorted in ascending order: with `i = q * (n - 1)`, the values at `floor(i)` and
/// `ceil(i)` are mixed by the fraction of `i`. None for no values.
pub fn quantile_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(low + (high - low) * at.fract())
}

/// The usual figures of one small sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// Number of values.
    pub count: usize,
    /// Smallest value.
    pub min: f64,
    /// Arithmetic mean.
    pub avg: f64,
    /// Median.
    pub med: f64,
    /// Largest value.
    pub max: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

impl Spread {
    /// Sorts the values and sums them up; None for no values. Values must not be NaN (they would sort last).
    pub fn of(values: &mut [f64]) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let quantile = |q| quantile_sorted(values, q);
        Some(Self {
            count: values.len(),
            min: *values.first()?,
            avg: values.iter().sum::<f64>() / values.len() as f64,
            med: quantile(0.5)?,
            max: *values.last()?,
            p90: quantile(0.9)?,
            p95: quantile(0.95)?,
            p99: quantile(0.99)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_between_order_statistics() {
        let sorted = [1.0, 2.0, 3.0, 10.0];
        assert_eq!(quantile_sorted(&sorted, 0.0), Some(1.0));
        assert_eq!(quantile_sorted(&sorted, 0.5), Some(2.5));
        assert_eq!(quantile_sorted(&sorted, 1.0), Some(10.0));
        assert!((quantile_sorted(&sorted, 0.9).unwrap() - 7.9).abs() < 1e-12);
        assert_eq!(quantile_sorted(&[], 0.5), None);
        assert_eq!(quantile_sorted(&[4.0], 0.99), Some(4.0));
    }

    #[test]
    fn a_spread_of_a_few_values() {
        let spread = Spread::of(&mut [3.0, 1.0, 2.0]).unwrap();
        assert_eq!((spread.count, spread.min, spread.avg, spread.med, spread.max), (3, 1.0, 2.0, 2.0, 3.0));
        assert_eq!(Spread::of(&mut []), None);
    }
}
