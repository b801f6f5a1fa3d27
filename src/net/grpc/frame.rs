//! Messages in a stream of bytes: a flag, four bytes of length, the message; compressed with gzip when the flag says so.
//!
//! A push parser without I/O: bytes in, messages out. Limits are checked before anything is kept.

use std::io::Read as _;

use bytes::{Buf as _, Bytes, BytesMut};
use prost::Message as _;
use prost_reflect::DynamicMessage;

use super::status::{Code, Status};

/// Flag and length.
const HEAD: usize = 5;

/// A message as it goes onto the wire.
pub fn framed(message: &DynamicMessage) -> Bytes {
    framed_bytes(&message.encode_to_vec())
}

/// As [`framed`], for a message that is bytes already.
pub(crate) fn framed_bytes(message: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(HEAD + message.len());
    out.push(0);
    out.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(message);
    out.into()
}

/// Takes messages out of an answer.
pub(crate) struct Frames {
    buffer: BytesMut,
    max: usize,
    gzip: bool,
}

impl Frames {
    /// `encoding` is the answer's `grpc-encoding`; `max` limits a message, decompressed.
    ///
    /// # Errors
    /// An encoding other than gzip.
    pub(crate) fn new(encoding: Option<&str>, max: usize) -> Result<Self, Status> {
        let gzip = match encoding {
            None | Some("identity" | "") => false,
            Some("gzip") => true,
            Some(other) => {
                let message =
                    format!("the server compresses messages with {other:?}, which is not supported (gzip is)");
                return Err(Status::new(Code::Unimplemented, message));
            }
        };
        Ok(Self { buffer: BytesMut::new(), max, gzip })
    }

    /// Adds bytes from the wire.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete message.
    ///
    /// # Errors
    /// It is larger than allowed, or its compression is broken or was not announced.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Status> {
        let Some((head, _)) = self.buffer.split_first_chunk::<HEAD>() else { return Ok(None) };
        let (flag, length) = (head[0], u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize);
        if length > self.max {
            return Err(too_large(length, self.max));
        }
        if flag > 1 || (flag == 1 && !self.gzip) {
            let message = "the server sent a compressed message without saying how it is compressed";
            return Err(Status::new(Code::Internal, message));
        }
        if self.buffer.len() < HEAD + length {
            return Ok(None);
        }
        self.buffer.advance(HEAD);
        let message = self.buffer.split_to(length).freeze();
        if flag == 0 { Ok(Some(message)) } else { self.unzip(&message).map(Some) }
    }

    /// Whether bytes of an unfinished message are left.
    pub(crate) fn is_broken_off(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn unzip(&self, message: &[u8]) -> Result<Bytes, Status> {
        let mut out = Vec::new();
        // One byte more than allowed tells that there is more, and bounds what is unpacked.
        let limit = self.max as u64 + 1;
        flate2::read::GzDecoder::new(message)
            .take(limit)
            .read_to_end(&mut out)
            .map_err(|error| Status::new(Code::Internal, format!("a message could not be decompressed: {error}")))?;
        if out.len() > self.max { Err(too_large(out.len(), self.max)) } else { Ok(out.into()) }
    }
}

fn too_large(length: usize, max: usize) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!("received message larger than max ({length} vs. {max}); raise maxReceiveSize of connect()"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn gzipped(message: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(message).unwrap();
        let mut out = framed_bytes(&encoder.finish().unwrap()).to_vec();
        out[0] = 1;
        out
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(
            messages in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..40), any::<bool>()), 0..6),
            cut in 1..20usize,
        ) {
            let mut wire = Vec::new();
            for (message, zip) in &messages {
                wire.extend(if *zip { gzipped(message) } else { framed_bytes(message).to_vec() });
            }
            let mut frames = Frames::new(Some("gzip"), 100).unwrap();
            let mut seen = Vec::new();
            for piece in wire.chunks(cut) {
                frames.feed(piece);
                while let Some(message) = frames.next().unwrap() {
                    seen.push(message.to_vec());
                }
            }
            prop_assert_eq!(seen, messages.into_iter().map(|(m, _)| m).collect::<Vec<_>>());
            prop_assert!(!frames.is_broken_off());
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut frames = Frames::new(Some("gzip"), 64).unwrap();
            frames.feed(&bytes);
            while let Ok(Some(_)) = frames.next() {}
        }
    }

    #[test]
    fn limits_hold_before_and_after_decompression() {
        let mut frames = Frames::new(Some("gzip"), 1_000).unwrap();
        frames.feed(&gzipped(&[0; 100_000]));
        assert_eq!(frames.next().unwrap_err().code, 8);
        let mut frames = Frames::new(None, 10).unwrap();
        frames.feed(&[0, 0x7f, 0xff, 0xff, 0xff]);
        let error = frames.next().unwrap_err();
        assert!(error.code == 8 && error.message.contains("2147483647 vs. 10"), "{error:?}");
        let mut frames = Frames::new(None, 10).unwrap();
        frames.feed(&[1, 0, 0, 0, 0]);
        assert_eq!(frames.next().unwrap_err().code, 13);
        assert_eq!(Frames::new(Some("br"), 10).err().unwrap().code, 12);
    }
}
