//! One call that may be sent more than once: again to the same model (`params.retry`), or to the next target (`ai.failover`).
//!
//! Every attempt is a measured call of its own (`call`); this decides what happens between them and keeps what the earlier ones
//! left. `timeout` covers all of them. A call that can have one attempt only is handed to `call` as it is.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::call::{self, Call, Hooks, RawCall};
use super::cancel::Cancel;
use super::circuit::{Change, Permit};
use super::errors::ErrorKind;
use super::failover::Failover;
use super::fields::Problems;
use super::params::CallParams;
use super::rate_limit::RateLimit;
use super::request::ChatRequest;
use super::retry::Retry;
use super::spec::ModelSpec;
use super::transport::Transport;

/// A call ready to be sent, as often as it may be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One per target, in order of preference.
    calls: Vec<Call>,
    failover: Option<Arc<Failover>>,
    retry: Option<Retry>,
    timeout: Duration,
    seed: u64,
}

/// What came before the last attempt, and what the attempts did to the circuits. `R` is an attempt, counted or not.
#[derive(Clone, Debug)]
pub struct Tries<R> {
    /// Start of the first attempt.
    pub start: Instant,
    /// Target of the last attempt; None without failover.
    pub target: Option<Arc<str>>,
    /// The failed attempts before it, in order.
    pub earlier: Vec<Earlier<R>>,
    /// Targets passed by because their circuits were open, and when.
    pub skipped: Vec<(Arc<str>, Instant)>,
    /// Circuits that changed, and when.
    pub changes: Vec<(Arc<str>, Change, Instant)>,
}

/// A failed attempt that another one followed.
#[derive(Clone, Debug)]
pub struct Earlier<R> {
    /// The attempt.
    pub attempt: R,
    /// Its target; None without failover.
    pub target: Option<Arc<str>>,
    /// Whether the call went on to another target; it was sent to the same one (or the first) again otherwise.
    pub moved: bool,
    /// The wait after it.
    pub waited: Duration,
}

impl<R> Tries<R> {
    /// The number of the last attempt, from 1.
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.earlier.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The same with other attempts.
    pub(super) fn map<S>(self, mut f: impl FnMut(R) -> S) -> Tries<S> {
        let Self { start, target, earlier, skipped, changes } = self;
        let earlier = earlier.into_iter().map(|e| Earlier {
            attempt: f(e.attempt),
            target: e.target,
            moved: e.moved,
            waited: e.waited,
        });
        Tries { start, target, earlier: earlier.collect(), skipped, changes }
    }
}

impl Plan {
    /// Encodes the request for every target. `seed` makes the random part of waits repeatable.
    ///
    /// # Errors
    /// Everything the providers' APIs cannot do.
    pub fn new(
        spec: Arc<ModelSpec>,
        request: Arc<ChatRequest>,
        params: Arc<CallParams>,
        stream: bool,
        intended: Option<Instant>,
        seed: u64,
    ) -> Result<Self, Problems> {
        let failover = spec.failover.clone();
        let retry = params.retry.clone();
        let timeout = params.timeout.unwrap_or_else(|| failover.as_ref().map_or(spec.timeout, |f| f.timeout()));
        let specs = match &failover {
            None => vec![spec],
            Some(failover) => failover.targets.iter().map(|t| Arc::clone(&t.spec)).collect(),
        };
        let make = |spec| Call::new(spec, Arc::clone(&request), Arc::clone(&params), stream, intended);
        let calls = specs.into_iter().map(make).collect::<Result<_, _>>()?;
        Ok(Self { calls, failover, retry, timeout, seed })
    }

    /// The calls as they will be sent, one per target: what every attempt has to carry is put into each of them.
    pub fn calls_mut(&mut self) -> &mut [Call] {
        &mut self.calls
    }
}

/// Runs a call to its end, in as many attempts as it takes. Never an `Err`: a failure is part of the result.
pub async fn run<T: Transport>(transport: &T, plan: Plan, hooks: Hooks) -> RawCall {
    let Plan { mut calls, failover, retry, timeout, seed } = plan;
    if failover.is_none()
        && retry.is_none()
        && let Some(only) = calls.pop()
    {
        return call::run(transport, only, hooks).await;
    }
    let start = call::now();
    let tries = Tries { start, target: None, earlier: Vec::new(), skipped: Vec::new(), changes: Vec::new() };
    Runner { transport, calls, failover, retry, timeout, seed, hooks, tries }.run().await
}

/// A call under way.
struct Runner<'a, T> {
    transport: &'a T,
    calls: Vec<Call>,
    failover: Option<Arc<Failover>>,
    retry: Option<Retry>,
    timeout: Duration,
    seed: u64,
    hooks: Hooks,
    tries: Tries<RawCall>,
}

