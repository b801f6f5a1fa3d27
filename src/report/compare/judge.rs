//! The comparison itself: which figures, their intervals, their verdicts, and the rules.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Normal};
use serde_json::Value;

use super::rule::{Asks, Bound};
use super::{Comparison, Difference, Rule, RuleResult, Settings, Side, Verdict};
use crate::metrics::summary::{Cell, SummaryMetric};
use crate::metrics::{Aggregation, Builtin, MetricKind, Sink, TokenSource, ValueKind};
use crate::stats::bootstrap::{self, Counted};
use crate::stats::{holm, mann_whitney};

/// Resamples of a figure: of one or two runs they cost little, of more each sorts the runs anew.
const DRAWS: usize = 4_000;
const DRAWS_OF_RUNS: usize = 1_000;
/// Values beyond a percentile without which it is not judged.
const IN_TAIL: f64 = 5.0;
/// Samples without which nothing is judged.
const FEWEST: u64 = 20;
/// Comparisons are repeatable.
const SEED: u64 = 0x0069_6e72_7573_6821;

/// Times that are judged, each once per call: tokens of one call are too alike to count as observations of their own.
const TIMES: [Builtin; 7] = [
    Builtin::AiTtft,
    Builtin::AiTpot,
    Builtin::AiE2e,
    Builtin::AiTtftIntended,
    Builtin::AiE2eIntended,
    Builtin::HttpReqDuration,
    Builtin::GrpcReqDuration,
];
/// Shares that are judged, and whether more is better.
const SHARES: [(Builtin, bool); 4] = [
    (Builtin::AiReqFailed, false),
    (Builtin::AiSloMet, true),
    (Builtin::Checks, true),
    (Builtin::HttpReqFailed, false),
];
/// Totals that are told per second.
const TOTALS: [Builtin; 4] = [Builtin::AiRequests, Builtin::AiOutputTokens, Builtin::HttpReqs, Builtin::Iterations];
/// Metrics that count tokens, and so depend on who counted.
const BY_TOKENS: [Builtin; 2] = [Builtin::AiTpot, Builtin::AiOutputTokens];

