//! Decides what one answer consists of and when each part is due.
//!
//! Pure but for the random numbers it is given. The writers ([`super::stream`], [`super::whole`]) follow it to the letter.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::config::MockConfig;
use super::dist::{CountDist, DelayDist};
use super::fault::{AfterTokens, Fault};
use super::http_request::Request;
use super::outage::Outage;
use super::question::Question;
use super::refused::Why;
use super::serving::Ticket;
use super::stall::Stall;
use super::structured::Structured;
use super::words::{Passage, corpus};

/// Knobs a single request turns by `x-mock-...` headers.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    pub(super) ttft: Option<DelayDist>,
    pub(super) itl: Option<DelayDist>,
    output_tokens: Option<CountDist>,
    reasoning_tokens: Option<CountDist>,
    pub(super) fault: Option<Fault>,
    pub(super) outage: Option<Outage>,
    pub(super) cached_tokens: Option<u64>,
}

impl Overrides {
    pub(super) fn from_headers(request: &Request) -> Result<Self, Why> {
        fn read<T: FromStr<Err: std::fmt::Display>>(request: &Request, name: &str) -> Result<Option<T>, Why> {
            let parse =
                |text: &str| text.parse().map_err(|why: T::Err| Why::invalid(None, format!("header {name}: {why}")));
            request.header(name).map(parse).transpose()
        }
        Ok(Self {
            ttft: read(request, "x-mock-ttft-ms")?,
            itl: read(request, "x-mock-itl-ms")?,
            output_tokens: read(request, "x-mock-output-tokens")?,
            reasoning_tokens: read(request, "x-mock-reasoning-tokens")?,
            fault: read(request, "x-mock-error")?,
            outage: read(request, "x-mock-outage")?,
            cached_tokens: read(request, "x-mock-cached-tokens")?,
        })
    }
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub(super) struct ToolCall {
    pub(super) name: String,
    /// As JSON.
    pub(super) arguments: Arc<str>,
}

/// The answer to one request.
pub(super) struct Plan {
    pub(super) reasoning_tokens: u32,
    pub(super) output_tokens: u32,
    /// Of the next event.
    pub(super) chunk_tokens: u32,
    chunks: CountDist,
    stall: Option<Stall>,
    jitter: Option<DelayDist>,
    /// The place in the serving model, which decides when tokens are due.
    pub(super) served: Option<Ticket>,
    /// When the last token is due, once the serving model has told.
    last_due: Option<Instant>,
    /// The tool that is called; the output is its arguments.
    pub(super) tool: Option<ToolCall>,
    /// `stop`, `length` or `tool_calls`.
    pub(super) finish: &'static str,
    /// The stop sequence before which the output ends.
    pub(super) stopped_by: Option<String>,
    /// When the response head is due: at once, but for `slow-headers`.
    pub(super) head_due: Instant,
    pub(super) first_due: Instant,
    gap: DelayDist,
    rng: ChaCha8Rng,
    pub(super) reasoning: Passage,
    pub(super) output: Passage,
    pub(super) fault: Option<Fault>,
}

impl Plan {
    pub(super) fn make(
        config: &MockConfig,
        asked: &Question,
        overrides: &Overrides,
        fault: Option<Fault>,
        base: Instant,
        mut rng: ChaCha8Rng,
    ) -> Self {
        let wanted_reasoning = match overrides.reasoning_tokens.unwrap_or(config.reasoning_tokens).draw(&mut rng) {
            0 if overrides.reasoning_tokens.is_none() => asked.reasoning_tokens,
            n => n,
        };
        let wanted_output = overrides.output_tokens.unwrap_or(config.output_tokens).draw(&mut rng);
        let (reasoning, mut output) = (corpus().passage(rng.random()), corpus().passage(rng.random()));
        let (mut wanted_output, mut ended, mut tool) = (wanted_output, "stop", None);
        if let Some(structured) = &asked.structured {
            (output, wanted_output) = Passage::of_text(structured.text());
            if let Structured::Tool { name, arguments } = structured {
                (ended, tool) = ("tool_calls", Some(ToolCall { name: name.clone(), arguments: Arc::clone(arguments) }));
            }
        } else {
            wanted_output = wanted_output.max(asked.min_tokens.saturating_sub(wanted_reasoning));
        }

        let (mut reasoning_tokens, mut output_tokens, mut finish) = (wanted_reasoning, wanted_output, ended);
        let goes_on = asked.ignore_eos && asked.structured.is_none();
        if let Some(limit) = asked.max_tokens
            && (goes_on || reasoning_tokens.saturating_add(output_tokens) >= limit)
        {
            reasoning_tokens = reasoning_tokens.min(limit);
            output_tokens = limit - reasoning_tokens;
            finish = "length";
        }
        let mut stopped_by = None;
        if !asked.stops.is_empty()
            && let Some((before, stop)) = output.tokens_before(&asked.stops, output_tokens as usize)
        {
            (output_tokens, finish, stopped_by) = (before as u32, "stop", Some(stop));
        }
        if let Some(Fault::Huge(bytes)) = fault {
            (reasoning_tokens, output_tokens, finish) = (0, huge_tokens(bytes), "stop");
        }
        if fault == Some(Fault::Endless) {
            // More than anybody waits for: decades at any pace.
            (reasoning_tokens, output_tokens, finish) = (0, u32::MAX, "stop");
        }
        let head_due = match fault {
            Some(Fault::SlowHeaders(delay)) => base + delay,
            _ => base,
        };
        let first_due = base + overrides.ttft.unwrap_or(config.ttft).draw(&mut rng);
        let chunk_tokens = config.chunk_tokens.draw(&mut rng).max(1);
        Self {
            reasoning_tokens,
            output_tokens,
            chunk_tokens,
            chunks: config.chunk_tokens,
            stall: config.stall,
            jitter: config.jitter,
            served: None,
            last_due: None,
            // A fault of one huge event is prose.
            tool: tool.filter(|_| !matches!(fault, Some(Fault::Huge(_) | Fault::Endless))),
            finish,
            stopped_by,
            head_due,
            first_due: first_due.max(head_due),
            gap: overrides.itl.unwrap_or(config.itl),
            rng,
            reasoning,
            output,
            fault,
        }
    }

