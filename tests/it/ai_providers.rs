//! Providers over a real socket: recorded streams of each dialect in odd pieces, the requests they are asked with, errors and limits.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::replay_server::{ReplayServer, Reply};
use crate::support::{Ran, fixtures, run_script};

/// Runs a script in which `replies` (one model spec per reply) and `is` are defined.
#[track_caller]
fn run(server: &ReplayServer, specs: &[Value], body: &str) -> Ran {
    let script = format!(
        "import ai from 'inrush/ai';
import {{ check }} from 'k6';
const specs = {};
const is = (name, got, want) => check(null, {{ [`${{name}} is ${{JSON.stringify(got)}}, expected ${{JSON.stringify(want)}}`]: () => JSON.stringify(got) === JSON.stringify(want) }});
const models = specs.map((s, i) => ai.model({{ ...s, model: 'm', apiKey: 'secret-key', baseURL: `{}/${{i}}${{s.path ?? '/v1'}}`, path: undefined }}));
{body}",
        Value::from(specs.to_vec()),
        server.base,
    );
    let ran = run_script(&script, &[]).says(&["reached the end"]);
    assert!(!ran.stdout.contains('✗'), "{}", ran.all());
    assert!(!ran.all().contains("secret-key"), "{}", ran.all());
    ran
}

/// Provider, recorded stream, path of the base URL, target, header that carries the key.
const REPLAYED: &[(&str, &str, &str, &str, &str)] = &[
    ("openai", "openai-chat/text.sse", "/v1", "/v1/chat/completions", "authorization"),
    ("openai", "synthetic/oai-bom-comments-id-retry.sse", "/v1", "/v1/chat/completions", "authorization"),
    ("openai", "synthetic/oai-crlf.sse", "/v1", "/v1/chat/completions", "authorization"),
    ("openai-completions", "openai-completions/text-nousage-emoji.sse", "/v1", "/v1/completions", "authorization"),
    ("openai-responses", "openai-responses/tools-text-utf8.sse", "/v1", "/v1/responses", "authorization"),
    ("azure-openai", "azure-chat/tools.sse", "/openai", "/openai/v1/chat/completions", "api-key"),
    ("anthropic", "anthropic-messages/reasoning-text.sse", "/v1", "/v1/messages", "x-api-key"),
    ("anthropic", "anthropic-messages/toolsearch-tools-text.sse", "/v1", "/v1/messages", "x-api-key"),
    ("groq", "groq-chat/reasoning-text.sse", "/v1", "/v1/chat/completions", "authorization"),
    ("deepseek", "deepseek-chat/reasoning-text-cached-emoji.sse", "/v1", "/v1/chat/completions", "authorization"),
    ("openrouter", "openrouter-chat/tools-comments.sse", "/v1", "/v1/chat/completions", "authorization"),
    ("mistral", "mistral-chat/paralleltools.sse", "/v1", "/v1/chat/completions", "authorization"),
    ("perplexity", "perplexity-chat/text.sse", "", "/chat/completions", "authorization"),
    (
        "gemini",
        "gemini-sse/text-utf8.sse",
        "/v1beta",
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        "x-goog-api-key",
    ),
    (
        "gemini",
        "gemini-jsonarray/text.json",
        "/v1beta",
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        "x-goog-api-key",
    ),
    ("bedrock", "bedrock-converse/reasoning-text-utf8.bin", "", "/model/m/converse-stream", "authorization"),
    ("bedrock", "bedrock-converse/tools.bin", "", "/model/m/converse-stream", "authorization"),
    ("cohere", "cohere-v2/reasoning-paralleltools.sse", "/v2", "/v2/chat", "authorization"),
    ("ollama", "ollama-native/reasoning-text-utf8.ndjson", "", "/api/chat", "authorization"),
    ("tgi", "tgi-generate/nospace-bloom-560m.sse", "", "/generate_stream", "authorization"),
];

/// The media type a recorded stream has by its ending.
fn media_type(file: &std::path::Path) -> &'static str {
    match file.extension().and_then(|e| e.to_str()) {
        Some("bin") => "application/vnd.amazon.eventstream",
        Some("ndjson") => "application/x-ndjson",
        Some("json") => "application/json; charset=UTF-8",
        _ => "text/event-stream; charset=utf-8",
    }
}

