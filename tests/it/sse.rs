//! `k6/x/sse` as scripts of the community extension use it: against the mock, and against raw bytes for what no mock sends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::support::{Ran, pause, run_script};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Twice: a\r\nX-Twice: b\r\nConnection: close\r\n\r\n";

/// Serves every connection with `answer` until the test ends; gives the URL.
fn serve(answer: impl Fn(&mut TcpStream, &str) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                head.push(byte[0]);
            }
            answer(&mut stream, &String::from_utf8_lossy(&head));
        }
    });
    url
}

/// Runs a script with `sse`, `URL`, `is` and `thrown`; all its assertions must hold and it must reach its end.
#[track_caller]
fn holds(url: &str, body: &str, args: &[&str]) -> Ran {
    let script = format!(
        "import sse from 'k6/x/sse';
import {{ check }} from 'k6';
const URL = '{url}' || __ENV.INRUSH_BASE_URL;
const is = (name, got, want) => check(null, {{ [`${{name}} is ${{JSON.stringify(got)}}, expected ${{JSON.stringify(want)}}`]: () => JSON.stringify(got) === JSON.stringify(want) }});
const thrown = (f) => {{ try {{ f(); }} catch (e) {{ return String(e); }} return null; }};
const end = () => console.log('reached the end');
{body}"
    );
    let ran = run_script(&script, args).says(&["reached the end"]);
    assert!(!ran.stdout.contains('✗'), "{}", ran.all());
    ran
}

#[test]
fn events_comments_and_errors_as_the_extension_has_them() {
    let url = serve(|stream, head| {
        let custom = head.to_ascii_lowercase().contains("accept: text/custom") && head.starts_with("POST ");
        let id = if custom { "custom" } else { "plain" };
        let _ = write!(
            stream,
            "{HEAD}id: {id}\nevent: greeting\ndata: one\ndata: two\n\n: keep-alive\n\nretry: 5\nnonsense\n\ndata:last\r\n\r\ndata: lost"
        );
    });
    let ran = holds(
        &url,
        r"
export default () => {
  const seen = [], errors = [], opened = [], dead = [];
  const res = sse.open(URL, (client) => {
    client.on('open', (...args) => opened.push(args.length));
    client.on('event', (e) => seen.push([e.id, e.name, e.data, e.comment]));
    client.on('event', () => opened.push('second handler'));
    client.on('greeting', () => dead.push(1));
    client.on('error', (e) => errors.push(e.error(), String(e)));
  });
  is('events', seen, [['plain', 'greeting', 'one\ntwo', ''], ['', '', '', 'keep-alive'], ['', '', '', ''], ['', '', 'last', '']]);
  is('errors', errors, ['unknown event: nonsense', 'unknown event: nonsense']);
  is('open and second handler', opened, [0, 'second handler', 'second handler', 'second handler', 'second handler']);
  is('dead handlers', dead, []);
  is('response', [res.url, res.status, res.error, res.headers['Content-Type'], res.headers['X-Twice']], [URL, 200, '', 'text/event-stream', 'a, b']);
  let id = '';
  sse.open(URL, { method: ' POST ', body: 'x', headers: { accept: 'text/custom' }, tags: { mine: 'yes' } }, (c) => c.on('event', (e) => { id = id || e.id; }));
  is('headers are replaced, method is trimmed', id, 'custom');
  end();
};
export const options = { thresholds: { 'sse_event{mine:yes}': ['count==4'], 'http_reqs{mine:yes,status:200}': ['count==1'] } };",
        &[],
    )
    .exits(0);
    assert_eq!(ran.metric("sse_event", "count"), 8.0);
    assert_eq!(ran.metric("http_reqs", "count"), 2.0);
    let metrics = &ran.summary()["metrics"];
    assert!(metrics.get("http_req_waiting").is_none() && metrics.get("http_req_failed").is_none(), "{metrics}");
}

