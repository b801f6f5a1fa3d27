//! `inrush mock`: serves the mock until it is interrupted.

use clap::Args;

use super::mock_file::{self, Server};
use super::mock_flags::{MockKnobs, config};
use crate::error::{Error, ExitCode};
use crate::mock;
use crate::ui::terminal::Terminal;

/// Arguments of `inrush mock`.
#[derive(Args, Debug)]
pub(crate) struct MockArgs {
    #[command(flatten)]
    knobs: MockKnobs,
    /// A file with the flags by name, in YAML or JSON, for one server or several
    #[arg(short, long, value_name = "FILE")]
    config: Option<String>,
    /// Stop after this time instead of waiting for an interrupt
    #[arg(long = "for", value_name = "TIME")]
    run_for: Option<String>,
}

/// Serves until SIGINT or SIGTERM; prints the base URL on stdout.
pub(crate) fn run(args: MockArgs, terminal: &Terminal) -> Result<u8, Error> {
    let limit = args
        .run_for
        .as_deref()
        .map(|text| {
            crate::options::parse_duration(text)
                .map_err(|e| Error::usage(format!("--for {text}: {e}")).with_hint("write a time such as 30s"))
        })
        .transpose()?;
    let wrong = |problems: Vec<String>| Error::usage(problems.join("\n       "));
    let wanted = match &args.config {
        Some(file) => mock_file::read(file, &args.knobs.0).map_err(wrong)?,
        None => vec![Server { name: String::new(), config: config(&args.knobs.0, "").map_err(wrong)? }],
    };
    let mut servers = Vec::new();
    for Server { name, config } in wanted {
        let recording = config.record.as_ref().map(|url| (url.clone(), config.record_to.display().to_string()));
        let server = mock::start(config)?;
        // Data for programs: the address alone, or after its name where there are several.
        let named = if name.is_empty() { String::new() } else { format!("{name} ") };
        super::print(format!("{named}{}\n", server.base_url()).as_bytes())?;
        let base = format!("{named}at {}", server.base_url());
        terminal.line(&match (recording, server.recordings()) {
            (Some((url, file)), _) => {
                format!("passing requests {base} on to {url}, recording its answers to {file} (Ctrl-C stops it)")
            }
            (None, 0) => format!("mock LLM server {base} (Ctrl-C stops it)"),
            (None, n) => format!("mock LLM server {base}, replaying {n} recorded answers (Ctrl-C stops it)"),
        });
        servers.push(server);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ExitCode::Panic, format!("cannot start the runtime: {e}")))?;
    runtime.block_on(async {
        let limit = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending::<()>().await,
            }
        };
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        let terminated = async {
            match terminate.as_mut() {
                Some(signal) => {
                    signal.recv().await;
                }
                None => std::future::pending::<()>().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminated => {}
            () = limit => {}
        }
    });
    for server in servers {
        let _ = server.stop();
    }
    Ok(ExitCode::Ok as u8)
}
