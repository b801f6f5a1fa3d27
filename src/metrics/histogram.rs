//! The distribution behind a trend: exact while it is small, a high-dynamic-range histogram once it is not.
//!
//! Up to [`EXACT_LIMIT`] values are kept as they are, so that percentiles of short runs equal k6's to the last digit.
//! Beyond, the values move into HDR histograms with 3 significant digits: memory stays constant and every order
//! statistic is off by at most 0.1 % of its value or one unit of resolution, whichever is larger. Count, sum, minimum
//! and maximum are kept apart and stay exact.
//!
//! Resolution: 1 us for times (range up to 1 h without resizing), 1 byte for data, 1e-6 for plain numbers. Values nearer
//! to zero than half a unit count as zero, negative values go into a second histogram by magnitude. Values too large for
//! 63 bits of units share the last bucket (the maximum still is exact). NaN and infinities are refused by `add`.
//!
//! Called by `sink`; it knows nothing of metric names, tags or time.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};

use super::metric::ValueKind;

/// Values kept exactly before the histogram takes over.
pub const EXACT_LIMIT: usize = 10_000;

/// Significant decimal digits of the histogram.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// One hour in microseconds: what a histogram of times holds before it has to grow.
const HOUR_US: u64 = 3_600_000_000;

/// Largest number of units a histogram can record.
const MAX_UNITS: u64 = 1 << 62;

/// Values of one series.
#[derive(Clone, Debug)]
pub struct Distribution {
    contains: ValueKind,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    store: Store,
    /// Percentiles known better than the store tells, of a distribution that was read from a file.
    pinned: Vec<(f64, f64)>,
}

/// A distribution as it stands in a file: histograms of HdrHistogram's V2 format, compressed, that add up with others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// Number of values.
    pub count: u64,
    /// Exact sum.
    pub sum: f64,
    /// Exact smallest value.
    pub min: f64,
    /// Exact largest value.
    pub max: f64,
    /// Percentiles (0..=100) as they were told.
    pub percentiles: Vec<(f64, f64)>,
    /// Values from zero on, in units of [`units_per_value`].
    pub positive: Vec<u8>,
    /// Magnitudes of those below.
    pub negative: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Store {
    Exact { values: Vec<f64>, sorted: bool },
    Hdr { positive: Box<Histogram<u64>>, negative: Option<Box<Histogram<u64>>> },
}

impl Distribution {
    /// An empty distribution; the kind of value decides the histogram's resolution.
    pub fn new(contains: ValueKind) -> Self {
        let store = Store::Exact { values: Vec::new(), sorted: true };
        Self { contains, count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, store, pinned: Vec::new() }
    }

    /// Adds a value. False, and nothing changed, when it is NaN or infinite.
    pub fn add(&mut self, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        self.pinned.clear();
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        let scale = scale(self.contains);
        match &mut self.store {
            Store::Exact { values, sorted } => {
                *sorted = *sorted && values.last().is_none_or(|last| *last <= value);
                values.push(value);
                if values.len() > EXACT_LIMIT {
                    self.spill();
                }
            }
            Store::Hdr { positive, negative } => record(positive, negative, self.contains, value * scale),
        }
        true
    }

    /// Adds all values of another distribution of the same kind of value.
    pub fn merge(&mut self, other: &Self) {
        self.pinned.clear();
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if let (Store::Exact { values, sorted }, Store::Exact { values: more, .. }) = (&mut self.store, &other.store) {
            *sorted = *sorted && more.is_empty();
            values.extend_from_slice(more);
            if values.len() > EXACT_LIMIT {
                self.spill();
            }
            return;
        }
        self.spill();
        let scale = scale(self.contains);
        let Store::Hdr { positive, negative } = &mut self.store else { return };
        match &other.store {
            Store::Exact { values, .. } => {
                for value in values {
                    record(positive, negative, self.contains, value * scale);
                }
            }
            Store::Hdr { positive: p, negative: n } => {
                absorb(positive, p);
                if let Some(n) = n {
                    absorb(negative.get_or_insert_with(|| new_histogram(self.contains)), n);
                }
            }
        }
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Exact sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Exact smallest value; 0 when empty, as k6 prints it.
    pub fn min(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.min }
    }

