//! `sanitize`: production logs to datasets without secrets, a report of what was found, and a profile that holds no text at all.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use clap::Args;
use serde_json::Value;

use super::sanitize_output::{Output, write_json};
use super::tokens::chosen;
use crate::ai::tokens::{self, Tokenizer};
use crate::error::{Error, ExitCode};
use crate::sanitize::{Count, FORMATS, Fields, Findings, Format, Pass, Pattern, Row, Salt, Scrubber};
use crate::ui::terminal::Terminal;

/// Broken entries that are shown; the report lists more.
const SHOWN_BROKEN: usize = 10;

/// Arguments of `sanitize`.
#[derive(Args, Debug)]
pub(super) struct SanitizeArgs {
    /// Logs: JSON lines, JSON or CSV, also compressed with gzip or zstd; - for standard input
    #[arg(required = true)]
    logs: Vec<String>,
    /// Write the requests here, a JSON line each: at, inputTokens, outputTokens, messages; - for standard output
    #[arg(short, long, value_name = "FILE")]
    out: Option<String>,
    /// Write the requests without any text here, a JSON line each: at, inputTokens, outputTokens
    #[arg(long, value_name = "FILE")]
    trace: Option<String>,
    /// Write histograms of lengths and the pattern of arrivals here, as JSON
    #[arg(long, value_name = "FILE")]
    profile: Option<String>,
    /// Write what was found here, as JSON: counts by kind and field, never a value
    #[arg(long, value_name = "FILE")]
    report: Option<String>,
    /// Format of the logs: auto, csv, jsonl, langfuse, litellm or openai
    #[arg(long, value_name = "NAME", default_value = "auto")]
    format: String,
    /// A field of the log that holds a name, e.g. user.name: its value is removed from the texts; may be repeated
    #[arg(long = "field", value_name = "PATH")]
    fields: Vec<String>,
    /// A pattern of your own, e.g. ticket=TKT-[0-9]+; may be repeated
    #[arg(long = "pattern", value_name = "NAME=REGEX")]
    patterns: Vec<String>,
    /// Same salt, same pseudonyms. Keep it secret: with it guesses can be tested. Default: random, and nobody has it
    #[arg(long, alias = "seed", value_name = "TEXT", env = "INRUSH_SANITIZE_SALT", hide_env_values = true)]
    salt: Option<String>,
    /// Exit with 0 although some entries could not be read
    #[arg(long)]
    skip_broken: bool,
    /// Count tokens the logs do not state as this model does (default: the model each entry names)
    #[arg(short, long, value_name = "NAME", conflicts_with = "tokenizer")]
    model: Option<String>,
    /// Count them with this tokenizer: cl100k_base, o200k_base, o200k_harmony, estimate, or the path of a tokenizer.json
    #[arg(short, long, value_name = "NAME")]
    tokenizer: Option<String>,
}

