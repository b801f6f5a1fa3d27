//! The result of a model call: every field of the response that scripts see.
//!
//! Made from a [`RawCall`] after the call has ended, off the network task (counting tokens takes CPU time). Turned into samples
//! by `samples`, into a JavaScript object by the script layer.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::account::Account;
use super::answer::{Ranked, ToolCall};
use super::attempts::Tries;
use super::call::RawCall;
use super::cancel::CancelReason;
use super::content::Findings;
use super::cost;
use super::errors::CallError;
use super::params::CallParams;
use super::rate_limit::RateLimit;
use super::server_figures::ServerFigures;
use super::spec::ModelSpec;
use super::timeline::{ContentEvent, Facts, Points, Timeline};
use super::transport::HttpTimings;
use crate::clock::millis_between;
use crate::metrics::sample::TokenSource;

/// Token counts of a call. `input` includes `cached` and `cache_write`, `output` includes `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens.
    pub input: u64,
    /// Generated tokens.
    pub output: u64,
    /// Prompt tokens read from a cache; None when nobody said.
    pub cached: Option<u64>,
    /// Prompt tokens written to a cache.
    pub cache_write: u64,
    /// Reasoning tokens; None when nobody said.
    pub reasoning: Option<u64>,
    /// Who counted.
    pub source: TokenSource,
}

/// Why generation ended, in words that are the same for all providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinishReason {
    /// The model was done, or met a stop sequence.
    Stop,
    /// The token limit was reached.
    Length,
    /// The model wants tools called.
    ToolCalls,
    /// A filter stepped in.
    ContentFilter,
    /// We disconnected.
    Cancelled,
    /// The call failed.
    Error,
}

impl FinishReason {
    /// The name in tags and scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Cancelled => "cancelled",
            Self::Error => "error",
        }
    }

    /// From a provider's word. An unknown word is some way of stopping.
    fn from_word(word: &str) -> Self {
        let word = word.to_ascii_lowercase();
        // The Responses API: `incomplete:max_output_tokens`.
        match word.strip_prefix("incomplete:").unwrap_or(&word) {
            "length"
            | "limit"
            | "max_tokens"
            | "model_length"
            | "max_output_tokens"
            | "model_context_window_exceeded" => Self::Length,
            "tool_calls" | "tool_call" | "tool_use" | "function_call" => Self::ToolCalls,
            "content_filter" | "content_filtered" | "guardrail_intervened" | "safety" | "refusal" | "recitation" => {
                Self::ContentFilter
            }
            // Gemini's many words for it; `blocked:` is our mark of a prompt it did not answer.
            "blocklist" | "prohibited_content" | "spii" | "image_safety" => Self::ContentFilter,
            blocked if blocked.starts_with("blocked:") => Self::ContentFilter,
            "error"
            | "failed"
            | "insufficient_system_resource"
            | "abort"
            | "malformed_function_call"
            | "unexpected_tool_call" => Self::Error,
            "cancelled" | "canceled" => Self::Cancelled,
            _ => Self::Stop,
        }
    }
}

/// Inter-token latency of one call, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct ItlStats {
    pub min: f64,
    pub avg: f64,
    pub med: f64,
    pub max: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub count: u64,
}

