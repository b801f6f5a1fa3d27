//! The thread behind an output that sends over the network: a bounded buffer of batches, an encoder that turns them into
//! messages, and a sender that tries again for a while. Called by the formats of metrics systems.
//!
//! The run never waits for it. What does not fit is dropped and counted: a batch when the buffer is full, the oldest message
//! when the system on the other side has been away for long. At the end of the run what is left has [`LAST_CHANCE`] to go.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::buffered::{Batches, Buffered, CAPACITY, Done};
use crate::error::Error;
use crate::metrics::SampleBatch;

/// Bytes of messages that wait for another attempt.
const MAX_WAITING: usize = 64 << 20;

/// How long what is left may take once the run is over.
pub(super) const LAST_CHANCE: Duration = Duration::from_secs(5);

/// A message, and how many samples are lost with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Message {
    /// What is sent.
    pub(super) body: Vec<u8>,
    /// Samples in it.
    pub(super) samples: u64,
}

/// Turns samples into messages of one system.
pub(super) trait Encoder: Send {
    /// Takes the samples of a batch.
    fn add(&mut self, batch: &SampleBatch);

    /// What there is to send at a time in Unix nanoseconds; `last` at the end of the run.
    fn take(&mut self, now_ns: i64, last: bool) -> Vec<Message>;
}

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// What happened, without secrets.
    pub(super) what: String,
    /// Whether another attempt may help.
    pub(super) passing: bool,
}

/// The way to a system.
pub(super) trait Deliver: Send {
    /// Sends a message before `until`.
    ///
    /// # Errors
    /// It was not taken.
    fn send(&mut self, message: &Message, until: Instant) -> Result<(), Failure>;

    /// The longest one attempt may take.
    fn patience(&self) -> Duration;
}

/// Starts a listener that sends; messages are made and sent every `interval`.
///
/// # Errors
/// The operating system refuses a thread.
pub(super) fn spawn(
    name: String,
    encoder: Box<dyn Encoder>,
    way: Box<dyn Deliver>,
    interval: Duration,
) -> Result<Buffered, Error> {
    let work = Work { encoder, way, waiting: VecDeque::new(), bytes: 0, sent: 0, dropped: 0, error: None };
    let (label, broken) = (name.clone(), format!("{name}: its thread broke down"));
    Buffered::spawn(name, CAPACITY, broken, move |batches| work.run(batches, interval, &label))
}

struct Work {
    encoder: Box<dyn Encoder>,
    way: Box<dyn Deliver>,
    /// Messages to be sent, oldest first.
    waiting: VecDeque<Message>,
    /// Bytes in `waiting`.
    bytes: usize,
    sent: u64,
    dropped: u64,
    error: Option<String>,
}

