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
    let many = "export const options = { iterations: 10, warmUp: '6 iterations', coolDown: { iterations: 4 } };\nexport default () => {};";
    run_script(many, &[]).exits(104).says(&["6 and 4 iterations) leave nothing to measure of 10"]);
    let timed = "export const options = { duration: '2s', coolDown: '4 iterations' };\nexport default () => {};";
    run_script(timed, &[]).exits(104).says(&["coolDown", "how many there will be is not planned"]);
    run_script(timed, &["--cool-down", "auto"]).exits(104).says(&["'auto' is for the warm-up"]);
}

#[test]
fn by_iterations_exactly_so_many_are_left_out() {
    let script = "import { sleep } from 'k6';
import { Counter } from 'k6/metrics';
const mine = new Counter('mine');
export const options = { scenarios: { a: { executor: 'shared-iterations', vus: 4, iterations: 60 } },
  warmUp: '20 iterations', coolDown: { iterations: 10 }, thresholds: { iterations: ['count==30'] } };
export default () => { sleep(0.02); mine.add(1); };
";
    let ran = run_script(script, &["-o", "json=o.json"])
        .exits(0)
        .prints(&["warm-up of 20 iterations (", "cool-down of 10 iterations"]);
    assert_eq!(ran.metric("iterations", "count"), 30.0);
    let text = ran.file("o.json");
    let of = |metric: &str, phase: &str| {
        let (metric, phase) = (format!("\"metric\":\"{metric}\",\"data\""), format!("\"phase\":\"{phase}\""));
        text.lines().filter(|line| line.contains(&metric) && line.contains(&phase)).count()
    };
    assert_eq!(["warm_up", "measured", "cool_down"].map(|phase| of("iterations", phase)), [20, 30, 10]);
    // What a script measures goes by the time the iterations ended: up to one per VU may lie on the other side.
    let own = of("mine", "measured");
    assert!((22..=38).contains(&own), "{own}");
    assert_eq!(ran.metric("mine", "count"), own as f64);
}

#[test]
fn without_a_steady_state_the_second_half_is_measured_and_said_to_be_no_measurement() {
    let script = "import { sleep } from 'k6';
export const options = { vus: 4, duration: '4s', warmUp: 'auto', thresholds: { iterations: ['count<120'] } };
export default () => sleep(0.1);
";
    let ran = run_script(script, &["-o", "json=o.json"]).exits(0).prints(&[
        "not valid as a measurement: no steady state was found in the first half of the run",
        "warm-up until a steady state that never came (2s)",
    ]);
    // 40 per second for two of four seconds.
    let measured = ran.metric("iterations", "count");
    assert!((20.0..=100.0).contains(&measured), "{}", ran.all());
    assert!(
        ran.file("o.json").contains("\"phase\":\"warm_up\"") && ran.file("o.json").contains("\"phase\":\"measured\"")
    );
    run_script(script, &["--strict", "--no-thresholds"]).exits(111);
}
