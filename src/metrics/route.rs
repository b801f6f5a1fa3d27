//! Which sub-metrics and breakdowns a tag set feeds, remembered per tag set so that the selectors are compared once per
//! set and not once per sample; and the watch on how many tag sets there are. Called by the collector.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use super::metric::MetricId;
use super::tags::Tags;

/// Distinct tag sets after which the first warning is due; the next ones come at each doubling.
pub const WARN_AT: usize = 100_000;

/// Routes remembered; when full they are forgotten and found anew. A set of a request is over a kilobyte, so a script with ids in its
/// URLs costs some ten megabytes and no more, and finding a route anew costs less than building the tags did.
const MEMO_LIMIT: usize = 8_192;

/// Hashes kept to count tag sets. Above [`WARN_AT`], so that the first warning is exact.
const COUNT_LIMIT: usize = 131_072;

/// Where the samples of a tag set go beside their metric.
#[derive(Debug, Default)]
pub struct Route {
    /// Sub-metrics: the parent metric and the index of the sub-metric.
    pub subs: Box<[(MetricId, u32)]>,
    /// Breakdowns: index of the breakdown and the slot in it.
    pub slots: Box<[(u32, u32)]>,
    /// Whether the tags say that the response was not the expected one.
    pub unexpected: bool,
}

/// The memory of routes.
#[derive(Debug, Default)]
pub struct Routes {
    memo: HashMap<Tags, Arc<Route>, BuildHasherDefault<OwnHash>>,
    seen: HashSet<u64, BuildHasherDefault<OwnHash>>,
    /// Of the hashes only those with so many zeros in the middle are kept (the ends place them in the table): each stands for
    /// `2^thinned` sets.
    thinned: u32,
    warned_at: usize,
}

impl Routes {
    /// The route of a tag set, found by `find` when it is new.
    pub fn of(&mut self, tags: &Tags, find: impl FnOnce(&Tags) -> Route) -> Arc<Route> {
        if let Some(route) = self.memo.get(tags) {
            return Arc::clone(route);
        }
        self.count(tags);
        if self.memo.len() >= MEMO_LIMIT {
            self.memo.clear();
        }
        let route = Arc::new(find(tags));
        self.memo.insert(tags.clone(), Arc::clone(&route));
        route
    }

    fn count(&mut self, tags: &Tags) {
        let mut hasher = OwnHash::default();
        tags.hash(&mut hasher);
        let hash = hasher.finish();
        let zeros = |hash: u64| (hash >> 32).trailing_zeros();
        if zeros(hash) >= self.thinned {
            self.seen.insert(hash);
        }
        while self.seen.len() > COUNT_LIMIT {
            self.thinned += 1;
            self.seen.retain(|hash| zeros(*hash) >= self.thinned);
        }
        if self.distinct() >= WARN_AT.max(self.warned_at * 2) {
            self.warned_at = self.distinct();
            tracing::warn!(
                tag_sets = self.distinct(),
                "the run has produced {} different sets of tags; each one costs memory here and in every output. Usual \
                 cause: ids in URLs. Give such requests one name, e.g. params {{ tags: {{ name: 'GET /items/:id' }} }}",
                self.distinct()
            );
        }
    }

    /// Distinct tag sets so far; above 131,072 an estimate, some tenths of a percent off.
    pub fn distinct(&self) -> usize {
        self.seen.len() << self.thinned
    }

    /// Number of tag sets at the last warning; 0 when there was none.
    pub fn warned_at(&self) -> usize {
        self.warned_at
    }
}

/// Takes the hash a tag set carries as it is.
#[derive(Default)]
struct OwnHash(u64);

impl Hasher for OwnHash {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_found_once_per_set() {
        let mut routes = Routes::default();
        let tags = Tags::from_pairs([("a", "1")]);
        let mut found = 0;
        for _ in 0..3 {
            routes.of(&tags, |_| {
                found += 1;
                Route::default()
            });
            routes.of(&Tags::from_pairs([("a", "1")]), |_| unreachable!("an equal set is the same set"));
        }
        assert_eq!((found, routes.distinct()), (1, 1));
    }

    #[test]
    fn many_sets_are_warned_about_at_each_doubling() {
        let mut routes = Routes::default();
        let mut warnings = Vec::new();
        for n in 0..202_000 {
            routes.of(&Tags::from_pairs([("id", n.to_string())]), |_| Route::default());
            if warnings.last() != Some(&routes.warned_at()) {
                warnings.push(routes.warned_at());
            }
        }
        assert_eq!((warnings.len(), &warnings[..2]), (3, &[0, WARN_AT][..]), "the first is exact: {warnings:?}");
        assert!((195_000..205_000).contains(&warnings[2]), "{warnings:?}");
        assert!((195_000..205_000).contains(&routes.distinct()), "{}", routes.distinct());
        assert!(routes.memo.len() <= MEMO_LIMIT && routes.seen.len() <= COUNT_LIMIT);
    }
}
