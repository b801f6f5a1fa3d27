//! Request records as CSV: a column per figure, empty where there is none; lists separated by semicolons, tags as JSON.

use std::io::{self, Write};

use super::columns::COLUMNS;
use super::lines::{rounded, significant};
use super::record::{self, Cell};
use crate::metrics::SampleBatch;
use crate::output::csv::writer;
use crate::output::flusher::Format;
use crate::output::json::rfc3339;

/// The format.
pub(super) struct Rows;

impl Format for Rows {
    fn head(&mut self, to: &mut dyn Write) -> io::Result<()> {
        write(to, COLUMNS.iter().map(|column| column.name.to_owned()))
    }

    fn batch(&mut self, batch: &SampleBatch, to: &mut dyn Write) -> io::Result<()> {
        match record::of(batch) {
            Some(cells) => write(to, cells.into_iter().map(text)),
            None => Ok(()),
        }
    }
}

fn write(to: &mut dyn Write, fields: impl Iterator<Item = String>) -> io::Result<()> {
    let mut row = writer(to);
    row.write_record(fields.collect::<Vec<_>>())?;
    row.flush()
}

fn text(cell: Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => text,
        Cell::Time(ns) => rfc3339(ns),
        Cell::Count(n) => n.to_string(),
        Cell::Number(n) => significant(n).to_string(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Numbers(all) => all.into_iter().map(|n| rounded(n).to_string()).collect::<Vec<_>>().join(";"),
        Cell::Object(tags) if tags.is_empty() => String::new(),
        Cell::Object(tags) => serde_json::Value::Object(tags).to_string(),
    }
}
