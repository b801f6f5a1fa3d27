//! Parquet files, decoded once into one JSON object per line: only the columns that are asked for.
//!
//! Compressed with Snappy, gzip or Zstandard, or not at all; no other kinds, and no encrypted files. Of 96-bit times, dates and decimals
//! scripts get the text.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use serde_json::{Map, Number, Value};

/// Most bytes of the decoded rows.
const LARGEST: usize = 16 << 30;

/// The rows as JSON lines; of the named columns, or all. Paths (`a.b`) name their first part.
///
/// # Errors
/// What is wrong with the file, or which columns it has when one is not among them.
pub(super) fn decode(content: Bytes, names: &[&str]) -> Result<Vec<u8>, String> {
    DECODING.set(true);
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_file(content, names)));
    DECODING.set(false);
    decoded.unwrap_or_else(|_| Err("this Parquet file is damaged, or of a kind that cannot be read".to_owned()))
}

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread decodes a file: the decoder panics on some damaged files, and that is caught here and told as what is wrong with
/// the file. No other panic is.
pub fn is_decoding() -> bool {
    DECODING.get()
}

fn decode_file(content: Bytes, names: &[&str]) -> Result<Vec<u8>, String> {
    if !content.starts_with(b"PAR1") {
        return Err("this is no Parquet file: it does not begin with PAR1".to_owned());
    }
    let broken = |e: parquet::errors::ParquetError| format!("this Parquet file cannot be read: {e}");
    let reader = SerializedFileReader::new(content).map_err(broken)?;
    let meta = reader.metadata();
    let unknown =
        meta.row_groups().iter().flat_map(|group| group.columns()).map(|column| column.compression()).find(|c| {
            !matches!(c, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_))
        });
    if let Some(kind) = unknown {
        return Err(format!(
            "it is compressed with {kind}; Snappy, gzip, Zstandard and no compression can be read: write the file anew"
        ));
    }
    let schema = meta.file_metadata().schema();
    let projection = projection(schema, names)?;
    let mut out = Vec::new();
    for row in reader.get_row_iter(projection).map_err(broken)? {
        let row = row.map_err(broken)?;
        let object: Map<String, Value> =
            row.into_columns().into_iter().map(|(name, field)| (name, json(field))).collect();
        serde_json::to_writer(&mut out, &object).map_err(|e| e.to_string())?;
        out.push(b'\n');
        if out.len() > LARGEST {
            return Err(format!("its rows take more than {} GB; name the `field` that is needed", LARGEST >> 30));
        }
    }
    Ok(out)
}

/// The part of the schema with these columns; None for all.
fn projection(schema: &Type, names: &[&str]) -> Result<Option<Type>, String> {
    if names.is_empty() {
        return Ok(None);
    }
    let all = schema.get_fields();
    let find = |name: &str| all.iter().find(|field| field.name() == name);
    let mut fields: Vec<Arc<Type>> = Vec::new();
    for name in names {
        let first = name.split('.').next().unwrap_or(name);
        let Some(field) = find(name).or_else(|| find(first)) else {
            let has: Vec<&str> = all.iter().take(20).map(|field| field.name()).collect();
            return Err(format!("there is no column '{name}' (the file has: {})", has.join(", ")));
        };
        if !fields.iter().any(|there| there.name() == field.name()) {
            fields.push(Arc::clone(field));
        }
    }
    // Columns must come in the order of the file.
    fields.sort_by_key(|field| all.iter().position(|there| there.name() == field.name()));
    Type::group_type_builder(schema.name()).with_fields(fields).build().map(Some).map_err(|e| e.to_string())
}

