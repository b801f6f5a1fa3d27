//! One text without its secrets: all detectors, own patterns and the names of a record, over one text.
//!
//! Ranges that touch the same place are replaced together, under the kind of the longest: nothing that any detector saw is left because
//! another one saw it too.

use std::borrow::Cow;
use std::ops::Range;

use regex::Regex;

use super::detectors::DETECTORS;
use super::fields::Name;
use super::pseudonym::Salt;

/// A pattern of the user's own: `ticket=TKT-[0-9]+`.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Its name in reports.
    pub name: String,
    /// What it finds; its first group alone, when it has one.
    pub regex: Regex,
}

impl Pattern {
    /// From `name=regex`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((name, regex)) = text.split_once('=').filter(|(name, regex)| !name.is_empty() && !regex.is_empty())
        else {
            return Err(format!("'{text}' is not NAME=REGEX; write for example ticket=TKT-[0-9]+"));
        };
        if DETECTORS.iter().any(|detector| detector.kind == name) {
            return Err(format!("'{name}' is the name of what is found anyway; choose another name"));
        }
        let regex = Regex::new(regex).map_err(|e| format!("{name}: {e}"))?;
        if regex.is_match("") {
            return Err(format!("{name}: the pattern fits an empty text, and would be everywhere"));
        }
        Ok(Self { name: name.to_owned(), regex })
    }
}

/// Replaces what is found in texts.
#[derive(Debug)]
pub struct Scrubber {
    salt: Salt,
    patterns: Vec<Pattern>,
}

/// Who found a range.
#[derive(Clone, Copy)]
enum Finder<'a> {
    Pattern(&'a Pattern),
    Name(&'a Name),
    Detector(usize),
}

struct Found<'a> {
    range: Range<usize>,
    by: Finder<'a>,
}

impl Scrubber {
    /// One for a whole run.
    pub fn new(salt: Salt, patterns: Vec<Pattern>) -> Self {
        Self { salt, patterns }
    }

    /// The patterns the user gave.
    pub(super) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The text with pseudonyms, and the kind of each that was put in, in order.
    pub(super) fn scrub<'t, 'k>(&'k self, text: &'t str, names: &'k [Name]) -> (Cow<'t, str>, Vec<&'k str>) {
        let mut all = self.find(text, names);
        if all.is_empty() {
            return (Cow::Borrowed(text), Vec::new());
        }
        // Stable: of two of the same place the one that comes first in the tables stays first.
        all.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
        let (mut out, mut kinds, mut copied) = (String::with_capacity(text.len()), Vec::new(), 0);
        let mut rest = all.into_iter().peekable();
        while let Some(mut longest) = rest.next() {
            let mut whole = longest.range.clone();
            while let Some(next) = rest.next_if(|next| next.range.start < whole.end) {
                whole.end = whole.end.max(next.range.end);
                if next.range.len() > longest.range.len() {
                    longest = next;
                }
            }
            out.push_str(&text[copied..whole.start]);
            out.push_str(&self.pseudonym(&longest, &text[whole.clone()], longest.range == whole));
            kinds.push(longest.by.kind());
            copied = whole.end;
        }
        out.push_str(&text[copied..]);
        (Cow::Owned(out), kinds)
    }

    fn find<'k>(&'k self, text: &str, names: &'k [Name]) -> Vec<Found<'k>> {
        let mut all = Vec::new();
        for pattern in &self.patterns {
            for captures in pattern.regex.captures_iter(text) {
                let found = captures.get(1).or_else(|| captures.get(0)).map(|m| m.range());
                all.extend(found.filter(|r| !r.is_empty()).map(|range| Found { range, by: Finder::Pattern(pattern) }));
            }
        }
        for name in names {
            all.extend(name.regex.find_iter(text).map(|m| Found { range: m.range(), by: Finder::Name(name) }));
        }
        let mut ranges = Vec::new();
        for (row, detector) in DETECTORS.iter().enumerate() {
            (detector.find)(text, &mut ranges);
            all.extend(
                ranges.drain(..).filter(|r| !r.is_empty()).map(|range| Found { range, by: Finder::Detector(row) }),
            );
        }
        all
    }

