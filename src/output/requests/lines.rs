//! Request records as JSON lines: an object per request, without the columns that say nothing.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::columns::COLUMNS;
use super::record::{self, Cell};
use crate::metrics::SampleBatch;
use crate::output::flusher::Format;
use crate::output::json::rfc3339;

/// The format.
pub(super) struct Lines;

impl Format for Lines {
    fn head(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &SampleBatch, to: &mut dyn Write) -> io::Result<()> {
        let Some(cells) = record::of(batch) else { return Ok(()) };
        let mut object = Map::new();
        for (column, cell) in COLUMNS.iter().zip(cells) {
            if let Some(value) = json(cell) {
                object.insert(column.name.to_owned(), value);
            }
        }
        serde_json::to_writer(&mut *to, &object)?;
        to.write_all(b"\n")
    }
}

fn json(cell: Cell) -> Option<Value> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Text(text) => text.into(),
        Cell::Time(ns) => rfc3339(ns).into(),
        Cell::Count(n) => n.into(),
        Cell::Number(n) => significant(n).into(),
        Cell::Flag(flag) => flag.into(),
        Cell::Numbers(all) => all.into_iter().map(rounded).collect(),
        Cell::Object(tags) if tags.is_empty() => return None,
        Cell::Object(tags) => Value::Object(tags),
    })
}

/// Twelve digits, however small: a call may cost less than a millionth of a dollar. What is beyond is noise of conversion.
pub(super) fn significant(n: f64) -> f64 {
    format!("{n:.11e}").parse().unwrap_or(n)
}

/// To a nanosecond where the unit is milliseconds: what is beyond is noise of conversion.
pub(super) fn rounded(n: f64) -> f64 {
    (n * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_figures_keep_their_digits_and_noise_goes() {
        assert_eq!(significant(5.64e-6), 5.64e-6);
        assert_eq!(significant(0.1 + 0.2), 0.3);
        assert_eq!(significant(203.400_000_000_000_03), 203.4);
        assert_eq!((significant(0.0), significant(1_234_567.891)), (0.0, 1_234_567.891));
        assert_eq!(rounded(203.400_000_000_01), 203.4);
    }
}
