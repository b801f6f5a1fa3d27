//! `k6/ws`: the blocking `connect`, against a real server.

use crate::support::{Ran, run_checked, run_script};
use crate::websocket_server::{Server, plain, tls};

/// Runs a script with `ws`, `URL`, `eq`, `throws` and `done`.
#[track_caller]
fn holds(server: &Server, body: &str, args: &[&str]) -> Ran {
    run_checked(&script(server, body), args)
}

fn script(server: &Server, body: &str) -> String {
    format!(
        "import ws from 'k6/ws';
import {{ check, group, sleep }} from 'k6';
import http from 'k6/http';
import {{ eq, throws, done }} from './eq.js';
const URL = '{}';
{body}",
        server.base("ws")
    )
}

#[test]
fn messages_timers_and_pings_go_both_ways() {
    let server = plain();
    let ran = holds(
        &server,
        r"
export const options = { thresholds: {
  'ws_sessions{mine:yes}': ['count==1'], 'ws_msgs_sent{mine:yes}': ['count==3'], 'ws_msgs_received{status:101}': ['count==2'],
  'ws_ping{group:::talk}': ['max<60000'], ['ws_session_duration{url:' + URL + '/echo}']: ['min>0'], ws_connecting: ['max<60000'],
} };
export default () => {
  const seen = [];
  let res;
  group('talk', () => { res = ws.connect(URL + '/echo', { tags: { mine: 'yes' } }, function (socket) {
    socket.on('open', (...args) => { seen.push(['open', args.length]); socket.send('one'); });
    socket.on('message', (data) => {
      seen.push(['message', data]);
      if (data === 'one') socket.sendBinary(new Uint8Array([1, 2, 255]).buffer);
    });
    socket.on('message', (data) => seen.push(['again', data]));
    socket.on('binaryMessage', (data) => { seen.push(['binary', data instanceof ArrayBuffer, Array.from(new Uint8Array(data))]); socket.ping(); });
    socket.on('pong', () => { seen.push(['pong']); let n = 0; socket.setInterval(() => { if (++n === 3) socket.send('close me'); }, 5); });
    socket.on('close', (code) => seen.push(['close', code]));
    socket.on('error', (e) => seen.push(['error', e.error()]));
    socket.setTimeout(() => seen.push(['never']), 60000);
    socket.setTimeout(() => { throw new Error('cleared by the close'); }, 50000);
  }); });
  eq('events', seen, [['open', 0], ['message', 'one'], ['again', 'one'], ['binary', true, [1, 2, 255]], ['pong'], ['close', 1000]]);
  eq('response', [res.status, res.url, res.error, res.body, res.headers['Upgrade'].toLowerCase()], [101, URL + '/echo', '', '', 'websocket']);
  check(res, { 'status is 101': (r) => r && r.status === 101 });
  done();
};",
        &[],
    );
    assert_eq!(ran.metric("ws_sessions", "count"), 1.0);
    assert_eq!(ran.metric("checks", "passes"), 1.0);
    assert!(ran.metric("data_sent", "count") > 150.0 && ran.metric("data_received", "count") > 100.0);
    assert!(ran.metric("ws_session_duration", "avg") >= ran.metric("ws_connecting", "avg"));
    server.heard("close 1000 as you wish");
}

#[test]
fn the_order_of_a_burst_is_kept_and_large_messages_arrive() {
    let server = plain();
    let ran = holds(
        &server,
        r"
export default () => {
  let next = 0, wrong = 0;
  ws.connect(URL + '/burst/1000', (socket) => socket.on('message', (m) => {
    if (m !== String(next++)) wrong++;
    if (next === 1000) socket.close();
  }));
  eq('burst', [next, wrong], [1000, 0]);
  let size = 0, pings = 0;
  ws.connect(URL + '/fragments/1048576', (socket) => {
    socket.on('ping', () => pings++);
    socket.on('binaryMessage', (m) => { size = m.byteLength; socket.setTimeout(() => socket.close(), 20); });
  });
  eq('fragments', [size, pings >= 9], [10485760, true]);
  const big = 'ä'.repeat(5 << 20);
  let back = '';
  ws.connect(URL + '/echo', (socket) => {
    socket.on('open', () => socket.send(big));
    socket.on('message', (m) => { back = m; socket.close(); });
  });
  eq('big', back === big, true);
  done();
};",
        &[],
    );
    assert_eq!(ran.metric("ws_msgs_received", "count"), 1002.0);
    assert!(ran.metric("data_received", "count") > 20e6, "{}", ran.all());
}

