//! `inrush run`: loads a script, runs it, and reports.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::mock_flags::{EmbeddedKnobs, config};
use super::option_flags::OptionFlags;
use super::panics;
use super::preflight::Preflight;
use super::summary_out::{self, SummaryFlags};
use super::{GlobalFlags, report};
use crate::ai::spec::{ModelSpec, Target};
use crate::clock::RunClock;
use crate::error::{Error, ExitCode};
use crate::js::{self, ScriptRunner, Shared};
use crate::metrics::{Aggregator, AggregatorConfig, Registry, Summary, bus, threshold};
use crate::mock::{self, MockServer};
use crate::net;
use crate::options::{self, Layers, Options};
use crate::output::{self, OutputContext};
use crate::scheduler::memory;
use crate::scheduler::probe::Probe;
use crate::scheduler::{Run, RunOutcome, Scheduler};
use crate::script;
use crate::secrets::Secrets;
use crate::stop::{StopReason, StopSignal};
use crate::ui::{progress, terminal::Terminal};
use crate::vu::RunState;

/// Model name the embedded mock answers to when the user names none.
const MOCK_MODEL: &str = "gpt-4o-mini";

/// Lateness of the embedded mock's writes beyond which its run is no measurement.
const MOCK_LATENESS: Duration = Duration::from_millis(10);

/// Arguments of `inrush run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The script: a .js or .ts file, or - for standard input
    script: String,
    #[command(flatten)]
    options: OptionFlags,
    #[command(flatten)]
    summary: SummaryFlags,
    /// Sends samples somewhere while the test runs, e.g. json=out.json, csv=out.csv; may be repeated [env: K6_OUT=]
    #[arg(short = 'o', long = "out", value_name = "TYPE=ARG")]
    outputs: Vec<String>,
    /// A variable of __ENV; may be repeated
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Put the environment's variables into __ENV
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true",
          env = "K6_INCLUDE_SYSTEM_ENV_VARS", value_parser = clap::builder::BoolishValueParser::new())]
    include_system_env_vars: bool,
    /// A JSON file with options, below the script's own
    #[arg(short, long, value_name = "FILE", env = "K6_CONFIG")]
    config: Option<String>,
    /// Where k6/secrets gets secrets: file=PATH, mock=KEY=VALUE,... or url=urlTemplate=URL; may be repeated [env: K6_SECRET_SOURCE=]
    #[arg(long = "secret-source", value_name = "TYPE=CONFIG")]
    secret_sources: Vec<String>,
    /// Seed of everything random in the script, so that runs repeat
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// End the run when the process takes more memory, e.g. 4GB or 80% (default 85%)
    #[arg(long, value_name = "SIZE", env = "INRUSH_MAX_MEMORY", value_parser = memory::parse_limit)]
    max_memory: Option<memory::Limit>,
    /// Exit with 111 when the generator was the bottleneck, so that the figures are no measurement
    #[arg(long)]
    strict: bool,
    /// Take remote modules (https imports) from the cache only
    #[arg(long, env = "INRUSH_OFFLINE", value_parser = clap::builder::FalseyValueParser::new())]
    offline: bool,
    /// Accepted for k6's sake: inrush never sends usage reports
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_usage_report: Option<String>,
    /// Accepted for k6's sake: scripts always run with all language features
    #[arg(long, hide = true)]
    compatibility_mode: Option<String>,
    /// Start a mock LLM server in this process and point INRUSH_BASE_URL at it
    #[arg(long)]
    mock: bool,
    #[command(flatten)]
    knobs: EmbeddedKnobs,
}

impl RunArgs {
    /// Where the script's output goes, if not to the log. Logging starts before options are merged, so only the flag and
    /// the environment can say so.
    pub(super) fn console_output(&self) -> Option<String> {
        self.options
            .console_output
            .clone()
            .or_else(|| std::env::var("K6_CONSOLE_OUTPUT").ok().filter(|v| !v.is_empty()))
    }
}

