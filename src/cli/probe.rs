//! `probe`: finds the limits of an account by asking its provider, within a budget.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use super::print;
use crate::ai::net_transport::NetTransport;
use crate::ai::prices::PriceBook;
use crate::ai::rate_limit::{Bucket, RateLimit};
use crate::ai::spec::ModelSpec;
use crate::error::{Error, ExitCode};
use crate::metrics::limits::{LimitFacts, Verdict as Facts};
use crate::net;
use crate::options::{NetOptions, parse_duration};
use crate::probe::account::{Account, Limit, ModelAccount, Outcome};
use crate::probe::concurrency::{self, Concurrency};
use crate::probe::rate::{self, Ended, Found};
use crate::probe::spend::{Caps, Purse, Spent};
use crate::probe::{self, verdict::Pattern};
use crate::report::{human, limits};

/// Tokens of a prompt when nothing is known of the limit.
const PROMPT: u64 = 2_000;

/// A stated limit of tokens is met by so many calls.
const CALLS_PER_LIMIT: f64 = 200.0;

/// A limit that holds fewer calls is measured again with smaller ones.
const FEW: u64 = 30;

/// Tokens of the smallest prompt of that.
const SMALLEST: u64 = 16;

/// How often the prompt is made larger when the limit of requests is met first.
const LARGER: u32 = 3;

/// Arguments of `probe`.
#[derive(Args, Debug)]
pub(super) struct ProbeArgs {
    /// The model, as its provider knows it [default: INRUSH_MODEL]
    #[arg(short, long, value_name = "NAME")]
    model: Option<String>,
    /// The provider, see docs/providers [default: openai]
    #[arg(short, long, value_name = "NAME")]
    provider: Option<String>,
    /// The API's address [default: INRUSH_BASE_URL, else the provider's]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// What to find: requests, tokens, concurrency
    #[arg(long, value_name = "LIMITS", value_delimiter = ',', default_value = "requests,concurrency,tokens",
          value_parser = ["requests", "tokens", "concurrency"], hide_possible_values = true)]
    find: Vec<String>,
    /// Really do it: the calls are made, and cost what they cost
    #[arg(long)]
    yes: bool,
    /// Most US dollars the calls may cost
    #[arg(long, value_name = "USD")]
    budget_usd: Option<f64>,
    /// Most tokens, input and output together
    #[arg(long, value_name = "N")]
    budget_tokens: Option<u64>,
    /// Most calls that are served
    #[arg(long, value_name = "N")]
    budget_requests: Option<u64>,
    /// A JSON file with prices
    #[arg(long, value_name = "FILE")]
    prices: Option<String>,
    /// Calls in flight while looking for a rate
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..=1000))]
    lanes: u16,
    /// Most calls at once while looking for concurrency
    #[arg(long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u16).range(2..=1000))]
    max_concurrency: u16,
    /// Calls without a refusal after which there is no limit worth finding
    #[arg(long, value_name = "N", default_value = "5000", value_parser = clap::value_parser!(u64).range(10..))]
    max_calls: u64,
    /// The longest to look for one limit
    #[arg(long, value_name = "TIME", default_value = "15m")]
    max_time: String,
    /// Pause before each search but the first, in which used limits recover
    #[arg(long, value_name = "TIME", default_value = "60s")]
    settle: String,
    /// How long calls are held while looking for concurrency
    #[arg(long, value_name = "TIME", default_value = "4s")]
    hold: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What one search came to.
enum Verdict {
    Rate(Result<Found, Ended>),
    Concurrency(Result<Concurrency, Ended>),
}

impl Verdict {
    fn facts(&self, what: &str) -> Facts {
        match self {
            Self::Rate(result) => probe::facts::rate(result, what == "tokens"),
            Self::Concurrency(result) => probe::facts::concurrency(result),
        }
    }
}

/// Probes and prints what was found.
pub(super) fn run(args: &ProbeArgs) -> Result<u8, Error> {
    let (spec, times) = check(args)?;
    let shared = net::Shared::new(NetOptions::default())?;
    let transport = NetTransport::new(Arc::new(net::Client::new(shared)));
    let target = spec.target();
    let title = format!("{} at {} ({})", spec.model, target.address, target.provider);
    let account = ModelAccount::new(Arc::new(spec), transport);
    let caps = Caps { requests: args.budget_requests, tokens: args.budget_tokens, usd: args.budget_usd };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Error::new(ExitCode::Panic, format!("cannot start the runtime: {e}")))?;
    let mut purse = Purse::new(caps);
    let (mut stated, mut found) = (RateLimit::default(), Findings::new());
    let interrupted = runtime.block_on(async {
        tokio::select! {
            done = search(args, &times, &account, &mut purse, (&mut stated, &mut found)) => done.map(|()| false),
            _ = tokio::signal::ctrl_c() => Ok(true),
            () = terminated() => Ok(true),
        }
    })?;
    let text = if args.json {
        format!("{:#}\n", as_json(&title, &stated, &found, &purse.spent))
    } else {
        as_text(&title, &stated, &found, &purse)
    };
    print(text.as_bytes())?;
    if interrupted {
        return Err(Error::new(ExitCode::ExternalAbort, "interrupted; what was found out until then is above"));
    }
    Ok(ExitCode::Ok as u8)
}

