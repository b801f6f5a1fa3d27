//! Secrets that are named: `password: ...`, `API_KEY=...`, `Authorization: Bearer ...`. The name stays, its value goes.
//!
//! Code is full of such names (`token = next(tokens)`), so a value must look like a secret: a password has a digit or a symbol, anything
//! else a digit and a letter.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::before;

static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?:(pass(?:word|wd|phrase|code)?|pwd|passwort|kennwort|contraseña|mot de passe|password for [^\s:=]{1,40})|",
        r"(?:api|access|auth|secret|client|private|account|encryption|signing|bearer|session|refresh)?[ _-]?(?:secret|token|credential|api[ _-]?key|access[ _-]?key|secret[ _-]?key|private[ _-]?key|auth[ _-]?key))",
        r#"["'`\\]*\s{0,3}(?:=>|:=|[:=]|\bis\b:?|\bist\b:?|\bes\b:?|\best\b:?)\s{0,3}["'`\\]*"#,
        r#"([^\s"'`,;<>{}()\[\]\\]{6,512})"#
    ))
    .expect("a constant pattern")
});

static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:bearer|basic)\s{1,3}([A-Za-z0-9._~+/=-]{12,})").expect("a constant pattern")
});

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    for captures in NAMED.captures_iter(text) {
        let (Some(value), password) = (captures.get(2), captures.get(1).is_some()) else { continue };
        let mut value = trimmed(text, value.range());
        // A parameter of a URL ends where the next begins.
        let start = captures.get(0).map_or(0, |all| all.start());
        if matches!(before(text, start), Some('?' | '&')) {
            value.end = text[value.clone()].find('&').map_or(value.end, |at| value.start + at);
        }
        let of = &text[value.clone()];
        let (digit, letter) = (of.contains(|c: char| c.is_numeric()), of.contains(char::is_alphabetic));
        let symbol = of.contains(|c: char| "!@#$%^&*?~+".contains(c));
        if !is_placeholder(of) && if password { digit || symbol } else { digit && letter } {
            found.push(value);
        }
    }
    for value in HEADER.captures_iter(text).filter_map(|captures| captures.get(1)) {
        let value = trimmed(text, value.range());
        let of = &text[value.clone()];
        let random = of.bytes().any(|b| b.is_ascii_digit()) || of.bytes().filter(u8::is_ascii_uppercase).count() > 3;
        if of.len() >= 12 && random {
            found.push(value);
        }
    }
}

/// Without the full stop that ends the sentence.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    range.start..range.start + text[range].trim_end_matches(['.', ':', '!', '?']).len()
}

/// What stands in documents and code where a secret would be.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_lowercase();
    let one = value.chars().next();
    value.len() < 6
        || value.chars().all(|c| Some(c) == one || "-_.".contains(c))
        // Paths of programs: `Md4::digest`, `&self.password`.
        || value.split_once("::").is_some_and(|(_, rest)| rest.starts_with(char::is_alphabetic))
        || [
            "$",
            "%",
            "your",
            "my_",
            "my-",
            "<",
            "xxx",
            "***",
            "...",
            "example",
            "process.env", "&self.", "self.", "this.",
            "os.environ",
            "env.",
            "http",
        ]
        .iter()
        .any(|start| lower.starts_with(start))
}