#[test]
fn closing_throwing_and_time_limits_end_the_stream() {
    let url = serve(|stream, _| {
        let _ = stream.write_all(HEAD.as_bytes());
        // Ends when the client has left.
        for n in 0..2_000 {
            if write!(stream, "data: {n}\n\n").is_err() {
                return;
            }
            pause(Duration::from_millis(5));
        }
    });
    holds(
        &url,
        r"
export default () => {
  let seen = 0;
  let res = sse.open(URL, null, (client) => client.on('event', () => { if (++seen === 3) { client.close(); client.close(); } }));
  is('close', [seen, res.status], [3, 200]);
  seen = 0;
  res = sse.open(URL, (client) => { client.close(); client.on('event', () => { seen++; }); });
  is('close at once', [seen, res.status], [0, 200]);
  is('a handler throws', thrown(() => sse.open(URL, (c) => c.on('event', () => { throw new Error('mine'); }))), 'Error: mine');
  is('setup throws', thrown(() => sse.open(URL, () => { throw new RangeError('early'); })), 'RangeError: early');
  const errors = [];
  const start = Date.now();
  res = sse.open(URL, { timeout: '200ms' }, (c) => c.on('error', (e) => { errors.push(e.error()); }));
  is('one error', [errors.length, res.status], [1, 200]);
  is('timeout', [/time/.test(errors[0]), Date.now() - start < 3000], [true, true]);
  end();
};",
        &[],
    );
}

#[test]
fn a_status_is_no_error_and_a_missing_server_is_one() {
    let url = serve(|stream, _| {
        let _ = stream.write_all(
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"error\":\"busy\"",
        );
        let _ = stream.write_all(b"\n");
    });
    let body = r"
export default () => {
  let called = 0;
  const errors = [];
  const res = sse.open(URL, (client) => { called++; client.on('error', (e) => errors.push(e.error())); });
  is('status', [res.status, called], [503, 1]);
  const gone = sse.open('http://127.0.0.1:1/', () => { called++; });
  is('no connection', [gone.status, gone.url, gone.headers, gone.error.length > 5, called], [0, '', {}, true, 1]);
  is('no arguments', /invalid number of arguments to sse.open/.test(thrown(() => sse.open(URL))), true);
  is('no function', /last argument to sse.open must be a function/.test(thrown(() => sse.open(URL, {}, 5))), true);
  is('timeout is a text', /invalid sse.open\(\) timeout: '500'/.test(thrown(() => sse.open(URL, { timeout: 500 }, () => {}))), true);
  is('tags', /invalid sse.open\(\) metric tags/.test(thrown(() => sse.open(URL, { tags: { a: {} } }, () => {}))), true);
  end();
};";
    holds(&url, body, &[]);
    let ran = holds(
        &url,
        "export const options = { throw: true };\nexport default () => { is('throws', thrown(() => sse.open('http://127.0.0.1:1/', () => {})) !== null, true); end(); };",
        &[],
    );
    assert_eq!(ran.metric("http_reqs", "count"), 1.0);
    run_script(
        "import sse from 'k6/x/sse';\nsse.open('http://127.0.0.1:1/', () => {});\nexport default () => {};",
        &[],
    )
    .exits(107)
    .says(&["using sse", "init context"]);
}

#[test]
fn a_model_streams_through_it() {
    let ran = holds(
        "",
        r"
export default () => {
  const body = JSON.stringify({ model: 'm', stream: true, stream_options: { include_usage: true }, max_tokens: 7, messages: [{ role: 'user', content: 'x' }] });
  let text = 0, usage = null, done = false;
  const res = sse.open(URL + '/chat/completions', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }, (client) => {
    client.on('event', (e) => {
      if (e.data === '[DONE]') { done = true; return; }
      const chunk = JSON.parse(e.data);
      if (chunk.choices.length && chunk.choices[0].delta.content) text++;
      if (chunk.usage) usage = chunk.usage.completion_tokens;
    });
  });
  is('stream', [res.status, text, usage, done], [200, 7, 7, true]);
  end();
};",
        &["--mock", "--mock-ttft", "20ms", "--mock-itl", "2ms"],
    );
    // Role, seven tokens, finish, usage, [DONE].
    assert_eq!(ran.metric("sse_event", "count"), 11.0);
}

