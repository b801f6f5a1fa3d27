//! Pass and fail criteria: the options as written, their validation against the registry (all problems at once, before
//! the run) and their evaluation against sinks. The collector decides when to evaluate and what a failure means.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::metric::{Metric, MetricKind};
use super::registry::Registry;
use super::sink::{Aggregation, Sink};
use super::tags::Tags;
use super::threshold_parser::{Condition, Selector, parse_condition, parse_selector};
use crate::spelling::nearest;

/// The thresholds of one metric or sub-metric.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdOption {
    /// `metric` or `metric{tag:value,...}` as the user wrote it.
    pub selector: String,
    /// The expressions in order.
    pub expressions: Vec<ThresholdExpression>,
}

/// One threshold expression with its behaviour.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdExpression {
    /// The text, e.g. `p(95)<500`.
    pub source: String,
    /// End the run when it is crossed.
    pub abort_on_fail: bool,
    /// Do not abort before this much time has passed.
    pub delay_abort_eval: Duration,
}

/// All thresholds of a run, parsed and checked.
#[derive(Clone, Debug, Default)]
pub struct Thresholds {
    /// In the order of the options.
    pub series: Vec<SeriesThresholds>,
}

/// The thresholds of one metric or sub-metric, parsed and checked.
#[derive(Clone, Debug)]
pub struct SeriesThresholds {
    /// As the user wrote it; the name of the sub-metric in every report.
    pub name: Arc<str>,
    /// The metric.
    pub metric: Arc<Metric>,
    /// The part between the braces; empty for the metric itself.
    pub suffix: Arc<str>,
    /// The tags a sample must have; empty for the metric itself.
    pub tags: Tags,
    /// The conditions.
    pub thresholds: Vec<Threshold>,
}

/// One threshold and its latest result.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// As the user wrote it.
    pub source: Arc<str>,
    /// The parsed condition.
    pub condition: Condition,
    /// End the run when it is crossed.
    pub abort_on_fail: bool,
    /// Do not abort before this much time has passed.
    pub delay_abort_eval: Duration,
    /// Whether it held at the latest evaluation; true before the first.
    pub ok: bool,
    /// The value it was compared with; None before the first sample.
    pub observed: Option<f64>,
    /// Whether it ended the run; it then stays failed.
    pub aborted: bool,
}

/// Something that keeps a threshold from being evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdProblem {
    /// The selector as written.
    pub selector: String,
    /// What is wrong and how to mend it.
    pub message: String,
    /// The text to show and the place in it, in characters.
    pub caret: Option<(String, usize)>,
}

impl fmt::Display for ThresholdProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "threshold on '{}': {}", self.selector, self.message)?;
        if let Some((text, at)) = &self.caret {
            write!(f, "\n    {text}\n    {:>width$}", '^', width = at + 1)?;
        }
        Ok(())
    }
}

/// Parses the options and checks them against the metrics known after the init context.
///
/// # Errors
/// Every problem of every threshold.
pub fn validate(options: &[ThresholdOption], registry: &Registry) -> Result<Thresholds, Vec<ThresholdProblem>> {
    let mut problems = Vec::new();
    let mut series = Vec::new();
    for option in options {
        let problem = |message: String, caret: Option<(String, usize)>| ThresholdProblem {
            selector: option.selector.clone(),
            message,
            caret,
        };
        let selector = match parse_selector(&option.selector) {
            Ok(selector) => Some(selector),
            Err(e) => {
                problems.push(problem(e.message, Some((option.selector.clone(), e.at))));
                None
            }
        };
        let metric = selector.as_ref().and_then(|s| registry.by_name(&s.metric));
        if let (Some(Selector { metric: name, .. }), None) = (&selector, &metric) {
            problems.push(problem(unknown_metric(name, registry), None));
        }
        let mut thresholds = Vec::new();
        for expression in &option.expressions {
            match parse_condition(&expression.source) {
                Ok(condition) => match &metric {
                    Some(metric) if !condition.aggregation.fits(metric.kind) => {
                        problems.push(problem(wrong_figure(condition.aggregation, metric, &expression.source), None));
                    }
                    _ => thresholds.push(Threshold {
                        source: expression.source.as_str().into(),
                        condition,
                        abort_on_fail: expression.abort_on_fail,
                        delay_abort_eval: expression.delay_abort_eval,
                        ok: true,
                        observed: None,
                        aborted: false,
                    }),
                },
                Err(e) => problems.push(problem(e.message, Some((expression.source.clone(), e.at)))),
            }
        }
        if let (Some(selector), Some(metric)) = (selector, metric) {
            series.push(SeriesThresholds {
                name: option.selector.trim().into(),
                metric,
                suffix: selector.suffix.into(),
                tags: Tags::from_pairs(selector.tags),
                thresholds,
            });
        }
    }
    if problems.is_empty() { Ok(Thresholds { series }) } else { Err(problems) }
}

fn unknown_metric(name: &str, registry: &Registry) -> String {
    let all = registry.all();
    let hint = match nearest(name, all.iter().map(|m| m.name.as_ref())) {
        Some(near) => format!("did you mean '{near}'?"),
        None => {
            "built-in metrics are listed in docs/metrics.md; a custom metric must be created in the init context".into()
        }
    };
    format!("no metric is named '{name}'; {hint}")
}

fn wrong_figure(figure: Aggregation, metric: &Metric, source: &str) -> String {
    let kind = metric.kind;
    format!(
        "'{source}' asks for {figure}, but '{}' is a {} metric; use {}",
        metric.name,
        kind.name(),
        Aggregation::known_for(kind)
    )
}

