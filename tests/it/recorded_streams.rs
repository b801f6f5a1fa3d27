//! Every recorded stream, served by the mock from its own socket in chunks of several kinds, and read by a script: what it sees
//! is what the recording holds.
//!
//! Where a parser differs from an expectation on purpose, the parser's own test (`src/ai/providers/recorded_streams.rs`) gives the
//! reason; the files concerned are listed here too, with the fields.

use serde_json::{Value, json};

use crate::support::{fixtures, run_checked_files};

/// Formats of the recorded streams, the provider that reads each, its model, and the end of its base URL.
const FORMATS: &[(&str, &str, &str, &str)] = &[
    ("anthropic", "anthropic", "m", "/v1"),
    ("bedrock", "bedrock", "m", ""),
    ("bedrock_invoke", "bedrock-invoke", "anthropic.m", ""),
    ("cohere", "cohere", "m", "/v2"),
    ("gemini", "gemini", "m", "/v1beta"),
    ("gemini_array", "gemini", "m", "/v1beta"),
    ("llamacpp_completion", "llamacpp-completion", "m", ""),
    ("ollama", "ollama", "m", ""),
    ("openai_chat", "openai", "m", "/v1"),
    ("openai_completions", "openai-completions", "m", "/v1"),
    ("responses", "openai-responses", "m", "/v1"),
    ("tgi", "tgi", "m", ""),
];

/// Streams whose expectation is not ours, and in what.
const DIFFERENT: &[(&str, &str)] = &[
    ("anthropic-messages/v-spliced-message-start.sse", "tools"),
    ("cerebras-chat/v-tools.sse", "tools"),
    // Three replies in one file: a client has its answer with the first.
    ("openai-responses/v-reasoning-encrypted.sse", "input"),
    ("openai-responses/v-reasoning-encrypted.sse", "text"),
    ("openai-responses/v-reasoning-encrypted.sse", "tools"),
    ("openai-responses/v-reasoning-encrypted.sse", "usage"),
    ("synthetic/anthropic-overloaded-midstream.sse", "usage"),
    ("synthetic/llamacpp-native-completion.sse", "cached"),
    ("tgi-openai/completions-usage.sse", "text"),
    ("together-chat/abridged-reasoning-text.sse", "usage"),
];

/// Finish reasons that stand for a failure.
const FAILURES: &[&str] = &["error", "ERROR", "failed", "abort", "insufficient_system_resource"];

/// How streams are cut; the smallest pieces for the shorter ones.
const CUTS: &[&str] = &["event", "whole", "random:1", "random:2", "SMALL"];
const SHORT: usize = 3000;

/// One stream and what a script is to see of it.
fn wanted(name: &str, format: &str, bytes: usize, expected: &Value) -> Value {
    let (_, provider, model, path) = FORMATS.iter().find(|f| f.0 == format).expect("a provider");
    let finish = expected["finish_reason"].as_str();
    let whole = expected["done_sentinel"] == true || finish.is_some();
    let failed = finish.is_some_and(|word| FAILURES.contains(&word));
    let objects = ["gemini", "gemini_array", "ollama"].contains(&format);
    let tool = |t: &Value| {
        let arguments = t["arguments"].as_str().unwrap_or_default();
        // Those that come as objects are compared as such.
        let arguments = if objects { serde_json::from_str(arguments).unwrap() } else { Value::from(arguments) };
        json!([t["name"], arguments])
    };
    let usage = &expected["usage"];
    json!({
        "file": name, "provider": provider, "model": model, "path": path, "objects": objects,
        "small": if bytes <= SHORT { "1" } else { "29" },
        "ok": expected["error"].is_null() && whole && !failed,
        "text": expected["text"], "reasoning": expected["reasoning"],
        "refusal": expected["refusal"].as_str().unwrap_or_default(),
        "tools": expected["tool_calls"].as_array().unwrap().iter().map(tool).collect::<Vec<_>>(),
        "usage": [usage["input"], usage["output"], usage["cached"], usage["reasoning"]],
        "skip": DIFFERENT.iter().filter(|d| d.0 == name).map(|d| d.1).collect::<Vec<_>>(),
    })
}

const SCRIPT: &str = "import ai from 'inrush/ai';
import { eq, done } from './eq.js';
const wanted = JSON.parse(open('./wanted.json'));
const root = __ENV.INRUSH_BASE_URL.replace(/\\/v1$/, '');
export default () => {
  for (const want of wanted) {
    const llm = ai.model({ provider: want.provider, model: want.model, baseURL: `${root}/replay/${want.file}${want.path}` });
    for (const cut of CUTS) {
      const r = llm.stream('hi', { headers: { 'x-mock-replay-chunks': cut === 'SMALL' ? want.small : cut } });
      const is = (what, got, wish) => want.skip.includes(what) || eq(`${want.file} cut ${cut}: ${what} (${r.error})`, got, wish);
      is('ok', r.ok, want.ok);
      is('text', r.text, want.text);
      is('reasoning', r.reasoning, want.reasoning);
      is('refusal', r.refusal ?? '', want.refusal);
      is('tools', r.toolCalls.map((t) => [t.name, want.objects ? JSON.parse(t.arguments) : t.arguments]), want.tools);
      // Where the provider tells no usage, ours is counted.
      if (want.ok && want.usage[1] !== null) {
        if (want.usage[0] !== null) is('input', r.usage.inputTokens, want.usage[0]);
        is('usage', r.usage.outputTokens, want.usage[1]);
        if (want.usage[2] !== null) is('cached', r.usage.cachedTokens, want.usage[2]);
        if (want.usage[3] !== null) is('reasoned', r.usage.reasoningTokens, want.usage[3]);
      }
    }
  }
  done();
};";

#[test]
fn every_recorded_stream_through_the_mocks_socket() {
    let Some(root) = fixtures("streams") else { return };
    let manifest = std::fs::read_to_string(root.join("MANIFEST.tsv")).expect("a manifest");
    let mut all = Vec::new();
    for fields in manifest.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>()) {
        let file = root.join(fields[0]);
        let bytes = std::fs::metadata(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())).len();
        let expected = std::fs::read(file.with_extension("expected.json")).expect("an expectation");
        let expected: Value = serde_json::from_slice(&expected).expect("JSON");
        all.push(wanted(fields[0], fields[2], bytes as usize, &expected));
    }
    assert!(all.len() > 410, "only {} streams", all.len());
    let streams = all.len() as f64;
    let script = SCRIPT.replace("CUTS", &format!("{CUTS:?}"));
    let files = [("t.js", script.as_str()), ("wanted.json", &Value::from(all).to_string())];
    let ran = run_checked_files(&files, "t.js", &["--mock", "--mock-replay", root.to_str().unwrap()]);
    assert_eq!(ran.metric("ai_requests", "count"), streams * CUTS.len() as f64, "{}", ran.all());
}
