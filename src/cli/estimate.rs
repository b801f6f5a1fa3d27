//! `estimate`: tokens and dollars of a run before any call is made. A few iterations of every scenario run with the network
//! replaced, and what they would have called is scaled to the run that is planned.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;

use super::budgets;
use super::option_flags::OptionFlags;
use super::preflight::Preflight;
use super::print;
use super::script_flags::ScriptFlags;
use super::session::Session;
use super::traces::{self, Traces};
use crate::ai::estimate::{Assumptions, DryRun, Estimate, Planned, Work};
use crate::error::{Error, ExitCode};
use crate::executor::pacing::Schedule;
use crate::executor::stages;
use crate::metrics::{Aggregator, AggregatorConfig};
use crate::net;
use crate::options::{self, BudgetOptions, Checked, ExecutorConfig, Layers, LoadKind, Options, Scenario, TokenRate};
use crate::scheduler::{Run, RunOutcome, Scheduler, plan};
use crate::secrets::Secrets;

/// Longest dry run of one scenario.
const DRY_LIMIT: Duration = Duration::from_secs(60);

/// Arguments of `estimate`.
#[derive(Args, Debug)]
pub(super) struct EstimateArgs {
    #[command(flatten)]
    source: ScriptFlags,
    #[command(flatten)]
    options: OptionFlags,
    /// Iterations of each scenario in the dry run
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    dry_iterations: u64,
    /// Likely output tokens of a call (default: a share of maxTokens)
    #[arg(long, value_name = "N")]
    output_tokens: Option<u64>,
    /// Seconds to the first token (default: 0.2 to 1)
    #[arg(long, value_name = "SECONDS")]
    ttft: Option<f64>,
    /// Output tokens per second of one call (default: 25 to 150)
    #[arg(long, value_name = "N")]
    tokens_per_second: Option<f64>,
    /// Use the prices of the providers' batch APIs, where the table has them
    #[arg(long)]
    batch_prices: bool,
    /// Prices of models before the built-in table's: JSON {model: {input, output, ...}} or CSV, USD per million tokens
    #[arg(long, value_name = "FILE", env = "INRUSH_PRICES")]
    prices: Option<String>,
    /// Seed of everything random in the script
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where k6/secrets gets secrets, as for run; may be repeated
    #[arg(long = "secret-source", value_name = "TYPE=CONFIG")]
    secret_sources: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Model name of calls that name none, as with `run --mock`.
const ANY_MODEL: &str = "gpt-4o-mini";

/// Prints the estimate; 99 when the likely figures are above the script's own budget.
pub(super) fn run(args: &EstimateArgs) -> Result<u8, Error> {
    let mut found = Preflight::default();
    for (flag, value) in [("--ttft", args.ttft), ("--tokens-per-second", args.tokens_per_second)] {
        if value.is_some_and(|v| !v.is_finite() || v < 0.0 || (v == 0.0 && flag != "--ttft")) {
            found.flags(vec![format!("{flag}: give a number above 0")]);
        }
    }
    let source = args.source.read(true, &mut found)?;
    let script = match source.script {
        Ok(script) => script,
        Err(error) => return Err(found.with(error)),
    };
    let mut env = source.env;
    // Nothing is called, so no server need be named.
    env.entry("INRUSH_MODEL".to_owned()).or_insert_with(|| ANY_MODEL.to_owned());
    let cwd = std::env::current_dir().map_err(|e| Error::usage(format!("cannot read the current folder: {e}")))?;
    let secrets = Secrets::open(&args.secret_sources, &source.process_env, &cwd).unwrap_or_else(|problems| {
        problems.into_iter().for_each(|problem| found.note(problem));
        Secrets::default()
    });
    let mut session = Session::new(Arc::clone(&script), env, args.seed, secrets)?;
    session.unpack(source.archive.as_ref());
    budgets::prices(args.prices.as_deref(), &session.shared, &mut found);
    let _ = session.shared.dry_run.set(DryRun::new(Assumptions {
        output_tokens: args.output_tokens,
        ttft: args.ttft,
        tokens_per_second: args.tokens_per_second,
        batch: args.batch_prices,
    }));
    let (runner, info) = match session.start() {
        Ok(started) => started,
        Err(error) => return Err(found.with(error)),
    };
    let own = source.archive.as_ref().map_or(&info.options, |archive| &archive.options);
    let Checked { mut options, problems, warnings } = options::check(Layers {
        config_file: source.config_file,
        script: Some(own.clone()),
        env: source.process_env,
        flags: args.options.layer(),
    });
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    found.options(&problems);
    let traces = traces::load(&mut options, &session.shared, false, &mut found);
    found.functions(&options, &info.functions);
    let dry = dry_options(&options, args.dry_iterations);
    let network = if problems.is_empty() { found.take(net::Shared::new(dry.net.clone())) } else { None };
    found.finish()?;
    let (outcome, threw) = dry_run(session, runner, dry, network, &traces)?;
    let Dry { shared, outcome } = outcome;
    let planned: Vec<Planned> = options
        .scenarios
        .iter()
        .map(|scenario| Planned {
            name: scenario.name.clone(),
            executor: scenario.executor.name(),
            dry_iterations: outcome.scenarios.iter().find(|f| f.name == scenario.name).map_or(0, |f| f.started),
            threw: if options.scenarios.len() == 1 { threw } else { 0 },
            work: work(scenario),
        })
        .collect();
    let Some(notes) = shared.dry_run.get() else { return Ok(ExitCode::Ok as u8) };
    let estimate = notes.estimate(&planned);
    let above = above_budget(&options.budget, &estimate);
    let text = if args.json {
        let mut json = estimate.json();
        json["threw"] = threw.into();
        json["aboveBudget"] = above.clone().into();
        format!("{json:#}\n")
    } else {
        shown(&estimate, threw, &above)
    };
    print(text.as_bytes())?;
    Ok(if above.is_empty() { ExitCode::Ok } else { ExitCode::ThresholdsFailed } as u8)
}

/// A dry run that is over.
struct Dry {
    shared: Arc<crate::js::Shared>,
    outcome: RunOutcome,
}

/// Runs the dry iterations; also tells how many of them threw.
fn dry_run(
    session: Session,
    runner: crate::js::ScriptRunner,
    dry: Options,
    network: Option<Arc<net::Shared>>,
    traces: &Traces,
) -> Result<(Dry, u64), Error> {
    let Session { runtime, shared, stop, bus: (bus_tx, bus_rx) } = session;
    let options = Arc::new(dry);
    let _ = shared.options.set(Arc::clone(&options));
    let _ = network.map(|network| shared.net.set(network));
    // Samples of made-up answers are nobody's measurement: they are taken off the bus and forgotten.
    let aggregator = Aggregator::spawn(AggregatorConfig::new(Arc::clone(&shared.registry), stop.clone()), bus_rx)?;
    let scheduler = Scheduler::new(Run {
        options,
        runner: Arc::new(runner),
        registry: Arc::clone(&shared.registry),
        bus: bus_tx,
        state: Arc::clone(&shared.state),
        stop: stop.clone(),
        seed: shared.seed,
    });
    traces.hand_out(scheduler.progress().scenarios());
    let outcome = runtime.block_on(scheduler.run());
    drop(aggregator);
    runtime.shutdown_timeout(Duration::from_millis(200));
    if let Some(error) = outcome.error {
        return Err(error);
    }
    if let Some(reason) = &outcome.stop {
        let what = format!("the dry run was ended early ({reason:?}), so nothing can be said of the whole");
        return Err(Error::new(ExitCode::of(reason.exit_code()), what));
    }
    let threw = shared.state.iterations_threw.load(Ordering::Relaxed);
    Ok((Dry { shared, outcome }, threw))
}

/// The same options with a few iterations of each scenario, one VU each, and no network.
fn dry_options(options: &Options, iterations: u64) -> Options {
    let mut dry = options.clone();
    for scenario in &mut dry.scenarios {
        scenario.executor = ExecutorConfig::SharedIterations { vus: 1, iterations, max_duration: DRY_LIMIT };
        scenario.start_time = Duration::ZERO;
        scenario.graceful_stop = Duration::ZERO;
    }
    dry.segmentation = Default::default();
    dry.thresholds = Vec::new();
    dry.paused = false;
    dry.net.dry_run = true;
    dry.net.rps = 0;
    dry
}

/// What a scenario is planned to do, over all instances.
fn work(scenario: &Scenario) -> Work {
    let seconds = |d: Duration| d.as_secs_f64();
    match &scenario.executor {
        ExecutorConfig::SharedIterations { vus, iterations, max_duration } => {
            Work::Iterations { count: *iterations as f64, concurrency: *vus as f64, within: Some(*max_duration) }
        }
        ExecutorConfig::PerVuIterations { vus, iterations, max_duration } => Work::Iterations {
            count: (*vus as f64) * (*iterations as f64),
            concurrency: *vus as f64,
            within: Some(*max_duration),
        },
        ExecutorConfig::ConstantVus { vus, duration } => Work::VuTime(*vus as f64 * seconds(*duration)),
        ExecutorConfig::ExternallyControlled { vus, duration, .. } => match duration {
            Some(duration) => Work::VuTime(*vus as f64 * seconds(*duration)),
            None => Work::Unlimited,
        },
        ExecutorConfig::RampingVus { start_vus, stages, .. } => {
            let length: Duration = stages.iter().map(|s| s.duration).sum();
            let steps = stages::steps(*start_vus, stages);
            let ends = steps.iter().skip(1).map(|s| s.at).chain([length]);
            Work::VuTime(steps.iter().zip(ends).map(|(s, end)| s.vus as f64 * seconds(end.saturating_sub(s.at))).sum())
        }
        ExecutorConfig::ConstantArrivalRate { rate, time_unit, duration, max_vus, .. } => Work::Iterations {
            count: rate * seconds(*duration) / seconds(*time_unit),
            concurrency: *max_vus as f64,
            within: Some(*duration),
        },
        ExecutorConfig::RampingArrivalRate { start_rate, time_unit, stages, max_vus, .. } => {
            let count = Schedule::ramping(*start_rate, *time_unit, stages).integral(Duration::MAX);
            Work::Iterations { count, concurrency: *max_vus as f64, within: Some(plan::length(&scenario.executor)) }
        }
        ExecutorConfig::ConstantTokenRate { rate, duration, tokens } => {
            tokens_due(&Schedule::constant(*rate, tokens.time_unit, *duration), tokens)
        }
        ExecutorConfig::RampingTokenRate { start_rate, stages, tokens } => {
            tokens_due(&Schedule::ramping(*start_rate, tokens.time_unit, stages), tokens)
        }
        ExecutorConfig::Sweep(sweep) => {
            let (loads, step) = (sweep.likely_loads(), seconds(sweep.step_duration));
            let sum: f64 = loads.iter().sum();
            match sweep.by {
                LoadKind::Vus => Work::VuTime(sum * step),
                LoadKind::Rate { time_unit, max_vus, .. } => Work::Iterations {
                    count: sum * step / seconds(time_unit),
                    concurrency: max_vus as f64,
                    within: Some(sweep.step_duration.saturating_mul(u32::try_from(loads.len()).unwrap_or(u32::MAX))),
                },
            }
        }
        ExecutorConfig::RateLimitProbe(probe) => Work::Iterations {
            count: probe.max_iterations as f64,
            concurrency: probe.vus() as f64,
            within: Some(probe.longest()),
        },
        ExecutorConfig::TraceReplay(replay) => {
            let length = replay.length();
            let passes = length.as_secs_f64() * replay.speed / seconds(replay.recording.length).max(1e-9);
            let count = replay.recording.times.len() as f64 * passes;
            Work::Iterations { count, concurrency: replay.max_vus as f64, within: Some(length) }
        }
    }
}

fn tokens_due(schedule: &Schedule, tokens: &TokenRate) -> Work {
    let whole = schedule.duration();
    Work::Tokens {
        tokens: schedule.integral(whole),
        count: tokens.count,
        concurrency: tokens.max_vus as f64,
        within: whole,
    }
}

/// Limits of the run's budget that the likely figures exceed.
fn above_budget(budget: &BudgetOptions, estimate: &Estimate) -> Vec<String> {
    let likely = |figures: Option<[f64; 3]>| figures.map(|f| f[1]);
    let tokens = likely(estimate.input()).zip(likely(estimate.output())).map(|(i, o)| i + o);
    let limits = [
        ("usd", budget.usd, likely(estimate.usd())),
        ("tokens", budget.tokens.map(|n| n as f64), tokens),
        ("requests", budget.requests.map(|n| n as f64), likely(estimate.calls())),
    ];
    let above = limits.into_iter().filter_map(|(unit, cap, likely)| {
        let (cap, likely) = (cap?, likely?);
        (likely > cap).then(|| format!("{unit}: likely {} of {}", figure(unit, likely), figure(unit, cap)))
    });
    above.collect()
}

fn figure(unit: &str, value: f64) -> String {
    match unit {
        "usd" if value >= 1e15 => format!("${value:.1e}"),
        "usd" => format!("${value:.4}"),
        _ => grouped(value),
    }
}

/// `1,234,567`; one decimal below ten, `1.2e20` beyond what anybody counts.
fn grouped(value: f64) -> String {
    if value >= 1e15 {
        return format!("{value:.1e}");
    }
    if value < 10.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The estimate for people.
fn shown(estimate: &Estimate, threw: u64, above: &[String]) -> String {
    let mut out = String::from("estimate: nothing was called\n\n");
    let row = |name: &str, unit: &str, figures: Option<[f64; 3]>, none: &str| {
        let cells = figures.map_or_else(
            || format!("{none:>14}"),
            |f| f.iter().map(|v| format!("{:>14}", figure(unit, *v))).collect::<String>(),
        );
        format!("  {name:<16}{cells}\n")
    };
    out += &format!("  {:<16}{:>14}{:>14}{:>14}\n", "", "low", "likely", "high");
    let endless = "without end";
    out += &row("calls", "", estimate.calls(), endless);
    out += &row("input tokens", "", estimate.input(), endless);
    out += &row("output tokens", "", estimate.output(), endless);
    let why = if estimate.unpriced().is_empty() { endless } else { "unknown" };
    out += &row("USD", "usd", estimate.usd(), why);
    for model in estimate.unpriced() {
        out +=
            &format!("\n  the price of model '{model}' is not known: give price: {{input, output}} or --prices FILE\n");
    }
    for line in &estimate.lines {
        out += &format!("\n  {} ({})\n", line.planned.name, line.planned.executor);
        let iterations = line.iterations.map(|i| i.map(|n| n.round()));
        out += &row("  iterations", "", iterations, endless);
        out += &format!(
            "    per iteration: calls {}, input tokens {}, output tokens {}, {:.1} s; from {} dry iterations\n",
            grouped(line.calls),
            grouped(line.input),
            grouped(line.output[1]),
            line.seconds[1],
            line.planned.dry_iterations
        );
        for (model, (exact, _)) in &line.models {
            out += &format!("    {model}: input {}\n", if *exact { "counted" } else { "estimated" });
        }
    }
    if threw > 0 {
        out += &format!("\n  ! {threw} dry iterations threw an exception: calls after it are missing (see the log)\n");
    }
    out += "\n  assumed:\n";
    for sentence in estimate.assumed() {
        out += &format!("    - {sentence}\n");
    }
    for limit in above {
        out += &format!("\n  ! above the budget: {limit}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stay_readable() {
        assert_eq!((grouped(1_234_567.0), grouped(2.25), grouped(7.0)), ("1,234,567".into(), "2.2".into(), "7".into()));
        assert_eq!((grouped(1e300), figure("usd", 0.5)), ("1.0e300".into(), "$0.5000".into()));
        assert_eq!(figure("usd", 1e300), "$1.0e300");
    }
}
