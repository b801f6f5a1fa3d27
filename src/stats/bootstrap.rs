//! The bootstrap of quantiles from counted values, without resampling: the rank of a quantile in a resample has a beta distribution.
//!
//! With `n` values, the sample quantile of rank `r` (from 0) of uniform numbers is Beta(r + 1, n - r); put through the values' own
//! distribution function, that is the quantile of a resample. So a draw costs a beta number and a binary search, however many
//! values there are. Several runs of one thing are resampled as runs, since values of one run are more alike than those of two.

use std::collections::HashMap;

use rand::{Rng, RngExt};
use rand_distr::{Beta, Distribution as _};

/// Runs from which on they are resampled themselves: fewer say nothing of how much runs differ.
pub const MIN_RUNS: usize = 3;

/// Ways of picking runs that are kept put together; more are put together anew each time.
const MOST_KNOWN: usize = 500;

/// Counted values in ascending order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    values: Vec<f64>,
    /// Number of values up to and including each.
    up_to: Vec<u64>,
}

impl Counted {
    /// From pairs in ascending order.
    pub fn new(pairs: impl IntoIterator<Item = (f64, u64)>) -> Self {
        let mut counted = Self::default();
        for (value, n) in pairs.into_iter().filter(|(_, n)| *n > 0) {
            let before = counted.len();
            if counted.values.last() == Some(&value) {
                *counted.up_to.last_mut().expect("as long as values") += n;
            } else {
                counted.values.push(value);
                counted.up_to.push(before + n);
            }
        }
        counted
    }

    /// All values of several.
    pub fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut pairs: Vec<(f64, u64)> = all.into_iter().flat_map(Self::pairs).collect();
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        Self::new(pairs)
    }

    /// The values and how often each is there.
    pub fn pairs(&self) -> impl Iterator<Item = (f64, u64)> {
        let before = std::iter::once(0).chain(self.up_to.iter().copied());
        self.values.iter().zip(&self.up_to).zip(before).map(|((value, up_to), before)| (*value, up_to - before))
    }

    /// Number of values.
    pub fn len(&self) -> u64 {
        self.up_to.last().copied().unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.up_to.is_empty()
    }

    /// The value of a rank from 0 on; the last for ranks beyond. 0 without values.
    fn at(&self, rank: u64) -> f64 {
        let place = self.up_to.partition_point(|up_to| *up_to <= rank);
        self.values.get(place).or(self.values.last()).copied().unwrap_or(0.0)
    }

    /// The quantile `q` (0..=1): between the order statistics at `q * (n - 1)`. 0 without values.
    pub fn quantile(&self, q: f64) -> f64 {
        let rank = q.clamp(0.0, 1.0) * self.len().saturating_sub(1) as f64;
        let (low, high) = (self.at(rank.floor() as u64), self.at(rank.ceil() as u64));
        low + (high - low) * rank.fract()
    }

    /// The quantile `q` of a resample.
    fn draw(&self, q: f64, random: &mut impl Rng) -> f64 {
        let n = self.len() as f64;
        let rank = q.clamp(0.0, 1.0) * (n - 1.0).max(0.0);
        let share = Beta::new(rank + 1.0, n - rank).map_or(q, |beta| beta.sample(random));
        self.at((share * n) as u64)
    }
}

/// Quantiles `q` of `draws` resamples of these runs.
pub fn quantiles(runs: &[Counted], q: f64, draws: usize, random: &mut impl Rng) -> Vec<f64> {
    if runs.len() < MIN_RUNS {
        let all = Counted::together(runs);
        return (0..draws).map(|_| all.draw(q, random)).collect();
    }
    // Few runs can be picked in few ways (three in ten): each is put together once.
    let mut together: HashMap<Vec<usize>, Counted> = HashMap::new();
    (0..draws)
        .map(|_| {
            let mut picked: Vec<usize> = runs.iter().map(|_| random.random_range(0..runs.len())).collect();
            picked.sort_unstable();
            let known = together.len() < MOST_KNOWN || together.contains_key(&picked);
            let put = |picked: &[usize]| Counted::together(picked.iter().map(|at| &runs[*at]));
            if known {
                let some = together.entry(picked).or_insert_with_key(|picked| put(picked));
                some.draw(q, random)
            } else {
                put(&picked).draw(q, random)
            }
        })
        .collect()
}

