//! The test of Kolmogorov and Smirnov: are these values drawn from that distribution?

/// The largest distance between the empirical distribution of the values and `cdf`, 0..=1. None for no values.
pub fn distance(values: &mut [f64], cdf: impl Fn(f64) -> f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let gaps = values.iter().enumerate().map(|(at, value)| {
        let p = cdf(*value);
        (p - at as f64 / n).abs().max(((at + 1) as f64 / n - p).abs())
    });
    gaps.reduce(f64::max)
}

/// The probability of a distance at least this large when the values are of the distribution: Kolmogorov's limit with
/// Stephens' correction for small samples, good from 4 values on.
pub fn p_value(distance: f64, values: usize) -> f64 {
    let root = (values as f64).sqrt();
    let x = distance * (root + 0.12 + 0.11 / root);
    if x < 0.2 {
        return 1.0;
    }
    let terms = (1..=100).map(|k| {
        let k = f64::from(k);
        let sign = if k % 2.0 == 1.0 { 2.0 } else { -2.0 };
        sign * (-2.0 * k * k * x * x).exp()
    });
    terms.sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_values_fit_and_shifted_ones_do_not() {
        let mut even: Vec<f64> = (0..1_000).map(|n| (f64::from(n) + 0.5) / 1_000.0).collect();
        let d = distance(&mut even, |x| x.clamp(0.0, 1.0)).unwrap();
        assert!((d - 0.000_5).abs() < 1e-12 && p_value(d, 1_000) > 0.999, "{d}");
        let mut shifted: Vec<f64> = even.iter().map(|x| x * 0.9).collect();
        let d = distance(&mut shifted, |x| x.clamp(0.0, 1.0)).unwrap();
        assert!(p_value(d, 1_000) < 1e-6, "{d}");
        assert_eq!(distance(&mut [], |x| x), None);
        // A table's value: the distance 1.3581 / sqrt(n) is exceeded in one case of twenty.
        let n = 100_000;
        assert!((p_value(1.3581 / (n as f64).sqrt(), n) - 0.05).abs() < 1e-3);
    }
}
