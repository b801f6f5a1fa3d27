//! What the mock answers is what the providers' own descriptions of their APIs allow: whole answers, events of streams, and errors, each
//! held against its schema.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use inrush::mock::{DelayDist, MockConfig, start};
use serde_json::{Map, Value, json};

use crate::support::fixtures;

/// A description, ready to be asked.
struct Spec {
    name: &'static str,
    document: Value,
}

impl Spec {
    fn read(name: &'static str) -> Option<Self> {
        let text = std::fs::read_to_string(fixtures("openapi")?.join(name)).unwrap();
        // JSON is YAML, but for numbers that no integer holds.
        let yaml = name.ends_with(".yaml");
        let mut document: Value =
            if yaml { serde_yaml_ng::from_str(&text).unwrap() } else { serde_json::from_str(&text).unwrap() };
        nullable(&mut document);
        Some(Self { name, document })
    }

    /// What is wrong with a value.
    #[track_caller]
    fn holds(&self, schema: &str, value: &Value) {
        let mut root = self.document.clone();
        assert!(!root["components"]["schemas"][schema].is_null(), "{} has no {schema}", self.name);
        root["$ref"] = format!("#/components/schemas/{schema}").into();
        let validator = jsonschema::validator_for(&root).unwrap_or_else(|e| panic!("{} {schema}: {e}", self.name));
        let errors: Vec<String> =
            validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).take(5).collect();
        assert!(errors.is_empty(), "{} {schema}:\n{}\nin {value}", self.name, errors.join("\n"));
    }
}

/// OpenAPI 3.0 has a word of its own for what may be null, which descriptions of 3.1 go on using.
fn nullable(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(nullable);
            if fields.remove("nullable") == Some(Value::Bool(true)) {
                let own = Value::Object(std::mem::take(fields));
                fields.insert("anyOf".to_owned(), json!([own, { "type": "null" }]));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(nullable),
        _ => {}
    }
}