    /// Tokens of reasoning and output.
    pub(super) fn total_tokens(&self) -> u32 {
        self.reasoning_tokens + self.output_tokens
    }

    /// The time that generating `tokens` tokens takes, stalls included.
    pub(super) fn gaps(&mut self, tokens: u32) -> Duration {
        let gaps: Duration = (0..tokens).map(|_| self.gap.draw(&mut self.rng)).sum();
        gaps + self.stalls(tokens)
    }

    /// Pauses that come on top while so many tokens are generated.
    pub(super) fn stalls(&mut self, tokens: u32) -> Duration {
        let Some(stall) = self.stall else { return Duration::ZERO };
        (0..tokens).map(|_| stall.draw(&mut self.rng)).sum()
    }

    /// What the network adds to the next event.
    pub(super) fn jitter(&mut self) -> Duration {
        self.jitter.map_or(Duration::ZERO, |jitter| jitter.draw(&mut self.rng))
    }

    /// Draws the size of the next event.
    pub(super) fn next_chunk(&mut self) {
        self.chunk_tokens = self.chunks.draw(&mut self.rng).max(1);
    }

    /// Prefill of so many tokens at that rate comes before the first token.
    pub(super) fn prefill(&mut self, tokens: u64, rate: f64) {
        self.first_due += Duration::from_secs_f64((tokens as f64 / rate).min(86_400.0));
    }

    /// Tokens the serving model is asked for. A huge event is one piece, whatever its size.
    pub(super) fn served_tokens(&self) -> u32 {
        if matches!(self.fault, Some(Fault::Huge(_))) { 1 } else { self.total_tokens().max(1) }
    }

    /// The serving model has told when the first and the last token are due.
    pub(super) fn served_from(&mut self, first: Instant, last: Instant) {
        self.first_due = first.max(self.head_due);
        self.last_due = Some(last.max(self.first_due));
    }

    /// When the last token is due. Draws: asked once.
    pub(super) fn end_due(&mut self) -> Instant {
        let tokens = self.served_tokens();
        let end = match self.last_due {
            Some(last) => last + self.stalls(tokens - 1),
            None => self.first_due + self.gaps(tokens - 1),
        };
        end + self.jitter()
    }

    /// The call of a tool, if one is made and its arguments are not cut off: what dialects need that send calls whole.
    pub(super) fn whole_call(&self) -> Option<&ToolCall> {
        self.tool.as_ref().filter(|_| self.finish == "tool_calls")
    }

    /// The whole output, as it stands inside a JSON string; empty for a huge one.
    pub(super) fn output_text(&self) -> String {
        match self.fault {
            Some(Fault::Huge(_)) => String::new(),
            _ => text_of(&self.output, self.output_tokens),
        }
    }

    /// The whole reasoning, as it stands inside a JSON string.
    pub(super) fn reasoning_text(&self) -> String {
        text_of(&self.reasoning, self.reasoning_tokens)
    }

    /// After how many tokens a fault that strikes inside a stream does so; never more than there are.
    pub(super) fn strikes_at(&self, after: AfterTokens) -> u32 {
        after.unwrap_or(self.total_tokens() / 2).min(self.total_tokens())
    }
}

fn text_of(passage: &Passage, tokens: u32) -> String {
    let mut text = Vec::new();
    passage.clone().write(tokens as usize, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The text of `huge`, one token of four bytes again and again.
pub(super) const HUGE_WORD: &[u8] = b" the";

fn huge_tokens(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(HUGE_WORD.len() as u64)).unwrap_or(u32::MAX)
}
