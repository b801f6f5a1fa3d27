//! The script as a [`Runner`]: makes VUs, and runs init, `setup()`, `teardown()` and `handleSummary()` in a context of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use boa_engine::{Context, JsResult, JsValue};
use crossbeam_channel::{Receiver, Sender, bounded};
use serde_json::Value;
use tokio::sync::oneshot;

use super::convert::{to_json, to_strict_json};
use super::engine::{Engine, stack_bytes};
use super::host::{Phase, is_interrupted};
use super::json_parse;
use super::json_stringify::stringify;
use super::script_vu;
use super::shared::Shared;
use crate::error::{Error, ExitCode};
use crate::vu::{BoxFuture, Interrupter, Runner, Vu};

/// How long an interrupted life-cycle function may take to end before its thread is left behind.
const GRACE: Duration = Duration::from_secs(1);

/// What the init context tells about the script.
#[derive(Clone, Debug)]
pub struct ScriptInfo {
    /// `export const options`, as JSON; null when absent.
    pub options: Value,
    /// Names of exported functions.
    pub functions: Vec<String>,
}

/// Files (or `stdout`, `stderr`) that `handleSummary` asks for.
pub(crate) type SummaryFiles = Vec<(String, Vec<u8>)>;

enum Command {
    Setup(oneshot::Sender<Result<(), Error>>),
    Teardown(oneshot::Sender<Result<(), Error>>),
    Summary(Box<Value>, oneshot::Sender<Result<Option<SummaryFiles>, Error>>),
}

/// Makes VUs of one script.
pub struct ScriptRunner {
    shared: Arc<Shared>,
    main: Sender<Command>,
    interrupter: Interrupter,
    /// Whether the script has a `handleSummary`.
    has_summary: bool,
    /// Set when a life-cycle function did not react to its interrupt: its thread can serve nothing any more.
    stuck: Arc<AtomicBool>,
}

impl ScriptRunner {
    /// Runs the init context and keeps it for the life-cycle functions.
    ///
    /// # Errors
    /// What the script's top level threw (107). An init that never ends is waited for: there is no limit on it, as in k6.
    pub fn start(shared: Arc<Shared>) -> Result<(Self, ScriptInfo), Error> {
        let (tx, rx) = bounded(1);
        let (info_tx, info_rx) = bounded(1);
        let interrupter = Interrupter::default();
        let (thread_shared, thread_interrupter) = (Arc::clone(&shared), interrupter.clone());
        std::thread::Builder::new()
            .name("script".to_owned())
            .stack_size(stack_bytes(&shared.script))
            .spawn(move || {
                match Engine::new(&thread_shared, 0, thread_interrupter) {
                    Ok(mut engine) => {
                        let info = inspect(&mut engine);
                        let ok = info.is_ok();
                        let _ = info_tx.send(info);
                        if ok {
                            serve(engine, &rx);
                        }
                    }
                    Err(error) => {
                        let _ = info_tx.send(Err(error));
                    }
                };
            })
            .map_err(|e| Error::new(ExitCode::Panic, format!("cannot start the script's thread: {e}")))?;
        let info = loop {
            match info_rx.recv_timeout(Duration::from_millis(50)) {
                Ok(info) => break info?,
                Err(crossbeam_channel::RecvTimeoutError::Timeout) => {
                    if let Some(reason) = shared.stop.reason() {
                        interrupter.interrupt();
                        if let Ok(info) = info_rx.recv_timeout(GRACE) {
                            break info?;
                        }
                        return Err(stopped(&reason, "the init context"));
                    }
                }
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => {
                    return Err(Error::new(
                        ExitCode::Panic,
                        "the script's thread failed while it ran the init context",
                    ));
                }
            }
        };
        let has_summary = info.functions.iter().any(|f| f == "handleSummary");
        Ok((Self { shared, main: tx, interrupter, has_summary, stuck: Arc::default() }, info))
    }

