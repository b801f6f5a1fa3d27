//! JSON lines: one value per line. Blank lines are nothing, so that a file may end as it likes.

use super::judge::Judge;
use super::{BLANKS, FileProblems};

/// Where the rows begin; `problems` is still empty.
///
/// # Errors
/// Every row that is broken or lacks what is asked for, with its line.
pub(super) fn index(text: &str, judge: &mut Judge, mut problems: FileProblems) -> Result<Vec<u64>, FileProblems> {
    let mut starts = Vec::new();
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let start = at;
        at += line.len();
        let row = line.trim_matches(BLANKS);
        if row.is_empty() {
            continue;
        }
        // What stands before the row on its line counts for columns.
        let indent = line.len() - line.trim_start_matches(BLANKS).len();
        match judge.json(row) {
            Ok(true) => starts.push(start as u64),
            Ok(false) => {}
            Err(problem) => {
                problems.add(number + 1, problem.place.map(|(_, column)| column + indent), problem.what);
            }
        }
    }
    if problems.is_empty() { Ok(starts) } else { Err(problems) }
}
