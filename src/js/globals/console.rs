//! `console.log` and its siblings: to the log (stderr) or, with `--console-output`, to a file.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};

use crate::js::convert::{Native, arg, define, entries, function, to_text};
use crate::js::shown::display;

/// Labels of counters and timers a VU may have; more are ignored, so that labels with ids in them stay harmless.
const MAX_LABELS: usize = 1_000;

/// Rows and columns `console.table` shows.
const MAX_CELLS: usize = 200;

/// Groups, counters and timers of one context.
#[derive(Default)]
struct State {
    depth: Cell<usize>,
    counts: RefCell<HashMap<String, u64>>,
    timers: RefCell<HashMap<String, Instant>>,
}

struct StateData(Rc<State>);

fn state(context: &mut Context) -> Rc<State> {
    if let Some(state) = context.get_data::<StateData>() {
        return Rc::clone(&state.0);
    }
    let state = Rc::new(State::default());
    context.insert_data(StateData(Rc::clone(&state)));
    state
}

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let console = JsObject::with_object_proto(context.intrinsics());
    let methods: [(&str, Native); 18] = [
        ("log", |_, args, context| Ok(write(Level::Info, args, context))),
        ("info", |_, args, context| Ok(write(Level::Info, args, context))),
        ("debug", |_, args, context| Ok(write(Level::Debug, args, context))),
        ("warn", |_, args, context| Ok(write(Level::Warn, args, context))),
        ("error", |_, args, context| Ok(write(Level::Error, args, context))),
        ("dir", |_, args, context| Ok(write(Level::Info, args.get(..1).unwrap_or_default(), context))),
        ("trace", trace),
        ("table", table),
        ("assert", |_, args, context| {
            if args.first().is_some_and(JsValue::to_boolean) {
                return Ok(JsValue::undefined());
            }
            let mut all = vec![JsValue::from(js_string!("Assertion failed:"))];
            all.extend(args.iter().skip(1).cloned());
            Ok(write(Level::Error, &all, context))
        }),
        ("count", count),
        ("countReset", |_, args, context| {
            let label = label(args, context)?;
            state(context).counts.borrow_mut().remove(&label);
            Ok(JsValue::undefined())
        }),
        ("time", |_, args, context| {
            let label = label(args, context)?;
            let state = state(context);
            let mut timers = state.timers.borrow_mut();
            if timers.len() < MAX_LABELS {
                timers.entry(label).or_insert_with(Instant::now);
            }
            Ok(JsValue::undefined())
        }),
        ("timeLog", |_, args, context| elapsed(args, false, context)),
        ("timeEnd", |_, args, context| elapsed(args, true, context)),
        ("group", group),
        ("groupCollapsed", group),
        ("groupEnd", |_, _, context| {
            let depth = &state(context).depth;
            depth.set(depth.get().saturating_sub(1));
            Ok(JsValue::undefined())
        }),
        ("clear", |_, _, _| Ok(JsValue::undefined())),
    ];
    for (name, method) in methods {
        let value = function(name, 0, method, context);
        define(&console, name, value);
    }
    context.register_global_property(js_string!("console"), console, boa_engine::property::Attribute::all())
}

fn label(args: &[JsValue], context: &mut Context) -> JsResult<String> {
    match args.first() {
        Some(label) if !label.is_undefined() => to_text(label, context),
        _ => Ok("default".to_owned()),
    }
}

fn count(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let label = label(args, context)?;
    let state = state(context);
    let mut counts = state.counts.borrow_mut();
    if counts.len() >= MAX_LABELS && !counts.contains_key(&label) {
        return Ok(JsValue::undefined());
    }
    let n = counts.entry(label.clone()).or_default();
    *n += 1;
    let text = format!("{label}: {n}");
    drop(counts);
    Ok(write_text(Level::Info, &text, context))
}

