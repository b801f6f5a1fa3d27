//! From the merged JSON object to [`Options`]: reads every option, and says so of those that have no effect.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::metrics::SystemTags;

use super::layers::FlagOptions;
use super::problem::Findings;
use super::reader::Reader;
use super::{
    ExecutorConfig, Options, Scenario, Segmentation, budget, choice, fields, merged_json, net_parse, scenario_parse,
    thresholds, window_parse,
};

const TREND_STATS: &[&str] = &["avg", "min", "med", "max", "p(90)", "p(95)"];
const MINUTE: Duration = Duration::from_secs(60);

/// Reads all options; what is invalid is replaced by the default and noted.
pub(super) fn parse(merged: &Map<String, Value>, flags: &FlagOptions, found: &mut Findings) -> Options {
    let mut top = Reader::new(merged, "", found);
    top.check_names(&fields::names());
    unsupported(&mut top);
    let scenarios = scenario_parse::parse(&mut top);
    let segmentation = segmentation(&mut top);
    whole_sweeps(&mut top, &scenarios, &segmentation);
    let mut options = Options {
        segmentation,
        paused: top.bool("paused").unwrap_or(false),
        thresholds: thresholds::parse(&mut top),
        no_setup: top.bool("noSetup").unwrap_or(false),
        setup_timeout: top.duration("setupTimeout").unwrap_or(MINUTE),
        no_teardown: top.bool("noTeardown").unwrap_or(false),
        teardown_timeout: top.duration("teardownTimeout").unwrap_or(MINUTE),
        handle_summary_timeout: top.duration("handleSummaryTimeout").unwrap_or(2 * MINUTE),
        no_thresholds: top.bool("noThresholds").unwrap_or(false),
        min_iteration_duration: top.duration("minIterationDuration").unwrap_or_default(),
        warm_up: window_parse::warm_up(&mut top),
        cool_down: window_parse::cool_down(&mut top),
        throw: top.bool("throw").unwrap_or(false),
        budget: budget::parse(&mut top).unwrap_or_default(),
        net: net_parse::parse(&mut top),
        tags: top.text_map("tags").unwrap_or_default(),
        system_tags: system_tags(&mut top),
        summary_trend_stats: trend_stats(&mut top),
        summary_time_unit: time_unit(&mut top),
        no_cookies_reset: top.bool("noCookiesReset").unwrap_or(false),
        discard_response_bodies: top.bool("discardResponseBodies").unwrap_or(false),
        console_output: top.text("consoleOutput").filter(|path| !path.is_empty()),
        async_metric_context: top.texts("features").is_some_and(|all| all.iter().any(|f| f == ASYNC_METRIC_CONTEXT)),
        json: Value::Null,
        scenarios,
    };
    for scenario in &options.scenarios {
        let own = scenario.budget.as_ref().is_some_and(budget::BudgetOptions::is_set);
        if matches!(scenario.executor, ExecutorConfig::RateLimitProbe(_)) && !own && !options.budget.is_set() {
            let path = format!("scenarios.{}.budget", scenario.name);
            let what = "is missing: looking for limits makes as many calls as it is allowed to";
            found.problem(&path, what, "give it, or the test, a budget of requests, tokens or usd");
        }
    }
    choice::choose(&mut options.scenarios, flags, found);
    options.json = merged_json::build(merged, &options.scenarios, &options.summary_trend_stats);
    options
}

/// The part of the test this instance runs.
fn segmentation(top: &mut Reader<'_>) -> Segmentation {
    let (segment, sequence) = (top.text("executionSegment"), top.text("executionSegmentSequence"));
    Segmentation::parse(segment.as_deref(), sequence.as_deref()).unwrap_or_else(|(what, hint)| {
        let about = if segment.is_none() { "executionSegmentSequence" } else { "executionSegment" };
        top.problem(about, what, hint);
        Segmentation::default()
    })
}

/// A sweep is judged by what its instance sees, and a search goes where that leads: instances would part ways.
fn whole_sweeps(top: &mut Reader<'_>, scenarios: &[Scenario], segmentation: &Segmentation) {
    if segmentation.is_whole() {
        return;
    }
    for scenario in scenarios {
        if matches!(scenario.executor, ExecutorConfig::Sweep(_) | ExecutorConfig::RateLimitProbe(_)) {
            top.problem(
                &format!("scenarios.{}.executor", scenario.name),
                format!("`{}` cannot be split into execution segments", scenario.executor.name()),
                "run it on one instance, without --execution-segment",
            );
        }
    }
}

fn system_tags(top: &mut Reader<'_>) -> SystemTags {
    let Some(names) = top.texts("systemTags") else { return SystemTags::defaults() };
    SystemTags::from_names(names.iter().map(String::as_str)).unwrap_or_else(|unknown| {
        let known: Vec<&str> = crate::metrics::SystemTag::ALL.iter().map(|tag| tag.name()).collect();
        let what = format!("unknown system tags: {}", unknown.join(", "));
        top.problem("systemTags", what, format!("known: {}", known.join(", ")));
        SystemTags::defaults()
    })
}

fn trend_stats(top: &mut Reader<'_>) -> Vec<String> {
    let given = top.texts("summaryTrendStats");
    for stat in given.iter().flatten() {
        let percentile = stat.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')'));
        let ok = match percentile {
            Some(number) => number.trim().parse::<f64>().is_ok_and(|n| (0.0..=100.0).contains(&n)),
            None => ["avg", "min", "med", "max", "count"].contains(&stat.as_str()),
        };
        if !ok {
            let hint = "use avg, min, med, max, count or p(N) with N from 0 to 100";
            top.problem("summaryTrendStats", format!("'{stat}' is not a trend statistic"), hint);
        }
    }
    given.unwrap_or_else(|| TREND_STATS.iter().map(|s| (*s).to_owned()).collect())
}

fn time_unit(top: &mut Reader<'_>) -> Option<String> {
    let unit = top.text("summaryTimeUnit").filter(|unit| !unit.is_empty())?;
    if !["s", "ms", "us"].contains(&unit.as_str()) {
        top.problem("summaryTimeUnit", format!("'{unit}' is not a unit of the summary"), "use 's', 'ms' or 'us'");
    }
    Some(unit)
}

/// k6's experimental features that do something here.
const FEATURES: [&str; 2] = [ASYNC_METRIC_CONTEXT, "merge-run-tags"];
const ASYNC_METRIC_CONTEXT: &str = "async-metric-context";

/// Options that are known but do nothing yet: an error where the run would not be what was asked for, else a warning.
fn unsupported(top: &mut Reader<'_>) {
    if given(top, "metricSamplesBufferSize") {
        top.warn("metricSamplesBufferSize", "has no effect: the sample buffer has a fixed size");
    }
    for feature in top.texts("features").unwrap_or_default() {
        if !FEATURES.contains(&feature.as_str()) {
            let known = FEATURES.join(", ");
            top.warn("features", format!("`{feature}` is not known here, ignored (known: {known})"));
        }
    }
}

/// Given and not empty.
fn given(top: &Reader<'_>, name: &str) -> bool {
    match top.get(name) {
        None => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(items)) => !items.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}
