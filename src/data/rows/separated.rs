//! CSV with a header: every record is an object of texts by the names in the first line. Quotes as in RFC 4180.

use std::collections::BTreeMap;

use csv::{ByteRecord, ReaderBuilder};

use super::judge::Judge;
use super::{FileProblems, position};

/// The names of the columns, and where the records begin.
///
/// # Errors
/// Every record that has another number of fields than the header or lacks what is asked for, with its line.
pub(super) fn index(text: &str, delimiter: u8, judge: &mut Judge) -> Result<(Vec<String>, Vec<u64>), FileProblems> {
    let mut problems = FileProblems::default();
    let mut starts = Vec::new();
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let names: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(error) => {
            problems.add(1, None, error);
            return Err(problems);
        }
    };
    check_names(&names, delimiter, judge, &mut problems);
    let weight = judge.weight.as_ref().and_then(|name| names.iter().position(|n| n == name));
    let mut record = ByteRecord::new();
    loop {
        let at = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                problems.add(position(text.as_bytes(), at).0, None, error);
                break;
            }
        }
        // Blank lines before the record are read with it.
        let skipped = text.as_bytes()[at..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let place = || position(text.as_bytes(), at + skipped).0;
        if record.len() != names.len() {
            let (has, needs) = (record.len(), names.len());
            problems.add(
                place(),
                None,
                format_args!("the record has {has} fields, the header {needs} (is a quote left open?)"),
            );
            continue;
        }
        if let Some(column) = weight {
            let cell = String::from_utf8_lossy(&record[column]).into_owned();
            if let Err(problem) = judge.weigh(cell.trim().parse().ok(), &cell) {
                problems.add(place(), None, problem.what);
                continue;
            }
        }
        starts.push((at + skipped) as u64);
    }
    if problems.is_empty() { Ok((names, starts)) } else { Err(problems) }
}

fn check_names(names: &[String], delimiter: u8, judge: &Judge, problems: &mut FileProblems) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        if let Some(before) = seen.insert(name, at) {
            problems.add(1, None, format_args!("columns {} and {} have the same name '{name}'", before + 1, at + 1));
        }
    }
    let list = || names.iter().take(12).cloned().collect::<Vec<_>>().join(", ");
    for name in judge.field.iter().chain(&judge.weight) {
        if !seen.contains_key(name.as_str()) {
            let shown = char::from(delimiter);
            let hint = if names.len() == 1 { format!("; is the delimiter '{shown}'?") } else { String::new() };
            problems.add(1, None, format_args!("there is no column '{name}' (the header has: {}{hint})", list()));
        }
    }
    if judge.turns.is_some() {
        problems.add(1, None, "conversations cannot be read from CSV; use jsonl, json or parquet");
    }
}

/// The fields of the record that a text begins with.
pub(super) fn record(text: &str, delimiter: u8) -> Vec<String> {
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => record.iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
