//! What is wrong with a file: every problem with its place, up to a limit, so that a file is mended in one go.

use std::fmt;

/// Problems that are listed; more are counted.
pub const LISTED: usize = 20;

/// The problems of one file.
#[derive(Debug)]
pub struct FileProblems {
    listed: Vec<String>,
    count: usize,
    /// What is counted: lines, or rows of a file without lines.
    unit: &'static str,
}

impl Default for FileProblems {
    fn default() -> Self {
        Self { listed: Vec::new(), count: 0, unit: "line" }
    }
}

impl FileProblems {
    /// Problems of a file whose rows are counted instead of lines.
    pub fn of_rows() -> Self {
        Self { unit: "row", ..Self::default() }
    }

    /// Adds one. Columns count bytes from 1; None when the whole line is meant.
    pub fn add(&mut self, line: usize, column: Option<usize>, what: impl fmt::Display) {
        self.count += 1;
        if self.listed.len() < LISTED {
            let unit = self.unit;
            self.listed.push(match column {
                Some(column) => format!("{unit} {line}, column {column}: {what}"),
                None => format!("{unit} {line}: {what}"),
            });
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All in one text.
    pub fn text(&self) -> String {
        match self.listed.as_slice() {
            [only] if self.count == 1 => only.clone(),
            all => {
                let more = self.count - all.len();
                let rest = if more > 0 { format!("\n  - and {more} more") } else { String::new() };
                format!("{} problems:\n  - {}{rest}", self.count, all.join("\n  - "))
            }
        }
    }
}

/// Line and column (in bytes), both from 1, of a place in a text.
pub fn position(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = &bytes[..at.min(bytes.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    (line, before.len() - start + 1)
}

/// What a JSON parser says, without the place: it counts from the start of the row.
pub fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_on_what_is_listed() {
        let mut problems = FileProblems::default();
        assert!(problems.is_empty());
        problems.add(3, Some(7), "bad");
        assert_eq!(problems.text(), "line 3, column 7: bad");
        (0..30).for_each(|line| problems.add(line, None, "bad"));
        let text = problems.text();
        assert!(text.starts_with("31 problems:\n  - line 3, column 7: bad\n  - line 0: bad"), "{text}");
        assert!(text.ends_with("  - and 11 more") && text.lines().count() == 2 + LISTED, "{text}");
    }

    #[test]
    fn places_in_a_text() {
        let text = b"ab\ncd\n\nx";
        let places = [0, 1, 3, 5, 6, 7, 99].map(|at| position(text, at));
        assert_eq!(places, [(1, 1), (1, 2), (2, 1), (2, 3), (3, 1), (4, 1), (4, 2)]);
    }
}
