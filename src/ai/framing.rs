//! Where one event of a stream ends and the next begins: one enum over the framings that models' APIs use.
//!
//! Used by `reader`, on the network task. A framing never looks inside an event; providers do. An event's time is that of the
//! read that completed it, whatever the framing.

use std::time::Instant;

use crate::net::{aws_event_stream, json_array, json_lines, sse};

/// Longest event.
const LIMIT: usize = sse::DEFAULT_LIMIT;

/// How the events of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `text/event-stream`.
    Sse,
    /// One JSON value a line.
    JsonLines,
    /// One JSON array whose elements arrive one by one.
    JsonArray,
    /// `application/vnd.amazon.eventstream`: binary frames.
    AwsEventStream,
}

/// One event, borrowed from the chunk or from the parser's buffers.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// SSE's `event:`, or AWS's event or exception type; empty where there is none.
    pub name: &'a [u8],
    /// The data.
    pub data: &'a [u8],
    /// When the bytes that completed it were read.
    pub at: Instant,
    /// The framing itself says that this is an error (AWS exceptions).
    pub exception: bool,
}

impl<'a> Frame<'a> {
    /// An event without a name, as most have.
    pub fn of(data: &'a [u8], at: Instant) -> Self {
        Self { name: b"", data, at, exception: false }
    }
}

/// Splits one stream.
#[derive(Debug)]
pub enum Splitter {
    /// `text/event-stream`.
    Sse(sse::Parser),
    /// One JSON value a line.
    JsonLines(json_lines::Parser),
    /// One JSON array.
    JsonArray(json_array::Parser),
    /// Binary frames.
    AwsEventStream(aws_event_stream::Parser),
}

impl Splitter {
    /// At the start of a stream.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(sse::Parser::with_limit(LIMIT)),
            Framing::JsonLines => Self::JsonLines(json_lines::Parser::with_limit(LIMIT)),
            Framing::JsonArray => Self::JsonArray(json_array::Parser::with_limit(LIMIT)),
            Framing::AwsEventStream => Self::AwsEventStream(aws_event_stream::Parser::with_limit(LIMIT)),
        }
    }

    /// Takes one chunk that was read `at` and calls `on_frame` for each event it completes.
    ///
    /// # Errors
    /// What is wrong with the bytes; events before it have been delivered.
    pub fn feed(&mut self, bytes: &[u8], at: Instant, mut on_frame: impl FnMut(Frame<'_>)) -> Result<(), String> {
        match self {
            Self::Sse(p) => p
                .feed(bytes, at, |e| on_frame(Frame { name: e.name, data: e.data, at: e.at, exception: false }))
                .map_err(|e| e.to_string()),
            Self::JsonLines(p) => p.feed(bytes, |line| on_frame(Frame::of(line, at))).map_err(|e| e.to_string()),
            Self::JsonArray(p) => p.feed(bytes, |e| on_frame(Frame::of(e, at))).map_err(|e| e.to_string()),
            Self::AwsEventStream(p) => p
                .feed(bytes, |m| on_frame(Frame { name: m.name, data: m.payload, at, exception: m.exception }))
                .map_err(|e| e.to_string()),
        }
    }

    /// Ends the stream: yields an event that lacks nothing but its end.
    pub fn finish(&mut self, at: Instant, mut on_frame: impl FnMut(Frame<'_>)) {
        match self {
            Self::Sse(p) => {
                p.finish(at, |e| on_frame(Frame { name: e.name, data: e.data, at: e.at, exception: false }));
            }
            Self::JsonLines(p) => p.finish(|line| on_frame(Frame::of(line, at))),
            // Without its end there is no element, and no frame.
            Self::JsonArray(_) | Self::AwsEventStream(_) => {}
        }
    }

    /// Comments or blank lines, which servers send to keep a connection open.
    pub fn comments(&self) -> u64 {
        match self {
            Self::Sse(p) => p.comments(),
            Self::JsonLines(p) => p.blank_lines(),
            Self::JsonArray(_) | Self::AwsEventStream(_) => 0,
        }
    }
}

/// The media type of a `content-type` header: lower case, without parameters.
fn media_type(content_type: Option<&str>) -> String {
    content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Event streams, or a whole JSON reply: what most APIs answer. None = the reply is no stream, whatever was asked for.
pub fn sse_or_body(content_type: Option<&str>) -> Option<Framing> {
    match media_type(content_type).as_str() {
        "application/json" => None,
        "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => Some(Framing::JsonLines),
        _ => Some(Framing::Sse),
    }
}

/// Event streams, or a JSON array over chunks (Gemini).
pub fn sse_or_array(content_type: Option<&str>) -> Option<Framing> {
    match media_type(content_type).as_str() {
        "application/json" => Some(Framing::JsonArray),
        _ => Some(Framing::Sse),
    }
}

/// Lines of JSON (Ollama).
pub fn lines_or_body(content_type: Option<&str>) -> Option<Framing> {
    match media_type(content_type).as_str() {
        "application/json" => None,
        "text/event-stream" => Some(Framing::Sse),
        _ => Some(Framing::JsonLines),
    }
}

/// Binary frames (Bedrock).
pub fn aws_or_body(content_type: Option<&str>) -> Option<Framing> {
    match media_type(content_type).as_str() {
        "application/json" => None,
        "text/event-stream" => Some(Framing::Sse),
        _ => Some(Framing::AwsEventStream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framing: Framing, bytes: &[u8]) -> Vec<(String, String)> {
        let (mut splitter, mut out, at) = (Splitter::new(framing), Vec::new(), Instant::now());
        let mut take = |f: Frame<'_>| {
            out.push((String::from_utf8_lossy(f.name).into_owned(), String::from_utf8_lossy(f.data).into_owned()));
        };
        splitter.feed(bytes, at, &mut take).unwrap();
        splitter.finish(at, &mut take);
        out
    }

    #[test]
    fn one_interface_over_all() {
        let named = |name: &str, data: &str| (name.to_owned(), data.to_owned());
        assert_eq!(frames(Framing::Sse, b"event: ping\ndata: {}\n\ndata: 1"), [named("ping", "{}"), named("", "1")]);
        assert_eq!(frames(Framing::JsonLines, b"{}\n{\"a\":1}"), [named("", "{}"), named("", "{\"a\":1}")]);
        assert_eq!(frames(Framing::JsonArray, b"[{}\n,\n{\"a\":1}]"), [named("", "{}"), named("", "{\"a\":1}")]);
        assert!(frames(Framing::AwsEventStream, b"\0\0").is_empty());
        assert!(Splitter::new(Framing::JsonArray).feed(b"<html>", Instant::now(), |_| {}).is_err());
    }

    #[test]
    fn content_types() {
        assert_eq!(sse_or_body(Some("Application/JSON; charset=utf-8")), None);
        assert_eq!(sse_or_body(Some("text/event-stream")), Some(Framing::Sse));
        assert_eq!(sse_or_body(None), Some(Framing::Sse));
        assert_eq!(sse_or_array(Some("application/json")), Some(Framing::JsonArray));
        assert_eq!(lines_or_body(Some("application/x-ndjson")), Some(Framing::JsonLines));
        assert_eq!(aws_or_body(Some("application/vnd.amazon.eventstream")), Some(Framing::AwsEventStream));
    }
}
