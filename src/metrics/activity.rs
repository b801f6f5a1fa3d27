//! Tokens per second, concurrency and goodput of a run, from the activity of its model calls.
//!
//! Output tokens are counted in the second they arrived in, not when their call ended. The window reaches from the
//! start of the first call to the end of the last one. Seconds are counted from the start of the first call reported.
//! A long run costs three numbers per second; starts and ends are kept for the first [`EXACT_PEAK_CALLS`] calls, so
//! that the peak of concurrency is exact that far and the largest 1-s mean beyond. Called by the collector.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

use super::sample::{CallActivity, TokenSource};

/// Calls whose starts and ends are kept to find the exact peak of concurrency.
pub const EXACT_PEAK_CALLS: usize = 200_000;

/// Share of the peak concurrency that a steady second must reach.
pub const STEADY_SHARE: f64 = 0.9;

const SECOND_NS: i64 = 1_000_000_000;

/// Calls longer than this are taken for broken time stamps and left out of concurrency.
const LONGEST_CALL_NS: i64 = 7 * 86_400 * SECOND_NS;

/// Adds up calls.
#[derive(Debug, Default)]
pub struct Activity {
    origin_ns: Option<i64>,
    first_start_ns: i64,
    last_end_ns: i64,
    calls: u64,
    seconds: BTreeMap<i64, Second>,
    endpoints: Vec<(i64, i8)>,
    busy_s: f64,
    output_tokens: f64,
    input_tokens: u64,
    sources: [SourceShare; 3],
    slo_sent: u64,
    slo_met: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    tokens: f64,
    /// Call-seconds spent in this second: its mean concurrency.
    busy: f64,
}

/// How many calls and tokens have their counts from one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceShare {
    /// The source.
    pub source: TokenSource,
    /// Calls.
    pub calls: u64,
    /// Output tokens of those calls.
    pub output_tokens: f64,
}

/// The steady state: the longest span of whole seconds in which concurrency stayed at 90 % of its peak or above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steady {
    /// Seconds from the start of the window to its start.
    pub from_s: u64,
    /// Its length in seconds.
    pub seconds: u64,
    /// Output tokens per second within.
    pub tokens_per_second: f64,
    /// Mean concurrency within.
    pub concurrency: f64,
}

/// What the calls of a run add up to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Calls.
    pub calls: u64,
    /// From the start of the first call to the end of the last.
    #[serde(rename = "window_ms", with = "super::as_ms")]
    pub window: Duration,
    /// Output tokens.
    pub output_tokens: f64,
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens per second over the window.
    pub output_mean: f64,
    /// Input tokens per second over the window.
    pub input_mean: f64,
    /// Output tokens of the busiest second.
    pub output_peak: f64,
    /// Output tokens of each second of the window; the last may be a part of a second.
    pub series: Vec<f64>,
    /// The steady state; None when no whole second passed.
    pub steady: Option<Steady>,
    /// Time-weighted mean of calls in flight.
    pub concurrency_mean: f64,
    /// Most calls in flight.
    pub concurrency_peak: f64,
    /// Whether the peak is exact, not the largest mean of a second.
    pub concurrency_peak_exact: bool,
    /// Where token counts come from; only sources that occur.
    pub sources: Vec<SourceShare>,
    /// Calls that had an SLO.
    pub slo_sent: u64,
    /// Calls that met it.
    pub slo_met: u64,
    /// Calls per second that met their SLO; None when no call had one.
    pub goodput: Option<f64>,
}

impl Activity {
    /// Adds a call.
    pub fn add(&mut self, call: &CallActivity) {
        let end_ns = call.end_ns.max(call.start_ns);
        let origin = *self.origin_ns.get_or_insert(call.start_ns);
        if self.calls == 0 {
            (self.first_start_ns, self.last_end_ns) = (call.start_ns, end_ns);
        }
        self.calls += 1;
        let tokens: f64 = call.output.iter().map(|(_, n)| f64::from(*n)).sum();
        self.output_tokens += tokens;
        self.input_tokens += call.input_tokens;
        // A call that failed before any token says nothing about where counts come from.
        if tokens > 0.0 || call.input_tokens > 0 {
            let share = &mut self.sources[call.source as usize];
            share.source = call.source;
            share.calls += 1;
            share.output_tokens += tokens;
        }
        if let Some(met) = call.slo_met {
            self.slo_sent += 1;
            self.slo_met += u64::from(met);
        }
        self.add_tokens(origin, &call.output);
        if end_ns - call.start_ns > LONGEST_CALL_NS {
            return;
        }
        self.first_start_ns = self.first_start_ns.min(call.start_ns);
        self.last_end_ns = self.last_end_ns.max(end_ns);
        self.add_span(origin, call.start_ns, end_ns);
        if self.endpoints.len() < 2 * EXACT_PEAK_CALLS {
            self.endpoints.extend([(call.start_ns, 1), (end_ns, -1)]);
        }
    }

