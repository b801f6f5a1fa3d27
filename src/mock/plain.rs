//! Helpers for plain HTTP examples and tests: echo, status codes, delays, bytes, redirects, cookies, compression.
//!
//! Not part of any model API and never rate-limited. In the spirit of httpbin; the JSON of `/echo` is our own.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use serde_json::{Map, Value, json};

use super::dialects::DIALECTS;
use super::http_request::Request;
use super::http_response::Response;
use super::route::{Handler::Call, Handler::Plain, PlainAnswer, Route};

/// Largest body of `/bytes`.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// Longest `/delay`.
const MAX_DELAY_MS: u64 = 3_600_000;

/// The routes, in the order in which the answer to an unknown path lists them.
pub(super) static ROUTES: &[Route] = &[
    Route { method: "GET", path: "/", about: "what this is", handler: Plain(|_, _| about()) },
    Route { method: "GET", path: "/health", about: "200 when up", handler: Plain(|_, _| health()) },
    Route {
        method: "GET",
        path: "/metrics",
        about: "counters and times for Prometheus",
        handler: Call(super::metrics_page::answer),
    },
    Route { method: "", path: "/echo", about: "the request as JSON", handler: Plain(|r, _| echo(r)) },
    Route {
        method: "",
        path: "/status/{code}",
        about: "answers with that status",
        handler: Plain(|_, p| status(p[0])),
    },
    Route { method: "", path: "/delay/{ms}", about: "answers after that time", handler: Plain(|r, p| delay(r, p[0])) },
    Route { method: "GET", path: "/bytes/{n}", about: "that many bytes", handler: Plain(|_, p| bytes(p[0])) },
    Route { method: "", path: "/redirect/{n}", about: "redirects n times", handler: Plain(|_, p| redirect(p[0])) },
    Route { method: "GET", path: "/cookies", about: "the request's cookies", handler: Plain(|r, _| cookies(r)) },
    Route {
        method: "GET",
        path: "/cookies/set",
        about: "sets the cookies of the query, then redirects to /cookies",
        handler: Plain(|r, _| set_cookies(r)),
    },
    Route { method: "GET", path: "/gzip", about: "JSON, gzip-encoded", handler: Plain(|r, _| gzip(r)) },
    Route { method: "GET", path: "/deflate", about: "JSON, deflate-encoded", handler: Plain(|r, _| deflate(r)) },
    Route {
        method: "GET",
        path: "/basic-auth/{user}/{password}",
        about: "401 unless the request carries these",
        handler: Plain(|r, p| basic_auth(r, p[0], p[1])),
    },
];

fn about() -> PlainAnswer {
    Response::json(
        200,
        &json!({
            "name": "inrush mock",
            "version": env!("CARGO_PKG_VERSION"),
            "chat": "/v1/chat/completions",
            "apis": DIALECTS.iter().map(|d| json!({ "name": d.name, "about": d.about })).collect::<Vec<_>>(),
        }),
    )
    .into()
}

fn health() -> PlainAnswer {
    Response::json(200, &json!({ "status": "ok" })).into()
}

fn bad(message: String) -> PlainAnswer {
    Response::json(400, &json!({ "error": { "message": message, "type": "bad_request", "param": null, "code": null } }))
        .into()
}

/// Secrets come back to the client that sent them, and go nowhere else.
fn echo(request: &Request) -> PlainAnswer {
    let mut headers = Map::new();
    for (name, value) in &request.headers {
        match headers.get_mut(name) {
            Some(Value::String(all)) => {
                all.push_str(", ");
                all.push_str(value);
            }
            _ => {
                headers.insert(name.clone(), json!(value));
            }
        }
    }
    let body = String::from_utf8_lossy(&request.body);
    let json_body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let form = match request.header("content-type") {
        Some(t) if t.starts_with("application/x-www-form-urlencoded") => pairs(&body),
        _ => Map::new(),
    };
    let echoed = json!({
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "args": pairs(&request.query),
        "headers": headers,
        "body": body,
        "form": form,
        "json": json_body,
    });
    Response::json(200, &echoed).into()
}

/// The pairs of a query string or form; the last of several values wins.
fn pairs(text: &str) -> Map<String, Value> {
    url::form_urlencoded::parse(text.as_bytes()).map(|(k, v)| (k.into_owned(), Value::String(v.into_owned()))).collect()
}

