//! The transport against raw servers on 127.0.0.1: what goes onto the wire and what is made of what comes back.

mod encrypted;
mod exchanges;
mod failures;
mod logins;
mod streams;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::options::NetOptions;

/// A server that hands every connection, with its number from 0, to `handler`.
async fn serve<F, T>(handler: F) -> SocketAddr
where
    F: Fn(TcpStream, usize) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(handler(stream, number));
            number += 1;
        }
    });
    address
}

/// A server that answers every request of every connection with the same bytes.
async fn answer(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes: Arc<Vec<u8>> = Arc::new(bytes.into());
    serve(move |mut stream, _| {
        let bytes = bytes.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// One request as text, body included; None when the client has closed.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse().unwrap()))
        .unwrap_or(0usize);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn client_with(options: NetOptions) -> Client {
    Client::new(Shared::with(options, ProxyConfig::default(), &[]).unwrap())
}

fn client() -> Client {
    // Verification is off so that the system's roots are not read for plain HTTP.
    client_with(NetOptions { insecure_skip_tls_verify: true, ..NetOptions::default() })
}

fn get(url: impl Into<String>) -> Request {
    Request { timeout: Some(Duration::from_secs(10)), ..Request::new("GET", url) }
}

/// Sends and gives the final exchange.
async fn fetch(client: &Client, request: Request) -> Exchange {
    client.send(request).await.into_last()
}
