//! `k6/websockets`: the `WebSocket` of browsers on the event loop, against a real server.

use crate::support::{Ran, run_checked, run_script};
use crate::websocket_server::{Server, plain, tls};

fn script(server: &Server, body: &str) -> String {
    format!(
        "import {{ WebSocket, Blob }} from 'k6/websockets';
import {{ eq, throws, done }} from './eq.js';
const URL = '{}';
const until = (ws, name) => new Promise((resolve) => ws.addEventListener(name, resolve));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
{body}",
        server.base("ws")
    )
}

#[track_caller]
fn holds(server: &Server, body: &str, args: &[&str]) -> Ran {
    run_checked(&script(server, body), args)
}

#[test]
fn a_session_from_connecting_to_closed() {
    let server = plain();
    let ran = holds(
        &server,
        r"
export const options = { thresholds: {
  'ws_sessions{mine:yes}': ['count==1'], ['ws_msgs_received{name:' + URL + '/echo}']: ['count==2'], ['ws_ping{url:' + URL + '/echo}']: ['max<60000'],
  'ws_session_duration{status:101}': ['min>0'], ws_connecting: ['max<60000'],
} };
export default async () => {
  const seen = [];
  const ws = new WebSocket(URL + '/echo', null, { tags: { mine: 'yes' } });
  eq('before', [ws.readyState, ws.url, ws.protocol, ws.extensions, ws.bufferedAmount, ws.binaryType], [0, URL + '/echo', '', '', 0, 'blob']);
  eq('constants', [ws.CONNECTING, ws.OPEN, ws.CLOSING, ws.CLOSED, WebSocket.OPEN, ws instanceof WebSocket], [0, 1, 2, 3, 1, true]);
  throws('too early', () => ws.send('x'), 'InvalidStateError');
  throws('ping too early', () => ws.ping(), 'InvalidStateError');
  ws.binaryType = 'arraybuffer';
  throws('binaryType', () => { ws.binaryType = 'text'; }, 'unknown binaryType text');
  throws('handler', () => { ws.onmessage = 5; }, 'should be callable');
  throws('listener', () => ws.addEventListener('open', 5), 'callable');
  const removed = () => seen.push('removed');
  ws.addEventListener('message', removed);
  ws.removeEventListener('message', removed);
  ws.addEventListener('message', (e) => seen.push('listener'), { once: true });
  ws.onopen = (e) => { seen.push([e.type, e.target === ws, typeof e.timestamp, ws.readyState]); ws.send('one'); seen.push(ws.bufferedAmount); };
  ws.onmessage = (e) => {
    seen.push([e.type, e.data instanceof ArrayBuffer ? Array.from(new Uint8Array(e.data)) : e.data, e.origin]);
    if (e.data === 'one') ws.send(new Uint8Array([9, 1, 2]).subarray(1)); else ws.ping();
  };
  ws.onpong = (e) => { seen.push([e.type, ws.bufferedAmount]); ws.close(3001, 'enough'); seen.push(ws.readyState); ws.close(); };
  ws.onclose = (e) => seen.push([e.type, e.code, e.reason, e.wasClean, ws.readyState]);
  await until(ws, 'close');
  eq('events', seen, [['open', true, 'number', 1], 3, ['message', 'one', URL + '/echo'], 'listener', ['message', [1, 2], URL + '/echo'], ['pong', 0], 2, ['close', 3001, 'enough', true, 3]]);
  eq('handlers', [typeof ws.onmessage, ws.onerror, (ws.onmessage = null, ws.onmessage)], ['function', null, null]);
  throws('after', () => ws.send('x'), 'InvalidStateError');
  eq('close again', ws.close(), undefined);
  done();
};",
        &[],
    );
    server.heard("close 3001 enough");
    // As in k6: two messages, the ping and the close frame.
    assert_eq!(ran.metric("ws_msgs_sent", "count"), 4.0);
    assert_eq!(ran.metric("ws_sessions", "count"), 1.0);
}

