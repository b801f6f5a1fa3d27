//! The settings of an output from the environment, as k6 names them: `K6_<OUTPUT>_<NAME>`. Called by the outputs that send.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::Error;
use crate::options::parse_duration;

/// What a setting's text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Secret,
    Flag,
    Duration,
}

/// One setting: its name, and its value when it is not given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    name: &'static str,
    default: &'static str,
    kind: Kind,
}

impl Setting {
    pub(super) const fn text(name: &'static str, default: &'static str) -> Self {
        Self { name, default, kind: Kind::Text }
    }

    /// Its value is masked wherever it would be shown.
    pub(super) const fn secret(name: &'static str) -> Self {
        Self { name, default: "", kind: Kind::Secret }
    }

    /// True or false; false when it is not given.
    pub(super) const fn flag(name: &'static str) -> Self {
        Self { name, default: "false", kind: Kind::Flag }
    }

    /// A positive duration.
    pub(super) const fn duration(name: &'static str, default: &'static str) -> Self {
        Self { name, default, kind: Kind::Duration }
    }
}

/// The settings of one output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// The output's name, for messages.
    pub(super) output: &'static str,
    /// What its variables begin with.
    pub(super) prefix: &'static str,
    pub(super) all: &'static [Setting],
}

impl Settings {
    /// Reads and checks all of them.
    ///
    /// # Errors
    /// All that cannot be read.
    pub(super) fn read(&self, env: &BTreeMap<String, String>) -> Result<Given, Error> {
        let (mut given, mut problems) = (Given::default(), Vec::new());
        for setting in self.all {
            let variable = format!("{}{}", self.prefix, setting.name);
            let text = env.get(&variable).map(|text| text.trim()).filter(|text| !text.is_empty());
            let text = text.unwrap_or(setting.default);
            match setting.kind {
                Kind::Text => {}
                Kind::Secret => crate::redact::add(text),
                Kind::Flag if flag(text).is_none() => {
                    problems.push(format!("{variable}: '{text}' is neither true nor false"));
                }
                Kind::Duration if duration(text).is_none() => {
                    problems.push(format!("{variable}: '{text}' is not a positive duration such as 1s or 500ms"));
                }
                Kind::Flag | Kind::Duration => {}
            }
            given.0.insert(setting.name, text.to_owned());
        }
        let prefix = self.prefix;
        for variable in env.keys().filter(|v| v.starts_with(prefix)) {
            if self.all.iter().all(|setting| setting.name != &variable[prefix.len()..]) {
                let known: Vec<&str> = self.all.iter().map(|setting| setting.name).collect();
                tracing::warn!(
                    "output {}: {variable} is not known and ignored; known: {prefix}{{{}}}",
                    self.output,
                    known.join(",")
                );
            }
        }
        if problems.is_empty() {
            Ok(given)
        } else {
            Err(Error::config(format!("output {}: {}", self.output, problems.join("; "))))
        }
    }
}

/// True or false as k6's variables have it; None when it is neither.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "t" => Some(true),
        "false" | "0" | "f" => Some(false),
        _ => None,
    }
}

fn duration(text: &str) -> Option<Duration> {
    parse_duration(text).ok().filter(|d| !d.is_zero())
}

/// The values of an output's settings, by name without the prefix.
#[derive(Clone, Debug, Default)]
pub(super) struct Given(BTreeMap<&'static str, String>);

impl Given {
    /// The text; empty when it has no default and was not given.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        flag(self.text(name)).unwrap_or(false)
    }

    pub(super) fn duration(&self, name: &str) -> Duration {
        duration(self.text(name)).unwrap_or(Duration::from_secs(1))
    }
}
