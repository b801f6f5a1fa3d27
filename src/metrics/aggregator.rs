//! The aggregator's thread: takes batches off the bus, counts them, hands them to the outputs, evaluates thresholds every
//! 2 s and ends the run when one with `abortOnFail` is crossed.
//!
//! Started by the command line before the first VU, finished after the last. It never blocks on an output (each has a
//! buffer of its own) and never drops a batch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::bus::BusReceiver;
use super::collector::Collector;
use super::health::Health;
use super::listener::Listener;
use super::live::{LiveView, Question};
use super::phases::Phases;
use super::registry::Registry;
use super::sample::SampleBatch;
use super::snapshot::Snapshot;
use super::summary::Summary;
use super::threshold::Thresholds;
use super::window::{Phase, Window};
use crate::error::{Error, ExitCode};
use crate::stop::{StopReason, StopSignal};

/// How often the snapshot for the progress display is renewed.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(250);

/// How long batches gather on the bus before they are counted. The thread looks at the bus at this pace instead of waiting in
/// it: a waiting receiver would have to be woken by a system call on a VU's thread for nearly every batch.
/// [`super::bus::CAPACITY`] holds what arrives meanwhile at 13 million batches per second.
const TICK: Duration = Duration::from_millis(5);

/// Questions for the metrics that may wait; more are refused, as after the end.
const QUESTIONS: usize = 64;

/// Batches counted before the clock is looked at again.
const BURST: usize = 256;

/// What the aggregator works with.
pub struct AggregatorConfig {
    /// The metrics of the run.
    pub registry: Arc<Registry>,
    /// Checked thresholds; empty with `--no-thresholds`.
    pub thresholds: Thresholds,
    /// The outputs.
    pub listeners: Vec<Box<dyn Listener>>,
    /// Tripped by a threshold with `abortOnFail`.
    pub stop: StopSignal,
    /// What is left out of the summary and the thresholds; outputs get it, with the tag `phase`.
    pub window: Window,
    /// Keep all metrics per scenario and per group, for the full summary.
    pub full: bool,
    /// Keep all metrics per scenario and request type, for `--summary-json` and comparisons.
    pub cells: bool,
    /// How often thresholds are evaluated; k6's is 2 s.
    pub threshold_interval: Duration,
}

impl AggregatorConfig {
    /// No thresholds, no outputs, k6's interval.
    pub fn new(registry: Arc<Registry>, stop: StopSignal) -> Self {
        Self {
            registry,
            thresholds: Thresholds::default(),
            listeners: Vec::new(),
            stop,
            window: Window::default(),
            full: false,
            cells: false,
            threshold_interval: Duration::from_secs(2),
        }
    }
}

/// Starts the thread.
#[derive(Debug)]
pub struct Aggregator;

/// The running aggregator.
#[derive(Debug)]
pub struct AggregatorHandle {
    thread: JoinHandle<Summary>,
    shared: Arc<Shared>,
    questions: Sender<Question>,
}

#[derive(Debug)]
struct Shared {
    closing: AtomicBool,
    span: Mutex<(Instant, Option<Instant>)>,
    /// When the scenarios started, in Unix nanoseconds; unset before.
    started_ns: OnceLock<i64>,
    snapshot: Mutex<Snapshot>,
}

impl Shared {
    fn elapsed(&self) -> Duration {
        let (start, end) = *self.span.lock().unwrap_or_else(PoisonError::into_inner);
        end.unwrap_or_else(Instant::now).saturating_duration_since(start)
    }
}

impl Aggregator {
    /// Starts the thread; the run's time counts from now until [`AggregatorHandle::mark_start`] says otherwise.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub fn spawn(config: AggregatorConfig, bus: BusReceiver) -> Result<AggregatorHandle, Error> {
        let shared = Arc::new(Shared {
            closing: AtomicBool::new(false),
            span: Mutex::new((Instant::now(), None)),
            started_ns: OnceLock::new(),
            snapshot: Mutex::new(Snapshot::default()),
        });
        let state = Arc::clone(&shared);
        let (questions, asked) = bounded(QUESTIONS);
        let thread = std::thread::Builder::new()
            .name("aggregator".to_owned())
            .spawn(move || Run::new(config, bus, state, asked).run())
            .map_err(|e| Error::new(ExitCode::Panic, format!("cannot start the metrics thread: {e}")))?;
        Ok(AggregatorHandle { thread, shared, questions })
    }
}

impl AggregatorHandle {
    /// The load begins now (`at_ns` in Unix nanoseconds): counters are divided by, and `delayAbortEval` counts from, the time
    /// since, less the warm-up.
    pub fn mark_start(&self, at_ns: i64) {
        let _ = self.shared.started_ns.set(at_ns);
        *self.shared.span.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), None);
    }

    /// The load is over: teardown does not count as time of the run.
    pub fn mark_end(&self) {
        let mut span = self.shared.span.lock().unwrap_or_else(PoisonError::into_inner);
        span.1.get_or_insert_with(Instant::now);
    }

    /// The main figures, at most a quarter of a second old.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A reader of snapshots for another thread, e.g. the progress display.
    pub fn snapshots(&self) -> impl Fn() -> Snapshot + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A way to ask for all metrics while the run goes on.
    pub fn live(&self) -> LiveView {
        LiveView { ask: self.questions.clone() }
    }

    /// Counts what is still on the bus, evaluates the thresholds, closes the outputs and returns the summary. Returns when
    /// every sender is gone or the bus is empty, whichever comes first, so that an abandoned VU cannot hold it up.
    ///
    /// # Errors
    /// The aggregator panicked (exit code 109): a bug of ours.
    pub fn finish(self) -> Result<Summary, Error> {
        self.mark_end();
        self.shared.closing.store(true, Ordering::SeqCst);
        self.thread.thread().unpark();
        self.thread.join().map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Error::new(ExitCode::Panic, format!("the collection of metrics broke down: {text}"))
                .with_hint("this is a bug of inrush; please report it with the script and this message")
        })
    }
}

