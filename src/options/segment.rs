//! Execution segments: which part of a test this instance runs, decided without talking to the others.
//!
//! All work is numbered from 0 (VUs, iterations, arrivals), and the numbers are dealt out in a repeating pattern as long as the
//! least common denominator of the segments' lengths. Every instance computes the same pattern and takes its own numbers, so sums over all
//! instances are exact and every number is run once. Pure; used by the executors, the plan and `vu.idInTest`.

use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::sync::Arc;

/// Longest pattern: every instance holds it in memory, and longer ones come from decimals such as 0.3333333 that mean 1/3.
const MAX_PATTERN: u64 = 1_000_000;

/// A fraction of the test, 0..=1, reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    num: u64,
    den: u64,
}

impl Share {
    const ZERO: Share = Share { num: 0, den: 1 };
    const ONE: Share = Share { num: 1, den: 1 };

    fn new(num: u64, den: u64) -> Option<Self> {
        if den == 0 || num > den {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// Reads `1/3`, `0.25`, `25%` or `1`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((num, den)) = text.split_once('/') {
            return Self::new(num.trim().parse().ok()?, den.trim().parse().ok()?);
        }
        let (text, percent) = match text.strip_suffix('%') {
            Some(number) => (number.trim(), 100),
            None => (text, 1),
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && decimals.is_empty()) || !digits(whole) || !digits(decimals) {
            return None;
        }
        let den = 10u64.checked_pow(u32::try_from(decimals.len()).ok()?)?.checked_mul(percent)?;
        Self::new(format!("{whole}{decimals}").parse().ok()?, den)
    }

    fn cmp(self, other: Self) -> Ordering {
        (u128::from(self.num) * u128::from(other.den)).cmp(&(u128::from(other.num) * u128::from(self.den)))
    }

    /// `self - lower`; None when the arithmetic leaves 64 bits.
    fn minus(self, lower: Self) -> Option<Self> {
        let num =
            (u128::from(self.num) * u128::from(lower.den)).checked_sub(u128::from(lower.num) * u128::from(self.den))?;
        let den = u128::from(self.den) * u128::from(lower.den);
        let divisor = gcd128(num, den);
        Some(Self { num: u64::try_from(num / divisor).ok()?, den: u64::try_from(den / divisor).ok()? })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 { write!(f, "{}", self.num) } else { write!(f, "{}/{}", self.num, self.den) }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

fn gcd128(a: u128, b: u128) -> u128 {
    if b == 0 { a.max(1) } else { gcd128(b, a % b) }
}

/// Numbers of one instance: a pattern of positions that repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stripe {
    /// Length of the pattern.
    length: u64,
    /// Our positions in it, ascending; never empty.
    slots: Arc<[u64]>,
}

impl Default for Stripe {
    fn default() -> Self {
        Self { length: 1, slots: Arc::from([0]) }
    }
}

impl Stripe {
    /// Our share of all numbers, above 0 and up to 1.
    pub fn share(&self) -> f64 {
        self.slots.len() as f64 / self.length as f64
    }

    /// How many of the first `n` numbers are ours.
    pub fn scale(&self, n: u64) -> u64 {
        let rest = n % self.length;
        (n / self.length) * self.slots.len() as u64 + self.slots.partition_point(|slot| *slot < rest) as u64
    }

    /// The number in the whole test of our `k`-th (both from 0).
    pub fn global(&self, k: u64) -> u64 {
        let ours = self.slots.len() as u64;
        let at = usize::try_from(k % ours).unwrap_or_default();
        (k / ours).saturating_mul(self.length).saturating_add(self.slots[at])
    }
}

/// The segments of a test, and which one is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segmentation {
    /// Positions of the pattern that each segment has.
    units: Vec<u64>,
    own: usize,
    /// Which segment has each position of the pattern.
    owners: Arc<[u32]>,
    stripe: Stripe,
}

impl Default for Segmentation {
    fn default() -> Self {
        Self { units: vec![1], own: 0, owners: Arc::from([0]), stripe: Stripe::default() }
    }
}

