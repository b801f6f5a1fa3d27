//! What `--fail-on` asks: `ai_ttft:p95>+10%`, `http_req_duration:med>+50ms`, `ai_req_failed:rate>+1pp`, `ai_slo_met:rate<-2pp`, or
//! `worse` for any figure that got worse.

use serde::Serialize;

use crate::metrics::{Aggregation, TrendStat};

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// As the user wrote it.
    pub source: String,
    /// What it asks.
    pub(super) asks: Asks,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asks {
    /// That nothing got worse.
    NothingWorse,
    /// That a figure does not go beyond a bound.
    Bound { metric: String, figure: Aggregation, up: bool, bound: Bound },
}

/// How far a figure may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// A share of the base's.
    Relative(f64),
    /// In the metric's own unit.
    Absolute(f64),
}

/// What became of a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RuleResult {
    /// The rule as written.
    pub rule: String,
    /// In how many places it was judged.
    pub judged: usize,
    /// Where it failed, and how.
    pub failures: Vec<String>,
    /// Where the figure went beyond the bound but chance may have done it: more samples would tell.
    pub not_shown: Vec<String>,
    /// Why it could not be judged anywhere; None when it was.
    pub unjudged: Option<String>,
}

impl RuleResult {
    /// Whether it held. A rule that could not be judged did not: a gate that checks nothing must not let pass.
    pub fn passed(&self) -> bool {
        self.failures.is_empty() && self.unjudged.is_none()
    }
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// What is wrong with it and how one looks.
    pub fn parse(source: &str) -> Result<Self, String> {
        let wrong = |what: String| {
            format!(
                "'{source}': {what}; write e.g. 'ai_ttft:p95>+10%', 'ai_e2e:med>+50ms', 'ai_req_failed:rate>+1pp', or 'worse'"
            )
        };
        let text: String = source.chars().filter(|c| !c.is_whitespace()).collect();
        if text == "worse" {
            return Ok(Self { source: source.to_owned(), asks: Asks::NothingWorse });
        }
        let at = text.find(['>', '<']).ok_or_else(|| wrong("it has neither > nor <".to_owned()))?;
        let (left, right) = (&text[..at], text[at + 1..].trim_start_matches('='));
        let up = text.as_bytes()[at] == b'>';
        let (metric, figure) =
            left.rsplit_once(':').ok_or_else(|| wrong("the figure is missing, as in metric:p95".to_owned()))?;
        if metric.is_empty() {
            return Err(wrong("the metric is missing".to_owned()));
        }
        let figure = self::figure(figure).ok_or_else(|| {
            wrong(format!(
                "'{figure}' is no figure; known: avg, min, med, max, p95 (any percentile), count, rate, value"
            ))
        })?;
        let unsigned = right.strip_prefix(if up { '+' } else { '-' });
        let unsigned = unsigned.ok_or_else(|| {
            wrong(if up { "a rise is written with a plus" } else { "a fall is written with a minus" }.to_owned())
        })?;
        let digits = unsigned.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(unsigned.len());
        let (number, unit) = unsigned.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong(format!("'{unsigned}' does not begin with a number")))?;
        let bound = match unit {
            "%" => Bound::Relative(number / 100.0),
            "pp" => Bound::Absolute(number / 100.0),
            "" | "ms" => Bound::Absolute(number),
            "us" | "µs" => Bound::Absolute(number / 1e3),
            "s" => Bound::Absolute(number * 1e3),
            _ => return Err(wrong(format!("'{unit}' is no unit; known: %, pp (percentage points), us, ms, s"))),
        };
        Ok(Self { source: source.to_owned(), asks: Asks::Bound { metric: metric.to_owned(), figure, up, bound } })
    }
}

/// `p95` or `p(95)`, or one of k6's names.
fn figure(name: &str) -> Option<Aggregation> {
    match name {
        "rate" => return Some(Aggregation::Rate),
        "value" => return Some(Aggregation::Value),
        _ => {}
    }
    let bare = name.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let label = bare.map_or_else(|| name.to_owned(), |percent| format!("p({percent})"));
    TrendStat::parse(&label).ok().map(|stat| stat.aggregation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_as_people_write_them() {
        let bound = |source: &str| match Rule::parse(source).unwrap().asks {
            Asks::Bound { metric, figure, up, bound } => (metric, figure.to_string(), up, bound),
            other => panic!("{other:?}"),
        };
        let p95 = ("ai_ttft".to_owned(), "p(95)".to_owned(), true, Bound::Relative(0.1));
        for source in ["ai_ttft:p95>+10%", "ai_ttft:p(95) > +10%", " ai_ttft:p95>=+10% "] {
            assert_eq!(bound(source), p95, "{source}");
        }
        assert_eq!(bound("m:med>+1.5s").3, Bound::Absolute(1_500.0));
        assert_eq!(bound("m:rate<-2pp"), ("m".to_owned(), "rate".to_owned(), false, Bound::Absolute(0.02)));
        assert_eq!(Rule::parse("worse").unwrap().asks, Asks::NothingWorse);
    }

    #[test]
    fn mistakes_are_named() {
        for (source, says) in [
            ("ai_ttft", "neither"),
            ("ai_ttft>+1%", "figure is missing"),
            (":p95>+1%", "metric is missing"),
            ("m:p95>10%", "with a plus"),
            ("m:p95<10%", "with a minus"),
            ("m:p95>+x%", "does not begin with a number"),
            ("m:p95>+1q", "no unit"),
            ("m:p101>+1%", "no figure"),
            ("m:mode>+1%", "no figure"),
        ] {
            let said = Rule::parse(source).unwrap_err();
            assert!(said.contains(says) && said.contains(source), "{source}: {said}");
        }
    }
}
