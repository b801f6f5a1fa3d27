//! Where secrets come from: the sources named with `--secret-source`, with a cache each.
//!
//! Opened by `cli`, asked by the module `k6/secrets`. Every secret that is handed out is masked in logs, samples and summary
//! from then on (see [`crate::redact`]). Neither `Debug` nor errors show values or a source's own headers.

mod spec;
mod url;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use crate::error::Error;
use crate::redact;
use spec::Spec;
use url::UrlSource;

/// Why there is no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The run has no `--secret-source`.
    #[error("no secret sources are configured: run with --secret-source, for example --secret-source=file=secrets.env")]
    NoSources,
    /// No source has this name.
    #[error("no secret source with name \"{name}\" is configured; {known}")]
    UnknownSource {
        /// The name that was asked for.
        name: String,
        /// The names there are, as a sentence.
        known: String,
    },
    /// The source has no secret of this name.
    #[error("no value: {source_name} has no secret '{key}'")]
    NoValue {
        /// What the source is, for people.
        source_name: String,
        /// The secret's name.
        key: String,
    },
    /// An HTTP source failed.
    #[error("failed to get secret '{key}': {reason}")]
    Failed {
        /// The secret's name.
        key: String,
        /// What happened, without URL and headers.
        reason: String,
    },
}

/// All sources of a run.
#[derive(Debug, Default)]
pub struct Secrets {
    by_name: BTreeMap<String, Arc<Source>>,
    default: Option<Arc<Source>>,
}

/// One source.
pub struct Source {
    /// What it is, for messages: `the file secrets.env`.
    what: String,
    kind: Kind,
    /// What was fetched; a secret asked for by many VUs at once is fetched once.
    cache: Mutex<HashMap<String, Arc<OnceCell<Arc<str>>>>>,
}

enum Kind {
    Values(BTreeMap<String, String>),
    Url(Box<UrlSource>),
}

impl Secrets {
    /// The sources of these `--secret-source` values. Paths are relative to `cwd`; `env` has `K6_SECRET_SOURCE_URL_*`.
    ///
    /// # Errors
    /// Every source that cannot be used.
    pub fn open(specs: &[String], env: &BTreeMap<String, String>, cwd: &Path) -> Result<Self, Vec<Error>> {
        let mut secrets = Self::default();
        let mut problems = Vec::new();
        for text in specs {
            if let Err(error) = secrets.add(text, env, cwd) {
                problems.push(error);
            }
        }
        if secrets.default.is_none() && secrets.by_name.len() == 1 {
            secrets.default = secrets.by_name.values().next().cloned();
        }
        if problems.is_empty() { Ok(secrets) } else { Err(problems) }
    }

    fn add(&mut self, text: &str, env: &BTreeMap<String, String>, cwd: &Path) -> Result<(), Error> {
        let Spec { kind, name, is_default, config } = spec::parse(text)?;
        let (what, kind) = match kind.as_str() {
            "mock" => ("the mock source".to_owned(), Kind::Values(spec::pairs(&config)?)),
            "file" => {
                let path = spec::file_name(&config)?;
                (format!("the file '{path}'"), Kind::Values(spec::read_file(&path, cwd)?))
            }
            _ => ("the URL source".to_owned(), Kind::Url(Box::new(UrlSource::open(&config, env, cwd)?))),
        };
        let source = Arc::new(Source { what, kind, cache: Mutex::default() });
        if self.by_name.contains_key(&name) {
            let which = if name.is_empty() { "without a name".to_owned() } else { format!("named '{name}'") };
            return Err(Error::usage(format!("--secret-source: there are two sources {which}"))
                .with_hint("give each a name of its own: --secret-source=file=name=other,secrets.env"));
        }
        if is_default {
            if self.default.is_some() {
                return Err(Error::usage("--secret-source: two sources are marked as default")
                    .with_hint("leave `default` out of all but one"));
            }
            self.default = Some(Arc::clone(&source));
        }
        self.by_name.insert(name, source);
        Ok(())
    }

    /// The source of this name; None (or `default`) is the default one.
    ///
    /// # Errors
    /// No sources at all, or none of this name.
    pub fn source(&self, name: Option<&str>) -> Result<&Arc<Source>, SecretError> {
        if self.by_name.is_empty() {
            return Err(SecretError::NoSources);
        }
        let name = name.unwrap_or("default");
        let found = self.by_name.get(name).or(if name == "default" { self.default.as_ref() } else { None });
        found.ok_or_else(|| {
            let names: Vec<&str> = self.by_name.keys().map(String::as_str).filter(|n| !n.is_empty()).collect();
            let known = if names.is_empty() {
                "no source has a name".to_owned()
            } else {
                format!("known: {}", names.join(", "))
            };
            let hint = if name == "default" {
                "; mark one with `default`, as in --secret-source=file=default,secrets.env"
            } else {
                ""
            };
            SecretError::UnknownSource { name: name.to_owned(), known: format!("{known}{hint}") }
        })
    }
}

impl Source {
    /// The secret of this name; masked in everything that is shown from now on.
    ///
    /// # Errors
    /// No such secret, or a server that does not give it.
    pub async fn get(&self, key: &str) -> Result<Arc<str>, SecretError> {
        let cell = {
            let mut cache = self.cache.lock().unwrap_or_else(|e| e.into_inner());
            Arc::clone(cache.entry(key.to_owned()).or_default())
        };
        let value = cell
            .get_or_try_init(|| async {
                let value: Arc<str> = match &self.kind {
                    Kind::Values(values) => values
                        .get(key)
                        .map(|v| Arc::from(v.as_str()))
                        .ok_or_else(|| SecretError::NoValue { source_name: self.what.clone(), key: key.to_owned() })?,
                    Kind::Url(source) => source
                        .get(key)
                        .await
                        .map(Arc::from)
                        .map_err(|reason| SecretError::Failed { key: key.to_owned(), reason })?,
                };
                redact::add(&value);
                Ok(value)
            })
            .await?;
        Ok(Arc::clone(value))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("what", &self.what).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
