//! What a run will cost, before any call is made: model calls of a dry run are noted, and scaled to the run that is planned.
//!
//! [`DryRun`] is filled by the script layer while a few iterations of every scenario run without a network; [`Estimate`] is what
//! comes out, with a range, because nobody knows how long answers will be and how fast a server is. Pure but for the notes.

pub mod dry_call;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use super::budget::Need;
use super::cost::{list_price, price_of};
use super::request::ChatRequest;
use super::result::Usage;
use super::spec::{ModelSpec, Price};
use crate::options::TokenCount;

/// Output tokens of a call without any limit: few, ordinary, many.
const OPEN_OUTPUT: [u64; 3] = [100, 400, 2_000];
/// Output of a call as a share of its limit.
const SHARE_OF_LIMIT: [f64; 3] = [0.25, 0.6, 1.0];
/// Shortest iteration that is believed: a script without calls and pauses would do any number of them.
const SHORTEST: Duration = Duration::from_millis(10);

/// The three cases of every figure.
pub const CASES: [&str; 3] = ["low", "likely", "high"];

/// What the user may say about outputs and servers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Assumptions {
    /// Likely output tokens of a call.
    pub output_tokens: Option<u64>,
    /// Seconds to the first token.
    pub ttft: Option<f64>,
    /// Output tokens per second of one call.
    pub tokens_per_second: Option<f64>,
    /// Prices of the batch API.
    pub batch: bool,
}

impl Assumptions {
    /// Output tokens of a request: low, likely, high.
    fn outputs(&self, request: &ChatRequest, need: &Need) -> [u64; 3] {
        let choices = need.choices;
        let limit = (!need.assumed_limit).then(|| need.output / choices);
        let most = need.output / choices;
        let of_limit = |share: f64, limit: u64| ((limit as f64 * share).round() as u64).max(1);
        let mut outputs = match limit {
            Some(limit) => SHARE_OF_LIMIT.map(|share| of_limit(share, limit)),
            None => OPEN_OUTPUT.map(|open| open.min(most)),
        };
        if let Some(likely) = self.output_tokens {
            let likely = likely.min(most);
            outputs = [likely / 2, likely, limit.unwrap_or((likely * 2).min(most)).max(likely)];
        }
        if request.ignore_eos == Some(true)
            && let Some(limit) = limit
        {
            outputs = [limit; 3];
        }
        let least = request.min_tokens.unwrap_or(0).min(most);
        outputs.map(|tokens| tokens.max(least) * choices)
    }

    /// Time to first token and tokens per second: of a slow server, an ordinary and a fast one.
    fn speeds(&self) -> [(f64, f64); 3] {
        [(1.0, 25.0), (0.5, 50.0), (0.2, 150.0)]
            .map(|(ttft, speed)| (self.ttft.unwrap_or(ttft), self.tokens_per_second.unwrap_or(speed)))
    }
}

/// One noted call.
#[derive(Clone, Debug, PartialEq)]
struct DryCall {
    model: String,
    input: u64,
    exact: bool,
    output: [u64; 3],
    usd: Option<[f64; 3]>,
}

/// What one scenario did in the dry run; setup() and teardown() have no name.
#[derive(Clone, Debug, Default, PartialEq)]
struct Noted {
    calls: Vec<DryCall>,
    paused: Duration,
}

/// The notes of a dry run.
#[derive(Debug, Default)]
pub struct DryRun {
    assumptions: Assumptions,
    noted: Mutex<BTreeMap<String, Noted>>,
}

impl DryRun {
    /// An empty one.
    pub fn new(assumptions: Assumptions) -> Self {
        Self { assumptions, noted: Mutex::default() }
    }

    fn noted(&self) -> MutexGuard<'_, BTreeMap<String, Noted>> {
        self.noted.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Notes a call; returns the tokens of the input and of the answer to make up.
    pub fn note(&self, scenario: Option<&str>, spec: &ModelSpec, request: &ChatRequest) -> (u64, u64) {
        let need = Need::of(spec, request);
        let output = self.assumptions.outputs(request, &need);
        let list = list_price(spec, request);
        let list = list.map(|list| if self.assumptions.batch { list.in_tier(Some("batch")) } else { list });
        // Images and files have no count of ours; what they may cost at most is in the worst case only.
        let input = need.counted_input;
        let usd = list.map(|list| output.map(|output| cost(list.for_input(input), input, output)));
        let exact = spec.tokenizer_for(request).1;
        let call = DryCall { model: need.model, input, exact, output, usd };
        self.noted().entry(scenario.unwrap_or_default().to_owned()).or_default().calls.push(call);
        (input, output[1])
    }

    /// Notes a pause, which is not waited for.
    pub fn paused(&self, scenario: Option<&str>, time: Duration) {
        self.noted().entry(scenario.unwrap_or_default().to_owned()).or_default().paused += time;
    }

