//! The mock by configuration file: several servers, faults by time and by its admin API, TLS.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::{inrush, run_files, run_in_env};

const CALLS: &str = "import ai from 'inrush/ai'; import http from 'k6/http';\n";

/// A mock of its own process, ended when it is dropped, and the lines it printed.
struct Mock(Child, Vec<String>);

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn mock(args: &[&str], dir: &std::path::Path, lines: usize) -> Mock {
    let mut command = inrush();
    command.arg("mock").args(args).current_dir(dir).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.as_mut().unwrap());
    let lines = out.lines().take(lines).map(Result::unwrap).collect();
    Mock(child, lines)
}

#[test]
fn servers_of_a_file_are_told_to_the_script_by_name() {
    let file = "itl: 1ms\nservers:\n  - { name: main, ttft: 1ms, fault: '0s:=503' }\n  - { name: back-up, ttft: 1ms, model: other }\n";
    let script = format!(
        "{CALLS}export default function () {{\n\
           const ask = (baseURL, model) => ai.model({{ baseURL, model }}).stream({{ prompt: 'x', maxTokens: 3 }});\n\
           const first = ask(__ENV.INRUSH_BASE_URL, 'm'), main = ask(__ENV.INRUSH_MOCK_MAIN_URL, 'm');\n\
           const backup = ask(__ENV.INRUSH_MOCK_BACK_UP_URL, 'other'), wrong = ask(__ENV.INRUSH_MOCK_BACK_UP_URL, 'm');\n\
           console.log([first, main, backup, wrong].map((r) => r.status).join());\n\
         }}\n"
    );
    let files = [("two.yaml", file), ("t.js", script.as_str())];
    run_files(&files, &["run", "-q", "--mock=two.yaml", "t.js"]).exits(0).says(&["503,503,200,404"]);
    // Flags beside the file hold before it.
    run_files(&files, &["run", "-q", "--mock=two.yaml", "--mock-model", "m", "t.js"])
        .exits(0)
        .says(&["503,503,404,200"]);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("two.yaml"), file).unwrap();
    let Mock(_, lines) = &mock(&["--config", "two.yaml"], dir.path(), 2);
    assert!(lines[0].starts_with("main http://127.0.0.1:") && lines[1].starts_with("back-up http://"), "{lines:?}");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_everything_else() {
    let files =
        [("bad.yaml", "ttfts: 1s\nservers: [{ name: a, rpm: x }]\n"), ("t.js", "export default function () {}")];
    let args = ["run", "--mock=bad.yaml", "--duration", "soon", "t.js"];
    let ran = run_files(&files, &args).says(&[
        "bad.yaml: ttfts: there is no such flag; did you mean `ttft`?",
        "bad.yaml: servers[0].rpm x:",
        "soon",
    ]);
    assert_ne!(ran.code, 0);
    run_files(&files, &["run", "--mock=none.yaml", "t.js"]).says(&["'none.yaml' cannot be read"]);
    run_files(&files, &["mock", "--config", "bad.yaml"]).says(&["bad.yaml: ttfts", "servers[0].rpm x:"]);
}

#[test]
fn faults_come_and_go_while_it_runs() {
    let script = format!(
        "{CALLS}const admin = __ENV.INRUSH_BASE_URL.replace('/v1', '/mock/admin');\n\
         export default function () {{\n\
           const ask = () => ai.stream({{ prompt: 'x', maxTokens: 3 }}).status;\n\
           const seen = [ask()];\n\
           const started = http.post(`${{admin}}/faults`, JSON.stringify({{ kinds: ['429'], for: '1h' }}));\n\
           seen.push(started.status, ask(), http.get(admin).json('faults.#'));\n\
           seen.push(http.del(`${{admin}}/faults`).json('ended'), ask());\n\
           // The two calls that are allowed are used up; anew after a reset.\n\
           seen.push(ask(), http.post(`${{admin}}/reset`).status, ask());\n\
           seen.push(http.post(`${{admin}}/faults`, '{{\"kinds\": \"nonsense\"}}').status);\n\
           console.log(seen.join());\n\
         }}\n"
    );
    let args = ["run", "-q", "--mock", "--mock-ttft", "1ms", "--mock-rpm", "2", "t.js"];
    run_files(&[("t.js", &script)], &args).exits(0).says(&["200,201,429,1,1,200,429,200,200,400"]);
}

