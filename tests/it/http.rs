//! `k6/http` as scripts see it: requests, parameters, bodies and responses, against a server that says what it saw.

use std::sync::atomic::Ordering;

use crate::server;
use crate::support::{Ran, run_checked, run_checked_files, run_files_with, run_script};

/// Runs a default function against a plain server; `BASE`, `http`, `eq`, `throws` and `done` are in scope.
#[track_caller]
pub(crate) fn against(server: &server::Server, options: &str, body: &str, args: &[&str]) -> Ran {
    let script = format!(
        "import http from 'k6/http';\nimport {{ eq, throws, done }} from './eq.js';\nexport const options = {options};\nconst BASE = __ENV.BASE;\nexport default function () {{\n{body}\ndone();\n}}\n"
    );
    let base = format!("BASE={}", server.base("http"));
    let mut all = vec!["-e", &base];
    all.extend(args);
    run_checked(&script, &all)
}

#[test]
fn verbs_and_bodies() {
    let server = server::plain();
    against(
        &server,
        "{}",
        r#"
for (const [name, method] of [['post', 'POST'], ['put', 'PUT'], ['patch', 'PATCH'], ['del', 'DELETE'], ['options', 'OPTIONS']]) {
  const seen = http[name](`${BASE}/echo?q=1`, 'the body', { headers: { 'X-Own': 'v' } }).json();
  eq(name, [seen.method, seen.target, seen.body, seen.headers['x-own']], [method, '/echo?q=1', 'the body', 'v']);
}
eq('get', http.get(`${BASE}/echo`).json('method'), 'GET');
const head = http.head(`${BASE}/bytes/0`);
eq('head', [head.status, head.body], [200, '']);
eq('request', http.request('propfind', `${BASE}/echo`, 'x').json('method'), 'PROPFIND');
eq('user agent', /inrush|k6/.test(http.get(`${BASE}/echo`).json('headers.user-agent')), true);
let seen = http.post(`${BASE}/echo`, { a: 'one two', b: 3, c: ['x', 'y'], d: true }).json();
eq('form', [seen.body, seen.headers['content-type']], ['a=one+two&b=3&c=x&c=y&d=true', 'application/x-www-form-urlencoded']);
seen = http.post(`${BASE}/echo`, JSON.stringify({ ü: 'ß€😀' }), { headers: { 'Content-Type': 'application/json' } }).json();
eq('utf-8', seen.body, '{"ü":"ß€😀"}');
seen = http.post(`${BASE}/echo`, new Uint8Array([0, 255, 7]).buffer).json();
eq('bytes', seen.bytes, [0, 255, 7]);
seen = http.post(`${BASE}/echo`, new Uint8Array([9, 8, 7]).subarray(1)).json();
eq('typed array', seen.bytes, [8, 7]);
seen = http.post(`${BASE}/echo`, { field: 'text', file: http.file('<file>', 'a.txt', 'text/plain'), raw: http.file(new Uint8Array([65, 66]).buffer) }).json();
const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(seen.headers['content-type'])[1];
const parts = seen.body.split('--' + boundary);
eq('parts', parts.length, 5);
eq('field part', parts.some((p) => p === '\r\nContent-Disposition: form-data; name="field"\r\n\r\ntext\r\n'), true);
eq('file part', parts.some((p) => p === '\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n<file>\r\n'), true);
eq('raw part', parts.some((p) => p.endsWith('Content-Type: application/octet-stream\r\n\r\nAB\r\n')), true);
eq('end', parts[4], '--\r\n');
seen = http.post(`${BASE}/echo`, { f: [http.file('one', '1.txt'), http.file('two', '2.txt')], g: ['x', 'y'] }).json();
eq('several files', [...seen.body.matchAll(/name="(\w)"(?:; filename="(.*?)")?/g)].map((m) => [m[1], m[2]]), [['f', '1.txt'], ['f', '2.txt'], ['g', undefined], ['g', undefined]]);
seen = http.post(`${BASE}/echo`, new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)).json();
eq('data view', seen.bytes, [2, 3]);
http.cookieJar().set(BASE, 'odd', 'a;\r\nb');
eq('odd cookie', http.get(`${BASE}/echo`).json('headers.cookie'), 'odd=ab');
http.cookieJar().clear(BASE);
seen = http.post(`${BASE}/echo`, null).json();
eq('no body', [seen.body, seen.headers['content-length']], ['', '0']);
for (const c of ['gzip', 'deflate', 'br', 'zstd']) {
  seen = http.post(`${BASE}/echo`, 'a'.repeat(1000), { compression: c }).json();
  eq(c, [seen.headers['content-encoding'], seen.bytes.length < 100], [c, true]);
}
// What cannot be sent is a failed response, and no sample.
const refused = (what, response, text, code) => eq(what, [response.status, response.body, response.error.includes(text), response.error_code], [0, null, true, code ?? 0]);
refused('compression', http.post(BASE, 'a', { compression: 'lzma' }), 'lzma');
refused('response type', http.get(BASE, { responseType: 'xml' }), 'xml');
refused('timeout', http.get(BASE, { timeout: 'soon' }), 'not a time');
refused('no url', http.get(undefined), 'URL is missing', 1020);
refused('no url in request()', http.request('GET'), 'URL is missing', 1020);
refused('a method', http.request('G T', BASE), 'not an HTTP method');
refused('params', http.get(BASE, 5), 'must be an object');
refused('headers', http.get(BASE, { headers: 'x' }), 'params.headers');
eq('cookies of a jar', http.get(`${BASE}/echo`, { cookies: { a: ['1'], b: { value: '2' } } }).json('headers.cookie'), 'a=1; b=2');
http.get(`${BASE}/echo`, null, { headers: { a: 'b' } });
// Without new, as in k6.
const jar = http.CookieJar();
jar.set(BASE, 'c', 'd');
eq('a jar', [jar instanceof http.CookieJar, jar.cookiesForURL(BASE)], [true, { c: ['d'] }]);
// All fields are the response's own.
const response = http.get(`${BASE}/status/201`);
const { status, ...rest } = response;
eq('fields', [{ ...response }.status, Object.assign({}, response).status_text, status, rest.status, rest.proto, response.hasOwnProperty('body')], [201, '201 Thing', 201, undefined, 'HTTP/1.1', true]);
eq('names', Object.keys(response).slice(0, 4), ['remote_ip', 'remote_port', 'url', 'status']);
response.status = 5;
eq('a field that was set', [response.status, { ...response }.status, http.get(`${BASE}/status/201`).status], [5, 5, 201]);
const named = http.url`${BASE}/status/${200}`;
eq('url', [Object.keys(named), http.batch([named, http.url`${BASE}/status/${201}`]).map((r) => r.status)], [['url', 'name', 'clean_url'], [200, 201]]);
"#,
        &[],
    );
}

