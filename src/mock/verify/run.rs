//! Reads a run's `--out json`: what it measured of each call with a request id.

use std::collections::HashMap;
use std::io::BufRead;

use serde_json::Value;

use super::{BadFile, lines};

/// What a run measured of one call, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Call {
    pub(super) connect: f64,
    pub(super) ttft: Option<f64>,
    pub(super) tpot: Option<f64>,
    pub(super) e2e: Option<f64>,
    pub(super) gaps: Vec<f64>,
    pub(super) tokens: Option<u64>,
    pub(super) failed: bool,
    requests: u32,
}

/// The calls of a run by request id.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub(super) calls: HashMap<String, Call>,
    /// Calls without an id: refused connections, other servers.
    pub(super) without_id: u64,
    /// Ids that several calls had.
    pub(super) ambiguous: u64,
}

/// Reads the file of `--out json`.
///
/// # Errors
/// The first line that is none of such a file, by its number; a file without a model call, or without any request id.
pub fn read_run(name: &str, input: impl BufRead) -> Result<Measured, BadFile> {
    let mut run = Measured::default();
    lines(name, input, "a run's `--out json`", |line: Value| {
        if line["type"] != "Point" {
            return Ok(());
        }
        let metric = line["metric"].as_str().unwrap_or_default();
        if !metric.starts_with("ai_") {
            return Ok(());
        }
        let Some(value) = line["data"]["value"].as_f64() else { return Ok(()) };
        let Some(id) = line["data"]["metadata"]["request_id"].as_str() else {
            run.without_id += u64::from(metric == "ai_requests");
            return Ok(());
        };
        if !run.calls.contains_key(id) {
            run.calls.insert(id.to_owned(), Call::default());
        }
        let Some(call) = run.calls.get_mut(id) else { return Ok(()) };
        match metric {
            "ai_requests" => call.requests += 1,
            "ai_connect" => call.connect = value,
            "ai_ttft" => call.ttft = Some(value),
            "ai_tpot" => call.tpot = Some(value),
            "ai_e2e" => call.e2e = Some(value),
            "ai_icl" => call.gaps.push(value),
            "ai_output_tokens" => call.tokens = Some(value as u64),
            "ai_req_failed" => call.failed = value != 0.0,
            _ => {}
        }
        Ok(())
    })?;
    // Attempts before the last have samples of their own, but no request.
    run.calls.retain(|_, call| call.requests > 0);
    let before = run.calls.len();
    run.calls.retain(|_, call| call.requests == 1);
    run.ambiguous = (before - run.calls.len()) as u64;
    match (before, run.without_id) {
        (0, 0) => Err(BadFile(format!("{name}: there is no model call in it"))),
        (0, calls) => Err(BadFile(format!(
            "{name}: none of its {calls} model calls has a request id; run with `--system-tags request_id`"
        ))),
        _ => Ok(run),
    }
}
