//! Continuous batching on virtual time: given who arrives when, it tells when each token is due. Pure: no clock, no threads.
//!
//! The server works in steps. At the beginning of a step, in this order:
//! 1. Sequences that decode get room for one more token in the KV cache. When it is full, the sequence admitted last is preempted:
//!    its tokens leave the cache, it goes to the head of the queue, and its prompt and output are prefilled again (recomputation, as
//!    in vLLM; the tokens it has sent stay sent).
//! 2. Unless one was preempted, waiting sequences are admitted first come, first served, while there is a free slot and room for
//!    the prompt and one token.
//! 3. Prefill takes what the decoding sequences leave of `prefill_chunk`, in the order of admission. A sequence whose prefill ends
//!    in this step gets its first token at the step's end.
//!
//! The time of a step follows from what is in it (see [`ServingConfig`]), so all its tokens are known when it begins. Nobody joins
//! or leaves within a step. Times are nanoseconds from any origin. The caller moves time with [`Engine::advance`]; it may do so
//! late: what comes out does not depend on when it asks, only on the times of arrival and release.

use std::collections::VecDeque;

use super::config::ServingConfig;

/// What a sequence needs.
#[derive(Clone, Copy, Debug)]
pub(in crate::mock) struct Job {
    /// Tokens of the prompt.
    pub(in crate::mock) prompt: u64,
    /// Those that need no prefill.
    pub(in crate::mock) cached: u64,
    /// Tokens to generate, at least 1.
    pub(in crate::mock) output: u32,
}

/// What became of a sequence so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::mock) struct Account {
    /// From the arrival to the first step; None = still waiting.
    pub(in crate::mock) queue_ns: Option<u64>,
    /// From the first step to the first token.
    pub(in crate::mock) prefill_ns: Option<u64>,
    /// How often it was preempted.
    pub(in crate::mock) preemptions: u32,
    /// Mean number of sequences in its steps.
    pub(in crate::mock) batch_mean: f64,
    /// The most in any.
    pub(in crate::mock) batch_max: u32,
}

/// The state at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::mock) struct Gauges {
    pub(in crate::mock) running: usize,
    pub(in crate::mock) waiting: usize,
    pub(in crate::mock) kv_tokens: u64,
    /// None = no limit.
    pub(in crate::mock) kv_limit: Option<u64>,
    /// Since the beginning.
    pub(in crate::mock) preemptions: u64,
    pub(in crate::mock) steps: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Waiting,
    Running,
    /// All tokens are generated, or nobody waits for them any more.
    Done,
}

#[derive(Debug)]
struct Sequence {
    job: Job,
    state: State,
    arrived: u64,
    admitted: Option<u64>,
    prefill_left: u64,
    /// Tokens held in the KV cache.
    kv: u64,
    dues: Vec<u64>,
    preemptions: u32,
    steps: u64,
    batch_sum: u64,
    batch_max: u32,
    /// Nobody asks for it any more.
    released: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Engine {
    config: ServingConfig,
    queue_limit: usize,
    sequences: Vec<Sequence>,
    free: Vec<usize>,
    waiting: VecDeque<usize>,
    /// In order of admission.
    running: Vec<usize>,
    kv_used: u64,
    /// End of the step under way; None = idle.
    step_end: Option<u64>,
    /// No step may begin before.
    frontier: u64,
    preemptions: u64,
    steps: u64,
}

impl Engine {
    pub(super) fn new(config: ServingConfig, queue_limit: u32) -> Self {
        Self {
            config,
            queue_limit: queue_limit as usize,
            sequences: Vec::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            kv_used: 0,
            step_end: None,
            frontier: 0,
            preemptions: 0,
            steps: 0,
        }
    }

    /// Takes a sequence that arrives at `at`; None = the queue is full. The caller has checked that prompt and output fit into the
    /// KV cache at all, and gives the number back with [`Engine::release`].
    pub(super) fn submit(&mut self, at: u64, job: Job) -> Option<usize> {
        self.advance(at);
        let about_to_run = (self.config.slots as usize).saturating_sub(self.running.len());
        if self.waiting.len() >= self.queue_limit.saturating_add(about_to_run) {
            return None;
        }
        let sequence = Sequence {
            job,
            state: State::Waiting,
            arrived: at,
            admitted: None,
            prefill_left: job.prompt.saturating_sub(job.cached),
            kv: 0,
            dues: Vec::new(),
            preemptions: 0,
            steps: 0,
            batch_sum: 0,
            batch_max: 0,
            released: false,
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.sequences[id] = sequence;
                id
            }
            None => {
                self.sequences.push(sequence);
                self.sequences.len() - 1
            }
        };
        self.waiting.push_back(id);
        if self.step_end.is_none() {
            self.begin(at.max(self.frontier));
        }
        Some(id)
    }

    /// Works until `now`.
    pub(super) fn advance(&mut self, now: u64) {
        while let Some(end) = self.step_end.filter(|end| *end <= now) {
            self.finish(end);
            self.begin(end);
        }
    }

    /// When token `k` (from 0) is due, as far as that is known.
    pub(super) fn due(&self, id: usize, k: u32) -> Option<u64> {
        self.sequences[id].dues.get(k as usize).copied()
    }

    /// The end of the step under way, when more will be known.
    pub(super) fn next_change(&self) -> Option<u64> {
        self.step_end
    }

