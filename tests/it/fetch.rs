//! The global `fetch` as scripts see it: bodies, redirects, failures, aborts, chunks that arrive one by one, and its samples.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use crate::server;
use crate::support::{Ran, run_checked};

fn against(base: &str, body: &str) -> Ran {
    let script = format!(
        "import {{ eq, done }} from './eq.js';\nconst BASE = __ENV.BASE;\nexport default async function () {{\n{body}\ndone();\n}}\n"
    );
    run_checked(&script, &["-e", &format!("BASE={base}")])
}

#[test]
fn requests_bodies_redirects_and_failures() {
    let server = server::plain();
    let ran = against(
        &server.base("http"),
        r#"
const name = async (p) => { try { await p; return 'fulfilled'; } catch (e) { return e.name; } };
let res = await fetch(`${BASE}/echo?q=1`, { headers: { 'X-Own': 'v' }, tags: { own: 'tag' } });
eq('head', [res.status, res.ok, res.redirected, res.url, res.bodyUsed], [200, true, false, `${BASE}/echo?q=1`, false]);
let seen = await res.json();
eq('get', [seen.method, seen.target, seen.headers['x-own'], res.bodyUsed], ['GET', '/echo?q=1', 'v', true]);
eq('twice', await name(res.text()), 'TypeError');
seen = await (await fetch(`${BASE}/echo`, { method: 'post', body: new URLSearchParams({ a: 'b c' }) })).json();
eq('params', [seen.method, seen.body, seen.headers['content-type']], ['POST', 'a=b+c', 'application/x-www-form-urlencoded;charset=UTF-8']);
seen = await (await fetch(`${BASE}/echo`, { method: 'PUT', body: 'text' })).json();
eq('text', [seen.method, seen.body, seen.headers['content-type']], ['PUT', 'text', 'text/plain;charset=UTF-8']);
const form = new FormData(); form.append('a', '1'); form.append('f', new File(['x'], 'n.txt', { type: 'text/x' }));
seen = await (await fetch(`${BASE}/echo`, { method: 'POST', body: form })).json();
eq('form', [seen.headers['content-type'].startsWith('multipart/form-data; boundary='), seen.body.includes('name="f"; filename="n.txt"\r\nContent-Type: text/x\r\n\r\nx\r\n')], [true, true]);
eq('buffer', (await (await fetch(`${BASE}/bytes/100000`)).arrayBuffer()).byteLength, 100000);
res = await fetch(`${BASE}/redirect/2`);
eq('follow', [res.status, res.redirected, res.url], [200, true, `${BASE}/echo`]);
eq('manual', (await fetch(`${BASE}/redirect/1`, { redirect: 'manual' })).status, 302);
eq('error', await name(fetch(`${BASE}/redirect/1`, { redirect: 'error' })), 'TypeError');
eq('nobody there', await name(fetch('http://127.0.0.1:1/')), 'TypeError');
eq('no url', await name(fetch('/path')), 'TypeError');
eq('get with body', await name(fetch(`${BASE}/echo`, { body: 'x' })), 'TypeError');
eq('aborted before', await name(fetch(`${BASE}/echo`, { signal: AbortSignal.abort() })), 'AbortError');
await fetch(`${BASE}/bytes/5000000`); // its body is left unread
await fetch(`${BASE}/echo`, { signal: AbortSignal.timeout(3000000) });
"#,
    );
    // Each hop of a redirect counts, and so does the failed request.
    assert!(ran.metric("http_reqs", "count") >= 13.0, "{}", ran.all());
    assert!(ran.metric("data_received", "count") > 5_000_000.0, "{}", ran.all());
    assert!(ran.took.as_secs() < 50, "{}", ran.all());
}

#[test]
fn chunks_arrive_as_they_are_sent_and_an_abort_ends_them() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (go, wait) = mpsc::channel::<()>();
        let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
        for stream in listener.incoming().flatten() {
            let (go, wait) = (go.clone(), std::sync::Arc::clone(&wait));
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|l| l.is_ok_and(|l| !l.is_empty())) {}
                let mut stream = stream;
                let mut send = |text: &str| stream.write_all(text.as_bytes());
                if first.contains("/go") {
                    go.send(()).unwrap();
                    send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").unwrap();
                    return;
                }
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").unwrap();
                // The second chunk is only sent once the script has the first.
                let _ = wait.lock().unwrap().recv();
                let _ = send("3\r\ntwo\r\n");
                if first.contains("/ends") {
                    let _ = send("0\r\n\r\n");
                } else {
                    // Open until the other side leaves.
                    let _ = lines.next();
                }
            });
        }
    });
    against(
        &base,
        r#"
const got = [];
for await (const chunk of (await fetch(`${BASE}/ends`)).body) {
  got.push(chunk instanceof Uint8Array, new TextDecoder().decode(chunk));
  if (got.length === 2) await (await fetch(`${BASE}/go`)).text();
}
eq('chunks', got, [true, 'one', true, 'two']);
const controller = new AbortController();
const res = await fetch(`${BASE}/open`, { signal: controller.signal });
const reader = res.body.getReader();
eq('first', new TextDecoder().decode((await reader.read()).value), 'one');
setTimeout(() => controller.abort(), 10);
let error; try { await reader.read(); } catch (e) { error = e.name; }
eq('aborted', error, 'AbortError');
"#,
    );
}
