//! A histogram with exponential buckets, as Prometheus and OpenTelemetry know them: 8 buckets per power of two, so that a
//! value is known to within 9 %. Memory grows with the orders of magnitude, not with the values.

use std::collections::BTreeMap;

/// Buckets per power of two are 2 to this power.
pub(super) const SCALE: i32 = 3;

/// What counts as zero.
pub(super) const ZERO: f64 = 1e-128;

/// Counts by bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Exponential {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) zero: u64,
    /// Bucket `i` holds values above `2^((i-1)/8)`, up to and including `2^(i/8)`.
    pub(super) positive: BTreeMap<i32, u64>,
    /// The same of the values without their sign.
    pub(super) negative: BTreeMap<i32, u64>,
}

impl Exponential {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        if value.abs() <= ZERO {
            self.zero += 1;
            return;
        }
        let side = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        *side.entry(bucket(value.abs())).or_default() += 1;
    }
}

/// The index of the bucket of a positive value.
fn bucket(value: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "an exponent of a double times 8")]
    let mut index = (value.log2() * f64::from(1 << SCALE)).ceil() as i32;
    // The logarithm is rounded: bounds belong to the bucket below them.
    while value > bound(index) {
        index += 1;
    }
    while value <= bound(index - 1) {
        index -= 1;
    }
    index
}

/// The upper bound of a bucket.
fn bound(index: i32) -> f64 {
    (f64::from(index) / f64::from(1 << SCALE)).exp2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_is_in_its_bucket(value in 1e-100..1e100f64) {
            let index = bucket(value);
            prop_assert!(value <= bound(index) && value > bound(index - 1));
        }
    }

    #[test]
    fn powers_of_two_end_their_bucket() {
        assert_eq!([1.0, 2.0, 4.0, 0.5].map(bucket), [0, 8, 16, -8]);
        let mut all = Exponential::default();
        [0.0, 1.0, -1.0, 1.0, 3.0].into_iter().for_each(|value| all.add(value));
        assert_eq!((all.count, all.sum, all.zero), (5, 4.0, 1));
        assert_eq!((all.positive.values().sum::<u64>(), all.negative.len()), (3, 1));
    }
}
