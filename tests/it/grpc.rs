//! `k6/net/grpc` against servers of our own: calls, streams, reflection, health, TLS, and everything that can go wrong.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::grpc_server::{GrpcServer, Ways, start};
use crate::support::{Ran, run_checked_files, run_files};

const GREETER: &str = include_str!("../scripts/protos/greeter.proto");
const HELLO: &str = include_str!("../scripts/protos/messages/hello.proto");

/// Runs a script that has `grpc`, `eq`, `throws`, `done`, a `client` with the descriptors loaded, and `ADDR`.
#[track_caller]
fn checked(server: &GrpcServer, body: &str, args: &[&str]) -> Ran {
    checked_at(&server.address.to_string(), body, args)
}

#[track_caller]
fn checked_at(address: &str, body: &str, args: &[&str]) -> Ran {
    let script = format!(
        "import grpc from 'k6/net/grpc';
import exec from 'k6/execution';
import {{ eq, throws, done }} from './eq.js';
const ADDR = '{address}', PLAIN = {{ plaintext: true }};
const client = new grpc.Client();
const methods = client.load(['.'], 'greeter.proto');
{body}"
    );
    let files = [("t.js", script.as_str()), ("greeter.proto", GREETER), ("messages_hello.proto", HELLO)];
    // Files lie side by side here, so the import is renamed.
    let greeter = GREETER.replace("messages/hello.proto", "messages_hello.proto");
    let files = files.map(|(name, text)| (name, if name == "greeter.proto" { greeter.as_str() } else { text }));
    run_checked_files(&files, "t.js", args)
}

#[test]
fn the_script_of_the_manual_runs_unchanged() {
    let server = start(Ways::default());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let script = folder.join("grpc.js");
    let address = format!("GRPC_ADDR={}", server.address);
    let args = ["run", "--summary-export", "s.json", "-e", &address, script.to_str().unwrap()];
    let ran = run_files(&[], &args).exits(0);
    assert!(!ran.stderr.contains("source=stacktrace"), "{}", ran.all());
    assert_eq!(ran.metric("grpc_streams", "count"), 4.0);
    assert_eq!(ran.metric("grpc_streams_msgs_sent", "count"), 6.0);
    assert!(ran.metric("data_received", "count") > 500.0);
    ran.prints(&["GRPC", "grpc_req_duration", "grpc_streams_msgs_received"]);
}

