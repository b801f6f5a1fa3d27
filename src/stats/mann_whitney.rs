//! Mann and Whitney's rank test on counted values: whether values of one side tend to be larger, with ties corrected for. It says
//! nothing of by how much; the bootstrap does.

use super::bootstrap::{Counted, two_sided};

/// What the test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankTest {
    /// Chance that a value of the second side is larger than one of the first, ties counting half; 0.5 = alike.
    pub superiority: f64,
    /// Chance of a superiority at least as far from 0.5 if the sides were alike (normal approximation, two-sided).
    pub chance: f64,
}

/// Compares two sides; None when one has no values or all values are the same.
pub fn test(first: &Counted, second: &Counted) -> Option<RankTest> {
    let (n, m) = (first.len() as f64, second.len() as f64);
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let mut all: Vec<(f64, f64, f64)> = first.pairs().map(|(v, k)| (v, k as f64, 0.0)).collect();
    all.extend(second.pairs().map(|(v, k)| (v, 0.0, k as f64)));
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut wins, mut ties) = (0.0, 0.0, 0.0);
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let (of_first, of_second) = group.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.1, sum.1 + one.2));
        wins += of_second * (below + of_first / 2.0);
        below += of_first;
        let tied: f64 = of_first + of_second;
        ties += tied.powi(3) - tied;
    }
    let total = n + m;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    if variance <= 0.0 || !variance.is_finite() {
        return None;
    }
    let superiority = wins / (n * m);
    Some(RankTest { superiority, chance: two_sided((wins - n * m / 2.0) / variance.sqrt()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(values: &[f64]) -> Counted {
        Counted::new(values.iter().map(|v| (*v, 1)))
    }

    #[test]
    fn known_results() {
        // By hand: of 20 pairs the second side wins 18 and one is a tie.
        let first = counted(&[1.0, 2.0, 3.0, 4.0]);
        let second = counted(&[3.0, 5.0, 6.0, 7.0, 8.0]);
        let found = test(&first, &second).unwrap();
        assert!((found.superiority - 18.5 / 20.0).abs() < 1e-12, "{found:?}");
        // U = 18.5, mean 10, variance 20/12 * (10 - 6/72): z = 2.0909, p = 0.0365.
        assert!((found.chance - 0.036_5).abs() < 5e-4, "{found:?}");
        assert_eq!(test(&first, &first).unwrap().superiority, 0.5);
        assert_eq!(test(&first, &Counted::default()), None);
        assert_eq!(test(&counted(&[1.0]), &counted(&[1.0])), None);
    }
}
