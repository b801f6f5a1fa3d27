//! The grammar of thresholds, as text only: conditions such as `p(95) < 500` and selectors such as
//! `http_req_duration{name:login}`. Called by `threshold`, which checks what is parsed against the registry.
//!
//! ```text
//! condition := figure ws* operator ws* number
//! figure    := count | rate | value | avg | min | max | med | p(N)       0 <= N <= 100
//! operator  := <= < >= > === == !=
//! selector  := metric [ '{' key ':' value { ',' key ':' value } '}' ]     a value may contain ':'
//! ```

use std::fmt;

use super::sink::Aggregation;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong and what is expected.
    pub message: String,
    /// Where, in characters from the start of the text.
    pub at: usize,
}

impl SyntaxError {
    fn new(text: &str, byte: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at: text[..byte].chars().count() }
    }
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<=`
    LessOrEqual,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
    /// `==` or `===`
    Equal,
    /// `!=`
    NotEqual,
}

impl Operator {
    /// In order of search: a longer one before its own beginning.
    const ALL: [(&'static str, Operator); 7] = [
        ("<=", Self::LessOrEqual),
        ("<", Self::Less),
        (">=", Self::GreaterOrEqual),
        (">", Self::Greater),
        ("===", Self::Equal),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
    ];

    /// Applies it. Equality is that of floating-point numbers, as in k6.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::LessOrEqual => left <= right,
            Self::Less => left < right,
            Self::GreaterOrEqual => left >= right,
            Self::Greater => left > right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Self::ALL.iter().rfind(|(_, op)| op == self).map_or("?", |(text, _)| text);
        f.write_str(text)
    }
}

/// A parsed condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// The figure of the metric.
    pub aggregation: Aggregation,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub bound: f64,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.aggregation, self.operator, self.bound)
    }
}

/// Parses a condition.
///
/// # Errors
/// The first thing that does not fit the grammar.
pub fn parse_condition(text: &str) -> Result<Condition, SyntaxError> {
    let mut at = skip_blanks(text, 0);
    let (aggregation, after) = parse_figure(text, at)?;
    at = skip_blanks(text, after);
    let Some((symbol, operator)) = Operator::ALL.iter().find(|(symbol, _)| text[at..].starts_with(symbol)) else {
        let found = if at == text.len() { "the end".to_owned() } else { format!("'{}'", rest_char(text, at)) };
        let message = format!("expected one of <, <=, >, >=, ==, ===, != but found {found}");
        return Err(SyntaxError::new(text, at, message));
    };
    at = skip_blanks(text, at + symbol.len());
    let number = text[at..].trim_end();
    let bound = number.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(|| {
        let found = if number.is_empty() { "nothing".to_owned() } else { format!("'{number}'") };
        let message =
            format!("expected a number after '{symbol}' but found {found}; units are not written (times are ms)");
        SyntaxError::new(text, at, message)
    })?;
    Ok(Condition { aggregation, operator: *operator, bound })
}

/// Reads the figure at `at`; returns it with the position after it.
fn parse_figure(text: &str, at: usize) -> Result<(Aggregation, usize), SyntaxError> {
    let length = text[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len() - at);
    let name = &text[at..at + length];
    let end = at + length;
    let plain = match name {
        "count" => Aggregation::Count,
        "rate" => Aggregation::Rate,
        "value" => Aggregation::Value,
        "avg" => Aggregation::Avg,
        "min" => Aggregation::Min,
        "max" => Aggregation::Max,
        "med" => Aggregation::Med,
        "p" if text[end..].starts_with('(') => return parse_percentile(text, end),
        "p" => return Err(SyntaxError::new(text, end, "expected '(' as in p(95)")),
        _ => {
            let found = if name.is_empty() { "nothing".to_owned() } else { format!("'{name}'") };
            let message = format!("expected count, rate, value, avg, min, max, med or p(N) but found {found}");
            return Err(SyntaxError::new(text, at, message));
        }
    };
    Ok((plain, end))
}

/// Reads `(N)` at `open`.
fn parse_percentile(text: &str, open: usize) -> Result<(Aggregation, usize), SyntaxError> {
    let start = open + 1;
    let number_end = text[start..]
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ' ' | '+' | '-'))
        .map_or(text.len(), |n| start + n);
    if !text[number_end..].starts_with(')') {
        return Err(SyntaxError::new(text, number_end, "expected ')' after the percentile"));
    }
    let percentile = text[start..number_end].trim().parse::<f64>().ok().filter(|p| (0.0..=100.0).contains(p));
    let percentile =
        percentile.ok_or_else(|| SyntaxError::new(text, start, "a percentile is a number from 0 to 100"))?;
    Ok((Aggregation::Percentile(percentile), number_end + 1))
}

fn skip_blanks(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

fn rest_char(text: &str, at: usize) -> char {
    text[at..].chars().next().unwrap_or(' ')
}

/// A parsed selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The metric's name.
    pub metric: String,
    /// The text between the braces, blanks at its ends removed; empty for the metric itself.
    pub suffix: String,
    /// The tags a sample must have.
    pub tags: Vec<(String, String)>,
}

/// Parses a selector. Blanks around keys and values, and quotes around them, are dropped.
///
/// # Errors
/// The first thing that does not fit the grammar.
pub fn parse_selector(text: &str) -> Result<Selector, SyntaxError> {
    let Some(open) = text.find('{') else {
        let metric = text.trim();
        if metric.is_empty() {
            return Err(SyntaxError::new(text, 0, "expected the name of a metric"));
        }
        if let Some(at) = text.find('}') {
            return Err(SyntaxError::new(text, at, "'}' without '{'"));
        }
        return Ok(Selector { metric: metric.to_owned(), suffix: String::new(), tags: Vec::new() });
    };
    let metric = text[..open].trim();
    if metric.is_empty() {
        return Err(SyntaxError::new(text, open, "expected the name of a metric before '{'"));
    }
    let body_end = text.trim_end().len();
    if !text[..body_end].ends_with('}') || body_end <= open + 1 {
        return Err(SyntaxError::new(text, body_end, "expected '}' at the end"));
    }
    let body = &text[open + 1..body_end - 1];
    let mut tags = Vec::new();
    let mut at = open + 1;
    for part in body.split(',') {
        let Some((key, value)) = part.split_once(':') else {
            let message = format!("expected 'tag:value' but found '{}'", part.trim());
            return Err(SyntaxError::new(text, skip_blanks(text, at).min(body_end - 1), message));
        };
        let (key, value) = (unquote(key), unquote(value));
        if key.is_empty() || value.is_empty() {
            let what = if key.is_empty() { "a tag name before ':'" } else { "a value after ':'" };
            return Err(SyntaxError::new(text, at, format!("expected {what}")));
        }
        tags.push((key.to_owned(), value.to_owned()));
        at += part.len() + 1;
    }
    Ok(Selector { metric: metric.to_owned(), suffix: body.trim().to_owned(), tags })
}

/// Drops blanks, then one pair of quotes.
fn unquote(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn conditions_of_every_shape() {
        let parse = |t: &str| parse_condition(t).map(|c| c.to_string());
        assert_eq!(parse("p(95)<500").unwrap(), "p(95) < 500");
        assert_eq!(parse(" p( 99.9 ) <= 1e3 ").unwrap(), "p(99.9) <= 1000");
        assert_eq!(parse("rate===1").unwrap(), "rate == 1");
        assert_eq!(parse("count != 0").unwrap(), "count != 0");
        assert_eq!(parse("value>-.5").unwrap(), "value > -0.5");
        assert_eq!(parse("med>=+7").unwrap(), "med >= 7");
    }

    #[test]
    fn errors_point_at_the_place() {
        let at = |t: &str| parse_condition(t).map_err(|e| (e.at, e.message)).unwrap_err();
        assert_eq!(at("p(95<500"), (4, "expected ')' after the percentile".into()));
        assert_eq!(at("p(101)<5").0, 2);
        assert_eq!(at("p95<5").0, 0);
        assert_eq!(at("").0, 0);
        assert_eq!(at("avg 5").0, 4);
        assert_eq!(at("avg<").0, 4);
        let (place, message) = at("avg<500ms");
        assert_eq!(place, 4);
        assert!(message.contains("'500ms'") && message.contains("units"), "{message}");
        assert_eq!(at("rate<inf").0, 5);
        assert_eq!(at("mean<5").1, "expected count, rate, value, avg, min, max, med or p(N) but found 'mean'");
    }

    #[test]
    fn selectors() {
        let s = parse_selector("http_req_duration{ name : http://x/y , status:200}").unwrap();
        assert_eq!(s.metric, "http_req_duration");
        assert_eq!(s.tags, [("name".into(), "http://x/y".into()), ("status".into(), "200".into())]);
        assert_eq!(s.suffix, "name : http://x/y , status:200");
        assert_eq!(parse_selector("checks").unwrap().tags, []);
        assert_eq!(parse_selector("m{a:\"b c\"}").unwrap().tags, [("a".into(), "b c".into())]);
        for (text, at) in
            [("m{a}", 2), ("m{a:b", 5), ("m{", 2), ("m{}", 2), ("{a:b}", 0), ("m{a:}", 2), ("m}", 1), ("", 0)]
        {
            assert_eq!(parse_selector(text).unwrap_err().at, at, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_at_a_place_within_it(text in "\\PC{0,40}") {
            for error in [parse_condition(&text).err(), parse_selector(&text).err()].into_iter().flatten() {
                prop_assert!(error.at <= text.chars().count());
            }
        }

        #[test]
        fn near_misses_do_not_panic(text in "[a-z(){}<>=!:,. 0-9é-]{0,24}") {
            let _ = (parse_condition(&text), parse_selector(&text));
        }

        #[test]
        fn printing_and_parsing_agree(p in 0.0..=100.0f64, bound in -1e9..1e9f64, which in 0..7usize) {
            let (symbol, operator) = Operator::ALL[which];
            let parsed = parse_condition(&format!("p({p}){symbol}{bound}")).unwrap();
            prop_assert_eq!(parsed, Condition { aggregation: Aggregation::Percentile(p), operator, bound });
            prop_assert_eq!(parse_condition(&parsed.to_string()).unwrap(), parsed);
        }
    }
}
