//! What can be known to be wrong before the run: all of it in one report, and nothing written or sent before.

use crate::support::{inrush, run_files, run_script};

const OK: &str = "export default () => {};";

#[test]
fn one_report_has_the_problems_of_all_stages() {
    let script = "
export const options = { iterations: 5, scenarios: { a: { executor: 'constant-vus', exec: 'gone' }, b: { executor: 'nope', exec: 'gone2' } },
  thresholds: { nope_metric: ['count<1'], iterations: ['p(95)<1', 'count<'] }, blockHostnames: ['a*b'], odd: 1 };
export default () => {};";
    let args = [
        "run",
        "-q",
        "--mock",
        "--mock-ttft",
        "xx",
        "--mock-chunk-tokens",
        "0",
        "-o",
        "json=.",
        "-o",
        "xml",
        "-o",
        "csv=same",
        "--summary-export",
        "same",
        "-e",
        "BAD NAME=hidden",
        "--config",
        "gone.json",
        "t.js",
    ];
    let ran = run_files(&[("t.js", script)], &args).exits(104).says(&[
        "odd: unknown option",
        "--env BAD NAME",
        "'gone.json'",
        "--mock-ttft xx",
        "--mock-chunk-tokens is 1 to 1000",
        "`iterations` and `scenarios` options simultaneously",
        "scenarios.a.duration: is missing",
        "unknown executor `nope`",
        "blockHostnames",
        "'gone' (exec)",
        "'gone2' (exec)",
        "nope_metric",
        "p(95)<1",
        "count<",
        "unknown output `xml`",
        "-o json=.: '.' is a folder",
        "-o csv=same and --summary-export would both write to the file 'same'",
    ]);
    assert_eq!(ran.stderr.matches("error: ").count(), 1, "{}", ran.all());
    assert!(!ran.stderr.contains("hidden") && !ran.dir.path().join("same").exists(), "{}", ran.all());
    // Flags alone are a usage error; beside a script that cannot be read they are told too.
    run_script(OK, &["-o", "xml", "-o", "json=."]).exits(255).says(&["there are 2 problems", "xml", "is a folder"]);
    run_script("let a = ;", &["-o", "xml"]).exits(107).says(&["t.js:1:9", "unknown output `xml`"]);
}

#[test]
fn files_are_made_with_their_folders_or_refused_before_the_run() {
    let ran = run_script(OK, &["-o", "json=new/deep/o.json", "-o", "csv=other/o.csv"]).exits(0);
    assert!(ran.file("new/deep/o.json").contains("iterations"));
    assert!(ran.file("other/o.csv").starts_with("metric_name"));
    let script = "export default () => console.log('it ran');";
    for (file, why) in [("t.js/x", "Not a directory"), (".", "is a folder"), ("none/", "names a folder")] {
        let ran =
            run_files(&[("t.js", script)], &["run", "-q", "--summary-export", file, "t.js"]).exits(255).says(&[why]);
        assert!(!ran.stderr.contains("it ran"), "{}", ran.all());
    }
    // What is there stays until the run starts.
    let files = [("t.js", "export const options = { vus: -1 };\nexport default () => {};"), ("o.json", "precious")];
    let ran = run_files(&files, &["run", "-q", "-o", "json=o.json", "t.js"]).exits(104);
    assert_eq!(ran.file("o.json"), "precious");
    run_script(OK, &["-o", "json=x", "-o", "csv=./x"]).exits(255).says(&["both write"]);
    run_script(OK, &["-o", "json=/dev/null", "-o", "csv=/dev/null"]).exits(0);
    run_script(OK, &["-o", "json", "-o", "json=-"]).exits(255).says(&["standard output"]);
}

#[test]
fn numbers_that_cannot_be_meant() {
    for (flag, value) in [("-u", "-3"), ("--vus", "many"), ("-i", "1.5"), ("--rps", "-1")] {
        run_script(OK, &[flag, value]).exits(255).says(&["whole number of zero or more"]);
    }
    run_script(OK, &["-u", "1000000000", "-i", "1000000000"]).exits(104).says(&["1000000000 VUs", "600 GB"]);
    let million = ["-u", "1000000", "-i", "1000000"];
    run_script(&format!("/* {} */ {OK}", "x".repeat(200_000)), &million).exits(104).says(&["this machine has"]);
}

#[test]
fn the_target_is_shown_and_a_public_one_needs_a_key() {
    let made_in_init =
        "import ai from 'inrush/ai';\nconst m = ai.model('gpt-4o');\nexport default () => m.stream('x');";
    let made_in_vu = "import ai from 'inrush/ai';\nexport default () => ai.model('gpt-4o').stream('x');";
    for script in [made_in_init, made_in_vu] {
        run_script(script, &[]).exits(104).says(&["api.openai.com", "INRUSH_BASE_URL", "--mock", "OPENAI_API_KEY"]);
    }
    // A host that `hosts` maps to a machine of one's own is not the public one.
    let mapped = format!("export const options = {{ hosts: {{ 'api.openai.com': '127.0.0.1:1' }} }};\n{made_in_init}");
    run_script(&mapped, &[]).exits(0).says(&["model call failed: connection"]);
    let mut child = inrush()
        .args(["run", "--mock", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), made_in_init.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && stderr.contains("target: http://127.0.0.1:"), "{stderr}");
}