/// Reads the logs one after the other.
pub(super) fn run(args: &SanitizeArgs, terminal: &Terminal) -> Result<u8, Error> {
    let (mut pass, counter) = prepare(args)?;
    let mut dataset = args.out.as_deref().map(|to| Output::open("--out", to, Row::dataset_line)).transpose()?;
    let mut trace = args.trace.as_deref().map(|to| Output::open("--trace", to, Row::trace_line)).transpose()?;
    let mut failed = None;
    for log in &args.logs {
        let mut late = 0;
        let result = open(log).and_then(|input| {
            pass.read(log, input, &counter, &mut |row| {
                let outputs = [&mut dataset, &mut trace];
                let written =
                    outputs.into_iter().flatten().try_fold(false, |late, output| Ok(output.write(row)? | late));
                written.map(|is_late| late += u64::from(is_late))
            })
        });
        pass.findings.out_of_order += late;
        if let Err(error) = result {
            failed = Some((log, error));
            break;
        }
    }
    let mut problems = Vec::new();
    if let Some((log, error)) = failed {
        // A writer that failed has said what it is about; anything else is the log.
        let said = error.to_string();
        let about = if said.starts_with("--") { said } else { format!("'{log}' cannot be read: {error}") };
        problems.push(format!("{about}; {} requests were written before", pass.findings.records));
    }
    for output in [dataset, trace].into_iter().flatten() {
        problems.extend(output.finish(-pass.earliest).err());
    }
    for (flag, to, json) in
        [("--profile", &args.profile, pass.profile.json()), ("--report", &args.report, pass.findings.json())]
    {
        if let Some(to) = to {
            problems.extend(write_json(flag, to, &json).err());
        }
    }
    terminal.line(&summary(args, &pass.findings));
    let nowhere = pass.found_nowhere();
    if !nowhere.is_empty() {
        tracing::warn!(
            "found nowhere in these logs: {}; check the spelling, or personal data may be left",
            nowhere.join(", ")
        );
    }
    let findings = &pass.findings;
    if findings.broken_count > 0 && !args.skip_broken {
        problems.push(format!(
            "{} of {} entries could not be read, and are in no output; the {} requests that could be are complete",
            findings.broken_count, findings.entries, findings.records
        ));
    }
    if findings.records == 0 && problems.is_empty() {
        problems.push(nothing_found(findings));
    }
    if problems.is_empty() {
        return Ok(ExitCode::Ok as u8);
    }
    let error = Error::usage(problems.join("\n       "));
    let broken = findings.broken_count > 0 && !args.skip_broken;
    Err(if broken { error.with_hint("--skip-broken accepts this; --report FILE lists all of them") } else { error })
}

fn nothing_found(findings: &Findings) -> String {
    format!(
        "no request was found in {} entries: none has a prompt or messages where a known format has them (formats: {})",
        findings.entries,
        FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ")
    )
}

/// Checks all flags at once.
fn prepare(args: &SanitizeArgs) -> Result<(Pass, Counter), Error> {
    let mut problems = Vec::new();
    let mut note = |flag: &str, result: Result<(), String>| {
        if let Err(why) = result {
            problems.push(format!("{flag}: {why}"));
        }
    };
    let format = match args.format.as_str() {
        "auto" => None,
        name => {
            let format = Format::by_name(name);
            let known: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
            note(
                "--format",
                format.map(drop).ok_or_else(|| format!("unknown format '{name}'; known: auto, {}", known.join(", "))),
            );
            format
        }
    };
    let fields = Fields::parse(&args.fields).unwrap_or_else(|why| {
        note("--field", Err(why));
        Fields::default()
    });
    let mut patterns = Vec::new();
    for text in &args.patterns {
        match Pattern::parse(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(why) => note("--pattern", Err(why)),
        }
    }
    if args.out.is_none() && args.trace.is_none() && args.profile.is_none() && args.report.is_none() {
        note("--out", Err("nothing would be written: give --out, --trace, --profile or --report".to_owned()));
    }
    if args.logs.iter().filter(|log| *log == "-").count() > 1 {
        note("LOGS", Err("standard input can be read only once".to_owned()));
    }
    let outputs =
        [("--out", &args.out), ("--trace", &args.trace), ("--profile", &args.profile), ("--report", &args.report)];
    let outputs: Vec<(&str, &str)> =
        outputs.into_iter().filter_map(|(flag, to)| Some((flag, to.as_deref()?))).collect();
    for (at, (flag, to)) in outputs.iter().enumerate() {
        if args.logs.iter().any(|log| same_file(log, to)) {
            note(flag, Err(format!("'{to}' is one of the logs, and would be overwritten before it is read")));
        }
        if let Some((other, _)) = outputs[..at].iter().find(|(_, other)| other == to || same_file(other, to)) {
            note(flag, Err(format!("'{to}' is already where {other} goes")));
        }
    }
    for log in args.logs.iter().filter(|log| *log != "-") {
        note("LOGS", std::fs::metadata(log).map_err(|e| format!("'{log}' cannot be read: {e}")).map(drop));
    }
    let own = args.model.is_some() || args.tokenizer.is_some();
    let tokenizer =
        if own { chosen(args.model.as_deref(), args.tokenizer.as_deref()).map(|(t, _)| Some(t)) } else { Ok(None) };
    let tokenizer = tokenizer.unwrap_or_else(|error| {
        problems.push(error.message().to_owned());
        None
    });
    if !problems.is_empty() {
        return Err(Error::usage(problems.join("\n       ")));
    }
    let salt = match &args.salt {
        Some(salt) => Salt::new(salt.as_bytes()),
        None => Salt::new(rand::random::<[u8; 32]>()),
    };
    Ok((
        Pass::new(Scrubber::new(salt, patterns), fields, format),
        Counter { all: tokenizer, by_model: Default::default() },
    ))
}

