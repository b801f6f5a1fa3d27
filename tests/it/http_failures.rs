//! Servers that misbehave: a failed request is data with k6's error code, never a crash, a hang or a lost summary.

use crate::server;
use crate::support::{run_checked, run_script};

#[test]
fn every_failure_has_its_code() {
    let server = server::plain();
    let script = r#"
import http from 'k6/http';
import { eq, done } from './eq.js';
const BASE = __ENV.BASE;
const failure = (what, url, code, text, params) => {
  const r = http.get(url, Object.assign({ timeout: '5s' }, params));
  eq(what, [r.status === 0 || what.startsWith('cut') || what.startsWith('bad'), r.error_code, r.error.includes(text)], [true, code, true]);
  if (!r.error.includes(text)) console.error(`MISMATCH ${what} says: ${r.error}`);
  return r;
};
export default function () {
  failure('refused', 'http://127.0.0.1:1/', 1212, 'refused');
  failure('unknown host', 'http://nowhere.invalid/', 1101, 'no such host');
  failure('timeout', `${BASE}/stall`, 1050, 'request timeout', { timeout: 200 });
  failure('timeout text', `${BASE}/slow/3000`, 1050, 'request timeout', { timeout: '150ms' });
  failure('scheme', 'ftp://127.0.0.1/', 1020, 'scheme');
  failure('no url', 'not a url', 1020, 'URL');
  failure('garbage', `${BASE}/garbage`, 1000, 'malformed');
  failure('closed', `${BASE}/close`, 1000, 'closed');
  failure('cut', `${BASE}/cut`, 1000, 'body');
  failure('cut chunk', `${BASE}/cut-chunk`, 1000, 'body');
  failure('bad gzip', `${BASE}/badgzip`, 1701, 'gzip');
  failure('not tls', BASE.replace('http:', 'https:'), 1300, 'TLS');
  const odd = http.get(`${BASE}/invalid-utf8`);
  eq('invalid utf-8', [odd.status, odd.body], [200, 'ab\ufffd\ufffdcd']);
  eq('invalid utf-8 bytes', new Uint8Array(http.get(`${BASE}/invalid-utf8`, { responseType: 'binary' }).body)[2], 255);
  eq('invalid header', [http.get(`${BASE}/invalid-header`).status, http.get(`${BASE}/invalid-header`).body], [200, 'ok']);
  done();
}
"#;
    let ran = run_checked(script, &["-e", &format!("BASE={}", server.base("http"))]).prints(&["http_req_failed"]);
    assert!(ran.stderr.contains("Request Failed"), "k6's warning is logged\n{}", ran.all());
    assert_eq!(ran.metric("http_req_failed", "passes"), 12.0, "passes of http_req_failed are the failures");
}

#[test]
fn a_stalling_server_does_not_outlive_the_run() {
    let server = server::plain();
    let ran = run_script(
        "import http from 'k6/http';\nexport const options = { scenarios: { a: { executor: 'constant-vus', vus: 3, duration: '1s', gracefulStop: '300ms' } } };\nexport default () => { http.get(`${__ENV.BASE}/stall`); };",
        &["-e", &format!("BASE={}", server.base("http"))],
    )
    .exits(0)
    .prints(&["vus", "interrupted: 3 iterations cut off"]);
    assert!(ran.took.as_secs_f64() < 4.0, "{:?}\n{}", ran.took, ran.all());
}

#[test]
fn a_large_body_is_read_and_may_be_discarded() {
    let server = server::plain();
    let script = r#"
import http from 'k6/http';
import { eq, done } from './eq.js';
export default function () {
  const size = 100 * 1024 * 1024;
  for (let i = 0; i < 3; i++) {
    const r = http.get(`${__ENV.BASE}/bytes/${size}`, { responseType: i < 2 ? 'none' : 'binary' });
    eq('large', [r.status, r.error, r.body === null ? null : r.body.byteLength], [200, '', i < 2 ? null : size]);
  }
  done();
}
"#;
    let ran = run_checked(script, &["-e", &format!("BASE={}", server.base("http"))]);
    assert!(ran.metric("data_received", "count") > 3.0 * 1024.0 * 1024.0 * 100.0);
}

#[test]
fn keys_in_urls_do_not_reach_the_log() {
    let script = r#"
import http from 'k6/http';
import { eq, done } from './eq.js';
export default function () {
  const url = 'http://user:geheim@127.0.0.1:1/?q=shown&api_key=geheim';
  eq('the script sees its URL', http.get(url).url.includes('api_key=geheim'), true);
  try { http.get(url, { throw: true }); } catch (e) { console.log(`${e}`); }
  done();
}
"#;
    let ran = run_checked(script, &["--http-debug"]).says(&["Request Failed", "q=shown&api_key=***"]);
    assert!(!ran.stderr.contains("geheim"), "{}", ran.all());
}

#[test]
fn an_unreachable_server_ends_normally() {
    let ran = run_script(
        "import http from 'k6/http';\nimport { check } from 'k6';\nexport const options = { vus: 2, iterations: 20, thresholds: { http_req_failed: ['rate<0.1'] } };\nexport default () => { check(http.get('http://127.0.0.1:1/'), { up: (r) => r.status === 200 }); };",
        &[],
    )
    .exits(99)
    .prints(&["✗ 'rate<0.1' rate=100.00%", "100.00% 20 out of 20"]);
    assert_eq!(ran.metric("http_reqs", "count"), 20.0);
}
