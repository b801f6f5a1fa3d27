//! What of a log may always leave: how long prompts and answers are, and when requests came. Histograms and counts only; memory does not grow
//! with the log.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Lengths up to this have a bin of their own; above, bins are 5 % wide.
const EXACT: u64 = 20;
/// Most intervals the arrivals are counted in; twice as many make each twice as long.
const MOST_INTERVALS: usize = 600;

/// The profile of a log.
#[derive(Debug, Default)]
pub struct Profile {
    input: Lengths,
    output: Lengths,
    arrivals: Arrivals,
    requests: u64,
}

impl Profile {
    /// Counts one request.
    pub(super) fn add(&mut self, input: u64, output: u64, at: Option<f64>) {
        self.requests += 1;
        self.input.add(input);
        self.output.add(output);
        if let Some(at) = at {
            self.arrivals.add(at);
        }
    }

    /// The profile as JSON: `inputTokens` and `outputTokens` are what `dist.histogram` makes of their `bins`.
    pub fn json(&self) -> Value {
        json!({
            "requests": self.requests,
            "inputTokens": self.input.json(),
            "outputTokens": self.output.json(),
            "arrivals": self.arrivals.json(),
        })
    }
}

/// A histogram of whole numbers.
#[derive(Debug, Default)]
struct Lengths {
    /// Requests by the lowest number of their bin.
    bins: BTreeMap<u64, u64>,
    sum: u64,
}

impl Lengths {
    fn add(&mut self, length: u64) {
        *self.bins.entry(bin(length).0).or_default() += 1;
        self.sum = self.sum.saturating_add(length);
    }

    #[allow(clippy::cast_precision_loss)]
    fn json(&self) -> Value {
        let bins: Vec<Value> = self
            .bins
            .iter()
            .map(|(from, count)| json!({ "from": from, "to": bin(*from).1, "weight": count }))
            .collect();
        let requests: u64 = self.bins.values().sum();
        let mean = if requests == 0 { Value::Null } else { json!(self.sum as f64 / requests as f64) };
        json!({ "dist": "histogram", "mean": mean, "bins": bins })
    }
}

/// The bin of a length: from and to, both included.
fn bin(length: u64) -> (u64, u64) {
    let mut from = 0;
    if length <= EXACT {
        return (length, length);
    }
    let mut to = EXACT;
    while to < length {
        from = to + 1;
        to = from + from / 20;
    }
    (from, to)
}

/// How many requests came in each interval of time.
#[derive(Debug)]
struct Arrivals {
    /// Seconds.
    interval: f64,
    /// Requests by number of the interval since the time zero of the log.
    counts: BTreeMap<i64, u64>,
    last: Option<f64>,
    ordered: bool,
    gaps: u64,
    mean: f64,
    squares: f64,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { interval: 1.0, counts: BTreeMap::new(), last: None, ordered: true, gaps: 0, mean: 0.0, squares: 0.0 }
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
impl Arrivals {
    fn add(&mut self, at: f64) {
        if !at.is_finite() || at.abs() > 1e15 {
            return;
        }
        *self.counts.entry((at / self.interval).floor() as i64).or_default() += 1;
        while self.span() > MOST_INTERVALS as u64 {
            self.interval *= 2.0;
            let mut wider: BTreeMap<i64, u64> = BTreeMap::new();
            for (number, count) in &self.counts {
                *wider.entry(number.div_euclid(2)).or_default() += count;
            }
            self.counts = wider;
        }
        if let Some(last) = self.last {
            let gap = at - last;
            self.ordered &= gap >= 0.0;
            // Welford's way: mean and squared deviations in one pass.
            self.gaps += 1;
            let off = gap - self.mean;
            self.mean += off / self.gaps as f64;
            self.squares += off * (gap - self.mean);
        }
        self.last = Some(at);
    }

    /// Intervals from the first to the last.
    fn span(&self) -> u64 {
        match (self.counts.first_key_value(), self.counts.last_key_value()) {
            (Some((first, _)), Some((last, _))) => first.abs_diff(*last) + 1,
            _ => 0,
        }
    }

    fn json(&self) -> Value {
        let (Some((first, _)), Some((last, _))) = (self.counts.first_key_value(), self.counts.last_key_value()) else {
            return Value::Null;
        };
        let counts: Vec<u64> = (*first..=*last).map(|number| self.counts.get(&number).copied().unwrap_or(0)).collect();
        let requests: u64 = counts.iter().sum();
        let peak = counts.iter().max().copied().unwrap_or(0);
        // Between requests of a log that is not in order of time there are no gaps to speak of.
        let known = self.ordered && self.gaps > 1 && self.mean > 0.0;
        let burstiness = known.then(|| (self.squares / self.gaps as f64).sqrt() / self.mean);
        json!({
            "intervalSeconds": self.interval,
            "counts": counts,
            "meanPerSecond": requests as f64 / (counts.len() as f64 * self.interval),
            "peakPerSecond": peak as f64 / self.interval,
            "burstiness": burstiness,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_and_arrivals() {
        let mut profile = Profile::default();
        for (second, input) in [(100, 5), (101, 5), (102, 1000), (104, 1010)] {
            profile.add(input, 1, Some(f64::from(second)));
        }
        profile.add(0, 2, None);
        let json = profile.json();
        assert_eq!(json["requests"], 5);
        let bins = json["inputTokens"]["bins"].as_array().unwrap();
        assert_eq!(bins[0], json!({ "from": 0, "to": 0, "weight": 1 }));
        assert_eq!(bins[1], json!({ "from": 5, "to": 5, "weight": 2 }));
        let total: u64 = bins.iter().map(|bin| bin["weight"].as_u64().unwrap()).sum();
        assert_eq!((total, &json["inputTokens"]["mean"]), (5, &json!(404.0)));
        let arrivals = &json["arrivals"];
        assert_eq!((&arrivals["counts"], &arrivals["intervalSeconds"]), (&json!([1, 1, 1, 0, 1]), &json!(1.0)));
        assert_eq!((&arrivals["meanPerSecond"], &arrivals["peakPerSecond"]), (&json!(0.8), &json!(1.0)));
        assert!((arrivals["burstiness"].as_f64().unwrap() - 0.3536).abs() < 1e-3);
        assert_eq!(Profile::default().json()["arrivals"], Value::Null);
    }

    #[test]
    fn memory_is_bounded_whatever_the_span() {
        let mut profile = Profile::default();
        for at in [0.0, 1e9, -1e9, 5.0, 1e15, f64::NAN] {
            profile.add(1, 1, Some(at));
        }
        for at in 0..100_000 {
            profile.add(at, at * at, Some(at as f64 * 100.0));
        }
        assert!(profile.arrivals.counts.len() <= MOST_INTERVALS && profile.input.bins.len() < 300);
        let counts = profile.json()["arrivals"]["counts"].as_array().unwrap().len();
        assert!(counts <= MOST_INTERVALS, "{counts}");
        assert_eq!(profile.json()["arrivals"]["burstiness"], Value::Null, "not in order");
    }

    proptest! {
        #[test]
        fn a_bin_holds_its_lengths_and_is_narrow(length in 0u64..20_000_000) {
            let (from, to) = bin(length);
            prop_assert!((from..=to).contains(&length));
            prop_assert!((to - from) * 20 <= from.max(1));
            prop_assert_eq!((bin(from), bin(to)), ((from, to), (from, to)));
        }
    }
}