#[test]
fn the_response_object() {
    let server = server::plain();
    against(
        &server,
        "{}",
        r#"
const r = http.get(`${BASE}/json`, { tags: { a: 'b' }, cookies: { c: 'd' } });
eq('basics', [r.status, r.status_text, r.url, r.proto, r.error, r.error_code, r.remote_ip], [200, '200 Thing', `${BASE}/json`, 'HTTP/1.1', '', 0, '127.0.0.1']);
eq('port', `http://127.0.0.1:${r.remote_port}`, BASE);
eq('type', [typeof r.body, r.headers['Content-Type']], ['string', 'application/json']);
eq('json', [r.json('a.b.0'), r.json('a.b.2.c'), r.json('items.#.id'), r.json('items.#(id==2).n'), r.json('s'), r.json('z'), r.json('big')], [1, 'deep', [1, 2], 'y', 'text', null, 1000]);
eq('missing', r.json('nope.nothing') === undefined, true);
eq('whole', [r.json().items.length, r.json() === r.json()], [2, true]);
const t = r.timings;
eq('timings', ['duration', 'blocked', 'looking_up', 'connecting', 'tls_handshaking', 'sending', 'waiting', 'receiving'].filter((k) => typeof t[k] !== 'number'), []);
eq('sum', Math.abs(t.duration - (t.sending + t.waiting + t.receiving)) < 0.001, true);
const slow = http.get(`${BASE}/slow/60`).timings;
eq('waiting', slow.waiting >= 59 && slow.waiting < 1000 && slow.duration >= slow.waiting, true);
eq('reused', slow.connecting, 0);
eq('request', [r.request.method, r.request.url, r.request.headers['User-Agent'].length, r.request.cookies.c[0].value, r.request.body], ['GET', `${BASE}/json`, 1, 'd', '']);
const many = http.get(`${BASE}/twice`);
eq('headers', [many.headers['X-Many'], many.headers['X-Lower-Case'], many.headers['x-lower-case'] === undefined], ['one, two', 'v', true]);
eq('stringify', JSON.parse(JSON.stringify(r)).status, 200);
eq('spread', Object.keys(JSON.parse(JSON.stringify(r))).includes('timings'), true);
const binary = http.get(`${BASE}/binary`, { responseType: 'binary' });
eq('binary', [binary.body instanceof ArrayBuffer, Array.from(new Uint8Array(binary.body))], [true, [0, 1, 254, 255]]);
const none = http.get(`${BASE}/json`, { responseType: 'none' });
eq('none', [none.status, none.body], [200, null]);
throws('json of none', () => none.json(), 'null');
throws('json of text', () => http.get(`${BASE}/status/200`).json(), 'JSON');
for (const status of [204, 301, 304, 404, 503]) {
  const s = http.get(`${BASE}/status/${status}`);
  eq('status', [s.status, s.error_code, s.error], [status, status >= 400 ? 1000 + status : 0, '']);
}
for (const c of ['gzip', 'deflate', 'br', 'zstd']) {
  eq(c, http.get(`${BASE}/encoded/${c}`).body, 'hello hello hello');
}
r.body = 'changed';
eq('assignable', r.body, 'changed');
eq('no path', [http.get(BASE).url, http.get(`${BASE}?q=1`).url, http.get(`${BASE}/`).url], [BASE, `${BASE}?q=1`, `${BASE}/`]);
eq('ocsp', [r.ocsp.status, http.OCSP_STATUS_UNKNOWN, http.OCSP_REASON_AA_COMPROMISE, http.SSL_3_0], ['unknown', 'unknown', 'aa_compromise', 'ssl3.0']);
"#,
        &[],
    );
}

