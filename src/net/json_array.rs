//! A push parser for one JSON array of objects that arrives in pieces (Gemini without `alt=sse`): bytes in, elements out, no
//! I/O and no clock. It finds where each object ends and does not look inside.
//!
//! An element inside one chunk is borrowed from it. A single object without an array around it (an error reply) is one
//! element. What follows the array is ignored.

use memchr::memchr2;

/// The parser. Feed it chunks in order.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    /// The beginning of an element whose end has not arrived.
    element: Vec<u8>,
    /// Objects and arrays open in the element; 0 = between elements.
    depth: usize,
    in_string: bool,
    escaped: bool,
    in_array: bool,
    ended: bool,
    /// Bytes of a byte order mark still possible at the start.
    bom: usize,
}

/// What came is not an array of objects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArrayError {
    /// Something else than an object, a comma or a bracket where an element should begin.
    #[error("the stream is not a JSON array of objects: unexpected {0}")]
    Unexpected(String),
    /// An element is larger than the limit.
    #[error("one element of the stream is larger than {0} bytes; is its closing brace missing?")]
    TooLarge(usize),
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

impl Parser {
    /// A parser that refuses elements larger than `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            element: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
            in_array: false,
            ended: false,
            bom: BOM.len(),
        }
    }

    /// Parses one chunk, calling `on_element` for each object it completes.
    ///
    /// # Errors
    /// It is no array of objects.
    pub fn feed(&mut self, chunk: &[u8], mut on_element: impl FnMut(&[u8])) -> Result<(), ArrayError> {
        let mut begin = 0;
        let mut pos = 0;
        while pos < chunk.len() && !self.ended {
            if self.depth == 0 {
                if self.between(chunk[pos])? {
                    begin = pos;
                }
                pos += 1;
                continue;
            }
            pos += self.skip(&chunk[pos..]);
            if self.depth == 0 {
                let piece = &chunk[begin..pos];
                if self.element.is_empty() {
                    on_element(piece);
                } else {
                    self.element.extend_from_slice(piece);
                    on_element(&self.element);
                    self.element.clear();
                }
            }
        }
        if self.depth > 0 {
            self.element.extend_from_slice(&chunk[begin..]);
            if self.element.len() > self.limit {
                return Err(ArrayError::TooLarge(self.limit));
            }
        }
        Ok(())
    }

    /// Whether the closing bracket, or the one object, has arrived.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Takes a byte between elements; true when an element begins with it.
    fn between(&mut self, byte: u8) -> Result<bool, ArrayError> {
        if self.bom > 0 {
            if byte == BOM[BOM.len() - self.bom] {
                self.bom -= 1;
                return Ok(false);
            }
            self.bom = 0;
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'[' if !self.in_array => self.in_array = true,
            b',' if self.in_array => {}
            b']' if self.in_array => self.ended = true,
            b'{' => {
                self.depth = 1;
                return Ok(true);
            }
            other => return Err(ArrayError::Unexpected(format!("'{}'", other.escape_ascii()))),
        }
        Ok(false)
    }

    /// Steps over bytes of an element up to its end; returns how many. `bytes` follow the opening brace or continue it.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let mut pos = 0;
        while pos < bytes.len() {
            if self.in_string {
                if std::mem::take(&mut self.escaped) {
                    pos += 1;
                    continue;
                }
                let Some(at) = memchr2(b'"', b'\\', &bytes[pos..]) else { return bytes.len() };
                pos += at + 1;
                if bytes[pos - 1] == b'"' {
                    self.in_string = false;
                } else {
                    self.escaped = true;
                }
                continue;
            }
            pos += 1;
            match bytes[pos - 1] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.ended = !self.in_array;
                        return pos;
                    }
                }
                _ => {}
            }
        }
        pos
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn elements<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, ArrayError> {
        let (mut parser, mut out) = (Parser::with_limit(1 << 20), Vec::new());
        for piece in pieces {
            parser.feed(piece, |e| out.push(String::from_utf8_lossy(e).into_owned()))?;
        }
        Ok(out)
    }

    const TEXT: &str = "\u{feff}[{\"a\": \"}]\\\"{\\\\\"}\n,\r\n{\"b\":[{},[1]]}\n]\n garbage {}";

    #[test]
    fn elements_are_found_however_cut() {
        let whole = elements([TEXT.as_bytes()]).unwrap();
        assert_eq!(whole, ["{\"a\": \"}]\\\"{\\\\\"}", "{\"b\":[{},[1]]}"]);
        for cut in 0..TEXT.len() {
            let (a, b) = TEXT.as_bytes().split_at(cut);
            assert_eq!(elements([a, b]).unwrap(), whole, "cut at {cut}");
        }
        assert_eq!(elements(TEXT.as_bytes().chunks(1)).unwrap(), whole);
    }

    #[test]
    fn single_objects_and_other_things() {
        assert_eq!(elements([b" {\"error\":{}} tail".as_slice()]).unwrap(), ["{\"error\":{}}"]);
        assert!(elements([b"[]".as_slice()]).unwrap().is_empty());
        assert!(elements([b"[{\"a\":".as_slice()]).unwrap().is_empty(), "cut short");
        for bad in ["<html>", "[1]", "data: {}", ",", "[[{}]]"] {
            assert!(elements([bad.as_bytes()]).is_err(), "{bad}");
        }
        let mut small = Parser::with_limit(4);
        assert_eq!(small.feed(b"[{\"aaaa", |_| {}), Err(ArrayError::TooLarge(4)));
    }

    proptest! {
        #[test]
        fn never_panics_and_cuts_do_not_matter(text in r#"[\[\]{},"\\a ]{0,30}"#, size in 1usize..4) {
            prop_assert_eq!(elements(text.as_bytes().chunks(size)).is_ok(), elements([text.as_bytes()]).is_ok());
        }
    }
}
