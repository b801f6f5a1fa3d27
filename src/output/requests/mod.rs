//! `-o requests=FILE`: one record per request with its times, tokens, cost, outcome and tags, as JSON lines, CSV or Parquet by
//! the file's ending. Model calls, attempts of them that were followed by another, calls a budget kept back, `k6/http` and gRPC.
//!
//! What becomes a record is decided in [`record`], the columns are rows of [`columns`]; the three formats know neither.

mod columns;
mod csv;
mod lines;
mod parquet;
mod record;

use std::time::Duration;

use super::flusher::{Format, spawn};
use super::{OutputContext, target};
use crate::error::Error;
use crate::metrics::Listener;

/// Written when `-o requests` names no file.
const DEFAULT_FILE: &str = "requests.jsonl";

/// How often what was written becomes visible in the file.
const INTERVAL: Duration = Duration::from_secs(1);

/// The file it writes.
///
/// # Errors
/// An ending of no known format.
pub fn file(arg: Option<&str>, _: &OutputContext) -> Result<Option<String>, Error> {
    let file = arg.unwrap_or(DEFAULT_FILE);
    format_of(file).map(|_| Some(file.to_owned()))
}

/// Opens the output; the argument is a file, `-` standard output (as JSON lines).
///
/// # Errors
/// An ending of no known format, or a file that cannot be created.
pub fn open(arg: Option<&str>, context: &OutputContext) -> Result<Box<dyn Listener>, Error> {
    let file = arg.unwrap_or(DEFAULT_FILE);
    let format = format_of(file)?;
    let target = target::open("requests", Some(file), &context.stdout)?;
    Ok(Box::new(spawn(format!("requests ({file})"), format, target, INTERVAL)?))
}

fn format_of(file: &str) -> Result<Box<dyn Format>, Error> {
    let lower = file.to_ascii_lowercase();
    let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
    if plain == target::STDOUT || [".jsonl", ".ndjson", ".json"].iter().any(|end| plain.ends_with(end)) {
        return Ok(Box::new(lines::Lines));
    }
    if plain.ends_with(".csv") {
        return Ok(Box::new(csv::Rows));
    }
    if lower.ends_with(".parquet") {
        return parquet::Table::new()
            .map(|table| Box::new(table) as Box<dyn Format>)
            .map_err(|e| Error::usage(format!("output requests: {e}")));
    }
    Err(Error::usage(format!("output requests: the ending of '{file}' is of no known format"))
        .with_hint("known endings: .jsonl, .csv (both also with .gz), .parquet"))
}

#[cfg(test)]
mod tests;
