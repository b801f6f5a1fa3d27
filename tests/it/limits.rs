//! Scripts, servers and systems that would take the program down or hang it: it ends in time, says why, and keeps the summary.

use crate::support::{inrush, run_script};

#[test]
fn a_script_that_takes_all_memory_ends_the_run_with_its_summary() {
    let ran = run_script(
        "const keep = [];\nexport const options = { vus: 1, duration: '50s' };\nexport default () => { for (;;) keep.push('x'.repeat(1000) + keep.length); };",
        &["--max-memory", "300MB", "-o", "json=o.json"],
    )
    .exits(107)
    .says(&["--max-memory", "286 MB"])
    .prints(&["TOTAL RESULTS"]);
    assert!(ran.file("o.json").contains("\"vus\""), "{}", ran.all());
}

#[test]
fn an_odd_environment_does_not_matter() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.js"), "export default () => console.log(`[${__ENV.ODD}]`);").unwrap();
    let out = inrush()
        .args(["run", "-q", "t.js"])
        .current_dir(dir.path())
        .env_remove("HOME")
        .env("ODD", std::ffi::OsStr::from_bytes(b"a\xffb"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && stderr.contains("[a\u{fffd}b]"), "{stderr}");
}

#[test]
fn a_closed_or_full_standard_output_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.js"), "export default () => {};").unwrap();
    for target in ["| head -c 1", "> /dev/full", ">&-", "2>&- >/dev/null"] {
        let command = format!("\"$0\" run t.js {target}; exit ${{PIPESTATUS[0]}}");
        let status = std::process::Command::new("bash")
            .args(["-c", &command, env!("CARGO_BIN_EXE_inrush")])
            .current_dir(dir.path())
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0), "{target}");
    }
}

#[test]
fn strings_may_be_built_up_in_a_loop() {
    // Copying the whole text for each part would take minutes.
    let script = "
export default () => {
  let text = '', wide = '', both = '';
  for (let i = 0; i < 400000; i++) {
    text += 'chunk ';
    wide = `${wide}wörter 世`;
    both += i % 1000 ? 'x' : '世';
  }
  const [a, b] = [text + 'a', text + 'b'];
  console.log([text.length, wide.length, both.length, a.slice(-3), b.slice(-3), text === 'chunk '.repeat(400000), wide.slice(-8), wide.indexOf('wörter', 3199990)].join('|'));
};";
    let started = std::time::Instant::now();
    run_script(script, &[]).exits(0).says(&["2400000|3200000|400000|k a|k b|true|wörter 世|3199992"]);
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn an_endless_chain_of_promises_is_stopped_at_the_end() {
    let script = "export const options = { scenarios: { a: { executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '0s' } } };
export default async () => { for (;;) await 0; };";
    let ran = run_script(script, &[]).exits(0);
    assert!(!ran.all().contains("left behind"), "{}", ran.all());
}
