//! `inrush sanitize` as a whole: files in, files out, what is said and the exit code; memory stays bounded.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Ran, inrush, run_files, run_in};

/// What nobody may see of the example log.
const PRIVATE: &[&str] =
    &["Maria", "Keller", "Okafor", "mail.test", "5550123", "0532", "4111", "k7Qz93mXv2LpT8wR", "10.20.30.40"];

fn example() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/production-log.jsonl");
    std::fs::read_to_string(path).unwrap()
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[track_caller]
fn clean(ran: &Ran, files: &[&str]) {
    let mut all = vec![ran.all()];
    all.extend(files.iter().map(|file| ran.file(file)));
    for text in all {
        PRIVATE.iter().for_each(|private| assert!(!text.contains(private), "`{private}` is in {text}"));
    }
}

#[test]
fn a_log_becomes_a_dataset_a_trace_a_profile_and_a_report() {
    let log = example();
    assert!(PRIVATE.iter().all(|private| log.contains(private)));
    let args = [
        "sanitize",
        "log.jsonl",
        "-o",
        "p.jsonl",
        "--trace",
        "t.jsonl",
        "--profile",
        "profile.json",
        "--report",
        "r.json",
        "--field",
        "user.name",
        "--salt",
        "pepper",
    ];
    let ran = run_files(&[("log.jsonl", &log)], &args).exits(0).says(&[
        "5 requests in 6 entries",
        "1 entries have no prompt",
        "email",
        "field:user.name",
        "dataset: p.jsonl",
    ]);
    clean(&ran, &["p.jsonl", "t.jsonl", "profile.json", "r.json"]);
    assert!(!ran.all().contains("pepper"));
    let made = rows(&ran.file("p.jsonl"));
    let at: Vec<f64> = made.iter().map(|row| row["at"].as_f64().unwrap()).collect();
    assert_eq!(at, [0.0, 0.42, 1.1, 3.25, 4.0]);
    assert_eq!((&made[0]["inputTokens"], &made[0]["outputTokens"]), (&52.into(), &11.into()));
    let text = |row: usize| made[row]["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
    assert!(text(0).contains("My order 4711 has not come") && text(3).contains("since version 2.14.0.1?"), "{made:?}");
    assert_eq!(text(4), "What is 3.14159 times 2024-03-02? Just kidding. Opening hours?");
    // One person, one address, over the whole run.
    let mail = |text: &str| {
        text.split_whitespace().find(|word| word.contains("@example.")).unwrap().trim_end_matches('?').to_owned()
    };
    assert_eq!(mail(text(0)), mail(text(2)));
    let name =
        |text: &str, after: &str| text.split_once(after).unwrap().1.split_whitespace().next().unwrap().to_owned();
    assert_eq!(name(text(0), "Hello, "), name(text(2), "It is "));

    let trace = rows(&ran.file("t.jsonl"));
    assert_eq!(trace[1].to_string(), r#"{"at":0.42,"inputTokens":37,"outputTokens":6}"#);
    let profile: Value = serde_json::from_str(&ran.file("profile.json")).unwrap();
    assert_eq!(
        (&profile["requests"], &profile["inputTokens"]["dist"], &profile["arrivals"]["counts"]),
        (&5.into(), &"histogram".into(), &serde_json::json!([2, 1, 0, 1, 1]))
    );
    let report: Value = serde_json::from_str(&ran.file("r.json")).unwrap();
    let total = |kind: &str| report["found"][kind]["total"].as_u64().unwrap_or(0);
    let found = ["email", "phone", "iban", "card", "ipv4", "secret", "field:user.name"].map(total);
    assert_eq!(found, [2, 1, 1, 1, 1, 1, 2], "{report}");
    assert_eq!(report["found"]["email"]["fields"]["messages[user].content"], 2);

    // The same salt gives the same pseudonyms, none gives others each time.
    let first = ran.file("p.jsonl");
    let again =
        run_in(ran.dir, &["sanitize", "log.jsonl", "-o", "-", "--field", "user.name", "--salt", "pepper"]).exits(0);
    assert_eq!(again.stdout, first);
    let other = run_in(again.dir, &["sanitize", "log.jsonl", "-o", "-", "--field", "user.name"]).exits(0);
    assert_ne!(other.stdout, first);
    let third = run_in(other.dir, &["sanitize", "log.jsonl", "-o", "q.jsonl", "--field", "user.name"]).exits(0);
    assert_ne!(third.file("q.jsonl"), first);
}

/// What examples/production-prompts.js sends is what the command makes of the log beside it.
#[test]
fn the_prompts_of_the_example_are_those_of_its_log() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/prompts.jsonl");
    let kept = std::fs::read_to_string(path).unwrap();
    let args = ["sanitize", "log.jsonl", "-o", "-", "--field", "user.name", "--salt", "example"];
    assert_eq!(run_files(&[("log.jsonl", &example())], &args).exits(0).stdout, kept);
}

#[test]
fn broken_entries_are_told_and_lose_nothing_else() {
    let log = "{\"prompt\": \"a\", \"ts\": 20}\n{\"prompt\": \"secret-one\n{\"prompt\": \"b\", \"ts\": 10}\nnope\n";
    let ran = run_files(&[("log.jsonl", log)], &["sanitize", "log.jsonl", "-o", "p.jsonl", "--report", "r.json"])
        .exits(255)
        .says(&[
            "2 of 4 entries could not be read, and are in no output; the 2 requests that could be are complete",
            "log.jsonl:2: it is JSON that was cut off",
            "log.jsonl:4: it is not JSON, from character",
            "--skip-broken",
        ]);
    assert!(!ran.all().contains("secret-one") && !ran.file("r.json").contains("secret-one"));
    // The second came before the first: times are mended in a file.
    let at: Vec<f64> = rows(&ran.file("p.jsonl")).iter().map(|row| row["at"].as_f64().unwrap()).collect();
    assert_eq!(at, [10.0, 0.0]);
    assert!(!ran.dir.path().join("p.jsonl.part").exists());
    let ran = run_in(ran.dir, &["sanitize", "log.jsonl", "-o", "-", "--skip-broken"])
        .exits(0)
        .says(&["came before the first one"]);
    assert!(rows(&ran.stdout)[1].get("at").is_none());
}

#[test]
fn wrong_flags_are_told_at_once() {
    let args = [
        "sanitize",
        "log.jsonl",
        "gone.jsonl",
        "-o",
        "log.jsonl",
        "--trace",
        "t",
        "--profile",
        "t",
        "--format",
        "openia",
        "--field",
        "a..b",
        "--pattern",
        "x=(",
        "--tokenizer",
        "none",
    ];
    run_files(&[("log.jsonl", "{}")], &args).exits(255).says(&[
        "'gone.jsonl' cannot be read",
        "'log.jsonl' is one of the logs",
        "'t' is already where --trace goes",
        "unknown format 'openia'",
        "'a..b' is no path",
        "--pattern: x:",
        "unknown tokenizer 'none'",
    ]);
    run_files(&[("log.jsonl", "{}")], &["sanitize", "log.jsonl"]).exits(255).says(&["nothing would be written"]);
    run_files(&[("log.jsonl", "{\"a\": 1}")], &["sanitize", "log.jsonl", "-o", "p"])
        .exits(255)
        .says(&["no request was found in 1 entries"]);
    run_files(&[("log.jsonl", "{\"prompt\": \"x\"}")], &["sanitize", "log.jsonl", "-o", "no/such/p"])
        .exits(255)
        .says(&["'no/such/p' cannot be written"]);
}

#[test]
fn tables_and_compressed_logs_from_standard_input() {
    let table =
        "time;prompt;completion\n2026-03-02 09:00:00;\"mail bob@corp.test\nplease\";ok\n2026-03-02 09:00:01;Hi;\n";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(table.as_bytes()).unwrap();
    let compressed = encoder.finish().unwrap();
    let mut child: std::process::Child = {
        let mut command: Command = inrush();
        command.args(["sanitize", "-", "-o", "-", "--tokenizer", "o200k_base"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    child.stdin.take().unwrap().write_all(&compressed).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = rows(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!((made.len(), &made[1]["at"], &made[0]["outputTokens"]), (2, &1.into(), &1.into()));
    let text = made[0]["messages"][0]["content"].as_str().unwrap();
    assert!(text.starts_with("mail ") && text.ends_with("\nplease") && !text.contains("corp"), "{text}");
}

/// 24 MB through a process that may not grow: entries are forgotten when they are written.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_log() {
    let mut child = inrush()
        .args(["sanitize", "-", "-o", "-", "--profile", "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(400);
    let line = format!("{{\"prompt\": \"{text}\", \"inputTokens\": 4000, \"outputTokens\": 5, \"ts\": 1}}\n");
    let memory = |pid: u32| -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let mut after_a_tenth = 0;
    let lines = 24_000_000 / line.len();
    for n in 0..lines {
        input.write_all(line.as_bytes()).unwrap();
        if n == lines / 10 {
            after_a_tenth = memory(child.id());
        }
    }
    let at_the_end = memory(child.id());
    drop(input);
    assert!(child.wait().unwrap().success());
    assert!(at_the_end < after_a_tenth + 20_000, "{after_a_tenth} kB after a tenth, {at_the_end} kB at the end");
}

/// Texts made to be slow: beginnings of what detectors look for, again and again without a space. If any detector looked at all of the text for
/// each, a megabyte would take hours.
#[test]
fn time_grows_with_the_text_and_no_faster() {
    let parts = [
        "a@",
        "a@b.cc;",
        "eyJ-",
        "eyJhbGciOiJI.",
        "-----BEGIN PRIVATE KEY-----",
        "://a@",
        "&token=a",
        "1 ",
        "4111-",
        "+49",
        "00",
        "DE89",
        "1.1.1.1.",
        "a:",
        "::",
        "sk-",
        "password",
        "phone ",
        "aB3",
        "(",
        "\u{a0}0170",
    ];
    let log: String = parts
        .iter()
        .map(|part| {
            format!(
                "{}\n",
                serde_json::json!({ "prompt": part.repeat(100_000 / part.len()), "inputTokens": 1, "outputTokens": 1 })
            )
        })
        .collect();
    let ran = run_files(&[("log.jsonl", &log)], &["sanitize", "log.jsonl", "-o", "p.jsonl"]).exits(0);
    assert_eq!(rows(&ran.file("p.jsonl")).len(), parts.len());
    assert!(ran.took.as_secs() < 45, "{:?}", ran.took);
}

#[test]
fn a_field_and_a_pattern_that_find_nothing_are_told() {
    let log = r#"{"prompt": "TKT-1 for Ann", "user": {"name": "Ann"}}"#;
    let args = ["sanitize", "log.jsonl", "-o", "p.jsonl", "--field", "user.nam", "--field", "user.name"];
    let patterns = ["--pattern", "ticket=TKT-[0-9]+", "--pattern", "order=ORD-[0-9]+"];
    let args: Vec<&str> = args.into_iter().chain(patterns).collect();
    let ran = run_files(&[("log.jsonl", log)], &args).exits(0);
    assert!(ran.stderr.contains("found nowhere in these logs: --field user.nam, --pattern order;"), "{}", ran.all());
}
