//! Where a recorded body is cut into chunks: as it came, whole, by events, by bytes, at random.
//!
//! The framings are read here on their own, only as far as their ends go; what an event means is not looked at. Pure.

use std::fmt;
use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::mock::dist::KnobError;
use crate::mock::recording::Recording;

/// Largest piece of random cuts, as a power of two.
const LARGEST: f64 = 12.0;

/// How bodies are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cuts {
    /// As recorded; one event a chunk where that is not known.
    #[default]
    Recorded,
    /// One chunk.
    Whole,
    /// One event a chunk.
    Event,
    /// So many bytes a chunk.
    Bytes(usize),
    /// Anywhere, in pieces of 1 to 4096 bytes, small ones as often as large ones; the same seed cuts the same recording the
    /// same way.
    Random {
        /// None = the mock's own.
        seed: Option<u64>,
    },
}

impl Cuts {
    /// The known forms, for messages.
    pub(in crate::mock) const FORMS: &'static str = "recorded, whole, event, BYTES, random, random:SEED";
}

impl FromStr for Cuts {
    type Err = KnobError;

    fn from_str(text: &str) -> Result<Self, KnobError> {
        let wrong = || KnobError(format!("`{text}` says not how to cut a recording; known: {}", Self::FORMS));
        match text.trim() {
            "recorded" => Ok(Self::Recorded),
            "whole" => Ok(Self::Whole),
            "event" => Ok(Self::Event),
            "random" => Ok(Self::Random { seed: None }),
            other => match other.strip_prefix("random:") {
                Some(seed) => seed.parse().map(|seed| Self::Random { seed: Some(seed) }).map_err(|_| wrong()),
                None => other.parse().ok().filter(|bytes| *bytes > 0).map(Self::Bytes).ok_or_else(wrong),
            },
        }
    }
}

impl fmt::Display for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded => f.write_str("recorded"),
            Self::Whole => f.write_str("whole"),
            Self::Event => f.write_str("event"),
            Self::Bytes(n) => write!(f, "{n}"),
            Self::Random { seed: None } => f.write_str("random"),
            Self::Random { seed: Some(seed) } => write!(f, "random:{seed}"),
        }
    }
}

/// Where the chunks of a recording end: rising, the last at the end of the body; none for an empty body.
pub(super) fn ends(cuts: Cuts, recording: &Recording, number: u64, seed: u64) -> Vec<usize> {
    let body = &recording.body;
    let mut ends = match cuts {
        Cuts::Recorded if !recording.arrivals.is_empty() => recording.arrivals.iter().map(|(end, _)| *end).collect(),
        Cuts::Recorded | Cuts::Event => events(recording.header("content-type").unwrap_or_default(), body),
        Cuts::Whole => Vec::new(),
        Cuts::Bytes(n) => (1..).map(|k: usize| k.saturating_mul(n)).take_while(|end| *end < body.len()).collect(),
        Cuts::Random { seed: own } => {
            let mut rng = ChaCha8Rng::seed_from_u64(own.unwrap_or(seed));
            rng.set_stream(number);
            let next = |end: &usize| Some(end + (2_f64.powf(rng.random::<f64>() * LARGEST)) as usize);
            std::iter::successors(Some(0), next).take_while(|end| *end < body.len()).collect()
        }
    };
    ends.push(body.len());
    ends.dedup();
    ends.retain(|end| *end > 0);
    ends
}

/// Where events end.
fn events(content_type: &str, body: &[u8]) -> Vec<usize> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/event-stream" => after_empty_lines(body),
        "application/vnd.amazon.eventstream" => after_frames(body),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            memchr::memchr_iter(b'\n', body).map(|at| at + 1).collect()
        }
        "application/json" if body.trim_ascii_start().starts_with(b"[") => after_elements(body),
        _ => Vec::new(),
    }
}

/// A line ends with `\n`, `\r\n` or `\r`.
fn after_empty_lines(body: &[u8]) -> Vec<usize> {
    let (mut ends, mut line, mut at, mut pending) = (Vec::new(), 0, 0, false);
    while at < body.len() {
        let (text, width) = match (body[at], body.get(at + 1)) {
            (b'\r', Some(b'\n')) => (false, 2),
            (b'\r' | b'\n', _) => (false, 1),
            _ => (true, 1),
        };
        at += width;
        if text {
            pending = true;
        } else {
            if line + width == at && pending {
                ends.push(at);
                pending = false;
            }
            line = at;
        }
    }
    ends
}

/// Every frame begins with its length, in four bytes.
fn after_frames(body: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut rest = body;
    while let Some((length, _)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        // What is no frame stays in one piece.
        if length < 16 || length > rest.len() {
            break;
        }
        rest = &rest[length..];
        ends.push(body.len() - rest.len());
    }
    ends
}

