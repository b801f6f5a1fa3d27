//! Finds the files the house rules apply to, and reads Rust just well enough for them: what is code, which rooms it names.

use std::path::{Path, PathBuf};

/// Where rules look, below the root.
const ROOTS: &[&str] = &["src", "tests", "benches", "examples", "js-api"];
const EXTENSIONS: &[&str] = &["rs", "ts", "js", "py", "sh"];
/// Downloaded, generated or recorded: nobody's prose.
const SKIPPED: &[&str] = &["node_modules", "golden", "snapshots", "__pycache__", "vendor"];

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files the rules apply to, relative to the root with forward slashes, sorted.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ROOTS {
        walk(root, &root.join(folder), &mut found);
    }
    found.sort();
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                walk(root, &path, found);
            }
        } else if path.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known)) {
            let relative = path.strip_prefix(root).expect("below the root");
            found.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// The text of a file.
pub(crate) fn read(root: &Path, file: &str) -> String {
    std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The text with the contents of comments, strings and character literals replaced by spaces; lines stay in place.
pub(crate) fn blank_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' if !follows_word(bytes, at) => raw_string_end(bytes, at).unwrap_or(at),
            b'\'' => char_end(bytes, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            at += 1;
            continue;
        }
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8(out).expect("blanking whole literals keeps UTF-8 whole")
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| from + n)
}

fn block_comment_end(bytes: &[u8], from: usize) -> usize {
    let mut depth = 0usize;
    let mut at = from;
    while at < bytes.len() {
        match &bytes[at..(at + 2).min(bytes.len())] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// End of a raw string that starts with the `r` at `from`; None when it is something else.
fn raw_string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let hashes = bytes[from + 1..].iter().take_while(|b| **b == b'#').count();
    let open = from + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let length = bytes[open + 1..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(bytes.len(), |n| open + 1 + n + close.len()))
}

/// End of a character literal; None for a lifetime.
fn char_end(bytes: &[u8], from: usize) -> Option<usize> {
    if bytes.get(from + 1) == Some(&b'\\') {
        let rest = bytes.get(from + 3..)?;
        return rest.iter().take(10).position(|b| *b == b'\'').map(|n| from + 3 + n + 1);
    }
    let first = *bytes.get(from + 1)?;
    let width = match first {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    (bytes.get(from + 1 + width) == Some(&b'\'')).then_some(from + width + 2)
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') && bytes[at - 1] != b'b'
}

/// Every name that blanked code takes from the root of the crate, with its offset: after `crate::`, in the braces of
/// `crate::{...}`, and after as many `super::` as lead to the root. `inside` is the file's path below `src/`.
pub(crate) fn references_to_rooms(code: &str, inside: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let from = at + "crate::".len();
        if code[from..].trim_start().starts_with('{') {
            found.extend(names_in_braces(code, from));
        } else {
            found.push((at, word(&code[from..])));
        }
    }
    let depth = inside.strip_suffix("/mod.rs").unwrap_or(inside).split('/').count();
    let mut at = 0;
    while let Some(start) = code[at..].find("super::").map(|n| at + n) {
        let supers = code[start..].split("super::").skip(1).take_while(|rest| rest.is_empty()).count() + 1;
        at = start + supers * "super::".len();
        if supers >= depth {
            found.push((start, word(&code[at..])));
        }
    }
    found
}

/// The first word of each element directly inside the braces that open after `from`.
fn names_in_braces(code: &str, from: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut depth = 0usize;
    let mut expecting = false;
    for (offset, c) in code[from..].char_indices() {
        match c {
            '{' => {
                depth += 1;
                expecting = depth == 1;
            }
            '}' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            ',' => expecting = depth == 1,
            c if expecting && !c.is_whitespace() => {
                found.push((from + offset, word(&code[from + offset..])));
                expecting = false;
            }
            _ => {}
        }
    }
    found
}

fn word(code: &str) -> String {
    code.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