/// Runs the test; returns the exit code.
pub(crate) fn run(args: RunArgs, global: &GlobalFlags, terminal: &Arc<Terminal>) -> Result<u8, Error> {
    let cwd = std::env::current_dir().map_err(|e| Error::usage(format!("cannot read the current folder: {e}")))?;
    let mut found = Preflight::default();
    let process_env = process_env();
    let mut env = environment(&args, &process_env, &mut found);
    let mut args = args;
    if let (true, Some(list)) = (args.outputs.is_empty(), process_env.get("K6_OUT")) {
        args.outputs = output::specs(list);
    }
    if let (true, Some(one)) = (args.secret_sources.is_empty(), process_env.get("K6_SECRET_SOURCE")) {
        args.secret_sources.extend(Some(one.clone()).filter(|one| !one.is_empty()));
    }
    let secrets = Secrets::open(&args.secret_sources, &process_env, &cwd).unwrap_or_else(|problems| {
        problems.into_iter().for_each(|problem| found.note(problem));
        Secrets::default()
    });
    let config_file = args.config.as_deref().and_then(|path| found.take(read_config(path)));
    let stdin = if args.script == "-" { Some(read_stdin()?) } else { None };
    let script = match script::load(
        &args.script,
        &cwd,
        stdin.as_deref(),
        script::Sources::new(js::module_names(), args.offline),
    ) {
        Ok(script) => Arc::new(script),
        Err(error) => {
            let context = output_context(&process_env, Arc::new(Registry::new()));
            found.files(&args.outputs, &context, &args.summary);
            return Err(found.with(error));
        }
    };

    let mock = start_mock(&args, &mut env, &mut found);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("run")
        .enable_all()
        .build()
        .map_err(|e| Error::new(ExitCode::Panic, format!("cannot start the run's threads: {e}")))?;
    let lanes = net::Lanes::start(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
        .map_err(|e| Error::new(ExitCode::Panic, format!("cannot start the network's threads: {e}")))?;

    let clock = RunClock::start();
    let stop = StopSignal::new();
    let (bus_tx, bus_rx) = bus();
    let shared = Arc::new(Shared {
        script: Arc::clone(&script),
        registry: Arc::new(Registry::new()),
        bus: bus_tx.clone(),
        state: Arc::new(RunState::new(clock)),
        stop: stop.clone(),
        runtime: runtime.handle().clone(),
        lanes,
        env: env.clone(),
        seed: args.seed,
        options: OnceLock::new(),
        net: OnceLock::new(),
        secrets: Arc::new(secrets),
        files: Mutex::new(HashMap::new()),
        arrays: Mutex::new(HashMap::new()),
        targets: Mutex::default(),
        protos: crate::net::grpc::Registry::default(),
        setup_data: OnceLock::new(),
    });
    panics::end_the_run(stop.clone());
    runtime.spawn(watch_signals(stop.clone(), Arc::clone(terminal)));

    let guard = memory::Guard::start(args.max_memory.unwrap_or_default(), stop.clone(), out_of_memory(terminal));
    let (runner, info) = match ScriptRunner::start(Arc::clone(&shared)) {
        Ok(started) => started,
        Err(error) => return Err(found.with(error)),
    };
    let options::Checked { options, problems, warnings } = options::check(Layers {
        config_file,
        script: Some(info.options.clone()),
        env: process_env.clone(),
        flags: args.options.layer(),
    });
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    found.options(&problems);
    found.functions(&options, &info.functions);
    let thresholds = if options.no_thresholds { &[][..] } else { &options.thresholds[..] };
    let thresholds = threshold::validate(thresholds, &shared.registry).unwrap_or_else(|problems| {
        found.thresholds(&problems);
        Default::default()
    });
    // What stands in for invalid options would be found wanting once more.
    let network = if problems.is_empty() { found.take(net::Shared::new(options.net.clone())) } else { None };
    let mut targets: BTreeSet<_> = shared.targets.lock().unwrap_or_else(|e| e.into_inner()).clone();
    found.targets(&targets, &options);
    if targets.is_empty() && script.imports("inrush/ai") {
        // Calls without a model go where the environment says, if it says so.
        let spec = env.get("INRUSH_BASE_URL").and_then(|_| ModelSpec::from_json(&Value::Null, &env).ok());
        targets.extend(spec.map(|spec| spec.target()));
    }
    let mut output_context = output_context(&process_env, Arc::clone(&shared.registry));
    output_context.thresholds = thresholds.clone();
    found.files(&args.outputs, &output_context, &args.summary);
    let window = if problems.is_empty() {
        found.memory(&script, &options);
        found.window(&options)
    } else {
        Default::default()
    };
    found.finish()?;
    let options = Arc::new(options);
    let _ = shared.options.set(Arc::clone(&options));
    let _ = network.map(|network| shared.net.set(network));
    let listeners = output::open_all(&args.outputs, &output_context)?;
    let mut config = AggregatorConfig::new(Arc::clone(&shared.registry), stop.clone());
    config.thresholds = thresholds;
    config.listeners = listeners;
    config.window = window;
    config.full = args.summary.full();
    let aggregator = Aggregator::spawn(config, bus_rx)?;

    if !global.quiet {
        terminal.line(&header(&args, &options, &targets));
    }
    let runner = Arc::new(runner);
    let scheduler = Scheduler::new(Run {
        options: Arc::clone(&options),
        runner: Arc::clone(&runner) as Arc<dyn crate::vu::Runner>,
        registry: Arc::clone(&shared.registry),
        bus: bus_tx,
        state: Arc::clone(&shared.state),
        stop: stop.clone(),
    });
    let states = scheduler.progress().scenarios().to_vec();
    let display = (!global.quiet).then(|| {
        let snapshots = aggregator.snapshots();
        runtime.spawn(progress::show(Arc::clone(terminal), Arc::clone(&shared.state), states.clone(), move || {
            summary_out::live_line(&snapshots())
        }))
    });
    let mut probe = None;
    let outcome = runtime.block_on(async {
        let run = scheduler.run();
        tokio::pin!(run);
        // The measured window opens when the scenarios may start, after init and setup.
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tokio::select! {
                biased;
                outcome = &mut run => break outcome,
                _ = tick.tick() => {
                    if let Some(started) = shared.state.started.get() {
                        aggregator.mark_start(shared.state.clock.unix_ns(*started));
                        probe = Some(Probe::start(shared.lanes.all()));
                        break run.await;
                    }
                }
            }
        }
    });
    if let Some(display) = display {
        display.abort();
        progress::finish(terminal, &shared.state, &states);
    }
    let mut summary = aggregator.finish()?;
    if let Some(probe) = probe {
        let mut generator = probe.finish();
        generator.gc_pause_ms = shared.state.gc_pauses.p99_and_max_ms();
        summary.health.set_generator(generator);
    }
    finish_summary(&mut summary, &outcome, &shared, mock.as_ref());
    if let Some(mock) = mock {
        let _ = mock.stop();
    }
    let written = summary_out::write(&args.summary, &summary, &options, &runner, &runtime, &shared, terminal);
    drop(guard);
    let code = exit_code(&args, &outcome, &summary, &shared, terminal);
    // VUs that hang keep their threads; they must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    match written {
        // A gate that failed outranks a file that could not be written: CI must see the gate.
        Err(error) if code != ExitCode::Ok as u8 => {
            report(&error, terminal);
            Ok(code)
        }
        written => written.map(|()| code),
    }
}

