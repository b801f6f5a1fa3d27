//! Calls that are sent more than once, against the embedded mock: retries with what the mock really received, failover with circuits
//! that all VUs share, and slow attempts that are really cut off.

use super::ai_calls::holds;
use super::ai_truth::truth;

#[test]
fn retries_are_visible_and_wait_as_the_server_asks() {
    let ran = holds(
        r"
const llm = ai.model();
const request = { prompt: 'x', maxTokens: 6 };
export const options = { thresholds: {
  'ai_retries{error_kind:rate_limited}': ['count==1'], 'ai_retries{attempt:1}': ['count==1'],
  'ai_requests{attempt:2}': ['count==1'], 'ai_ttft_total': ['min>=1000'], 'ai_ttft': ['max<1000'],
} };
export default async () => {
  // Two requests per minute: the first passes, the third has to wait.
  ai.stream(request); ai.stream(request);
  const r = llm.stream(request, { retry: { attempts: 2, backoff: { initial: 1100, max: 1100, retryAfter: true } }, timeout: '20s' });
  is('ok', [r.ok, r.attempts, r.errorKind, r.target], [false, 2, 'rate_limited', null]);
  ok('log', r.attemptLog.length === 2 && r.attemptLog[0].errorKind === 'rate_limited' && r.attemptLog[0].waited === 1100 && r.attemptLog[1].waited === 0, r.attemptLog);
  end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms", "--mock-rpm", "2", "--mock-truth-log", "truth.jsonl"],
    );
    assert_eq!(truth(&ran).len(), 4, "{}", ran.all());
    assert_eq!(ran.metric("ai_requests", "count"), 3.0);
    assert_eq!(ran.metric("ai_req_failed", "passes"), 1.0);
}

#[test]
fn a_retry_that_succeeds_is_one_good_call() {
    let ran = holds(
        r"
const llm = ai.model({ slo: { ttft: 500 } });
export default async () => {
  for (const how of ['stream', 'complete', 'streamAsync', 'completeAsync']) {
    // Down for the first second of the mock's life; the mock is older by each round, so the span is moved along.
    const from = Math.floor((Date.now() - Number(__ENV.T0)) / 1000);
    const r = await llm[how]({ prompt: 'x', maxTokens: 3 }, { retry: { attempts: 40, backoff: 100 }, headers: { 'x-mock-outage': `0s:${from + 2}s` } });
    is(how, [r.ok, r.errorKind, r.attemptLog[0].errorKind, r.attemptLog[0].status], [true, null, 'overloaded', 503]);
    ok(how + ' attempts', r.attempts > 1 && r.attempts === r.attemptLog.length, r.attempts);
    if (how.startsWith('stream')) {
      ok(how + ' total', r.ttftTotal > r.ttft + 100 && r.e2eTotal > r.e2e + 100, [r.ttft, r.ttftTotal]);
      is(how + ' slo by the total', r.sloMet, r.ttftTotal <= 500);
    }
  }
  const never = llm.stream('x', { retry: 5, headers: { 'x-mock-error': '401' } });
  is('auth', [never.errorKind, never.attempts], ['auth', 1]);
  let texts = 0, attempts = new Set();
  llm.stream({ prompt: 'x', maxTokens: 4 }, { retry: { attempts: 2, backoff: 1 }, headers: { 'x-mock-error': 'cut:2' }, onToken: (t, info) => { texts++; attempts.add(info.attempt); } });
  is('both attempts stream', [texts, [...attempts]], [4, [1, 2]]);
  end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms", "-e", &format!("T0={}", unix_ms())],
    );
    assert_eq!(ran.metric("ai_requests", "count"), 6.0);
    assert_eq!(ran.metric("ai_errors", "count"), 2.0, "the wrong key and the cut");
    assert!(ran.metric("ai_retries", "count") >= 5.0);
}

fn unix_ms() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()
}

#[test]
fn bad_policies_are_named() {
    holds(
        r"
const says = (f, word) => ok(word, !!thrown(f) && thrown(f).message.includes(word), String(thrown(f)));
export default () => {
  const llm = ai.model();
  says(() => llm.stream('x', { retry: { attempts: 2, on: ['auth'] } }), 'never tried again');
  says(() => llm.stream('x', { retry: {} }), 'params.retry.attempts: missing');
  says(() => llm.stream('x', { validate: { type: 'objekt' } }), 'params.validate: not a JSON schema');
  says(() => ai.failover([llm]), 'expected 2 to 32 models, got 1');
  says(() => ai.failover(llm), 'expected an array of models');
  says(() => ai.failover([llm, { modl: 'x' }]), 'targets[1]');
  says(() => ai.failover([llm, llm], { ttftBudgt: 1 }), `did you mean 'ttftBudget'`);
  says(() => ai.model({ model: 'm', energy: {} }), 'joulesPerOutputToken: missing');
  end();
};",
        &[],
    );
}

#[test]
fn failover_answers_through_an_outage_and_measures_it() {
    let ran = holds(
        r"
const primary = ai.model({ tags: { target: 'primary' }, headers: { 'x-mock-outage': '1s:2s' } });
const llm = ai.failover([primary, ai.model({ tags: { target: 'secondary' } })], { failures: 2, cooldown: 400 });
export const options = {
  scenarios: { a: { executor: 'constant-vus', vus: 5, duration: '4s', gracefulStop: '20s' } },
  thresholds: {
    'ai_requests{target:primary}': ['count>0'], 'ai_requests{target:secondary}': ['count>0'],
    'ai_failovers{target:primary}': ['count>0'], 'ai_failovers{error_kind:circuit_open}': ['count>0'], 'ai_failovers{error_kind:overloaded}': ['count>=2'],
    'ai_recovery_time{target:primary}': ['min>=500'], ai_outages: ['count==1'], ai_req_failed: ['rate==0'],
  },
};
export default () => {
  const r = llm.stream({ prompt: 'x', maxTokens: 3 });
  ok('answered', r.ok && (r.target === 'primary' || r.target === 'secondary'), [r.error, r.target]);
  sleep(0.03);
  if (__ITER === 0) end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms"],
    )
    .exits(0)
    .prints(&["{ target:primary }", "{ target:secondary }", "passed on", "1 outage, back after at most", "ai_recovery_time"]);
    // While it was down most calls passed the primary by: that is what the circuit is for.
    let sub = |name: &str| ran.summary()["metrics"][name]["count"].as_f64().unwrap();
    let (open, failed) = (sub("ai_failovers{error_kind:circuit_open}"), sub("ai_failovers{error_kind:overloaded}"));
    assert!(open > failed, "{open} passed by, {failed} failed\n{}", ran.all());
}

#[test]
fn a_slow_first_token_is_cut_off_and_every_kind_of_call_fails_over() {
    let ran = holds(
        r"
const slow = ai.model({ model: 'gpt-4o', headers: { 'x-mock-ttft-ms': '20000', 'x-request-id': 'slow' } });
const broken = ai.model({ headers: { 'x-mock-error': '500', 'x-request-id': 'broken' } });
const good = ai.model({ model: 'gpt-4o' });
export default async () => {
  let llm = ai.failover([slow, good], { ttftBudget: 200, failures: 100 });
  for (const how of ['stream', 'streamAsync']) {
    const r = await llm[how]({ prompt: 'x', maxTokens: 3 });
    is(how, [r.ok, r.attempts, r.attemptLog[0].errorKind], [true, 2, 'ttft_timeout']);
    ok('says why', r.attemptLog[0].error.includes('ttftBudget 200ms'), r.attemptLog[0].error);
    ok('not mixed', r.ttft < r.ttftTotal && r.ttftTotal >= 200, [r.ttft, r.ttftTotal]);
  }
  is('same model', [llm.model, llm.countTokens('hello world')], ['gpt-4o', 2]);
  llm = ai.failover([broken, good], { failures: 100 });
  for (const how of ['stream', 'complete', 'streamAsync', 'completeAsync']) {
    const r = await llm[how]({ prompt: 'x', maxTokens: 3 });
    is(how + ' fails over', [r.ok, r.attempts, r.attemptLog[0].status], [true, 2, 500]);
  }
  const talk = llm.session();
  is('session', [talk.say('Hello').ok, (await talk.sayAsync('Again')).attempts, talk.history.length], [true, 2, 4]);
  is('not listed', ai.failover([broken, good], { on: ['rate_limited'] }).stream('x').errorKind, 'server');
  is('nobody left', [ai.failover([broken, broken]).stream('x').errorKind, ai.failover([broken, broken]).stream('x').attempts], ['server', 2]);
  end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms", "--mock-truth-log", "truth.jsonl"],
    );
    let slow: Vec<_> = truth(&ran).into_iter().filter(|r| r["id"] == "slow").collect();
    assert_eq!(slow.len(), 2);
    for record in slow {
        assert_eq!(record["ended"], "client_gone", "the connection was closed: {record}");
        let closed = record["closed_ns"].as_f64().unwrap() / 1e6;
        assert!((150.0..5_000.0).contains(&closed), "closed after {closed} ms");
    }
}

#[test]
fn with_throw_a_failed_call_throws_what_it_knows() {
    holds(
        r"
export const options = { throw: true };
export default async () => {
  const llm = ai.model();
  const request = { headers: { 'x-mock-error': '429' }, retry: { attempts: 2, backoff: 1 } };
  const e = thrown(() => llm.stream('x', request));
  is('error', [e instanceof Error, e.name, e.errorKind, e.response.status, e.response.attempts], [true, 'AiError', 'rate_limited', 429, 2]);
  let rejected = null;
  try { await llm.completeAsync('x', request); } catch (error) { rejected = error; }
  is('rejected', rejected.errorKind, 'rate_limited');
  const talk = llm.session();
  ok('session', thrown(() => talk.say('x', request)).errorKind === 'rate_limited' && talk.history.length === 0, talk.history);
  is('and may go on', talk.say('x').ok, true);
  end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms"],
    );
}
