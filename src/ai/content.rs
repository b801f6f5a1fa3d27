//! What an answer is worth beside its speed: whether it says anything, whether it was refused, whether it is the JSON that was asked
//! for. A server under load that answers fast with nothing, or with half an object, shows here.
//!
//! Called by `result` after the call has ended. It judges calls that succeeded only: a failed one has no content to judge.

use super::answer::Choice;
use super::result::FinishReason;
use super::validate::Schema;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Whether the text is JSON that fits the schema; None without a schema, and for an answer that only calls tools.
    pub valid: Option<bool>,
    /// Why it is not, at most [`MAX_ERRORS`] reasons.
    pub validation_errors: Vec<String>,
    /// Whether the model or a filter refused, as far as the API says so; None when there was no answer to judge.
    pub refused: Option<bool>,
    /// Whether there is neither text nor a tool call nor a refusal nor audio; None when there was no answer to judge.
    pub empty: Option<bool>,
}

/// Most reasons kept of an answer that does not fit its schema.
pub const MAX_ERRORS: usize = 10;

impl Findings {
    /// Judges the answer of a call that came to its end.
    pub(super) fn of(choice: &Choice, finish: Option<FinishReason>, schema: Option<&Schema>) -> Self {
        let refused = !choice.refusal.is_empty() || finish == Some(FinishReason::ContentFilter);
        let silent = choice.text.trim().is_empty() && choice.tool_calls.is_empty();
        let only_tools = choice.text.trim().is_empty() && !choice.tool_calls.is_empty();
        let (valid, validation_errors) = match schema {
            Some(schema) if !only_tools => {
                let errors = schema.errors(&choice.text, MAX_ERRORS);
                (Some(errors.is_empty()), errors)
            }
            _ => (None, Vec::new()),
        };
        let audio = !choice.audio.is_empty();
        Self { valid, validation_errors, refused: Some(refused), empty: Some(silent && !refused && !audio) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::answer::ToolCall;
    use serde_json::json;

    #[test]
    fn fast_but_broken_is_told_from_good() {
        let text = |text: &str| Choice { text: text.into(), ..Choice::default() };
        let judge = |choice: &Choice, finish| Findings::of(choice, Some(finish), None);
        let good = judge(&text("Hello"), FinishReason::Stop);
        assert_eq!((good.empty, good.refused, good.valid), (Some(false), Some(false), None));
        assert_eq!(judge(&text(" \n"), FinishReason::Length).empty, Some(true), "only thinking, or nothing");
        let filtered = judge(&text(""), FinishReason::ContentFilter);
        assert_eq!((filtered.empty, filtered.refused), (Some(false), Some(true)));
        let refusal = Choice { refusal: "No.".into(), ..Choice::default() };
        assert_eq!(judge(&refusal, FinishReason::Stop).refused, Some(true));
        let tool = Choice { tool_calls: vec![ToolCall::default()], ..Choice::default() };
        let schema = Schema::compile(&json!({"type": "object"})).unwrap();
        let tool = Findings::of(&tool, Some(FinishReason::ToolCalls), Some(&schema));
        assert_eq!((tool.empty, tool.valid), (Some(false), None), "its arguments are not the text");
        let half = Findings::of(&text("{\"a\": "), Some(FinishReason::Length), Some(&schema));
        assert_eq!(half.valid, Some(false));
        assert!(half.validation_errors[0].contains("not JSON"), "{half:?}");
    }
}
