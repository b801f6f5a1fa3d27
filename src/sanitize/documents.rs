//! Cuts a log into its entries: JSON lines, JSON documents over several lines, one JSON array, or the rows of a CSV file. One entry is in
//! memory at a time, and none may be larger than [`LARGEST`].
//!
//! What cannot be read is an entry too: with its line and the reason, never with its text.

use std::io::{self, BufRead, Read};

use serde_json::Value;

use super::table::Table;

/// Largest entry, in bytes.
const LARGEST: usize = 64 << 20;

/// One entry of a log.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    /// A JSON value.
    Value(Value),
    /// Why it cannot be read.
    Broken(String),
}

/// The shape of a file as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Lines,
    /// JSON values, each over several lines, or the elements of one array.
    Spread,
    Table,
}

/// Calls `each` with every entry and the line it begins in, from 1. With `table` the file is taken for CSV, whatever it looks like.
///
/// # Errors
/// Those of reading, and those of `each`.
pub(super) fn read(
    mut input: impl BufRead,
    table: Option<bool>,
    each: &mut dyn FnMut(u64, Entry) -> io::Result<()>,
) -> io::Result<()> {
    let mut start = Vec::new();
    input.by_ref().take(1 << 16).read_to_end(&mut start)?;
    if start.starts_with(b"\xEF\xBB\xBF") {
        start.drain(..3);
    }
    let shape = if table == Some(true) { Shape::Table } else { shape(&start, table.is_none()) };
    let input = io::Cursor::new(start).chain(input);
    match shape {
        Shape::Lines => lines(input, each),
        Shape::Spread => spread(input, each),
        Shape::Table => rows(input, each),
    }
}

/// Judged by the first bytes of a file.
fn shape(start: &[u8], may_be_table: bool) -> Shape {
    let start = start.trim_ascii_start();
    let (first, more) = match start.iter().position(|b| *b == b'\n') {
        Some(end) => (start[..end].trim_ascii(), start[end..].trim_ascii_start()),
        None => (start.trim_ascii(), &[][..]),
    };
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(first);
    match (start.first(), is_json) {
        // Whole in one line: others are like it.
        (None, _) | (Some(b'[' | b'{'), Ok(_)) => Shape::Lines,
        (Some(b'['), Err(error)) if error.is_eof() => Shape::Spread,
        // It goes on in the next line; a line that was cut would be followed by another entry, or nothing.
        (Some(b'{'), Err(error)) if error.is_eof() && !more.is_empty() && !more.starts_with(b"{\"") => Shape::Spread,
        (Some(b'[' | b'{'), Err(_)) => Shape::Lines,
        // Texts, or a header.
        (Some(_), is_json) if may_be_table && is_json.is_err() => Shape::Table,
        _ => Shape::Lines,
    }
}

/// Reads up to and with the next line feed; bytes beyond the limit are counted and dropped. Gives the length, 0 at the end.
fn line(input: &mut impl BufRead, into: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
    let mut length = 0;
    loop {
        let part = match input.fill_buf() {
            Ok(part) => part,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if part.is_empty() {
            return Ok(length);
        }
        let end = memchr::memchr(b'\n', part);
        let taken = end.map_or(part.len(), |at| at + 1);
        let room = limit.saturating_sub(into.len()).min(taken);
        into.extend_from_slice(&part[..room]);
        input.consume(taken);
        length += taken;
        if end.is_some() {
            return Ok(length);
        }
    }
}

fn too_large() -> Entry {
    Entry::Broken(format!("it is larger than {} MB", LARGEST >> 20))
}

fn lines(mut input: impl BufRead, each: &mut dyn FnMut(u64, Entry) -> io::Result<()>) -> io::Result<()> {
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let length = line(&mut input, &mut text, LARGEST)?;
        if length == 0 {
            return Ok(());
        }
        if length > LARGEST {
            each(number, too_large())?;
        } else if !text.trim_ascii().is_empty() {
            give(number, text.trim_ascii(), each)?;
        }
        // One huge line must not keep its memory for all the others.
        text.shrink_to(1 << 20);
    }
    Ok(())
}

/// Hands on what a text says. A list of records is as many entries.
fn give(number: u64, text: &[u8], each: &mut dyn FnMut(u64, Entry) -> io::Result<()>) -> io::Result<()> {
    match serde_json::from_slice(text) {
        Ok(Value::Array(items))
            if !items.is_empty() && items.iter().all(|item| item.is_object() && item.get("role").is_none()) =>
        {
            items.into_iter().try_for_each(|item| each(number, Entry::Value(item)))
        }
        Ok(value) => each(number, Entry::Value(value)),
        Err(error) => each(number, Entry::Broken(reason(text, &error))),
    }
}