/// One metric in one place, on both sides, run by run.
struct Pair<'a> {
    metric: &'a SummaryMetric,
    base: Vec<(&'a Sink, f64)>,
    new: Vec<(&'a Sink, f64)>,
}

/// A figure that was worked out but not yet judged.
struct Found {
    difference: Difference,
    /// Whether more is better; None for what is only told.
    more_is_better: Option<bool>,
    /// Why it cannot be judged.
    unfit: Option<String>,
    /// Chance before the correction.
    chance: Option<f64>,
    /// The rule it was worked out for.
    rule: Option<usize>,
}

/// Compares two sides.
pub fn compare(base: &Side<'_>, new: &Side<'_>, settings: &Settings) -> Comparison {
    let mut found = Vec::new();
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    for (scenario, request_type) in places(base, new) {
        place(base, new, (&scenario, request_type.as_deref()), settings, &mut found, &mut random);
    }
    let judged: Vec<usize> = (0..found.len()).filter(|at| found[*at].chance.is_some()).collect();
    let chances: Vec<f64> = judged.iter().filter_map(|at| found[*at].chance).collect();
    for (at, adjusted) in judged.into_iter().zip(holm::adjust(&chances)) {
        found[at].difference.chance = Some(adjusted);
    }
    for one in found.iter_mut().filter(|one| one.rule.is_none()) {
        one.difference.verdict = verdict(one, settings);
    }
    let rules = settings.rules.iter().enumerate().map(|(n, rule)| result(n, rule, &found, settings)).collect();
    let differences: Vec<Difference> =
        found.into_iter().filter(|one| one.rule.is_none()).map(|one| one.difference).collect();
    Comparison {
        inrush_comparison: 1,
        base: (base.name.clone(), base.runs.len()),
        new: (new.name.clone(), new.runs.len()),
        verdict: overall(&differences),
        differences,
        rules,
    }
}

fn overall(differences: &[Difference]) -> Verdict {
    let verdicts: Vec<&Verdict> = differences.iter().filter_map(|d| d.verdict.as_ref()).collect();
    for which in [Verdict::Worse, Verdict::Better, Verdict::Same] {
        if verdicts.contains(&&which) {
            return which;
        }
    }
    let why = verdicts.iter().find_map(|v| match v {
        Verdict::NotComparable(why) => Some(why.clone()),
        _ => None,
    });
    Verdict::NotComparable(why.unwrap_or_else(|| "the runs have nothing in common that could be judged".to_owned()))
}

/// Every scenario and request type of either side.
fn places(base: &Side<'_>, new: &Side<'_>) -> BTreeSet<(String, Option<String>)> {
    let cells = base.runs.iter().chain(&new.runs).flat_map(|run| &run.summary.cells);
    cells.map(|cell| (cell.scenario.clone(), cell.request_type.clone())).collect()
}

type Place<'a> = (&'a str, Option<&'a str>);

fn place(
    base: &Side<'_>,
    new: &Side<'_>,
    at: Place<'_>,
    settings: &Settings,
    found: &mut Vec<Found>,
    random: &mut ChaCha8Rng,
) {
    let unfit = unfit(base, new, at);
    for pair in pairs(base, new, at) {
        let name = pair.metric.name.as_ref();
        for (figure, more_is_better) in figures(pair.metric) {
            found.push(one(&pair, at, figure, more_is_better, unfit.clone(), base, new, random));
        }
        for (number, rule) in settings.rules.iter().enumerate() {
            if let Asks::Bound { metric, figure, .. } = &rule.asks
                && metric == name
                && figure.fits(pair.metric.kind)
            {
                let mut asked = one(&pair, at, *figure, Some(false), unfit.clone(), base, new, random);
                asked.rule = Some(number);
                found.push(asked);
            }
        }
    }
}

/// Why nothing in a place can be judged.
fn unfit(base: &Side<'_>, new: &Side<'_>, at: Place<'_>) -> Option<String> {
    for side in [base, new] {
        if cells(side, at).is_empty() {
            return Some(format!("{} has no such scenario and request type", side.name));
        }
        if let Some(why) = side.runs.iter().flat_map(|run| &run.summary.health.invalid).next() {
            return Some(format!("{} is no measurement: {why}", side.name));
        }
    }
    let load = |side: &Side<'_>| side.runs.first().map(|run| load(&run.origin.options, at.0));
    (load(base) != load(new)).then(|| "the load differs: the scenario's options are not the same".to_owned())
}

/// What of a scenario's options makes the load.
fn load(options: &Value, scenario: &str) -> Value {
    let mut of = options.pointer(&format!("/scenarios/{}", scenario.replace('~', "~0").replace('/', "~1"))).cloned();
    if let Some(fields) = of.as_mut().and_then(Value::as_object_mut) {
        for besides in ["env", "tags", "options", "exec", "gracefulStop", "gracefulRampDown", "maxVUs"] {
            fields.remove(besides);
        }
    }
    of.unwrap_or(Value::Null)
}

fn cells<'a>(side: &Side<'a>, at: Place<'_>) -> Vec<(&'a Cell, f64)> {
    let here = |cell: &&Cell| cell.scenario == at.0 && cell.request_type.as_deref() == at.1;
    let found = side
        .runs
        .iter()
        .filter_map(|run| Some((run.summary.cells.iter().find(here)?, run.summary.duration.as_secs_f64())));
    found.collect()
}

/// The metrics of a place that either side has, by name.
fn pairs<'a>(base: &Side<'a>, new: &Side<'a>, at: Place<'_>) -> Vec<Pair<'a>> {
    let (of_base, of_new) = (cells(base, at), cells(new, at));
    let mut names = BTreeSet::new();
    let mut pairs = Vec::new();
    for metric in of_base.iter().chain(&of_new).flat_map(|(cell, _)| &cell.metrics) {
        if !names.insert(metric.name.as_ref()) {
            continue;
        }
        let sinks = |cells: &[(&'a Cell, f64)]| -> Vec<(&'a Sink, f64)> {
            let same =
                |m: &&SummaryMetric| m.name == metric.name && m.kind == metric.kind && m.contains == metric.contains;
            cells.iter().filter_map(|(cell, s)| Some((&cell.metrics.iter().find(same)?.sink, *s))).collect()
        };
        pairs.push(Pair { metric, base: sinks(&of_base), new: sinks(&of_new) });
    }
    pairs.sort_by(|a, b| a.metric.name.cmp(&b.metric.name));
    pairs
}

