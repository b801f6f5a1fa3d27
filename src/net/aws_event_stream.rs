//! A push parser for `application/vnd.amazon.eventstream`: binary frames with headers and two checksums. No I/O, no clock.
//!
//! Frame: length (u32), length of headers (u32), CRC-32 of those 8 bytes, headers (name length u8, name, type u8, value),
//! payload, CRC-32 of everything before; all big-endian. A frame inside one chunk is borrowed from it.

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `:event-type`, or `:exception-type` (`:error-code`) of one that reports a failure.
    pub name: &'a [u8],
    /// It reports a failure: `:message-type` is `exception` or `error`.
    pub exception: bool,
    /// Its payload; of an `error` frame without one, its `:error-message`.
    pub payload: &'a [u8],
}

/// The bytes are not such a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A checksum does not fit.
    #[error("a frame of the AWS event stream is damaged: the checksum of its {0} does not fit")]
    Checksum(&'static str),
    /// The lengths contradict each other.
    #[error("a frame of the AWS event stream is malformed: {0}")]
    Malformed(&'static str),
    /// A frame is larger than the limit.
    #[error("a frame of the AWS event stream claims {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// What it claims.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

const PRELUDE: usize = 12;
/// The prelude and the checksum at the end.
const LEAST: usize = PRELUDE + 4;

/// The parser. Feed it chunks in order.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    frame: Vec<u8>,
    error: Option<FrameError>,
}

impl Parser {
    /// A parser that refuses frames larger than `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, frame: Vec::new(), error: None }
    }

    /// Parses one chunk, calling `on_message` for each frame it completes.
    ///
    /// # Errors
    /// A frame is damaged; frames before it have been delivered. Every later call fails in the same way.
    pub fn feed(&mut self, chunk: &[u8], mut on_message: impl FnMut(Message<'_>)) -> Result<(), FrameError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let result = self.parse(chunk, &mut on_message);
        self.error = result.as_ref().err().cloned();
        result
    }

    /// Whether bytes of an unfinished frame are left over.
    pub fn is_partial(&self) -> bool {
        !self.frame.is_empty()
    }

    fn parse(&mut self, mut chunk: &[u8], on_message: &mut impl FnMut(Message<'_>)) -> Result<(), FrameError> {
        while !self.frame.is_empty() && !chunk.is_empty() {
            let want = self.wanted(&self.frame)?;
            let (more, rest) = chunk.split_at(chunk.len().min(want - self.frame.len()));
            self.frame.extend_from_slice(more);
            chunk = rest;
            if self.frame.len() == want && want >= LEAST {
                let mut frame = std::mem::take(&mut self.frame);
                let result = read(&frame).map(&mut *on_message);
                frame.clear();
                self.frame = frame;
                result?;
            }
        }
        while !chunk.is_empty() {
            let want = self.wanted(chunk)?;
            if chunk.len() < want {
                self.frame.extend_from_slice(chunk);
                break;
            }
            let (frame, rest) = chunk.split_at(want);
            on_message(read(frame)?);
            chunk = rest;
        }
        Ok(())
    }

    /// How many bytes to collect: the prelude, then the whole frame.
    fn wanted(&self, frame: &[u8]) -> Result<usize, FrameError> {
        let Some(prelude) = frame.get(..PRELUDE) else { return Ok(PRELUDE) };
        if crc32(&prelude[..8]) != number(prelude, 8) {
            return Err(FrameError::Checksum("prelude"));
        }
        let (size, headers) = (number(prelude, 0) as usize, number(prelude, 4) as usize);
        if size > self.limit {
            return Err(FrameError::TooLarge { size, limit: self.limit });
        }
        if size < LEAST || headers > size - LEAST {
            return Err(FrameError::Malformed("its lengths contradict each other"));
        }
        Ok(size)
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn read(frame: &[u8]) -> Result<Message<'_>, FrameError> {
    let (body, sum) = frame.split_at(frame.len() - 4);
    if crc32(body) != number(sum, 0) {
        return Err(FrameError::Checksum("content"));
    }
    let headers_end = PRELUDE + number(body, 4) as usize;
    let mut message = Message { name: b"", exception: false, payload: &body[headers_end..] };
    let mut rest = &body[PRELUDE..headers_end];
    let mut error_text: &[u8] = b"";
    while let Some((name, kind, value, after)) = header(rest)? {
        match (name, kind) {
            (b":event-type" | b":exception-type" | b":error-code", STRING) => message.name = value,
            (b":message-type", STRING) => message.exception = value != b"event",
            (b":error-message", STRING) => error_text = value,
            _ => {}
        }
        rest = after;
    }
    if message.payload.is_empty() {
        message.payload = error_text;
    }
    Ok(message)
}

const STRING: u8 = 7;

/// Name, type, value, and what follows.
type Header<'a> = (&'a [u8], u8, &'a [u8], &'a [u8]);

fn header(bytes: &[u8]) -> Result<Option<Header<'_>>, FrameError> {
    const SHORT: FrameError = FrameError::Malformed("a header is cut short");
    let Some((&length, rest)) = bytes.split_first() else { return Ok(None) };
    let (name, rest) = rest.split_at_checked(usize::from(length)).ok_or(SHORT)?;
    let (&kind, rest) = rest.split_first().ok_or(SHORT)?;
    // bool (value in the type), i8, i16, i32, i64, bytes, string, timestamp, UUID
    let (size, rest) = match kind {
        0 | 1 => (0, rest),
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        6 | 7 => {
            let (size, rest) = rest.split_at_checked(2).ok_or(SHORT)?;
            (usize::from(u16::from_be_bytes([size[0], size[1]])), rest)
        }
        9 => (16, rest),
        _ => return Err(FrameError::Malformed("a header has an unknown type")),
    };
    let (value, rest) = rest.split_at_checked(size).ok_or(SHORT)?;
    Ok(Some((name, kind, value, rest)))
}

/// CRC-32 (IEEE 802.3) by table.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let mut c = n as u32;
            let mut bit = 0;
            while bit < 8 {
                c = if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 };
                bit += 1;
            }
            table[n] = c;
            n += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, byte| TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize] ^ (crc >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut block = vec![2, b'o', b'k', 0];
        for (name, value) in headers {
            block.push(name.len() as u8);
            block.extend_from_slice(name.as_bytes());
            block.push(STRING);
            block.extend_from_slice(&(value.len() as u16).to_be_bytes());
            block.extend_from_slice(value.as_bytes());
        }
        let mut out = ((LEAST + block.len() + payload.len()) as u32).to_be_bytes().to_vec();
        out.extend_from_slice(&(block.len() as u32).to_be_bytes());
        out.extend_from_slice(&crc32(&out).to_be_bytes());
        out.extend_from_slice(&block);
        out.extend_from_slice(payload);
        out.extend_from_slice(&crc32(&out).to_be_bytes());
        out
    }

    fn read_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<(String, bool, Vec<u8>)>, FrameError> {
        let (mut parser, mut out) = (Parser::with_limit(1 << 20), Vec::new());
        for piece in pieces {
            parser.feed(piece, |m| {
                out.push((String::from_utf8_lossy(m.name).into_owned(), m.exception, m.payload.to_vec()));
            })?;
        }
        Ok(out)
    }

    #[test]
    fn checksums_are_the_standard_ones() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn frames_however_cut() {
        let mut bytes = frame(&[(":message-type", "event"), (":event-type", "contentBlockDelta")], b"{\"a\":1}");
        bytes.extend(frame(&[(":message-type", "exception"), (":exception-type", "throttlingException")], b"{}"));
        bytes.extend(frame(&[(":message-type", "error"), (":error-code", "x"), (":error-message", "why")], b""));
        let whole = read_all([bytes.as_slice()]).unwrap();
        assert_eq!(whole[0], ("contentBlockDelta".into(), false, b"{\"a\":1}".to_vec()));
        assert_eq!(whole[1], ("throttlingException".into(), true, b"{}".to_vec()));
        assert_eq!(whole[2], ("x".into(), true, b"why".to_vec()));
        for cut in 0..bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(read_all([a, b]).unwrap(), whole, "cut at {cut}");
        }
        assert_eq!(read_all(bytes.chunks(1)).unwrap(), whole);
    }

    #[test]
    fn damage_is_noticed() {
        let good = frame(&[(":event-type", "x")], b"payload");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(read_all([bad.as_slice()]).is_err(), "byte {at}");
        }
        let mut parser = Parser::with_limit(20);
        assert!(matches!(parser.feed(&good, |_| {}), Err(FrameError::TooLarge { limit: 20, .. })));
        assert!(parser.feed(b"", |_| {}).is_err(), "it stays broken");
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read_all([bytes.as_slice()]);
            let _ = header(&bytes);
        }
    }
}
