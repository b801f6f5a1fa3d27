//! Turns batches into results: the state behind the aggregator's thread, without the thread, the clock or the channel, so
//! that it can be tested by calling it. It decides nothing about when thresholds are evaluated.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::activity::{Activity, Throughput};
use super::breakdown::{Breakdown, Slot};
use super::builtin::Builtin;
use super::check_tree::{CheckTree, Group};
use super::health::Health;
use super::live::{Live, LiveMetric};
use super::metric::{Metric, MetricId};
use super::registry::Registry;
use super::route::{Route, Routes};
use super::sample::{Extra, SampleBatch};
use super::sink::{Aggregation, Sink, TrendStat};
use super::snapshot::{RollingRates, Snapshot};
use super::summary::{AiFacts, Cell, EXPECTED, Section, Summary, SummaryMetric, ThresholdResult, expected_name};
use super::tags::{SystemTag, Tags};
use super::threshold::{SeriesThresholds, Thresholds};

/// Metrics whose successful calls the summary shows apart.
const EXPECTED_METRICS: [Builtin; 14] = [
    Builtin::HttpReqDuration,
    Builtin::AiTtft,
    Builtin::AiTtfo,
    Builtin::AiTtftIntended,
    Builtin::AiIcl,
    Builtin::AiItl,
    Builtin::AiTpot,
    Builtin::AiStreamDuration,
    Builtin::AiE2e,
    Builtin::AiStreamTokensPerSecond,
    Builtin::AiTtftTotal,
    Builtin::AiE2eTotal,
    Builtin::AiE2eIntended,
    Builtin::AiScheduleDelay,
];

/// Metrics of the AI section that are broken down by request type and by scenario.
const AI_METRICS: [Builtin; 8] = [
    Builtin::AiRequests,
    Builtin::AiReqFailed,
    Builtin::AiTtft,
    Builtin::AiTtfo,
    Builtin::AiTpot,
    Builtin::AiE2e,
    Builtin::AiOutputTokens,
    Builtin::AiCost,
];

/// What is told of every target of a failover.
const TARGET_METRICS: [Builtin; 4] =
    [Builtin::AiRequests, Builtin::AiFailovers, Builtin::AiOutages, Builtin::AiRecoveryTime];

/// Everything counted so far.
#[derive(Debug)]
pub struct Collector {
    registry: Arc<Registry>,
    thresholds: Thresholds,
    /// By metric id; grows as scripts register metrics.
    series: Vec<(Arc<Metric>, Sink)>,
    subs: Vec<Sub>,
    routes: Routes,
    breakdowns: Vec<Breakdown>,
    /// Position of the breakdown by scenario and request type.
    by_cell: Option<usize>,
    /// Metrics that leave out unexpected responses in breakdowns.
    latencies: Vec<MetricId>,
    checks: CheckTree,
    /// Checks per scenario, for the full summary.
    scenario_checks: Option<HashMap<Arc<str>, CheckTree>>,
    activity: Activity,
    rates: RollingRates,
}

#[derive(Debug)]
struct Sub {
    name: Arc<str>,
    suffix: Arc<str>,
    tags: Tags,
    metric: Arc<Metric>,
    sink: Sink,
}

/// Positions in `breakdowns`.
const BY_REQUEST_TYPE: usize = 0;
const BY_SCENARIO: usize = 1;
const BY_ERROR: usize = 2;
const BY_TARGET: usize = 3;
const BY_GROUP: usize = 4;

