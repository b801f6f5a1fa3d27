//! Positions from the text the engine runs back to the text the user wrote.
//!
//! Filled by `typescript`, read when an exception is reported. Pure data; no parsing of source-map files.

/// One mapped position; all numbers are 0-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Line in the generated text.
    pub line: u32,
    /// Column in the generated text.
    pub column: u32,
    /// Line in the original text.
    pub source_line: u32,
    /// Column in the original text.
    pub source_column: u32,
}

/// Sorted mappings of one module.
#[derive(Clone, Debug, Default)]
pub struct LineMap {
    mappings: Vec<Mapping>,
}

impl LineMap {
    /// A map from mappings in any order.
    pub fn new(mut mappings: Vec<Mapping>) -> Self {
        mappings.sort_by_key(|m| (m.line, m.column));
        Self { mappings }
    }

    /// The original position of a generated one, both 1-based: that of the nearest mapping at or before it on its line,
    /// else of the next one, else the position itself.
    pub fn lookup(&self, line: u32, column: u32) -> (u32, u32) {
        let (l, c) = (line.saturating_sub(1), column.saturating_sub(1));
        let after = self.mappings.partition_point(|m| (m.line, m.column) <= (l, c));
        let before = after.checked_sub(1).map(|i| self.mappings[i]).filter(|m| m.line == l);
        match before.or_else(|| self.mappings.get(after).copied()) {
            Some(m) => (m.source_line + 1, m.source_column + 1),
            None => (line, column),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mapping_at_or_before() {
        let map = LineMap::new(vec![
            Mapping { line: 1, column: 4, source_line: 9, source_column: 2 },
            Mapping { line: 0, column: 0, source_line: 3, source_column: 0 },
        ]);
        assert_eq!(map.lookup(1, 1), (4, 1));
        assert_eq!(map.lookup(2, 9), (10, 3));
        assert_eq!(map.lookup(2, 1), (10, 3));
        assert_eq!(map.lookup(7, 7), (7, 7));
    }
}