#[test]
fn requests_as_the_extension_sends_them() {
    let server = crate::server::plain();
    let ran = holds(
        &server.base("http"),
        r"
import http from 'k6/http';
// An answer without blank lines has no events: what the server saw comes as an unknown line.
const ask = (path, params) => {
  let seen = null;
  const res = sse.open(URL + path, params, (c) => c.on('error', (e) => { const m = /^unknown event: (.*)$/.exec(e.error()); seen = m && JSON.parse(m[1]); }));
  return [seen, res];
};
export const options = { userAgent: 'tester/1', maxRedirects: 2, systemTags: ['url', 'status', 'ip', 'method', 'name', 'group'],
  thresholds: { 'http_reqs{ip:127.0.0.1,status:200}': ['count==7'], 'http_reqs{method:GET}': ['count==0'], 'http_reqs{name:x}': ['count==0'] } };
const lines = (path) => ask('/line' + path);
export default () => {
  let [seen] = ask('/line', { method: ' get ', headers: { 'X-A': 1, 'x-a': 2 } });
  is('method is as written, headers are set', [seen.method, seen.headers['x-a'], seen.headers.accept, seen.headers['user-agent'], seen.headers['content-type']], ['get', '2', 'text/event-stream', 'tester/1', undefined]);
  [seen] = ask('/line', { body: ' {} ', headers: { 'User-Agent': 'own', Accept: 'x/y' }, unknown: 1, tags: null });
  is('any method has a body', [seen.method, seen.body, seen.headers['user-agent'], seen.headers.accept], ['GET', '{}', 'own', 'x/y']);
  const first = seen.connection;
  [seen] = ask('/line', undefined);
  is('a connection of its own', seen.connection > first, true);
  const jar = new http.CookieJar();
  jar.set(URL, 'a', 'b');
  [seen] = ask('/line', { jar });
  is('jar', seen.headers.cookie, 'a=b');
  [seen] = ask('/line', { jar: 'no jar' });
  is('no jar', seen.headers.cookie, undefined);
  [seen] = ask('/line', { timeout: '1m' });
  is('timeout', seen.method, 'GET');
  const redirected = ask('/redirect/3', null)[1];
  is('Go follows ten redirects', redirected.status, 200);
  const loop = ask('/loop', null)[1];
  is('and no more', [loop.status, loop.url, loop.error], [0, '', 'stopped after 10 redirects']);
  end();
};",
        &[],
    );
    assert_eq!(ran.metric("http_reqs", "count"), 8.0);
    assert_eq!(ran.exits(0).code, 0);
}

#[test]
fn first_event_and_gaps_are_measured_at_the_socket() {
    let url = serve(|stream, _| {
        let _ = stream.write_all(HEAD.as_bytes());
        for n in 0..4 {
            pause(Duration::from_millis(60));
            let _ = write!(stream, "data: {n}\n\n");
        }
    });
    let ran = holds(
        &url,
        r"
import { sleep } from 'k6';
export default () => {
  let seen = 0;
  // A slow handler does not change what is measured.
  sse.open(URL, { tags: { mine: 'yes' } }, (c) => c.on('event', () => { if (++seen === 1) sleep(0.5); }));
  is('events', seen, 4);
  end();
};
export const options = { thresholds: { 'sse_ttfe{mine:yes}': ['min>=60'], 'sse_inter_event{status:200}': ['min>=50'] } };",
        &[],
    )
    .exits(0);
    let metrics = &ran.summary()["metrics"];
    assert!(metrics["sse_ttfe"]["max"].as_f64().unwrap() >= 60.0, "{metrics}");
    // Three gaps of 60 ms: the handler's half second is in none of them.
    assert!(metrics["sse_inter_event"]["med"].as_f64().unwrap() < 450.0, "{metrics}");
    // Twice, as in the extension: two samples of the same value.
    assert_eq!(metrics["http_req_sending"]["min"], metrics["http_req_sending"]["max"], "{metrics}");
}