impl<T: Transport> Runner<'_, T> {
    async fn run(mut self) -> RawCall {
        let mut round = 1;
        loop {
            let (mut last, target) = self.round().await;
            let again = self.retry.as_ref().filter(|_| self.goes_on(&last));
            let wanted = match (again, failure(&last)) {
                (Some(retry), Some(kind)) if retry.wants(round, kind) => {
                    let stated = stated_delay(&last);
                    Some(retry.backoff.delay(round, stated, random(self.seed, round)))
                }
                _ => None,
            };
            let Some(wait) = wanted else { return self.end(last, target) };
            if call::now() + wait >= self.deadline() {
                if let Some(error) = &mut last.error {
                    error.message += &format!("; no time for another attempt within timeout {:?}", self.timeout);
                }
                return self.end(last, target);
            }
            if !wait_for(wait, &self.hooks.cancel).await {
                return self.end(last, target);
            }
            let target = self.name(target);
            last.release_unused();
            self.tries.earlier.push(Earlier { attempt: last, target, moved: false, waited: wait });
            round += 1;
        }
    }

    /// One attempt at each target until one answers. Gives the last attempt and the index of its target.
    async fn round(&mut self) -> (RawCall, usize) {
        let mut last: Option<(RawCall, usize)> = None;
        for anyway in [false, true] {
            let mut skipped = Vec::new();
            for at in 0..self.calls.len() {
                if last.as_ref().is_some_and(|(raw, _)| !self.goes_on(raw)) {
                    break;
                }
                let Some(permit) = self.admit(at, anyway) else {
                    skipped.extend(self.name(at).map(|name| (name, call::now())));
                    continue;
                };
                if let Some((mut attempt, before)) = last.take() {
                    let target = self.name(before);
                    attempt.release_unused();
                    self.tries.earlier.push(Earlier { attempt, target, moved: true, waited: Duration::ZERO });
                }
                let raw = self.attempt(at, permit).await;
                let moves_on = self.moves_on(&raw);
                last = Some((raw, at));
                if !moves_on {
                    break;
                }
            }
            // A call is not refused because every target is believed to be down: then all of them are tried.
            if let Some(done) = last {
                self.tries.skipped.append(&mut skipped);
                return done;
            }
        }
        unreachable!("the second pass tries every target, and there is at least one")
    }

    /// Lets an attempt through; None when the target's circuit is open. The inner None: no failover, no circuit.
    fn admit(&self, at: usize, anyway: bool) -> Option<Option<Permit>> {
        match &self.failover {
            None => Some(None),
            Some(failover) => failover.circuits.admit(at, call::now(), anyway).map(Some),
        }
    }

    async fn attempt(&mut self, at: usize, permit: Option<Permit>) -> RawCall {
        let started = call::now();
        let mut call = self.calls[at].clone();
        let (deadline, own) = (self.deadline(), call.spec.timeout);
        // With other targets behind it, one that hangs must not use up all the time there is.
        call.bounds.total = Some(match self.failover {
            Some(_) if started + own < deadline => (started + own, own),
            _ => (deadline, self.timeout),
        });
        call.bounds.attempt = self.tries.attempts();
        call.bounds.ttft_budget = self.failover.as_ref().filter(|_| self.has_next(at)).and_then(|f| f.ttft_budget);
        let hooks = Hooks {
            events: self.hooks.events.clone(),
            all_events: self.hooks.all_events,
            cancel: self.hooks.cancel.clone(),
        };
        let raw = call::run(self.transport, call, hooks).await;
        if let (Some(permit), Some(name)) = (permit, self.name(at)) {
            let first_output = raw.answer.arrivals.first().map(|a| a.at);
            let when = first_output.unwrap_or(raw.points.end);
            let (change, when) = match failure(&raw) {
                Some(_) if self.blames_target(&raw) => (permit.failed(raw.points.end), raw.points.end),
                None if raw.cancelled.is_none() || first_output.is_some() => (permit.succeeded(when), when),
                _ => (None, when),
            };
            self.tries.changes.extend(change.map(|change| (name, change, when)));
        }
        raw
    }

    /// Whether another target would be asked after this one.
    fn has_next(&self, at: usize) -> bool {
        let now = call::now();
        let admits = |next: usize| self.failover.as_ref().is_some_and(|f| f.circuits.would_admit(next, now));
        (at + 1..self.calls.len()).any(admits)
    }

    /// Whether an outcome speaks against the target.
    fn blames_target(&self, raw: &RawCall) -> bool {
        let Some(failover) = &self.failover else { return false };
        let budget = raw.call.bounds.ttft_budget.is_some();
        failure(raw).is_some_and(|kind| failover.on.contains(&kind) || (budget && kind == ErrorKind::TtftTimeout))
    }

    fn moves_on(&self, raw: &RawCall) -> bool {
        self.goes_on(raw) && self.blames_target(raw)
    }

    /// Whether a failed call may be sent once more at all.
    fn goes_on(&self, raw: &RawCall) -> bool {
        failure(raw).is_some() && self.hooks.cancel.reason().is_none() && call::now() < self.deadline()
    }

    fn deadline(&self) -> Instant {
        self.tries.start + self.timeout
    }

    fn name(&self, at: usize) -> Option<Arc<str>> {
        self.failover.as_ref().map(|f| Arc::clone(&f.targets[at].name))
    }

    fn end(mut self, mut last: RawCall, target: usize) -> RawCall {
        self.tries.target = self.name(target);
        last.tries = Some(Box::new(self.tries));
        last
    }
}

/// The kind of a failure; None for success and for what was ended from our side.
fn failure(raw: &RawCall) -> Option<ErrorKind> {
    raw.error.as_ref().filter(|_| raw.cancelled.is_none()).map(|e| e.kind)
}

/// The delay the server asks for.
fn stated_delay(raw: &RawCall) -> Option<Duration> {
    let now_unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
    let limits = RateLimit::read(&raw.head.as_ref()?.headers, raw.error_text().as_deref(), now_unix)?;
    Duration::try_from_secs_f64(limits.retry_after_ms? / 1e3).ok()
}

/// Waits; false when the call was given up meanwhile.
async fn wait_for(wait: Duration, cancel: &Cancel) -> bool {
    let cancelled = cancel.notified();
    if cancel.reason().is_some() {
        return false;
    }
    tokio::select! {
        () = tokio::time::sleep(wait) => cancel.reason().is_none(),
        () = cancelled => false,
    }
}

/// A number from 0 to 1 that depends on the seed and the number of the wait alone (SplitMix64).
fn random(seed: u64, n: u32) -> f64 {
    let mut z = seed.wrapping_add(u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests;