    pub(super) fn account(&self, id: usize) -> Account {
        let s = &self.sequences[id];
        Account {
            queue_ns: s.admitted.map(|at| at.saturating_sub(s.arrived)),
            prefill_ns: s.admitted.zip(s.dues.first()).map(|(at, first)| first.saturating_sub(at)),
            preemptions: s.preemptions,
            batch_mean: if s.steps == 0 { 0.0 } else { s.batch_sum as f64 / s.steps as f64 },
            batch_max: s.batch_max,
        }
    }

    /// Nobody asks for the sequence any more. Its place is free from the end of the step under way.
    pub(super) fn release(&mut self, now: u64, id: usize) {
        self.advance(now);
        self.sequences[id].released = true;
        match self.sequences[id].state {
            State::Waiting => {
                self.waiting.retain(|other| *other != id);
                self.forget(id);
            }
            State::Done => self.forget(id),
            State::Running | State::Free => {}
        }
    }

    pub(super) fn gauges(&self) -> Gauges {
        Gauges {
            running: self.running.len(),
            waiting: self.waiting.len(),
            kv_tokens: self.kv_used,
            kv_limit: self.config.kv_tokens,
            preemptions: self.preemptions,
            steps: self.steps,
        }
    }

    fn forget(&mut self, id: usize) {
        let sequence = &mut self.sequences[id];
        sequence.state = State::Free;
        sequence.dues = Vec::new();
        self.free.push(id);
    }

    /// The end of a step: who is finished, or has left, goes.
    fn finish(&mut self, end: u64) {
        self.step_end = None;
        self.frontier = end;
        let (sequences, kv_used, free) = (&mut self.sequences, &mut self.kv_used, &mut self.free);
        self.running.retain(|id| {
            let s = &mut sequences[*id];
            if s.dues.len() < s.job.output as usize && !s.released {
                return true;
            }
            *kv_used -= s.kv;
            s.kv = 0;
            s.state = State::Done;
            if s.released {
                s.state = State::Free;
                s.dues = Vec::new();
                free.push(*id);
            }
            false
        });
    }

    /// The beginning of a step, if there is anything to do.
    fn begin(&mut self, at: u64) {
        if !self.make_room() {
            self.admit(at);
        }
        if self.running.is_empty() {
            return;
        }
        let batch = self.running.len() as u32;
        let decodes = |s: &Sequence| s.prefill_left == 0;
        let (mut decoding, mut held) = (0_u64, 0_u64);
        for s in self.running.iter().map(|id| &self.sequences[*id]).filter(|s| decodes(s)) {
            decoding += 1;
            held += s.kv;
        }
        // However many decode, a prompt gets on by a token per step.
        let mut budget = u64::from(self.config.prefill_chunk).saturating_sub(decoding).max(1);
        let mut prefilled = 0;
        for id in &self.running {
            let s = &mut self.sequences[*id];
            s.steps += 1;
            s.batch_sum += u64::from(batch);
            s.batch_max = s.batch_max.max(batch);
            let part = s.prefill_left.min(budget);
            s.prefill_left -= part;
            budget -= part;
            prefilled += part;
        }
        let c = &self.config;
        let ns = c.step_time.as_nanos() as f64
            + c.step_per_seq.as_nanos() as f64 * decoding as f64
            + c.step_per_kv_token.as_nanos() as f64 * held as f64
            + prefilled as f64 / c.prefill_rate * 1e9;
        let end = at.saturating_add((ns.round() as u64).max(1));
        for id in &self.running {
            let s = &mut self.sequences[*id];
            if s.prefill_left == 0 {
                s.dues.push(end);
            }
        }
        self.steps += 1;
        self.step_end = Some(end);
    }

    /// Gives every running sequence the room its next token needs; whether one had to be preempted.
    fn make_room(&mut self) -> bool {
        let Some(limit) = self.config.kv_tokens else {
            for id in &self.running {
                let s = &mut self.sequences[*id];
                let needed = s.needed();
                self.kv_used += needed - s.kv;
                s.kv = needed;
            }
            return false;
        };
        let mut preempted = false;
        let mut n = 0;
        while let Some(id) = self.running.get(n).copied() {
            let (needed, held) = (self.sequences[id].needed(), self.sequences[id].kv);
            if self.kv_used - held + needed > limit
                && let Some(last) = self.running.pop()
            {
                preempted = true;
                self.preempt(last);
                continue;
            }
            self.kv_used += needed - held;
            self.sequences[id].kv = needed;
            n += 1;
        }
        preempted
    }

    fn preempt(&mut self, id: usize) {
        let s = &mut self.sequences[id];
        self.kv_used -= s.kv;
        s.kv = 0;
        s.state = State::Waiting;
        s.prefill_left = s.job.prompt + s.dues.len() as u64;
        s.preemptions += 1;
        self.preemptions += 1;
        self.waiting.push_front(id);
    }

    fn admit(&mut self, at: u64) {
        while self.running.len() < self.config.slots as usize
            && let Some(id) = self.waiting.front().copied()
        {
            let s = &mut self.sequences[id];
            let needed = s.needed();
            if self.config.kv_tokens.is_some_and(|limit| self.kv_used + needed > limit) {
                return;
            }
            self.waiting.pop_front();
            self.running.push(id);
            self.kv_used += needed;
            s.kv = needed;
            s.state = State::Running;
            s.admitted.get_or_insert(at);
        }
    }
}

impl Sequence {
    /// Tokens of the KV cache it needs for the step that makes its next token.
    fn needed(&self) -> u64 {
        self.job.prompt + self.dues.len() as u64 + 1
    }
}
