//! A JSON file that is one array: each element is a row.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::judge::Judge;
use super::{FileProblems, position};
use crate::data::problems::reason;

/// Where the elements begin and end.
///
/// # Errors
/// The first place where the file is no JSON; or else every row that lacks what is asked for.
pub(super) fn index(text: &str, judge: &mut Judge) -> Result<(Vec<u64>, Vec<u64>), FileProblems> {
    let mut problems = FileProblems::default();
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let mut parser = serde_json::Deserializer::from_str(text);
    let elements = Elements { text, judge, starts: &mut starts, ends: &mut ends, problems: &mut problems };
    let parsed = elements.deserialize(&mut parser).and_then(|()| parser.end());
    if let Err(error) = parsed {
        let first = text.trim_start();
        let hint = if first.starts_with('{') && error.is_data() {
            "; a file with one object per line is read with format: 'jsonl'"
        } else {
            ""
        };
        problems.add(error.line(), Some(error.column()), format_args!("{}{hint}", reason(&error)));
    }
    if problems.is_empty() { Ok((starts, ends)) } else { Err(problems) }
}

struct Elements<'e> {
    text: &'e str,
    judge: &'e mut Judge,
    starts: &'e mut Vec<u64>,
    ends: &'e mut Vec<u64>,
    problems: &'e mut FileProblems,
}

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while let Some(element) = array.next_element::<&RawValue>()? {
            let row = element.get();
            // The element is borrowed from the text, so its place is the distance.
            let at = (row.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
            match self.judge.json(row) {
                Ok(true) => {
                    self.starts.push(at as u64);
                    self.ends.push((at + row.len()) as u64);
                }
                Ok(false) => {}
                Err(problem) => {
                    let (line, column) = position(self.text.as_bytes(), at);
                    let (line, column) = match problem.place {
                        None | Some((0 | 1, _)) => (line, column + problem.place.map_or(0, |p| p.1.saturating_sub(1))),
                        Some((down, column)) => (line + down - 1, column),
                    };
                    self.problems.add(line, Some(column), problem.what);
                }
            }
        }
        Ok(())
    }
}
