//! GitHub's workflow commands: a line per failed threshold and per reason why the run is no measurement, which the job's page shows.

use super::ReportOptions;
use super::junit::observed;
use crate::metrics::Summary;

/// The lines; empty when nothing failed.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    let script = options.origin.as_ref().map_or("inrush", |o| o.script.as_str());
    let mut out = String::new();
    for metric in &summary.metrics {
        for threshold in metric.thresholds.iter().filter(|t| !t.ok) {
            let text = format!("{}: {} ({})", metric.name, threshold.source, observed(threshold, metric));
            out += &command("error", &format!("Threshold failed in {script}"), &text);
        }
    }
    for why in &summary.health.invalid {
        out += &command("warning", &format!("Not a measurement: {script}"), why);
    }
    out.into_bytes()
}

/// One workflow command.
pub(super) fn command(level: &str, title: &str, text: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={}::{}\n", property(title), data(text))
}

#[cfg(test)]
mod tests {
    use super::super::sample_run;
    use super::*;

    #[test]
    fn a_line_per_failure() {
        let text = String::from_utf8(render(&sample_run::summary(), &ReportOptions::default())).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains("::error title=Threshold failed in inrush::http_req_duration{name:login}: p(95)<50 (p(95)=")
        );
        assert_eq!(command("error", "a:b", "50%\nc"), "::error title=a%3Ab::50%25%0Ac\n");
    }
}