#[test]
fn the_admin_api_is_for_this_machine_or_for_who_has_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let script = "import http from 'k6/http';\nexport default function () {\n\
         const admin = __ENV.INRUSH_BASE_URL.replace('/v1', '/mock/admin').replace('0.0.0.0', '127.0.0.1');\n\
         const get = (key) => http.get(admin, key ? { headers: { 'x-admin-key': key } } : {}).status;\n\
         console.log(`got ${get()},${get('wrong')},${get('s3cret')}`);\n}\n";
    for (args, says) in [
        (&["--listen", "0.0.0.0:0"][..], "got 403,403,403"),
        (&["--listen", "0.0.0.0:0", "--admin-key", "s3cret"][..], "got 401,401,200"),
        (&["--admin-key", "s3cret"][..], "got 401,401,200"),
    ] {
        let mock = mock(args, dir.path(), 1);
        let base = format!("INRUSH_BASE_URL={}", mock.1[0]);
        run_files(&[("t.js", script)], &["run", "-q", "-e", &base, "t.js"]).exits(0).says(&[says]);
    }
}

#[test]
fn it_speaks_tls_with_a_certificate_of_its_own_and_fails_to_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--tls", "cert.pem", "--ttft", "1ms", "--itl", "1ms"];
    let mock = mock(&args, dir.path(), 1);
    assert!(mock.1[0].starts_with("https://127.0.0.1:"), "{:?}", mock.1);
    let script = format!(
        "{CALLS}export const options = {{ noConnectionReuse: true }};\n\
         const admin = __ENV.INRUSH_BASE_URL.replace('/v1', '/mock/admin');\n\
         export default function () {{\n\
           const answer = ai.stream({{ prompt: 'x', maxTokens: 5 }});\n\
           const cut = ai.stream({{ prompt: 'x', maxTokens: 5 }}, {{ headers: {{ 'x-mock-error': 'reset:2' }} }});\n\
           http.post(`${{admin}}/faults`, JSON.stringify({{ kinds: 'tls-failure', for: '1h' }}));\n\
           const failed = ai.stream({{ prompt: 'x', maxTokens: 5 }});\n\
           console.log(`got ${{answer.ok}} ${{answer.chunks}}, ${{cut.ok}} ${{cut.chunks}}, ${{failed.status}}`);\n\
         }}\n"
    );
    std::fs::write(dir.path().join("t.js"), script).unwrap();
    let base = mock.1[0].clone();
    let certificate = dir.path().join("cert.pem");
    assert!(std::fs::read_to_string(&certificate).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    let trusted =
        [("INRUSH_MODEL", "m"), ("SSL_CERT_FILE", certificate.to_str().unwrap()), ("INRUSH_BASE_URL", base.as_str())];
    let ran = run_in_env(dir, &trusted, &["run", "-q", "--include-system-env-vars", "t.js"]).exits(0);
    ran.says(&["got true 5, false 2, 0", "model call failed: tls"]);
}

#[test]
fn every_kind_of_fault_is_seen_for_what_it_is() {
    let kinds = ["wrong-type", "refuse", "tls-failure", "header-flood", "split-utf8", "endless"];
    let script = format!(
        "{CALLS}export default function () {{ for (const kind of {}) {{\n\
           const r = ai.stream({{ prompt: 'x', maxTokens: 6 }}, {{ headers: {{ 'x-mock-error': kind }}, timeout: '500ms' }});\n\
           console.log(`${{kind}}: ${{r.ok}} ${{r.text.includes('€')}}`);\n\
         }} }}\n",
        serde_json::json!(kinds)
    );
    let ran = run_files(
        &[("t.js", &script)],
        &["run", "-q", "--mock", "--mock-ttft", "1ms", "--mock-itl", "1ms", "--summary-json", "s.json", "t.js"],
    )
    .exits(0);
    let summary: Value = serde_json::from_str(&ran.file("s.json")).unwrap();
    let mut errors: Vec<(String, u64)> = summary["ai"]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["kind"].as_str().unwrap().to_owned(), error["calls"].as_u64().unwrap()))
        .collect();
    errors.sort();
    let expected = [("connection", 2), ("protocol", 2), ("timeout", 1)].map(|(kind, calls)| (kind.to_owned(), calls));
    assert_eq!(errors, expected, "{}", ran.all());
    ran.says(&["split-utf8: true true"]);
}