/// Why a text is no JSON, in words that hold nothing of it.
fn reason(text: &[u8], error: &serde_json::Error) -> String {
    if std::str::from_utf8(text).is_err() {
        return "it is not UTF-8 text".to_owned();
    }
    match error.classify() {
        serde_json::error::Category::Eof => "it is JSON that was cut off".to_owned(),
        _ => format!("it is not JSON, from character {} on", error.column()),
    }
}

/// JSON values one after the other, also as the elements of an array: cut where the brackets close.
fn spread(mut input: impl BufRead, each: &mut dyn FnMut(u64, Entry) -> io::Result<()>) -> io::Result<()> {
    let mut state = Spread { depth: 0, in_string: false, escaped: false, in_array: false };
    let (mut text, mut number, mut begun) = (Vec::new(), 1, 1);
    // Where something that is no object stands between two.
    let mut stray: Option<u64> = None;
    loop {
        let part = input.fill_buf()?;
        if part.is_empty() {
            break;
        }
        let length = part.len();
        for &byte in part {
            let (was, now) = state.next(byte);
            if was == 0 && now > 0 {
                begun = number;
                tell_stray(&mut stray, each)?;
            }
            if was > 0 || now > 0 {
                if text.len() < LARGEST {
                    text.push(byte);
                }
            } else if !byte.is_ascii_whitespace() && !b",[]".contains(&byte) {
                stray.get_or_insert(number);
            }
            if was > 0 && now == 0 {
                if text.len() >= LARGEST {
                    each(begun, too_large())?;
                } else {
                    give(begun, &text, each)?;
                }
                text.clear();
                text.shrink_to(1 << 20);
            }
            number += u64::from(byte == b'\n');
        }
        input.consume(length);
    }
    tell_stray(&mut stray, each)?;
    if !text.is_empty() {
        each(begun, Entry::Broken("the file ends in the middle of it".to_owned()))?;
    }
    Ok(())
}

fn tell_stray(stray: &mut Option<u64>, each: &mut dyn FnMut(u64, Entry) -> io::Result<()>) -> io::Result<()> {
    match stray.take() {
        Some(line) => each(line, Entry::Broken("it is no JSON object".to_owned())),
        None => Ok(()),
    }
}

/// How many brackets are open, without those of the array around all.
struct Spread {
    depth: usize,
    in_string: bool,
    escaped: bool,
    in_array: bool,
}

impl Spread {
    /// The depth before this byte and after it.
    fn next(&mut self, byte: u8) -> (usize, usize) {
        let was = self.depth;
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return (was, was);
        }
        match byte {
            b'"' if was > 0 => self.in_string = true,
            b'[' if was == 0 && !self.in_array => self.in_array = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        (was, self.depth)
    }
}