/// A finished model call. Times are in milliseconds; None = undefined for this call.
#[derive(Clone, Debug)]
pub struct CallResult {
    /// The model called.
    pub spec: Arc<ModelSpec>,
    /// How it was called.
    pub params: Arc<CallParams>,
    /// The model asked for.
    pub asked_model: String,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// HTTP status; 0 without a response.
    pub status: u16,
    /// Why it failed; None = it did not.
    pub error: Option<CallError>,
    /// Who ended it, if not the server.
    pub cancelled: Option<CancelReason>,
    /// Visible text of the first choice.
    pub text: String,
    /// Reasoning of the first choice.
    pub reasoning: String,
    /// Refusal of the first choice, where the API keeps it apart.
    pub refusal: Option<String>,
    /// Tool calls of the first choice.
    pub tool_calls: Vec<ToolCall>,
    /// Vectors, of a call for embeddings.
    pub embeddings: Vec<Vec<f64>>,
    /// Documents, best first, of a call that ranks.
    pub ranking: Vec<Ranked>,
    /// Why generation ended.
    pub finish_reason: Option<FinishReason>,
    /// The provider's own word for it.
    pub finish_reason_raw: Option<String>,
    /// Token counts; None when nothing was generated and the provider stated nothing.
    pub usage: Option<Usage>,
    /// The provider stated token counts that cannot be; they were replaced by our own.
    pub usage_disbelieved: bool,
    /// The provider's usage object as received.
    pub usage_raw: Option<String>,
    /// The server's own timings as received (llama.cpp `timings`, Groq `x_groq.usage`, ...).
    pub server_timings: Option<String>,
    /// The same in common names, headers included.
    pub server: Option<ServerFigures>,
    /// The times. `chunks` of scripts is the number of its gaps + 1, see [`CallResult::chunks`].
    pub timeline: Timeline,
    /// Inter-token latency; None when tokens per event are not known or there is no gap.
    pub itl: Option<ItlStats>,
    /// Cost in USD; None when the price is unknown or nothing was counted.
    pub cost: Option<f64>,
    /// Whether all objectives were met; None without objectives.
    pub slo_met: Option<bool>,
    /// The model as answered.
    pub model: Option<String>,
    /// The provider's id of the request, from headers or answer.
    pub request_id: Option<String>,
    /// Limits the server states.
    pub rate_limit: Option<RateLimit>,
    /// k6's timings.
    pub timings: HttpTimings,
    /// Response headers in order.
    pub headers: Vec<(String, String)>,
    /// Content events.
    pub chunks: u64,
    /// Content events that carried nothing but reasoning.
    pub reasoning_chunks: u64,
    /// Data events of the stream.
    pub events: u64,
    /// Bytes of the body received.
    pub body_bytes: u64,
    /// The body of a reply that was not a stream.
    pub body: Vec<u8>,
    /// The attempts before this one; None for a call that could have one only.
    pub tries: Option<Box<Tries<CallResult>>>,
    /// Whether the answer says anything, and what was asked for.
    pub content: Findings,
    /// Estimated energy in joules; None without the model's figures or a count of tokens.
    pub energy: Option<f64>,
    /// The clock points.
    pub points: Points,
    /// Share of the tightest limit of the budget that is spent; None without a budget.
    pub budget_share: Option<f64>,
    /// Provider's output minus ours, in tokens, when both are known.
    pub token_count_gap: Option<f64>,
    /// When output tokens arrived; adds up to `usage.output`.
    pub(super) arrivals: Vec<(Instant, u64)>,
}

/// Headers that carry the provider's id of a request, best first.
const REQUEST_ID_HEADERS: &[&str] = &[
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-generation-id",
    "mistral-correlation-id",
    "x-amzn-requestid",
    "cf-ray",
];

impl RawCall {
    /// Counts tokens and works out every figure. Takes CPU time in proportion to the text: call it off the network task.
    pub fn finish(self) -> CallResult {
        let now_unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        self.finish_at(now_unix)
    }

