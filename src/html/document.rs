//! A parsed page: its nodes by number, and what each of them is. The only file that knows the parser.
//!
//! Used by `selection` and its neighbours. Pages are read-only: scripts look at them, nothing changes them.

use std::rc::Rc;

use dom_query::{Document, Matcher, NodeData, NodeRef, Selection as Found};

pub use dom_query::NodeId;

use super::selector::in_css;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The page itself.
    Document,
    /// `<!DOCTYPE ...>`.
    Doctype,
    /// A tag.
    Element,
    /// Text between tags.
    Text,
    /// A comment.
    Comment,
    /// Anything else, such as a processing instruction.
    Other,
}

/// An attribute of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Local name.
    pub name: String,
    /// `svg`, `math`, `xlink` or the like; empty for HTML.
    pub prefix: String,
    /// Value.
    pub value: String,
}

/// A selector, ready to be compared with nodes; one that cannot be read matches nothing.
pub(crate) struct Selector(Option<Matcher>);

impl Selector {
    pub(crate) fn new(text: &str) -> Self {
        Self(in_css(text).and_then(|css| Matcher::new(&css).ok()))
    }
}

/// A parsed page.
pub struct Page {
    document: Document,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

impl Page {
    /// Parses a page as browsers do: there is no text that cannot be read.
    pub fn parse(text: &str) -> Rc<Self> {
        Rc::new(Self { document: Document::from(text) })
    }

    fn node(&self, id: NodeId) -> NodeRef<'_> {
        NodeRef::new(id, &self.document.tree)
    }

    /// The node above `<html>`.
    pub fn root(&self) -> NodeId {
        self.document.root().id
    }

    /// What a node is.
    pub fn kind(&self, id: NodeId) -> Kind {
        self.node(id).query_or(Kind::Other, |node| match node.data {
            NodeData::Document | NodeData::Fragment => Kind::Document,
            NodeData::Doctype { .. } => Kind::Doctype,
            NodeData::Element(_) => Kind::Element,
            NodeData::Text { .. } => Kind::Text,
            NodeData::Comment { .. } => Kind::Comment,
            NodeData::ProcessingInstruction { .. } => Kind::Other,
        })
    }

    pub(crate) fn is_element(&self, id: NodeId) -> bool {
        self.node(id).is_element()
    }

    /// The tag in lower case; `#document`, `#text`, `#comment`; the name of a doctype.
    pub fn name(&self, id: NodeId) -> String {
        self.node(id).query_or(String::new(), |node| match &node.data {
            NodeData::Document | NodeData::Fragment => "#document".to_owned(),
            NodeData::Doctype { name, .. } => name.to_string(),
            NodeData::Element(element) => element.name.local.to_string(),
            NodeData::Text { .. } => "#text".to_owned(),
            NodeData::Comment { .. } => "#comment".to_owned(),
            NodeData::ProcessingInstruction { target, .. } => target.to_string(),
        })
    }

    /// The namespace of an element as a URI; HTML's for everything that is not SVG or MathML.
    pub fn namespace(&self, id: NodeId) -> String {
        const HTML: &str = "http://www.w3.org/1999/xhtml";
        self.node(id).query_or(HTML.to_owned(), |node| match &node.data {
            NodeData::Element(element) => element.name.ns.to_string(),
            _ => HTML.to_owned(),
        })
    }

    /// The text of a comment; None for other nodes.
    pub fn comment(&self, id: NodeId) -> Option<String> {
        self.node(id).query_or(None, |node| match &node.data {
            NodeData::Comment { contents } => Some(contents.to_string()),
            _ => None,
        })
    }

    /// The value of an attribute.
    pub fn attr(&self, id: NodeId, name: &str) -> Option<String> {
        self.node(id).attr(name).map(|value| value.to_string())
    }

    /// All attributes, in the order of the page.
    pub fn attributes(&self, id: NodeId) -> Vec<Attribute> {
        let read = |name: &str, prefix: Option<&str>, value: &str| Attribute {
            name: name.to_owned(),
            prefix: prefix.unwrap_or_default().to_owned(),
            value: value.to_owned(),
        };
        let attrs = self.node(id).attrs();
        attrs.iter().map(|a| read(&a.name.local, a.name.prefix.as_deref(), &a.value)).collect()
    }

