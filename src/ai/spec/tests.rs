//! What a spec says, what the environment adds, and what is wrong with either.

use super::*;
use serde_json::json;

fn env(pairs: &[(&str, &str)]) -> Env {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn the_environment_fills_gaps() {
    let e = env(&[("INRUSH_BASE_URL", "http://127.0.0.1:9/"), ("INRUSH_MODEL", "m"), ("INRUSH_API_KEY", "k-secret")]);
    let spec = ModelSpec::from_json(&Value::Null, &e).unwrap();
    assert_eq!((spec.base_url.as_str(), spec.model.as_str()), ("http://127.0.0.1:9/v1", "m"));
    assert_eq!(spec.api_key.as_ref().unwrap().expose(), "k-secret");
    assert!(!format!("{spec:?}").contains("k-secret"));
    assert_eq!(spec.timeout, DEFAULT_TIMEOUT);
    let spec = ModelSpec::from_json(&json!("gpt-4o"), &e).unwrap();
    assert_eq!((spec.model.as_str(), spec.tokenizer.name, spec.tokenizer_exact), ("gpt-4o", "o200k_base", true));
    let other = spec.with_model("llama-3");
    assert_eq!((other.tokenizer.name, other.tokenizer_exact), ("estimate", false));
}

#[test]
fn the_customary_key_goes_to_its_own_address_only() {
    let e = env(&[("OPENAI_API_KEY", "sk-real")]);
    assert!(ModelSpec::from_json(&json!("gpt-4o"), &e).unwrap().api_key.is_some());
    let elsewhere = json!({"model": "gpt-4o", "baseURL": "http://example.test/v1"});
    assert!(ModelSpec::from_json(&elsewhere, &e).unwrap().api_key.is_none());
}

#[test]
fn the_public_address_needs_a_key() {
    let spec = |value: Value, e: &Env| ModelSpec::from_json(&value, e).unwrap();
    let none = Env::new();
    let lacks = spec(json!("gpt-4o"), &none).target();
    let text = lacks.lacks.clone().unwrap();
    for name in ["INRUSH_BASE_URL", "--mock", "OPENAI_API_KEY", "api.openai.com"] {
        assert!(text.contains(name), "{text}");
    }
    assert!(lacks.is_mapped(&[("*.openai.com".to_owned(), "127.0.0.1:1".to_owned())].into()));
    assert!(!lacks.is_mapped(&[("example.test".to_owned(), "127.0.0.1".to_owned())].into()));
    assert_eq!(spec(json!("gpt-4o"), &env(&[("OPENAI_API_KEY", "k")])).lacks(), None);
    assert_eq!(spec(json!({"model": "m", "headers": {"Authorization": "Bearer x"}}), &none).lacks(), None);
    let own = spec(json!({"model": "m", "baseURL": "http://127.0.0.1:9/v1?api-key=secret"}), &none).target();
    assert_eq!((own.address.as_str(), &own.lacks), ("http://127.0.0.1:9/v1", &None));
}

#[test]
fn all_problems_at_once() {
    let bad = json!({"provider": "opnai", "baseUrl": "x", "timeout": "fast", "price": {"input": -1},
        "tokenizer": "o200", "headers": {"a b": "c"}, "baseURL": "ftp://x", "apiKey": "a\nb"});
    let problems = ModelSpec::from_json(&bad, &Env::new()).unwrap_err().0;
    let all = problems.join("\n");
    for expected in [
        "model.provider: unknown provider 'opnai'",
        "model.baseUrl: unknown field; did you mean 'baseURL'?",
        "model.baseURL: scheme 'ftp'",
        "model.model: no model named",
        "model.timeout: expected a positive duration",
        "model.price.input: expected a number of at least 0, got -1",
        "model.price.output: missing",
        "model.tokenizer: unknown tokenizer 'o200'",
        "model.headers: 'a b' is not a header name",
        "model.apiKey: contains a line break",
    ] {
        assert!(all.contains(expected), "missing {expected:?} in\n{all}");
    }
}

#[test]
fn one_general_address_serves_every_provider() {
    let e = env(&[("INRUSH_BASE_URL", "http://127.0.0.1:9/v1"), ("INRUSH_MODEL", "m")]);
    let base = |provider: &str| ModelSpec::from_json(&json!({ "provider": provider }), &e).unwrap().base_url;
    assert_eq!(base("anthropic"), "http://127.0.0.1:9/v1");
    assert_eq!(base("groq"), "http://127.0.0.1:9/v1", "the dialect's path, not that of the service's own host");
    assert_eq!(base("azure-openai"), "http://127.0.0.1:9/openai");
    let own = |url: &str| {
        let spec = json!({"provider": "groq", "model": "m", "baseURL": url});
        ModelSpec::from_json(&spec, &Env::new()).unwrap().base_url
    };
    assert_eq!(own("https://api.groq.com"), "https://api.groq.com/openai/v1");
    assert_eq!(own("https://gateway.test"), "https://gateway.test/v1");
}

#[test]
fn keys_and_addresses_of_their_own() {
    let e = env(&[("ANTHROPIC_API_KEY", "sk-ant-1"), ("OPENAI_API_KEY", "sk-oa-1"), ("GROQ_API_KEY", "gsk-1")]);
    let key = |spec: Value| ModelSpec::from_json(&spec, &e).unwrap().api_key.map(|k| k.expose().to_owned());
    assert_eq!(key(json!({"provider": "anthropic", "model": "m"})).as_deref(), Some("sk-ant-1"));
    assert_eq!(key(json!({"provider": "groq", "model": "m"})).as_deref(), Some("gsk-1"));
    assert_eq!(key(json!({"provider": "grok", "model": "m"})), None, "an alias of xai, whose key is not there");
    assert_eq!(key(json!({"provider": "anthropic", "model": "m", "baseURL": "http://other.test"})), None);
    let e = env(&[("ANTHROPIC_API_KEY", "sk-ant-1"), ("ANTHROPIC_BASE_URL", "http://proxy.test")]);
    let spec = ModelSpec::from_json(&json!({"provider": "anthropic", "model": "m"}), &e).unwrap();
    assert_eq!((spec.base_url.as_str(), spec.api_key.is_some()), ("http://proxy.test/v1", true));
}

#[test]
fn another_api_of_the_same_service() {
    let of = |spec: Value| ModelSpec::from_json(&spec, &Env::new()).map(|s| s.provider.name);
    assert_eq!(of(json!({"provider": "xai", "api": "responses", "model": "m"})).unwrap(), "xai-responses");
    assert_eq!(of(json!({"api": "completions", "model": "m"})).unwrap(), "openai-completions");
    assert_eq!(of(json!({"api": "chat", "model": "m"})).unwrap(), "openai");
    assert!(of(json!({"provider": "groq", "api": "x", "model": "m"})).unwrap_err().0[0].contains("has no API 'x'"));
}

#[test]
fn credentials_are_masked() {
    let spec =
        ModelSpec::from_json(&json!({"provider": "anthropic", "model": "m", "apiKey": "sk-ant-secret"}), &Env::new());
    let spec = spec.unwrap();
    assert_eq!(spec.mask("wrong key sk-ant-secret"), "wrong key ***");
    assert!(!format!("{spec:?}").contains("sk-ant-secret"));
}