impl Collector {
    /// An empty collector. `full` also keeps all metrics per scenario and per group, for the full summary.
    pub fn new(registry: Arc<Registry>, thresholds: Thresholds, full: bool) -> Self {
        let ai: Vec<MetricId> = AI_METRICS.iter().map(|m| m.id()).collect();
        let mut breakdowns = vec![
            Breakdown::new(SystemTag::RequestType.name(), Some(ai.clone())),
            Breakdown::new(SystemTag::Scenario.name(), if full { None } else { Some(ai) }),
            Breakdown::new(SystemTag::ErrorKind.name(), Some(vec![Builtin::AiErrors.id()])),
            Breakdown::new(SystemTag::Target.name(), Some(TARGET_METRICS.iter().map(|m| m.id()).collect())),
        ];
        if full {
            breakdowns.push(Breakdown::new(SystemTag::Group.name(), None));
        }
        let mut collector = Self {
            registry,
            thresholds,
            series: Vec::new(),
            subs: Vec::new(),
            routes: Routes::default(),
            breakdowns,
            by_cell: None,
            latencies: EXPECTED_METRICS[1..].iter().map(|m| m.id()).collect(),
            checks: CheckTree::default(),
            scenario_checks: full.then(HashMap::new),
            activity: Activity::default(),
            rates: RollingRates::default(),
        };
        collector.learn_metrics();
        collector.add_subs();
        collector
    }

    /// Also keeps all metrics per scenario and request type. Before the first batch.
    pub fn keep_cells(&mut self) {
        self.by_cell = Some(self.breakdowns.len());
        self.breakdowns.push(Breakdown::of_pairs(SystemTag::Scenario.name(), SystemTag::RequestType.name()));
    }

    fn learn_metrics(&mut self) {
        for metric in self.registry.all().into_iter().skip(self.series.len()) {
            let sink = Sink::new(&metric);
            self.series.push((metric, sink));
        }
    }

    /// Sub-metrics: those of thresholds, then those the summary needs unless a threshold already has them.
    fn add_subs(&mut self) {
        for series in self.thresholds.series.iter().filter(|s| !s.tags.is_empty()) {
            if !self.subs.iter().any(|s| s.name == series.name) {
                self.subs.push(Sub {
                    name: Arc::clone(&series.name),
                    suffix: Arc::clone(&series.suffix),
                    tags: series.tags.clone(),
                    metric: Arc::clone(&series.metric),
                    sink: Sink::new(&series.metric),
                });
            }
        }
        let expected = Tags::from_pairs([("expected_response", "true")]);
        for builtin in EXPECTED_METRICS {
            let (metric, _) = &self.series[builtin.id().0 as usize];
            let name: Arc<str> = expected_name(builtin).into();
            if !self.subs.iter().any(|s| s.name == name) {
                let sink = Sink::new(metric);
                let metric = Arc::clone(metric);
                self.subs.push(Sub { name, suffix: EXPECTED.into(), tags: expected.clone(), metric, sink });
            }
        }
    }

    /// Counts a batch.
    pub fn ingest(&mut self, batch: &SampleBatch) {
        let Self { routes, subs, breakdowns, .. } = self;
        let route = routes.of(&batch.tags, |tags| find_route(tags, subs, breakdowns));
        for sample in &batch.samples {
            let at = sample.metric.0 as usize;
            if at >= self.series.len() {
                self.learn_metrics();
            }
            let Some((metric, sink)) = self.series.get_mut(at) else {
                debug_assert!(false, "a sample of a metric that is not registered");
                continue;
            };
            sink.add(sample.value);
            for (_, sub) in route.subs.iter().filter(|(parent, _)| *parent == sample.metric) {
                self.subs[*sub as usize].sink.add(sample.value);
            }
            if route.unexpected && self.latencies.contains(&sample.metric) {
                continue;
            }
            for (breakdown, slot) in &route.slots {
                self.breakdowns[*breakdown as usize].add(*slot, metric, sample.value);
            }
        }
        match &batch.extra {
            Extra::None => {}
            Extra::Check { group, name, passed } => {
                self.checks.check(group, name, *passed);
                if let (Some(trees), Some(scenario)) = (&mut self.scenario_checks, batch.tags.get("scenario")) {
                    trees.entry(Arc::clone(scenario)).or_default().check(group, name, *passed);
                }
            }
            Extra::Group(path) => {
                self.checks.group(path);
            }
            Extra::Call(call) => self.activity.add(call),
        }
    }

