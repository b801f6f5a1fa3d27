//! `inrush run`: loads a script, runs it, and reports.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::budgets;
use super::compare::BaselineFlags;
use super::linger::Linger;
use super::mock_file;
use super::mock_flags::{EmbeddedKnobs, config};
use super::option_flags::OptionFlags;
use super::panics;
use super::preflight::Preflight;
use super::script_flags::ScriptFlags;
use super::session::Session;
use super::summary_out::{self, SummaryFlags};
use super::sweep;
use super::traces;
use super::web_dashboard;
use super::{GlobalFlags, report};
use crate::ai::spec::{ModelSpec, Target};
use crate::api::{self, ApiState};
use crate::error::{Error, ExitCode};
use crate::js::Shared;
use crate::metrics::{Aggregator, AggregatorConfig, Registry, Summary, threshold};
use crate::mock::{self, MockServer};
use crate::net;
use crate::options::{self, ExecutorConfig, Layers, Options, Scenario};
use crate::output::{self, OutputContext};
use crate::report::html;
use crate::scheduler::memory;
use crate::scheduler::probe::Probe;
use crate::scheduler::{Run, RunOutcome, Scheduler};
use crate::secrets::Secrets;
use crate::stop::{StopReason, StopSignal};
use crate::ui::{progress, terminal::Terminal};
use crate::vu::Runner;

/// Model name the embedded mock answers to when the user names none.
const MOCK_MODEL: &str = "gpt-4o-mini";

/// Lateness of the embedded mock's writes beyond which its run is no measurement.
const MOCK_LATENESS: Duration = Duration::from_millis(10);

/// Arguments of `inrush run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    source: ScriptFlags,
    #[command(flatten)]
    options: OptionFlags,
    #[command(flatten)]
    summary: SummaryFlags,
    #[command(flatten)]
    baseline: BaselineFlags,
    /// Sends samples somewhere while the test runs, e.g. json=out.json, csv=out.csv; may be repeated [env: K6_OUT=]
    #[arg(short = 'o', long = "out", value_name = "TYPE=ARG")]
    outputs: Vec<String>,
    /// Where k6/secrets gets secrets: file=PATH, mock=KEY=VALUE,... or url=urlTemplate=URL; may be repeated [env: K6_SECRET_SOURCE=]
    #[arg(long = "secret-source", value_name = "TYPE=CONFIG")]
    secret_sources: Vec<String>,
    /// Prices of models before the built-in table's: JSON {model: {input, output, ...}} or CSV, USD per million tokens
    #[arg(long, value_name = "FILE", env = "INRUSH_PRICES")]
    prices: Option<String>,
    /// Seed of everything random in the script and in arrivals, so that runs repeat
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// End the run when the process takes more memory, e.g. 4GB or 80% (default 85%)
    #[arg(long, value_name = "SIZE", env = "INRUSH_MAX_MEMORY", value_parser = memory::parse_limit)]
    max_memory: Option<memory::Limit>,
    /// Exit with 111 when the generator was the bottleneck, so that the figures are no measurement, and with 112 when every
    /// iteration threw an exception
    #[arg(long)]
    strict: bool,
    /// Keep the REST API up after the test until Ctrl-C
    #[arg(short = 'l', long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          env = "K6_LINGER", value_parser = clap::builder::BoolishValueParser::new(), value_name = "BOOL", hide_possible_values = true)]
    linger: bool,
    /// Accepted for k6's sake: inrush never sends usage reports
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_usage_report: Option<String>,
    /// Traces of requests; only `none` is known
    #[arg(long, hide = true, value_name = "WHERE", env = "K6_TRACES_OUTPUT", default_value = "none")]
    traces_output: String,
    /// Show the run live on a page of its own [default address: 127.0.0.1:5665]
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    dashboard: Option<String>,
    /// Start a mock LLM server in this process and point INRUSH_BASE_URL at it; with a configuration file, perhaps several
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "", overrides_with = "mock")]
    mock: Option<String>,
    #[command(flatten)]
    pub(super) knobs: EmbeddedKnobs,
    /// Whether `inrush sweep` is what runs.
    #[arg(skip)]
    pub(super) is_sweep: bool,
}

