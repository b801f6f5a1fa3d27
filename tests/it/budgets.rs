//! Budgets end to end: what does not fit is not sent, whatever the VUs do, and the run ends as `onExceed` says.

use serde_json::Value;

use crate::support::{Ran, run_files, run_files_with, run_script};

fn budget(ran: &Ran, at: usize) -> Value {
    let budget = ran.summary()["budgets"][at].clone();
    assert!(budget.is_object(), "{}", ran.all());
    budget
}

/// A limit's figure.
fn figure(budget: &Value, unit: &str, name: &str) -> f64 {
    budget["limits"][unit][name].as_f64().unwrap_or_else(|| panic!("no {name} of {unit} in {budget}"))
}

#[track_caller]
fn kept(budget: &Value, unit: &str) {
    let (spent, cap) = (figure(budget, unit, "spent"), figure(budget, unit, "cap"));
    assert!(spent <= cap && spent > 0.0, "{spent} of {cap} in {budget}");
    assert_eq!(figure(budget, unit, "reserved"), 0.0, "{budget}");
}

#[test]
fn a_run_ends_in_order_when_the_requests_are_used_up() {
    let script = "
import ai from 'inrush/ai';
export const options = { vus: 4, duration: '30s', budget: { requests: 10, alertAt: 0.5 } };
export default () => {
  const res = ai.stream({ prompt: 'hi', maxTokens: 5 });
  if (!res.ok) {
    if (res.errorKind !== 'budget' || res.status !== 0 || res.cost !== null) throw new Error(JSON.stringify(res));
    if (!res.error.includes('the run\\'s budget')) throw new Error(res.error);
  }
};";
    let ran = run_script(script, &["--mock"]).exits(0).says(&["no more iterations are started", "50% of its requests"]);
    assert!(ran.took.as_secs() < 25, "{}", ran.all());
    let b = budget(&ran, 0);
    assert_eq!(figure(&b, "requests", "spent"), 10.0);
    assert!(b["exhausted"] == true && b["refused"].as_u64() >= Some(1), "{b}");
    assert_eq!(ran.metric("ai_requests", "count"), 10.0, "refused calls are no requests");
    assert_eq!(ran.metric("ai_budget_refused", "count"), b["refused"].as_f64().unwrap());
    assert_eq!(ran.metric("ai_budget_used", "max"), 1.0);
    assert!(!ran.stderr.contains("Error"), "{}", ran.all());
    assert!(ran.stdout.contains("BUDGET") && ran.stdout.contains("10 of 10 spent"), "{}", ran.all());
}

#[test]
fn abort_ends_it_at_once_and_skip_goes_on() {
    let script = |on_exceed: &str| {
        format!(
            "
import ai from 'inrush/ai';
export const options = {{ vus: 2, iterations: 12, budget: {{ requests: 3, onExceed: '{on_exceed}' }} }};
export default () => {{ ai.complete({{ prompt: 'hi', maxTokens: 5 }}); }};"
        )
    };
    run_script(&script("abort"), &["--mock"]).exits(99).says(&["the budget is used up and ended the run", "requests"]);
    let ran = run_script(&script("skip"), &["--mock"]).exits(0).says(&["the run goes on"]);
    assert_eq!(ran.metric("iterations", "count"), 12.0);
    assert_eq!(budget(&ran, 0)["refused"], 9);
    assert_eq!(ran.stderr.matches("the run goes on").count(), 1, "{}", ran.all());
}

#[test]
fn a_scenario_has_a_budget_of_its_own() {
    let script = "
import ai from 'inrush/ai';
import exec from 'k6/execution';
export const options = {
  scenarios: {
    long: { executor: 'per-vu-iterations', vus: 1, iterations: 8 },
    short: { executor: 'constant-vus', vus: 2, duration: '30s', budget: { tokens: 400 } },
  },
};
export default () => { ai.stream({ prompt: 'hi ' + exec.scenario.name, maxTokens: 20 }); };";
    let ran = run_script(script, &["--mock", "--mock-output-tokens", "20"]).exits(0);
    assert!(ran.took.as_secs() < 25, "scenario short ends early: {}", ran.all());
    let b = budget(&ran, 0);
    assert_eq!(b["scenario"], "short");
    kept(&b, "tokens");
    assert!(ran.stderr.contains("scenario 'short' starts no more iterations"), "{}", ran.all());
    assert!(ran.metric("ai_requests", "count") > 8.0, "scenario long is not touched");
}

#[test]
fn flags_and_environment_limit_too() {
    let script = "import ai from 'inrush/ai';
export const options = { iterations: 20, budget: { onExceed: 'skip', usd: 100 } };
export default () => { ai.complete({ prompt: 'hi', maxTokens: 5 }); };";
    let ran = run_script(script, &["--mock", "--budget-requests", "2"]).exits(0);
    assert_eq!((ran.metric("ai_requests", "count"), budget(&ran, 0)["refused"].as_u64()), (2.0, Some(18)));
    let args = ["run", "-q", "--mock", "--summary-export", "s.json", "t.js"];
    let ran = run_files_with(&[("t.js", script)], &[("INRUSH_BUDGET_TOKENS", "50")], &args).exits(0);
    kept(&budget(&ran, 0), "tokens");
    run_script(script, &["--mock", "--budget-usd", "much"]).exits(104).says(&["budget.usd", "is not a number"]);
}

#[test]
fn dollars_need_prices_of_all_models_before_the_run() {
    let script = "
import ai from 'inrush/ai';
const a = ai.model({ model: 'my-llama' });
const b = ai.model({ model: 'my-qwen' });
const priced = ai.model({ model: 'my-mixtral', price: { input: 1, output: 1 } });
export const options = { budget: { usd: 1 }, thresholds: { nope: ['count<1'] } };
export default () => { throw new Error('must not run'); };";
    let ran = run_script(script, &["--mock"]).exits(104).says(&[
        "the price of model 'my-llama' is not known",
        "the price of model 'my-qwen' is not known",
        "--prices FILE",
        "nope",
    ]);
    assert!(!ran.stderr.contains("my-mixtral") && !ran.stderr.contains("must not run"), "{}", ran.all());
    // The environment's model, and models that only the default function makes.
    let late = "import ai from 'inrush/ai'; export const options = { budget: { usd: 1 } };
export default () => { ai.model({ model: 'late' }).complete('hi'); };";
    run_script(late, &["--mock"]).exits(104).says(&["the price of model 'late' is not known"]);
    let named = "import ai from 'inrush/ai'; export const options = { budget: { usd: 1 } };
export default () => { ai.complete('hi'); };";
    run_script(named, &["--mock", "-e", "INRUSH_MODEL=nobody-knows"]).exits(104).says(&["'nobody-knows'"]);
    let prices = r#"{"my-llama": {"input": 0.1, "output": 0.2}, "my-qwen": {"input": 0.1, "output": 0.2}}"#;
    let script = script
        .replace("thresholds: { nope: ['count<1'] }", "")
        .replace("throw new Error('must not run')", "a.complete({ prompt: 'hi', maxTokens: 9 })");
    let args = ["run", "-q", "--mock", "--prices", "p.json", "--summary-export", "s.json", "t.js"];
    let ran = run_files(&[("t.js", &script), ("p.json", prices)], &args).exits(0);
    kept(&budget(&ran, 0), "usd");
    let broken = [("t.js", script.as_str()), ("p.json", r#"{"a": {"inpt": 1}}"#)];
    run_files(&broken, &args).exits(104).says(&["--prices p.json: a.inpt: unknown field; did you mean 'input'?"]);
}

/// Many real VUs with random lengths, failures, cut streams, cancellations and callbacks, over a budget for a part of them.
#[test]
fn two_hundred_vus_never_exceed_it() {
    let script = "
import ai from 'inrush/ai';
const llm = ai.model({ model: 'gpt-4o-mini', timeout: '20s', price: { input: 3, output: 15 } });
export const options = {
  scenarios: {
    calls: { executor: 'constant-vus', vus: 200, duration: '60s', gracefulStop: '5s' },
  },
  budget: { usd: 0.25, tokens: 40000, requests: 2000, alertAt: [0.5, 0.9] },
};
export default async () => {
  const request = { prompt: 'x '.repeat(1 + Math.floor(Math.random() * 40)), maxTokens: 1 + Math.floor(Math.random() * 120) };
  const dice = Math.random();
  if (dice < 0.2) llm.stream(request, { abortAfter: { tokens: 3 } });
  else if (dice < 0.4) llm.stream(request, { onToken: (_, info) => info.index < 2 });
  else if (dice < 0.6) llm.complete(request);
  else if (dice < 0.7) llm.stream(request, { timeout: 30 });
  else if (dice < 0.8) await Promise.all([llm.streamAsync(request), llm.completeAsync(request)]);
  else llm.stream(request);
};";
    let args = [
        "--mock",
        "--mock-ttft",
        "uniform:5ms,60ms",
        "--mock-itl",
        "1ms",
        "--mock-error-rate",
        "0.2",
        "--mock-output-tokens",
        "uniform:5,200",
    ];
    let ran = run_script(script, &args).exits(0);
    let b = budget(&ran, 0);
    for unit in ["usd", "tokens", "requests"] {
        kept(&b, unit);
    }
    assert_eq!(b["exhausted"], true, "{b}");
}

#[test]
fn a_cap_or_a_limit_that_is_no_number_is_a_mistake() {
    for budget in ["usd: Number(__ENV.NOPE)", "usd: 1 / 0, requests: 100", "tokens: NaN"] {
        let script = format!("export const options = {{ budget: {{ {budget} }} }};\nexport default () => {{}};");
        run_script(&script, &["--mock"]).exits(104).says(&["budget."]);
    }
    let script = "import ai from 'inrush/ai';
        export default () => { ai.stream({ prompt: 'x', maxTokens: Number(__ENV.NOPE) }); };";
    run_script(script, &["--mock"]).exits(0).says(&["maxTokens", "NaN"]);
    // As in k6, other options are not set then.
    run_script("export const options = { vus: Number(__ENV.NOPE) };\nexport default () => {};", &[]).exits(0);
}
