//! JSON web tokens: parts in base64url with dots between them, of which the first is a JSON object.

use std::ops::Range;

use data_encoding::BASE64URL_NOPAD;

use super::{after, before, is_word};
use crate::sanitize::pseudonym::Letters;

/// `{"` in base64url; whitespace after the brace is not what libraries write.
const START: &str = "eyJ";

/// Shortest token: a header with an algorithm, an empty object, and the dots.
const SHORTEST: usize = 24;

fn in_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(start) = text[from..].find(START).map(|at| from + at) {
        from = start + START.len();
        if is_word(before(text, start)) {
            continue;
        }
        let mut end = start;
        let mut parts = 0;
        let first = start + text[start..].find(|c| !in_part(c)).unwrap_or(text.len() - start);
        loop {
            let length = text[end..].find(|c| !in_part(c)).unwrap_or(text.len() - end);
            // A part may be empty (a token without a signature), but not the first two.
            if length == 0 && parts < 2 {
                break;
            }
            end += length;
            parts += 1;
            if parts == 5 || after(text, end) != Some('.') || (parts >= 2 && !after(text, end + 1).is_some_and(in_part))
            {
                break;
            }
            end += 1;
        }
        // The dot before an empty signature.
        if parts == 2 && after(text, end) == Some('.') {
            end += 1;
        }
        if parts >= 2 && end - start >= SHORTEST && is_header(text[start..end].split('.').next().unwrap_or_default()) {
            found.push(start..end);
            from = end;
        } else {
            // Not to be looked at again for every `eyJ` in it.
            from = first;
        }
    }
}

/// Whether the first part is the beginning of an object. Cut tokens are found as well.
fn is_header(part: &str) -> bool {
    let whole = part.len() / 4 * 4;
    BASE64URL_NOPAD.decode(&part.as_bytes()[..whole]).is_ok_and(|bytes| bytes.starts_with(b"{\"") && bytes.is_ascii())
}

/// The beginning stays, so that it still looks like one.
pub(super) fn pseudonym(value: &str, letters: &mut Letters<'_>) -> String {
    format!("{START}{}", letters.same_shape(&value[START.len()..]))
}