    /// The node above.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).parent().map(|node| node.id)
    }

    /// The first node inside.
    pub fn first_child(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).first_child().map(|node| node.id)
    }

    /// The last node inside.
    pub fn last_child(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).last_child().map(|node| node.id)
    }

    /// The node after, of whatever kind.
    pub fn next(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).next_sibling().map(|node| node.id)
    }

    /// The node before, of whatever kind.
    pub fn previous(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).prev_sibling().map(|node| node.id)
    }

    /// All nodes directly inside.
    pub fn children(&self, id: NodeId) -> Vec<NodeId> {
        self.node(id).children_it(false).map(|node| node.id).collect()
    }

    /// The text of a node and of everything inside it.
    pub fn text(&self, id: NodeId) -> String {
        self.node(id).text().to_string()
    }

    /// What is inside a node, as HTML.
    pub fn inner_html(&self, id: NodeId) -> String {
        self.node(id).inner_html().to_string()
    }

    pub(crate) fn matches(&self, id: NodeId, selector: &Selector) -> bool {
        selector.0.as_ref().is_some_and(|matcher| self.node(id).is_match(matcher))
    }

    /// The elements below a node that match, in the order of the page.
    pub(crate) fn find(&self, id: NodeId, selector: &Selector) -> Vec<NodeId> {
        let Some(matcher) = &selector.0 else { return Vec::new() };
        Found::from(self.node(id)).select_matcher(matcher).nodes().iter().map(|node| node.id).collect()
    }

    /// Whether `inner` is strictly below `outer`.
    pub(crate) fn contains(&self, outer: NodeId, inner: NodeId) -> bool {
        let mut at = self.parent(inner);
        while let Some(id) = at {
            if id == outer {
                return true;
            }
            at = self.parent(id);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nodes_say_what_they_are() {
        let page = Page::parse("<!DOCTYPE html><p id=a data-x='1'>one <b>two</b><!--three--></p>");
        let doctype = page.first_child(page.root()).unwrap();
        assert_eq!((page.kind(doctype), page.name(doctype).as_str()), (Kind::Doctype, "html"));
        let p = page.find(page.root(), &Selector::new("p"))[0];
        assert_eq!((page.kind(p), page.name(p).as_str(), page.text(p).as_str()), (Kind::Element, "p", "one two"));
        assert_eq!(page.inner_html(p), "one <b>two</b><!--three-->");
        assert_eq!(page.attr(p, "id").as_deref(), Some("a"));
        assert_eq!(page.attributes(p)[1].name, "data-x");
        let comment = page.last_child(p).unwrap();
        assert_eq!((page.kind(comment), page.comment(comment).as_deref()), (Kind::Comment, Some("three")));
        assert!(page.contains(page.root(), comment) && !page.contains(p, p));
    }

    #[test]
    fn what_cannot_be_read_matches_nothing() {
        let page = Page::parse("<p>");
        for bad in ["[", "p >", "", ":::", "p:nonsense"] {
            assert!(page.find(page.root(), &Selector::new(bad)).is_empty(), "{bad}");
        }
        let deep = format!("{}p{}", ":not(".repeat(100_000), ")".repeat(100_000));
        assert!(page.find(page.root(), &Selector::new(&deep)).is_empty());
    }

    #[test]
    fn deep_pages_are_read() {
        let page = Page::parse(&format!("{}x", "<div>".repeat(20_000)));
        assert_eq!(page.text(page.root()), "x");
        assert!(page.inner_html(page.root()).len() > 100_000);
        assert_eq!(page.find(page.root(), &Selector::new("div div")).len(), 19_999);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(<[a-z]{1,6}[ a-z='\"]{0,9}>|</[a-z]{1,6}>|[a-z &;<>!-]{0,9}){0,20}", css in "[a-z.#:\\[\\]()*>+~='\" ,^$!|-]{0,20}") {
            let page = Page::parse(&text);
            let _ = page.find(page.root(), &Selector::new(&css));
            let _ = page.inner_html(page.root());
        }
    }
}
