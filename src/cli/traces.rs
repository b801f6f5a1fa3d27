//! The files of `trace-replay`: read and checked before the run, so that a wrong trace is told of with everything else that is wrong, and
//! its length is known to whoever plans. Iterations get their rows through the state of their scenario.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::preflight::Preflight;
use crate::ai::dataset::trace::{Format, Source, Trace};
use crate::error::Error;
use crate::js::Shared;
use crate::options::{ExecutorConfig, Options, Recording, ReplayConfig, format_duration};
use crate::script::resolve::normalize;
use crate::spelling::nearest;
use crate::vu::{ScenarioState, TraceSlice};

/// Largest file that is read.
const MAX_BYTES: u64 = 8 << 30;

/// Length of a recording of one moment, for replays that go on with the next pass.
const SHORTEST_PASS: Duration = Duration::from_secs(1);

/// The recordings of a run, by scenario.
#[derive(Debug, Default)]
pub(super) struct Traces(BTreeMap<String, TraceSlice>);

impl Traces {
    /// Gives each scenario its rows.
    pub(super) fn hand_out(&self, scenarios: &[Arc<ScenarioState>]) {
        for state in scenarios {
            if let Some(slice) = self.0.get(&*state.name) {
                let _ = state.trace.set(slice.clone());
            }
        }
    }
}

/// Reads the traces of all scenarios and enters their times into the options. `keep` leaves the files where archives are made from.
pub(super) fn load(options: &mut Options, shared: &Shared, keep: bool, found: &mut Preflight) -> Traces {
    let mut files = Files { shared, keep, known: HashMap::new() };
    let mut traces = Traces::default();
    for scenario in &mut options.scenarios {
        // What has no name has been told of.
        let ExecutorConfig::TraceReplay(replay) = &mut scenario.executor else { continue };
        if replay.file.is_empty() {
            continue;
        }
        match files.trace(replay) {
            Ok(trace) => match slice(&trace, replay) {
                Ok((recording, first)) => {
                    let rows = recording.times.len();
                    replay.recording = recording;
                    traces.0.insert(scenario.name.clone(), TraceSlice::new(trace, first, rows));
                }
                Err((field, what, hint)) => {
                    let what = format!("scenarios.{}.{field}: {what}", scenario.name);
                    found.note(Error::config(what).with_hint(hint));
                }
            },
            Err((field, what)) => {
                found.note(Error::config(format!("scenarios.{}.{field}: {what}", scenario.name)));
            }
        }
    }
    traces
}

/// A trace by its file, format, second file and seed.
type Key = (String, Option<String>, Option<String>, u64);

struct Files<'a> {
    shared: &'a Shared,
    keep: bool,
    known: HashMap<Key, Arc<Trace>>,
}

impl Files<'_> {
    fn trace(&mut self, replay: &ReplayConfig) -> Result<Arc<Trace>, (&'static str, String)> {
        let seed = replay.seed.or(self.shared.seed).unwrap_or(0);
        let key = (replay.file.clone(), replay.format.clone(), replay.lengths.clone(), seed);
        if let Some(trace) = self.known.get(&key) {
            return Ok(Arc::clone(trace));
        }
        let format = match &replay.format {
            None => None,
            Some(name) => Some(Format::by_name(name).ok_or_else(|| ("format", unknown_format(name)))?),
        };
        let text = self.read(&replay.file).map_err(|what| ("file", what))?;
        let lengths =
            replay.lengths.as_deref().map(|file| self.read(file).map_err(|what| ("lengths", what))).transpose()?;
        let source = Source { text: &text, format, lengths: lengths.as_deref(), seed };
        let trace = Trace::read(source).map_err(|error| ("file", format!("'{}': {error}", replay.file)))?;
        if replay.seed.is_some() && trace.format() != Format::ServeGen {
            tracing::warn!("seed: has no effect on '{}': its times are recorded, not drawn", replay.file);
        }
        let trace = Arc::new(trace);
        self.known.insert(key, Arc::clone(&trace));
        Ok(trace)
    }

    /// A file from the script's folder, or from the archive the script is in.
    fn read(&self, name: &str) -> Result<Arc<[u8]>, String> {
        let path: PathBuf = normalize(&self.shared.script.dir.join(name.strip_prefix("file://").unwrap_or(name)));
        if let Some(bytes) = self.shared.files.lock().unwrap_or_else(|e| e.into_inner()).get(&path) {
            return Ok(Arc::clone(bytes));
        }
        let cannot = |e: std::io::Error| format!("'{}' cannot be read: {e}", path.display());
        let size = std::fs::metadata(&path).map_err(cannot)?.len();
        if size > MAX_BYTES {
            return Err(format!("'{}' has {} GB; at most {} GB are read", path.display(), size >> 30, MAX_BYTES >> 30));
        }
        let bytes: Arc<[u8]> = std::fs::read(&path).map_err(cannot)?.into();
        if self.keep {
            self.shared.files.lock().unwrap_or_else(|e| e.into_inner()).insert(path, Arc::clone(&bytes));
        }
        Ok(bytes)
    }
}

fn unknown_format(name: &str) -> String {
    let names = Format::ALL.iter().map(|format| format.name());
    let known = names.clone().collect::<Vec<_>>().join(", ");
    match nearest(name, names) {
        Some(near) => format!("unknown format '{name}'; did you mean '{near}'? Known: {known}"),
        None => format!("unknown format '{name}'; known: {known}"),
    }
}

/// The part of a trace between `from` and `to`, and the number of its first row.
fn slice(trace: &Trace, replay: &ReplayConfig) -> Result<(Recording, usize), (&'static str, String, &'static str)> {
    let times: Vec<Duration> = trace.times().collect();
    let first = times.partition_point(|at| *at < replay.from);
    let end = replay.to.map_or(times.len(), |to| times.partition_point(|at| *at < to));
    let within = times.get(first..end).unwrap_or_default();
    let (Some(start), Some(last)) = (within.first(), within.last()) else {
        let field = if replay.from > times.last().copied().unwrap_or_default() { "from" } else { "to" };
        let whole = format_duration(times.last().copied().unwrap_or_default());
        let what = format!("no request of '{}' came in this part: its last one came after {whole}", replay.file);
        return Err((field, what, "choose a part within the recording"));
    };
    let length = match replay.to {
        Some(to) => to - replay.from,
        // One more gap like the others, so that the next pass does not begin on top of the last request.
        None => {
            let gaps = u32::try_from(within.len() - 1).unwrap_or(u32::MAX);
            let mean = (*last - *start).checked_div(gaps).unwrap_or_default();
            (*last - replay.from + mean).max(if mean.is_zero() { SHORTEST_PASS } else { mean })
        }
    };
    let times = within.iter().map(|at| *at - replay.from).collect();
    Ok((Recording { times, length }, first))
}
