//! Token rates as JSON: `token_rates` of handleSummary's data and of the exported summary.

use serde_json::{Value, json};

use super::number::json_number;
use crate::clock::millis;
use crate::metrics::token_rate::TokenRateFacts;

/// One object per scenario that holds a token rate.
pub(super) fn all(rates: &[TokenRateFacts]) -> Value {
    let one = |r: &TokenRateFacts| {
        let sizes = r.sizes.iter().map(|size| {
            json!({ "requestType": size.request_type, "iterations": size.iterations, "mean": json_number(size.mean) })
        });
        json!({
            "scenario": r.scenario,
            "count": r.count,
            "timeUnitMs": json_number(millis(r.unit)),
            "target": json_number(r.per_unit(r.target)),
            "achieved": json_number(r.per_unit(r.achieved)),
            "targetTokens": json_number(r.target),
            "achievedTokens": json_number(r.achieved),
            "share": r.share().map(json_number),
            "iterations": r.iterations,
            "withoutTokens": r.without,
            "sizes": sizes.collect::<Vec<_>>(),
        })
    };
    rates.iter().map(one).collect()
}