/// Rows of a table as objects; a row ends where a line ends outside of quotes.
fn rows(mut input: impl BufRead, each: &mut dyn FnMut(u64, Entry) -> io::Result<()>) -> io::Result<()> {
    let (mut row, mut quotes, mut begun, mut number) = (Vec::new(), 0, 1, 0);
    let mut table: Option<Table> = None;
    loop {
        let before = row.len();
        let length = line(&mut input, &mut row, LARGEST)?;
        number += 1;
        quotes += memchr::memchr_iter(b'"', &row[before..]).count();
        let ended = length == 0;
        if !ended && quotes % 2 == 1 && row.len() < LARGEST {
            continue;
        }
        if row.len() >= LARGEST {
            each(begun, too_large())?;
        } else if !row.trim_ascii().is_empty() {
            match &table {
                None => match Table::new(&row) {
                    Ok(head) => table = Some(head),
                    Err(why) => return each(begun, Entry::Broken(why)),
                },
                Some(_) if ended && quotes % 2 == 1 => {
                    each(begun, Entry::Broken("the file ends within quotes".to_owned()))?;
                }
                Some(table) => each(begun, table.row(&row))?,
            }
        }
        if ended {
            return Ok(());
        }
        row.clear();
        row.shrink_to(1 << 20);
        (quotes, begun) = (0, number + 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn all(text: &str) -> Vec<(u64, Entry)> {
        let mut entries = Vec::new();
        read(text.as_bytes(), None, &mut |line, entry| {
            entries.push((line, entry));
            Ok(())
        })
        .unwrap();
        entries
    }

    fn values(text: &str) -> Vec<(u64, Value)> {
        all(text)
            .into_iter()
            .map(|(line, entry)| match entry {
                Entry::Value(value) => (line, value),
                Entry::Broken(why) => panic!("line {line}: {why}"),
            })
            .collect()
    }

    fn broken(text: &str) -> Vec<(u64, bool)> {
        all(text).into_iter().map(|(line, entry)| (line, matches!(entry, Entry::Broken(_)))).collect()
    }

    #[test]
    fn every_shape_of_file() {
        let a = json!({ "a": 1 });
        let b = json!({ "b": ["}", { "c": "\"]" }] });
        assert_eq!(values("\u{feff}{\"a\":1}\n\n{\"b\":[\"}\",{\"c\":\"\\\"]\"}]}"), [(1, a.clone()), (3, b.clone())]);
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
        assert_eq!(values(&format!("{}\n{}\n", pretty(&b), pretty(&a))), [(1, b.clone()), (9, a.clone())]);
        assert_eq!(values(&pretty(&json!([a, b]))), [(2, a.clone()), (5, b.clone())]);
        assert_eq!(values(&json!([a, b]).to_string()), [(1, a.clone()), (1, b.clone())]);
        // A list of messages is one conversation.
        let messages = json!([{ "role": "user", "content": "hi" }]);
        assert_eq!(values(&messages.to_string()), [(1, messages)]);
        assert_eq!(values("\"one\"\n\"two\"\n"), [(1, json!("one")), (2, json!("two"))]);
        let rows = json!({ "prompt": "a, \"b\"\nc", "n": "2" });
        assert_eq!(
            values("prompt;n\n\"a, \"\"b\"\"\nc\";2\nx;3\n"),
            [(2, rows), (4, json!({ "prompt": "x", "n": "3" }))]
        );
        assert_eq!(values("\"prompt\",\"n\"\nx,1")[0], (2, json!({ "prompt": "x", "n": "1" })));
        assert!(values("").is_empty() && values(" \n\n").is_empty());
    }

    #[test]
    fn what_is_broken_costs_only_itself() {
        assert_eq!(broken("{\"a\":1}\n{\"a\":\nnope\n{\"a\":2}\n"), [(1, false), (2, true), (3, true), (4, false)]);
        assert_eq!(broken("{\"a\":\n{\"a\":2}\n"), [(1, true), (2, false)], "a cut first line is no pretty document");
        assert_eq!(broken("[\n{\"a\": 1},\n{\"a\": 1 2},\n{\"a\": 3}\n]"), [(2, false), (3, true), (4, false)]);
        assert_eq!(broken("[\n{\"a\": 1},\n{\"a\": "), [(2, false), (3, true)]);
        assert_eq!(broken("a,b\n1,2\n1,2,3\n3,4"), [(2, false), (3, true), (4, false)]);
        assert_eq!(broken("a,b\n1,\"2\n3,4"), [(2, true)]);
    }

    #[test]
    fn reasons_hold_nothing_of_the_text() {
        let mut said = Vec::new();
        let bytes = b"{\"a\": 1}\n{\"secret-key\": oops}\n{\"secret-key\n\xff\xfe\n";
        read(io::Cursor::new(bytes), None, &mut |_, entry| {
            if let Entry::Broken(why) = entry {
                said.push(why);
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(
            said,
            ["it is not JSON, from character 16 on", "it is JSON that was cut off", "it is not UTF-8 text"]
        );
    }

    #[test]
    fn a_huge_line_is_refused_and_not_kept() {
        let huge = io::Read::take(io::repeat(b'x'), LARGEST as u64 + 10);
        let text = io::Read::chain(io::Read::chain(&b"{\"a\":1}\n\""[..], huge), &b"\"\n{\"a\":2}\n"[..]);
        let mut seen = Vec::new();
        read(io::BufReader::new(text), None, &mut |line, entry| {
            seen.push((line, matches!(entry, Entry::Broken(why) if why.contains("64 MB"))));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [(1, false), (2, true), (3, false)]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]{}\",:a1\n\\\\ ;]{0,60}") {
            let _ = all(&text);
        }

        #[test]
        fn documents_come_back_in_any_layout(items in proptest::collection::vec("[ -~\u{fc}\n]{0,12}", 1..6), layout in 0..3) {
            let items: Vec<Value> = items.into_iter().map(|text| json!({ "t": text, "l": [text] })).collect();
            let text = match layout {
                0 => items.iter().map(|v| format!("{v}\n")).collect(),
                1 => serde_json::to_string_pretty(&items).unwrap(),
                _ => items.iter().map(|v| serde_json::to_string_pretty(v).unwrap()).collect::<Vec<_>>().join("\n"),
            };
            let back: Vec<Value> = values(&text).into_iter().map(|(_, value)| value).collect();
            prop_assert_eq!(back, items);
        }
    }
}
