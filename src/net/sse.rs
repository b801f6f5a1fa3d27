//! A push parser for `text/event-stream` as the WHATWG defines it: bytes in, events out, no I/O and no clock.
//!
//! Called by whoever reads a streaming answer, once per chunk. The events are the same however the bytes are cut. An event
//! whose data is one line inside one chunk (every token of every provider) is borrowed from the chunk: no copy, no
//! allocation. It does not reconnect, and it does not decode UTF-8: see [`Event::data_str`].
//!
//! [`super::sse_xk6`] has the simpler rules of the `k6/x/sse` extension.

use std::borrow::Cow;
use std::time::Instant;

use memchr::{memchr, memchr2};

/// Longest line, and largest event, by default: 16 MiB.
pub const DEFAULT_LIMIT: usize = 16 << 20;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One event, borrowed from the chunk or from the parser's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field; empty when absent, which the WHATWG reads as `message`.
    pub name: &'a [u8],
    /// The `data:` lines joined by LF.
    pub data: &'a [u8],
    /// The last event id seen on the stream (sticky, as the WHATWG has it); empty when none.
    pub id: &'a [u8],
    /// When the bytes that completed the event were read.
    pub at: Instant,
    /// The stream ended before the blank line that should have ended this event. The WHATWG discards such an event;
    /// only [`Parser::finish`] yields it, so that the caller may choose.
    pub unterminated: bool,
}

impl<'a> Event<'a> {
    /// The data as text; bytes that are not UTF-8 become U+FFFD.
    pub fn data_str(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.data)
    }

    /// The event's type as text, `message` when the stream named none.
    pub fn name_str(&self) -> Cow<'a, str> {
        if self.name.is_empty() { Cow::Borrowed("message") } else { String::from_utf8_lossy(self.name) }
    }
}

/// The stream broke a limit; the parser stays in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// A line, still without its end, is longer than the limit.
    #[error("a line of the event stream is longer than {limit} bytes; is the answer an event stream at all?")]
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The data lines of one event add up to more than the limit.
    #[error("one event of the stream is larger than {limit} bytes; is the blank line after it missing?")]
    EventTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

/// The data of the event being read.
#[derive(Debug, Default)]
enum Data {
    /// No `data` line yet: a blank line dispatches nothing.
    #[default]
    None,
    /// One line, at this range of the current chunk.
    InChunk(usize, usize),
    /// In the parser's `data` buffer.
    Buffered,
}