    /// The estimate for scenarios that were dry-run.
    pub fn estimate(&self, scenarios: &[Planned]) -> Estimate {
        let noted = self.noted();
        let speeds = self.assumptions.speeds();
        let mut lines: Vec<Line> = scenarios
            .iter()
            .map(|planned| Line::of(planned, noted.get(&planned.name).unwrap_or(&Noted::default()), &speeds))
            .collect();
        if let Some(once) = noted.get("").filter(|once| !once.calls.is_empty()) {
            let planned = Planned {
                name: "setup() and teardown()".to_owned(),
                executor: "once",
                dry_iterations: 1,
                threw: 0,
                work: Work::Iterations { count: 1.0, concurrency: 1.0, within: None },
            };
            lines.push(Line::of(&planned, once, &speeds));
        }
        Estimate { lines, speeds, assumptions: self.assumptions }
    }
}

fn cost(price: &Price, input: u64, output: u64) -> f64 {
    price_of(&Usage { input, output, ..Usage::default() }, price)
}

/// How much a scenario is planned to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// So many iterations by so many VUs, within a time if there is a limit.
    Iterations {
        /// Iterations.
        count: f64,
        /// VUs that share them.
        concurrency: f64,
        /// The executor's limit.
        within: Option<Duration>,
    },
    /// So many tokens, by as many iterations as that takes, within a time.
    Tokens {
        /// Tokens.
        tokens: f64,
        /// Which tokens.
        count: TokenCount,
        /// VUs that share the iterations.
        concurrency: f64,
        /// How long iterations are started.
        within: Duration,
    },
    /// VUs that loop: VU-seconds.
    VuTime(f64),
    /// Until somebody ends it.
    Unlimited,
}

/// A scenario as it is planned, and what the dry run did of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// Its executor.
    pub executor: &'static str,
    /// Iterations of the dry run.
    pub dry_iterations: u64,
    /// Of these, iterations that threw: calls behind the exception are missing.
    pub threw: u64,
    /// What it is to do.
    pub work: Work,
}

/// The estimate of one scenario. Three figures each: low, likely, high.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The scenario.
    pub planned: Planned,
    /// Iterations; None without an end.
    pub iterations: Option<[f64; 3]>,
    /// Seconds of one iteration.
    pub seconds: [f64; 3],
    /// Calls per iteration.
    pub calls: f64,
    /// Input tokens per iteration.
    pub input: f64,
    /// Output tokens per iteration.
    pub output: [f64; 3],
    /// USD per iteration; None when a price is unknown.
    pub usd: Option<[f64; 3]>,
    /// Models called, with whether their tokens were counted by their own vocabulary and whether the price is known.
    pub models: BTreeMap<String, (bool, bool)>,
}

impl Line {
    fn of(planned: &Planned, noted: &Noted, speeds: &[(f64, f64); 3]) -> Self {
        let per = 1.0 / (planned.dry_iterations.max(1) as f64);
        let each = |f: &dyn Fn(usize) -> f64| [f(0), f(1), f(2)];
        let calls = noted.calls.len() as f64 * per;
        let output = each(&|case| noted.calls.iter().map(|c| c.output[case] as f64).sum::<f64>() * per);
        let priced = noted.calls.iter().all(|c| c.usd.is_some());
        let usd = priced.then(|| each(&|n| noted.calls.iter().filter_map(|c| Some(c.usd?[n])).sum::<f64>() * per));
        let pause = noted.paused.as_secs_f64() * per;
        let seconds = each(&|case| {
            let (ttft, speed) = speeds[case];
            (pause + calls * ttft + output[case] / speed).max(SHORTEST.as_secs_f64())
        });
        let input = noted.calls.iter().map(|c| c.input as f64).sum::<f64>() * per;
        let iterations = match planned.work {
            Work::Iterations { count, concurrency, within } => Some(each(&|case| {
                within.map_or(count, |time| count.min(concurrency * (time.as_secs_f64() / seconds[case]).ceil()))
            })),
            Work::Tokens { tokens, count, concurrency, within } => Some(each(&|case| {
                let output = output[case];
                let each = match count {
                    TokenCount::Total => input + output,
                    TokenCount::Input => input,
                    TokenCount::Output => output,
                };
                // Iterations without tokens would have to be without number; what VUs and time allow is the limit.
                (tokens / each.max(1e-9)).min(concurrency * (within.as_secs_f64() / seconds[case]).ceil())
            })),
            Work::VuTime(vu_seconds) => Some(each(&|case| (vu_seconds / seconds[case]).ceil())),
            Work::Unlimited => None,
        };
        let mut models = BTreeMap::new();
        for call in &noted.calls {
            models.entry(call.model.clone()).or_insert((call.exact, call.usd.is_some()));
        }
        Self { planned: planned.clone(), iterations, seconds, calls, input, output, usd, models }
    }