    fn finish_at(mut self, now_unix: f64) -> CallResult {
        let tries = self.tries.take().map(|tries| Box::new(tries.map(|raw| raw.finish_at(now_unix))));
        let account = Account::of(&self);
        let complete = self.error.is_none() && self.cancelled.is_none();
        let facts = Facts {
            stream: self.streamed,
            complete,
            streamed_tokens: account.streamed,
            stall_threshold: self.call.params.stall_threshold,
        };
        let events = self.content_events(&account);
        let reasoning_chunks = events.iter().filter(|e| !e.visible).count() as u64;
        let timeline = Timeline::new(&self.points, &events, &facts);
        let slo = self.call.params.slo.unwrap_or(self.call.spec.slo);
        let slo_met = match self.cancelled {
            Some(CancelReason::Interrupted) => None,
            // Whoever waits for the answer waits for all attempts.
            _ => {
                let earlier = tries.as_ref().map_or(0.0, |t| millis_between(t.start, self.points.start));
                let total = |ms: Option<f64>| ms.map(|ms| ms + earlier);
                slo.met(self.error.is_some(), total(timeline.ttft), timeline.tpot, total(timeline.e2e))
            }
        };
        let asked_model = self.call.model().to_owned();
        let error_text = self.error_text();
        let (spec, answer) = (&self.call.spec, &mut self.answer);
        let request = &self.call.request;
        let cost = account
            .usage
            .and_then(|usage| cost::cost(spec, request, answer.model.as_deref(), &usage, answer.stated_cost));
        if let (Some(usage), Some(reservation)) = (&account.usage, self.reservation.take()) {
            reservation.settle(usage, cost, !complete);
        }
        let headers = self.head.as_ref().map_or_else(Vec::new, |h| h.headers.clone());
        let request_id = self
            .head
            .as_ref()
            .and_then(|h| REQUEST_ID_HEADERS.iter().find_map(|name| h.header(name)))
            .map(str::to_owned)
            .or_else(|| answer.id.clone());
        let mut arrivals: Vec<(Instant, u64)> = answer
            .arrivals
            .iter()
            .zip(&account.shares)
            .map(|(a, tokens)| (a.at, *tokens))
            .filter(|a| a.1 > 0)
            .collect();
        if arrivals.is_empty() {
            // Counted but never seen (all of it hidden reasoning).
            arrivals.extend(account.usage.filter(|u| u.output > 0).map(|u| (self.points.end, u.output)));
        }
        let choice = answer.choices.first_mut().map(std::mem::take).unwrap_or_default();
        let finish_reason = match (&self.error, self.cancelled) {
            (_, Some(_)) => Some(FinishReason::Cancelled),
            (Some(_), None) => Some(FinishReason::Error),
            (None, None) => match choice.finish_reason.as_deref() {
                // These APIs have no word of their own for it.
                Some("completed" | "STOP" | "stop") if !choice.tool_calls.is_empty() => Some(FinishReason::ToolCalls),
                word => word.map(FinishReason::from_word),
            },
        };
        let content = match complete {
            true => Findings::of(&choice, finish_reason, self.call.params.validate.as_ref()),
            false => Findings::default(),
        };
        let took = millis_between(self.points.start, self.points.end);
        let energy = spec.energy.and_then(|energy| Some(energy.joules(&account.usage?, took)));
        CallResult {
            itl: timeline.itl.as_deref().and_then(itl_stats),
            status: self.head.as_ref().map_or(0, |h| h.status),
            stream: self.call.stream,
            error: self.error,
            cancelled: self.cancelled,
            text: choice.text,
            reasoning: choice.reasoning,
            refusal: Some(choice.refusal).filter(|r| !r.is_empty()),
            tool_calls: choice.tool_calls,
            finish_reason,
            finish_reason_raw: choice.finish_reason,
            embeddings: std::mem::take(&mut answer.embeddings),
            ranking: std::mem::take(&mut answer.ranking),
            usage: account.usage,
            usage_disbelieved: answer.usage_disbelieved,
            usage_raw: answer.usage_raw.take(),
            server: ServerFigures::read(answer.server_timings.as_deref(), &headers),
            server_timings: answer.server_timings.take(),
            timeline,
            cost,
            slo_met,
            model: answer.model.take(),
            request_id,
            rate_limit: RateLimit::read(&headers, error_text.as_deref(), now_unix),
            timings: self.timings,
            headers,
            chunks: if self.streamed { answer.arrivals.len() as u64 } else { 0 },
            reasoning_chunks,
            events: if self.streamed { answer.events } else { 0 },
            body_bytes: self.body_bytes,
            body: self.body,
            tries,
            content,
            energy,
            budget_share: self.call.budget.as_ref().map(super::budget::Ticket::share_spent),
            points: self.points,
            token_count_gap: account.gap,
            arrivals,
            spec: self.call.spec,
            params: self.call.params,
            asked_model,
        }
    }

