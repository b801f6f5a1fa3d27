//! Log lines in k6's shapes: `time="..." level=info msg="..." source=console`, JSON, raw, or coloured on a terminal.
//!
//! Everything inside logs through `tracing`; this file only decides how it looks and where it goes.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::terminal::Terminal;
use crate::error::Error;
use crate::redact;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `key=value` pairs; coloured and short on a terminal.
    Text,
    /// One JSON object a line.
    Json,
    /// The message alone.
    Raw,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// stderr, above the progress display.
    Stderr,
    /// stdout.
    Stdout,
    /// Nowhere.
    None,
    /// Appended to a file.
    File(String),
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "stderr" => Ok(Self::Stderr),
            "stdout" => Ok(Self::Stdout),
            "none" => Ok(Self::None),
            other => match other.strip_prefix("file=").or_else(|| other.strip_prefix("file:")) {
                Some(path) if !path.is_empty() => {
                    Ok(Self::File(path.split(",level=").next().unwrap_or(path).to_owned()))
                }
                _ if other.starts_with("loki") => {
                    Err("logs are not sent to Loki by this version; use file=PATH and ship the file".to_owned())
                }
                _ => Err(format!("unknown log output '{other}'; known: stderr, stdout, none, file=PATH")),
            },
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "text" | "" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "raw" => Ok(Self::Raw),
            other => Err(format!("unknown log format '{other}'; known: text, json, raw")),
        }
    }
}

struct LogLayer {
    format: Format,
    terminal: Arc<Terminal>,
    target: Target,
    file: Option<Mutex<File>>,
    console: Option<Mutex<File>>,
    start: Instant,
    verbose: bool,
}

/// Starts logging. `console_output` takes what scripts print, instead of the log.
///
/// # Errors
/// A log file that cannot be opened.
pub fn start(
    format: Format,
    target: Target,
    verbose: bool,
    console_output: Option<&str>,
    terminal: Arc<Terminal>,
) -> Result<(), Error> {
    let open = |path: &str| {
        if let Some(folder) = std::path::Path::new(path).parent().filter(|f| !f.as_os_str().is_empty()) {
            // What goes wrong here is told by the next step.
            let _ = std::fs::create_dir_all(folder);
        }
        File::options()
            .create(true)
            .append(true)
            .open(path)
            .map(Mutex::new)
            .map_err(|e| Error::usage(format!("cannot write the log to '{path}': {e}")))
    };
    let file = match &target {
        Target::File(path) => Some(open(path)?),
        _ => None,
    };
    let console = console_output.map(open).transpose()?;
    let layer = LogLayer { format, terminal, target, file, console, start: Instant::now(), verbose };
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::registry().with(layer).try_init();
    Ok(())
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: Vec<(&'static str, String)>,
}

impl Fields {
    /// Masks secrets, before anything is quoted or escaped.
    fn redact(&mut self) {
        if redact::is_active() {
            self.message = redact::clean(&self.message).into_owned();
            for (_, value) in &mut self.rest {
                *value = redact::clean(value).into_owned();
            }
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.rest.push((field.name(), value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.rest.push((field.name(), text));
        }
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        let ours = metadata.target().starts_with("inrush") || matches!(metadata.target(), "console" | "http");
        let most = if self.verbose { Level::DEBUG } else { Level::INFO };
        ours && *metadata.level() <= most
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        fields.redact();
        let level = *event.metadata().level();
        if event.metadata().target() == "console"
            && let Some(console) = &self.console
        {
            let line = line(Format::Text, level, &fields, false, self.start);
            let _ = writeln!(console.lock().unwrap_or_else(|e| e.into_inner()), "{line}");
            return;
        }
        match &self.target {
            Target::None => {}
            Target::Stderr => {
                self.terminal.line(&line(self.format, level, &fields, self.terminal.colors(), self.start))
            }
            Target::Stdout => {
                let _ = writeln!(std::io::stdout(), "{}", line(self.format, level, &fields, false, self.start));
            }
            Target::File(_) => {
                if let Some(file) = &self.file {
                    let text = line(self.format, level, &fields, false, self.start);
                    let _ = writeln!(file.lock().unwrap_or_else(|e| e.into_inner()), "{text}");
                }
            }
        }
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        _ => "debug",
    }
}

fn now() -> String {
    let now = time::OffsetDateTime::now_utc();
    let now = time::UtcOffset::current_local_offset().map_or(now, |o| now.to_offset(o));
    let now = now.replace_nanosecond(0).unwrap_or(now);
    now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

fn line(format: Format, level: Level, fields: &Fields, colors: bool, start: Instant) -> String {
    match format {
        Format::Raw => fields.message.clone(),
        Format::Json => {
            let mut map = Map::new();
            for (key, value) in &fields.rest {
                map.insert((*key).to_owned(), Value::String(value.clone()));
            }
            map.insert("level".to_owned(), level_name(level).into());
            map.insert("msg".to_owned(), fields.message.clone().into());
            map.insert("time".to_owned(), now().into());
            Value::Object(map).to_string()
        }
        Format::Text if colors => {
            let (color, name) = match level {
                Level::ERROR => (31, "ERRO"),
                Level::WARN => (33, "WARN"),
                Level::INFO => (36, "INFO"),
                _ => (37, "DEBU"),
            };
            let mut out = format!("\x1b[{color}m{name}\x1b[0m[{:04}] {}", start.elapsed().as_secs(), fields.message);
            for (key, value) in &fields.rest {
                let _ = write!(out, " \x1b[{color}m{key}\x1b[0m={value}");
            }
            out
        }
        Format::Text => {
            let mut out = format!("time=\"{}\" level={} msg={}", now(), level_name(level), quoted(&fields.message));
            for (key, value) in &fields.rest {
                let _ = write!(out, " {key}={}", quoted(value));
            }
            out
        }
    }
}

/// A value as logrus writes it: bare when simple, else quoted and escaped.
fn quoted(value: &str) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if !value.is_empty() && value.chars().all(simple) {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_k6s_shape() {
        let fields = Fields { message: "a \"b\"\n\tat x".into(), rest: vec![("source", "console".into())] };
        let text = line(Format::Text, Level::INFO, &fields, false, Instant::now());
        assert!(text.ends_with(r#" level=info msg="a \"b\"\n\tat x" source=console"#), "{text}");
        let word = Fields { message: "word".into(), rest: Vec::new() };
        assert!(line(Format::Text, Level::INFO, &word, false, Instant::now()).ends_with(" msg=word"));
        let json: Value =
            serde_json::from_str(&line(Format::Json, Level::ERROR, &fields, false, Instant::now())).unwrap();
        assert_eq!(json["level"], "error");
        assert_eq!(json["source"], "console");
    }

    #[test]
    fn targets_and_formats_parse() {
        assert_eq!("file=a.log".parse(), Ok(Target::File("a.log".into())));
        assert!("loki=x".parse::<Target>().is_err());
        assert!("yaml".parse::<Format>().is_err());
    }
}