    /// Tokens of one call come in order, so those of one second are added together.
    fn add_tokens(&mut self, origin: i64, output: &[(i64, f32)]) {
        let mut rest = output;
        while let Some((at, _)) = rest.first() {
            let second = (at - origin).div_euclid(SECOND_NS);
            let same = rest.iter().take_while(|(at, _)| (at - origin).div_euclid(SECOND_NS) == second).count();
            let tokens: f64 = rest[..same].iter().map(|(_, n)| f64::from(*n)).sum();
            self.seconds.entry(second).or_default().tokens += tokens;
            rest = &rest[same..];
        }
    }

    fn add_span(&mut self, origin: i64, start_ns: i64, end_ns: i64) {
        self.busy_s += (end_ns - start_ns) as f64 / SECOND_NS as f64;
        let mut at = start_ns;
        while at < end_ns {
            let second = (at - origin).div_euclid(SECOND_NS);
            let until = end_ns.min(origin + (second + 1) * SECOND_NS);
            self.seconds.entry(second).or_default().busy += (until - at) as f64 / SECOND_NS as f64;
            at = until;
        }
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Output tokens so far.
    pub fn output_tokens(&self) -> f64 {
        self.output_tokens
    }

    /// The figures.
    pub fn throughput(&self) -> Throughput {
        let Some(origin) = self.origin_ns else { return Throughput::default() };
        let window_s = (self.last_end_ns - self.first_start_ns) as f64 / SECOND_NS as f64;
        let per_second = |n: f64| if window_s > 0.0 { n / window_s } else { 0.0 };
        let first = (self.first_start_ns - origin).div_euclid(SECOND_NS);
        let last = (self.last_end_ns - 1 - origin).div_euclid(SECOND_NS).max(first);
        let seconds: Vec<Second> = (first..=last).map(|s| self.seconds.get(&s).copied().unwrap_or_default()).collect();
        let whole = seconds.iter().enumerate().filter(|(i, _)| {
            let start = origin + (first + *i as i64) * SECOND_NS;
            start >= self.first_start_ns && start + SECOND_NS <= self.last_end_ns
        });
        let exact = self.calls as usize * 2 == self.endpoints.len();
        let bucket_peak = seconds.iter().map(|s| s.busy).fold(0.0, f64::max);
        Throughput {
            calls: self.calls,
            window: Duration::from_secs_f64(window_s.max(0.0)),
            output_tokens: self.output_tokens,
            input_tokens: self.input_tokens,
            output_mean: per_second(self.output_tokens),
            input_mean: per_second(self.input_tokens as f64),
            output_peak: self.seconds.values().map(|s| s.tokens).fold(0.0, f64::max),
            steady: steady(whole),
            concurrency_mean: per_second(self.busy_s),
            concurrency_peak: bucket_peak.max(exact_peak(&self.endpoints)),
            concurrency_peak_exact: exact,
            series: seconds.iter().map(|s| s.tokens).collect(),
            sources: self.sources.iter().copied().filter(|s| s.calls > 0).collect(),
            slo_sent: self.slo_sent,
            slo_met: self.slo_met,
            goodput: (self.slo_sent > 0).then(|| per_second(self.slo_met as f64)),
        }
    }
}

/// Most spans open at one time; a call that ends when another starts does not overlap it.
fn exact_peak(endpoints: &[(i64, i8)]) -> f64 {
    let mut sorted = endpoints.to_vec();
    sorted.sort_unstable();
    let (mut open, mut peak) = (0i64, 0i64);
    for (_, step) in sorted {
        open += i64::from(step);
        peak = peak.max(open);
    }
    peak as f64
}

fn steady<'a>(whole: impl Iterator<Item = (usize, &'a Second)>) -> Option<Steady> {
    let whole: Vec<(usize, &Second)> = whole.collect();
    let peak = whole.iter().map(|(_, s)| s.busy).fold(0.0, f64::max);
    if peak <= 0.0 {
        return None;
    }
    let mut best: &[(usize, &Second)] = &[];
    for span in whole.split(|(_, s)| s.busy < peak * STEADY_SHARE) {
        if span.len() > best.len() {
            best = span;
        }
    }
    let length = best.len() as f64;
    Some(Steady {
        from_s: best.first()?.0 as u64,
        seconds: best.len() as u64,
        tokens_per_second: best.iter().map(|(_, s)| s.tokens).sum::<f64>() / length,
        concurrency: best.iter().map(|(_, s)| s.busy).sum::<f64>() / length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_700_000_000_250_000_000;

    fn call(start_ms: i64, end_ms: i64, tokens: &[(i64, f32)]) -> CallActivity {
        let ns = |ms: i64| T0 + ms * 1_000_000;
        CallActivity {
            start_ns: ns(start_ms),
            end_ns: ns(end_ms),
            output: tokens.iter().map(|(ms, n)| (ns(*ms), *n)).collect(),
            input_tokens: 10,
            source: TokenSource::Provider,
            slo_met: Some(end_ms - start_ms <= 2_000),
        }
    }

    #[test]
    fn tokens_count_in_the_second_they_arrive() {
        let mut activity = Activity::default();
        activity.add(&call(0, 2_000, &[(500, 1.0), (999, 2.0), (1_000, 4.0)]));
        activity.add(&call(1_000, 4_000, &[(3_500, 8.0)]));
        let t = activity.throughput();
        assert_eq!(t.series, [3.0, 4.0, 0.0, 8.0]);
        assert_eq!((t.output_tokens, t.output_peak, t.input_tokens), (15.0, 8.0, 20));
        assert_eq!(t.window, Duration::from_secs(4));
        assert_eq!(t.output_mean, 3.75);
        assert_eq!((t.concurrency_mean, t.concurrency_peak, t.concurrency_peak_exact), (1.25, 2.0, true));
        assert_eq!((t.slo_sent, t.slo_met, t.goodput), (2, 1, Some(0.25)));
        assert_eq!(t.sources, [SourceShare { source: TokenSource::Provider, calls: 2, output_tokens: 15.0 }]);
    }

    #[test]
    fn the_steady_state_is_the_longest_span_near_the_peak() {
        let mut activity = Activity::default();
        for n in 0..10 {
            let start = n * 1_000; // one more call each second, all end at 20 s
            let tokens: Vec<(i64, f32)> = (start / 1_000..20).map(|s| (s * 1_000 + 100, 5.0)).collect();
            activity.add(&call(start, 20_000, &tokens));
        }
        let steady = activity.throughput().steady.unwrap();
        assert_eq!((steady.from_s, steady.seconds), (8, 12));
        assert!((steady.concurrency - (9.0 + 11.0 * 10.0) / 12.0).abs() < 1e-9);
        assert!((steady.tokens_per_second - steady.concurrency * 5.0).abs() < 1e-9);
    }

    #[test]
    fn one_call_after_another_is_a_concurrency_of_one() {
        let mut activity = Activity::default();
        activity.add(&call(1_000, 2_000, &[]));
        activity.add(&call(0, 1_000, &[])); // reported later, started earlier
        let t = activity.throughput();
        assert_eq!((t.concurrency_peak, t.concurrency_mean), (1.0, 1.0));
        assert_eq!(t.window, Duration::from_secs(2));
        assert_eq!(t.series, [0.0, 0.0]);
    }

    #[test]
    fn broken_time_stamps_do_no_harm() {
        let mut activity = Activity::default();
        activity.add(&call(0, 1_000, &[(500, 3.0)]));
        activity.add(&CallActivity { start_ns: 0, end_ns: T0, ..CallActivity::default() });
        activity.add(&CallActivity { start_ns: T0 + 5, end_ns: T0 - 5, ..CallActivity::default() });
        let t = activity.throughput();
        assert_eq!((t.calls, t.window), (3, Duration::from_secs(1)));
        assert_eq!(Activity::default().throughput(), Throughput::default());
    }
}
