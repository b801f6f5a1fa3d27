//! AWS Bedrock's InvokeModel: every maker's own format, in binary frames of type `chunk` whose payload is Base64.
//!
//! The maker is seen from the model's id when a request is made, and from the shape of the data when a reply is read: Anthropic, Amazon Nova
//! and Titan, Meta Llama, and those that speak OpenAI's dialect. The last chunk holds Bedrock's own counts and times, which win over the model's.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::bedrock::{BEDROCK, exception, take_event, take_usage};
use super::neutral::{self, Part};
use super::openai_chat::OPENAI;
use super::openai_chunk::Text;
use super::{Malformed, ProviderDef, WireRequest, anthropic, anthropic_body, bedrock_auth, bedrock_body};
use crate::ai::answer::Answer;
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::Frame;
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// The row in [`super::PROVIDERS`].
pub(super) const BEDROCK_INVOKE: ProviderDef = ProviderDef {
    name: "bedrock-invoke",
    aliases: &[],
    summary: "AWS Bedrock, InvokeModel: POST {baseURL}/model/{model}/invoke-with-response-stream, in the model's own format.",
    encode,
    on_event,
    on_body,
    ..BEDROCK
};

#[derive(Debug, Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    bytes: Cow<'a, str>,
}

/// Enough of every format to tell them apart, and the whole of the small ones.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape<'a> {
    /// Anthropic.
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    /// Nova: one event of Converse under its name.
    #[serde(borrow, default)]
    message_start: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content_block_start: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content_block_delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message_stop: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    /// Nova, whole.
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
    /// Titan.
    #[serde(borrow, default)]
    output_text: Option<Text<'a>>,
    #[serde(borrow, default)]
    completion_reason: Option<Text<'a>>,
    /// Titan, whole.
    #[serde(borrow, default)]
    results: Option<Vec<TitanResult<'a>>>,
    /// Llama.
    #[serde(borrow, default)]
    generation: Option<Text<'a>>,
    #[serde(borrow, default, rename = "stop_reason")]
    stop_reason: Option<Text<'a>>,
    /// OpenAI's dialect.
    #[serde(borrow, default)]
    choices: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "amazon-bedrock-invocationMetrics")]
    metrics: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TitanResult<'a> {
    #[serde(borrow, default)]
    output_text: Option<Text<'a>>,
    #[serde(borrow, default)]
    completion_reason: Option<Text<'a>>,
}

fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    if event.exception {
        answer.error = Some(exception(event));
        return Ok(());
    }
    let payload: Payload<'_> = serde_json::from_slice(event.data)
        .map_err(|e| Malformed::json("chunk has no bytes of the model", &e, event.data))?;
    let data = data_encoding::BASE64
        .decode(payload.bytes.as_bytes())
        .map_err(|e| Malformed::new(format!("chunk is not Base64 ({e})"), event.data))?;
    let shape: Shape<'_> =
        serde_json::from_slice(&data).map_err(|e| Malformed::json("chunk is not JSON of a model", &e, &data))?;
    let inner = Frame { name: b"", data: &data, at: event.at, exception: false };
    let nova = [
        (&b"messageStart"[..], shape.message_start),
        (b"contentBlockStart", shape.content_block_start),
        (b"contentBlockDelta", shape.content_block_delta),
        (b"messageStop", shape.message_stop),
        (b"metadata", shape.metadata),
    ];
    if shape.kind.as_ref().is_some_and(|k| !k.0.is_empty()) {
        (anthropic::ANTHROPIC.on_event)(&inner, answer)?;
    } else if shape.choices.is_some() {
        (OPENAI.on_event)(&inner, answer)?;
    } else {
        for (name, raw) in nova.into_iter().filter_map(|(name, raw)| Some((name, raw?))) {
            take_event(name, raw.get().as_bytes(), answer)?;
        }
        take_text(&shape, answer);
    }
    take_metrics(shape.metrics, answer);
    Ok(())
}

fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let shape: Shape<'_> =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body is not JSON of a model", &e, body))?;
    if shape.kind.as_ref().is_some_and(|k| !k.0.is_empty()) {
        return (anthropic::ANTHROPIC.on_body)(body, answer);
    }
    if shape.choices.is_some() {
        return (OPENAI.on_body)(body, answer);
    }
    if shape.output.is_some() {
        return (BEDROCK.on_body)(body, answer);
    }
    if shape.results.is_none() && shape.generation.is_none() && shape.output_text.is_none() {
        return Err(Malformed::new("body is in no format of a model that is known here", body));
    }
    take_text(&shape, answer);
    take_counts(body, answer);
    answer.done = true;
    Ok(())
}

/// Titan and Llama, whole or in pieces.
fn take_text(shape: &Shape<'_>, answer: &mut Answer) {
    for text in [&shape.output_text, &shape.generation].into_iter().flatten() {
        answer.push(0, DeltaKind::Text, &text.0);
    }
    for result in shape.results.iter().flatten() {
        if let Some(text) = &result.output_text {
            answer.push(0, DeltaKind::Text, &text.0);
        }
        finish(result.completion_reason.as_ref(), answer);
    }
    finish(shape.completion_reason.as_ref(), answer);
    finish(shape.stop_reason.as_ref(), answer);
}

fn finish(reason: Option<&Text<'_>>, answer: &mut Answer) {
    if let Some(reason) = reason.filter(|r| !r.0.is_empty())
        && let Some(choice) = answer.choice(0)
    {
        choice.finish_reason = Some(reason.0.to_string());
        answer.note(EventType::Finish);
    }
}

fn take_metrics(raw: Option<&RawValue>, answer: &mut Answer) {
    if let Some(raw) = raw {
        take_usage(Some(raw), answer);
        answer.server_timings = Some(raw.get().to_owned());
    }
}

/// The counts of a whole reply of Titan or Llama, under the names of the metrics.
fn take_counts(body: &[u8], answer: &mut Answer) {
    let Ok(all) = serde_json::from_slice::<Value>(body) else { return };
    let first = |paths: &[&str]| paths.iter().find_map(|path| all.pointer(path)?.as_u64());
    let input = first(&["/inputTextTokenCount", "/prompt_token_count"]);
    let output = first(&["/results/0/tokenCount", "/generation_token_count"]);
    if input.is_some() || output.is_some() {
        let raw = json!({ "inputTokenCount": input, "outputTokenCount": output }).to_string();
        if let Ok(raw) = RawValue::from_string(raw) {
            take_usage(Some(&raw), answer);
        }
    }
}

fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let model = request.model.as_deref().unwrap_or(&spec.model);
    let mut body = Map::new();
    if model.contains("anthropic.") {
        body.insert("anthropic_version".into(), "bedrock-2023-05-31".into());
        anthropic_body::fill(&mut body, request, false)?;
    } else if model.contains("amazon.nova") {
        body.insert("schemaVersion".into(), "messages-v1".into());
        body.extend(bedrock_body::body(request, model)?);
    } else if model.contains("amazon.titan-text") {
        body.insert("inputText".into(), prompt(request, model)?.into());
        let config = sampling(request, ["maxTokenCount", "temperature", "topP", "stopSequences"]);
        if !config.is_empty() {
            body.insert("textGenerationConfig".into(), config.into());
        }
    } else if model.contains("meta.llama") {
        body.insert("prompt".into(), prompt(request, model)?.into());
        body.extend(sampling(request, ["max_gen_len", "temperature", "top_p", ""]));
    } else {
        return Err(vec![format!(
            "model '{model}': its own format is not known here; use provider 'bedrock' (Converse), which is the same for all models"
        )]);
    }
    let method = if stream { "invoke-with-response-stream" } else { "invoke" };
    let url = bedrock_auth::url(spec, model, method);
    WireRequest::json(spec, url, body, &request.extra_body, bedrock_body::accept(stream))
}

