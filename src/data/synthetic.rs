//! Synthetic prompts: texts of exact lengths drawn from distributions, with beginnings that groups of them share, alone or as the
//! questions of a conversation. The n-th prompt of a test is the same in every run with the same seed, whoever takes it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand::RngExt;
use serde_json::Value;

use super::Dist;
use super::dist::{Lengths, Side};
use super::draws::{Permutation, generator, mixed, mixed_text};
use super::text::{Beginning, Prose};
use crate::ai::fields::{Fields, Problems};
use crate::options::Stripe;

/// Longest prompt, in tokens.
const MOST_TOKENS: f64 = 10_000_000.0;
/// Most tokens of all shared beginnings together; they are kept.
const MOST_SHARED: u64 = 100_000_000;
/// Most questions of a conversation.
const MOST_TURNS: u64 = 1_000;
/// Short prompts that are remembered in order not to repeat them.
const REMEMBERED: usize = 1_000_000;
/// Tries for a short prompt that was not there yet.
const TRIES: u64 = 50;

/// What a script asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    input: Dist,
    output: Option<Dist>,
    shared: Option<SharedPrefix>,
    turns: Option<Dist>,
    think: Option<Dist>,
    /// Only so many prompts, again and again.
    distinct: Option<u64>,
    /// Whether the tokens of OpenAI's chat template are part of the input tokens.
    template: bool,
    seed: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct SharedPrefix {
    tokens: u64,
    groups: u64,
    as_system: bool,
}

/// The fields of `synthetic(options)`; those that say whose tokens and words are meant are read elsewhere.
pub const FIELDS: &[&str] = &[
    "inputTokens",
    "outputTokens",
    "sharedPrefix",
    "turns",
    "thinkTime",
    "distinct",
    "chatTemplate",
    "seed",
    "corpus",
    "model",
    "tokenizer",
    "name",
];

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// All problems at once.
    pub fn from_json(value: &Value, traces: &dyn Fn(&str) -> Option<Lengths>) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let read = Fields::new("options", value, FIELDS, &mut problems).and_then(|mut f| Self::read(&mut f, traces));
        match read {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(Problems(problems)),
        }
    }

    fn read(f: &mut Fields<'_>, traces: &dyn Fn(&str) -> Option<Lengths>) -> Option<Self> {
        if f.value("inputTokens").is_none() {
            f.problem("inputTokens", "missing; give a number of tokens or a distribution, e.g. inputTokens: 1000");
        }
        let input = Dist::read(f, "inputTokens", traces);
        let output = Dist::read(f, "outputTokens", traces);
        let shared = f.nested("sharedPrefix", &["tokens", "groups", "role"], |s| {
            if s.value("tokens").is_none() {
                s.problem("tokens", "missing");
            }
            let (tokens, groups) = (s.count("tokens", 1).unwrap_or(1), s.count("groups", 1).unwrap_or(1));
            if tokens.saturating_mul(groups) > MOST_SHARED {
                s.problem(
                    "groups",
                    format_args!("{groups} groups of {tokens} tokens are more than can be kept ({MOST_SHARED})"),
                );
            }
            let role = s.string("role");
            if role.as_deref().is_some_and(|role| !matches!(role, "user" | "system")) {
                s.problem("role", "expected 'user' (the prompt begins with it) or 'system' (a message of its own)");
            }
            SharedPrefix { tokens, groups, as_system: role.as_deref() == Some("system") }
        });
        let turns = Dist::read(f, "turns", traces);
        let think = Dist::read(f, "thinkTime", traces);
        if think.is_some() && turns.is_none() {
            f.problem("thinkTime", "is the time between the questions of a conversation; give turns as well");
        }
        let template = f.boolean("chatTemplate").unwrap_or(false);
        if template && turns.is_some() {
            f.problem("chatTemplate", "counts one request; it does not go together with turns");
        }
        if let Some(tokens) = input.as_ref().and_then(Dist::always) {
            if !(1.0..=MOST_TOKENS).contains(&tokens) || tokens.fract() != 0.0 {
                f.problem("inputTokens", format_args!("expected a whole number from 1 to {MOST_TOKENS}, got {tokens}"));
            } else if let Some(shared) =
                shared.filter(|s| s.tokens as f64 >= tokens && !(s.as_system && turns.is_some()))
            {
                f.problem(
                    "sharedPrefix",
                    format_args!("{} shared tokens leave nothing of {tokens} for the prompt's own text", shared.tokens),
                );
            }
        }
        Some(Self {
            input: input?,
            output,
            shared,
            turns,
            think,
            distinct: f.count("distinct", 1),
            template,
            seed: f.count("seed", 0),
        })
    }
}

