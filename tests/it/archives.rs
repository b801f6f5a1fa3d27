//! `archive`, and running what it made where nothing else of the script is left.

use std::path::Path;

use crate::support::{inrush, run_files, run_in};

const SCRIPT: &str = "
import { word } from './lib/word.ts';
import exec from 'k6/execution';
const data = open('./data.txt');
const again = open(__ENV.ABSOLUTE);
export const options = { iterations: 2, tags: { team: 'a' } };
export default function () {
  console.log(`${word} ${data} ${again} ${__ENV.GREETING} ${exec.test.options.tags.team} ${exec.scenario.iterationInTest}`);
}";

fn made(dir: &Path, args: &[&str]) -> String {
    std::fs::create_dir(dir.join("lib")).unwrap();
    std::fs::write(dir.join("t.js"), SCRIPT).unwrap();
    std::fs::write(dir.join("data.txt"), "from-a-file").unwrap();
    std::fs::write(dir.join("lib/word.ts"), "export const word: string = 'imported';").unwrap();
    let absolute = format!("ABSOLUTE={}", dir.join("data.txt").display());
    let mut all = vec!["archive", "t.js", "-O", "out/a.tar", "-e", &absolute];
    all.extend(args);
    let out = inrush().args(&all).current_dir(dir).output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{text}");
    text
}

#[test]
fn an_archive_runs_without_its_sources() {
    let home = tempfile::tempdir().unwrap();
    let text = made(home.path(), &["-e", "GREETING=hello", "--tag", "team=b"]);
    assert!(text.contains("ABSOLUTE, GREETING") && !text.contains("hello"), "{text}");
    let away = tempfile::tempdir().unwrap();
    std::fs::rename(home.path().join("out/a.tar"), away.path().join("a.tar")).unwrap();
    drop(home);
    let temp = away.path().join("temp");
    std::fs::create_dir(&temp).unwrap();
    let run = |args: &[&str]| {
        let command = inrush().args(args).current_dir(away.path()).env("TMPDIR", &temp).output().unwrap();
        (command.status.code(), String::from_utf8_lossy(&command.stderr).into_owned())
    };
    let (code, log) = run(&["run", "--quiet", "a.tar"]);
    for n in [0, 1] {
        assert!(log.contains(&format!("imported from-a-file from-a-file hello b {n}")), "{code:?} {log}");
    }
    assert_eq!(code, Some(0), "{log}");
    let (_, log) = run(&["run", "--quiet", "-e", "GREETING=bye", "-i", "1", "--type", "archive", "a.tar"]);
    assert!(log.contains(" bye b 0") && !log.contains(" b 1"), "{log}");
    assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0, "the unpacked archive is left behind");
    let (code, log) = run(&["archive", "a.tar"]);
    assert!(code == Some(255) && log.contains("archive already"), "{log}");
    let (code, _) = run(&["inspect", "--execution-requirements", "a.tar"]);
    assert_eq!(code, Some(0));
}

#[test]
fn variables_can_be_left_out() {
    let home = tempfile::tempdir().unwrap();
    let text = made(home.path(), &["-e", "GREETING=secret-greeting", "--exclude-env-vars"]);
    assert!(!text.contains("holds the values"), "{text}");
    let bytes = std::fs::read(home.path().join("out/a.tar")).unwrap();
    assert!(!bytes.windows(15).any(|w| w == b"secret-greeting"));
}

/// An archive as k6 writes it: options with all their nulls, the script as `data` only.
fn of_k6(files: &[(&str, &str)]) -> tempfile::TempDir {
    let metadata = r#"{"type":"js","options":{"paused":null,"vus":2,"duration":null,"iterations":4,"stages":null,"scenarios":null,
        "setupTimeout":"1m0s","dns":{"ttl":null,"select":null,"policy":null},"tlsVersion":null,"tlsAuth":null,"thresholds":null,
        "hosts":null,"summaryTrendStats":["avg"],"systemTags":["name","url"],"tags":null,"localIPs":null},
        "filename":"file:///home/nobody/p/s.js","pwd":"file:///home/nobody/p/","env":{"WHO":"me"},
        "compatibilityMode":"extended","k6version":"2.2.0","goos":"linux","dependencies":{"k6":"*"}}"#;
    let script = "import { word } from './lib.js';\nexport const options = { vus: 1 };\nexport default () => console.log(`${word} ${__ENV.WHO}`);";
    let dir = tempfile::tempdir().unwrap();
    let mut tar = tar::Builder::new(std::fs::File::create(dir.path().join("a.tar")).unwrap());
    for (name, text) in [("metadata.json", metadata), ("data", script)].iter().chain(files) {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap();
    dir
}

#[test]
fn archives_of_k6_run() {
    let dir = of_k6(&[("file/home/nobody/p/lib.js", "export const word = 'packed';")]);
    let ran = run_in(dir, &["run", "--quiet", "a.tar"]).exits(0);
    assert_eq!(ran.stderr.matches("packed me").count(), 4, "{}", ran.all());
    run_in(ran.dir, &["deps", "a.tar"]).exits(0).prints(&["  file:///home/nobody/p/lib.js"]);
    // By an absolute path, and over https from a host that does not exist.
    let (local, remote) = ("import '/home/nobody/far.js';", "import { far } from 'https://k6.invalid/far.js';");
    let dir = of_k6(&[
        ("file/home/nobody/p/lib.js", &format!("{local}\n{remote}\nexport const word = `packed ${{far}}`;")),
        ("file/home/nobody/far.js", "export {};"),
        ("https/k6.invalid/far.js", "export const far = 'away';"),
    ]);
    let ran = run_in(dir, &["run", "--quiet", "a.tar"]).exits(0);
    assert_eq!(ran.stderr.matches("packed away me").count(), 4, "{}", ran.all());
    let ran = run_in(of_k6(&[]), &["run", "--quiet", "a.tar"]).exits(255).says(&["'/home/nobody/p/lib.js'"]);
    assert!(!ran.stderr.contains("inrush-archive"), "{}", ran.all());
}

#[test]
fn what_is_no_archive_says_so() {
    run_files(&[("a.tar", "not a tar")], &["run", "-t", "archive", "a.tar"])
        .exits(255)
        .says(&["'a.tar'", "tar archive"]);
    run_files(&[], &["run", "-t", "archive", "none.tar"]).exits(255).says(&["none.tar"]);
    let ran =
        run_files(&[("t.js", "export const options = { rps: 'x' };\nexport default () => {};")], &["archive", "t.js"]);
    let ran = ran.exits(104).says(&["rps"]);
    assert!(!ran.dir.path().join("archive.tar").exists());
    run_in(ran.dir, &["archive", "t.js", "-O", "t.js/x.tar"]).exits(104);
}
