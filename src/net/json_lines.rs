//! A push parser for newline-delimited JSON: bytes in, lines out, no I/O and no clock. It does not look inside the lines.
//!
//! A line inside one chunk is borrowed from it. Blank lines (keep-alives) and a leading byte order mark are skipped, a CR
//! before the LF is dropped.

use memchr::memchr;

/// The parser. Feed it chunks in order; call [`Parser::finish`] at the end of the stream.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    line: Vec<u8>,
    at_start: bool,
    blank: u64,
}

/// A line without its end is longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of the stream is longer than {limit} bytes; is the answer newline-delimited JSON at all?")]
pub struct LineTooLong {
    /// The limit in bytes.
    pub limit: usize,
}

impl Parser {
    /// A parser that refuses lines longer than `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, line: Vec::new(), at_start: true, blank: 0 }
    }

    /// Parses one chunk, calling `on_line` for each line it completes.
    ///
    /// # Errors
    /// A line is longer than the limit.
    pub fn feed(&mut self, mut chunk: &[u8], mut on_line: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        while let Some(end) = memchr(b'\n', chunk) {
            if self.line.len() + end > self.limit {
                return Err(LineTooLong { limit: self.limit });
            }
            if self.line.is_empty() {
                let line = &chunk[..end];
                self.give(line, &mut on_line);
            } else {
                self.line.extend_from_slice(&chunk[..end]);
                let mut line = std::mem::take(&mut self.line);
                self.give(&line, &mut on_line);
                line.clear();
                self.line = line;
            }
            chunk = &chunk[end + 1..];
        }
        if self.line.len() + chunk.len() > self.limit {
            return Err(LineTooLong { limit: self.limit });
        }
        self.line.extend_from_slice(chunk);
        Ok(())
    }

    /// Ends the stream: yields the last line if its end is missing.
    pub fn finish(&mut self, mut on_line: impl FnMut(&[u8])) {
        let line = std::mem::take(&mut self.line);
        self.give(&line, &mut on_line);
    }

    /// Blank lines seen.
    pub fn blank_lines(&self) -> u64 {
        self.blank
    }

    fn give(&mut self, line: &[u8], on_line: &mut impl FnMut(&[u8])) {
        let line = match std::mem::take(&mut self.at_start) {
            true => line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line),
            false => line,
        };
        let line = line.trim_ascii();
        if line.is_empty() {
            self.blank += 1;
        } else {
            on_line(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let (mut parser, mut out) = (Parser::with_limit(1 << 20), Vec::new());
        let mut take = |line: &[u8]| out.push(String::from_utf8_lossy(line).into_owned());
        for piece in pieces {
            parser.feed(piece, &mut take).unwrap();
        }
        parser.finish(&mut take);
        out
    }

    #[test]
    fn blank_lines_marks_and_missing_ends() {
        let text = "\u{feff}{\"a\":1}\r\n\n  \n{\"b\":2}";
        assert_eq!(lines([text.as_bytes()]), ["{\"a\":1}", "{\"b\":2}"]);
        assert!(lines([b"".as_slice()]).is_empty());
    }

    #[test]
    fn endless_lines_are_refused() {
        let mut parser = Parser::with_limit(4);
        assert!(parser.feed(b"12", |_| {}).is_ok());
        assert_eq!(parser.feed(b"345", |_| {}), Err(LineTooLong { limit: 4 }));
        assert_eq!(Parser::with_limit(4).feed(b"12345\n", |_| {}), Err(LineTooLong { limit: 4 }));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(text in "[a-c\r\n\u{feff}]{0,40}", size in 1usize..5) {
            prop_assert_eq!(lines(text.as_bytes().chunks(size)), lines([text.as_bytes()]));
        }
    }
}
