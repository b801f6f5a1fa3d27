//! A comparison for the terminal.

use super::{Comparison, Difference, Verdict};

/// The text. `all` also shows figures that are the same or cannot be judged.
pub fn text(comparison: &Comparison, all: bool) -> String {
    let runs = |n: usize| if n == 1 { String::new() } else { format!(" ({n} runs)") };
    let (base, new) = (&comparison.base, &comparison.new);
    let mut out = format!("\n  {}{} -> {}{}: {}", base.0, runs(base.1), new.0, runs(new.1), comparison.verdict.name());
    if let Verdict::NotComparable(why) = &comparison.verdict {
        out += &format!(" ({why})");
    }
    out += "\n";
    let mut place = String::new();
    let width = comparison.differences.iter().map(|d| label(d).chars().count()).max().unwrap_or(0);
    let mut hidden = 0;
    for one in &comparison.differences {
        let told = match &one.verdict {
            None | Some(Verdict::Better | Verdict::Worse) => true,
            Some(Verdict::Same) => all || matters_to_see(one),
            Some(Verdict::NotComparable(_)) => all,
        };
        if !told {
            hidden += 1;
            continue;
        }
        if one.place() != place {
            place = one.place();
            out += &format!("\n  {place}\n");
        }
        let range = one.range();
        let range = if range.is_empty() { range } else { format!("  [{range}]") };
        let verdict = match &one.verdict {
            None => String::new(),
            Some(Verdict::NotComparable(why)) => format!("  not comparable: {why}"),
            Some(verdict) => format!("  {}", verdict.name()),
        };
        out += &format!(
            "    {:.<width$}..: {} -> {}  {}{range}{verdict}\n",
            label(one),
            one.shown(one.base),
            one.shown(one.new),
            one.change()
        );
    }
    if hidden > 0 {
        out += &format!("\n  {hidden} more figures are the same or cannot be judged (--all shows them)\n");
    }
    for rule in &comparison.rules {
        let (mark, what) = match (&rule.unjudged, rule.passed()) {
            (Some(why), _) => ("✗", format!("could not be judged: {why}")),
            (None, true) if !rule.not_shown.is_empty() => {
                ("✓", format!("not shown, more samples would tell: {}", rule.not_shown.join("; ")))
            }
            (None, true) => ("✓", format!("held in {} place{}", rule.judged, if rule.judged == 1 { "" } else { "s" })),
            (None, false) => ("✗", rule.failures.join("; ")),
        };
        out += &format!("\n  {mark} fail on {}: {what}\n", rule.rule);
    }
    out.push('\n');
    out
}

/// The main times are shown though they are the same: that is what one came to see.
fn matters_to_see(one: &Difference) -> bool {
    one.unit == "ms" && matches!(one.figure.as_str(), "med" | "p(95)")
}

fn label(one: &Difference) -> String {
    format!("{} {}", one.metric, if one.verdict.is_none() { "per second" } else { &one.figure })
}
