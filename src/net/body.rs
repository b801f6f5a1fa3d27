//! Content codings: request bodies are compressed whole, answers are decoded chunk by chunk.
//!
//! `stream` pushes what arrives into a [`Decoder`]; a chunk's text is out as soon as its bytes are in, so that a compressed
//! event stream keeps its times. No I/O. Codings we do not know leave the body as it is, as k6 does.

use std::io::{self, Write};

use bytes::Bytes;

use super::error::NetError;

/// Largest body kept, on the wire and decoded: 1 GiB.
pub const BODY_LIMIT: u64 = 1 << 30;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// `gzip`.
    Gzip,
    /// `deflate`: zlib, and raw deflate when decoding (many servers send that).
    Deflate,
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstd,
}

impl Compression {
    /// The codings by their names on the wire.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Finds a coding by name, whatever its case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| name.trim().eq_ignore_ascii_case(coding.name()))
    }
}

/// Applies codings in order.
///
/// # Errors
/// A compressor failed (out of memory).
pub(crate) fn compress(body: &[u8], codings: &[Compression]) -> io::Result<Bytes> {
    let mut body = body.to_vec();
    for coding in codings {
        let mut out = Vec::with_capacity(body.len() / 2);
        match coding {
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::default());
                encoder.write_all(&body)?;
                encoder.finish()?;
            }
            Compression::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(&mut out, flate2::Compression::default());
                encoder.write_all(&body)?;
                encoder.finish()?;
            }
            Compression::Brotli => {
                // Quality 6 and a 22-bit window: the defaults of k6's encoder.
                let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 6, 22);
                encoder.write_all(&body)?;
                encoder.flush()?;
                drop(encoder);
            }
            Compression::Zstd => out = zstd::stream::encode_all(&body[..], 0)?,
        }
        body = out;
    }
    Ok(body.into())
}

