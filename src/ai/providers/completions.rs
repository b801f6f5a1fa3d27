//! OpenAI's legacy completions, as vLLM, llama.cpp, TGI and others serve them too: one prompt, and text that continues it.
//!
//! Replies differ from chat's only in where the text is, which `openai_chat` reads as well.

use serde_json::{Map, Value, json};

use super::neutral::{self, Part};
use super::openai_chat::OPENAI;
use super::quirks::MaxTokens;
use super::{Offers, ProviderDef, Quirks, WireRequest};
use crate::ai::address;
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// The row in [`super::PROVIDERS`].
pub(super) const COMPLETIONS: ProviderDef = ProviderDef {
    name: "openai-completions",
    aliases: &["completions"],
    summary: "Legacy completions of OpenAI and compatible servers: POST {baseURL}/completions.",
    offers: Offers { json_schema: true, ..Offers::TEXT },
    quirks: Quirks { max_tokens: MaxTokens::Old, ..Quirks::OPENAI },
    encode,
    ..OPENAI
};

fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let turns = neutral::turns(request);
    let own_prompt = request.extra_body.contains_key("prompt");
    let prompt = match turns.as_slice() {
        [turn] => match turn.parts.as_slice() {
            [Part::Text(text)] => *text,
            [] => "",
            _ => return Err(vec!["request.messages: completions take text only".to_owned()]),
        },
        _ if own_prompt => "",
        _ => {
            return Err(vec![
                "request.messages: completions take one prompt, not a conversation; give prompt, or use a chat API"
                    .to_owned(),
            ]);
        }
    };
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("model", Some(request.model.as_deref().unwrap_or(&spec.model).into()));
    put("prompt", Some(prompt.into()));
    put("max_tokens", request.max_tokens.map(Value::from));
    put("temperature", request.temperature.map(Value::from));
    put("top_p", request.top_p.map(Value::from));
    put("seed", request.seed.map(Value::from));
    put("stop", (!request.stop.is_empty()).then(|| request.stop.clone().into()));
    put("min_tokens", request.min_tokens.map(Value::from));
    put("ignore_eos", request.ignore_eos.map(Value::from));
    put("cache_prompt", request.cache_prompt.map(Value::from));
    put("response_format", request.response_format.clone());
    put("stream", Some(stream.into()));
    if stream {
        put("stream_options", Some(json!({ "include_usage": true })));
    }
    let accept = if stream { "text/event-stream" } else { "application/json" };
    WireRequest::json(spec, address::endpoint(&spec.base_url, &["completions"]), body, &request.extra_body, accept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    fn encoded(request: Value) -> Result<Value, Vec<String>> {
        let spec = json!({"provider": "openai-completions", "model": "m", "baseURL": "http://h"});
        let spec = ModelSpec::from_json(&spec, &Env::new()).unwrap();
        let wire = encode(&spec, &ChatRequest::from_json(&request).unwrap(), true)?;
        assert_eq!(wire.url, "http://h/v1/completions");
        Ok(serde_json::from_slice(&wire.body).unwrap())
    }

    #[test]
    fn one_prompt() {
        let b = encoded(json!({"prompt": "Once", "maxTokens": 5, "ignoreEos": true})).unwrap();
        assert_eq!(
            b,
            json!({"model": "m", "prompt": "Once", "max_tokens": 5, "ignore_eos": true, "stream": true,
                "stream_options": {"include_usage": true}})
        );
        assert!(encoded(json!({"system": "s", "prompt": "x"})).unwrap_err()[0].contains("not a conversation"));
        let several =
            encoded(json!({"messages": [{"role": "user", "content": ""}], "extraBody": {"prompt": ["a", "b"]}}));
        assert_eq!(several.unwrap()["prompt"], json!(["a", "b"]));
    }
}
