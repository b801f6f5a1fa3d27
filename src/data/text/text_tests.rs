//! Texts have the tokens that were asked for, whatever the tokenizer; they look like texts, and differ.
#![cfg(test)]

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::ai::tokens::{TOKENIZERS, by_name, file};

fn all() -> Vec<&'static Tokenizer> {
    let own = file::load("small.json", include_bytes!("../../../tests/tokens/tokenizer.json")).unwrap();
    TOKENIZERS.iter().chain([own]).collect()
}

fn prose(tokenizer: &'static Tokenizer) -> &'static Prose {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, OnceLock};
    static ALL: OnceLock<Mutex<BTreeMap<&'static str, &'static Prose>>> = OnceLock::new();
    let mut all = ALL.get_or_init(Mutex::default).lock().unwrap();
    all.entry(tokenizer.name).or_insert_with(|| Box::leak(Box::new(Prose::new(tokenizer, None).unwrap())))
}

/// A corpus with what is difficult: quotes, numbers, other scripts, long and short sentences.
fn corpus() -> String {
    let mut text = String::new();
    for n in 0..60 {
        text += &format!(
            "Sentence {n} of the book says \"no\" ({n}%), naïvely. 2 more came. Über {n} Dinge spricht man nicht!\n\n"
        );
        text += &format!("Was it {n}? 第{n}个句子很短。{}end {n}. ", "Long sentences go on and on, ".repeat(n % 7 * 6));
    }
    text
}

#[test]
fn exact_for_every_tokenizer_we_carry() {
    for tokenizer in all() {
        let prose = prose(tokenizer);
        for tokens in (1..80).chain([100, 127, 128, 500, 1_000, 4_096, 10_000]) {
            let text = prose.write(tokens, tokens, 7).unwrap();
            assert_eq!(tokenizer.count(&text), tokens, "{} {tokens}: {text:.200}", tokenizer.name);
        }
    }
}

#[test]
fn a_hundred_thousand_tokens() {
    for tokenizer in all().into_iter().filter(|t| t.name != "o200k_harmony") {
        let text = prose(tokenizer).write(100_000, 1, 1).unwrap();
        assert_eq!(tokenizer.count(&text), 100_000, "{}", tokenizer.name);
    }
}

#[test]
fn exact_with_a_text_of_the_user() {
    for tokenizer in all() {
        let prose = Prose::new(tokenizer, Some(&corpus())).unwrap();
        for tokens in (1..60).chain([200, 1_000, 3_333]) {
            let text = prose.write(tokens, tokens, 3).unwrap();
            assert_eq!(tokenizer.count(&text), tokens, "{} {tokens}: {text:.200}", tokenizer.name);
        }
        let text = prose.write(3_333, 5, 9).unwrap();
        assert!(text.contains("of the book says") && text.contains("spricht man nicht!"), "{text}");
    }
}

#[test]
fn texts_look_like_texts() {
    let text = prose(by_name("o200k_base").unwrap()).write(2_000, 3, 4).unwrap();
    assert!(text.ends_with('.') && text.contains(BREAK) && !text.contains("  ") && !text.contains(" ."), "{text}");
    let sentences: Vec<&str> = text.split_inclusive('.').map(str::trim).collect();
    for sentence in &sentences {
        assert!(sentence.starts_with(char::is_uppercase), "{sentence}");
        assert!((3..30).contains(&sentence.split(' ').count()), "{sentence}");
    }
    let distinct: HashSet<&&str> = sentences.iter().collect();
    assert!(distinct.len() * 10 > sentences.len() * 9, "{} of {}", distinct.len(), sentences.len());
    // As long as English is: words have some five letters.
    let words = text.split_whitespace().count();
    assert!((4.5..7.5).contains(&(text.len() as f64 / words as f64)), "{} letters, {words} words", text.len());
}

#[test]
fn numbers_tell_texts_apart_even_with_one_seed() {
    let tokenizer = by_name("cl100k_base").unwrap();
    for prose in [prose(tokenizer), &Prose::new(tokenizer, Some(&corpus())).unwrap()] {
        let least = (1..100_000).find(|n| prose.tells_apart(*n)).unwrap();
        let texts: HashSet<String> = (0..300).map(|n| prose.write(least, n * 977, 1).unwrap()).collect();
        assert_eq!(texts.len(), 300);
        assert!(prose.numbered() >= 1_000_000_000);
        assert_eq!(prose.write(300, 1, 1), prose.write(300, 1, 1));
    }
}

#[test]
fn texts_that_begin_alike() {
    for tokenizer in all() {
        let prose = prose(tokenizer);
        let before = prose.beginning(200, 1, 1).unwrap();
        assert!(
            before.tokens.abs_diff(200) <= u64::from(!tokenizer.splits_at_blanks()) * 2,
            "{} {}",
            tokenizer.name,
            before.tokens
        );
        for all in [before.tokens + 1, 300, 1_000] {
            let text = prose.write_after(&before, all, 2, 2).unwrap();
            assert!(text.starts_with(&*before.text));
            assert_eq!(tokenizer.count(&text), all, "{}", tokenizer.name);
        }
        assert!(prose.write_after(&before, 200, 2, 2).is_err_and(|why| why.contains("cannot begin with")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn exact_for_any_length_number_and_seed(power in 0.0f64..5.0, number: u64, seed: u64, which in 0usize..5) {
        // As many lengths of one digit as of five.
        let tokens = 10f64.powf(power) as u64;
        let tokenizer = all()[which];
        let text = prose(tokenizer).write(tokens, number, seed).unwrap();
        prop_assert_eq!(tokenizer.count(&text), tokens, "{}: {:.200}", tokenizer.name, text);
    }
}