    /// Evaluates all thresholds; returns those that ask to end the run.
    pub fn evaluate(&mut self, elapsed: Duration) -> Vec<String> {
        let mut aborting = Vec::new();
        for series in &mut self.thresholds.series {
            let sink = if series.tags.is_empty() {
                self.series.get_mut(series.metric.id.0 as usize).map(|(_, sink)| sink)
            } else {
                self.subs.iter_mut().find(|s| s.name == series.name).map(|s| &mut s.sink)
            };
            let sink = sink.map(|sink| {
                sink.sort();
                &*sink
            });
            aborting.extend(series.evaluate(sink, elapsed));
        }
        aborting
    }

    /// The main figures now.
    pub fn snapshot(&mut self, elapsed: Duration) -> Snapshot {
        let mut snapshot = Snapshot { elapsed, ..Snapshot::default() };
        for builtin in [Builtin::HttpReqDuration, Builtin::AiTtft] {
            self.sink_mut(builtin).sort();
        }
        if let Some(sub) = self.subs.iter_mut().find(|s| s.name.as_ref() == expected_name(Builtin::AiTtft)) {
            sub.sink.sort();
        }
        let sum = |b| self.sink(b).sum();
        let share = |b| self.sink(b).figure(Aggregation::Rate, elapsed).unwrap_or(0.0);
        snapshot.iterations = sum(Builtin::Iterations) as u64;
        snapshot.dropped_iterations = sum(Builtin::DroppedIterations) as u64;
        snapshot.http_reqs = sum(Builtin::HttpReqs) as u64;
        snapshot.http_failed = share(Builtin::HttpReqFailed);
        snapshot.ai_requests = sum(Builtin::AiRequests) as u64;
        snapshot.ai_failed = share(Builtin::AiReqFailed);
        snapshot.cost_usd = sum(Builtin::AiCost);
        snapshot.output_tokens = self.activity.output_tokens() as u64;
        if let Sink::Rate { passes, total } = self.sink(Builtin::Checks) {
            (snapshot.checks_passed, snapshot.checks_failed) = (*passes, *total - *passes);
        }
        let percentile = |sink: &Sink, p| sink.distribution().filter(|d| d.count() > 0).map(|d| d.percentile(p));
        snapshot.http_p95_ms = percentile(self.sink(Builtin::HttpReqDuration), 95.0);
        let ttft = self.successful(Builtin::AiTtft);
        snapshot.ttft_p50_ms = percentile(ttft, 50.0);
        snapshot.ttft_p95_ms = percentile(ttft, 95.0);
        snapshot.failing_thresholds = self.thresholds.failed();
        (snapshot.http_reqs_per_second, snapshot.tokens_per_second) =
            self.rates.push(elapsed, snapshot.http_reqs, snapshot.output_tokens);
        snapshot
    }

    /// All metrics now; thresholds as they were last evaluated.
    pub fn live(&mut self, elapsed: Duration) -> Live {
        let columns = TrendStat::defaults();
        let mut metrics: Vec<LiveMetric> = Vec::new();
        let series = self.series.iter_mut().map(|(metric, sink)| (metric.name.as_ref(), &*metric, sink));
        let subs = self.subs.iter_mut().map(|sub| (sub.name.as_ref(), &sub.metric, &mut sub.sink));
        for (name, metric, sink) in series.chain(subs) {
            let judged = self.thresholds.series.iter().find(|s| s.name.as_ref() == name);
            if sink.is_empty() && judged.is_none() {
                continue;
            }
            sink.sort();
            metrics.push(LiveMetric {
                name: name.to_owned(),
                kind: metric.kind,
                contains: metric.contains,
                values: sink.values(&columns, elapsed),
                tainted: judged.map(|series| series.thresholds.iter().any(|t| !t.ok)),
            });
        }
        metrics.sort_by(|a, b| a.name.cmp(&b.name));
        Live { metrics, root_group: self.checks.root() }
    }