#[test]
fn a_unary_call_maps_messages_both_ways() {
    let server = start(Ways::default());
    let ran = checked(
        &server,
        r"
eq('methods', methods[0], { package: 'demo', service: 'Greeter', full_method: '/demo.Greeter/Hello' });
export const options = { thresholds: {
  'grpc_req_duration{service:demo.Greeter,method:Hello,status:0,name:/demo.Greeter/Hello,mine:yes}': ['max>0'],
  [`grpc_req_duration{url:${ADDR}/demo.Greeter/Hello}`]: ['max>0'],
  'grpc_req_duration{name:given}': ['max>0'],
  'grpc_req_duration{status:3}': ['max>0'],
} };
export default () => {
  eq('connect', client.connect(ADDR, PLAIN), true);
  const request = { name: 'N', number: '9007199254740993', counts: { b: 2, a: 1 }, mood: 'HAPPY', raw: 'AQI=', mail: 'm' };
  const res = client.invoke('demo.Greeter/Hello', request, { metadata: { 'X-One': 'a', 'x-two-bin': new Uint8Array([104, 105]) }, tags: { mine: 'yes' }, timeout: '5s' });
  eq('keys', Object.keys(res), ['message', 'error', 'headers', 'trailers', 'status']);
  eq('status', [res.status, res.error], [grpc.StatusOK, null]);
  eq('message', res.message.hello, { name: 'N', number: '9007199254740993', counts: { a: 1, b: 2 }, mood: 'HAPPY', raw: 'AQI=', at: null, mail: 'm', size: 0 });
  eq('number', res.message.number, '9007199254740993');
  eq('seen', /^127.0.0.1:\d+ timeout=5000000u accepts=identity,gzip agent=inrush/.test(res.message.text), true);
  eq('headers', [res.headers['x-one'], res.headers['x-two-bin'], res.headers['content-type']], [['a'], ['hi'], ['application/grpc+proto']]);
  eq('trailers', res.trailers, { 'x-end': ['yes'] });
  eq('with a slash, defaults', client.invoke('/demo.Greeter/Hello', {}, { tags: { name: 'given' } }).message.hello, { name: '', number: '0', counts: {}, mood: 'NEUTRAL', raw: '', at: null, size: 0 });
  eq('buffer', client.invoke('demo.Greeter/Hello', { raw: new Uint8Array([1, 2]).buffer }).message.hello.raw, 'AQI=');
  eq('discarded', client.invoke('demo.Greeter/Hello', { name: 'x' }, { discardResponseMessage: true }).message, null);
  eq('empty', client.invoke('demo.Greeter/Empty', {}).message, {});
  eq('gzip', client.invoke('demo.Greeter/Hello', { name: 'gzip' }).message.text.length, 1000);
  const bad = client.invoke('demo.Greeter/Hello', { name: 'error' });
  eq('error', [bad.status, bad.error], [grpc.StatusInvalidArgument, { code: 3, message: 'könnte sein', details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'BAD_NAME', domain: '', metadata: {} }] }]);
  eq('message of an error', bad.message, { text: '', number: '0', hello: null, blob: '' });
  const missing = client.invoke('demo.Greeter/Missing', {});
  eq('missing', [missing.status, missing.error.message], [grpc.StatusUnimplemented, 'unknown method /demo.Greeter/Missing']);
  eq('constants', [grpc.StatusUnauthenticated, grpc.StatusDeadlineExceeded, grpc.HealthCheckNotServing, grpc.HealthCheckServiceUnkown], [16, 4, 2, 3]);
  client.close();
  throws('closed', () => client.invoke('demo.Greeter/Hello', {}), 'no gRPC connection, you must call connect first');
  done();
};",
        &[],
    );
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "{}", ran.all());
}

