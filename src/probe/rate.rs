//! The experiment on a rate: asks as fast as calls are let through, then just often enough to see when the next one is.
//!
//! Generic over the account, and on tokio's clock, so that tests run it against simulated providers in no time.

use std::fmt;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::account::{Account, Limit, Outcome, Reply};
use super::spend::Purse;
use super::verdict::{Event, Pattern, WindowKind, pattern, refill, which_window};

/// Calls let through in a row after which it is worth asking at full speed again.
const FREE: u32 = 4;

/// Polls wait for this share of the time since something was let through.
const PATIENCE: f64 = 0.02;

/// So far into a window its calls are made, for when it began is known only roughly.
const INSIDE: f64 = 0.08;

/// How to ask.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Calls in flight at full speed.
    pub lanes: usize,
    /// Tokens of each call's prompt; 0 = as few as possible.
    pub tokens: u64,
    /// Shortest pause between polls.
    pub poll: Duration,
    /// The longest the experiment may take.
    pub longest: Duration,
    /// Calls let through without a refusal after which there is no limit worth finding.
    pub most: u64,
}

/// Why an experiment ended without an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// The purse does not allow more.
    Budget,
    /// It took too long.
    Time,
    /// No refusal in so many calls, at so many per second.
    Unlimited {
        /// Calls let through.
        calls: u64,
        /// In this time.
        time: Duration,
    },
    /// The account is used up.
    Exhausted(String),
    /// Calls fail for another reason.
    Failed(String),
    /// The limit met is another one.
    Other(Limit),
    /// The server serves no more at a time than the experiment asks.
    Busy,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget => f.write_str("not found: the budget is used up"),
            Self::Time => f.write_str("not found in the longest time allowed for it"),
            Self::Unlimited { calls, time } => {
                let seconds = time.as_secs_f64();
                let rate = *calls as f64 / seconds.max(0.001) * 60.0;
                write!(f, "no limit met: {calls} calls in {seconds:.1} s were let through ({rate:.0} per minute)")
            }
            Self::Exhausted(why) => write!(f, "not found: the account is used up: {why}"),
            Self::Failed(why) => write!(f, "not found: a call failed: {why}"),
            Self::Other(other) => write!(f, "not found: the limit of {} was met first", other.name()),
            Self::Busy => f.write_str("not found: the server refused as busy; use fewer lanes"),
        }
    }
}

/// What was found out about a rate, in calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// How it counts.
    pub pattern: Pattern,
    /// Which window; None for a bucket.
    pub window: Option<WindowKind>,
    /// Calls let through at once at the beginning.
    pub at_once: u64,
    /// Calls refused on the way.
    pub refused: u64,
    /// Tokens each call took of the account, on average.
    pub tokens_each: f64,
}

struct Experiment<'a, A> {
    account: &'a A,
    plan: Plan,
    purse: &'a mut Purse,
    /// What is being looked for; replies that name another limit end the experiment.
    wanted: Limit,
    begun: Instant,
    events: Vec<Event>,
    /// How many of the events were made at full speed at the beginning.
    burst: usize,
    tokens: u64,
}

/// Finds how calls are limited.
///
/// # Errors
/// Why it cannot be known.
pub async fn find<A: Account>(account: &A, wanted: Limit, plan: Plan, purse: &mut Purse) -> Result<Found, Ended> {
    let begun = Instant::now();
    let mut experiment = Experiment { account, plan, purse, wanted, begun, events: Vec::new(), burst: 0, tokens: 0 };
    let pattern = experiment.watch().await?;
    let at_once = experiment.events[..experiment.burst].iter().filter(|e| e.admitted).count() as u64;
    let (pattern, window) = match pattern {
        Pattern::Window { calls, length, begun } => {
            let (length, kind) = experiment.tell_windows_apart(calls, length, begun).await?;
            (Pattern::Window { calls, length, begun }, Some(kind))
        }
        Pattern::Bucket { per_second, burst, spread, calls } => {
            let exact = experiment.saturate(per_second).await?;
            (Pattern::Bucket { per_second: exact, burst, spread, calls }, None)
        }
        Pattern::Open => (Pattern::Open, None),
    };
    let admitted = experiment.events.iter().filter(|e| e.admitted).count();
    let refused = (experiment.events.len() - admitted) as u64;
    let tokens_each = experiment.tokens as f64 / admitted.max(1) as f64;
    Ok(Found { pattern, window, at_once, refused, tokens_each })
}