    fn total(&self, per_iteration: impl Fn(usize) -> f64) -> Option<[f64; 3]> {
        let iterations = self.iterations?;
        Some([0, 1, 2].map(|case| per_iteration(case) * iterations[case]))
    }
}

/// What a run will take.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Each scenario.
    pub lines: Vec<Line>,
    /// Time to first token and tokens per second of the three cases.
    pub speeds: [(f64, f64); 3],
    /// What the user said.
    pub assumptions: Assumptions,
}

impl Estimate {
    fn sum(&self, of: impl Fn(&Line) -> Option<[f64; 3]>) -> Option<[f64; 3]> {
        let mut total = [0.0; 3];
        for line in &self.lines {
            // A scenario without calls takes nothing, however long it runs.
            if line.calls == 0.0 {
                continue;
            }
            let one = of(line)?;
            (0..3).for_each(|case| total[case] += one[case]);
        }
        Some(total)
    }

    /// Calls of the run; None when it has no end.
    pub fn calls(&self) -> Option<[f64; 3]> {
        self.sum(|line| line.total(|_| line.calls))
    }

    /// Input tokens of the run.
    pub fn input(&self) -> Option<[f64; 3]> {
        self.sum(|line| line.total(|_| line.input))
    }

    /// Output tokens of the run.
    pub fn output(&self) -> Option<[f64; 3]> {
        self.sum(|line| line.total(|case| line.output[case]))
    }

    /// USD of the run; None when it has no end or a price is unknown.
    pub fn usd(&self) -> Option<[f64; 3]> {
        self.sum(|line| {
            let usd = line.usd?;
            line.total(|case| usd[case])
        })
    }