    /// Exact largest value; 0 when empty.
    pub fn max(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.max }
    }

    /// Exact mean; 0 when empty.
    pub fn avg(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// Whether percentiles are exact, not read from the histogram.
    pub fn is_exact(&self) -> bool {
        matches!(self.store, Store::Exact { .. })
    }

    /// Sorts the exact values, so that following calls of [`Distribution::percentile`] are cheap.
    pub fn sort(&mut self) {
        if let Store::Exact { values, sorted } = &mut self.store
            && !*sorted
        {
            values.sort_unstable_by(f64::total_cmp);
            *sorted = true;
        }
    }

    /// The percentile `p` (0..=100) by k6's rule: with `i = p / 100 * (n - 1)`, the order statistics at `floor(i)` and
    /// `ceil(i)` mixed by the fraction of `i`. 0 when empty.
    pub fn percentile(&self, p: f64) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        if let Some((_, value)) = self.pinned.iter().find(|(known, _)| *known == p) {
            return *value;
        }
        let at = (p / 100.0).clamp(0.0, 1.0) * (self.count - 1) as f64;
        let (low_rank, high_rank) = (at.floor() as u64, at.ceil() as u64);
        let (low, high) = match &self.store {
            Store::Exact { values, sorted: true } => (values[low_rank as usize], values[high_rank as usize]),
            Store::Exact { values, .. } => {
                let mut copy = values.clone();
                copy.sort_unstable_by(f64::total_cmp);
                (copy[low_rank as usize], copy[high_rank as usize])
            }
            Store::Hdr { positive, negative } => {
                let order = |rank| self.order_statistic(positive, negative.as_deref(), rank);
                let low = order(low_rank);
                (low, if high_rank == low_rank { low } else { order(high_rank) })
            }
        };
        low + (high - low) * at.fract()
    }

    /// The distribution for a file, with these percentiles as they are told now.
    pub fn encode(&self, percentiles: &[f64]) -> Encoded {
        let mut binned = self.clone();
        binned.spill();
        let Store::Hdr { positive, negative } = &binned.store else { return Encoded::default() };
        Encoded {
            count: self.count,
            sum: self.sum,
            min: self.min(),
            max: self.max(),
            percentiles: percentiles.iter().map(|p| (*p, self.percentile(*p))).collect(),
            positive: compressed(positive),
            negative: negative.as_deref().map(compressed),
        }
    }

    /// A distribution from a file. It tells the percentiles that came with it as they were, others from the histogram.
    ///
    /// # Errors
    /// What is wrong: bytes that are no histogram, or figures that do not fit together.
    pub fn decode(contains: ValueKind, from: Encoded) -> Result<Self, String> {
        let mut positive = new_histogram(contains);
        absorb(&mut positive, &expanded(&from.positive)?);
        let negative = from.negative.as_deref().map(expanded).transpose()?.map(|read| {
            let mut negative = new_histogram(contains);
            absorb(&mut negative, &read);
            negative
        });
        let held = positive.len() + negative.as_deref().map_or(0, Histogram::len);
        if held != from.count {
            return Err(format!("its histogram holds {held} values, and it says {}", from.count));
        }
        let finite = [from.sum, from.min, from.max].into_iter().chain(from.percentiles.iter().flat_map(|p| [p.0, p.1]));
        if from.min > from.max || finite.into_iter().any(|f| !f.is_finite()) {
            return Err("its smallest and largest value do not fit together".to_owned());
        }
        let (min, max) = if held == 0 { (f64::INFINITY, f64::NEG_INFINITY) } else { (from.min, from.max) };
        let store = Store::Hdr { positive, negative };
        Ok(Self { contains, count: held, sum: from.sum, min, max, store, pinned: from.percentiles })
    }

    /// The distinct values in ascending order with their numbers: the values themselves, or the middles of the histogram's buckets.
    pub fn counts(&self) -> Vec<(f64, u64)> {
        let scale = scale(self.contains);
        match &self.store {
            Store::Exact { values, .. } => {
                let mut sorted = values.clone();
                sorted.sort_unstable_by(f64::total_cmp);
                let runs = sorted.chunk_by(|a, b| a == b);
                runs.map(|run| (run[0], run.len() as u64)).collect()
            }
            Store::Hdr { positive, negative } => {
                let middle = |h: &Histogram<u64>, units: u64| h.median_equivalent(units) as f64 / scale;
                let of = |h: &Histogram<u64>, sign: f64| -> Vec<(f64, u64)> {
                    h.iter_recorded()
                        .map(|b| (sign * middle(h, b.value_iterated_to()), b.count_at_value()))
                        .map(|(value, n)| (value.clamp(self.min, self.max), n))
                        .collect()
                };
                let mut all: Vec<(f64, u64)> = negative.as_deref().map(|h| of(h, -1.0)).unwrap_or_default();
                all.reverse();
                all.extend(of(positive, 1.0));
                all
            }
        }
    }

    /// The value of rank `rank` (from 0), within the histogram's error.
    fn order_statistic(&self, positive: &Histogram<u64>, negative: Option<&Histogram<u64>>, rank: u64) -> f64 {
        if rank == 0 {
            return self.min;
        }
        if rank + 1 >= self.count {
            return self.max;
        }
        let below_zero = negative.map_or(0, Histogram::len);
        let units = match negative {
            Some(negative) if rank < below_zero => -nth(negative, below_zero - 1 - rank),
            _ => nth(positive, rank - below_zero),
        };
        (units / scale(self.contains)).clamp(self.min, self.max)
    }

    /// Moves exact values into the histograms.
    fn spill(&mut self) {
        let Store::Exact { values, .. } = &mut self.store else { return };
        let values = std::mem::take(values);
        let scale = scale(self.contains);
        let mut positive = new_histogram(self.contains);
        let mut negative = None;
        for value in values {
            record(&mut positive, &mut negative, self.contains, value * scale);
        }
        self.store = Store::Hdr { positive, negative };
    }
}