/// An element of the outer array, with the comma behind it.
fn after_elements(body: &[u8]) -> Vec<usize> {
    let (mut ends, mut depth, mut quoted, mut escaped) = (Vec::new(), 0_usize, false, false);
    for (at, byte) in body.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => ends.push(at + 1),
            _ => {}
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::recording::Wish;
    use proptest::prelude::*;
    use std::time::Duration;

    fn recording(content_type: &str, body: &[u8], arrivals: &[usize]) -> Recording {
        Recording {
            name: "n".to_owned(),
            method: "POST".to_owned(),
            path: None,
            query: String::new(),
            wish: Wish::default(),
            recorded_at: None,
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            head: Duration::ZERO,
            body: body.to_vec(),
            arrivals: arrivals.iter().map(|end| (*end, Duration::ZERO)).collect(),
            complete: true,
        }
    }

    fn pieces(cuts: &str, content_type: &str, body: &str) -> Vec<String> {
        let recording = recording(content_type, body.as_bytes(), &[]);
        let mut start = 0;
        let ends = ends(cuts.parse().unwrap(), &recording, 1, 0);
        let piece = |end: &usize| {
            String::from_utf8_lossy(&body.as_bytes()[std::mem::replace(&mut start, *end)..*end]).into_owned()
        };
        ends.iter().map(piece).collect()
    }

    #[test]
    fn each_framing_is_cut_after_its_events() {
        let sse = "text/event-stream; charset=utf-8";
        assert_eq!(
            pieces("event", sse, "\n: c\ndata: 1\n\ndata: 2\r\n\r\n\ndata: 3\r\rdata: 4\n"),
            ["\n: c\ndata: 1\n\n", "data: 2\r\n\r\n", "\ndata: 3\r\r", "data: 4\n"]
        );
        assert_eq!(pieces("recorded", "application/x-ndjson", "{}\n{}\n{"), ["{}\n", "{}\n", "{"]);
        assert_eq!(
            pieces("event", "application/json", r#"[{"a":"],{\","},{"b":[1,2]}]"#),
            [r#"[{"a":"],{\","},"#, r#"{"b":[1,2]}]"#]
        );
        assert_eq!(pieces("event", "application/json", r#"{"a":1,"b":2}"#), [r#"{"a":1,"b":2}"#]);
        assert_eq!(pieces("whole", sse, "data: 1\n\ndata: 2\n\n").len(), 1);
        assert_eq!(pieces("3", "text/plain", "12345678"), ["123", "456", "78"]);
        assert_eq!(pieces("1", sse, ""), Vec::<String>::new());
        let mut frames = vec![0, 0, 0, 16];
        frames.resize(16, 7);
        frames.extend([0, 0, 0, 18]);
        frames.resize(16 + 18, 8);
        frames.extend([0, 0, 0, 99]);
        assert_eq!(events("application/vnd.amazon.eventstream", &frames), [16, 34]);
    }

    #[test]
    fn recorded_chunks_stay_and_random_ones_follow_the_seed() {
        let recorded = recording("text/plain", b"abcdef", &[2, 2, 5, 6]);
        assert_eq!(ends(Cuts::Recorded, &recorded, 1, 0), [2, 5, 6]);
        let long = recording("text/plain", &[b'x'; 50_000], &[]);
        let cut = |text: &str, number| ends(text.parse().unwrap(), &long, number, 3);
        assert_eq!(cut("random:3", 1), cut("random", 1));
        assert!(cut("random:4", 1) != cut("random", 1) && cut("random", 2) != cut("random", 1));
        let sizes: Vec<usize> = cut("random", 1).windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(sizes.iter().any(|n| *n < 10) && sizes.iter().any(|n| *n > 500) && sizes.iter().all(|n| *n <= 4096));
    }

    #[test]
    fn forms_parse_and_print() {
        for text in ["recorded", "whole", "event", "17", "random", "random:5"] {
            assert_eq!(text.parse::<Cuts>().unwrap().to_string(), text);
        }
        for text in ["0", "-1", "random:x", "some"] {
            assert!(text.parse::<Cuts>().unwrap_err().to_string().contains("random:SEED"));
        }
    }

    proptest! {
        #[test]
        fn chunks_cover_the_body(
            body in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'['), Just(b','), Just(b'"'), any::<u8>()], 0..200),
            kind in prop_oneof![Just("text/event-stream"), Just("application/json"), Just("application/x-ndjson"), Just("application/vnd.amazon.eventstream")],
            cuts in prop_oneof![Just(Cuts::Recorded), Just(Cuts::Whole), Just(Cuts::Event), (1..9_usize).prop_map(Cuts::Bytes), Just(Cuts::Random { seed: None })],
        ) {
            let ends = ends(cuts, &recording(kind, &body, &[]), 1, 0);
            prop_assert!(ends.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(ends.last().copied().unwrap_or(0), body.len());
            prop_assert!(ends.first() != Some(&0));
        }
    }
}
