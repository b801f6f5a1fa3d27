//! Confidence intervals without assumptions on a distribution: of a share (Wilson), and of a quantile (order statistics).

/// Standard normal quantile of a one-sided 95 %: both sides together are 90 %.
pub const ONE_SIDED_95: f64 = 1.644_853_626_951_472_2;
/// Of a two-sided 95 %.
pub const TWO_SIDED_95: f64 = 1.959_963_984_540_054;

/// Wilson's interval of a share of which `hits` of `n` were seen, at `z` standard normal deviations; 0..=1 for no observations.
pub fn share(hits: u64, n: u64, z: f64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (hits, n) = (hits.min(n) as f64, n as f64);
    let (p, z2) = (hits / n, z * z);
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // Exactly none and exactly all are possible, whatever rounding makes of it.
    let low = if hits == 0.0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if hits == n { 1.0 } else { (middle + half).min(1.0) };
    (low, high)
}

/// An interval that holds the `q`-quantile of whatever the values (sorted) were drawn from: between the order statistics whose ranks
/// the binomial distribution gives. None for no values; as wide as the values where they are too few.
pub fn quantile(sorted: &[f64], q: f64, z: f64) -> Option<(f64, f64)> {
    let last = sorted.len().checked_sub(1)?;
    let n = sorted.len() as f64;
    let (rank, half) = (n * q, z * (n * q * (1.0 - q)).sqrt());
    let at = |rank: f64| (rank.max(0.0) as usize).min(last);
    Some((sorted[at((rank - half).floor() - 1.0)], sorted[at((rank + half).ceil())]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn known_shares() {
        let (low, high) = share(8, 10, TWO_SIDED_95);
        assert!((low - 0.490_2).abs() < 1e-3 && (high - 0.943_3).abs() < 1e-3, "{low} {high}");
        let (low, high) = share(52, 52, ONE_SIDED_95);
        assert!(low > 0.95 && high == 1.0, "52 of 52 show a share of 95 %: {low}");
        assert!(share(50, 50, ONE_SIDED_95).0 < 0.95);
        assert_eq!(share(0, 0, 1.0), (0.0, 1.0));
        assert_eq!(share(0, 10, 1.0).0, 0.0);
    }

    #[test]
    fn intervals_hold_what_they_promise() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let (mut shares, mut quantiles) = (0, 0);
        for _ in 0..2_000 {
            let mut values: Vec<f64> = (0..200).map(|_| random.random_range(0.0..1.0)).collect();
            let hits = values.iter().filter(|v| **v < 0.9).count() as u64;
            let (low, high) = share(hits, 200, TWO_SIDED_95);
            shares += u32::from((low..=high).contains(&0.9));
            values.sort_by(f64::total_cmp);
            let (low, high) = quantile(&values, 0.95, TWO_SIDED_95).unwrap();
            quantiles += u32::from((low..=high).contains(&0.95));
        }
        assert!((1_860..1_960).contains(&shares), "{shares} of 2000");
        assert!((1_860..1_990).contains(&quantiles), "{quantiles} of 2000");
        assert_eq!(quantile(&[], 0.5, 1.0), None);
        assert_eq!(quantile(&[3.0], 0.5, 1.0), Some((3.0, 3.0)));
    }

    proptest! {
        #[test]
        fn an_interval_is_around_what_was_seen(n in 1u64..10_000, part in 0.0f64..=1.0, z in 0.1f64..4.0) {
            let hits = (n as f64 * part) as u64;
            let (low, high) = share(hits, n, z);
            let seen = hits as f64 / n as f64;
            prop_assert!(0.0 <= low && low <= seen + 1e-12 && seen <= high + 1e-12 && high <= 1.0);
            let wider = share(hits, n, z * 1.5);
            prop_assert!(wider.0 <= low + 1e-12 && high <= wider.1 + 1e-12);
        }
    }
}
