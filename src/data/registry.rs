//! What all VUs of a run share of the workload's data: made by whoever asks first, found by the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::dist::Lengths;
use super::text::Prose;
use super::{Dataset, Mixture, Recorded, Synthetic};
use crate::ai::dataset::trace::Trace;

/// Datasets, prompts and mixtures by what they were asked for with.
#[derive(Debug, Default)]
pub struct Registry {
    /// Datasets by path and options.
    pub datasets: Shelf<Dataset>,
    /// Sources of synthetic prompts by options.
    pub prompts: Shelf<Synthetic>,
    /// Measured words by tokenizer and text.
    pub proses: Shelf<Prose>,
    /// Mixtures by kinds and weights.
    pub mixtures: Shelf<Mixture>,
    /// Traces by path and options.
    pub traces: Shelf<Trace>,
    /// Traces with their texts, by path, tokenizer and options.
    pub recorded: Shelf<Recorded>,
    /// Recorded lengths by path.
    pub lengths: Shelf<Lengths>,
    chance: OnceLock<u64>,
}

impl Registry {
    /// A seed for runs without one: another for each run, the same for all its VUs.
    pub fn chance(&self) -> u64 {
        *self.chance.get_or_init(rand::random)
    }
}

type Place<T> = Arc<Mutex<Option<Arc<T>>>>;

/// Things by name, each made once.
#[derive(Debug)]
pub struct Shelf<T>(Mutex<HashMap<String, Place<T>>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Shelf<T> {
    /// The thing of this name; made now when there is none. Others who ask for the same meanwhile wait.
    ///
    /// # Errors
    /// It cannot be made; the next who asks tries again.
    pub fn get_or_make<E>(&self, name: &str, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let place = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(name.to_owned()).or_default())
        };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        match &*place {
            Some(there) => Ok(Arc::clone(there)),
            None => Ok(Arc::clone(place.insert(Arc::new(make()?)))),
        }
    }

    /// The thing of this name, when it was made.
    pub fn get(&self, name: &str) -> Option<Arc<T>> {
        let place = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name)?);
        place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_for_all_threads() {
        let (shelf, made) = (Shelf::default(), Mutex::new(0));
        let make = || {
            *made.lock().unwrap() += 1;
            Ok::<_, ()>("thing")
        };
        std::thread::scope(|scope| {
            (0..4).for_each(|_| _ = scope.spawn(|| assert_eq!(shelf.get_or_make("a", make).map(|t| *t), Ok("thing"))));
        });
        assert_eq!((*made.lock().unwrap(), shelf.get("b").is_none()), (1, true));
        assert_eq!(shelf.get_or_make("c", || Err("no")), Err("no"));
        assert_eq!(shelf.get_or_make("c", || Ok::<_, ()>("yes")).map(|t| *t), Ok("yes"));
        let registry = Registry::default();
        assert_eq!(registry.chance(), registry.chance());
    }
}