#[test]
fn recorded_streams_of_each_dialect() {
    let Some(root) = fixtures("streams") else { return };
    let mut expected = Vec::new();
    let mut replies = Vec::new();
    let mut specs = Vec::new();
    for (provider, file, path, ..) in REPLAYED {
        let file = root.join(file);
        let read = |path: PathBuf| std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        expected.push(serde_json::from_slice::<Value>(&read(file.with_extension("expected.json"))).unwrap());
        replies.push(Reply::ok(media_type(&file), read(file)));
        specs.push(json!({"provider": provider, "path": path}));
    }
    let server = ReplayServer::start(replies);
    let wanted: Vec<Value> = expected
        .iter()
        .map(|e| json!([e["text"], e["reasoning"], e["tool_calls"], e["usage"]["input"], e["usage"]["output"]]))
        .collect();
    let body = format!(
        "const wanted = {};
export default () => {{
  models.forEach((m, i) => {{
    const r = m.stream({{ prompt: 'hi', maxTokens: 50 }});
    const [text, reasoning, tools, input, output] = wanted[i];
    const name = `${{i}} ${{m.provider}}`;
    is(name + ' ok', [r.ok, r.status, r.error], [true, 200, '']);
    is(name + ' text', r.text, text);
    is(name + ' reasoning', r.reasoning, reasoning);
    is(name + ' tools', r.toolCalls.map((t) => [t.name, t.arguments, t.id]), tools.map((t) => [t.name, t.arguments, t.id]));
    if (output !== null) is(name + ' usage', [r.usage.inputTokens, r.usage.outputTokens, r.usage.source], [input, output, 'provider']);
    is(name + ' finish', ['stop', 'tool_calls', 'length'].includes(r.finishReason) && (r.finishReason === 'tool_calls') === (tools.length > 0), true);
    is(name + ' ttft', r.ttft > 0 && r.e2e >= r.ttft && r.chunks > 0, true);
  }});
  console.log('reached the end');
}};",
        Value::from(wanted)
    );
    run(&server, &specs, &body);
    for (number, (provider, _, _, target, key_header)) in REPLAYED.iter().enumerate() {
        let asked = server.asked(number);
        assert_eq!(asked.target, *target, "{provider}");
        let key = asked.header(key_header).unwrap_or_else(|| panic!("{provider}: no key in {key_header}"));
        assert_eq!(key.trim_start_matches("Bearer "), "secret-key", "{provider}");
        // The others say it in the path.
        if !["gemini", "bedrock", "tgi"].contains(provider) {
            assert_eq!(asked.body["stream"], true, "{provider}");
        }
    }
    assert_eq!(server.asked(6).header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(server.asked(0).body["stream_options"], json!({"include_usage": true}));
}

#[test]
fn errors_limits_and_cut_streams() {
    let event = |json: &str| format!("data: {json}\n\n");
    let start =
        event(r#"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":5,"output_tokens":1}}}"#)
            + &event(r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let refused = |status: u16, headers: &[(&str, &str)], body: Value| Reply {
        status,
        headers: headers
            .iter()
            .map(|(n, v)| header(n, v))
            .chain([header("content-type", "application/json")])
            .collect(),
        body: body.to_string().into_bytes(),
        cut: false,
    };
    let overloaded =
        start.clone() + &event(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#);
    let replies = vec![
        Reply::ok("text/event-stream", overloaded),
        Reply { cut: true, ..Reply::ok("text/event-stream", start) },
        refused(
            429,
            &[
                ("retry-after", "7"),
                ("anthropic-ratelimit-input-tokens-limit", "100"),
                ("anthropic-ratelimit-input-tokens-remaining", "0"),
                ("anthropic-ratelimit-requests-remaining", "9"),
            ],
            json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}),
        ),
        refused(
            400,
            &[],
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}),
        ),
        refused(
            401,
            &[],
            json!({"error": {"message": "Incorrect API key provided: secret-key", "code": "invalid_api_key"}}),
        ),
        Reply::ok(
            "application/json",
            r#"{"type":"message","model":"m","content":[{"type":"text","text":"whole"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#,
        ),
    ];
    let server = ReplayServer::start(replies);
    let mut specs = vec![json!({"provider": "anthropic"}); 6];
    specs[4] = json!({"provider": "openai-responses"});
    let ran = run(
        &server,
        &specs,
        "export default () => {
  const [overloaded, cut, limited, broke, unknown, whole] = models.map((m, i) => (i === 5 ? m.complete('hi') : m.stream('hi')));
  is('an error inside a stream', [overloaded.errorKind, overloaded.status, overloaded.text], ['overloaded', 200, 'Hi']);
  is('a cut stream', [cut.errorKind, cut.text, cut.usage.outputTokens > 0], ['interrupted', 'Hi', true]);
  is('limited', [limited.errorKind, limited.rateLimit.retryAfterMs, limited.rateLimit.requests.remaining, limited.rateLimit.tokens.remaining, limited.rateLimit.inputTokens.limit],
    ['rate_limited', 7000, 9, 0, 100]);
  is('broke', broke.errorKind, 'quota_exhausted');
  is('unknown', [unknown.errorKind, unknown.errorCode], ['auth', 'invalid_api_key']);
  is('masked', unknown.error.includes('***'), true);
  is('whole', [whole.ok, whole.text, whole.finishReason, whole.usage.outputTokens], [true, 'whole', 'stop', 2]);
  console.log('reached the end');
};",
    );
    assert_eq!(ran.metric("ai_ratelimit_remaining_requests", "value"), 9.0);
    assert_eq!(ran.metric("ai_ratelimit_remaining_tokens", "value"), 0.0);
}

