//! Model calls as scripts make them, against the embedded mock: every field of the response, callbacks, giving up, async twins.
//!
//! The scripts assert with `is(name, got, want)`; a failed one shows what it got in the summary's list of checks.

use crate::support::{Ran, run_script};

/// Runs a script whose assertions must all hold and which must come to its end (`end()`).
#[track_caller]
pub(crate) fn holds(body: &str, args: &[&str]) -> Ran {
    let script = format!(
        "import ai from 'inrush/ai';
import {{ check, sleep }} from 'k6';
const is = (name, got, want) => check(null, {{ [`${{name}} is ${{JSON.stringify(got)}}, expected ${{JSON.stringify(want)}}`]: () => JSON.stringify(got) === JSON.stringify(want) }});
const ok = (name, holds, what) => check(null, {{ [`${{name}} (${{JSON.stringify(what)}})`]: () => holds === true }});
const thrown = (f) => {{ try {{ f(); }} catch (e) {{ return e; }} return null; }};
const end = () => console.log('reached the end');
{body}"
    );
    let mut all = vec!["--mock"];
    all.extend(args);
    let ran = run_script(&script, &all).says(&["reached the end"]);
    assert!(!ran.stdout.contains('✗'), "{}", ran.all());
    assert!(ran.metric("checks", "passes") > 0.0, "{}", ran.all());
    ran
}