    /// What is written for this value; `whole` = the finder saw all of it, and knows its form.
    fn pseudonym(&self, found: &Found<'_>, value: &str, whole: bool) -> String {
        if let Finder::Name(_) = found.by {
            return self.name(value);
        }
        let (kind, identity) = match found.by {
            Finder::Detector(row) => (DETECTORS[row].kind, (DETECTORS[row].identity)(value)),
            _ => (found.by.kind(), value.to_owned()),
        };
        let mut letters = self.salt.letters(kind, &identity);
        // A short value may by chance come out as itself: the next letters are taken then.
        for _ in 0..100 {
            let made = match found.by {
                Finder::Detector(row) if whole => (DETECTORS[row].pseudonym)(value, &mut letters),
                _ => letters.same_shape(value),
            };
            if made != value {
                return made;
            }
        }
        // Nothing but punctuation.
        "*".repeat(value.chars().count())
    }

    /// Word by word, so that `Alice Smith`, `Alice` and `ALICE` stay the same person.
    fn name(&self, value: &str) -> String {
        let mut out = String::with_capacity(value.len());
        for part in value.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let word = part.trim_end_matches(|c: char| !c.is_alphanumeric());
            let mut letters = self.salt.letters("name", &word.to_lowercase());
            let mut made = letters.word(word);
            while made == word && !word.is_empty() {
                made = letters.word(word);
            }
            out.push_str(&made);
            out.push_str(&part[word.len()..]);
        }
        out
    }
}

impl<'a> Finder<'a> {
    fn kind(self) -> &'a str {
        match self {
            Self::Pattern(pattern) => &pattern.name,
            Self::Name(name) => &name.kind,
            Self::Detector(row) => DETECTORS[row].kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sanitize::fields::Fields;

    #[test]
    fn own_patterns() {
        for (bad, why) in [
            ("x", "NAME=REGEX"),
            ("=x", "NAME=REGEX"),
            ("email=x", "is found anyway"),
            ("a=(", "unclosed group"),
            ("a=x*", "empty text"),
        ] {
            let said = Pattern::parse(bad).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        let patterns =
            vec![Pattern::parse("ticket=TKT-[0-9]+").unwrap(), Pattern::parse("customer=customer ([A-Z]+)").unwrap()];
        let scrubber = Scrubber::new(Salt::new("s"), patterns);
        let (made, kinds) = scrubber.scrub("TKT-123456 of customer ACME", &[]);
        assert_eq!(kinds, ["ticket", "customer"]);
        assert!(
            made.len() == 27 && made.contains(" of customer ") && !made.contains("ACME") && !made.contains("123456"),
            "{made}"
        );
    }

    #[test]
    fn names_of_the_record_go_wherever_they_stand() {
        let mut fields = Fields::parse(&["user.name".to_owned()]).unwrap();
        let record = json!({ "user": { "name": "Alice Smith" }, "name": "Bob" });
        let names = fields.names(&record);
        let scrubber = Scrubber::new(Salt::new("s"), Vec::new());
        let text = "Alice Smith here. ALICE, call Bob. Smithers is no smith. Mail alice.smith@corp.test";
        let (made, kinds) = scrubber.scrub(text, &names);
        assert_eq!(kinds, ["field:user.name", "field:user.name", "field:user.name", "email"]);
        assert!(made.contains("call Bob. Smithers is no "), "{made}");
        assert!(!made.to_lowercase().contains("alice") && !made.contains("corp.test"), "{made}");
        let words: Vec<&str> = made.split([' ', ',']).collect();
        assert_eq!(words[0].to_uppercase(), words[3], "one person: {made}");
    }

    #[test]
    fn nothing_of_what_overlaps_is_left() {
        let patterns = vec![Pattern::parse("tail=test [0-9]+").unwrap()];
        let scrubber = Scrubber::new(Salt::new("s"), patterns);
        let (made, kinds) = scrubber.scrub("x alice.long@corp.test 77 y", &[]);
        assert_eq!(kinds, ["email"]);
        assert!(
            made.starts_with("x ") && made.ends_with(" y") && !made.contains("77") && !made.contains("alice"),
            "{made}"
        );
    }

    #[test]
    fn without_anything_the_text_is_not_copied() {
        let scrubber = Scrubber::new(Salt::new("s"), Vec::new());
        assert!(matches!(scrubber.scrub("Why is the sky blue?", &[]).0, Cow::Borrowed(_)));
    }
}
