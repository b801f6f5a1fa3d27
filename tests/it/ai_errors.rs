//! Every way a model call can fail, made by the mock's faults and by servers that are not there: the kind, and that a failure is
//! data. Time limits and deliberate disconnects are compared with what the mock saw.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::ai_calls::holds;
use super::ai_truth::truth;
use crate::support::pause;

#[test]
fn every_fault_has_its_kind() {
    let ran = holds(
        r"
const llm = ai.model();
const count = (kind) => [`ai_errors{error_kind:${kind}}`, [kind === 'rate_limited' ? 'count==2' : 'count==1']];
export const options = { thresholds: Object.fromEntries(['rate_limited', 'quota_exhausted', 'overloaded', 'auth', 'not_found', 'context_length', 'stalled', 'ttft_timeout'].map(count)) };
export default () => {
  const cases = [
    ['429', 'rate_limited', 429], ['quota', 'quota_exhausted', 429], ['500', 'server', 500], ['502', 'server', 502], ['503', 'overloaded', 503],
    ['401', 'auth', 401], ['404', 'not_found', 404], ['400', 'bad_request', 400], ['context_length', 'context_length', 400],
    ['cut:3', 'interrupted', 200], ['reset:3', 'interrupted', 200], ['garbage:3', 'protocol', 200], ['error:3', 'server', 200],
    ['invalid-utf8', 'protocol', 200], ['stall:3', 'stalled', 200, { stallTimeout: 200 }], ['hang', 'timeout', 0, { timeout: '200ms' }],
    ['slow-headers:2000', 'ttft_timeout', 0, { ttftTimeout: 200 }],
  ];
  for (const [fault, kind, status, params] of cases) {
    const r = llm.stream({ prompt: 'x', maxTokens: 8 }, Object.assign({ headers: { 'x-mock-error': fault } }, params));
    is(fault, [r.ok, r.errorKind, r.status, r.finishReason, r.e2e], [false, kind, status, 'error', null]);
    ok(fault + ' explains itself', r.error.length > 10, r.error);
  }
  const limited = llm.stream('x', { headers: { 'x-mock-error': '429' } });
  is('code and delay', [limited.errorCode, limited.rateLimit.retryAfterMs, limited.usage.source, limited.cost], ['rate_limit_exceeded', 1000, null, null]);
  const cut = llm.stream({ prompt: 'x', maxTokens: 8 }, { headers: { 'x-mock-error': 'cut:3' } });
  ok('what came before the cut stays', cut.chunks === 3 && cut.text.length > 3 && cut.ttft > 0, [cut.chunks, cut.text]);
  const huge = llm.stream('x', { headers: { 'x-mock-error': 'huge:2000000' } });
  is('huge', [huge.ok, huge.text.length, huge.chunks], [true, 2000000, 1]);
  for (const [fault, kind, status] of [['500', 'server', 500], ['cut:3', 'interrupted', 200], ['garbage:3', 'protocol', 200]]) {
    const r = llm.complete({ prompt: 'x', maxTokens: 8 }, { headers: { 'x-mock-error': fault } });
    is('complete ' + fault, [r.ok, r.errorKind, r.status], [false, kind, status]);
  }
  is('complete hang', llm.complete('x', { timeout: 200, headers: { 'x-mock-error': 'hang' } }).errorKind, 'timeout');
  end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "2ms"],
    );
    // The one success had one event: no gap of a failed call may stand in for its ITL.
    let ran = ran.exits(0);
    assert!(ran.stdout.contains("    ai_ttft.") && !ran.stdout.contains("ai_itl"), "{}", ran.all());
    ran.prints(&["ai_req_failed", "error_kind:rate_limited", "2 calls", "23 failed calls left out"]);
}

#[test]
fn servers_that_are_not_there() {
    holds(
        r"
export default () => {
  const failed = (baseURL) => ai.model({ baseURL, model: 'm' }).stream('x', { timeout: '5s' });
  for (const [url, kind] of [
    ['http://127.0.0.1:1/v1', 'connection'], ['http://no-such-host.invalid/v1', 'dns'], [__ENV.INRUSH_BASE_URL.replace('http:', 'https:'), 'tls'],
  ]) {
    const r = failed(url);
    is(url, [r.ok, r.errorKind, r.status, r.ttft, r.headers], [false, kind, 0, null, {}]);
    ok('explained', r.error.length > 10, r.error);
  }
  is('wrong path', failed(__ENV.INRUSH_BASE_URL + '/nowhere').errorKind, 'not_found');
  end();
};",
        &[],
    )
    .exits(0)
    .prints(&["ai_req_failed", "100.00%"]);
}

/// A server that answers the first request of each connection and closes it when the second has arrived, after `wait`.
fn closes_kept_alive_connections(wait: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let body =
                    r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;
                let mut stream = stream;
                read_request(&mut stream);
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                read_request(&mut stream);
                pause(wait);
            });
        }
    });
    url
}

fn read_request(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    while !seen.ends_with(b"}") {
        match stream.read(&mut piece) {
            Ok(n) if n > 0 => seen.extend_from_slice(&piece[..n]),
            _ => return,
        }
    }
}

