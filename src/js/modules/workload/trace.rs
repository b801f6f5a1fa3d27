//! `trace(path, options)`: recorded requests as prompts of the recorded lengths; `dist.fromTrace(path)`: their lengths alone.

use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::property::Attribute;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};
use serde_json::{Map, Value};

use super::{brand, in_init, invalid, share, synthetic};
use crate::ai::Problems;
use crate::ai::dataset::trace::{Format, Source, Trace as Requests};
use crate::ai::fields::Fields;
use crate::data::dist::Lengths;
use crate::data::recorded::Recorded;
use crate::js::convert::{arg, define, error, string, to_json, type_error};
use crate::js::globals::open::locate;
use crate::js::host::host;
use crate::js::modules::ai::{tokenizer_described, tokenizer_of};

/// What `trace()` returns.
#[derive(Trace, Finalize, JsData)]
pub(super) struct Recording {
    #[unsafe_ignore_trace]
    data: Arc<Recorded>,
}

/// Which file, and how it is read.
struct Named {
    path: String,
    format: Option<Format>,
    lengths: Option<String>,
    seed: u64,
}

impl Named {
    /// Reads the options that `trace()` and `fromTrace()` have in common.
    fn read(what: &str, path: &JsValue, f: &mut Fields<'_>) -> JsResult<Self> {
        let path = match path.as_string() {
            Some(path) if !path.is_empty() => path.to_std_string_lossy(),
            _ => return Err(type_error(format!("{what} needs the path of a file as its first argument"))),
        };
        let format = f.string("format").and_then(|name| {
            let format = Format::by_name(&name);
            if format.is_none() {
                let known: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
                f.problem("format", format_args!("unknown format '{name}'; known: {}", known.join(", ")));
            }
            format
        });
        Ok(Self { path, format, lengths: f.string("lengths"), seed: f.count("seed", 0).unwrap_or_default() })
    }

    /// The requests, read once for all VUs.
    fn requests(&self, what: &str, context: &mut Context) -> JsResult<Arc<Requests>> {
        let find = |name: &str| locate(name, context).map_err(|why| error(format!("{what}: {why}")));
        let (place, bytes) = find(&self.path)?;
        let lengths = self.lengths.as_deref().map(find).transpose()?;
        let host = host(context);
        let key =
            format!("{}\0{:?}\0{:?}\0{}", place.display(), self.format, lengths.as_ref().map(|l| &l.0), self.seed);
        host.shared.data.traces.get_or_make(&key, || {
            let lengths = lengths.as_ref().map(|(_, bytes)| &**bytes);
            Requests::read(Source { text: &bytes, format: self.format, lengths, seed: self.seed })
                .map_err(|why| error(format!("{what}: {}: {why}", place.display())))
        })
    }
}

const FIELDS: &[&str] = &["format", "lengths", "seed", "repeat", "model", "tokenizer", "corpus", "name"];

/// `trace(path, options)`.
pub(super) fn make(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    in_init("trace()", context)?;
    let what = format!("trace({})", arg(args, 0).display());
    let options = arg(args, 1);
    let tokenizer = tokenizer_of(&options, context)?;
    let mut json = to_json(&options, context)?;
    if json.is_null() {
        json = Value::Object(Map::new());
    }
    if let Some(map) = json.as_object_mut() {
        map.shift_remove("model");
        map.shift_remove("tokenizer");
    }
    let mut problems = Vec::new();
    let read = Fields::new("options", &json, FIELDS, &mut problems)
        .map(|mut f| (Named::read(&what, &arg(args, 0), &mut f), f.boolean("repeat"), f.count("seed", 0)));
    let (named, repeat, seed) = match read {
        Some((named, repeat, seed)) if problems.is_empty() => (named?, repeat.unwrap_or(true), seed),
        _ => return Err(invalid(&what, &Problems(problems))),
    };
    let trace = named.requests(&what, context)?;
    let prose = synthetic::prose(&what, tokenizer, json.get("corpus"), context)?;
    let host = host(context);
    let data = &host.shared.data;
    let key = format!("{}\0{}\0{json}", tokenizer.name, named.path);
    let data = data.recorded.get_or_make(&key, || {
        let seed = seed.or(host.shared.seed).unwrap_or_else(|| data.chance());
        Ok::<_, boa_engine::JsError>(Recorded::new(trace, prose, seed, repeat))
    })?;
    let recording = Recording::from_data(Recording { data }, context)?;
    let described = tokenizer_described(tokenizer, tokenizer.is_vocabulary(), context);
    define(&recording, "tokenizer", described);
    Ok(recording.into())
}

