//! CSV with a header, column by name: what the CSV formats share.

use csv::{ByteRecord, ReaderBuilder};

use super::Builder;
use super::problems::quoted;

/// The columns of one file.
pub(super) struct Columns {
    names: Vec<String>,
}

impl Columns {
    /// Where a column is, whatever the case of its name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Where a column is that must be there.
    pub(super) fn need(&self, name: &str, shown: &str, builder: &mut Builder) -> Option<usize> {
        let found = self.find(name);
        if found.is_none() {
            builder.general(format!("the column `{shown}` is missing"));
        }
        found
    }
}

/// Reads the header.
pub(super) fn header(text: &[u8]) -> Columns {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut first = ByteRecord::new();
    let _ = reader.read_byte_record(&mut first);
    let name = |field: &[u8]| String::from_utf8_lossy(field.trim_ascii()).to_ascii_lowercase();
    Columns { names: first.iter().map(name).collect() }
}

/// Calls `each` with every record after the header and its line, until it says false. Broken lines are noted.
pub(super) fn records(
    text: &[u8],
    has_header: bool,
    builder: &mut Builder,
    mut each: impl FnMut(&ByteRecord, u64, &mut Builder) -> bool,
) {
    let mut reader = ReaderBuilder::new().has_headers(has_header).flexible(true).from_reader(text);
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                if !each(&record, line, builder) {
                    return;
                }
            }
            Ok(false) => return,
            Err(error) => {
                builder.general(error.to_string());
                return;
            }
        }
    }
}

/// A whole number of a column.
///
/// # Errors
/// What is there instead.
pub(super) fn count(record: &ByteRecord, at: usize, name: &str) -> Result<u64, String> {
    let field = record.get(at).unwrap_or_default().trim_ascii();
    let text = std::str::from_utf8(field).ok();
    // Tools that edit tables write whole numbers as 374.0.
    let text = text.map(|text| text.strip_suffix(".0").unwrap_or(text));
    text.and_then(|text| text.parse().ok()).ok_or_else(|| format!("{name}: {} is not a whole number", quoted(field)))
}

/// A finite number of a column.
///
/// # Errors
/// What is there instead.
pub(super) fn number(record: &ByteRecord, at: usize, name: &str) -> Result<f64, String> {
    let field = record.get(at).unwrap_or_default().trim_ascii();
    let parsed = std::str::from_utf8(field).ok().and_then(|text| text.parse::<f64>().ok()).filter(|n| n.is_finite());
    parsed.ok_or_else(|| format!("{name}: {} is not a number", quoted(field)))
}

/// A text of a column; None when the column or the text is not there.
pub(super) fn text(record: &ByteRecord, at: Option<usize>) -> Option<&str> {
    std::str::from_utf8(record.get(at?)?).ok().map(str::trim).filter(|text| !text.is_empty())
}