    fn sink(&self, builtin: Builtin) -> &Sink {
        &self.series[builtin.id().0 as usize].1
    }

    fn sink_mut(&mut self, builtin: Builtin) -> &mut Sink {
        &mut self.series[builtin.id().0 as usize].1
    }

    fn successful(&self, builtin: Builtin) -> &Sink {
        let name = expected_name(builtin);
        let sub = self.subs.iter().find(|s| s.name.as_ref() == name).map(|s| &s.sink);
        sub.filter(|s| !s.is_empty()).unwrap_or_else(|| self.sink(builtin))
    }

    /// Evaluates the thresholds for the last time and makes the summary.
    pub fn finish(mut self, elapsed: Duration, mut health: Health) -> Summary {
        self.evaluate(elapsed);
        self.thresholds.series.iter_mut().for_each(SeriesThresholds::settle_uncounted);
        health.tag_sets = self.routes.distinct() as u64;
        health.judge(|b| Some(&self.series[b.id().0 as usize].1).filter(|s| !s.is_empty()));
        let (groups, scenarios) = self.sections();
        let mut summary = self.so_far(elapsed);
        if let Some(ai) = &mut summary.ai {
            ai.throughput = self.activity.throughput();
        }
        Summary { health, groups, scenarios, ..summary }
    }

    /// The summary of what was counted so far, with thresholds as they were last evaluated; without what only the end of a run can tell, and
    /// what takes long to work out: throughput, groups, health.
    pub fn so_far(&self, elapsed: Duration) -> Summary {
        let series = self.series.iter().map(|(metric, sink)| {
            summary_metric(metric, Arc::clone(&metric.name), None, sink.clone(), &self.thresholds)
        });
        let subs = self.subs.iter().map(|sub| {
            let parent = Some((Arc::clone(&sub.metric.name), Arc::clone(&sub.suffix)));
            summary_metric(&sub.metric, Arc::clone(&sub.name), parent, sub.sink.clone(), &self.thresholds)
        });
        let mut metrics: Vec<SummaryMetric> =
            series.chain(subs).filter(|m| !m.sink.is_empty() || !m.thresholds.is_empty()).collect();
        metrics.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        Summary {
            duration: elapsed,
            metrics,
            root_group: self.checks.root(),
            ai: self.ai_facts(),
            cells: self.cells(),
            ..Summary::default()
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let Some(at) = self.by_cell else { return Vec::new() };
        let slots = self.breakdowns[at].slots().iter();
        let mut cells: Vec<Cell> = slots
            .map(|slot| {
                let (scenario, request_type) = slot.pair();
                let metrics = section(slot, |_| true).metrics;
                Cell { scenario: scenario.to_owned(), request_type: request_type.map(str::to_owned), metrics }
            })
            .collect();
        cells.sort_by(|a, b| (&a.scenario, &a.request_type).cmp(&(&b.scenario, &b.request_type)));
        cells
    }

    /// Without the throughput.
    fn ai_facts(&self) -> Option<AiFacts> {
        if self.activity.calls() == 0 && self.sink(Builtin::AiRequests).is_empty() {
            return None;
        }
        let left_out = if let Sink::Rate { passes, .. } = self.sink(Builtin::AiReqFailed) { *passes } else { 0 };
        let mut errors: Vec<(String, u64)> = self.breakdowns[BY_ERROR]
            .slots()
            .iter()
            .map(|slot| (slot.value.to_string(), slot.sinks.values().map(|(_, s)| s.sum()).sum::<f64>() as u64))
            .filter(|(_, n)| *n > 0)
            .collect();
        errors.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let ai_only = |at: usize| {
            let sections = self.breakdowns[at].slots().iter().map(|slot| section(slot, is_ai));
            sections.filter(|s| !s.metrics.is_empty()).collect()
        };
        Some(AiFacts {
            throughput: Throughput::default(),
            left_out,
            errors,
            request_types: ai_only(BY_REQUEST_TYPE),
            scenarios: ai_only(BY_SCENARIO),
            targets: self.breakdowns[BY_TARGET].slots().iter().map(|slot| section(slot, |_| true)).collect(),
        })
    }

    /// Groups and scenarios of the full summary.
    fn sections(&self) -> (Vec<Section>, Vec<Section>) {
        let Some(trees) = &self.scenario_checks else { return (Vec::new(), Vec::new()) };
        let root = self.checks.root();
        let groups = self.breakdowns[BY_GROUP].slots().iter().filter(|slot| !slot.value.is_empty()).map(|slot| {
            let checks = find_group(&root, &slot.value).cloned().unwrap_or_default();
            // Groups within have a section of their own.
            Section { checks: Group { groups: Vec::new(), ..checks }, ..section(slot, |_| true) }
        });
        let scenarios = self.breakdowns[BY_SCENARIO].slots().iter().map(|slot| {
            let checks = trees.get(&slot.value).map(CheckTree::root).unwrap_or_default();
            Section { checks, ..section(slot, |_| true) }
        });
        (groups.collect(), scenarios.collect())
    }
}

fn is_ai(id: MetricId) -> bool {
    AI_METRICS.iter().any(|m| m.id() == id)
}

fn find_group<'a>(group: &'a Group, path: &str) -> Option<&'a Group> {
    if group.path == path { Some(group) } else { group.groups.iter().find_map(|g| find_group(g, path)) }
}

