//! From arrival times to figures: TTFT, TTFO, ICL, ITL, TPOT, stream duration, E2E, stalls. Pure: no clock, no I/O.
//!
//! The formulas are the contract of docs/metrics.md; each is quoted at its field. All results are milliseconds. Called once
//! per call, after it has ended.

use std::time::{Duration, Instant};

use crate::clock::{millis, millis_between};

/// One content event: an event that carried output of any kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContentEvent {
    /// The socket read that completed it.
    pub at: Instant,
    /// Whether it carried output other than reasoning.
    pub visible: bool,
    /// Tokens it brought; None when not known.
    pub tokens: Option<u32>,
}

/// The clock points of one call.
#[derive(Clone, Copy, Debug)]
pub struct Points {
    /// Start the executor intended; None for closed-model executors.
    pub intended: Option<Instant>,
    /// The call entered the core.
    pub start: Instant,
    /// The connection was ready.
    pub connected: Option<Instant>,
    /// The last request byte was handed to the kernel.
    pub sent: Option<Instant>,
    /// The response head was there.
    pub headers: Option<Instant>,
    /// Terminator or end of body, or the moment the call was given up.
    pub end: Instant,
}

/// What else the figures depend on.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The answer was streamed.
    pub stream: bool,
    /// The answer arrived in full: neither failed nor cancelled.
    pub complete: bool,
    /// Output tokens that came over the stream; None when unknown. Reasoning that is billed but never sent is not part
    /// of it: it was generated before the first event, and would make the time per token look shorter than it is.
    pub streamed_tokens: Option<u64>,
    /// A gap above this is a stall.
    pub stall_threshold: Duration,
}

/// The figures of one call, in milliseconds. None = undefined for this call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// t_conn - t_start.
    pub connect: Option<f64>,
    /// t_first - t_start. Undefined without a content event.
    pub ttft: Option<f64>,
    /// t_first_visible - t_start. Undefined when nothing visible arrived.
    pub ttfo: Option<f64>,
    /// t_first - t_intended. Undefined for closed-model executors.
    pub ttft_intended: Option<f64>,
    /// t_i - t_(i-1) of content events.
    pub icl: Vec<f64>,
    /// As `icl`, a gap before an event of k tokens counted k times as gap / k. None when tokens per event are not known. A
    /// gap before an event that completed no token is added to the next gap.
    pub itl: Option<Vec<f64>>,
    /// (t_last - t_first) / (output tokens - tokens in the first event). Undefined when the denominator is not positive.
    pub tpot: Option<f64>,
    /// t_last - t_first. Undefined with fewer than two events.
    pub stream_duration: Option<f64>,
    /// t_last - t_start; without content or stream: end of body - t_start. Undefined for calls that failed or were cancelled.
    pub e2e: Option<f64>,
    /// 1 / TPOT, per second.
    pub tokens_per_second: Option<f64>,
    /// Gaps above the stall threshold.
    pub stalls: u64,
    /// The largest gap.
    pub max_gap: Option<f64>,
    /// Content events that share the socket read of the one before.
    pub coalesced: u64,
}

impl Timeline {
    /// Works out the figures. `events` are in order of arrival.
    pub fn new(points: &Points, events: &[ContentEvent], facts: &Facts) -> Self {
        let connect = points.connected.map(|at| millis_between(points.start, at));
        let whole = |end: Instant| facts.complete.then(|| millis_between(points.start, end));
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Self { connect, e2e: whole(points.end), ..Self::default() };
        };
        if !facts.stream {
            // Nothing is known about when the tokens of a whole reply were made.
            return Self { connect, e2e: whole(points.end), ..Self::default() };
        }
        let gaps: Vec<Duration> =
            events.windows(2).map(|pair| pair[1].at.saturating_duration_since(pair[0].at)).collect();
        let span = millis_between(first.at, last.at);
        let tpot = tpot(span, first.tokens, facts.streamed_tokens);
        let visible = events.iter().find(|e| e.visible);
        Self {
            connect,
            ttft: Some(millis_between(points.start, first.at)),
            ttfo: visible.map(|e| millis_between(points.start, e.at)),
            ttft_intended: points.intended.map(|at| millis_between(at, first.at)),
            itl: itl(events),
            tpot,
            stream_duration: (events.len() > 1).then_some(span),
            e2e: whole(last.at),
            tokens_per_second: tpot.filter(|ms| *ms > 0.0).map(|ms| 1e3 / ms),
            stalls: gaps.iter().filter(|gap| **gap > facts.stall_threshold).count() as u64,
            max_gap: gaps.iter().max().map(|gap| millis(*gap)),
            coalesced: gaps.iter().filter(|gap| gap.is_zero()).count() as u64,
            icl: gaps.into_iter().map(millis).collect(),
        }
    }
}

