//! Request records as a Parquet table: typed columns, times in nanoseconds (UTC), lists of numbers, compressed with Zstandard.
//!
//! A Parquet file is readable once its end is written, with the end of the run; rows are gathered into groups before.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::columns::{COLUMNS, Type};
use super::record::{self, Cell};
use crate::metrics::SampleBatch;
use crate::output::flusher::Format;

/// Rows, and numbers in lists, after which a group is written.
const ROWS: usize = 10_000;
const NUMBERS: usize = 1_000_000;

/// The format.
pub(super) struct Table {
    /// None once the end is written.
    writer: Option<SerializedFileWriter<Pipe>>,
    pipe: Pipe,
    rows: Vec<Vec<Cell>>,
    numbers: usize,
}

impl Table {
    /// An empty table.
    ///
    /// # Errors
    /// The library refuses the schema.
    pub(super) fn new() -> Result<Self, ParquetError> {
        let pipe = Pipe::default();
        let schema = Arc::new(parse_message_type(&schema())?);
        let compression = Compression::ZSTD(ZstdLevel::try_new(3)?);
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_created_by(concat!("inrush ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(pipe.clone(), schema, Arc::new(properties))?;
        Ok(Self { writer: Some(writer), pipe, rows: Vec::new(), numbers: 0 })
    }

    /// Writes the rows gathered so far as a group.
    fn group(&mut self) -> Result<(), ParquetError> {
        let rows = mem::take(&mut self.rows);
        self.numbers = 0;
        let Some(writer) = self.writer.as_mut().filter(|_| !rows.is_empty()) else { return Ok(()) };
        let mut group = writer.next_row_group()?;
        let mut index = 0;
        while let Some(mut column) = group.next_column()? {
            write(&mut column, COLUMNS[index].holds(), rows.iter().map(|row| &row[index]))?;
            column.close()?;
            index += 1;
        }
        group.close()?;
        Ok(())
    }
}

impl Format for Table {
    fn head(&mut self, to: &mut dyn Write) -> io::Result<()> {
        self.pipe.drain(to)
    }

    fn batch(&mut self, batch: &SampleBatch, to: &mut dyn Write) -> io::Result<()> {
        let Some(row) = record::of(batch) else { return Ok(()) };
        self.numbers += row.iter().map(|cell| if let Cell::Numbers(all) = cell { all.len() } else { 0 }).sum::<usize>();
        self.rows.push(row);
        if self.rows.len() >= ROWS || self.numbers >= NUMBERS {
            self.group().map_err(io::Error::other)?;
            self.pipe.drain(to)?;
        }
        Ok(())
    }

    fn end(&mut self, to: &mut dyn Write) -> io::Result<()> {
        self.group().map_err(io::Error::other)?;
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(io::Error::other)?;
        }
        self.pipe.drain(to)
    }
}

/// The schema in Parquet's own notation: every column may be absent.
fn schema() -> String {
    let column = |(name, holds): (&str, Type)| match holds {
        Type::Text => format!("optional binary {name} (STRING);"),
        Type::Time => format!("optional int64 {name} (TIMESTAMP(NANOS,true));"),
        Type::Count => format!("optional int64 {name};"),
        Type::Number => format!("optional double {name};"),
        Type::Flag => format!("optional boolean {name};"),
        Type::Numbers => {
            format!("optional group {name} (LIST) {{ repeated group list {{ required double element; }} }}")
        }
    };
    let columns: Vec<String> = COLUMNS.iter().map(|c| column((c.name, c.holds()))).collect();
    format!("message requests {{ {} }}", columns.join(" "))
}

/// Writes one column of a group. A level of 0 says that a cell is absent.
fn write<'a>(
    column: &mut SerializedColumnWriter<'_>,
    holds: Type,
    cells: impl Iterator<Item = &'a Cell> + Clone,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = cells.clone().map(|cell| i16::from(*cell != Cell::Null)).collect();
    match holds {
        Type::Text => {
            let values: Vec<ByteArray> = cells.filter_map(text).collect();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        }
        Type::Time | Type::Count => {
            let values: Vec<i64> = cells
                .filter_map(|cell| if let Cell::Time(n) | Cell::Count(n) = cell { Some(*n) } else { None })
                .collect();
            column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        }
        Type::Number => {
            let values: Vec<f64> =
                cells.filter_map(|cell| if let Cell::Number(n) = cell { Some(*n) } else { None }).collect();
            column.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
        }
        Type::Flag => {
            let values: Vec<bool> =
                cells.filter_map(|cell| if let Cell::Flag(flag) = cell { Some(*flag) } else { None }).collect();
            column.typed::<BoolType>().write_batch(&values, Some(&levels), None)?;
        }
        Type::Numbers => {
            let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
            for cell in cells {
                match cell {
                    Cell::Numbers(all) => {
                        values.extend_from_slice(all);
                        // 2: an element is there; 1 would be an empty list. The first begins a row.
                        defined.extend(all.iter().map(|_| 2i16));
                        repeated.extend(all.iter().enumerate().map(|(n, _)| i16::from(n > 0)));
                    }
                    _ => {
                        defined.push(0);
                        repeated.push(0);
                    }
                }
            }
            column.typed::<DoubleType>().write_batch(&values, Some(&defined), Some(&repeated))?;
        }
    }
    Ok(())
}

fn text(cell: &Cell) -> Option<ByteArray> {
    match cell {
        Cell::Text(text) => Some(text.as_str().into()),
        Cell::Object(tags) => Some(serde_json::to_string(tags).unwrap_or_default().as_str().into()),
        _ => None,
    }
}

/// Where the library writes; what is in it goes on to the file.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn drain(&self, to: &mut dyn Write) -> io::Result<()> {
        let bytes = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        to.write_all(&bytes)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