fn status(code: &str) -> PlainAnswer {
    match code.parse::<u16>() {
        Ok(code @ 200..=599) => Response::json(code, &json!({ "status": code })).into(),
        _ => bad(format!("/status/{code}: the code is a number from 200 to 599")),
    }
}

fn delay(request: &Request, ms: &str) -> PlainAnswer {
    match ms.parse::<u64>() {
        Ok(ms) if ms <= MAX_DELAY_MS => {
            PlainAnswer { response: echo(request).response, delay: Duration::from_millis(ms) }
        }
        _ => bad(format!("/delay/{ms}: the delay is a whole number of milliseconds up to {MAX_DELAY_MS}")),
    }
}

fn bytes(n: &str) -> PlainAnswer {
    match n.parse::<usize>() {
        Ok(n) if n <= MAX_BYTES => {
            let body: Vec<u8> = (0..n).map(|i| (i % 251) as u8).collect();
            Response::new(200, "application/octet-stream", body).into()
        }
        _ => bad(format!("/bytes/{n}: the size is a whole number up to {MAX_BYTES}")),
    }
}

fn redirect(n: &str) -> PlainAnswer {
    match n.parse::<u32>() {
        Ok(0) => Response::json(200, &json!({ "redirected": true })).into(),
        Ok(n) => Response::json(302, &json!({ "left": n })).header("location", format!("/redirect/{}", n - 1)).into(),
        Err(_) => bad(format!("/redirect/{n}: the number of redirects is a whole number")),
    }
}

fn cookies(request: &Request) -> PlainAnswer {
    let mut cookies = Map::new();
    for (_, line) in request.headers.iter().filter(|(name, _)| name == "cookie") {
        for pair in line.split(';') {
            if let Some((name, value)) = pair.split_once('=') {
                cookies.insert(name.trim().to_owned(), json!(value.trim()));
            }
        }
    }
    Response::json(200, &json!({ "cookies": cookies })).into()
}

fn set_cookies(request: &Request) -> PlainAnswer {
    let mut response = Response::json(302, &json!({})).header("location", "/cookies");
    for (name, value) in url::form_urlencoded::parse(request.query.as_bytes()) {
        let plain = |text: &str, none_of: &[u8]| text.bytes().all(|b| b.is_ascii_graphic() && !none_of.contains(&b));
        if name.is_empty() || !plain(&name, b"=;,\"") || !plain(&value, b";,\"") {
            return bad(
                "a cookie's name and value are visible ASCII without spaces, commas, quotes and semicolons".into()
            );
        }
        response = response.header("set-cookie", format!("{name}={value}; Path=/"));
    }
    response.into()
}

fn compressible(request: &Request, encoding: &str) -> Vec<u8> {
    json!({ "encoding": encoding, "method": request.method, "text": "the same words again and again ".repeat(32) })
        .to_string()
        .into_bytes()
}

fn gzip(request: &Request) -> PlainAnswer {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    let encoded = encoder.write_all(&compressible(request, "gzip")).and_then(|()| encoder.finish());
    encoded_response(encoded, "gzip")
}

fn deflate(request: &Request) -> PlainAnswer {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
    let encoded = encoder.write_all(&compressible(request, "deflate")).and_then(|()| encoder.finish());
    encoded_response(encoded, "deflate")
}

fn encoded_response(encoded: std::io::Result<Vec<u8>>, encoding: &str) -> PlainAnswer {
    match encoded {
        Ok(body) => Response::new(200, "application/json", body).header("content-encoding", encoding).into(),
        Err(error) => Response::json(500, &json!({ "error": { "message": error.to_string() } })).into(),
    }
}

fn basic_auth(request: &Request, user: &str, password: &str) -> PlainAnswer {
    let given = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|value| data_encoding::BASE64.decode(value.trim().as_bytes()).ok());
    if given.is_some_and(|given| given == format!("{user}:{password}").as_bytes()) {
        Response::json(200, &json!({ "authenticated": true, "user": user })).into()
    } else {
        Response::json(401, &json!({ "authenticated": false }))
            .header("www-authenticate", "Basic realm=\"mock\"")
            .into()
    }
}
