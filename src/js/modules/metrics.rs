//! `k6/metrics`: Counter, Gauge, Rate, Trend.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};

use crate::js::convert::{arg, define, entries, error, to_text, type_error};
use crate::js::host::{Phase, host};
use crate::metrics::{Extra, Metric, MetricKind, Sample, ValueKind};

#[derive(Trace, Finalize, JsData)]
struct CustomMetric {
    #[unsafe_ignore_trace]
    metric: Arc<Metric>,
}

macro_rules! metric_class {
    ($type:ident, $name:literal, $kind:ident) => {
        #[derive(Trace, Finalize, JsData)]
        struct $type {
            inner: CustomMetric,
        }

        impl Class for $type {
            const NAME: &'static str = $name;
            const LENGTH: usize = 1;

            fn data_constructor(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Self> {
                Ok(Self { inner: register($name, MetricKind::$kind, args, context)? })
            }

            fn object_constructor(instance: &JsObject<Self>, _: &[JsValue], context: &mut Context) -> JsResult<()> {
                let name = Arc::clone(&instance.borrow().data().inner.metric.name);
                let name = JsString::from(name.as_ref());
                let fixed =
                    PropertyDescriptor::builder().value(name).enumerable(true).writable(false).configurable(false);
                instance.clone().upcast().define_property_or_throw(js_string!("name"), fixed, context)?;
                Ok(())
            }

            fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
                class.method(
                    js_string!("add"),
                    2,
                    NativeFunction::from_fn_ptr(|this, args, context| {
                        let metric = this
                            .as_object()
                            .and_then(|o| o.downcast_ref::<Self>().map(|m| Arc::clone(&m.inner.metric)));
                        match metric {
                            Some(metric) => add(&metric, args, context),
                            None => Err(type_error(concat!($name, ".add() was called on something else"))),
                        }
                    }),
                );
                Ok(())
            }
        }
    };
}

metric_class!(Counter, "Counter", Counter);
metric_class!(Gauge, "Gauge", Gauge);
metric_class!(RateMetric, "Rate", Rate);
metric_class!(Trend, "Trend", Trend);

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    for (name, constructor) in [
        ("Counter", class::<Counter>(context)?),
        ("Gauge", class::<Gauge>(context)?),
        ("Rate", class::<RateMetric>(context)?),
        ("Trend", class::<Trend>(context)?),
    ] {
        define(&api, name, constructor);
    }
    Ok(api)
}

/// Registers a class without leaving it among the globals; gives its constructor, which as in k6 also works without `new`.
pub(super) fn class<C: Class>(context: &mut Context) -> JsResult<JsObject> {
    if !context.has_global_class::<C>() {
        context.register_global_class::<C>()?;
        context.global_object().delete_property_or_throw(JsString::from(C::NAME), context)?;
    }
    let class = context.get_global_class::<C>();
    let class = class.ok_or_else(|| error(format!("class {} could not be set up", C::NAME)))?;
    let native = NativeFunction::from_copy_closure_with_captures(
        // Called without `new`, there is no target.
        |target, args, class: &JsObject, context| {
            class.construct(args, target.as_object().as_ref(), context).map(JsValue::from)
        },
        class.constructor(),
    );
    let constructor = FunctionObjectBuilder::new(context.realm(), native)
        .name(JsString::from(C::NAME))
        .length(C::LENGTH)
        .constructor(true)
        .build();
    let prototype = PropertyDescriptor::builder().value(class.prototype()).writable(false).enumerable(false);
    constructor.insert_property(js_string!("prototype"), prototype.configurable(false));
    class.prototype().define_property_or_throw(
        js_string!("constructor"),
        PropertyDescriptor::builder().value(constructor.clone()).writable(true).enumerable(false).configurable(true),
        context,
    )?;
    Ok(constructor.into())
}

fn register(class: &str, kind: MetricKind, args: &[JsValue], context: &mut Context) -> JsResult<CustomMetric> {
    let host = host(context);
    if host.phase.get() != Phase::Init {
        return Err(error(format!(
            "metrics must be created in the init context: move `new {class}(...)` to the top level of the script"
        )));
    }
    let name = to_text(&arg(args, 0), context)?;
    let contains = if arg(args, 1).to_boolean() { ValueKind::Time } else { ValueKind::Default };
    let metric = host.shared.registry.get_or_register(&name, kind, contains).map_err(|e| error(e.to_string()))?;
    Ok(CustomMetric { metric })
}

/// `metric.add(value, [tags])`. Booleans count as 0 and 1; a value that is no number is dropped
/// with a warning, as in k6; so is an infinite one, which no sum, mean or JSON file can hold.
fn add(metric: &Metric, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    host.not_in_init("adding to a metric")?;
    let given = arg(args, 0);
    let value = match given.as_boolean() {
        Some(b) => f64::from(u8::from(b)),
        None if given.is_null_or_undefined() => f64::NAN,
        None => given.to_number(context)?,
    };
    if !value.is_finite() {
        let text = format!("metric '{}': the value {} is not a finite number", metric.name, given.display());
        if host.options().throw {
            return Err(type_error(text));
        }
        tracing::warn!("{text}; it is not counted");
        return Ok(false.into());
    }
    if metric.kind == MetricKind::Counter && value < 0.0 {
        tracing::warn!("metric '{}': a counter cannot go down (value {value}); it is not counted", metric.name);
        return Ok(false.into());
    }
    let own = tags_of(&arg(args, 1), &format!("{}.add()", metric.name), context)?;
    let tags = if own.is_empty() { None } else { Some(host.tags.borrow().with(own)) };
    host.emit(Instant::now(), tags, vec![Sample { metric: metric.id, value }], Extra::None);
    Ok(true.into())
}

/// A script's `{name: value}` tags; null and undefined mean none.
///
/// # Errors
/// A value that is an object: tags are text.
pub(crate) fn tags_of(value: &JsValue, what: &str, context: &mut Context) -> JsResult<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    if value.is_null_or_undefined() {
        return Ok(tags);
    }
    let Some(object) = value.as_object() else {
        return Err(type_error(format!("{what}: tags must be an object such as {{ name: 'value' }}")));
    };
    for (key, value) in entries(&object, context)? {
        if value.is_object() || value.is_null_or_undefined() {
            return Err(type_error(format!("{what}: tag '{key}' must be a string, number or boolean")));
        }
        let text = to_text(&value, context)?;
        tags.insert(key, text);
    }
    Ok(tags)
}