/// A histogram as the bytes of HdrHistogram's compressed V2 format.
fn compressed(histogram: &Histogram<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("a vector takes everything");
    bytes
}

fn expanded(bytes: &[u8]) -> Result<Histogram<u64>, String> {
    let mut rest = bytes;
    Deserializer::new().deserialize(&mut rest).map_err(|e| format!("its histogram is broken: {e}"))
}

/// Units of a histogram per unit of a value: microseconds of milliseconds, bytes, millionths.
pub fn units_per_value(contains: ValueKind) -> f64 {
    scale(contains)
}

/// Units of resolution per unit of value.
fn scale(contains: ValueKind) -> f64 {
    match contains {
        ValueKind::Time => 1e3, // ms -> us
        ValueKind::Data => 1.0,
        ValueKind::Default => 1e6,
    }
}

fn new_histogram(contains: ValueKind) -> Box<Histogram<u64>> {
    let high = if contains == ValueKind::Time { HOUR_US } else { 1_000_000 };
    let mut histogram =
        Histogram::new_with_bounds(1, high, SIGNIFICANT_DIGITS).expect("1, high and 3 digits are valid bounds");
    histogram.auto(true);
    Box::new(histogram)
}

fn record(positive: &mut Histogram<u64>, negative: &mut Option<Box<Histogram<u64>>>, contains: ValueKind, units: f64) {
    // `as` saturates, so a huge value lands in the last bucket instead of wrapping.
    let magnitude = (units.abs().round() as u64).min(MAX_UNITS);
    let histogram =
        if units < 0.0 && magnitude > 0 { negative.get_or_insert_with(|| new_histogram(contains)) } else { positive };
    if histogram.record(magnitude).is_err() {
        histogram.saturating_record(magnitude); // cannot happen: it resizes, and MAX_UNITS is within its range
    }
}

