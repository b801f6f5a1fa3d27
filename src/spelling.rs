//! The known name nearest to a mistyped one, for "did you mean". Called wherever users write names: options, thresholds, flags of
//! scripts, imports. It does not decide what is valid.

/// The known name nearest to `name`, when it is near enough to be a slip: at most a third of its letters differ, three at
/// most. Letter case and separators (`-`, `_`, `/`) do not count.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<Vec<char>>();
    let name = plain(name);
    known
        .into_iter()
        .map(|candidate| (distance(&name, &plain(candidate)), candidate))
        .min()
        .filter(|(far, candidate)| *far <= (candidate.len() / 3).clamp(1, 3))
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_neighbour() {
        let known = ["duration", "iterations", "vus", "thresholds", "gracefulStop", "http_req_duration", "k6/http"];
        assert_eq!(nearest("treshold", known), Some("thresholds"));
        assert_eq!(nearest("VUs", known), Some("vus"));
        assert_eq!(nearest("gracefull_stop", known), Some("gracefulStop"));
        assert_eq!(nearest("http_req_duraton", known), Some("http_req_duration"));
        assert_eq!(nearest("k6/htp", known), Some("k6/http"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("anything", []), None);
    }
}
