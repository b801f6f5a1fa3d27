//! One recorded exchange: what was asked, and the answer's bytes with the times at which they came.
//!
//! Written by [`super::record`], served by [`super::replay`]. On disk it is one line of JSON, so that a file grows by whole
//! lines and needs no end:
//!
//! ```json
//! {"inrush_recording":1,"recorded_at":"2026-01-31T12:00:00Z","method":"POST","path":"/v1/chat/completions","query":"alt=sse",
//!  "model":"m","stream":true,"status":200,"headers":[["content-type","text/event-stream"]],"head_us":312000,
//!  "chunks":[{"at_us":312400,"text":"data: {...}\n\n"},{"at_us":330000,"base64":"AAAA..."}],"complete":true}
//! ```
//!
//! Times are microseconds since the request had been read. Bytes that are not UTF-8 are Base64. Performs no I/O.

use std::time::Duration;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the line's form.
const VERSION: u32 = 1;

/// What of a request's body tells answers apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream: Option<bool>,
}

impl Wish {
    /// Reads a body; what is no such JSON tells nothing.
    pub(super) fn of(body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Fields {
            model: Value,
            stream: Value,
        }
        let Fields { model, stream } = serde_json::from_slice(body).unwrap_or_default();
        Self { model: model.as_str().map(str::to_owned), stream: stream.as_bool() }
    }
}

/// An exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recording {
    /// What a request calls it, see [`super::replay`].
    pub(super) name: String,
    pub(super) method: String,
    /// Of the request, without the query; None = it answers any path.
    pub(super) path: Option<String>,
    pub(super) query: String,
    pub(super) wish: Wish,
    pub(super) recorded_at: Option<String>,
    pub(super) status: u16,
    /// Of the response, names in lower case; those that are kept.
    pub(super) headers: Vec<(String, String)>,
    /// From the request to the response head.
    pub(super) head: Duration,
    pub(super) body: Vec<u8>,
    /// Where each recorded chunk ends in the body, and when it came; empty = the times are not known.
    pub(super) arrivals: Vec<(usize, Duration)>,
    /// The body came to its end; false = the connection broke off.
    pub(super) complete: bool,
}

impl Recording {
    /// The first value of a response header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// When the byte before `end` came; None = not known.
    pub(super) fn arrival(&self, end: usize) -> Option<Duration> {
        let at = self.arrivals.partition_point(|(chunk_end, _)| *chunk_end < end);
        self.arrivals.get(at).or(self.arrivals.last()).map(|(_, at)| *at)
    }

