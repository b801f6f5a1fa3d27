//! `GET /metrics`: the state of the mock in Prometheus' text format 0.0.4.
//!
//! What vLLM measures too has vLLM's names, so that its dashboards and autoscaling rules can be tried out; all else begins with
//! `inrush_mock_`. No key is asked for, as with vLLM. One label, the model: all models are counted together under the first.

use std::fmt::Write as _;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use super::http_response::Response;
use super::metrics::{BOUNDS_MS, Times};
use super::route::{Answer, AnswerFuture, Call};
use super::server::Shared;
use super::serving::Gauges;

/// Answers the route.
pub(super) fn answer(call: Call<'_>) -> AnswerFuture<'_> {
    let text = page(call.shared);
    let response = Response::new(200, "text/plain; version=0.0.4; charset=utf-8", text);
    Box::pin(std::future::ready(Answer::now(response, call.record)))
}

/// The text, with the label that all samples carry.
struct Page {
    text: String,
    model: String,
}

impl Page {
    fn describe(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A metric of one value.
    fn value(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.describe(name, kind, help);
        let _ = writeln!(self.text, "{name}{{model_name=\"{}\"}} {value}", self.model);
    }

    /// A counter with a value for each of a label's values.
    fn labelled<'a>(&mut self, name: &str, help: &str, label: &str, values: impl Iterator<Item = (&'a str, u64)>) {
        self.describe(name, "counter", help);
        for (of, value) in values {
            let _ = writeln!(self.text, "{name}{{model_name=\"{}\",{label}=\"{}\"}} {value}", self.model, escaped(of));
        }
    }

    fn times(&mut self, name: &str, help: &str, times: &Times) {
        self.describe(name, "histogram", help);
        let counts = times.cumulative();
        let model = &self.model;
        for (n, count) in counts.iter().enumerate() {
            let bound = BOUNDS_MS.get(n).map_or("+Inf".to_owned(), |ms| (ms / 1e3).to_string());
            let _ = writeln!(self.text, "{name}_bucket{{model_name=\"{model}\",le=\"{bound}\"}} {count}");
        }
        let all = counts.last().copied().unwrap_or(0);
        let _ = writeln!(self.text, "{name}_sum{{model_name=\"{model}\"}} {}", times.sum_s());
        let _ = writeln!(self.text, "{name}_count{{model_name=\"{model}\"}} {all}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn page(shared: &Shared) -> String {
    let model = escaped(shared.config.listed_models().first().copied().unwrap_or_default());
    let mut page = Page { text: String::with_capacity(16 * 1024), model };
    let stats = shared.counters.snapshot();
    let metrics = &shared.counters.metrics;
    let gauges = match &shared.serving {
        Some(serving) => serving.gauges(),
        None => Gauges {
            running: stats.streams_open as usize,
            waiting: shared.gate.waiting() as usize,
            ..Gauges::default()
        },
    };

    page.value("vllm:num_requests_running", "gauge", "Calls that are being answered.", gauges.running as f64);
    page.value("vllm:num_requests_waiting", "gauge", "Calls that wait for a place.", gauges.waiting as f64);
    let usage = gauges.kv_limit.map_or(0.0, |limit| gauges.kv_tokens as f64 / limit as f64);
    page.value("vllm:kv_cache_usage_perc", "gauge", "Used share of the KV cache, from 0 to 1.", usage);
    page.value("vllm:num_preemptions_total", "counter", "Preempted sequences.", gauges.preemptions as f64);
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Relaxed) as f64;
    let (prompt, cached) = (load(&metrics.prompt_tokens), load(&metrics.cached_tokens));
    page.value("vllm:prompt_tokens_total", "counter", "Tokens of the prompts of answered calls.", prompt);
    page.value("vllm:generation_tokens_total", "counter", "Tokens written.", stats.tokens_written as f64);
    if shared.prefix_cache.is_some() {
        page.value("vllm:prefix_cache_queries_total", "counter", "Tokens looked up in the prefix cache.", prompt);
        page.value("vllm:prefix_cache_hits_total", "counter", "Tokens found in the prefix cache.", cached);
    }
    {
        let finished = metrics.finished.lock().unwrap_or_else(PoisonError::into_inner);
        let values = finished.iter().map(|(reason, count)| (*reason, *count));
        page.labelled("vllm:request_success_total", "Complete answers.", "finished_reason", values);
    }
    for (name, help, times) in [
        (
            "vllm:time_to_first_token_seconds",
            "From the arrival to the write of the first token of streams.",
            &metrics.ttft,
        ),
        ("vllm:inter_token_latency_seconds", "Between the writes of the token events of a stream.", &metrics.gaps),
        ("vllm:e2e_request_latency_seconds", "From the arrival to the end of complete answers.", &metrics.e2e),
        ("vllm:request_queue_time_seconds", "Wait for a place.", &metrics.queue),
        (
            "vllm:request_prefill_time_seconds",
            "From the place to the first token, serving model only.",
            &metrics.prefill,
        ),
    ] {
        page.times(name, help, times);
    }

    {
        let errors = metrics.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let values = errors.iter().map(|(kind, count)| (kind.as_str(), *count));
        page.labelled("inrush_mock_errors_total", "Calls without a complete answer.", "kind", values);
    }
    for (name, help, value) in [
        ("inrush_mock_connections_total", "Connections accepted.", stats.connections),
        ("inrush_mock_requests_total", "Requests of any kind.", stats.requests),
        ("inrush_mock_rate_limited_total", "Calls refused by a rate limit.", stats.rate_limited),
        ("inrush_mock_rejected_total", "Calls refused because the queue was full.", stats.rejected),
        ("inrush_mock_faults_total", "Faults injected.", stats.faults),
        ("inrush_mock_closed_early_total", "Clients that left before the end.", stats.closed_early),
        ("inrush_mock_truth_dropped_total", "Records the truth log could not take.", stats.truth_dropped),
        ("inrush_mock_steps_total", "Steps of the serving model.", gauges.steps),
    ] {
        page.value(name, "counter", help, value as f64);
    }
    page.value("inrush_mock_streams_open", "gauge", "Answers under way.", stats.streams_open as f64);
    let late = stats.lateness_p99.as_secs_f64();
    page.value(
        "inrush_mock_lateness_p99_seconds",
        "gauge",
        "99 % of tokens were written within this time of their plan.",
        late,
    );
    page.text
}
