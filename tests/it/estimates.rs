//! `estimate` predicts without calling anybody; `tokens`, `encode`, `decode` and `truncate` count as Python's tiktoken does.

use serde_json::Value;

use crate::support::{Ran, run_checked_files, run_files};

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}\n{}", ran.all()))
}

fn estimate(script: &str, args: &[&str]) -> Ran {
    let mut all = vec!["estimate", "--json"];
    all.extend(args);
    all.push("t.js");
    run_files(&[("t.js", script)], &all)
}

/// Addresses that would hang or fail if anything were sent there.
const SCRIPT: &str = "
import ai from 'inrush/ai';
import http from 'k6/http';
import { sleep, check } from 'k6';
const llm = ai.model({ model: 'gpt-4o-mini', baseURL: 'http://203.0.113.1/v1', tokenizer: 'o200k_base', price: { input: 10, output: 100 } });
export const options = {
  scenarios: {
    rate: { executor: 'constant-arrival-rate', rate: 2, duration: '50s', preAllocatedVUs: 10, maxVUs: 100 },
    loop: { executor: 'constant-vus', vus: 5, duration: '100s', exec: 'loop', startTime: '2h' },
  },
};
export default () => {
  let seen = '';
  const res = llm.stream({ prompt: 'hello world', maxTokens: 100 }, { onToken: (text) => { seen += text; } });
  check(res, { ok: (r) => r.ok && r.status === 200 && seen === r.text && r.usage.outputTokens === 60 && r.usage.inputTokens === 9 });
  if (!res.ok || seen !== res.text) throw new Error('not made up');
  const answer = http.post('https://203.0.113.1/login', JSON.stringify({ user: 'x'.repeat(70000) }));
  if (answer.status !== 200 || answer.body) throw new Error(`http ${answer.status} ${answer.error}`);
};
export async function loop() {
  const res = await llm.completeAsync({ prompt: 'hello world', maxTokens: 10, ignoreEos: true, responseFormat: 'json' });
  res.json();
  sleep(7.5);
}";

#[test]
fn a_run_is_predicted_without_a_call() {
    let ran = estimate(SCRIPT, &["--ttft", "0.5", "--tokens-per-second", "5"]).exits(0);
    assert!(ran.took.as_secs() < 30, "pauses and start times are not waited for: {}", ran.all());
    let e = json(&ran);
    assert_eq!(e["threw"], 0, "{}", ran.all());
    let (looped, rate) = (&e["scenarios"][0], &e["scenarios"][1]);
    // 5 VUs x 100 s, 0.5 s + 2 s + 7.5 s each.
    assert_eq!(looped["iterations"]["likely"], 50, "{e}");
    assert_eq!(rate["iterations"]["likely"], 100, "{e}");
    assert_eq!(e["calls"]["likely"], 150);
    assert_eq!(e["outputTokens"]["likely"], 50 * 10 + 100 * 60);
    assert_eq!(e["inputTokens"]["low"], 150 * 9);
    let usd = e["usd"]["likely"].as_f64().unwrap();
    assert!((usd - (1350.0 * 10.0 + 6500.0 * 100.0) / 1e6).abs() < 1e-9, "{e}");
    assert!(e["usd"]["low"].as_f64() < Some(usd) && e["usd"]["high"].as_f64() > Some(usd), "{e}");
    assert!(e["assumptions"].as_array().unwrap().len() > 3);
    let ran = run_files(&[("t.js", SCRIPT)], &["estimate", "t.js"]).exits(0);
    ran.prints(&["nothing was called", "low", "likely", "high", "USD", "rate (constant-arrival-rate)", "assumed:"]);
}

#[test]
fn what_is_unknown_is_said() {
    let unknown =
        "import ai from 'inrush/ai'; export default () => { ai.complete({ model: 'nobody-knows', prompt: 'x' }); };";
    let ran = estimate(unknown, &[]).exits(0);
    assert_eq!((&json(&ran)["usd"], &json(&ran)["unpricedModels"][0]), (&Value::Null, &"nobody-knows".into()));
    let thrown = "import ai from 'inrush/ai'; export default () => { ai.complete('x'); throw new Error('later calls are missing'); };";
    let ran = estimate(thrown, &["-i", "5", "--dry-iterations", "3"]).exits(0);
    assert_eq!(json(&ran)["threw"], 3, "{}", ran.all());
    let budget = "import ai from 'inrush/ai'; export const options = { iterations: 1000, budget: { usd: 0.000001, tokens: 10 } };
export default () => { ai.complete({ prompt: 'x', maxTokens: 100 }); };";
    let ran = estimate(budget, &[]).exits(99);
    assert_eq!(json(&ran)["aboveBudget"].as_array().map(Vec::len), Some(2), "{}", ran.all());
    estimate("export const options = { vus: -1 }; export default 1;", &[]).exits(104);
    estimate("throw new Error('init')", &[]).exits(107);
    let sockets = "import ws from 'k6/ws'; export default () => { ws.connect('ws://203.0.113.1/', {}, () => {}); };";
    estimate(sockets, &["--dry-iterations", "1"]).exits(0).says(&["not in a dry run"]);
}

