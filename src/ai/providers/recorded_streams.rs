//! Every recorded stream parses to what its `.expected.json` says, however the bytes are cut.

use std::path::Path;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::ai::answer::Answer;
use crate::ai::event::DeltaKind;
use crate::ai::framing::{Frame, Framing, Splitter};
use crate::ai::{fixtures, providers};

/// The provider whose parser reads a format of the manifest.
const FORMATS: &[(&str, &str)] = &[
    ("anthropic", "anthropic"),
    ("bedrock", "bedrock"),
    ("bedrock_invoke", "bedrock-invoke"),
    ("cohere", "cohere"),
    ("gemini", "gemini"),
    ("gemini_array", "gemini"),
    ("llamacpp_completion", "llamacpp-completion"),
    ("ollama", "ollama"),
    ("openai_chat", "openai"),
    ("openai_completions", "openai-completions"),
    ("responses", "openai-responses"),
    ("tgi", "tgi"),
];

/// Where we differ on purpose: file, field, reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("alibaba-chat/v-tool-call.sse", "tool_chunks", EMPTY),
    (
        "anthropic-messages/v-spliced-message-start.sse",
        "tool_calls",
        "two ids under one index are two calls to us, the first of them broken off",
    ),
    (
        "cerebras-chat/v-tools.sse",
        "tool_calls",
        "two ids under one index are two calls to us, one call of joined arguments there",
    ),
    ("mistral-chat/paralleltools.sse", "tool_chunks", "two calls in one event are one event to us"),
    ("openrouter-chat/toolnoargs-comments.sse", "tool_chunks", EMPTY),
    ("openrouter-chat/tools-comments.sse", "tool_chunks", EMPTY),
    (
        "openai-responses/v-reasoning-encrypted.sse",
        "tool_calls",
        "three replies in one file, with indices of their own",
    ),
    (
        "synthetic/anthropic-overloaded-midstream.sse",
        "usage",
        "the output count of the first event is a placeholder, which we do not believe",
    ),
    ("synthetic/llamacpp-native-completion.sse", "model", "the last event tells it, and we keep it"),
    (
        "synthetic/llamacpp-native-completion.sse",
        "usage",
        "`tokens_cached` is what the slot holds at the end, and no part of the prompt",
    ),
    (
        "synthetic/oai-truncated-no-done.sse",
        "error",
        "a fragment cut off by the end of the stream is no error object to us",
    ),
    ("synthetic/oai-truncated-no-done.sse", "events", "nor is it an event"),
    ("tgi-openai/completions-usage.sse", "content_chunks", CHAT),
    ("tgi-openai/completions-usage.sse", "first_content_event", CHAT),
    ("tgi-openai/completions-usage.sse", "first_text_event", CHAT),
    ("tgi-openai/completions-usage.sse", "text", CHAT),
    ("together-chat/abridged-reasoning-text.sse", "usage", "we also read a top-level `cached_tokens`"),
    ("venice-chat/tools.sse", "tool_chunks", EMPTY),
];
const CHAT: &str = "filed as completions, but its chunks are those of chat, which the same parser reads";
/// Formats whose tool calls come as objects.
const OBJECTS: &[&str] = &["gemini", "gemini_array", "ollama"];
const EMPTY: &str = "a fragment without name and arguments is no output to us";

/// Streams that show nothing about a parser, each with its reason.
const UNFIT: &[(&str, &str)] = &[];

struct Stream {
    name: String,
    format: String,
    provider: &'static providers::ProviderDef,
    framing: Framing,
    bytes: Vec<u8>,
    expected: Value,
}

struct Parsed {
    answer: Answer,
    comments: u64,
    malformed: Option<String>,
}

impl Stream {
    fn load(root: &Path, name: &str, format: &str, provider: &str) -> Self {
        let path = root.join(name);
        let provider = providers::by_name(provider).unwrap_or_else(|| panic!("no provider {provider}"));
        let content_type = match path.extension().and_then(|e| e.to_str()) {
            Some("sse") => "text/event-stream",
            Some("ndjson") => "application/x-ndjson",
            Some("json") => "application/json",
            Some("bin") => "application/vnd.amazon.eventstream",
            other => panic!("{name}: unknown kind of file {other:?}"),
        };
        let read = |path: &Path| std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self {
            name: name.to_owned(),
            format: format.to_owned(),
            provider,
            framing: (provider.framing)(Some(content_type)).unwrap_or_else(|| panic!("{name}: not a stream")),
            bytes: read(&path),
            expected: serde_json::from_slice(&read(&path.with_extension("expected.json"))).expect("an expectation"),
        }
    }