/// An answer's status and body, by HTTP/1.0: the body ends with the connection.
fn ask(to: SocketAddr, method: &str, path: &str, headers: &str, body: Option<&Value>) -> (u16, String) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nhost: mock\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let text = String::from_utf8(all).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The data of a stream's events, without `[DONE]`.
fn events(body: &str) -> Vec<Value> {
    let data = body.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn lines(body: &str) -> Vec<Value> {
    body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

struct Mock {
    server: inrush::mock::MockServer,
    headers: &'static str,
}

impl Mock {
    fn start() -> Self {
        let ms = |ms| DelayDist::fixed(Duration::from_millis(ms));
        let server = start(MockConfig { ttft: ms(1), itl: ms(0), ..MockConfig::default() }).unwrap();
        Self { server, headers: "" }
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value, status: u16) -> String {
        self.post_with(path, body, "", status)
    }

    #[track_caller]
    fn post_with(&self, path: &str, body: &Value, more: &str, status: u16) -> String {
        let headers = format!("{}{more}", self.headers);
        let (got, text) = ask(self.server.addr(), "POST", path, &headers, Some(body));
        assert_eq!(got, status, "{path}: {text}");
        text
    }

    #[track_caller]
    fn whole(&self, path: &str, body: &Value) -> Value {
        serde_json::from_str(&self.post(path, body, 200)).unwrap()
    }

    fn get(&self, path: &str) -> Value {
        serde_json::from_str(&ask(self.server.addr(), "GET", path, self.headers, None).1).unwrap()
    }
}

/// The same question with other fields.
fn with(base: &Value, more: Value) -> Value {
    let mut fields: Map<String, Value> = base.as_object().unwrap().clone();
    fields.extend(more.as_object().unwrap().clone());
    Value::Object(fields)
}

fn tool() -> Value {
    json!([{ "type": "function", "function": { "name": "get_weather", "parameters": {
        "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] } } }])
}

const QUESTION: &str = "What is the weather in Rome? Use the tool get_weather.";

/// The schema of an event of the Responses API: the one among those of all events that has this type.
fn event_schema(spec: &Spec, kind: &str) -> String {
    let schemas = &spec.document["components"]["schemas"];
    let all = schemas["ResponseStreamEvent"]["anyOf"].as_array().unwrap();
    let names = all.iter().map(|one| one["$ref"].as_str().unwrap().rsplit('/').next().unwrap());
    let mut fitting = names.filter(|name| schemas[*name]["properties"]["type"]["enum"][0] == kind);
    fitting.next().unwrap_or_else(|| panic!("there is no event {kind}")).to_owned()
}

#[test]
fn openai_is_as_described() {
    let Some(spec) = Spec::read("openai-subset.json") else { return };
    let mock = Mock::start();
    let chat = json!({ "model": "m", "max_tokens": 6, "messages": [{ "role": "user", "content": "hi" }] });
    let calls = json!({ "model": "m", "messages": [{ "role": "user", "content": QUESTION }], "tools": tool() });
    let path = "/v1/chat/completions";
    for body in [&chat, &with(&chat, json!({ "n": 3 })), &calls, &with(&chat, json!({ "reasoning_effort": "low" }))] {
        spec.holds("CreateChatCompletionResponse", &mock.whole(path, body));
        for options in [json!({}), json!({ "include_usage": true })] {
            let streamed = with(body, json!({ "stream": true, "stream_options": options }));
            let all = events(&mock.post(path, &streamed, 200));
            assert!(all.len() > 2);
            all.iter().for_each(|event| spec.holds("CreateChatCompletionStreamResponse", event));
        }
    }
    let text = json!({ "model": "m", "prompt": "Once", "max_tokens": 5 });
    spec.holds("CreateCompletionResponse", &mock.whole("/v1/completions", &text));
    for mut event in events(&mock.post("/v1/completions", &with(&text, json!({ "stream": true })), 200)) {
        // It has one schema for both, in which the reason is never absent; in real streams it is null until the end.
        if event["choices"][0]["finish_reason"].is_null() {
            event["choices"][0]["finish_reason"] = "stop".into();
        }
        spec.holds("CreateCompletionResponse", &event);
    }
    let calling = json!([{ "type": "function", "name": "get_weather", "strict": false, "parameters": { "type": "object", "properties": {} } }]);
    for body in [json!({ "model": "m", "input": "hi" }), json!({ "model": "m", "input": QUESTION, "tools": calling })] {
        spec.holds("Response", &mock.whole("/v1/responses", &body));
        let all = events(&mock.post("/v1/responses", &with(&body, json!({ "stream": true })), 200));
        assert!(all.len() > 4);
        for mut event in all {
            // Real ones are null until the end, which the description does not know.
            if event.pointer("/response/usage") == Some(&Value::Null)
                && let Some(response) = event["response"].as_object_mut()
            {
                response.remove("usage");
            }
            spec.holds(&event_schema(&spec, event["type"].as_str().unwrap()), &event);
        }
    }
    let vectors = json!({ "model": "m", "input": ["a", "b"], "dimensions": 4 });
    spec.holds("CreateEmbeddingResponse", &mock.whole("/v1/embeddings", &vectors));
    spec.holds("ListModelsResponse", &mock.get("/v1/models"));
    for kind in ["400", "401", "404", "429", "500", "503", "quota", "context_length"] {
        let (_, text) = ask(mock.server.addr(), "POST", path, &format!("x-mock-error: {kind}\r\n"), Some(&chat));
        spec.holds("ErrorResponse", &serde_json::from_str(&text).unwrap());
    }
    spec.holds("ErrorResponse", &serde_json::from_str(&mock.post(path, &json!({ "model": "m" }), 400)).unwrap());
}

#[test]
fn mistral_is_as_described_to_its_own_client() {
    let Some(mut spec) = Spec::read("mistral-openapi.yaml") else { return };
    // It demands the `data` of embeddings of chats, too, which no answer has.
    let required = &mut spec.document["components"]["schemas"]["ChatCompletionResponse"]["allOf"][1]["required"];
    required.as_array_mut().unwrap().retain(|name| name != "data");
    let mock = Mock { headers: "user-agent: mistral-client-python/3.7.0\r\n", ..Mock::start() };
    let chat = json!({ "model": "m", "max_tokens": 6, "messages": [{ "role": "user", "content": "hi" }] });
    let calls = json!({ "model": "m", "messages": [{ "role": "user", "content": QUESTION }], "tools": tool() });
    for body in [&chat, &calls] {
        spec.holds("ChatCompletionResponse", &mock.whole("/v1/chat/completions", body));
        let all = events(&mock.post("/v1/chat/completions", &with(body, json!({ "stream": true })), 200));
        assert!(all.len() > 2);
        all.iter().for_each(|event| spec.holds("CompletionChunk", event));
        assert!(all.last().unwrap()["usage"]["completion_tokens"].as_u64() > Some(0), "{all:?}");
    }
    spec.holds("EmbeddingResponse", &mock.whole("/v1/embeddings", &json!({ "model": "m", "input": ["a"] })));
    spec.holds("ModelList", &mock.get("/v1/models"));
}

#[test]
fn ollama_is_as_described() {
    let Some(spec) = Spec::read("ollama-openapi.yaml") else { return };
    let mock = Mock::start();
    let chat =
        json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }], "options": { "num_predict": 5 } });
    let calls = json!({ "model": "m", "messages": [{ "role": "user", "content": QUESTION }], "tools": tool() });
    for body in [&chat, &calls] {
        spec.holds("ChatResponse", &mock.whole("/api/chat", &with(body, json!({ "stream": false }))));
        let all = lines(&mock.post("/api/chat", body, 200));
        assert!(all.last().unwrap()["done"] == true, "{all:?}");
        all.iter().for_each(|event| spec.holds("ChatStreamEvent", event));
    }
    let text = json!({ "model": "m", "prompt": "Once", "options": { "num_predict": 5 } });
    spec.holds("GenerateResponse", &mock.whole("/api/generate", &with(&text, json!({ "stream": false }))));
    lines(&mock.post("/api/generate", &text, 200)).iter().for_each(|event| spec.holds("GenerateStreamEvent", event));
    spec.holds("EmbedResponse", &mock.whole("/api/embed", &json!({ "model": "m", "input": ["a"] })));
    spec.holds("ListResponse", &mock.get("/api/tags"));
    let refused = mock.post_with("/api/chat", &chat, "x-mock-error: 404\r\n", 404);
    spec.holds("ErrorResponse", &serde_json::from_str(&refused).unwrap());
}

#[test]
fn tgi_is_as_described() {
    let Some(spec) = Spec::read("tgi-openapi.json") else { return };
    let mock = Mock::start();
    let text = json!({ "inputs": "Once", "parameters": { "max_new_tokens": 5 } });
    for details in [json!({}), json!({ "parameters": { "max_new_tokens": 5, "details": true } })] {
        spec.holds("GenerateResponse", &mock.whole("/generate", &with(&text, details)));
    }
    let all = events(&mock.post("/generate_stream", &text, 200));
    assert_eq!(all.len(), 5);
    all.iter().for_each(|event| spec.holds("StreamResponse", event));
    let refused = mock.post_with("/generate", &text, "x-mock-error: 429\r\n", 429);
    spec.holds("ErrorResponse", &serde_json::from_str(&refused).unwrap());
}

/// AWS describes its APIs in a form of its own; what it says of structures, as a schema.
fn aws(shapes: &Value) -> Value {
    let refer = |member: &Value| json!({ "$ref": format!("#/$defs/{}", member["shape"].as_str().unwrap()) });
    let mut defs = Map::new();
    for (name, shape) in shapes.as_object().unwrap() {
        let schema = match shape["type"].as_str().unwrap() {
            "structure" if shape["document"] == true => json!({}),
            "structure" => {
                let members = shape["members"].as_object().unwrap();
                let inside = |member: &Value| member["location"].is_null();
                let properties: Map<String, Value> =
                    members.iter().filter(|(_, m)| inside(m)).map(|(name, m)| (name.clone(), refer(m))).collect();
                let required: Vec<Value> = shape["required"].as_array().into_iter().flatten().cloned().collect();
                json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
            }
            "list" => json!({ "type": "array", "items": refer(&shape["member"]) }),
            "map" => json!({ "type": "object", "additionalProperties": refer(&shape["value"]) }),
            "string" if shape["enum"].is_array() => json!({ "enum": shape["enum"] }),
            "string" | "blob" => json!({ "type": "string" }),
            "integer" | "long" => json!({ "type": "integer" }),
            "float" | "double" | "timestamp" => json!({ "type": "number" }),
            "boolean" => json!({ "type": "boolean" }),
            _ => json!({}),
        };
        defs.insert(name.clone(), schema);
    }
    json!({ "$defs": defs, "$ref": "#/$defs/ConverseResponse" })
}

#[test]
fn bedrock_is_as_described() {
    let Some(root) = fixtures("openapi") else { return };
    let text = std::fs::read_to_string(root.join("bedrock-runtime-service-2.json")).unwrap();
    let service: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&aws(&service["shapes"])).unwrap();
    let mock = Mock::start();
    let chat = json!({ "messages": [{ "role": "user", "content": [{ "text": "hi" }] }] });
    let schema = json!({ "json": { "type": "object", "properties": { "city": { "type": "string" } } } });
    let tools = json!({ "tools": [{ "toolSpec": { "name": "get_weather", "inputSchema": schema } }] });
    let calls = json!({ "messages": [{ "role": "user", "content": [{ "text": QUESTION }] }], "toolConfig": tools });
    for body in [&chat, &calls] {
        let answer = mock.whole("/model/m/converse", body);
        let errors: Vec<String> =
            validator.iter_errors(&answer).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{}\nin {answer}", errors.join("\n"));
    }
}
