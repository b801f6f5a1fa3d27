//! The house rules, each a function from one file's path and text to violations. No I/O here.

use std::fmt;

use super::source::{blank_comments_and_strings, references_to_rooms};

/// One broken rule, with how to mend it.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) rule: String,
    mend: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    mend: {}", self.file, self.line, self.rule, self.mend)
    }
}

/// Every room and its layer; a room may name rooms of lower layers only.
pub(crate) const LAYERS: &[(&str, u8)] = &[
    ("cli", 7),
    ("api", 6),
    ("js", 6),
    ("mock", 6),
    ("report", 6),
    ("scheduler", 6),
    ("ui", 6),
    ("executor", 5),
    ("output", 5),
    ("data", 4),
    ("probe", 4),
    ("vu", 4),
    ("ai", 3),
    ("script", 3),
    ("secrets", 3),
    ("net", 2),
    ("options", 2),
    ("crypto", 1),
    ("html", 1),
    ("metrics", 1),
    ("sanitize", 1),
    ("clock", 0),
    ("error", 0),
    ("redact", 0),
    ("spelling", 0),
    ("stats", 0),
    ("stop", 0),
];

/// The siblings that may be used, with the reason.
const SIBLINGS_ALLOWED: &[(&str, &str)] = &[
    // The network's behaviour is options; copying them into a second set of types would only add a mapping.
    ("net", "options"),
    // A stop reason knows the exit code it leads to.
    ("stop", "error"),
];

/// Rooms that may not use some lower rooms either: (rooms, forbidden, rule, mend).
const NARROWED: &[(&[&str], &[&str], &str, &str)] = &[
    (
        &["mock"],
        &["ai", "net"],
        "the mock shares no code with the client: both sides of a protocol are written separately",
        "write what the mock needs in src/mock; a mistake shared by both sides would never be found",
    ),
    (
        &["executor", "scheduler"],
        &["ai", "net", "script"],
        "executors and the scheduler know a VU only through vu::{Runner, Vu}",
        "ask for it through a trait of src/vu, so that it can be tested with a fake VU on paused time",
    ),
    (
        &["output", "report"],
        &["ai", "executor", "net", "script", "vu"],
        "outputs and reports see metrics and options only",
        "put what you need into metrics::Summary or a sample; whoever has it records it there",
    ),
];

/// Crates that live in some rooms only: (prefix of the crate's name, where, mend).
const CRATES: &[(&str, &[&str], &str)] = &[
    ("boa_", &["src/js/"], "keep the JavaScript engine exchangeable: go through the types of src/js"),
    ("oxc_", &["src/script/typescript/"], "only src/script/typescript knows the TypeScript compiler"),
    (
        "hyper",
        &["src/api/", "src/net/", "src/mock/", "src/output/prometheus/scrape.rs"],
        "measured traffic goes through net::Client",
    ),
    (
        "http_body_util",
        &["src/api/", "src/net/", "src/mock/", "src/output/prometheus/scrape.rs"],
        "measured traffic goes through net::Client",
    ),
    ("dom_query", &["src/html/document.rs"], "keep the HTML parser exchangeable: go through html::Page"),
    ("anyhow", &["src/cli/", "src/main.rs"], "libraries return a thiserror enum of their folder"),
];

/// Files and folders that are pure: what they know comes in as arguments.
const PURE: &[&str] = &[
    "src/ai/cost",
    "src/ai/samples",
    "src/ai/slo",
    "src/ai/timeline",
    "src/executor/pacing",
    "src/executor/stages",
    "src/net/aws_event_stream",
    "src/net/json_array",
    "src/net/json_lines",
    "src/net/sse",
    "src/report/",
    "src/sanitize/",
    "src/stats/",
];
const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "OffsetDateTime::now", "Utc::now"];
const INPUT_OUTPUT: &[&str] =
    &["std::fs", "std::net", "tokio::fs", "tokio::net", "File::create", "File::open", "TcpStream::"];

const FORBIDDEN_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "manager", "stuff"];
const MAX_LINES: usize = 800;

