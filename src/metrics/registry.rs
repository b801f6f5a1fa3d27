//! All metrics of a run by name. Built-ins are registered first, so their ids are the [`Builtin`] discriminants;
//! scripts add their own in the init context.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use thiserror::Error;

use super::builtin::Builtin;
use super::metric::{Metric, MetricId, MetricKind, ValueKind};

/// Why a metric cannot be registered.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RegistryError {
    /// The name does not fit k6's rule.
    #[error(
        "invalid metric name '{0}': metric names need 2 to 128 ASCII letters, digits or underscores, the first a letter or underscore"
    )]
    Name(String),
    /// The name exists with another type or kind of value.
    #[error("metric '{name}' already exists but with type {is}, instead of {asked}")]
    Conflict {
        /// The metric's name.
        name: String,
        /// What it was registered as.
        is: String,
        /// What was asked for now.
        asked: String,
    },
}

/// The metrics of one run; shared by all threads.
#[derive(Debug)]
pub struct Registry {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_name: HashMap<Arc<str>, MetricId>,
    all: Vec<Arc<Metric>>,
}

impl Registry {
    /// A registry that holds the built-in metrics.
    pub fn new() -> Self {
        let registry = Self { inner: RwLock::new(Inner::default()) };
        for def in Builtin::ALL {
            let id = registry.insert(def.name(), def.kind(), def.contains());
            debug_assert_eq!(id, def.id(), "built-in ids follow the enum order");
        }
        registry
    }

    fn insert(&self, name: &str, kind: MetricKind, contains: ValueKind) -> MetricId {
        let mut inner = self.inner.write().unwrap_or_else(|e| e.into_inner());
        let id = MetricId(u32::try_from(inner.all.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = name.into();
        inner.all.push(Arc::new(Metric { id, name: Arc::clone(&name), kind, contains }));
        inner.by_name.insert(name, id);
        id
    }

    /// The metric of this name, registering it when new (as k6 does when every VU runs the init code).
    ///
    /// # Errors
    /// A name outside k6's rule, or one that exists with another type.
    pub fn get_or_register(
        &self,
        name: &str,
        kind: MetricKind,
        contains: ValueKind,
    ) -> Result<Arc<Metric>, RegistryError> {
        if let Some(metric) = self.by_name(name) {
            if metric.kind != kind || metric.contains != contains {
                let describe = |k: MetricKind, c: ValueKind| {
                    if c == ValueKind::Default { k.name().to_owned() } else { format!("{} ({})", k.name(), c.name()) }
                };
                return Err(RegistryError::Conflict {
                    name: name.to_owned(),
                    is: describe(metric.kind, metric.contains),
                    asked: describe(kind, contains),
                });
            }
            return Ok(metric);
        }
        if !valid_name(name) {
            return Err(RegistryError::Name(name.to_owned()));
        }
        // Two VUs may race to register the same name: look again under the write lock.
        let mut inner = self.inner.write().unwrap_or_else(|e| e.into_inner());
        if let Some(id) = inner.by_name.get(name) {
            return Ok(Arc::clone(&inner.all[id.0 as usize]));
        }
        let id = MetricId(u32::try_from(inner.all.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = name.into();
        let metric = Arc::new(Metric { id, name: Arc::clone(&name), kind, contains });
        inner.all.push(Arc::clone(&metric));
        inner.by_name.insert(name, id);
        Ok(metric)
    }

    /// The metric of this name, if registered.
    pub fn by_name(&self, name: &str) -> Option<Arc<Metric>> {
        let inner = self.inner.read().unwrap_or_else(|e| e.into_inner());
        inner.by_name.get(name).map(|id| Arc::clone(&inner.all[id.0 as usize]))
    }

    /// The metric with this id, if registered.
    pub fn by_id(&self, id: MetricId) -> Option<Arc<Metric>> {
        self.inner.read().unwrap_or_else(|e| e.into_inner()).all.get(id.0 as usize).cloned()
    }

    /// All metrics in order of registration.
    pub fn all(&self) -> Vec<Arc<Metric>> {
        self.inner.read().unwrap_or_else(|e| e.into_inner()).all.clone()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

/// k6's rule: `^[a-zA-Z_][a-zA-Z0-9_]{1,128}$`.
pub fn valid_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    (2..=129).contains(&bytes.len())
        && (bytes[0].is_ascii_alphabetic() || bytes[0] == b'_')
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_ids_are_the_enum_order() {
        let registry = Registry::new();
        for def in Builtin::ALL {
            assert_eq!(registry.by_name(def.name()).unwrap().id, def.id());
        }
    }

    #[test]
    fn a_second_type_for_one_name_is_refused() {
        let registry = Registry::new();
        let a = registry.get_or_register("my_metric", MetricKind::Counter, ValueKind::Default).unwrap();
        let b = registry.get_or_register("my_metric", MetricKind::Counter, ValueKind::Default).unwrap();
        assert_eq!(a.id, b.id);
        let err = registry.get_or_register("my_metric", MetricKind::Trend, ValueKind::Time).unwrap_err();
        assert_eq!(err.to_string(), "metric 'my_metric' already exists but with type counter, instead of trend (time)");
        assert!(registry.get_or_register("a", MetricKind::Counter, ValueKind::Default).is_err());
        assert!(registry.get_or_register("9lives", MetricKind::Counter, ValueKind::Default).is_err());
    }
}
