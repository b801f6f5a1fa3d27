//! Watches the generator itself while it runs: how late its own event loops wake, and how much CPU it takes. Started by the
//! command line when the measured window opens; judged by `metrics::health`.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::metrics::health::Generator;

/// How often the event loop is asked to wake.
const EVERY: Duration = Duration::from_millis(20);

/// Clock ticks per second of /proc/self/stat on Linux.
const TICKS: f64 = 100.0;

/// A running watch.
pub struct Probe {
    tasks: Vec<JoinHandle<()>>,
    late_us: Arc<Mutex<Histogram<u64>>>,
    start: Instant,
    cpu_at_start: Option<f64>,
}

impl Probe {
    /// Starts watching these event loops.
    pub fn start(loops: &[Handle]) -> Self {
        let histogram =
            Histogram::new_with_bounds(1, 60_000_000, 3).unwrap_or_else(|_| unreachable!("the bounds are valid"));
        let late_us = Arc::new(Mutex::new(histogram));
        let watch = |event_loop: &Handle| {
            let shared = Arc::clone(&late_us);
            event_loop.spawn(async move {
                loop {
                    let due = tokio::time::Instant::now() + EVERY;
                    tokio::time::sleep_until(due).await;
                    let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                    shared.lock().unwrap_or_else(|e| e.into_inner()).saturating_record(late.max(1));
                }
            })
        };
        let tasks = loops.iter().map(watch).collect();
        Self { tasks, late_us, start: Instant::now(), cpu_at_start: cpu_seconds() }
    }

    /// Ends the watch.
    pub fn finish(self) -> Generator {
        self.tasks.iter().for_each(JoinHandle::abort);
        let late = self.late_us.lock().unwrap_or_else(|e| e.into_inner());
        let wall = self.start.elapsed().as_secs_f64();
        // The system counts CPU time in steps of 10 ms: a shorter run than this has no share that means anything.
        let cpu = self.cpu_at_start.zip(cpu_seconds()).filter(|_| wall >= 0.2);
        let cpu = cpu.map(|(before, after)| (after - before) / wall);
        #[allow(clippy::cast_precision_loss)]
        Generator {
            gc_pause_ms: None,
            loop_late_p99_ms: late.value_at_quantile(0.99) as f64 / 1e3,
            cpu_cores: cpu,
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// CPU time of this process so far; None where /proc does not tell.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The command's name may hold blanks; the numbers start behind its closing bracket.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn measures_its_own_process() {
        let probe = Probe::start(&[Handle::current()]);
        // Let the watch ask for its first wake-up.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let busy = Instant::now();
        // Blocks the only thread of this runtime, so the probe wakes late; and burns CPU.
        while busy.elapsed() < Duration::from_millis(120) {
            std::hint::spin_loop();
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
        let seen = probe.finish();
        assert!(seen.loop_late_p99_ms >= 80.0, "{seen:?}");
        assert!(seen.cpu_cores.is_none_or(|c| c > 0.0), "{seen:?}");
    }
}