#[test]
fn every_field_of_a_streamed_response() {
    holds(
        r"
const llm = ai.model({ model: 'gpt-4o-mini', slo: { ttft: 5000, tpot: 1000, e2e: 30000 }, tags: { tier: 'gold' } });
export const options = { thresholds: {
  'ai_ttft{request_type:long}': ['p(95)<20000', 'min>=50'],
  'ai_requests{request_type:long}': ['count==1'], 'ai_requests{request_type:short}': ['count==0'],
  'ai_requests{tier:gold,name:n,mine:1,model:gpt-4o-mini,provider:openai,status:200,stream:true,finish_reason:length}': ['count==1'],
} };
export default () => {
  is('provider', [llm.provider, llm.model], ['openai', 'gpt-4o-mini']);
  const r = llm.stream({ system: 'Be brief.', prompt: 'Why is the sky blue?', maxTokens: 20, ignoreEos: true },
    { requestType: 'long', name: 'n', tags: { mine: 1 }, headers: { 'x-mock-ttft-ms': '50', 'x-mock-itl-ms': '10', 'x-mock-reasoning-tokens': '5' } });
  is('ok', [r.ok, r.status, r.error, r.errorKind, r.errorCode, r.attempts], [true, 200, '', null, null, 1]);
  ok('text', r.text.length > 10 && r.reasoning.length > 3, [r.text, r.reasoning]);
  is('tool calls and refusal', [r.toolCalls, r.refusal, r.serverTimings, r.server], [[], null, null, null]);
  is('finishReason', r.finishReason, 'length');
  is('usage', [r.usage.outputTokens, r.usage.cachedTokens, r.usage.reasoningTokens, r.usage.source], [20, 0, 5, 'provider']);
  is('inputTokens', r.usage.inputTokens, llm.countTokens([{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Why is the sky blue?' }]));
  ok('ttft', r.ttft >= 50 && r.ttft < 5000, r.ttft);
  // The mock keeps an absolute schedule: what comes late is followed sooner. How exact the times are is for ai_truth.rs.
  ok('ttfo after five reasoning tokens', r.ttfo > r.ttft, [r.ttft, r.ttfo]);
  ok('tpot', r.tpot > 0 && r.tpot < 500, r.tpot);
  ok('tokensPerSecond', Math.abs(r.tokensPerSecond * r.tpot - 1000) < 1e-6, r.tokensPerSecond);
  ok('e2e', Math.abs(r.e2e - (r.ttft + 19 * r.tpot)) < 0.001, [r.e2e, r.ttft, r.tpot]);
  is('chunks', [r.chunks, r.stalls, r.itl.count], [20, 0, 19]);
  ok('itl', r.itl.min <= r.itl.med && r.itl.med <= r.itl.p90 && r.itl.p90 <= r.itl.p95 && r.itl.p95 <= r.itl.p99 && r.itl.p99 <= r.itl.max && r.itl.min >= 0 && r.itl.max > 0, r.itl);
  ok('itl mean is tpot', Math.abs(r.itl.avg - r.tpot) < 1e-6, [r.itl.avg, r.tpot]);
  ok('cost', Math.abs(r.cost - (r.usage.inputTokens * 0.15 + 20 * 0.6) / 1e6) < 1e-12, r.cost);
  is('sloMet', r.sloMet, true);
  is('model', r.model, 'gpt-4o-mini');
  ok('requestId', typeof r.requestId === 'string' && r.requestId.length > 3, r.requestId);
  const unlimited = { limit: null, remaining: null, resetMs: null };
  is('rateLimit', r.rateLimit, { requests: unlimited, tokens: unlimited, inputTokens: unlimited, outputTokens: unlimited, retryAfterMs: null });
  ok('timings', r.timings.waiting > 0 && r.timings.receiving > 0 && r.timings.duration >= r.timings.receiving && r.timings.blocked >= 0, r.timings);
  is('headers', r.headers['Content-Type'], 'text/event-stream; charset=utf-8');
  ok('json() throws', /not JSON/.test(thrown(() => r.json()).message), r.text);
  const keys = Object.keys(JSON.parse(JSON.stringify(r))).sort();
  for (const key of ['ok', 'text', 'usage', 'ttft', 'ttfo', 'tpot', 'itl', 'e2e', 'stalls', 'chunks', 'cost', 'timings']) ok('stringifies ' + key, keys.includes(key), keys);
  is('missed SLO', llm.stream('x', { slo: { ttft: 1 }, headers: { 'x-mock-output-tokens': '1' } }).sloMet, false);
  end();
};",
        &["--mock-ttft", "30ms", "--mock-itl", "2ms"],
    )
    .exits(0)
    .prints(&["ai_ttft", "request_type:long", "token counts from", "ai_cost", "ai_slo_met"]);
}

#[test]
fn counts_without_usage_say_who_counted() {
    let ran = holds(
        r"
export default () => {
  const own = ai.model({ model: 'gpt-4o', price: { input: 1, output: 2 } }).stream({ prompt: 'hi', maxTokens: 12, ignoreEos: true });
  is('tokenizer', [own.usage.source, own.usage.outputTokens, own.usage.cachedTokens, own.usage.reasoningTokens], ['tokenizer', 12, null, 0]);
  ok('cost', Math.abs(own.cost - (own.usage.inputTokens + 24) / 1e6) < 1e-12, own.cost);
  const other = ai.model({ model: 'a-model-nobody-knows' }).stream({ prompt: 'hi', maxTokens: 12, ignoreEos: true });
  is('estimate', [other.usage.source, other.cost, other.itl], ['estimate', null, null]);
  ok('about as many as were sent', Math.abs(other.usage.outputTokens - 12) <= 4, [other.usage.outputTokens, other.text]);
  ok('chunks', other.chunks === 12 && other.tpot > 0, other.chunks);
  end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms", "--mock-usage", "never"],
    );
    assert_eq!(ran.metric("ai_cost_unknown", "count"), 1.0);
    let metrics = &ran.summary()["metrics"];
    assert!(metrics.get("ai_cached_tokens").is_none(), "nobody said: no sample\n{metrics}");
}

#[test]
fn one_call_yields_the_documented_metrics() {
    let ran = holds(
        r"
const llm = ai.model({ model: 'gpt-4o-mini', slo: { e2e: 30000 } });
export const options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 1, timeUnit: '1s', duration: '1s', preAllocatedVUs: 1 } } };
export default () => {
  const r = llm.stream({ prompt: 'x', maxTokens: 8, ignoreEos: true }, { stallThreshold: '100ms', headers: { 'x-mock-error': 'stall:4:250' } });
  ok('a stall', r.ok && r.stalls >= 1, [r.error, r.stalls]);
  end();
};",
        &["--mock-ttft", "40ms", "--mock-itl", "4ms"],
    );
    for (metric, value, least, most) in [
        ("ai_requests", "count", 1.0, 1.0),
        ("ai_req_failed", "value", 0.0, 0.0),
        ("ai_connect", "max", 0.0, 1_000.0),
        ("ai_ttft", "max", 40.0, 5_000.0),
        ("ai_ttfo", "max", 40.0, 5_000.0),
        ("ai_ttft_intended", "max", 40.0, 5_000.0),
        // What comes before the stall may come late and so shorten it.
        ("ai_icl", "max", 100.0, 5_000.0),
        ("ai_itl", "max", 100.0, 5_000.0),
        ("ai_max_gap", "max", 100.0, 5_000.0),
        ("ai_stream_duration", "max", 100.0, 5_000.0),
        ("ai_tpot", "max", 14.0, 700.0),
        ("ai_stream_tokens_per_second", "max", 1.4, 72.0),
        ("ai_e2e", "max", 310.0, 10_000.0),
        ("ai_stall", "count", 1.0, 3.0),
        ("ai_input_tokens", "count", 8.0, 8.0),
        ("ai_output_tokens", "count", 8.0, 8.0),
        ("ai_reasoning_tokens", "count", 0.0, 0.0),
        ("ai_cached_tokens", "count", 0.0, 0.0),
        ("ai_input_length", "max", 8.0, 8.0),
        ("ai_output_length", "max", 8.0, 8.0),
        ("ai_token_count_gap", "max", 0.0, 0.0),
        ("ai_cost", "count", 5.9e-6, 6.1e-6),
        ("ai_slo_met", "value", 1.0, 1.0),
    ] {
        let got = ran.metric(metric, value);
        assert!((least..=most).contains(&got), "{metric} {value} = {got}, expected {least}..={most}\n{}", ran.all());
    }
    let metrics = ran.summary()["metrics"].clone();
    for absent in ["ai_errors", "ai_cost_unknown"] {
        assert!(metrics.get(absent).is_none_or(|m| m["count"] == 0), "{absent}: {metrics}");
    }
}

#[test]
fn callbacks_see_every_event_and_end_the_call() {
    holds(
        r"
const llm = ai.model();
const params = (more) => Object.assign({ headers: { 'x-mock-reasoning-tokens': '2' } }, more);
const request = { prompt: 'x', maxTokens: 6, ignoreEos: true };
export default async () => {
  for (const how of ['stream', 'streamAsync']) {
    let text = '', reasoning = '', events = [], last = 0, indices = [];
    let r = await llm[how](request, params({
      onToken: (t, info) => { if (info.kind === 'text') text += t; else reasoning += t; indices.push(info.index); last = info.elapsed; },
      onEvent: (e) => { events.push(e); },
    }));
    is(how + ' text', [text, reasoning], [r.text, r.reasoning]);
    is(how + ' indices', indices, [0, 1, 2, 3, 4, 5]);
    is(how + ' types', events.map((e) => e.type), ['role', 'reasoning', 'reasoning', 'text', 'text', 'text', 'text', 'finish', 'usage', 'other']);
    is(how + ' numbers', events.map((e) => e.index), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    is(how + ' text of events', events.map((e) => e.text).join(''), r.reasoning + r.text);
    is(how + ' data', [events[9].data, JSON.parse(events[8].data).usage.completion_tokens], ['[DONE]', 6]);
    ok(how + ' elapsed', events[1].elapsed === r.ttft && last === r.e2e, [events[1].elapsed, r.ttft, last, r.e2e]);

    let seen = 0;
    r = await llm[how](request, { onToken: () => ++seen < 3 });
    is(how + ' returning false', [seen, r.ok, r.finishReason, r.errorKind, r.e2e], [3, true, 'cancelled', null, null]);
    ok(how + ' keeps ttft', r.ttft > 0, r.ttft);
    seen = 0;
    r = await llm[how](request, { onEvent: (e) => { seen++; return e.type !== 'role'; } });
    is(how + ' returning false at once', [seen, r.finishReason, r.ttft], [1, 'cancelled', null]);

    let error = null;
    try { await llm[how](request, { onToken: () => { throw new RangeError('mine'); } }); } catch (e) { error = e; }
    is(how + ' throwing', [error instanceof RangeError, error && error.message], [true, 'mine']);

    events = [];
    r = await llm[how](request, { headers: { 'x-mock-error': 'garbage:2' }, onEvent: (e) => { events.push(e.type); } });
    is(how + ' garbage', [events, r.errorKind], [['role', 'text', 'text', 'error'], 'protocol']);
    events = [];
    r = await llm[how](request, { headers: { 'x-mock-error': 'error:1' }, onEvent: (e) => { events.push(e.type); } });
    is(how + ' error event', [events, r.errorKind], [['role', 'text', 'error'], 'server']);
  }
  end();
};",
        &["--mock-ttft", "20ms", "--mock-itl", "20ms"],
    );
}

#[test]
fn slow_callbacks_do_not_touch_the_figures() {
    holds(
        r"
export default async () => {
  const llm = ai.model();
  for (const how of ['stream', 'streamAsync']) {
    let seen = 0;
    const start = Date.now();
    const r = await llm[how]({ prompt: 'x', maxTokens: 20, ignoreEos: true }, { onToken: () => { seen++; sleep(0.04); } });
    const took = Date.now() - start;
    is(how, seen, 20);
    ok(how + ' took its time', took >= 790, took);
    ok(how + ' e2e', r.e2e < 600 && r.itl.max < 300, [r.e2e, r.itl]);
  }
  end();
};",
        &["--mock-ttft", "20ms", "--mock-itl", "5ms", "--mock-model", "gpt-4o", "-e", "INRUSH_MODEL=gpt-4o"],
    );
}

#[test]
fn async_calls_overlap() {
    let ran = holds(
        r"
export default async () => {
  const llm = ai.model();
  const start = Date.now();
  let ticks = 0, tokens = [0, 0];
  const timer = setInterval(() => { ticks++; }, 20);
  const request = { prompt: 'x', maxTokens: 10, ignoreEos: true };
  const all = await Promise.all([
    llm.streamAsync(request, { onToken: () => { tokens[0]++; } }), llm.streamAsync(request, { onToken: () => { tokens[1]++; } }),
    llm.streamAsync(request), llm.completeAsync(request), ai.streamAsync(request), ai.completeAsync(request),
  ]);
  clearInterval(timer);
  const took = Date.now() - start;
  ok('at the same time', took >= 600 && took < 1800, took);
  ok('timers run', ticks >= 5, ticks);
  is('all', all.map((r) => r.ok && r.usage.outputTokens === 10), [true, true, true, true, true, true]);
  is('tokens', tokens, [10, 10]);
  const failed = await llm.streamAsync(request, { headers: { 'x-mock-error': '500' } });
  is('failure is data', [failed.ok, failed.errorKind], [false, 'server']);
  end();
};",
        &["--mock-ttft", "150ms", "--mock-itl", "50ms"],
    );
    assert_eq!(ran.metric("ai_requests", "count"), 7.0);
}

#[test]
fn complete_answers_in_one_piece() {
    let ran = holds(
        r"
export default () => {
  const llm = ai.model({ model: 'gpt-4o-mini' });
  const r = llm.complete({ prompt: 'x', maxTokens: 9, ignoreEos: true });
  is('complete', [r.ok, r.status, r.finishReason, r.usage.outputTokens, r.usage.source], [true, 200, 'length', 9, 'provider']);
  ok('text', r.text.length > 5 && r.e2e >= 100, [r.text, r.e2e]);
  is('no stream figures', [r.ttft, r.ttfo, r.tpot, r.itl, r.chunks], [null, null, null, null, 0]);
  ok('cost', r.cost > 0, r.cost);
  is('async twin', ai.complete('x').ok, true);
  end();
};",
        &["--mock-ttft", "60ms", "--mock-itl", "5ms"],
    );
    assert!(ran.summary()["metrics"].get("ai_ttft").is_none(), "{}", ran.all());
    assert!(ran.metric("ai_e2e", "max") >= 100.0);
}

#[test]
fn the_environment_is_the_default_model() {
    holds(
        r"
export default () => {
  const text = ai.stream('Hello');
  is('string', [text.ok, text.model], [true, 'from-the-environment']);
  is('named', ai.stream({ model: 'other', prompt: 'Hello' }).model, 'other');
  const llm = ai.model('third');
  is('object', ai.complete({ model: llm, prompt: 'Hello' }).model, 'third');
  is('alias', typeof ai.model, 'function');
  end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms", "-e", "INRUSH_MODEL=from-the-environment"],
    );
}

#[test]
fn tokens_are_counted() {
    holds(
        r"
export default () => {
  is('o200k', ai.countTokens('hello world', { model: 'gpt-4o' }), 2);
  is('named', ai.countTokens('hello world', { tokenizer: 'cl100k_base' }), 2);
  is('estimate', ai.countTokens('12345678', { tokenizer: 'estimate' }), 3);
  is('messages', ai.countTokens([{ role: 'user', content: 'hello world' }], { model: 'gpt-4o' }), 3 + 1 + 2 + 3);
  is('model', ai.model({ model: 'gpt-4o' }).countTokens('hello world'), 2);
  is('model object', ai.countTokens('hello world', { model: ai.model({ model: 'gpt-4o' }) }), 2);
  ok('unknown', /unknown tokenizer 'x'; known: cl100k_base/.test(thrown(() => ai.countTokens('a', { tokenizer: 'x' })).message), 0);
  ok('bad input', thrown(() => ai.countTokens(7)) instanceof TypeError, 0);
  end();
};",
        &[],
    );
}

#[test]
fn bad_arguments_are_reported_all_at_once() {
    holds(
        r"
const llm = ai.model();
const says = (name, f, ...words) => {
  const e = thrown(f);
  ok(name + ' is a TypeError', e instanceof TypeError, String(e));
  for (const word of words) ok(name + ' says ' + word, !!e && e.message.includes(word), String(e));
};
export default () => {
  says('request and params', () => llm.stream({ messages: [{ role: 'user', content: 'x' }], maxTokens: -1, max_tokens: 5 }, { timeout: 'soon', abortAfter: {}, onToken: 5, requesttype: 'x' }),
    'problems:', 'maxTokens', 'max_tokens', 'timeout', 'abortAfter', 'onToken: must be a function', 'did you mean \'requestType\'?');
  says('no request', () => llm.stream(), 'stream()');
  says('complete', () => llm.complete('x', { onToken: () => {}, ttftTimeout: 5, abortAfter: { tokens: 1 } }), 'onToken', 'ttftTimeout: needs a stream', 'abortAfter: needs a stream');
  says('spec', () => ai.model({ provider: 'nope', baseURL: 'ftp://x', price: { input: 1 }, slo: { ttft: 'x' }, aPiKey: 'k' }), 'nope', 'baseURL', 'price', 'slo', 'aPiKey');
  says('wrong receiver', () => llm.stream.call({}, 'x'), 'not a Model');
  says('unknown model object', () => ai.stream({ model: {}, prompt: 'x' }), 'request.model');
  end();
};",
        &[],
    );
}

#[test]
fn calls_are_refused_in_the_init_context() {
    run_script("import ai from 'inrush/ai';\nai.stream('x');\nexport default () => {};", &["--mock"])
        .exits(107)
        .says(&["not supported in the init context"]);
}

#[test]
fn throw_makes_a_failed_call_throw() {
    let ran = holds(
        r"
export const options = { throw: true };
export default async () => {
  const llm = ai.model();
  const params = { headers: { 'x-mock-error': '503' } };
  ok('stream', /^overloaded: HTTP 503/.test(thrown(() => llm.stream('x', params)).message), 0);
  ok('complete', /^overloaded: HTTP 503/.test(thrown(() => llm.complete('x', params)).message), 0);
  let message = null;
  try { await llm.streamAsync('x', params); } catch (e) { message = e.message; }
  ok('streamAsync', /^overloaded/.test(message), message);
  end();
};",
        &[],
    );
    assert_eq!(ran.metric("ai_errors", "count"), 3.0, "thrown or not, it is recorded");
}