fn json(field: Field) -> Value {
    let float = |n: f64| Number::from_f64(n).map_or(Value::Null, Value::Number);
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => value.into(),
        Field::Byte(n) => n.into(),
        Field::Short(n) => n.into(),
        Field::Int(n) => n.into(),
        Field::Long(n) => n.into(),
        Field::UByte(n) => n.into(),
        Field::UShort(n) => n.into(),
        Field::UInt(n) => n.into(),
        Field::ULong(n) => n.into(),
        Field::Float16(n) => float(n.to_f64()),
        Field::Float(n) => float(f64::from(n)),
        Field::Double(n) => float(n),
        Field::Str(text) => text.into(),
        // Older writers do not say that their bytes are text.
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => text.into(),
            Err(_) => data_encoding::BASE64.encode(bytes.data()).into(),
        },
        Field::Group(row) => row.into_columns().into_iter().map(|(name, field)| (name, json(field))).collect(),
        Field::ListInternal(list) => list.elements().iter().cloned().map(json).collect(),
        Field::MapInternal(map) => {
            let key = |field: &Field| match json(field.clone()) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            map.entries().iter().map(|(name, field)| (key(name), json(field.clone()))).collect()
        }
        other => Value::String(other.to_string()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use parquet::basic::{GzipLevel, ZstdLevel};
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    /// Two rows: an id, a text or null, a number, a list of messages.
    pub(crate) fn sample(compression: Compression) -> Vec<u8> {
        let schema = "message rows { REQUIRED INT64 id; OPTIONAL BYTE_ARRAY prompt (UTF8); REQUIRED DOUBLE w;
            REQUIRED GROUP messages (LIST) { REPEATED GROUP list { REQUIRED GROUP element {
            REQUIRED BYTE_ARRAY role (UTF8); REQUIRED BYTE_ARRAY content (UTF8); } } } }";
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut out = Vec::new();
        let mut file = SerializedFileWriter::new(&mut out, schema, properties).unwrap();
        let mut group = file.next_row_group().unwrap();
        let texts = |all: &[&str]| all.iter().map(|t| ByteArray::from(*t)).collect::<Vec<_>>();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[7, 8], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts(&["q é"]), Some(&[1, 0]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[0.5, 2.0], None, None).unwrap();
        column.close().unwrap();
        // Row 1 has two messages, row 2 one.
        for all in [["user", "assistant", "user"], ["q1", "r1", "q2"]] {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&texts(&all), Some(&[1, 1, 1]), Some(&[0, 1, 0])).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        file.close().unwrap();
        out
    }

    #[test]
    fn rows_of_all_kinds_of_compression() {
        let kinds = [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::ZSTD(ZstdLevel::default()),
        ];
        for compression in kinds {
            let lines = String::from_utf8(decode(sample(compression).into(), &[]).unwrap()).unwrap();
            let expected = "{\"id\":7,\"prompt\":\"q é\",\"w\":0.5,\"messages\":[{\"role\":\"user\",\"content\":\"q1\"},\
                {\"role\":\"assistant\",\"content\":\"r1\"}]}\n{\"id\":8,\"prompt\":null,\"w\":2.0,\"messages\":\
                [{\"role\":\"user\",\"content\":\"q2\"}]}\n";
            assert_eq!(lines, expected, "{compression}");
        }
    }

    #[test]
    fn only_the_columns_that_are_needed() {
        let file = Bytes::from(sample(Compression::SNAPPY));
        let lines = |names: &[&str]| String::from_utf8(decode(file.clone(), names).unwrap()).unwrap();
        assert_eq!(lines(&["w", "id"]), "{\"id\":7,\"w\":0.5}\n{\"id\":8,\"w\":2.0}\n");
        assert_eq!(
            decode(file.clone(), &["text"]).unwrap_err(),
            "there is no column 'text' (the file has: id, prompt, w, messages)"
        );
    }

    #[test]
    fn damaged_files() {
        assert!(decode(Bytes::from_static(b"{\"a\": 1}"), &[]).unwrap_err().contains("does not begin with PAR1"));
        let file = sample(Compression::SNAPPY);
        assert!(decode(file[..file.len() - 9].to_vec().into(), &[]).unwrap_err().contains("cannot be read"));
        for at in (4..file.len()).step_by(7) {
            let mut damaged = file.clone();
            damaged[at] ^= 0x55;
            // Nothing but an answer is asked for: some bytes matter to nobody.
            let _ = decode(damaged.into(), &[]);
            assert!(!is_decoding());
        }
    }
}