    /// Runs `handleSummary(data)`. None when the script has none, or it returned nothing.
    ///
    /// # Errors
    /// What it threw, or that it took longer than `handleSummaryTimeout`.
    pub(crate) async fn handle_summary(&self, data: Value) -> Result<Option<SummaryFiles>, Error> {
        if !self.has_summary {
            return Ok(None);
        }
        if self.stuck.load(Ordering::SeqCst) {
            return Err(Error::new(ExitCode::GenericTimeout, "the script still hangs in an earlier step"));
        }
        let (tx, rx) = oneshot::channel();
        let limit = self.shared.options().handle_summary_timeout;
        self.interrupter.reset();
        self.send(Command::Summary(Box::new(data), tx))?;
        let stop = &self.shared.stop;
        let fresh = !stop.is_tripped();
        let waited = tokio::select! {
            answer = tokio::time::timeout(limit, rx) => answer,
            // The run is over, so only a signal that comes now is meant for this function.
            reason = stop.wait(), if fresh => {
                self.interrupter.interrupt();
                return Err(stopped(&reason, "handleSummary()"));
            }
        };
        match waited {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::new(ExitCode::Panic, "the script's thread failed in handleSummary()")),
            Err(_) => {
                self.interrupter.interrupt();
                Err(Error::new(ExitCode::GenericTimeout, format!("handleSummary() took longer than {limit:?}"))
                    .with_hint("raise the option handleSummaryTimeout"))
            }
        }
    }

    fn send(&self, command: Command) -> Result<(), Error> {
        self.main.try_send(command).map_err(|_| {
            Error::new(ExitCode::Panic, "the script's own thread is gone or still busy with an earlier step")
        })
    }

    fn life_cycle(
        &self,
        name: &'static str,
        timeout: ExitCode,
        limit: Duration,
        heed_stop: bool,
        command: impl FnOnce(oneshot::Sender<Result<(), Error>>) -> Command,
    ) -> BoxFuture<'static, Result<(), Error>> {
        let (tx, rx) = oneshot::channel();
        let sent = self.send(command(tx));
        let (interrupter, stop) = (self.interrupter.clone(), self.shared.stop.clone());
        let stuck = Arc::clone(&self.stuck);
        Box::pin(async move {
            sent?;
            let mut rx = rx;
            let gone = || Error::new(ExitCode::Panic, format!("the script's thread failed in {name}()"));
            tokio::select! {
                result = &mut rx => result.unwrap_or_else(|_| Err(gone())),
                () = tokio::time::sleep(limit) => {
                    interrupter.interrupt();
                    stuck.store(tokio::time::timeout(GRACE, &mut rx).await.is_err(), Ordering::SeqCst);
                    Err(Error::new(timeout, format!("{name}() took longer than {limit:?}"))
                        .with_hint(format!("raise the option {name}Timeout")))
                }
                reason = stop.wait(), if heed_stop => {
                    interrupter.interrupt();
                    stuck.store(tokio::time::timeout(GRACE, &mut rx).await.is_err(), Ordering::SeqCst);
                    Err(stopped(&reason, &format!("{name}()")))
                }
            }
        })
    }
}

pub(super) fn stopped(reason: &crate::stop::StopReason, place: &str) -> Error {
    use crate::stop::StopReason;
    let (code, what) = match reason {
        StopReason::StoppedByApi => (ExitCode::StoppedByApi, "stopped through the REST API".to_owned()),
        StopReason::Interrupted => (ExitCode::ExternalAbort, "interrupted by a signal".to_owned()),
        StopReason::ScriptAborted(m) => (ExitCode::ScriptAborted, format!("test aborted: {m}")),
        StopReason::Threshold(m) => (ExitCode::ThresholdsFailed, format!("threshold crossed: {m}")),
        StopReason::Budget(m) => (ExitCode::ThresholdsFailed, format!("the budget is used up: {m}")),
        StopReason::Fatal(code, m) => (ExitCode::of(*code), m.clone()),
    };
    Error::new(code, format!("{what} (in {place})"))
}

/// `options` and the exported functions.
fn inspect(engine: &mut Engine) -> Result<ScriptInfo, Error> {
    let options = match engine.export("options") {
        Some(value) => options_json(&value, &mut engine.context).map_err(|e| {
            let text = engine.describe(&e).full();
            Error::config(format!("the exported options cannot be read: {text}"))
        })?,
        None => Value::Null,
    };
    Ok(ScriptInfo { options, functions: engine.exported_functions() })
}

/// Options as JSON. As in k6 a number that is none (`Number(__ENV.VUS)` without the variable) is not set; but a budget that is none
/// must not mean no budget, so there it stays visible.
fn options_json(value: &JsValue, context: &mut Context) -> JsResult<Value> {
    let mut json = to_json(value, context)?;
    let strict = to_strict_json(value, context)?;
    let copy = |json: &mut Value, strict: &Value| {
        if let (Some(json), Some(budget)) = (json.as_object_mut(), strict.get("budget")) {
            json.insert("budget".to_owned(), budget.clone());
        }
    };
    copy(&mut json, &strict);
    let scenarios = json.get_mut("scenarios").and_then(Value::as_object_mut);
    for (name, scenario) in scenarios.into_iter().flatten() {
        copy(scenario, &strict["scenarios"][name.as_str()]);
    }
    Ok(json)
}

/// The loop of the script's own thread.
fn serve(mut engine: Engine, commands: &Receiver<Command>) {
    while let Ok(command) = commands.recv() {
        match command {
            Command::Setup(reply) => {
                let _ = reply.send(setup(&mut engine));
            }
            Command::Teardown(reply) => {
                let _ = reply.send(teardown(&mut engine));
            }
            Command::Summary(data, reply) => {
                let _ = reply.send(summary(&mut engine, &data));
            }
        }
    }
}

