//! One JavaScript context with everything a script finds in it, and the entry module evaluated.
//!
//! Made by `runner` (for init, setup, teardown and handleSummary) and by `script_vu` (one per VU), always on the thread that
//! will use it: a context never moves.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use boa_engine::builtins::promise::OperationType;
use boa_engine::context::HostHooks;
use boa_engine::job::JobCallback;
use boa_engine::object::builtins::{JsFunction, JsPromise};
use boa_engine::realm::Realm;
use boa_engine::vm::RuntimeLimits;
use boa_engine::{Context, JsError, JsObject, JsResult, JsString, JsValue, Module};
use rand::SeedableRng;

use super::event_loop::EventLoop;
use super::exception::Exception;
use super::host::{self, Host, Phase, host, is_interrupted};
use super::loader::{self, Loader};
use super::shared::Shared;
use super::{commonjs, convert, globals, metric_context};
use crate::error::{Error, ExitCode};
use crate::script::{ModuleKind, ORDINARY_STACK, Script};
use crate::vu::Interrupter;

/// Stack of a thread that runs scripts of ordinary depth: half for parsing and compiling, half for re-entry through native
/// functions, about 4 KB per call.
const STACK_BYTES: usize = 2 * ORDINARY_STACK;

/// Stack of a thread that runs this script. It is address space: only what deeply nested code really uses becomes memory.
pub(crate) fn stack_bytes(script: &Script) -> usize {
    // A third more than was computed: the engine's frames differ between builds.
    STACK_BYTES + (script.stack * 4 / 3).saturating_sub(ORDINARY_STACK)
}

/// Deepest JavaScript call stack; past it the script gets `RangeError: Maximum call stack size exceeded`.
const MAX_CALLS: usize = 2_000;

/// Values on the engine's own stack.
const MAX_VALUES: usize = 1 << 20;

/// Passes through one loop statement before it counts as endless: the backstop for loops nothing else can stop.
const MAX_LOOP: u64 = 2_000_000_000;

/// Bytes handed to the script (responses, strings, buffers) after which a collection is forced between iterations. Every VU
/// may hold as much garbage: 32 MB here were 400 MB in a loop of `http.get` with 10 VUs.
const COLLECT_AFTER_BYTES: usize = 2 << 20;

/// The same for a script whose objects take long to go through, e.g. with a large library.
const COLLECT_AFTER_AT_MOST: usize = 32 << 20;

/// A collection that takes longer doubles the bytes until the next one, others halve them: it may have been a busy machine. A
/// collection of a small script takes about 0.1 ms.
const QUICK_COLLECTION: Duration = Duration::from_millis(1);

/// Bytes until the next collection, after one that was due at `limit` and took `took`.
fn next_limit(limit: usize, took: Duration) -> usize {
    let next = if took > QUICK_COLLECTION { limit * 2 } else { limit / 2 };
    next.clamp(COLLECT_AFTER_BYTES, COLLECT_AFTER_AT_MOST)
}

/// A context, ready to call the script's functions.
pub(crate) struct Engine {
    pub(crate) context: Context,
    pub(crate) host: Rc<Host>,
    entry: Entry,
    collect_after: Cell<usize>,
}

/// What the entry script exports its functions from.
enum Entry {
    /// An ES module.
    Module(Module),
    /// What a CommonJS script left in `module.exports`.
    Exports(JsValue),
}

struct Hooks;

impl HostHooks for Hooks {
    fn ensure_can_compile_strings(
        &self,
        _realm: Realm,
        parameters: &[JsString],
        body: &JsString,
        _direct: bool,
        _context: &mut Context,
    ) -> JsResult<()> {
        globals::depth_guard::check_source(parameters, body)
    }

    fn make_job_callback(&self, callback: JsFunction, context: &mut Context) -> JobCallback {
        metric_context::job_callback(callback, context)
    }

    fn call_job_callback(
        &self,
        job: &JobCallback,
        this: &JsValue,
        args: &[JsValue],
        context: &mut Context,
    ) -> JsResult<JsValue> {
        metric_context::call_job_callback(job, this, args, context)
    }