fn output_context(env: &BTreeMap<String, String>, registry: Arc<Registry>) -> OutputContext {
    OutputContext {
        env: env.clone(),
        registry,
        thresholds: Default::default(),
        stdout: Arc::new(|| Box::new(std::io::stdout())),
    }
}

/// The variables of the process. Bytes that are not UTF-8 become U+FFFD: one odd variable must not keep a test from running.
fn process_env() -> BTreeMap<String, String> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

fn environment(
    args: &RunArgs,
    process_env: &BTreeMap<String, String>,
    found: &mut Preflight,
) -> BTreeMap<String, String> {
    let mut env = if args.include_system_env_vars { process_env.clone() } else { BTreeMap::new() };
    for pair in &args.env {
        match pair.split_once('=') {
            Some((name, value)) if valid_name(name) => {
                env.insert(name.to_owned(), value.to_owned());
            }
            // As in k6, a bare name takes the value from the environment.
            None if valid_name(pair) => {
                env.insert(pair.clone(), process_env.get(pair).cloned().unwrap_or_default());
            }
            // The value may be a secret.
            _ => found.note(Error::usage(format!(
                "--env {}: write NAME=VALUE with letters, digits and _ in the name",
                pair.split('=').next().unwrap_or_default()
            ))),
        }
    }
    env
}

