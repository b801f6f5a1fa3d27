//! `k6/x/llm`: scripts of the community extension, against the embedded mock.

use crate::support::{Ran, run_files};

fn runs(body: &str, args: &[&str]) -> Ran {
    let script = format!(
        "import llm from 'k6/x/llm';
import {{ check }} from 'k6';
const is = (name, got, want) => check(null, {{ [`${{name}} is ${{JSON.stringify(got)}}, expected ${{JSON.stringify(want)}}`]: () => JSON.stringify(got) === JSON.stringify(want) }});
const ok = (name, holds, what) => check(null, {{ [`${{name}} (${{JSON.stringify(what)}})`]: () => holds === true }});
const fails = async (p) => {{ try {{ await p; }} catch (e) {{ return e.message; }} return ''; }};
{body}"
    );
    let data = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":3}\n\n{\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}\n{\"messages\":[{\"role\":\"user\",\"content\":\"c\"}]}\n";
    let files = [("t.js", script.as_str()), ("d.jsonl", data), ("bad.jsonl", "{\"messages\":[]}\n")];
    let mut all = vec!["run", "--quiet", "--summary-export", "s.json", "--mock"];
    all.extend(args);
    all.push("t.js");
    let ran = run_files(&files, &all).says(&["reached the end"]);
    assert!(!ran.stdout.contains('✗'), "{}", ran.all());
    ran
}

#[test]
fn chat_gives_the_extensions_result_and_metrics() {
    let ran = runs(
        r"
const client = new llm.Client({ model: 'gpt-4o', slo: { ttft_ms: 5000, e2el_ms: 1 }, ignore_eos: true,
  cost: { usd_per_million_input_tokens: 1, usd_per_million_output_tokens: 2 }, energy: { j_per_input_token: 1, j_per_output_token: 2, idle_w: 0 } });
export const options = { thresholds: {
  'llm_requests{model:gpt-4o}': ['count==4'], 'llm_requests{cache_state:cold}': ['count==1'], 'llm_requests{mode:unary}': ['count==1'],
  'llm_errors{error_type:http_5xx}': ['count==1'], 'llm_errors{error_type:stream}': ['count==1'], llm_goodput: ['rate==0'], llm_slo_ttft: ['rate==1'], llm_slo_e2el: ['rate==0'],
} };
const messages = [{ role: 'user', content: 'hello' }];
export default async () => {
  const r = await client.chat({ messages, max_tokens: 8, cache_state: 'cold', tags: { mine: 'x' }, repetition_penalty: 1.1 });
  is('counts', [r.stream, r.chunks, r.itl_ms.length, r.completion_tokens, r.cached_tokens, r.thinking_tokens, r.finish_reason, r.aborted, r.tool_calls], [true, 8, 7, 8, 0, 0, 'length', false, []]);
  ok('times', r.ttft_ms >= 30 && r.ttf_text_ms === r.ttft_ms && r.duration_ms > r.ttft_ms && r.response_headers_ms > 0 && r.response_headers_ms <= r.ttft_ms, r);
  ok('tpot', Math.abs(r.tpot_ms - (r.duration_ms - r.ttft_ms) / 7) < 1e-9, r.tpot_ms);
  is('absent', [r.ratelimit_remaining_requests, r.ratelimit_remaining_tokens, r.server_cost_usd, r.server_prefill_ms, r.draft_tokens], [-1, -1, 0, 0, 0]);
  ok('ids', r.request_id.length > 3 && r.generation_id.length > 3 && r.content.length > 5, [r.request_id, r.generation_id]);
  const whole = await client.chat({ messages, max_tokens: 4, stream: false });
  is('unary', [whole.stream, whole.ttft_ms, whole.itl_ms, whole.tpot_ms, whole.chunks, whole.completion_tokens], [false, 0, [], 0, 0, 4]);
  const left = await client.chat({ messages, max_tokens: 40, abort_after_tokens: 3 });
  is('aborted', [left.aborted, left.finish_reason, left.chunks], [true, '', 3]);
  const tools = [{ type: 'function', function: { name: 'add', parameters: { type: 'object', properties: { a: { type: 'integer' } } } } }];
  const asked = await client.chat({ messages, tools, tool_choice: 'required' });
  is('tools', [asked.finish_reason, asked.tool_calls.map((c) => [c.name, JSON.parse(c.arguments)])], ['tool_calls', [['add', { a: 1 }]]]);
  const other = new llm.Client({ model: 'm', headers: { 'x-mock-error': '500' } });
  ok('rejects', (await fails(other.chat({ messages }))).includes('server: HTTP 500'), 0);
  ok('stream', (await fails(new llm.Client({ model: 'm', headers: { 'x-mock-error': 'cut:1' } }).chat({ messages }))).includes('interrupted'), 0);
  client.flush();
  console.log('reached the end');
};",
        &["--mock-ttft", "30ms", "--mock-itl", "2ms"],
    )
    .exits(0);
    for (metric, value, expected) in [
        ("llm_completion_tokens", "count", 8.0 + 4.0 + 3.0),
        ("llm_chunks_per_request", "max", 8.0),
        ("llm_aborted", "count", 1.0),
        ("llm_tool_calls", "count", 1.0),
        ("llm_energy_j_per_token", "min", 0.0),
    ] {
        let got = ran.metric(metric, value);
        assert!(got >= expected, "{metric} {value}: {got}, expected {expected}\n{}", ran.all());
    }
    assert!(ran.metric("llm_cost_usd", "max") > 0.0 && ran.metric("llm_itl", "max") > 0.0);
}

