//! What each address of the API does. Knows nothing of HTTP beyond method, path and body.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::documents::{self, Reply, resource};
use super::{Answer, ApiState};
use crate::stop::StopReason;
use crate::vu::Phase;

/// Answers one request; None for an address that does not exist.
pub(super) fn answer<'a>(state: &'a ApiState, method: &'a str, path: &'a str, body: &'a [u8]) -> Answer<'a> {
    Box::pin(async move {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("GET", ["v1", "status"]) => Reply::data(status(state).await),
            ("PATCH", ["v1", "status"]) => match patch_status(state, body) {
                Ok(()) => Reply::data(status(state).await),
                Err(detail) => Reply::error(400, "Cannot change the status", detail),
            },
            ("GET", ["v1", "metrics"]) => match state.live.get().await {
                Some(live) => Reply::data(live.metrics.iter().map(documents::metric).collect()),
                None => over(),
            },
            ("GET", ["v1", "metrics", id @ ..]) => match state.live.get().await {
                Some(live) => {
                    let id = id.join("/");
                    let found = live.metrics.iter().find(|metric| metric.name == id);
                    found.map_or_else(|| not_found("metric", &id), |metric| Reply::data(documents::metric(metric)))
                }
                None => over(),
            },
            ("GET", ["v1", "groups"]) => match state.live.get().await {
                Some(live) => Reply::data(documents::groups(&live).into()),
                None => over(),
            },
            ("GET", ["v1", "groups", id]) => match state.live.get().await {
                Some(live) => {
                    let found = documents::groups(&live).into_iter().find(|group| group["id"] == *id);
                    found.map_or_else(|| not_found("group", id), Reply::data)
                }
                None => over(),
            },
            ("GET", ["v1", "setup"]) => setup_data(state),
            ("PUT", ["v1", "setup"]) => put_setup(state, body),
            ("POST", ["v1", "setup"]) => match state.runner.setup().await {
                Ok(()) => setup_data(state),
                Err(error) => Reply::error(500, "Error executing setup", error.message()),
            },
            ("POST", ["v1", "teardown"]) => match state.runner.teardown().await {
                Ok(()) => Reply { status: 204, body: None },
                Err(error) => Reply::error(500, "Error executing teardown", error.message()),
            },
            (_, ["v1", "status" | "metrics" | "groups" | "setup" | "teardown", ..]) => {
                Reply::error(405, "Method not allowed", format!("{method} does nothing at {path}"))
            }
            _ => Reply::error(404, "Not found", format!("there is nothing at {path}")),
        }
    })
}

fn over() -> Reply {
    Reply::error(503, "The run is over", "the metrics have been summed up and are not available any more")
}

fn not_found(what: &str, id: &str) -> Reply {
    Reply::error(404, "Not found", format!("no {what} with the id '{id}'"))
}

async fn status(state: &ApiState) -> Value {
    let phase = state.run.phase();
    let attributes = json!({
        "status": phase as u8,
        "paused": state.run.control.is_paused(),
        "vus": state.run.vus_active.load(Ordering::Relaxed),
        "vus-max": state.run.vus_initialized.load(Ordering::Relaxed),
        "stopped": state.stop.is_tripped(),
        "running": (Phase::Setup..=Phase::Teardown).contains(&phase),
        "tainted": state.live.get().await.is_some_and(|live| live.is_tainted()),
    });
    resource("status", "default", attributes)
}

fn patch_status(state: &ApiState, body: &[u8]) -> Result<(), String> {
    let document: Value = serde_json::from_slice(body).map_err(|e| format!("the body is not JSON: {e}"))?;
    let Some(attributes) = document.pointer("/data/attributes").and_then(Value::as_object) else {
        return Err("the body has no data.attributes: send {\"data\": {\"type\": \"status\", \"id\": \"default\", \
                    \"attributes\": {\"paused\": false}}}"
            .to_owned());
    };
    let flag = |name: &str| match attributes.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_bool().map(Some).ok_or_else(|| format!("{name} is neither true nor false")),
    };
    let count = |name: &str| match attributes.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| format!("{name} is not a whole number of zero or more")),
    };
    // Everything is read first: a mistake changes nothing.
    let (stopped, paused, vus, vus_max) = (flag("stopped")?, flag("paused")?, count("vus")?, count("vus-max")?);
    if stopped == Some(true) {
        state.stop.trip(StopReason::StoppedByApi);
        return Ok(());
    }
    if let Some(paused) = paused.filter(|paused| *paused != state.run.control.is_paused()) {
        if (Phase::Setup..).contains(&state.run.phase())
            && let Some(fixed) = state.scenarios.iter().find(|s| s.executor != "externally-controlled")
        {
            return Err(format!(
                "scenario '{}': `{}` cannot be paused or resumed after its start",
                fixed.name, fixed.executor
            ));
        }
        state.run.control.set_paused(paused);
    }
    // A client that sends back a status it has read changes nothing by it.
    let unchanged = vus.is_none_or(|n| n == state.run.vus_active.load(Ordering::Relaxed))
        && vus_max.is_none_or(|n| n == state.run.vus_initialized.load(Ordering::Relaxed));
    match state.run.control.external() {
        None if unchanged => Ok(()),
        _ if vus.is_none() && vus_max.is_none() => Ok(()),
        _ => state.run.control.set_external(vus, vus_max),
    }
}

fn setup_data(state: &ApiState) -> Reply {
    let mut attributes = json!({});
    let data = state.setup_data.get();
    if !data.is_null() {
        attributes["data"] = data;
    }
    Reply::data(resource("setupData", "default", attributes))
}

fn put_setup(state: &ApiState, body: &[u8]) -> Reply {
    // As in k6 the body is the data itself; an empty one removes it.
    let data = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(body) };
    match data {
        Ok(data) => {
            state.setup_data.set(data);
            setup_data(state)
        }
        Err(error) => Reply::error(400, "Error parsing the setup data", format!("the body is not JSON: {error}")),
    }
}
