//! Tokens without a vocabulary: counted by what kind of characters a text has. Always labelled an estimate.
//!
//! The weights lie between OpenAI's two vocabularies, whose counts of the same text differ by up to four times outside
//! Europe. Measured on the corpus of `tests/tokens` (languages of 30 scripts, code, logs, symbols; see docs/tokens.md), the count of
//! either vocabulary is between [`LEAST`] and [`MOST`] times the estimate, and within 30 % of it for English and code.

/// The real count is at least so many times the estimate, for texts of a sentence or more.
pub const LEAST: f64 = 0.45;
/// And at most so many times.
pub const MOST: f64 = 2.5;
/// Tokens that short texts may have beyond it.
const SHORT: u64 = 16;

/// Estimated tokens of a text; 0 only for the empty text.
pub fn count(text: &str) -> u64 {
    let mut tokens = 0.0;
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        let kind = Kind::of(first);
        let mut run = Run::new(first);
        while let Some(next) = rest.peek().copied().filter(|c| kind.goes_on_with(Kind::of(*c))) {
            run.add(next);
            rest.next();
        }
        tokens += run.tokens(kind);
    }
    if text.is_empty() { 0 } else { (tokens.round() as u64).max(1) }
}

/// The most tokens a text may have whose estimate is this.
pub fn at_most(estimate: u64) -> u64 {
    (estimate as f64 * MOST).ceil() as u64 + SHORT
}

/// What kind of character.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Blank,
    Digit,
    Latin,
    Punctuation,
    /// Of scripts where tokens follow from the number of characters: tokens per character.
    Script(f64),
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            ' ' | '\t' | '\r' | '\n' | '\u{a0}' | '\u{2003}' | '\u{3000}' => Self::Blank,
            '0'..='9' => Self::Digit,
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Self::Latin,
            _ if c.is_ascii() => Self::Punctuation,
            // Greek, Cyrillic, Hebrew, Arabic.
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Self::Script(0.7),
            '\u{400}'..='\u{52f}' => Self::Script(0.43),
            '\u{590}'..='\u{5ff}' => Self::Script(0.68),
            '\u{600}'..='\u{6ff}' => Self::Script(0.55),
            // Devanagari and Bengali; the scripts from there to Mongolian.
            '\u{900}'..='\u{9ff}' => Self::Script(0.8),
            // Ethiopic, which both vocabularies spell in bytes.
            '\u{1200}'..='\u{139f}' => Self::Script(2.5),
            '\u{a00}'..='\u{1dff}' => Self::Script(0.85),
            // Kana, Han, Hangul.
            '\u{3040}'..='\u{30ff}' => Self::Script(0.75),
            '\u{3400}'..='\u{9fff}' => Self::Script(1.1),
            '\u{ac00}'..='\u{d7af}' => Self::Script(0.78),
            // Punctuation beyond ASCII.
            '\u{a1}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3001}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' => {
                Self::Script(0.9)
            }
            // Emoji and all the rest.
            _ => Self::Script(2.2),
        }
    }

    fn goes_on_with(self, next: Self) -> bool {
        self == next
    }
}

/// Characters of one kind in a row.
struct Run {
    first: char,
    last: char,
    chars: u32,
    /// All the same.
    uniform: bool,
    capitals: u32,
    beyond_ascii: u32,
    /// `aB`.
    humps: u32,
}

impl Run {
    fn new(first: char) -> Self {
        let mut run = Self { first, last: first, chars: 0, uniform: true, capitals: 0, beyond_ascii: 0, humps: 0 };
        run.add(first);
        run
    }

    fn add(&mut self, c: char) {
        self.uniform &= c == self.first;
        self.humps += u32::from(self.chars > 0 && self.last.is_lowercase() && c.is_uppercase());
        self.capitals += u32::from(c.is_uppercase());
        self.beyond_ascii += u32::from(!c.is_ascii());
        self.chars += 1;
        self.last = c;
    }

    fn tokens(&self, kind: Kind) -> f64 {
        let n = f64::from(self.chars);
        match kind {
            Kind::Latin => {
                let more = f64::from(self.chars.saturating_sub(6)) * 0.22;
                let word = 1.0 + more + f64::from(self.beyond_ascii) * 0.7 + f64::from(self.humps) * 0.5;
                let shouted = self.chars > 3 && self.capitals * 2 > self.chars;
                if shouted { word.max(n / 2.6) } else { word }
            }
            Kind::Digit => f64::from(self.chars.div_ceil(3)),
            // A single blank belongs to the word after it.
            Kind::Blank if self.chars == 1 && self.first == ' ' => 0.05,
            Kind::Blank if self.uniform => 1.0 + n / 60.0,
            Kind::Blank => 1.0 + n / 40.0,
            Kind::Punctuation if self.chars == 1 => 0.8,
            Kind::Punctuation if self.uniform => 0.9 + n / 12.0,
            Kind::Punctuation => 0.8 + 0.28 * (n - 1.0),
            Kind::Script(weight) => weight * n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_nothing_and_anything_is_something() {
        assert_eq!((count(""), count(" "), count("a"), count("你好世界")), (0, 1, 1, 4));
        assert_eq!(at_most(100), 266);
    }

    proptest! {
        #[test]
        fn more_text_is_not_fewer_tokens(a in "\\PC{0,80}", b in "\\PC{0,80}") {
            let both = count(&format!("{a}\n{b}"));
            prop_assert!(both + 2 >= count(&a).max(count(&b)));
        }
    }
}
