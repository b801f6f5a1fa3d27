//! How well a run measured: its samples against the truth log of the mock, call by call.
//!
//! Called by `inrush verify`. Calls are matched by their request id, which is in the log and, with the system tag `request_id`, in the
//! metadata of `--out json`. Pure but for the readers it is given.

mod bounds;
mod report;
mod run;
mod truth;

pub use bounds::Bound;
pub use report::{Report, compare};
pub use run::{Measured, read_run};
pub use truth::{Truth, read_truth};

/// Why a file cannot be used: what, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFile(String);

/// The fields of the lines of both files, for a word about files in the wrong order.
fn kind_of(line: &serde_json::Value) -> Option<&'static str> {
    let has = |name: &str| line.get(name).is_some();
    if has("written_ns") && has("arrived_unix_ns") {
        Some("a truth log")
    } else if has("type") && has("metric") {
        Some("a run's `--out json`")
    } else {
        None
    }
}

/// Reads lines of JSON and hands each to `take`; all that is wrong about one is said with its number.
fn lines(
    name: &str,
    input: impl std::io::BufRead,
    wanted: &'static str,
    mut take: impl FnMut(serde_json::Value) -> Result<(), String>,
) -> Result<(), BadFile> {
    let mut any = false;
    for (n, line) in input.lines().enumerate() {
        let at = format!("{name}, line {}", n + 1);
        let line = line.map_err(|e| BadFile(format!("{at}: {e}")))?;
        if line.trim().is_empty() {
            continue;
        }
        let value: serde_json::Value = serde_json::from_str(&line).map_err(|e| {
            let why = if e.is_eof() { "it breaks off; was it still being written?".to_owned() } else { e.to_string() };
            BadFile(format!("{at}: no JSON object: {why}"))
        })?;
        match kind_of(&value) {
            Some(kind) if kind == wanted => {}
            Some(kind) => {
                return Err(BadFile(format!(
                    "{at}: this is {kind}, where {wanted} is needed; the truth log comes first"
                )));
            }
            None => return Err(BadFile(format!("{at}: this is no line of {wanted}"))),
        }
        any = true;
        take(value).map_err(|why| BadFile(format!("{at}: {why}")))?;
    }
    if any { Ok(()) } else { Err(BadFile(format!("{name} is empty; {wanted} is needed"))) }
}
