//! Tags: small immutable sorted sets of name/value pairs, shared by reference so that cloning one costs one count.
//!
//! Equality first compares the reference, then a hash kept with the set, so that the aggregator can memoise
//! per set. Building a set allocates; do it once per VU, scenario or request, never per token.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::redact;

/// One tag: name and value.
pub type Tag = (Arc<str>, Arc<str>);

#[derive(Debug, Default)]
struct Inner {
    hash: u64,
    tags: Vec<Tag>,
}

/// An immutable tag set, sorted by name; names are unique.
#[derive(Clone, Debug, Default)]
pub struct Tags(Arc<Inner>);

impl Tags {
    /// A set from pairs; of a repeated name the last value wins.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let map: BTreeMap<Arc<str>, Arc<str>> = pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        Self::from_sorted(map.into_iter().collect())
    }

    fn from_sorted(tags: Vec<Tag>) -> Self {
        let mut hasher = DefaultHasher::new();
        tags.hash(&mut hasher);
        Self(Arc::new(Inner { hash: hasher.finish(), tags }))
    }

    /// This set with more pairs; a pair replaces one of the same name.
    #[must_use]
    pub fn with<K, V>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let mut tags = self.0.tags.clone();
        let mut changed = false;
        for (k, v) in pairs {
            changed = true;
            let (k, v) = (k.into(), v.into());
            match tags.binary_search_by(|(have, _)| have.as_ref().cmp(k.as_ref())) {
                Ok(at) => tags[at].1 = v,
                Err(at) => tags.insert(at, (k, v)),
            }
        }
        if changed { Self::from_sorted(tags) } else { self.clone() }
    }

    /// This set without the named tag.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        if self.get(name).is_none() {
            return self.clone();
        }
        Self::from_sorted(self.0.tags.iter().filter(|(k, _)| k.as_ref() != name).cloned().collect())
    }

    /// This set with secrets masked; None when it holds none.
    pub(super) fn redacted(&self) -> Option<Self> {
        let masked = |value: &str| matches!(redact::clean(value), Cow::Owned(_));
        if !self.iter().any(|(_, value)| masked(value)) {
            return None;
        }
        let clean = |(name, value): &Tag| (Arc::clone(name), Arc::from(redact::clean(value).as_ref()));
        Some(Self::from_sorted(self.0.tags.iter().map(clean).collect()))
    }

    /// The value of a tag.
    pub fn get(&self, name: &str) -> Option<&Arc<str>> {
        self.0.tags.binary_search_by(|(have, _)| have.as_ref().cmp(name)).ok().map(|at| &self.0.tags[at].1)
    }

    /// Whether every pair of `wanted` is in this set.
    pub fn contains_all(&self, wanted: &Tags) -> bool {
        wanted.iter().all(|(k, v)| self.get(k) == Some(v))
    }

    /// The pairs in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.tags.iter()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.tags.is_empty()
    }

    /// Number of tags.
    pub fn len(&self) -> usize {
        self.0.tags.len()
    }
}

impl PartialEq for Tags {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.tags == other.0.tags)
    }
}

impl Eq for Tags {}

impl Hash for Tags {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

macro_rules! system_tags {
    ($($variant:ident => $name:literal, $default:literal;)*) => {
        /// A tag that inrush itself puts on samples when the `systemTags` option lists it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum SystemTag { $($variant),* }

        impl SystemTag {
            /// All system tags.
            pub const ALL: &'static [SystemTag] = &[$(SystemTag::$variant),*];

            /// The tag's name as in k6.
            pub fn name(self) -> &'static str {
                match self { $(SystemTag::$variant => $name),* }
            }

            /// Whether the tag is on when `systemTags` is not given.
            pub fn on_by_default(self) -> bool {
                match self { $(SystemTag::$variant => $default),* }
            }
        }
    };
}

system_tags! {
    Proto => "proto", true;
    Subproto => "subproto", true;
    Status => "status", true;
    Method => "method", true;
    Url => "url", true;
    Name => "name", true;
    Group => "group", true;
    Check => "check", true;
    Error => "error", true;
    ErrorCode => "error_code", true;
    TlsVersion => "tls_version", true;
    Scenario => "scenario", true;
    Service => "service", true;
    ExpectedResponse => "expected_response", true;
    // Ours, for calls to models.
    RequestType => "request_type", true;
    Provider => "provider", true;
    Model => "model", true;
    Target => "target", true;
    Attempt => "attempt", true;
    Turn => "turn", true;
    ErrorKind => "error_kind", true;
    FinishReason => "finish_reason", true;
    Stream => "stream", true;
    // Off by default. `vu`, `iter` and `request_id` are metadata, not indexed tags.
    Iter => "iter", false;
    Vu => "vu", false;
    RequestId => "request_id", false;
    OcspStatus => "ocsp_status", false;
    Ip => "ip", false;
}

/// The set of system tags that are on; one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemTags(u64);

impl SystemTags {
    /// The default set.
    pub fn defaults() -> Self {
        let mut set = Self(0);
        for tag in SystemTag::ALL.iter().filter(|t| t.on_by_default()) {
            set.0 |= 1 << (*tag as u64);
        }
        set
    }

    /// A set from names. A list of k6's names alone keeps our AI tags on, since k6 scripts cannot know them.
    ///
    /// # Errors
    /// The names that are unknown.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<String>> {
        let mut set = Self(0);
        for tag in SystemTag::ALL {
            if (SystemTag::RequestType as u64..=SystemTag::Stream as u64).contains(&(*tag as u64)) {
                set.0 |= 1 << (*tag as u64);
            }
        }
        let mut unknown = Vec::new();
        for name in names {
            match SystemTag::ALL.iter().find(|t| t.name() == name) {
                Some(tag) => set.0 |= 1 << (*tag as u64),
                None => unknown.push(name.to_owned()),
            }
        }
        if unknown.is_empty() { Ok(set) } else { Err(unknown) }
    }

    /// Whether this tag is on.
    pub fn has(self, tag: SystemTag) -> bool {
        self.0 & (1 << (tag as u64)) != 0
    }
}

impl Default for SystemTags {
    fn default() -> Self {
        Self::defaults()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sorted_unique_and_comparable() {
        let a = Tags::from_pairs([("b", "2"), ("a", "1"), ("b", "3")]);
        assert_eq!(a.get("b").map(|v| v.as_ref()), Some("3"));
        assert_eq!(a.len(), 2);
        assert_eq!(a, Tags::default().with([("a", "1"), ("b", "3")]));
        assert!(a.contains_all(&Tags::from_pairs([("a", "1")])));
        assert!(!a.contains_all(&Tags::from_pairs([("a", "2")])));
        assert_eq!(a.without("a").len(), 1);
    }

    #[test]
    fn system_tags_by_name() {
        assert!(SystemTags::defaults().has(SystemTag::Url));
        assert!(!SystemTags::defaults().has(SystemTag::Ip));
        let set = SystemTags::from_names(["status", "ip"]).unwrap();
        assert!(set.has(SystemTag::Ip) && !set.has(SystemTag::Url) && set.has(SystemTag::Model));
        assert_eq!(SystemTags::from_names(["nope"]).unwrap_err(), vec!["nope".to_owned()]);
    }
}
