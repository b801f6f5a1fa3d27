//! What happened when: the run in equal spans of time, for charts. Pure; the output that fills it in while the run goes on is
//! `output::over_time`.
//!
//! A span is a second at first; when there are more than [`MOST`] all are joined by twos, so that a run of any length has some hundred.
//! Percentiles are those of histograms with two significant digits: within 1 %. For heat maps a span also has how many samples fell between
//! fixed bounds, six per decade ([`BOUNDS_MS`]).

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::builtin::Builtin;
use super::sample::{Extra, SampleBatch};
use super::tags::SystemTag;

/// Most spans.
pub const MOST: usize = 300;

/// The longest time a histogram holds, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Upper bounds of the buckets of a heat map in ms; what is above the last is in one more bucket.
pub const BOUNDS_MS: [f64; 31] = [
    1.0, 1.5, 2.2, 3.3, 4.7, 6.8, 10.0, 15.0, 22.0, 33.0, 47.0, 68.0, 100.0, 150.0, 220.0, 330.0, 470.0, 680.0, 1e3,
    1.5e3, 2.2e3, 3.3e3, 4.7e3, 6.8e3, 1e4, 1.5e4, 2.2e4, 3.3e4, 4.7e4, 6.8e4, 1e5,
];

const NS_PER_S: i64 = 1_000_000_000;

/// Times whose percentiles are kept.
const TRENDS: [Builtin; 4] = [Builtin::AiTtft, Builtin::AiItl, Builtin::AiE2e, Builtin::HttpReqDuration];

/// A span of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeSpan {
    /// Its beginning, in seconds since the first one's.
    pub at_s: f64,
    /// Its length in seconds.
    pub seconds: f64,
    /// The most VUs that were active; None when it has no sample of it.
    pub vus: Option<f64>,
    /// Iterations that ended.
    pub iterations: u64,
    /// Model calls that ended, and HTTP requests.
    pub ai_requests: u64,
    /// HTTP requests.
    pub http_reqs: u64,
    /// HTTP requests that failed.
    pub http_failed: u64,
    /// Failed model calls by kind.
    pub errors: BTreeMap<String, u64>,
    /// Output tokens that arrived.
    pub output_tokens: f64,
    /// What calls that ended cost, as far as prices are known.
    pub cost_usd: f64,
    /// Times in ms by metric: those with samples.
    pub trends: BTreeMap<String, SpanTrend>,
}

/// Percentiles of a metric in a span, in ms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanTrend {
    /// Samples.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Samples up to each of [`BOUNDS_MS`] and above the bound before it; empty buckets at the end are left out. Not in files of earlier
    /// versions.
    #[serde(default)]
    pub buckets: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
struct Span {
    sums: TimeSpan,
    trends: [Option<Box<Histogram<u32>>>; TRENDS.len()],
}

/// The spans of a run that goes on.
#[derive(Debug)]
pub struct OverTime {
    /// When the first span began, Unix nanoseconds.
    origin_ns: Option<i64>,
    /// Seconds of a span.
    length: i64,
    spans: Vec<Span>,
}

impl Default for OverTime {
    fn default() -> Self {
        Self { origin_ns: None, length: 1, spans: Vec::new() }
    }
}

impl OverTime {
    /// Takes a batch. What belongs before the first one is counted in the first span.
    pub fn add(&mut self, batch: &SampleBatch) {
        for sample in &batch.samples {
            let value = sample.value;
            let is = |metric: Builtin| sample.metric == metric.id();
            if let Some(at) = TRENDS.iter().position(|metric| is(*metric)) {
                let failed = batch.tags.get(SystemTag::ExpectedResponse.name()).is_some_and(|ok| &**ok == "false");
                if !failed {
                    self.span(batch.time_ns).time(at, value);
                }
            } else if is(Builtin::Vus) {
                let vus = &mut self.span(batch.time_ns).sums.vus;
                *vus = Some(vus.map_or(value, |most| most.max(value)));
            } else if is(Builtin::Iterations) {
                self.span(batch.time_ns).sums.iterations += 1;
            } else if is(Builtin::AiRequests) {
                self.span(batch.time_ns).sums.ai_requests += 1;
            } else if is(Builtin::HttpReqs) {
                self.span(batch.time_ns).sums.http_reqs += 1;
            } else if is(Builtin::HttpReqFailed) && value > 0.0 {
                self.span(batch.time_ns).sums.http_failed += 1;
            } else if is(Builtin::AiCost) {
                self.span(batch.time_ns).sums.cost_usd += value;
            } else if is(Builtin::AiErrors) {
                let kind = batch.tags.get(SystemTag::ErrorKind.name()).map_or("unknown", |kind| kind);
                *self.span(batch.time_ns).sums.errors.entry(kind.to_owned()).or_default() += 1;
            }
        }
        if let Extra::Call(activity) = &batch.extra {
            for (at, tokens) in &activity.output {
                self.span(*at).sums.output_tokens += f64::from(*tokens);
            }
        }
    }

    fn span(&mut self, time_ns: i64) -> &mut Span {
        let origin = *self.origin_ns.get_or_insert(time_ns.div_euclid(NS_PER_S) * NS_PER_S);
        let second = time_ns.saturating_sub(origin).max(0) / NS_PER_S;
        while second / self.length >= MOST as i64 {
            self.coarsen();
        }
        let at = usize::try_from(second / self.length).unwrap_or_default();
        if at >= self.spans.len() {
            self.spans.resize_with(at + 1, Span::default);
        }
        &mut self.spans[at]
    }