#[test]
fn calls_that_fail_are_data_and_wrong_calls_throw() {
    let server = start(Ways::default());
    let ran = checked(
        &server,
        r"
throws('invoke in init', () => client.invoke('demo.Greeter/Hello', {}), 'init context');
throws('connect in init', () => client.connect(ADDR), 'init context');
throws('no file', () => client.load([], 'gone.proto'), 'gone.proto: no such file');
throws('paths', () => client.load('protos', 'x.proto'), 'must be an array');
throws('no set', () => client.loadProtoset('gone.bin'), 'protoset');
export default () => {
  throws('load', () => client.load([], 'greeter.proto'), 'must be called in the init context');
  throws('not connected', () => client.invoke('demo.Greeter/Hello', {}), 'you must call connect first');
  throws('stream', () => new grpc.Stream(client, 'demo.Greeter/Chat'), 'you must call connect first');
  throws('param', () => client.connect(ADDR, { plain: true }), 'unknown connect param: ' + JSON.stringify('plain'));
  throws('plaintext', () => client.connect(ADDR, { plaintext: 'yes' }), 'it needs to be boolean');
  throws('size', () => client.connect(ADDR, { maxReceiveSize: -1 }), 'positive integer');
  throws('timeout', () => client.connect(ADDR, { timeout: 'soon' }), 'invalid timeout value');
  throws('tls, not shown', () => client.connect(ADDR, { tls: 'PEM' }), 'invalid tls value: expected an object with (optional) cert, key, password and cacerts, not string');
  throws('tls', () => client.connect(ADDR, { tls: { cacerts: 'nonsense' } }), 'ca certificate [0]');
  throws('scheme', () => client.connect('http://' + ADDR, PLAIN), 'without http://');
  throws('port', () => client.connect('localhost', PLAIN), 'missing port');
  client.connect(ADDR, { plaintext: true, maxReceiveSize: 2000, maxSendSize: 3000 });
  throws('method', () => client.invoke('demo.Greeter/Helo', {}), 'method ' + JSON.stringify('/demo.Greeter/Helo') + ' not found in file descriptors');
  throws('empty', () => client.invoke('', {}), 'method to invoke cannot be empty');
  throws('nothing', () => client.invoke('demo.Greeter/Hello'), 'request cannot be nil');
  throws('field', () => client.invoke('demo.Greeter/Hello', { counts: { a: 'x' } }), 'counts[' + JSON.stringify('a') + ']: ' + JSON.stringify('x') + ' is not a 32-bit integer');
  throws('unknown field', () => client.invoke('demo.Greeter/Hello', { nam: 'x' }), 'did you mean');
  throws('unknown param', () => client.invoke('demo.Greeter/Hello', {}, { headers: {} }), 'unknown param');
  throws('metadata', () => client.invoke('demo.Greeter/Hello', {}, { metadata: { a: 1 } }), 'value must be a string');
  throws('binary', () => client.invoke('demo.Greeter/Hello', {}, { metadata: { 'a-bin': 'x' } }), 'must be binary');
  const status = (name, extra, params) => { const r = client.invoke('demo.Greeter/Hello', { name, ...extra }, params); return [r.status, r.error ? r.error.message : '']; };
  const says = (what, got, code, text) => { eq(what + ' ' + got[1], [got[0], got[1].includes(text)], [code, true]); };
  says('deadline', status('slow', {}, { timeout: 100 }), grpc.StatusDeadlineExceeded, 'deadline exceeded');
  says('html', status('html'), grpc.StatusUnavailable, '503');
  says('no message', status('none'), grpc.StatusInternal, 'without a message');
  says('garbage', status('garbage'), grpc.StatusInternal, 'demo.Reply');
  says('no trailers', status('cut'), grpc.StatusInternal, 'without sending trailers');
  says('too large', status('big', { size: 5000 }), grpc.StatusResourceExhausted, 'larger than max');
  says('too much', status('x'.repeat(4000)), grpc.StatusResourceExhausted, 'trying to send');
  says('bad metadata', status('x', {}, { metadata: { 'a b': 'c' } }), grpc.StatusInternal, 'a b');
  says('and still works', status('fine'), grpc.StatusOK, '');
  eq('health', [client.healthCheck().status, client.healthCheck('demo.Broken').status, client.healthCheck('demo.Greeter').message.status], [grpc.HealthCheckServing, grpc.HealthCheckNotServing, grpc.HealthCheckServing]);
  throws('health of nobody', () => client.healthCheck('nobody'), 'code = 5 desc = unknown service');
  done();
};",
        &[],
    );
    assert_eq!(server.cancelled.load(Ordering::SeqCst), 1, "the deadline resets the stream\n{}", ran.all());
}

