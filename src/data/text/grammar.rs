//! Sentences of a small grammar: somebody did something with a thing, perhaps somewhere. Enough of them for billions of texts that
//! begin differently.

use rand::{Rng, RngExt};

use super::units::{Unit, Units};
use super::{Place, words};
use crate::ai::tokens::Tokenizer;

/// The words, measured.
#[derive(Debug)]
pub(super) struct Grammar {
    determiners: Units,
    /// The same with a capital: at the start of a text, and after another sentence.
    first_determiners: Units,
    next_determiners: Units,
    first_openers: Units,
    next_openers: Units,
    qualities: Units,
    people: Units,
    actions: Units,
    things: Units,
    before_places: Units,
    places: Units,
    adverbs: Units,
    comma: Unit,
    stop: Unit,
    /// For texts and ends of an exact length.
    one_token: Units,
    first_starts: Units,
    next_starts: Units,
}

/// A sentence with this many tokens or more can be made to measure; shorter ones are strings of adverbs.
const SHORTEST_SENTENCE: u64 = 10;
/// The longest one made to measure; beyond it there are two.
const LONGEST_EXACT: u64 = 24;
/// Sentences that are tried for a length.
const TRIES: usize = 60;

impl Grammar {
    pub(super) fn new(tokenizer: &Tokenizer) -> Self {
        let capital = |list: &[&str]| list.iter().map(|word| capitalised(word)).collect::<Vec<_>>();
        let (determiners, openers, starts) =
            (capital(words::DETERMINERS), capital(words::OPENERS), capital(words::STARTS));
        let adverbs = Units::within(tokenizer, words::ADVERBS);
        let one_token = adverbs.of_one_token();
        Self {
            determiners: Units::within(tokenizer, words::DETERMINERS),
            first_determiners: Units::first(tokenizer, &determiners),
            next_determiners: Units::next(tokenizer, &determiners),
            first_openers: Units::first(tokenizer, &openers),
            next_openers: Units::next(tokenizer, &openers),
            qualities: Units::within(tokenizer, words::QUALITIES),
            people: Units::within(tokenizer, words::PEOPLE),
            actions: Units::within(tokenizer, words::ACTIONS),
            things: Units::within(tokenizer, words::THINGS),
            before_places: Units::within(tokenizer, words::BEFORE_PLACES),
            places: Units::within(tokenizer, words::PLACES),
            adverbs,
            comma: Unit::after(tokenizer, "so", ","),
            stop: Unit::after(tokenizer, "so", "."),
            one_token,
            first_starts: Units::first(tokenizer, &starts).of_one_token(),
            next_starts: Units::next(tokenizer, &starts).of_one_token(),
        }
    }

    /// Whether texts of any length can be made: a vocabulary without whole words cannot.
    pub(super) fn is_exact(&self) -> bool {
        let one = |units: &Units| !units.0.is_empty();
        one(&self.one_token) && one(&self.first_starts) && one(&self.next_starts) && self.stop.tokens == 1
    }

    /// The most tokens of a sentence of `push` or `push_numbered`.
    pub(super) fn most(&self) -> u64 {
        let noun = self.determiners.most() + self.qualities.most();
        let nouns = 3 * noun + self.people.most() + self.things.most() + self.places.most();
        let opener = self.first_openers.most().max(self.next_openers.most()) + self.comma.tokens;
        let start = self.first_determiners.most().max(self.next_determiners.most());
        opener
            + start
            + nouns
            + self.actions.most()
            + self.before_places.most()
            + self.adverbs.most()
            + self.stop.tokens
    }

    /// How many sentences `push_numbered` tells apart.
    pub(super) fn numbered(&self) -> u64 {
        [&self.people, &self.qualities, &self.actions, &self.things, &self.places]
            .iter()
            .map(|units| units.0.len() as u64)
            .product()
    }

    /// Writes any sentence; returns its tokens.
    pub(super) fn push<R: Rng>(&self, out: &mut String, place: Place, rng: &mut R) -> u64 {
        let mut tokens = self.start(out, place, rng);
        tokens += self.person(out, rng);
        tokens += add(out, self.actions.any(rng));
        tokens += self.noun(out, &self.things, rng);
        if rng.random_bool(0.6) {
            tokens += add(out, self.before_places.any(rng));
            tokens += self.noun(out, &self.places, rng);
        }
        if rng.random_bool(0.25) {
            tokens += add(out, self.adverbs.any(rng));
        }
        tokens + add(out, &self.stop)
    }

