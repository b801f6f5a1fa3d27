//! What can be wrong with a trace, told so that it can be mended: the first lines by number, the others counted.

use std::fmt;

use super::Format;

/// Lines that are named; the rest is counted.
const NAMED: usize = 5;

/// Why there is no trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceError {
    /// The first line fits no format.
    UnknownFormat,
    /// ServeGen without its second file.
    LengthsMissing,
    /// A second file beside a format that has none.
    NoLengths(Format),
    /// Lines that are wrong, and what is wrong with the whole.
    Invalid(Format, Vec<String>),
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = || Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
        match self {
            Self::UnknownFormat => {
                write!(f, "its first line is that of no known trace; say which `format` it has: {}", names())
            }
            Self::LengthsMissing => {
                write!(
                    f,
                    "ServeGen keeps the lengths of requests in a second file: name it as `lengths` (chunk-N-dataset.json)"
                )
            }
            Self::NoLengths(format) => {
                write!(
                    f,
                    "`lengths` belongs to the format `servegen`, and this is `{}`, which has lengths itself",
                    format.name()
                )
            }
            Self::Invalid(format, all) => {
                write!(f, "not a valid trace of format `{}`: {}", format.name(), all.join("; "))
            }
        }
    }
}

impl std::error::Error for TraceError {}

/// Collects problems, keeping a few.
#[derive(Debug, Default)]
pub(super) struct Problems {
    kept: Vec<String>,
    more: u64,
}

impl Problems {
    pub(super) fn add(&mut self, line: Option<u64>, what: String) {
        if self.kept.len() >= NAMED {
            self.more += 1;
            return;
        }
        self.kept.push(match line {
            Some(line) => format!("line {line}: {what}"),
            None => what,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(super) fn told(mut self) -> Vec<String> {
        match self.more {
            0 => {}
            1 => self.kept.push("and one more problem".to_owned()),
            n => self.kept.push(format!("and {n} more problems")),
        }
        self.kept
    }
}

/// A piece of a file for a message, cut when long.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("'{}...'", &text[..at]),
        None => format!("'{text}'"),
    }
}