/// Chance of sides this unlike about their common quantile `q` if they were drawn from the same (two-sided): how many values of each
/// lie above it, by the hypergeometric distribution's normal approximation with correction for continuity. 1 without values.
pub fn quantile_chance(first: &Counted, second: &Counted, q: f64) -> f64 {
    let all = Counted::together([first, second]);
    let at = all.quantile(q);
    let above = |counted: &Counted| counted.pairs().filter(|(v, _)| *v > at).map(|(_, n)| n).sum::<u64>();
    share_chance((above(first), first.len()), (above(second), second.len()))
}

/// The same for shares, each as hits of all.
pub fn share_chance(first: (u64, u64), second: (u64, u64)) -> f64 {
    let (hits, n, m, k) = (first.0 as f64, first.1 as f64, second.1 as f64, (first.0 + second.0) as f64);
    let total = n + m;
    let variance = n * m * k * (total - k) / (total * total * (total - 1.0));
    if variance <= 0.0 || !variance.is_finite() {
        return 1.0;
    }
    let off = ((hits - n * k / total).abs() - 0.5).max(0.0);
    two_sided(off / variance.sqrt())
}

/// Shares of `draws` resamples, from `hits` of `n` of each run: Jeffreys' posterior, which knows that none of ten is not never.
pub fn shares(runs: &[(u64, u64)], draws: usize, random: &mut impl Rng) -> Vec<f64> {
    let draw = |hits: u64, n: u64, random: &mut _| {
        let (hits, misses) = (hits as f64, n.saturating_sub(hits) as f64);
        Beta::new(hits + 0.5, misses + 0.5).map_or(0.0, |beta| beta.sample(random))
    };
    let total = |of: &mut dyn Iterator<Item = (u64, u64)>| of.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    (0..draws)
        .map(|_| {
            let (hits, n) = if runs.len() < MIN_RUNS {
                total(&mut runs.iter().copied())
            } else {
                total(&mut (0..runs.len()).map(|_| runs[random.random_range(0..runs.len())]))
            };
            draw(hits, n, random)
        })
        .collect()
}

/// The middle 95 % of differences, and the chance of one at least as far from zero if there were none (two-sided).
pub fn interval(mut differences: Vec<f64>) -> (f64, f64, f64) {
    differences.retain(|d| d.is_finite());
    if differences.is_empty() {
        return (0.0, 0.0, 1.0);
    }
    differences.sort_unstable_by(f64::total_cmp);
    let n = differences.len() as f64;
    let at = |q: f64| super::quantile_sorted(&differences, q).unwrap_or(0.0);
    let below = differences.partition_point(|d| *d < 0.0) as f64;
    let above = n - differences.partition_point(|d| *d <= 0.0) as f64;
    // Half of the draws that see no difference speak for each side.
    let ties = n - below - above;
    let counted = (2.0 * (below + ties / 2.0).min(above + ties / 2.0) / n).max(2.0 / n).min(1.0);
    let chance = if counted > 2.0 / n {
        counted
    } else {
        // No draw on the other side: how unlikely one is, only their spread can say.
        let mean = differences.iter().sum::<f64>() / n;
        let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
        if variance > 0.0 { two_sided(mean / variance.sqrt()).min(counted) } else { 0.0 }
    };
    (at(0.025), at(0.975), chance)
}

