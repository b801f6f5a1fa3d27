//! The progress of a run: a line for the whole and a line per scenario, redrawn in place on a terminal, printed now and then
//! elsewhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::terminal::Terminal;
use crate::vu::{RunState, ScenarioState};

/// How often the display changes on a terminal.
const REDRAW: Duration = Duration::from_millis(200);
/// How often lines are printed when stderr is not a terminal.
const PRINT: Duration = Duration::from_secs(5);
const BAR: usize = 38;

/// Shows progress until the task is aborted or `finish` is called. `live` adds a line of live figures, empty for none.
pub async fn show(
    terminal: Arc<Terminal>,
    state: Arc<RunState>,
    scenarios: Vec<Arc<ScenarioState>>,
    live: impl Fn() -> String + Send + 'static,
) {
    let every = if terminal.interactive() { REDRAW } else { PRINT };
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + every.min(Duration::from_secs(1)), every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        if state.started.get().is_none() {
            continue;
        }
        let mut lines = render(&state, &scenarios);
        let live = live();
        if !live.is_empty() {
            lines.push(format!("  {live}"));
        }
        if terminal.interactive() {
            let width = terminal.columns();
            terminal.set_block(lines.into_iter().map(|l| l.chars().take(width).collect()).collect());
        } else {
            terminal.line(&lines.join("\n"));
        }
    }
}

/// Removes the display and prints its last state as ordinary lines.
pub fn finish(terminal: &Terminal, state: &RunState, scenarios: &[Arc<ScenarioState>]) {
    terminal.set_block(Vec::new());
    if state.started.get().is_some() {
        terminal.line(&render(state, scenarios).join("\n"));
    }
}

/// The lines to show now.
pub fn render(state: &RunState, scenarios: &[Arc<ScenarioState>]) -> Vec<String> {
    let elapsed = state.elapsed();
    let mut lines = vec![format!(
        "running ({}), {:02}/{:02} VUs, {} complete and {} interrupted iterations",
        clock(elapsed),
        state.vus_active.load(Ordering::Relaxed),
        state.vus_initialized.load(Ordering::Relaxed),
        state.iterations_completed.load(Ordering::Relaxed),
        state.iterations_interrupted.load(Ordering::Relaxed),
    )];
    let width = scenarios.iter().map(|s| s.name.chars().count()).max().unwrap_or(0);
    for scenario in scenarios {
        let progress = scenario.progress().clamp(0.0, 1.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let filled = (progress * BAR as f64) as usize;
        let status = match (scenario.started.get(), scenario.status.get()) {
            (None, _) => "waiting".to_owned(),
            (Some(_), Some(status)) => status(),
            (Some(_), None) => String::new(),
        };
        lines.push(format!(
            "{:width$} [{}{}] {:3.0}%  {status}",
            scenario.name,
            "=".repeat(filled),
            "-".repeat(BAR - filled),
            progress * 100.0
        ));
    }
    lines
}

fn clock(d: Duration) -> String {
    let seconds = d.as_secs_f64();
    let minutes = d.as_secs() / 60;
    #[allow(clippy::cast_precision_loss)]
    let rest = seconds - (minutes * 60) as f64;
    if minutes >= 60 {
        format!("{}h{:02}m{rest:04.1}s", minutes / 60, minutes % 60)
    } else {
        format!("{minutes:02}m{rest:04.1}s")
    }
}

/// Time since an instant, for callers that print how long a step took.
pub fn since(start: Instant) -> String {
    clock(start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RunClock;

    #[test]
    fn shows_scenarios_and_counts() {
        let state = RunState::new(RunClock::start());
        let scenario = Arc::new(ScenarioState::new("chat", "constant-vus"));
        let _ = scenario.started.set(Instant::now());
        let _ = scenario.progress.set(Box::new(|| 0.5));
        let _ = scenario.status.set(Box::new(|| "2 VUs".to_owned()));
        let lines = render(&state, &[scenario]);
        assert!(lines[0].starts_with("running (00m00.0s), 00/00 VUs"), "{lines:?}");
        assert!(lines[1].contains("50%  2 VUs") && lines[1].matches('=').count() == BAR / 2, "{lines:?}");
    }
}
