//! The command line: one file per subcommand. Argument shapes and wiring only.

mod mock;
mod mock_flags;
mod option_flags;
mod panics;
mod preflight;
mod run;
mod summary_out;

use std::io::Write;
use std::sync::Arc;

use clap::{Args, CommandFactory, Parser, Subcommand};

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
    /// Serve a mock LLM endpoint (OpenAI chat dialect) with exact pacing
    Mock(Box<mock::MockArgs>),
    /// Print a completion script for a shell
    #[command(visible_alias = "completion")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version,
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
}

/// Parses the command line, runs the subcommand, and reports a failure. Returns the exit code.
pub fn main(args: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return if e.use_stderr() { ExitCode::Usage as u8 } else { 0 };
        }
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
    let result = started.and_then(|()| match cli.command {
        Command::Run(args) => run::run(*args, &cli.global, &terminal),
        Command::Mock(args) => mock::run(*args, &terminal),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "inrush", &mut out);
            print(&out)
        }
        Command::Version => print(format!("inrush v{}\n", env!("CARGO_PKG_VERSION")).as_bytes()),
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            report(&error, &terminal);
            error.code() as u8
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