    /// Writes the sentence of this number: below `numbered()` no two are the same.
    pub(super) fn push_numbered(&self, out: &mut String, place: Place, number: u64) -> u64 {
        let mut rest = number;
        let mut pick = |units: &Units| {
            let count = units.0.len() as u64;
            let at = rest % count;
            rest /= count;
            units.0[usize::try_from(at).unwrap_or_default()].clone()
        };
        let (person, quality, action) = (pick(&self.people), pick(&self.qualities), pick(&self.actions));
        let (thing, at) = (pick(&self.things), pick(&self.places));
        let start = match place {
            Place::First => &self.first_determiners,
            Place::Next => &self.next_determiners,
        };
        let the = &self.determiners.0[0];
        let near = &self.before_places.0[1];
        [&start.0[0], &quality, &person, &action, the, &thing, near, the, &at, &self.stop]
            .into_iter()
            .map(|unit| add(out, unit))
            .sum()
    }

    /// Writes exactly so many tokens: sentences, and for less than a sentence some words.
    pub(super) fn push_exactly<R: Rng>(&self, out: &mut String, mut place: Place, mut left: u64, rng: &mut R) {
        while left > LONGEST_EXACT {
            let (before, most) = (out.len(), left - SHORTEST_SENTENCE);
            let tokens = self.push(out, place, rng);
            if tokens <= most {
                left -= tokens;
            } else {
                out.truncate(before);
                let tokens = self.push_short(out, place, rng);
                left = left.saturating_sub(tokens);
            }
            place = Place::Next;
        }
        if left < SHORTEST_SENTENCE {
            return self.push_words(out, place, left, rng);
        }
        let before = out.len();
        for attempt in 0..TRIES {
            let tokens =
                if attempt < TRIES / 2 { self.push(out, place, rng) } else { self.push_short(out, place, rng) };
            // A few words may fill up; of a short sentence any number.
            let most = if attempt < TRIES / 2 { 2 } else { left };
            if tokens <= left && left - tokens <= most {
                out.truncate(out.len() - self.stop.text.len());
                (tokens..left).for_each(|_| _ = add(out, self.one_token.any(rng)));
                out.push_str(&self.stop.text);
                return;
            }
            out.truncate(before);
        }
        // Words of many tokens each: only a string of short ones fits.
        self.push_words(out, place, left, rng);
    }

    /// Somebody did something with a thing.
    fn push_short<R: Rng>(&self, out: &mut String, place: Place, rng: &mut R) -> u64 {
        let start = match place {
            Place::First => &self.first_determiners,
            Place::Next => &self.next_determiners,
        };
        let mut tokens = add(out, start.any(rng));
        tokens += add(out, self.people.any(rng));
        tokens += add(out, self.actions.any(rng));
        tokens += add(out, self.determiners.any(rng));
        tokens += add(out, self.things.any(rng));
        tokens + add(out, &self.stop)
    }

    /// A word of one token, more of them, and a full stop when there are two or more.
    fn push_words<R: Rng>(&self, out: &mut String, place: Place, tokens: u64, rng: &mut R) {
        let starts = match place {
            Place::First => &self.first_starts,
            Place::Next => &self.next_starts,
        };
        if tokens == 0 {
            return;
        }
        add(out, starts.any(rng));
        if tokens > 1 {
            (2..tokens).for_each(|_| _ = add(out, self.one_token.any(rng)));
            add(out, &self.stop);
        }
    }

    /// What a sentence begins with: up to its determiner.
    fn start<R: Rng>(&self, out: &mut String, place: Place, rng: &mut R) -> u64 {
        if rng.random_bool(0.2) {
            let openers = match place {
                Place::First => &self.first_openers,
                Place::Next => &self.next_openers,
            };
            let tokens = add(out, openers.any(rng)) + add(out, &self.comma);
            return tokens + add(out, self.determiners.any(rng));
        }
        let determiners = match place {
            Place::First => &self.first_determiners,
            Place::Next => &self.next_determiners,
        };
        add(out, determiners.any(rng))
    }

    fn person<R: Rng>(&self, out: &mut String, rng: &mut R) -> u64 {
        let quality = if rng.random_bool(0.5) { add(out, self.qualities.any(rng)) } else { 0 };
        quality + add(out, self.people.any(rng))
    }

    fn noun<R: Rng>(&self, out: &mut String, nouns: &Units, rng: &mut R) -> u64 {
        let mut tokens = add(out, self.determiners.any(rng));
        if rng.random_bool(0.5) {
            tokens += add(out, self.qualities.any(rng));
        }
        tokens + add(out, nouns.any(rng))
    }
}

fn add(out: &mut String, unit: &Unit) -> u64 {
    out.push_str(&unit.text);
    unit.tokens
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}
