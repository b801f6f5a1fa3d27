//! A comparison as Markdown, for a comment on a change.

use super::super::markdown::{cell, code};
use super::{Comparison, Verdict};

/// The page: verdict, rules, then what differs; what is the same is folded away.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = format!(
        "## inrush: {} ({} -> {})\n\n",
        comparison.verdict.name(),
        cell(&comparison.base.0),
        cell(&comparison.new.0)
    );
    if let Verdict::NotComparable(why) = &comparison.verdict {
        out += &format!("{}\n\n", cell(why));
    }
    for rule in &comparison.rules {
        out += &match (&rule.unjudged, rule.passed()) {
            (Some(why), _) => format!("- **not judged** {}: {}\n", code(&rule.rule), cell(why)),
            (None, true) if !rule.not_shown.is_empty() => {
                format!("- held {}, though not shown: {}\n", code(&rule.rule), cell(&rule.not_shown.join("; ")))
            }
            (None, true) => format!("- held {}\n", code(&rule.rule)),
            (None, false) => format!("- **failed** {}: {}\n", code(&rule.rule), cell(&rule.failures.join("; "))),
        };
    }
    if !comparison.rules.is_empty() {
        out.push('\n');
    }
    let rows = |told: fn(Option<&Verdict>) -> bool| -> String {
        let of = comparison.differences.iter().filter(|d| told(d.verdict.as_ref()));
        of.map(|d| {
            let verdict = match &d.verdict {
                Some(Verdict::NotComparable(why)) => format!("not comparable: {}", cell(why)),
                Some(Verdict::Worse) => "**worse**".to_owned(),
                Some(verdict) => verdict.name().to_owned(),
                None => String::new(),
            };
            let figure = if d.verdict.is_none() { "per second" } else { &d.figure };
            format!(
                "| {} | {} | {} | {} | {} | {} | {verdict} |\n",
                cell(&d.place()),
                code(&format!("{} {figure}", d.metric)),
                d.shown(d.base),
                d.shown(d.new),
                d.change(),
                d.range()
            )
        })
        .collect()
    };
    let head =
        "| where | figure | base | new | change | 95 % interval | |\n| --- | --- | ---: | ---: | ---: | ---: | --- |\n";
    let changed = rows(|v| matches!(v, Some(Verdict::Worse | Verdict::Better)));
    if !changed.is_empty() {
        out += &format!("{head}{changed}\n");
    }
    let rest = rows(|v| !matches!(v, Some(Verdict::Worse | Verdict::Better)));
    if !rest.is_empty() {
        out += &format!("<details><summary>Figures without a difference</summary>\n\n{head}{rest}\n</details>\n");
    }
    out
}
