//! One VU: a thread with a context that runs iterations until its source gives none.
//!
//! Emits the metrics of an iteration and counts it; when iterations start is the executor's business.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

use boa_engine::{JsObject, JsResult, JsString, JsValue, js_string};
use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;

use super::engine::{Engine, stack_bytes};
use super::host::{Host, Phase, is_interrupted};
use super::shared::Shared;
use super::{convert, json_parse};
use crate::clock::{millis, millis_between};
use crate::error::{Error, ExitCode};
use crate::metrics::{Builtin, Extra};
use crate::stop::StopReason;
use crate::vu::{
    Activation, ActivationEnd, BoxFuture, Interrupter, IterationEnd, IterationOutcome, IterationSource, Ticket, Vu,
};

struct Job {
    activation: Arc<Activation>,
    source: Arc<dyn IterationSource>,
    done: oneshot::Sender<()>,
}

/// The handle on a VU's thread. Dropping it ends the thread once it is idle.
struct ScriptVu {
    id: u64,
    jobs: Sender<Job>,
    interrupter: Interrupter,
}

impl Vu for ScriptVu {
    fn id(&self) -> u64 {
        self.id
    }

    fn activate(
        &mut self,
        activation: Arc<Activation>,
        source: Arc<dyn IterationSource>,
    ) -> BoxFuture<'static, ActivationEnd> {
        let (done, ended) = oneshot::channel();
        // Cleared here, not on the VU's thread: an interrupt sent right after must not be lost.
        self.interrupter.reset();
        let sent = self.jobs.try_send(Job { activation, source, done }).is_ok();
        Box::pin(async move { if sent && ended.await.is_ok() { ActivationEnd::Idle } else { ActivationEnd::Lost } })
    }

    fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }
}

/// Starts the thread of a VU and runs the init code on it.
pub(crate) async fn start(shared: Arc<Shared>, id: u64) -> Result<Box<dyn Vu>, Error> {
    let (jobs, rx) = bounded(1);
    let (ready_tx, ready) = oneshot::channel();
    let interrupter = Interrupter::default();
    let thread_interrupter = interrupter.clone();
    std::thread::Builder::new()
        .name(format!("vu-{id}"))
        .stack_size(stack_bytes(&shared.script))
        .spawn(move || match Engine::new(&shared, id, thread_interrupter) {
            Ok(engine) => {
                if ready_tx.send(Ok(())).is_ok() {
                    serve(engine, &rx);
                }
            }
            Err(error) => {
                let _ = ready_tx.send(Err(error));
            }
        })
        .map_err(|e| {
            Error::config(format!("cannot start the thread of VU {id}: {e}"))
                .with_hint("the system limits threads or memory: use fewer VUs, or raise `ulimit -u`")
        })?;
    match ready.await {
        Ok(Ok(())) => Ok(Box::new(ScriptVu { id, jobs, interrupter })),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Error::new(ExitCode::Panic, format!("the thread of VU {id} failed while it ran the init code"))),
    }
}

/// The loop of a VU's thread.
fn serve(mut engine: Engine, jobs: &Receiver<Job>) {
    let waker = Arc::new(ThreadWaker(std::thread::current()));
    let mut scenario_state: BTreeMap<String, Scenario> = BTreeMap::new();
    while let Ok(job) = jobs.recv() {
        let run = AssertUnwindSafe(|| activation(&mut engine, &job, &waker, &mut scenario_state));
        if let Err(panic) = catch_unwind(run) {
            let what = panic
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            tracing::error!("VU {} failed inside the engine and is lost: {what}", engine.host.vu_id);
            engine.host.shared.stop.trip(StopReason::Fatal(
                ExitCode::Panic as u8,
                format!("VU {} failed inside the engine: {what}", engine.host.vu_id),
            ));
            // The context may be in any state: it is not torn down.
            std::mem::forget(engine);
            return;
        }
        let _ = job.done.send(());
    }
}

/// What a VU keeps per scenario.
struct Scenario {
    function: JsObject,
    env: JsObject,
}

fn activation(engine: &mut Engine, job: &Job, waker: &Arc<ThreadWaker>, scenarios: &mut BTreeMap<String, Scenario>) {
    let activation = &job.activation;
    let host = std::rc::Rc::clone(&engine.host);
    host.phase.set(Phase::Vu);
    host.event_loop.reset();
    *host.scenario.borrow_mut() = Some(Arc::clone(&activation.scenario));
    *host.group.borrow_mut() = Arc::from("");
    host.refresh_tags(Some(&activation.tags));
    let name = activation.scenario.name.to_string();
    if !scenarios.contains_key(&name) {
        match prepare(engine, activation) {
            Some(scenario) => {
                scenarios.insert(name.clone(), scenario);
            }
            None => {
                // Validated before the run; only a script that changes its exports between VUs gets here.
                host.shared.stop.trip(StopReason::Fatal(
                    ExitCode::ScriptException as u8,
                    format!("function '{}' is not exported by the script", activation.exec),
                ));
                return;
            }
        }
    }
    let (function, env) = {
        let scenario = &scenarios[&name];
        (scenario.function.clone(), scenario.env.clone())
    };
    let global = engine.context.global_object();
    let _ = global.set(js_string!("__ENV"), env, false, &mut engine.context);
    let argument = match setup_data(engine) {
        Ok(data) => data,
        Err(error) => {
            let text = engine.describe(&error).stack();
            tracing::error!("the data of setup() cannot be read: {text}");
            JsValue::undefined()
        }
    };
    while !host.interrupter.is_interrupted() {
        let Some(ticket) = block_on(job.source.next(), waker) else { break };
        let outcome = iteration(engine, activation, &function, &argument, ticket);
        job.source.done(&outcome);
    }
    host.event_loop.reset();
}