#[test]
fn redirects_are_followed_and_counted() {
    let server = server::plain();
    let ran = against(
        &server,
        "{}",
        r#"
const r = http.get(`${BASE}/redirect/3`, { tags: { kind: 'hops' } });
eq('end', [r.status, r.url, r.json('target')], [200, `${BASE}/echo`, '/echo']);
const one = http.get(`${BASE}/redirect/3`, { redirects: 1 });
eq('limited', [one.status, one.url], [302, `${BASE}/redirect/2`]);
eq('not followed', http.get(`${BASE}/redirect/3`, { redirects: 0 }).headers.Location, '/redirect/2');
eq('loop', http.get(`${BASE}/loop`).status, 302);
const post = http.post(`${BASE}/redirect/1`, 'body').json();
eq('post becomes get', [post.method, post.body], ['GET', '']);
"#,
        &["--max-redirects", "4"],
    )
    .says(&["after 4 redirects"]);
    assert_eq!(ran.metric("http_reqs", "count"), 4.0 + 2.0 + 1.0 + 5.0 + 2.0, "one sample for each hop");
}

#[test]
fn cookies_and_jars() {
    let server = server::plain();
    let body = r#"
const cookie = () => http.get(`${BASE}/echo`).json().headers.cookie;
eq('fresh iteration', cookie(), undefined);
const set = http.get(`${BASE}/cookie?sid=abc`);
eq('set', [set.cookies.sid[0].value, set.cookies.sid[0].path, set.cookies.sid[0].http_only], ['abc', '/', true]);
eq('kept', cookie(), 'sid=abc');
eq('param', http.get(`${BASE}/echo`, { cookies: { own: '1' } }).json().headers.cookie.split('; ').sort(), ['own=1', 'sid=abc']);
eq('replaced', http.get(`${BASE}/echo`, { cookies: { sid: { value: 'new', replace: true } } }).json().headers.cookie, 'sid=new');
eq('not stored', cookie(), 'sid=abc');
const jar = http.cookieJar();
eq('jar', jar.cookiesForURL(`${BASE}/`), { sid: ['abc'] });
jar.set(`${BASE}/`, 'more', 'x', { path: '/', max_age: 100 });
eq('set by hand', cookie().split('; ').sort(), ['more=x', 'sid=abc']);
jar.delete(`${BASE}/`, 'more');
eq('deleted', cookie(), 'sid=abc');
const other = new http.CookieJar();
other.set(`${BASE}/`, 'mine', '1');
eq('own jar', http.get(`${BASE}/echo`, { jar: other }).json().headers.cookie, 'mine=1');
jar.clear(`${BASE}/`);
eq('cleared', cookie(), undefined);
http.get(`${BASE}/cookie?left=over`);
"#;
    let ran = against(&server, "{ iterations: 2 }", body, &[]);
    assert_eq!(ran.stderr.matches("REACHED").count(), 2, "{}", ran.all());
    against(
        &server,
        "{ iterations: 2, noCookiesReset: true }",
        "if (__ITER === 0) http.get(`${BASE}/cookie?a=b`); else eq('kept', http.get(`${BASE}/echo`).json().headers.cookie, 'a=b');",
        &[],
    );
}