#[test]
fn closing_in_all_ways() {
    let server = plain();
    holds(
        &server,
        r"
const session = (path, more = () => {}) => {
  const seen = [];
  const res = ws.connect(URL + path, (socket) => {
    socket.on('message', (m) => seen.push(m));
    socket.on('close', (code) => seen.push(code));
    socket.on('error', (e) => seen.push(e.error()));
    more(socket, seen);
  });
  eq(path + ' status', res.status, 101);
  return seen;
};
export default () => {
  eq('server 1000', session('/close/1000/bye'), [1000]);
  eq('server 1001', session('/close/1001'), [1001]);
  eq('server 1011', session('/close/1011/oops'), ['websocket: close 1011 (internal server error): oops', 1011]);
  eq('server 4000', session('/close/4000/mine'), ['websocket: close 4000: mine', 4000]);
  eq('no code', session('/close-empty'), ['websocket: close 1005 (no status)', 1005]);
  eq('no close frame', session('/drop'), ['last words', 'websocket: close 1006 (abnormal closure): unexpected EOF', 1006]);
  const utf8 = session('/bad-utf8');
  eq('invalid UTF-8', [utf8.length, utf8[0].includes('1007') && utf8[0].includes('UTF-8'), utf8[1]], [2, true, 1007]);
  eq('protocol error', session('/bad-frame')[1], 1002);
  eq('default code', session('/echo', (socket) => socket.on('open', () => socket.close())), [1001]);
  eq('own code', session('/echo', (socket) => socket.close(4321)), [4321]);
  eq('twice', session('/echo', (socket) => { socket.close(1000); socket.close(1000); }), [1000]);
  eq('after close', session('/echo', (socket, seen) => socket.on('open', () => { socket.close(3000); socket.send('x'); socket.ping(); })), [3000, 'websocket: close sent', 'websocket: close sent']);
  eq('while the server talks', session('/talk', (socket, seen) => socket.on('message', (m) => { if (m === '3') socket.close(3001); })), ['0', '1', '2', '3', 3001]);
  eq('timeout', session('/echo', (socket) => socket.setTimeout(() => socket.close(), 10)), [1001]);
  done();
};",
        &[],
    );
    for said in ["close 1001", "close 4321", "close 3000", "close 3001", "close 1007 a text message is not valid UTF-8"]
    {
        server.heard(said);
    }
}

#[test]
fn exceptions_in_handlers_end_the_session() {
    let server = plain();
    let ran = holds(
        &server,
        r"
export default () => {
  for (const name of ['open', 'message', 'close']) {
    const closed = [];
    throws(name, () => ws.connect(URL + '/burst/1', (socket) => {
      socket.on('close', (code) => closed.push(code));
      socket.on(name, () => { throw new Error('mine'); });
      if (name === 'close') socket.on('message', () => socket.close());
    }), 'mine');
    eq(name, closed, [1001]);
  }
  throws('setup', () => ws.connect(URL + '/echo', () => { throw new RangeError('early'); }), 'early');
  throws('timer', () => ws.connect(URL + '/echo', (s) => s.setTimeout(() => { throw new Error('late'); }, 1)), 'late');
  done();
};",
        &[],
    );
    assert_eq!(ran.metric("ws_sessions", "count"), 5.0);
    assert_eq!(ran.summary()["metrics"]["ws_session_duration"]["min"].as_f64().map(|d| d > 0.0), Some(true));
}

#[test]
fn connections_that_fail_are_data_and_mistakes_throw() {
    let server = plain();
    let body = r"
export default () => {
  let called = 0;
  const res = ws.connect(URL + '/refuse', null, () => { called++; });
  eq('refused', [res.status, res.body, res.headers['X-Why'], res.url], [403, 'no room for you', 'quota', '']);
  eq('its error', res.error.includes('bad handshake') && res.error.includes('403 Forbidden') && res.error.includes('no room'), true);
  eq('accept', ws.connect(URL + '/wrong-accept', () => { called++; }).error.includes('Sec-WebSocket-Accept'), true);
  eq('no http', ws.connect(URL + '/no-http', () => { called++; }).error.length > 5, true);
  const gone = ws.connect('ws://127.0.0.1:1/', () => { called++; });
  eq('gone', [gone.status, gone.url, gone.headers, gone.body, /refused/.test(gone.error)], [0, '', {}, '', true]);
  eq('scheme', ws.connect('http://127.0.0.1/', () => { called++; }).error.includes('malformed ws or wss URL'), true);
  eq('header', ws.connect(URL, { headers: { upgrade: 'x' } }, () => { called++; }).error.includes('duplicate header'), true);
  eq('timeout', ws.connect(URL + '/hang', { timeout: '100ms' }, () => { called++; }).error.includes('within 100ms'), true);
  eq('never called', called, 0);
  throws('arguments', () => ws.connect(URL), 'invalid number of arguments to ws.connect');
  throws('function', () => ws.connect(URL, {}, 'x'), 'last argument to ws.connect must be a function');
  throws('tags', () => ws.connect(URL, { tags: { a: {} } }, () => {}), 'invalid ws.connect() metric tags');
  throws('compression', () => ws.connect(URL, { compression: 'lzma' }, () => {}), 'unsupported compression algorithm');
  ws.connect(URL + '/echo', (socket) => {
    throws('no argument', () => socket.sendBinary(), 'missing argument, expected ArrayBuffer');
    throws('view', () => socket.sendBinary(new Uint8Array(1)), 'received: Uint8Array');
    throws('text', () => socket.sendBinary('x'), 'received: String');
    throws('null', () => socket.sendBinary(null), 'received: null');
    throws('zero', () => socket.setTimeout(() => {}, 0), 'setTimeout requires a >0 timeout parameter, received 0.00');
    throws('none', () => socket.setInterval(() => {}), 'setInterval requires a >0 timeout parameter');
    socket.close();
  });
  done();
};";
    let ran = holds(&server, body, &[]);
    assert_eq!(ran.metric("ws_sessions", "count"), 8.0);
    holds(
        &server,
        "export const options = { throw: true };\nexport default () => { throws('refused', () => ws.connect(URL + '/refuse', () => {}), 'bad handshake'); throws('gone', () => ws.connect('ws://127.0.0.1:1/', () => {}), 'refused'); done(); };",
        &[],
    );
    run_script("import ws from 'k6/ws';\nws.connect('ws://127.0.0.1:1/', () => {});\nexport default () => {};", &[])
        .exits(107)
        .says(&["using websockets", "init context"]);
}

