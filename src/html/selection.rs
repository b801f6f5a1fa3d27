//! A set of nodes of one page, and the ways from one set to the next.
//!
//! Used by `k6/html`. Nodes are in the order they were found, each once; the previous set is kept for `end()`.

use std::collections::HashSet;
use std::rc::Rc;

use super::document::{NodeId, Page, Selector};
use super::form::value_or_html;

/// What nodes are compared with.
#[derive(Clone, Debug)]
pub enum Query {
    /// A CSS selector.
    Selector(String),
    /// Nodes of the same page.
    Nodes(Vec<NodeId>),
}

/// A query, ready to be asked.
enum Test {
    Selector(Selector),
    Nodes(HashSet<NodeId>),
}

impl Test {
    fn new(query: &Query) -> Self {
        match query {
            Query::Selector(text) => Self::Selector(Selector::new(text)),
            Query::Nodes(nodes) => Self::Nodes(nodes.iter().copied().collect()),
        }
    }

    fn accepts(&self, page: &Page, id: NodeId) -> bool {
        match self {
            Self::Selector(selector) => page.matches(id, selector),
            Self::Nodes(nodes) => nodes.contains(&id),
        }
    }
}

/// A set of nodes.
#[derive(Clone, Debug)]
pub struct Selection {
    page: Rc<Page>,
    nodes: Vec<NodeId>,
    previous: Option<Rc<Selection>>,
}

impl Drop for Selection {
    /// A long chain of sets must not be dropped one inside the other.
    fn drop(&mut self) {
        let mut previous = self.previous.take();
        while let Some(mut last) = previous.and_then(|rc| Rc::try_unwrap(rc).ok()) {
            previous = last.previous.take();
        }
    }
}

impl Selection {
    /// The page as a whole.
    pub fn page(page: Rc<Page>) -> Self {
        let nodes = vec![page.root()];
        Self { page, nodes, previous: None }
    }

    /// These nodes of a page.
    pub fn of(page: Rc<Page>, nodes: Vec<NodeId>) -> Self {
        Self { page, nodes, previous: None }
    }

    /// The page the nodes belong to.
    pub fn document(&self) -> &Rc<Page> {
        &self.page
    }

    /// The nodes.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// The first node.
    pub fn node(&self) -> Option<NodeId> {
        self.nodes.first().copied()
    }

    fn to(&self, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let mut seen = HashSet::new();
        let nodes = nodes.into_iter().filter(|id| seen.insert(*id)).collect();
        Self { page: Rc::clone(&self.page), nodes, previous: Some(Rc::new(self.clone())) }
    }

    /// From each node to others; those that pass the filter, each once.
    fn walk(&self, filter: Option<&str>, step: impl Fn(&Page, NodeId) -> Vec<NodeId>) -> Self {
        let selector = filter.map(Selector::new);
        let found = self.nodes.iter().flat_map(|id| step(&self.page, *id));
        self.to(found.filter(|id| selector.as_ref().is_none_or(|s| self.page.matches(*id, s))))
    }

    /// The nodes for which the function holds.
    fn keep(&self, holds: impl Fn(NodeId) -> bool) -> Self {
        self.to(self.nodes.iter().copied().filter(|id| holds(*id)))
    }

    /// As jQuery's `find`: elements below the nodes.
    pub fn find(&self, query: &Query) -> Self {
        match query {
            Query::Selector(text) => {
                let selector = Selector::new(text);
                self.to(self.nodes.iter().flat_map(|id| self.page.find(*id, &selector)))
            }
            Query::Nodes(nodes) => self.to(nodes.iter().copied().filter(|id| self.contains_node(*id))),
        }
    }

    fn contains_node(&self, id: NodeId) -> bool {
        self.nodes.iter().any(|outer| self.page.contains(*outer, id))
    }

    /// The nodes of this set, then those of the page that match.
    pub fn add(&self, query: &Query) -> Self {
        let more = match query {
            Query::Selector(text) => self.page.find(self.page.root(), &Selector::new(text)),
            Query::Nodes(nodes) => nodes.clone(),
        };
        self.to(self.nodes.iter().copied().chain(more))
    }

    /// For each node itself or the nearest one above it that matches.
    pub fn closest(&self, query: &Query) -> Self {
        let test = Test::new(query);
        self.walk(None, |page, id| {
            let mut at = Some(id);
            while let Some(id) = at {
                if test.accepts(page, id) {
                    return vec![id];
                }
                at = page.parent(id);
            }
            Vec::new()
        })
    }

    /// The nodes with something below them that matches.
    pub fn has(&self, query: &Query) -> Self {
        match query {
            Query::Selector(text) => {
                let selector = Selector::new(text);
                self.keep(|id| !self.page.find(id, &selector).is_empty())
            }
            Query::Nodes(nodes) => self.keep(|id| nodes.iter().any(|inner| self.page.contains(id, *inner))),
        }
    }