/// The state of the thread.
struct Run {
    collector: Collector,
    listeners: Vec<Box<dyn Listener>>,
    bus: BusReceiver,
    stop: StopSignal,
    shared: Arc<Shared>,
    threshold_interval: Duration,
    phases: Phases,
    questions: Receiver<Question>,
}

impl Run {
    fn new(config: AggregatorConfig, bus: BusReceiver, shared: Arc<Shared>, questions: Receiver<Question>) -> Self {
        let mut collector = Collector::new(config.registry, config.thresholds, config.full);
        if config.cells {
            collector.keep_cells();
        }
        Self {
            collector,
            listeners: config.listeners,
            bus,
            stop: config.stop,
            shared,
            threshold_interval: config.threshold_interval,
            phases: Phases::new(config.window),
            questions,
        }
    }

    /// Time in the measured window so far.
    fn elapsed(&self) -> Duration {
        self.phases.measured(self.shared.elapsed())
    }

    fn run(mut self) -> Summary {
        let mut next_thresholds = Instant::now() + self.threshold_interval;
        let mut next_snapshot = Instant::now() + SNAPSHOT_INTERVAL;
        loop {
            let now = Instant::now();
            if now >= next_thresholds {
                self.evaluate();
                next_thresholds = now + self.threshold_interval;
            }
            if now >= next_snapshot {
                self.publish();
                next_snapshot = now + SNAPSHOT_INTERVAL;
            }
            if let Ok(question) = self.questions.try_recv() {
                self.answer(question);
            }
            // Read before the bus is found empty, so that what was sent before `finish` is counted.
            let closing = self.shared.closing.load(Ordering::SeqCst);
            match self.take_burst() {
                Ok(()) => {}
                Err(TryRecvError::Empty) if !closing => std::thread::park_timeout(TICK),
                Err(_) => break,
            }
        }
        self.finish()
    }

    fn answer(&mut self, question: Question) {
        let elapsed = self.elapsed();
        // Who asked may have gone.
        match question {
            Question::Live(answer) => drop(answer.send(self.collector.live(elapsed))),
            Question::Summary(answer) => drop(answer.send(self.collector.so_far(elapsed))),
        }
    }

    /// Counts what is on the bus, at most [`BURST`]; the error when there was nothing left.
    fn take_burst(&mut self) -> Result<(), TryRecvError> {
        for _ in 0..BURST {
            let batch = self.bus.rx.try_recv()?;
            self.take(batch);
        }
        Ok(())
    }

    fn take(&mut self, mut batch: SampleBatch) {
        if self.phases.is_set() {
            let phase = self.phases.phase(&batch, self.shared.started_ns.get().copied());
            if phase == Phase::Measured {
                self.collector.ingest(&batch);
            }
            if !self.listeners.is_empty() {
                batch.tags = batch.tags.with([("phase", phase.name())]);
            }
        } else {
            self.collector.ingest(&batch);
        }
        if !self.listeners.is_empty() {
            let batch = Arc::new(batch);
            for listener in &mut self.listeners {
                listener.on_batch(&batch);
            }
        }
    }

    fn evaluate(&mut self) {
        let aborting = self.collector.evaluate(self.elapsed());
        if !aborting.is_empty() && !self.shared.closing.load(Ordering::SeqCst) {
            self.stop.trip(StopReason::Threshold(aborting.join(", ")));
        }
    }

    fn publish(&mut self) {
        let mut snapshot = self.collector.snapshot(self.elapsed());
        snapshot.bus_waits = self.bus.waits.load(Ordering::Relaxed);
        *self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    fn finish(mut self) -> Summary {
        self.publish();
        let mut health = Health { bus_waits: self.bus.waits.load(Ordering::Relaxed), ..Health::default() };
        for listener in self.listeners {
            let report = listener.finish();
            if report.dropped > 0 || report.error.is_some() {
                tracing::warn!(
                    output = report.name,
                    dropped = report.dropped,
                    "output is incomplete: {}",
                    report.error.as_deref().unwrap_or("it could not keep up and samples were dropped")
                );
            }
            health.outputs.push(report);
        }
        let left_out = self.phases.left_out();
        if left_out.unsteady {
            health.invalidate(
                "no steady state was found in the first half of the run: what is measured may still be changing (finding one takes 40 s or more)",
            );
        }
        let elapsed = left_out.measured(self.shared.elapsed());
        let mut summary = self.collector.finish(elapsed, health);
        summary.left_out = left_out;
        summary
    }
}

#[cfg(test)]
#[path = "aggregator_tests.rs"]
mod tests;