    fn coarsen(&mut self) {
        self.length *= 2;
        let mut old = std::mem::take(&mut self.spans).into_iter();
        while let Some(mut first) = old.next() {
            if let Some(second) = old.next() {
                first.join(second);
            }
            self.spans.push(first);
        }
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<TimeSpan> {
        let length = self.length as f64;
        let all = self.spans.iter().enumerate();
        all.map(|(n, span)| TimeSpan {
            at_s: n as f64 * length,
            seconds: length,
            trends: span.percentiles(),
            ..span.sums.clone()
        })
        .collect()
    }
}

impl Span {
    fn time(&mut self, trend: usize, ms: f64) {
        let histogram = self.trends[trend].get_or_insert_with(|| {
            Box::new(
                Histogram::new_with_bounds(1, LONGEST_US, 2).unwrap_or_else(|_| unreachable!("the bounds are valid")),
            )
        });
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        histogram.saturating_record((ms * 1e3) as u64);
    }

    fn join(&mut self, other: Self) {
        let (sums, more) = (&mut self.sums, other.sums);
        sums.vus = match (sums.vus, more.vus) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        sums.iterations += more.iterations;
        sums.ai_requests += more.ai_requests;
        sums.http_reqs += more.http_reqs;
        sums.http_failed += more.http_failed;
        sums.output_tokens += more.output_tokens;
        sums.cost_usd += more.cost_usd;
        for (kind, calls) in more.errors {
            *sums.errors.entry(kind).or_default() += calls;
        }
        for (mine, theirs) in self.trends.iter_mut().zip(other.trends) {
            match (mine, theirs) {
                (Some(mine), Some(theirs)) => drop(mine.add(*theirs)),
                (mine @ None, theirs) => *mine = theirs,
                (Some(_), None) => {}
            }
        }
    }

    fn percentiles(&self) -> BTreeMap<String, SpanTrend> {
        let with_samples = TRENDS.iter().zip(&self.trends).filter_map(|(metric, h)| Some((metric, h.as_ref()?)));
        with_samples
            .map(|(metric, histogram)| {
                let ms = |q: f64| histogram.value_at_quantile(q) as f64 / 1e3;
                let buckets = buckets(histogram);
                let trend = SpanTrend { count: histogram.len(), p50: ms(0.5), p95: ms(0.95), p99: ms(0.99), buckets };
                (metric.name().to_owned(), trend)
            })
            .collect()
    }
}

fn buckets(histogram: &Histogram<u32>) -> Vec<u64> {
    let mut counts = vec![0; BOUNDS_MS.len() + 1];
    for entry in histogram.iter_recorded() {
        let ms = entry.value_iterated_to() as f64 / 1e3;
        // A value stands for its neighbours up to 1 % below it: what was at a bound must not fall above it.
        counts[BOUNDS_MS.partition_point(|bound| *bound < ms * 0.992)] += entry.count_since_last_iteration();
    }
    let filled = counts.iter().rposition(|n| *n > 0).map_or(0, |last| last + 1);
    counts.truncate(filled);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Sample, Tags};

    fn batch(at_s: f64, samples: Vec<Sample>) -> SampleBatch {
        #[allow(clippy::cast_possible_truncation)]
        let time_ns = 1_700_000_000 * NS_PER_S + (at_s * 1e9) as i64;
        SampleBatch { time_ns, samples, ..SampleBatch::default() }
    }

    #[test]
    fn samples_are_counted_in_their_second() {
        let mut all = OverTime::default();
        all.add(&batch(0.2, vec![Builtin::Vus.sample(3.0), Builtin::Iterations.sample(1.0)]));
        all.add(&batch(
            0.9,
            vec![Builtin::AiRequests.sample(1.0), Builtin::AiTtft.sample(100.0), Builtin::AiCost.sample(0.5)],
        ));
        let mut failed = batch(2.1, vec![Builtin::AiErrors.sample(1.0), Builtin::AiTtft.sample(900.0)]);
        failed.tags = Tags::from_pairs([("error_kind", "server"), ("expected_response", "false")]);
        all.add(&failed);
        let spans = all.spans();
        assert_eq!(spans.len(), 3);
        assert_eq!(
            (spans[0].vus, spans[0].iterations, spans[0].ai_requests, spans[0].cost_usd),
            (Some(3.0), 1, 1, 0.5)
        );
        assert!((spans[0].trends["ai_ttft"].p95 - 100.0).abs() < 1.0);
        assert_eq!(
            (spans[1].clone(), spans[2].errors["server"]),
            (TimeSpan { at_s: 1.0, seconds: 1.0, ..TimeSpan::default() }, 1)
        );
        assert!(spans[2].trends.is_empty(), "failed calls have no latency");
    }

    #[test]
    fn long_runs_have_longer_spans_and_lose_nothing() {
        let mut all = OverTime::default();
        for second in 0..1_000_u32 {
            all.add(&batch(
                f64::from(second),
                vec![Builtin::HttpReqs.sample(1.0), Builtin::HttpReqDuration.sample(f64::from(second) + 1.0)],
            ));
        }
        let spans = all.spans();
        assert_eq!((spans.len(), spans[0].seconds, spans[1].at_s), (250, 4.0, 4.0));
        assert_eq!(spans.iter().map(|s| s.http_reqs).sum::<u64>(), 1_000);
        assert_eq!(spans.iter().map(|s| s.trends["http_req_duration"].count).sum::<u64>(), 1_000);
        let last = &spans.last().unwrap().trends["http_req_duration"];
        assert!((last.p50 - 998.0).abs() < 12.0, "{last:?}");
        assert_eq!(
            (last.buckets.len(), last.buckets[18]),
            (19, 4),
            "all four are above 680 ms and up to 1 s: {last:?}"
        );
        let first = &spans[0].trends["http_req_duration"];
        assert_eq!(first.buckets, [1, 0, 1, 1, 1], "1, 2, 3 and 4 ms: {first:?}");
    }
}