fn prepare(engine: &mut Engine, activation: &Activation) -> Option<Scenario> {
    let function = engine.function(&activation.exec)?;
    let mut all = engine.host.shared.env.clone();
    all.extend(activation.env.iter().map(|(k, v)| (k.clone(), v.clone())));
    let env = JsObject::with_object_proto(engine.context.intrinsics());
    for (key, value) in &all {
        convert::define(&env, key, convert::string(value));
    }
    Some(Scenario { function, env })
}

/// What `setup()` returned, parsed anew for this context; undefined when there is nothing.
pub(crate) fn setup_data(engine: &mut Engine) -> JsResult<JsValue> {
    match engine.host.shared.setup_data.get() {
        Some(text) => json_parse::parse(&JsString::from(text.as_ref()), &mut engine.context),
        _ => Ok(JsValue::undefined()),
    }
}

fn iteration(
    engine: &mut Engine,
    activation: &Activation,
    function: &JsObject,
    argument: &JsValue,
    ticket: Ticket,
) -> IterationOutcome {
    let host = std::rc::Rc::clone(&engine.host);
    host.ticket.set(Some(ticket));
    if host.shared.options().system_tags.has(crate::metrics::SystemTag::Iter) {
        host.refresh_metadata();
    }
    let number = host.iteration.get();
    let global = engine.context.global_object();
    #[allow(clippy::cast_precision_loss)]
    let _ = global.set(js_string!("__ITER"), number as f64, false, &mut engine.context);

    let start = Instant::now();
    host.started.set(start);
    host.called.set(false);
    let result = engine.call(function, std::slice::from_ref(argument));
    let end = Instant::now();
    let duration = end - start;

    let end_kind = match &result {
        Err(e) if is_interrupted(e) || host.interrupter.is_interrupted() => IterationEnd::Interrupted,
        Ok(_) => IterationEnd::Completed,
        Err(error) => {
            let text = engine.describe(error).stack();
            tracing::error!(
                executor = activation.scenario.executor,
                scenario = &*activation.scenario.name,
                source = "stacktrace",
                "{text}"
            );
            host.shared.state.iterations_threw.fetch_add(1, Ordering::Relaxed);
            IterationEnd::Threw
        }
    };
    if !host.group.borrow().is_empty() {
        host.set_group(Arc::from(""));
    }
    let mut samples = Vec::with_capacity(5);
    if end_kind == IterationEnd::Interrupted {
        host.event_loop.reset();
        host.shared.state.iterations_interrupted.fetch_add(1, Ordering::Relaxed);
    } else {
        host.shared.state.iterations_completed.fetch_add(1, Ordering::Relaxed);
        samples.push(Builtin::IterationDuration.sample(millis(duration)));
        samples.push(Builtin::Iterations.sample(1.0));
        if let Some(intended) = ticket.intended {
            samples.push(Builtin::IterationStartDelay.sample(millis_between(intended, start)));
        }
    }
    push_data(&host, &mut samples);
    if !samples.is_empty() {
        host.emit(end, None, samples, Extra::None);
    }
    host.iteration.set(number + 1);
    *host.iteration_in_scenario.borrow_mut().entry(activation.scenario.name.to_string()).or_default() += 1;
    if !host.options().no_cookies_reset {
        super::modules::http::reset_cookies(&engine.context);
    }
    engine.collect_if_due();
    if let Some(client) = host.client.borrow().as_ref()
        && host.options().net.no_vu_connection_reuse
    {
        client.close_idle();
    }
    let least = host.options().min_iteration_duration;
    if end_kind != IterationEnd::Interrupted && duration < least {
        let _ = host.sleep(least - duration);
    }
    IterationOutcome { ticket, duration, end: end_kind }
}

/// Bytes moved since the last call.
fn push_data(host: &Host, samples: &mut Vec<crate::metrics::Sample>) {
    let (sent, received) = host.client.borrow().as_ref().map_or((0, 0), |c| c.bytes().take());
    #[allow(clippy::cast_precision_loss)]
    if host.client.borrow().is_some() {
        samples.push(Builtin::DataSent.sample(sent as f64));
        samples.push(Builtin::DataReceived.sample(received as f64));
    }
}

/// Emits the bytes moved by `setup()` or `teardown()`.
pub(crate) fn emit_data(host: &Host) {
    let mut samples = Vec::new();
    push_data(host, &mut samples);
    if !samples.is_empty() {
        host.emit(Instant::now(), None, samples, Extra::None);
    }
}

struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread; it is usually ready at once.
fn block_on<F: Future>(future: F, waker: &Arc<ThreadWaker>) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::clone(waker));
    let mut task = std::task::Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut task) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