/// One question of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Its text.
    pub content: String,
    /// Its tokens.
    pub input_tokens: u64,
    /// Tokens to ask for.
    pub output_tokens: Option<u64>,
    /// How long the user takes before it, in ms.
    pub think_ms: Option<f64>,
}

/// A prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// The shared beginning, when it is a message of its own.
    pub system: Option<Arc<str>>,
    /// The questions; one unless a conversation was asked for.
    pub turns: Vec<Turn>,
    /// Tokens of all texts, and of the chat template when asked for.
    pub input_tokens: u64,
    /// Which shared beginning it has.
    pub prefix_group: Option<u64>,
    /// Whether it is a conversation.
    pub is_conversation: bool,
}

/// A source of prompts.
#[derive(Debug)]
pub struct Synthetic {
    settings: Settings,
    prose: Arc<Prose>,
    seed: u64,
    /// Texts with different places in this order begin differently.
    order: Permutation,
    /// Tokens of the chat template: of one message, and of a second one.
    template: (u64, u64),
    /// Prompts taken on this instance.
    taken: AtomicU64,
    beginnings: Mutex<HashMap<u64, Beginning>>,
    seen: Mutex<HashSet<u64>>,
}

impl Synthetic {
    /// Prompts of these settings. `seed` is the run's; settings with a seed of their own go before it.
    pub fn new(settings: Settings, prose: Arc<Prose>, seed: u64) -> Self {
        let seed = mixed(settings.seed.unwrap_or(seed), 0x5e17_f00d);
        let count = |messages: &[Value]| prose.tokenizer().count_messages(messages);
        let (user, system) =
            (serde_json::json!({"role": "user", "content": ""}), serde_json::json!({"role": "system", "content": ""}));
        let one = count(std::slice::from_ref(&user));
        let template = if settings.template { (one, count(&[system, user]) - one) } else { (0, 0) };
        Self {
            order: Permutation::new(prose.numbered(), seed),
            settings,
            prose,
            seed,
            template,
            taken: AtomicU64::new(0),
            beginnings: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// Whose tokens are meant.
    pub fn prose(&self) -> &Prose {
        &self.prose
    }

    /// The next prompt of this instance's share.
    ///
    /// # Errors
    /// The tokenizer has no text of the length that was drawn.
    pub fn next(&self, share: &Stripe) -> Result<Prompt, String> {
        self.prompt(share.global(self.taken.fetch_add(1, Ordering::Relaxed)))
    }

    /// The prompt of this number.
    ///
    /// # Errors
    /// The tokenizer has no text of the length that was drawn.
    pub fn prompt(&self, number: u64) -> Result<Prompt, String> {
        let number = self.settings.distinct.map_or(number, |distinct| number % distinct);
        let mut rng = generator(self.seed, number);
        let group = self.settings.shared.map(|shared| rng.random_range(0..shared.groups));
        let begins = group.map(|group| self.beginning(group)).transpose()?;
        let as_system = self.settings.shared.is_some_and(|shared| shared.as_system);
        let questions = match &self.settings.turns {
            Some(turns) => turns.draw_count(Side::Input, rng.random(), &mut rng).min(MOST_TURNS),
            None => 1,
        };
        let template = self.template.0 + if as_system { self.template.1 } else { 0 };
        // A conversation's system message comes on top of its questions; that of a single prompt is part of its length.
        let conversation = self.settings.turns.is_some();
        let apart = as_system && conversation;
        let mut input_tokens = template + begins.as_ref().filter(|_| apart).map_or(0, |b| b.tokens);
        let mut turns = Vec::with_capacity(usize::try_from(questions).unwrap_or_default());
        for at in 0..questions {
            let joint = rng.random();
            let drawn = self.settings.input.draw(Side::Input, joint, &mut rng).min(MOST_TOKENS).round();
            let output_tokens = self.settings.output.as_ref().map(|d| d.draw_count(Side::Output, joint, &mut rng));
            let think = self.settings.think.as_ref().map(|d| d.draw(Side::Input, joint, &mut rng));
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let drawn = (drawn as u64).saturating_sub(if at == 0 { template } else { 0 });
            let before = begins.clone().filter(|_| at == 0 && !apart).unwrap_or_default();
            // The text has at least one token of its own.
            let all = drawn.max(before.tokens + 1);
            input_tokens += all;
            let number = if conversation { number.wrapping_mul(MOST_TURNS).wrapping_add(at) } else { number };
            let (content, tokens) = if as_system {
                let own = all - before.tokens;
                (self.text(&Beginning::default(), own, number)?, own)
            } else {
                (self.text(&before, all, number)?, all)
            };
            turns.push(Turn { content, input_tokens: tokens, output_tokens, think_ms: think.filter(|_| at > 0) });
        }
        Ok(Prompt {
            system: begins.filter(|_| as_system).map(|b| b.text),
            turns,
            input_tokens,
            prefix_group: group,
            is_conversation: conversation,
        })
    }

    /// A text that no other number has.
    fn text(&self, before: &Beginning, all: u64, number: u64) -> Result<String, String> {
        let places = self.prose.numbered();
        let place = self.order.at(number % places);
        let text = self.prose.write_after(before, all, place, mixed(self.seed, number))?;
        if self.settings.distinct.is_some() || self.prose.tells_apart(all.saturating_sub(before.tokens)) {
            return Ok(text);
        }
        // Too short to begin with a sentence of its own.
        let mut text = text;
        for attempt in 1..=TRIES {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.len() >= REMEMBERED || seen.insert(mixed_text(0, &text)) {
                break;
            }
            drop(seen);
            text = self.prose.write_after(before, all, place, mixed(self.seed, mixed(number, attempt)))?;
        }
        Ok(text)
    }

    /// The beginning that a group shares.
    fn beginning(&self, group: u64) -> Result<Beginning, String> {
        let mut all = self.beginnings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = all.get(&group) {
            return Ok(there.clone());
        }
        let shared = self.settings.shared.map_or(0, |shared| shared.tokens);
        let as_system = self.settings.shared.is_some_and(|shared| shared.as_system);
        let (seed, place) = (mixed(self.seed ^ 0x9e0f, group), self.order.at(group.wrapping_mul(7_919)));
        let made = if as_system {
            let text = self.prose.write(shared, place, seed)?;
            Beginning { tokens: shared, text: text.into() }
        } else {
            self.prose.beginning(shared, place, seed)?
        };
        all.insert(group, made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::tokens::by_name;
    use crate::options::Segmentation;
    use serde_json::json;

    fn made(options: &Value) -> Synthetic {
        let prose = Arc::new(Prose::new(by_name("o200k_base").unwrap(), None).unwrap());
        Synthetic::new(Settings::from_json(options, &|_| None).unwrap(), prose, 42)
    }

    fn count(text: &str) -> u64 {
        by_name("o200k_base").unwrap().count(text)
    }

    fn take(source: &Synthetic, count: usize) -> Vec<Prompt> {
        (0..count).map(|_| source.next(&Stripe::default()).unwrap()).collect()
    }

    #[test]
    fn lengths_are_exact_and_drawn() {
        let dist = json!({"dist": "lognormal", "median": 200, "sigma": 0.8, "min": 20, "max": 900});
        let prompts =
            take(&made(&json!({"inputTokens": dist, "outputTokens": {"dist": "uniform", "min": 5, "max": 9}})), 60);
        for prompt in &prompts {
            assert_eq!(count(&prompt.turns[0].content), prompt.input_tokens);
            assert!((20..=900).contains(&prompt.input_tokens) && !prompt.is_conversation);
            assert!((5..=9).contains(&prompt.turns[0].output_tokens.unwrap()));
        }
        let lengths: HashSet<u64> = prompts.iter().map(|p| p.input_tokens).collect();
        assert!(lengths.len() > 40, "{}", lengths.len());
    }

    #[test]
    fn no_two_prompts_are_the_same() {
        for tokens in [5, 20, 120] {
            let prompts = take(&made(&json!({ "inputTokens": tokens })), 400);
            let texts: HashSet<&str> = prompts.iter().map(|p| p.turns[0].content.as_str()).collect();
            assert_eq!(texts.len(), 400, "{tokens}");
        }
        let few = take(&made(&json!({"inputTokens": 50, "distinct": 3})), 9);
        let texts: HashSet<&str> = few.iter().map(|p| p.turns[0].content.as_str()).collect();
        assert_eq!(texts.len(), 3);
    }

    #[test]
    fn the_same_seed_gives_the_same_prompts_by_number() {
        let options = json!({"inputTokens": 80, "seed": 5, "sharedPrefix": {"tokens": 20, "groups": 4}});
        let (one, other) = (made(&options), made(&options));
        let segments = Segmentation::parse(Some("1/2:1"), None).unwrap();
        let second = other.next(segments.stripe()).unwrap();
        assert_eq!(take(&one, 4)[usize::try_from(segments.stripe().global(0)).unwrap()], second);
        assert_ne!(
            take(&made(&json!({"inputTokens": 80, "seed": 6})), 1),
            take(&made(&json!({"inputTokens": 80, "seed": 5})), 1)
        );
    }

    #[test]
    fn groups_share_a_beginning_to_the_byte() {
        let prompts = take(&made(&json!({"inputTokens": 300, "sharedPrefix": {"tokens": 200, "groups": 3}})), 60);
        let mut beginnings: HashMap<u64, &str> = HashMap::new();
        for prompt in &prompts {
            let text = prompt.turns[0].content.as_str();
            assert_eq!(count(text), 300);
            let end = text.len().min(text.rfind(super::super::text::BREAK).unwrap());
            let group = prompt.prefix_group.unwrap();
            let beginning = beginnings.entry(group).or_insert(&text[..end]);
            let shared = text.bytes().zip(beginning.bytes()).take_while(|(a, b)| a == b).count();
            assert!(count(&text[..shared]) >= 200, "{} shared tokens", count(&text[..shared]));
        }
        let texts: HashSet<&str> = prompts.iter().map(|p| p.turns[0].content.as_str()).collect();
        assert_eq!((beginnings.len(), texts.len()), (3, 60));
    }

    #[test]
    fn a_shared_system_message_and_the_chat_template() {
        let shared = json!({"tokens": 100, "groups": 2, "role": "system"});
        let source = made(&json!({"inputTokens": 150, "sharedPrefix": shared, "chatTemplate": true}));
        for prompt in take(&source, 8) {
            let system = prompt.system.clone().unwrap();
            assert_eq!(count(&system), 100);
            let messages = [
                json!({"role": "system", "content": &*system}),
                json!({"role": "user", "content": prompt.turns[0].content}),
            ];
            assert_eq!(by_name("o200k_base").unwrap().count_messages(&messages), 150);
            assert_eq!(prompt.input_tokens, 150);
        }
    }

    #[test]
    fn conversations() {
        let options = json!({"inputTokens": 30, "outputTokens": 9, "turns": {"dist": "uniform", "min": 2, "max": 4},
            "thinkTime": {"dist": "uniform", "min": 500, "max": 900}, "sharedPrefix": {"tokens": 50, "role": "system"}});
        let mut texts = HashSet::new();
        for prompt in take(&made(&options), 30) {
            assert!((2..=4).contains(&prompt.turns.len()) && prompt.is_conversation);
            assert_eq!(prompt.turns[0].think_ms, None);
            assert!(prompt.turns[1..].iter().all(|t| (500.0..=900.0).contains(&t.think_ms.unwrap())));
            for turn in &prompt.turns[1..] {
                assert_eq!((count(&turn.content), turn.input_tokens, turn.output_tokens), (30, 30, Some(9)));
                assert!(texts.insert(turn.content.clone()), "{}", turn.content);
            }
        }
    }

    #[test]
    fn what_cannot_be() {
        let options = json!({"inputTokens": 0.5, "outputTokens": "x", "sharedPrefix": {"groups": 0, "role": "tool"},
            "thinkTime": 5, "distinct": 0, "input": 7});
        let all = Settings::from_json(&options, &|_| None).unwrap_err().0.join("\n");
        for expected in [
            "options.inputTokens: expected a whole number from 1 to 10000000, got 0.5",
            "options.outputTokens: expected a number or a distribution",
            "options.sharedPrefix.tokens: missing",
            "options.sharedPrefix.groups: expected a whole number of at least 1",
            "options.sharedPrefix.role: expected 'user'",
            "options.thinkTime: is the time between the questions",
            "options.distinct: expected a whole number of at least 1",
            "options.input: unknown field",
        ] {
            assert!(all.contains(expected), "missing {expected:?} in\n{all}");
        }
        let wrong = |options: Value| Settings::from_json(&options, &|_| None).unwrap_err().0.join("\n");
        assert!(wrong(json!({})).contains("options.inputTokens: missing"));
        assert!(wrong(json!({"inputTokens": 100, "sharedPrefix": {"tokens": 100}})).contains("leave nothing of 100"));
        assert!(wrong(json!({"inputTokens": 9, "turns": 2, "chatTemplate": true})).contains("does not go together"));
        assert!(
            wrong(json!({"inputTokens": 1e9, "sharedPrefix": {"tokens": 1e6, "groups": 1e6}})).contains("can be kept")
        );
    }
}
