//! One script for every API the mock speaks: nothing changes but `provider`.

use crate::ai_calls::holds;
use crate::ai_truth::truth;

/// The scenario. What an API has no place for is left out by its provider's name.
const SCRIPT: &str = r"
const provider = __ENV.PROVIDER;
const llm = ai.model({ provider, model: 'anthropic.claude-haiku-4-5', tags: { target: provider } });
const no_tools = ['llamacpp-completion', 'ollama-generate', 'openai-completions', 'tgi'].includes(provider);
const tools = [{ name: 'get_weather', description: 'Weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }];
const fault = (kind) => llm.stream({ prompt: 'x', maxTokens: 8 }, { headers: { 'x-mock-error': kind } });
export default () => {
  const r = llm.stream({ prompt: 'Why is the sky blue?', maxTokens: 12 });
  is('streamed', [r.ok, r.error, r.status, r.finishReason, r.chunks], [true, '', 200, 'length', 12]);
  is('usage', [r.usage.outputTokens, r.usage.inputTokens > 3, r.usage.source], [12, true, 'provider']);
  ok('ttft is at least the mock\'s', r.ttft >= 60, r.ttft);
  ok('it ends 11 gaps later at the earliest', r.e2e >= 60 + 11 * 2, r.e2e);
  ok('text', /^[A-Z][a-z .A-Z]+$/.test(r.text), r.text);

  const w = llm.complete({ prompt: 'Why is the sky blue?', maxTokens: 12 });
  is('whole', [w.ok, w.error, w.finishReason, w.usage.outputTokens, w.usage.inputTokens], [true, '', 'length', 12, r.usage.inputTokens]);
  ok('whole text', /^[A-Z][a-z .A-Z]+$/.test(w.text), w.text);
  is('to its end', llm.stream({ prompt: 'x' }, { headers: { 'x-mock-output-tokens': '5' } }).finishReason, 'stop');

  if (!no_tools) {
    for (const call of [llm.stream({ prompt: 'What is the weather in Rome?', tools, maxTokens: 100 }), llm.complete({ prompt: 'What is the weather in Rome?', tools, maxTokens: 100 })]) {
      is('tool', [call.error, call.finishReason, call.toolCalls.length], ['', 'tool_calls', 1]);
      is('arguments', [call.toolCalls[0].name, JSON.parse(call.toolCalls[0].arguments).city], ['get_weather', 'light']);
    }
    const thought = llm.stream({ prompt: 'x', maxTokens: 9 }, { headers: { 'x-mock-reasoning-tokens': '4' } });
    ok('reasoning', thought.ok && thought.reasoning.split(' ').length >= 3 && thought.usage.outputTokens === 9, [thought.reasoning, thought.usage]);
  }

  const limited = fault('rate_limited');
  is('limited', [limited.ok, limited.status, limited.errorKind], [false, 429, provider === 'tgi' ? 'queue_full' : 'rate_limited']);
  is('a key that is wrong', fault('auth').errorKind, 'auth');
  const broken = fault('error:3');
  ok('an error inside the stream', !broken.ok && broken.text.length > 0 && broken.status === 200, [broken.error, broken.text]);
  const cut = fault('cut:3');
  ok('a cut', !cut.ok && cut.errorKind !== '', [cut.errorKind, cut.error]);
  is('too long', fault('context_length').errorKind, 'context_length');
  end();
};";

/// Every provider whose API the mock speaks under another path or form.
const PROVIDERS: &[&str] = &[
    "anthropic",
    "azure-openai",
    "azure-openai-responses",
    "bedrock",
    "bedrock-invoke",
    "cohere",
    "gemini",
    "llamacpp-completion",
    "ollama",
    "ollama-generate",
    "openai",
    "openai-completions",
    "openai-responses",
    "tgi",
    "vertex",
    "vertex-anthropic",
];

#[test]
fn one_script_runs_against_every_api_by_provider_alone() {
    // A run waits most of its time.
    std::thread::scope(|scope| {
        for some in PROVIDERS.chunks(PROVIDERS.len().div_ceil(4)) {
            scope.spawn(|| some.iter().for_each(|provider| runs_against(provider)));
        }
    });
}

fn runs_against(provider: &str) {
    let variable = format!("PROVIDER={provider}");
    let args = ["-e", variable.as_str(), "--mock-ttft", "60ms", "--mock-itl", "2ms", "--mock-truth-log", "truth.jsonl"];
    let ran = holds(SCRIPT, &args).exits(0);
    let records = truth(&ran);
    let first = &records[0];
    assert_eq!((&first["tokens"], &first["finish"], &first["stream"]), (&12.into(), &"length".into(), &true.into()));
    assert_eq!(first["event_tokens"].as_array().unwrap().len(), 12, "{provider}");
    assert!(first["written_ns"][0].as_u64().unwrap() >= 60_000_000, "{provider}: {first}");
    assert_eq!((&records[1]["stream"], &records[1]["tokens"]), (&false.into(), &12.into()), "{provider}");
    let faults = records.iter().filter_map(|r| r["fault"].as_str()).collect::<Vec<_>>();
    assert_eq!(faults, ["rate_limited", "auth", "error:3", "cut:3", "context_length"], "{provider}");
}

#[test]
fn vectors_and_rankings_come_from_the_mock() {
    holds(
        "const at = (provider, model, tokens, many = true) => {
  const llm = ai.model({ provider, model });
  const input = many ? ['x', 'yes and no'] : ['yes and no'];
  const r = llm.embed({ input, dimensions: 4 });
  is(provider + ' vectors', [r.ok, r.error, r.embeddings.length, r.embeddings[0].length], [true, '', input.length, 4]);
  // Where the API tells no tokens, they are estimated.
  is(provider + ' tokens', r.usage.source === 'provider' ? r.usage.inputTokens : r.usage.source, tokens);
  const length = Math.hypot(...r.embeddings[0]);
  ok(provider + ' length', Math.abs(length - 1) < 1e-5, length);
  const limited = llm.embed('x', { headers: { 'x-mock-error': 'rate_limited' } });
  is(provider + ' limited', [limited.ok, limited.status, limited.errorKind], [false, 429, 'rate_limited']);
  return r.embeddings[r.embeddings.length - 1];
};
export default () => {
  const one = at('openai', 'm', 4);
  for (const [provider, model, tokens] of [['azure-openai', 'm', 4], ['cohere', 'embed-v4.0', 4], ['gemini', 'gemini-embedding-001', 'estimate'], ['ollama', 'nomic-embed-text', 4], ['vertex', 'text-embedding-005', 4], ['bedrock', 'cohere.embed-english-v3', 'estimate'], ['vllm', 'm', 4]]) {
    is(provider, at(provider, model, tokens), one);
  }
  is('titan', at('bedrock', 'amazon.titan-embed-text-v2:0', 3, false), one);
  for (const [provider, model] of [['cohere', 'rerank-v3.5'], ['bedrock', 'cohere.rerank-v3-5:0'], ['bedrock', 'amazon.rerank-v1:0'], ['vllm', 'm']]) {
    const r = ai.model({ provider, model }).rerank({ query: 'weather in Rome', documents: ['tea', 'Rome is a city', 'the weather in Rome'], topN: 2 });
    is(provider + ' ranking', [r.ok, r.error, r.ranking], [true, '', [{ index: 2, score: 0.75 }, { index: 1, score: 1 / 6 }]]);
  }
  end();
};",
        &[],
    );
}

#[test]
fn every_makers_format_by_invoke_model() {
    holds(
        "export default () => {
  for (const model of ['us.amazon.nova-lite-v1:0', 'amazon.titan-text-lite-v1', 'meta.llama3-1-8b-instruct-v1:0']) {
    const llm = ai.model({ provider: 'bedrock-invoke', model });
    for (const r of [llm.stream({ prompt: 'x', maxTokens: 5 }), llm.complete({ prompt: 'x', maxTokens: 5 })]) {
      is(model, [r.ok, r.error, r.finishReason, r.usage.outputTokens, r.usage.source], [true, '', 'length', 5, 'provider']);
    }
  }
  end();
};",
        &["--mock-ttft", "1ms", "--mock-itl", "1ms"],
    );
}

/// The providers of the table in docs/providers that the mock is said to speak.
#[test]
fn every_provider_of_the_table_reaches_its_api() {
    let table = include_str!("../../docs/providers/README.md");
    let names: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| [`")?.split('`').next()).collect();
    assert!(names.len() > 35, "{names:?}");
    let script = format!(
        "export default () => {{
  for (const provider of {names:?}) {{
    const r = ai.model({{ provider, model: 'anthropic.claude-haiku-4-5' }}).stream({{ prompt: 'x', maxTokens: 3 }});
    is(provider, [r.ok, r.error, r.usage.outputTokens, r.usage.source], [true, '', 3, 'provider']);
  }}
  end();
}};"
    );
    holds(&script, &["--mock-ttft", "1ms", "--mock-itl", "1ms"]);
}