impl Segmentation {
    /// From the texts of `executionSegment` (`0:1/3`; `1/3` is the same) and `executionSegmentSequence` (`0,1/3,2/3,1`).
    ///
    /// # Errors
    /// What is wrong, and how to mend it.
    pub fn parse(segment: Option<&str>, sequence: Option<&str>) -> Result<Self, (String, &'static str)> {
        const FORM: &str = "write from:to with fractions, decimals or percentages, for example 1/3:2/3";
        let set = |text: &&str| !text.trim().is_empty();
        let (segment, sequence) = (segment.filter(set), sequence.filter(set));
        let (from, to) = match segment {
            None => (Share::ZERO, Share::ONE),
            Some(text) => {
                let (from, to) = text.split_once(':').unwrap_or(("0", text));
                match (Share::parse(from), Share::parse(to)) {
                    (Some(from), Some(to)) if from.cmp(to) == Ordering::Less => (from, to),
                    (Some(_), Some(_)) => {
                        return Err((format!("segment '{text}' is empty: its end is not beyond its start"), FORM));
                    }
                    _ => return Err((format!("'{text}' is not a segment of 0 to 1"), FORM)),
                }
            }
        };
        let bounds = match sequence {
            Some(text) => bounds(text)?,
            // The rest of the test, before and after, stands for the other instances.
            None => {
                let mut bounds = vec![Share::ZERO, from, to, Share::ONE];
                bounds.dedup();
                bounds
            }
        };
        let Some(own) = bounds.windows(2).position(|pair| pair[0] == from && pair[1] == to) else {
            return Err((
                format!("the segment {from}:{to} is not part of the sequence {}", joined(&bounds)),
                "give the segment between two neighbours of executionSegmentSequence",
            ));
        };
        Self::of_bounds(&bounds, own)
    }

    fn of_bounds(bounds: &[Share], own: usize) -> Result<Self, (String, &'static str)> {
        let too_fine = || {
            (
                format!("the segments {} need a pattern of more than {MAX_PATTERN} steps", joined(bounds)),
                "use simple fractions such as 1/3 instead of decimals",
            )
        };
        let lengths: Option<Vec<Share>> = bounds.windows(2).map(|pair| pair[1].minus(pair[0])).collect();
        let lengths = lengths.ok_or_else(too_fine)?;
        let mut pattern: u64 = 1;
        for length in &lengths {
            pattern = (pattern / gcd(pattern, length.den))
                .checked_mul(length.den)
                .filter(|n| *n <= MAX_PATTERN)
                .ok_or_else(too_fine)?;
        }
        Ok(Self::of_units(lengths.iter().map(|l| l.num * (pattern / l.den)).collect(), own))
    }