/// The figures of a metric, and whether more of each is better; None for what is only told.
fn figures(metric: &SummaryMetric) -> Vec<(Aggregation, Option<bool>)> {
    let name = metric.name.as_ref();
    let is = |builtin: &Builtin| builtin.name() == name;
    let own = !Builtin::ALL.iter().any(is);
    match metric.kind {
        MetricKind::Trend if name == Builtin::AiStreamTokensPerSecond.name() => vec![(Aggregation::Med, Some(true))],
        MetricKind::Trend if TIMES.iter().any(is) || (own && metric.contains == ValueKind::Time) => {
            [Aggregation::Med, Aggregation::Percentile(95.0), Aggregation::Percentile(99.0)]
                .map(|figure| (figure, Some(false)))
                .to_vec()
        }
        MetricKind::Rate => {
            let known = SHARES.iter().find(|(builtin, _)| builtin.name() == name);
            known.map(|(_, more)| (Aggregation::Rate, Some(*more))).into_iter().collect()
        }
        MetricKind::Counter if TOTALS.iter().any(is) => vec![(Aggregation::Rate, None)],
        _ => Vec::new(),
    }
}

/// Works out one figure.
#[allow(clippy::too_many_arguments)]
fn one(
    pair: &Pair<'_>,
    at: Place<'_>,
    figure: Aggregation,
    more_is_better: Option<bool>,
    unfit: Option<String>,
    base: &Side<'_>,
    new: &Side<'_>,
    random: &mut ChaCha8Rng,
) -> Found {
    let metric = pair.metric;
    let (values, draws) = (
        [value(&pair.base, figure), value(&pair.new, figure)],
        [draws(&pair.base, figure, random), draws(&pair.new, figure, random)],
    );
    let samples = (count(&pair.base), count(&pair.new));
    let difference = values[0].zip(values[1]).map(|(base, new)| new - base);
    let mut one = Difference {
        scenario: at.0.to_owned(),
        request_type: at.1.map(str::to_owned),
        metric: metric.name.to_string(),
        figure: figure.to_string(),
        unit: match (metric.kind, metric.contains) {
            (MetricKind::Rate, _) => "share",
            (_, ValueKind::Time) => "ms",
            (_, ValueKind::Data) => "bytes",
            _ => "",
        },
        samples,
        base: values[0],
        new: values[1],
        difference,
        relative: match (metric.kind, values[0]) {
            (MetricKind::Rate, _) | (_, None) => None,
            (_, Some(base)) => difference.filter(|_| base != 0.0).map(|d| d / base),
        },
        interval: None,
        chance: None,
        superiority: None,
        verdict: None,
    };
    let mut unfit = unfit.or_else(|| too_few(figure, metric.kind, samples));
    if unfit.is_none() && BY_TOKENS.iter().any(|b| b.name() == one.metric) && sources(base) != sources(new) {
        unfit = Some("tokens were counted by different sources".to_owned());
    }
    let mut chance = None;
    if let [Some(base), Some(new)] = draws {
        let (low, high, by_chance) = bootstrap::interval(base.iter().zip(&new).map(|(b, n)| n - b).collect());
        one.interval = Some((low, high));
        let by_chance = ranks(pair, figure).map_or(by_chance, |by_ranks| by_ranks.max(by_chance));
        chance = Some(by_chance).filter(|_| unfit.is_none() && more_is_better.is_some());
    }
    if figure == Aggregation::Med {
        let pooled = |sinks: &[(&Sink, f64)]| Counted::together(&counted(sinks));
        one.superiority = mann_whitney::test(&pooled(&pair.base), &pooled(&pair.new)).map(|t| t.superiority);
    }
    Found { difference: one, more_is_better, unfit, chance, rule: None }
}

