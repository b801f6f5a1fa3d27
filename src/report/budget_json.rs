//! The run's budgets as JSON: `budgets` of handleSummary's data and of the exported summary.

use serde_json::{Value, json};

use super::number::json_number;
use crate::metrics::budget::BudgetFacts;

/// One object per budget, the run's first.
pub(super) fn all(budgets: &[BudgetFacts]) -> Value {
    let one = |b: &BudgetFacts| {
        let limits: serde_json::Map<String, Value> = b
            .limits
            .iter()
            .map(|l| {
                let figures = json!({
                    "cap": json_number(l.cap),
                    "spent": json_number(l.spent),
                    "mostReserved": json_number(l.most_reserved),
                    "reserved": json_number(l.reserved),
                });
                (l.unit.to_owned(), figures)
            })
            .collect();
        json!({
            "scenario": b.scenario,
            "limits": limits,
            "exhausted": b.exhausted,
            "refused": b.refused,
            "refusedForNow": b.refused_for_now,
            "charges": b.charges.iter().map(|(name, n)| ((*name).to_owned(), Value::from(*n))).collect::<serde_json::Map<_, _>>(),
            "overruns": b.overruns,
            "assumedLimits": b.assumed_limits,
        })
    };
    budgets.iter().map(one).collect()
}
