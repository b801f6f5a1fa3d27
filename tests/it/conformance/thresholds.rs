//! Thresholds: grammar, methods by type of metric, selectors, and where they show.

use super::quiet;
use crate::support::{run_files, run_script};

#[test]
fn the_grammar_is_k6s() {
    // Metric, expression, and whether it is taken.
    let rows: &[(&str, &str, bool)] = &[
        ("iterations", "count>20", true),
        ("iterations", "  count  <=  20  ", true),
        ("iterations", "rate>=0.5", true),
        ("iterations", "count===1e3", true),
        ("iterations", "count!=-5", true),
        ("iterations", "avg<1", false),
        ("iterations", "p(95)<1", false),
        ("checks", "rate==1", true),
        ("checks", "rate>0.95", true),
        ("checks", "count>1", false),
        ("vus", "value<10", true),
        ("vus", "rate<10", false),
        ("http_req_duration", "avg<1", true),
        ("http_req_duration", "min>=0", true),
        ("http_req_duration", "max<1", true),
        ("http_req_duration", "med<1", true),
        ("http_req_duration", "p(99)<1", true),
        ("http_req_duration", "p(99.9)<1.5", true),
        ("http_req_duration", "p(0)<1", true),
        ("http_req_duration", "p(100)<1", true),
        ("http_req_duration", "p(101)<1", false),
        ("http_req_duration", "p(-1)<1", false),
        ("http_req_duration", "p()<1", false),
        ("http_req_duration", "p(foo)<1", false),
        ("http_req_duration", "p(99<1", false),
        ("http_req_duration", "rate<1", false),
        ("http_req_duration", "value<1", false),
        ("http_req_duration", "avg<abc", false),
        ("http_req_duration", "avg<", false),
        ("http_req_duration", "avg!1", false),
        ("http_req_duration", "foo<1", false),
        ("http_req_duration", "", false),
        ("no_such_metric", "count>1", false),
        ("http_req_duration{status:200}", "avg<1", true),
        ("http_req_duration{ status : 200 , name:http://x/y }", "avg<1", true),
        ("http_req_duration{status}", "avg<1", false),
        ("http_req_duration{status:200", "avg<1", false),
        ("http_req_duration{}", "avg<1", false),
        ("checks{check:it works}", "rate>0.9", true),
        ("own", "p(95)<1", true),
        ("own{a:b,c:d}", "max<1", true),
    ];
    let script = |thresholds: &str| {
        format!(
            "import {{ Trend }} from 'k6/metrics';\nnew Trend('own');\nexport const options = {{ thresholds: {{ {thresholds} }} }};\nexport default () => {{}};"
        )
    };
    let inspect = |script: &str| run_files(&[("t.js", script)], &["inspect", "--execution-requirements", "t.js"]);
    let taken: Vec<String> = rows.iter().filter(|r| r.2).map(|(m, e, _)| format!("'{m}': ['{e}']")).collect();
    // One object cannot hold a name twice: each on its own line of an array of objects would not be k6's form, so one run each.
    for one in taken {
        quiet(inspect(&script(&one)).exits(0));
    }
    let wrong: Vec<&str> = rows
        .iter()
        .filter(|r| !r.2 && inspect(&script(&format!("'{}': ['{}']", r.0, r.1))).code != 104)
        .map(|r| r.1)
        .collect();
    assert!(wrong.is_empty(), "taken, but k6 refuses them: {wrong:?}");
    for form in [
        "own: 'max<1'",
        "own: [{ threshold: 'max<1', abortOnFail: true, delayAbortEval: '1s' }, 'min>0']",
        "own: { threshold: 'max<1' }",
    ] {
        quiet(inspect(&script(form)).exits(0));
    }
}

#[test]
fn sub_metrics_are_in_every_summary() {
    let ran = run_script(
        "import { Counter, Trend } from 'k6/metrics';
import { check, group } from 'k6';
const c = new Counter('cc'), t = new Trend('tt', true);
export const options = { iterations: 2, thresholds: {
  'cc{kind:a}': ['count==4'], 'tt{kind:b, other:c}': ['max==2', 'p(50)==1.5'], 'checks{check:good}': ['rate==1'], 'checks{check:bad}': ['rate==0'],
  'checks{group:::g}': ['rate==0.5'], iterations: ['count===2'], 'iteration_duration{scenario:default}': ['max>=0'], 'cc{kind:never}': ['count==0'], tt: ['count>0'].slice(1),
} };
export default function () {
  c.add(2, { kind: 'a' }); c.add(5, { kind: 'x' });
  t.add(1, { kind: 'b', other: 'c' }); t.add(2, { kind: 'b', other: 'c' }); t.add(9, { kind: 'b' });
  group('g', () => check(1, { good: true, bad: false }));
}
export const handleSummary = (data) => ({ 'h.json': JSON.stringify(data), stdout: '' });",
        &[],
    );
    let ran = quiet(ran.exits(0));
    let handed: serde_json::Value = serde_json::from_str(&ran.file("h.json")).unwrap();
    let values = |name: &str, value: &str| handed["metrics"][name]["values"][value].as_f64();
    assert_eq!((values("cc{kind:a}", "count"), values("tt{kind:b, other:c}", "max")), (Some(4.0), Some(2.0)));
    assert_eq!((values("checks{check:good}", "passes"), values("checks{group:::g}", "rate")), (Some(2.0), Some(0.5)));
    assert_eq!(handed["metrics"]["cc{kind:a}"]["thresholds"]["count==4"]["ok"], true);
    assert_eq!(ran.summary()["metrics"]["cc{kind:a}"]["thresholds"]["count==4"], false, "crossed: no");
}
