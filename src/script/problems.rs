//! Everything wrong with a script and its imports, as one text with places and source lines.

use std::fmt::Write as _;

use super::code_frame::{code_frame, line_column};
use super::resolve::Location;
use crate::error::{Error, ExitCode};

/// Most problems that are shown.
const MOST: usize = 20;

/// Where a problem is: in which text, at which byte, how many bytes long.
pub(super) struct Place<'a> {
    pub(super) file: &'a Location,
    pub(super) text: &'a str,
    pub(super) offset: usize,
    pub(super) length: usize,
}

/// Problems found so far.
#[derive(Default)]
pub(super) struct Problems {
    text: String,
    count: usize,
    code: Option<ExitCode>,
}

impl Problems {
    /// What the language forbids.
    pub(super) fn syntax(&mut self, place: &Place<'_>, message: &str, hint: Option<&str>) {
        self.add(ExitCode::ScriptException, "SyntaxError: ", place, message, hint);
    }

    /// A module that cannot be found.
    pub(super) fn import(&mut self, place: &Place<'_>, message: &str, hint: Option<&str>) {
        self.add(ExitCode::Usage, "", place, message, hint);
    }

    fn add(&mut self, code: ExitCode, prefix: &str, place: &Place<'_>, message: &str, hint: Option<&str>) {
        self.count += 1;
        // A syntax error outranks an import that failed: the exit code is the script's.
        if self.code != Some(ExitCode::ScriptException) {
            self.code = Some(code);
        }
        if self.count > MOST {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        let _ = write!(self.text, "{prefix}{message}{}", at(place));
        if let Some(hint) = hint {
            let _ = write!(self.text, "\n    help: {hint}");
        }
    }

    pub(super) fn into_result(self) -> Result<(), Error> {
        match self.code {
            None => Ok(()),
            Some(code) => {
                let more =
                    if self.count > MOST { format!("\n\n... and {} more", self.count - MOST) } else { String::new() };
                Err(Error::new(code, format!("{}{more}", self.text)))
            }
        }
    }
}

/// The lines that say where: `at file:line:column` and the source around it.
fn at(place: &Place<'_>) -> String {
    let (line, column) = line_column(place.text, place.offset);
    let mut out = format!("\n    at {}:{line}:{column}", place.file);
    let frame = code_frame(place.text, line, column, place.length);
    if !frame.is_empty() {
        let _ = write!(out, "\n\n{frame}");
    }
    out
}