#[test]
fn many_sockets_blobs_bursts_and_large_messages() {
    let server = plain();
    holds(
        &server,
        r"
export default async () => {
  const bursts = [1, 2, 3].map((n) => new Promise((resolve) => {
    const ws = new WebSocket(URL + '/burst/1000');
    let next = 0, wrong = 0;
    ws.onmessage = (e) => { if (e.data !== String(next++)) wrong++; if (next === 1000) ws.close(); };
    ws.onclose = () => resolve([next, wrong]);
  }));
  eq('bursts', await Promise.all(bursts), [[1000, 0], [1000, 0], [1000, 0]]);

  let ws = new WebSocket(URL + '/echo');
  await until(ws, 'open');
  const echo = async (what) => { ws.send(what); return (await until(ws, 'message')).data; };
  const blob = await echo(new Blob(['a', new Uint8Array([66]), new Blob(['c'])], { type: 'text/x' }));
  eq('blob', [blob instanceof Blob, blob.size, await blob.text(), Array.from(new Uint8Array(await blob.arrayBuffer()))], [true, 3, 'aBc', [97, 66, 99]]);
  eq('slice', [await blob.slice(1).text(), await blob.slice(-2, -1).text(), blob.slice(0, 1, 'a/b').type], ['Bc', 'B', 'a/b']);
  eq('view', await (await echo(new DataView(new Uint8Array([120, 121, 122]).buffer, 1, 1))).text(), 'y');
  eq('buffer', (await echo(new ArrayBuffer(5))).size, 5);
  const big = 'ä'.repeat(5 << 20);
  eq('big', (await echo(big)) === big, true);
  eq('empty', await echo(''), '');
  for (const wrong of [5, null, undefined, {}, []]) throws('unsupported', () => ws.send(wrong), 'unsupported send type');
  ws.send('close me');
  eq('by the server', (({ code, reason, wasClean }) => [code, reason, wasClean])(await until(ws, 'close')), [1000, 'as you wish', true]);

  ws = new WebSocket(URL + '/fragments/1048576');
  ws.binaryType = 'arraybuffer';
  let pings = 0;
  ws.onping = () => pings++;
  eq('fragments', (await until(ws, 'message')).data.byteLength, 10485760);
  eq('pings', pings >= 9, true);
  ws.close();
  await until(ws, 'close');
  done();
};",
        &[],
    );
}

#[test]
fn endings_and_errors() {
    let server = plain();
    holds(
        &server,
        r"
const ends = (path, more = () => {}) => new Promise((resolve) => {
  const seen = [];
  const ws = new WebSocket(path.startsWith('/') ? URL + path : path);
  ws.onopen = () => seen.push('open');
  ws.onmessage = (e) => seen.push(e.data);
  ws.onerror = (e) => seen.push(e.error);
  ws.onclose = (e) => { seen.push([e.code, e.reason, e.wasClean]); setTimeout(() => resolve(seen), 1); };
  more(ws, seen);
});
export default async () => {
  eq('1000', await ends('/close/1000/bye'), ['open', [1000, 'bye', true]]);
  eq('1001', await ends('/close/1001'), ['open', [1001, '', true]]);
  eq('1011', await ends('/close/1011/oops'), ['open', 'websocket: close 1011 (internal server error): oops', [1011, 'oops', true]]);
  eq('no code', await ends('/close-empty'), ['open', 'websocket: close 1005 (no status)', [1005, '', true]]);
  eq('no frame', await ends('/drop'), ['open', 'last words', 'websocket: close 1006 (abnormal closure): unexpected EOF', [1006, '', false]]);
  const utf8 = await ends('/bad-utf8');
  eq('utf8', [utf8[1].includes('UTF-8'), utf8[2][0]], [true, 1007]);
  eq('frame', (await ends('/bad-frame'))[2][0], 1002);
  const refused = await ends('/refuse');
  eq('refused', [refused[0].includes('403 Forbidden') && refused[0].includes('no room for you'), refused[1]], [true, [1006, '', false]]);
  eq('accept', (await ends('/wrong-accept'))[0].includes('Sec-WebSocket-Accept'), true);
  eq('gone', (await ends('ws://127.0.0.1:1/'))[0].includes('refused'), true);
  eq('before it was open', await ends('/echo', (ws) => ws.close()), ['websocket: closed before the connection was established', [1006, '', false]]);
  // Messages after our close are not delivered.
  eq('after close', await ends('/talk', (ws, seen) => { ws.onmessage = (e) => { seen.push(e.data); if (e.data === '2') ws.close(); }; }), ['open', '0', '1', '2', [1000, '', true]]);
  throws('no url', () => new WebSocket(), 'requires a url');
  throws('scheme', () => new WebSocket('http://x/'), 'scheme ws or wss');
  throws('text', () => new WebSocket('nothing'), 'valid url');
  throws('fragment', () => new WebSocket('ws://x/#y'), 'no url fragment');
  throws('option', () => new WebSocket(URL, null, { subprotocol: 'x' }), 'unknown WebSocket');
  throws('tags', () => new WebSocket(URL, null, { tags: { a: {} } }), 'metric tags');
  // As in k6.
  const plain = WebSocket(`${URL}/echo`);
  plain.onopen = () => plain.close();
  eq('without new', plain instanceof WebSocket, true);
  await ends('/echo', (ws) => { ws.onopen = () => {
    throws('code', () => ws.close(1001), 'The close code must be either 1000, or between 3000 and 4999. 1001 is neither');
    throws('reason', () => ws.close(3000, 'x'.repeat(124)), '123 bytes');
    ws.close();
  }; });
  new WebSocket(URL + '/echo').addEventListener('open', (e) => e.target.close());
  done();
};",
        &[],
    );
    for said in ["close 1000", "close 1007 a text message is not valid UTF-8"] {
        server.heard(said);
    }
    run_script(
        "import { WebSocket } from 'k6/websockets';\nnew WebSocket('ws://127.0.0.1:1/');\nexport default () => {};",
        &[],
    )
    .exits(107)
    .says(&["using websockets", "init context"]);
}

