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
