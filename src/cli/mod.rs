//! The command line: one file per subcommand. Argument shapes and wiring only.

mod absent;
mod archive;
mod budgets;
mod compare;
mod deps;
mod estimate;
mod flag_problems;
mod inspect;
mod linger;
mod mock;
mod mock_file;
mod mock_flags;
mod new;
mod option_flags;
mod panics;
mod preflight;
mod probe;
mod remote;
mod report;
mod run;
mod sanitize;
mod sanitize_output;
mod script_flags;
mod session;
mod summary_out;
mod sweep;
mod sweep_shape;
mod tokens;
mod traces;
mod verify;
mod web_dashboard;

use std::io::Write;
use std::sync::Arc;

use clap::builder::Resettable;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::error::{Error, ExitCode};
use crate::ui::log::{self, Format, Target};
use crate::ui::terminal::Terminal;

/// A k6-style load-testing engine for AI systems.
#[derive(Parser, Debug)]
#[command(name = "inrush", version, max_term_width = 110, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a script: `inrush run script.js`, `.ts`, or `-` for standard input
    Run(Box<run::RunArgs>),
    /// Serve a mock of the model APIs (OpenAI, Anthropic, Gemini, Bedrock, Ollama, ...) with exact pacing
    Mock(Box<mock::MockArgs>),
    /// Write a first script from a template
    New(new::NewArgs),
    /// Write a script with all it needs into one file, which run takes
    Archive(Box<archive::ArchiveArgs>),
    /// Print a script's options as JSON without running it
    Inspect(Box<inspect::InspectArgs>),
    /// Print what a script imports
    Deps(Box<deps::DepsArgs>),
    /// Predict the tokens and dollars of a run without calling anything
    Estimate(Box<estimate::EstimateArgs>),
    /// Find how much load a model server bears: throughput and latency step by step, or the highest load that meets objectives
    Sweep(Box<sweep::SweepArgs>),
    /// Count the tokens of texts
    Tokens(tokens::TokensArgs),
    /// Find the limits of an account by asking its provider, within a budget
    Probe(Box<probe::ProbeArgs>),
    /// Compare what a run measured with the truth log of the mock
    Verify(verify::VerifyArgs),
    /// Turn production logs into datasets without personal data and secrets
    Sanitize(Box<sanitize::SanitizeArgs>),
    /// Tell what differs between runs (files of run --summary-json), whether it is more than chance, and gate on it
    Compare(compare::CompareArgs),
    /// Render files of run --summary-json again: as text, Markdown, JUnit, CSV or annotations
    Report(report::ReportArgs),
    /// Show the status of a run that has a REST API (run --address)
    Status,
    /// Pause a run before its start, or its externally-controlled VUs
    Pause,
    /// Resume a paused run
    Resume,
    /// Set the VUs of a run with an externally-controlled scenario
    Scale {
        /// VUs that run
        #[arg(short = 'u', long, value_name = "N")]
        vus: Option<u64>,
        /// VUs that are initialised
        #[arg(short = 'm', long, value_name = "N")]
        max: Option<u64>,
    },
    /// Show the metrics of a run
    Stats,
    /// Print a completion script for a shell
    #[command(visible_alias = "completion")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// k6's experimental features
    #[command(hide = true)]
    Features,
    /// Commands of k6 extensions: not available
    #[command(hide = true)]
    X(Ignored),
    /// Grafana Cloud k6: not available
    #[command(hide = true)]
    Cloud(Ignored),
    /// Grafana Cloud k6: not available
    #[command(hide = true)]
    Login(Ignored),
}

/// Whatever follows a command that only has a message.
#[derive(Args, Debug)]
struct Ignored {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<String>,
}

/// Flags of every subcommand.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global flags")]
pub(crate) struct GlobalFlags {
    /// No progress display
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log more
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// No colours
    #[arg(long, global = true, env = "K6_NO_COLOR", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_color: bool,
    /// Shape of log lines: text, json or raw
    #[arg(long, global = true, default_value = "text", value_name = "FORMAT", env = "K6_LOG_FORMAT")]
    pub(crate) log_format: Format,
    /// Where log lines go: stderr, stdout, none or file=PATH
    #[arg(long, global = true, default_value = "stderr", value_name = "TARGET", env = "K6_LOG_OUTPUT")]
    pub(crate) log_output: Target,
    /// Where the REST API listens, or where a command finds it, e.g. localhost:6565
    #[arg(short, long, global = true, value_name = "HOST:PORT", env = "K6_ADDRESS")]
    pub(crate) address: Option<String>,
    /// Accepted for k6's sake: use perf or samply on the process
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    profiling_enabled: Option<String>,
}