#[test]
fn subprotocols_headers_and_the_old_name() {
    let server = plain();
    let ran = holds(
        &server,
        r"
import { WebSocket as Old } from 'k6/experimental/websockets';
const ask = async (...args) => {
  const ws = new Old(URL + '/headers', ...args);
  const seen = JSON.parse((await until(ws, 'message')).data);
  ws.close();
  await until(ws, 'close');
  return [seen, ws.protocol];
};
export default async () => {
  let [seen, protocol] = await ask(['v1', 'v2'], { headers: { 'X-Mine': 'a' } });
  eq('protocols', [seen['sec-websocket-protocol'], protocol, seen['x-mine'], seen.cookie], ['v1, v2', 'v2', 'a', undefined]);
  [seen, protocol] = await ask('v3', { tags: { name: 'short' } });
  eq('one protocol', [seen['sec-websocket-protocol'], protocol, seen.cookie], ['v3', 'v3', 'visited=yes']);
  done();
};
export const options = { thresholds: { 'ws_sessions{subproto:v2}': ['count==1'], 'ws_sessions{name:short,url:short}': ['count==1'] } };",
        &[],
    );
    assert_eq!(ran.stderr.matches("k6/experimental/websockets is deprecated").count(), 1, "{}", ran.all());
    let server = tls();
    let url = server.base("wss");
    run_checked(
        &format!(
            "import {{ WebSocket }} from 'k6/websockets';\nimport {{ eq, done }} from './eq.js';\nexport const options = {{ insecureSkipTLSVerify: true }};\nexport default () => {{ const ws = new WebSocket('{url}'); ws.onopen = () => ws.send('x'); ws.onmessage = (e) => {{ eq('data', e.data, 'x'); ws.close(); done(); }}; }};"
        ),
        &[],
    );
}

#[test]
fn an_exception_in_a_handler_ends_the_iteration_and_the_socket() {
    let server = plain();
    let ran = run_script(
        &script(
            &server,
            r"
export const options = { iterations: 3 };
export default () => {
  const ws = new WebSocket(URL + '/talk');
  setInterval(() => console.log('LEFT OVER'), 100000);
  setTimeout(() => console.log('LEFT OVER'), 2000);
  ws.onmessage = () => { throw new Error('from a handler'); };
  ws.onerror = (e) => console.log('told: ' + e.error);
  ws.onclose = (e) => console.log('closed ' + e.code);
  if (__ITER === 2) { ws.onmessage = null; setTimeout(() => { throw new Error('from a timer'); }, 50); }
};",
        )
        .replace("import { eq, throws, done } from './eq.js';", ""),
        &[],
    )
    .exits(0)
    .says(&["Error: from a handler", "told: Error: from a handler", "closed 1006", "from a timer"]);
    assert!(!ran.stderr.contains("LEFT OVER"), "{}", ran.all());
    assert_eq!(ran.stderr.matches("source=stacktrace").count(), 3, "{}", ran.all());
    assert_eq!(ran.metric("iterations", "count"), 3.0);
    server.heard("close 1001");
}

#[test]
fn open_sockets_hold_the_iteration_until_it_is_cut() {
    let server = plain();
    let ran = run_script(
        &script(
            &server,
            r"
export const options = { scenarios: { s: { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '300ms' } } };
export default () => { const ws = new WebSocket(URL + '/mute'); ws.onclose = () => console.log('NEVER'); };",
        )
        .replace("import { eq, throws, done } from './eq.js';", ""),
        &[],
    )
    .exits(0);
    assert!(!ran.stderr.contains("NEVER") && ran.took.as_secs() < 30, "{}", ran.all());
    assert_eq!(ran.metric("ws_sessions", "count"), 2.0);
    assert!(ran.summary()["metrics"].get("iterations").is_none(), "{}", ran.all());
    server.heard("close 1001");
}