    fn parse(&self, pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Parsed {
        let (mut splitter, mut answer, mut malformed) = (Splitter::new(self.framing), Answer::default(), None);
        let now = Instant::now();
        for piece in pieces {
            splitter
                .feed(piece.as_ref(), now, |frame| match (self.provider.on_event)(&frame, &mut answer) {
                    Ok(()) => {
                        answer.end_event(now);
                    }
                    Err(e) => malformed = Some(e.to_string()),
                })
                .unwrap_or_else(|e| panic!("{}: {e}", self.name));
        }
        let comments = splitter.comments();
        splitter.finish(now, |frame| {
            if (self.provider.on_event)(&frame, &mut answer).is_ok() {
                answer.end_event(now);
            }
        });
        Parsed { answer, comments, malformed }
    }

    /// The same fields as in the expectation, from what we parsed.
    fn describe(&self, p: &Parsed) -> Value {
        let a = &p.answer;
        let none = crate::ai::answer::Choice::default();
        let first = a.choices.first().unwrap_or(&none);
        let with = |wanted: DeltaKind| {
            (0..a.arrivals.len()).filter(|n| a.parts_of(*n).iter().any(|part| part.kind == wanted)).count()
        };
        let first_of = |wanted: &dyn Fn(DeltaKind) -> bool| {
            let event = (0..a.arrivals.len()).find(|n| a.parts_of(*n).iter().any(|part| wanted(part.kind)));
            event.map(|n| a.arrivals[n].event)
        };
        // A call may begin with an event of its own, which not all expectations count.
        let begins = |n: &usize| {
            !["bedrock_invoke", "cohere", "openai_chat"].contains(&self.format.as_str())
                && a.deltas_of(*n).iter().all(|d| first.tool_calls.iter().any(|call| call.name == d.text))
        };
        let usage = a.usage.unwrap_or_default();
        let json = |raw: &str| serde_json::from_str::<Value>(raw).unwrap_or_else(|_| raw.into());
        serde_json::json!({
            "text": first.text,
            "reasoning": first.reasoning,
            "tool_calls": first.tool_calls.iter()
                .map(|c| serde_json::json!({"name": c.name, "arguments": c.arguments, "id": c.id})).collect::<Vec<_>>(),
            "finish_reason": first.finish_reason,
            "usage": {"input": usage.input, "output": usage.output, "reasoning": usage.reasoning, "cached": usage.cached},
            "content_chunks": with(DeltaKind::Text),
            "reasoning_chunks": with(DeltaKind::Reasoning),
            "tool_chunks": with(DeltaKind::ToolCall) - (0..a.arrivals.len()).filter(begins).count(),
            "events": a.events,
            "first_content_event": first_of(&|_| true),
            "first_text_event": first_of(&|kind| kind == DeltaKind::Text),
            "done_sentinel": a.done,
            "comments": p.comments,
            "refusal": if first.refusal.is_empty() { None } else { Some(&first.refusal) },
            "error": a.error.as_deref().map(json),
            "model": a.model,
            "usage_raw": a.usage_raw.as_deref().map(json),
        })
    }

    /// What differs from the expectation.
    fn differences(&self, got: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        for (field, value) in got.as_object().unwrap() {
            let expected = self.expected.get(field).unwrap_or(&Value::Null);
            let same = match field.as_str() {
                // The expectation lists more usage fields than we name.
                "usage" => value.as_object().unwrap().iter().all(|(k, v)| expected.get(k).unwrap_or(&Value::Null) == v),
                // The event that ends a response ends it for us; the expectation means `[DONE]`.
                "done_sentinel" if self.format == "responses" => true,
                // Anthropic's terminator inside InvokeModel's frames is one to us.
                "done_sentinel" if self.format == "bedrock_invoke" => true,
                // What Anthropic's models on InvokeModel call themselves is kept by us.
                "model" if self.format == "bedrock_invoke" => true,
                // The expectation joins the metrics to the usage; ours are in the server's timings.
                "usage_raw" if self.format == "bedrock" => {
                    let mut expected = expected.clone();
                    if let Some(map) = expected.as_object_mut() {
                        map.remove("metrics");
                    }
                    expected == *value
                }
                // Arguments that come as an object are kept as JSON without spaces, and some have no id.
                "tool_calls" if OBJECTS.contains(&self.format.as_str()) => same_calls(expected, value),
                // An error is told twice there, first with its type.
                "error" if self.format == "responses" => value.get("message") == expected.get("message"),
                _ => expected == value,
            };
            let excused = DIFFERENCES.iter().any(|d| d.0 == self.name && d.1 == field);
            if same == excused {
                wrong.push(format!("{}: {field}: expected {expected}, got {value} (excused: {excused})", self.name));
            }
        }
        wrong
    }
}

fn same_calls(expected: &Value, got: &Value) -> bool {
    let calls = |v: &Value| -> Vec<(Value, Value)> {
        let json = |v: &Value| serde_json::from_str::<Value>(v.as_str().unwrap_or_default()).unwrap_or_default();
        v.as_array().into_iter().flatten().map(|c| (c["name"].clone(), json(&c["arguments"]))).collect()
    };
    calls(expected) == calls(got)
}

fn streams() -> Option<Vec<Stream>> {
    let root = fixtures::folder("streams")?;
    let manifest = std::fs::read_to_string(root.join("MANIFEST.tsv")).expect("a manifest");
    let rows = manifest.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let streams = rows.filter_map(|f| {
        if UNFIT.iter().any(|(name, _)| *name == f[0]) {
            return None;
        }
        let found = FORMATS.iter().find(|(format, _)| *format == f[2]);
        let (format, provider) = found.unwrap_or_else(|| panic!("{}: nobody reads the format {}", f[0], f[2]));
        Some(Stream::load(&root, f[0], format, provider))
    });
    Some(streams.collect())
}

fn choices(a: &Answer) -> Value {
    let all = a.choices.iter().enumerate();
    all.map(|(i, c)| serde_json::json!({"index": i, "text": c.text, "finish_reason": c.finish_reason})).collect()
}

#[test]
fn recorded_streams_parse_as_expected() {
    let Some(streams) = streams() else { return };
    assert!(streams.len() > 400, "only {} streams", streams.len());
    let mut wrong = Vec::new();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    for stream in &streams {
        let whole = stream.parse(std::iter::once(&stream.bytes));
        let got = stream.describe(&whole);
        wrong.extend(whole.malformed.iter().map(|e| format!("{}: malformed: {e}", stream.name)));
        wrong.extend(stream.differences(&got));
        if let Some(all) = stream.expected.get("choices")
            && *all != choices(&whole.answer)
        {
            wrong.push(format!("{}: choices: expected {all}, got {}", stream.name, choices(&whole.answer)));
        }
        // However the bytes are cut, the answer is the same.
        let mut cuts = vec![("byte by byte", stream.describe(&stream.parse(stream.bytes.chunks(1))))];
        for _ in 0..3 {
            let mut rest = stream.bytes.as_slice();
            let pieces = std::iter::from_fn(|| {
                let cut = rest.len().min(rng.random_range(1..4000));
                let (piece, after) = rest.split_at(cut);
                rest = after;
                (!piece.is_empty()).then_some(piece)
            });
            cuts.push(("at random", stream.describe(&stream.parse(pieces))));
        }
        for (how, other) in cuts.into_iter().filter(|(_, other)| *other != got) {
            wrong.push(format!("{}: cut {how}: {other} instead of {got}", stream.name));
        }
    }
    assert!(wrong.is_empty(), "{} differences in {} streams:\n{}", wrong.len(), streams.len(), wrong.join("\n"));
}

type Events = Vec<(Vec<u8>, Vec<u8>)>;

fn events(framing: Framing, pieces: [&[u8]; 2]) -> Events {
    let (mut splitter, mut out, now) = (Splitter::new(framing), Events::new(), Instant::now());
    let mut take = |f: Frame<'_>| out.push((f.name.to_vec(), f.data.to_vec()));
    for piece in pieces {
        splitter.feed(piece, now, &mut take).expect("a sound stream");
    }
    splitter.finish(now, &mut take);
    out
}

/// Where events end. Between events a splitter remembers nothing but that the stream has begun.
fn ends(framing: Framing, bytes: &[u8]) -> Vec<usize> {
    let (mut splitter, now, mut ends) = (Splitter::new(framing), Instant::now(), vec![0]);
    for (at, byte) in bytes.iter().enumerate() {
        splitter.feed(std::slice::from_ref(byte), now, |_| ends.push(at + 1)).expect("a sound stream");
    }
    ends.push(bytes.len());
    ends.dedup();
    ends
}

/// Every stream, cut in two at every byte. What an event means does not depend on where it was cut, so the events are
/// compared, in a window around the cut: the event that is cut and the next.
#[test]
fn a_cut_at_any_byte_changes_no_event() {
    /// Events of a stream that are cut everywhere; of the others every seventh byte is taken.
    const EVERYWHERE: usize = 40;
    let Some(streams) = streams() else { return };
    let mut cuts = 0_u64;
    for stream in &streams {
        let ends = match stream.framing {
            Framing::JsonArray => vec![0, stream.bytes.len()],
            _ => ends(stream.framing, &stream.bytes),
        };
        for (n, pair) in ends.windows(2).enumerate() {
            let window = &stream.bytes[pair[0]..*ends.get(n + 2).unwrap_or(&pair[1])];
            let whole = events(stream.framing, [window, b""]);
            let long = pair[1] - pair[0] > 4096;
            let everywhere = (n < EVERYWHERE || n + 8 > ends.len()) && !long;
            for cut in (0..=pair[1] - pair[0]).filter(|at| everywhere || at % 7 == n % 7 || *at < 64) {
                if long && cut % 97 != 0 && cut > 256 {
                    continue;
                }
                let (a, b) = window.split_at(cut);
                let got = events(stream.framing, [a, b]);
                assert!(got == whole, "{}: event {n} cut at byte {} gives other events", stream.name, pair[0] + cut);
                cuts += 1;
            }
        }
    }
    assert!(cuts > 100_000, "only {cuts} cuts");
}