    fn promise_rejection_tracker(
        &self,
        promise: &JsObject<boa_engine::builtins::promise::Promise>,
        operation: OperationType,
        context: &mut Context,
    ) {
        let host = host(context);
        let promise: JsObject = promise.clone().upcast();
        let mut rejected = host.event_loop.rejected.borrow_mut();
        match operation {
            OperationType::Reject => {
                let reason = JsPromise::from_object(promise.clone()).map(|p| p.state());
                if let Ok(boa_engine::builtins::promise::PromiseState::Rejected(reason)) = reason {
                    rejected.push((promise, reason));
                }
            }
            OperationType::Handle => rejected.retain(|(p, _)| !JsObject::equals(p, &promise)),
        }
    }
}

impl Engine {
    /// A context in which the entry module has run. `vu_id` is 0 for the context that is no VU.
    ///
    /// # Errors
    /// An exception of the script's top level (107), or what ended the run meanwhile.
    pub(crate) fn new(shared: &Arc<Shared>, vu_id: u64, interrupter: Interrupter) -> Result<Self, Error> {
        let event_loop = Rc::new(EventLoop::new());
        interrupter.set_hook(event_loop.waker());
        let loader = Rc::new(Loader::new(Arc::clone(&shared.script)));
        let mut context = Context::builder()
            .job_executor(Rc::clone(&event_loop))
            .module_loader(Rc::clone(&loader))
            .host_hooks(Rc::new(Hooks))
            .build()
            .map_err(|e| Error::new(ExitCode::Panic, format!("cannot create a JavaScript context: {e}")))?;
        let mut limits = RuntimeLimits::default();
        limits.set_recursion_limit(MAX_CALLS);
        limits.set_stack_size_limit(MAX_VALUES);
        limits.set_loop_iteration_limit(MAX_LOOP);
        limits.set_backtrace_limit(30);
        context.set_runtime_limits(limits);

        let random = match shared.seed {
            Some(seed) => {
                // Other instances of the test have VUs of their own.
                let options = shared.options.get();
                let in_test = |id: u64| options.map_or(id, |o| o.segmentation.stripe().global(id - 1) + 1);
                let id = if vu_id == 0 { 0 } else { in_test(vu_id) };
                rand_chacha::ChaCha8Rng::seed_from_u64(seed.wrapping_add(id))
            }
            None => rand_chacha::ChaCha8Rng::from_rng(&mut rand::rng()),
        };
        let host = Rc::new(Host {
            shared: Arc::clone(shared),
            vu_id,
            event_loop,
            lane: shared.lanes.of(vu_id).clone(),
            interrupter,
            phase: Cell::new(Phase::Init),
            client: RefCell::default(),
            scenario: RefCell::default(),
            ticket: Cell::new(None),
            iteration: Cell::new(0),
            iteration_in_scenario: RefCell::default(),
            group: RefCell::new(Arc::from("")),
            tags: RefCell::default(),
            user_tags: RefCell::new(BTreeMap::new()),
            user_metadata: RefCell::new(BTreeMap::new()),
            metadata: RefCell::default(),
            random: RefCell::new(random),
            foreign_bytes: Cell::new(0),
            join_depth: Cell::new(0),
            started: Cell::new(Instant::now()),
            called: Cell::new(false),
        });
        host::install(Rc::clone(&host), &mut context);
        loader::install(Rc::clone(&loader), &mut context);
        globals::install(&mut context)
            .map_err(|e| Error::new(ExitCode::Panic, format!("cannot set up the JavaScript globals: {e}")))?;

        let started = (|| {
            let entry = Self::run_entry(&loader, &mut context)?;
            host.event_loop.drain(&mut context)?;
            Ok(entry)
        })();
        match started {
            Ok(entry) => {
                host.refresh_tags(None);
                host.refresh_metadata();
                Ok(Self { context, host, entry, collect_after: Cell::new(COLLECT_AFTER_BYTES) })
            }
            Err(error) => Err(Self::init_error(&error, shared, &mut context)),
        }
    }

    fn run_entry(loader: &Loader, context: &mut Context) -> JsResult<Entry> {
        let id = &loader.script.entry;
        loader.warn_of_unknown_names(context)?;
        if loader.script.module(id).is_none_or(|m| m.kind != ModuleKind::Esm) {
            return loader.exports(id, id, id, context).map(Entry::Exports);
        }
        let entry = loader.get(id, context)?;
        let event_loop = Rc::clone(&host(context).event_loop);
        let loaded = entry.load(context);
        event_loop.run_until_settled(&loaded, context)?;
        entry.link(context)?;
        let evaluated = entry.evaluate(context)?;
        event_loop.run_until_settled(&evaluated, context)?;
        Ok(Entry::Module(entry))
    }

