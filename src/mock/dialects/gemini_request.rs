//! Reads a request in Gemini's form: `contents` of `parts`, `generationConfig`, `tools` of `functionDeclarations`.
//!
//! Names are accepted in both spellings of protocol buffers, `maxOutputTokens` and `max_output_tokens`, where clients use both.

use serde_json::Value;

use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Body, Question, budget_tokens, effort_tokens, text_at};
use crate::mock::refused::Why;
use crate::mock::structured::{Choice, Form, Structured, Tool};

/// Reads a request.
pub(super) fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let model = asked.param(asked.params.len().saturating_sub(1));
    let mut prompt = Prompt::chat();
    if let Some(system) = body.get("systemInstruction").or_else(|| body.get("system_instruction")) {
        prompt.message("system");
        parts("systemInstruction", system, &mut prompt)?;
    }
    for (index, content) in body.filled_list("contents")?.iter().enumerate() {
        let role = match text_at(content, "role") {
            None => "user",
            Some(role @ ("user" | "model" | "function")) => role,
            Some(_) => return Err(Why::invalid("contents", "Please use a valid role: user, model.")),
        };
        prompt.message(role);
        parts(&format!("contents[{index}]"), content, &mut prompt)?;
    }
    let declared = body.list("tools")?.iter().filter_map(|tool| {
        tool.get("functionDeclarations").or_else(|| tool.get("function_declarations")).and_then(Value::as_array)
    });
    let declared: Vec<&Value> = declared.flatten().collect();
    let mut tools = Vec::new();
    for tool in declared {
        prompt.json(tool);
        let schema = if tool.get("parametersJsonSchema").is_some() { "parametersJsonSchema" } else { "parameters" };
        tools.extend(Tool::read(&lower_types(tool), schema));
    }
    let config = body.object("generationConfig")?;
    let get = |name: &str| config.and_then(|config| config.get(name));
    let json = get("responseMimeType").and_then(Value::as_str) == Some("application/json");
    let schema = get("responseJsonSchema").or_else(|| get("responseSchema")).map(lower_types);
    let form = match &schema {
        Some(schema) => Form::Schema(schema),
        None if json => Form::Json,
        None => Form::Prose,
    };
    let limited = |config: Option<Body<'_>>| config.map_or(Ok(None), |config| config.count("maxOutputTokens", 1));
    if let Some(config) = config {
        config.range("temperature", 0.0, 2.0)?;
        config.range("topP", 0.0, 1.0)?;
    }
    let stops = config.map_or(Ok(Vec::new()), |config| config.stops("stopSequences", 5))?;
    Ok(Question {
        model,
        stream: asked.path.ends_with(":streamGenerateContent"),
        usage: true,
        max_tokens: limited(config)?,
        stops,
        reasoning_tokens: thinking(get("thinkingConfig")),
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        structured: Structured::choose(&tools, &choice(body), prompt.said.as_deref(), form),
        ..Question::default()
    })
}

fn thinking(config: Option<&Value>) -> u32 {
    let Some(config) = config else { return 0 };
    match (config.get("thinkingBudget").and_then(Value::as_i64), text_at(config, "thinkingLevel")) {
        // -1: as the model sees fit.
        (Some(budget), _) => {
            u64::try_from(budget).map_or_else(|_| effort_tokens(Some("medium")), |n| budget_tokens(Some(n)))
        }
        (None, level) => effort_tokens(level.map(str::to_ascii_lowercase).as_deref()),
    }
}

fn choice(body: Body<'_>) -> Choice {
    let config = body.get("toolConfig").and_then(|config| config.get("functionCallingConfig"));
    let Some(config) = config else { return Choice::Auto };
    let only = config.get("allowedFunctionNames").and_then(|names| names.get(0)).and_then(Value::as_str);
    match (text_at(config, "mode"), only) {
        (Some("NONE"), _) => Choice::None,
        (Some("ANY"), Some(name)) => Choice::Named(name.to_owned()),
        (Some("ANY"), None) => Choice::Required,
        _ => Choice::Auto,
    }
}

/// A schema with its types as JSON schema writes them, `object` where Gemini may write `OBJECT`.
fn lower_types(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(kind) if name == "type" => (name.clone(), kind.to_ascii_lowercase().into()),
                other => (name.clone(), lower_types(other)),
            })
            .collect(),
        Value::Array(list) => list.iter().map(lower_types).collect(),
        other => other.clone(),
    }
}

fn parts(place: &str, content: &Value, prompt: &mut Prompt) -> Result<(), Why> {
    let Some(parts) = content.get("parts").and_then(Value::as_array) else {
        return Err(Why::invalid("contents", format!("{place}.parts: must be a list of parts")));
    };
    for part in parts {
        if let Some(text) = text_at(part, "text") {
            prompt.text(text);
        } else if let Some(result) = part.get("functionResponse") {
            prompt.result(result);
        } else if let Some(call) = part.get("functionCall") {
            prompt.json(call);
        } else if part.get("inlineData").or_else(|| part.get("fileData")).is_some() {
            prompt.image();
        }
    }
    Ok(())
}