/// Most tokens, temperature, nucleus and stop sequences under the given names; a name left empty has no place.
fn sampling(request: &ChatRequest, names: [&str; 4]) -> Map<String, Value> {
    let values = [
        request.max_tokens.map(Value::from),
        request.temperature.map(Value::from),
        request.top_p.map(Value::from),
        (!request.stop.is_empty()).then(|| request.stop.clone().into()),
    ];
    let pairs = names.into_iter().zip(values).filter(|(name, _)| !name.is_empty());
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The one prompt these models take: they know no roles, and templates are the script's.
fn prompt(request: &ChatRequest, model: &str) -> Result<String, Vec<String>> {
    let turns = neutral::turns(request);
    let only_text = |parts: &[Part<'_>]| parts.iter().all(|p| matches!(p, Part::Text(_)));
    match turns.as_slice() {
        [only] if only_text(&only.parts) && request.tools.is_empty() && request.response_format.is_none() => {
            Ok(only.parts.iter().filter_map(|p| if let Part::Text(text) = p { Some(*text) } else { None }).collect())
        }
        _ => Err(vec![format!(
            "model '{model}' takes one prompt of text by InvokeModel; use prompt: '...', or provider 'bedrock' (Converse) for \
             conversations, tools and schemas"
        )]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    fn body(model: &str, request: Value) -> Result<(String, Value), Vec<String>> {
        let spec = ModelSpec::from_json(&json!({"provider": "bedrock-invoke", "model": model}), &Env::new()).unwrap();
        let wire = encode(&spec, &ChatRequest::from_json(&request).unwrap(), true)?;
        Ok((wire.url, serde_json::from_slice(&wire.body).unwrap()))
    }

    #[test]
    fn every_maker_has_its_own_body() {
        let request = json!({"prompt": "hi", "maxTokens": 5});
        let (url, claude) = body("us.anthropic.claude:0", request.clone()).unwrap();
        assert!(url.ends_with("/model/us.anthropic.claude%3A0/invoke-with-response-stream"), "{url}");
        assert_eq!(
            (claude["anthropic_version"].as_str(), claude["max_tokens"].as_u64()),
            (Some("bedrock-2023-05-31"), Some(5))
        );
        assert!(claude.get("stream").is_none() && claude.get("model").is_none());
        let (_, nova) = body("amazon.nova-lite-v1:0", request.clone()).unwrap();
        assert_eq!(
            (nova["schemaVersion"].as_str(), nova["inferenceConfig"]["maxTokens"].as_u64()),
            (Some("messages-v1"), Some(5))
        );
        let (_, titan) = body("amazon.titan-text-lite-v1", request.clone()).unwrap();
        assert_eq!(titan, json!({"inputText": "hi", "textGenerationConfig": {"maxTokenCount": 5}}));
        let (_, llama) = body("us.meta.llama3-1-8b-instruct-v1:0", request.clone()).unwrap();
        assert_eq!(llama, json!({"prompt": "hi", "max_gen_len": 5}));
        assert!(body("who.knows", request).unwrap_err()[0].contains("use provider 'bedrock'"));
        assert!(
            body("amazon.titan-text-lite-v1", json!({"prompt": "x", "system": "s"})).unwrap_err()[0]
                .contains("one prompt")
        );
    }

    #[test]
    fn whole_replies() {
        for (reply, text, output) in [
            (
                r#"{"inputTextTokenCount":3,"results":[{"tokenCount":2,"outputText":"hi","completionReason":"FINISH"}]}"#,
                "hi",
                Some(2),
            ),
            (
                r#"{"generation":"yo","prompt_token_count":3,"generation_token_count":4,"stop_reason":"stop"}"#,
                "yo",
                Some(4),
            ),
            (
                r#"{"output":{"message":{"content":[{"text":"na"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":1}}"#,
                "na",
                Some(1),
            ),
        ] {
            let mut a = Answer::default();
            on_body(reply.as_bytes(), &mut a).unwrap();
            assert_eq!(
                (a.choices[0].text.as_str(), a.usage.unwrap().output, a.usage.unwrap().input),
                (text, output, Some(3))
            );
            assert!(a.choices[0].finish_reason.is_some() && a.done);
        }
        assert!(on_body(b"{}", &mut Answer::default()).is_err());
    }
}
