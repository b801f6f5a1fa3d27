//! From the selectors people write for jQuery and k6 to CSS: `:input`, `[name!=value]`, and a limit on nesting.
//!
//! Called by `document` before a selector is parsed. Pure.

/// Deepest nesting of brackets; the parser of selectors recurses.
const MAX_NESTING: usize = 50;

/// The selector in CSS; None when it is nested too deeply.
pub(crate) fn in_css(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut quote, mut depth) = (None, 0usize);
    let mut attribute = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match (quote, c) {
            (Some(_), '\\') => {
                out.push(c);
                rest = after;
                if let Some(next) = rest.chars().next() {
                    out.push(next);
                    rest = &rest[next.len_utf8()..];
                }
                continue;
            }
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[') => {
                depth += 1;
                if depth > MAX_NESTING {
                    return None;
                }
                if c == '[' {
                    attribute = Some(out.len());
                }
            }
            (None, ')' | ']') => {
                depth = depth.saturating_sub(1);
                if c == ']'
                    && let Some(start) = attribute.take()
                    && let Some((name, value)) = out[start..].split_once("!=")
                    && name[1..].trim().chars().all(is_name)
                {
                    // `[a!=b]` also takes what has no `a`.
                    let negated = format!(":not({name}={value}])");
                    out.truncate(start);
                    out.push_str(&negated);
                    rest = after;
                    continue;
                }
            }
            (None, ':') if after.starts_with("input") && !after[5..].starts_with(is_name) => {
                out.push_str(":is(input, select, textarea, button)");
                rest = &after[5..];
                continue;
            }
            (None, _) => {}
        }
        out.push(c);
        rest = after;
    }
    Some(out)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jquery_becomes_css() {
        for (given, css) in [
            ("form input[type=\"text\"]", "form input[type=\"text\"]"),
            ("a[href!='/x'], b", "a:not([href='/x']), b"),
            ("form :input", "form :is(input, select, textarea, button)"),
            (":input-x", ":input-x"),
            ("a[title='x != :input ]']", "a[title='x != :input ]']"),
            ("a[title=\"\\\"!=\"]", "a[title=\"\\\"!=\"]"),
        ] {
            assert_eq!(in_css(given).as_deref(), Some(css), "{given}");
        }
        assert_eq!(in_css(&"(".repeat(51)), None);
    }
}