#[test]
fn the_promise_twin_leaves_the_event_loop_free() {
    let url = serve(|stream, _| {
        let _ = write!(stream, "{HEAD}data: first\n\n");
        for n in 0..2_000 {
            pause(Duration::from_millis(5));
            if write!(stream, "data: {n}\n\n").is_err() {
                return;
            }
        }
    });
    holds(
        &url,
        r"
const refuses = async (f) => { try { await f(); } catch (e) { return String(e); } return null; };
export default async () => {
  let ticks = 0, opened = 0;
  const timer = setInterval(() => ticks++, 5);
  const take = (count) => { let seen = []; return sse.openAsync(URL, { tags: { a: 'b' } }, (client) => {
    client.on('open', () => opened++);
    client.on('event', async (e) => { seen.push(e.data); await null; if (seen.length === count) client.close(); });
  }).then((res) => [seen.length >= count, res.status, seen[0]]); };
  is('two at once', await Promise.all([take(5), take(10)]), [[true, 200, 'first'], [true, 200, 'first']]);
  is('meanwhile', [ticks > 0, opened], [true, 2]);
  clearInterval(timer);
  let held;
  const stopped = sse.openAsync(URL, (client) => { held = client; });
  setTimeout(() => held.close(), 30);
  is('closed from outside', (await stopped).status, 200);
  is('handler throws', await refuses(() => sse.openAsync(URL, (c) => c.on('event', () => { throw new Error('mine'); }))), 'Error: mine');
  is('setup throws', await refuses(() => sse.openAsync(URL, () => { throw new Error('early'); })), 'Error: early');
  const errors = [];
  const late = await sse.openAsync(URL, { timeout: '200ms' }, (c) => c.on('error', (e) => errors.push(e.error())));
  is('timeout', [errors.length, late.status], [1, 200]);
  const gone = await sse.openAsync('http://127.0.0.1:1/', () => {});
  is('no connection', [gone.status, gone.error.length > 5], [0, true]);
  is('no function', /last argument/.test(thrown(() => sse.openAsync(URL, {}, 5))), true);
  end();
};",
        &[],
    );
    let ran = run_script(
        &format!(
            "import sse from 'k6/x/sse';\nexport const options = {{ scenarios: {{ s: {{ executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '200ms' }} }} }};\nexport default () => {{ sse.openAsync('{url}', () => {{}}); }};"
        ),
        &[],
    )
    .exits(0);
    assert!(ran.took < Duration::from_secs(30), "{}", ran.all());
}