impl RunArgs {
    /// Takes these scenarios in place of the script's, and this script in place of a file.
    pub(super) fn bring(&mut self, scenarios: Value, script: Option<String>) {
        self.options.scenarios = Some(scenarios);
        self.source.built_in = script;
    }

    /// Where the script's output goes, if not to the log. Logging starts before options are merged, so only the flag and
    /// the environment can say so.
    pub(super) fn console_output(&self) -> Option<String> {
        let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let flag = self.options.console_output.clone();
        flag.or_else(|| variable("INRUSH_CONSOLE_OUTPUT")).or_else(|| variable("K6_CONSOLE_OUTPUT"))
    }
}

/// Runs the test; returns the exit code.
pub(crate) fn run(args: RunArgs, global: &GlobalFlags, terminal: &Arc<Terminal>) -> Result<u8, Error> {
    let mut found = Preflight::default();
    let mut args = args;
    let source = args.source.read(true, &mut found)?;
    let (process_env, mut env, archive) = (source.process_env, source.env, source.archive);
    if let (true, Some(list)) = (args.outputs.is_empty(), process_env.get("K6_OUT")) {
        args.outputs = output::specs(list);
    }
    if let (true, Some(one)) = (args.secret_sources.is_empty(), process_env.get("K6_SECRET_SOURCE")) {
        args.secret_sources.extend(Some(one.clone()).filter(|one| !one.is_empty()));
    }
    web_dashboard::from_k6(&mut args.outputs, &process_env, &mut args.dashboard, &mut args.summary, &mut found);
    let cwd = std::env::current_dir().map_err(|e| Error::usage(format!("cannot read the current folder: {e}")))?;
    let secrets = Secrets::open(&args.secret_sources, &process_env, &cwd).unwrap_or_else(|problems| {
        problems.into_iter().for_each(|problem| found.note(problem));
        Secrets::default()
    });
    found.absent(&args.traces_output);
    let script = match source.script {
        Ok(script) => script,
        Err(error) => {
            let context = output_context(&process_env, Arc::new(Registry::new()));
            found.files(&args.outputs, &context, &args.summary);
            return Err(found.with(error));
        }
    };

    let baseline = args.baseline.read(&mut found);
    let mocks = start_mocks(&args, &mut env, &mut found);
    let mut session = Session::new(Arc::clone(&script), env.clone(), args.seed, secrets)?;
    session.unpack(archive.as_ref());
    budgets::prices(args.prices.as_deref(), &session.shared, &mut found);
    let linger = Arc::new(Linger::default());
    session.runtime.spawn(watch_signals(session.stop.clone(), Arc::clone(&linger), Arc::clone(terminal)));

    panics::end_the_run(session.stop.clone());
    let guard =
        memory::Guard::start(args.max_memory.unwrap_or_default(), session.stop.clone(), out_of_memory(terminal));
    let (runner, info) = match session.start() {
        Ok(started) => started,
        Err(error) => return Err(found.with(error)),
    };
    let Session { runtime, shared, stop, bus: (bus_tx, bus_rx) } = session;
    let options::Checked { options, problems, warnings } = options::check(Layers {
        config_file: source.config_file,
        script: Some(archive.as_ref().map_or(&info.options, |archive| &archive.options).clone()),
        env: process_env.clone(),
        flags: args.options.layer(),
    });
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if options.console_output.is_some() && options.console_output != args.console_output() {
        tracing::warn!(
            "consoleOutput: has no effect in a script or a file, as in k6; use --console-output or K6_CONSOLE_OUTPUT"
        );
    }
    found.options(&problems);
    let mut options = options;
    let traces = traces::load(&mut options, &shared, false, &mut found);
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
    if args.is_sweep {
        sweep::needs_budget(&targets, &options, &mut found);
    }
    budgets::check(&options, &shared, &script, &env, &mut found);
    let mut output_context = output_context(&process_env, Arc::clone(&shared.registry));
    output_context.thresholds = thresholds.clone();
    found.files(&args.outputs, &output_context, &args.summary);
    // The listener is taken before anything runs: without it nobody could resume a paused run.
    let address = api_address(global, &options);
    let listener = if problems.is_empty() { address.and_then(|at| found.take(api::server::bind(&at))) } else { None };
    let page = args.dashboard.as_ref().filter(|_| problems.is_empty());
    let page = page.and_then(|address| found.take(api::dashboard::bind(address)));
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
    let mut listeners = output::open_all(&args.outputs, &output_context)?;
    let in_full = args.summary.cells() || baseline.is_some();
    let recorded = if in_full || page.is_some() {
        let (listener, recorded) = output::over_time::open()?;
        listeners.push(listener);
        Some(recorded)
    } else {
        None
    };
    let mut config = AggregatorConfig::new(Arc::clone(&shared.registry), stop.clone());
    config.thresholds = thresholds;
    config.listeners = listeners;
    config.window = window;
    config.full = args.summary.full();
    config.cells = in_full || page.is_some();
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
        seed: args.seed,
    });
    let states = scheduler.progress().scenarios().to_vec();
    budgets::enforce(&options, &shared, &states);
    traces.hand_out(&states);
    let api = match listener {
        Some(listener) => {
            let state = ApiState {
                run: Arc::clone(&shared.state),
                scenarios: states.clone(),
                stop: stop.clone(),
                live: aggregator.live(),
                runner: Arc::clone(&runner) as Arc<dyn Runner>,
                setup_data: Arc::new(SharedSetup(Arc::clone(&shared))),
            };
            let server = api::server::serve_api(listener, state, runtime.handle())?;
            if !global.quiet {
                terminal.line(&format!("  REST API: http://{}/v1/status\n", server.addr));
            }
            Some(server)
        }
        None => None,
    };
    let over = Arc::new(AtomicBool::new(false));
    let dashboard = match (page, recorded.clone()) {
        (Some(listener), Some(recorded)) => {
            let source = web_dashboard::Source {
                recorded,
                snapshots: Box::new(aggregator.snapshots()),
                view: aggregator.live(),
                shared: Arc::clone(&shared),
                over: Arc::clone(&over),
            };
            let fragment = web_dashboard::fragment(source);
            let (server, url) = api::dashboard::serve(listener, html::STYLE, fragment, runtime.handle())?;
            terminal.line(&format!("  dashboard: {url}\n"));
            Some(server)
        }
        _ => None,
    };
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
    over.store(true, Ordering::Relaxed);
    if let Some(display) = display {
        display.abort();
        progress::finish(terminal, &shared.state, &states);
    }
    let generator = probe.map(|probe| {
        let mut generator = probe.finish();
        generator.gc_pause_ms = shared.state.gc_pauses.p99_and_max_ms();
        generator
    });
    if args.linger {
        aggregator.mark_end();
        runtime.block_on(linger.wait(&stop, terminal));
    }
    let mut summary = aggregator.finish()?;
    if let Some(generator) = generator {
        summary.health.set_generator(generator);
    }
    summary.over_time = recorded.map(|recorded| recorded.spans()).unwrap_or_default();
    finish_summary(&mut summary, &outcome, &shared, &mocks);
    let early = ended_early(&outcome, &shared);
    let origin = summary_out::origin(&args.source.script, &options, &shared, early, !mocks.is_empty());
    let written = summary_out::write(
        &args.summary,
        &args.source.script,
        &summary,
        &options,
        &runner,
        &runtime,
        &shared,
        terminal,
        origin.clone(),
    );
    let worse = baseline.is_some_and(|baseline| baseline.shows_worse(origin, &summary));
    // `handleSummary()` could still talk to it.
    for mock in mocks {
        let _ = mock.stop();
    }
    drop(guard);
    let mut code = exit_code(&args, &outcome, &summary, &shared, terminal);
    if worse && code == ExitCode::Ok as u8 {
        let text = "the comparison with the baseline failed (see above)";
        report(&Error::new(ExitCode::ThresholdsFailed, text), terminal);
        code = ExitCode::ThresholdsFailed as u8;
    }
    for server in api.into_iter().chain(dashboard) {
        runtime.block_on(server.finish());
    }
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