    /// Deals the positions of a pattern: each goes to the longest segment that has had no more than its share of those before.
    fn of_units(units: Vec<u64>, own: usize) -> Self {
        let length: u64 = units.iter().sum();
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.sort_by_key(|at| Reverse(units[*at]));
        let mut had = vec![0u64; units.len()];
        let mut owners = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        for position in 0..length {
            // The shares add up to `position`, so somebody has had no more than its share.
            let due =
                |at: &usize| u128::from(position) * u128::from(units[*at]) >= u128::from(had[*at]) * u128::from(length);
            let at = order.iter().copied().find(|at| due(at)).unwrap_or(own);
            had[at] += 1;
            owners.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        let slots: Arc<[u64]> = (0..length).zip(&owners).filter(|(_, o)| **o as usize == own).map(|(p, _)| p).collect();
        Self { units, own, owners: owners.into(), stripe: Stripe { length, slots } }
    }

    /// Whether this instance runs the whole test.
    pub fn is_whole(&self) -> bool {
        self.units.len() == 1
    }

    /// Our share of work that every instance takes part in.
    pub fn stripe(&self) -> &Stripe {
        &self.stripe
    }

    /// Our share of work that is done by `vus` VUs of the whole test: instances that get none of the VUs get none of the work
    /// either, so the others take it over. None when we are one of those.
    pub fn for_vus(&self, vus: u64) -> Option<Stripe> {
        if self.is_whole() {
            return (vus > 0).then(Stripe::default);
        }
        let length = self.owners.len() as u64;
        let mut counts: Vec<u64> = self.units.iter().map(|units| (vus / length) * units).collect();
        let rest = usize::try_from(vus % length).unwrap_or_default();
        for owner in &self.owners[..rest] {
            counts[*owner as usize] += 1;
        }
        if counts[self.own] == 0 {
            return None;
        }
        let divisor = counts.iter().copied().filter(|n| *n > 0).fold(0, gcd);
        let own = counts[..self.own].iter().filter(|n| **n > 0).count();
        let units = counts.into_iter().filter(|n| *n > 0).map(|n| n / divisor).collect();
        Some(Self::of_units(units, own).stripe)
    }
}

fn bounds(text: &str) -> Result<Vec<Share>, (String, &'static str)> {
    const FORM: &str = "write all boundaries from 0 to 1, for example 0,1/3,2/3,1";
    let parsed: Option<Vec<Share>> = text.split(',').map(Share::parse).collect();
    let Some(mut bounds) = parsed else {
        return Err((format!("'{text}' is not a sequence of segments"), FORM));
    };
    if bounds.len() < 2 {
        return Err((format!("the sequence '{text}' has no segment: it needs two boundaries"), FORM));
    }
    if bounds.windows(2).any(|pair| pair[0].cmp(pair[1]) != Ordering::Less) {
        return Err((format!("the boundaries of the sequence '{text}' do not ascend"), FORM));
    }
    // What is left out at the ends stands for one more instance each, as in k6.
    if bounds[0] != Share::ZERO {
        bounds.insert(0, Share::ZERO);
    }
    if bounds[bounds.len() - 1] != Share::ONE {
        bounds.push(Share::ONE);
    }
    Ok(bounds)
}

fn joined(bounds: &[Share]) -> String {
    bounds.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(segment: &str, sequence: &str) -> Segmentation {
        Segmentation::parse(Some(segment), Some(sequence)).unwrap()
    }

    #[test]
    fn forms_of_a_segment() {
        assert!(Segmentation::parse(None, None).unwrap().is_whole());
        assert!(Segmentation::parse(Some(""), Some("0,1")).unwrap().is_whole());
        let third = of("1/3", "0,1/3,2/3,1");
        assert_eq!(third, of("0:1/3", "0, 1/3, 2/3, 1"));
        assert_eq!(of("25%:0.5", "0,0.25,1/2,1"), of("1/4:50%", "0,1/4,.5,1"));
        for (segment, sequence, text) in [
            ("1/2:1/3", "", "is empty"),
            ("0:2", "", "not a segment"),
            ("a:b", "", "not a segment"),
            ("0:1/2", "0,1/3,1", "not part of the sequence 0,1/3,1"),
            ("0:1", "0,1/3,1", "not part"),
            ("0:1/3", "1/2,1", "not part of the sequence 0,1/2,1"),
            ("0:1/2", "1/2", "needs two boundaries"),
            ("0:1/2", "0,1/2,1/3,1", "do not ascend"),
            ("0:1/2", "0,x,1", "not a sequence"),
            ("0:0.3333333333333", "", "more than 1000000 steps"),
            ("1/18446744073709551615:18446744073709551614/18446744073709551615", "", "steps"),
        ] {
            let error = Segmentation::parse(Some(segment), Some(sequence)).unwrap_err();
            assert!(error.0.contains(text), "{segment} {sequence}: {}", error.0);
        }
    }

    #[test]
    fn thirds_take_turns() {
        let numbers = |s: &Segmentation| (0..4).map(|k| s.stripe().global(k)).collect::<Vec<_>>();
        assert_eq!(numbers(&of("0:1/3", "0,1/3,2/3,1")), [0, 3, 6, 9]);
        assert_eq!(numbers(&of("2/3:1", "0,1/3,2/3,1")), [2, 5, 8, 11]);
        assert_eq!(of("0:1/3", "0,1/3,2/3,1").stripe().scale(4), 2);
        // Half of the test is every second number, wherever the other parts are cut.
        assert_eq!(numbers(&of("1/4:3/4", "0,1/4,3/4,1")), [0, 2, 4, 6]);
    }

    /// Patterns as k6 computes them, so that instances of k6 could do the other parts.
    #[test]
    fn the_pattern_is_k6s() {
        let tenths = "0,0.3,0.5,0.6,0.7,0.8,0.9,1";
        for (segment, sequence, length, slots) in [
            ("0:0.3", tenths, 10, &[0, 4, 7][..]),
            ("0.3:0.5", tenths, 10, &[1, 5]),
            ("0.6:0.7", tenths, 10, &[3]),
            ("0.8:0.9", tenths, 10, &[8]),
            ("0:0.2", "0,0.2,0.5,0.6,0.7,0.8,0.9,1", 10, &[1, 5]),
            ("0:0.2", "0,0.2,0.5", 10, &[3, 9]),
            ("0.2:0.5", "0,0.2,0.5", 10, &[1, 5, 7]),
            ("2/5:4/5", "0,2/5,4/5", 5, &[1, 4]),
            ("0:2/10", "", 5, &[1]),
            ("0:0.4", "", 5, &[1, 3]),
            ("2/5:4/5", "", 5, &[1, 4]),
            ("1/10:5/10", "", 10, &[1, 3, 5, 9]),
        ] {
            let expected = Stripe { length, slots: slots.into() };
            assert_eq!(of(segment, sequence).stripe(), &expected, "{segment} of {sequence}");
        }
        let thirds = ["0:1/3", "1/3:2/3", "2/3:1"].map(|s| of(s, "0,1/3,2/3,1"));
        let recut = |vus: u64| thirds.clone().map(|s| s.for_vus(vus).map(|stripe| stripe.scale(50)));
        assert_eq!(recut(20), [Some(18), Some(17), Some(15)]);
        assert_eq!(recut(2), [Some(25), Some(25), None]);
        assert_eq!(recut(1), [Some(50), None, None]);
    }

    #[test]
    fn instances_without_vus_leave_the_work_to_the_others() {
        let sequence = "0,1/4,2/4,3/4,1";
        let shares: Vec<_> = ["0:1/4", "1/4:1/2", "1/2:3/4", "3/4:1"].map(|s| of(s, sequence).for_vus(2)).to_vec();
        assert_eq!(shares.iter().filter(|s| s.is_some()).count(), 2);
        let total: u64 = shares.iter().flatten().map(|s| s.scale(101)).sum();
        assert_eq!(total, 101);
        assert!(Segmentation::default().for_vus(0).is_none());
    }

    /// All instances of a test whose segments have these lengths.
    fn cut(lengths: &[u64]) -> Vec<Segmentation> {
        let whole: u64 = lengths.iter().sum();
        let mut bounds = vec!["0".to_owned()];
        let mut at = 0;
        for length in lengths {
            at += length;
            bounds.push(format!("{at}/{whole}"));
        }
        let sequence = bounds.join(",");
        bounds.windows(2).map(|pair| of(&format!("{}:{}", pair[0], pair[1]), &sequence)).collect()
    }

    proptest! {
        #[test]
        fn every_number_belongs_to_exactly_one_instance(
            lengths in proptest::collection::vec(1u64..20, 1..8), n in 0u64..500, vus in 0u64..60,
        ) {
            let instances = cut(&lengths);
            let mut numbers: Vec<u64> = Vec::new();
            for instance in &instances {
                let stripe = instance.stripe();
                numbers.extend((0..stripe.scale(n)).map(|k| stripe.global(k)));
                prop_assert!(stripe.global(stripe.scale(n)) >= n);
                // A longer segment never falls behind its share by a whole number.
                let share = n as f64 * stripe.slots.len() as f64 / stripe.length as f64;
                prop_assert!((stripe.scale(n) as f64 - share).abs() < lengths.len() as f64);
            }
            numbers.sort_unstable();
            prop_assert_eq!(&numbers, &(0..n).collect::<Vec<_>>());
            let mut recut: Vec<u64> = Vec::new();
            for instance in &instances {
                let mine = instance.for_vus(vus);
                prop_assert_eq!(mine.is_some(), instance.stripe().scale(vus) > 0);
                if let Some(stripe) = mine {
                    recut.extend((0..stripe.scale(n)).map(|k| stripe.global(k)));
                }
            }
            recut.sort_unstable();
            prop_assert_eq!(recut, (0..if vus == 0 { 0 } else { n }).collect::<Vec<_>>());
        }
    }
}
