//! The rows of a file: the file's bytes as they are, and where each row begins. Rows are parsed when they are read, so a file costs its
//! size and eight to sixteen bytes per row, once for all VUs.

mod array;
mod columns;
pub mod field;
pub mod judge;
mod lines;
#[cfg(test)]
mod row_tests;
mod separated;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::problems::{FileProblems, position};
pub use columns::is_decoding;
use judge::Judge;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON value per line.
    Lines,
    /// One JSON array.
    Array,
    /// Comma-separated values with a header; another delimiter is possible.
    Csv,
    /// Parquet: decoded once, then kept as lines.
    Parquet,
    /// Conversations as ShareGPT has them, in an array or on lines.
    ShareGpt,
}

/// The names of formats, for options and messages.
pub const FORMATS: &[(&str, Format)] = &[
    ("csv", Format::Csv),
    ("json", Format::Array),
    ("jsonl", Format::Lines),
    ("parquet", Format::Parquet),
    ("sharegpt", Format::ShareGpt),
];

impl Format {
    /// The format that a file's name ends with.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "jsonl" | "ndjson" => Some(Self::Lines),
            "json" => Some(Self::Array),
            "csv" | "tsv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// How the bytes from a start become a row.
#[derive(Debug)]
enum Layout {
    /// The row is the line.
    Lines,
    /// The row is JSON that ends here.
    Elements { ends: Vec<u64> },
    /// The row is a record of CSV.
    Csv { names: Vec<String>, delimiter: u8 },
}

/// The rows of one file.
pub struct Table {
    content: Bytes,
    /// Where each row begins.
    starts: Vec<u64>,
    layout: Layout,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("rows", &self.starts.len()).field("bytes", &self.content.len()).finish()
    }
}

impl Table {
    /// Finds the rows and shows each to the judge.
    ///
    /// # Errors
    /// All that is wrong with the file, up to a limit.
    pub fn load(content: Arc<[u8]>, format: Format, delimiter: u8, judge: &mut Judge) -> Result<Self, String> {
        let packed = format == Format::Parquet || (format == Format::ShareGpt && content.starts_with(b"PAR1"));
        let mut content = Bytes::from_owner(content);
        if packed {
            content = columns::decode(content, &judge.columns())?.into();
        }
        let text = match std::str::from_utf8(&content) {
            Ok(text) => text,
            Err(error) => {
                let (line, column) = position(&content, error.valid_up_to());
                return Err(format!(
                    "line {line}, column {column}: this is not UTF-8 text; convert the file (iconv -t UTF-8), or check that it is \
                     what its name says"
                ));
            }
        };
        // A byte order mark is no part of the first row.
        let skipped = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let text = &text[skipped..];
        let on_lines = match format {
            _ if packed => true,
            Format::Lines => true,
            Format::ShareGpt => !text.trim_start().starts_with('['),
            Format::Array | Format::Csv | Format::Parquet => false,
        };
        let indexed = if format == Format::Csv {
            separated::index(text, delimiter, judge).map(|(names, starts)| (starts, Layout::Csv { names, delimiter }))
        } else if on_lines {
            let problems = if packed { FileProblems::of_rows() } else { FileProblems::default() };
            lines::index(text, judge, problems).map(|starts| (starts, Layout::Lines))
        } else {
            array::index(text, judge).map(|(starts, ends)| (starts, Layout::Elements { ends }))
        };
        let (mut starts, mut layout) = indexed.map_err(|problems| problems.text())?;
        starts.iter_mut().for_each(|start| *start += skipped as u64);
        starts.shrink_to_fit();
        if let Layout::Elements { ends } = &mut layout {
            ends.iter_mut().for_each(|end| *end += skipped as u64);
            ends.shrink_to_fit();
        }
        Ok(Self { content, starts, layout })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Bytes that are held beside the file.
    pub fn index_bytes(&self) -> usize {
        let ends = if let Layout::Elements { ends } = &self.layout { ends.capacity() } else { 0 };
        (self.starts.capacity() + ends) * size_of::<u64>()
    }

    /// A row as JSON text; None beyond the end.
    pub fn json(&self, at: usize) -> Option<Cow<'_, str>> {
        let row = self.text(at)?;
        Some(match &self.layout {
            Layout::Csv { names, delimiter } => {
                let fields = separated::record(row, *delimiter);
                let object: Map<String, Value> =
                    names.iter().cloned().zip(fields.into_iter().map(Value::String)).collect();
                Cow::Owned(Value::Object(object).to_string())
            }
            _ => Cow::Borrowed(row),
        })
    }

    /// The value of a row's field as JSON text.
    pub fn field(&self, at: usize, name: &str) -> Option<Cow<'_, str>> {
        let row = self.text(at)?;
        match &self.layout {
            Layout::Csv { names, delimiter } => {
                let column = names.iter().position(|n| n == name)?;
                let cell = separated::record(row, *delimiter).into_iter().nth(column)?;
                Some(Cow::Owned(Value::String(cell).to_string()))
            }
            _ => field::find(row, name).ok().flatten().map(Cow::Borrowed),
        }
    }

    /// A row's own text.
    fn text(&self, at: usize) -> Option<&str> {
        let place = |places: &[u64], at: usize| places.get(at).and_then(|place| usize::try_from(*place).ok());
        let start = place(&self.starts, at)?;
        let bytes = match &self.layout {
            Layout::Lines => {
                let rest = self.content.get(start..)?;
                rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len()))?
            }
            Layout::Elements { ends } => self.content.get(start..place(ends, at)?)?,
            Layout::Csv { .. } => self.content.get(start..place(&self.starts, at + 1).unwrap_or(self.content.len()))?,
        };
        let row = std::str::from_utf8(bytes).ok()?;
        // In CSV blanks belong to the fields.
        Some(if matches!(self.layout, Layout::Csv { .. }) { row } else { row.trim_matches(BLANKS) })
    }
}

/// What may stand around a row on its line.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
