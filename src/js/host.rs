//! What native functions find behind a context: the VU they run in, its event loop, tags, group and network client.
//!
//! One `Host` per context, reached with [`host`]. Blocking calls go through [`Host::block`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use boa_engine::error::{EngineError, PanicError};
use boa_engine::{Context, JsError, JsResult};

use crate::metrics::tags::Tag;
use crate::metrics::{Extra, Sample, SampleBatch, SystemTag, Tags};
use crate::net;
use crate::options::Options;
use crate::vu::{Interrupter, ScenarioState, Ticket, TokenMeter};

use super::convert::error;
use super::event_loop::EventLoop;
use super::shared::Shared;

/// Which part of the script's life is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The module's top level.
    Init,
    /// `setup()`.
    Setup,
    /// An iteration.
    Vu,
    /// `teardown()`.
    Teardown,
    /// `handleSummary()`.
    Summary,
}

/// What samples carry: tags and metadata, of one moment.
#[derive(Clone, Default)]
pub(crate) struct Labels {
    pub(crate) tags: Tags,
    pub(crate) metadata: Option<Arc<[Tag]>>,
}

/// State behind one context.
pub(crate) struct Host {
    pub(crate) shared: Arc<Shared>,
    /// `vu.idInTest`; 0 for the context of init, setup, teardown and handleSummary.
    pub(crate) vu_id: u64,
    pub(crate) event_loop: Rc<EventLoop>,
    /// Runs this VU's I/O.
    pub(crate) lane: tokio::runtime::Handle,
    pub(crate) interrupter: Interrupter,
    pub(crate) phase: Cell<Phase>,
    /// Set before the first iteration or life-cycle function.
    pub(crate) client: RefCell<Option<Arc<net::Client>>>,
    pub(crate) scenario: RefCell<Option<Arc<ScenarioState>>>,
    pub(crate) ticket: Cell<Option<Ticket>>,
    /// `vu.iterationInInstance`, from 0.
    pub(crate) iteration: Cell<u64>,
    /// `vu.iterationInScenario`, from 0.
    pub(crate) iteration_in_scenario: RefCell<BTreeMap<String, u64>>,
    /// Group path: empty at the root, `::outer::inner` inside.
    pub(crate) group: RefCell<Arc<str>>,
    /// Tags of everything this VU emits now: options, scenario, group, and what the script added.
    pub(crate) tags: RefCell<Tags>,
    /// Tags the script set through `exec.vu.metrics.tags`.
    pub(crate) user_tags: RefCell<BTreeMap<String, String>>,
    /// Metadata the script set through `exec.vu.metrics.metadata`.
    pub(crate) user_metadata: RefCell<BTreeMap<String, String>>,
    pub(crate) metadata: RefCell<Option<Arc<[Tag]>>>,
    pub(crate) random: RefCell<rand_chacha::ChaCha8Rng>,
    /// Bytes of strings and buffers handed to the script since the last collection; the GC does not count them.
    pub(crate) foreign_bytes: Cell<usize>,
    /// Arrays being joined now, one inside the other.
    pub(crate) join_depth: Cell<u32>,
    pub(crate) started: Cell<Instant>,
    /// Whether the iteration has made a model call.
    pub(crate) called: Cell<bool>,
}

/// The handle kept in the context.
struct HostData(Rc<Host>);

/// Ties a host to its context.
pub(crate) fn install(host: Rc<Host>, context: &mut Context) {
    context.insert_data(HostData(host));
}

/// The host of this context.
pub(crate) fn host(context: &Context) -> Rc<Host> {
    Rc::clone(&context.get_data::<HostData>().expect("every context has a host").0)
}

/// Text of the uncatchable error an interrupted VU unwinds with.
const INTERRUPTED: &str = "interrupted";

/// An error the script cannot catch: the iteration ends here.
pub(crate) fn interrupted() -> JsError {
    JsError::from(EngineError::from(PanicError::new(INTERRUPTED)))
}

/// Whether an error came from [`interrupted`].
pub(crate) fn is_interrupted(error: &JsError) -> bool {
    matches!(error.as_engine(), Some(EngineError::Panic(p)) if p.message() == INTERRUPTED)
}

impl Host {
    /// The merged options.
    pub(crate) fn options(&self) -> &Arc<Options> {
        self.shared.options()
    }

    /// An error unless the script runs in an iteration, setup or teardown.
    pub(crate) fn not_in_init(&self, what: &str) -> JsResult<()> {
        if self.phase.get() == Phase::Init {
            return Err(error(format!(
                "{what} is not supported in the init context; call it in the default function, setup() or teardown()"
            )));
        }
        Ok(())
    }