/// Of a quantile or a share of single runs: the chance by ranks. It keeps its level in the tails, where resamples are too sure.
fn ranks(pair: &Pair<'_>, figure: Aggregation) -> Option<f64> {
    if pair.base.len().max(pair.new.len()) >= bootstrap::MIN_RUNS {
        return None;
    }
    let q = match figure {
        Aggregation::Med => 0.5,
        Aggregation::Percentile(p) => p / 100.0,
        Aggregation::Rate if pair.metric.kind == MetricKind::Rate => {
            let shares = |sinks: &[(&Sink, f64)]| {
                let of = |sink: &Sink| if let Sink::Rate { passes, total } = sink { (*passes, *total) } else { (0, 0) };
                sinks.iter().map(|(sink, _)| of(sink)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
            };
            return Some(bootstrap::share_chance(shares(&pair.base), shares(&pair.new)));
        }
        _ => return None,
    };
    let pooled = |sinks: &[(&Sink, f64)]| Counted::together(&counted(sinks));
    Some(bootstrap::quantile_chance(&pooled(&pair.base), &pooled(&pair.new), q))
}

fn too_few(figure: Aggregation, kind: MetricKind, (base, new): (u64, u64)) -> Option<String> {
    let fewest = base.min(new);
    if matches!(kind, MetricKind::Counter | MetricKind::Gauge) {
        return None;
    }
    let needed = match figure {
        Aggregation::Percentile(p) => {
            let tail = (p / 100.0).max(1.0 - p / 100.0);
            FEWEST.max((IN_TAIL / (1.0 - tail).max(1e-9)).round() as u64)
        }
        _ => FEWEST,
    };
    (fewest < needed).then(|| format!("too few samples: {fewest}, and {figure} needs {needed}"))
}

fn sources(side: &Side<'_>) -> BTreeSet<&'static str> {
    let facts = side.runs.iter().filter_map(|run| run.summary.ai.as_ref());
    facts.flat_map(|ai| &ai.throughput.sources).map(|share| TokenSource::name(share.source)).collect()
}

fn counted(sinks: &[(&Sink, f64)]) -> Vec<Counted> {
    sinks.iter().filter_map(|(sink, _)| Some(Counted::new(sink.distribution()?.counts()))).collect()
}

fn count(sinks: &[(&Sink, f64)]) -> u64 {
    let of = |sink: &Sink| match sink {
        Sink::Counter { samples, .. } | Sink::Gauge { samples, .. } => *samples,
        Sink::Rate { total, .. } => *total,
        Sink::Trend(distribution) => distribution.count(),
    };
    sinks.iter().map(|(sink, _)| of(sink)).sum()
}

/// The figure of all runs together; None without samples.
fn value(sinks: &[(&Sink, f64)], figure: Aggregation) -> Option<f64> {
    let (first, rest) = sinks.split_first()?;
    let seconds: f64 = sinks.iter().map(|(_, s)| s).sum();
    let mut all = first.0.clone();
    for (sink, _) in rest {
        match (&mut all, sink) {
            (Sink::Trend(all), Sink::Trend(more)) => all.merge(more),
            (Sink::Rate { passes, total }, Sink::Rate { passes: p, total: t }) => {
                *passes += p;
                *total += t;
            }
            (Sink::Counter { sum, samples }, Sink::Counter { sum: s, samples: n }) => {
                *sum += s;
                *samples += n;
            }
            // The last value of a gauge is that of the last run.
            (gauge, sink) => *gauge = (*sink).clone(),
        }
    }
    if all.is_empty() {
        return None;
    }
    all.figure(figure, std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// The figure of resamples; None for figures whose spread cannot be told.
fn draws(sinks: &[(&Sink, f64)], figure: Aggregation, random: &mut ChaCha8Rng) -> Option<Vec<f64>> {
    let draws = if sinks.len() < bootstrap::MIN_RUNS { DRAWS } else { DRAWS_OF_RUNS };
    let shares: Vec<(u64, u64)> = sinks
        .iter()
        .filter_map(|(sink, _)| if let Sink::Rate { passes, total } = sink { Some((*passes, *total)) } else { None })
        .collect();
    if !shares.is_empty() {
        return Some(bootstrap::shares(&shares, draws, random));
    }
    let runs: Vec<Counted> = counted(sinks).into_iter().filter(|run| !run.is_empty()).collect();
    let q = match figure {
        _ if runs.is_empty() => return None,
        Aggregation::Med => 0.5,
        Aggregation::Percentile(p) => p / 100.0,
        Aggregation::Avg => return means(&runs, draws, random),
        _ => return None,
    };
    Some(bootstrap::quantiles(&runs, q, draws, random))
}

/// Means of resamples, by the central limit theorem; of several runs by how much their means differ.
fn means(runs: &[Counted], draws: usize, random: &mut ChaCha8Rng) -> Option<Vec<f64>> {
    let moments = |pairs: &mut dyn Iterator<Item = (f64, f64)>| {
        let pairs: Vec<(f64, f64)> = pairs.collect();
        let n: f64 = pairs.iter().map(|(_, k)| k).sum();
        let mean = pairs.iter().map(|(v, k)| v * k).sum::<f64>() / n;
        let spread = pairs.iter().map(|(v, k)| (v - mean).powi(2) * k).sum::<f64>();
        (mean, (spread / (n - 1.0).max(1.0) / n).sqrt())
    };
    let (mean, error) = if runs.len() < bootstrap::MIN_RUNS {
        moments(&mut Counted::together(runs).pairs().map(|(v, k)| (v, k as f64)))
    } else {
        let means = runs.iter().map(|run| moments(&mut run.pairs().map(|(v, k)| (v, k as f64))).0);
        moments(&mut means.map(|mean| (mean, 1.0)))
    };
    let normal = Normal::new(mean, error).ok()?;
    Some((0..draws).map(|_| normal.sample(random)).collect())
}

/// Whether a difference is large enough to matter.
fn matters(difference: &Difference, settings: &Settings) -> bool {
    let Some(by) = difference.difference.map(f64::abs) else { return false };
    match difference.unit {
        "share" => by >= settings.min_points,
        "ms" => by >= settings.min_ms && difference.relative.is_none_or(|r| r.abs() >= settings.min_effect),
        _ => difference.relative.is_none_or(|r| r.abs() >= settings.min_effect),
    }
}

fn verdict(found: &Found, settings: &Settings) -> Option<Verdict> {
    let more_is_better = found.more_is_better?;
    if let Some(why) = &found.unfit {
        return Some(Verdict::NotComparable(why.clone()));
    }
    let one = &found.difference;
    let shown = one.chance.is_some_and(|chance| chance < settings.level);
    if !shown || !matters(one, settings) {
        return Some(Verdict::Same);
    }
    let more = one.difference.is_some_and(|d| d > 0.0);
    Some(if more == more_is_better { Verdict::Better } else { Verdict::Worse })
}

fn result(number: usize, rule: &Rule, found: &[Found], settings: &Settings) -> RuleResult {
    let mut result = RuleResult { rule: rule.source.clone(), ..RuleResult::default() };
    let mut why = None;
    match &rule.asks {
        Asks::NothingWorse => {
            for one in found.iter().filter(|one| one.rule.is_none()) {
                match &one.difference.verdict {
                    Some(Verdict::NotComparable(reason)) => why = why.or_else(|| Some(reason.clone())),
                    Some(Verdict::Worse) => {
                        result.judged += 1;
                        result.failures.push(told(&one.difference));
                    }
                    Some(_) => result.judged += 1,
                    None => {}
                }
            }
        }
        Asks::Bound { metric, figure, up, bound } => {
            for one in found.iter().filter(|one| one.rule == Some(number)) {
                if let Some(reason) = &one.unfit {
                    why = why.or_else(|| Some(reason.clone()));
                    continue;
                }
                let by = match bound {
                    Bound::Relative(share) => one.difference.relative.map(|by| (by, *share)),
                    Bound::Absolute(most) => one.difference.difference.map(|by| (by, *most)),
                };
                let Some((by, most)) = by else { continue };
                result.judged += 1;
                let beyond = if *up { by > most } else { by < -most };
                // A figure without an interval is taken as it is.
                let shown = one.difference.chance.is_none_or(|chance| chance < settings.level);
                if beyond {
                    let to = if shown { &mut result.failures } else { &mut result.not_shown };
                    to.push(told(&one.difference));
                }
            }
            if result.judged == 0 {
                why = why.or_else(|| Some(format!("no scenario of both sides has samples of {metric}:{figure}")));
            }
        }
    }
    result.unjudged = why.filter(|_| result.judged == 0);
    result
}

fn told(one: &Difference) -> String {
    let range = one.range();
    let range = if range.is_empty() { range } else { format!(", 95 % interval {range}") };
    format!(
        "{}: {} {} {} -> {} ({}{range})",
        one.place(),
        one.metric,
        one.figure,
        one.shown(one.base),
        one.shown(one.new),
        one.change()
    )
}
