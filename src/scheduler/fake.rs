//! A runner and VUs without a script, for the tests of executors and scheduler: an iteration is a wait on tokio's clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::executor::wait::{Wait, now};
use crate::metrics::{Builtin, BusReceiver, BusSender, Registry, SampleBatch, bus};
use crate::options::{self, ExecutorConfig, Layers, Options, Scenario};
use crate::stop::StopSignal;
use crate::vu::{
    Activation, ActivationEnd, BoxFuture, Interrupter, IterationEnd, IterationOutcome, IterationSource, RunState,
    Runner, Ticket, Vu,
};

use super::{Run, RunOutcome, Scheduler};

/// What an iteration does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Lasts that long, and can be interrupted.
    Sleep(Duration),
    /// Never ends, and cannot be interrupted.
    Hang,
    /// Takes the VU's thread with it.
    Die,
}

/// One iteration as a VU saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) vu: u64,
    pub(super) ticket: Ticket,
    pub(super) start: Instant,
    pub(super) end: IterationEnd,
}

type Script = dyn Fn(u64, Ticket) -> Act + Send + Sync;

/// Tokens of the one call of an iteration; 0 = the call fails.
type Tokens = dyn Fn(Ticket) -> u64 + Send + Sync;

/// A runner whose script is a closure.
pub(super) struct FakeRunner {
    pub(super) script: Box<Script>,
    /// Set: every iteration makes a call, and its tokens are told to the meter of the scenario.
    pub(super) tokens: Option<Box<Tokens>>,
    pub(super) init: Duration,
    pub(super) fail_init_of: Option<u64>,
    pub(super) setup: Mutex<Result<(), Error>>,
    pub(super) calls: Mutex<Vec<&'static str>>,
    pub(super) seen: Arc<Mutex<Vec<Seen>>>,
    pub(super) run: Arc<RunState>,
    pub(super) ids: AtomicU64,
}

impl Runner for Arc<FakeRunner> {
    fn init_vu(&self, id: u64) -> BoxFuture<'static, Result<Box<dyn Vu>, Error>> {
        let runner = Arc::clone(self);
        Box::pin(async move {
            tokio::time::sleep(runner.init).await;
            if runner.fail_init_of == Some(id) {
                return Err(Error::script("init failed"));
            }
            runner.ids.fetch_max(id, Ordering::Relaxed);
            Ok(Box::new(FakeVu { id, runner, interrupter: Interrupter::default() }) as Box<dyn Vu>)
        })
    }

    fn setup(&self) -> BoxFuture<'static, Result<(), Error>> {
        self.calls.lock().unwrap().push("setup");
        let result = self.setup.lock().unwrap().clone();
        Box::pin(std::future::ready(result))
    }

    fn teardown(&self) -> BoxFuture<'static, Result<(), Error>> {
        self.calls.lock().unwrap().push("teardown");
        Box::pin(std::future::ready(Ok(())))
    }
}

struct FakeVu {
    id: u64,
    runner: Arc<FakeRunner>,
    interrupter: Interrupter,
}

impl Vu for FakeVu {
    fn id(&self) -> u64 {
        self.id
    }

    fn activate(
        &mut self,
        activation: Arc<Activation>,
        source: Arc<dyn IterationSource>,
    ) -> BoxFuture<'static, ActivationEnd> {
        let (id, runner, interrupter) = (self.id, Arc::clone(&self.runner), self.interrupter.clone());
        interrupter.reset();
        Box::pin(async move {
            loop {
                let ticket = tokio::select! {
                    ticket = source.next() => ticket,
                    () = interrupter.wait() => None,
                };
                let Some(ticket) = ticket else { return ActivationEnd::Idle };
                let start = now();
                let meter = activation.scenario.tokens.get();
                let call = runner.tokens.as_ref().zip(meter).map(|(tokens, meter)| (tokens(ticket), meter));
                if let Some((_, meter)) = call {
                    meter.call_begins(ticket.in_instance, Some("chat"));
                }
                let end = match (runner.script)(id, ticket) {
                    Act::Sleep(time) => tokio::select! {
                        () = tokio::time::sleep(time) => IterationEnd::Completed,
                        () = interrupter.wait() => IterationEnd::Interrupted,
                    },
                    Act::Hang => std::future::pending().await,
                    Act::Die => return ActivationEnd::Lost,
                };
                if let Some((tokens, meter)) = call.filter(|_| end == IterationEnd::Completed) {
                    meter.call_ends(ticket.in_instance, tokens / 3, tokens - tokens / 3);
                }
                if let Some(meter) = activation.scenario.steps.get().filter(|_| end == IterationEnd::Completed) {
                    let samples = vec![Builtin::IterationDuration.sample(crate::clock::millis(now() - start))];
                    meter.see(&SampleBatch {
                        time_ns: runner.run.clock.unix_ns(now()),
                        samples,
                        ..SampleBatch::default()
                    });
                }
                let counter = match end {
                    IterationEnd::Interrupted => &runner.run.iterations_interrupted,
                    _ => &runner.run.iterations_completed,
                };
                counter.fetch_add(1, Ordering::Relaxed);
                runner.seen.lock().unwrap().push(Seen { vu: id, ticket, start, end });
                source.done(&IterationOutcome { ticket, duration: now() - start, end });
                if end == IterationEnd::Interrupted {
                    return ActivationEnd::Idle;
                }
            }
        })
    }

    fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }
}

