//! From method and path to the function that answers: the table of routes and its lookup.
//!
//! Routes come from `DIALECTS` (model APIs) and `plain::ROUTES` (helpers for HTTP examples) and `admin::ROUTES`. The answer to an unknown
//! path lists them all.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::json;

use super::http_request::Request;
use super::http_response::Response;
use super::model_call::Speech;
use super::pacer::Source;
use super::server::Shared;
use super::truth_log::Record;
use super::{DIALECTS, admin, plain};

/// A model call on its way to an answer.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Shared,
    pub(super) request: &'a mut Request,
    /// The values of the `{...}` parts of the path, as sent.
    pub(super) params: Vec<String>,
    pub(super) record: Record,
}

/// What to do about a request.
pub(super) enum Answer {
    /// Send this now.
    Now(Response, Box<Record>),
    /// Let the pacer write it.
    Paced(Box<dyn Source>),
}

impl Answer {
    pub(super) fn now(response: Response, record: Record) -> Self {
        Self::Now(response, Box::new(record))
    }
}

/// What a plain route answers, now or after a delay counted from the request's arrival.
pub(super) struct PlainAnswer {
    pub(super) response: Response,
    pub(super) delay: Duration,
}

impl From<Response> for PlainAnswer {
    fn from(response: Response) -> Self {
        Self { response, delay: Duration::ZERO }
    }
}

/// The future of a model call's answer.
pub(super) type AnswerFuture<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// How a route answers.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// From the request alone; the texts are the values of the `{...}` parts of the path.
    Plain(fn(&Request, &[&str]) -> PlainAnswer),
    /// As a model that generates: with limits, faults and pacing.
    Model(&'static Speech),
    /// As another part of a model API.
    Call(for<'a> fn(Call<'a>) -> AnswerFuture<'a>),
}

/// One row of the table.
pub(super) struct Route {
    /// In capitals; empty = any.
    pub(super) method: &'static str,
    /// Segments; `{...}` stands for any one of them, or for what comes before a fixed ending.
    pub(super) path: &'static str,
    pub(super) about: &'static str,
    pub(super) handler: Handler,
}

/// The handler for a request and the variable parts of its path, or the answer that there is none.
pub(super) fn find<'r>(method: &str, path: &'r str) -> Result<(Handler, Vec<&'r str>), Response> {
    let mut allowed = Vec::new();
    for route in all() {
        if let Some(params) = matches(route.path, path) {
            let head_of_get = method == "HEAD" && route.method == "GET";
            if route.method.is_empty() || route.method == method || head_of_get {
                return Ok((route.handler, params));
            }
            allowed.push(route.method);
        }
    }
    Err(if allowed.is_empty() { unknown_path(method, path) } else { wrong_method(method, path, &allowed) })
}

fn all() -> impl Iterator<Item = &'static Route> {
    DIALECTS.iter().flat_map(|dialect| dialect.routes).chain(plain::ROUTES).chain(admin::ROUTES)
}

fn matches<'r>(pattern: &str, path: &'r str) -> Option<Vec<&'r str>> {
    let path = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    let mut params = Vec::new();
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(params),
            (Some(w), Some(g)) if w.starts_with('{') => {
                let ending = w.split_once('}').map_or("", |(_, ending)| ending);
                params.push(g.strip_suffix(ending).filter(|value| !value.is_empty())?);
            }
            (Some(w), Some(g)) if w == g => {}
            _ => return None,
        }
    }
}

fn unknown_path(method: &str, path: &str) -> Response {
    let routes: Vec<_> = all()
        .map(|r| {
            let method = if r.method.is_empty() { "*" } else { r.method };
            json!({ "route": format!("{method} {}", r.path), "about": r.about })
        })
        .collect();
    let message = format!("the mock has nothing at {method} {path}; `routes` lists what exists");
    Response::json(
        404,
        &json!({ "error": { "message": message, "type": "not_found", "param": null, "code": "unknown_path" }, "routes": routes }),
    )
}

fn wrong_method(method: &str, path: &str, allowed: &[&str]) -> Response {
    let allow = allowed.join(", ");
    let message = format!("{path} does not answer to {method}; use {allow}");
    Response::json(
        405,
        &json!({ "error": { "message": message, "type": "method_not_allowed", "param": null, "code": null } }),
    )
    .header("allow", allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        assert_eq!(matches("/status/{code}", "/status/404"), Some(vec!["404"]));
        assert_eq!(matches("/a/{x}/b/{y}", "/a/1/b/2/"), Some(vec!["1", "2"]));
        assert_eq!(matches("/models/{m}:go", "/models/a:b:go"), Some(vec!["a:b"]));
        assert_eq!(matches("/models/{m}:go", "/models/:go"), None);
        assert_eq!(matches("/models/{m}:go", "/models/a:stay"), None);
        for (pattern, path) in
            [("/status/{code}", "/status"), ("/status/{code}", "/status//"), ("/a", "/a/b"), ("/a", "/")]
        {
            assert_eq!(matches(pattern, path), None, "{pattern} {path}");
        }
    }

    #[test]
    fn an_unknown_path_lists_what_exists() {
        let Err(response) = find("GET", "/nowhere") else { panic!() };
        let body = String::from_utf8(response.body).unwrap();
        assert_eq!(response.status, 404);
        for route in ["POST /v1/chat/completions", "GET /v1/models", "GET /gzip", "GET /status/{code}"] {
            assert!(body.contains(route) || body.contains(&route.replace("GET", "*")), "{route} in {body}");
        }
    }

    #[test]
    fn a_wrong_method_names_the_right_one() {
        let Err(response) = find("GET", "/v1/chat/completions") else { panic!() };
        assert_eq!((response.status, response.headers.last().unwrap()), (405, &("allow", "POST".to_owned())));
        assert!(find("HEAD", "/health").is_ok());
    }
}
