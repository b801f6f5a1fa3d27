//! `ai.failover([models], options)`: a Model with others behind it.

use std::sync::Arc;

use boa_engine::{Context, JsResult, JsValue};

use super::invalid;
use super::model::{Model, read_spec, spec_of};
use crate::ai::failover::Failover;
use crate::js::convert::{arg, is_array, length_of, to_json, type_error};
use crate::js::host::host;

/// The native function.
pub(super) fn make(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let list = arg(args, 0);
    let Some(list) = list.as_object().filter(|list| is_array(list, context)) else {
        return Err(type_error("ai.failover(): expected an array of models, e.g. ai.failover([primary, secondary])"));
    };
    let mut specs = Vec::new();
    for at in 0..length_of(&list, context)? {
        let item = list.get(at, context)?;
        specs.push(match spec_of(&item) {
            Some(spec) => spec,
            None => read_spec(&item, &format!("ai.failover(): targets[{at}]"), context)?,
        });
    }
    let options = to_json(&arg(args, 1), context)?;
    let registry = Arc::clone(&host(context).shared.circuits);
    let failover = Failover::new(specs, &options, &registry).map_err(|problems| invalid("ai.failover()", &problems))?;
    failover.targets.iter().for_each(|target| target.spec.tokenizer.warm_up());
    Ok(Model::object(Arc::new(failover.into_spec()), context)?.into())
}
