//! The section on what scenarios of the executor `rate-limit-probe` found.

use super::paint::Paint;
use crate::metrics::limits::LimitsFacts;
use crate::report::{human, limits};

/// Writes all of them; nothing without one.
pub(super) fn write(out: &mut String, all: &[LimitsFacts], paint: &Paint) {
    for facts in all {
        *out += &format!("    {}\n", paint.strong(&format!("RATE LIMITS: {}", facts.scenario)));
        for limit in &facts.limits {
            let (verdict, evidence) = limits::words(limit);
            *out += &format!("    {:<12} {verdict}\n", limit.of);
            if let Some(evidence) = evidence {
                *out += &format!("    {:<12} {}\n", "", paint.faint(&evidence));
            }
        }
        if facts.limits.is_empty() {
            *out += "    nothing was found out\n";
        }
        *out += &format!(
            "    used: {} iterations served, {} refused, {} tokens\n\n",
            facts.served,
            facts.refused,
            human::number(facts.tokens as f64)
        );
    }
}
