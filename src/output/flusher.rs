//! The thread behind a file output: a bounded buffer of batches, a format that turns them into bytes, a target that takes
//! the bytes. Called by the file formats.
//!
//! Policy when the buffer is full: the batch is dropped and its samples are counted; the run goes on and the summary says
//! what is missing. After a write error nothing more is written, everything is counted as dropped and the first error is
//! reported: a full disk must not cost the summary.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::buffered::{Batches, Buffered, CAPACITY, Done};
use super::target::Target;
use crate::error::Error;
use crate::metrics::SampleBatch;

/// A file format.
pub trait Format: Send {
    /// Written once, before the first batch.
    ///
    /// # Errors
    /// As of the writer.
    fn head(&mut self, to: &mut dyn Write) -> io::Result<()>;

    /// Writes all samples of a batch.
    ///
    /// # Errors
    /// As of the writer.
    fn batch(&mut self, batch: &SampleBatch, to: &mut dyn Write) -> io::Result<()>;

    /// Written once, after the last batch.
    ///
    /// # Errors
    /// As of the writer.
    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Starts a listener that writes; what was written becomes visible in the target every `interval`.
///
/// # Errors
/// The operating system refuses a thread.
pub fn spawn(name: String, format: Box<dyn Format>, target: Target, interval: Duration) -> Result<Buffered, Error> {
    with_capacity(name, format, target, interval, CAPACITY)
}

fn with_capacity(
    name: String,
    format: Box<dyn Format>,
    target: Target,
    interval: Duration,
    capacity: usize,
) -> Result<Buffered, Error> {
    let work = Work { name: name.clone(), format, target, written: 0, dropped: 0, error: None };
    let broken = "its thread broke down; the file is incomplete".to_owned();
    Buffered::spawn(name, capacity, broken, move |batches| work.run(batches, interval))
}

struct Work {
    name: String,
    format: Box<dyn Format>,
    target: Target,
    written: u64,
    dropped: u64,
    error: Option<String>,
}

impl Work {
    fn run(mut self, rx: &Batches, interval: Duration) -> Done {
        let head = self.format.head(&mut self.target);
        self.check(head);
        let mut next_flush = Instant::now() + interval;
        loop {
            match rx.recv_timeout(next_flush.saturating_duration_since(Instant::now())) {
                Ok(batch) => self.write(&batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= next_flush {
                if self.error.is_none() {
                    let flushed = self.target.flush();
                    self.check(flushed);
                }
                next_flush = Instant::now() + interval;
            }
        }
        if self.error.is_none() {
            let end = self.format.end(&mut self.target);
            self.check(end);
        }
        let Self { name, target, written, dropped, mut error, .. } = self;
        if let (None, Err(e)) = (&error, target.close()) {
            error = Some(format!("{name}: cannot write: {e}"));
        }
        (written, dropped, error)
    }

    fn write(&mut self, batch: &SampleBatch) {
        let samples = batch.samples.len() as u64;
        if self.error.is_none() {
            let result = self.format.batch(batch, &mut self.target);
            if self.check(result) {
                self.written += samples;
                return;
            }
        }
        self.dropped += samples;
    }

    /// Keeps the first error and tells of it at once, while the run is still going on.
    fn check(&mut self, result: io::Result<()>) -> bool {
        if let Err(e) = result {
            let message = format!("{}: cannot write: {e}", self.name);
            tracing::error!("output {message}; the run goes on without this output");
            self.error = Some(message);
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufWriter;
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::metrics::{Builtin, Listener};

    struct Lines;

    impl Format for Lines {
        fn head(&mut self, to: &mut dyn Write) -> io::Result<()> {
            writeln!(to, "head")
        }

        fn batch(&mut self, batch: &SampleBatch, to: &mut dyn Write) -> io::Result<()> {
            batch.samples.iter().try_for_each(|s| writeln!(to, "{}", s.value))
        }
    }

    fn batch(value: f64) -> Arc<SampleBatch> {
        Arc::new(SampleBatch { samples: vec![Builtin::HttpReqs.sample(value); 2], ..SampleBatch::default() })
    }

    fn plain(writer: impl Write + Send + 'static) -> Target {
        Target::Plain(BufWriter::with_capacity(1, Box::new(writer)))
    }

    /// Blocks in its first write until the test lets it go.
    struct Gate(mpsc::Receiver<()>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_buffer_drops_and_counts() {
        let (open, gate) = mpsc::channel();
        let interval = Duration::from_secs(60);
        let mut flusher = with_capacity("slow".into(), Box::new(Lines), plain(Gate(gate)), interval, 2).unwrap();
        for n in 0..5 {
            flusher.on_batch(&batch(f64::from(n)));
        }
        drop(open);
        let report = Box::new(flusher).finish();
        assert_eq!((report.written + report.dropped, report.error), (10, None));
        assert_eq!(report.dropped, 6, "two batches fit while the head is being written");
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_reported_and_costs_only_the_output() {
        let mut flusher = spawn("json (x)".into(), Box::new(Lines), plain(Full), Duration::from_millis(1)).unwrap();
        (0..10).for_each(|_| flusher.on_batch(&batch(1.0)));
        let report = Box::new(flusher).finish();
        assert_eq!((report.written, report.dropped), (0, 20));
        assert_eq!(report.error.as_deref(), Some("json (x): cannot write: no space left on device"));
    }
}