    /// Models without a price.
    pub fn unpriced(&self) -> Vec<&str> {
        let all = self.lines.iter().flat_map(|line| &line.models);
        let mut names: Vec<&str> = all.filter(|(_, (_, priced))| !priced).map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What the figures rest on, one sentence each.
    pub fn assumed(&self) -> Vec<String> {
        let a = &self.assumptions;
        let mut all = vec![match a.output_tokens {
            Some(tokens) => format!(
                "answers have likely {tokens} output tokens, at least half of it, at most maxTokens or twice it"
            ),
            None => format!(
                "answers have 25, 60 and 100 % of maxTokens; without it {}, {} and {} tokens (--output-tokens says better)",
                OPEN_OUTPUT[0], OPEN_OUTPUT[1], OPEN_OUTPUT[2]
            ),
        }];
        let [slow, middle, fast] = self.speeds;
        let speed = |(ttft, tps): (f64, f64)| format!("{ttft} s and {tps} tokens/s");
        all.push(format!(
            "a call takes {}, {} or {} to the first token and after it (--ttft, --tokens-per-second); it decides how often VUs loop",
            speed(slow),
            speed(middle),
            speed(fast)
        ));
        all.push("nothing is cached, nothing fails, nothing is retried; HTTP requests take no time".to_owned());
        if a.batch {
            all.push("prices are those of the batch API, where the table has them".to_owned());
        }
        if self.lines.iter().flat_map(|l| l.models.values()).any(|(exact, _)| !exact) {
            all.push("input tokens of models whose vocabulary is not known are estimated from the text".to_owned());
        }
        all.push(format!("list prices: {}", super::prices::PriceBook::note()));
        all
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let cases = |figures: Option<[f64; 3]>| match figures {
            None => Value::Null,
            Some(f) => CASES
                .iter()
                .zip(f)
                .map(|(name, f)| ((*name).to_owned(), number(f)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        };
        let line = |l: &Line| {
            json!({
                "scenario": l.planned.name,
                "executor": l.planned.executor,
                "dryIterations": l.planned.dry_iterations,
                "threw": l.planned.threw,
                "iterations": cases(l.iterations),
                "iterationSeconds": cases(Some(l.seconds)),
                "callsPerIteration": number(l.calls),
                "calls": cases(l.total(|_| l.calls)),
                "inputTokens": cases(l.total(|_| l.input)),
                "outputTokens": cases(l.total(|case| l.output[case])),
                "usd": cases(l.usd.and_then(|usd| l.total(|case| usd[case]))),
                "models": l.models.iter().map(|(name, (exact, priced))| json!({
                    "model": name,
                    "inputSource": if *exact { "tokenizer" } else { "estimate" },
                    "priceKnown": priced,
                })).collect::<Vec<_>>(),
            })
        };
        json!({
            "calls": cases(self.calls()),
            "inputTokens": cases(self.input()),
            "outputTokens": cases(self.output()),
            "usd": cases(self.usd()),
            "unpricedModels": self.unpriced(),
            "scenarios": self.lines.iter().map(line).collect::<Vec<_>>(),
            "assumptions": self.assumed(),
        })
    }
}

/// A figure without digits that mean nothing.
fn number(f: f64) -> Value {
    let rounded = (f * 1e6).round() / 1e6;
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 { json!(rounded as i64) } else { json!(rounded) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    fn spec(json: Value) -> ModelSpec {
        ModelSpec::from_json(&json, &Env::new()).unwrap()
    }

    fn request(json: Value) -> ChatRequest {
        ChatRequest::from_json(&json).unwrap()
    }

    fn planned(name: &str, dry_iterations: u64, work: Work) -> Planned {
        Planned { name: name.to_owned(), executor: "x", dry_iterations, threw: 0, work }
    }

    #[test]
    fn iterations_and_prices_scale_what_was_noted() {
        let dry = DryRun::new(Assumptions::default());
        let own = spec(json!({"model": "m", "tokenizer": "o200k_base", "price": {"input": 10, "output": 100}}));
        for _ in 0..4 {
            let (input, output) =
                dry.note(Some("a"), &own, &request(json!({"prompt": "hello world", "maxTokens": 100})));
            assert_eq!((input, output), (9, 60));
        }
        let work = Work::Iterations { count: 500.0, concurrency: 5.0, within: None };
        let e = dry.estimate(&[planned("a", 2, work)]);
        assert_eq!(e.calls(), Some([1000.0; 3]));
        assert_eq!(e.input(), Some([9000.0; 3]));
        assert_eq!(e.output(), Some([25_000.0, 60_000.0, 100_000.0]));
        let usd = e.usd().unwrap();
        assert!((usd[1] - (0.09 + 6.0)).abs() < 1e-9 && (usd[2] - 10.09).abs() < 1e-9, "{usd:?}");
        assert_eq!(e.json()["scenarios"][0]["usd"]["likely"], 6.09);
    }

    #[test]
    fn looping_vus_are_limited_by_time() {
        let dry = DryRun::new(Assumptions { ttft: Some(1.0), tokens_per_second: Some(10.0), ..Assumptions::default() });
        let own = spec(json!({"model": "m", "price": {"input": 1, "output": 1}}));
        dry.note(Some("a"), &own, &request(json!({"prompt": "x", "maxTokens": 10, "ignoreEos": true})));
        dry.paused(Some("a"), Duration::from_secs(8));
        // 1 s to the first token, 1 s of tokens, 8 s of pause: 10 s an iteration.
        let e = dry.estimate(&[planned("a", 1, Work::VuTime(600.0))]);
        assert_eq!(e.lines[0].iterations, Some([60.0; 3]));
        let limited = Work::Iterations { count: 1000.0, concurrency: 2.0, within: Some(Duration::from_secs(100)) };
        assert_eq!(dry.estimate(&[planned("a", 1, limited)]).lines[0].iterations, Some([20.0; 3]));
        let endless = dry.estimate(&[planned("a", 1, Work::Unlimited)]);
        assert_eq!((endless.calls(), endless.usd()), (None, None));
        assert_eq!(endless.json()["usd"], Value::Null);
    }

    #[test]
    fn unknown_prices_give_no_total_and_setup_counts_once() {
        let dry = DryRun::new(Assumptions { output_tokens: Some(50), ..Assumptions::default() });
        let unknown = spec(json!("nobody-knows"));
        assert_eq!(dry.note(None, &unknown, &request(json!("x"))).1, 50);
        let work = Work::Iterations { count: 7.0, concurrency: 1.0, within: None };
        let e = dry.estimate(&[planned("idle", 1, work)]);
        assert_eq!(e.calls(), Some([1.0; 3]));
        assert_eq!((e.usd(), e.unpriced()), (None, vec!["nobody-knows"]));
        assert_eq!(e.output(), Some([25.0, 50.0, 100.0]));
        assert!(e.assumed().iter().any(|s| s.contains("estimated from the text")));
    }

    #[test]
    fn outputs_follow_what_the_request_says() {
        let a = Assumptions::default();
        let of = |json: Value| {
            let (spec, request) = (spec(json!({"model": "m"})), request(json));
            a.outputs(&request, &Need::of(&spec, &request))
        };
        assert_eq!(of(json!("x")), [100, 400, 2000]);
        assert_eq!(of(json!({"prompt": "x", "maxTokens": 1})), [1, 1, 1]);
        assert_eq!(of(json!({"prompt": "x", "maxTokens": 100, "minTokens": 50})), [50, 60, 100]);
        assert_eq!(of(json!({"prompt": "x", "maxTokens": 100, "extraBody": {"n": 2}})), [50, 120, 200]);
    }
}
