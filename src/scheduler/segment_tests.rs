//! Several instances of one test, each with its segment: together they do exactly the work of the undivided test.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::fake::{Act, Bench, scenario};
use super::plan::plan;
use crate::options::{ExecutorConfig, Scenario, Segmentation, Stage};

const S: Duration = Duration::from_secs(1);

/// What one run did: iteration numbers with their intended start in microseconds, and VUs it has planned.
struct Done {
    iterations: BTreeMap<u64, Option<u128>>,
    planned_vus: u64,
    dropped: u64,
}

/// Runs one instance on paused time.
fn run(scenario: Scenario, segmentation: Segmentation) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let planned_vus = plan(std::slice::from_ref(&scenario), &segmentation).planned_vus;
        let mut bench = Bench::new(vec![scenario], |_, _| Act::Sleep(Duration::from_millis(400)));
        bench.options.segmentation = segmentation;
        let outcome = bench.go().await;
        let origin = *bench.state.started.get().unwrap();
        let mut iterations = BTreeMap::new();
        for seen in bench.seen() {
            let intended = seen.ticket.intended.map(|at| (at - origin).as_micros());
            assert!(iterations.insert(seen.ticket.number, intended).is_none(), "number {} twice", seen.ticket.number);
        }
        let facts = &outcome.scenarios[0];
        assert_eq!(facts.started, iterations.len() as u64);
        Done { iterations, planned_vus, dropped: facts.dropped }
    })
}

/// The instances of a test cut into parts of these lengths.
fn instances(lengths: &[u64]) -> Vec<Segmentation> {
    let whole: u64 = lengths.iter().sum();
    let mut at = 0;
    let mut bounds = vec!["0".to_owned()];
    for length in lengths {
        at += length;
        bounds.push(format!("{at}/{whole}"));
    }
    let sequence = bounds.join(",");
    let own = |pair: &[String]| Segmentation::parse(Some(&pair.join(":")), Some(&sequence)).unwrap();
    bounds.windows(2).map(own).collect()
}

fn executors() -> impl Strategy<Value = ExecutorConfig> {
    let stages = || proptest::collection::vec((1u64..3, 0u64..12), 1..4);
    let stages_of = |stages: Vec<(u64, u64)>| {
        stages.into_iter().map(|(s, target)| Stage { duration: Duration::from_secs(s), target }).collect::<Vec<_>>()
    };
    prop_oneof![
        (1u64..12, 0u64..40).prop_map(|(vus, more)| ExecutorConfig::SharedIterations {
            vus,
            iterations: vus + more,
            max_duration: 600 * S
        }),
        (1u64..12, 1u64..5).prop_map(|(vus, iterations)| ExecutorConfig::PerVuIterations {
            vus,
            iterations,
            max_duration: 600 * S
        }),
        (1u64..12).prop_map(|vus| ExecutorConfig::ConstantVus { vus, duration: 2 * S }),
        // A ramp whose VUs change between iterations only, so that the number of iterations is the same however it is cut.
        (1u64..12, stages()).prop_map(move |(start_vus, stages)| ExecutorConfig::RampingVus {
            start_vus,
            stages: stages_of(stages),
            graceful_ramp_down: 30 * S
        }),
        (1u64..20, 1u64..12).prop_map(|(rate, vus)| ExecutorConfig::ConstantArrivalRate {
            rate: rate as f64,
            time_unit: S,
            duration: 3 * S,
            pre_allocated_vus: vus * 20,
            max_vus: vus * 20,
            arrivals: Default::default(),
        }),
        (0u64..20, stages()).prop_map(move |(rate, stages)| ExecutorConfig::RampingArrivalRate {
            start_rate: rate as f64,
            time_unit: S,
            stages: stages_of(stages),
            pre_allocated_vus: 60,
            max_vus: 60,
            arrivals: Default::default(),
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_parts_are_the_whole(executor in executors(), lengths in proptest::collection::vec(1u64..6, 2..5)) {
        let scenario = scenario("a", executor.clone());
        let whole = run(scenario.clone(), Segmentation::default());
        let parts: Vec<Done> = instances(&lengths).into_iter().map(|s| run(scenario.clone(), s)).collect();
        // Peaks of a ramp may fall on different instants in the parts, so only their sum at each instant is exact.
        if !matches!(executor, ExecutorConfig::RampingVus { .. }) {
            prop_assert_eq!(parts.iter().map(|p| p.planned_vus).sum::<u64>(), whole.planned_vus);
        }
        prop_assert_eq!(parts.iter().map(|p| p.dropped).sum::<u64>(), whole.dropped);
        let mut all = BTreeMap::new();
        for (number, intended) in parts.iter().flat_map(|p| &p.iterations) {
            prop_assert!(all.insert(*number, *intended).is_none(), "number {} in two instances", number);
        }
        match executor {
            // VUs that loop number their iterations as they come: unique, but with gaps where one instance does more.
            ExecutorConfig::PerVuIterations { .. } | ExecutorConfig::ConstantVus { .. } => {
                prop_assert_eq!(all.len(), whole.iterations.len());
            }
            // Which VU leaves at which instant depends on the cut, and with it the last iteration of that VU; `stages` shows
            // that the VUs add up at every instant.
            ExecutorConfig::RampingVus { stages, .. } => {
                let leavers: u64 = stages.len() as u64 * 12;
                prop_assert!((all.len() as u64).abs_diff(whole.iterations.len() as u64) <= leavers);
            }
            _ => prop_assert_eq!(all, whole.iterations),
        }
    }
}

#[test]
fn more_instances_than_vus_still_do_all_the_work() {
    let executor = ExecutorConfig::SharedIterations { vus: 2, iterations: 11, max_duration: 600 * S };
    let scenario = scenario("a", executor);
    let parts: Vec<Done> = instances(&[1, 1, 1, 1]).into_iter().map(|s| run(scenario.clone(), s)).collect();
    assert_eq!(parts.iter().filter(|p| p.planned_vus > 0).count(), 2);
    assert_eq!(parts.iter().filter(|p| p.iterations.is_empty()).count(), 2);
    assert_eq!(parts.iter().map(|p| p.iterations.len()).sum::<usize>(), 11);
}
