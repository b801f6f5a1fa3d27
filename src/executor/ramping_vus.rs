//! `ramping-vus`: a number of looping VUs that follows stages.
//!
//! VUs sit in numbered slots; a target of `n` means that slots below `n` are open. A slot that closes lets its VU finish the
//! iteration for gracefulRampDown (gracefulStop at the end of the scenario), then interrupts it. A slot that opens again before that
//! keeps its VU.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::options::ExecutorConfig;
use crate::vu::{BoxFuture, IterationOutcome, IterationSource, ScenarioState, Ticket};

use super::context::{Context, ScenarioFacts, clock_text, share};
use super::crew::{CountActive, Crew};
use super::fleet::Gate;
use super::stages;
use super::wait::until;

struct Slot {
    gate: Arc<Gate>,
    state: Arc<ScenarioState>,
    open: AtomicBool,
}

impl IterationSource for Slot {
    fn next(&self) -> BoxFuture<'_, Option<Ticket>> {
        let granted = self.open.load(Ordering::Acquire) && self.gate.is_open();
        let ticket = granted.then(|| self.state.take_ticket(None));
        Box::pin(std::future::ready(ticket))
    }

    fn done(&self, _: &IterationOutcome) {}
}

/// What happens at an instant: first VUs are told to start or finish, then those whose grace is over are interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Target(usize),
    Limit(usize),
    End,
}

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::RampingVus { start_vus, ref stages, graceful_ramp_down } = context.scenario.executor else {
            return context.facts(0, 0);
        };
        let length: Duration = stages.iter().map(|s| s.duration).sum();
        let ramp = stages::scaled(&stages::steps(start_vus, stages), context.segmentation.stripe());
        let events = timeline(&ramp, graceful_ramp_down, length, context.scenario.graceful_stop);
        let most = usize::try_from(stages::max_vus(&ramp)).unwrap_or(usize::MAX);

        if most == 0 && !context.segmentation.is_whole() {
            return context.facts(0, 0);
        }
        let running = Arc::new(AtomicUsize::new(0));
        show(&context, Arc::clone(&running), most, length);
        let start = context.begin();
        let gate = Arc::new(Gate::new(start + length));
        let slots: Vec<Arc<Slot>> = (0..most)
            .map(|_| {
                let (gate, state) = (Arc::clone(&gate), Arc::clone(&context.state));
                Arc::new(Slot { gate, state, open: AtomicBool::new(false) })
            })
            .collect();
        let mut fleet = Fleet {
            crew: Crew::new(Arc::clone(&context), CountActive::Activation),
            busy: vec![false; most],
            target: 0,
            slots,
            running,
        };
        fleet.follow(&context, start, &events).await;
        gate.close();
        fleet.crew.wind_down(context.grace_after(start + length)).await;
        fleet.running.store(0, Ordering::Relaxed);
        context.facts(context.state.next_iteration.load(Ordering::Relaxed), 0)
    })
}

fn show(context: &Context, running: Arc<AtomicUsize>, most: usize, length: Duration) {
    let (a, b) = (Arc::downgrade(&context.state), Arc::downgrade(&context.state));
    let started = |state: &std::sync::Weak<ScenarioState>| state.upgrade().and_then(|s| s.started.get().copied());
    let width = most.to_string().len();
    context.show(
        move || share(started(&a), length),
        move || {
            let now = running.load(Ordering::Relaxed);
            format!("{now:0width$}/{most} VUs  {}", clock_text(started(&b), length))
        },
    );
}

/// Targets up to the end of the scenario, and limits up to the end of gracefulStop, in order of time.
///
/// VUs that are open at the end have gracefulStop; those ramped down before keep their own, earlier limit.
fn timeline(
    ramp: &[stages::Step],
    grace: Duration,
    length: Duration,
    graceful_stop: Duration,
) -> Vec<(Duration, Event)> {
    let size = |vus: u64| usize::try_from(vus).unwrap_or(usize::MAX);
    let running: Vec<stages::Step> = ramp.iter().copied().filter(|s| s.at < length).collect();
    let targets = running.iter().map(|s| (s.at, Event::Target(size(s.vus))));
    let limits = stages::with_grace(&running, grace)
        .into_iter()
        .filter(|s| s.at < length + graceful_stop)
        .map(|s| (s.at, Event::Limit(size(s.vus))));
    let mut events: Vec<_> = targets.chain(limits).chain([(length, Event::End)]).collect();
    events.sort();
    events
}

struct Fleet {
    crew: Crew,
    slots: Vec<Arc<Slot>>,
    /// Which slots have a VU.
    busy: Vec<bool>,
    target: usize,
    running: Arc<AtomicUsize>,
}

impl Fleet {
    /// Plays the events until no VU is left after the end of the scenario, or a stop.
    async fn follow(&mut self, context: &Arc<Context>, start: std::time::Instant, events: &[(Duration, Event)]) {
        let mut over = false;
        for (at, event) in events {
            loop {
                if over && self.crew.len() == 0 {
                    return;
                }
                tokio::select! {
                    biased;
                    () = context.halted() => return,
                    () = until(start + *at) => break,
                    Some((slot, _)) = self.crew.ended() => {
                        if !self.vacated(context, slot).await {
                            return;
                        }
                    }
                }
            }
            match event {
                Event::End => over = true,
                Event::Target(target) => {
                    if !self.set_target(context, *target).await {
                        return;
                    }
                }
                Event::Limit(limit) => {
                    for slot in (*limit).max(self.target)..self.slots.len() {
                        if self.busy[slot] {
                            self.crew.interrupt(slot);
                        }
                    }
                }
            }
        }
    }

    /// Opens the slots below the target and closes the others; false when the run is stopping.
    async fn set_target(&mut self, context: &Arc<Context>, target: usize) -> bool {
        for slot in target..self.target {
            self.slots[slot].open.store(false, Ordering::Release);
        }
        for slot in self.target..target {
            self.slots[slot].open.store(true, Ordering::Release);
            if !self.busy[slot] && !self.fill(context, slot).await {
                return false;
            }
        }
        self.target = target;
        true
    }

    async fn fill(&mut self, context: &Arc<Context>, slot: usize) -> bool {
        let Some(vu) = context.take_vu().await else { return false };
        let source: Arc<Slot> = Arc::clone(&self.slots[slot]);
        self.crew.enlist(slot, vu, source);
        self.busy[slot] = true;
        self.running.store(self.crew.len(), Ordering::Relaxed);
        true
    }

    /// A VU left its slot: fills it again when it was opened meanwhile, or the VU was lost.
    async fn vacated(&mut self, context: &Arc<Context>, slot: usize) -> bool {
        self.running.store(self.crew.len(), Ordering::Relaxed);
        let Some(busy) = self.busy.get_mut(slot) else { return true };
        *busy = false;
        let slot_again = &self.slots[slot];
        let wanted = slot_again.open.load(Ordering::Acquire) && slot_again.gate.is_open();
        !wanted || self.fill(context, slot).await
    }
}
