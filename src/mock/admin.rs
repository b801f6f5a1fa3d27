//! The admin API: what the mock does now, faults that are switched on and off while it runs, and limits that begin anew.
//!
//! Without a key it answers mocks that listen on this machine only.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::dist::parse_duration_ns;
use super::http_response::Response;
use super::route::{Answer, AnswerFuture, Call, Handler, Route};
use super::server::Shared;
use super::timeline::{Episode, kinds_of};

/// The routes, in the order in which the answer to an unknown path lists them.
pub(super) static ROUTES: &[Route] = &[
    Route { method: "GET", path: "/mock/admin", about: "what the mock does now", handler: Handler::Call(state) },
    Route {
        method: "POST",
        path: "/mock/admin/faults",
        about: "starts faults: {\"kinds\": \"429,hang\", \"for\": \"10s\", \"share\": 0.5}",
        handler: Handler::Call(start),
    },
    Route { method: "DELETE", path: "/mock/admin/faults", about: "ends them", handler: Handler::Call(end) },
    Route {
        method: "POST",
        path: "/mock/admin/reset",
        about: "ends faults; rate limits are as at the start",
        handler: Handler::Call(reset),
    },
];

fn state(call: Call<'_>) -> AnswerFuture<'_> {
    answer(call, |shared, _| Ok(shown(200, shared)))
}

fn start(call: Call<'_>) -> AnswerFuture<'_> {
    answer(call, |shared, body| {
        let now = shared.started.elapsed();
        shared.timeline.add(now, episode(body, now)?);
        Ok(shown(201, shared))
    })
}

fn end(call: Call<'_>) -> AnswerFuture<'_> {
    answer(call, |shared, _| Ok(Response::json(200, &json!({ "ended": shared.timeline.clear() }))))
}

fn reset(call: Call<'_>) -> AnswerFuture<'_> {
    answer(call, |shared, _| {
        shared.timeline.clear();
        shared.limits.reset(Instant::now());
        Ok(shown(200, shared))
    })
}

fn answer<'a>(call: Call<'a>, act: fn(&Shared, &[u8]) -> Result<Response, String>) -> AnswerFuture<'a> {
    let Call { shared, request, record, .. } = call;
    let response = match (&shared.config.admin_key, request.header("x-admin-key")) {
        (Some(key), Some(given)) if key == given => act(shared, &request.body),
        (None, _) if shared.config.listen.ip().is_loopback() => act(shared, &request.body),
        (None, _) => {
            return Box::pin(std::future::ready(Answer::now(
                refusal(
                    403,
                    "this mock can be reached from elsewhere: start it with --admin-key KEY to use its admin API",
                ),
                record,
            )));
        }
        (Some(_), _) => {
            let why = "the header x-admin-key must carry the mock's --admin-key";
            return Box::pin(std::future::ready(Answer::now(refusal(401, why), record)));
        }
    };
    let response = response.unwrap_or_else(|why| refusal(400, &why));
    Box::pin(std::future::ready(Answer::now(response, record)))
}

fn refusal(status: u16, why: &str) -> Response {
    Response::json(status, &json!({ "error": { "message": why, "type": "admin", "param": null, "code": null } }))
}

fn shown(status: u16, shared: &Shared) -> Response {
    let stats = shared.counters.snapshot();
    let since = shared.started.elapsed();
    Response::json(
        status,
        &json!({
            "uptimeMs": since.as_millis() as u64,
            "faults": shared.timeline.shown(since),
            "requests": stats.requests,
            "open": stats.streams_open,
            "faultsInjected": stats.faults,
            "rateLimited": stats.rate_limited,
            "rejected": stats.rejected,
            "closedEarly": stats.closed_early,
            "tokensWritten": stats.tokens_written,
        }),
    )
}

/// Faults from now on.
fn episode(body: &[u8], now: Duration) -> Result<Episode, String> {
    let example = "send for example {\"kinds\": \"429\", \"for\": \"10s\", \"share\": 0.5}";
    let body: Value = serde_json::from_slice(body).map_err(|e| format!("the body is no JSON: {e}; {example}"))?;
    let Some(fields) = body.as_object() else { return Err(format!("the body must be an object; {example}")) };
    if let Some(unknown) = fields.keys().find(|name| !["kinds", "for", "share"].contains(&name.as_str())) {
        return Err(format!("`{unknown}` is unknown; {example}"));
    }
    let kinds = match &fields.get("kinds") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
            all.iter().filter_map(Value::as_str).collect::<Vec<&str>>().join(",")
        }
        _ => return Err(format!("`kinds` must be a text or a list of texts; {example}")),
    };
    let kinds = kinds_of(&kinds).map_err(|e| e.to_string())?;
    let time = match fields.get("for") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(
            parse_duration_ns(text)
                .map(|ns| Duration::from_nanos(ns as u64))
                .filter(|time| !time.is_zero())
                .ok_or_else(|| format!("`for`: `{text}` is no time; {example}"))?,
        ),
        Some(_) => return Err(format!("`for` must be a text such as \"10s\"; {example}")),
    };
    let share = match fields.get("share") {
        None | Some(Value::Null) => 1.0,
        Some(share) => share
            .as_f64()
            .filter(|share| *share > 0.0 && *share <= 1.0)
            .ok_or_else(|| format!("`share` must be above 0 and at most 1; {example}"))?,
    };
    Ok(Episode::live(now, time, kinds, share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_faults_is_told() {
        let now = Duration::from_secs(1);
        let made = |body: &str| episode(body.as_bytes(), now).map(|e| e.to_string());
        assert_eq!(
            made(r#"{"kinds": "429,hang", "for": "2s", "share": 0.5}"#).unwrap(),
            "1000ms:3000ms=rate_limited,hang@0.5"
        );
        assert_eq!(made(r#"{"kinds": ["cut:5"]}"#).unwrap(), "1000ms:=cut:5");
        for (body, says) in [
            ("", "no JSON"),
            ("[]", "object"),
            ("{}", "`kinds`"),
            (r#"{"kinds": "nonsense"}"#, "known:"),
            (r#"{"kinds": "429", "for": "soon"}"#, "no time"),
            (r#"{"kinds": "429", "for": 5}"#, "must be a text"),
            (r#"{"kinds": "429", "share": 2}"#, "share"),
            (r#"{"kind": "429"}"#, "`kind` is unknown"),
        ] {
            let why = made(body).unwrap_err();
            assert!(why.contains(says), "{body}: {why}");
        }
    }
}
