//! Vocabularies from Hugging Face `tokenizer.json` files, which is how open models publish theirs.
//!
//! A file is read by the caller and loaded once per process; it stays for the process's life, as the built-in vocabularies do.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use super::{Kind, Tokenizer};

/// A loaded file.
pub struct Vocabulary(tokenizers::Tokenizer);

/// The loaded tokenizers, by the name they were loaded under.
fn loaded() -> &'static Mutex<BTreeMap<String, &'static Tokenizer>> {
    static LOADED: OnceLock<Mutex<BTreeMap<String, &'static Tokenizer>>> = OnceLock::new();
    LOADED.get_or_init(Mutex::default)
}

/// Whether a tokenizer's name is that of a file.
pub fn is_path(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".json")
}

/// The tokenizer that was loaded under this name.
pub fn by_name(name: &str) -> Option<&'static Tokenizer> {
    loaded().lock().unwrap_or_else(|e| e.into_inner()).get(name).copied()
}

/// Loads a `tokenizer.json`; the same name is loaded once.
///
/// # Errors
/// Why the file is no tokenizer.
pub fn load(name: &str, bytes: &[u8]) -> Result<&'static Tokenizer, String> {
    let mut loaded = loaded().lock().unwrap_or_else(|e| e.into_inner());
    if let Some(there) = loaded.get(name) {
        return Ok(there);
    }
    let vocabulary = Vocabulary::parse(bytes).map_err(|why| {
        format!(
            "'{name}' is not a tokenizer.json of Hugging Face ({why}); it is the file beside a model's weights, and begins \
             with {{\"version\": \"1.0\", ...}}"
        )
    })?;
    let tokenizer: &'static Tokenizer = Box::leak(Box::new(Tokenizer {
        name: Box::leak(name.to_owned().into_boxed_str()),
        summary: "A tokenizer.json of the user.",
        kind: Kind::File(Box::new(vocabulary)),
    }));
    loaded.insert(name.to_owned(), tokenizer);
    Ok(tokenizer)
}

impl Vocabulary {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(bytes).map_err(|e| one_line(&e.to_string()))?;
        // Files carry the settings of training: texts would be cut or filled up.
        tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
        tokenizer.with_padding(None);
        // Text that looks like a special token is text.
        tokenizer.set_encode_special_tokens(true);
        Ok(Self(tokenizer))
    }

    /// Ids of a text's tokens.
    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        self.0.encode_fast(text, false).map(|encoding| encoding.get_ids().to_vec()).unwrap_or_default()
    }

    /// Number of tokens.
    pub(super) fn count(&self, text: &str) -> u64 {
        self.0.encode_fast(text, false).map_or(0, |encoding| encoding.len() as u64)
    }

    /// Length of each token in bytes; what normalisation drops counts to the token before it, so that they add up to the text.
    pub(super) fn lengths(&self, text: &str) -> Vec<usize> {
        let Ok(encoding) = self.0.encode(text, false) else { return Vec::new() };
        let mut ends: Vec<usize> = encoding.get_offsets().iter().map(|(_, end)| (*end).min(text.len())).collect();
        if let Some(last) = ends.last_mut() {
            *last = text.len();
        }
        let mut before = 0;
        ends.into_iter()
            .map(|end| {
                let length = end.saturating_sub(before);
                before = before.max(end);
                length
            })
            .collect()
    }

    /// The text of ids.
    pub(super) fn decode(&self, ids: &[u32]) -> Result<String, String> {
        if let Some(unknown) = ids.iter().find(|id| self.0.id_to_token(**id).is_none()) {
            return Err(format!("{unknown} is no token of this vocabulary"));
        }
        self.0.decode(ids, false).map_err(|e| one_line(&e.to_string()))
    }
}

fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    line.trim().to_owned()
}
