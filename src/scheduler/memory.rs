//! The memory of this machine (or of the container this process lives in), and a guard that ends the run before it is used up:
//! a script that collects without end would otherwise take the process down, and its summary with it.
//!
//! The engine has no limit of its own per VU, so this watches the whole process. Started by the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::ExitCode;
use crate::stop::{StopReason, StopSignal};

/// How often the guard looks. A script fills about 1 GB a second.
const EVERY: Duration = Duration::from_millis(50);

/// Share of the memory the process may take by default.
const DEFAULT_SHARE: f64 = 0.85;

/// Memory as Linux tells it; bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All there is: of the machine, or less when a control group says so.
    pub total: u64,
    /// What may still be taken.
    pub available: u64,
}

impl Memory {
    /// Of the machine this runs on; None where /proc does not tell.
    pub fn of_machine() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let mut memory = from_meminfo(&text)?;
        if let Some((limit, used)) = control_group() {
            memory.total = memory.total.min(limit);
            memory.available = memory.available.min(limit.saturating_sub(used));
        }
        Some(memory)
    }
}

fn from_meminfo(text: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kb| kb * 1024)
    };
    let total = bytes("MemTotal")?;
    Some(Memory { total, available: bytes("MemAvailable").unwrap_or(total) })
}

/// Limit and use of the tightest control group (version 2, or 1) around this process.
fn control_group() -> Option<(u64, u64)> {
    let number = |path: PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(kind), Some(group)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (root, limit, used) = match kind {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            kind if kind.split(',').any(|k| k == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
            }
            _ => continue,
        };
        // Inside a container the group's own folder is usually the root of the mount.
        let own = Path::new(root).join(group.trim_start_matches('/'));
        for folder in own.ancestors().take_while(|f| f.starts_with(root)) {
            if let Some(max) = number(folder.join(limit)) {
                limits.push((max, number(folder.join(used)).unwrap_or(0)));
            }
        }
    }
    limits.into_iter().min_by_key(|(max, used)| max.saturating_sub(*used))
}

/// Bytes of memory this process holds.
fn resident() -> Option<u64> {
    // Not statm: it counts pages, whose size differs between machines.
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kb| kb * 1024)
}

/// What `--max-memory` says: bytes, or the default. `512MB`, `4GB`, `1.5GiB`, `80%`, a bare number of bytes.
///
/// # Errors
/// Not a size: says what one looks like.
pub fn parse_limit(text: &str) -> Result<Limit, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let bad = || format!("'{text}' is not an amount of memory; write for example 4GB, 512MB or 80%");
    let number: f64 = number.parse().map_err(|_| bad())?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "%" if number > 0.0 && number <= 100.0 => return Ok(Limit::Share(number / 100.0)),
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(bad()),
    };
    let bytes = number * factor;
    if bytes < 64e6 {
        return Err(format!("'{text}' is too little: the program itself needs 64MB"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(Limit::Bytes(bytes as u64))
}

/// How much memory the process may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// This many bytes.
    Bytes(u64),
    /// This share of all there is.
    Share(f64),
}

impl Default for Limit {
    fn default() -> Self {
        Self::Share(DEFAULT_SHARE)
    }
}

/// A running guard; ends when dropped.
pub struct Guard {
    ended: Arc<AtomicBool>,
}

impl Guard {
    /// Watches this process: past the limit it trips `stop`, and calls `last_resort` when the memory grows by half of what is
    /// left although everything was told to stop. None where the system does not tell.
    ///
    /// A thread of its own, because the ones that serve the network may be busy just then.
    pub fn start(limit: Limit, stop: StopSignal, last_resort: impl Fn(&str) + Send + 'static) -> Option<Self> {
        resident()?;
        let total = Memory::of_machine()?.total;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let allowed = match limit {
            Limit::Bytes(bytes) => bytes,
            Limit::Share(share) => (total as f64 * share) as u64,
        };
        let beyond = allowed + (total.saturating_sub(allowed) / 2).max(allowed / 20);
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let watch = move || {
            let mut tripped = false;
            while !end.load(Ordering::Relaxed) {
                let held = resident().unwrap_or(0);
                if held > allowed && !tripped {
                    tripped = true;
                    stop.trip(StopReason::Fatal(ExitCode::ScriptException as u8, message(held, allowed)));
                }
                if held > beyond {
                    last_resort(&format!("{}; it grew on after the run was stopped", message(held, allowed)));
                }
                std::thread::park_timeout(EVERY);
            }
        };
        std::thread::Builder::new().name("memory".to_owned()).spawn(watch).ok()?;
        Some(Self { ended })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn message(held: u64, allowed: u64) -> String {
    format!(
        "the process holds {} MB of memory, more than the {} MB it may take: the run was ended before the system would end it \
         (does the script collect strings or arrays without end? Otherwise use fewer VUs, or set --max-memory)",
        held >> 20,
        allowed >> 20
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_bytes_or_shares() {
        assert_eq!(parse_limit("4GB"), Ok(Limit::Bytes(4_000_000_000)));
        assert_eq!(parse_limit("1.5 GiB"), Ok(Limit::Bytes(1_610_612_736)));
        assert_eq!(parse_limit("100000000"), Ok(Limit::Bytes(100_000_000)));
        assert_eq!(parse_limit("80%"), Ok(Limit::Share(0.8)));
        for bad in ["", "x", "-1GB", "4XB", "0%", "101%", "1KB", "1.2.3GB"] {
            assert!(parse_limit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn meminfo_is_read() {
        let text = "MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:    250 kB\n";
        assert_eq!(from_meminfo(text), Some(Memory { total: 1_024_000, available: 256_000 }));
        assert_eq!(from_meminfo("nothing"), None);
    }

    #[tokio::test]
    async fn the_guard_trips_the_stop() {
        let stop = StopSignal::new();
        let Some(_guard) = Guard::start(Limit::Bytes(1), stop.clone(), |_| {}) else { return };
        let reason = tokio::time::timeout(Duration::from_secs(20), stop.wait()).await.unwrap();
        assert!(matches!(&reason, StopReason::Fatal(107, m) if m.contains("--max-memory")), "{reason:?}");
    }
}