impl Work {
    fn run(mut self, rx: &Batches, interval: Duration, name: &str) -> Done {
        let mut next = Instant::now() + interval;
        loop {
            match rx.recv_deadline(next) {
                Ok(batch) => self.encoder.add(&batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = Instant::now();
            if now >= next {
                self.queue(false);
                let patience = self.way.patience();
                self.deliver(name, |_| now + patience);
                // Ticks that passed meanwhile are not made up for.
                next = (next + interval).max(Instant::now());
            }
        }
        self.queue(true);
        let end = Instant::now() + LAST_CHANCE;
        while !self.waiting.is_empty() && self.deliver(name, |_| end) && Instant::now() < end {
            std::thread::park_timeout(Duration::from_millis(200));
        }
        self.dropped += self.waiting.iter().map(|message| message.samples).sum::<u64>();
        // What went wrong for a while and was made up for has cost nothing.
        let error = self.error.filter(|_| self.dropped > 0);
        (self.sent, self.dropped, error)
    }

    fn queue(&mut self, last: bool) {
        let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
        for message in self.encoder.take(i64::try_from(now).unwrap_or(i64::MAX), last) {
            self.bytes += message.body.len();
            self.waiting.push_back(message);
        }
        while self.bytes > MAX_WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.bytes -= oldest.body.len();
            self.dropped += oldest.samples;
        }
    }

    /// Sends what waits until something fails; whether another attempt at the rest may help.
    fn deliver(&mut self, name: &str, until: impl Fn(Instant) -> Instant) -> bool {
        while let Some(message) = self.waiting.front() {
            match self.way.send(message, until(Instant::now())) {
                Ok(()) => self.sent += message.samples,
                Err(failure) => {
                    if self.error.is_none() {
                        tracing::warn!("output {name}: {}", failure.what);
                        self.error = Some(format!("{name}: {}", failure.what));
                    }
                    if failure.passing {
                        return true;
                    }
                    self.dropped += message.samples;
                }
            }
            self.bytes -= message.body.len();
            self.waiting.pop_front();
        }
        false
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::metrics::{Builtin, Extra, Listener, ListenerReport, Tags};

    /// One message per tick, of as many bytes as there were samples.
    #[derive(Default)]
    struct Counting(u64);

    impl Encoder for Counting {
        fn add(&mut self, batch: &SampleBatch) {
            self.0 += batch.samples.len() as u64;
        }

        fn take(&mut self, _: i64, _: bool) -> Vec<Message> {
            let samples = std::mem::take(&mut self.0);
            if samples == 0 { Vec::new() } else { vec![Message { body: vec![0; samples as usize], samples }] }
        }
    }

    /// Fails as often as told, and keeps what it took.
    #[derive(Clone, Default)]
    struct Way {
        failures: Arc<Mutex<Vec<Failure>>>,
        taken: Arc<Mutex<Vec<u64>>>,
    }

    impl Deliver for Way {
        fn send(&mut self, message: &Message, _: Instant) -> Result<(), Failure> {
            if let Some(failure) = self.failures.lock().unwrap().pop() {
                return Err(failure);
            }
            self.taken.lock().unwrap().push(message.samples);
            Ok(())
        }

        fn patience(&self) -> Duration {
            Duration::from_secs(1)
        }
    }

    /// A batch of one sample.
    pub(in crate::output) fn batch(metric: Builtin, value: f64, tags: &[(&str, &str)]) -> Arc<SampleBatch> {
        Arc::new(SampleBatch {
            time_ns: 1_700_000_000_123_456_789,
            tags: Tags::from_pairs(tags.iter().map(|(k, v)| (*k, *v))),
            metadata: None,
            samples: vec![metric.sample(value)],
            extra: Extra::None,
        })
    }

    fn run(way: &Way, batches: usize) -> ListenerReport {
        let interval = Duration::from_millis(20);
        let mut pusher =
            spawn("x (y)".to_owned(), Box::new(Counting::default()), Box::new(way.clone()), interval).unwrap();
        for _ in 0..batches {
            pusher.on_batch(&batch(Builtin::HttpReqs, 1.0, &[]));
        }
        Box::new(pusher).finish()
    }

    #[test]
    fn what_failed_for_a_while_is_sent_later() {
        let way = Way::default();
        way.failures.lock().unwrap().extend(vec![Failure { what: "away".into(), passing: true }; 2]);
        let report = run(&way, 7);
        assert_eq!((report.written, report.dropped, report.error), (7, 0, None));
        assert_eq!(way.taken.lock().unwrap().iter().sum::<u64>(), 7);
    }

    #[test]
    fn what_is_refused_is_counted_with_the_reason() {
        let way = Way::default();
        way.failures.lock().unwrap().push(Failure { what: "status 400".into(), passing: false });
        let report = run(&way, 3);
        assert_eq!(report.written + report.dropped, 3);
        assert!(report.dropped > 0 && report.error.unwrap().contains("x (y): status 400"));
    }

    #[test]
    fn a_system_that_stays_away_costs_bounded_time_and_memory() {
        let way = Way::default();
        way.failures.lock().unwrap().extend(vec![Failure { what: "away".into(), passing: true }; 10_000]);
        let begun = Instant::now();
        let report = run(&way, 3);
        assert_eq!((report.written, report.dropped), (0, 3));
        assert!(begun.elapsed() < 3 * LAST_CHANCE);

        let mut work = Work {
            encoder: Box::new(Counting::default()),
            way: Box::new(way),
            waiting: VecDeque::new(),
            bytes: 0,
            sent: 0,
            dropped: 0,
            error: None,
        };
        for _ in 0..3 {
            work.waiting.push_back(Message { body: vec![0; MAX_WAITING / 2], samples: 1 });
            work.bytes += MAX_WAITING / 2;
            work.queue(false);
        }
        assert_eq!((work.waiting.len(), work.dropped, work.bytes), (2, 1, MAX_WAITING));
    }
}