    /// The nodes that match.
    pub fn filter(&self, query: &Query) -> Self {
        let test = Test::new(query);
        self.keep(|id| test.accepts(&self.page, id))
    }

    /// The nodes that do not match.
    pub fn not(&self, query: &Query) -> Self {
        let test = Test::new(query);
        self.keep(|id| !test.accepts(&self.page, id))
    }

    /// The nodes whose flag is set; for filters that are functions of the script.
    pub fn filter_flags(&self, flags: &[bool]) -> Self {
        self.to(self.nodes.iter().zip(flags).filter(|(_, keep)| **keep).map(|(id, _)| *id))
    }

    /// Whether any node matches.
    pub fn is(&self, query: &Query) -> bool {
        let test = Test::new(query);
        self.nodes.iter().any(|id| test.accepts(&self.page, *id))
    }

    /// The element after each node.
    pub fn next(&self, filter: Option<&str>) -> Self {
        self.walk(filter, |page, id| siblings(page, id, Page::next).take(1).collect())
    }

    /// All elements after each node.
    pub fn next_all(&self, filter: Option<&str>) -> Self {
        self.walk(filter, |page, id| siblings(page, id, Page::next).collect())
    }

    /// The element before each node.
    pub fn prev(&self, filter: Option<&str>) -> Self {
        self.walk(filter, |page, id| siblings(page, id, Page::previous).take(1).collect())
    }

    /// All elements before each node, the nearest first.
    pub fn prev_all(&self, filter: Option<&str>) -> Self {
        self.walk(filter, |page, id| siblings(page, id, Page::previous).collect())
    }

    /// The elements beside each node.
    pub fn siblings(&self, filter: Option<&str>) -> Self {
        self.walk(filter, |page, id| {
            let all = page.parent(id).map(|parent| page.children(parent)).unwrap_or_default();
            all.into_iter().filter(|other| *other != id && page.is_element(*other)).collect()
        })
    }

    /// The element above each node.
    pub fn parent(&self, filter: Option<&str>) -> Self {
        self.walk(filter, |page, id| parents(page, id).take(1).collect())
    }

    /// All elements above each node, the nearest first.
    pub fn parents(&self, filter: Option<&str>) -> Self {
        self.walk(filter, |page, id| parents(page, id).collect())
    }

    /// The elements directly inside each node.
    pub fn children(&self, filter: Option<&str>) -> Self {
        self.walk(filter, |page, id| page.children(id).into_iter().filter(|c| page.is_element(*c)).collect())
    }

    /// All nodes directly inside each node, text and comments too.
    pub fn contents(&self) -> Self {
        self.walk(None, Page::children)
    }

    /// As [`Selection::next_all`], up to the first that matches `until`.
    pub fn next_until(&self, until: Option<&Query>, filter: Option<&str>) -> Self {
        self.until(until, filter, |page, id| siblings(page, id, Page::next).collect())
    }

    /// As [`Selection::prev_all`], up to the first that matches `until`.
    pub fn prev_until(&self, until: Option<&Query>, filter: Option<&str>) -> Self {
        self.until(until, filter, |page, id| siblings(page, id, Page::previous).collect())
    }

    /// As [`Selection::parents`], up to the first that matches `until`.
    pub fn parents_until(&self, until: Option<&Query>, filter: Option<&str>) -> Self {
        self.until(until, filter, |page, id| parents(page, id).collect())
    }

    fn until(&self, until: Option<&Query>, filter: Option<&str>, step: impl Fn(&Page, NodeId) -> Vec<NodeId>) -> Self {
        let test = until.map(Test::new);
        self.walk(filter, |page, id| {
            step(page, id).into_iter().take_while(|id| test.as_ref().is_none_or(|t| !t.accepts(page, *id))).collect()
        })
    }

    /// The node at a place; from the end when negative.
    pub fn eq(&self, at: i64) -> Self {
        let len = i64::try_from(self.nodes.len()).unwrap_or(i64::MAX);
        let at = if at < 0 { at.saturating_add(len) } else { at };
        self.to(usize::try_from(at).ok().and_then(|at| self.nodes.get(at)).copied())
    }

    /// The nodes from a place up to another; places count from the end when negative.
    pub fn slice(&self, start: i64, end: Option<i64>) -> Self {
        let len = i64::try_from(self.nodes.len()).unwrap_or(i64::MAX);
        let place = |at: i64| {
            let at = if at < 0 { at.saturating_add(len) } else { at };
            usize::try_from(at.clamp(0, len)).unwrap_or(0)
        };
        let (start, end) = (place(start), place(end.unwrap_or(len)));
        self.to(self.nodes.get(start..end).unwrap_or_default().iter().copied())
    }

