//! One node as the DOM shows it, and how its typed fields are read: links resolved, numbers parsed, enumerations checked.
//!
//! Used by `k6/html` for the objects of `get()` and `each()`. Which field an element has is in `element_fields`.

use std::rc::Rc;

use url::Url;

use super::document::{Kind, NodeId, Page};
use super::selection::{Query, Selection};

/// What a field of an element holds.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// Nothing.
    Undefined,
    /// `null`.
    Null,
    /// A truth.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
    /// A node of the same page.
    Node(NodeId),
    /// Nodes of the same page.
    Nodes(Vec<NodeId>),
}

impl FieldValue {
    pub(crate) fn node(id: Option<NodeId>) -> Self {
        id.map_or(Self::Undefined, Self::Node)
    }

    /// A place in a list; -1 when it is not there.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn place(at: Option<usize>) -> Self {
        Self::Number(at.map_or(-1.0, |at| at as f64))
    }

    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn count(n: usize) -> Self {
        Self::Number(n as f64)
    }
}

/// One node.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its page.
    pub page: Rc<Page>,
    /// Its place there.
    pub id: NodeId,
    /// The URL the page came from; empty when unknown.
    pub url: Rc<str>,
}

impl Element {
    /// The set of this node alone.
    pub fn selection(&self) -> Selection {
        Selection::of(Rc::clone(&self.page), vec![self.id])
    }

    /// The elements below it that match.
    pub fn find(&self, selector: &str) -> Vec<NodeId> {
        self.selection().find(&Query::Selector(selector.to_owned())).nodes().to_vec()
    }

    /// An attribute.
    pub fn attr(&self, name: &str) -> Option<String> {
        self.page.attr(self.id, name)
    }

    pub(crate) fn text_attr(&self, name: &str) -> String {
        self.attr(name).unwrap_or_default()
    }

    pub(crate) fn number_attr(&self, name: &str, default: f64) -> FieldValue {
        let parsed = self.attr(name).and_then(|text| text.trim().parse::<i32>().ok());
        FieldValue::Number(parsed.map_or(default, f64::from))
    }

    /// An attribute as a URL, resolved against the page's when that is known.
    pub(crate) fn url_attr(&self, name: &str, default: &str) -> String {
        match self.attr(name) {
            Some(text) if self.url.is_empty() => text,
            Some(text) => super::resolve(&self.url, &text).unwrap_or_else(|| default.to_owned()),
            None => default.to_owned(),
        }
    }

    /// The target of a link, if it can be read.
    pub(crate) fn href(&self) -> Option<Url> {
        Url::parse(&self.url_attr("href", "")).ok()
    }

    /// One of the known values of an attribute; the first of them when it is something else.
    pub(crate) fn choice_attr(&self, name: &str, known: &[&str]) -> String {
        let value = self.text_attr(name);
        if known.contains(&value.as_str()) { value } else { known.first().copied().unwrap_or_default().to_owned() }
    }

    /// The outermost element of the page.
    fn top(&self) -> Option<NodeId> {
        self.selection().parents(None).nodes().last().copied()
    }

    /// Elements anywhere in the page that match.
    pub(crate) fn in_page(&self, selector: &str) -> Vec<NodeId> {
        let Some(top) = self.top() else { return Vec::new() };
        Selection::of(Rc::clone(&self.page), vec![top]).find(&Query::Selector(selector.to_owned())).nodes().to_vec()
    }

    /// The form around it, or the one its attribute `form` names.
    pub(crate) fn owner_form(&self) -> Option<NodeId> {
        self.above("form").or_else(|| {
            let name = self.attr("form").filter(|name| !name.is_empty())?;
            self.in_page(&format!("form[id={}]", quoted(&name))).first().copied()
        })
    }

    /// Itself or the nearest element above it that matches.
    pub(crate) fn above(&self, selector: &str) -> Option<NodeId> {
        self.selection().closest(&Query::Selector(selector.to_owned())).node()
    }

    /// The labels around it and for its id.
    pub(crate) fn labels(&self) -> FieldValue {
        let mut found: Vec<NodeId> = self.above("label").into_iter().collect();
        if let Some(id) = self.attr("id").filter(|id| !id.is_empty()) {
            for label in self.in_page(&format!("label[for={}]", quoted(&id))) {
                if !found.contains(&label) {
                    found.push(label);
                }
            }
        }
        FieldValue::Nodes(found)
    }

    /// `form...` of a button or input, or else the form's own.
    pub(crate) fn form_attr(&self, name: &str) -> Option<String> {
        self.attr(&format!("form{name}")).or_else(|| self.page.attr(self.owner_form()?, name))
    }

    /// Another node of the same page.
    pub(crate) fn at(&self, id: NodeId) -> Self {
        Self { page: Rc::clone(&self.page), id, url: Rc::clone(&self.url) }
    }

    /// The DOM's number for the kind of node.
    pub fn node_type(&self) -> Option<u8> {
        match self.page.kind(self.id) {
            Kind::Element => Some(1),
            Kind::Text => Some(3),
            Kind::Comment => Some(8),
            Kind::Document => Some(9),
            Kind::Doctype => Some(10),
            Kind::Other => None,
        }
    }

    /// The text of a text node or comment.
    pub fn node_value(&self) -> Option<String> {
        match self.page.kind(self.id) {
            Kind::Text => Some(self.page.text(self.id)),
            Kind::Comment => self.page.comment(self.id),
            _ => None,
        }
    }

    /// The words of `class`.
    pub fn classes(&self) -> Vec<String> {
        self.text_attr("class").split_whitespace().map(str::to_owned).collect()
    }
}

/// A text as a string of a selector.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\a "))
}