#[test]
fn tokens_of_files() {
    let tokenizer = include_str!("../tokens/tokenizer.json");
    let files = [
        ("a.txt", "hello world"),
        ("m.json", r#"{"messages": [{"role": "user", "content": "hello world"}]}"#),
        ("bad.json", "[1]"),
        ("t.json", tokenizer),
    ];
    let ran = run_files(&files, &["tokens", "a.txt", "m.json"]).exits(0);
    // 3 + 1 + 2 + 3 with the template.
    ran.prints(&[
        "2\ta.txt (text, 11 characters, 11 bytes)",
        "9\tm.json (chat messages",
        "11\ttotal",
        "tokenizer: o200k_base\n",
    ]);
    let ran = run_files(&files, &["tokens", "--json", "--model", "my-llama", "a.txt"]).exits(0);
    assert_eq!(json(&ran)["source"], "estimate");
    let ran = run_files(&files, &["tokens", "--json", "-t", "./t.json", "a.txt"]).exits(0);
    assert_eq!((&json(&ran)["source"], &json(&ran)["tokenizer"]), (&"tokenizer".into(), &"./t.json".into()));
    let ran = run_files(&files, &["tokens", "--truncate", "1", "a.txt"]).exits(0);
    assert_eq!(ran.stdout, "hello");
    run_files(&files, &["tokens", "-t", "bad.json", "a.txt"]).exits(255).says(&["is not a tokenizer.json"]);
    run_files(&files, &["tokens", "-t", "cl100k", "a.txt"])
        .exits(255)
        .says(&["unknown tokenizer 'cl100k'", "cl100k_base"]);
    run_files(&files, &["tokens", "gone.txt"]).exits(255).says(&["'gone.txt' cannot be read"]);
}

#[test]
fn scripts_count_encode_decode_and_truncate() {
    let script = "
import ai from 'inrush/ai';
import { eq, throws, done } from './eq.js';
const own = ai.model({ model: 'my-llama', tokenizer: './vocab/tokenizer.json' });
const gpt = ai.model('gpt-4o');
export const options = { vus: 2, iterations: 2 };
const expected = open('./expected.jsonl').trim().split('\\n').map(JSON.parse);
export default () => {
  const text = 'naïve 你好 👩‍👩‍👧 end';
  for (const tokenizer of ['cl100k_base', 'o200k_base', './vocab/tokenizer.json']) {
    const ids = ai.encode(text, { tokenizer });
    eq(tokenizer, ids.length, ai.countTokens(text, { tokenizer }));
    eq('back', ai.decode(ids, { tokenizer }), text);
    const start = ai.truncate(text, 3, { tokenizer });
    eq('start', text.startsWith(start) && ai.countTokens(start, { tokenizer }) <= 3, true);
  }
  for (const { text, ids } of expected) eq(text, own.encode(text), ids);
  eq('ids', gpt.encode('hello world'), [24912, 2375]);
  eq('model', [gpt.countTokens('hello world'), gpt.decode([24912]), gpt.truncate('hello world', 1)], [2, 'hello', 'hello']);
  eq('by model', ai.encode('hello world', { model: gpt }), gpt.encode('hello world'));
  eq('source', [own.tokenizer.source, gpt.tokenizer, ai.model('my-llama').tokenizer.source],
    ['tokenizer', { name: 'o200k_base', source: 'tokenizer' }, 'estimate']);
  eq('messages', gpt.countTokens([{ role: 'user', content: 'hello world' }]), 9);
  eq('nothing', ai.truncate('hello', 0), '');
  throws('no vocabulary', () => ai.encode('x', { model: 'my-llama' }), 'needs a vocabulary');
  throws('no vocabulary', () => ai.decode([1], { tokenizer: 'estimate' }), 'needs a vocabulary');
  throws('unknown id', () => gpt.decode([4000000]), '4000000');
  throws('no ids', () => gpt.decode('hello'), 'array of token ids');
  throws('no number', () => gpt.truncate('hello', -1), 'whole number');
  throws('no text', () => gpt.encode(5), 'needs a text');
  throws('no messages', () => gpt.countTokens([1, 2]), 'array of messages');
  throws('no such file', () => ai.model({ model: 'x', tokenizer: './gone.json' }), 'gone.json');
  throws('no tokenizer', () => ai.countTokens('x', { tokenizer: './expected.json' }), 'expected.json');
  done();
};";
    let files = [
        ("t.js", script),
        ("vocab/tokenizer.json", include_str!("../tokens/tokenizer.json")),
        ("expected.jsonl", include_str!("../tokens/tokenizer-expected.jsonl")),
        ("expected.json", "{}"),
    ];
    run_checked_files(&files, "t.js", &["--mock"]);
}