/// Chance of a standard normal number at least as far from zero as `z`. Absolute error below 1e-7 (Abramowitz and Stegun 7.1.26).
pub fn two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let sum = series.iter().fold(0.0, |sum, c| (sum + c) * t);
    (sum * (-x * x).exp()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn counted(values: &mut [f64]) -> Counted {
        values.sort_unstable_by(f64::total_cmp);
        Counted::new(values.iter().map(|v| (*v, 1)))
    }

    #[test]
    fn quantiles_of_counted_values() {
        let c = Counted::new([(1.0, 2), (2.0, 1), (2.0, 1), (9.0, 0), (10.0, 1)]);
        assert_eq!(c.len(), 5);
        assert_eq!(c.pairs().collect::<Vec<_>>(), [(1.0, 2), (2.0, 2), (10.0, 1)]);
        assert_eq!([0.0, 0.5, 0.75, 1.0].map(|q| c.quantile(q)), [1.0, 2.0, 2.0, 10.0]);
        assert_eq!(c.quantile(0.875), 6.0);
        assert_eq!(Counted::together([&c, &c]).len(), 10);
        assert_eq!(Counted::default().quantile(0.5), 0.0);
    }

    #[test]
    fn draws_spread_as_resamples_do() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut values: Vec<f64> = (0..400).map(|_| random.random_range(0.0f64..1.0).powi(2)).collect();
        let all = counted(&mut values);
        let mut resampled: Vec<f64> = (0..2_000)
            .map(|_| {
                counted(&mut std::array::from_fn::<f64, 400, _>(|_| values[random.random_range(0..400)])).quantile(0.9)
            })
            .collect();
        let mut drawn = quantiles(&[all], 0.9, 2_000, &mut random);
        resampled.sort_unstable_by(f64::total_cmp);
        drawn.sort_unstable_by(f64::total_cmp);
        for q in [0.05, 0.25, 0.5, 0.75, 0.95] {
            let [r, d] = [&resampled, &drawn].map(|all| crate::stats::quantile_sorted(all, q).unwrap());
            assert!((r - d).abs() < 0.015, "at {q}: {r} resampled, {d} drawn");
        }
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let (mut held, mut wrongly) = (0, 0);
        for _ in 0..400 {
            let mut run = |n: usize| {
                let mut values: Vec<f64> = (0..n).map(|_| -random.random_range(0.0f64..1.0).ln()).collect();
                counted(&mut values)
            };
            let (a, b) = (run(500), run(500));
            let (a, b) = (quantiles(&[a], 0.95, 500, &mut random), quantiles(&[b], 0.95, 500, &mut random));
            let (low, high, chance) = interval(a.iter().zip(&b).map(|(a, b)| b - a).collect());
            held += u32::from(low <= 0.0 && high >= 0.0);
            wrongly += u32::from(chance < 0.05);
        }
        assert!((370..=396).contains(&held), "95 % of 400 are 380: {held}");
        assert!(wrongly <= 32, "5 % of 400 are 20: {wrongly}");
    }

    #[test]
    fn chances_of_alike_sides_are_evenly_spread() {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        for q in [0.5, 0.95] {
            let mut chances = 0;
            for _ in 0..1_000 {
                let mut side = || counted(&mut std::array::from_fn::<f64, 200, _>(|_| random.random_range(0.0..1.0)));
                let (a, b) = (side(), side());
                chances += u32::from(quantile_chance(&a, &b, q) < 0.05);
            }
            assert!((10..=65).contains(&chances), "5 % of 1000 are 50, and never many more: {chances} at {q}");
        }
        let (low, high) = (Counted::new([(1.0, 100)]), Counted::new([(2.0, 100)]));
        assert!(quantile_chance(&low, &high, 0.5) < 1e-6);
        assert_eq!(quantile_chance(&low, &low, 0.5), 1.0);
        // Fisher's exact test, summing both tails of the hypergeometric distribution, gives 0.081.
        let near = share_chance((5, 100), (13, 100));
        assert!((0.05..0.12).contains(&near), "{near}");
        assert_eq!(quantile_chance(&low, &Counted::default(), 0.5), 1.0);
    }

    #[test]
    fn shares_know_that_none_is_not_never() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let none = shares(&[(0, 10)], 4_000, &mut random);
        assert!(none.iter().sum::<f64>() / 4_000.0 > 0.03);
        let runs = shares(&[(1, 100), (30, 100), (2, 100)], 4_000, &mut random);
        let (low, high, _) = interval(runs);
        assert!(low < 0.03 && high > 0.15, "runs that differ leave a wide interval: {low} {high}");
    }

    #[test]
    fn normal_chances() {
        for (z, chance) in [(0.0, 1.0), (1.0, 0.317_310_5), (1.959_964, 0.05), (-3.290_527, 0.001)] {
            assert!((two_sided(z) - chance).abs() < 2e-7, "{z}: {}", two_sided(z));
        }
        assert_eq!(interval(vec![]), (0.0, 0.0, 1.0));
        assert_eq!(interval(vec![2.0; 100]), (2.0, 2.0, 0.0));
        assert_eq!(interval(vec![0.0; 100]).2, 1.0);
    }
}
