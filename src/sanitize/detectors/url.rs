//! Secrets in URLs: `user:password@` before the host, and parameters that are keys or signatures. The rest of the URL stays.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Parameters whose values are secrets.
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)[?&;](?:api[-_]?key|key|token|access[-_]?token|auth[-_]?token|id[-_]?token|refresh[-_]?token|sig|signature|password|passwd|pwd|",
        r"secret|client[-_]?secret|code|auth|session|sessionid|sid|x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature)=",
        r#"([^&#\s"'<>]+)"#
    ))
    .expect("a constant pattern")
});

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, marks) in text.match_indices("://") {
        let start = at + marks.len();
        let rest = &text[start..];
        // The last @ of the authority: a password may contain one.
        let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'<>`\\".contains(c)).unwrap_or(rest.len());
        if let Some(at) = rest[..end].rfind('@').filter(|at| *at > 0) {
            found.push(start..start + at);
        }
    }
    if text.contains('=') {
        for captures in PARAMETER.captures_iter(text) {
            if let Some(value) = captures.get(1) {
                // A parameter that is no part of a URL is an assignment, which `secret` judges.
                let word = word_before(text, value.start());
                if word.contains("://") || word.starts_with(['/', '?']) {
                    found.push(value.range());
                }
            }
        }
    }
}

/// Longest URL that is looked back into: every parameter of a text may ask.
const LONGEST: usize = 4096;

/// What stands before this place without a space between.
fn word_before(text: &str, at: usize) -> &str {
    let before = &text[text.ceil_char_boundary(at.saturating_sub(LONGEST))..at];
    let space = memchr::memrchr3(b' ', b'\n', b'\t', before.as_bytes());
    &before[space.map_or(0, |at| at + 1)..]
}