    /// The set this one was made from; empty for the first.
    pub fn end(&self) -> Self {
        match &self.previous {
            Some(previous) => Self::clone(previous),
            None => Self::of(Rc::clone(&self.page), Vec::new()),
        }
    }

    /// The place of the first node among the elements beside it; None for an empty set.
    pub fn place(&self) -> Option<usize> {
        self.node().map(|id| siblings(&self.page, id, Page::previous).count())
    }

    /// The place of a node in this set.
    pub fn place_of(&self, id: NodeId) -> Option<usize> {
        self.nodes.iter().position(|known| *known == id)
    }

    /// The text of all nodes.
    pub fn text(&self) -> String {
        self.nodes.iter().map(|id| self.page.text(*id)).collect()
    }

    /// What is inside the first node, as HTML; empty for an empty set.
    pub fn html(&self) -> String {
        self.node().map(|id| self.page.inner_html(id)).unwrap_or_default()
    }

    /// An attribute of the first node.
    pub fn attr(&self, name: &str) -> Option<String> {
        self.node().and_then(|id| self.page.attr(id, name))
    }

    /// `value`, or else what is inside.
    pub(crate) fn value_or_html(&self) -> String {
        self.node().map(|id| value_or_html(&self.page, id)).unwrap_or_default()
    }
}

fn siblings<'a>(
    page: &'a Page,
    id: NodeId,
    step: fn(&Page, NodeId) -> Option<NodeId>,
) -> impl Iterator<Item = NodeId> + 'a {
    std::iter::successors(step(page, id), move |id| step(page, *id)).filter(|id| page.is_element(*id))
}

fn parents(page: &Page, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    std::iter::successors(page.parent(id), |id| page.parent(*id)).filter(|id| page.is_element(*id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "<ul id=l><li id=a>1<li id=b class=x>2<li id=c>3<li id=d class=x>4</ul><p id=p>t<b id=bold>u</b></p>";

    fn page() -> Selection {
        Selection::page(Page::parse(PAGE))
    }

    fn css(text: &str) -> Query {
        Query::Selector(text.to_owned())
    }

    fn ids(selection: &Selection) -> String {
        let ids = selection.nodes().iter().map(|id| selection.document().attr(*id, "id").unwrap_or_else(|| "-".into()));
        ids.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn sets_are_walked() {
        let doc = page();
        let b = doc.find(&css("#b"));
        for (found, expected) in [
            (doc.find(&css("li")), "a b c d"),
            (b.next(None), "c"),
            (b.next_all(None), "c d"),
            (b.next_all(Some(".x")), "d"),
            (doc.find(&css("#d")).prev_all(None), "c b a"),
            (b.siblings(None), "a c d"),
            (b.parent(None), "l"),
            (b.parents(None), "l - -"),
            (b.parents_until(Some(&css("body")), None), "l"),
            (b.next_until(Some(&css("#d")), None), "c"),
            (b.closest(&css("ul")), "l"),
            (b.closest(&css("li")), "b"),
            (doc.find(&css("body > *")).has(&css("b")), "p"),
            (doc.find(&css("li")).not(&css(".x")), "a c"),
            (doc.find(&css("li")).filter(&css(".x")), "b d"),
            (doc.find(&css("li")).eq(-1), "d"),
            (doc.find(&css("li")).eq(9), ""),
            (doc.find(&css("li")).slice(1, Some(-1)), "b c"),
            (doc.find(&css("li")).slice(2, Some(99)), "c d"),
            (doc.find(&css("li")).slice(3, Some(1)), ""),
            (b.add(&css("#p")), "b p"),
            (b.next(None).end(), "b"),
            (doc.end(), ""),
            (doc.find(&css("#l, #b")).children(None), "a b c d"),
            (doc.find(&css("#p")).find(&Query::Nodes(doc.find(&css("b, li")).nodes().to_vec())), "bold"),
        ] {
            assert_eq!(ids(&found), expected);
        }
        assert!(b.is(&css("li.x")) && !b.is(&css("p")));
        assert_eq!((b.place(), doc.find(&css("li")).place_of(b.node().unwrap())), (Some(1), Some(1)));
        assert_eq!(
            (doc.find(&css("li")).text().as_str(), doc.find(&css("#p")).html().as_str()),
            ("1234", "t<b id=\"bold\">u</b>")
        );
        assert_eq!(doc.find(&css("#p")).contents().nodes().len(), 2);
    }

    #[test]
    fn a_long_chain_of_sets_ends_well() {
        let mut at = page();
        for _ in 0..200_000 {
            at = at.eq(0);
        }
        drop(at);
    }
}
