//! `externally-controlled`: a number of looping VUs that is set from outside, through the REST API.
//!
//! All of maxVUs are initialised before the run. VUs sit in numbered slots as in `ramping-vus`: a slot that closes lets its VU finish
//! the iteration. Pausing closes all slots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::options::ExecutorConfig;
use crate::vu::control::ExternalVus;
use crate::vu::{BoxFuture, IterationOutcome, IterationSource, ScenarioState, Ticket};

use super::context::{Context, ScenarioFacts, clock_text, share};
use super::crew::{CountActive, Crew};
use super::wait::until;

struct Slot {
    state: Arc<ScenarioState>,
    open: AtomicBool,
}

impl IterationSource for Slot {
    fn next(&self) -> BoxFuture<'_, Option<Ticket>> {
        let ticket = self.open.load(Ordering::Acquire).then(|| self.state.take_ticket(None));
        Box::pin(std::future::ready(ticket))
    }

    fn done(&self, _: &IterationOutcome) {}
}

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::ExternallyControlled { vus, max_vus, duration } = context.scenario.executor else {
            return context.facts(0, 0);
        };
        let stripe = context.segmentation.stripe();
        let start_vus = ExternalVus { vus: stripe.scale(vus), max_vus: stripe.scale(max_vus), least_max: 0 };
        let running = Arc::new(AtomicUsize::new(0));
        show(&context, Arc::clone(&running), duration);
        let end = duration.map(|duration| context.begin() + duration);
        let mut staff = Staff {
            crew: Crew::new(Arc::clone(&context), CountActive::Activation),
            context: Arc::clone(&context),
            slots: Vec::new(),
            busy: Vec::new(),
            target: 0,
            initialised: start_vus.max_vus,
            running,
        };
        let control = &context.run.control;
        let (mut external, mut pauses) = (control.externals(), control.pauses());
        context.begin();
        loop {
            let wanted = external.borrow_and_update().unwrap_or(start_vus);
            let paused = *pauses.borrow_and_update();
            if !staff.set(wanted, paused).await {
                break;
            }
            let over = async {
                match end {
                    Some(end) => until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = context.halted() => break,
                () = over => break,
                Ok(()) = external.changed() => {}
                Ok(()) = pauses.changed() => {}
                Some((slot, _)) = staff.crew.ended() => {
                    if let Some(busy) = staff.busy.get_mut(slot) {
                        *busy = false;
                    }
                }
            }
        }
        staff.close();
        staff.crew.wind_down(super::wait::now() + context.scenario.graceful_stop).await;
        context.facts(context.state.next_iteration.load(Ordering::Relaxed), 0)
    })
}

fn show(context: &Context, running: Arc<AtomicUsize>, length: Option<Duration>) {
    let (a, b) = (Arc::downgrade(&context.state), Arc::downgrade(&context.state));
    let started = |state: &std::sync::Weak<ScenarioState>| state.upgrade().and_then(|s| s.started.get().copied());
    context.show(
        move || length.map_or(0.0, |length| share(started(&a), length)),
        move || {
            let now = running.load(Ordering::Relaxed);
            match length {
                Some(length) => format!("{now} VUs  {}", clock_text(started(&b), length)),
                None => format!("{now} VUs  until stopped"),
            }
        },
    );
}

struct Staff {
    context: Arc<Context>,
    crew: Crew,
    slots: Vec<Arc<Slot>>,
    /// Which slots have a VU.
    busy: Vec<bool>,
    target: usize,
    /// VUs that exist for this scenario.
    initialised: u64,
    running: Arc<AtomicUsize>,
}

impl Staff {
    /// Opens and closes slots; false when the run is stopping.
    async fn set(&mut self, wanted: ExternalVus, paused: bool) -> bool {
        while self.initialised < wanted.max_vus {
            let init = tokio::select! {
                biased;
                _ = self.context.stop.wait() => return false,
                init = self.context.pool.init() => init,
            };
            match init {
                Ok(vu) => self.context.pool.give(vu),
                Err(error) => {
                    tracing::warn!(scenario = %self.context.scenario.name, "an additional VU could not be initialised: {error}");
                    break;
                }
            }
            self.initialised += 1;
        }
        let vus = wanted.vus.min(self.initialised);
        let target = if paused { 0 } else { usize::try_from(vus).unwrap_or(usize::MAX) };
        for slot in target..self.target {
            self.slots[slot].open.store(false, Ordering::Release);
        }
        while self.slots.len() < target {
            let state = Arc::clone(&self.context.state);
            self.slots.push(Arc::new(Slot { state, open: AtomicBool::new(false) }));
            self.busy.push(false);
        }
        self.target = target;
        for slot in 0..target {
            self.slots[slot].open.store(true, Ordering::Release);
            if !self.busy[slot] {
                let Some(vu) = self.context.take_vu().await else { return false };
                let source: Arc<Slot> = Arc::clone(&self.slots[slot]);
                self.crew.enlist(slot, vu, source);
                self.busy[slot] = true;
            }
        }
        self.running.store(self.crew.len(), Ordering::Relaxed);
        true
    }

    fn close(&mut self) {
        self.slots.iter().for_each(|slot| slot.open.store(false, Ordering::Release));
    }
}
