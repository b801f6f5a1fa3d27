//! `k6/x/redis` against real Redis servers: one with a password, one behind TLS, a cluster, and a sentinel.
//!
//! Needs Debian's `redis-server`; without it these tests fail and say so.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{pause, run_checked, run_checked_files, run_script};

const PASSWORD: &str = "hush-hush-1";

/// A Redis server in a folder of its own; it ends with the test.
struct Server {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server; `port` is the one it is asked on, `args` its other settings.
fn start(port: u16, files: &[(&str, &str)], args: &[&str]) -> Server {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let child = Command::new("redis-server")
        .args(args)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("redis-server cannot be started ({e}); install it: apt-get install redis-server"));
    let server = Server { child, port, _dir: dir };
    let since = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(since.elapsed() < Duration::from_secs(30), "redis-server does not listen on port {port}");
        pause(Duration::from_millis(20));
    }
    server
}

fn plain(args: &[&str]) -> Server {
    let port = free_port();
    let port_text = port.to_string();
    let own = ["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    start(port, &[], &[&own, args].concat())
}

impl Server {
    /// The first line that a command is answered with.
    fn tell(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        writeln!(stream, "{command}\r").unwrap();
        let mut lines = BufReader::new(stream).lines();
        lines.next().unwrap().unwrap()
    }
}

#[test]
fn all_commands() {
    let server = plain(&["--requirepass", PASSWORD]);
    let script = "
import redis, { Client } from 'k6/x/redis';
import { Client as Old } from 'k6/experimental/redis';
import { eq, throws, done } from './eq.js';
const client = new redis.Client(`redis://:${__ENV.PASSWORD}@127.0.0.1:${__ENV.PORT}`);
const second = new Client({ socket: { host: '127.0.0.1', port: +__ENV.PORT, poolSize: 5 }, password: __ENV.PASSWORD, database: 1 });
const old = new Old({ addrs: [`127.0.0.1:${__ENV.PORT}`], password: __ENV.PASSWORD, db: 1 });
const fails = (promise) => promise.then((v) => `gave ${v}`, (e) => e.message);
const early = await fails(client.get('x'));
throws('unknown options', () => new Client({ addrs: ['a'], pasword: 'x' }), 'pasword');
throws('no options', () => new Client(), 'options');

export async function setup() {
  eq('early', [early.includes('init context'), client.isConnected()], [true, false]);
  return { set: await client.set('from setup', 'yes') };
}
export default async function (data) {
  const c = client;
  eq('setup', [data.set, await c.get('from setup'), c.isConnected()], ['OK', 'yes', true]);
  eq('values', [await c.set('s', 'ä'), await c.set('n', 1.5), await c.set('b', true), await c.mget('s', 'n', 'b', 'none')], ['OK', 'OK', 'OK', ['ä', '1.5', '1', null]]);
  eq('expiry', [await c.set('short', 'x', 100), (await c.ttl('short')) > 90, await c.persist('short'), await c.persist('short'), await c.ttl('short'), await c.ttl('none')],
    ['OK', true, true, false, -1, -2]);
  eq('expire', [await c.expire('short', 50), await c.expire('none', 50)], [true, false]);
  eq('get and change', [await c.getSet('s', 'new'), await c.getDel('s'), await c.exists('s', 'n', 'n'), await c.del('n', 'b', 'none')], ['ä', 'new', 2, 2]);
  eq('counters', [await c.incr('i'), await c.incrBy('i', 10), await c.decr('i'), await c.decrBy('i', 5)], [1, 11, 10, 5]);
  eq('lists', [await c.rpush('l', 'b', 'c', 1), await c.lpush('l', 'a'), await c.lrange('l', 0, -1), await c.llen('l'), await c.lindex('l', 1), await c.lset('l', 1, 'B'),
    await c.lrem('l', 0, 'c'), await c.lpop('l'), await c.rpop('l'), await c.lrange('l', 0, -1)], [3, 4, ['a', 'b', 'c', '1'], 4, 'b', 'OK', 1, 'a', '1', ['B']]);
  eq('hashes', [await c.hset('h', 'f', 1), await c.hsetnx('h', 'f', '2'), await c.hsetnx('h', 'g', '2'), await c.hget('h', 'f'), await c.hgetall('h'), await c.hkeys('h'),
    await c.hvals('h'), await c.hlen('h'), await c.hincrby('h', 'f', 4), await c.hdel('h', 'f', 'none'), await c.hgetall('none')],
    [1, false, true, '1', { f: '1', g: '2' }, ['f', 'g'], ['1', '2'], 2, 5, 1, {}]);
  eq('sets', [await c.sadd('m', 'a', 'b', 3), await c.sismember('m', 'a'), await c.sismember('m', 'z'), (await c.smembers('m')).sort(), await c.srem('m', 'b', 'z'),
    ['a', '3'].includes(await c.srandmember('m')), ['a', '3'].includes(await c.spop('m'))], [3, true, false, ['3', 'a', 'b'], 1, true, true]);
  eq('any command', [await c.sendCommand('ECHO', 'hello'), await c.sendCommand('ZADD', 'z', 1, 'one', 2, 'two'), await c.sendCommand('ZRANGE', 'z', 0, -1, 'WITHSCORES')],
    ['hello', 2, ['one', '1', 'two', '2']]);
  eq('a random key', typeof (await c.randomKey()), 'string');
  for (const missing of [c.get('none'), c.lpop('none'), c.hget('none', 'f'), c.getDel('none'), c.spop('none'), c.lindex('none', 0), second.randomKey()].map(fails)) {
    eq('nothing there', (await missing).startsWith('redis: nil'), true);
  }
  for (const [promise, text] of [
    [c.get('l'), 'WRONGTYPE Operation'], [c.incr('from setup'), 'ERR value is not an integer'], [c.lset('none', 0, 'x'), 'ERR no such key'], [c.sendCommand('NOPE'), 'ERR unknown command'],
    [c.set('o', { a: 1 }), 'argument at index 1'], [c.rpush('l', 'a', []), 'argument at index 2'], [c.sendCommand('SET', 'k', null), 'argument at index 2'],
    [c.get(), 'index 0 is missing'], [c.del(), 'index 0 is missing'], [c.incrBy('i', 'x'), 'whole number'],
  ].map(([promise, text]) => [fails(promise), text])) eq(text, (await promise).includes(text) || (await promise), true);
  const many = await Promise.all(Array.from({ length: 200 }, () => c.incr('many')));
  eq('at once', many.sort((a, b) => a - b), Array.from({ length: 200 }, (_, i) => i + 1));
  eq('databases', [await second.set('only here', 1), await old.get('only here'), await c.exists('only here')], ['OK', '1', 0]);
  const wrong = new Client({ socket: { host: '127.0.0.1', port: +__ENV.PORT }, password: 'not it' });
  const refused = await fails(wrong.get('x'));
  eq('a wrong password', [refused.includes('not it'), refused.startsWith('gave')], [false, false]);
  const nobody = new Client({ socket: { host: '127.0.0.1', port: 1 }, maxRetries: 1, minRetryBackoff: 1 });
  eq('nobody there', (await fails(nobody.get('x'))).includes('refused'), true);
  done();
}";
    let port = format!("PORT={}", server.port);
    let password = format!("PASSWORD={PASSWORD}");
    let ran = run_checked(script, &["-e", &port, "-e", &password]);
    assert!(!ran.stderr.contains(PASSWORD) && !ran.stderr.contains("not it"), "{}", ran.all());
    assert!(ran.metric("data_sent", "count") > 1000.0, "its bytes are counted\n{}", ran.all());
}

#[test]
fn a_broken_connection_is_opened_anew_and_rules_of_the_run_hold() {
    let server = plain(&[]);
    let script = "
import { Client } from 'k6/x/redis';
import { eq, done } from './eq.js';
export const options = { hosts: { 'redis.test': '127.0.0.1' }, blockHostnames: ['blocked.test'] };
const client = new Client(`redis://redis.test:${__ENV.PORT}`);
const impatient = new Client({ socket: { host: 'redis.test', port: +__ENV.PORT, readTimeout: 100 }, maxRetries: -1 });
const blocked = new Client({ socket: { host: 'blocked.test', port: 1 }, maxRetries: -1 });
const fails = (promise) => promise.then((v) => `gave ${v}`, (e) => e.message);
export default async function () {
  await client.set('k', 'v');
  const id = await client.sendCommand('CLIENT', 'ID');
  await impatient.sendCommand('CLIENT', 'KILL', 'ID', id);
  eq('again', await client.get('k'), 'v');
  eq('another connection', (await client.sendCommand('CLIENT', 'ID')) === id, false);
  eq('too slow', (await fails(impatient.sendCommand('BLPOP', 'none', 5))).includes('readTimeout'), true);
  eq('blocked', (await fails(blocked.get('k'))).includes('blocked'), true);
  done();
}";
    run_checked(script, &["-e", &format!("PORT={}", server.port)]);

    // An iteration that waits for an answer ends when its time is over.
    let script = "
import { Client } from 'k6/x/redis';
export const options = { scenarios: { s: { executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '0s' } } };
const client = new Client({ socket: { host: '127.0.0.1', port: +__ENV.PORT, readTimeout: 60000 } });
export default async () => { await client.sendCommand('BLPOP', 'none', 50); };";
    let ran = run_script(script, &["-e", &format!("PORT={}", server.port)]).exits(0);
    assert!(ran.took < Duration::from_secs(20), "{}", ran.all());
}

#[test]
fn encrypted_connections() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, private) = (key.cert.pem(), key.signing_key.serialize_pem());
    let port = free_port();
    let port_text = port.to_string();
    let args = [
        "--port",
        "0",
        "--tls-port",
        &port_text,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--tls-cert-file",
        "cert.pem",
        "--tls-key-file",
        "key.pem",
        "--tls-ca-cert-file",
        "cert.pem",
        "--tls-auth-clients",
        "yes",
    ];
    let server = start(port, &[("cert.pem", &cert), ("key.pem", &private)], &args);
    let script = "
