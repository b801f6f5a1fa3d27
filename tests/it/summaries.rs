//! The end of a run in the shapes k6 has for it: modes of the text, the exported JSON, the argument of `handleSummary()`.

use serde_json::Value;

use crate::support::run_script;

const CHECKS: &str = "import { check, group } from 'k6';
import { Trend } from 'k6/metrics';
const own = new Trend('own', true);
export const options = { iterations: 4, thresholds: { own: ['max<1000'], checks: ['rate>0.1'] } };
export default function () {
  group('shop', () => check(1, { open: () => true, cheap: () => false }));
  own.add(5);
}";

#[test]
fn legacy_is_one_list() {
    let ran = run_script(CHECKS, &["--summary-mode", "legacy"]).exits(0).prints(&[
        "     █ shop",
        "       ✓ open",
        "       ✗ cheap",
        "0% — ✓ 0 / ✗ 4",
        "   ✓ own...",
        "   ✓ checks...",
        "50.00%",
    ]);
    assert!(!ran.stdout.contains("TOTAL RESULTS"), "{}", ran.stdout);
    run_script(CHECKS, &["--summary-mode", "none"]).exits(255).says(&["compact, full, legacy, disabled"]);
}

#[test]
fn the_machine_readable_summary_replaces_both_shapes() {
    let script = format!(
        "{CHECKS}\nexport function handleSummary(data) {{ return {{ 'h.json': JSON.stringify(data), stdout: 'own text' }}; }}"
    );
    let ran = run_script(&script, &["--new-machine-readable-summary"]).exits(0).prints(&["own text"]);
    let handed: Value = serde_json::from_str(&ran.file("h.json")).unwrap();
    for data in [&handed, &ran.summary()] {
        assert_eq!((&data["version"], &data["config"]["execution"]), (&"1.0.0".into(), &"local".into()));
        assert_eq!(data["config"]["script"], "t.js");
        assert!(data["metadata"]["generated_at"].as_str().unwrap().starts_with("20"), "{data}");
        let results = &data["results"]["checks"]["results"];
        assert_eq!((&results[0]["name"], &results[1]["fails"]), (&"open".into(), &4.into()), "{data}");
        let own = data["results"]["metrics"].as_array().unwrap().iter().find(|m| m["name"] == "own").unwrap();
        assert_eq!(
            (&own["type"], &own["contains"], &own["values"]["p95"]),
            (&"trend".into(), &"time".into(), &5.into())
        );
    }
    let ran = run_script(&script, &[]).exits(0);
    let handed: Value = serde_json::from_str(&ran.file("h.json")).unwrap();
    assert_eq!(handed["metrics"]["own"]["thresholds"]["max<1000"]["ok"], true);
}
