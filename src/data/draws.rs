//! Random draws by number, and permutations of any length that need no memory. Pure: the same seed and number give the same draw.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A number that depends on all bits of both.
pub fn mixed(a: u64, b: u64) -> u64 {
    // SplitMix64's finisher, over a sum that keeps (a, b) and (b, a) apart.
    let mut z = a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number for a text, the same on every machine.
pub fn mixed_text(seed: u64, text: &str) -> u64 {
    text.bytes().fold(seed, |all, byte| mixed(all, u64::from(byte)))
}

/// The generator of the `number`-th draw.
pub fn generator(seed: u64, number: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(mixed(seed, number))
}

/// A number from 0 to 1 (1 excluded) for the `number`-th draw.
pub fn fraction(seed: u64, number: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let numerator = (mixed(seed, number) >> 11) as f64;
    numerator / (1u64 << 53) as f64
}

/// An order of the numbers below a length. A Feistel network over the next power of four, whose values beyond the length are sent
/// through again: each place is computed when it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    length: u64,
    half: u32,
    key: u64,
}

/// Rounds of the network; four are the least that make every output bit depend on every input bit.
const ROUNDS: u64 = 6;

impl Permutation {
    /// The order with this key. A length of 0 is taken as 1, and more than 2^62 as that.
    pub fn new(length: u64, key: u64) -> Self {
        let length = length.clamp(1, 1 << 62);
        let bits = (u64::BITS - (length - 1).leading_zeros()).max(2);
        Self { length, half: bits.div_ceil(2), key }
    }

    /// What is at this place.
    pub fn at(&self, place: u64) -> u64 {
        let mask = (1u64 << self.half) - 1;
        let mut value = place % self.length;
        loop {
            let (mut left, mut right) = (value >> self.half, value & mask);
            for round in 0..ROUNDS {
                (left, right) = (right, left ^ (mixed(self.key.wrapping_add(round), right) & mask));
            }
            value = left << self.half | right;
            if value < self.length {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_number_comes_once() {
        for length in (1..70).chain([255, 256, 257, 1000, 4097]) {
            let order = Permutation::new(length, 9);
            let mut all: Vec<u64> = (0..length).map(|i| order.at(i)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..length).collect::<Vec<_>>(), "{length}");
        }
        assert_eq!(Permutation::new(0, 1).at(0), 0);
    }

    #[test]
    fn keys_give_other_orders_and_no_place_is_preferred() {
        let mut first = [0u32; 10];
        for key in 0..10_000 {
            first[usize::try_from(Permutation::new(10, key).at(3)).unwrap()] += 1;
        }
        // 1,000 each with a standard deviation of 30.
        assert!(first.iter().all(|n| (850..1150).contains(n)), "{first:?}");
    }

    #[test]
    fn fractions_are_spread_evenly() {
        let mean = (0..10_000).map(|n| fraction(5, n)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert_ne!(mixed(1, 2), mixed(2, 1));
        assert_ne!(mixed_text(1, "ab"), mixed_text(1, "ba"));
    }

    proptest! {
        #[test]
        fn orders_stay_in_range(length in 1u64..1 << 40, key: u64, place: u64) {
            prop_assert!(Permutation::new(length, key).at(place) < length);
        }
    }
}
