//! JUnit XML: a test suite per run, a test case per threshold and per check, for CI systems that show test results. Failed cases say
//! what was observed. It leaves out metrics without thresholds.

use super::ReportOptions;
use super::human::figure;
use super::markup::escaped;
use crate::metrics::Summary;
use crate::metrics::summary::{SummaryMetric, ThresholdResult};

/// The suite of one run.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// What kind of thing it is; CI systems group by it.
    pub class: String,
    /// Its name.
    pub name: String,
    /// How it failed; None when it passed.
    pub failure: Option<String>,
    /// Why it could not be judged; None when it was.
    pub skipped: Option<String>,
}

/// The file of one run.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    let script = options.origin.as_ref().map_or("inrush", |o| o.script.as_str());
    xml(&[suite(summary, script)])
}

/// The suite of a run: thresholds, then checks, then whether the generator kept up.
pub fn suite(summary: &Summary, name: &str) -> Suite {
    let mut cases = Vec::new();
    for metric in &summary.metrics {
        cases.extend(metric.thresholds.iter().map(|t| Case {
            class: "thresholds".to_owned(),
            name: format!("{}: {}", metric.name, t.source),
            failure: (!t.ok).then(|| observed(t, metric)),
            skipped: None,
        }));
    }
    for check in summary.root_group.all_checks() {
        let total = check.passes + check.fails;
        cases.push(Case {
            class: "checks".to_owned(),
            name: check.path.trim_start_matches("::").replace("::", " :: "),
            failure: (check.fails > 0).then(|| format!("failed {} of {total} times", check.fails)),
            skipped: None,
        });
    }
    cases.push(Case {
        class: "generator".to_owned(),
        name: "the figures are a measurement".to_owned(),
        failure: (!summary.is_measurement()).then(|| summary.health.invalid.join("; ")),
        skipped: None,
    });
    Suite { name: name.to_owned(), seconds: summary.duration.as_secs_f64(), cases }
}

/// What a threshold saw.
pub(super) fn observed(threshold: &ThresholdResult, metric: &SummaryMetric) -> String {
    let of = threshold.aggregation;
    match threshold.observed {
        Some(value) => format!("{of}={}", figure(of, value, metric.kind, metric.contains, None)),
        None => "no samples".to_owned(),
    }
}

/// Suites as a file.
pub fn xml(suites: &[Suite]) -> Vec<u8> {
    let count = |of: fn(&Case) -> bool| suites.iter().flat_map(|s| &s.cases).filter(|c| of(c)).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
        count(|_| true),
        count(|c| c.failure.is_some()),
        count(|c| c.skipped.is_some()),
    );
    for suite in suites {
        let of = |which: fn(&Case) -> bool| suite.cases.iter().filter(|c| which(c)).count();
        out += &format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3}\">\n",
            escaped(&suite.name),
            suite.cases.len(),
            of(|c| c.failure.is_some()),
            of(|c| c.skipped.is_some()),
            suite.seconds
        );
        for case in &suite.cases {
            let head = format!("    <testcase classname=\"{}\" name=\"{}\"", escaped(&case.class), escaped(&case.name));
            out += &match (&case.failure, &case.skipped) {
                (Some(why), _) => format!("{head}>\n      <failure message=\"{}\"/>\n    </testcase>\n", escaped(why)),
                (None, Some(why)) => {
                    format!("{head}>\n      <skipped message=\"{}\"/>\n    </testcase>\n", escaped(why))
                }
                (None, None) => format!("{head}/>\n"),
            };
        }
        out += "  </testsuite>\n";
    }
    out += "</testsuites>\n";
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::sample_run;
    use super::*;

    #[test]
    fn a_case_per_threshold_and_check() {
        let text = String::from_utf8(render(&sample_run::run(true, true), &ReportOptions::default())).unwrap();
        sample_run::golden("junit.xml", &text);
        assert!(text.contains("failed 1 of 2 times"), "{text}");
    }

    #[test]
    fn names_cannot_break_the_file() {
        let case = Case { name: "a\"<b>&\u{1}\n".to_owned(), ..Case::default() };
        let text = String::from_utf8(xml(&[Suite { cases: vec![case], ..Suite::default() }])).unwrap();
        assert!(text.contains("name=\"a&quot;&lt;b&gt;&amp;\u{fffd}&#10;\""), "{text}");
    }
}