#[test]
fn batches_keep_shape_order_and_limits() {
    let server = server::plain();
    let ran = against(
        &server,
        "{ batch: 4, batchPerHost: 3 }",
        r#"
const list = http.batch([
  `${BASE}/slow/30`,
  ['POST', `${BASE}/echo`, 'body', { headers: { 'X-A': 'b' }, tags: { t: 'v' } }],
  { method: 'PUT', url: `${BASE}/echo`, body: { a: 1 } },
  ['GET', http.url`${BASE}/status/${404}`],
  ['GET', `${BASE}/bytes/3`, null, { responseType: 'binary' }],
]);
eq('array', [Array.isArray(list), list.length, list.map((r) => r.status)], [true, 5, [200, 200, 200, 404, 200]]);
eq('in order', [list[0].body, list[1].json('body'), list[1].json('headers.x-a'), list[2].json('body'), list[4].body.byteLength], ['slow', 'body', 'b', 'a=1', 3]);
const object = http.batch({ front: `${BASE}/status/200`, api: { method: 'GET', url: `${BASE}/status/201` } });
eq('object', [Object.keys(object), object.front.status, object.api.status], [['front', 'api'], 200, 201]);
const broken = http.batch(['http://127.0.0.1:1/', `${BASE}/status/200`]);
eq('one fails', [broken[0].status, broken[0].error_code, broken[1].status], [0, 1212, 200]);
http.batch(Array.from({ length: 12 }, () => `${BASE}/slow/20`));
eq('no body of a get', http.batch([{ method: 'get', url: `${BASE}/echo`, body: 'x' }, ['GET', `${BASE}/echo`, 'x']]).map((r) => r.json('body')), ['', 'x']);
const short = http.batch([`${BASE}/status/200`, ['GET']]);
eq('short', [short[0], short[1].status, short[1].error], [null, 0, "http.batch(): request '1' needs a method and a URL: ['GET', 'http://...']"]);
eq('no url', http.batch({ one: { method: 'GET' } }).one.error, "http.batch(): request 'one' has no url");
throws('nothing', () => http.batch(), 'array or an object');
throws('one fails', () => http.batch([['GET', 'http://127.0.0.1:1/', null, { throw: true }], `${BASE}/status/200`]), 'refused');
"#,
        &[],
    );
    assert_eq!(server.seen.peak.load(Ordering::SeqCst), 3, "batchPerHost limits");
    assert_eq!(ran.metric("http_reqs", "count"), 25.0, "those of the batch that threw count too");
}

