//! What a run costs and how true its figures are, measured from outside: `cargo bench --bench e2e`.
//!
//! Runs the release binary against `inrush mock` in another process, and a bare hyper client (`floor`) beside it, and prints a table.
//! About a minute. Absolute figures depend on the machine and on what else it does; the ratios to the floor depend on them
//! much less. docs/performance.md explains each row.

mod cases;
mod floor;
mod process;

use std::io::Write as _;
use std::time::Duration;

/// The streaming case: every stream makes one short call to open its connection and then `rounds` calls.
pub(crate) struct Streams {
    /// Streams at a time.
    pub(crate) streams: u32,
    /// Tokens of each call.
    pub(crate) tokens: u32,
    /// Calls of each stream that count.
    pub(crate) rounds: u32,
}

impl Streams {
    /// Time to the first token, of the mock.
    pub(crate) const TTFT: Duration = Duration::from_millis(200);
    /// Time between tokens, of the mock: 50 tokens/s.
    pub(crate) const ITL: Duration = Duration::from_millis(20);

    /// How long one call takes.
    pub(crate) fn length(&self) -> Duration {
        Self::TTFT + Self::ITL * self.tokens
    }

    /// Tokens of all calls.
    pub(crate) fn all_tokens(&self) -> u64 {
        u64::from(self.streams) * (u64::from(self.rounds) * u64::from(self.tokens) + 1)
    }
}

/// The size of the streaming case.
const STREAMS: Streams = Streams { streams: 1_000, tokens: 150, rounds: 3 };

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout().lock();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["floor-http", address, seconds] => {
            let time = Duration::from_secs(seconds.parse().expect("seconds"));
            writeln!(out, "{}", floor::http(address, cases::VUS, time)).expect("stdout");
        }
        ["floor-streams", address] => {
            for line in floor::streams(address, &STREAMS) {
                writeln!(out, "{line}").expect("stdout");
            }
        }
        _ => {
            // `cargo bench` passes `--bench`; any other word selects cases by name.
            let wanted: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !arg.starts_with('-')).collect();
            cases::run_all(&wanted, &mut out).expect("stdout");
        }
    }
}