/// Where the REST API listens: where the user says, or where k6's commands look when only the API can move the run on.
fn api_address(global: &GlobalFlags, options: &Options) -> Option<String> {
    let given = global.address.clone().filter(|address| !address.is_empty());
    let external = |s: &Scenario| matches!(s.executor, ExecutorConfig::ExternallyControlled { .. });
    let needed = options.paused || options.scenarios.iter().any(external);
    given.or_else(|| needed.then(|| api::DEFAULT_ADDRESS.to_owned()))
}

/// The data of `setup()` for the REST API.
struct SharedSetup(Arc<Shared>);

impl api::SetupData for SharedSetup {
    fn get(&self) -> Value {
        self.0.setup_data.get().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    fn set(&self, data: Value) {
        self.0.setup_data.set(if data.is_null() { None } else { Some(data.to_string().into()) });
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

/// Starts the embedded mock when asked to, or several, and tells the script where they are.
fn start_mocks(args: &RunArgs, env: &mut BTreeMap<String, String>, found: &mut Preflight) -> Vec<MockServer> {
    let Some(file) = &args.mock else {
        found.flags(args.knobs.0.iter().map(|knob| format!("--mock-{} needs --mock", knob.name)).collect());
        return Vec::new();
    };
    let wanted = if file.is_empty() {
        config(&args.knobs.0, "mock-").map(|config| vec![mock_file::Server { name: String::new(), config }])
    } else {
        mock_file::read(file, &args.knobs.0)
    };
    let wanted = wanted.unwrap_or_else(|problems| {
        found.flags(problems);
        Vec::new()
    });
    let key = wanted.first().and_then(|first| first.config.api_key.clone());
    // Without a server nothing will run; the init code finds an address all the same, so that what follows can be checked.
    let mut address = "http://127.0.0.1:1/v1".to_owned();
    let mut servers = Vec::new();
    for mock_file::Server { name, config } in wanted {
        // With problems noted before, no server is needed any more, nor anything it would write.
        let server = if found.is_clean() { found.take(mock::start(config)) } else { None };
        let own = server.as_ref().map_or_else(|| address.clone(), MockServer::base_url);
        if !name.is_empty() {
            env.insert(mock_file::variable(&name), own.clone());
        }
        if servers.is_empty() {
            address = own;
        }
        servers.extend(server);
    }
    env.insert("INRUSH_BASE_URL".to_owned(), address);
    env.entry("INRUSH_MODEL".to_owned()).or_insert_with(|| MOCK_MODEL.to_owned());
    // Paths of Google Cloud name a project, and the mock takes any.
    env.entry("GOOGLE_CLOUD_PROJECT".to_owned()).or_insert_with(|| "mock".to_owned());
    // Without this a real key from the environment would travel to the mock.
    env.insert("INRUSH_API_KEY".to_owned(), key.unwrap_or_else(|| "mock".to_owned()));
    servers
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
    let plan = crate::scheduler::plan(&options.scenarios, &options.segmentation);
    let outputs = if args.outputs.is_empty() { "-".to_owned() } else { args.outputs.join(", ") };
    let mut text = format!(
        "inrush v{}\n  script: {}\n{}  output: {outputs}\n  scenarios: {}, {} max VUs",
        env!("CARGO_PKG_VERSION"),
        if args.source.built_in.is_some() { "made-up prompts" } else { &args.source.script },
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
fn finish_summary(summary: &mut Summary, outcome: &RunOutcome, shared: &Shared, mocks: &[MockServer]) {
    if outcome.duration > Duration::ZERO {
        summary.duration = summary.left_out.measured(outcome.duration);
    }
    if summary.left_out.window.is_set() && summary.duration.is_zero() {
        summary.health.invalidate("the run ended in its warm-up: nothing was measured");
    }
    summary.health.interrupted_iterations =
        shared.state.iterations_interrupted.load(std::sync::atomic::Ordering::Relaxed);
    summary.token_rates = outcome.scenarios.iter().filter_map(|facts| facts.token_rate.clone()).collect();
    summary.limits = outcome.scenarios.iter().filter_map(|facts| facts.limits.clone()).collect();
    summary.sweeps = outcome.scenarios.iter().filter_map(|facts| facts.sweep.clone()).collect();
    summary.budgets = shared.budget.get().map(|budget| budget.facts()).unwrap_or_default();
    let abandoned = shared.state.vus_abandoned.load(std::sync::atomic::Ordering::Relaxed);
    summary.health.abandon_vus(abandoned);
    let late = mocks.iter().map(MockServer::stats).filter(|stats| !stats.kept_pace(MOCK_LATENESS));
    if let Some(stats) = late.max_by_key(|stats| stats.lateness_p99) {
        summary.health.invalidate(format!(
            "the embedded mock could not keep pace (p99 of its writes {:.1} ms late): this machine was too busy",
            stats.lateness_p99.as_secs_f64() * 1e3
        ));
    }
}

/// Why the run ended before its time, in words; None when it did not.
fn ended_early(outcome: &RunOutcome, shared: &Shared) -> Option<String> {
    let failed = outcome.error.as_ref().map(|error| error.message().to_owned());
    // A signal may also have come after the run, while the summary was made.
    failed.or_else(|| outcome.stop.clone().or_else(|| shared.stop.reason()).as_ref().map(in_words))
}

fn in_words(reason: &StopReason) -> String {
    match reason {
        StopReason::Interrupted => "the run was interrupted by a signal".to_owned(),
        StopReason::StoppedByApi => "the run was stopped through the REST API".to_owned(),
        StopReason::Threshold(names) => format!("thresholds have been crossed and ended the run: {names}"),
        StopReason::Budget(message) => {
            format!("the budget is used up and ended the run (onExceed: abort): {message}")
        }
        StopReason::ScriptAborted(message) if message.is_empty() => "test aborted by exec.test.abort()".to_owned(),
        StopReason::ScriptAborted(message) => format!("test aborted: {message}"),
        StopReason::Fatal(_, message) => message.clone(),
    }
}

fn exit_code(args: &RunArgs, outcome: &RunOutcome, summary: &Summary, shared: &Shared, terminal: &Terminal) -> u8 {
    if let Some(error) = &outcome.error {
        report(error, terminal);
        return error.code() as u8;
    }
    // A signal may also have come after the run, while the summary was made.
    if let Some(reason) = outcome.stop.clone().or_else(|| shared.stop.reason()).as_ref() {
        let text = in_words(reason);
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
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    let (threw, completed) = (count(&shared.state.iterations_threw), count(&shared.state.iterations_completed));
    if args.strict && threw > 0 && threw == completed {
        report(
            &Error::new(
                ExitCode::EveryIterationThrew,
                format!("every iteration ended with an exception ({threw} of {threw})"),
            )
            .with_hint("the first of them is in the log above; leave out --strict to accept this"),
            terminal,
        );
        return ExitCode::EveryIterationThrew as u8;
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
async fn watch_signals(stop: StopSignal, linger: Arc<Linger>, terminal: Arc<Terminal>) {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
    let mut first = true;
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        if linger.end() {
            continue;
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
