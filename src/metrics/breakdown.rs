//! The same metrics once per value of a tag: per request type, per scenario, per group, per kind of error. Called by the
//! collector; the reports print what comes out as sections.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::metric::{Metric, MetricId};
use super::sink::Sink;
use super::tags::Tags;

/// Values of a tag told apart; what comes later is put together under [`OTHERS`].
pub const MAX_VALUES: usize = 200;

/// Name of the slot for values beyond [`MAX_VALUES`].
pub const OTHERS: &str = "(others)";

/// Between the two values of a pair.
const BETWEEN: char = '\u{1f}';

/// Sinks per value of one tag, or per pair of values of two.
#[derive(Debug)]
pub struct Breakdown {
    tag: &'static str,
    /// A second tag that a slot is one value of; the value may be missing.
    with: Option<&'static str>,
    /// The metrics broken down; None = all.
    only: Option<Vec<MetricId>>,
    slots: Vec<Slot>,
    by_value: HashMap<Arc<str>, u32>,
}

/// The sinks of one value.
#[derive(Debug)]
pub struct Slot {
    /// The tag's value.
    pub value: Arc<str>,
    /// Sinks by metric.
    pub sinks: BTreeMap<MetricId, (Arc<Metric>, Sink)>,
}

impl Slot {
    /// The two values of a pair; the second is None where the tag was missing.
    pub fn pair(&self) -> (&str, Option<&str>) {
        let (first, second) = self.value.split_once(BETWEEN).unwrap_or((&self.value, ""));
        (first, Some(second).filter(|s| !s.is_empty()))
    }
}

impl Breakdown {
    /// A breakdown of some metrics, or of all.
    pub fn new(tag: &'static str, only: Option<Vec<MetricId>>) -> Self {
        Self { tag, with: None, only, slots: Vec::new(), by_value: HashMap::new() }
    }

    /// A breakdown of all metrics by the pairs of two tags, of which the second may be missing.
    pub fn of_pairs(tag: &'static str, with: &'static str) -> Self {
        Self { with: Some(with), ..Self::new(tag, None) }
    }

    /// The tag.
    pub fn tag(&self) -> &'static str {
        self.tag
    }

    /// The slot of a tag set; None when it has not the tag.
    pub fn slot_of(&mut self, tags: &Tags) -> Option<u32> {
        let pair;
        let mut value = tags.get(self.tag)?;
        if let Some(with) = self.with {
            let second = tags.get(with).map_or("", |v| v);
            pair = Arc::from(format!("{value}{BETWEEN}{second}"));
            value = &pair;
        }
        if let Some(slot) = self.by_value.get(value) {
            return Some(*slot);
        }
        if self.slots.len() > MAX_VALUES {
            return Some(MAX_VALUES as u32);
        }
        let value = if self.slots.len() == MAX_VALUES { OTHERS.into() } else { Arc::clone(value) };
        let slot = self.slots.len() as u32;
        self.slots.push(Slot { value: Arc::clone(&value), sinks: BTreeMap::new() });
        self.by_value.insert(value, slot);
        Some(slot)
    }

    /// Adds a sample to a slot.
    pub fn add(&mut self, slot: u32, metric: &Arc<Metric>, value: f64) {
        if self.only.as_ref().is_some_and(|only| !only.contains(&metric.id)) {
            return;
        }
        let sinks = &mut self.slots[slot as usize].sinks;
        sinks.entry(metric.id).or_insert_with(|| (Arc::clone(metric), Sink::new(metric))).1.add(value);
    }

    /// The slots, in order of first appearance.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Builtin, Registry};

    #[test]
    fn pairs_are_told_apart() {
        let mut breakdown = Breakdown::of_pairs("scenario", "request_type");
        let mut slot = |tags: &[(&'static str, &str)]| {
            breakdown.slot_of(&Tags::from_pairs(tags.iter().map(|(k, v)| (*k, (*v).to_owned()))))
        };
        assert_eq!(slot(&[("request_type", "chat")]), None);
        assert_eq!(slot(&[("scenario", "a"), ("request_type", "chat")]), Some(0));
        assert_eq!(slot(&[("scenario", "a")]), Some(1));
        assert_eq!(slot(&[("scenario", "a"), ("request_type", "chat"), ("x", "y")]), Some(0));
        let pairs: Vec<_> = breakdown.slots().iter().map(Slot::pair).collect();
        assert_eq!(pairs, [("a", Some("chat")), ("a", None)]);
    }

    #[test]
    fn values_are_told_apart_up_to_a_limit() {
        let registry = Registry::new();
        let requests = registry.by_id(Builtin::AiRequests.id()).unwrap();
        let ttft = registry.by_id(Builtin::AiTtft.id()).unwrap();
        let mut breakdown = Breakdown::new("request_type", Some(vec![requests.id]));
        assert_eq!(breakdown.slot_of(&Tags::default()), None);
        for n in 0..MAX_VALUES + 50 {
            let slot = breakdown.slot_of(&Tags::from_pairs([("request_type", n.to_string())])).unwrap();
            breakdown.add(slot, &requests, 1.0);
            breakdown.add(slot, &ttft, 5.0);
        }
        let slots = breakdown.slots();
        assert_eq!(slots.len(), MAX_VALUES + 1);
        assert_eq!(slots[MAX_VALUES].value.as_ref(), OTHERS);
        assert_eq!(slots[MAX_VALUES].sinks[&requests.id].1.sum(), 50.0);
        assert!(!slots[0].sinks.contains_key(&ttft.id));
    }
}
