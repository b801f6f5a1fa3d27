//! What was found, where and how often: counts by kind and field, and the entries that could not be read. Never a value.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Most broken entries that are listed; all are counted.
const MOST_LISTED: usize = 1000;

/// An entry that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The file; `-` for standard input.
    pub file: String,
    /// The line it begins in, from 1.
    pub line: u64,
    /// Why, in words that hold nothing of it.
    pub why: String,
}

/// The report of a run.
#[derive(Debug, Default)]
pub struct Findings {
    /// Entries of the logs.
    pub entries: u64,
    /// Requests that were written (or profiled).
    pub records: u64,
    /// Entries about something else than a request: no prompt in them.
    pub skipped: u64,
    /// Entries that could not be read.
    pub broken_count: u64,
    /// The first of them.
    pub broken: Vec<Broken>,
    /// Parts of messages that are no text (images, audio): left out.
    pub parts_left_out: u64,
    /// Requests without a time.
    pub without_time: u64,
    /// Requests whose tokens the log does not state: counted by us.
    pub counted: u64,
    /// Requests whose time is before that of the first one, in an output that cannot be mended: they have no `at`.
    pub out_of_order: u64,
    /// Entries by format.
    formats: BTreeMap<&'static str, u64>,
    /// Kind -> field -> how often.
    found: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Findings {
    pub(super) fn found(&mut self, kind: &str, field: &str) {
        // No allocation but for the first of each.
        if !self.found.contains_key(kind) {
            self.found.insert(kind.to_owned(), BTreeMap::new());
        }
        let fields = self.found.get_mut(kind).expect("it was just put in");
        match fields.get_mut(field) {
            Some(count) => *count += 1,
            None => drop(fields.insert(field.to_owned(), 1)),
        }
    }

    pub(super) fn format(&mut self, name: &'static str) {
        *self.formats.entry(name).or_default() += 1;
    }

    pub(super) fn broken(&mut self, broken: Broken) {
        self.broken_count += 1;
        if self.broken.len() < MOST_LISTED {
            self.broken.push(broken);
        }
    }

    /// How many of each kind, the most frequent first.
    pub fn kinds(&self) -> Vec<(&str, u64)> {
        let mut kinds: Vec<(&str, u64)> =
            self.found.iter().map(|(kind, fields)| (kind.as_str(), fields.values().sum())).collect();
        kinds.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        kinds
    }

    /// The report as JSON.
    pub fn json(&self) -> Value {
        let found: serde_json::Map<String, Value> = self
            .found
            .iter()
            .map(|(kind, fields)| (kind.clone(), json!({ "total": fields.values().sum::<u64>(), "fields": fields })))
            .collect();
        let broken: Vec<Value> =
            self.broken.iter().map(|b| json!({ "file": b.file, "line": b.line, "why": b.why })).collect();
        json!({
            "entries": self.entries,
            "records": self.records,
            "skipped": self.skipped,
            "broken": { "total": self.broken_count, "listed": broken },
            "partsLeftOut": self.parts_left_out,
            "withoutTime": self.without_time,
            "outOfOrder": self.out_of_order,
            "tokensCounted": self.counted,
            "formats": self.formats,
            "found": found,
        })
    }
}
