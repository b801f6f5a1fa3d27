//! The line rules of the `k6/x/sse` extension, so that its scripts see the events they expect. No I/O, no clock.
//!
//! Simpler than the WHATWG's ([`super::sse`]) and different in places that scripts can see: every blank line ends an event,
//! ids are not sticky, comments are events, a lone CR ends nothing, unknown lines are errors, a last line without LF is lost.

use std::time::Instant;

use memchr::memchr;

use super::sse::{DEFAULT_LIMIT, SseError};

/// What the extension hands to a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A blank line was read: an event, perhaps with all fields empty.
    Event(XkEvent),
    /// A line that is none of the known fields, without its line end; the reading goes on.
    Unknown(String),
}

/// An event of the extension: every field is a string, empty when absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XkEvent {
    /// `id:`.
    pub id: String,
    /// `event:`.
    pub name: String,
    /// The `data:` lines with their line ends, less the last one.
    pub data: String,
    /// A comment line's text.
    pub comment: String,
}

/// The parser; feed it chunks in order.
#[derive(Debug)]
pub struct XkParser {
    limit: usize,
    line: Vec<u8>,
    event: XkEvent,
    data: Vec<u8>,
    error: Option<SseError>,
}

impl Default for XkParser {
    fn default() -> Self {
        Self::new()
    }
}

impl XkParser {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A parser that refuses lines and events longer than `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, line: Vec::new(), event: XkEvent::default(), data: Vec::new(), error: None }
    }

    /// Parses one chunk that was read `at`.
    ///
    /// # Errors
    /// A limit was broken; items before it have been delivered. Every later call fails in the same way.
    pub fn feed(&mut self, chunk: &[u8], at: Instant, mut on_item: impl FnMut(Item, Instant)) -> Result<(), SseError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut rest = chunk;
        while let Some(len) = memchr(b'\n', rest) {
            let (head, tail) = rest.split_at(len + 1);
            let taken = if self.line.is_empty() {
                self.take_line(head)
            } else {
                self.line.extend_from_slice(head);
                let line = std::mem::take(&mut self.line);
                self.take_line(&line)
            };
            match taken {
                Ok(Some(item)) => on_item(item, at),
                Ok(None) => {}
                Err(error) => {
                    self.error = Some(error);
                    return Err(error);
                }
            }
            rest = tail;
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > self.limit {
            self.error = Some(SseError::LineTooLong { limit: self.limit });
        }
        self.error.map_or(Ok(()), Err)
    }

    /// `line` includes its LF.
    fn take_line(&mut self, line: &[u8]) -> Result<Option<Item>, SseError> {
        if line.len() - 1 > self.limit {
            return Err(SseError::LineTooLong { limit: self.limit });
        }
        if matches!(line, b"\n" | b"\r\n") {
            let mut event = std::mem::take(&mut self.event);
            let end = self.data.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |last| last + 1);
            event.data = text(&self.data[..end]);
            self.data.clear();
            return Ok(Some(Item::Event(event)));
        }
        let content = &line[..line.len() - 1];
        if let Some(value) = value(content, b"data:") {
            if self.data.len() + value.len() > self.limit {
                return Err(SseError::EventTooLarge { limit: self.limit });
            }
            self.data.extend_from_slice(value);
            self.data.push(b'\n');
        } else if let Some(value) = value(content, b"id:") {
            self.event.id = text(value);
        } else if let Some(value) = value(content, b"event:") {
            self.event.name = text(value);
        } else if let Some(value) = value(content, b":") {
            self.event.comment = text(value);
        } else if !content.starts_with(b"retry:") {
            return Ok(Some(Item::Unknown(text(content.strip_suffix(b"\r").unwrap_or(content)))));
        }
        Ok(None)
    }
}

/// What follows the field's name, less one space.
fn value<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(field)?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(chunks: &[&[u8]]) -> Vec<Item> {
        let mut parser = XkParser::new();
        let mut items = Vec::new();
        for chunk in chunks {
            parser.feed(chunk, Instant::now(), |item, _| items.push(item)).unwrap();
        }
        items
    }

    fn event(id: &str, name: &str, data: &str, comment: &str) -> Item {
        Item::Event(XkEvent { id: id.into(), name: name.into(), data: data.into(), comment: comment.into() })
    }

    #[test]
    fn every_blank_line_is_an_event_and_ids_do_not_stick() {
        let text = b": ping\n\nid: 1\nevent: e\ndata: a\ndata: b\n\ndata: c\n\n\nretry: 5\n\ndata: lost";
        assert_eq!(
            parse(&[text]),
            [
                event("", "", "", "ping"),
                event("1", "e", "a\nb", ""),
                event("", "", "c", ""),
                event("", "", "", ""),
                event("", "", "", ""),
            ]
        );
    }

    #[test]
    fn unknown_lines_are_reported_and_crlf_leaves_a_cr_in_names() {
        assert_eq!(
            parse(&[b"{\"error\":1}\ndata\nevent: x\r\ndata: y\r\n\r\n"]),
            [Item::Unknown("{\"error\":1}".into()), Item::Unknown("data".into()), event("", "x\r", "y", "")]
        );
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_items(text in "(data: ?[a-z]{0,3}|id:1|: c|x|\r|\n|\n\n|\r\n){0,30}", cut in 0usize..80) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let whole = parse(&[bytes]);
            prop_assert_eq!(&whole, &parse(&[&bytes[..cut], &bytes[cut..]]));
            prop_assert_eq!(&whole, &parse(&bytes.chunks(1).collect::<Vec<_>>()));
        }
    }
}