/// `dist.fromTrace(path, options)`: recorded lengths; of input or output by where the distribution is used.
pub(super) fn distribution(args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let what = format!("dist.fromTrace({})", arg(args, 0).display());
    in_init(&what, context)?;
    let mut json = to_json(&arg(args, 1), context)?;
    if json.is_null() {
        json = Value::Object(Map::new());
    }
    let mut problems = Vec::new();
    let known = ["format", "lengths", "seed", "min", "max"];
    let named = match Fields::new("options", &json, &known, &mut problems)
        .map(|mut f| Named::read(&what, &arg(args, 0), &mut f))
    {
        Some(named) if problems.is_empty() => named?,
        _ => return Err(invalid(&what, &Problems(problems))),
    };
    let trace = named.requests(&what, context)?;
    let name = format!("{}\0{}", named.path, json);
    host(context).shared.data.lengths.get_or_make(&name, || {
        let length = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX);
        let all: Lengths = trace.rows().map(|row| (length(row.input_tokens), length(row.output_tokens))).collect();
        Ok::<_, boa_engine::JsError>(all)
    })?;
    let mut map = Map::new();
    map.insert("dist".to_owned(), "trace".into());
    map.insert("trace".to_owned(), name.into());
    for limit in ["min", "max"] {
        if let Some(value) = json.get(limit) {
            map.insert(limit.to_owned(), value.clone());
        }
    }
    super::dist::object(&what, Value::Object(map), context)
}

fn data_of(this: &JsValue) -> JsResult<Arc<Recorded>> {
    let object = this.as_object();
    let data = object.as_ref().and_then(|o| o.downcast_ref::<Recording>().map(|r| Arc::clone(&r.data)));
    data.ok_or_else(|| type_error("this is no trace: call the method on what trace() returned"))
}

impl Class for Recording {
    const NAME: &'static str = "RecordedRequests";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("use trace(path, options)"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("next"), 0, NativeFunction::from_fn_ptr(|this, _, c| next(this, c)));
        class.method(js_string!("at"), 1, NativeFunction::from_fn_ptr(|this, a, c| at(this, &arg(a, 0), c)));
        #[allow(clippy::cast_precision_loss)]
        let length = NativeFunction::from_fn_ptr(|this, _, _| Ok((data_of(this)?.trace().len() as f64).into()));
        let length = length.to_js_function(class.context().realm());
        class.accessor(js_string!("length"), Some(length), None, Attribute::CONFIGURABLE);
        Ok(())
    }
}

/// `next()`: the next recorded request; null when all were given out and do not come again.
fn next(this: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let (data, host) = (data_of(this)?, host(context));
    match data.next(&share("next() of a trace", &host)?) {
        Some(number) => request(&data, number, context),
        None => Ok(JsValue::null()),
    }
}

/// `at(i)`: that recorded request; beyond the end the trace begins again, with other texts where they are not shared.
fn at(this: &JsValue, at: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let data = data_of(this)?;
    match at.as_number().filter(|n| n.fract() == 0.0 && (0.0..9e15).contains(n)) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(at) => request(&data, at as u64, context),
        None => Err(type_error("at() needs the number of a request, a whole number from 0")),
    }
}

#[allow(clippy::cast_precision_loss)]
fn request(data: &Recorded, number: u64, context: &mut Context) -> JsResult<JsValue> {
    let Some((row, prompt)) = data.prompt(number).map_err(|why| error(format!("trace(): {why}")))? else {
        return Ok(JsValue::undefined());
    };
    host(context).count_bytes(prompt.turns.iter().map(|turn| turn.content.len()).sum::<usize>());
    let object = synthetic::js_prompt(&prompt, context);
    define(&object, "at", row.at.as_secs_f64());
    for (name, value) in [("requestType", row.request_type), ("session", row.session), ("recordedModel", row.model)] {
        if let Some(value) = value {
            define(&object, name, string(value));
        }
    }
    if let Some(turn) = row.turn {
        define(&object, "turn", f64::from(turn));
    }
    brand::mark(&object, context)?;
    Ok(JsObject::into(object))
}
