//! What a person reads when a script throws: name, message, stack on the lines they wrote, and the place in the source.

use boa_engine::error::{EngineError, RuntimeLimitError};
use boa_engine::{Context, JsError, js_string};

use super::convert::text;
use super::globals::depth_guard::too_deep_to_show;
use super::json_stringify::display;
use crate::script::Script;
use crate::script::code_frame::code_frame;

/// Most frames that are shown.
const MAX_FRAMES: usize = 20;

/// An exception as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    /// `TypeError: not a function`.
    pub(crate) header: String,
    /// `at name (file:///x.js:3:9)`, innermost first.
    pub(crate) frames: Vec<String>,
    /// The lines around the innermost frame in the user's source; empty when unknown.
    pub(crate) frame: String,
}

impl Exception {
    /// Describes an error; `context` is only used to read its properties.
    pub(crate) fn new(error: &JsError, script: &Script, context: &mut Context) -> Self {
        // Showing a thrown value recurses in the engine; one that is too deep is shown by `header` alone.
        let shown = match error.as_opaque() {
            Some(value) if too_deep_to_show(value, context) => String::new(),
            _ => error.to_string(),
        };
        let mut raw: Vec<&str> = shown.lines().rev().map_while(|l| l.strip_prefix("    at ")).collect();
        raw.reverse();
        let header = header(error, context);
        let mut frame = String::new();
        let mut frames = Vec::new();
        for line in raw {
            let (text, place) = map_frame(line, script);
            if frame.is_empty()
                && let Some((url, line, column)) = place
                && let Some(module) = script.module(&url)
            {
                frame = code_frame(&module.original, line, column, 1);
            }
            if frames.len() < MAX_FRAMES {
                frames.push(text);
            }
        }
        Self { header, frames, frame }
    }

    /// Header and stack as k6 logs them: one string with `\n\tat ...` lines.
    pub(crate) fn stack(&self) -> String {
        let mut out = self.header.clone();
        for frame in &self.frames {
            out.push_str("\n\tat ");
            out.push_str(frame);
        }
        out
    }

    /// Stack and source lines, for errors that end the run.
    pub(crate) fn full(&self) -> String {
        if self.frame.is_empty() { self.stack() } else { format!("{}\n\n{}", self.stack(), self.frame) }
    }
}

fn header(error: &JsError, context: &mut Context) -> String {
    if let Some(engine) = error.as_engine() {
        return match engine {
            EngineError::RuntimeLimit(RuntimeLimitError::Recursion | RuntimeLimitError::StackSize) => {
                "RangeError: Maximum call stack size exceeded".to_owned()
            }
            EngineError::RuntimeLimit(RuntimeLimitError::LoopIteration) => {
                "RangeError: a loop ran more often than the engine allows; it looks endless".to_owned()
            }
            other => other.to_string(),
        };
    }
    if let Some(native) = error.as_native() {
        let message = explain(native.message());
        let kind = native.kind().to_string();
        return if message.is_empty() { kind } else { format!("{kind}: {message}") };
    }
    let Some(value) = error.as_opaque() else { return "unknown error".to_owned() };
    let Some(object) = value.as_object() else { return format!("Uncaught {}", display(value, context)) };
    let mut read = |key: boa_engine::JsString| {
        object.get(key, context).ok().and_then(|v| v.as_string()).map(|s| text(&s)).unwrap_or_default()
    };
    let (name, message) = (read(js_string!("name")), read(js_string!("message")));
    match (name.is_empty(), message.is_empty()) {
        (false, false) => format!("{name}: {}", explain(&message)),
        (false, true) => name,
        (true, false) => message,
        (true, true) => format!("Uncaught {}", display(value, context)),
    }
}

/// The engine's terse messages in the words people know.
pub(crate) fn explain(message: &str) -> String {
    match message {
        "cannot convert 'null' or 'undefined' to object" => {
            "cannot read or write a property of null or undefined".to_owned()
        }
        "not a callable function" => "what is called here is not a function".to_owned(),
        other => other.to_owned(),
    }
}

type Place = (String, u32, u32);

/// A frame of the engine on the user's lines. Frames look like `name (path:line:column)` or `name (native)`.
pub(crate) fn map_frame(raw: &str, script: &Script) -> (String, Option<Place>) {
    let Some((name, rest)) = raw.rsplit_once(" (") else { return (raw.to_owned(), None) };
    if rest.starts_with("native") {
        return (format!("{name} (native)"), None);
    }
    let place = rest.strip_suffix(')').and_then(|p| {
        let (p, column) = p.rsplit_once(':')?;
        let (url, line) = p.rsplit_once(':')?;
        let url = url.trim_matches('"');
        let (line, column) = script.original_position(url, line.parse().ok()?, column.parse().ok()?);
        Some((url.to_owned(), line, column))
    });
    match place {
        Some((url, line, column)) => (format!("{name} ({url}:{line}:{column})"), Some((url, line, column))),
        None => (raw.to_owned(), None),
    }
}
