//! The experiment on concurrency: more and more calls at once, held for a while, until some are refused or have to wait.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::account::{Account, Outcome};
use super::rate::Ended;
use super::spend::Purse;

/// A first token that comes so many times later than the fastest had to wait for a place.
const WAITED: u32 = 3;

/// Pause between rounds, in which the server notices that calls were broken off.
const BREATH: Duration = Duration::from_secs(1);

/// How to ask.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The most calls at once.
    pub most: u64,
    /// How long each is held.
    pub hold: Duration,
    /// Tokens a held call may take, for the purse.
    pub tokens: u64,
    /// Pause between two rounds, and when a rate limit comes in between.
    pub pause: Duration,
}

/// What was found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// So many are served at a time; more are refused.
    Refused(u64),
    /// So many are served at a time; more wait.
    Waits(u64),
    /// None of so many was refused or waited.
    AtLeast(u64),
}

/// Finds how many calls are served at a time.
///
/// # Errors
/// Why it cannot be known.
pub async fn find<A: Account>(account: &A, plan: Plan, purse: &mut Purse) -> Result<Concurrency, Ended> {
    let mut at_once = 2;
    let mut limited = 0;
    let mut best: Option<u64> = None;
    loop {
        if !purse.allows(at_once, plan.tokens) {
            return Err(Ended::Budget);
        }
        let replies = join_all((0..at_once).map(|_| account.hold(plan.hold))).await;
        let (mut served, mut refused, mut rate) = (0, 0, false);
        let mut first: Vec<Duration> = Vec::new();
        // How long a call keeps its place once it has one; answers may be shorter than the time they are held.
        let mut kept = plan.hold;
        for reply in &replies {
            purse.note(reply);
            match &reply.outcome {
                Outcome::Admitted => {
                    served += 1;
                    first.push(reply.first_token.unwrap_or(Duration::MAX));
                    kept = kept.min(reply.took.saturating_sub(reply.first_token.unwrap_or_default()));
                }
                Outcome::Busy => refused += 1,
                Outcome::Limited(_) => rate = true,
                Outcome::Exhausted(why) => return Err(Ended::Exhausted(why.clone())),
                Outcome::Failed(why) => return Err(Ended::Failed(why.clone())),
            }
        }
        if rate {
            // Too many per time is another limit; it passes.
            limited += 1;
            if limited > 3 {
                return Err(Ended::Other(super::account::Limit::Requests));
            }
            sleep(plan.pause).await;
            continue;
        }
        if refused > 0 {
            // A place of the round before may have been free a moment too late: the better of two rounds counts.
            match best.replace(served) {
                Some(before) => return Ok(Concurrency::Refused(served.max(before))),
                None => {
                    sleep(BREATH).await;
                    continue;
                }
            }
        }
        let fastest = first.iter().min().copied().unwrap_or_default();
        let waited =
            first.iter().filter(|t| **t > fastest.saturating_mul(WAITED) && **t >= fastest + kept / 2).count() as u64;
        if waited > 0 {
            return Ok(Concurrency::Waits(served - waited));
        }
        if at_once >= plan.most {
            return Ok(Concurrency::AtLeast(at_once));
        }
        at_once = (at_once * 2).min(plan.most);
        sleep(BREATH).await;
    }
}