#[test]
fn a_batch_may_have_no_limit() {
    let server = server::plain();
    for options in ["{ batch: 0, batchPerHost: 0 }", "{ batch: Number.MAX_SAFE_INTEGER, batchPerHost: 2 ** 52 }"] {
        let body =
            "eq('all', http.batch(Array(12).fill(`${BASE}/slow/100`)).map((r) => r.status), Array(12).fill(200));";
        let ran = against(&server, options, body, &[]);
        assert_eq!(ran.metric("iterations", "count"), 1.0, "{}", ran.all());
    }
    assert!(server.seen.peak.load(Ordering::SeqCst) > 6, "more than the usual 6 to one host");
}

#[test]
fn asynchronous_requests_overlap() {
    let server = server::plain();
    let script = r#"
import http from 'k6/http';
import { eq, done } from './eq.js';
export default async function () {
  const before = Date.now();
  const all = await Promise.all([1, 2, 3].map((n) => http.asyncRequest('POST', `${__ENV.BASE}/slow/200?${n}`, 'x')));
  eq('together', [all.map((r) => r.body), Date.now() - before < 550], [['slow', 'slow', 'slow'], true]);
  const failed = await http.asyncRequest('GET', 'http://127.0.0.1:1/');
  eq('failed', [failed.status, failed.error_code], [0, 1212]);
  let thrown = '';
  try { await http.asyncRequest('GET', 'http://127.0.0.1:1/', null, { throw: true }); } catch (e) { thrown = String(e); }
  eq('thrown', thrown.includes('refused'), true);
  const soon = await http.asyncRequest('GET', `${__ENV.BASE}/echo`, null, { timeout: 'soon' });
  eq('not sent', [soon.status, soon.error.includes('is not a time')], [0, true]);
  done();
}
"#;
    run_checked(script, &["-e", &format!("BASE={}", server.base("http"))]);
}

#[test]
fn options_of_the_transport() {
    let server = server::plain();
    let port = server.address.port();
    let hosts = format!(
        "{{ hosts: {{ 'api.test': '127.0.0.1:{port}', '*.wild.test': '127.0.0.1' }}, blockHostnames: ['*.blocked.test'], userAgent: 'mine/1' }}"
    );
    against(
        &server,
        &hosts,
        r#"
const r = http.get('http://api.test/echo');
eq('hosts', [r.status, r.json('headers.host'), r.json('headers.user-agent'), r.remote_ip], [200, 'api.test', 'mine/1', '127.0.0.1']);
eq('wildcard', http.get(`http://a.wild.test:${BASE.split(':')[2]}/status/200`).status, 200);
const blocked = http.get('http://x.blocked.test/');
eq('blocked', [blocked.status, blocked.error_code], [0, 1111]);
"#,
        &[],
    );
    against(
        &server,
        "{ noConnectionReuse: true }",
        "const a = http.get(`${BASE}/echo`).json(), b = http.get(`${BASE}/echo`).json(); eq('new', [a.nth, b.nth, a.connection !== b.connection], [1, 1, true]);",
        &[],
    );
    against(
        &server,
        "{ iterations: 2, noVUConnectionReuse: true }",
        "eq('new', http.get(`${BASE}/echo`).json('nth'), 1); eq('kept', http.get(`${BASE}/echo`).json('nth'), 2);",
        &[],
    );
    against(&server, "{ iterations: 2 }", "eq('kept', http.get(`${BASE}/echo`).json('nth'), __ITER + 1);", &[]);
    against(
        &server,
        "{ discardResponseBodies: true }",
        "eq('none', http.get(`${BASE}/json`).body, null); eq('asked', http.get(`${BASE}/json`, { responseType: 'text' }).json('s'), 'text');",
        &[],
    );
    against(
        &server,
        "{ throw: true }",
        "throws('throw', () => http.get('http://127.0.0.1:1/'), 'refused'); eq('not', http.get('http://127.0.0.1:1/', { throw: false }).status, 0); eq('404', http.get(`${BASE}/status/404`).status, 404);",
        &[],
    );
    against(
        &server,
        "{}",
        "const r = http.get(BASE.replace('://', '://user:p%40ss@') + '/echo'); eq('basic', [r.json('headers.authorization'), r.url.includes('p%40ss')], ['Basic dXNlcjpwQHNz', false]);",
        &[],
    );
}

