//! `inrush run`: loads a script, runs it, and reports.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::mock_flags::{EmbeddedKnobs, config};
use super::option_flags::OptionFlags;
use super::summary_out::{self, SummaryFlags};
use super::{GlobalFlags, report};
use crate::clock::RunClock;
use crate::error::{Error, ExitCode};
use crate::js::{self, ScriptRunner, Shared};
use crate::metrics::{Aggregator, AggregatorConfig, Registry, Summary, bus, threshold};
use crate::mock::{self, MockServer};
use crate::net;
use crate::options::{self, Layers, Options};
use crate::output::{self, OutputContext};
use crate::scheduler::probe::Probe;
use crate::scheduler::{Run, RunOutcome, Scheduler};
use crate::script;
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
    /// Seed of everything random in the script, so that runs repeat
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Exit with 111 when the generator was the bottleneck, so that the figures are no measurement
    #[arg(long)]
    strict: bool,
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
    let mut env = environment(&args)?;
    let process_env: BTreeMap<String, String> = std::env::vars().collect();
    let mut args = args;
    if let (true, Some(list)) = (args.outputs.is_empty(), process_env.get("K6_OUT")) {
        args.outputs = output::specs(list);
    }
    let config_file = args.config.as_deref().map(read_config).transpose()?;
    let stdin = if args.script == "-" { Some(read_stdin()?) } else { None };
    let script = Arc::new(script::load(&args.script, &cwd, stdin.as_deref(), &js::module_names())?);

    let mock = start_mock(&args, &mut env)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("net")
        .enable_all()
        .build()
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
        env: env.clone(),
        seed: args.seed,
        options: OnceLock::new(),
        net: OnceLock::new(),
        files: Mutex::new(HashMap::new()),
        arrays: Mutex::new(HashMap::new()),
        setup_data: OnceLock::new(),
    });
    runtime.spawn(watch_signals(stop.clone(), Arc::clone(terminal)));

    let (runner, info) = ScriptRunner::start(Arc::clone(&shared))?;
    let (options, warnings) = options::build(Layers {
        config_file,
        script: Some(info.options.clone()),
        env: process_env.clone(),
        flags: args.options.layer(),
    })?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    check_functions(&options, &info.functions)?;
    let thresholds = if options.no_thresholds { &[][..] } else { &options.thresholds[..] };
    let thresholds = threshold::validate(thresholds, &shared.registry).map_err(|p| threshold::problems_to_error(&p))?;
    let options = Arc::new(options);
    let _ = shared.options.set(Arc::clone(&options));
    let _ = shared.net.set(net::Shared::new(options.net.clone())?);
    let listeners = output::open_all(
        &args.outputs,
        &OutputContext {
            env: process_env,
            registry: Arc::clone(&shared.registry),
            thresholds: thresholds.clone(),
            stdout: Arc::new(|| Box::new(std::io::stdout())),
        },
    )?;

    let mut config = AggregatorConfig::new(Arc::clone(&shared.registry), stop.clone());
    config.thresholds = thresholds;
    config.listeners = listeners;
    config.full = args.summary.full();
    let aggregator = Aggregator::spawn(config, bus_rx)?;

    warn_of_memory(&script, &options);
    if !global.quiet {
        terminal.line(&header(&args, &options));
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
                    if shared.state.started.get().is_some() {
                        aggregator.mark_start();
                        probe = Some(Probe::start());
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
        summary.health.set_generator(probe.finish());
    }
    finish_summary(&mut summary, &outcome, &shared, mock.as_ref());
    if let Some(mock) = mock {
        let _ = mock.stop();
    }
    let written = summary_out::write(&args.summary, &summary, &options, &runner, &runtime, &shared, terminal);
    let code = exit_code(&args, &outcome, &summary, &shared, terminal);
    // VUs that hang keep their threads; they must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    written.map(|()| code)
}

fn environment(args: &RunArgs) -> Result<BTreeMap<String, String>, Error> {
    let mut env: BTreeMap<String, String> =
        if args.include_system_env_vars { std::env::vars().collect() } else { BTreeMap::new() };
    let mut bad = Vec::new();
    for pair in &args.env {
        match pair.split_once('=') {
            Some((name, value)) if valid_name(name) => {
                env.insert(name.to_owned(), value.to_owned());
            }
            // As in k6, a bare name takes the value from the environment.
            None if valid_name(pair) => {
                env.insert(pair.clone(), std::env::var(pair).unwrap_or_default());
            }
            _ => bad.push(format!("--env {pair}: write NAME=VALUE with letters, digits and _ in the name")),
        }
    }
    if bad.is_empty() { Ok(env) } else { Err(Error::usage(bad.join("\n       "))) }
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
fn start_mock(args: &RunArgs, env: &mut BTreeMap<String, String>) -> Result<Option<MockServer>, Error> {
    if !args.mock {
        if let Some(knob) = args.knobs.0.first() {
            return Err(Error::usage(format!("--mock-{} needs --mock", knob.name)));
        }
        return Ok(None);
    }
    let config = config(&args.knobs.0, "mock-")?;
    let key = config.api_key.clone();
    let server = mock::start(config)?;
    env.insert("INRUSH_BASE_URL".to_owned(), server.base_url());
    env.entry("INRUSH_MODEL".to_owned()).or_insert_with(|| MOCK_MODEL.to_owned());
    // Without this a real key from the environment would travel to the mock.
    env.insert("INRUSH_API_KEY".to_owned(), key.unwrap_or_else(|| "mock".to_owned()));
    Ok(Some(server))
}

fn check_functions(options: &Options, functions: &[String]) -> Result<(), Error> {
    let missing: Vec<String> = options
        .scenarios
        .iter()
        .filter(|s| !functions.contains(&s.exec))
        .map(|s| match s.exec.as_str() {
            "default" => format!("scenario '{}': the script exports no default function", s.name),
            other => format!("scenario '{}': the script exports no function '{other}' (exec)", s.name),
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let exported: Vec<&str> = functions.iter().map(String::as_str).collect();
    let hint = if exported.is_empty() {
        "export the function: export default function () { ... }".to_owned()
    } else {
        format!("exported functions: {}", exported.join(", "))
    };
    Err(Error::config(missing.join("\n       ")).with_hint(hint))
}

/// Every VU holds the compiled script: a large bundle times many VUs may not fit.
fn warn_of_memory(script: &script::Script, options: &Options) {
    /// Bytes a VU needs beside its script, and per byte of source (measured: docs/performance.md).
    const BASE: u64 = 600_000;
    const PER_SOURCE_BYTE: u64 = 22;
    let vus = crate::scheduler::plan(&options.scenarios).max_vus;
    let need = vus * (BASE + PER_SOURCE_BYTE * script.source_bytes() as u64);
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kb| kb * 1024)
    });
    if let Some(available) = available
        && need > available
    {
        tracing::warn!(
            "{vus} VUs of this script need about {} MB, but only {} MB of memory are free; use fewer VUs or a smaller script",
            need >> 20,
            available >> 20
        );
    }
}

fn header(args: &RunArgs, options: &Options) -> String {
    let plan = crate::scheduler::plan(&options.scenarios);
    let outputs = if args.outputs.is_empty() { "-".to_owned() } else { args.outputs.join(", ") };
    let mut text = format!(
        "inrush v{}\n  script: {}\n  output: {outputs}\n  scenarios: {}, {} max VUs",
        env!("CARGO_PKG_VERSION"),
        args.script,
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
        summary.duration = outcome.duration;
    }
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
