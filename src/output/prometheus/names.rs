//! Names and units as Prometheus has them.

use std::collections::BTreeMap;

use crate::metrics::{Tags, ValueKind};

/// From our unit to Prometheus': times are in seconds there.
pub(super) fn scale(contains: ValueKind) -> f64 {
    if contains == ValueKind::Time { 1e-3 } else { 1.0 }
}

/// The unit at the end of a histogram's name.
pub(super) fn unit(contains: ValueKind) -> &'static str {
    match contains {
        ValueKind::Time => "_seconds",
        ValueKind::Data => "_bytes",
        ValueKind::Default => "",
    }
}

/// Tags with a value as labels, sorted by name; of names that become the same the last one stays.
pub(super) fn labels(tags: &Tags, kept: impl Fn(&str) -> bool) -> BTreeMap<String, &str> {
    tags.iter()
        .filter(|(name, value)| !value.is_empty() && kept(name))
        .map(|(name, value)| (label_name(name), &**value))
        .collect()
}

/// A tag's name with the characters that labels may have.
fn label_name(tag: &str) -> String {
    let clean: String = tag.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if clean.starts_with(|c: char| c.is_ascii_digit()) { format!("_{clean}") } else { clean }
}
