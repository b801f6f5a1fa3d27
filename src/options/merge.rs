//! Merges the layers into one JSON object: a higher layer replaces a lower one, field by field.
//!
//! One rule is k6's own: `duration`, `iterations`, `stages` and `scenarios` are alternatives, so a layer that sets any of them
//! discards all four of the layers below. `vus` alone does not, except when it comes from a flag.

use serde_json::{Map, Value, json};

use super::problem::Findings;

/// The options that say what load to make; a layer with one of them replaces all of them.
const SHORTCUTS: [&str; 4] = ["duration", "iterations", "stages", "scenarios"];

/// The layers lowest first; the last one is the flags.
pub(super) fn merge(layers: Vec<Map<String, Value>>, found: &mut Findings) -> Map<String, Value> {
    let last = layers.len().saturating_sub(1);
    let mut merged: Map<String, Value> = Map::new();
    for (index, layer) in layers.into_iter().enumerate() {
        let has = |name: &str| layer.get(name).is_some_and(|v| !v.is_null());
        if SHORTCUTS.iter().any(|name| has(name)) {
            for name in SHORTCUTS {
                merged.remove(name);
            }
        } else if index == last && has("vus") && no_shortcut_but_scenarios(&merged) {
            let vus = layer["vus"].clone();
            found.warn(
                "vus",
                format!(
                    "given alone it means {vus} iterations shared by {vus} VUs, in place of the script's scenarios"
                ),
            );
            merged.remove("scenarios");
            merged.insert("iterations".to_owned(), vus);
        }
        let adds_tags = merges_tags(&merged) || merges_tags(&layer);
        for (name, value) in layer {
            if value.is_null() {
                continue;
            }
            // Of a budget each limit is replaced on its own: a flag that lowers one must not lift the others.
            let add = (adds_tags && name == "tags") || name == "budget";
            match (merged.get_mut(&name), value) {
                (Some(Value::Object(below)), Value::Object(above)) if add => below.extend(above),
                (_, value) => {
                    merged.insert(name, value);
                }
            }
        }
    }
    merged
}

fn no_shortcut_but_scenarios(merged: &Map<String, Value>) -> bool {
    !["duration", "iterations", "stages"].iter().any(|name| merged.contains_key(*name))
}

/// k6's feature `merge-run-tags`: tags of a flag are added to the script's instead of replacing them.
fn merges_tags(options: &Map<String, Value>) -> bool {
    let on = json!("merge-run-tags");
    options.get("features").and_then(Value::as_array).is_some_and(|all| all.contains(&on))
}