#[test]
fn logins_are_requests_of_their_own() {
    let server = server::plain();
    let ran = against(
        &server,
        "{ thresholds: { 'http_reqs{status:401}': ['count==3'], 'http_req_failed': ['rate<0.4'] } }",
        r#"
const url = BASE.replace('://', '://user:sekret@') + '/digest/echo?q=1';
const r = http.get(url, { auth: 'digest' });
eq('digest', [r.status, r.json('target'), r.url.includes('sekret'), r.request.headers.Authorization], [200, '/digest/echo?q=1', false, undefined]);
const wrong = http.get(BASE.replace('://', '://user@') + '/digest/deny', { auth: 'digest' });
eq('denied', [wrong.status, wrong.error_code], [401, 1401]);
eq('unknown', http.get(BASE, { auth: 'magic' }).error.includes('digest, ntlm'), true);
"#,
        &["--http-debug=headers"],
    );
    assert_eq!(ran.metric("http_reqs", "count"), 4.0);
    assert!(!ran.all().contains("sekret") && !ran.all().contains("response=\""), "{}", ran.all());
}

#[test]
fn requests_in_the_init_code_are_refused() {
    let ran = crate::support::run_script(
        "import http from 'k6/http';\nhttp.get('http://127.0.0.1:1/');\nexport default () => {};",
        &[],
    );
    ran.exits(107).says(&["init context"]);
}

#[test]
fn tls_and_http2() {
    let (h1, pem) = server::tls(&["http/1.1"]);
    let (h2, _) = server::tls(&["h2", "http/1.1"]);
    let script = r#"
import http from 'k6/http';
import { eq, done } from './eq.js';
export default function () {
  const one = http.get(`${__ENV.H1}/json`);
  eq('h1', [one.status, one.proto, one.tls_version, /^TLS_/.test(one.tls_cipher_suite)], [200, 'HTTP/1.1', http.TLS_1_3, true]);
  eq('handshake', one.timings.tls_handshaking > 0, true);
  const two = http.post(`${__ENV.H2}/a`, 'x'.repeat(100000));
  eq('h2', [two.status, two.proto, two.json()], [200, 'HTTP/2.0', { method: 'POST', target: '/a', length: 100000 }]);
  eq('batch', http.batch(Array.from({ length: 10 }, (_, i) => `${__ENV.H2}/${i}`)).map((r) => r.json('target')), ['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/7', '/8', '/9']);
  done();
}
"#;
    let (a, b) = (format!("H1={}", h1.base("https")), format!("H2={}", h2.base("https")));
    run_checked(script, &["--insecure-skip-tls-verify", "-e", &a, "-e", &b]);
    assert_eq!(h2.seen.connections.load(Ordering::SeqCst), 1, "one connection carries all");
    let strict = r#"
import http from 'k6/http';
import { eq, done } from './eq.js';
export default function () {
  const r = http.get(`${__ENV.H1}/json`);
  eq('unknown authority', [r.status, r.error_code, r.error.includes('unknown authority')], [0, 1310, true]);
  done();
}
"#;
    run_checked(strict, &["-e", &a]);
    let old = r#"
import http from 'k6/http';
import { eq, done } from './eq.js';
export const options = { insecureSkipTLSVerify: true, tlsVersion: { min: 'tls1.2', max: 'tls1.2' } };
export default function () { eq('tls', http.get(`${__ENV.H1}/json`).tls_version, 'tls1.2'); done(); }
"#;
    run_checked_files(&[("t.js", old), ("ca.pem", &pem)], "t.js", &["-e", &a]);
}