/// Where decoders write; refuses more than the limit in total.
struct Sink {
    out: Vec<u8>,
    room: u64,
}

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let len = buf.len() as u64;
        if len > self.room {
            return Err(io::Error::other(format!("the decoded body is larger than {} MiB", BODY_LIMIT >> 20)));
        }
        self.room -= len;
        self.out.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stage {
    Gzip(flate2::write::MultiGzDecoder<Sink>),
    Zlib(flate2::write::ZlibDecoder<Sink>),
    RawDeflate(flate2::write::DeflateDecoder<Sink>),
    /// Which of the two shows only in the first two bytes.
    DeflateStart(Vec<u8>),
    Brotli(Box<brotli::DecompressorWriter<Sink>>),
    Zstd(zstd::stream::zio::Writer<Sink, zstd::stream::raw::Decoder<'static>>),
}

fn sink() -> Sink {
    Sink { out: Vec::new(), room: BODY_LIMIT }
}

impl Stage {
    fn new(coding: Compression) -> io::Result<Self> {
        Ok(match coding {
            Compression::Gzip => Self::Gzip(flate2::write::MultiGzDecoder::new(sink())),
            Compression::Deflate => Self::DeflateStart(Vec::new()),
            Compression::Brotli => Self::Brotli(Box::new(brotli::DecompressorWriter::new(sink(), 4096))),
            Compression::Zstd => Self::Zstd(zstd::stream::zio::Writer::new(sink(), zstd::stream::raw::Decoder::new()?)),
        })
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let sink = match self {
            Self::Gzip(decoder) => {
                decoder.write_all(bytes)?;
                decoder.flush()?;
                decoder.get_mut()
            }
            Self::Zlib(decoder) => {
                decoder.write_all(bytes)?;
                decoder.flush()?;
                decoder.get_mut()
            }
            Self::RawDeflate(decoder) => {
                decoder.write_all(bytes)?;
                decoder.flush()?;
                decoder.get_mut()
            }
            Self::DeflateStart(start) => {
                start.extend_from_slice(bytes);
                if start.len() < 2 {
                    return Ok(Vec::new());
                }
                let start = std::mem::take(start);
                let zlib = start[0] & 0x0f == 8 && u16::from_be_bytes([start[0], start[1]]) % 31 == 0;
                *self = if zlib {
                    Self::Zlib(flate2::write::ZlibDecoder::new(sink()))
                } else {
                    Self::RawDeflate(flate2::write::DeflateDecoder::new(sink()))
                };
                return self.push(&start);
            }
            Self::Brotli(decoder) => {
                decoder.write_all(bytes)?;
                decoder.flush()?;
                decoder.get_mut()
            }
            Self::Zstd(decoder) => {
                decoder.write_all(bytes)?;
                decoder.flush()?;
                decoder.writer_mut()
            }
        };
        Ok(std::mem::take(&mut sink.out))
    }

    /// The end of the input: what is left, or the news that something is missing.
    fn finish(&mut self) -> io::Result<Vec<u8>> {
        let sink = match self {
            Self::Gzip(decoder) => {
                decoder.try_finish()?;
                decoder.get_mut()
            }
            Self::Zlib(decoder) => {
                decoder.try_finish()?;
                decoder.get_mut()
            }
            Self::RawDeflate(decoder) => {
                decoder.try_finish()?;
                decoder.get_mut()
            }
            Self::DeflateStart(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Self::Brotli(decoder) => {
                decoder.close()?;
                decoder.get_mut()
            }
            Self::Zstd(decoder) => {
                decoder.finish()?;
                decoder.writer_mut()
            }
        };
        Ok(std::mem::take(&mut sink.out))
    }
}

/// Undoes the codings of an answer.
pub(crate) struct Decoder {
    /// The last coding applied comes first.
    stages: Vec<(Compression, Stage)>,
    started: bool,
}

impl Decoder {
    /// For a `Content-Encoding` value; None when there is nothing (that we know) to undo.
    pub(crate) fn new(content_encoding: &str) -> Option<Self> {
        let names =
            content_encoding.split(',').map(str::trim).filter(|n| !n.is_empty() && !n.eq_ignore_ascii_case("identity"));
        let mut stages = Vec::new();
        for name in names {
            let name = if name.eq_ignore_ascii_case("x-gzip") { "gzip" } else { name };
            let coding = Compression::from_name(name)?;
            stages.push((coding, Stage::new(coding).ok()?));
        }
        stages.reverse();
        (!stages.is_empty()).then_some(Self { stages, started: false })
    }

    /// Decodes a piece; what comes out may be empty.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Result<Bytes, NetError> {
        self.started |= !bytes.is_empty();
        let mut bytes = bytes;
        for (coding, stage) in &mut self.stages {
            bytes = stage.push(&bytes).map_err(|error| broken(*coding, &error))?.into();
        }
        Ok(bytes)
    }

    /// Ends the body. A body without any bytes (HEAD, 204, 304) is in order.
    pub(crate) fn finish(&mut self) -> Result<Bytes, NetError> {
        let mut rest = Vec::new();
        if self.started {
            for (coding, stage) in &mut self.stages {
                let mut out =
                    if rest.is_empty() { Vec::new() } else { stage.push(&rest).map_err(|e| broken(*coding, &e))? };
                out.extend(stage.finish().map_err(|error| broken(*coding, &error))?);
                rest = out;
            }
        }
        Ok(rest.into())
    }
}

fn broken(coding: Compression, error: &io::Error) -> NetError {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        _ => error.to_string(),
    };
    NetError::decompression(format!("the body is not sound {}: {why}", coding.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(encoding: &str, body: &[u8], piece: usize) -> Result<Vec<u8>, NetError> {
        let mut decoder = Decoder::new(encoding).expect("a known coding");
        let mut out = Vec::new();
        for chunk in body.chunks(piece) {
            out.extend_from_slice(&decoder.push(Bytes::copy_from_slice(chunk))?);
        }
        out.extend_from_slice(&decoder.finish()?);
        Ok(out)
    }

    #[test]
    fn every_coding_round_trips_in_any_pieces() {
        let text = "token ".repeat(5_000).into_bytes();
        for coding in Compression::ALL {
            let packed = compress(&text, &[coding]).unwrap();
            assert!(packed.len() < text.len() / 10);
            for piece in [1, 7, 100_000] {
                assert_eq!(decode(coding.name(), &packed, piece).unwrap(), text, "{coding:?} {piece}");
            }
        }
        let packed = compress(&text, &[Compression::Gzip, Compression::Brotli]).unwrap();
        assert_eq!(decode("gzip, br", &packed, 3).unwrap(), text);
    }

    #[test]
    fn raw_deflate_is_understood() {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(b"hello hello hello").unwrap();
        assert_eq!(decode("deflate", &encoder.finish().unwrap(), 1).unwrap(), b"hello hello hello");
    }

    #[test]
    fn cut_and_broken_bodies_are_1701() {
        let text = "some text of some length, not too regular 0123456789".repeat(20).into_bytes();
        for coding in Compression::ALL {
            let packed = compress(&text, &[coding]).unwrap();
            let cut = decode(coding.name(), &packed[..packed.len() / 2], 10);
            assert_eq!(cut.unwrap_err().code, 1701, "{coding:?} cut");
            let garbage = decode(coding.name(), b"\xff\xfe this is not compressed at all", 10);
            assert_eq!(garbage.unwrap_err().code, 1701, "{coding:?} garbage");
        }
    }

    #[test]
    fn a_chunk_is_out_as_soon_as_it_is_in() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(b"data: 1\n\n").unwrap();
        encoder.flush().unwrap();
        let first = std::mem::take(encoder.get_mut());
        let mut decoder = Decoder::new("gzip").unwrap();
        assert_eq!(&decoder.push(first.into()).unwrap()[..], b"data: 1\n\n");
    }

    #[test]
    fn unknown_codings_and_empty_bodies_are_left_alone() {
        assert!(Decoder::new("identity").is_none() && Decoder::new("sdch").is_none() && Decoder::new("").is_none());
        assert!(Decoder::new("GZIP").unwrap().finish().unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), which in 0usize..4) {
            let _ = decode(Compression::ALL[which].name(), &bytes, 16);
        }
    }
}