#[test]
fn sessions_and_datasets() {
    runs(
        r"
const data = new llm.Dataset({ path: './d.jsonl' });
const mixed = [new llm.Dataset({ path: './d.jsonl', shuffle: true, seed: 7 }), new llm.Dataset({ path: './d.jsonl', shuffle: true, seed: 7 })];
let bad = '';
try { new llm.Dataset({ path: './bad.jsonl' }); } catch (e) { bad = e.message; }
export const options = { thresholds: { 'llm_requests{turn:2}': ['count==1'], 'llm_requests{session_id:me}': ['count==2'], 'llm_requests{cache_state:warm}': ['count==1'] } };
export default async () => {
  is('dataset', [data.size(), data.next().messages[0].content, data.next().messages[0].content, data.at(-1).messages[0].content, data.at(4).messages[0].content], [3, 'a', 'b', 'c', 'b']);
  data.reset();
  is('reset', data.next(), { messages: [{ role: 'user', content: 'a' }], max_tokens: 3 });
  const order = mixed.map((d) => [0, 1, 2].map((i) => d.at(i).messages[0].content).join(''));
  is('same seed, same order', [order[0] === order[1], [...order[0]].sort().join('')], [true, 'abc']);
  ok('bad file', bad.includes('line 1') && bad.includes('messages'), bad);
  const client = new llm.Client({ model: 'm' });
  const session = new llm.Session(client, { system: 'Be brief.', id: 'me' });
  const one = await session.send('hi');
  const two = await session.send({ content: 'again', max_tokens: 4 });
  is('session', [session.id(), session.turn(), session.messages().map((m) => m.role)], ['me', 2, ['system', 'user', 'assistant', 'user', 'assistant']]);
  is('tokens', session.tokens(), { prompt: one.prompt_tokens + two.prompt_tokens, completion: one.completion_tokens + two.completion_tokens, total: one.prompt_tokens + two.prompt_tokens + one.completion_tokens + two.completion_tokens });
  session.reset();
  is('after reset', [session.turn(), session.messages().length], [0, 1]);
  ok('dataset items are requests', (await client.chat(data.at(0))).completion_tokens === 3, 0);
  let wrong = '';
  try { new llm.Client({ wire: 'x' }); } catch (e) { wrong = e.message; }
  ok('wire', wrong.includes('openai, anthropic, responses'), wrong);
  console.log('reached the end');
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms"],
    )
    .exits(0);
}
