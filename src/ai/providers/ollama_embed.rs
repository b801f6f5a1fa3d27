//! Embeddings of Ollama: `/api/embed`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::openai_chunk::Count;
use super::{Malformed, WireRequest, ollama_body, vectors};
use crate::ai::answer::Answer;
use crate::ai::request::EmbedRequest;
use crate::ai::spec::ModelSpec;

/// Builds the request.
pub(super) fn encode(spec: &ModelSpec, request: &EmbedRequest) -> Result<WireRequest, Vec<String>> {
    let mut body = Map::new();
    body.insert("model".into(), vectors::model(spec, request.model.as_deref()).into());
    body.insert("input".into(), request.input.clone().into());
    if let Some(n) = request.dimensions {
        body.insert("dimensions".into(), n.into());
    }
    if request.input_type.is_some() {
        return Err(vec!["request.inputType: Ollama does not offer it; leave it out".to_owned()]);
    }
    WireRequest::json(spec, ollama_body::url(spec, "embed"), body, &request.extra_body, "application/json")
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    embeddings: Option<Vec<Vec<f64>>>,
    #[serde(default)]
    prompt_eval_count: Count,
    #[serde(default)]
    total_duration: Option<u64>,
    #[serde(default)]
    load_duration: Option<u64>,
    #[serde(default)]
    error: Option<Value>,
}

/// Reads the reply.
pub(super) fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let reply: Reply =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body holds no embeddings of Ollama", &e, body))?;
    answer.model = reply.model;
    if let Some(error) = reply.error {
        answer.error = Some(error.to_string());
        return Ok(());
    }
    let Some(embeddings) = reply.embeddings else {
        return Err(Malformed::new("body has no embeddings", body));
    };
    answer.embeddings = embeddings;
    vectors::set_input(reply.prompt_eval_count, answer);
    if let Some(total) = reply.total_duration {
        let load = reply.load_duration.unwrap_or(0);
        answer.server_timings = Some(json!({ "total_duration": total, "load_duration": load }).to_string());
    }
    answer.done = true;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    #[test]
    fn request_and_reply() {
        let spec = ModelSpec::from_json(&json!({"provider": "ollama", "model": "all-minilm"}), &Env::new()).unwrap();
        let request = EmbedRequest { input: vec!["a".into()], ..EmbedRequest::default() };
        let wire = encode(&spec, &request).unwrap();
        assert_eq!(wire.url, "http://localhost:11434/api/embed");
        let mut a = Answer::default();
        on_body(br#"{"model":"all-minilm","embeddings":[[0.1,0.2]],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}"#, &mut a).unwrap();
        assert_eq!((a.embeddings[0].len(), a.usage.unwrap().input), (2, Some(8)));
        assert!(on_body(b"{}", &mut Answer::default()).is_err());
    }
}