fn valid_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn read_config(path: &str) -> Result<Value, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::usage(format!("cannot read the config file '{path}': {e}")))?;
    serde_json::from_str(&text).map_err(|e| {
        Error::config(format!("the config file '{path}' is not valid JSON: {e}"))
            .with_hint("it holds the options as one JSON object")
    })
}

fn read_stdin() -> Result<String, Error> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| Error::usage(format!("cannot read the script from standard input: {e}")))?;
    Ok(text)
}

/// Starts the embedded mock when asked to, and tells the script where it is.
fn start_mock(args: &RunArgs, env: &mut BTreeMap<String, String>, found: &mut Preflight) -> Option<MockServer> {
    if !args.mock {
        found.flags(args.knobs.0.iter().map(|knob| format!("--mock-{} needs --mock", knob.name)).collect());
        return None;
    }
    let (key, server) = match config(&args.knobs.0, "mock-") {
        // With problems noted before, no server is needed any more, nor anything it would write.
        Ok(config) if found.is_clean() => (config.api_key.clone(), found.take(mock::start(config))),
        Ok(config) => (config.api_key, None),
        Err(problems) => {
            found.flags(problems);
            (None, None)
        }
    };
    // Without a server nothing will run; the init code finds an address all the same, so that what follows can be checked.
    let address = server.as_ref().map_or_else(|| "http://127.0.0.1:1/v1".to_owned(), MockServer::base_url);
    env.insert("INRUSH_BASE_URL".to_owned(), address);
    env.entry("INRUSH_MODEL".to_owned()).or_insert_with(|| MOCK_MODEL.to_owned());
    // Without this a real key from the environment would travel to the mock.
    env.insert("INRUSH_API_KEY".to_owned(), key.unwrap_or_else(|| "mock".to_owned()));
    server
}

/// What happens when the run was stopped for want of memory and takes more all the same: the process ends before the system
/// ends it without a word.
fn out_of_memory(terminal: &Arc<Terminal>) -> impl Fn(&str) + Send + 'static {
    let terminal = Arc::clone(terminal);
    move |message| {
        report(&Error::script(message), &terminal);
        // The thread that takes the memory cannot be ended.
        #[allow(clippy::disallowed_methods)]
        std::process::exit(i32::from(ExitCode::ScriptException as u8));
    }
}

fn header(args: &RunArgs, options: &Options, targets: &BTreeSet<Target>) -> String {
    let plan = crate::scheduler::plan(&options.scenarios);
    let outputs = if args.outputs.is_empty() { "-".to_owned() } else { args.outputs.join(", ") };
    let mut text = format!(
        "inrush v{}\n  script: {}\n{}  output: {outputs}\n  scenarios: {}, {} max VUs",
        env!("CARGO_PKG_VERSION"),
        args.script,
        targets.iter().map(|t| format!("  target: {} ({})\n", t.address, t.provider)).collect::<String>(),
        options.scenarios.len(),
        plan.max_vus,
    );
    for s in &options.scenarios {
        text.push_str(&format!("\n    * {}: {}", s.name, s.executor.name()));
    }
    text.push('\n');
    text
}

