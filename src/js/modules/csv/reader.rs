//! A CSV reader with the rules that k6's scripts rely on (RFC 4180 as Go reads it): blank lines are skipped, a quote stands at a
//! field's start or is an error, every record has as many fields as the first one. Knows nothing of JavaScript.

use std::sync::Arc;

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Between fields; `,` by default.
    pub(super) delimiter: Option<char>,
    /// Leaves out the first record.
    pub(super) skip_first_line: bool,
    /// First record to read, from 0.
    pub(super) from_line: Option<i64>,
    /// Last record to read, from 0; 0 means all.
    pub(super) to_line: Option<i64>,
    /// The first record names the fields of the others.
    pub(super) as_objects: bool,
}

impl Options {
    /// Whether the options go together.
    fn check(self) -> Result<(), String> {
        let from = self.from_line.unwrap_or(0);
        if self.delimiter.is_some_and(|d| matches!(d, '"' | '\r' | '\n' | '\0' | '\u{fffd}')) {
            return Err("this delimiter is not possible; use a character such as ',' or ';'".to_owned());
        }
        if self.as_objects && self.skip_first_line {
            return Err("asObjects needs the first line for the names and cannot go with skipFirstLine".to_owned());
        }
        if self.as_objects && from > 0 {
            return Err(format!("asObjects needs the first line for the names and cannot go with fromLine {from}"));
        }
        for (name, value) in [("fromLine", self.from_line), ("toLine", self.to_line)] {
            if let Some(value) = value.filter(|v| *v < 0) {
                return Err(format!("{name} must be 0 or more, not {value}"));
            }
        }
        match (self.from_line, self.to_line) {
            (Some(from), Some(to)) if from >= to => {
                Err(format!("fromLine must be less than toLine; they are {from} and {to}"))
            }
            _ => Ok(()),
        }
    }
}

/// One record: a value per field, or pairs of name and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Row(Vec<String>),
    Object(Vec<(String, String)>),
}

impl Record {
    /// As JSON text.
    pub(super) fn json(&self) -> String {
        match self {
            Self::Row(fields) => serde_json::Value::from(fields.as_slice()).to_string(),
            Self::Object(pairs) => {
                let text = |t: &str| serde_json::Value::from(t).to_string();
                let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{}:{}", text(k), text(v))).collect();
                format!("{{{}}}", pairs.join(","))
            }
        }
    }
}

/// Reads one record after the other.
#[derive(Debug)]
pub(super) struct Reader {
    content: Arc<[u8]>,
    at: usize,
    options: Options,
    /// Records read so far, those left out included.
    records: i64,
    /// Lines of the text read so far, for messages.
    lines: usize,
    /// Fields of the first record.
    width: Option<usize>,
    names: Vec<String>,
}

impl Reader {
    /// A reader of `content` from byte `at` on; leaves out what the options say.
    ///
    /// # Errors
    /// Options that do not go together; a file that ends before the first record to read; bad CSV.
    pub(super) fn new(content: Arc<[u8]>, at: usize, options: Options) -> Result<Self, String> {
        options.check()?;
        let mut reader = Self { content, at, options, records: 0, lines: 0, width: None, names: Vec::new() };
        if options.as_objects {
            reader.names =
                reader.record()?.ok_or("the file is empty, but asObjects needs its first line for the names")?;
        }
        let from = options.from_line.unwrap_or(0);
        if options.skip_first_line && from == 0 {
            reader.record()?.ok_or("the file is empty; there is no first line to skip")?;
        }
        while reader.records < from {
            reader
                .record()?
                .ok_or_else(|| format!("the file ends before line {from}, where fromLine says to begin"))?;
        }
        Ok(reader)
    }

    /// The next record; None at the end, or after the last one to read.
    ///
    /// # Errors
    /// Bad CSV, with its line.
    pub(super) fn next(&mut self) -> Result<Option<Record>, String> {
        if self.options.to_line.is_some_and(|to| to > 0 && self.records > to) {
            return Ok(None);
        }
        let Some(fields) = self.record()? else { return Ok(None) };
        if !self.options.as_objects {
            return Ok(Some(Record::Row(fields)));
        }
        // A name that comes twice has its last value.
        let mut pairs: Vec<(String, String)> = Vec::with_capacity(fields.len());
        for (name, value) in self.names.iter().zip(fields) {
            match pairs.iter_mut().find(|(have, _)| have == name) {
                Some(pair) => pair.1 = value,
                None => pairs.push((name.clone(), value)),
            }
        }
        Ok(Some(Record::Object(pairs)))
    }