fn tpot(span: f64, first_tokens: Option<u32>, streamed: Option<u64>) -> Option<f64> {
    let after_first = streamed?.checked_sub(u64::from(first_tokens.unwrap_or(1)))?;
    (after_first > 0).then(|| span / after_first as f64)
}

fn itl(events: &[ContentEvent]) -> Option<Vec<f64>> {
    if events.iter().any(|e| e.tokens.is_none()) {
        return None;
    }
    let total: usize = events.iter().skip(1).map(|e| e.tokens.unwrap_or(0) as usize).sum();
    let mut samples = Vec::with_capacity(total);
    let mut pending = 0.0;
    for pair in events.windows(2) {
        pending += millis_between(pair[0].at, pair[1].at);
        let k = pair[1].tokens.unwrap_or(0) as usize;
        if k > 0 {
            samples.resize(samples.len() + k, pending / k as f64);
            pending = 0.0;
        }
    }
    Some(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    fn events(start: Instant, list: &[(u64, Option<u32>)]) -> Vec<ContentEvent> {
        list.iter().map(|(ms, tokens)| ContentEvent { at: at(start, *ms), visible: true, tokens: *tokens }).collect()
    }

    fn points(start: Instant, end: u64) -> Points {
        Points { intended: None, start, connected: None, sent: None, headers: None, end: at(start, end) }
    }

    fn facts(tokens: Option<u64>) -> Facts {
        Facts { stream: true, complete: true, streamed_tokens: tokens, stall_threshold: Duration::from_secs(1) }
    }

    #[test]
    fn a_plain_stream() {
        let t0 = Instant::now();
        let ev = events(t0, &[(200, Some(1)), (220, Some(1)), (240, Some(2)), (1300, Some(1))]);
        let p =
            Points { intended: Some(t0 - Duration::from_millis(50)), connected: Some(at(t0, 10)), ..points(t0, 1310) };
        let t = Timeline::new(&p, &ev, &facts(Some(5)));
        assert_eq!((t.connect, t.ttft, t.ttfo, t.ttft_intended), (Some(10.0), Some(200.0), Some(200.0), Some(250.0)));
        assert_eq!(t.icl, [20.0, 20.0, 1060.0]);
        assert_eq!(t.itl.unwrap(), [20.0, 10.0, 10.0, 1060.0]);
        assert_eq!((t.tpot, t.stream_duration, t.e2e), (Some(275.0), Some(1100.0), Some(1300.0)));
        assert_eq!((t.stalls, t.max_gap, t.coalesced), (1, Some(1060.0), 0));
        assert!((t.tokens_per_second.unwrap() - 1000.0 / 275.0).abs() < 1e-9);
    }

    #[test]
    fn undefined_cases() {
        let t0 = Instant::now();
        let none = Timeline::new(&points(t0, 90), &[], &facts(Some(16)));
        assert_eq!((none.ttft, none.tpot, none.stream_duration, none.max_gap), (None, None, None, None));
        assert_eq!(
            (none.e2e, none.icl.len(), none.itl),
            (Some(90.0), 0, None),
            "a stream without content ends at its end"
        );
        let one = Timeline::new(&points(t0, 90), &events(t0, &[(50, Some(1))]), &facts(Some(1)));
        assert_eq!((one.ttft, one.tpot, one.stream_duration, one.max_gap), (Some(50.0), None, None, None));
        assert_eq!(one.itl, Some(vec![]));
        let all_in_one = Timeline::new(&points(t0, 90), &events(t0, &[(50, Some(8))]), &facts(Some(8)));
        assert_eq!(all_in_one.tpot, None, "no token after the first event");
        let failed = Facts { complete: false, ..facts(Some(5)) };
        let cut = Timeline::new(&points(t0, 90), &events(t0, &[(50, None), (60, None)]), &failed);
        assert_eq!((cut.ttft, cut.e2e, cut.itl), (Some(50.0), None, None), "a cancelled call keeps its TTFT");
        let unknown = Timeline::new(&points(t0, 90), &events(t0, &[(50, None), (60, None)]), &facts(None));
        assert_eq!(unknown.tpot, None, "counts unknown: not published");
        let whole = Facts { stream: false, ..facts(Some(5)) };
        let body = Timeline::new(&points(t0, 90), &events(t0, &[(80, None)]), &whole);
        assert_eq!((body.ttft, body.e2e), (None, Some(90.0)));
    }

    #[test]
    fn the_first_event_counts_as_one_token_when_unknown() {
        let t0 = Instant::now();
        let t = Timeline::new(&points(t0, 100), &events(t0, &[(10, None), (90, None)]), &facts(Some(5)));
        assert_eq!(t.tpot, Some(20.0));
        let t = Timeline::new(&points(t0, 100), &events(t0, &[(10, Some(3)), (90, Some(2))]), &facts(Some(5)));
        assert_eq!(t.tpot, Some(40.0));
    }

    #[test]
    fn reasoning_is_not_visible_but_is_the_first_token() {
        let t0 = Instant::now();
        let mut ev = events(t0, &[(10, None), (20, None), (30, None)]);
        ev[0].visible = false;
        ev[1].visible = false;
        let t = Timeline::new(&points(t0, 40), &ev, &facts(None));
        assert_eq!((t.ttft, t.ttfo), (Some(10.0), Some(30.0)));
        ev[2].visible = false;
        assert_eq!(Timeline::new(&points(t0, 40), &ev, &facts(None)).ttfo, None);
    }

    #[test]
    fn one_read_with_several_events() {
        let t0 = Instant::now();
        let t = Timeline::new(
            &points(t0, 40),
            &events(t0, &[(10, Some(1)), (10, Some(1)), (30, Some(1))]),
            &facts(Some(3)),
        );
        assert_eq!((t.coalesced, t.icl), (1, vec![0.0, 20.0]));
    }

    #[test]
    fn an_event_without_a_whole_token_passes_its_gap_on() {
        let t0 = Instant::now();
        let t = Timeline::new(
            &points(t0, 40),
            &events(t0, &[(10, Some(1)), (20, Some(0)), (40, Some(1))]),
            &facts(Some(2)),
        );
        assert_eq!(t.itl.unwrap(), [30.0]);
    }

    proptest! {
        #[test]
        fn figures_agree_with_each_other(
            gaps in prop::collection::vec((0u64..3000, 1u32..5), 1..80),
            ttft in 0u64..5000,
            threshold in 1u64..2000,
        ) {
            let t0 = Instant::now();
            let mut now = ttft;
            let list: Vec<(u64, Option<u32>)> = gaps.iter().enumerate().map(|(i, (gap, k))| {
                if i > 0 { now += gap; }
                (now, Some(*k))
            }).collect();
            let ev = events(t0, &list);
            let total: u64 = gaps.iter().map(|(_, k)| u64::from(*k)).sum();
            let f = Facts { stall_threshold: Duration::from_millis(threshold), ..facts(Some(total)) };
            let t = Timeline::new(&points(t0, now + 5), &ev, &f);
            let span = t.stream_duration.unwrap_or(0.0);
            let itl = t.itl.clone().unwrap();
            prop_assert!((t.icl.iter().sum::<f64>() - span).abs() < 1e-6);
            prop_assert!((itl.iter().sum::<f64>() - span).abs() < 1e-6);
            prop_assert_eq!(itl.len() as u64, total - u64::from(gaps[0].1));
            if let Some(tpot) = t.tpot {
                // The mean of the token gaps is the time per output token.
                prop_assert!((itl.iter().sum::<f64>() / itl.len() as f64 - tpot).abs() < 1e-6);
            }
            prop_assert!((t.e2e.unwrap() - t.ttft.unwrap() - span).abs() < 1e-6);
            prop_assert_eq!(t.stalls as usize, t.icl.iter().filter(|g| **g > threshold as f64 + 1e-6).count());
            prop_assert_eq!(t.max_gap.unwrap_or(0.0), t.icl.iter().copied().fold(0.0, f64::max));
        }
    }
}
