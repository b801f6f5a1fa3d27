//! Rows of files: what is found in them, and what is said of broken ones.
#![cfg(test)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn load(text: &str, format: Format, judge: &mut Judge) -> Result<Table, String> {
    Table::load(Arc::from(text.as_bytes()), format, b',', judge)
}

fn rows(text: &str, format: Format) -> Vec<Value> {
    let table = load(text, format, &mut Judge::default()).unwrap();
    (0..table.len()).map(|at| serde_json::from_str(&table.json(at).unwrap()).unwrap()).collect()
}

fn wrong(text: &str, format: Format) -> String {
    load(text, format, &mut Judge::default()).unwrap_err()
}

#[test]
fn the_same_rows_in_three_formats() {
    let all = vec![json!({"a": "x, \"y\"", "b": "1"}), json!({"a": "é\n2", "b": ""})];
    let lines = format!("\u{feff}{}\r\n\n  {}  ", all[0], all[1]);
    let array = format!("\u{feff}\n[ {} ,\n\t{:#}\n]\n", all[0], all[1]);
    let csv = "\u{feff}a,b\r\n\"x, \"\"y\"\"\",1\r\n\n\"é\n2\",\r\n";
    assert_eq!(rows(&lines, Format::Lines), all);
    assert_eq!(rows(&array, Format::Array), all);
    assert_eq!(rows(csv, Format::Csv), all);
    let table = load(csv, Format::Csv, &mut Judge::default()).unwrap();
    assert_eq!((table.field(0, "b").as_deref(), table.field(1, "z"), table.json(2)), (Some("\"1\""), None, None));
    assert!(rows("", Format::Lines).is_empty() && rows("[]", Format::Array).is_empty());
}

#[test]
fn every_broken_line_is_told() {
    let text = wrong("{\"a\": 1}\n  {\"a\" 1}\n\n{\"a\": 1},\n", Format::Lines);
    for expected in ["2 problems", "line 2, column 8: expected `:`", "line 4, column 9: trailing characters"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let mut judge = Judge { field: Some("b".into()), ..Judge::default() };
    let text = load("[{\"b\": 1},\n {\"a\": 1},\n  7]", Format::Array, &mut judge).unwrap_err();
    for expected in ["line 2, column 2: there is no field 'b' (the row has: a)", "line 3, column 3: invalid type"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn files_of_another_kind_than_said() {
    let text = wrong("{\"a\": 1}\n{\"a\": 2}\n", Format::Array);
    assert!(text.contains("expected an array of rows") && text.contains("format: 'jsonl'"), "{text}");
    let text = wrong("[1, 2", Format::Array);
    assert!(text.starts_with("line 1, column ") && text.contains("EOF"), "{text}");
    assert!(wrong("[1] 2", Format::Array).contains("trailing characters"));
    let table = Table::load(Arc::from(&b"{}\n\"a\xff\"\n"[..]), Format::Lines, b',', &mut Judge::default());
    assert!(table.unwrap_err().starts_with("line 2, column 3: this is not UTF-8"));
}

#[test]
fn csv_says_what_does_not_fit_the_header() {
    let text = wrong("a,b,a\n1,2,3\n\n1,2\n4,5,\"6\n", Format::Csv);
    for expected in ["line 1: columns 1 and 3 have the same name 'a'", "line 4: the record has 2 fields, the header 3"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let mut judge = Judge { field: Some("b".into()), weight: Some("w".into()), ..Judge::default() };
    let text = load("a;w\nx;1\n", Format::Csv, &mut judge).unwrap_err();
    assert!(text.contains("there is no column 'b' (the header has: a;w; is the delimiter ','?)"), "{text}");
    let mut judge = Judge { weight: Some("w".into()), ..Judge::default() };
    let table = load("a,w\nx,1\ny, 2.5\n", Format::Csv, &mut judge).unwrap();
    assert_eq!((table.len(), judge.sums.as_slice()), (2, [1.0, 3.5].as_slice()));
    let text = load("a,w\nx,heavy\n", Format::Csv, &mut judge).unwrap_err();
    assert_eq!(text, "line 2: the weight 'w' must be a number of at least 0, not heavy");
}

#[test]
fn parquet() {
    let file: Arc<[u8]> = columns::tests::sample(parquet::basic::Compression::SNAPPY).into();
    let load = |judge: &mut Judge| Table::load(Arc::clone(&file), Format::Parquet, b',', judge);
    let table = load(&mut Judge::default()).unwrap();
    assert_eq!((table.len(), table.field(1, "id").as_deref()), (2, Some("8")));
    let mut judge = Judge { field: Some("prompt".into()), weight: Some("w".into()), ..Judge::default() };
    let table = load(&mut judge).unwrap();
    assert_eq!(
        (table.json(0).as_deref(), judge.sums.as_slice()),
        (Some("{\"prompt\":\"q é\",\"w\":0.5}"), &[0.5, 2.5][..])
    );
    let mut judge = Judge { turns: Some(crate::data::conversation::Turns::ALL), ..Judge::default() };
    assert_eq!(load(&mut judge).unwrap().len(), 2);
    let mut judge = Judge { weight: Some("prompt".into()), ..Judge::default() };
    let text = load(&mut judge).unwrap_err();
    assert!(
        text.contains("row 1: the weight 'prompt' must be a number of at least 0, not \"q é\"")
            && text.contains("row 2"),
        "{text}"
    );
}

#[test]
fn an_index_of_eight_bytes_per_row() {
    let text = "{\"a\": 1}\n".repeat(1000);
    let table = load(&text, Format::Lines, &mut Judge::default()).unwrap();
    assert_eq!((table.len(), table.index_bytes()), (1000, 8000));
}

proptest! {
    #[test]
    fn no_text_makes_the_loaders_panic(text in "[\\[\\]{}\",:a1\\n\r\\t ;]{0,60}") {
        for (_, format) in FORMATS {
            if let Ok(table) = load(&text, *format, &mut Judge::default()) {
                for at in 0..=table.len() {
                    let _ = (table.json(at), table.field(at, "a"));
                }
            }
        }
    }

    #[test]
    fn rows_come_back_as_they_were_written(cells in proptest::collection::vec("\\PC{0,12}", 1..12), gaps: bool) {
        let all: Vec<Value> = cells.iter().map(|cell| json!({"x": cell})).collect();
        let gap = if gaps { "\n \n" } else { "\n" };
        let lines = all.iter().map(Value::to_string).collect::<Vec<_>>().join(gap);
        prop_assert_eq!(&rows(&lines, Format::Lines), &all);
        prop_assert_eq!(&rows(&Value::Array(all.clone()).to_string(), Format::Array), &all);
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["x"]).unwrap();
        cells.iter().for_each(|cell| writer.write_record([cell]).unwrap());
        let csv = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        prop_assert_eq!(&rows(&csv, Format::Csv), &all);
    }
}