    /// The next line without its end; None at the end of the file.
    fn line(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        let rest = self.content.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|b| *b == b'\n');
        self.at = start + length.map_or(rest.len(), |n| n + 1);
        self.lines += 1;
        let end = start + length.unwrap_or(rest.len());
        Some((start, if self.content[start..end].ends_with(b"\r") { end - 1 } else { end }))
    }

    fn record(&mut self) -> Result<Option<Vec<String>>, String> {
        let (mut at, mut end) = loop {
            match self.line() {
                Some((start, end)) if start == end => {}
                Some(span) => break span,
                None => return Ok(None),
            }
        };
        let first = self.lines;
        let mut encoded = [0; 4];
        let delimiter = self.options.delimiter.unwrap_or(',').encode_utf8(&mut encoded).as_bytes().to_vec();
        let mut fields: Vec<String> = Vec::with_capacity(self.width.unwrap_or(8));
        loop {
            let mut field = Vec::new();
            if self.content[at..end].starts_with(b"\"") {
                at += 1;
                loop {
                    match self.content[at..end].iter().position(|b| *b == b'"') {
                        Some(n) => {
                            field.extend_from_slice(&self.content[at..at + n]);
                            at += n + 1;
                            if !self.content[at..end].starts_with(b"\"") {
                                break;
                            }
                            field.push(b'"');
                            at += 1;
                        }
                        None => {
                            field.extend_from_slice(&self.content[at..end]);
                            field.push(b'\n');
                            (at, end) = self.line().ok_or_else(|| {
                                format!("the quoted field that begins in the record of line {first} is not closed")
                            })?;
                        }
                    }
                }
                if at != end && !self.content[at..end].starts_with(&delimiter) {
                    return Err(format!("line {}: a quoted field goes on after its closing quote", self.lines));
                }
            } else {
                let rest = &self.content[at..end];
                let length = rest.windows(delimiter.len()).position(|w| w == delimiter).unwrap_or(rest.len());
                field.extend_from_slice(&rest[..length]);
                if field.contains(&b'"') {
                    return Err(format!(
                        "line {}: a quote inside a field that is not quoted; quote the field and double the quote",
                        self.lines
                    ));
                }
                at += length;
            }
            fields.push(String::from_utf8_lossy(&field).into_owned());
            if at == end {
                break;
            }
            at += delimiter.len();
        }
        let width = *self.width.get_or_insert(fields.len());
        if fields.len() != width {
            return Err(format!("line {first}: {} fields, where the first record has {width}", fields.len()));
        }
        self.records += 1;
        Ok(Some(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str, options: Options) -> Result<Vec<Vec<String>>, String> {
        let mut reader = Reader::new(text.as_bytes().into(), 0, options)?;
        let mut rows = Vec::new();
        while let Some(record) = reader.next()? {
            rows.push(match record {
                Record::Row(row) => row,
                Record::Object(pairs) => pairs.into_iter().map(|(k, v)| format!("{k}={v}")).collect(),
            });
        }
        Ok(rows)
    }

    #[test]
    fn fields_quotes_and_lines() {
        let plain = Options::default();
        assert_eq!(all("a,b\r\n\n1,\n", plain).unwrap(), [["a", "b"], ["1", ""]]);
        assert_eq!(
            all("\"x \"\"y\"\", z\",\"l1\r\nl2\"\nä,last", plain).unwrap(),
            [["x \"y\", z", "l1\nl2"], ["ä", "last"]]
        );
        assert_eq!(all("", plain).unwrap(), Vec::<Vec<String>>::new());
        let wide = Options { delimiter: Some('→'), ..plain };
        assert_eq!(all("a→\"b→c\"\n,→d", wide).unwrap(), [["a", "b→c"], [",", "d"]]);
        for (text, what) in [
            ("a,b\n1", "line 2: 1 fields"),
            ("a\"b", "line 1: a quote inside"),
            ("x\n\"a\"b", "line 2: a quoted field goes on"),
            ("x\n\"a\nb", "record of line 2 is not closed"),
        ] {
            let error = all(text, plain).unwrap_err();
            assert!(error.contains(what), "{text:?}: {error}");
        }
    }

    #[test]
    fn lines_are_chosen_as_in_k6() {
        let text = "h\n1\n2\n3\n4\n";
        let chosen = |options| all(text, options).unwrap().concat().join("");
        let plain = Options::default();
        assert_eq!(chosen(plain), "h1234");
        assert_eq!(chosen(Options { skip_first_line: true, ..plain }), "1234");
        assert_eq!(chosen(Options { from_line: Some(2), ..plain }), "234");
        assert_eq!(chosen(Options { from_line: Some(1), to_line: Some(3), ..plain }), "123");
        assert_eq!(chosen(Options { skip_first_line: true, from_line: Some(2), ..plain }), "234");
        assert_eq!(chosen(Options { to_line: Some(0), ..plain }), "h1234");
        assert_eq!(chosen(Options { as_objects: true, to_line: Some(2), ..plain }), "h=1h=2");
        assert_eq!(all("a,a\n1,2", Options { as_objects: true, ..plain }).unwrap(), [["a=2"]]);
        for (options, what) in [
            (Options { as_objects: true, skip_first_line: true, ..plain }, "skipFirstLine"),
            (Options { as_objects: true, from_line: Some(1), ..plain }, "fromLine 1"),
            (Options { from_line: Some(-1), ..plain }, "fromLine must be 0 or more"),
            (Options { to_line: Some(-1), ..plain }, "toLine must be 0 or more"),
            (Options { from_line: Some(2), to_line: Some(2), ..plain }, "they are 2 and 2"),
            (Options { from_line: Some(9), ..plain }, "ends before line 9"),
            (Options { delimiter: Some('"'), ..plain }, "delimiter"),
        ] {
            let error = all(text, options).unwrap_err();
            assert!(error.contains(what), "{options:?}: {error}");
        }
        assert!(all("", Options { as_objects: true, ..plain }).is_err());
        assert!(all("", Options { skip_first_line: true, ..plain }).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in proptest::collection::vec(proptest::collection::vec("[a-z\"\n, ;ä]{0,6}", 3), 0..5)) {
            let quoted = |f: &String| format!("\"{}\"", f.replace('"', "\"\""));
            let text: Vec<String> = rows.iter().map(|r| r.iter().map(quoted).collect::<Vec<_>>().join(",")).collect();
            prop_assert_eq!(all(&text.join("\n"), Options::default()).unwrap(), rows);
        }

        #[test]
        fn no_text_panics(text in "[a\"\r\n,;ä]{0,40}") {
            let _ = all(&text, Options::default());
            let _ = all(&text, Options { delimiter: Some('ä'), as_objects: true, ..Options::default() });
        }
    }
}
