//! Scripts, servers and systems that would take the program down or hang it: it ends in time, says why, and keeps the summary.

use crate::support::run_script;

#[test]
fn a_script_that_takes_all_memory_ends_the_run_with_its_summary() {
    let ran = run_script(
        "const keep = [];\nexport const options = { vus: 1, duration: '50s' };\nexport default () => { for (;;) keep.push('x'.repeat(1000) + keep.length); };",
        &["--max-memory", "300MB", "-o", "json=o.json"],
    )
    .exits(107)
    .says(&["--max-memory", "286 MB"])
    .prints(&["TOTAL RESULTS"]);
    assert!(ran.file("o.json").contains("\"vus\""), "{}", ran.all());
}
