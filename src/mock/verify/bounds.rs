//! `--max-error`: how large errors may be. Text forms `p99=5ms`, `ttft:p99=5ms`, `tokens=0`, `unmatched=3`.

use std::str::FromStr;

use crate::mock::dist::parse_duration_ns;

/// What may be bounded by itself.
pub(super) const TIMES: [&str; 4] = ["ttft", "gap", "tpot", "e2e"];

/// A bound on the errors of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// A quantile (0..=1, 1 = the largest) of the errors of one time, or of each (None), in milliseconds.
    Time {
        /// One of `ttft`, `gap`, `tpot`, `e2e`; None = all.
        of: Option<&'static str>,
        /// As written: `p99`, `max`.
        name: String,
        /// From 0 to 1.
        quantile: f64,
        /// Largest value in milliseconds.
        most_ms: f64,
    },
    /// Most calls with a wrong number of tokens.
    Tokens(u64),
    /// Most calls that are in one file only.
    Unmatched(u64),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            |why: String| format!("`{text}`: {why}; write p99=5ms, ttft:p99=5ms, max=50ms, tokens=0 or unmatched=0");
        let (left, right) = text.split_once('=').ok_or_else(|| wrong("the = is missing".to_owned()))?;
        let (left, right) = (left.trim(), right.trim());
        let count = || right.parse().map_err(|_| wrong(format!("`{right}` is no whole number")));
        match left {
            "tokens" => return Ok(Self::Tokens(count()?)),
            "unmatched" => return Ok(Self::Unmatched(count()?)),
            _ => {}
        }
        let (of, name) = match left.split_once(':') {
            None => (None, left),
            Some((of, name)) => {
                let known = TIMES.into_iter().find(|time| *time == of.trim());
                let known = known.ok_or_else(|| wrong(format!("`{of}` is none of {}", TIMES.join(", "))))?;
                (Some(known), name.trim())
            }
        };
        let quantile = match name {
            "max" => 1.0,
            "med" => 0.5,
            _ => {
                let percent = name.trim_start_matches('p').trim_matches(['(', ')']).parse::<f64>().ok();
                let percent = percent.filter(|p| name.starts_with('p') && (0.0..=100.0).contains(p));
                percent.ok_or_else(|| wrong(format!("`{name}` is no percentile")))? / 100.0
            }
        };
        let ns = parse_duration_ns(right).ok_or_else(|| wrong(format!("`{right}` is no time")))?;
        Ok(Self::Time { of, name: name.to_owned(), quantile, most_ms: ns / 1e6 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_forms_parse() {
        let time = |of, name: &str, quantile, most_ms| Bound::Time { of, name: name.into(), quantile, most_ms };
        assert_eq!("p99=5ms".parse(), Ok(time(None, "p99", 0.99, 5.0)));
        assert_eq!("ttft:p(99.5)=250us".parse(), Ok(time(Some("ttft"), "p(99.5)", 0.995, 0.25)));
        assert_eq!("gap:max=1s".parse(), Ok(time(Some("gap"), "max", 1.0, 1000.0)));
        assert_eq!(("tokens=0".parse(), "unmatched=3".parse()), (Ok(Bound::Tokens(0)), Ok(Bound::Unmatched(3))));
        for bad in ["", "p99", "p99=soon", "p101=1ms", "itl:p99=1ms", "99=1ms", "tokens=-1"] {
            assert!(bad.parse::<Bound>().unwrap_err().contains("write p99=5ms"), "{bad}");
        }
    }
}