/// The parser. Feed it chunks in order; call [`Parser::finish`] at the end of the stream.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    /// A line whose end has not arrived.
    line: Vec<u8>,
    data: Vec<u8>,
    data_state: Data,
    name: Vec<u8>,
    id: Vec<u8>,
    /// The last chunk ended in CR: a leading LF belongs to it.
    skip_lf: bool,
    /// Bytes of a byte order mark seen at the start of the stream; None once past the start.
    bom: Option<usize>,
    retry_ms: Option<u64>,
    comments: u64,
    error: Option<SseError>,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// A parser at the start of a stream, with [`DEFAULT_LIMIT`].
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A parser that refuses lines and events longer than `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            data: Vec::new(),
            data_state: Data::None,
            name: Vec::new(),
            id: Vec::new(),
            skip_lf: false,
            bom: Some(0),
            retry_ms: None,
            comments: 0,
            error: None,
        }
    }

    /// Parses one chunk that was read `at`, calling `on_event` for each event it completes.
    ///
    /// # Errors
    /// A limit was broken; events before it have been delivered. Every later call fails in the same way.
    pub fn feed(&mut self, chunk: &[u8], at: Instant, mut on_event: impl FnMut(Event<'_>)) -> Result<(), SseError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let result = self.parse(chunk, at, &mut on_event);
        self.error = result.err();
        self.keep_data(chunk);
        result
    }

    /// Ends the stream: yields the event that was begun but not ended, marked `unterminated`, if it has data. The parser
    /// then is at the start of a new stream.
    pub fn finish(&mut self, at: Instant, mut on_event: impl FnMut(Event<'_>)) {
        if self.error.is_none() {
            let line = std::mem::take(&mut self.line);
            if !line.is_empty() && self.field(&line, 0, false).is_ok() {
                self.keep_data(&line);
            }
            self.dispatch(&[], at, true, &mut on_event);
        }
        *self = Self::with_limit(self.limit);
    }

    /// The last event id; empty when none was sent.
    pub fn last_event_id(&self) -> &[u8] {
        &self.id
    }

    /// The last `retry:` value in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// Comment lines seen (keep-alives and notes such as `: OPENROUTER PROCESSING`).
    pub fn comments(&self) -> u64 {
        self.comments
    }

    fn parse(&mut self, chunk: &[u8], at: Instant, on_event: &mut impl FnMut(Event<'_>)) -> Result<(), SseError> {
        let mut pos = self.skip_bom(chunk);
        while pos < chunk.len() {
            if std::mem::take(&mut self.skip_lf) && chunk[pos] == b'\n' {
                pos += 1;
                continue;
            }
            let Some(len) = memchr2(b'\n', b'\r', &chunk[pos..]) else {
                self.check_line(self.line.len() + chunk.len() - pos)?;
                self.line.extend_from_slice(&chunk[pos..]);
                break;
            };
            let end = pos + len;
            self.check_line(self.line.len() + len)?;
            if self.line.is_empty() {
                if len == 0 {
                    self.dispatch(chunk, at, false, on_event);
                } else {
                    self.keep_before_second_line(chunk, &chunk[pos..end]);
                    self.field(&chunk[pos..end], pos, true)?;
                }
            } else {
                self.line.extend_from_slice(&chunk[pos..end]);
                let mut line = std::mem::take(&mut self.line);
                self.keep_data(chunk);
                let done = self.field(&line, 0, false);
                line.clear();
                self.line = line;
                done?;
            }
            self.skip_lf = chunk[end] == b'\r';
            pos = end + 1;
        }
        Ok(())
    }

    /// Steps over a byte order mark at the start of the stream; returns where the text begins in this chunk.
    fn skip_bom(&mut self, chunk: &[u8]) -> usize {
        let Some(mut seen) = self.bom else { return 0 };
        let mut pos = 0;
        while seen < BOM.len() {
            match chunk.get(pos) {
                Some(&byte) if byte == BOM[seen] => {
                    seen += 1;
                    pos += 1;
                }
                Some(_) => {
                    // Not a mark after all: what looked like one is the start of a line.
                    self.line.extend_from_slice(&BOM[..seen]);
                    self.bom = None;
                    return pos;
                }
                None => {
                    self.bom = Some(seen);
                    return pos;
                }
            }
        }
        self.bom = None;
        pos
    }

    fn check_line(&self, len: usize) -> Result<(), SseError> {
        if len > self.limit { Err(SseError::LineTooLong { limit: self.limit }) } else { Ok(()) }
    }

    /// Copies data borrowed from `chunk` before the chunk goes away.
    fn keep_data(&mut self, chunk: &[u8]) {
        if let Data::InChunk(start, end) = self.data_state {
            self.data.clear();
            self.data.extend_from_slice(&chunk[start..end]);
            self.data_state = Data::Buffered;
        }
    }

    /// Only a second `data` line needs the first one in the buffer.
    fn keep_before_second_line(&mut self, chunk: &[u8], line: &[u8]) {
        if line.starts_with(b"data") {
            self.keep_data(chunk);
        }
    }

    /// Takes one non-empty line. `offset` is where it begins in the current chunk, if `in_chunk`.
    fn field(&mut self, line: &[u8], offset: usize, in_chunk: bool) -> Result<(), SseError> {
        let (name, start) = match memchr(b':', line) {
            Some(0) => {
                self.comments += 1;
                return Ok(());
            }
            Some(colon) => (&line[..colon], colon + 1 + usize::from(line.get(colon + 1) == Some(&b' '))),
            None => (line, line.len()),
        };
        let value = &line[start..];
        match name {
            b"data" => match self.data_state {
                Data::None if in_chunk => self.data_state = Data::InChunk(offset + start, offset + line.len()),
                Data::None => {
                    self.data.clear();
                    self.data.extend_from_slice(value);
                    self.data_state = Data::Buffered;
                }
                Data::InChunk(..) | Data::Buffered => {
                    if self.data.len() + 1 + value.len() > self.limit {
                        return Err(SseError::EventTooLarge { limit: self.limit });
                    }
                    self.data.push(b'\n');
                    self.data.extend_from_slice(value);
                }
            },
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            b"id" if memchr(0, value).is_none() => {
                self.id.clear();
                self.id.extend_from_slice(value);
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.retry_ms = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
            }
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, chunk: &[u8], at: Instant, unterminated: bool, on_event: &mut impl FnMut(Event<'_>)) {
        let data = match std::mem::take(&mut self.data_state) {
            Data::None => {
                self.name.clear();
                return;
            }
            Data::InChunk(start, end) => &chunk[start..end],
            Data::Buffered => &self.data[..],
        };
        on_event(Event { name: &self.name, data, id: &self.id, at, unterminated });
        self.name.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Owned = (String, String, String);

    fn owned(e: Event<'_>) -> Owned {
        (e.name_str().into_owned(), e.data_str().into_owned(), String::from_utf8_lossy(e.id).into_owned())
    }

    fn parse(chunks: &[&[u8]]) -> Vec<Owned> {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        for chunk in chunks {
            parser.feed(chunk, Instant::now(), |e| events.push(owned(e))).unwrap();
        }
        events
    }

    fn event(name: &str, data: &str, id: &str) -> Owned {
        (name.into(), data.into(), id.into())
    }

    #[test]
    fn fields_lines_and_ids() {
        let text = b"\xEF\xBB\xBF: note\nevent: tick\nid: 7\ndata: a\ndata:b\ndata:  c\n\ndata\n\nid\ndata: z\r\n\r\nevent: lost\n\ndata: end\r\r";
        assert_eq!(
            parse(&[text]),
            [
                event("tick", "a\nb\n c", "7"),
                event("message", "", "7"),
                event("message", "z", ""),
                event("message", "end", ""),
            ]
        );
    }

    #[test]
    fn a_crlf_cut_in_two_is_one_line_end() {
        assert_eq!(parse(&[b"data: a\r", b"\ndata: b\r\n\r", b"\ndata: c\n\n"]).len(), 2);
        // The event is complete at the CR already: it is not held back for the LF.
        assert_eq!(parse(&[b"data: a\r\n\r"]).len(), 1);
    }

    #[test]
    fn an_event_carries_the_time_of_the_read_that_completed_it() {
        let early = Instant::now();
        let late = early + std::time::Duration::from_millis(5);
        let mut parser = Parser::new();
        parser.feed(b"data: a\n", early, |_| panic!("not complete")).unwrap();
        let mut seen = Vec::new();
        parser.feed(b"\ndata: b\n\n", late, |e| seen.push((e.data.to_vec(), e.at))).unwrap();
        assert_eq!(seen, [(b"a".to_vec(), late), (b"b".to_vec(), late)]);
    }

    #[test]
    fn one_line_events_are_borrowed_from_the_chunk() {
        let chunk = b"event: x\ndata: {\"a\":1}\nid: 3\n\n".to_vec();
        let range = chunk.as_ptr_range();
        Parser::new().feed(&chunk, Instant::now(), |e| assert!(range.contains(&e.data.as_ptr()))).unwrap();
    }

    #[test]
    fn the_end_of_the_stream_yields_what_was_begun() {
        for cut in ["data: [DONE]", "data: [DONE]\n", "event: e\ndata: [DONE]"] {
            let mut parser = Parser::new();
            parser.feed(cut.as_bytes(), Instant::now(), |_| panic!("complete")).unwrap();
            let mut last = None;
            parser.finish(Instant::now(), |e| last = Some((e.data.to_vec(), e.unterminated)));
            assert_eq!(last, Some((b"[DONE]".to_vec(), true)), "{cut:?}");
        }
        Parser::new().finish(Instant::now(), |_| panic!("nothing was begun"));
    }

    #[test]
    fn limits_hold_and_stick() {
        let mut parser = Parser::with_limit(10);
        let at = Instant::now();
        assert_eq!(parser.feed(b"data: 1\n\n12345678901", at, |_| ()), Err(SseError::LineTooLong { limit: 10 }));
        assert_eq!(parser.feed(b"\n", at, |_| ()), Err(SseError::LineTooLong { limit: 10 }));
        let mut parser = Parser::with_limit(10);
        let many = b"data:12345\ndata:12345\n";
        assert_eq!(parser.feed(many, at, |_| ()), Err(SseError::EventTooLarge { limit: 10 }));
    }

    #[test]
    fn retry_and_comments_are_kept_apart() {
        let mut parser = Parser::new();
        parser.feed(b"retry: 1500\n: ping\nretry: x\n:\n\n", Instant::now(), |_| panic!("no data")).unwrap();
        assert_eq!((parser.retry_ms(), parser.comments()), (Some(1500), 2));
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"data: ".to_vec()),
            Just(b"data".to_vec()),
            Just(b"event:x".to_vec()),
            Just(b"id: 1".to_vec()),
            Just(b":".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\n\n".to_vec()),
            Just(BOM.to_vec()),
            Just(BOM[..2].to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(bytes in stream(), mut cuts in proptest::collection::vec(0usize..200, 0..12)) {
            cuts.iter_mut().for_each(|cut| *cut = (*cut).min(bytes.len()));
            cuts.sort_unstable();
            let whole = parse(&[&bytes]);
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            pieces.push(&bytes[from..]);
            prop_assert_eq!(&whole, &parse(&pieces));
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(&whole, &parse(&single));
        }
    }
}
