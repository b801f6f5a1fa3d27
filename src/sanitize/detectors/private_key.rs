//! Private keys between `-----BEGIN ... PRIVATE KEY-----` and the line that ends them (PEM, OpenSSH, PGP). One without an end, as a cut
//! log has it, goes to where its letters end. Certificates and public keys are not secret.

use std::ops::Range;

use crate::sanitize::pseudonym::Letters;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(begin) = text[from..].find(BEGIN).map(|at| from + at) {
        let label_at = begin + BEGIN.len();
        from = label_at;
        let Some(label_length) = text[label_at..].find(DASHES).filter(|n| *n < 60) else { continue };
        let label = &text[label_at..label_at + label_length];
        if !label.contains("PRIVATE KEY") {
            continue;
        }
        let body = label_at + label_length + DASHES.len();
        let end = match text[body..].find("-----END ").map(|at| body + at) {
            Some(last) => {
                let rest = &text[last + 9..];
                last + 9 + rest.find(DASHES).map_or(0, |n| n + DASHES.len())
            }
            None => body + text[body..].find(|c| !in_body(c)).unwrap_or(text.len() - body),
        };
        found.push(begin..end);
        from = end;
    }
}

/// Base64, line breaks (also escaped ones), and the headers of encrypted keys.
fn in_body(c: char) -> bool {
    c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "+/=\\-:,".contains(c)
}

/// First and last line stay, so that it is still what it was.
pub(super) fn pseudonym(value: &str, letters: &mut Letters<'_>) -> String {
    let head = value[BEGIN.len()..].find(DASHES).map_or(value.len(), |n| BEGIN.len() + n + DASHES.len());
    let tail = value.rfind("-----END ").unwrap_or(value.len()).max(head);
    // `\n` written as two characters stays one.
    let body = letters
        .same_shape(&value[head..tail].replace("\\n", "\n"))
        .replace('\n', if value.contains("\\n") { "\\n" } else { "\n" });
    format!("{}{body}{}", &value[..head], &value[tail..])
}