impl<A: Account> Experiment<'_, A> {
    /// Asks until the pattern is clear.
    async fn watch(&mut self) -> Result<Pattern, Ended> {
        self.full_speed(u64::MAX).await?;
        self.burst = self.events.len();
        let mut last_admitted = Instant::now();
        let mut in_a_row = 0;
        loop {
            self.in_time()?;
            let silence = last_admitted.elapsed().mul_f64(PATIENCE);
            if in_a_row == 0 {
                sleep(silence.max(self.plan.poll).max(self.gap_of_bucket())).await;
            }
            if self.one().await? {
                last_admitted = Instant::now();
                in_a_row += 1;
                if in_a_row >= FREE {
                    self.full_speed(u64::MAX).await?;
                    last_admitted = Instant::now();
                    in_a_row = 0;
                }
            } else {
                in_a_row = 0;
            }
            match pattern(&self.events, self.burst) {
                Pattern::Open => {}
                found => return Ok(found),
            }
        }
    }

    /// A twentieth of the usual gap between calls let through one at a time: polls between them need not be closer.
    fn gap_of_bucket(&self) -> Duration {
        let after: Vec<Duration> = self.events[self.burst..].iter().filter(|e| e.admitted).map(|e| e.at).collect();
        match (after.first(), after.last()) {
            (Some(first), Some(last)) if after.len() > 2 => (*last - *first) / (20 * (after.len() as u32 - 1)),
            _ => Duration::ZERO,
        }
    }

    /// Asks twice as often as a bucket is thought to refill, and counts what it lets through: waiting for answers no longer
    /// matters then.
    async fn saturate(&mut self, guess: f64) -> Result<f64, Ended> {
        let mut rate = guess;
        for _ in 0..8 {
            let from = self.events.len();
            let calls = ((2.0 * rate * 2.0).ceil() as u64).clamp(72, 600);
            let pause = Duration::from_secs_f64(0.5 / rate);
            let (account, tokens) = (self.account, self.plan.tokens);
            let mut flying = FuturesUnordered::new();
            let start = Instant::now();
            let mut replies = Vec::new();
            for call in 0..calls {
                let due = start + pause.mul_f64(call as f64);
                while let Ok(Some(reply)) = timeout_at(due, flying.next()).await {
                    self.purse.note(&reply);
                    replies.push(reply);
                }
                sleep_until(due).await;
                self.in_time()?;
                if !self.purse.allows(flying.len() as u64 + 1, tokens.max(1)) {
                    return Err(Ended::Budget);
                }
                flying.push(account.ask(tokens));
            }
            while let Some(reply) = flying.next().await {
                self.purse.note(&reply);
                replies.push(reply);
            }
            drop(flying);
            self.take_all(replies)?;
            match refill(&self.events[from..]) {
                Some(exact) => return Ok(exact),
                None => rate *= 2.0,
            }
        }
        Ok(guess)
    }

    /// Two lots, half a window apart, and a look at how much is free a window after the first.
    async fn tell_windows_apart(
        &mut self,
        calls: u64,
        length: Duration,
        begun: Duration,
    ) -> Result<(Duration, WindowKind), Ended> {
        let first_half = calls / 2;
        if first_half == 0 {
            return Ok((length, WindowKind::Unclear));
        }
        // All is free again after a window without calls; a fixed one then begins at a whole number of windows.
        let lot = self.begun + begun;
        let idle = Instant::now() + length.mul_f64(1.1);
        let windows = ((idle - lot).as_secs_f64() / length.as_secs_f64()).ceil();
        let start = lot + length.mul_f64(windows + INSIDE);
        sleep_until(start).await;
        let sent = Instant::now();
        self.full_speed(first_half).await?;
        sleep_until(sent + length / 2).await;
        self.full_speed(calls - first_half).await?;
        sleep_until(sent + length.mul_f64(0.8)).await;
        let end = sent + length.mul_f64(1.3);
        while !self.one().await? {
            self.in_time()?;
            if Instant::now() > end {
                return Ok((length, WindowKind::Unclear));
            }
            sleep((length / 200).max(self.plan.poll)).await;
        }
        let free_at = self.begun + self.events.last().map_or(Duration::ZERO, |call| call.at);
        let before = self.admitted();
        self.full_speed(calls).await?;
        let kind = which_window(calls, first_half, self.admitted() - before + 1);
        let exact = match kind {
            WindowKind::Sliding => free_at - sent,
            // Counted over several windows, the polls' coarseness is divided among them.
            _ => (free_at - lot) / (((free_at - lot).as_secs_f64() / length.as_secs_f64()).round() as u32).max(1),
        };
        Ok((exact, kind))
    }

    fn admitted(&self) -> u64 {
        self.events.iter().filter(|e| e.admitted).count() as u64
    }

    fn in_time(&self) -> Result<(), Ended> {
        if self.begun.elapsed() > self.plan.longest { Err(Ended::Time) } else { Ok(()) }
    }

    /// Asks at full speed until a refusal, or until so many calls were made.
    async fn full_speed(&mut self, calls: u64) -> Result<(), Ended> {
        let started = Instant::now();
        let mut flying = FuturesUnordered::new();
        let (mut made, mut stop) = (0u64, false);
        let mut replies: Vec<Reply> = Vec::new();
        let mut failure = None;
        loop {
            while !stop && made < calls && flying.len() < self.plan.lanes {
                if !self.purse.allows(flying.len() as u64 + 1, self.plan.tokens.max(1)) {
                    failure = failure.or(Some(Ended::Budget));
                    stop = true;
                    break;
                }
                flying.push(self.account.ask(self.plan.tokens));
                made += 1;
            }
            let Some(reply) = flying.next().await else { break };
            self.purse.note(&reply);
            stop |= reply.outcome != Outcome::Admitted;
            replies.push(reply);
            let unrefused = replies.len() as u64;
            if self.begun.elapsed() > self.plan.longest {
                // All of that time without a refusal says how much is let through, at least.
                if !stop && self.events.is_empty() {
                    failure = Some(Ended::Unlimited { calls: unrefused, time: started.elapsed() });
                }
                stop = true;
            }
            if !stop && unrefused >= self.plan.most {
                failure = Some(Ended::Unlimited { calls: unrefused, time: started.elapsed() });
                stop = true;
            }
        }
        drop(flying);
        self.take_all(replies)?;
        failure.map_or(Ok(()), Err)
    }

    /// Takes answers in the order in which the calls were sent: the server decided in about that order.
    fn take_all(&mut self, mut replies: Vec<Reply>) -> Result<(), Ended> {
        replies.sort_by_key(|reply| (reply.sent, reply.outcome != Outcome::Admitted));
        replies.into_iter().try_for_each(|reply| self.take(reply).map(|_| ()))
    }

    /// Asks once; whether it was let through.
    async fn one(&mut self) -> Result<bool, Ended> {
        if !self.purse.allows(1, self.plan.tokens.max(1)) {
            return Err(Ended::Budget);
        }
        let reply = self.account.ask(self.plan.tokens).await;
        self.purse.note(&reply);
        self.take(reply)
    }

    fn take(&mut self, reply: Reply) -> Result<bool, Ended> {
        let admitted = match reply.outcome {
            Outcome::Admitted => true,
            Outcome::Limited(Some(other)) if other != self.wanted => return Err(Ended::Other(other)),
            Outcome::Limited(_) => false,
            Outcome::Busy => return Err(Ended::Busy),
            Outcome::Exhausted(why) => return Err(Ended::Exhausted(why)),
            Outcome::Failed(why) => return Err(Ended::Failed(why)),
        };
        if admitted {
            self.tokens += reply.tokens;
        }
        self.events.push(Event { at: reply.sent.saturating_duration_since(self.begun), admitted });
        Ok(admitted)
    }
}
