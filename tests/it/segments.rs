//! Instances of one test, each started with its segment: together they do the work once.

use std::collections::BTreeSet;

use crate::support::run_script;

/// Runs all instances; gives the numbers each logged, as `N=<number>`.
fn instances(script: &str, segments: &[&str], sequence: &str) -> Vec<Vec<u64>> {
    segments
        .iter()
        .map(|segment| {
            let ran = run_script(
                script,
                &[
                    "--execution-segment",
                    segment,
                    "--execution-segment-sequence",
                    sequence,
                    "--console-output",
                    "c.log",
                ],
            )
            .exits(0);
            ran.file("c.log")
                .lines()
                .filter_map(|l| l.split("N=").nth(1)?.split(['"', ' ']).next()?.parse().ok())
                .collect()
        })
        .collect()
}

const THIRDS: [&str; 3] = ["0:1/3", "1/3:2/3", "2/3:1"];

#[test]
fn shared_iterations_are_each_run_once() {
    let script = "import exec from 'k6/execution';
export const options = { vus: 5, iterations: 20 };
export default () => console.log(`N=${exec.scenario.iterationInTest}`);";
    let parts = instances(script, &THIRDS, "0,1/3,2/3,1");
    assert!(parts.iter().all(|part| !part.is_empty()), "{parts:?}");
    let mut all = parts.concat();
    all.sort_unstable();
    assert_eq!(all, (0..20).collect::<Vec<_>>());
}

#[test]
fn vus_have_numbers_of_their_own_in_the_whole_test() {
    let script = "import exec from 'k6/execution';
export const options = { scenarios: { a: { executor: 'per-vu-iterations', vus: 7, iterations: 1 } } };
export default () => console.log(`N=${exec.vu.idInTest}`);";
    let parts = instances(script, &THIRDS, "0,1/3,2/3,1");
    assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2, 2]);
    let all: BTreeSet<u64> = parts.concat().into_iter().collect();
    assert_eq!(all, (1..=7).collect());
}

#[test]
fn arrivals_are_divided() {
    let script = "import exec from 'k6/execution';
export const options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 30, duration: '1s', preAllocatedVUs: 30 } } };
export default () => console.log(`N=${exec.scenario.iterationInTest}`);";
    let mut all = instances(script, &["0:1/4", "1/4:1"], "0,1/4,1").concat();
    all.sort_unstable();
    assert_eq!(all, (0..30).collect::<Vec<_>>());
}

#[test]
fn segments_that_fit_nothing_are_refused() {
    let empty = "export default () => {};";
    run_script(empty, &["--execution-segment", "1/2:1/3"]).exits(104).says(&["1/2:1/3"]);
    run_script(empty, &["--execution-segment", "0:1/2", "--execution-segment-sequence", "0,1/3,1"])
        .exits(104)
        .says(&["0,1/3,1"]);
}
