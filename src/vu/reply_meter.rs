//! What came of each iteration of a scenario that looks for limits, as its executor needs it when the iteration ends: whether its requests
//! were served or refused, and what they took. Filled in from the samples as VUs emit them, by the iteration's number.
//!
//! Failures of models are told by the tag `error_kind`, those of HTTP by `status`; without these system tags a refusal looks like
//! any other failure.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::metrics::{Builtin, SampleBatch, SystemTag};

/// Why requests of an iteration were not served; what tells more about limits is greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The server serves as many as it can or wants at a time.
    Busy,
    /// A limit of rate.
    Limited,
    /// Something else, in a word.
    Failed(String),
    /// The budget of the run kept it from being sent.
    Budget,
    /// The account is used up.
    Exhausted,
}

/// What came of an iteration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replies {
    /// Requests that were made, served or not.
    pub requests: u64,
    /// The gravest refusal among them.
    pub refusal: Option<Refusal>,
    /// Tokens they took, input and output together.
    pub tokens: u64,
    /// The longest wait for a first token or byte, in ms.
    pub first_ms: Option<f64>,
}

/// The iterations under way.
#[derive(Debug, Default)]
pub struct ReplyMeter(Mutex<HashMap<u64, Replies>>);

impl ReplyMeter {
    /// What an iteration emitted.
    pub fn see(&self, iteration: u64, batch: &SampleBatch) {
        let value = |metric: Builtin| batch.samples.iter().find(|s| s.metric == metric.id()).map(|s| s.value);
        let mut map = self.0.lock().unwrap_or_else(|e| e.into_inner());
        let replies = map.entry(iteration).or_default();
        let called = value(Builtin::AiRequests).is_some();
        let refusal =
            if [Builtin::AiErrors, Builtin::AiRetries, Builtin::AiFailovers].into_iter().any(|m| value(m).is_some()) {
                batch.tags.get(SystemTag::ErrorKind.name()).and_then(|kind| of_model(kind))
            } else if value(Builtin::HttpReqFailed).is_some_and(|failed| failed > 0.0) {
                Some(of_http(batch.tags.get(SystemTag::Status.name()).map(AsRef::as_ref)))
            } else {
                None
            };
        let asked = value(Builtin::HttpReqs).is_some();
        replies.requests += u64::from(called || asked);
        replies.refusal = replies.refusal.take().max(refusal);
        let tokens = [Builtin::AiInputTokens, Builtin::AiOutputTokens].into_iter().filter_map(value).sum::<f64>();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let tokens = tokens as u64;
        replies.tokens += tokens;
        let first = value(Builtin::AiTtft).or_else(|| value(Builtin::HttpReqWaiting));
        replies.first_ms = match (replies.first_ms, first) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }

    /// What came of an iteration that has ended; it is forgotten.
    pub fn take(&self, iteration: u64) -> Replies {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).remove(&iteration).unwrap_or_default()
    }
}

fn of_model(kind: &str) -> Option<Refusal> {
    match kind {
        "rate_limited" => Some(Refusal::Limited),
        "quota_exhausted" => Some(Refusal::Exhausted),
        "overloaded" | "queue_full" => Some(Refusal::Busy),
        "budget" => Some(Refusal::Budget),
        // Broken off by the script: it was being served.
        "cancelled" => None,
        other => Some(Refusal::Failed(other.to_owned())),
    }
}

fn of_http(status: Option<&str>) -> Refusal {
    match status {
        Some("429") => Refusal::Limited,
        Some("503" | "529") => Refusal::Busy,
        Some("0") | None => Refusal::Failed("no answer".to_owned()),
        Some(status) => Refusal::Failed(format!("status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Sample, Tags};

    fn batch(tags: &[(&str, &str)], samples: Vec<Sample>) -> SampleBatch {
        SampleBatch { tags: Tags::from_pairs(tags.iter().copied()), samples, ..SampleBatch::default() }
    }

    #[test]
    fn what_came_of_an_iteration_is_told_once() {
        let meter = ReplyMeter::default();
        let served = vec![
            Builtin::AiRequests.sample(1.0),
            Builtin::AiTtft.sample(40.0),
            Builtin::AiInputTokens.sample(7.0),
            Builtin::AiOutputTokens.sample(3.0),
        ];
        meter.see(1, &batch(&[], served.clone()));
        // An attempt that was refused before is a refusal, whatever came of the next.
        meter.see(2, &batch(&[("error_kind", "rate_limited")], vec![Builtin::AiRetries.sample(1.0)]));
        meter.see(2, &batch(&[], served));
        assert_eq!(meter.take(1), Replies { requests: 1, refusal: None, tokens: 10, first_ms: Some(40.0) });
        assert_eq!(meter.take(1), Replies::default());
        assert_eq!(meter.take(2).refusal, Some(Refusal::Limited));
    }

    #[test]
    fn refusals_are_told_apart() {
        let of = |tags: &[(&str, &str)], samples: Vec<Sample>| {
            let meter = ReplyMeter::default();
            meter.see(1, &batch(tags, samples));
            meter.take(1).refusal
        };
        let failed = || vec![Builtin::AiRequests.sample(1.0), Builtin::AiErrors.sample(1.0)];
        for (kind, refusal) in [
            ("quota_exhausted", Some(Refusal::Exhausted)),
            ("overloaded", Some(Refusal::Busy)),
            ("budget", Some(Refusal::Budget)),
            ("cancelled", None),
            ("auth", Some(Refusal::Failed("auth".to_owned()))),
        ] {
            assert_eq!(of(&[("error_kind", kind)], failed()), refusal, "{kind}");
        }
        let http = |failed: f64| vec![Builtin::HttpReqs.sample(1.0), Builtin::HttpReqFailed.sample(failed)];
        assert_eq!(of(&[("status", "200")], http(0.0)), None);
        assert_eq!(of(&[("status", "429")], http(1.0)), Some(Refusal::Limited));
        assert_eq!(of(&[("status", "503")], http(1.0)), Some(Refusal::Busy));
        assert_eq!(of(&[("status", "401")], http(1.0)), Some(Refusal::Failed("status 401".to_owned())));
    }
}
