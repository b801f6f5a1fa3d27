//! The client of the API: one request over a connection of its own. Used by the commands `status`, `pause`, `resume`, `scale`
//! and `stats`; not for measured traffic.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::error::Error;

/// How long a run may take to answer.
const LIMIT: Duration = Duration::from_secs(30);

/// Sends a request; returns the `data` of the answer.
///
/// # Errors
/// Nobody listens there, or the run refuses: says why.
pub async fn call(address: &str, method: &str, path: &str, attributes: Option<Value>) -> Result<Value, Error> {
    let exchange = exchange(address, method, path, attributes);
    let (status, body) = tokio::time::timeout(LIMIT, exchange)
        .await
        .map_err(|_| Error::usage(format!("the run at '{address}' did not answer within {LIMIT:?}")))?
        .map_err(|why| {
            Error::usage(format!("no run can be reached at '{address}': {why}"))
                .with_hint("start the run with --address HOST:PORT, and name the same address here")
        })?;
    let document: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status >= 400 {
        let detail = document.pointer("/errors/0/detail").and_then(Value::as_str);
        let detail = detail.map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned);
        return Err(Error::usage(format!("the run at '{address}' refused ({status}): {detail}")));
    }
    match document.get("data") {
        Some(data) => Ok(data.clone()),
        None => Err(Error::usage(format!("what answers at '{address}' is not a run of inrush or k6"))),
    }
}

async fn exchange(
    address: &str,
    method: &str,
    path: &str,
    attributes: Option<Value>,
) -> Result<(u16, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let full = if address.starts_with(':') { format!("127.0.0.1{address}") } else { address.to_owned() };
    let stream = tokio::net::TcpStream::connect(&full).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let body = attributes
        .map(|a| json!({ "data": { "type": "status", "id": "default", "attributes": a } }).to_string())
        .unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", &full)
        .header("content-type", "application/json")
        .body(Full::<Bytes>::from(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    driver.abort();
    Ok((status, body))
}