#[test]
fn a_kept_alive_connection_that_closed_is_replaced_once() {
    let (at_once, late) = (Duration::ZERO, Duration::from_millis(600));
    for (wait, script) in [
        (
            at_once,
            "const r = [call(), call(), call()]; is('all', r.map((r) => [r.ok, r.errorKind]), [[true, null], [true, null], [true, null]]);",
        ),
        (late, "call(); const r = call(); is('late', [r.ok, r.errorKind, r.status], [false, 'connection', 0]);"),
        (at_once, "is('first', post().status, 200); is('k6 does not repeat a POST', post().status, 0);"),
    ] {
        holds(
            &format!(
                "import http from 'k6/http';
const llm = ai.model({{ model: 'm', baseURL: '{}' }});
const call = () => llm.complete('x');
const post = () => http.post('{0}/chat', '{{}}');
export default () => {{ {script} end(); }};",
                closes_kept_alive_connections(wait)
            ),
            &[],
        );
    }
}

#[test]
fn rate_limits_of_the_server_reach_the_script() {
    holds(
        r"
export default () => {
  const llm = ai.model();
  const r = llm.stream({ prompt: 'x', maxTokens: 2 });
  is('first', [r.ok, r.rateLimit.requests.limit, r.rateLimit.requests.remaining], [true, 2, 1]);
  llm.stream({ prompt: 'x', maxTokens: 2 });
  const refused = llm.stream({ prompt: 'x', maxTokens: 2 });
  is('third', [refused.errorKind, refused.rateLimit.requests.remaining], ['rate_limited', 0]);
  ok('when', refused.rateLimit.retryAfterMs > 0 && refused.rateLimit.requests.resetMs > 0, refused.rateLimit);
  end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms", "--mock-rpm", "2"],
    );
}

#[test]
fn time_limits_and_disconnects_close_the_connection() {
    let ran = holds(
        r"
export default () => {
  const llm = ai.model();
  const request = { prompt: 'x', maxTokens: 200, ignoreEos: true };
  const go = (id, params) => llm.stream(request, Object.assign({ headers: { 'x-request-id': id } }, params));
  let r = go('tokens', { abortAfter: { tokens: 5 } });
  is('abortAfter tokens', [r.ok, r.finishReason, r.errorKind, r.chunks, r.e2e], [true, 'cancelled', null, 5, null]);
  ok('keeps its figures', r.ttft >= 20 && r.tpot > 0 && r.text.length > 5, [r.ttft, r.tpot]);
  r = go('ms', { abortAfter: { ms: 150 } });
  is('abortAfter ms', [r.ok, r.finishReason], [true, 'cancelled']);
  r = go('callback', { onToken: () => false });
  is('callback', [r.ok, r.finishReason], [true, 'cancelled']);
  r = go('timeout', { timeout: 150 });
  is('timeout', [r.ok, r.errorKind], [false, 'timeout']);
  ok('timeout says which', r.error.includes('timeout 150ms'), r.error);
  r = go('stalled', { stallTimeout: 100, headers: { 'x-request-id': 'stalled', 'x-mock-error': 'stall:4' } });
  is('stalled', [r.errorKind, r.chunks], ['stalled', 4]);
  r = go('ttft', { ttftTimeout: 100, headers: { 'x-request-id': 'ttft', 'x-mock-ttft-ms': '3000' } });
  is('ttftTimeout', [r.errorKind, r.ttft], ['ttft_timeout', null]);
  r = llm.complete(request, { timeout: 100, headers: { 'x-request-id': 'body' } });
  is('complete', r.errorKind, 'timeout');
  end();
};",
        &["--mock-ttft", "20ms", "--mock-itl", "20ms", "--mock-truth-log", "truth.jsonl"],
    )
    .exits(0);
    let truth = truth(&ran);
    assert_eq!(truth.len(), 7, "{}", ran.all());
    for record in truth {
        assert_eq!(record["ended"], "client_gone", "{record}");
        let (id, closed) = (record["id"].as_str().unwrap(), record["closed_ns"].as_f64().unwrap() / 1e6);
        let due = match id {
            "tokens" => 20.0 + 4.0 * 20.0,
            "ms" | "timeout" => 150.0,
            "callback" => 20.0,
            "stalled" => 20.0 + 3.0 * 20.0 + 100.0,
            _ => 100.0,
        };
        // The mock's clock starts a little after the client's.
        assert!((due - 20.0..due + 1_000.0).contains(&closed), "{id} closed after {closed} ms, due {due}");
    }
}

#[test]
fn the_end_of_the_run_is_no_failure_of_the_server() {
    let ran = crate::support::run_script(
        "import ai from 'inrush/ai';
export const options = { scenarios: { a: { executor: 'constant-vus', vus: 3, duration: '1s', gracefulStop: '0s' } } };
export default () => { ai.stream({ prompt: 'x', maxTokens: 1000, ignoreEos: true }); };",
        &["--mock", "--mock-ttft", "50ms", "--mock-itl", "20ms"],
    )
    .exits(0);
    assert!(ran.took.as_secs() < 10, "{}", ran.all());
    let metrics = &ran.summary()["metrics"];
    assert!(metrics.get("ai_errors").is_none_or(|m| m["count"] == 0), "{metrics}");
}
