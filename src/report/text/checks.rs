//! The checks of a part: totals, then each check with its counts when it ever failed.

use std::time::Duration;

use super::layout::{self, Cells, Row};
use super::paint::Paint;
use crate::metrics::check_tree::{Check, Group};
use crate::report::human;

/// Writes the checks of a group and, when `nested`, of the groups within; nothing without checks.
pub(super) fn write(out: &mut String, group: &Group, elapsed: Duration, nested: bool, paint: &Paint) {
    let all = group.all_checks();
    if all.is_empty() {
        return;
    }
    let passes: u64 = all.iter().map(|c| c.passes).sum();
    let fails: u64 = all.iter().map(|c| c.fails).sum();
    let total = passes + fails;
    let seconds = elapsed.as_secs_f64();
    let per_second = if seconds > 0.0 { total as f64 / seconds } else { 0.0 };
    let of_total = |name: &str, n: u64| Row {
        name: name.to_owned(),
        cells: Cells::Plain(human::percent(n as f64 / total.max(1) as f64), vec![format!("{n} out of {total}")]),
    };
    let rows = vec![
        Row {
            name: "checks_total".to_owned(),
            cells: Cells::Plain(total.to_string(), vec![format!("{}/s", human::number(per_second))]),
        },
        of_total("checks_succeeded", passes),
        of_total("checks_failed", fails),
    ];
    *out += &layout::rows(&rows, paint);
    out.push('\n');
    let listed: Vec<&Check> = if nested { all } else { group.checks.iter().collect() };
    for check in &listed {
        *out += &format!("    {} {}\n", paint.mark(check.fails == 0), check.name);
        if check.fails > 0 {
            let share = 100 * check.passes / (check.passes + check.fails);
            let (good, bad) = (paint.good(&format!("✓ {}", check.passes)), paint.bad(&format!("✗ {}", check.fails)));
            *out += &format!("      ↳  {share}% — {good} / {bad}\n");
        }
    }
    if !listed.is_empty() {
        out.push('\n');
    }
}
