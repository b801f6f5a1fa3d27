//! `k6/secrets`: where secrets come from, what goes wrong, and that none of them is ever shown.

use crate::server;
use crate::support::{run_checked, run_files, run_script};

#[test]
fn secrets_come_from_flags_files_and_servers() {
    let server = server::plain();
    // The server answers with what it was sent, so a header of the request serves as the secret.
    let url = format!(
        "url=name=vault,urlTemplate={}/echo/{{key}},headers.x-secret=from the vault,responsePath=headers.x-secret",
        server.base("http")
    );
    let script = "
import secrets from 'k6/secrets';
import { eq, done } from './eq.js';
export const options = { vus: 3, iterations: 3 };
const early = await secrets.get('cool');
export default async function () {
  eq('init', early, 'of the default');
  eq('default', await secrets.get('cool'), 'of the default');
  eq('by name', await secrets.source('default').get('cool'), 'of the default');
  eq('named', await secrets.source('other').get('cool'), 'of another');
  eq('served', await secrets.source('vault').get('anything'), 'from the vault');
  eq('no value', await secrets.get('missing').catch(e => String(e).includes('no value')), true);
  const third = secrets.source('third');
  eq('no source', await third.get('x').catch(e => String(e).includes('no secret source with name \"third\"')), true);
  done();
}";
    let args = ["--secret-source=mock=default,cool=of the default", "--secret-source=mock=name=other,cool=of another"];
    run_checked(script, &[&args[..], &["--secret-source", &url]].concat());
    assert_eq!(server.seen.requests.load(std::sync::atomic::Ordering::SeqCst), 1, "three VUs, one request");
}

#[test]
fn a_fetched_secret_is_never_shown() {
    let script = "
import http from 'k6/http';
import secrets from 'k6/secrets';
import { check, group } from 'k6';
export const options = { tags: { fixed: 'yes' } };
export async function setup() { return { token: await secrets.get('token') }; }
export default async function (data) {
  const token = await secrets.get('token');
  console.log('plain', token, [token], { token });
  http.get(`${__ENV.BASE}/echo?key=${encodeURIComponent(token)}`, { tags: { mine: token } });
  group(`group ${token}`, () => check(1, { [`check ${token}`]: () => true }));
  throw new Error(`thrown ${token}`);
}
export function teardown() { throw new Error(`at the end ${__ENV.GIVEN}`); }";
    let secret = "top \"secret\" / wörd";
    let dotenv = format!("token={secret}\n");
    let base = format!("BASE={}", server::plain().base("http"));
    let given = format!("GIVEN={secret}");
    let args = [
        "run",
        "--summary-export",
        "s.json",
        "--summary-mode=full",
        "-o",
        "json=o.json",
        "-o",
        "csv=o.csv",
        "-e",
        &base,
        "-e",
        &given,
    ];
    let args = [&args[..], &["--secret-source=file=s.env", "t.js"]].concat();
    let ran = run_files(&[("t.js", script), ("s.env", &dotenv)], &args).exits(107);
    let written = [ran.stdout.clone(), ran.stderr.clone(), ran.file("s.json"), ran.file("o.json"), ran.file("o.csv")];
    for text in &written {
        for piece in ["top \"sec", "top \\\"sec", "top \\\\\\\"sec", "top%20", "top \"\"sec", "wörd"] {
            assert!(!text.contains(piece), "{piece} in\n{text}");
        }
        assert!(text.contains("***SECRET_REDACTED***"), "{text}");
    }
    assert!(ran.stderr.contains("thrown ***SECRET_REDACTED***"), "{}", ran.all());
    assert!(ran.stderr.contains("at the end ***SECRET_REDACTED***"), "{}", ran.all());
    assert!(written[3].contains("\"mine\":\"***SECRET_REDACTED***\""), "{}", written[3]);

    let script = "import secrets from 'k6/secrets';\nexport default async () => console.log(await secrets.get('a'));";
    let run = |args: &[&str]| {
        run_files(&[("t.js", script)], &[&["run", "-q"], args, &["--secret-source=mock=a=hush hush", "t.js"]].concat())
    };
    let ran = run(&["--console-output", "c.txt", "--log-format=json"]).exits(0);
    assert!(
        ran.file("c.txt").contains("***SECRET_REDACTED***") && !ran.file("c.txt").contains("hush"),
        "{}",
        ran.all()
    );
}

#[test]
fn what_is_wrong_is_told_before_the_run_or_in_the_script() {
    let script = "import secrets from 'k6/secrets';\nexport default async () => { await secrets.get('x'); };";
    let ran = run_script(script, &[]).exits(0).says(&["no secret sources are configured", "--secret-source"]);
    assert!(ran.stderr.contains("source=stacktrace"), "{}", ran.all());
    let ran = run_script(
        script,
        &[
            "--secret-source=vault=hush",
            "--secret-source=file=missing.env",
            "--secret-source=url=urlTemplate=http://x/hush",
        ],
    )
    .exits(255)
    .says(&["there are 3 problems", "'vault'", "missing.env", "{key}"]);
    assert!(!ran.stderr.contains("hush"), "a configuration may hold secrets\n{}", ran.all());

    let base = server::plain().base("http");
    let refused = format!("url=urlTemplate={base}/status/404/{{key}},headers.Authorization=hush,maxRetries=3");
    let ran = run_script(script, &["--secret-source", &refused]).exits(0).says(&["failed to get secret 'x'", "404"]);
    assert!(!ran.stderr.contains("hush"), "{}", ran.all());
}

#[test]
fn sources_come_from_the_environment_too() {
    let dir = tempfile::tempdir().unwrap();
    let script =
        "import secrets from 'k6/secrets';\nexport default async () => console.log((await secrets.get('k')).length);";
    std::fs::write(dir.path().join("t.js"), script).unwrap();
    let server = server::plain();
    let run = |env: &[(&str, &str)]| {
        let output = crate::support::inrush()
            .args(["run", "-q", "t.js"])
            .current_dir(dir.path())
            .envs(env.iter().copied())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let text = run(&[("K6_SECRET_SOURCE", "mock=k=seven77")]);
    assert!(text.contains("msg=7 "), "{text}");
    let template = format!("{}/echo/{{key}}", server.base("http"));
    let text = run(&[
        ("K6_SECRET_SOURCE", "url"),
        ("K6_SECRET_SOURCE_URL_URL_TEMPLATE", &template),
        ("K6_SECRET_SOURCE_URL_HEADER_AUTHORIZATION", "Bearer 12"),
        ("K6_SECRET_SOURCE_URL_RESPONSE_PATH", "headers.authorization"),
    ]);
    assert!(text.contains("msg=9 "), "{text}");
}
