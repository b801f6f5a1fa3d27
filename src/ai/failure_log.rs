//! Which failed calls are worth a line of the log: the first ten of a model and a kind in every ten seconds.
//!
//! Called by `js/modules/ai` for each failed call. An outage at a thousand calls per second must not bury the log, nor cost the
//! generator the time to write it. Only the lines are thinned: every failure is counted in the metrics. It writes nothing itself.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::errors::ErrorKind;

/// How long a window lasts.
const WINDOW: Duration = Duration::from_secs(10);
/// How many lines of one model and kind a window has.
const LINES: u32 = 10;
/// How many models are told apart; the script makes up their names. Lines of further ones share a window.
const MODELS: usize = 1000;

/// The windows of a run. Shared by all VUs.
#[derive(Debug, Default)]
pub struct FailureLog(Mutex<HashMap<(String, ErrorKind), Window>>);

#[derive(Debug)]
struct Window {
    begins: Instant,
    lines: u32,
    left_out: u64,
}

impl FailureLog {
    /// Whether the failure at `now` gets a line: how many before it got none since the last line, or None if it gets none itself.
    pub fn line(&self, model: &str, kind: ErrorKind, now: Instant) -> Option<u64> {
        let mut windows = self.0.lock().unwrap_or_else(|e| e.into_inner());
        let known = windows.len() < MODELS || windows.contains_key(&(model.to_owned(), kind));
        let key = (if known { model.to_owned() } else { String::new() }, kind);
        let window = windows.entry(key).or_insert(Window { begins: now, lines: 0, left_out: 0 });
        if now.saturating_duration_since(window.begins) >= WINDOW {
            (window.begins, window.lines) = (now, 0);
        }
        if window.lines == LINES {
            window.left_out += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_of_a_kind_in_ten_seconds() {
        let log = FailureLog::default();
        let start = Instant::now();
        let line = |kind, ms| log.line("m", kind, start + Duration::from_millis(ms));
        for ms in 0..10 {
            assert_eq!(line(ErrorKind::Server, ms), Some(0));
        }
        for ms in 10..35 {
            assert_eq!(line(ErrorKind::Server, ms), None);
        }
        assert_eq!(line(ErrorKind::Timeout, 40), Some(0), "another kind has a window of its own");
        assert_eq!(log.line("other", ErrorKind::Server, start), Some(0), "another model too");
        assert_eq!(line(ErrorKind::Server, 10_000), Some(25), "the next window says what was left out");
        assert_eq!(line(ErrorKind::Server, 10_001), Some(0));
    }

    #[test]
    fn models_beyond_the_bound_share_a_window() {
        let log = FailureLog::default();
        let now = Instant::now();
        for n in 0..MODELS {
            assert_eq!(log.line(&format!("m{n}"), ErrorKind::Server, now), Some(0));
        }
        let later = (0..100).filter(|n| log.line(&format!("late{n}"), ErrorKind::Server, now).is_some()).count();
        assert_eq!(later, LINES as usize);
        assert!(log.0.lock().unwrap().len() <= MODELS + 1);
    }
}
