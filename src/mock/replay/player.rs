//! One recorded answer on its way out: a [`Source`] for the pacer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;

use crate::mock::dist::DelayDist;
use crate::mock::http_request::Request;
use crate::mock::http_response::{Body, LAST_CHUNK, bodiless, chunk_start, head};
use crate::mock::pacer::{Ending, Next, Outcome, Source};
use crate::mock::recording::Recording;
use crate::mock::scripted::settle;
use crate::mock::truth_log::{Record, TokenEvent};

/// Headers that belong to a connection, or are the mock's to tell.
const OWN: &[&str] =
    &["connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "x-request-id"];

/// What is left of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    /// The chunk of this number is next.
    Chunk(usize),
    Over,
}

/// An answer before its first byte.
pub(in crate::mock) struct Player {
    recording: Arc<Recording>,
    /// Where chunks end.
    ends: Vec<usize>,
    itl: Option<(DelayDist, ChaCha8Rng)>,
    arrived: Instant,
    head: Vec<u8>,
    chunked: bool,
    outcome: Outcome,
}

impl Player {
    pub(super) fn new(
        recording: Arc<Recording>,
        mut ends: Vec<usize>,
        itl: Option<DelayDist>,
        rng: ChaCha8Rng,
        request: &Request,
    ) -> Self {
        if bodiless(recording.status) {
            ends.clear();
        }
        let stated = recording.header("content-length").and_then(|n| n.parse::<usize>().ok());
        let length = match stated {
            // What broke off falls short of what it promised.
            Some(stated) if !recording.complete => (stated > recording.body.len()).then_some(stated),
            Some(_) => Some(recording.body.len()),
            None => bodiless(recording.status).then_some(0),
        };
        let framed = length.is_some() || request.http11;
        let headers: Vec<_> =
            recording.headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str())).cloned().collect();
        let body = length.map_or(Body::Streamed, Body::Length);
        let keep_alive = request.keep_alive && framed && recording.complete;
        Self {
            head: head(recording.status, &headers, &request.id, keep_alive, request.http11, body),
            chunked: length.is_none() && request.http11,
            outcome: if recording.complete && framed { Outcome::KeepAlive } else { Outcome::Close },
            itl: itl.map(|itl| (itl, rng)),
            arrived: request.arrived,
            ends,
            recording,
        }
    }

    pub(in crate::mock) fn boxed(self, record: Record) -> Box<dyn Source> {
        let due = match self.itl {
            Some(_) => self.arrived,
            None => self.arrived + self.recording.head,
        };
        Box::new(Playing { player: self, stage: Stage::Head, due, emitted: Vec::new(), record })
    }

    /// When a chunk is due whose predecessor, or the head, was due at `last`.
    fn due(&mut self, chunk: usize, last: Instant) -> Instant {
        match (&mut self.itl, self.ends.get(chunk)) {
            (_, None) => last,
            (Some((itl, rng)), Some(_)) => last + itl.draw(rng),
            (None, Some(end)) => last.max(self.arrived + self.recording.arrival(*end).unwrap_or(Duration::ZERO)),
        }
    }
}

struct Playing {
    player: Player,
    stage: Stage,
    /// Of what is next.
    due: Instant,
    emitted: Vec<TokenEvent>,
    record: Record,
}

impl Playing {
    /// Goes on to a chunk, or to the end behind the last.
    fn proceed(&mut self, chunk: usize, out: &mut Vec<u8>) {
        self.due = self.player.due(chunk, self.due);
        self.stage = Stage::Chunk(chunk);
        if chunk == self.player.ends.len() {
            self.stage = Stage::Over;
            if self.player.chunked && self.player.recording.complete {
                out.extend_from_slice(LAST_CHUNK);
            }
        }
    }
}

impl Source for Playing {
    fn next(&self) -> Next {
        match self.stage {
            Stage::Head | Stage::Chunk(_) => Next::At(self.due),
            Stage::Over => Next::End(self.player.outcome),
        }
    }

    fn emit(&mut self, out: &mut Vec<u8>) {
        match self.stage {
            Stage::Head => {
                out.append(&mut self.player.head);
                self.record.status = self.player.recording.status;
                self.proceed(0, out);
            }
            Stage::Chunk(number) => {
                let start = number.checked_sub(1).map_or(0, |before| self.player.ends[before]);
                let bytes = &self.player.recording.body[start..self.player.ends[number]];
                if self.player.chunked {
                    chunk_start(bytes.len(), out);
                }
                out.extend_from_slice(bytes);
                if self.player.chunked {
                    out.extend_from_slice(b"\r\n");
                }
                // What it holds is not looked at.
                self.emitted.push(TokenEvent { tokens: 0, due: self.due });
                self.proceed(number + 1, out);
            }
            Stage::Over => {}
        }
    }

    fn written(&mut self, before: Instant, after: Instant, late_ns: &mut Vec<u64>) -> u64 {
        self.record.head.get_or_insert(before);
        settle(&mut self.emitted, &mut self.record, before, after, late_ns)
    }

    fn finish(self: Box<Self>, ending: Ending) {
        self.record.submit(ending);
    }
}