/// Resolves when the process is asked to end.
async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

/// The times of the arguments.
struct Times {
    longest: Duration,
    settle: Duration,
    hold: Duration,
}

/// Everything that can be known to be wrong before a call is made.
fn check(args: &ProbeArgs) -> Result<(ModelSpec, Times), Error> {
    let mut problems: Vec<String> = Vec::new();
    let mut time = |flag: &str, text: &str| {
        parse_duration(text).unwrap_or_else(|e| {
            problems.push(format!("{flag} {text}: {e}; write a time such as 30s"));
            Duration::ZERO
        })
    };
    let times = Times {
        longest: time("--max-time", &args.max_time),
        settle: time("--settle", &args.settle),
        hold: time("--hold", &args.hold),
    };
    let mut json = Map::new();
    for (name, value) in [("model", &args.model), ("provider", &args.provider), ("baseURL", &args.base_url)] {
        json.extend(value.clone().map(|value| (name.to_owned(), Value::from(value))));
    }
    let spec = ModelSpec::from_json(&Value::Object(json), &super::script_flags::process_env());
    let mut spec = spec.map_err(|e| problems.push(e.to_string())).ok();
    if let (Some(file), Some(spec)) = (&args.prices, &mut spec) {
        match std::fs::read_to_string(file) {
            Err(e) => problems.push(format!("--prices {file}: cannot be read: {e}")),
            Ok(text) => match PriceBook::with_file(&text) {
                Ok(book) => spec.prices = book,
                Err(all) => problems.extend(all.into_iter().map(|p| format!("--prices {file}: {p}"))),
            },
        }
    }
    if let Some(spec) = &spec {
        problems.extend(spec.lacks());
        if args.budget_usd.is_some() && spec.list_price(&spec.model).is_none() {
            problems.push(format!(
                "--budget-usd: the price of '{}' is not known; give it with --prices FILE, or use --budget-tokens",
                spec.model
            ));
        }
    }
    for (flag, wrong) in [
        ("--budget-usd", args.budget_usd.is_some_and(|usd| !(usd > 0.0 && usd.is_finite()))),
        ("--budget-tokens", args.budget_tokens == Some(0)),
        ("--budget-requests", args.budget_requests == Some(0)),
    ] {
        if wrong {
            problems.push(format!("{flag} must be more than 0"));
        }
    }
    if args.budget_usd.is_none() && args.budget_tokens.is_none() && args.budget_requests.is_none() {
        problems.push("a budget is needed: --budget-usd, --budget-tokens or --budget-requests".to_owned());
    }
    if !args.yes {
        let address = spec.as_ref().map_or_else(String::new, |spec| format!(" to {}", spec.target().address));
        problems.push(format!(
            "probing uses up limits on purpose and sends as many calls{address} as the budget allows: say so with --yes"
        ));
    }
    match spec {
        Some(spec) if problems.is_empty() => Ok((spec, times)),
        _ => Err(Error::config(format!("nothing was sent:\n  - {}", problems.join("\n  - ")))),
    }
}