import { Client } from 'k6/x/redis';
import { eq, throws, done } from './eq.js';
const cert = open('cert.pem'), key = open('key.pem');
const make = (tls) => new Client({ socket: { host: 'localhost', port: +__ENV.PORT, tls }, maxRetries: -1 });
const client = make({ ca: [cert], cert, key });
const stranger = make({ cert, key });
const damaged = make({ ca: ['nothing'] });
const fails = (promise) => promise.then((v) => `gave ${v}`, (e) => e.message);
export default async function () {
  eq('encrypted', [await client.set('k', 'v'), await client.get('k')], ['OK', 'v']);
  eq('an unknown root', (await fails(stranger.get('k'))).includes('certificate'), true);
  eq('no certificate', (await fails(damaged.get('k'))).includes('no certificate in PEM'), true);
  done();
}";
    let files = [("t.js", script), ("cert.pem", cert.as_str()), ("key.pem", private.as_str())];
    run_checked_files(&files, "t.js", &["-e", &format!("PORT={}", server.port)]);
}

#[test]
fn a_cluster_is_followed() {
    let node = || plain(&["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"]);
    let (first, second) = (node(), node());
    assert!(first.tell("CLUSTER ADDSLOTSRANGE 0 8191").starts_with("+OK"));
    assert!(second.tell("CLUSTER ADDSLOTSRANGE 8192 16383").starts_with("+OK"));
    assert!(first.tell(&format!("CLUSTER MEET 127.0.0.1 {}", second.port)).starts_with("+OK"));
    // Both know the other's slots once they redirect: `foo` is in slot 12182, `bar` in 5061.
    let since = Instant::now();
    while !first.tell("GET foo").starts_with("-MOVED 12182") || !second.tell("GET bar").starts_with("-MOVED 5061") {
        assert!(since.elapsed() < Duration::from_secs(40), "the nodes do not meet: {}", first.tell("GET foo"));
        pause(Duration::from_millis(50));
    }
    let script = "
import { Client } from 'k6/x/redis';
import { eq, done } from './eq.js';
const node = (port) => ({ socket: { host: '127.0.0.1', port: +port } });
const client = new Client({ cluster: { nodes: [node(__ENV.PORT)] } });
const both = new Client({ addrs: [`127.0.0.1:${__ENV.PORT}`, `127.0.0.1:${__ENV.OTHER}`] });
const fails = (promise) => promise.then((v) => `gave ${v}`, (e) => e.message);
export default async function () {
  const names = Array.from({ length: 60 }, (_, i) => `key ${i}`);
  for (const name of names) await client.set(name, name);
  eq('all', await Promise.all(names.map((name) => both.get(name))), names);
  eq('one slot', [await client.set('{tag}a', 1), await client.set('{tag}b', 2), await client.mget('{tag}a', '{tag}b')], ['OK', 'OK', ['1', '2']]);
  eq('several slots', (await fails(client.mget('foo', 'bar'))).includes('CROSSSLOT'), true);
  done();
}";
    let (port, other) = (format!("PORT={}", first.port), format!("OTHER={}", second.port));
    run_checked(script, &["-e", &port, "-e", &other]);
    for node in [&first, &second] {
        let size: u32 = node.tell("DBSIZE").trim_start_matches(':').parse().unwrap();
        assert!(size > 10, "both nodes hold some keys, this one {size}");
    }
}

#[test]
fn a_sentinel_names_the_master() {
    let master = plain(&[]);
    let port = free_port();
    let config = format!("port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {} 1\n", master.port);
    let sentinel = start(port, &[("s.conf", &config)], &["s.conf", "--sentinel"]);
    let script = "
import { Client } from 'k6/x/redis';
import { eq, done } from './eq.js';
const client = new Client({ addrs: ['127.0.0.1:1', `127.0.0.1:${__ENV.PORT}`], masterName: 'main', db: 2 });
const other = new Client({ addrs: [`127.0.0.1:${__ENV.PORT}`], masterName: 'other' });
export default async function () {
  eq('through the sentinel', [await client.set('k', 'v'), await client.get('k')], ['OK', 'v']);
  eq('unknown', await other.get('k').catch((e) => e.message.includes(\"knows no master 'other'\")), true);
  done();
}";
    run_checked(script, &["-e", &format!("PORT={}", sentinel.port)]);
    assert_eq!(master.tell("INFO keyspace").chars().next(), Some('$'));
}