    /// As a line, with its end.
    pub(super) fn to_line(&self) -> String {
        let mut start = 0;
        let chunks = self.arrivals.iter().map(|(end, at)| {
            let bytes = &self.body[start..*end];
            start = *end;
            let (text, base64) = match std::str::from_utf8(bytes) {
                Ok(text) => (Some(text.to_owned()), None),
                Err(_) => (None, Some(BASE64.encode(bytes))),
            };
            Chunk { at_us: micros(*at), text, base64 }
        });
        let line = Line {
            inrush_recording: VERSION,
            recorded_at: self.recorded_at.clone(),
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            wish: self.wish.clone(),
            status: self.status,
            headers: self.headers.clone(),
            head_us: micros(self.head),
            chunks: chunks.collect(),
            complete: self.complete,
        };
        // Nothing in it can fail to be written.
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn from_line(name: String, line: &str) -> Result<Self, String> {
        let line: Line = serde_json::from_str(line).map_err(|e| format!("it is no recording of this program: {e}"))?;
        if line.inrush_recording != VERSION {
            let got = line.inrush_recording;
            return Err(format!(
                "it has the form of version {got}, and this program reads version {VERSION}: record again"
            ));
        }
        if !(200..=599).contains(&line.status) {
            return Err(format!("status {} is not a number from 200 to 599", line.status));
        }
        check_headers(&line.headers)?;
        let (mut body, mut arrivals, mut last) = (Vec::new(), Vec::new(), 0);
        for (n, chunk) in line.chunks.iter().enumerate() {
            match (&chunk.text, &chunk.base64) {
                (Some(text), None) => body.extend_from_slice(text.as_bytes()),
                (None, Some(base64)) => {
                    let bytes = BASE64.decode(base64.as_bytes()).map_err(|e| format!("chunks[{n}].base64: {e}"))?;
                    body.extend_from_slice(&bytes);
                }
                _ => return Err(format!("chunks[{n}] has either text or base64, and not both")),
            }
            if chunk.at_us < last {
                return Err(format!("chunks[{n}].at_us is before that of the chunk before it"));
            }
            last = chunk.at_us;
            arrivals.push((body.len(), Duration::from_micros(chunk.at_us)));
        }
        Ok(Self {
            name,
            method: line.method,
            path: line.path,
            query: line.query,
            wish: line.wish,
            recorded_at: line.recorded_at,
            status: line.status,
            headers: line.headers,
            head: Duration::from_micros(line.head_us),
            body,
            arrivals,
            complete: line.complete,
        })
    }
}

/// Checks that headers can be sent; they come from a file.
///
/// # Errors
/// Which one cannot.
pub(super) fn check_headers(headers: &[(String, String)]) -> Result<(), String> {
    for (name, value) in headers {
        if http::HeaderName::try_from(name.as_str()).is_err() {
            return Err(format!("`{}` is not the name of a header", name.escape_debug()));
        }
        if http::HeaderValue::try_from(value.as_str()).is_err() {
            return Err(format!("the value of header {name} has characters that a header cannot carry"));
        }
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Line {
    inrush_recording: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recorded_at: Option<String>,
    method: String,
    #[serde(default)]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    query: String,
    #[serde(flatten)]
    wish: Wish,
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(default)]
    head_us: u64,
    chunks: Vec<Chunk>,
    complete: bool,
}

#[derive(Serialize, Deserialize)]
struct Chunk {
    at_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn recording(chunks: &[(Vec<u8>, u64)]) -> Recording {
        let (mut body, mut arrivals, mut at) = (Vec::new(), Vec::new(), 0);
        for (bytes, pause) in chunks {
            body.extend_from_slice(bytes);
            at += pause;
            arrivals.push((body.len(), Duration::from_micros(at)));
        }
        Recording {
            name: "n".to_owned(),
            method: "POST".to_owned(),
            path: Some("/v1/x".to_owned()),
            query: String::new(),
            wish: Wish { model: Some("m".to_owned()), stream: Some(true) },
            recorded_at: None,
            status: 200,
            headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
            head: Duration::from_micros(7),
            body,
            arrivals,
            complete: true,
        }
    }

    #[test]
    fn a_byte_came_with_its_chunk() {
        let r = recording(&[(vec![1, 2], 10), (vec![3], 5), (vec![], 5), (vec![4, 5], 5)]);
        let at = |end| r.arrival(end).unwrap().as_micros();
        assert_eq!((at(1), at(2), at(3), at(4), at(5), at(9)), (10, 10, 15, 25, 25, 25));
        assert_eq!(Recording { arrivals: vec![], ..r }.arrival(1), None);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let good = recording(&[(b"x".to_vec(), 3), (b"\xff".to_vec(), 4)]).to_line();
        assert!(Recording::from_line("n".to_owned(), &good).is_ok(), "{good}");
        for (from, to, says) in [
            (r#""inrush_recording":1"#, r#""inrush_recording":9"#, "version 9"),
            (r#""status":200"#, r#""status":99"#, "status 99"),
            ("content-type", "content type", "`content type` is not the name"),
            ("text/event-stream", r"a\nb", "the value of header content-type"),
            (r#""text":"x""#, r#""other":"x""#, "chunks[0] has either"),
            (r#""at_us":3"#, r#""at_us":8"#, "chunks[1].at_us is before"),
            ("/w==", "!", "chunks[1].base64"),
            ("{", "[", "no recording of this program"),
        ] {
            assert!(good.contains(from), "{from} is not in {good}");
            let error = Recording::from_line("n".to_owned(), &good.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_line_reads_back_as_what_was_written(
            chunks in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..20), 0..1000_u64), 0..8),
            complete: bool,
        ) {
            let written = Recording { complete, ..recording(&chunks) };
            let line = written.to_line();
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert_eq!(Recording::from_line("n".to_owned(), line.trim_end()).unwrap(), written);
        }

        #[test]
        fn no_line_makes_the_reader_panic(line in "\\PC{0,60}") {
            let _ = Recording::from_line("n".to_owned(), &line);
        }
    }
}
