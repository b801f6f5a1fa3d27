//! A few lines of source with a caret under the place an error is about. Pure text; used by syntax errors and exceptions.

use std::fmt::Write as _;

/// Longest part of a line that is shown; minified bundles have lines of megabytes.
const WIDTH: usize = 100;

/// The frame for a 1-based line and column, `length` characters wide; empty when the line does not exist.
///
/// ```text
///   6 |   const n = 1;
/// > 7 |   return n.foo.bar;
///     |          ^
/// ```
pub fn code_frame(text: &str, line: u32, column: u32, length: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let at = line as usize;
    if at == 0 || at > lines.len() {
        return String::new();
    }
    let column0 = (column as usize).saturating_sub(1);
    let skip = if column0 > WIDTH * 3 / 4 { column0 - WIDTH / 2 } else { 0 };
    let width = (at + 1).to_string().len();
    let mut out = String::new();
    for n in at.saturating_sub(1).max(1)..=(at + 1).min(lines.len()) {
        let mark = if n == at { '>' } else { ' ' };
        let _ = writeln!(out, "{mark} {n:>width$} | {}", cut(lines[n - 1], skip));
        if n == at {
            let pad: String = cut(lines[n - 1], skip)
                .chars()
                .take(column0 - skip)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let _ = writeln!(out, "  {:width$} | {pad}{}", "", "^".repeat(length.clamp(1, 40)));
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn cut(line: &str, skip: usize) -> String {
    line.chars().skip(skip).take(WIDTH).collect()
}

/// The 1-based line and column (in characters) of a byte offset.
pub fn line_column(text: &str, offset: usize) -> (u32, u32) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// The byte offset of a 1-based line and column (in characters); the end of the line or text when it has no such place.
pub fn offset_of(text: &str, line: u32, column: u32) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
    let rest = text[start..].split('\n').next().unwrap_or("");
    let at = rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(at, _)| at);
    start + at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_the_column() {
        let frame = code_frame("let a = 1;\nlet b = ;\nlet c;\n", 2, 9, 1);
        assert_eq!(frame, "  1 | let a = 1;\n> 2 | let b = ;\n    |         ^\n  3 | let c;");
        assert_eq!(code_frame("x", 5, 1, 1), "");
    }

    #[test]
    fn long_lines_are_cut_around_the_column() {
        let text = format!("{}HERE{}", "a".repeat(5000), "b".repeat(5000));
        let frame = code_frame(&text, 1, 5001, 4);
        assert!(frame.len() < 400 && frame.contains("HERE") && frame.contains("^^^^"), "{frame}");
    }

    #[test]
    fn offsets_to_lines() {
        assert_eq!(line_column("ab\ncd", 4), (2, 2));
        assert_eq!(line_column("é\nx", 99), (2, 2));
        for offset in [0, 2, 3, 5] {
            let (line, column) = line_column("aé\nbc", offset + usize::from(offset == 2));
            assert_eq!(offset_of("aé\nbc", line, column), offset + usize::from(offset == 2));
        }
        assert_eq!((offset_of("ab\nc", 1, 9), offset_of("ab\nc", 9, 9)), (2, 4));
    }
}
