//! The section on token rates: what was due, what was achieved, and how large iterations turned out to be.

use super::layout::{Cells, Row};
use crate::metrics::token_rate::TokenRateFacts;
use crate::options::format_duration;
use crate::report::human;

/// The rows; none without a token rate.
pub(super) fn rows(rates: &[TokenRateFacts]) -> Vec<Row> {
    let mut rows = Vec::new();
    for rate in rates {
        let n = |tokens: f64| human::number(rate.per_unit(tokens).round());
        let unit = format_duration(rate.unit);
        let share = rate.share().map_or_else(|| "nothing was due".to_owned(), human::percent);
        let figures = format!(
            "{} {} tokens per {unit} achieved, target {} ({share})",
            n(rate.achieved),
            rate.count,
            n(rate.target)
        );
        rows.push(row(rate.scenario.clone(), figures));
        for size in &rate.sizes {
            let name =
                size.request_type.as_ref().map_or_else(|| "iterations".to_owned(), |t| format!("request_type:{t}"));
            let mean = human::number((size.mean * 10.0).round() / 10.0);
            let text = format!("{} {} of {mean} tokens on average", size.iterations, plural(size.iterations));
            rows.push(row(format!("  {{ {name} }}"), text));
        }
        if rate.without > 0 {
            let text = format!("{} {} took no tokens: failed, or without a call", rate.without, plural(rate.without));
            rows.push(row("  without tokens".to_owned(), text));
        }
    }
    rows
}

fn plural(n: u64) -> &'static str {
    if n == 1 { "iteration" } else { "iterations" }
}

fn row(name: String, text: String) -> Row {
    Row { name, cells: Cells::Text(text) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Summary;
    use crate::metrics::token_rate::LearntSize;
    use crate::report::{ReportOptions, handle_summary, summary_export, text};

    #[test]
    fn target_and_achieved_are_in_text_and_json() {
        let rate = TokenRateFacts {
            scenario: "chat".to_owned(),
            count: "output",
            unit: Duration::from_secs(60),
            length: Duration::from_secs(30),
            target: 60_000.0,
            achieved: 59_100.0,
            iterations: 300,
            without: 1,
            sizes: vec![LearntSize { request_type: Some("short".to_owned()), iterations: 300, mean: 197.04 }],
        };
        let summary = Summary { token_rates: vec![rate], ..Summary::default() };
        let shown = String::from_utf8(text::render(&summary, &ReportOptions::default())).unwrap();
        for part in [
            "TOKEN RATE",
            "118200 output tokens per 1m0s achieved, target 120000 (98.50%)",
            "{ request_type:short }",
            "300 iterations of 197 tokens on average",
            "1 iteration took no tokens",
        ] {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
        for json in [
            handle_summary::data(&summary, &ReportOptions::default()),
            summary_export::data(&summary, &ReportOptions::default()),
        ] {
            let rate = &json["token_rates"][0];
            assert_eq!(
                (&rate["target"], &rate["achieved"], &rate["share"]),
                (&120_000.into(), &118_200.into(), &0.985.into())
            );
            assert_eq!(
                (&rate["scenario"], &rate["count"], &rate["timeUnitMs"]),
                (&"chat".into(), &"output".into(), &60_000.into())
            );
            assert_eq!(rate["sizes"][0]["requestType"], "short");
        }
        assert!(handle_summary::data(&Summary::default(), &ReportOptions::default()).get("token_rates").is_none());
    }
}
