//! Groups and checks of a run as the tree k6 reports: `root -> group -> group -> check`, each with an id that is the MD5
//! of its path. Built by the collector from batches, read by the reports.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use md5::{Digest, Md5};

/// What separates the parts of a path.
pub const SEPARATOR: &str = "::";

/// A group with everything in it, in order of first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name; empty for the root.
    pub name: String,
    /// `::outer::inner`; empty for the root.
    pub path: String,
    /// MD5 of the path, hexadecimal.
    pub id: String,
    /// Groups within.
    pub groups: Vec<Group>,
    /// Checks directly within.
    pub checks: Vec<Check>,
}

/// One check with its counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Path of the group, `::`, name.
    pub path: String,
    /// MD5 of the path, hexadecimal.
    pub id: String,
    /// How often it passed.
    pub passes: u64,
    /// How often it failed.
    pub fails: u64,
}

impl Group {
    fn at(path: &str) -> Self {
        let name = path.rsplit(SEPARATOR).next().unwrap_or_default().to_owned();
        Self { name, path: path.to_owned(), id: id_of(path), ..Self::default() }
    }

    /// Every check of this group and the groups within, outermost first.
    pub fn all_checks(&self) -> Vec<&Check> {
        let mut found: Vec<&Check> = self.checks.iter().collect();
        for group in &self.groups {
            found.extend(group.all_checks());
        }
        found
    }

    /// Whether neither it nor a group within has a check.
    pub fn has_no_checks(&self) -> bool {
        self.checks.is_empty() && self.groups.iter().all(Group::has_no_checks)
    }
}

/// The id k6 gives to a path.
pub fn id_of(path: &str) -> String {
    HEXLOWER.encode(&Md5::digest(path.as_bytes()))
}

/// Counts checks; a flat list with an index, because most batches hit a check that is known.
#[derive(Debug)]
pub struct CheckTree {
    groups: Vec<FlatGroup>,
    group_at: HashMap<Arc<str>, usize>,
}

#[derive(Debug)]
struct FlatGroup {
    path: Arc<str>,
    children: Vec<usize>,
    checks: Vec<Check>,
    check_at: HashMap<Arc<str>, usize>,
}

impl Default for CheckTree {
    fn default() -> Self {
        let mut tree = Self { groups: Vec::new(), group_at: HashMap::new() };
        tree.insert("".into());
        tree
    }
}

impl CheckTree {
    /// Counts one result of a check; the group's path is empty at the root.
    pub fn check(&mut self, group: &Arc<str>, name: &Arc<str>, passed: bool) {
        let at = self.group(group);
        let group = &mut self.groups[at];
        let at = match group.check_at.get(name) {
            Some(at) => *at,
            None => {
                let path = format!("{}{SEPARATOR}{name}", group.path);
                let id = id_of(&path);
                group.checks.push(Check { name: name.to_string(), path, id, passes: 0, fails: 0 });
                group.check_at.insert(Arc::clone(name), group.checks.len() - 1);
                group.checks.len() - 1
            }
        };
        if passed {
            group.checks[at].passes += 1;
        } else {
            group.checks[at].fails += 1;
        }
    }

    /// Makes sure that a group and those around it are known.
    pub fn group(&mut self, path: &Arc<str>) -> usize {
        if let Some(at) = self.group_at.get(path) {
            return *at;
        }
        let parent: Arc<str> = path.rfind(SEPARATOR).map_or("", |at| &path[..at]).into();
        let parent = self.group(&parent);
        let at = self.insert(Arc::clone(path));
        self.groups[parent].children.push(at);
        at
    }

    fn insert(&mut self, path: Arc<str>) -> usize {
        let group =
            FlatGroup { path: Arc::clone(&path), children: Vec::new(), checks: Vec::new(), check_at: HashMap::new() };
        self.groups.push(group);
        self.group_at.insert(path, self.groups.len() - 1);
        self.groups.len() - 1
    }

    /// The tree, from its root.
    pub fn root(&self) -> Group {
        self.nested(0)
    }

    fn nested(&self, at: usize) -> Group {
        let flat = &self.groups[at];
        let mut group = Group::at(&flat.path);
        group.groups = flat.children.iter().map(|child| self.nested(*child)).collect();
        group.checks.clone_from(&flat.checks);
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_ids_are_k6s() {
        let mut tree = CheckTree::default();
        tree.check(&"::outer::inner".into(), &"is ok".into(), true);
        tree.check(&"::outer::inner".into(), &"is ok".into(), false);
        tree.check(&"".into(), &"at the root".into(), true);
        tree.group(&"::other".into());
        let root = tree.root();
        assert_eq!(root.id, "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(root.checks[0].path, "::at the root");
        assert_eq!(root.groups.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(), ["outer", "other"]);
        let inner = &root.groups[0].groups[0];
        assert_eq!((inner.name.as_str(), inner.path.as_str()), ("inner", "::outer::inner"));
        assert_eq!((inner.checks[0].passes, inner.checks[0].fails), (1, 1));
        assert_eq!(inner.checks[0].path, "::outer::inner::is ok");
        assert_eq!(root.all_checks().len(), 2);
        assert!(root.groups[1].has_no_checks() && !root.has_no_checks());
    }

    #[test]
    fn a_path_without_the_leading_separator_does_not_recurse_for_ever() {
        let mut tree = CheckTree::default();
        tree.check(&"odd".into(), &"c".into(), true);
        assert_eq!(tree.root().groups[0].name, "odd");
    }
}
