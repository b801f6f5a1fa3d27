//! HTML as scripts look at it: a parsed page, sets of its nodes, form values, and what elements know of themselves.
//!
//! Called by `k6/html` and by responses (`html()`, `clickLink()`, `submitForm()`). No JavaScript, no network. The semantics
//! are those of jQuery as k6 has them: a selector that cannot be read matches nothing.

mod data;
mod document;
mod element;
mod element_fields;
mod form;
mod selection;
mod selector;

pub use data::{DataValue, attribute_name, data_value, property_name};
pub use document::{Attribute, Kind, NodeId, Page};
pub use element::{Element, FieldValue};
pub use element_fields::{Field, fields_of};
pub use form::{FormValue, form_values, query_string, value as form_value};
pub use selection::{Query, Selection};

/// A URL found in a page, resolved against the page's own; None when either cannot be read.
pub fn resolve(page_url: &str, reference: &str) -> Option<String> {
    let base = url::Url::parse(page_url).ok()?;
    base.join(reference.trim()).ok().map(String::from)
}