#[test]
fn http_debug_logs_heads_without_secrets() {
    let script = "import http from 'k6/http';\nexport default () => http.post(__ENV.INRUSH_BASE_URL.replace('/v1', '/echo'), 'the body', { headers: { Authorization: 'Bearer sekret', 'X-Mine': 'shown' } });";
    let ran = run_script(script, &["--mock", "--http-debug=full"]).exits(0).says(&[
        "POST http://127.0.0.1",
        "X-Mine: shown",
        "the body",
        "200 OK",
    ]);
    assert!(!ran.stderr.lines().any(|l| l.contains("Authorization: Bearer")), "{}", ran.all());
}

#[test]
fn what_a_server_staples_about_its_certificate_is_told() {
    let (staples, pem) = server::tls_stapling(&["http/1.1"], include_bytes!("../scripts/ocsp/revoked.der").to_vec());
    let (good, _) = server::tls_stapling(&["h2"], include_bytes!("../scripts/ocsp/good.der").to_vec());
    let (silent, _) = server::tls(&["http/1.1"]);
    let script = r#"
        import http from 'k6/http'; import { check } from 'k6';
        export const options = { insecureSkipTLSVerify: true, systemTags: ['ocsp_status', 'url'],
          thresholds: { 'http_reqs{ocsp_status:revoked}': ['count==1'], 'http_reqs{ocsp_status:good}': ['count==1'], 'http_reqs{ocsp_status:unknown}': ['count==1'], checks: ['rate==1'] } };
        export default function () {
          const of = (port) => http.get(`https://localhost:${port}/`).ocsp;
          check(of(__ENV.STAPLES), {
            revoked: (o) => o.status === http.OCSP_STATUS_REVOKED && o.revocation_reason === http.OCSP_REASON_KEY_COMPROMISE,
            'times in seconds': (o) => o.revoked_at === 1767323045 && o.this_update === 1795789240 && o.next_update > o.produced_at,
          });
          check(of(__ENV.GOOD), { good: (o) => o.status === http.OCSP_STATUS_GOOD && o.revoked_at === 0 && o.revocation_reason === '' });
          check(of(__ENV.SILENT), { unknown: (o) => o.status === http.OCSP_STATUS_UNKNOWN && o.produced_at === 0 });
        }"#;
    let ports = [("STAPLES", &staples), ("GOOD", &good), ("SILENT", &silent)]
        .map(|(name, server)| format!("{name}={}", server.address.port()));
    let args = ["-e", &ports[0], "-e", &ports[1], "-e", &ports[2]];
    run_script(script, &args).exits(0);
    // With verification as well, and a revoked certificate does not fail the request.
    let verified = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';\n\
         export const options = {{ thresholds: {{ http_req_failed: ['rate==0'], checks: ['rate==1'] }} }};\n\
         export default () => check(http.get('https://localhost:{}/'), {{ told: (r) => r.ocsp.status === 'revoked' }});",
        staples.address.port()
    );
    let files = [("t.js", verified.as_str()), ("ca.pem", pem.as_str())];
    let ran = run_files_with(&files, &[("SSL_CERT_FILE", "ca.pem")], &["run", "t.js"]);
    ran.exits(0);
}
