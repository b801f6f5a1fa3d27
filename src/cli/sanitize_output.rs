//! Where `sanitize` writes its rows: a file, or standard output. A file whose times turn out to begin before its first row is rewritten at the
//! end, line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};

use serde_json::Value;

use crate::error::Error;
use crate::sanitize::{Row, moved};

/// Rows on their way to one place.
pub(super) struct Output {
    flag: &'static str,
    /// None = standard output.
    path: Option<String>,
    to: BufWriter<Box<dyn Write>>,
    line: fn(&Row) -> String,
}

impl Output {
    /// Opens it; `line` writes a row.
    pub(super) fn open(flag: &'static str, to: &str, line: fn(&Row) -> String) -> Result<Self, Error> {
        let path = (to != "-").then(|| to.to_owned());
        let writer: Box<dyn Write> = match &path {
            Some(path) => Box::new(
                File::create(path).map_err(|e| Error::usage(format!("{flag}: '{path}' cannot be written: {e}")))?,
            ),
            None => Box::new(io::stdout()),
        };
        Ok(Self { flag, path, to: BufWriter::with_capacity(1 << 16, writer), line })
    }

    /// Writes a row. True when it came before the first one and what is written cannot be mended: it has no `at` then.
    pub(super) fn write(&mut self, row: &Row) -> io::Result<bool> {
        let late = self.path.is_none() && row.at.is_some_and(|at| at < 0.0);
        let line = if late {
            let messages = row.messages.clone();
            (self.line)(&Row { at: None, messages, ..*row })
        } else {
            (self.line)(row)
        };
        self.to.write_all(line.as_bytes()).map_err(|e| io::Error::other(self.failed(&e)))?;
        Ok(late)
    }

    fn failed(&self, error: &io::Error) -> String {
        let name = self.path.as_deref().map_or_else(|| "standard output".to_owned(), |path| format!("'{path}'"));
        format!("{}: {name} cannot be written: {error}", self.flag)
    }

    /// Writes out what is left; with `by` above zero all times of a file are moved by so many seconds.
    ///
    /// # Errors
    /// What could not be written, in words.
    pub(super) fn finish(mut self, by: f64) -> Result<(), String> {
        let flushed = self.to.flush();
        flushed.map_err(|e| self.failed(&e))?;
        let Some(path) = self.path.as_ref().filter(|_| by > 0.0) else { return Ok(()) };
        rewrite(path, by).map_err(|e| format!("{}; its times are still counted from its first row", self.failed(&e)))
    }
}

fn rewrite(path: &str, by: f64) -> io::Result<()> {
    let beside = format!("{path}.part");
    let mut from = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut to = BufWriter::with_capacity(1 << 16, File::create(&beside)?);
    let mut line = String::new();
    while from.read_line(&mut line)? > 0 {
        to.write_all(moved(&line, by).as_bytes())?;
        line.clear();
    }
    to.flush()?;
    std::fs::rename(beside, path)
}

/// Writes a document; `-` is standard output.
///
/// # Errors
/// What could not be written, in words.
pub(super) fn write_json(flag: &str, to: &str, json: &Value) -> Result<(), String> {
    let text = format!("{json:#}\n");
    let written = if to == "-" { io::stdout().write_all(text.as_bytes()) } else { std::fs::write(to, text) };
    written.map_err(|e| format!("{flag}: '{to}' cannot be written: {e}"))
}
