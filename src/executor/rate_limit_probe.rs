//! `rate-limit-probe`: looks for the limits that a script's requests meet. The experiments of [`crate::probe`] ask for iterations instead of
//! calls; each of its VUs is a lane that serves one after the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::metrics::limits::{LimitFacts, LimitsFacts, Verdict};
use crate::options::{ExecutorConfig, LimitProbeConfig};
use crate::probe::account::{Account, Limit, Outcome, Reply};
use crate::probe::rate::Ended;
use crate::probe::spend::{Caps, Purse};
use crate::probe::{concurrency, facts, rate};
use crate::vu::reply_meter::{Refusal, Replies, ReplyMeter};
use crate::vu::{BoxFuture, IterationEnd, IterationOutcome, IterationSource, ScenarioState, Ticket};

use super::context::{Context, ScenarioFacts, share, since};
use super::fleet::{self, Gate};

/// Shortest pause between two looks whether something is let through again.
const POLL: Duration = Duration::from_millis(20);

/// An iteration somebody waits for.
type Wanted = oneshot::Sender<Reply>;

/// The VUs as somebody who answers.
struct Lanes {
    wanted: mpsc::UnboundedSender<Wanted>,
    counted: Arc<Counted>,
}

/// What was asked and served, for the report and the progress display.
#[derive(Default)]
struct Counted {
    served: AtomicU64,
    refused: AtomicU64,
    requests: AtomicU64,
    tokens: AtomicU64,
}

impl Lanes {
    async fn iteration(&self) -> Reply {
        let sent = Instant::now();
        let (tx, rx) = oneshot::channel();
        let asked = self.wanted.send(tx);
        let reply = match asked {
            Ok(()) => rx.await.ok(),
            Err(_) => None,
        };
        let reply = reply.unwrap_or_else(|| Reply::new(sent, Outcome::Failed("the run ended first".to_owned())));
        match reply.outcome {
            Outcome::Admitted => self.counted.served.fetch_add(1, Ordering::Relaxed),
            _ => self.counted.refused.fetch_add(1, Ordering::Relaxed),
        };
        self.counted.tokens.fetch_add(reply.tokens, Ordering::Relaxed);
        reply
    }
}

impl Account for Lanes {
    async fn ask(&self, _: u64) -> Reply {
        self.iteration().await
    }

    // How long a request is held is the script's affair.
    async fn hold(&self, _: Duration) -> Reply {
        self.iteration().await
    }
}

/// One VU: takes what is wanted, one at a time.
struct Lane {
    gate: Arc<Gate>,
    state: Arc<ScenarioState>,
    meter: Arc<ReplyMeter>,
    wanted: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Wanted>>>,
    counted: Arc<Counted>,
    /// Who waits for the iteration under way, and since when it runs.
    serving: Mutex<Option<(Wanted, Instant)>>,
}

impl IterationSource for Lane {
    fn next(&self) -> BoxFuture<'_, Option<Ticket>> {
        Box::pin(async move {
            let wanted = self.wanted.lock().await.recv().await?;
            if !self.gate.is_open() {
                return None;
            }
            *self.serving.lock().unwrap_or_else(|e| e.into_inner()) = Some((wanted, Instant::now()));
            Some(self.state.take_ticket(None))
        })
    }

    fn done(&self, outcome: &IterationOutcome) {
        let replies = self.meter.take(outcome.ticket.in_instance);
        self.counted.requests.fetch_add(replies.requests, Ordering::Relaxed);
        if let Some((wanted, sent)) = self.serving.lock().unwrap_or_else(|e| e.into_inner()).take() {
            let _ = wanted.send(reply(&replies, outcome, sent));
        }
    }
}

