//! `status`, `pause`, `resume`, `scale` and `stats`: commands to a run elsewhere, through its REST API.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::print;
use crate::api::{DEFAULT_ADDRESS, client};
use crate::error::{Error, ExitCode};

/// What is asked of the run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    Status,
    Pause,
    Resume,
    Scale { vus: Option<u64>, max: Option<u64> },
    Stats,
}

/// Sends the request and prints the answer as YAML.
pub(super) fn run(request: Request, address: Option<&str>) -> Result<u8, Error> {
    let address = address.filter(|a| !a.is_empty()).unwrap_or(DEFAULT_ADDRESS);
    let (method, path, attributes) = match request {
        Request::Status => ("GET", "/v1/status", None),
        Request::Stats => ("GET", "/v1/metrics", None),
        Request::Pause => ("PATCH", "/v1/status", Some(json!({ "paused": true }))),
        Request::Resume => ("PATCH", "/v1/status", Some(json!({ "paused": false }))),
        Request::Scale { vus: None, max: None } => {
            return Err(
                Error::usage("scale: neither --vus nor --max is given").with_hint("for example: scale --vus 20")
            );
        }
        Request::Scale { vus, max } => {
            let mut attributes = json!({});
            for (name, value) in [("vus", vus), ("vus-max", max)] {
                if let Some(value) = value {
                    attributes[name] = value.into();
                }
            }
            ("PATCH", "/v1/status", Some(attributes))
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(ExitCode::Panic, format!("cannot start: {e}")))?;
    let data = runtime.block_on(client::call(address, method, path, attributes))?;
    let mut text = String::new();
    match &data {
        Value::Array(resources) => {
            for resource in resources {
                let name = resource["id"].as_str().unwrap_or_default();
                let _ = writeln!(text, "- name: {name:?}");
                yaml(&mut text, &resource["attributes"], 2);
            }
        }
        resource => yaml(&mut text, &resource["attributes"], 0),
    }
    print(text.as_bytes())
}

/// Objects of scalars, nested, in YAML's block form.
fn yaml(out: &mut String, value: &Value, indent: usize) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let pad = " ".repeat(indent);
        // What k6 calls p(90) is a plain scalar in YAML too.
        match value {
            Value::Object(_) => {
                let _ = writeln!(out, "{pad}{name}:");
                yaml(out, value, indent + 2);
            }
            Value::String(text) => drop(writeln!(out, "{pad}{name}: {text}")),
            other => drop(writeln!(out, "{pad}{name}: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_become_yaml() {
        let mut text = String::new();
        yaml(&mut text, &json!({"status": 7, "type": "trend", "tainted": null, "sample": {"p(90)": 1.5}}), 0);
        assert_eq!(text, "status: 7\ntype: trend\ntainted: null\nsample:\n  p(90): 1.5\n");
    }
}
