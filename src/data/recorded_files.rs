//! Files that other people made: sets of questions, and traces of real services. They lie beside the project, not in it.
#![cfg(test)]

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::dataset::Settings;
use super::recorded::Recorded;
use super::text::Prose;
use super::{Dataset, Synthetic, synthetic};
use crate::ai::dataset::trace::{Source, Trace};
use crate::ai::fixtures;
use crate::ai::tokens::{TOKENIZERS, by_name};

fn dataset(name: &str, options: &Value) -> Option<Dataset> {
    let text = fixtures::read(&format!("traces/{name}"))?;
    let settings = Settings::from_json(options, Path::new(name)).unwrap();
    Some(Dataset::load(Arc::from(text.as_bytes()), settings, None).unwrap())
}

#[test]
fn sets_of_questions() {
    let Some(talks) = dataset("mt_bench_questions.jsonl", &json!({"turns": true})) else { return };
    assert_eq!((talks.len(), talks.left_out()), (80, 0));
    let talk: Value = serde_json::from_str(&talks.json(0).unwrap()).unwrap();
    assert_eq!((talk["turns"].as_array().unwrap().len(), &talk["category"]), (2, &json!("writing")));
    assert_eq!(talk["messages"].as_array().unwrap().len(), 2);
    let Some(questions) = dataset("gsm8k_test.jsonl", &json!({"field": "question"})) else { return };
    assert!(questions.len() == 1319 && questions.json(0).unwrap().contains("ducks lay 16 eggs"));
    let Some(prompts) = dataset("arena_hard_v0.1_questions.jsonl", &json!({"field": "prompt"})) else { return };
    assert_eq!(prompts.len(), 500);
    let Some(rows) = dataset("azure_llm_2023_code.csv", &json!({"sample": "weighted", "weight": "ContextTokens"}))
    else {
        return;
    };
    assert_eq!(rows.len(), 8819);
}

/// Texts of the wild, with code, tables, formulas and other scripts in them.
#[test]
fn exact_prompts_from_texts_of_others() {
    let Some(prompts) = dataset("arena_hard_v0.1_questions.jsonl", &json!({"field": "prompt"})) else { return };
    let wild: Vec<String> =
        (0..prompts.len()).map(|at| serde_json::from_str(&prompts.json(at).unwrap()).unwrap()).collect();
    let Some(sonnets) = fixtures::read("traces/sonnet.txt") else { return };
    for text in [wild.join("\n\n"), sonnets] {
        for tokenizer in TOKENIZERS {
            let prose = Prose::new(tokenizer, Some(&text)).unwrap();
            for (number, tokens) in [7, 40, 333, 2_000, 9_999].into_iter().enumerate() {
                let text = prose.write(tokens, number as u64 * 31, 5).unwrap();
                assert_eq!(tokenizer.count(&text), tokens, "{}", tokenizer.name);
            }
        }
    }
}

#[test]
fn recorded_requests_have_their_lengths() {
    let tokenizer = by_name("o200k_base").unwrap();
    let prose = Arc::new(Prose::new(tokenizer, None).unwrap());
    for (name, step) in [("mooncake_conversation_head.jsonl", 801), ("azure_llm_2023_conv.csv", 997)] {
        let Some(text) = fixtures::read(&format!("traces/{name}")) else { return };
        let trace = Trace::read(Source { text: text.as_bytes(), format: None, lengths: None, seed: 1 }).unwrap();
        let count = trace.len() as u64;
        let recorded = Recorded::new(Arc::new(trace), Arc::clone(&prose), 3, true);
        for number in (0..count).step_by(step) {
            let (row, prompt) = recorded.prompt(number).unwrap().unwrap();
            assert_eq!(tokenizer.count(&prompt.turns[0].content), row.input_tokens.max(1), "{name} {number}");
        }
    }
}

#[test]
fn lengths_drawn_from_a_trace_are_spread_as_its_own() {
    let Some(text) = fixtures::read("traces/azure_llm_2023_conv.csv") else { return };
    let trace = Trace::read(Source { text: text.as_bytes(), format: None, lengths: None, seed: 1 }).unwrap();
    let lengths: super::dist::Lengths =
        trace.rows().map(|row| (row.input_tokens.min(900) as u32, row.output_tokens as u32)).collect();
    let mean = |side: fn(&(u32, u32)) -> u32| {
        lengths.iter().map(|l| f64::from(side(l).max(1))).sum::<f64>() / lengths.len() as f64
    };
    let options =
        json!({"inputTokens": {"dist": "trace", "trace": "x"}, "outputTokens": {"dist": "trace", "trace": "x"}});
    let settings = synthetic::Settings::from_json(&options, &|_| Some(Arc::clone(&lengths))).unwrap();
    let prose = Arc::new(Prose::new(by_name("estimate").unwrap(), None).unwrap());
    let source = Synthetic::new(settings, prose, 1);
    let (mut input, mut output, count) = (0.0, 0.0, 400);
    for number in 0..count {
        let prompt = source.prompt(number).unwrap();
        let drawn = (prompt.input_tokens, prompt.turns[0].output_tokens.unwrap());
        assert!(lengths.iter().any(|l| (u64::from(l.0), u64::from(l.1.max(1))) == drawn), "{drawn:?} is no pair");
        (input, output) = (input + drawn.0 as f64 / count as f64, output + drawn.1 as f64 / count as f64);
    }
    assert!((input / mean(|l| l.0) - 1.0).abs() < 0.15, "{input} instead of {}", mean(|l| l.0));
    assert!((output / mean(|l| l.1) - 1.0).abs() < 0.2, "{output} instead of {}", mean(|l| l.1));
}
