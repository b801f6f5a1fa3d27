//! The ways a mock can fail on purpose, and the text form of each (`500`, `cut:3`, `stall:10:500`, `hang`).
//!
//! Chosen per request by the header `x-mock-error` or at random by `--error-rate`. What a fault looks like on the wire
//! is the dialect's business.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::dist::{KnobError, parse_duration_ns};

/// Delay of `slow-headers` when none is stated.
const DEFAULT_SLOW: Duration = Duration::from_secs(2);
/// Size of `huge` when none is stated.
const DEFAULT_HUGE: u64 = 10_000_000;
/// Headers of `header-flood` when none are stated.
const DEFAULT_FLOOD: u32 = 1_000;
/// Most of them.
const MAX_FLOOD: u32 = 100_000;
/// Largest `huge`.
const MAX_HUGE: u64 = 1_000_000_000;

/// When in a stream a fault strikes: after so many tokens, or (None) after half of the output.
pub type AfterTokens = Option<u32>;

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status (400..=599) and the dialect's error body for it.
    Status(u16),
    /// 429 that says the quota is used up: waiting does not help.
    Quota,
    /// 400 that says the prompt is longer than the model's context.
    ContextLength,
    /// Closes the connection after so many tokens, without ending the response.
    Cut(AfterTokens),
    /// As `Cut`, but with a TCP reset.
    Reset(AfterTokens),
    /// Falls silent after so many tokens; for ever, or for the stated time.
    Stall(AfterTokens, Option<Duration>),
    /// Sends an event that is not JSON after so many tokens, then goes on.
    Garbage(AfterTokens),
    /// Sends an error event inside the 200 stream after so many tokens, and ends.
    ErrorEvent(AfterTokens),
    /// Accepts the request and never answers.
    Hang,
    /// Sends the response head only after this time.
    SlowHeaders(Duration),
    /// Puts bytes that are not UTF-8 into the text of the second event.
    InvalidUtf8,
    /// Answers with one event of this many bytes of text.
    Huge(u64),
    /// Resets the connection without an answer, as a server does that is gone.
    Refuse,
    /// With TLS the handshake fails; without it as `Refuse`.
    TlsFailure,
    /// Answers 200 with a page of HTML, as a proxy in between does.
    WrongType,
    /// Sends so many headers more.
    HeaderFlood(u32),
    /// Streams for ever; a call that is not streamed gets no answer.
    Endless,
    /// Cuts the second event in the middle of a character, into two chunks.
    SplitUtf8,
}

impl Fault {
    /// The names that [`FromStr`] understands, for help texts and error messages.
    pub const FORMS: &'static str = "rate_limited (429), server (500), overloaded (503), auth (401), any status 400..599, quota, \
         context_length, cut[:N], reset[:N], stall[:N[:MS]], garbage[:N], error[:N], hang, slow-headers[:MS] (slow), \
         invalid-utf8, split-utf8, huge[:BYTES], refuse, tls-failure, wrong-type, header-flood[:N], endless";
}

impl FromStr for Fault {
    type Err = KnobError;