    fn init_error(error: &JsError, shared: &Shared, context: &mut Context) -> Error {
        if is_interrupted(error)
            && let Some(reason) = shared.stop.reason()
        {
            return super::runner::stopped(&reason, "the init context");
        }
        Error::script(Exception::new(error, &shared.script, context).full())
    }

    /// An export of the entry module; None when undefined.
    pub(crate) fn export(&mut self, name: &str) -> Option<JsValue> {
        let key = JsString::from(name);
        let value = match &self.entry {
            Entry::Module(module) => module.get_value(key, &mut self.context).ok()?,
            // `module.exports = function` is a default export as well.
            Entry::Exports(exports) if name == "default" => {
                commonjs::default_of(exports, &mut self.context).ok().filter(JsValue::is_callable)?
            }
            Entry::Exports(exports) => exports.as_object()?.get(key, &mut self.context).ok()?,
        };
        Some(value).filter(|v| !v.is_undefined())
    }

    /// An exported function.
    pub(crate) fn function(&mut self, name: &str) -> Option<JsObject> {
        self.export(name).and_then(|v| v.as_callable())
    }

    /// Names of all exported functions.
    pub(crate) fn exported_functions(&mut self) -> Vec<String> {
        let object = match &self.entry {
            Entry::Module(module) => Some(module.namespace(&mut self.context)),
            Entry::Exports(exports) => exports.as_object(),
        };
        let entries = object.and_then(|o| convert::entries(&o, &mut self.context).ok()).unwrap_or_default();
        let mut names: Vec<String> = entries.into_iter().filter(|(_, v)| v.is_callable()).map(|(k, _)| k).collect();
        if !names.iter().any(|n| n == "default") && self.export("default").is_some_and(|v| v.is_callable()) {
            names.push("default".to_owned());
        }
        names
    }

    /// Calls a function, waits for its promise, and drains the event loop. When that fails, what is left of it is given up: as
    /// in k6 an exception, in the function or in a callback, ends the iteration at once.
    ///
    /// # Errors
    /// What the function or a callback threw, or the interruption.
    pub(crate) fn call(&mut self, function: &JsObject, args: &[JsValue]) -> JsResult<JsValue> {
        let result = self.run(function, args);
        if result.is_err() {
            self.host.event_loop.abandon();
        }
        result
    }

    fn run(&mut self, function: &JsObject, args: &[JsValue]) -> JsResult<JsValue> {
        let event_loop = Rc::clone(&self.host.event_loop);
        let value = function.call(&JsValue::undefined(), args, &mut self.context)?;
        let value = match value.as_promise() {
            Some(promise) => event_loop.run_until_settled(&promise, &mut self.context)?,
            None => value,
        };
        event_loop.drain(&mut self.context)?;
        Ok(value)
    }

    /// The exception behind an error.
    pub(crate) fn describe(&mut self, error: &JsError) -> Exception {
        let mut exception = Exception::new(error, &self.host.shared.script, &mut self.context);
        if self.host.event_loop.uncaught.take() {
            let header = exception.header.strip_prefix("Uncaught ").unwrap_or(&exception.header);
            exception.header = format!("Uncaught (in promise) {header}");
        }
        exception
    }

    /// Collects garbage when the script was handed much that the collector does not count.
    pub(crate) fn collect_if_due(&self) {
        let limit = self.collect_after.get();
        if self.host.foreign_bytes.get() > limit {
            self.host.foreign_bytes.set(0);
            let start = Instant::now();
            boa_gc::force_collect();
            let took = start.elapsed();
            self.host.shared.state.gc_pauses.add(took);
            self.collect_after.set(next_limit(limit, took));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_collections_become_rare_and_quick_ones_frequent_again() {
        let (slow, quick) = (Duration::from_millis(50), Duration::from_micros(100));
        let after = |limit, times: usize, took| (0..times).fold(limit, |limit, _| next_limit(limit, took));
        assert_eq!(after(COLLECT_AFTER_BYTES, 1, quick), COLLECT_AFTER_BYTES);
        assert_eq!(after(COLLECT_AFTER_BYTES, 1, slow), 2 * COLLECT_AFTER_BYTES);
        assert_eq!(after(COLLECT_AFTER_BYTES, 10, slow), COLLECT_AFTER_AT_MOST);
        assert_eq!(after(COLLECT_AFTER_AT_MOST, 10, quick), COLLECT_AFTER_BYTES);
    }
}