/// A scenario with k6's defaults.
pub(super) fn scenario(name: &str, executor: ExecutorConfig) -> Scenario {
    Scenario {
        budget: None,
        name: name.to_owned(),
        exec: "default".to_owned(),
        start_time: Duration::ZERO,
        graceful_stop: Duration::from_secs(30),
        env: BTreeMap::new(),
        tags: BTreeMap::new(),
        executor,
    }
}

/// A run with fakes around it.
pub(super) struct Bench {
    pub(super) runner: Arc<FakeRunner>,
    pub(super) options: Options,
    pub(super) stop: StopSignal,
    pub(super) state: Arc<RunState>,
    pub(super) bus: (BusSender, BusReceiver),
}

impl Bench {
    /// A run of these scenarios, whose iterations do what the closure says.
    pub(super) fn new(scenarios: Vec<Scenario>, script: impl Fn(u64, Ticket) -> Act + Send + Sync + 'static) -> Self {
        let (mut options, _) = options::build(Layers::default()).unwrap();
        options.scenarios = scenarios;
        let state = Arc::new(RunState::new(crate::clock::RunClock::start()));
        let runner = FakeRunner {
            script: Box::new(script),
            tokens: None,
            init: Duration::from_millis(3),
            fail_init_of: None,
            setup: Mutex::new(Ok(())),
            calls: Mutex::default(),
            seen: Arc::default(),
            run: Arc::clone(&state),
            ids: AtomicU64::new(0),
        };
        Self { runner: Arc::new(runner), options, stop: StopSignal::new(), state, bus: bus() }
    }

    /// Changes the runner before the run.
    pub(super) fn tune(mut self, change: impl FnOnce(&mut FakeRunner)) -> Self {
        change(Arc::get_mut(&mut self.runner).expect("before the run"));
        self
    }

    /// The scheduler of this run.
    pub(super) fn scheduler(&self) -> Scheduler {
        Scheduler::new(Run {
            options: Arc::new(self.options.clone()),
            runner: Arc::new(Arc::clone(&self.runner)),
            registry: Arc::new(Registry::new()),
            bus: self.bus.0.clone(),
            state: Arc::clone(&self.state),
            stop: self.stop.clone(),
            seed: None,
        })
    }

    /// Runs on tokio's clock.
    pub(super) async fn go(&self) -> RunOutcome {
        self.scheduler().with_wait(Wait::Tokio).run().await
    }

    /// The iterations so far, in order of start.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let mut seen = self.runner.seen.lock().unwrap().clone();
        seen.sort_by_key(|s| (s.start, s.ticket.number));
        seen
    }

    /// Starts of iterations in milliseconds after the start of the run.
    pub(super) fn starts_ms(&self) -> Vec<u128> {
        let origin = *self.state.started.get().expect("the run started");
        self.seen().iter().map(|s| (s.start - origin).as_millis()).collect()
    }

    /// All samples of a metric so far, taken off the bus.
    pub(super) fn samples(&self, metric: Builtin) -> Vec<f64> {
        let batches: Vec<_> = self.bus.1.rx.try_iter().collect();
        batches.iter().flat_map(|b| &b.samples).filter(|s| s.metric == metric.id()).map(|s| s.value).collect()
    }
}