fn absorb(into: &mut Histogram<u64>, from: &Histogram<u64>) {
    into.add(from).expect("an auto-resizing histogram takes any other");
}

/// The recorded value of rank `rank` (from 0) as the middle of its bucket.
fn nth(histogram: &Histogram<u64>, rank: u64) -> f64 {
    let mut seen = 0;
    for bucket in histogram.iter_recorded() {
        seen += bucket.count_at_value();
        if seen > rank {
            return histogram.median_equivalent(bucket.value_iterated_to()) as f64;
        }
    }
    histogram.max() as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_tell_what_was_told_before() {
        for n in [0, 1, 500, EXACT_LIMIT + 5_000] {
            let values: Vec<f64> = (0..n).map(|i| f64::from(i as u32 % 7_919) * 0.731 - 400.0).collect();
            let before = filled(ValueKind::Time, &values);
            let after = Distribution::decode(ValueKind::Time, before.encode(&[50.0, 99.0])).unwrap();
            for figure in [Distribution::avg, Distribution::min, Distribution::max, Distribution::sum] {
                assert_eq!(figure(&after), figure(&before));
            }
            assert_eq!(after.count(), before.count());
            assert_eq!(after.percentile(99.0), before.percentile(99.0), "as it was told");
            let (told, known) = (after.percentile(75.0), before.percentile(75.0));
            assert!((told - known).abs() <= known.abs() * 1e-3 + 1e-3, "{told} for {known}");
            let mut both = after.clone();
            both.merge(&before);
            assert_eq!(both.count(), 2 * before.count());
            let counted = after.counts();
            assert_eq!(counted.iter().map(|(_, n)| n).sum::<u64>(), before.count());
            assert!(counted.is_sorted_by(|a, b| a.0 <= b.0));
        }
    }

    #[test]
    fn broken_files_are_refused() {
        let good = filled(ValueKind::Time, &[1.0, 2.0]).encode(&[]);
        let with = |change: fn(&mut Encoded)| {
            let mut bad = good.clone();
            change(&mut bad);
            Distribution::decode(ValueKind::Time, bad)
        };
        assert!(with(|_| {}).is_ok());
        assert!(with(|e| e.count = 3).unwrap_err().contains("holds 2 values"));
        assert!(with(|e| e.positive.truncate(9)).unwrap_err().contains("broken"));
        assert!(with(|e| e.positive = b"garbage".to_vec()).is_err());
        assert!(with(|e| e.min = 5.0).is_err());
        assert!(with(|e| e.sum = f64::NAN).is_err());
    }

    fn filled(contains: ValueKind, values: &[f64]) -> Distribution {
        let mut d = Distribution::new(contains);
        for v in values {
            assert!(d.add(*v));
        }
        d
    }

    /// The exact percentile, and the larger magnitude of the two order statistics it is mixed from.
    fn exact(values: &[f64], p: f64) -> (f64, f64) {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = p / 100.0 * (sorted.len() - 1) as f64;
        let (a, b) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
        (a + (b - a) * at.fract(), a.abs().max(b.abs()))
    }

    #[test]
    fn small_series_equal_k6_exactly() {
        let values: Vec<f64> = (0..EXACT_LIMIT).map(|i| ((i * 7919) % EXACT_LIMIT) as f64 * 0.37).collect();
        let mut d = filled(ValueKind::Time, &values);
        assert!(d.is_exact());
        for p in [0.0, 1.0, 50.0, 90.0, 95.0, 99.0, 99.99, 100.0] {
            assert_eq!(d.percentile(p), exact(&values, p).0, "p({p}) unsorted");
        }
        d.sort();
        assert_eq!(d.percentile(95.0), exact(&values, 95.0).0);
    }

    #[test]
    fn one_more_value_and_the_histogram_takes_over() {
        let values: Vec<f64> = (0..=EXACT_LIMIT).map(|i| i as f64).collect();
        let d = filled(ValueKind::Time, &values);
        assert!(!d.is_exact());
        assert_eq!((d.min(), d.max(), d.count()), (0.0, EXACT_LIMIT as f64, EXACT_LIMIT as u64 + 1));
        assert_eq!(d.avg(), EXACT_LIMIT as f64 / 2.0);
        assert_eq!((d.percentile(0.0), d.percentile(100.0)), (0.0, EXACT_LIMIT as f64));
        let p95 = d.percentile(95.0);
        assert!((p95 - 9_500.0).abs() <= 9.5, "{p95}");
    }

    #[test]
    fn negative_tiny_and_huge_values_have_their_place() {
        let mut values = vec![-5_000.0; 6_000];
        values.extend(std::iter::repeat_n(1e-9, 6_000)); // below the resolution: counts as zero
        values.extend(std::iter::repeat_n(1e300, 10));
        let d = filled(ValueKind::Default, &values);
        assert_eq!(d.min(), -5_000.0);
        assert_eq!(d.max(), 1e300);
        assert!((d.percentile(10.0) + 5_000.0).abs() <= 5.0);
        assert_eq!(d.percentile(75.0), 0.0);
        assert!(d.percentile(99.95) > 1e12);
        assert!(!Distribution::new(ValueKind::Default).add(f64::NAN));
        assert!(!Distribution::new(ValueKind::Default).add(f64::INFINITY));
    }

    #[test]
    fn times_beyond_an_hour_are_not_cut() {
        let d = filled(ValueKind::Time, &vec![7_200_000.0; EXACT_LIMIT + 5]);
        assert!((d.percentile(50.0) - 7_200_000.0).abs() < 7_200.0);
    }

    #[test]
    fn an_empty_distribution_is_zero() {
        let d = Distribution::new(ValueKind::Time);
        assert_eq!((d.min(), d.max(), d.avg(), d.percentile(95.0)), (0.0, 0.0, 0.0, 0.0));
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![-1e6..1e6f64, 0.0..1.0f64, Just(0.0), (0.0..16.0f64).prop_map(|e| 10f64.powf(e) / 1e6)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_error_bound_holds(
            seed in proptest::collection::vec(value(), 50..200),
            p in 0.0..100.0f64,
            contains in prop_oneof![Just(ValueKind::Time), Just(ValueKind::Default), Just(ValueKind::Data)],
        ) {
            let values: Vec<f64> = (0..EXACT_LIMIT + 200).map(|i| seed[i % seed.len()] * (1.0 + i as f64 * 1e-5)).collect();
            let d = filled(contains, &values);
            prop_assert!(!d.is_exact());
            let (want, magnitude) = exact(&values, p);
            let bound = magnitude * 1e-3 + 1.0 / scale(contains);
            prop_assert!((d.percentile(p) - want).abs() <= bound, "p({}) = {} instead of {}", p, d.percentile(p), want);
        }

        #[test]
        fn merging_equals_adding(
            a in proptest::collection::vec(value(), 0..100),
            b in proptest::collection::vec(value(), 1..100),
            big_a in any::<bool>(),
            big_b in any::<bool>(),
        ) {
            let repeat = |v: &[f64], big: bool| -> Vec<f64> {
                if big { v.iter().copied().cycle().take(if v.is_empty() { 0 } else { 10_050 }).collect() } else { v.to_vec() }
            };
            let (a, b) = (repeat(&a, big_a), repeat(&b, big_b));
            let mut merged = filled(ValueKind::Time, &a);
            merged.merge(&filled(ValueKind::Time, &b));
            let all: Vec<f64> = a.iter().chain(&b).copied().collect();
            let one = filled(ValueKind::Time, &all);
            prop_assert_eq!(merged.count(), one.count());
            prop_assert_eq!(merged.is_exact(), one.is_exact());
            for p in [0.0, 10.0, 50.0, 95.0, 100.0] {
                prop_assert_eq!(merged.percentile(p), one.percentile(p));
            }
        }
    }
}
