//! The section on budgets: what was spent of each limit, what was reserved at most, what was refused, and what the figures rest on.

use super::layout::{Cells, Row};
use crate::metrics::budget::{BudgetFacts, LimitFacts};
use crate::report::human;

/// The rows; none without a budget.
pub(super) fn rows(budgets: &[BudgetFacts]) -> Vec<Row> {
    let mut rows = Vec::new();
    for budget in budgets {
        let indent = if let Some(name) = &budget.scenario {
            rows.push(row(format!("scenario {name}"), String::new()));
            "  "
        } else {
            ""
        };
        for limit in &budget.limits {
            rows.push(row(format!("{indent}{}", limit.unit), spent(limit)));
        }
        if budget.refused > 0 {
            let mut text = format!("{} {} not sent", budget.refused, plural(budget.refused, "call"));
            if budget.refused_for_now > 0 {
                text += &format!(", {} of them while others held what was left", budget.refused_for_now);
            }
            rows.push(row(format!("{indent}refused"), text));
        }
        if budget.exhausted {
            rows.push(row(format!("{indent}used up"), "a call did not fit any more".to_owned()));
        }
        if !budget.charges.is_empty() {
            let parts: Vec<String> = budget.charges.iter().map(|(basis, n)| format!("{basis} {n}")).collect();
            rows.push(row(format!("{indent}charges by"), format!("{} calls", parts.join(", "))));
        }
        if budget.assumed_limits > 0 {
            let text = format!(
                "{} {} without maxTokens reserved an assumed limit",
                budget.assumed_limits,
                plural(budget.assumed_limits, "call")
            );
            rows.push(row(format!("{indent}assumed"), text));
        }
        if budget.overruns > 0 {
            let text = format!(
                "! {} {} charged more than the worst case",
                budget.overruns,
                if budget.overruns == 1 { "call was" } else { "calls were" }
            );
            rows.push(row(format!("{indent}overruns"), text));
        }
    }
    rows
}

fn spent(limit: &LimitFacts) -> String {
    let n = |value: f64| human::amount(value, limit.unit);
    let percent = human::percent(limit.spent / limit.cap);
    let mut text = format!(
        "{} of {} spent ({percent}), at most {} reserved",
        n(limit.spent),
        n(limit.cap),
        n(limit.most_reserved)
    );
    if limit.reserved > 0.0 {
        text += &format!(", {} still held by calls that never ended", n(limit.reserved));
    }
    text
}

fn plural(n: u64, word: &str) -> String {
    if n == 1 { word.to_owned() } else { format!("{word}s") }
}

fn row(name: String, text: String) -> Row {
    Row { name, cells: Cells::Text(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Summary;
    use crate::report::{ReportOptions, handle_summary, summary_export, text};

    #[test]
    fn what_was_spent_reserved_and_refused() {
        let limit = LimitFacts { unit: "usd", cap: 5.0, spent: 4.9, most_reserved: 0.25, reserved: 0.0 };
        let run = BudgetFacts {
            limits: vec![limit, LimitFacts { unit: "tokens", cap: 1e6, spent: 5e5, most_reserved: 1e3, reserved: 7.0 }],
            refused: 3,
            refused_for_now: 1,
            exhausted: true,
            charges: vec![("provider", 10), ("assumed", 1)],
            overruns: 1,
            ..BudgetFacts::default()
        };
        let own = BudgetFacts { scenario: Some("chat".to_owned()), limits: vec![], ..BudgetFacts::default() };
        let summary = Summary { budgets: vec![run, own], ..Summary::default() };
        let shown = String::from_utf8(text::render(&summary, &ReportOptions::default())).unwrap();
        for part in [
            "BUDGET",
            "$4.90 of $5.00 spent (98.00%), at most $0.25 reserved",
            "7 still held",
            "3 calls not sent, 1 of them while others held what was left",
            "provider 10, assumed 1 calls",
            "! 1 call was charged more",
            "scenario chat",
        ] {
            assert!(shown.contains(part), "`{part}` is missing in\n{shown}");
        }
        let json: serde_json::Value =
            serde_json::from_slice(&handle_summary::render(&summary, &ReportOptions::default())).unwrap();
        assert_eq!(json["budgets"][0]["limits"]["usd"]["spent"], 4.9);
        assert_eq!(json["budgets"][1]["scenario"], "chat");
        let json: serde_json::Value =
            serde_json::from_slice(&summary_export::render(&summary, &ReportOptions::default())).unwrap();
        assert_eq!(json["budgets"][0]["refused"], 3);
    }
}
