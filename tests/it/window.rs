//! Warm-up and cool-down: left out of summary and thresholds, marked in outputs, refused when nothing would be left.

use crate::support::run_script;

const SCRIPT: &str = "
import { sleep, check } from 'k6';
import exec from 'k6/execution';
export const options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 20, duration: '4s', preAllocatedVUs: 20 } },
  thresholds: { iterations: ['count<80'] } };
export default () => check(exec.scenario.iterationInTest, { measured: (n) => n >= 20 && n < 60 });
";

#[test]
fn what_lies_outside_is_in_the_outputs_only() {
    let ran = run_script(SCRIPT, &["--warm-up", "1s", "--cool-down", "1s", "-o", "json=o.json"])
        .exits(0)
        .prints(&["measured: 2s; left out of this summary and the thresholds: warm-up of 1s, cool-down of 1s"]);
    // 40 of 80 iterations; a busy machine may move some over the edge.
    let count = ran.metric("iterations", "count");
    assert!((30.0..=50.0).contains(&count), "{}", ran.all());
    let rate = ran.metric("iterations", "rate");
    assert!((15.0..=25.0).contains(&rate), "{}", ran.all());
    let of = |phase: &str| {
        let wanted = format!("\"phase\":\"{phase}\"");
        let text = ran.file("o.json");
        text.lines().filter(|l| l.contains("\"metric\":\"iterations\",\"data\"") && l.contains(&wanted)).count() as f64
    };
    assert_eq!(of("measured"), count, "{}", ran.all());
    assert!(of("warm_up") >= 10.0 && of("cool_down") >= 10.0, "{} {}", of("warm_up"), of("cool_down"));
    assert_eq!(of("warm_up") + of("measured") + of("cool_down"), 80.0);
    // Without them everything counts, and nothing is tagged.
    let ran = run_script(SCRIPT, &["-o", "json=o.json"]).exits(99);
    assert_eq!(ran.metric("iterations", "count"), 80.0);
    assert!(!ran.file("o.json").contains("phase") && !ran.stdout.contains("left out"), "{}", ran.all());
}

#[test]
fn nothing_to_measure_is_refused_or_said() {
    run_script(SCRIPT, &["--warm-up", "3s", "--cool-down", "1s"]).exits(104).says(&["leave nothing to measure"]);
    run_script(SCRIPT, &["--warm-up", "soon"]).exits(104).says(&["warmUp"]);
    let counted = "export const options = { iterations: 2, coolDown: '1s' };\nexport default () => {};";
    run_script(counted, &[]).exits(104).says(&["coolDown", "executor with a duration"]);
    let short = "export const options = { iterations: 2, warmUp: '30s' };\nexport default () => {};";
    run_script(short, &[]).exits(0).prints(&["the run ended in its warm-up"]);
    run_script(short, &["--strict"]).exits(111);
}
