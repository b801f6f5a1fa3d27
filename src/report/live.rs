//! The middle of the live dashboard, as HTML: what the run is doing now, thresholds, budgets, charts over time, and the tables of the HTML
//! report as far as a run that goes on has them.

use super::charts;
use super::html::{budgets, cells, checks, failures, table, thresholds};
use super::human;
use crate::metrics::Summary;
use crate::metrics::over_time::TimeSpan;
use crate::metrics::snapshot::Snapshot;

/// The page's middle. `over` = the run has ended, so that its last span is whole.
pub fn render(spans: &[TimeSpan], now: &Snapshot, summary: &Summary, over: bool) -> String {
    let mut body = table("Now", &["what", "figure"], figures(now, over));
    body += &thresholds(summary, "state", |t| match (t.observed, t.ok) {
        (None, _) => "no samples yet",
        (Some(_), true) => "holds",
        (Some(_), false) => "crossed",
    });
    body += &budgets(&summary.budgets);
    // Of a run that goes on the last span is not whole: its counts would look like a drop.
    let whole = if over { spans } else { spans.split_last().map_or(spans, |(_, whole)| whole) };
    charts::live(whole).iter().for_each(|chart| body += &chart.section());
    body += &charts::heat(whole).map(|map| map.section()).unwrap_or_default();
    body + &failures(summary) + &cells(summary) + &checks(&summary.root_group)
}

fn figures(now: &Snapshot, over: bool) -> Vec<Vec<String>> {
    let ms = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |ms| human::duration(ms, None));
    let per_second = |rate: f64| human::number((rate * 10.0).round() / 10.0);
    let time = human::duration(now.elapsed.as_secs_f64().round() * 1e3, None);
    let mut rows =
        vec![(if over { "has run for" } else { "running for" }, time), ("iterations", now.iterations.to_string())];
    if now.ai_requests > 0 {
        rows.extend([
            ("model calls", now.ai_requests.to_string()),
            ("failed calls", human::percent(now.ai_failed)),
            ("TTFT p50", ms(now.ttft_p50_ms)),
            ("TTFT p95", ms(now.ttft_p95_ms)),
            ("output tokens per second, last 5 s", per_second(now.tokens_per_second)),
            ("cost", human::dollars(now.cost_usd)),
        ]);
    }
    if now.http_reqs > 0 {
        rows.extend([
            ("HTTP requests", now.http_reqs.to_string()),
            ("failed requests", human::percent(now.http_failed)),
            ("duration p95", ms(now.http_p95_ms)),
            ("requests per second, last 5 s", per_second(now.http_reqs_per_second)),
        ]);
    }
    if now.dropped_iterations > 0 {
        rows.push(("dropped iterations", now.dropped_iterations.to_string()));
    }
    if now.checks_passed + now.checks_failed > 0 {
        rows.push(("checks", format!("{} passed, {} failed", now.checks_passed, now.checks_failed)));
    }
    rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_run::summary;

    #[test]
    fn the_last_span_is_shown_when_the_run_is_over() {
        let spans: Vec<TimeSpan> = (0..3)
            .map(|n| TimeSpan { at_s: f64::from(n), seconds: 1.0, iterations: 7, ..TimeSpan::default() })
            .collect();
        let now = Snapshot { iterations: 21, ..Snapshot::default() };
        let points = |over| render(&spans, &now, &summary(), over).matches("7</title></circle>").count();
        assert_eq!((points(false), points(true)), (2, 3));
    }

    #[test]
    fn thresholds_are_told_whether_they_hold_or_not() {
        let summary = summary();
        let page = render(&[], &Snapshot::default(), &summary, false);
        let all = summary.metrics.iter().map(|metric| metric.thresholds.len()).sum::<usize>();
        let told = page.matches(">holds<").count()
            + page.matches(">crossed<").count()
            + page.matches(">no samples yet<").count();
        assert!(all > 0 && told == all, "{page}");
        assert!(page.contains("<h2>Checks</h2>"), "{page}");
    }
}
