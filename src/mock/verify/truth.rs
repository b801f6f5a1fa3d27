//! Reads the truth log: what of each call can be compared.

use std::collections::HashMap;
use std::io::BufRead;

use serde::Deserialize;
use serde_json::Value;

use super::{BadFile, lines};

/// What the mock did with one call.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Call {
    id: String,
    model: Option<String>,
    stream: bool,
    ended: String,
    #[serde(rename = "planned_ns")]
    planned: Vec<u64>,
    /// When the write of each token event began, in nanoseconds since the arrival.
    #[serde(rename = "written_ns")]
    pub(super) written: Vec<u64>,
    pub(super) tokens: u64,
    event_tokens: Vec<u32>,
}

impl Call {
    pub(super) fn streamed(&self) -> bool {
        self.stream
    }

    /// Time per token after the first event, in ns.
    pub(super) fn tpot(&self) -> Option<f64> {
        let (first, last) = (self.written.first()?, self.written.last()?);
        let after = self.tokens.checked_sub(u64::from(*self.event_tokens.first()?)).filter(|n| *n > 0)?;
        Some(last.saturating_sub(*first) as f64 / after as f64)
    }

    pub(super) fn gaps(&self) -> impl Iterator<Item = u64> + '_ {
        self.written.windows(2).map(|pair| pair[1].saturating_sub(pair[0]))
    }

    /// How much later than planned each event was written: the mock's own fault.
    pub(super) fn lateness(&self) -> impl Iterator<Item = u64> + '_ {
        self.written.iter().zip(&self.planned).map(|(written, planned)| written.saturating_sub(*planned))
    }
}

/// The calls of a log by their id.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub(super) calls: HashMap<String, Call>,
    /// Ids that several calls had: they cannot be told apart.
    pub(super) ambiguous: u64,
}

/// Reads a truth log. Only calls that were answered with tokens to the end are kept.
///
/// # Errors
/// The first line that is none of a truth log's, by its number; a log without a line.
pub fn read_truth(name: &str, input: impl BufRead) -> Result<Truth, BadFile> {
    let mut truth = Truth::default();
    let mut seen: HashMap<String, u32> = HashMap::new();
    lines(name, input, "a truth log", |line: Value| {
        let call: Call = serde_json::from_value(line).map_err(|e| e.to_string())?;
        let columns = [call.planned.len(), call.event_tokens.len()];
        if columns.iter().any(|n| *n != call.written.len()) {
            return Err("planned_ns, written_ns and event_tokens differ in length".to_owned());
        }
        *seen.entry(call.id.clone()).or_default() += 1;
        if call.model.is_some() && call.tokens > 0 && call.ended == "complete" {
            truth.calls.insert(call.id.clone(), call);
        }
        Ok(())
    })?;
    for (id, times) in seen {
        if times > 1 && truth.calls.remove(&id).is_some() {
            truth.ambiguous += 1;
        }
    }
    Ok(truth)
}
