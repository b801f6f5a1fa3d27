//! The objectives of one call, and whether it met them.
//!
//! Used by `samples` for `ai_slo_met` and by `result` for `sloMet`. It does not aggregate: goodput is the summary's.

use super::fields::Fields;

/// Upper limits in milliseconds; None = no objective.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slo {
    /// Time to first token.
    pub ttft: Option<f64>,
    /// Time per output token.
    pub tpot: Option<f64>,
    /// End to end.
    pub e2e: Option<f64>,
}

impl Slo {
    pub(super) const FIELDS: &'static [&'static str] = &["ttft", "tpot", "e2e"];

    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self { ttft: fields.number("ttft", 0.0), tpot: fields.number("tpot", 0.0), e2e: fields.number("e2e", 0.0) }
    }

    /// Whether a call met every objective it has. A failed call never does, a missing figure does not count as met, and
    /// without objectives there is nothing to meet (None).
    pub fn met(&self, failed: bool, ttft: Option<f64>, tpot: Option<f64>, e2e: Option<f64>) -> Option<bool> {
        if *self == Self::default() {
            return None;
        }
        let holds = |limit: Option<f64>, value: Option<f64>| match (limit, value) {
            (None, _) => true,
            (Some(limit), Some(value)) => value <= limit,
            (Some(_), None) => false,
        };
        Some(!failed && holds(self.ttft, ttft) && holds(self.tpot, tpot) && holds(self.e2e, e2e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_objectives_or_none() {
        let slo = Slo { ttft: Some(500.0), tpot: Some(50.0), e2e: None };
        assert_eq!(slo.met(false, Some(500.0), Some(50.0), None), Some(true));
        assert_eq!(slo.met(false, Some(500.1), Some(50.0), None), Some(false));
        assert_eq!(slo.met(false, Some(1.0), None, None), Some(false), "a missing figure is not met");
        assert_eq!(slo.met(true, Some(1.0), Some(1.0), None), Some(false), "a failed call never meets it");
        assert_eq!(Slo::default().met(true, None, None, None), None);
    }
}
