//! A comparison as JUnit XML: a test case per rule and per judged figure.

use super::super::junit::{Case, Suite, xml};
use super::{Comparison, Verdict};

/// The file. Figures that got worse fail; what cannot be judged is skipped.
pub fn junit(comparison: &Comparison) -> Vec<u8> {
    let rules = comparison.rules.iter().map(|rule| Case {
        class: "fail-on".to_owned(),
        name: rule.rule.clone(),
        failure: match &rule.unjudged {
            Some(why) => Some(format!("could not be judged: {why}")),
            None => (!rule.passed()).then(|| rule.failures.join("; ")),
        },
        skipped: None,
    });
    let figures = comparison.differences.iter().filter_map(|d| {
        let verdict = d.verdict.as_ref()?;
        let change = || format!("{} -> {} ({}, {})", d.shown(d.base), d.shown(d.new), d.change(), d.range());
        Some(Case {
            class: d.place(),
            name: format!("{} {}", d.metric, d.figure),
            failure: (*verdict == Verdict::Worse).then(change),
            skipped: if let Verdict::NotComparable(why) = verdict { Some(why.clone()) } else { None },
        })
    });
    let name = format!("{} -> {}", comparison.base.0, comparison.new.0);
    xml(&[Suite { name, seconds: 0.0, cases: rules.chain(figures).collect() }])
}