type Findings = Vec<(&'static str, Verdict)>;

async fn search(
    args: &ProbeArgs,
    times: &Times,
    account: &ModelAccount,
    purse: &mut Purse,
    (stated, found): (&mut RateLimit, &mut Findings),
) -> Result<(), Error> {
    // The cheapest way is to ask for them.
    let first = account.ask(0).await;
    purse.note(&first);
    match &first.outcome {
        Outcome::Admitted | Outcome::Limited(_) | Outcome::Busy => {}
        Outcome::Exhausted(why) | Outcome::Failed(why) => {
            return Err(Error::usage(format!("the first call failed, so nothing can be found out: {why}"))
                .with_hint("check --model, --provider, --base-url and the key"));
        }
    }
    *stated = first.stated;
    let mut used = matches!(first.outcome, Outcome::Limited(_));
    for what in ["concurrency", "requests", "tokens"] {
        if args.find.iter().all(|wanted| wanted != what) || found.iter().any(|(_, result)| ends_all(result)) {
            continue;
        }
        if used {
            tracing::info!("waiting {:?} for the limits to recover", times.settle);
            tokio::time::sleep(times.settle).await;
        }
        used = true;
        tracing::info!("looking for the limit of {what}");
        let result = match what {
            "concurrency" => {
                let plan = concurrency::Plan {
                    most: args.max_concurrency.into(),
                    hold: times.hold,
                    tokens: 300,
                    pause: times.settle,
                };
                Verdict::Concurrency(concurrency::find(account, plan, purse).await)
            }
            "requests" => Verdict::Rate(rate::find(account, Limit::Requests, plan(args, times, 0), purse).await),
            _ => Verdict::Rate(tokens(args, times, account, stated, purse).await),
        };
        found.push((what, result));
    }
    Ok(())
}

fn plan(args: &ProbeArgs, times: &Times, tokens: u64) -> rate::Plan {
    rate::Plan {
        lanes: args.lanes.into(),
        tokens,
        poll: Duration::from_millis(20),
        longest: times.longest,
        most: args.max_calls,
    }
}

/// Larger and larger prompts, until it is the tokens that are limited, and smaller ones when a limit holds too few of them: what no
/// whole call fits into is not seen.
async fn tokens(
    args: &ProbeArgs,
    times: &Times,
    account: &ModelAccount,
    stated: &RateLimit,
    purse: &mut Purse,
) -> Result<Found, Ended> {
    let limit = stated.tokens.limit.or(stated.input_tokens.limit);
    let mut prompt = limit.map_or(PROMPT, |limit| ((limit / CALLS_PER_LIMIT) as u64).clamp(16, 50_000));
    let mut smaller = 0;
    for _ in 0..2 * LARGER {
        match rate::find(account, Limit::Tokens, plan(args, times, prompt), purse).await {
            Err(Ended::Other(Limit::Requests)) => {
                prompt = prompt.saturating_mul(4);
                tracing::info!("the limit of requests was met first; trying prompts of {prompt} tokens");
                tokio::time::sleep(times.settle).await;
            }
            Ok(found) if is_coarse(&found) && prompt > SMALLEST && smaller < LARGER => {
                smaller += 1;
                prompt = (prompt * found.at_once.max(1) / (2 * FEW)).max(SMALLEST);
                tracing::info!("only {} calls fitted into the limit; trying prompts of {prompt} tokens", found.at_once);
                tokio::time::sleep(times.settle).await;
            }
            other => return other,
        }
    }
    Err(Ended::Other(Limit::Requests))
}

/// Whether so few calls fit into a limit that what was seen depends on their size: windows with little in them, and windows of one or
/// two calls, which look like a bucket.
fn is_coarse(found: &Found) -> bool {
    match found.pattern {
        Pattern::Bucket { .. } => found.at_once <= 2,
        _ => found.at_once < FEW,
    }
}

/// After these nothing more can be asked.
fn ends_all(result: &Verdict) -> bool {
    let ended = match result {
        Verdict::Rate(Err(ended)) | Verdict::Concurrency(Err(ended)) => ended,
        _ => return false,
    };
    matches!(ended, Ended::Budget | Ended::Exhausted(_) | Ended::Failed(_))
}

fn as_text(title: &str, stated: &RateLimit, found: &Findings, purse: &Purse) -> String {
    let mut out = format!("limits of {title}\n\n");
    let states = [("requests", stated.requests), ("tokens", stated.tokens), ("input tokens", stated.input_tokens)]
        .into_iter()
        .chain([("output tokens", stated.output_tokens)])
        .filter_map(|(what, bucket)| Some(format!("{} {what}", human::number(bucket.limit?))));
    let states: Vec<String> = states.collect();
    let said = if states.is_empty() { "nothing".to_owned() } else { states.join(", ") };
    let _ = writeln!(out, "{:<12} {said} (response headers)", "stated");
    for (what, result) in found {
        let (verdict, evidence) = limits::words(&LimitFacts { of: (*what).to_owned(), verdict: result.facts(what) });
        let _ = writeln!(out, "{what:<12} {verdict}");
        if let Some(evidence) = evidence {
            let _ = writeln!(out, "{:<12} {evidence}", "");
        }
    }
    let Spent { requests, refused, tokens, usd, unpriced } = purse.spent;
    let cost = match unpriced {
        0 => human::dollars(usd),
        n => format!("{} and {n} calls without a price", human::dollars(usd)),
    };
    let _ = writeln!(out, "\nused: {requests} calls ({refused} more were refused), {tokens} tokens, {cost}");
    out
}

fn as_json(title: &str, stated: &RateLimit, found: &Findings, spent: &Spent) -> Value {
    let bucket = |b: &Bucket| json!({ "limit": b.limit, "remaining": b.remaining, "resetMs": b.reset_ms });
    let mut limits = Map::new();
    for (what, result) in found {
        let value = match result.facts(what) {
            Facts::Rate(rate) => json!({
                "perMinute": rate.per_minute, "algorithm": rate.algorithm.name(), "atOnce": rate.at_once,
                "windowMs": rate.window_ms, "confidence": rate.confidence.name(), "refused": rate.refused,
            }),
            Facts::Refused(n) => json!({ "limit": n, "beyond": "refused" }),
            Facts::Waits(n) => json!({ "limit": n, "beyond": "waits" }),
            Facts::AtLeast(n) => json!({ "limit": null, "atLeast": n }),
            Facts::NotFound(why) => json!({ "notFound": why }),
        };
        limits.insert((*what).to_owned(), value);
    }
    json!({
        "target": title,
        "stated": { "requests": bucket(&stated.requests), "tokens": bucket(&stated.tokens),
                    "inputTokens": bucket(&stated.input_tokens), "outputTokens": bucket(&stated.output_tokens) },
        "found": limits,
        "used": { "requests": spent.requests, "refused": spent.refused, "tokens": spent.tokens, "usd": spent.usd,
                  "unpriced": spent.unpriced },
    })
}
