//! The hot paths one by one: `cargo bench --bench micro`. What the network thread does per event, what a VU does per request, what the
//! aggregator does per sample. The limits they must keep together are measured from outside, by `e2e`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use inrush::ai::answer::Answer;
use inrush::ai::event::DeltaKind;
use inrush::ai::framing::{Framing, Splitter};
use inrush::ai::providers::by_name;
use inrush::ai::timeline::{ContentEvent, Facts, Points, Timeline};
use inrush::ai::tokens;
use inrush::data::text::Prose;
use inrush::data::{Dataset, Synthetic, dataset, synthetic};
use inrush::metrics::collector::Collector;
use inrush::metrics::histogram::Distribution;
use inrush::metrics::{Builtin, Registry, SampleBatch, Tags, Thresholds, ValueKind};
use inrush::net::sse::Parser;
use inrush::options::Stripe;

fn main() {
    divan::main();
}

/// Events of a stream of one token each, as OpenAI-compatible servers send them.
const EVENT: &str = "data: {\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\
\"model\":\"mock\",\"system_fingerprint\":null,\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\
\"finish_reason\":null}]}\n\n";

/// Tokens of the calls below.
const TOKENS: usize = 200;

/// One event per chunk, as they arrive from a server that is not in a hurry: framing only.
#[divan::bench]
fn sse_event(bencher: Bencher<'_, '_>) {
    let mut parser = Parser::new();
    let at = Instant::now();
    bencher.bench_local(|| parser.feed(black_box(EVENT.as_bytes()), at, |event| _ = black_box(event)));
}

/// Framing, the provider's JSON, and the answer that is put together: all that an event costs beside the socket.
#[divan::bench]
fn sse_event_to_answer(bencher: Bencher<'_, '_>) {
    let provider = by_name("openai").expect("a provider");
    bencher
        .counter(ItemsCount::new(TOKENS))
        .with_inputs(|| (Splitter::new(Framing::Sse), Answer::default()))
        .bench_local_values(|(mut parser, mut answer)| {
            for _ in 0..TOKENS {
                let at = Instant::now();
                let fed = parser.feed(EVENT.as_bytes(), at, |event| {
                    let parsed = (provider.on_event)(&event, &mut answer);
                    assert!(parsed.is_ok());
                    answer.end_event(event.at);
                });
                assert!(fed.is_ok());
            }
            answer
        });
}

/// The least a reader of that JSON can do: find the text without parsing.
#[divan::bench]
fn baseline_find_content() -> Option<usize> {
    memchr::memmem::find(black_box(EVENT.as_bytes()), b"\"content\":\"")
}

/// What parsing it into a tree would cost.
#[divan::bench]
fn baseline_json_tree() -> serde_json::Value {
    serde_json::from_str(black_box(&EVENT[6..])).expect("the event is JSON")
}

/// The clock, read once per socket read.
#[divan::bench]
fn baseline_clock() -> Instant {
    Instant::now()
}

/// Putting text together, one token at a time.
#[divan::bench]
fn answer_push(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(TOKENS)).with_inputs(Answer::default).bench_local_values(|mut answer| {
        for _ in 0..TOKENS {
            answer.push(0, DeltaKind::Text, " token");
            answer.end_event(Instant::now());
        }
        answer
    });
}

/// The figures of one call of 200 tokens.
#[divan::bench]
fn timeline(bencher: Bencher<'_, '_>) {
    let start = Instant::now();
    let event = |n: usize| ContentEvent {
        at: start + Duration::from_millis(200 + 20 * n as u64),
        visible: true,
        tokens: Some(1),
    };
    let events: Vec<ContentEvent> = (0..TOKENS).map(event).collect();
    let points = Points {
        intended: Some(start),
        start,
        connected: Some(start),
        sent: Some(start),
        headers: Some(start),
        end: events[TOKENS - 1].at,
    };
    let facts = Facts {
        stream: true,
        complete: true,
        streamed_tokens: Some(TOKENS as u64),
        stall_threshold: Duration::from_secs(1),
    };
    bencher.counter(ItemsCount::new(TOKENS)).bench_local(|| Timeline::new(&points, black_box(&events), &facts));
}

fn base_tags() -> Tags {
    Tags::from_pairs([("group", ""), ("scenario", "default")])
}

const REQUEST_TAGS: [(&str, &str); 6] = [
    ("expected_response", "true"),
    ("method", "GET"),
    ("name", "http://127.0.0.1:8080/health"),
    ("proto", "HTTP/1.1"),
    ("status", "200"),
    ("url", "http://127.0.0.1:8080/health"),
];