    fn from_str(text: &str) -> Result<Self, KnobError> {
        let text = text.trim();
        let fail = |why: &str| KnobError(format!("`{text}` is not a kind of error: {why}; known: {}", Self::FORMS));
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase().replace('_', "-");
        let args: Vec<&str> = parts.map(str::trim).collect();
        let takes = |most: usize| if args.len() > most { Err(fail("too many values after the colon")) } else { Ok(()) };
        let after = || -> Result<AfterTokens, KnobError> {
            match args.first() {
                None | Some(&"") => Ok(None),
                Some(n) => n.parse().map(Some).map_err(|_| fail("N is a whole number of tokens")),
            }
        };
        let millis = |at: usize| -> Result<Option<Duration>, KnobError> {
            match args.get(at) {
                None | Some(&"") => Ok(None),
                Some(ms) => parse_duration_ns(ms)
                    .map(|ns| Some(Duration::from_nanos(ns as u64)))
                    .ok_or_else(|| fail("MS is a time in milliseconds")),
            }
        };
        let fault = match name.as_str() {
            "rate-limited" | "rate-limit" => Self::Status(429),
            "server" => Self::Status(500),
            "overloaded" => Self::Status(503),
            "auth" => Self::Status(401),
            "not-found" => Self::Status(404),
            "quota" | "quota-exhausted" => Self::Quota,
            "context-length" => Self::ContextLength,
            "cut" => Self::Cut(after()?),
            "reset" => Self::Reset(after()?),
            "stall" => Self::Stall(after()?, millis(1)?),
            "garbage" => Self::Garbage(after()?),
            "error" => Self::ErrorEvent(after()?),
            "hang" => Self::Hang,
            "slow-headers" | "slow" => Self::SlowHeaders(millis(0)?.unwrap_or(DEFAULT_SLOW)),
            "invalid-utf8" => Self::InvalidUtf8,
            "huge" => match args.first() {
                None => Self::Huge(DEFAULT_HUGE),
                Some(n) => Self::Huge(
                    n.parse()
                        .ok()
                        .filter(|n| (1..=MAX_HUGE).contains(n))
                        .ok_or_else(|| fail("BYTES is a whole number from 1 to 1000000000"))?,
                ),
            },
            "refuse" => Self::Refuse,
            "tls-failure" => Self::TlsFailure,
            "wrong-type" => Self::WrongType,
            "endless" => Self::Endless,
            "split-utf8" => Self::SplitUtf8,
            "header-flood" => match args.first() {
                None => Self::HeaderFlood(DEFAULT_FLOOD),
                Some(n) => Self::HeaderFlood(
                    n.parse()
                        .ok()
                        .filter(|n| (1..=MAX_FLOOD).contains(n))
                        .ok_or_else(|| fail("N is a whole number from 1 to 100000"))?,
                ),
            },
            other => match other.parse::<u16>() {
                Ok(status @ 400..=599) => Self::Status(status),
                Ok(_) => return Err(fail("a status to fail with is 400..599")),
                Err(_) => return Err(fail("unknown name")),
            },
        };
        match fault {
            Self::Stall(..) => takes(2)?,
            Self::Cut(_) | Self::Reset(_) | Self::Garbage(_) | Self::ErrorEvent(_) => takes(1)?,
            Self::SlowHeaders(_) | Self::Huge(_) | Self::HeaderFlood(_) => takes(1)?,
            _ => takes(0)?,
        }
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name_after = |f: &mut fmt::Formatter<'_>, name: &str, after: &AfterTokens| match after {
            Some(n) => write!(f, "{name}:{n}"),
            None => f.write_str(name),
        };
        match self {
            Self::Status(429) => f.write_str("rate_limited"),
            Self::Status(500) => f.write_str("server"),
            Self::Status(503) => f.write_str("overloaded"),
            Self::Status(401) => f.write_str("auth"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Quota => f.write_str("quota"),
            Self::ContextLength => f.write_str("context_length"),
            Self::Cut(after) => name_after(f, "cut", after),
            Self::Reset(after) => name_after(f, "reset", after),
            Self::Stall(after, None) => name_after(f, "stall", after),
            Self::Stall(after, Some(pause)) => {
                name_after(f, "stall", after)?;
                write!(f, "{}:{}", if after.is_some() { "" } else { ":" }, pause.as_secs_f64() * 1e3)
            }
            Self::Garbage(after) => name_after(f, "garbage", after),
            Self::ErrorEvent(after) => name_after(f, "error", after),
            Self::Hang => f.write_str("hang"),
            Self::SlowHeaders(delay) => write!(f, "slow-headers:{}", delay.as_secs_f64() * 1e3),
            Self::InvalidUtf8 => f.write_str("invalid-utf8"),
            Self::Huge(bytes) => write!(f, "huge:{bytes}"),
            Self::Refuse => f.write_str("refuse"),
            Self::TlsFailure => f.write_str("tls-failure"),
            Self::WrongType => f.write_str("wrong-type"),
            Self::HeaderFlood(n) => write!(f, "header-flood:{n}"),
            Self::Endless => f.write_str("endless"),
            Self::SplitUtf8 => f.write_str("split-utf8"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_parses_and_prints_back_to_itself() {
        for text in [
            "429",
            "rate_limited",
            "server",
            "overloaded",
            "auth",
            "404",
            "quota",
            "context_length",
            "cut",
            "cut:3",
            "reset:1",
            "stall:10",
            "stall:10:500",
            "stall::500",
            "garbage:0",
            "error:2",
            "hang",
            "slow",
            "slow-headers:250",
            "invalid-utf8",
            "huge:1000",
            "refuse",
            "tls-failure",
            "wrong-type",
            "header-flood:50",
            "endless",
            "split-utf8",
        ] {
            let fault: Fault = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault, "{text} -> {fault}");
        }
        assert_eq!("stall:10:500".parse(), Ok(Fault::Stall(Some(10), Some(Duration::from_millis(500)))));
        assert_eq!("slow".parse(), Ok(Fault::SlowHeaders(DEFAULT_SLOW)));
    }

    #[test]
    fn unknown_forms_list_the_known_ones() {
        for text in
            ["", "explode", "200", "cut:x", "cut:1:2", "hang:1", "huge:0", "header-flood:0", "refuse:1", "stall:1:x"]
        {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains("known: rate_limited"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,20}") {
            let _ = text.parse::<Fault>();
        }
    }
}