/// Prepares the context for one life-cycle function.
fn enter(engine: &Engine, phase: Phase, group: &str) {
    engine.host.phase.set(phase);
    engine.host.refresh_tags(None);
    engine.host.refresh_metadata();
    engine.host.set_group(Arc::from(group));
}

fn failure(engine: &mut Engine, error: &boa_engine::JsError, name: &str) -> Error {
    if is_interrupted(error)
        && let Some(reason) = engine.host.shared.stop.reason()
    {
        return stopped(&reason, &format!("{name}()"));
    }
    Error::script(engine.describe(error).full())
}

/// Every VU gets a copy of what `setup()` returned, by way of JSON.
fn setup_data_failure(engine: &mut Engine, error: &boa_engine::JsError) -> Error {
    let failure = failure(engine, error, "setup");
    if failure.code() != ExitCode::ScriptException {
        return failure;
    }
    let hint = if failure.message().contains("circular") {
        "an object in it refers to itself or to one that holds it; return only what the VUs need"
    } else if failure.message().contains("BigInt") {
        "JSON has no BigInt: return Number(n) or String(n)"
    } else {
        "return only plain data: objects, arrays, strings, numbers, true, false, null"
    };
    Error::script(format!("what setup() returned cannot be handed to the VUs as JSON: {}", failure.message()))
        .with_hint(hint)
}

fn setup(engine: &mut Engine) -> Result<(), Error> {
    enter(engine, Phase::Setup, "::setup");
    let data = match engine.function("setup") {
        None => None,
        Some(function) => {
            let value = engine.call(&function, &[]).map_err(|e| failure(engine, &e, "setup"))?;
            let undefined = boa_engine::JsValue::undefined();
            let text = stringify(&value, &undefined, &undefined, &mut engine.context)
                .map_err(|e| setup_data_failure(engine, &e))?;
            if text.is_none() && !value.is_undefined() {
                tracing::warn!(
                    "setup() returned a {}, which cannot be handed to the VUs as JSON: they get undefined",
                    value.type_of()
                );
            }
            text
        }
    };
    script_vu::emit_data(&engine.host);
    engine.host.shared.setup_data.set(data.map(Arc::from));
    Ok(())
}

fn teardown(engine: &mut Engine) -> Result<(), Error> {
    let Some(function) = engine.function("teardown") else { return Ok(()) };
    // What an interrupted setup() left behind must not run now.
    engine.host.interrupter.reset();
    engine.host.event_loop.reset();
    enter(engine, Phase::Teardown, "::teardown");
    let data = script_vu::setup_data(engine).map_err(|e| failure(engine, &e, "teardown"))?;
    let result = engine.call(&function, &[data]).map_err(|e| failure(engine, &e, "teardown"));
    script_vu::emit_data(&engine.host);
    result.map(|_| ())
}

fn summary(engine: &mut Engine, data: &Value) -> Result<Option<SummaryFiles>, Error> {
    let Some(function) = engine.function("handleSummary") else { return Ok(None) };
    engine.host.event_loop.reset();
    enter(engine, Phase::Summary, "");
    let argument = json_parse::parse_utf8(&data.to_string(), &mut engine.context)
        .map_err(|e| failure(engine, &e, "handleSummary"))?;
    let value = engine.call(&function, &[argument]).map_err(|e| failure(engine, &e, "handleSummary"))?;
    let Some(object) = value.as_object() else {
        if !value.is_null_or_undefined() {
            tracing::error!(
                "handleSummary() should return an object of texts by file name, such as {{ stdout: text }}, not a {}; \
                 the usual summary is printed",
                value.type_of()
            );
        }
        return Ok(None);
    };
    let entries =
        super::convert::entries(&object, &mut engine.context).map_err(|e| failure(engine, &e, "handleSummary"))?;
    let mut files = SummaryFiles::new();
    for (name, content) in entries {
        // One bad entry must not cost the others.
        let what = format!("handleSummary's entry '{name}'");
        match super::convert::string_or_bytes(&content, &what, &mut engine.context) {
            Ok(bytes) => files.push((name, bytes)),
            Err(e) if is_interrupted(&e) => return Err(failure(engine, &e, "handleSummary")),
            Err(e) => tracing::error!("{}; it is left out", engine.describe(&e).header),
        }
    }
    Ok(Some(files))
}

impl Runner for ScriptRunner {
    fn init_vu(&self, id: u64) -> BoxFuture<'static, Result<Box<dyn Vu>, Error>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { script_vu::start(shared, id).await })
    }

    fn setup(&self) -> BoxFuture<'static, Result<(), Error>> {
        let limit = self.shared.options().setup_timeout;
        self.life_cycle("setup", ExitCode::SetupTimeout, limit, true, Command::Setup)
    }

    fn teardown(&self) -> BoxFuture<'static, Result<(), Error>> {
        let limit = self.shared.options().teardown_timeout;
        self.life_cycle("teardown", ExitCode::TeardownTimeout, limit, false, Command::Teardown)
    }
}