#[test]
fn promises_and_streams_in_every_direction() {
    let server = start(Ways::default());
    let ran = checked(
        &server,
        r"
const wait = (name, params, write) => new Promise((resolve) => {
  const stream = new grpc.Stream(client, 'demo.Greeter/' + name, params);
  const seen = [];
  stream.on('metadata', (h) => seen.push('metadata ' + (h['x-stream'] || '')));
  stream.on('data', (d, meta) => { seen.push(d.text + ' ' + d.number); if (Math.abs(meta.ts - Date.now() / 1000) > 60) seen.push('ts ' + meta.ts); });
  stream.on('error', (e) => seen.push('error ' + e.code + ' ' + e.message));
  stream.on('status', (s) => seen.push('status ' + s.code));
  stream.on('end', () => { seen.push('end'); stream.write({ name: 'late' }); resolve(seen); });
  write(stream);
});
export default async () => {
  client.connect(ADDR, PLAIN);
  const [a, b] = await Promise.all([client.asyncInvoke('demo.Greeter/Hello', { number: 1 }), client.asyncInvoke('demo.Greeter/Hello', { number: 2 })]);
  eq('both', [a.message.number, b.message.number], ['1', '2']);
  let rejected = '';
  await client.asyncInvoke('demo.Greeter/Nope', {}).catch((e) => { rejected = String(e); });
  eq('rejected', rejected.includes('not found in file descriptors'), true);
  eq('server', await wait('Count', {}, (s) => { s.write({ name: 'c', number: 3 }); s.write({ name: 'ignored' }); }), ['metadata count', 'c 1', 'c 2', 'c 3', 'status 0', 'end']);
  eq('server fails', await wait('Count', {}, (s) => s.write({ name: 'fail', number: 1 })), ['metadata count', 'fail 1', 'error 13 lorem ipsum', 'status 13', 'end']);
  eq('client', await wait('Sum', {}, (s) => { for (const n of [1, 2, 3]) s.write({ name: 'n' + n, number: n }); s.end(); }), ['metadata ', 'n1,n2,n3 6', 'status 0', 'end']);
  eq('nothing written', await wait('Sum', {}, (s) => s.end()), ['metadata ', ' 0', 'status 0', 'end']);
  eq('both ways', await wait('Chat', {}, (s) => { s.write({ name: 'x' }); s.write({ name: 'y', number: 7 }); s.end(); }), ['metadata ', 're: x 0', 're: y 7', 'status 0', 'end']);
  eq('unary', await wait('Hello', { metadata: { 'x-stream': 'u' } }, (s) => s.write({ number: 4 })).then((s) => [s.length, s[0], s[3]]), [4, 'metadata u', 'end']);
  eq('missing', await wait('Missing', {}, (s) => s.write({})), ['error 12 unknown method /demo.Greeter/Missing', 'status 12', 'end']);
  const late = await wait('Chat', { timeout: '1s' }, (s) => s.write({ name: 'x' }));
  eq('deadline', late.slice(-3), ['error 4 context deadline exceeded', 'status 4', 'end']);
  // The head of an answer may have come before the script's mistake; no message may follow it.
  const wrong = (await wait('Sum', {}, (s) => s.write({ number: 'many' }))).filter((s) => !s.startsWith('metadata'));
  eq('wrong ' + wrong[0], [wrong[0].startsWith('error 2 ') && wrong[0].includes('number: '), wrong.slice(1)], [true, ['status 2', 'end']]);
  const many = await wait('Count', {}, (s) => s.write({ name: 'm', number: 3000 }));
  eq('many', [many.length, many[3000]], [3003, 'm 3000']);
  const nothing = await new Promise((resolve) => {
    const stream = new grpc.Stream(client, 'demo.Greeter/Count', { discardResponseMessage: true });
    let seen;
    stream.on('data', (d) => { seen = d; });
    stream.on('end', () => resolve(seen));
    throws('no function', () => stream.on('data', undefined), 'event isn' + String.fromCharCode(39) + 't a callable function');
    stream.write({ number: 1 });
  });
  eq('discarded', nothing, {});
  const closing = await wait('Chat', {}, (s) => { s.write({ name: 'x' }); s.on('data', () => client.close()); });
  eq('closed ' + closing, [closing[2].startsWith('error 1 '), closing[closing.length - 1]], [true, 'end']);
  done();
};",
        &[],
    );
    assert_eq!(ran.metric("grpc_streams", "count"), 12.0);
    // The stream with a deadline may have ended before its message came.
    let received = ran.metric("grpc_streams_msgs_received", "count");
    assert!((3011.0..=3012.0).contains(&received), "{received}");
}

#[test]
fn reflection_serves_methods_of_all_files() {
    for v1alpha_only in [false, true] {
        let server = start(Ways { v1alpha_only, ..Ways::default() });
        let ran = checked(
            &server,
            r"
export const options = { vus: 3, iterations: 6 };
const fresh = new grpc.Client();
export default () => {
  fresh.connect(ADDR, { plaintext: true, reflect: true, reflectMetadata: { 'x-a': 'b' } });
  const at = '2024-01-31T10:00:00Z';
  eq('call', fresh.invoke('demo.Greeter/Hello', { name: 'r', at }).message.hello.name, 'r');
  throws('other', () => fresh.invoke('demo.Greeter/Nope', {}), 'not found in file descriptors');
  eq('described only', fresh.invoke('demo.Other/Hello', {}).status, grpc.StatusUnimplemented);
  fresh.close();
  done();
};",
            &[],
        );
        assert_eq!(ran.metric("iterations", "count"), 6.0);
    }
}