    /// The network client; made on first use.
    pub(crate) fn client(&self) -> JsResult<Arc<net::Client>> {
        let mut client = self.client.borrow_mut();
        if let Some(client) = client.as_ref() {
            return Ok(Arc::clone(client));
        }
        let Some(shared) = self.shared.net.get() else {
            return Err(error("the network cannot be used in the init context"));
        };
        let made = Arc::new(net::Client::for_vu(Arc::clone(shared), self.vu_id));
        *client = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Runs a future on the shared runtime and parks this thread until it is done.
    ///
    /// # Errors
    /// The uncatchable interruption when the VU is interrupted meanwhile; the future is dropped then.
    pub(crate) fn block<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> JsResult<T> {
        if self.interrupter.is_interrupted() {
            return Err(interrupted());
        }
        // Not crossbeam's channel: its receiver yields the core for some microseconds before it parks, which 1,000 waiting VUs
        // pay for with CPU time that the network needs.
        let (tx, rx) = tokio::sync::oneshot::channel();
        let interrupter = self.interrupter.clone();
        // Boxed once: the state of a request is kilobytes, and a task is moved several times before it runs.
        let mut future = Box::pin(future);
        self.lane.spawn(async move {
            let mut interrupted = pin!(interrupter.wait());
            let mut waits = false;
            let result = poll_fn(|cx| {
                if let Poll::Ready(result) = future.as_mut().poll(cx) {
                    return Poll::Ready(Some(result));
                }
                // A task's waker stays the same: registered once, an interrupt wakes it. Asking again takes a lock per event.
                if waits && !interrupter.is_interrupted() {
                    return Poll::Pending;
                }
                waits = true;
                interrupted.as_mut().poll(cx).map(|()| None)
            })
            .await;
            let _ = tx.send(result);
        });
        match rx.blocking_recv() {
            Ok(Some(result)) => Ok(result),
            Ok(None) => Err(interrupted()),
            // The task was dropped: it panicked, or the runtime is shutting down.
            Err(_) => Err(interrupted()),
        }
    }

    /// The next message of a task on the shared runtime; None when the task is done. Parks this thread meanwhile.
    ///
    /// # Errors
    /// The uncatchable interruption.
    pub(crate) fn receive<T: Send>(&self, rx: &mut tokio::sync::mpsc::Receiver<T>) -> JsResult<Option<T>> {
        // A sender that is always ahead must not keep an interrupted VU going.
        if self.interrupter.is_interrupted() {
            return Err(interrupted());
        }
        if let Ok(message) = rx.try_recv() {
            return Ok(Some(message));
        }
        self.lane.block_on(async {
            tokio::select! {
                biased;
                message = rx.recv() => Ok(message),
                () = self.interrupter.wait() => Err(interrupted()),
            }
        })
    }

    /// As [`Host::receive`], at most until `deadline`: None then.
    ///
    /// # Errors
    /// The uncatchable interruption.
    pub(crate) fn receive_until<T: Send>(
        &self,
        rx: &mut tokio::sync::mpsc::Receiver<T>,
        deadline: Option<Instant>,
    ) -> JsResult<Option<Option<T>>> {
        let Some(deadline) = deadline else { return self.receive(rx).map(Some) };
        if Instant::now() >= deadline {
            return if self.interrupter.is_interrupted() { Err(interrupted()) } else { Ok(None) };
        }
        self.lane.block_on(async {
            tokio::select! {
                biased;
                message = rx.recv() => Ok(Some(message)),
                () = self.interrupter.wait() => Err(interrupted()),
                () = tokio::time::sleep_until(deadline.into()) => Ok(None),
            }
        })
    }

    /// The answer of a task on the shared runtime; None when the task is gone. Parks this thread meanwhile.
    ///
    /// # Errors
    /// The uncatchable interruption.
    pub(crate) fn answer<T: Send>(&self, mut rx: tokio::sync::oneshot::Receiver<T>) -> JsResult<Option<T>> {
        if let Ok(answer) = rx.try_recv() {
            return Ok(Some(answer));
        }
        self.lane.block_on(async {
            tokio::select! {
                biased;
                answer = rx => Ok(answer.ok()),
                () = self.interrupter.wait() => Err(interrupted()),
            }
        })
    }

    /// When the executor meant the model call to start that begins now; None without a schedule. The first call of an iteration was
    /// meant to start with it. Later ones follow from the script, and were meant to start earlier by as much as the iteration is late.
    pub(crate) fn intended_call(&self) -> Option<Instant> {
        let intended = self.ticket.get()?.intended?;
        if !self.called.replace(true) {
            return Some(intended);
        }
        let late = self.started.get().saturating_duration_since(intended);
        Instant::now().checked_sub(late)
    }

    /// The meter of the scenario's tokens and the number of this iteration there; None for executors that hold no token rate.
    pub(crate) fn token_meter(&self) -> Option<(Arc<TokenMeter>, u64)> {
        let scenario = self.scenario.borrow();
        Some((Arc::clone(scenario.as_ref()?.tokens.get()?), self.ticket.get()?.in_instance))
    }

    /// Sleeps, at most until the VU is interrupted.
    pub(crate) fn sleep(&self, time: Duration) -> JsResult<()> {
        if let Some(dry) = self.shared.dry_run.get() {
            dry.paused(self.scenario.borrow().as_ref().map(|s| &*s.name), time);
            return if self.interrupter.is_interrupted() { Err(interrupted()) } else { Ok(()) };
        }
        if self.event_loop.sleep(time) || self.interrupter.is_interrupted() { Err(interrupted()) } else { Ok(()) }
    }

    /// Whether a system tag is on.
    pub(crate) fn has(&self, tag: SystemTag) -> bool {
        self.options().system_tags.has(tag)
    }

    /// Hands a batch to the metrics, and shows it to the executor where it goes by what calls are like.
    pub(crate) fn send(&self, batch: SampleBatch) {
        if let Some(meter) = self.scenario.borrow().as_ref().and_then(|scenario| scenario.replies.get())
            && let Some(ticket) = self.ticket.get()
        {
            meter.see(ticket.in_instance, &batch);
        }
        if let Some(meter) = self.scenario.borrow().as_ref().and_then(|scenario| scenario.steps.get()) {
            meter.see(&batch);
        }
        self.shared.bus.emit(batch);
    }

    /// Sends a batch with the VU's tags, or with `tags`.
    pub(crate) fn emit(&self, at: Instant, tags: Option<Tags>, samples: Vec<Sample>, extra: Extra) {
        self.send(SampleBatch {
            time_ns: self.shared.state.clock.unix_ns(at),
            tags: tags.unwrap_or_else(|| self.tags.borrow().clone()),
            metadata: self.metadata.borrow().clone(),
            samples,
            extra,
        });
    }

    /// What the VU's samples carry now.
    pub(crate) fn labels(&self) -> Labels {
        Labels { tags: self.tags.borrow().clone(), metadata: self.metadata.borrow().clone() }
    }

    /// Emits samples that carry what was current at an earlier moment.
    pub(crate) fn emit_as(&self, at: Instant, labels: Labels, samples: Vec<Sample>) {
        self.emit_in(at, labels, samples, Extra::None);
    }

    /// As [`Host::emit_as`], with what the summary wants to know of them.
    pub(crate) fn emit_in(&self, at: Instant, labels: Labels, samples: Vec<Sample>, extra: Extra) {
        let time_ns = self.shared.state.clock.unix_ns(at);
        let Labels { tags, metadata } = labels;
        self.send(SampleBatch { time_ns, tags, metadata, samples, extra });
    }

    /// Recomputes the VU's tags; called when scenario, group or user tags change.
    pub(crate) fn refresh_tags(&self, scenario_tags: Option<&BTreeMap<String, String>>) {
        let Some(options) = self.shared.options.get() else { return };
        let mut pairs: BTreeMap<String, String> = options.tags.clone();
        if let Some(tags) = scenario_tags {
            pairs.extend(tags.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        if let Some(scenario) = self.scenario.borrow().as_ref()
            && options.system_tags.has(SystemTag::Scenario)
        {
            pairs.insert("scenario".to_owned(), scenario.name.to_string());
        }
        if options.system_tags.has(SystemTag::Group) {
            pairs.insert("group".to_owned(), self.group.borrow().to_string());
        }
        pairs.extend(self.user_tags.borrow().iter().map(|(k, v)| (k.clone(), v.clone())));
        *self.tags.borrow_mut() = Tags::from_pairs(pairs);
    }

    /// Recomputes the metadata (`vu`, `iter` when on, and what the script set).
    pub(crate) fn refresh_metadata(&self) {
        let Some(options) = self.shared.options.get() else { return };
        let mut pairs: BTreeMap<String, String> = BTreeMap::new();
        if options.system_tags.has(SystemTag::Vu) {
            pairs.insert("vu".to_owned(), self.vu_id.to_string());
        }
        if options.system_tags.has(SystemTag::Iter) {
            pairs.insert("iter".to_owned(), self.iteration.get().to_string());
        }
        pairs.extend(self.user_metadata.borrow().iter().map(|(k, v)| (k.clone(), v.clone())));
        *self.metadata.borrow_mut() =
            if pairs.is_empty() { None } else { Some(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect()) };
    }

    /// Enters or leaves a group: only the `group` tag changes.
    pub(crate) fn set_group(&self, path: Arc<str>) {
        if self.shared.options.get().is_some_and(|o| o.system_tags.has(SystemTag::Group)) {
            let tags = self.tags.borrow().with([(Arc::<str>::from("group"), Arc::clone(&path))]);
            *self.tags.borrow_mut() = tags;
        }
        *self.group.borrow_mut() = path;
    }

    /// Counts bytes the garbage collector does not see.
    pub(crate) fn count_bytes(&self, bytes: usize) {
        self.foreign_bytes.set(self.foreign_bytes.get().saturating_add(bytes));
    }
}