#[test]
fn what_an_api_cannot_do_is_said_before_anything_is_sent() {
    let ran = run_script(
        "import ai from 'inrush/ai';
const thrown = (f) => { try { f(); return 'nothing'; } catch (e) { return String(e); } };
export default () => {
  const llm = ai.model({ provider: 'anthropic', model: 'm', baseURL: 'http://127.0.0.1:1' });
  console.log(thrown(() => llm.stream({ prompt: 'x', seed: 1, minTokens: 2 })));
  console.log(thrown(() => ai.model({ provider: 'openai-completions', model: 'm', baseURL: 'http://127.0.0.1:1' }).stream({ prompt: 'x', tools: [{ name: 'f' }] })));
  console.log(thrown(() => ai.model({ provider: 'groqq', model: 'm' })));
  console.log(thrown(() => ai.model({ provider: 'azure-openai', model: 'm' })));
  console.log(thrown(() => ai.model({ provider: 'groq', api: 'embeddings', model: 'm' })));
};",
        &[],
    );
    ran.says(&[
        "request.minTokens: Anthropic's API does not offer it",
        "request.seed: Anthropic's API does not offer it",
        "request.tools: the API of provider 'openai-completions' has no tools",
        "did you mean 'groq'?",
        "model.resource: missing",
        "provider 'groq' has no API 'embeddings'",
    ]);
}

/// Vectors and rankings of several providers: what is asked, what is read, how it is tagged.
#[test]
fn embeddings_and_rankings() {
    let json_reply = |body: Value| Reply::ok("application/json", body.to_string());
    let replies = vec![
        json_reply(
            json!({"data": [{"index": 0, "embedding": [0.5, 1]}, {"index": 1, "embedding": [2, 3]}], "model": "m-1", "usage": {"prompt_tokens": 4, "total_tokens": 4}}),
        ),
        json_reply(json!({"embeddings": {"float": [[0.5, 1]]}, "meta": {"billed_units": {"input_tokens": 2}}})),
        json_reply(json!({"embeddings": [[0.5, 1]], "prompt_eval_count": 3})),
        json_reply(
            json!({"results": [{"index": 0, "relevance_score": 0.25}, {"index": 1, "relevance_score": 0.75}], "meta": {"billed_units": {"search_units": 1}}}),
        ),
        Reply { status: 404, ..json_reply(json!({"error": {"message": "no such model"}})) },
    ];
    let specs = [("openai", "/v1"), ("cohere", "/v2"), ("ollama", ""), ("cohere", "/v2"), ("openai", "/v1")]
        .map(|(provider, path)| json!({"provider": provider, "path": path}));
    let server = ReplayServer::start(replies);
    run(
        &server,
        &specs,
        "export default async () => {
  const [openai, cohere, ollama, ranker, missing] = models;
  const a = openai.embed({ input: ['x', 'y'], dimensions: 2 });
  is('openai', [a.ok, a.embeddings, a.usage.inputTokens, a.usage.outputTokens, a.model, a.ttft, a.e2e > 0], [true, [[0.5, 1], [2, 3]], 4, 0, 'm-1', null, true]);
  const b = await cohere.embedAsync('x');
  is('cohere', [b.embeddings, b.usage.inputTokens, b.ranking], [[[0.5, 1]], 2, null]);
  is('ollama', ollama.embed(['x']).usage.inputTokens, 3);
  const r = ranker.rerank({ query: 'q', documents: ['a', 'b'], topN: 2 });
  is('rank', r.ranking, [{ index: 1, score: 0.75 }, { index: 0, score: 0.25 }]);
  is('error', [missing.embed('x').errorKind], ['not_found']);
  let refused = '';
  try { ollama.rerank({ query: 'q', documents: ['a'] }); } catch (e) { refused = e.message; }
  is('refused', refused.includes('offers no ranking of documents'), true);
  console.log('reached the end');
};",
    );
    assert_eq!(server.asked(0).target, "/v1/embeddings");
    assert_eq!(server.asked(0).body, json!({"model": "m", "input": ["x", "y"], "dimensions": 2}));
    assert_eq!((server.asked(1).target.as_str(), server.asked(2).target.as_str()), ("/v2/embed", "/api/embed"));
    assert_eq!(server.asked(3).body, json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 2}));
}
