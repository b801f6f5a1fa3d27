//! Frames of `application/vnd.amazon.eventstream`: lengths, headers, payload and two CRC-32 sums.
//!
//! Layout, numbers big-endian: total length, length of the headers, CRC of these eight bytes; headers (length of the name, name,
//! type 7 = text, length, text); payload; CRC of everything before.

use data_encoding::BASE64;
use flate2::Crc;

const TEXT: u8 = 7;

/// Appends an event with a JSON payload made of parts.
pub(super) fn event(name: &str, payload: &[&[u8]], out: &mut Vec<u8>) {
    let headers = [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
    frame(&headers, payload, out);
}

/// Appends a chunk of InvokeModel's: JSON of a model's own, in Base64. It is the `number`-th of its stream.
pub(super) fn chunk(json: &[u8], number: usize, out: &mut Vec<u8>) {
    const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    // Bedrock hides the sizes of events from those who watch the line.
    let padding = &PADDING[..1 + number * 17 % PADDING.len()];
    let bytes = BASE64.encode(json);
    event("chunk", &[br#"{"bytes":""#, bytes.as_bytes(), br#"","p":""#, padding.as_bytes(), b"\"}"], out);
}

/// Appends an exception.
pub(super) fn exception(name: &str, payload: &[u8], out: &mut Vec<u8>) {
    let headers = [(":exception-type", name), (":content-type", "application/json"), (":message-type", "exception")];
    frame(&headers, &[payload], out);
}

fn frame(headers: &[(&str, &str)], payload: &[&[u8]], out: &mut Vec<u8>) {
    let start = out.len();
    // Sizes fit: names and values are ours, payloads are single events.
    let headers_length: usize = headers.iter().map(|(name, value)| 1 + name.len() + 1 + 2 + value.len()).sum();
    let payload_length: usize = payload.iter().map(|part| part.len()).sum();
    let total = 4 + 4 + 4 + headers_length + payload_length + 4;
    out.extend_from_slice(&(total as u32).to_be_bytes());
    out.extend_from_slice(&(headers_length as u32).to_be_bytes());
    let sum = crc(&out[start..]);
    out.extend_from_slice(&sum.to_be_bytes());
    for (name, value) in headers {
        out.push(name.len() as u8);
        out.extend_from_slice(name.as_bytes());
        out.push(TEXT);
        out.extend_from_slice(&(value.len() as u16).to_be_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    payload.iter().for_each(|part| out.extend_from_slice(part));
    let sum = crc(&out[start..]);
    out.extend_from_slice(&sum.to_be_bytes());
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_crc_32() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_frame_has_its_lengths_and_headers() {
        let mut out = Vec::new();
        event("messageStop", &[b"{\"a\"", b":1}"], &mut out);
        let number = |at: usize| u32::from_be_bytes(out[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(number(0), out.len());
        assert_eq!(number(8) as u32, crc(&out[..8]));
        let payload = 12 + number(4);
        assert_eq!(&out[payload..out.len() - 4], b"{\"a\":1}");
        assert_eq!(number(out.len() - 4) as u32, crc(&out[..out.len() - 4]));
        assert_eq!(&out[12..12 + 25], b"\x0b:event-type\x07\x00\x0bmessageSto");
    }
}
