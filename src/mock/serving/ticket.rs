//! The engine on the clock: calls take a [`Ticket`] and ask it when their tokens are due.
//!
//! There is no thread: the engine is moved on by whoever asks, and its answers do not depend on when that is. A token's time is
//! known when its step begins, so a stream asks once per token, right when the token before was written; one that waits for a
//! place or its prefill asks again at the end of each step.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::config::ServingConfig;
use super::engine::{Account, Engine, Gauges, Job};
use crate::mock::prefix_cache::Learning;

/// The modelled server of one mock.
#[derive(Debug)]
pub(in crate::mock) struct Serving {
    engine: Mutex<Engine>,
    origin: Instant,
    kv_tokens: Option<u64>,
}

impl Serving {
    pub(in crate::mock) fn new(config: ServingConfig, queue_limit: u32) -> Arc<Self> {
        let engine = Mutex::new(Engine::new(config, queue_limit));
        Arc::new(Self { engine, origin: Instant::now(), kv_tokens: config.kv_tokens })
    }

    /// The KV cache, which no prompt with its output may exceed; None = no limit.
    pub(in crate::mock) fn kv_tokens(&self) -> Option<u64> {
        self.kv_tokens
    }

    /// A call that arrived at `at`; None = the queue is full. `learning` is told when its first token is due.
    pub(in crate::mock) fn submit(
        self: &Arc<Self>,
        at: Instant,
        job: Job,
        learning: Option<Learning>,
    ) -> Option<Ticket> {
        let id = self.engine().submit(self.ns(at), job)?;
        Some(Ticket { serving: Arc::clone(self), id, learning })
    }

    /// The state now.
    pub(in crate::mock) fn gauges(&self) -> Gauges {
        let now = self.ns(Instant::now());
        let mut engine = self.engine();
        engine.advance(now);
        engine.gauges()
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ns(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A call's place in the modelled server; dropping it gives the place up.
#[derive(Debug)]
pub(in crate::mock) struct Ticket {
    serving: Arc<Serving>,
    id: usize,
    learning: Option<Learning>,
}

/// What a ticket knows about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mock) enum Asked {
    Due(Instant),
    /// Not yet; ask again then.
    Later(Instant),
}

impl Ticket {
    /// When token `k` (from 0) is due.
    pub(in crate::mock) fn ask(&mut self, k: u32) -> Asked {
        let origin = self.serving.origin;
        let now = Instant::now();
        let (due, first, change) = {
            let mut engine = self.serving.engine();
            engine.advance(self.serving.ns(now));
            (engine.due(self.id, k), engine.due(self.id, 0), engine.next_change())
        };
        let at = |ns: u64| origin + Duration::from_nanos(ns);
        if let Some(first) = first
            && let Some(learning) = self.learning.take()
        {
            learning.known_from(at(first));
        }
        match due {
            Some(due) => Asked::Due(at(due)),
            None => Asked::Later(change.map_or(now + Duration::from_millis(1), at)),
        }
    }

    pub(in crate::mock) fn account(&self) -> Account {
        self.serving.engine().account(self.id)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let now = self.serving.ns(Instant::now());
        self.serving.engine().release(now, self.id);
    }
}
