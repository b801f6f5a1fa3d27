//! Embeddings of Gemini (`batchEmbedContents`) and of Vertex AI (`predict`).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::openai_chunk::Count;
use super::{Malformed, WireRequest, google_cloud, vectors};
use crate::ai::address;
use crate::ai::answer::Answer;
use crate::ai::request::EmbedRequest;
use crate::ai::spec::ModelSpec;

/// Builds a request to the Gemini API.
pub(super) fn encode_gemini(spec: &ModelSpec, request: &EmbedRequest) -> Result<WireRequest, Vec<String>> {
    let model = vectors::model(spec, request.model.as_deref()).trim_start_matches("models/");
    let one = |text: &String| {
        let mut one = json!({ "model": format!("models/{model}"), "content": { "parts": [{ "text": text }] } });
        if let Some(n) = request.dimensions {
            one["outputDimensionality"] = n.into();
        }
        if let Some(kind) = &request.input_type {
            one["taskType"] = task(kind).into();
        }
        one
    };
    let mut body = Map::new();
    body.insert("requests".into(), request.input.iter().map(one).collect());
    let url = address::endpoint(&spec.base_url, &["models", &format!("{model}:batchEmbedContents")]);
    WireRequest::json(spec, url, body, &request.extra_body, "application/json")
}

/// Builds a request to Vertex AI.
pub(super) fn encode_vertex(spec: &ModelSpec, request: &EmbedRequest) -> Result<WireRequest, Vec<String>> {
    let model = vectors::model(spec, request.model.as_deref());
    let url = google_cloud::method_url(spec, "google", model, "predict")?;
    let one = |text: &String| {
        let mut one = json!({ "content": text });
        if let Some(kind) = &request.input_type {
            one["task_type"] = task(kind).into();
        }
        one
    };
    let mut body = Map::new();
    body.insert("instances".into(), request.input.iter().map(one).collect());
    if let Some(n) = request.dimensions {
        body.insert("parameters".into(), json!({ "outputDimensionality": n }));
    }
    WireRequest::json(spec, url, body, &request.extra_body, "application/json")
}

/// Google's word for what a text is for.
fn task(kind: &str) -> String {
    match kind {
        "query" | "search_query" => "RETRIEVAL_QUERY".to_owned(),
        "document" | "passage" | "search_document" => "RETRIEVAL_DOCUMENT".to_owned(),
        other => other.to_uppercase(),
    }
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    embeddings: Option<Vec<Values>>,
    #[serde(default)]
    predictions: Option<Vec<Prediction>>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<f64>,
    #[serde(default)]
    statistics: Option<Statistics>,
}

#[derive(Deserialize)]
struct Prediction {
    embeddings: Values,
}

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    token_count: Count,
}

fn read(body: &[u8], answer: &mut Answer) -> Result<Reply, Malformed> {
    let reply: Reply =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body holds no embeddings of Google's", &e, body))?;
    answer.error = reply.error.as_ref().map(Value::to_string);
    Ok(reply)
}

/// Reads Gemini's reply; it states no tokens.
pub(super) fn on_embeddings(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let reply = read(body, answer)?;
    match reply.embeddings {
        Some(all) => answer.embeddings = all.into_iter().map(|e| e.values).collect(),
        None if answer.error.is_some() => return Ok(()),
        None => return Err(Malformed::new("body has no embeddings", body)),
    }
    answer.done = true;
    Ok(())
}

/// Reads Vertex AI's reply.
pub(super) fn on_predictions(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let reply = read(body, answer)?;
    let all = match reply.predictions {
        Some(all) => all,
        None if answer.error.is_some() => return Ok(()),
        None => return Err(Malformed::new("body has no embeddings (predictions)", body)),
    };
    let counts: Option<u64> =
        all.iter().map(|p| p.embeddings.statistics.as_ref().and_then(|s| s.token_count.get())).sum();
    answer.embeddings = all.into_iter().map(|p| p.embeddings.values).collect();
    if let Some(tokens) = counts {
        vectors::set_input(Count::Is(tokens), answer);
    }
    answer.done = true;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    #[test]
    fn requests_and_replies() {
        let request = EmbedRequest {
            input: vec!["a".into(), "b".into()],
            dimensions: Some(8),
            input_type: Some("query".into()),
            ..EmbedRequest::default()
        };
        let spec = |value: Value| ModelSpec::from_json(&value, &Env::new()).unwrap();
        let wire =
            encode_gemini(&spec(json!({"provider": "gemini", "model": "gemini-embedding-001"})), &request).unwrap();
        assert!(wire.url.ends_with("/v1beta/models/gemini-embedding-001:batchEmbedContents"), "{}", wire.url);
        let body: Value = serde_json::from_slice(&wire.body).unwrap();
        assert_eq!(
            body["requests"][1],
            json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "b"}]}, "outputDimensionality": 8, "taskType": "RETRIEVAL_QUERY"})
        );
        let mut a = Answer::default();
        on_embeddings(br#"{"embeddings":[{"values":[1,2]},{"values":[3,4]}]}"#, &mut a).unwrap();
        assert_eq!(a.embeddings, [[1.0, 2.0], [3.0, 4.0]]);

        let vertex = spec(json!({"provider": "vertex", "model": "text-embedding-005", "project": "p"}));
        let wire = encode_vertex(&vertex, &request).unwrap();
        assert!(wire.url.ends_with("/publishers/google/models/text-embedding-005:predict"), "{}", wire.url);
        let mut v = Answer::default();
        on_predictions(br#"{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":3,"truncated":false}}},{"embeddings":{"values":[2],"statistics":{"token_count":4.0}}}]}"#, &mut v).unwrap();
        assert_eq!((v.embeddings.len(), v.usage.unwrap().input), (2, Some(7)));
        assert!(
            on_embeddings(b"{}", &mut Answer::default()).is_err()
                && on_predictions(b"{}", &mut Answer::default()).is_err()
        );
    }
}
