//! Which kind of request comes next: shares are kept to the request, in blocks whose order is drawn.
//!
//! A block (10 to 100 requests, the fewest that the weights divide evenly) has each kind as often as its weight says; what does not
//! divide evenly is made up in later blocks, so that after any number of blocks no kind is off by more than one request.

use std::sync::{Mutex, PoisonError};

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::draws::generator;

/// Fewest and most requests whose kinds are drawn together: short enough for short runs, long enough to be no pattern.
const BLOCKS: std::ops::RangeInclusive<u64> = 10..=100;

/// Kinds of requests and their shares.
#[derive(Debug)]
pub struct Mixture {
    /// They add up to 1.
    shares: Vec<f64>,
    /// Requests whose kinds are drawn together.
    block: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Of each kind, those of the block that has begun included.
    given: Vec<u64>,
    all: u64,
    /// What is left of the block.
    block: Vec<usize>,
    rng: ChaCha8Rng,
}

impl Mixture {
    /// A mixture of kinds with these weights. `share` tells the instances of a segmented test apart.
    ///
    /// # Errors
    /// Weights that add up to nothing.
    pub fn new(weights: &[f64], seed: u64, share: u64) -> Result<Self, String> {
        let all: f64 = weights.iter().sum();
        if !(all.is_finite() && all > 0.0) || weights.iter().any(|w| *w < 0.0) {
            return Err("the weights must be numbers of at least 0, and not all 0".to_owned());
        }
        let shares: Vec<f64> = weights.iter().map(|weight| weight / all).collect();
        let state = State { given: vec![0; shares.len()], all: 0, block: Vec::new(), rng: generator(seed, share) };
        #[allow(clippy::cast_precision_loss)]
        let even = |n: &u64| shares.iter().all(|s| (s * *n as f64 - (s * *n as f64).round()).abs() < 1e-9);
        let block = BLOCKS.into_iter().find(even).unwrap_or(*BLOCKS.end());
        Ok(Self { shares, block, state: Mutex::new(state) })
    }

    /// The place of the next request's kind.
    pub fn next(&self) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        if state.block.is_empty() {
            state.all += self.block;
            for (kind, count) in due(&self.shares, &state.given, state.all).into_iter().enumerate() {
                state.given[kind] += count;
                state.block.extend(std::iter::repeat_n(kind, usize::try_from(count).unwrap_or_default()));
            }
            state.block.shuffle(&mut state.rng);
        }
        state.block.pop().unwrap_or_default()
    }
}

/// How many of each kind the next block has, so that with it all of them come nearest to their shares of `all`.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn due(shares: &[f64], given: &[u64], all: u64) -> Vec<u64> {
    let block = all - given.iter().sum::<u64>();
    let wanted: Vec<f64> = shares.iter().zip(given).map(|(s, g)| s * all as f64 - *g as f64).collect();
    let mut counts: Vec<u64> = wanted.iter().map(|w| w.max(0.0).floor() as u64).collect();
    loop {
        let has: u64 = counts.iter().sum();
        // Whoever lacks most gets one more, whoever has most beyond its share one less.
        let lacks = |counts: &[u64], at: usize| wanted[at] - counts[at] as f64;
        let kinds = 0..counts.len();
        let at = match has.cmp(&block) {
            std::cmp::Ordering::Equal => return counts,
            std::cmp::Ordering::Less => {
                kinds.filter(|at| shares[*at] > 0.0).max_by(|a, b| lacks(&counts, *a).total_cmp(&lacks(&counts, *b)))
            }
            std::cmp::Ordering::Greater => {
                kinds.filter(|at| counts[*at] > 0).min_by(|a, b| lacks(&counts, *a).total_cmp(&lacks(&counts, *b)))
            }
        };
        let Some(at) = at else { return counts };
        if has < block { counts[at] += 1 } else { counts[at] -= 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(weights: &[f64], taken: usize) -> Vec<usize> {
        let mixture = Mixture::new(weights, 1, 0).unwrap();
        let mut counts = vec![0; weights.len()];
        (0..taken).for_each(|_| counts[mixture.next()] += 1);
        counts
    }

    #[test]
    fn shares_are_exact() {
        assert_eq!(counts(&[7.0, 2.0, 1.0], 1_000), [700, 200, 100]);
        assert_eq!(counts(&[7.0, 2.0, 1.0], 20), [14, 4, 2], "short runs as well");
        assert_eq!(counts(&[1.0, 1.0, 1.0], 300), [100, 100, 100]);
        assert_eq!(counts(&[0.8, 0.15, 0.05], 40), [32, 6, 2]);
        assert_eq!(counts(&[0.0, 5.0], 50), [0, 50]);
        assert_eq!(counts(&[999.0, 1.0], 1_000), [999, 1]);
    }

    #[test]
    fn the_order_is_drawn() {
        let order = |seed, share| {
            let mixture = Mixture::new(&[1.0, 1.0], seed, share).unwrap();
            (0..100).map(|_| mixture.next()).collect::<Vec<_>>()
        };
        assert_eq!(order(1, 0), order(1, 0));
        assert!(order(1, 0) != order(2, 0) && order(1, 0) != order(1, 1));
        let runs = order(1, 0).windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!((30..70).contains(&runs), "{runs} of 99 neighbours are of one kind");
    }

    #[test]
    fn weights_that_are_none() {
        for weights in [&[][..], &[0.0], &[1.0, -1.0], &[f64::NAN], &[f64::INFINITY]] {
            assert!(Mixture::new(weights, 1, 0).is_err(), "{weights:?}");
        }
    }

    proptest! {
        #[test]
        fn never_off_by_more_than_one_after_a_block(
            weights in proptest::collection::vec(0.0f64..10.0, 1..8), blocks in 1usize..40
        ) {
            prop_assume!(weights.iter().sum::<f64>() > 0.0);
            let all: f64 = weights.iter().sum();
            let taken = blocks * Mixture::new(&weights, 1, 0).unwrap().block as usize;
            for (weight, count) in weights.iter().zip(counts(&weights, taken)) {
                let expected = weight / all * taken as f64;
                prop_assert!((count as f64 - expected).abs() <= 1.0 + 1e-6, "{count} instead of {expected}");
            }
        }
    }
}
