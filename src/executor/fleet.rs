//! A fixed number of VUs, each with a source of iterations: the common part of `constant-vus`, `shared-iterations` and
//! `per-vu-iterations`, which differ only in their sources.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::vu::{ActivationEnd, IterationSource};

use super::context::Context;
use super::crew::{CountActive, Crew};
use super::wait::{now, until};

/// Says whether new iterations may start: not after the end, nor once the scenario was closed.
#[derive(Debug)]
pub(super) struct Gate {
    closed: AtomicBool,
    end: Instant,
}

impl Gate {
    pub(super) fn new(end: Instant) -> Self {
        Self { closed: AtomicBool::new(false), end }
    }

    /// Whether an iteration may start now.
    pub(super) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire) && now() < self.end
    }

    /// No more iterations.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// Runs `vus` VUs from now until their sources are empty or `length` is over, then gives gracefulStop.
///
/// `make` builds the source of VU number `n` from 0. A lost VU is replaced; the replacement goes on with the same source.
pub(super) async fn run(
    context: &Arc<Context>,
    vus: u64,
    length: Duration,
    mut make: impl FnMut(u64, &Arc<Gate>) -> Arc<dyn IterationSource>,
) {
    let mut crew = Crew::new(Arc::clone(context), CountActive::Activation);
    let mut ready = Vec::new();
    for _ in 0..vus {
        let Some(vu) = context.take_vu().await else {
            ready.into_iter().for_each(|vu| context.pool.give(vu));
            return;
        };
        ready.push(vu);
    }
    let end = context.begin() + length;
    let gate = Arc::new(Gate::new(end));
    let sources: Vec<_> = (0..vus).map(|n| make(n, &gate)).collect();
    for (key, (vu, source)) in ready.into_iter().zip(&sources).enumerate() {
        crew.enlist(key, vu, Arc::clone(source));
    }
    loop {
        tokio::select! {
            biased;
            () = context.halted() => break,
            () = until(end) => break,
            ended = crew.ended() => match ended {
                None => break,
                Some((key, ActivationEnd::Lost)) if key < sources.len() && gate.is_open() => {
                    let Some(vu) = context.take_vu().await else { break };
                    crew.enlist(key, vu, Arc::clone(&sources[key]));
                }
                Some(_) => {}
            },
        }
    }
    gate.close();
    crew.wind_down(context.grace_after(end)).await;
}
