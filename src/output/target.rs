//! Where a file output writes: a file, a gzip file (by its name) or standard output. Called by the file formats.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Stdout;
use crate::error::Error;

/// An open target.
pub enum Target {
    /// Bytes as they are.
    Plain(BufWriter<Box<dyn Write + Send>>),
    /// Compressed, and when what is compressed was last made readable.
    Gzip(GzEncoder<BufWriter<Box<dyn Write + Send>>>, Instant),
}

/// How much of a compressed file a killed process may lose.
const ENCODER_FLUSH: Duration = Duration::from_secs(1);

/// The name of standard output among files.
pub const STDOUT: &str = "-";

/// Opens a file, compressed when its name ends in `.gz`; None or `-` is standard output. Missing folders are made.
///
/// # Errors
/// The file cannot be created: says why and what to do.
pub fn open(output: &str, path: Option<&str>, stdout: &Stdout) -> Result<Target, Error> {
    let Some(path) = path.filter(|p| *p != STDOUT) else {
        return Ok(Target::Plain(BufWriter::new(stdout())));
    };
    let file = make_folder(path).and_then(|()| File::create(path)).map_err(|e| {
        Error::usage(format!("output {output}: cannot create '{path}': {e}"))
            .with_hint(format!("check the path and its permissions, or choose another: -o {output}=<file>"))
    })?;
    let writer = BufWriter::with_capacity(64 * 1024, Box::new(file) as Box<dyn Write + Send>);
    let gzip = Path::new(path).extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    Ok(if gzip {
        Target::Gzip(GzEncoder::new(writer, Compression::default()), Instant::now())
    } else {
        Target::Plain(writer)
    })
}

/// Makes the folder of a file, with those above it; as every file a run writes is treated.
///
/// # Errors
/// It cannot be made.
pub fn make_folder(path: &str) -> io::Result<()> {
    match Path::new(path).parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    }
}

/// Whether a file could be written, as far as that can be known without touching it.
///
/// # Errors
/// Why not: one sentence.
pub fn writable(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("no file is named".to_owned());
    }
    let file = Path::new(path);
    match std::fs::metadata(file) {
        Ok(found) if found.is_dir() => return Err(format!("'{path}' is a folder, not a file")),
        // Opened without emptying it. A pipe would wait for its reader, a device is written as it is.
        Ok(found) if found.is_file() => {
            return File::options()
                .append(true)
                .open(file)
                .map(drop)
                .map_err(|e| format!("cannot write '{path}': {e}"));
        }
        Ok(_) => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(format!("cannot write '{path}': {e}")),
    }
    if path.ends_with('/') {
        return Err(format!("'{path}' names a folder, not a file"));
    }
    // The nearest folder that exists is where the missing ones, and the file, would be made.
    let absolute = std::path::absolute(file).map_err(|e| format!("cannot write '{path}': {e}"))?;
    let Some(folder) = absolute.ancestors().skip(1).find(|f| f.exists()) else { return Ok(()) };
    if !folder.is_dir() {
        return Err(format!("cannot write '{path}': '{}' is not a folder", folder.display()));
    }
    let probe = folder.join(format!(".inrush-{}", std::process::id()));
    match File::create_new(&probe) {
        Ok(_) => {
            let _ = std::fs::remove_file(&probe);
            Ok(())
        }
        Err(e) => Err(format!("cannot write '{path}': the folder '{}' does not take new files: {e}", folder.display())),
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(w) => w.write(bytes),
            Self::Gzip(w, _) => w.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(w) => w.flush(),
            // A flush of the encoder itself costs compression: once a second is enough for what a killed process leaves.
            Self::Gzip(w, last) if last.elapsed() >= ENCODER_FLUSH => {
                *last = Instant::now();
                w.flush()
            }
            Self::Gzip(w, _) => w.get_mut().flush(),
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
            Self::Gzip(w, _) => w.finish()?.flush(),
        }
    }
}
