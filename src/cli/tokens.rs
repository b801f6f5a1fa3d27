//! `tokens`: counts the tokens of files, or of standard input, without calling anybody.

use std::io::Read;

use clap::Args;
use serde_json::{Value, json};

use super::print;
use crate::ai::tokens::{self, Tokenizer};
use crate::error::Error;

/// Arguments of `tokens`.
#[derive(Args, Debug)]
pub(super) struct TokensArgs {
    /// Text files; - for standard input. A .json file with chat messages is counted as messages
    #[arg(required = true)]
    files: Vec<String>,
    /// Count with the tokenizer of this model
    #[arg(short, long, value_name = "NAME", conflicts_with = "tokenizer")]
    model: Option<String>,
    /// Count with this tokenizer: cl100k_base, o200k_base, o200k_harmony, estimate, or the path of a tokenizer.json
    #[arg(short, long, value_name = "NAME")]
    tokenizer: Option<String>,
    /// Print the first N tokens of the text instead of counting
    #[arg(long, value_name = "N")]
    truncate: Option<u64>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Prints a line per file, and the sum of several.
pub(super) fn run(args: &TokensArgs) -> Result<u8, Error> {
    let (tokenizer, exact) = chosen(args.model.as_deref(), args.tokenizer.as_deref())?;
    let mut out = String::new();
    let mut all = Vec::new();
    let mut total = 0;
    for file in &args.files {
        let text = read(file)?;
        if let Some(most) = args.truncate {
            out.push_str(tokenizer.truncate(&text, most));
            continue;
        }
        let messages = messages(file, &text);
        let count = messages.as_ref().map_or_else(|| tokenizer.count(&text), |m| tokenizer.count_messages(m));
        total += count;
        let characters = text.chars().count();
        let kind = if messages.is_some() { "chat messages" } else { "text" };
        out.push_str(&format!("{count}\t{file} ({kind}, {characters} characters, {} bytes)\n", text.len()));
        all.push(json!({ "file": file, "tokens": count, "kind": kind, "characters": characters, "bytes": text.len() }));
    }
    let source = if exact { "tokenizer" } else { "estimate" };
    if args.json && args.truncate.is_none() {
        let object = json!({ "tokenizer": tokenizer.name, "source": source, "tokens": total, "files": all });
        return print(format!("{object:#}\n").as_bytes());
    }
    if args.truncate.is_none() {
        if args.files.len() > 1 {
            out.push_str(&format!("{total}\ttotal\n"));
        }
        let label = if exact { "" } else { ", an estimate: see docs/tokens.md for its bound" };
        out.push_str(&format!("tokenizer: {}{label}\n", tokenizer.name));
    }
    print(out.as_bytes())
}

/// The tokenizer of a flag `--tokenizer`, else of the model, and whether its counts are exact.
pub(super) fn chosen(model: Option<&str>, name: Option<&str>) -> Result<(&'static Tokenizer, bool), Error> {
    let Some(name) = name else {
        return Ok(tokens::for_model(model.unwrap_or("gpt-4o")));
    };
    if tokens::file::is_path(name) {
        let bytes =
            std::fs::read(name).map_err(|e| Error::usage(format!("--tokenizer {name}: cannot be read: {e}")))?;
        return tokens::file::load(name, &bytes)
            .map(|t| (t, true))
            .map_err(|why| Error::usage(format!("--tokenizer: {why}")));
    }
    let found = tokens::by_name(name).ok_or_else(|| Error::usage(format!("--tokenizer: {}", tokens::unknown(name))))?;
    Ok((found, found.is_vocabulary()))
}

fn read(file: &str) -> Result<String, Error> {
    let bytes = if file == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = bytes.map_err(|e| Error::usage(format!("'{file}' cannot be read: {e}")))?;
    String::from_utf8(bytes).map_err(|e| {
        Error::usage(format!("'{file}' is not UTF-8 text (byte {})", e.utf8_error().valid_up_to()))
            .with_hint("tokens are counted of texts; convert the file first, e.g. with iconv")
    })
}

/// The messages of `[{role, content}, ...]` or `{messages: [...]}`.
fn messages(file: &str, text: &str) -> Option<Vec<Value>> {
    if !file.to_ascii_lowercase().ends_with(".json") {
        return None;
    }
    let mut value: Value = serde_json::from_str(text).ok()?;
    let list = match &mut value {
        Value::Object(map) => map.get_mut("messages")?.take(),
        _ => value,
    };
    let Value::Array(items) = list else { return None };
    (!items.is_empty() && items.iter().all(|m| m.get("role").is_some_and(Value::is_string))).then_some(items)
}