/// Checks one file. `path` is relative to the root, with forward slashes.
pub(crate) fn check_file(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut add = |line: usize, rule: String, mend: &str| {
        found.push(Violation { file: path.to_owned(), line, rule, mend: mend.to_owned() });
    };

    if text.lines().count() > MAX_LINES {
        add(MAX_LINES + 1, format!("no file is longer than {MAX_LINES} lines"), "split it: one concept per file");
    }
    if let Some(part) = path.split(['/', '.']).find(|part| FORBIDDEN_NAMES.contains(part)) {
        add(
            1,
            format!("`{part}` is no name: a name says what is inside"),
            "name the file after the one concept it holds",
        );
    }
    if !path.ends_with(".rs") {
        return found;
    }
    if !text.lines().next().is_some_and(|first| first.starts_with("//!")) {
        add(
            1,
            "a file opens with `//!`".to_owned(),
            "say what it is, who calls it, and what it deliberately does not do",
        );
    }
    if let Some(inside) = path.strip_prefix("src/") {
        check_source(path, inside, text, &mut add);
    }
    found
}

fn check_source(path: &str, inside: &str, text: &str, add: &mut impl FnMut(usize, String, &str)) {
    let code = blank_comments_and_strings(text);
    let line_of = |at: usize| code[..at].matches('\n').count() + 1;

    let room = inside.split(['/', '.']).next().unwrap_or_default();
    if !matches!(inside, "lib.rs" | "main.rs") {
        if let Some(own) = layer(room) {
            for (at, target) in references_to_rooms(&code, inside) {
                check_reference(room, own, &target, line_of(at), add);
            }
        } else {
            let mend = "give it a row in LAYERS (tests/it/tidy/rules.rs) and a line in docs/architecture.md, or move it into a room";
            add(1, format!("`{room}` has no layer"), mend);
        }
    }

    for (prefix, homes, mend) in CRATES {
        if homes.iter().any(|home| path.starts_with(home)) {
            continue;
        }
        if let Some(at) = find_word(&code, prefix) {
            add(line_of(at), format!("`{prefix}` is named only in {}", homes.join(" and ")), mend);
        }
    }

    if PURE.iter().any(|pure| path.starts_with(pure)) {
        // Tests need instants to feed in; only what ships has to be pure.
        // A file that is all test code says so on top: `#![cfg(test)]`.
        let tests = code.find("#![cfg(test)]").or_else(|| code.find("#[cfg(test)]"));
        let shipped = tests.map_or(code.as_str(), |end| &code[..end]);
        for clock in CLOCKS {
            if let Some(at) = find_word(shipped, clock) {
                add(
                    line_of(at),
                    format!("pure code reads no clock, but this names `{clock}`"),
                    "take the time as an argument",
                );
            }
        }
        for io in INPUT_OUTPUT {
            if let Some(at) = find_word(shipped, io) {
                add(line_of(at), format!("pure code does no I/O, but this names `{io}`"), "take bytes, return bytes");
            }
        }
    }
}

fn check_reference(room: &str, own: u8, target: &str, line: usize, add: &mut impl FnMut(usize, String, &str)) {
    let Some(other) = layer(target) else { return };
    if room == target {
        return;
    }
    let narrowed = NARROWED.iter().find(|(rooms, forbidden, ..)| rooms.contains(&room) && forbidden.contains(&target));
    if let Some((_, _, rule, mend)) = narrowed {
        add(line, format!("{rule}, but this names `{target}`"), mend);
    } else if other >= own && !SIBLINGS_ALLOWED.contains(&(room, target)) {
        let mend =
            "turn the dependency round with a trait or a plain type of the lower room (docs/architecture.md, `Layers`)";
        add(line, format!("`{room}` may name only lower rooms, not `{target}`"), mend);
    }
}

fn layer(room: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == room).map(|(_, layer)| *layer)
}

/// First occurrence that does not start inside a longer word.
fn find_word(code: &str, word: &str) -> Option<usize> {
    code.match_indices(word).map(|(at, _)| at).find(|&at| {
        !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
            && (word != "hyper"
                || code[at + word.len()..].starts_with("::")
                || code[at + word.len()..].starts_with("_util"))
    })
}