/// Parses the command line, runs the subcommand, and reports a failure. Returns the exit code.
pub fn main(args: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let args: Vec<std::ffi::OsString> = args.into_iter().collect();
    let as_k6 = called_k6(args.first());
    let name = if as_k6 { "k6" } else { "inrush" };
    let command = without_empty_variables(Cli::command()).name(name).bin_name(name);
    let parsed = command.clone().try_get_matches_from(&args).and_then(|found| Cli::from_arg_matches(&found));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(e) => return say(&command, &args, &e),
    };
    let terminal = Arc::new(Terminal::stderr(cli.global.no_color));
    let console = match &cli.command {
        Command::Run(args) => args.console_output(),
        _ => None,
    };
    let started = log::start(
        cli.global.log_format,
        cli.global.log_output.clone(),
        cli.global.verbose,
        console.as_deref(),
        Arc::clone(&terminal),
    );
    if cli.global.profiling_enabled.as_deref().is_some_and(|on| on != "false") {
        tracing::warn!("--profiling-enabled: profiles are not served; use perf or samply on the process");
    }
    let result = started.and_then(|()| match cli.command {
        Command::Run(args) => run::run(*args, &cli.global, &terminal),
        Command::Mock(args) => mock::run(*args, &terminal),
        Command::New(args) => new::run(&args, as_k6),
        Command::Archive(args) => archive::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Deps(args) => deps::run(&args),
        Command::Estimate(args) => estimate::run(&args),
        Command::Sweep(args) => sweep::run(*args, &cli.global, &terminal),
        Command::Compare(args) => compare::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Tokens(args) => tokens::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Verify(args) => verify::run(&args, &terminal),
        Command::Sanitize(args) => sanitize::run(&args, &terminal),
        Command::Status => remote::run(remote::Request::Status, cli.global.address.as_deref()),
        Command::Pause => remote::run(remote::Request::Pause, cli.global.address.as_deref()),
        Command::Resume => remote::run(remote::Request::Resume, cli.global.address.as_deref()),
        Command::Scale { vus, max } => remote::run(remote::Request::Scale { vus, max }, cli.global.address.as_deref()),
        Command::Stats => remote::run(remote::Request::Stats, cli.global.address.as_deref()),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), name, &mut out);
            print(&out)
        }
        Command::Version { json } => print(version(as_k6, json).as_bytes()),
        Command::Features => absent::features(),
        Command::X(_) => absent::extension(),
        Command::Cloud(_) => absent::cloud("cloud"),
        Command::Login(_) => absent::cloud("login"),
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            report(&error, &terminal);
            error.code() as u8
        }
    }
}

/// Prints help, the version or what is wrong with the command line. Returns the exit code.
fn say(command: &clap::Command, args: &[std::ffi::OsString], error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::Ok as u8;
    }
    let problems = flag_problems::all(command, args, error);
    if problems.len() < 2 {
        let _ = error.print();
    } else {
        let mut text = format!("error: there are {} problems, and nothing was run:\n", problems.len());
        for problem in &problems {
            text.push_str(&format!("  - {problem}\n"));
        }
        text.push_str("help:  `--help` lists all flags\n");
        let _ = std::io::stderr().write_all(crate::redact::clean(&text).as_bytes());
    }
    ExitCode::Usage as u8
}

/// An empty variable counts as not set, as in k6: compose files pass on what they do not have.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if arg.get_env().is_some_and(empty) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// The version of k6 whose behaviour is followed.
const K6_VERSION: &str = "2.2.0";

/// Whether the program was called by a link named `k6`: then it looks like k6 from outside.
fn called_k6(program: Option<&std::ffi::OsString>) -> bool {
    let name = program.map(std::path::Path::new).and_then(std::path::Path::file_stem);
    name.is_some_and(|name| name.eq_ignore_ascii_case("k6"))
}

/// One line; as k6 in the shape of k6's, with the version of k6 that is followed, and who speaks.
fn version(as_k6: bool, json: bool) -> String {
    let (own, os, arch) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    let arch = match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    match (as_k6, json) {
        (true, false) => format!("k6 v{K6_VERSION} (inrush v{own}, {os}/{arch})\n"),
        (false, false) => format!("inrush v{own}\n"),
        (_, true) => {
            let version = if as_k6 { format!("v{K6_VERSION}") } else { format!("v{own}") };
            let k6 = format!("v{K6_VERSION}");
            format!(
                "{}\n",
                serde_json::json!({ "version": version, "inrush": own, "k6_compatible": k6, "os": os, "arch": arch })
            )
        }
    }
}

fn print(bytes: &[u8]) -> Result<u8, Error> {
    // A closed pipe (`inrush ... | head`) is no failure.
    let _ = std::io::stdout().write_all(bytes);
    Ok(ExitCode::Ok as u8)
}

/// Shows an error with its hint, above whatever progress is on the screen.
pub(crate) fn report(error: &Error, terminal: &Terminal) {
    let mut text = format!("error: {}", error.message());
    if let Some(hint) = error.hint() {
        text.push_str("\nhelp:  ");
        text.push_str(hint);
    }
    terminal.line(&crate::redact::clean(&text));
}
