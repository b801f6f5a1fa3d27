//! Every recorded OpenAI-compatible chat stream parses to what its `.expected.json` says, however the bytes are cut.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::ai::answer::Answer;
use crate::ai::event::DeltaKind;
use crate::ai::framing::{Framing, Splitter};
use crate::ai::{fixtures, providers};

/// Where we differ on purpose: file, field, reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("alibaba-chat/v-tool-call.sse", "tool_chunks", EMPTY),
    (
        "cerebras-chat/v-tools.sse",
        "tool_calls",
        "two ids under one index are two calls to us, one call of joined arguments there",
    ),
    ("mistral-chat/paralleltools.sse", "tool_chunks", "two calls in one event are one event to us"),
    ("openrouter-chat/toolnoargs-comments.sse", "tool_chunks", EMPTY),
    ("openrouter-chat/tools-comments.sse", "tool_chunks", EMPTY),
    (
        "synthetic/oai-truncated-no-done.sse",
        "error",
        "a fragment cut off by the end of the stream is no error object to us",
    ),
    ("synthetic/oai-truncated-no-done.sse", "events", "nor is it an event"),
    ("together-chat/abridged-reasoning-text.sse", "usage", "we also read a top-level `cached_tokens`"),
    ("venice-chat/tools.sse", "tool_chunks", EMPTY),
];
const EMPTY: &str = "a fragment without name and arguments is no output to us";

struct Parsed {
    answer: Answer,
    comments: u64,
    malformed: Option<String>,
}

fn parse(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Parsed {
    let provider = providers::by_name("openai").expect("a provider");
    let (mut splitter, mut answer, mut malformed) = (Splitter::new(Framing::Sse), Answer::default(), None);
    let now = Instant::now();
    for piece in pieces {
        splitter
            .feed(piece.as_ref(), now, |frame| match (provider.on_event)(&frame, &mut answer) {
                Ok(()) => {
                    answer.end_event(now);
                }
                Err(e) => malformed = Some(e.to_string()),
            })
            .expect("within limits");
    }
    let comments = splitter.comments();
    splitter.finish(now, |frame| {
        if (provider.on_event)(&frame, &mut answer).is_ok() {
            answer.end_event(now);
        }
    });
    Parsed { answer, comments, malformed }
}

/// The same fields as in the expectation, from what we parsed.
fn describe(p: &Parsed) -> Value {
    let a = &p.answer;
    let none = crate::ai::answer::Choice::default();
    let first = a.choices.first().unwrap_or(&none);
    let with = |kinds: &[DeltaKind]| {
        (0..a.arrivals.len()).filter(|n| a.parts_of(*n).iter().any(|part| kinds.contains(&part.kind))).count()
    };
    let first_of = |wanted: &dyn Fn(DeltaKind) -> bool| {
        (0..a.arrivals.len()).find(|n| a.parts_of(*n).iter().any(|part| wanted(part.kind))).map(|n| a.arrivals[n].event)
    };
    let usage = a.usage.unwrap_or_default();
    serde_json::json!({
        "text": first.text,
        "reasoning": first.reasoning,
        "tool_calls": first.tool_calls.iter().map(|c| serde_json::json!({"name": c.name, "arguments": c.arguments, "id": c.id})).collect::<Vec<_>>(),
        "finish_reason": first.finish_reason,
        "usage": {"input": usage.input, "output": usage.output, "reasoning": usage.reasoning, "cached": usage.cached},
        "content_chunks": with(&[DeltaKind::Text]),
        "reasoning_chunks": with(&[DeltaKind::Reasoning]),
        "tool_chunks": with(&[DeltaKind::ToolCall]),
        "events": a.events,
        "first_content_event": first_of(&|_| true),
        "first_text_event": first_of(&|kind| kind == DeltaKind::Text),
        "done_sentinel": a.done,
        "comments": p.comments,
        "refusal": if first.refusal.is_empty() { None } else { Some(&first.refusal) },
        "error": a.error.as_deref().map(|raw| serde_json::from_str::<Value>(raw).expect("a JSON error")),
        "model": a.model,
        "usage_raw": a.usage_raw.as_deref().map(|raw| serde_json::from_str::<Value>(raw).expect("a JSON usage")),
    })
}

fn choices(a: &Answer) -> Value {
    let all = a.choices.iter().enumerate();
    all.map(|(i, c)| serde_json::json!({"index": i, "text": c.text, "finish_reason": c.finish_reason})).collect()
}

fn streams(root: &Path) -> Vec<(String, PathBuf)> {
    let manifest = std::fs::read_to_string(root.join("MANIFEST.tsv")).expect("a manifest");
    let rows = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|f| f.len() > 2 && f[2] == "openai_chat").map(|f| (f[0].to_owned(), root.join(f[0]))).collect()
}

#[test]
fn recorded_streams_parse_as_expected() {
    let Some(root) = fixtures::folder("streams") else { return };
    let mut wrong = Vec::new();
    let files = streams(&root);
    assert!(files.len() > 150, "only {} streams", files.len());
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    for (name, path) in &files {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected: Value =
            serde_json::from_slice(&std::fs::read(path.with_extension("expected.json")).expect("an expectation"))
                .unwrap();
        let whole = parse(std::iter::once(&bytes));
        let got = describe(&whole);
        if let Some(e) = &whole.malformed {
            wrong.push(format!("{name}: malformed: {e}"));
        }
        for (field, value) in got.as_object().unwrap() {
            let same = match field.as_str() {
                // The expectation lists more usage fields than we name.
                "usage" => value
                    .as_object()
                    .unwrap()
                    .iter()
                    .all(|(k, v)| expected["usage"].get(k).unwrap_or(&Value::Null) == v),
                _ => expected.get(field).unwrap_or(&Value::Null) == value,
            };
            let excused = DIFFERENCES.iter().any(|d| d.0 == name && d.1 == field);
            if same == excused {
                wrong.push(format!(
                    "{name}: {field}: expected {}, got {value} (excused: {excused})",
                    expected[field.as_str()]
                ));
            }
        }
        if let Some(all) = expected.get("choices")
            && *all != choices(&whole.answer)
        {
            wrong.push(format!("{name}: choices: expected {all}, got {}", choices(&whole.answer)));
        }
        // However the bytes are cut, the answer is the same.
        let mut cuts = vec![("byte by byte", describe(&parse(bytes.chunks(1))))];
        for _ in 0..3 {
            let mut rest = bytes.as_slice();
            let pieces = std::iter::from_fn(|| {
                let cut = rest.len().min(rng.random_range(1..4000));
                let (piece, after) = rest.split_at(cut);
                rest = after;
                (!piece.is_empty()).then_some(piece)
            });
            cuts.push(("at random", describe(&parse(pieces))));
        }
        for (how, other) in cuts.into_iter().filter(|(_, other)| *other != got) {
            wrong.push(format!("{name}: cut {how}: {other} instead of {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}