/// A root, and what the server needs with it.
struct Certificates {
    root: String,
    client: (String, String),
    config: Arc<rustls::ServerConfig>,
}

fn certificates(mutual: bool) -> Certificates {
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = params.self_signed(&root_key).unwrap();
    let issuer = rcgen::Issuer::from_params(&params, &root_key);
    let issue = |names: &[&str]| {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let params = rcgen::CertificateParams::new(names).unwrap();
        (params.signed_by(&key, &issuer).unwrap(), key)
    };
    let (server, server_key) = issue(&["localhost"]);
    let (client, client_key) = issue(&["tester"]);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = if mutual {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(root.der().clone()).unwrap();
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = rustls::pki_types::PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(vec![server.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Certificates { root: root.pem(), client: (client.pem(), client_key.serialize_pem()), config: Arc::new(config) }
}

#[test]
fn tls_with_own_roots_and_client_certificates() {
    for mutual in [false, true] {
        let made = certificates(mutual);
        let server = start(Ways { tls: Some(made.config), ..Ways::default() });
        let address = format!("localhost:{}", server.address.port());
        let (cert, key) = made.client;
        let json = |text: &str| serde_json::to_string(text).unwrap();
        checked_at(
            &address,
            &format!(
                r"
const cacerts = {}, cert = {}, key = {}, mutual = {mutual};
export default () => {{
  throws('unknown root', () => client.connect(ADDR), 'certificate');
  throws('not by this name', () => client.connect(ADDR.replace('localhost', '127.0.0.1'), {{ tls: {{ cacerts, cert, key }} }}), 'certificate');
  client.connect(ADDR, {{ tls: {{ cacerts: [cacerts], cert, key }} }});
  eq('encrypted', client.invoke('demo.Greeter/Hello', {{ name: 'tls' }}).message.hello.name, 'tls');
  client.connect(ADDR.replace('localhost', '127.0.0.1'), {{ authority: 'localhost', tls: {{ cacerts, cert, key }} }});
  eq('authority', client.invoke('demo.Greeter/Hello', {{}}).message.text.split(' ')[0], 'localhost');
  if (mutual) throws('no certificate', () => {{ client.connect(ADDR, {{ tls: {{ cacerts }} }}); const r = client.invoke('demo.Greeter/Hello', {{}}); throw new Error(r.error.message); }}, 'connect');
  throws('plain', () => client.connect(ADDR, {{ plaintext: true, timeout: '5s' }}), 'server');
  throws('key', () => client.connect(ADDR, {{ tls: {{ cacerts, cert, key: 'k' }} }}), 'no private key');
  done();
}};",
                json(&made.root),
                json(&cert),
                json(&key)
            ),
            &[],
        );
    }
}

#[test]
fn servers_that_are_none() {
    // Accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let answering = |bytes: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = std::io::Write::write_all(&mut stream, bytes);
                // Read what comes, so that closing does not reset.
                let _ = std::io::Read::read(&mut stream, &mut [0; 100]);
            }
        });
        address
    };
    let http1 = answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let other = answering(b"220 mail.example.com ESMTP ready\r\n");
    let closing = answering(b"");
    let web = crate::server::plain().address.to_string();
    let ran = checked_at(
        &address,
        &format!(
            r"
export const options = {{ blacklistIPs: ['10.0.0.0/8'], hosts: {{ 'mapped.test': '127.0.0.1' }}, blockHostnames: ['blocked.test'] }};
export default () => {{
  const fails = (what, address, text) => throws(what, () => client.connect(address, {{ plaintext: true, timeout: '10s' }}), text);
  throws('silent', () => client.connect(ADDR, {{ plaintext: true, timeout: 300 }}), 'no gRPC connection within 300ms');
  fails('http1', '{http1}', 'HTTP/1');
  fails('other', '{other}', 'not HTTP/2');
  fails('closing', '{closing}', 'closed the connection');
  fails('web', '{web}', '{web}');
  fails('refused', '127.0.0.1:1', 'connection refused');
  fails('blocked range', '10.1.2.3:1', 'blacklistIPs');
  fails('blocked name', 'blocked.test:1', 'blockHostnames');
  fails('no such host', 'nowhere.invalid:1', 'nowhere.invalid');
  fails('mapped', 'mapped.test:1', 'dial 127.0.0.1:1');
  done();
}};"
        ),
        &[],
    );
    assert!(ran.took < Duration::from_secs(50), "{}", ran.all());
}