#[test]
fn the_polling_client_reads_in_the_background() {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&asked);
    let url = serve(move |stream, head| {
        let n = counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let path = head.split(' ').nth(1).unwrap_or_default();
        match path {
            "/flaky" if n % 3 < 2 => {
                let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
            "/plain" => {
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            }
            "/endless" => {
                for n in 0..100_000 {
                    if write!(stream, "{}data: {n}\n\n", if n == 0 { HEAD } else { "" }).is_err() {
                        return;
                    }
                }
            }
            _ => {
                let get = head.starts_with("POST") && head.to_lowercase().contains("cache-control: no-cache");
                let _ = write!(stream, "{HEAD}: only a comment\n\nnonsense\nevent: head\ndata: {get}\n\n");
                for n in 0..150 {
                    let _ = write!(stream, "data: {n}\n\n");
                }
            }
        }
    });
    let ran = holds(
        &url,
        r"
import { sleep } from 'k6';
const refuses = async (f) => { try { await f(); } catch (e) { return String(e); } return null; };
export const options = { thresholds: { 'sse_event{a:b}': ['count==151'], 'sse_ttfe{a:b}': ['min>=0'], 'http_reqs{a:b,status:200}': ['count==1'] } };
export default async () => {
  let client = sse.openAsync(URL, { method: 'post', tags: { a: 'b' }, timeout: 5000 });
  is('no error', client.getError(), '');
  const head = client.waitForEvent(null, 0);
  is('comments and nonsense are left out', [head.name, head.data, head.comment.length > 0], ['head', 'true', false]);
  is('status', client.getStatus(), 200);
  is('predicate', client.waitForEvent((e) => e.data === '20', 60000).data, '20');
  is('promise', (await client.waitForEventAsync((e) => e.data === '30', 60000)).data, '30');
  is('two at once', (await Promise.all([client.waitForEventAsync(), client.waitForEventAsync(null, 0)])).map((e) => e.data).sort(), ['31', '32']);
  is('no predicate', thrown(() => client.waitForEvent(5)), 'TypeError: predicate is not a function');
  is('predicate throws', await refuses(() => client.waitForEventAsync(() => { throw new Error('mine'); })), 'Error: mine');
  const rest = [];
  while (rest[rest.length - 1] !== '149') { sleep(0.005); rest.push(...client.pollEvents().map((e) => e.data)); }
  is('poll', [rest[0], rest.length], ['34', 116]);
  is('end', [thrown(() => client.waitForEvent(null, 0)), client.isOpen(), client.pollEvents()], ['Error: connection closed', false, []]);
  client.close(); client.close();
  is('closed', [thrown(() => client.waitForEvent()), await refuses(() => client.waitForEventAsync())], ['Error: client is closed', 'Error: client is closed']);

  client = sse.openAsync(URL + 'endless');
  client.waitForEvent((e) => e.data === '500');
  is('open', client.isOpen(), true);
  is('timeout', [thrown(() => client.waitForEvent(() => false, 50)), await refuses(() => client.waitForEventAsync(() => false, 50))], ['Error: timeout waiting for event', 'Error: timeout waiting for event']);
  const waits = refuses(() => client.waitForEventAsync(() => false));
  client.close();
  is('closed meanwhile', [await waits, client.isOpen()], ['Error: client is closed', false]);

  client = sse.openAsync(URL + 'plain');
  is('type', [await refuses(() => client.waitForEventAsync()), client.getError(), client.getStatus()], ['Error: connection closed: unexpected content-type: text/plain', 'unexpected content-type: text/plain', 200]);
  client = sse.openAsync('http://127.0.0.1:1/', { maxRetries: 1, baseDelay: 1 });
  is('no server', [thrown(() => client.waitForEvent()).startsWith('Error: connection closed: '), client.getStatus()], [true, 0]);
  for (const wrong of [{ maxRetries: -1 }, { baseDelay: 'x' }]) is('options', /invalid sse.openAsync\(\) (maxRetries|baseDelay)/.test(thrown(() => sse.openAsync(URL, wrong))), true);
  // Left open: the end of the iteration closes it.
  client = sse.openAsync(URL + 'endless', { tags: { left: 'open' } });
  client.waitForEvent();
  end();
};",
        &[],
    )
    .exits(0);
    assert!(ran.took < Duration::from_secs(60), "{}", ran.all());
    // The first, both endless ones; not those that failed.
    assert_eq!(ran.metric("http_reqs", "count"), 3.0);
    let before = asked.load(std::sync::atomic::Ordering::SeqCst);
    // Two refusals and a success, whichever request came first.
    asked.store(0, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(before, 4);
    holds(
        &url,
        r"
export default () => {
  const client = sse.openAsync(URL + 'flaky', { maxRetries: 2, baseDelay: 1, maxDelay: 5 });
  is('third time', client.waitForEvent((e) => e.name === 'head').data, 'false');
  is('once is too little', thrown(() => sse.openAsync(URL + 'flaky', { maxRetries: 1, baseDelay: 1 }).waitForEvent()), 'Error: connection closed: unexpected status code: 503');
  end();
};",
        &[],
    )
    .exits(0);
}