/// What an iteration says about limits.
fn reply(replies: &Replies, ended: &IterationOutcome, sent: Instant) -> Reply {
    let outcome = match (&replies.refusal, ended.end) {
        (_, IterationEnd::Interrupted) => Outcome::Failed("the run ended first".to_owned()),
        (Some(Refusal::Limited), _) => Outcome::Limited(None),
        (Some(Refusal::Busy), _) => Outcome::Busy,
        (Some(Refusal::Exhausted), _) => Outcome::Exhausted("the provider says so".to_owned()),
        (Some(Refusal::Budget), _) => Outcome::Failed("the run's budget is used up".to_owned()),
        (Some(Refusal::Failed(why)), _) => Outcome::Failed(why.clone()),
        (None, _) if replies.requests == 0 => Outcome::Failed("an iteration made no request".to_owned()),
        (None, _) => Outcome::Admitted,
    };
    let first_token = replies.first_ms.map(|ms| Duration::from_secs_f64(ms / 1e3));
    Reply { first_token, took: ended.duration, tokens: replies.tokens, ..Reply::new(sent, outcome) }
}

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::RateLimitProbe(config) = context.scenario.executor.clone() else {
            return context.facts(0, 0);
        };
        let meter = Arc::new(ReplyMeter::default());
        let _ = context.state.replies.set(Arc::clone(&meter));
        let counted = Arc::new(Counted::default());
        show(&context, &config, &counted);
        let (tx, rx) = mpsc::unbounded_channel();
        let wanted = Arc::new(tokio::sync::Mutex::new(rx));
        let lanes = Lanes { wanted: tx, counted: Arc::clone(&counted) };
        let found = Arc::new(Mutex::new(Vec::new()));
        let searching = {
            let (found, config, context) = (Arc::clone(&found), config.clone(), Arc::clone(&context));
            async move {
                // Lanes and all that waits for them end with this.
                let lanes = lanes;
                let looking = Mutex::new(None);
                tokio::select! {
                    () = search(&context, &config, &lanes, (&found, &looking)) => {}
                    () = context.halted() => {
                        let cut_off = looking.into_inner().unwrap_or_else(|e| e.into_inner());
                        let why = Verdict::NotFound("not found: the run ended first".to_owned());
                        let limit = cut_off.map(|of: &str| LimitFacts { of: of.to_owned(), verdict: why });
                        found.lock().unwrap_or_else(|e| e.into_inner()).extend(limit);
                    }
                }
            }
        };
        let driving = fleet::run(&context, config.vus(), config.longest(), |_, gate| {
            Arc::new(Lane {
                gate: Arc::clone(gate),
                state: Arc::clone(&context.state),
                meter: Arc::clone(&meter),
                wanted: Arc::clone(&wanted),
                counted: Arc::clone(&counted),
                serving: Mutex::default(),
            })
        });
        tokio::join!(searching, driving);
        let started = context.state.next_iteration.load(Ordering::Relaxed);
        let mut all = context.facts(started, 0);
        let limits = std::mem::take(&mut *found.lock().unwrap_or_else(|e| e.into_inner()));
        let load = |n: &AtomicU64| n.load(Ordering::Relaxed);
        all.limits = Some(LimitsFacts {
            scenario: context.scenario.name.clone(),
            limits,
            served: load(&counted.served),
            refused: load(&counted.refused),
            tokens: load(&counted.tokens),
        });
        all
    })
}

/// Looks for one limit after the other.
async fn search(
    context: &Context,
    config: &LimitProbeConfig,
    lanes: &Lanes,
    (found, looking): (&Mutex<Vec<LimitFacts>>, &Mutex<Option<&'static str>>),
) {
    let budget = context.scenario.budget.as_ref();
    // Money is counted by the budget itself, which refuses what would exceed it.
    let caps = Caps { requests: budget.and_then(|b| b.requests), tokens: budget.and_then(|b| b.tokens), usd: None };
    let mut purse = Purse::new(caps);
    let mut first = true;
    for (what, wanted) in [("concurrency", config.concurrency), ("requests", config.requests)] {
        if !wanted {
            continue;
        }
        if !std::mem::take(&mut first) {
            tokio::time::sleep(config.settle).await;
        }
        *looking.lock().unwrap_or_else(|e| e.into_inner()) = Some(what);
        let begun = Instant::now();
        let verdict = if what == "concurrency" {
            let plan = concurrency::Plan {
                most: config.max_concurrency,
                hold: config.max_duration,
                tokens: 1,
                pause: config.settle,
            };
            let looking = concurrency::find(lanes, plan, &mut purse);
            let result = tokio::time::timeout(config.max_duration, looking).await.unwrap_or(Err(Ended::Time));
            facts::concurrency(&result)
        } else {
            let plan = rate::Plan {
                lanes: usize::try_from(config.lanes).unwrap_or(usize::MAX),
                tokens: 0,
                poll: POLL,
                longest: config.max_duration,
                most: config.max_iterations,
            };
            facts::rate(&rate::find(lanes, Limit::Requests, plan, &mut purse).await, false)
        };
        tracing::info!(scenario = %context.scenario.name, "looked for the limit of {what} for {:.0?}", begun.elapsed());
        let ends = matches!(&verdict, Verdict::NotFound(_));
        let of = match what {
            // Where each iteration makes one request it is those that are counted.
            "requests" if !lanes.counted.one_each() => "iterations",
            what => what,
        };
        let limit = LimitFacts { of: of.to_owned(), verdict };
        found.lock().unwrap_or_else(|e| e.into_inner()).push(limit);
        *looking.lock().unwrap_or_else(|e| e.into_inner()) = None;
        if ends && purse.spent.requests == 0 {
            return;
        }
    }
}

impl Counted {
    fn one_each(&self) -> bool {
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        of(&self.requests) == of(&self.served) + of(&self.refused)
    }
}

fn show(context: &Context, config: &LimitProbeConfig, counted: &Arc<Counted>) {
    let longest = config.longest();
    let (state, vus, counted) = (Arc::clone(&context.state), config.vus(), Arc::clone(counted));
    let started = Arc::clone(&context.state);
    context.show(
        move || share(started.started.get().copied(), longest),
        move || {
            let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
            let passed = since(state.started.get().copied()).as_secs();
            format!("{vus} lanes  {passed}s  {} served, {} refused", of(&counted.served), of(&counted.refused))
        },
    );
}
