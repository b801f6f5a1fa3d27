//! Where a file output writes: a file, a gzip file (by its name) or standard output. Called by the file formats.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Stdout;
use crate::error::Error;

/// An open target.
pub enum Target {
    /// Bytes as they are.
    Plain(BufWriter<Box<dyn Write + Send>>),
    /// Compressed.
    Gzip(GzEncoder<BufWriter<Box<dyn Write + Send>>>),
}

/// Opens a file, compressed when its name ends in `.gz`; None or `-` is standard output.
///
/// # Errors
/// The file cannot be created: says why and what to do.
pub fn open(output: &str, path: Option<&str>, stdout: &Stdout) -> Result<Target, Error> {
    let Some(path) = path.filter(|p| *p != "-") else {
        return Ok(Target::Plain(BufWriter::new(stdout())));
    };
    let file = File::create(path).map_err(|e| cannot_create(output, path, &e))?;
    let writer = BufWriter::with_capacity(64 * 1024, Box::new(file) as Box<dyn Write + Send>);
    let gzip = Path::new(path).extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    Ok(if gzip { Target::Gzip(GzEncoder::new(writer, Compression::default())) } else { Target::Plain(writer) })
}

fn cannot_create(output: &str, path: &str, e: &io::Error) -> Error {
    let folder = Path::new(path).parent().filter(|p| !p.as_os_str().is_empty());
    let hint = match (e.kind(), folder) {
        (io::ErrorKind::NotFound, Some(folder)) => format!("create the folder first: mkdir -p '{}'", folder.display()),
        _ => format!("check the path and its permissions, or choose another: -o {output}=<file>"),
    };
    Error::usage(format!("output {output}: cannot create '{path}': {e}")).with_hint(hint)
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(w) => w.write(bytes),
            Self::Gzip(w) => w.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(w) => w.flush(),
            // A flush of the encoder itself would spoil compression five times a second.
            Self::Gzip(w) => w.get_mut().flush(),
        }
    }
}

impl Target {
    /// Writes what is buffered, and the gzip trailer.
    ///
    /// # Errors
    /// As of the last write.
    pub fn close(self) -> io::Result<()> {
        match self {
            Self::Plain(mut w) => w.flush(),
            Self::Gzip(w) => w.finish()?.flush(),
        }
    }
}