fn same_file(a: &str, b: &str) -> bool {
    let path = |text: &str| if text == "-" { None } else { Path::new(text).canonicalize().ok() };
    path(a).is_some_and(|a| path(b) == Some(a))
}

/// A log as bytes, decompressed.
fn open(log: &str) -> io::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = if log == "-" { Box::new(io::stdin()) } else { Box::new(std::fs::File::open(log)?) };
    let mut raw = BufReader::with_capacity(1 << 17, raw);
    let start = raw.fill_buf()?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(raw)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(raw)?))
    } else {
        Box::new(raw)
    })
}

/// Counts as the entry's model does, or all alike.
struct Counter {
    all: Option<&'static Tokenizer>,
    by_model: std::cell::RefCell<HashMap<String, &'static Tokenizer>>,
}

/// Most models whose tokenizer is remembered: more are no models.
const MOST_MODELS: usize = 1000;

impl Counter {
    fn tokenizer(&self, model: Option<&str>) -> &'static Tokenizer {
        if let Some(all) = self.all {
            return all;
        }
        let model = model.unwrap_or("gpt-4o");
        let mut known = self.by_model.borrow_mut();
        if let Some(tokenizer) = known.get(model) {
            return tokenizer;
        }
        let (tokenizer, _) = tokens::for_model(model);
        if known.len() < MOST_MODELS {
            known.insert(model.to_owned(), tokenizer);
        }
        tokenizer
    }
}

impl Count for Counter {
    fn messages(&self, model: Option<&str>, messages: &[Value]) -> u64 {
        self.tokenizer(model).count_messages(messages)
    }

    fn text(&self, model: Option<&str>, text: &str) -> u64 {
        self.tokenizer(model).count(text)
    }
}

/// What is printed on standard error.
fn summary(args: &SanitizeArgs, findings: &Findings) -> String {
    let mut lines = vec![format!("{} requests in {} entries", findings.records, findings.entries)];
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            lines.push(format!("  {count} {what}"));
        }
    };
    note(findings.skipped, "entries have no prompt: passed over");
    note(findings.broken_count, "entries could not be read");
    note(findings.counted, "requests whose tokens the log does not state: counted here");
    note(findings.parts_left_out, "parts of messages that are no text (images, audio, ...): left out");
    note(findings.without_time, "requests without a time: they have no `at`");
    note(findings.out_of_order, "requests came before the first one: they have no `at`; write to a file to keep it");
    let kinds = findings.kinds();
    lines.push(if kinds.is_empty() { "nothing to replace was found".to_owned() } else { "replaced:".to_owned() });
    let width = kinds.iter().map(|(kind, _)| kind.chars().count()).max().unwrap_or(0);
    lines.extend(kinds.iter().map(|(kind, count)| format!("  {kind:width$}  {count}")));
    for broken in findings.broken.iter().take(SHOWN_BROKEN) {
        lines.push(format!("{}:{}: {}", broken.file, broken.line, broken.why));
    }
    if findings.broken_count > SHOWN_BROKEN as u64 {
        lines.push(format!("... and {} more", findings.broken_count - SHOWN_BROKEN as u64));
    }
    let written =
        [("dataset", &args.out), ("trace", &args.trace), ("profile", &args.profile), ("report", &args.report)];
    for (what, to) in written {
        if let Some(to) = to.as_deref().filter(|to| *to != "-") {
            lines.push(format!("{what}: {to}"));
        }
    }
    lines.join("\n")
}
