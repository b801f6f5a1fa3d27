//! `dist.*`: distributions as plain objects that can be looked at; `sample()` draws from them with the VU's random numbers.

use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};
use rand::RngExt;
use serde_json::{Map, Value, json};

use super::invalid;
use crate::ai::Problems;
use crate::ai::fields::Fields;
use crate::data::Dist;
use crate::data::dist::{Lengths, Side};
use crate::js::convert::{Native, define, from_json, function, to_json, type_error};
use crate::js::host::{Host, host};

pub(super) fn build(context: &mut Context) -> JsObject {
    let dist = JsObject::with_object_proto(context.intrinsics());
    let functions: [(&str, usize, Native); 6] = [
        ("fixed", 1, |_, a, c| make("fixed", &["value"], a, c)),
        ("uniform", 2, |_, a, c| make("uniform", &["min", "max"], a, c)),
        ("normal", 3, |_, a, c| make("normal", &["mean", "sd"], a, c)),
        ("lognormal", 3, |_, a, c| make("lognormal", &["median", "sigma"], a, c)),
        ("histogram", 2, |_, a, c| make("histogram", &["bins"], a, c)),
        ("fromTrace", 2, |_, a, c| super::trace::distribution(a, c)),
    ];
    for (name, length, native) in functions {
        let value = function(name, length, native, context);
        define(&dist, name, value);
    }
    dist
}

/// Recorded lengths by the name that `fromTrace` gave them.
pub(super) fn lengths_of(host: &Host) -> impl Fn(&str) -> Option<Lengths> {
    |name| host.shared.data.lengths.get(name).map(|lengths| Lengths::clone(&lengths))
}

/// `dist.KIND(...)`: the parameters in order, or by name in one object; limits in an object at the end.
fn make(kind: &str, parameters: &[&str], args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut map = Map::new();
    map.insert("dist".to_owned(), kind.into());
    let mut positional = parameters.iter();
    for (at, value) in args.iter().enumerate() {
        match to_json(value, context)? {
            // Bins are data, not parameters by name.
            Value::Object(bins) if kind == "histogram" && at == 0 && !bins.contains_key("bins") => {
                map.insert("bins".to_owned(), Value::Object(bins));
                positional.next();
            }
            Value::Object(named) => map.extend(named),
            Value::Null => {}
            value => match positional.next() {
                Some(name) => _ = map.insert((*name).to_owned(), value),
                None => {
                    return Err(type_error(format!(
                        "dist.{kind}() takes {} and an object of limits",
                        parameters.join(", ")
                    )));
                }
            },
        }
    }
    object(&format!("dist.{kind}()"), Value::Object(map), context)
}

/// The object of a distribution, checked.
pub(super) fn object(what: &str, value: Value, context: &mut Context) -> JsResult<JsValue> {
    read(what, &value, &host(context))?;
    let object = from_json(&value, context);
    if let Some(object) = object.as_object() {
        let sample = function("sample", 0, |this, _, c| sample(this, c), context);
        let hidden = PropertyDescriptor::builder().value(sample).writable(true).enumerable(false).configurable(true);
        object.define_property_or_throw(js_string!("sample"), hidden, context)?;
    }
    Ok(object)
}

fn read(what: &str, value: &Value, host: &Host) -> JsResult<Dist> {
    let wrapped = json!({ "dist": value });
    let mut problems = Vec::new();
    let dist = Fields::new("options", &wrapped, &["dist"], &mut problems)
        .and_then(|mut f| Dist::read(&mut f, "dist", &lengths_of(host)));
    match dist {
        Some(dist) if problems.is_empty() => Ok(dist),
        _ => {
            let problems = problems
                .iter()
                .map(|p| p.trim_start_matches("options.dist").trim_start_matches(['.', ':', ' ']).to_owned());
            Err(invalid(what, &Problems(problems.collect())))
        }
    }
}

/// `sample()`: one value.
fn sample(this: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let value = to_json(this, context)?;
    let host = host(context);
    let dist = read("sample()", &value, &host)?;
    let mut rng = host.random.borrow_mut();
    let joint = rng.random();
    Ok(dist.draw(Side::Input, joint, &mut *rng).into())
}