/// A new tag set per request: what the VU's memory of tag sets saves.
#[divan::bench]
fn tags_of_a_request(bencher: Bencher<'_, '_>) {
    let base = base_tags();
    bencher.bench_local(|| base.with(black_box(REQUEST_TAGS)));
}

#[divan::bench]
fn tags_equal_by_content(bencher: Bencher<'_, '_>) {
    let (a, b) = (base_tags().with(REQUEST_TAGS), base_tags().with(REQUEST_TAGS));
    bencher.bench_local(|| black_box(&a) == black_box(&b));
}

/// Recording in a trend, past the point where its memory stops growing.
#[divan::bench]
fn histogram_record(bencher: Bencher<'_, '_>) {
    let mut values = Distribution::new(ValueKind::Time);
    for n in 0..20_000 {
        values.add(f64::from(n % 997) / 7.0);
    }
    let mut n = 0_u32;
    bencher.bench_local(|| {
        n = n.wrapping_add(1);
        values.add(f64::from(n % 997) / 7.0)
    });
}

fn collector() -> Collector {
    Collector::new(Arc::new(Registry::new()), Thresholds::default(), false)
}

/// One http.get: nine samples.
#[divan::bench]
fn aggregate_a_request(bencher: Bencher<'_, '_>) {
    let mut collector = collector();
    let metrics = [
        Builtin::HttpReqs,
        Builtin::HttpReqDuration,
        Builtin::HttpReqBlocked,
        Builtin::HttpReqConnecting,
        Builtin::HttpReqTlsHandshaking,
        Builtin::HttpReqSending,
        Builtin::HttpReqWaiting,
        Builtin::HttpReqReceiving,
        Builtin::HttpReqFailed,
    ];
    let batch = SampleBatch {
        tags: base_tags().with(REQUEST_TAGS),
        samples: metrics.iter().map(|metric| metric.sample(1.0)).collect(),
        ..SampleBatch::default()
    };
    bencher.counter(ItemsCount::new(metrics.len())).bench_local(|| collector.ingest(black_box(&batch)));
}

/// The gaps of one streamed call of 200 tokens: two trends, each with its share of successful calls.
#[divan::bench]
fn aggregate_a_stream(bencher: Bencher<'_, '_>) {
    let mut collector = collector();
    let gaps = |metric: Builtin| (0..TOKENS).map(move |n| metric.sample(20.0 + n as f64 / 100.0));
    let batch = SampleBatch {
        tags: base_tags().with([("expected_response", "true"), ("model", "mock"), ("request_type", "chat")]),
        samples: gaps(Builtin::AiIcl).chain(gaps(Builtin::AiItl)).collect(),
        ..SampleBatch::default()
    };
    bencher.counter(ItemsCount::new(2 * TOKENS)).bench_local(|| collector.ingest(black_box(&batch)));
}

/// A prompt of so many tokens; 100,000 are to take less than 100 ms.
#[divan::bench(args = [1_000, 10_000, 100_000])]
fn synthetic_prompt(bencher: Bencher<'_, '_>, tokens: usize) {
    let tokenizer = tokens::by_name("o200k_base").expect("a tokenizer");
    let options = serde_json::json!({ "inputTokens": tokens });
    let settings = synthetic::Settings::from_json(&options, &|_| None).expect("settings");
    let source = Synthetic::new(settings, Arc::new(Prose::new(tokenizer, None).expect("words")), 1);
    bencher.counter(ItemsCount::new(tokens)).bench_local(|| source.next(&Stripe::default()));
}

/// Counting those tokens again, for comparison.
#[divan::bench]
fn baseline_count_100k_tokens(bencher: Bencher<'_, '_>) {
    let tokenizer = tokens::by_name("o200k_base").expect("a tokenizer");
    let text = Prose::new(tokenizer, None).expect("words").write(100_000, 1, 1).expect("a text");
    bencher.bench_local(|| tokenizer.count(black_box(&text)));
}

/// Taking the next row of 100,000 and finding its text, as JSON.
#[divan::bench(args = ["sequential", "shuffle", "random"])]
fn dataset_next(bencher: Bencher<'_, '_>, sample: &str) {
    let row = |i: usize| format!("{{\"id\": {i}, \"prompt\": \"Tell me more about number {i}, please.\"}}\n");
    let text: String = (0..100_000).map(row).collect();
    let options = serde_json::json!({ "sample": sample, "field": "prompt" });
    let settings = dataset::Settings::from_json(&options, std::path::Path::new("x.jsonl")).expect("settings");
    let rows = Dataset::load(Arc::from(text.as_bytes()), settings, None).expect("rows");
    let share = Stripe::default();
    bencher.bench_local(|| rows.next(&share).and_then(|at| rows.json(at).map(|row| row.len())));
}