fn find_route(tags: &Tags, subs: &[Sub], breakdowns: &mut [Breakdown]) -> Route {
    let matching = subs.iter().enumerate().filter(|(_, s)| tags.contains_all(&s.tags));
    Route {
        subs: matching.map(|(at, sub)| (sub.metric.id, at as u32)).collect(),
        slots: breakdowns
            .iter_mut()
            .enumerate()
            .filter_map(|(at, breakdown)| Some((at as u32, breakdown.slot_of(tags)?)))
            .collect(),
        unexpected: tags.get("expected_response").is_some_and(|v| v.as_ref() == "false"),
    }
}

fn section(slot: &Slot, wanted: impl Fn(MetricId) -> bool) -> Section {
    let none = Thresholds::default();
    let mut metrics: Vec<SummaryMetric> = slot
        .sinks
        .values()
        .filter(|(metric, _)| wanted(metric.id))
        .map(|(metric, sink)| summary_metric(metric, Arc::clone(&metric.name), None, sink.clone(), &none))
        .collect();
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    Section { name: slot.value.to_string(), metrics, checks: Group::default() }
}

fn sort_key(metric: &SummaryMetric) -> (&str, &str) {
    metric.sub.as_ref().map_or((&metric.name, ""), |(parent, suffix)| (parent, suffix))
}

fn summary_metric(
    metric: &Metric,
    name: Arc<str>,
    sub: Option<(Arc<str>, Arc<str>)>,
    mut sink: Sink,
    thresholds: &Thresholds,
) -> SummaryMetric {
    sink.sort();
    let of_series =
        |s: &&SeriesThresholds| s.name == name || (sub.is_none() && s.tags.is_empty() && s.metric.id == metric.id);
    let thresholds = thresholds
        .series
        .iter()
        .filter(of_series)
        .flat_map(|s| &s.thresholds)
        .map(|t| ThresholdResult {
            source: Arc::clone(&t.source),
            aggregation: t.condition.aggregation,
            ok: t.ok,
            observed: t.observed,
            aborted: t.aborted,
        })
        .collect();
    SummaryMetric { name, sub, kind: metric.kind, contains: metric.contains, sink, thresholds }
}

#[cfg(test)]
#[path = "collector_tests.rs"]
mod tests;
