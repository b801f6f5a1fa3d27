//! `inrush/scenarios`: presets as plain scenario objects. This file only converts: `options::presets` makes them.

use boa_engine::{Context, JsError, JsObject, JsResult, JsValue};

use crate::js::convert::{Native, arg, define, from_json, function, to_json, type_error};
use crate::options::Problem;
use crate::options::presets::{self, PRESETS};

/// A native function for each row of `PRESETS`.
const FUNCTIONS: [Native; PRESETS.len()] =
    [preset::<0>, preset::<1>, preset::<2>, preset::<3>, preset::<4>, preset::<5>, preset::<6>];

#[allow(clippy::unnecessary_wraps)]
pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    for (preset, native) in PRESETS.iter().zip(FUNCTIONS) {
        let value = function(preset.name, 1, native, context);
        define(&api, preset.name, value);
    }
    let value = function("thresholds", 1, thresholds, context);
    define(&api, "thresholds", value);
    Ok(api)
}

fn preset<const ROW: usize>(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let options = to_json(&arg(args, 0), context)?;
    let preset = &PRESETS[ROW];
    let scenario = presets::scenario(preset, &options).map_err(|problems| invalid(preset.name, &problems))?;
    Ok(from_json(&scenario, context))
}

/// `thresholds(targets)`: the `thresholds` of options.
fn thresholds(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let targets = to_json(&arg(args, 0), context)?;
    let thresholds = presets::thresholds(&targets).map_err(|problems| invalid("thresholds", &problems))?;
    Ok(from_json(&thresholds, context))
}

/// All problems of a call in one TypeError.
fn invalid(name: &str, problems: &[Problem]) -> JsError {
    match problems {
        [only] => type_error(format!("{name}(): {only}")),
        all => {
            let lines: Vec<String> = all.iter().map(|problem| format!("\n  - {problem}")).collect();
            type_error(format!("{name}(): {} problems:{}", all.len(), lines.concat()))
        }
    }
}
