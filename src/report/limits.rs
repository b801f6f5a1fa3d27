//! The limits of an account in words: lines for the terminal, used by the summary, the HTML report and `inrush probe`.

use super::human;
use crate::metrics::limits::{Algorithm, LimitFacts, RateLimitFacts, Verdict};

/// The verdict, and the evidence for it where there is more to say.
pub fn words(limit: &LimitFacts) -> (String, Option<String>) {
    match &limit.verdict {
        Verdict::Rate(rate) => (verdict(rate), Some(evidence(rate))),
        Verdict::Refused(n) => (format!("{n} at a time; more are refused"), None),
        Verdict::Waits(n) => (format!("{n} at a time; more wait"), None),
        Verdict::AtLeast(n) => (format!("no limit met with {n} at a time"), None),
        Verdict::NotFound(why) => (why.clone(), None),
    }
}

fn verdict(rate: &RateLimitFacts) -> String {
    let at_once = human::number(rate.at_once.round());
    let window = |kind: &str| {
        let seconds = rate.window_ms.unwrap_or_default() / 1e3;
        format!("{kind} of {seconds:.1} s, {at_once} in each")
    };
    let how = match rate.algorithm {
        Algorithm::TokenBucket => format!("token bucket, {at_once} at once"),
        Algorithm::FixedWindow => window("fixed window"),
        Algorithm::SlidingWindow => window("sliding window"),
        Algorithm::Window => window("window of an unclear kind"),
        Algorithm::Unclear => "unclear".to_owned(),
    };
    format!("{} per minute: {how}", human::number(rate.per_minute.round()))
}

fn evidence(rate: &RateLimitFacts) -> String {
    let seen = match (rate.judged_by, rate.spread) {
        (Some(calls), Some(spread)) => {
            format!("{calls} calls let through one by one; their gaps vary by {:.0} %", spread * 100.0)
        }
        _ => "as many again after each window".to_owned(),
    };
    format!(
        "evidence: {} calls at once, {} refused in all; {seen}; confidence {}",
        rate.calls_at_once,
        rate.refused,
        rate.confidence.name()
    )
}
