//! Starting iterations on a schedule, whatever the system under test does: the common part of the executors of arrival rates and token
//! rates and of `trace-replay`.
//!
//! The pacer never waits for a VU: when none is idle the iteration is dropped and counted, and one more VU is initialised
//! in the background, up to maxVUs.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::options::Stripe;
use crate::vu::{ActivationEnd, BoxFuture};

use super::context::{Context, ScenarioFacts, clock_text, share, since};
use super::crew::{CountActive, Crew};
use super::idle::{IdleQueue, Offer};
use super::pacing::Pace;
use super::wait::now;

/// How long the start waits for the pre-allocated VUs to be ready; VUs that take longer come in when they can.
const READY_LIMIT: Duration = Duration::from_secs(5);

/// How many VUs a scenario may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) pre_allocated: u64,
    pub(super) max: u64,
}

/// What is to be started.
pub(super) struct Load<P> {
    /// When.
    pub(super) pace: P,
    /// How long.
    pub(super) length: Duration,
    /// The rate at a time, as the progress display shows it.
    pub(super) shown: Box<dyn Fn(Duration) -> String + Send + Sync>,
}

/// Our part of the starts of a scenario with so many VUs; None when we have none of the VUs: then the others take over our part.
pub(super) fn stripe(context: &Context, limits: Limits) -> Option<Stripe> {
    let stripe = context.segmentation.for_vus(limits.max)?;
    let _ = context.state.stripe.set(stripe.clone());
    Some(stripe)
}

/// Starts iterations until the pace ends; also tells how long that was. The limits are those of the whole test, the pace is our
/// part of it.
pub(super) async fn run(context: Arc<Context>, load: Load<impl Pace>, limits: Limits) -> (ScenarioFacts, Duration) {
    let Load { pace, length, shown } = load;
    let scale = |n| context.segmentation.stripe().scale(n);
    let limits = Limits { pre_allocated: scale(limits.pre_allocated), max: scale(limits.max) };
    let queue = Arc::new(IdleQueue::new(Arc::clone(&context.state), Arc::clone(&context.run)));
    let mut staff = Staff {
        crew: Crew::new(Arc::clone(&context), CountActive::Source),
        context: Arc::clone(&context),
        queue: Arc::clone(&queue),
        limits,
        allocated: 0,
        warned: false,
        failure_told: false,
        hire: None,
        next_key: 0,
    };
    show(&context, length, shown, limits, &queue);
    for _ in 0..limits.pre_allocated {
        let Some(vu) = context.take_vu().await else { return (context.facts(0, 0), Duration::ZERO) };
        staff.employ(vu);
    }
    // Tickets must find the VUs waiting, or the first ones would be dropped for nothing.
    let ready = queue.filled(usize::try_from(limits.pre_allocated).unwrap_or(usize::MAX));
    tokio::select! {
        _ = context.stop.wait() => {}
        _ = tokio::time::timeout(READY_LIMIT, ready) => {}
    }

    let start = context.begin();
    let (wanted, short) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let pacer = {
        let (context, queue, wanted, short) =
            (Arc::clone(&context), Arc::clone(&queue), Arc::clone(&wanted), Arc::clone(&short));
        move |intended, arrival| {
            if queue.is_closed() {
                return ControlFlow::Break(());
            }
            if !queue.dispatch(intended, arrival) {
                queue.count_dropped();
                context.drop_iterations(1);
                short.store(true, Ordering::Release);
                wanted.notify_one();
            }
            ControlFlow::Continue(())
        }
    };
    let end = start + length;
    let pacing = context.wait.drive(pace, start, &context.stop, pacer);
    tokio::pin!(pacing);
    loop {
        tokio::select! {
            biased;
            () = &mut pacing => break,
            () = context.halted() => break,
            () = staff.work() => {}
            () = wanted.notified() => {
                if short.swap(false, Ordering::AcqRel) {
                    staff.grow();
                }
            }
        }
    }
    let passed = now().saturating_duration_since(start).min(length);
    queue.close();
    staff.hire = None;
    staff.crew.wind_down(context.grace_after(end)).await;
    (context.facts(queue.started(), queue.dropped()), passed)
}

type Init = BoxFuture<'static, Result<Box<dyn crate::vu::Vu>, crate::error::Error>>;

/// The VUs of the scenario, and the one that is being initialised.
struct Staff {
    context: Arc<Context>,
    crew: Crew,
    queue: Arc<IdleQueue>,
    limits: Limits,
    allocated: u64,
    warned: bool,
    /// A VU could not be initialised, and the user knows.
    failure_told: bool,
    hire: Option<Init>,
    next_key: usize,
}

impl Staff {
    fn employ(&mut self, vu: Box<dyn crate::vu::Vu>) {
        self.crew.enlist(self.next_key, vu, Arc::new(Offer::new(Arc::clone(&self.queue))));
        self.next_key += 1;
        self.allocated += 1;
    }

    /// An iteration was dropped: begins to initialise one more VU, if there may be one and none is on its way.
    fn grow(&mut self) {
        if self.hire.is_some() {
            return;
        }
        if self.allocated >= self.limits.max {
            if !self.warned {
                self.warned = true;
                tracing::warn!(
                    scenario = %self.context.scenario.name,
                    "Insufficient VUs: all {} are busy and maxVUs allows no more; iterations that find no idle VU are \
                     dropped. Raise maxVUs, or lower the rate",
                    self.allocated
                );
            }
            return;
        }
        let pool = Arc::clone(&self.context.pool);
        self.hire = Some(Box::pin(async move { pool.init().await }));
    }

    /// Follows up the ends of VUs and the initialisation in progress; never resolves while there is nothing to do.
    async fn work(&mut self) {
        let hire = &mut self.hire;
        let hired = async move {
            match hire {
                Some(init) => init.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            hired = hired => {
                self.hire = None;
                match hired {
                    Ok(vu) => self.employ(vu),
                    // Said once: every iteration that finds no VU asks again.
                    Err(error) if !self.failure_told => {
                        self.failure_told = true;
                        let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                        tracing::warn!(
                            scenario = %self.context.scenario.name,
                            "an additional VU could not be initialised: {error}{hint}"
                        );
                    }
                    Err(_) => {}
                }
            }
            Some((_, end)) = self.crew.ended() => {
                self.allocated = self.allocated.saturating_sub(1);
                // Interrupted while idle, or lost: the place is free for another VU.
                if end == ActivationEnd::Lost && self.allocated < self.limits.pre_allocated {
                    self.grow();
                }
            }
        }
    }
}

fn show(
    context: &Context,
    length: Duration,
    shown: Box<dyn Fn(Duration) -> String + Send + Sync>,
    limits: Limits,
    queue: &Arc<IdleQueue>,
) {
    let (a, b) = (Arc::downgrade(&context.state), Arc::downgrade(&context.state));
    let queue = Arc::clone(queue);
    let width = limits.max.to_string().len();
    context.show(
        move || a.upgrade().map_or(0.0, |s| share(s.started.get().copied(), length)),
        move || {
            let started = b.upgrade().and_then(|s| s.started.get().copied());
            let rate = shown(since(started).min(length));
            let (busy, max) = (queue.busy(), limits.max);
            format!("{busy:0width$}/{max} VUs  {}  {rate}", clock_text(started, length))
        },
    );
}
