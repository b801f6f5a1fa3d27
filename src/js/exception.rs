//! What a person reads when a script throws: name, message, stack on the lines they wrote, and the place in the source.

use boa_engine::error::{EngineError, RuntimeLimitError};
use boa_engine::{Context, JsError, js_string};

use super::convert::text;
use super::globals::depth_guard::too_deep_to_show;
use super::shown::display;
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
        let mut header = header(error, context);
        let mut frame = String::new();
        let mut frames = Vec::new();
        for line in raw {
            let (text, place) = map_frame(line, script);
            if frame.is_empty()
                && let Some((url, line, column)) = place
                && let Some(module) = script.module(&url)
            {
                frame = code_frame(&module.original, line, column, 1);
                for (suffix, named_at) in NAMED {
                    if let Some(what) = header.strip_suffix(suffix)
                        && let Some(named) = named_at(&module.original, line, column)
                    {
                        header = format!("{what}{named}");
                        break;
                    }
                }
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
        "cannot convert 'null' or 'undefined' to object" => NULLISH.to_owned(),
        "module is not defined" | "exports is not defined" => format!(
            "{message}: this file is an ES module, and CommonJS cannot be mixed in; use either import and export or require() and module.exports"
        ),
        "not a callable function" => NOT_CALLABLE.to_owned(),
        "not a constructor" => NOT_CONSTRUCTOR.to_owned(),
        "access of uninitialized binding" => {
            "a variable is used before its let, const or class statement has run".to_owned()
        }
        other => other.to_owned(),
    }
}

/// What is said when the source does not tell more.
const NULLISH: &str = "cannot read or write a property of null or undefined";
const NOT_CALLABLE: &str = "what is called here is not a function";
const NOT_CONSTRUCTOR: &str = "what stands after `new` is not a constructor";

/// Finds at a line and column of the source what an error is about, and says the error with its name.
type NamedAt = fn(&str, u32, u32) -> Option<String>;

/// The errors that the source can name.
const NAMED: [(&str, NamedAt); 3] =
    [(NULLISH, nullish_at), (NOT_CALLABLE, callee_at), (NOT_CONSTRUCTOR, constructor_at)];

/// The source before and after a place.
fn around(source: &str, line: u32, column: u32) -> Option<(&str, &str)> {
    let text = source.lines().nth(line.checked_sub(1)? as usize)?;
    let at = text.char_indices().nth(column.checked_sub(1)? as usize)?.0;
    Some(text.split_at(at))
}

/// What is called at a place; the engine points at the parenthesis.
fn callee_at(source: &str, line: u32, column: u32) -> Option<String> {
    let (before, after) = around(source, line, column)?;
    let callee = owner(before).filter(|_| after.starts_with('('))?;
    Some(format!("{callee} is not a function"))
}

/// What `new` stands before; the engine points at `new`.
fn constructor_at(source: &str, line: u32, column: u32) -> Option<String> {
    let after = around(source, line, column)?.1.strip_prefix("new ")?.trim_start();
    let name = &after[..after.find(|c| !is_name(c)).unwrap_or(after.len())];
    (!name.is_empty()).then(|| format!("{name} is not a constructor"))
}

/// Names the property at a place of the source whose object was null or undefined. The engine knows neither name nor object; it
/// points at the property when it reads one, and at the beginning of the target when it writes one.
fn nullish_at(source: &str, line: u32, column: u32) -> Option<String> {
    let (before, after) = around(source, line, column)?;
    let chain = &after[..after.find(|c| !is_name(c)).unwrap_or(after.len())];
    let rest = after[chain.len()..].trim_start();
    if rest.starts_with('=') && !rest.starts_with("==") && !before.trim_end().ends_with('.') {
        let (object, name) = chain.rsplit_once('.')?;
        return Some(format!("cannot set property '{name}' of {object}, which is null or undefined"));
    }
    let before = before.trim_end();
    let name = chain.split('.').next().unwrap_or_default();
    if let Some(object) = before.strip_suffix('.') {
        return Some(match owner(object) {
            Some(object @ ("null" | "undefined")) => format!("cannot read property '{name}' of {object}"),
            Some(object) => format!("cannot read property '{name}' of {object}, which is null or undefined"),
            None if name.is_empty() => return None,
            None => format!("cannot read property '{name}' of null or undefined"),
        });
    }
    let object = owner(before.strip_suffix('[')?)?;
    Some(format!("cannot read an element of {object}, which is null or undefined"))
}

/// The plain chain of names that a text ends with; None when it is the end of a longer expression, such as `f().x`, whose name
/// would say the wrong thing.
fn owner(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let start = text.char_indices().rev().take_while(|(_, c)| is_name(*c)).last()?.0;
    let whole = !text[..start].ends_with([')', ']', '}', '"', '\'', '`', '?']);
    Some(&text[start..]).filter(|chain| whole && !chain.starts_with('.'))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '#')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_null_is_named_from_the_source() {
        for (source, column, expected) in [
            ("return r.body.foo.bar;", 15, Some("cannot read property 'foo' of r.body, which is null or undefined")),
            ("  r.a = 1;", 3, Some("cannot set property 'a' of r, which is null or undefined")),
            ("x[0]", 3, Some("cannot read an element of x, which is null or undefined")),
            ("f().foo", 5, Some("cannot read property 'foo' of null or undefined")),
            ("a[1].foo", 6, Some("cannot read property 'foo' of null or undefined")),
            (".foo", 2, Some("cannot read property 'foo' of null or undefined")),
            ("Object.keys(null)", 12, None),
            ("const { a } = b", 1, None),
            ("\u{e4}\u{fc}.foo", 4, Some("cannot read property 'foo' of \u{e4}\u{fc}, which is null or undefined")),
            ("", 1, None),
            ("x", 9, None),
        ] {
            assert_eq!(nullish_at(source, 1, column).as_deref(), expected, "{source}");
        }
        for (source, column, expected) in [
            ("o.a.f(1)", 6, Some("o.a.f is not a function")),
            ("f (1)", 3, Some("f is not a function")),
            ("o['f'](1)", 7, None),
            ("f()()", 4, None),
            ("f`x`", 2, None),
            ("f", 9, None),
        ] {
            assert_eq!(callee_at(source, 1, column).as_deref(), expected, "{source}");
        }
        assert_eq!(constructor_at("x = new o.Foo();", 1, 5).as_deref(), Some("o.Foo is not a constructor"));
        assert_eq!((constructor_at("new (3)()", 1, 1), constructor_at("newer()", 1, 1)), (None, None));
        assert_eq!(nullish_at("null.x", 1, 6).as_deref(), Some("cannot read property 'x' of null"));
        assert_eq!((nullish_at("x", 0, 1), nullish_at("x", 7, 1)), (None, None));
    }
}