#[test]
fn headers_cookies_tags_and_subprotocols_travel() {
    let server = plain();
    holds(
        &server,
        r"
export const options = { userAgent: 'tester/1', thresholds: { 'ws_sessions{subproto:v2.chat}': ['count==1'], 'ws_msgs_received{name:short}': ['count==1'] } };
const headers = (params) => {
  let seen;
  const res = ws.connect(URL + '/headers', params, (socket) => socket.on('message', (m) => { seen = JSON.parse(m); socket.close(); }));
  return [seen, res];
};
export default () => {
  let [seen, res] = headers({ headers: { 'X-Mine': 7, 'Sec-WebSocket-Protocol': 'v1.chat, v2.chat', Authorization: 'Bearer t' }, tags: { name: 'short' } });
  eq('request', [seen['x-mine'], seen['user-agent'], seen.authorization, seen['sec-websocket-version'], seen.connection], ['7', 'tester/1', 'Bearer t', '13', 'Upgrade']);
  eq('subprotocol', res.headers['Sec-Websocket-Protocol'], 'v2.chat');
  eq('no cookie yet', seen.cookie, undefined);
  [seen] = headers({});
  eq('the jar was filled', seen.cookie, 'visited=yes');
  const jar = new http.CookieJar();
  jar.set(URL.replace('ws', 'http'), 'own', 'jar');
  [seen] = headers({ jar });
  eq('own jar', seen.cookie, 'own=jar');
  [seen] = headers({ headers: { 'user-agent': 'other' }, cookies: { a: 'b' }, compression: 'deflate' });
  eq('cookies', [seen.cookie, seen['user-agent'], seen['sec-websocket-extensions']], ['a=b; visited=yes', 'other', undefined]);
  done();
};",
        &[],
    )
    .says(&["compression is not supported"]);
}

#[test]
fn tls_and_host_options_of_the_run_apply() {
    let server = tls();
    let url = server.base("wss");
    let port = server.address.port();
    let talk = "(url) => { let got = ''; const res = ws.connect(url, (s) => { s.on('open', () => s.send('x')); s.on('message', (m) => { got = m; s.close(); }); }); return [res.status, got, res.error]; }";
    let script = |options: &str, body: &str| {
        format!(
            "import ws from 'k6/ws';\nimport {{ eq, done }} from './eq.js';\nexport const options = {options};\nconst talk = {talk};\nexport default () => {{ {body}\ndone(); }};"
        )
    };
    run_checked(&script("{ insecureSkipTLSVerify: true }", &format!("eq('tls', talk('{url}'), [101, 'x', '']);")), &[]);
    run_checked(
        &script(
            "{}",
            &format!(
                "const [status, , error] = talk('{url}'); eq('unknown authority', [status, /x509|certificate/.test(error)], [0, true]);"
            ),
        ),
        &[],
    );
    let options = format!(
        "{{ insecureSkipTLSVerify: true, hosts: {{ 'chat.test': '127.0.0.1:{port}' }}, blockHostnames: ['*.bad.test'], blacklistIPs: ['10.0.0.0/8'] }}"
    );
    run_checked(
        &script(
            &options,
            "eq('mapped', talk('wss://chat.test/').slice(0, 2), [101, 'x']); eq('blocked', /blocked/.test(talk('ws://a.bad.test/')[2]), true); eq('black', /blacklist/.test(talk('ws://10.1.1.1/')[2]), true);",
        ),
        &[],
    );
}

#[test]
fn graceful_stop_and_abort_end_a_blocking_connect() {
    let server = plain();
    let script = script(
        &server,
        r"
export const options = { scenarios: { s: { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '300ms' } } };
export default () => {
  ws.connect(URL + '/mute', (socket) => { socket.on('close', () => console.log('NEVER')); socket.setInterval(() => socket.ping(), 50); });
  console.log('NEVER');
};",
    );
    let script = script.replace("import { eq, throws, done } from './eq.js';", "");
    let ran = run_script(&script, &[]).exits(0);
    assert!(!ran.stderr.contains("NEVER"), "{}", ran.all());
    assert!(ran.took.as_secs() < 30, "{}", ran.all());
    server.heard("close 1001");
    assert_eq!(ran.metric("ws_sessions", "count"), 2.0);
}
