//! The known name nearest to a mistyped one, for "did you mean". Called by the validation of thresholds.

/// The candidate that differs from `word` in the fewest letters, when few enough for a typing error (a third of its
/// length, at least 1).
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates.into_iter().map(|c| (distance(word, c), c)).filter(|(d, _)| *d <= limit).min().map(|(_, c)| c)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_recognised() {
        let known = ["http_req_duration", "http_reqs", "ai_ttft"];
        assert_eq!(nearest("http_req_duraton", known), Some("http_req_duration"));
        assert_eq!(nearest("ai_tft", known), Some("ai_ttft"));
        assert_eq!(nearest("something_else", known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