/// What only the run knows about its own validity.
fn finish_summary(summary: &mut Summary, outcome: &RunOutcome, shared: &Shared, mock: Option<&MockServer>) {
    if outcome.duration > Duration::ZERO {
        summary.duration = summary.window.measured(outcome.duration);
    }
    if summary.window.is_set() && summary.duration.is_zero() {
        summary.health.invalidate("the run ended in its warm-up: nothing was measured");
    }
    summary.health.interrupted_iterations =
        shared.state.iterations_interrupted.load(std::sync::atomic::Ordering::Relaxed);
    let abandoned = shared.state.vus_abandoned.load(std::sync::atomic::Ordering::Relaxed);
    summary.health.abandon_vus(abandoned);
    if let Some(stats) = mock.map(MockServer::stats)
        && !stats.kept_pace(MOCK_LATENESS)
    {
        summary.health.invalidate(format!(
            "the embedded mock could not keep pace (p99 of its writes {:.1} ms late): this machine was too busy",
            stats.lateness_p99.as_secs_f64() * 1e3
        ));
    }
}

fn exit_code(args: &RunArgs, outcome: &RunOutcome, summary: &Summary, shared: &Shared, terminal: &Terminal) -> u8 {
    if let Some(error) = &outcome.error {
        report(error, terminal);
        return error.code() as u8;
    }
    // A signal may also have come after the run, while the summary was made.
    if let Some(reason) = outcome.stop.clone().or_else(|| shared.stop.reason()).as_ref() {
        let text = match reason {
            StopReason::Interrupted => "the run was interrupted by a signal".to_owned(),
            StopReason::Threshold(names) => format!("thresholds have been crossed and ended the run: {names}"),
            StopReason::ScriptAborted(message) if message.is_empty() => "test aborted by exec.test.abort()".to_owned(),
            StopReason::ScriptAborted(message) => format!("test aborted: {message}"),
            StopReason::Fatal(_, message) => message.clone(),
        };
        report(&Error::new(ExitCode::ExternalAbort, text), terminal);
        return reason.exit_code();
    }
    if let Some(message) = shared.state.marked_failed.lock().unwrap_or_else(|e| e.into_inner()).as_ref() {
        report(
            &Error::new(ExitCode::MarkedFailed, format!("the script marked the test as failed: {message}")),
            terminal,
        );
        return ExitCode::MarkedFailed as u8;
    }
    if summary.thresholds_failed() {
        let names: Vec<String> = summary.failed_thresholds().collect();
        report(
            &Error::new(ExitCode::ThresholdsFailed, format!("thresholds have been crossed: {}", names.join("; "))),
            terminal,
        );
        return ExitCode::ThresholdsFailed as u8;
    }
    if args.strict && !summary.is_measurement() {
        report(
            &Error::new(
                ExitCode::NotAMeasurement,
                format!("not valid as a measurement: {}", summary.health.invalid.join("; ")),
            )
            .with_hint("use fewer VUs or a lower rate on this machine, or leave out --strict"),
            terminal,
        );
        return ExitCode::NotAMeasurement as u8;
    }
    ExitCode::Ok as u8
}

/// The first signal ends the run in order; the second one at once.
async fn watch_signals(stop: StopSignal, terminal: Arc<Terminal>) {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
    let mut first = true;
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        if first {
            first = false;
            terminal.line("stopping: the summary follows (a second signal ends the program at once)");
            stop.trip(StopReason::Interrupted);
        } else {
            let _ = std::io::stdout().flush();
            // Nothing may hold the process back now, not even a hanging thread.
            #[allow(clippy::disallowed_methods)]
            std::process::exit(i32::from(ExitCode::ExternalAbort as u8));
        }
    }
}
