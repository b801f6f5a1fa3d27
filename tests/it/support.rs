//! What the tests of the program share: running it on a script in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A folder of recorded replies, beside the project; without it a test says so and passes, except on CI.
pub(crate) fn fixtures(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("INRUSH_FIXTURES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing; CI needs it", path.display());
    eprintln!("SKIPPED: {} is missing (set INRUSH_FIXTURES to the folder of recorded replies)", path.display());
    None
}

/// What one run of the program left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    pub(crate) dir: tempfile::TempDir,
}

impl Ran {
    /// A file the run wrote.
    pub(crate) fn file(&self, name: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}\n{}", path.display(), self.all()))
    }

    /// Everything it printed, for failure messages.
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }

    /// Asserts that stderr contains each text.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is missing\n{}", self.all());
        }
        self
    }

    /// Asserts that stdout contains each text.
    #[track_caller]
    pub(crate) fn prints(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "`{text}` is missing\n{}", self.all());
        }
        self
    }

    /// The summary written with `--summary-export s.json`.
    pub(crate) fn summary(&self) -> serde_json::Value {
        serde_json::from_str(&self.file("s.json")).unwrap_or_else(|e| panic!("{e}\n{}", self.all()))
    }

    /// One value of the exported summary, e.g. `metric("iterations", "count")`.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str, value: &str) -> f64 {
        let summary = self.summary();
        summary["metrics"][name][value]
            .as_f64()
            .unwrap_or_else(|| panic!("no value {value} of {name} in {}\n{}", summary["metrics"], self.all()))
    }
}

/// The program under test.
pub(crate) fn inrush() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inrush"));
    for name in [
        "K6_VUS",
        "INRUSH_BASE_URL",
        "INRUSH_API_KEY",
        "OPENAI_API_KEY",
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
        "ALL_PROXY",
        "all_proxy",
        "K6_ADDRESS",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Writes the files into a fresh folder and runs `inrush ARGS` there; fails after a minute.
#[track_caller]
pub(crate) fn run_files(files: &[(&str, &str)], args: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    run_in_env(dir, &[], args)
}

/// As [`run_files`], with environment variables; names may contain folders.
#[track_caller]
pub(crate) fn run_files_with(files: &[(&str, &str)], env: &[(&str, &str)], args: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    run_in_env(dir, env, args)
}

/// Runs `inrush run --summary-export s.json ARGS t.js` with this script.
#[track_caller]
pub(crate) fn run_script(script: &str, args: &[&str]) -> Ran {
    let mut all = vec!["run", "--quiet", "--summary-export", "s.json"];
    all.extend(args);
    all.push("t.js");
    run_files(&[("t.js", script)], &all)
}

/// What [`run_checked`] puts beside the script: `eq` compares by JSON and reports, `done` says that the end was reached.
const EQ: &str = "export function eq(what, got, want) {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  if (g !== w) console.error(`MISMATCH ${what}: got ${g}, want ${w}`);
}
export function throws(what, f, text) {
  try { f(); } catch (e) {
    if (!String(e).includes(text)) console.error(`MISMATCH ${what}: threw ${e}, want ${text}`);
    return;
  }
  console.error(`MISMATCH ${what}: did not throw`);
}
export function done() { console.log('REACHED THE END'); }
";

/// Runs a script that imports `eq`, `throws` and `done` from `./eq.js`: exit 0, no mismatch, the end reached.
#[track_caller]
pub(crate) fn run_checked(script: &str, args: &[&str]) -> Ran {
    run_checked_files(&[("t.js", script)], "t.js", args)
}

/// As [`run_checked`], with more files; `main` is the script.
#[track_caller]
pub(crate) fn run_checked_files(files: &[(&str, &str)], main: &str, args: &[&str]) -> Ran {
    let mut all = vec!["run", "--quiet", "--summary-export", "s.json"];
    all.extend(args);
    all.push(main);
    let mut files = files.to_vec();
    files.push(("eq.js", EQ));
    let ran = run_files(&files, &all).exits(0).says(&["REACHED THE END"]);
    assert!(!ran.stderr.contains("MISMATCH") && !ran.stderr.contains("source=stacktrace"), "{}", ran.all());
    ran
}

/// Runs `inrush ARGS` in a folder, for instance that of an earlier run.
#[track_caller]
pub(crate) fn run_in(dir: tempfile::TempDir, args: &[&str]) -> Ran {
    run_in_env(dir, &[], args)
}

#[track_caller]
pub(crate) fn run_in_env(dir: tempfile::TempDir, env: &[(&str, &str)], args: &[&str]) -> Ran {
    let start = Instant::now();
    let (out, err) = (dir.path().join(".out"), dir.path().join(".err"));
    let mut child = inrush()
        .args(args)
        .envs(env.iter().copied())
        .current_dir(dir.path())
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(std::fs::File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            panic!(
                "inrush {args:?} did not end within a minute\n{}",
                std::fs::read_to_string(&err).unwrap_or_default()
            );
        }
        pause(Duration::from_millis(5));
    };
    let read = |p: &Path| String::from_utf8_lossy(&std::fs::read(p).unwrap_or_default()).into_owned();
    Ran { code: status.code().unwrap_or(-1), stdout: read(&out), stderr: read(&err), took: start.elapsed(), dir }
}

/// Waits; tests have no virtual user that must stay interruptible.
#[allow(clippy::disallowed_methods)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
