//! llama.cpp's own completion API: `/completion`, one prompt as it stands, without a chat template.
//!
//! Every event states how many tokens there have been, so inter-token latency is exact without a vocabulary; the last one has the
//! server's `timings`. `tokens_cached` of it counts all that the slot holds at the end, and is not what was read from a cache: that
//! is what of the prompt was not processed.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::neutral::{self, Format, Part};
use super::openai_chunk::{Count, Text};
use super::tgi::TGI;
use super::{Malformed, Offers, ProviderDef, WireRequest};
use crate::ai::address;
use crate::ai::answer::{Answer, ProviderUsage};
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::Frame;
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// The row in [`super::PROVIDERS`].
pub(super) const LLAMACPP_COMPLETION: ProviderDef = ProviderDef {
    name: "llamacpp-completion",
    aliases: &[],
    summary: "llama.cpp's own completion API: POST {baseURL}/completion.",
    default_base_url: "http://127.0.0.1:8080",
    key_variables: &["LLAMA_API_KEY"],
    offers: Offers { json_schema: true, ..Offers::TEXT },
    encode,
    on_event,
    on_body,
    ..TGI
};

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(default)]
    stop: Option<bool>,
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    stop_type: Option<Text<'a>>,
    /// Of servers before December 2024, in the place of `stop_type`.
    #[serde(default)]
    stopped_limit: bool,
    #[serde(default)]
    stopped_word: bool,
    #[serde(default)]
    stopped_eos: bool,
    #[serde(default)]
    tokens_predicted: Count,
    #[serde(default)]
    tokens_evaluated: Count,
    #[serde(borrow, default)]
    timings: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// What of the timings are counts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Timings {
    cache_n: Count,
    prompt_n: Count,
    predicted_n: Count,
}

fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    let data: Event<'_> = serde_json::from_slice(event.data)
        .map_err(|e| Malformed::json("event is not a completion of llama.cpp", &e, event.data))?;
    take(&data, answer);
    // The last event brings no text.
    let running = data.tokens_predicted.get().filter(|_| data.stop != Some(true));
    answer.set_running_output(running);
    Ok(())
}

fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let data: Event<'_> =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body is not a completion of llama.cpp", &e, body))?;
    if data.error.is_none() && data.content.is_none() {
        return Err(Malformed::new("body is not a completion of llama.cpp (it has no content)", body));
    }
    take(&data, answer);
    Ok(())
}

fn take(data: &Event<'_>, answer: &mut Answer) {
    if let Some(error) = data.error {
        answer.error = Some(error.get().to_owned());
        return;
    }
    if let Some(text) = &data.content {
        answer.push(0, DeltaKind::Text, &text.0);
    }
    if data.stop != Some(true) {
        return;
    }
    answer.done = true;
    answer.model = data.model.as_ref().map(|m| m.0.to_string()).filter(|m| !m.is_empty());
    let older = [(data.stopped_limit, "limit"), (data.stopped_word, "word"), (data.stopped_eos, "eos")];
    let older = older.into_iter().find_map(|(stopped, word)| stopped.then_some(word));
    let reason =
        data.stop_type.as_ref().map(|reason| &*reason.0).filter(|reason| !["", "none"].contains(reason)).or(older);
    if let (Some(reason), Some(choice)) = (reason, answer.choice(0)) {
        choice.finish_reason = Some(reason.to_owned());
        answer.note(EventType::Finish);
    }
    take_counts(data, answer);
}

fn take_counts(data: &Event<'_>, answer: &mut Answer) {
    let raw = data.timings.map_or("{}", RawValue::get);
    let timings: Timings = serde_json::from_str(raw).unwrap_or_default();
    let processed = timings.prompt_n.get();
    // The whole prompt, or its two parts.
    let parts = || Some(processed? + timings.cache_n.get().unwrap_or(0));
    let input = data.tokens_evaluated.get().or_else(parts);
    let cached = timings.cache_n.get().or_else(|| input?.checked_sub(processed?));
    let usage = ProviderUsage {
        input,
        output: data.tokens_predicted.or(timings.predicted_n).get(),
        cached,
        ..ProviderUsage::default()
    };
    let counts = [data.tokens_evaluated, data.tokens_predicted, timings.cache_n, timings.prompt_n, timings.predicted_n];
    if counts.iter().any(|count| *count != Count::Absent) {
        answer.set_usage(usage, raw);
        answer.usage_disbelieved |= counts.contains(&Count::Disbelieved);
    }
    if data.timings.is_some() {
        answer.server_timings = Some(raw.to_owned());
    }
}

fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let mut problems = Vec::new();
    let turns = neutral::turns(request);
    let own_prompt = request.extra_body.contains_key("prompt");
    let prompt: String = match turns.as_slice() {
        [only] => only.parts.iter().filter_map(|p| if let Part::Text(text) = p { Some(*text) } else { None }).collect(),
        _ if own_prompt => String::new(),
        _ => {
            problems.push(
                "request.messages: /completion takes one prompt and knows no chat template; use prompt: '...', or provider \
                 'llamacpp' for conversations"
                    .to_owned(),
            );
            String::new()
        }
    };
    let mut body = Map::new();
    body.insert("model".into(), request.model.as_deref().unwrap_or(&spec.model).into());
    body.insert("prompt".into(), prompt.into());
    let fields = [
        ("n_predict", request.max_tokens.map(Value::from)),
        ("temperature", request.temperature.map(Value::from)),
        ("top_p", request.top_p.map(Value::from)),
        ("seed", request.seed.map(Value::from)),
        ("stop", (!request.stop.is_empty()).then(|| request.stop.clone().into())),
        ("ignore_eos", request.ignore_eos.map(Value::from)),
        ("cache_prompt", request.cache_prompt.map(Value::from)),
        ("stream", Some(stream.into())),
    ];
    body.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    match neutral::format(request) {
        None | Some(Format::Text) => {}
        // An empty schema is any JSON.
        Some(Format::Json) => _ = body.insert("json_schema".into(), json!({})),
        Some(Format::Schema { schema, .. }) => _ = body.insert("json_schema".into(), schema.clone()),
        Some(Format::Other(_)) => {
            problems.push("request.responseFormat: llama.cpp knows text, json or a JSON schema only".to_owned());
        }
    }
    if request.min_tokens.is_some() {
        problems.push("request.minTokens: llama.cpp does not offer it; use ignoreEos with maxTokens".to_owned());
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let accept = if stream { "text/event-stream" } else { "application/json" };
    // The same server's other API lies below `/v1`.
    let base = spec.base_url.strip_suffix("/v1").unwrap_or(&spec.base_url);
    WireRequest::json(spec, address::endpoint(base, &["completion"]), body, &request.extra_body, accept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    #[test]
    fn the_last_event_has_reason_counts_and_times() {
        let events = [
            r#"{"index":0,"content":"a","tokens":[1],"stop":false,"tokens_predicted":1,"tokens_evaluated":9}"#,
            r#"{"index":0,"content":"bc","tokens":[2,3],"stop":false,"tokens_predicted":3,"tokens_evaluated":9}"#,
            r#"{"index":0,"content":"","stop":true,"model":"m.gguf","stop_type":"limit","tokens_predicted":4,"tokens_evaluated":9,"tokens_cached":12,"timings":{"cache_n":5,"prompt_n":4,"prompt_ms":2.5,"predicted_n":4}}"#,
        ];
        let a = super::super::parsed(on_event, &events);
        let usage = a.usage.unwrap();
        assert_eq!((a.choices[0].text.as_str(), a.done, a.model.as_deref()), ("abc", true, Some("m.gguf")));
        assert_eq!((usage.input, usage.output, usage.cached), (Some(9), Some(4), Some(5)));
        assert_eq!(a.choices[0].finish_reason.as_deref(), Some("limit"));
        assert_eq!(a.arrivals.iter().map(|x| x.running_output).collect::<Vec<_>>(), [Some(1), Some(3)]);
        assert!(a.server_timings.unwrap().contains(r#""prompt_ms":2.5"#));
        let error = super::super::parsed(on_event, &[r#"{"error":{"code":500,"message":"no slot"}}"#]);
        assert!(error.error.unwrap().contains("no slot"));
    }

    #[test]
    fn whole_replies_of_newer_and_older_servers() {
        let mut a = Answer::default();
        let body = br#"{"content":"hi","stop":true,"stopped_eos":true,"stopped_limit":false,"tokens_predicted":2,"tokens_evaluated":3,"timings":{"prompt_n":1}}"#;
        on_body(body, &mut a).unwrap();
        assert_eq!((a.choices[0].finish_reason.as_deref(), a.usage.unwrap().cached), (Some("eos"), Some(2)));
        let mut b = Answer::default();
        on_body(
            br#"{"content":"hi","stop":true,"stop_type":"word","timings":{"cache_n":1,"prompt_n":2,"predicted_n":5}}"#,
            &mut b,
        )
        .unwrap();
        let usage = b.usage.unwrap();
        assert_eq!((usage.input, usage.output, usage.cached), (Some(3), Some(5), Some(1)));
        assert!(on_body(b"{}", &mut Answer::default()).is_err());
    }

    #[test]
    fn requests() {
        let encoded = |base: &str, request: Value| {
            let spec = json!({"provider": "llamacpp-completion", "model": "m", "baseURL": base});
            let spec = ModelSpec::from_json(&spec, &Env::new()).unwrap();
            encode(&spec, &ChatRequest::from_json(&request).unwrap(), true)
        };
        let request = json!({"prompt": "Once", "maxTokens": 5, "ignoreEos": true, "cachePrompt": true, "stop": "x", "seed": 1,
            "responseFormat": "json", "extraBody": {"top_k": 3}});
        let wire = encoded("http://h:1/v1", request).unwrap();
        assert_eq!(wire.url, "http://h:1/completion");
        assert_eq!(
            serde_json::from_slice::<Value>(&wire.body).unwrap(),
            json!({"model": "m", "prompt": "Once", "n_predict": 5, "seed": 1, "stop": ["x"], "ignore_eos": true, "cache_prompt": true,
                "stream": true, "json_schema": {}, "top_k": 3})
        );
        let two = json!({"system": "s", "prompt": "x", "minTokens": 1});
        assert_eq!(encoded("http://h:1", two).unwrap_err().len(), 2);
    }
}
