//! The token counts of a finished call, their source, and how they spread over its events.
//!
//! Called by `result` after the call has ended, off the network task. Source per call: the provider's usage, else the model's
//! own vocabulary, else an estimate. Counts of a call that never got output are not invented.

use super::call::RawCall;
use super::result::Usage;
use super::tokens::increments;
use crate::metrics::sample::TokenSource;

/// Token counts of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Account {
    /// Counts; None when nothing was generated and the provider states nothing.
    pub(super) usage: Option<Usage>,
    /// Exact tokens per content event, by running usage or vocabulary; None when not known.
    pub(super) per_event: Option<Vec<u32>>,
    /// Output tokens that came over the stream, by the best source.
    pub(super) streamed: Option<u64>,
    /// All output tokens by content event, for counting when they arrived: adds up to the output exactly.
    pub(super) shares: Vec<u64>,
    /// Provider's streamed output minus ours by vocabulary, when both are known.
    pub(super) gap: Option<f64>,
}

impl Account {
    pub(super) fn of(raw: &RawCall) -> Self {
        let (spec, answer) = (&raw.call.spec, &raw.answer);
        let (tokenizer, exact) = spec.tokenizer_for(&raw.call.request);
        let by_vocabulary = if exact { increments::per_event(answer, tokenizer) } else { None };
        let counted: Option<u64> = by_vocabulary.as_ref().map(|c| c.iter().map(|n| u64::from(*n)).sum());

        let stated = answer.usage.filter(|u| u.output.is_some() || u.input.is_some());
        let usage = match stated {
            Some(stated) => Some(Usage {
                // A server that states one side only is believed on that side.
                input: stated.input.unwrap_or_else(|| tokenizer.count_messages(&raw.call.request.messages)),
                output: stated.output.unwrap_or_else(|| count_answer(raw, tokenizer).0),
                cached: stated.cached,
                cache_write: stated.cache_write.unwrap_or(0),
                reasoning: stated.reasoning,
                source: TokenSource::Provider,
            }),
            // An answer without content that is not a failure is still a processed prompt.
            None if answer.has_output() || (raw.error.is_none() && raw.cancelled.is_none()) => {
                let (output, reasoning) = count_answer(raw, tokenizer);
                Some(Usage {
                    input: tokenizer.count_messages(&raw.call.request.messages),
                    output,
                    cached: None,
                    cache_write: 0,
                    reasoning: Some(reasoning),
                    source: if exact { TokenSource::Tokenizer } else { TokenSource::Estimate },
                })
            }
            None => None,
        };

        let reasoning_sent = answer.choices.iter().any(|c| !c.reasoning.is_empty());
        let hidden = usage
            .filter(|u| u.source == TokenSource::Provider && !reasoning_sent)
            .map_or(0, |u| u.reasoning.unwrap_or(0));
        let streamed = usage.map(|u| u.output.saturating_sub(hidden));
        let gap = match (stated.and_then(|u| u.output), counted) {
            (Some(output), Some(counted)) => Some(output.saturating_sub(hidden) as f64 - counted as f64),
            _ => None,
        };
        let per_event = increments::from_running_usage(answer).or(by_vocabulary);
        let shares = usage.map_or_else(Vec::new, |u| shares(raw, u.output, hidden, per_event.as_deref()));
        Self { usage, per_event, streamed, shares, gap }
    }
}

/// Output and reasoning tokens by the tokenizer at hand.
fn count_answer(raw: &RawCall, tokenizer: &super::tokens::Tokenizer) -> (u64, u64) {
    let mut output = 0;
    let mut reasoning = 0;
    for c in &raw.answer.choices {
        let thought = tokenizer.count(&c.reasoning);
        reasoning += thought;
        output += thought;
        output += [&c.text, &c.tool_text, &c.refusal, &c.audio].into_iter().map(|t| tokenizer.count(t)).sum::<u64>();
    }
    (output, reasoning)
}

/// Spreads the output over the events. Hidden reasoning never arrives; it is booked at the first event, which it delayed.
fn shares(raw: &RawCall, output: u64, hidden: u64, per_event: Option<&[u32]>) -> Vec<u64> {
    let hidden = hidden.min(output);
    let mut shares = match per_event {
        Some(weights) if weights.iter().any(|w| *w > 0) => increments::share_out(output - hidden, weights),
        _ => increments::share_out(output - hidden, &increments::characters_per_event(&raw.answer)),
    };
    if let Some(first) = shares.first_mut() {
        *first += hidden;
    }
    shares
}