impl SeriesThresholds {
    /// Compares all thresholds with the sink; returns the names of those that ask to end the run now.
    /// An empty sink passes, whatever the condition.
    pub fn evaluate(&mut self, sink: Option<&Sink>, elapsed: Duration) -> Vec<String> {
        let mut aborting = Vec::new();
        for threshold in &mut self.thresholds {
            if threshold.aborted {
                continue;
            }
            let sink = sink.filter(|s| !s.is_empty());
            threshold.observed = sink.and_then(|s| s.figure(threshold.condition.aggregation, elapsed));
            threshold.ok = threshold
                .observed
                .is_none_or(|value| threshold.condition.operator.holds(value, threshold.condition.bound));
            if !threshold.ok && threshold.abort_on_fail && elapsed > threshold.delay_abort_eval {
                threshold.aborted = true;
                aborting.push(format!("{}: {}", self.name, threshold.source));
            }
        }
        aborting
    }

    /// The last word on a counter that never counted: it stands at zero. A trend, rate or gauge without samples says nothing
    /// and passes.
    pub fn settle_uncounted(&mut self) {
        if self.metric.kind != MetricKind::Counter {
            return;
        }
        for threshold in self.thresholds.iter_mut().filter(|t| t.observed.is_none() && !t.aborted) {
            threshold.observed = Some(0.0);
            threshold.ok = threshold.condition.operator.holds(0.0, threshold.condition.bound);
        }
    }
}

impl Thresholds {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// `selector: expression` of every threshold that failed at the latest evaluation.
    pub fn failed(&self) -> Vec<String> {
        let failed = |s: &SeriesThresholds| {
            let name = Arc::clone(&s.name);
            s.thresholds.iter().filter(|t| !t.ok).map(move |t| format!("{name}: {}", t.source)).collect::<Vec<_>>()
        };
        self.series.iter().flat_map(failed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{MetricKind, ValueKind};

    fn option(selector: &str, expressions: &[&str]) -> ThresholdOption {
        let expression = |source: &&str| ThresholdExpression {
            source: (*source).to_owned(),
            abort_on_fail: false,
            delay_abort_eval: Duration::ZERO,
        };
        ThresholdOption { selector: selector.to_owned(), expressions: expressions.iter().map(expression).collect() }
    }

    #[test]
    fn a_counter_that_never_counted_stands_at_zero_at_the_end() {
        let mut thresholds = validate(&[option("http_reqs", &["count>10", "count<5"])], &Registry::new()).unwrap();
        let series = &mut thresholds.series[0];
        series.evaluate(None, Duration::from_secs(1));
        assert!(series.thresholds.iter().all(|t| t.ok), "nothing is judged before the end");
        series.settle_uncounted();
        assert_eq!(
            series.thresholds.iter().map(|t| (t.ok, t.observed)).collect::<Vec<_>>(),
            [(false, Some(0.0)), (true, Some(0.0))]
        );
        let mut thresholds = validate(&[option("ai_ttft", &["p(95)>5"])], &Registry::new()).unwrap();
        thresholds.series[0].settle_uncounted();
        assert!(thresholds.series[0].thresholds[0].ok);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let options = [
            option("http_req_duraton", &["p(95)<500"]),
            option("http_reqs", &["avg<5", "count>=1"]),
            option("ai_ttft{request_type:long", &["p(95<1"]),
            option("checks", &["rate>0.9"]),
        ];
        let problems = validate(&options, &Registry::new()).unwrap_err();
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(list.join("\n"), @r"
        threshold on 'http_req_duraton': no metric is named 'http_req_duraton'; did you mean 'http_req_duration'?
        threshold on 'http_reqs': 'avg<5' asks for avg, but 'http_reqs' is a counter metric; use count, rate
        threshold on 'ai_ttft{request_type:long': expected '}' at the end
            ai_ttft{request_type:long
                                     ^
        threshold on 'ai_ttft{request_type:long': expected ')' after the percentile
            p(95<1
                ^
        ");
    }

    #[test]
    fn evaluation_and_abort() {
        let mut options = [option("http_req_duration{name:x}", &["p(95)<500", "avg<1"])];
        options[0].expressions[1].abort_on_fail = true;
        options[0].expressions[1].delay_abort_eval = Duration::from_secs(10);
        let mut thresholds = validate(&options, &Registry::new()).unwrap();
        let series = &mut thresholds.series[0];
        assert_eq!(series.tags.get("name").map(AsRef::as_ref), Some("x"));

        let mut sink = Sink::of(MetricKind::Trend, ValueKind::Time);
        assert!(series.evaluate(Some(&sink), Duration::from_secs(60)).is_empty());
        assert!(series.thresholds.iter().all(|t| t.ok), "an empty sink passes");

        sink.add(20.0);
        assert!(series.evaluate(Some(&sink), Duration::from_secs(10)).is_empty(), "not later than the delay");
        assert_eq!((series.thresholds[0].ok, series.thresholds[1].ok), (true, false));
        let aborting = series.evaluate(Some(&sink), Duration::from_secs(11));
        assert_eq!(aborting, ["http_req_duration{name:x}: avg<1"]);
        assert_eq!(series.thresholds[1].observed, Some(20.0));

        (0..10_000).for_each(|_| sink.add(0.0));
        assert!(series.evaluate(Some(&sink), Duration::from_secs(12)).is_empty());
        assert!(!series.thresholds[1].ok, "what ended the run stays failed");
        assert_eq!(thresholds.failed(), ["http_req_duration{name:x}: avg<1"]);
    }
}
