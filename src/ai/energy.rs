//! An estimate of the energy a call cost the server, from figures the script gives: `ai.model({ energy: {...} })`.
//!
//! It is arithmetic on token counts, not a measurement: the joules per token come from whoever measured the server.

use super::fields::Fields;
use super::result::Usage;

/// Joules per token, and the share of the idle power one call bears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Energy {
    /// Joules per prompt token that was computed (cached tokens were not).
    pub input: f64,
    /// Joules per generated token.
    pub output: f64,
    /// Watts drawn for as long as the call takes, whatever it generates.
    pub idle_watts: f64,
}

impl Energy {
    pub(super) const FIELDS: &'static [&'static str] = &["joulesPerInputToken", "joulesPerOutputToken", "idleWatts"];

    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let output = f.number("joulesPerOutputToken", 0.0);
        if output.is_none() && f.value("joulesPerOutputToken").is_none() {
            f.problem("joulesPerOutputToken", "missing; an estimate needs the joules a generated token costs");
        }
        Some(Self {
            input: f.number("joulesPerInputToken", 0.0).unwrap_or(0.0),
            output: output?,
            idle_watts: f.number("idleWatts", 0.0).unwrap_or(0.0),
        })
    }

    /// Joules of a call that took so many milliseconds.
    pub fn joules(&self, usage: &Usage, ms: f64) -> f64 {
        let computed = usage.input.saturating_sub(usage.cached.unwrap_or(0));
        computed as f64 * self.input + usage.output as f64 * self.output + self.idle_watts * ms / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_times_joules_and_idle_power_over_time() {
        let energy = Energy { input: 0.1, output: 2.0, idle_watts: 10.0 };
        let usage = Usage { input: 100, cached: Some(40), output: 5, ..Usage::default() };
        assert!((energy.joules(&usage, 500.0) - (6.0 + 10.0 + 5.0)).abs() < 1e-9);
    }
}
