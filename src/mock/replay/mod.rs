//! Serves recorded answers: `--replay`.
//!
//! The bytes of a body are those of the recording, in the chunks and at the times in which they came, unless `--replay-chunks`
//! or `--replay-itl` say otherwise. Which recording answers a request, the first that applies:
//!
//! 1. the one that header `x-mock-replay` names;
//! 2. the one that a path below `/replay/` names, as in `/replay/text.sse/v1/chat/completions`: for clients who choose an
//!    address but no headers;
//! 3. those recorded at the request's method and path: the ones that fit best by what is kept of the query, by `stream` and by
//!    `model`; several take turns;
//! 4. for a POST, those whose path is not known, in turns.
//!
//! A POST that finds none is refused, so that an invented answer is never taken for a recorded one; other requests without a
//! recording are answered as ever. Keys, limits and faults of the mock do not apply to recordings.

mod cuts;
mod load;
mod player;

use std::cmp::Reverse;
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

pub use cuts::Cuts;
use player::Player;

use super::config::MockConfig;
use super::dist::DelayDist;
use super::http_request::Request;
use super::http_response::Response;
use super::question::decode;
use super::record::keeps_query;
use super::recording::{Recording, Wish};
use super::truth_log::Record;

/// Names the recording.
const NAME_HEADER: &str = "x-mock-replay";
/// How it is cut.
const CHUNKS_HEADER: &str = "x-mock-replay-chunks";
/// The pause before each chunk.
const ITL_HEADER: &str = "x-mock-itl-ms";
/// Where paths begin that name a recording.
const BELOW: &str = "/replay/";
/// Most chunks of an answer: each costs a few bytes of memory.
const MAX_CHUNKS: usize = 2_000_000;
/// Names listed in a message.
const LISTED: usize = 20;

/// The recordings of a mock.
pub(super) struct Library {
    recordings: Vec<Arc<Recording>>,
    /// How often each has been its turn.
    turns: Mutex<Vec<u64>>,
    cuts: Cuts,
    itl: Option<DelayDist>,
    seed: u64,
}

impl Library {
    /// Reads the recordings; None = none are to be served.
    ///
    /// # Errors
    /// Every file that cannot be used, one sentence each.
    pub(super) fn load(config: &MockConfig) -> Result<Option<Self>, Vec<String>> {
        if config.replay.is_empty() {
            return Ok(None);
        }
        let recordings: Vec<_> = load::load(&config.replay)?.into_iter().map(Arc::new).collect();
        Ok(Some(Self {
            turns: Mutex::new(vec![0; recordings.len()]),
            recordings,
            cuts: config.replay_chunks,
            itl: config.replay_itl,
            seed: config.seed,
        }))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.recordings.len()
    }

    /// The recorded answer to a request; None = there is none, and it is none of ours. `Err` = the request is refused.
    pub(super) fn play(&self, request: &Request, record: &mut Record) -> Result<Option<Player>, Response> {
        let Some(number) = self.choose(request)? else { return Ok(None) };
        let recording = &self.recordings[number];
        record.replayed = Some(recording.name.clone());
        record.model.clone_from(&recording.wish.model);
        record.stream = true;
        let known = [NAME_HEADER, CHUNKS_HEADER, ITL_HEADER];
        if let Some((name, _)) =
            request.headers.iter().find(|(n, _)| n.starts_with("x-mock-") && !known.contains(&n.as_str()))
        {
            let why = format!("header {name} does nothing to a recording; {} do", known.join(", "));
            return Err(refusal(400, "bad_request", &why));
        }
        let cuts = header(request, CHUNKS_HEADER)?.unwrap_or(self.cuts);
        let itl = header(request, ITL_HEADER)?.or(self.itl);
        if let Cuts::Bytes(n) = cuts
            && recording.body.len() / n > MAX_CHUNKS
        {
            let why = format!(
                "{} bytes in chunks of {n} are more than {MAX_CHUNKS} chunks: use larger ones",
                recording.body.len()
            );
            return Err(refusal(400, "bad_request", &why));
        }
        let ends = cuts::ends(cuts, recording, number as u64, self.seed);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(request.ordinal);
        Ok(Some(Player::new(Arc::clone(recording), ends, itl, rng, request)))
    }

    /// The number of the recording that answers.
    fn choose(&self, request: &Request) -> Result<Option<usize>, Response> {
        if let Some(name) = request.header(NAME_HEADER) {
            let found = self.recordings.iter().position(|r| r.name == name);
            return found.map(Some).ok_or_else(|| self.unknown(&format!("no recording is called {name}")));
        }
        if let Some(rest) = request.path.strip_prefix(BELOW) {
            let rest = decode(rest);
            let names =
                |r: &Recording| rest.strip_prefix(&r.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let named = self.recordings.iter().enumerate().filter(|(_, r)| names(r));
            let found = named.max_by_key(|(_, r)| r.name.len()).map(|(number, _)| number);
            return found
                .map(Some)
                .ok_or_else(|| self.unknown(&format!("no recording is called as {} says", request.path)));
        }
        let (path, query) = (request.path.trim_end_matches('/'), keeps_query(&request.query));
        let same_path = |r: &Recording| {
            r.method == request.method && r.path.as_deref().is_some_and(|p| p.trim_end_matches('/') == path)
        };
        let post = request.method == "POST";
        let wish = Wish::of(&request.body);
        // What is not known of a recording fits better than what differs.
        fn fit<T: PartialEq>(known: Option<&T>, wanted: Option<&T>) -> u8 {
            if known == wanted { 2 } else { u8::from(known.is_none()) }
        }
        let found = self
            .turn(|r| {
                let fits = || {
                    let stream = fit(r.wish.stream.as_ref(), wish.stream.as_ref());
                    (r.query == query, stream, fit(r.wish.model.as_ref(), wish.model.as_ref()))
                };
                same_path(r).then(fits)
            })
            .or_else(|| self.turn(|r| (post && r.path.is_none()).then_some(())));
        match found {
            None if post => Err(self.unknown(&format!("nothing was recorded at POST {}", request.path))),
            found => Ok(found),
        }
    }

    /// Of those that fit best, the one whose turn came least often.
    fn turn<F: Ord>(&self, fits: impl Fn(&Recording) -> Option<F>) -> Option<usize> {
        let mut turns = self.turns.lock().unwrap_or_else(|e| e.into_inner());
        let fitting = self.recordings.iter().enumerate().filter_map(|(number, r)| Some((Reverse(fits(r)?), number)));
        let (_, number) = fitting.min_by(|(a, i), (b, k)| a.cmp(b).then(turns[*i].cmp(&turns[*k])))?;
        turns[number] += 1;
        Some(number)
    }

    fn unknown(&self, why: &str) -> Response {
        let shown = self.recordings.iter().take(LISTED).map(|r| match &r.path {
            Some(path) => format!("{} ({} {path})", r.name, r.method),
            None => r.name.clone(),
        });
        let mut list = shown.collect::<Vec<_>>().join(", ");
        if self.recordings.len() > LISTED {
            list.push_str(&format!(" and {} more", self.recordings.len() - LISTED));
        }
        refusal(404, "no_recording", &format!("{why}; header {NAME_HEADER} names one of: {list}"))
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, &json!({ "error": { "message": message, "type": "replay", "param": null, "code": code } }))
}

fn header<T: std::str::FromStr<Err: std::fmt::Display>>(request: &Request, name: &str) -> Result<Option<T>, Response> {
    let parse =
        |text: &str| text.parse().map_err(|why: T::Err| refusal(400, "bad_request", &format!("header {name}: {why}")));
    request.header(name).map(parse).transpose()
}
