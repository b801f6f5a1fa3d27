//! What is wrong with the options, and what is only odd: all of it collected, so that the user mends everything at once.
//!
//! Filled by every parser of this folder; printed by the command line. It does not decide which values are valid.

use std::fmt;

use crate::error::Error;
use crate::spelling::nearest;

/// One invalid option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `scenarios.chat.rate`, or the name of a variable such as `K6_VUS`.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
    /// How to mend it.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}

/// Something odd that does not stop the run: an unknown field, an option without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where, as in [`Problem::path`].
    pub path: String,
    /// What is odd, and what happens instead.
    pub what: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// All problems of one set of options; never empty when returned as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "there is a problem with the options: {only}"),
            all => {
                write!(f, "there are {} problems with the options:", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
        }
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Error::config(problems.to_string())
    }
}

/// Where the parsers of this folder put what they find.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

impl Findings {
    /// Everything found, each thing once.
    pub(super) fn finish(mut self) -> (Vec<Problem>, Vec<Warning>) {
        fn unique<T: PartialEq>(all: &mut Vec<T>) {
            let mut kept: Vec<T> = Vec::with_capacity(all.len());
            for one in all.drain(..) {
                if !kept.contains(&one) {
                    kept.push(one);
                }
            }
            *all = kept;
        }
        unique(&mut self.problems);
        unique(&mut self.warnings);
        (self.problems, self.warnings)
    }

    /// Notes an invalid option.
    pub(super) fn problem(&mut self, path: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), what: what.into(), hint: hint.into() });
    }

    /// Notes something odd.
    pub(super) fn warn(&mut self, path: impl Into<String>, what: impl Into<String>) {
        self.warnings.push(Warning { path: path.into(), what: what.into() });
    }

    /// Warns about a field nobody knows, naming the nearest one that exists.
    pub(super) fn unknown(&mut self, path: impl Into<String>, name: &str, known: &[&str]) {
        let what = match nearest(name, known.iter().copied()) {
            Some(near) => format!("unknown option, ignored; did you mean `{near}`?"),
            None => "unknown option, ignored".to_owned(),
        };
        self.warn(path, what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_all_shown() {
        let problem = |path: &str| Problem { path: path.into(), what: "is bad".into(), hint: "mend it".into() };
        assert_eq!(
            Problems(vec![problem("a")]).to_string(),
            "there is a problem with the options: a: is bad (mend it)"
        );
        let error = Error::from(Problems(vec![problem("a"), problem("b")]));
        assert_eq!(
            error.message(),
            "there are 2 problems with the options:\n  - a: is bad (mend it)\n  - b: is bad (mend it)"
        );
        assert_eq!(error.code(), crate::error::ExitCode::InvalidConfig);
    }
}
