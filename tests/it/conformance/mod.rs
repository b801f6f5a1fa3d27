//! k6's surface, row by row: what `docs/k6-compat.md` calls the same is asserted here, with the lines on standard error that must
//! not appear. Larger subjects (WebSockets, gRPC, Redis, streams, archives, the REST API, ...) have test files of their own.

mod executors;
mod flags;
mod memory;
mod modules;
mod options;
mod samples;
mod surface;
mod thresholds;

use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, run_checked_files};

/// Runs `tests/scripts/conformance/NAME.js`, which imports `./eq.js`, with these variables and flags: every comparison holds,
/// the end is reached, and nothing is warned of.
#[track_caller]
fn script(name: &str, args: &[&str]) -> Ran {
    quiet(noisy_script(name, args))
}

/// As [`script`], for what provokes warnings that k6 gives as well.
#[track_caller]
fn noisy_script(name: &str, args: &[&str]) -> Ran {
    let file = format!("{name}.js");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/conformance").join(&file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    run_checked_files(&[(&file, &text)], &file, args)
}

/// Asserts that the run neither warned nor complained.
#[track_caller]
fn quiet(ran: Ran) -> Ran {
    for line in ran.stderr.lines() {
        assert!(!line.contains("level=warning") && !line.contains("level=error"), "{line}\n{}", ran.all());
    }
    ran
}

/// The lines `--out json=o.json` wrote.
#[track_caller]
fn lines(ran: &Ran) -> Vec<Value> {
    ran.file("o.json")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

/// The points of one metric among these lines.
fn points<'a>(lines: &'a [Value], metric: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == "Point" && line["metric"] == metric).map(|line| &line["data"]).collect()
}
