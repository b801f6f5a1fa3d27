//! Holm's correction: of many comparisons of alike things some look different by chance; with it, the chance that any does stays at the level.

/// Chances adjusted for how many there are, in the same order: each may be held against the level on its own.
pub fn adjust(chances: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|a, b| chances[*a].total_cmp(&chances[*b]));
    let mut adjusted = vec![1.0; chances.len()];
    let mut largest = 0.0_f64;
    for (rank, at) in order.into_iter().enumerate() {
        largest = largest.max((chances[at] * (chances.len() - rank) as f64).min(1.0));
        adjusted[at] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_pays_most_and_the_order_stays() {
        let adjusted = adjust(&[0.01, 0.04, 0.03, 0.5]);
        let expected = [0.04, 0.09, 0.09, 0.5];
        assert!(adjusted.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-12), "{adjusted:?}");
        assert!(adjust(&[]).is_empty());
        assert_eq!(adjust(&[0.9, 0.9]), [1.0, 1.0]);
    }
}