fn elapsed(args: &[JsValue], end: bool, context: &mut Context) -> JsResult<JsValue> {
    let label = label(args, context)?;
    let state = state(context);
    let start = if end { state.timers.borrow_mut().remove(&label) } else { state.timers.borrow().get(&label).copied() };
    let text = match start {
        Some(start) => format!("{label}: {:.3} ms", start.elapsed().as_secs_f64() * 1e3),
        None => format!("there is no timer '{label}'; start it with console.time('{label}')"),
    };
    let rest =
        if end { "" } else { &args.iter().skip(1).map(|v| format!(" {}", display(v, context))).collect::<String>() };
    Ok(write_text(if start.is_some() { Level::Info } else { Level::Warn }, &format!("{text}{rest}"), context))
}

fn group(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if !args.is_empty() {
        write(Level::Info, args, context);
    }
    let depth = &state(context).depth;
    depth.set((depth.get() + 1).min(100));
    Ok(JsValue::undefined())
}

/// The arguments and where the call stands.
fn trace(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let class = context.intrinsics().constructors().error().constructor();
    let error = class.construct(&[], None, context)?;
    let stack = error.get(js_string!("stack"), context)?;
    let stack = to_text(&stack, context)?;
    let frames = stack.split_once('\n').map_or("", |(_, frames)| frames);
    let shown: Vec<String> = args.iter().map(|v| display(v, context)).collect();
    Ok(write_text(Level::Debug, &format!("Trace: {}\n{frames}", shown.join(" ")), context))
}

/// Rows as aligned columns; what is no object is shown as `log` does.
fn table(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(data) = arg(args, 0).as_object() else { return Ok(write(Level::Info, args, context)) };
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<(String, HashMap<String, String>)> = Vec::new();
    for (index, row) in entries(&data, context)?.into_iter().take(MAX_CELLS) {
        if index == "length" && data.is_array() {
            continue;
        }
        let cells = match row.as_object() {
            Some(object) if !row.is_callable() => {
                let is_array = object.is_array();
                let all = entries(&object, context)?;
                all.into_iter().filter(|(name, _)| !(is_array && name == "length")).take(MAX_CELLS).collect()
            }
            _ => vec![("Values".to_owned(), row.clone())],
        };
        let mut shown = HashMap::new();
        for (name, value) in cells {
            if !columns.contains(&name) {
                columns.push(name.clone());
            }
            shown.insert(name, display(&value, context));
        }
        rows.push((index, shown));
    }
    if let Some(wanted) = arg(args, 1).as_object() {
        let mut names = Vec::new();
        for (key, value) in entries(&wanted, context)? {
            if key != "length" {
                names.push(to_text(&value, context)?);
            }
        }
        columns.retain(|c| names.contains(c));
    }
    let mut lines = vec![vec!["(index)".to_owned()]];
    lines[0].extend(columns.iter().cloned());
    for (index, shown) in rows {
        let mut line = vec![index];
        line.extend(columns.iter().map(|c| shown.get(c).cloned().unwrap_or_default()));
        lines.push(line);
    }
    let width = |at: usize| lines.iter().map(|l| l[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let text: Vec<String> = lines
        .iter()
        .map(|line| {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
        })
        .collect();
    Ok(write_text(Level::Info, &text.join("\n"), context))
}

#[derive(Clone, Copy)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

fn write(level: Level, args: &[JsValue], context: &mut Context) -> JsValue {
    let mut text = String::new();
    for (i, value) in args.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        text.push_str(&display(value, context));
    }
    write_text(level, &text, context)
}

fn write_text(level: Level, text: &str, context: &mut Context) -> JsValue {
    let depth = context.get_data::<StateData>().map_or(0, |state| state.0.depth.get());
    let indented;
    let text = if depth == 0 {
        text
    } else {
        let margin = "  ".repeat(depth);
        indented = format!("{margin}{}", text.replace('\n', &format!("\n{margin}")));
        &indented
    };
    match level {
        Level::Debug => tracing::debug!(target: "console", source = "console", "{text}"),
        Level::Info => tracing::info!(target: "console", source = "console", "{text}"),
        Level::Warn => tracing::warn!(target: "console", source = "console", "{text}"),
        Level::Error => tracing::error!(target: "console", source = "console", "{text}"),
    }
    JsValue::undefined()
}
