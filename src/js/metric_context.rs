//! Tags, metadata and group that belong to one chain of asynchronous work: k6's feature `async-metric-context`.
//!
//! With the feature on, whatever a script registers for later (a promise's reaction, the rest of an `async` function, a timer, the
//! end of an asynchronous request) keeps the labels of the moment it was registered, and leaves those of others alone. The engine's
//! hooks and the event loop call this; without the feature nothing is captured and a VU has one set of labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use boa_engine::job::JobCallback;
use boa_engine::object::builtins::JsFunction;
use boa_engine::{Context, Finalize, JsData, JsResult, JsValue, Trace};

use crate::metrics::Tags;
use crate::metrics::tags::Tag;

use super::host::{Host, host};

/// What a VU's samples carry, with all that the script set itself.
#[derive(Clone)]
pub(super) struct MetricContext {
    group: Arc<str>,
    tags: Tags,
    user_tags: BTreeMap<String, String>,
    user_metadata: BTreeMap<String, String>,
    metadata: Option<Arc<[Tag]>>,
}

/// The labels a reaction of a promise was registered with.
#[derive(Trace, Finalize, JsData)]
struct Registered(#[unsafe_ignore_trace] MetricContext);

impl Host {
    /// The labels of now; None without the feature.
    pub(super) fn metric_context(&self) -> Option<MetricContext> {
        if !self.keeps_async_context() {
            return None;
        }
        Some(MetricContext {
            group: Arc::clone(&self.group.borrow()),
            tags: self.tags.borrow().clone(),
            user_tags: self.user_tags.borrow().clone(),
            user_metadata: self.user_metadata.borrow().clone(),
            metadata: self.metadata.borrow().clone(),
        })
    }

    /// Whether asynchronous work keeps the labels it was registered with.
    pub(super) fn keeps_async_context(&self) -> bool {
        self.shared.options.get().is_some_and(|options| options.async_metric_context)
    }

    /// Makes these labels the VU's.
    pub(super) fn set_metric_context(&self, labels: MetricContext) {
        *self.group.borrow_mut() = labels.group;
        *self.tags.borrow_mut() = labels.tags;
        *self.user_tags.borrow_mut() = labels.user_tags;
        *self.user_metadata.borrow_mut() = labels.user_metadata;
        *self.metadata.borrow_mut() = labels.metadata;
    }
}

/// Does something under the labels it was registered with, if there are any; the VU's own are back afterwards.
pub(super) fn under<T>(
    labels: Option<MetricContext>,
    context: &mut Context,
    work: impl FnOnce(&mut Context) -> T,
) -> T {
    let Some(labels) = labels else { return work(context) };
    let host = host(context);
    let outer = host.metric_context();
    host.set_metric_context(labels);
    let result = work(context);
    if let Some(outer) = outer {
        host.set_metric_context(outer);
    }
    result
}

/// What the engine keeps for a reaction of a promise.
pub(super) fn job_callback(callback: JsFunction, context: &Context) -> JobCallback {
    match host(context).metric_context() {
        Some(labels) => JobCallback::new(callback, Registered(labels)),
        None => JobCallback::new(callback, ()),
    }
}

/// Runs a reaction of a promise.
pub(super) fn call_job_callback(
    job: &JobCallback,
    this: &JsValue,
    args: &[JsValue],
    context: &mut Context,
) -> JsResult<JsValue> {
    let labels = job.host_defined().as_any().downcast_ref::<Registered>().map(|registered| registered.0.clone());
    under(labels, context, |context| job.callback().call(this, args, context))
}
