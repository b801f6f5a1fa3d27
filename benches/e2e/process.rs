//! Runs a program to its end and says what it cost. Linux only: CPU time and memory come from /proc, because reading them by
//! system call would need `unsafe`.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Linux counts a process's CPU time in these units for its readers, whatever the kernel's own clock is.
const TICK: Duration = Duration::from_millis(10);

/// Longest that any single case may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What a run cost and printed.
pub(crate) struct Ran {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// Largest resident memory, in MB (10^6 bytes).
    pub(crate) peak_mb: f64,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command in `dir` and waits for it.
///
/// # Panics
/// When it fails or takes longer than a minute: a benchmark of something that does not work is worth nothing.
pub(crate) fn run(command: &mut Command, dir: &Path) -> Ran {
    let (out, err) = (dir.join(".out"), dir.join(".err"));
    let before = children_cpu();
    let start = Instant::now();
    let mut child = command
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(File::create(&out).expect("a file in the temporary folder"))
        .stderr(File::create(&err).expect("a file in the temporary folder"))
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let mut peak_mb = 0.0_f64;
    let status = loop {
        peak_mb = peak_mb.max(peak_of(child.id()));
        if let Some(status) = child.try_wait().expect("waiting for a child works") {
            break status;
        }
        if start.elapsed() > LIMIT {
            let _ = child.kill();
            panic!("{command:?} did not end within {LIMIT:?}");
        }
        std::thread::park_timeout(Duration::from_millis(10));
    };
    let (wall, cpu) = (start.elapsed(), children_cpu().saturating_sub(before));
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let ran = Ran { wall, cpu, peak_mb, stdout: read(&out), stderr: read(&err) };
    assert!(status.success(), "{command:?}: {status}\n{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// A running mock server.
pub(crate) struct Mock {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) origin: String,
}

impl Mock {
    /// Starts `inrush mock` in a process of its own.
    pub(crate) fn start(binary: &str, dir: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(binary)
            .args(["mock", "--quiet", "--listen", "127.0.0.1:0"])
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start the mock: {e}"));
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the mock prints its address");
        let origin = line.trim().trim_end_matches("/v1").to_owned();
        assert!(origin.starts_with("http://"), "the mock printed {line:?} for its address");
        Self { child, origin }
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        ticks(&stat, 11) + ticks(&stat, 12)
    }

    /// Ends it as Ctrl-C does, so that its log is complete.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        if !sent.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// CPU time of all children that were waited for.
fn children_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("this benchmark needs Linux: /proc/self/stat");
    ticks(&stat, 13) + ticks(&stat, 14)
}

/// A field of `stat`, counted from 0 behind the name in parentheses (`man 5 proc`: number 3 there is 0 here).
fn ticks(stat: &str, field: usize) -> Duration {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let count: u32 = rest.split_whitespace().nth(field).and_then(|n| n.parse().ok()).unwrap_or(0);
    TICK * count
}

/// Largest resident memory so far, in MB.
fn peak_of(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0.0);
    kib * 1024.0 / 1e6
}
