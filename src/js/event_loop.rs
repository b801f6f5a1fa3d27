//! The event loop of one VU: promise jobs, timers, and completions of work done on the shared runtime.
//!
//! Called by the engine (as its job executor) and by `script_vu`. It never spins: with nothing to run it parks until the
//! next timer, completion or interrupt.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use boa_engine::builtins::promise::PromiseState;
use boa_engine::job::{Job, JobExecutor, NativeAsyncJob};
use boa_engine::object::builtins::{JsFunction, JsPromise};
use boa_engine::{Context, JsError, JsResult, JsValue};
use crossbeam_channel::{Receiver, Sender};
use tokio::task::AbortHandle;

use super::host::{host, interrupted};
use super::metric_context::{MetricContext, under};

type Message = (u64, Box<dyn Any + Send>);
type Completion = Box<dyn FnOnce(Box<dyn Any + Send>, &mut Context) -> JsResult<()>>;

struct Timer {
    id: u64,
    callback: JsFunction,
    args: Vec<JsValue>,
    every: Option<Duration>,
    /// Does not keep the iteration alive.
    background: bool,
    /// What its samples carry, if not what the VU's carry when it fires.
    labels: Option<MetricContext>,
}

/// Told when an iteration only waits for work that nobody looks at any more.
type Release = Box<dyn Fn()>;

/// One VU's event loop.
pub(crate) struct EventLoop {
    jobs: RefCell<VecDeque<Job>>,
    timers: RefCell<BTreeMap<(Instant, u64), Timer>>,
    due: RefCell<HashMap<u64, (Instant, u64)>>,
    pending: RefCell<HashMap<u64, (Completion, AbortHandle)>>,
    /// The pending completions that are bookkeeping, such as the end of an answer whose body the script may leave unread.
    background: RefCell<HashMap<u64, Release>>,
    next: Cell<u64>,
    // One message per pending completion, so `pending` bounds it.
    inbox: (Sender<Message>, Receiver<Message>),
    interrupt: (Sender<()>, Receiver<()>),
    /// Promises that were rejected with nobody listening so far.
    pub(crate) rejected: RefCell<Vec<(boa_engine::JsObject, JsValue)>>,
    /// The error that ended the loop is the reason of such a promise.
    pub(crate) uncaught: Cell<bool>,
}

impl EventLoop {
    pub(crate) fn new() -> Self {
        Self {
            jobs: RefCell::default(),
            timers: RefCell::default(),
            due: RefCell::default(),
            pending: RefCell::default(),
            background: RefCell::default(),
            next: Cell::new(1),
            inbox: crossbeam_channel::unbounded(),
            interrupt: crossbeam_channel::bounded(1),
            rejected: RefCell::default(),
            uncaught: Cell::new(false),
        }
    }

