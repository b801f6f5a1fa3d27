//! Private keys between `-----BEGIN ... PRIVATE KEY-----` and the line that ends them (PEM, OpenSSH, PGP). One without an end, as a cut
//! log has it, goes to where its letters end. Certificates and public keys are not secret.

use std::ops::Range;

use crate::sanitize::pseudonym::Letters;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// Longest key in bytes whose end is looked for: the largest in use have a tenth of it.
const LONGEST: usize = 1 << 16;

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(begin) = text[from..].find(BEGIN).map(|at| from + at) {
        let label_at = begin + BEGIN.len();
        from = label_at;
        let Some(label) = label(text, label_at) else { continue };
        let body = label_at + label.len() + DASHES.len();
        let end = end_line(text, body)
            .unwrap_or_else(|| body + text[body..].find(|c| !in_body(c)).unwrap_or(text.len() - body));
        found.push(begin..end);
        from = end;
    }
}

/// What stands between the dashes, when it is a private key's.
fn label(text: &str, at: usize) -> Option<&str> {
    let line = &text[at..text.floor_char_boundary(at + 60)];
    line.find(DASHES).map(|length| &line[..length]).filter(|label| label.contains("PRIVATE KEY"))
}

/// Where the line ends that closes the key.
fn end_line(text: &str, body: usize) -> Option<usize> {
    let near = &text[body..text.floor_char_boundary(body.saturating_add(LONGEST))];
    let label_at = body + near.find(END)? + END.len();
    Some(label_at + label(text, label_at)?.len() + DASHES.len())
}

/// Base64, line breaks (also escaped ones), and the headers of encrypted keys.
fn in_body(c: char) -> bool {
    c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "+/=\\-:,".contains(c)
}

/// First and last line stay, so that it is still what it was.
pub(super) fn pseudonym(value: &str, letters: &mut Letters<'_>) -> String {
    let head = value[BEGIN.len()..].find(DASHES).map_or(value.len(), |n| BEGIN.len() + n + DASHES.len());
    let tail = value.rfind(END).unwrap_or(value.len()).max(head);
    // `\n` written as two characters stays one.
    let body = letters
        .same_shape(&value[head..tail].replace("\\n", "\n"))
        .replace('\n', if value.contains("\\n") { "\\n" } else { "\n" });
    format!("{}{body}{}", &value[..head], &value[tail..])
}