#[test]
fn open_streams_and_calls_end_with_the_run() {
    let server = start(Ways::default());
    let script = format!(
        r"
import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load(['protos'], 'greeter.proto');
export const options = {{ scenarios: {{
  stream: {{ executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '200ms', exec: 'stream' }},
  call: {{ executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '200ms', exec: 'call' }},
}} }};
export function stream() {{
  client.connect('{0}', {{ plaintext: true }});
  const open = new grpc.Stream(client, 'demo.Greeter/Chat');
  open.on('data', () => {{}});
  open.write({{ name: 'x' }});
}}
export function call() {{
  client.connect('{0}', {{ plaintext: true }});
  client.invoke('demo.Greeter/Hello', {{ name: 'slow' }});
}}",
        server.address
    );
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/protos");
    let script = script.replace("'protos'", &format!("'{}'", dir.display()));
    let ran = run_files(&[("t.js", &script)], &["run", "--summary-export", "s.json", "t.js"]).exits(0);
    assert!(ran.took < Duration::from_secs(15), "{}", ran.all());
    assert_eq!(ran.metric("grpc_streams", "count"), 2.0);
    assert_eq!(ran.metric("grpc_streams_msgs_received", "count"), 2.0);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while server.cancelled.load(Ordering::SeqCst) < 4 && std::time::Instant::now() < deadline {
        crate::support::pause(Duration::from_millis(20));
    }
    assert_eq!(server.cancelled.load(Ordering::SeqCst), 4, "the server learns that nobody waits any more");
}

#[test]
fn broken_protos_stop_the_run_with_their_place() {
    let script = "import grpc from 'k6/net/grpc'; const c = new grpc.Client(); c.load([], 'bad.proto'); export default () => {};";
    for (text, says) in [
        ("syntax = \"proto3\";\nmessage M {\n  string x 1;\n}\n", "bad.proto:3:"),
        ("syntax = \"proto3\";\nimport \"lost.proto\";\n", "bad.proto:2:1: import 'lost.proto' not found"),
    ] {
        run_files(&[("t.js", script), ("bad.proto", text)], &["run", "t.js"]).exits(107).says(&[says, "load"]);
    }
}

#[test]
fn a_broken_connection_is_made_anew() {
    // The first connection ends after its settings; the next one is a server's.
    let server = start(Ways::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, to) = (listener.local_addr().unwrap().to_string(), server.address);
    std::thread::spawn(move || {
        for (number, near) in listener.incoming().flatten().enumerate() {
            if number == 0 {
                let mut near = near;
                let _ = std::io::Write::write_all(&mut near, &[0, 0, 0, 4, 0, 0, 0, 0, 0]);
                crate::support::pause(Duration::from_millis(100));
                continue;
            }
            let far = std::net::TcpStream::connect(to).unwrap();
            let (mut a, mut b) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            let (mut c, mut d) = (far, near);
            std::thread::spawn(move || std::io::copy(&mut a, &mut b));
            std::thread::spawn(move || std::io::copy(&mut c, &mut d));
        }
    });
    checked_at(
        &address,
        r"
import { sleep } from 'k6';
export default () => {
  client.connect(ADDR, PLAIN);
  sleep(0.5);
  const seen = [];
  for (let i = 0; i < 3; i++) seen.push(client.invoke('demo.Greeter/Hello', {}).status);
  eq('works again', seen[2], grpc.StatusOK);
  done();
};",
        &[],
    );
}
