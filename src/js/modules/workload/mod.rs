//! `inrush/data`: datasets, synthetic prompts, distributions, mixtures, traces. This room only converts: `crate::data` reads, draws and writes.

mod brand;
mod dataset;
mod dist;
mod mix;
mod synthetic;
mod trace;
#[cfg(test)]
mod workload_tests;

use boa_engine::{Context, JsError, JsObject, JsResult};

use crate::ai::Problems;
use crate::js::convert::{Native, define, error, function, type_error};
use crate::js::host::{Host, Phase, host};
use crate::js::modules::metrics::class;
use crate::options::Stripe;

pub(super) use brand::taken_apart;

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    class::<dataset::Rows>(context)?;
    class::<dataset::RowIterator>(context)?;
    class::<synthetic::Prompts>(context)?;
    class::<mix::Mix>(context)?;
    class::<trace::Recording>(context)?;
    let api = JsObject::with_object_proto(context.intrinsics());
    let functions: [(&str, usize, Native); 4] = [
        ("dataset", 2, dataset::make),
        ("mix", 2, mix::make),
        ("synthetic", 1, synthetic::make),
        ("trace", 2, trace::make),
    ];
    for (name, length, native) in functions {
        let value = function(name, length, native, context);
        define(&api, name, value);
    }
    define(&api, "dist", dist::build(context));
    Ok(api)
}

/// All problems of an argument in one TypeError.
fn invalid(what: &str, problems: &Problems) -> JsError {
    match problems.0.as_slice() {
        [only] => type_error(format!("{what}: {only}")),
        all => type_error(format!("{what}: {} problems:\n  - {}", all.len(), all.join("\n  - "))),
    }
}

/// An error unless the init context runs.
fn in_init(what: &str, context: &Context) -> JsResult<()> {
    if host(context).phase.get() == Phase::Init {
        return Ok(());
    }
    Err(error(format!(
        "{what} belongs into the init context: call it at the top level of the script and keep the result"
    )))
}

/// The numbers that are this instance's.
fn share(what: &str, host: &Host) -> JsResult<Stripe> {
    host.not_in_init(what)?;
    Ok(host.options().segmentation.stripe().clone())
}
