//! Embeddings and rankings on the wire, in each API's own form.

use super::*;

async fn post(mock: &MockServer, path: &str, body: Value) -> Value {
    let reply = ask(mock, "POST", path, &[], &body.to_string()).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

#[tokio::test]
async fn the_same_text_has_the_same_vector_everywhere() {
    let mock = mock(fast());
    let openai = post(&mock, "/v1/embeddings", json!({ "model": "m", "input": "yes", "dimensions": 3 })).await;
    let vector = &openai["data"][0]["embedding"];
    assert_eq!(vector.as_array().unwrap().len(), 3);

    let part = json!({ "content": { "parts": [{ "text": "yes" }] }, "outputDimensionality": 3 });
    let one = post(&mock, "/v1beta/models/e:embedContent", part.clone()).await;
    let batch = post(&mock, "/v1beta/models/e:batchEmbedContents", json!({ "requests": [part, part] })).await;
    assert_eq!((&one["embedding"]["values"], &batch["embeddings"][1]["values"]), (vector, vector));
    let vertex = "/v1/projects/p/locations/l/publishers/google/models/e:predict";
    let vertex = post(
        &mock,
        vertex,
        json!({ "instances": [{ "content": "yes" }], "parameters": { "outputDimensionality": 3 } }),
    )
    .await;
    let embeddings = &vertex["predictions"][0]["embeddings"];
    assert_eq!((&embeddings["values"], &embeddings["statistics"]["token_count"]), (vector, &json!(1)));

    let cohere = json!({ "model": "e", "texts": ["yes"], "input_type": "search_query", "embedding_types": ["float", "int8"], "output_dimension": 3 });
    let cohere = post(&mock, "/v2/embed", cohere).await;
    assert_eq!(
        (&cohere["embeddings"]["float"][0], &cohere["meta"]["billed_units"]["input_tokens"]),
        (vector, &json!(1))
    );
    assert!(cohere["embeddings"]["int8"][0].as_array().unwrap().iter().all(|n| n.as_i64().unwrap().abs() <= 127));

    let ollama = post(&mock, "/api/embed", json!({ "model": "e", "input": ["yes", "no"], "dimensions": 3 })).await;
    assert_eq!((&ollama["embeddings"][0], &ollama["prompt_eval_count"]), (vector, &json!(2)));
    let older = post(&mock, "/api/embeddings", json!({ "model": "e", "prompt": "yes", "dimensions": 3 })).await;
    assert_eq!(&older["embedding"], vector);

    let titan =
        post(&mock, "/model/amazon.titan-embed-text-v2%3A0/invoke", json!({ "inputText": "yes", "dimensions": 3 }))
            .await;
    assert_eq!((&titan["embedding"], &titan["inputTextTokenCount"]), (vector, &json!(1)));
    let plain = json!({ "texts": ["yes"], "input_type": "search_query", "output_dimension": 3 });
    let plain = post(&mock, "/model/cohere.embed-v4/invoke", plain).await;
    assert_eq!((&plain["embeddings"][0], &plain["response_type"]), (vector, &json!("embeddings_floats")));
}

#[tokio::test]
async fn rankings_have_the_best_first() {
    let mock = mock(fast());
    let body = json!({ "model": "r", "query": "sky blue", "documents": ["red", "the blue sky", "blue"], "top_n": 2 });
    for path in
        ["/v2/rerank", "/v1/rerank", "/model/cohere.rerank-v3-5%3A0/invoke", "/model/amazon.rerank-v1%3A0/invoke"]
    {
        let ranked = post(&mock, path, body.clone()).await;
        let order: Vec<_> =
            ranked["results"].as_array().unwrap().iter().map(|r| r["index"].as_u64().unwrap()).collect();
        assert_eq!(order, [1, 2], "{path}: {ranked}");
        assert!(ranked["results"][0]["relevance_score"].as_f64() > ranked["results"][1]["relevance_score"].as_f64());
    }
}

#[tokio::test]
async fn what_cannot_be_embedded_is_refused_in_the_apis_own_form() {
    let log_dir = tempfile::tempdir().unwrap();
    let log = log_dir.path().join("truth.jsonl");
    let mock = mock(MockConfig { models: vec!["e".to_owned()], truth_log: Some(log.clone()), ..fast() });
    for (path, body, status, pointer, says) in [
        ("/v2/embed", json!({ "model": "e", "texts": ["x"] }), 400, "/message", "input_type must be one of"),
        (
            "/v2/embed",
            json!({ "model": "other", "texts": ["x"], "input_type": "clustering" }),
            404,
            "/message",
            "model 'other' not found",
        ),
        ("/v1beta/models/e:embedContent", json!({ "content": { "parts": [] } }), 400, "/error/message", "empty Part"),
        (
            "/v1beta/models/e:batchEmbedContents",
            json!({ "requests": [1] }),
            400,
            "/error/message",
            "requests[0] must be an object",
        ),
        (
            "/v1/projects/p/locations/l/publishers/google/models/e:predict",
            json!({ "instances": [{}] }),
            400,
            "/error/message",
            "instances[0].content",
        ),
        ("/api/embed", json!({ "model": "e", "input": [1] }), 400, "/error", "`input` must be a list of texts"),
        ("/model/e.titan-embed/invoke", json!({ "inputText": "" }), 400, "/message", "`inputText` must be a string"),
        (
            "/v2/rerank",
            json!({ "model": "e", "query": "q", "documents": [] }),
            400,
            "/message",
            "`documents` must be a list",
        ),
        (
            "/v1/embeddings",
            json!({ "model": "e", "input": "x", "dimensions": 99_999 }),
            400,
            "/error/message",
            "at most 16384",
        ),
    ] {
        let reply = ask(&mock, "POST", path, &[], &body.to_string()).await;
        let said = reply.json();
        let message = said.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        assert!(reply.status == status && message.contains(says), "{path}: {} {said}", reply.status);
    }
    ask(&mock, "POST", "/api/embed", &[], &json!({ "model": "e", "input": "yes and no" }).to_string()).await;
    mock.stop();
    let last = truth(&log).pop().unwrap();
    assert_eq!((&last["prompt_tokens"], &last["model"], &last["status"]), (&json!(3), &json!("e"), &json!(200)));
}
