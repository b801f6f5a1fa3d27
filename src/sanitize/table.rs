//! A CSV file with a header: rows as objects of texts. The delimiter is that of the header: comma, semicolon or tab.

use serde_json::{Map, Value};

use super::documents::Entry;

/// The header.
#[derive(Debug)]
pub(super) struct Table {
    delimiter: u8,
    columns: Vec<String>,
}

impl Table {
    pub(super) fn new(header: &[u8]) -> Result<Self, String> {
        let count = |delimiter: u8| header.iter().filter(|b| **b == delimiter).count();
        let delimiter = [b',', b';', b'\t'].into_iter().rev().max_by_key(|d| count(*d)).unwrap_or(b',');
        let columns: Vec<String> = cells(header, delimiter).map_err(|why| format!("the header: {why}"))?;
        let mut sorted: Vec<&String> = columns.iter().collect();
        sorted.sort();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("two columns of the header have the same name".to_owned());
        }
        Ok(Self { delimiter, columns })
    }

    pub(super) fn row(&self, text: &[u8]) -> Entry {
        match cells(text, self.delimiter) {
            Ok(cells) if cells.len() != self.columns.len() => {
                Entry::Broken(format!("it has {} columns, and the header {}", cells.len(), self.columns.len()))
            }
            Ok(cells) => {
                let row: Map<String, Value> =
                    self.columns.iter().cloned().zip(cells.into_iter().map(Value::String)).collect();
                Entry::Value(Value::Object(row))
            }
            Err(why) => Entry::Broken(why),
        }
    }
}

fn cells(text: &[u8], delimiter: u8) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text);
    let mut record = csv::ByteRecord::new();
    match reader.read_byte_record(&mut record) {
        Ok(true) => {}
        Ok(false) => return Err("it is empty".to_owned()),
        Err(_) => return Err("it is not CSV".to_owned()),
    }
    let texts = record.iter().map(|cell| std::str::from_utf8(cell).map(|cell| cell.trim_end_matches('\r').to_owned()));
    texts.collect::<Result<_, _>>().map_err(|_| "it is not UTF-8 text".to_owned())
}