    /// What an interrupter has to do to wake this loop.
    pub(crate) fn waker(&self) -> impl Fn() + Send + Sync + 'static {
        let tx = self.interrupt.0.clone();
        move || {
            let _ = tx.try_send(());
        }
    }

    /// Forgets a past interrupt and everything an iteration that was cut off left behind.
    pub(crate) fn reset(&self) {
        while self.interrupt.1.try_recv().is_ok() {}
        self.uncaught.set(false);
        self.abandon();
    }

    /// Forgets all jobs and timers, and gives up the work under way: what an iteration that failed left behind must not run in
    /// the next one.
    pub(crate) fn abandon(&self) {
        // Taken out first: what a completion holds may refer to this loop.
        let pending = std::mem::take(&mut *self.pending.borrow_mut());
        for (_, task) in pending.values() {
            task.abort();
        }
        drop(pending);
        while self.inbox.1.try_recv().is_ok() {}
        self.jobs.borrow_mut().clear();
        self.timers.borrow_mut().clear();
        self.due.borrow_mut().clear();
        self.background.borrow_mut().clear();
        self.rejected.borrow_mut().clear();
    }

    /// Sleeps; true when cut short by an interrupt.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        if time.is_zero() {
            return false;
        }
        match self.interrupt.1.recv_timeout(time) {
            Ok(()) => {
                // Keep the wake-up for whoever looks next.
                let _ = self.interrupt.0.try_send(());
                true
            }
            Err(_) => false,
        }
    }

    fn id(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    /// Starts a timer; the id cancels it.
    pub(crate) fn start_timer(
        &self,
        callback: JsFunction,
        args: Vec<JsValue>,
        after: Duration,
        repeat: bool,
        labels: Option<MetricContext>,
    ) -> u64 {
        let id = self.id();
        // The language rounds a repeating interval of zero up, or the loop would never end.
        let every = repeat.then(|| after.max(Duration::from_millis(1)));
        self.schedule(Instant::now() + after, Timer { id, callback, args, every, background: false, labels });
        id
    }

    /// Starts a timer that an iteration does not wait for at its end; it is forgotten then.
    pub(crate) fn start_background_timer(&self, callback: JsFunction, after: Duration) {
        let id = self.id();
        let timer = Timer { id, callback, args: Vec::new(), every: None, background: true, labels: None };
        self.schedule(Instant::now() + after, timer);
    }

    /// As [`EventLoop::spawn`], for work that should hurry up once the iteration waits for nothing else: `release` is
    /// called then, perhaps more than once.
    pub(crate) fn spawn_background<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(T, &mut Context) -> JsResult<()> + 'static,
        release: impl Fn() + 'static,
        context: &Context,
    ) {
        let id = self.next.get();
        self.background.borrow_mut().insert(id, Box::new(release));
        self.spawn(future, then, context);
    }

    /// When only background work is left: drops its timers and tells the rest to finish.
    fn hurry_background(&self) {
        if self.timers.borrow().values().any(|t| !t.background) {
            return;
        }
        let background = self.background.borrow();
        if !self.pending.borrow().keys().all(|id| background.contains_key(id)) {
            return;
        }
        self.timers.borrow_mut().clear();
        self.due.borrow_mut().clear();
        background.values().for_each(|release| release());
    }

    fn schedule(&self, at: Instant, timer: Timer) {
        let key = (at, self.id());
        self.due.borrow_mut().insert(timer.id, key);
        self.timers.borrow_mut().insert(key, timer);
    }

    /// Cancels a timer; unknown ids are ignored.
    pub(crate) fn clear_timer(&self, id: u64) {
        if let Some(key) = self.due.borrow_mut().remove(&id) {
            self.timers.borrow_mut().remove(&key);
        }
    }

    /// Runs a future on the shared runtime; `then` runs on this thread, within the event loop, with its result.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(T, &mut Context) -> JsResult<()> + 'static,
        context: &Context,
    ) {
        let id = self.id();
        let tx = self.inbox.0.clone();
        let host = host(context);
        let interrupter = host.interrupter.clone();
        let task = host.lane.spawn(async move {
            tokio::select! {
                biased;
                value = future => { let _ = tx.send((id, Box::new(value))); }
                () = interrupter.wait() => {}
            }
        });
        // Its message is only taken from the inbox by this thread, later.
        let labels = host.metric_context();
        let completion: Completion = Box::new(move |message, context| match message.downcast::<T>() {
            Ok(value) => under(labels, context, |context| then(*value, context)),
            Err(_) => Ok(()),
        });
        self.pending.borrow_mut().insert(id, (completion, task.abort_handle()));
    }

    /// A promise for the result of a future on the shared runtime; `then` makes the value (or the rejection).
    pub(crate) fn promise<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(T, &mut Context) -> JsResult<JsValue> + 'static,
        context: &mut Context,
    ) -> JsPromise {
        let (promise, resolvers) = JsPromise::new_pending(context);
        self.spawn(
            future,
            move |value, context| {
                let (function, argument) = match then(value, context) {
                    Ok(value) => (&resolvers.resolve, value),
                    Err(error) => (&resolvers.reject, error.into_opaque(context)?),
                };
                function.call(&JsValue::undefined(), &[argument], context).map(|_| ())
            },
            context,
        );
        promise
    }

    /// Runs promise jobs until none is left, or the VU is interrupted: a chain of promises may be endless.
    pub(crate) fn run_microtasks(&self, context: &mut Context) -> JsResult<()> {
        /// How many jobs may run before somebody looks up.
        const AT_A_TIME: u32 = 1_000;
        for count in 1_u32.. {
            if count.is_multiple_of(AT_A_TIME) && !self.interrupt.1.is_empty() {
                self.jobs.borrow_mut().clear();
                return Err(interrupted());
            }
            let job = self.jobs.borrow_mut().pop_front();
            let Some(job) = job else { break };
            match job {
                Job::PromiseJob(job) => job.call(context).map(|_| ())?,
                Job::GenericJob(job) => job.call(context).map(|_| ())?,
                Job::AsyncJob(job) => Self::run_async_job(job, context)?,
                // Timers and finalizers of the engine itself are not used.
                _ => {}
            }
        }
        context.clear_kept_objects();
        Ok(())
    }

    /// The engine's own asynchronous jobs load modules; ours are in memory, so they are done when polled once.
    fn run_async_job(job: NativeAsyncJob, context: &mut Context) -> JsResult<()> {
        let context = std::cell::RefCell::new(context);
        let mut future = pin!(job.call(&context));
        let mut task = std::task::Context::from_waker(Waker::noop());
        for _ in 0..1_000 {
            if let Poll::Ready(result) = future.as_mut().poll(&mut task) {
                return result.map(|_| ());
            }
        }
        Err(super::convert::error("a module could not be loaded: its loading never finished"))
    }

    /// Runs until the promise is settled.
    ///
    /// # Errors
    /// The interruption, or an error no script can catch. A promise that nothing can settle any more is an error too.
    pub(crate) fn run_until_settled(&self, promise: &JsPromise, context: &mut Context) -> JsResult<JsValue> {
        loop {
            self.run_microtasks(context)?;
            match promise.state() {
                PromiseState::Fulfilled(value) => return Ok(value),
                PromiseState::Rejected(reason) => return Err(JsError::from_opaque(reason)),
                PromiseState::Pending => {}
            }
            self.check_rejected()?;
            if !self.turn(context)? {
                // `exec.test.abort()` in an asynchronous function leaves the promises of its callers behind.
                if host(context).shared.stop.reason().is_some() {
                    return Err(interrupted());
                }
                return Err(super::convert::error(
                    "a promise is still pending and nothing is left that could settle it",
                ));
            }
        }
    }

    /// Starts something whose promise settles by jobs alone (the loading of modules), and runs only those jobs: script code waits
    /// on the stack, and jobs that were queued before must not run until it is done.
    ///
    /// # Errors
    /// What the promise was rejected with.
    pub(crate) fn settle_apart(
        &self,
        start: impl FnOnce(&mut Context) -> JsPromise,
        context: &mut Context,
    ) -> JsResult<JsValue> {
        let earlier = self.jobs.take();
        let promise = start(context);
        let result = self.run_microtasks(context).and_then(|()| match promise.state() {
            PromiseState::Fulfilled(value) => Ok(value),
            PromiseState::Rejected(reason) => Err(JsError::from_opaque(reason)),
            PromiseState::Pending => {
                Err(super::convert::error("a module could not be loaded: its loading never finished"))
            }
        });
        let later = self.jobs.replace(earlier);
        self.jobs.borrow_mut().extend(later);
        self.forget_rejection(&promise.into());
        result
    }

    /// The rejection of this promise is handled by the caller.
    pub(crate) fn forget_rejection(&self, promise: &boa_engine::JsObject) {
        self.rejected.borrow_mut().retain(|(p, _)| !boa_engine::JsObject::equals(p, promise));
    }

    /// Runs until no job, timer or completion is left.
    pub(crate) fn drain(&self, context: &mut Context) -> JsResult<()> {
        loop {
            self.run_microtasks(context)?;
            self.check_rejected()?;
            self.hurry_background();
            if !self.turn(context)? {
                return Ok(());
            }
        }
    }

    /// As in k6 a promise that was rejected, and that nobody listens to when the jobs have run, ends everything.
    fn check_rejected(&self) -> JsResult<()> {
        let first = self.rejected.borrow_mut().drain(..).next();
        let Some((_, reason)) = first else { return Ok(()) };
        self.uncaught.set(true);
        Err(JsError::from_opaque(reason))
    }

    /// Waits for one timer or completion and runs it; false when there is nothing to wait for.
    fn turn(&self, context: &mut Context) -> JsResult<bool> {
        let deadline = self.timers.borrow().keys().next().map(|(at, _)| *at);
        let busy = !self.pending.borrow().is_empty();
        if deadline.is_none() && !busy {
            return Ok(false);
        }
        let never = crossbeam_channel::never();
        let timer = deadline.map_or(never, crossbeam_channel::at);
        crossbeam_channel::select_biased! {
            recv(self.interrupt.1) -> _ => {
                let _ = self.interrupt.0.try_send(());
                Err(interrupted())
            },
            recv(self.inbox.1) -> message => {
                if let Ok((id, value)) = message {
                    let completion = self.pending.borrow_mut().remove(&id);
                    self.background.borrow_mut().remove(&id);
                    if let Some((completion, _)) = completion {
                        completion(value, context)?;
                    }
                }
                Ok(true)
            },
            recv(timer) -> _ => {
                self.fire(context)?;
                Ok(true)
            },
        }
    }

    /// Runs the timer that is due first.
    fn fire(&self, context: &mut Context) -> JsResult<()> {
        let entry = self.timers.borrow_mut().pop_first();
        let Some(((at, _), timer)) = entry else { return Ok(()) };
        self.due.borrow_mut().remove(&timer.id);
        let callback = timer.callback.clone();
        let args = timer.args.clone();
        let labels = timer.labels.clone();
        if let Some(every) = timer.every {
            // From the due time, not from now, so that intervals do not drift; never into the past.
            self.schedule((at + every).max(Instant::now()), timer);
        }
        under(labels, context, |context| callback.call(&JsValue::undefined(), &args, context)).map(|_| ())
    }
}

impl JobExecutor for EventLoop {
    fn enqueue_job(self: Rc<Self>, job: Job, _context: &mut Context) {
        self.jobs.borrow_mut().push_back(job);
    }

    fn run_jobs(self: Rc<Self>, context: &mut Context) -> JsResult<()> {
        self.run_microtasks(context)
    }
}
