//! The own API of Hugging Face's Text Generation Inference: `/generate_stream` and `/generate`, one prompt, one token an event.
//!
//! Because an event is exactly one token, inter-token latency is exact without a vocabulary. Its OpenAI-compatible endpoint is
//! provider `openai` with `baseURL` ending in `/v1`.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::neutral::{self, Format, Part};
use super::openai_chunk::{Count, Text};
use super::{Auth, Malformed, Offers, ProviderDef, Quirks, WireRequest, no_rules_of_its_own};
use crate::ai::address;
use crate::ai::answer::{Answer, ProviderUsage};
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::{self, Frame};
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// The row in [`super::PROVIDERS`].
pub(super) const TGI: ProviderDef = ProviderDef {
    name: "tgi",
    aliases: &["huggingface-tgi"],
    summary: "Text Generation Inference's own API: POST {baseURL}/generate_stream.",
    default_base_url: "http://localhost:8080",
    server_path: "",
    hosts: &[],
    url_variables: &[],
    key_variables: &[],
    settings: &[],
    shared_files: None,
    auth: Auth::Bearer,
    headers: &[],
    offers: Offers { json_schema: true, ..Offers::TEXT },
    quirks: Quirks::OPENAI,
    framing: framing::sse_or_body,
    encode,
    on_event,
    on_body,
    embed: None,
    rerank: None,
    classify: no_rules_of_its_own,
};

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    token: Option<Token<'a>>,
    #[serde(borrow, default)]
    generated_text: Option<Text<'a>>,
    #[serde(borrow, default)]
    details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Token<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(default)]
    special: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details<'a> {
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
    generated_tokens: Count,
    input_length: Count,
}

fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    let data: Event<'_> = serde_json::from_slice(event.data)
        .map_err(|e| Malformed::json("event is not a token of TGI", &e, event.data))?;
    if data.error.is_some() {
        answer.error = Some(String::from_utf8_lossy(event.data).into_owned());
        return Ok(());
    }
    if let Some(token) = data.token.as_ref().filter(|t| t.special != Some(true))
        && let Some(text) = &token.text
    {
        answer.push(0, DeltaKind::Text, &text.0);
    }
    if let Some(details) = data.details {
        take_details(details, answer);
    }
    // One event, one token.
    answer.set_running_output(Some(answer.arrivals.len() as u64 + 1));
    answer.done |= data.generated_text.is_some();
    Ok(())
}

fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let data: Event<'_> =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body is not an answer of TGI", &e, body))?;
    if data.error.is_some() {
        answer.error = Some(String::from_utf8_lossy(body).into_owned());
        return Ok(());
    }
    let Some(text) = &data.generated_text else {
        return Err(Malformed::new("body is not an answer of TGI (it has no generated_text)", body));
    };
    answer.push(0, DeltaKind::Text, &text.0);
    if let Some(details) = data.details {
        take_details(details, answer);
    }
    answer.done = true;
    Ok(())
}

fn take_details(raw: &RawValue, answer: &mut Answer) {
    let Ok(details) = serde_json::from_str::<Details<'_>>(raw.get()) else { return };
    if let Some(reason) = details.finish_reason.as_ref().filter(|r| !r.0.is_empty())
        && let Some(choice) = answer.choice(0)
    {
        choice.finish_reason = Some(reason.0.to_string());
        answer.note(EventType::Finish);
    }
    let usage = ProviderUsage {
        input: details.input_length.get(),
        output: details.generated_tokens.get(),
        ..ProviderUsage::default()
    };
    answer.set_usage(usage, raw.get());
    answer.usage_disbelieved |= [details.input_length, details.generated_tokens].contains(&Count::Disbelieved);
}

fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let mut problems = Vec::new();
    let turns = neutral::turns(request);
    let prompt = match turns.as_slice() {
        [only] => only.parts.iter().filter_map(|p| if let Part::Text(text) = p { Some(*text) } else { None }).collect(),
        _ => {
            problems.push(
                "request.messages: TGI's own API takes one prompt and knows no chat template; use prompt: '...', or provider \
                 'openai' with baseURL .../v1 for conversations"
                    .to_owned(),
            );
            String::new()
        }
    };
    let mut parameters = Map::new();
    let fields = [
        ("max_new_tokens", request.max_tokens.map(Value::from)),
        ("temperature", request.temperature.map(Value::from)),
        ("top_p", request.top_p.map(Value::from)),
        ("seed", request.seed.map(Value::from)),
        ("stop", (!request.stop.is_empty()).then(|| request.stop.clone().into())),
    ];
    parameters.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    match neutral::format(request) {
        None | Some(Format::Text) => {}
        Some(Format::Schema { schema, .. }) => {
            parameters.insert("grammar".into(), json!({ "type": "json", "value": schema }));
        }
        Some(Format::Json | Format::Other(_)) => {
            problems.push("request.responseFormat: TGI's own API needs a JSON schema".to_owned());
        }
    }
    for (name, given) in [("minTokens", request.min_tokens.is_some()), ("ignoreEos", request.ignore_eos.is_some())] {
        if given {
            problems.push(format!("request.{name}: TGI's own API does not offer it; leave it out"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    // Without it there is neither finish reason nor count.
    parameters.insert("details".into(), true.into());
    let mut body = Map::new();
    body.insert("inputs".into(), prompt.into());
    body.insert("parameters".into(), parameters.into());
    let method = if stream { "generate_stream" } else { "generate" };
    let accept = if stream { "text/event-stream" } else { "application/json" };
    WireRequest::json(spec, address::endpoint(&spec.base_url, &[method]), body, &request.extra_body, accept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use std::time::Instant;

    #[test]
    fn one_event_is_one_token() {
        let (mut a, at) = (Answer::default(), Instant::now());
        for event in [
            r#"{"index":1,"token":{"id":1,"text":"a","special":false},"generated_text":null,"details":null}"#,
            r#"{"index":2,"token":{"id":2,"text":"b","special":false},"generated_text":null,"details":null}"#,
            r#"{"index":3,"token":{"id":3,"text":"</s>","special":true},"generated_text":"ab","details":{"finish_reason":"eos_token","generated_tokens":3}}"#,
        ] {
            on_event(&Frame::of(event.as_bytes(), at), &mut a).unwrap();
            a.end_event(at);
        }
        assert_eq!((a.choices[0].text.as_str(), a.done, a.usage.unwrap().output), ("ab", true, Some(3)));
        assert_eq!(a.arrivals.iter().map(|x| x.running_output).collect::<Vec<_>>(), [Some(1), Some(2)]);
    }

    #[test]
    fn requests() {
        let spec = ModelSpec::from_json(&json!({"provider": "tgi", "model": "m"}), &Env::new()).unwrap();
        let request = |value: Value| ChatRequest::from_json(&value).unwrap();
        let wire = encode(
            &spec,
            &request(json!({"prompt": "hi", "maxTokens": 3, "responseFormat": {"type": "object"}})),
            true,
        )
        .unwrap();
        assert_eq!(wire.url, "http://localhost:8080/generate_stream");
        let body: Value = serde_json::from_slice(&wire.body).unwrap();
        assert_eq!(
            body,
            json!({"inputs": "hi", "parameters": {"max_new_tokens": 3, "grammar": {"type": "json", "value": {"type": "object"}}, "details": true}})
        );
        let two = request(json!({"prompt": "hi", "system": "s", "responseFormat": "json", "ignoreEos": true}));
        assert_eq!(encode(&spec, &two, true).unwrap_err().len(), 3);
        let mut whole = Answer::default();
        on_body(br#"{"generated_text":"x","details":{"finish_reason":"length","generated_tokens":1}}"#, &mut whole)
            .unwrap();
        assert_eq!(whole.choices[0].finish_reason.as_deref(), Some("length"));
        assert!(on_body(b"{}", &mut Answer::default()).is_err());
    }
}