    fn content_events(&self, account: &Account) -> Vec<ContentEvent> {
        let answer = &self.answer;
        answer
            .arrivals
            .iter()
            .enumerate()
            .map(|(n, arrival)| ContentEvent {
                at: arrival.at,
                visible: answer.parts_of(n).iter().any(|p| p.kind.is_visible()),
                tokens: account.per_event.as_ref().map(|counts| counts[n]),
            })
            .collect()
    }
}

impl CallResult {
    /// Whether the call did what the script asked: answered in full, or disconnected on purpose.
    pub fn ok(&self) -> bool {
        self.error.is_none()
    }

    /// How often it was sent.
    pub fn attempts(&self) -> u32 {
        self.tries.as_ref().map_or(1, |tries| tries.attempts())
    }

    /// Input and output tokens of all attempts.
    pub fn tokens_taken(&self) -> (u64, u64) {
        let earlier = self.tries.iter().flat_map(|tries| &tries.earlier).filter_map(|earlier| earlier.attempt.usage);
        self.usage.into_iter().chain(earlier).fold((0, 0), |(i, o), usage| (i + usage.input, o + usage.output))
    }

    /// t_start - t_intended, of the first attempt. Milliseconds; None without an intended start.
    pub fn schedule_delay(&self) -> Option<f64> {
        let start = self.tries.as_ref().map_or(self.points.start, |tries| tries.start);
        self.points.intended.map(|intended| millis_between(intended, start))
    }

    /// t_last - t_intended: what a user waits for who came when the schedule says. Milliseconds; None where `e2e` is, and without
    /// an intended start.
    pub fn e2e_intended(&self) -> Option<f64> {
        let late = millis_between(self.points.intended?, self.points.start);
        self.timeline.e2e.map(|ms| ms + late)
    }

    /// A time of the last attempt, counted from the start of the first one. Milliseconds.
    pub fn since_first_attempt(&self, ms: Option<f64>) -> Option<f64> {
        let earlier = self.tries.as_ref().map_or(0.0, |tries| millis_between(tries.start, self.points.start));
        ms.map(|ms| ms + earlier)
    }
}

fn itl_stats(samples: &[f64]) -> Option<ItlStats> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    // Between the two nearest ranks, as k6 does for its trends.
    let quantile = |q: f64| {
        let rank = q * (sorted.len() - 1) as f64;
        let (below, above) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
        below + (above - below) * rank.fract()
    };
    Some(ItlStats {
        min,
        max,
        avg: sorted.iter().sum::<f64>() / sorted.len() as f64,
        med: quantile(0.5),
        p90: quantile(0.9),
        p95: quantile(0.95),
        p99: quantile(0.99),
        count: sorted.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_words() {
        for (word, reason) in [
            ("stop", FinishReason::Stop),
            ("eos_token", FinishReason::Stop),
            ("model_length", FinishReason::Length),
            ("limit", FinishReason::Length),
            ("function_call", FinishReason::ToolCalls),
            ("content_filter", FinishReason::ContentFilter),
            ("insufficient_system_resource", FinishReason::Error),
            ("blocked:PROHIBITED_CONTENT", FinishReason::ContentFilter),
            ("guardrail_intervened", FinishReason::ContentFilter),
            ("COMPLETE", FinishReason::Stop),
            ("MAX_TOKENS", FinishReason::Length),
        ] {
            assert_eq!(FinishReason::from_word(word), reason, "{word}");
        }
    }

    #[test]
    fn itl_statistics() {
        assert_eq!(itl_stats(&[]), None);
        let s = itl_stats(&[40.0, 10.0, 20.0, 30.0]).unwrap();
        assert_eq!((s.min, s.avg, s.med, s.max, s.count), (10.0, 25.0, 25.0, 40.0, 4));
        assert!((s.p90 - 37.0).abs() < 1e-9);
    }
}
