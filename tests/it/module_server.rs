//! A TLS server that hands out modules: texts by path, redirects, errors, and ETags. It counts what it is asked for.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What one path answers.
#[derive(Clone, Debug)]
pub(crate) enum Page {
    /// 200 with this text.
    Text(&'static str),
    /// 302 to this path or URL.
    To(String),
    /// This status.
    Status(u16),
}

/// A running server; it ends with the process.
pub(crate) struct ModuleServer {
    /// `https://localhost:PORT`.
    pub(crate) base: String,
    /// Its certificate as PEM.
    pub(crate) pem: String,
    pages: Arc<Mutex<HashMap<String, Page>>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl ModuleServer {
    /// Starts a server without pages.
    pub(crate) fn start() -> Self {
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], private)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let pages: Arc<Mutex<HashMap<String, Page>>> = Arc::default();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let (shared_pages, shared_log) = (Arc::clone(&pages), Arc::clone(&log));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(tls) = rustls::ServerConnection::new(Arc::clone(&config)) else { continue };
                let (pages, log) = (Arc::clone(&shared_pages), Arc::clone(&shared_log));
                std::thread::spawn(move || answer(rustls::StreamOwned::new(tls, stream), &pages, &log));
            }
        });
        Self { base, pem: key.cert.pem(), pages, log }
    }

    /// Sets what a path answers.
    pub(crate) fn page(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// What was asked for since the last call: `STATUS PATH`.
    pub(crate) fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

fn answer(
    stream: rustls::StreamOwned<rustls::ServerConnection, std::net::TcpStream>,
    pages: &Mutex<HashMap<String, Page>>,
    log: &Mutex<Vec<String>>,
) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    if stream.read_line(&mut line).is_err() || line.is_empty() {
        return;
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut known = None;
    loop {
        let mut header = String::new();
        match stream.read_line(&mut header) {
            Ok(n) if n > 2 => {}
            _ => break,
        }
        if let Some(etag) = header.to_ascii_lowercase().strip_prefix("if-none-match:") {
            known = Some(etag.trim().to_owned());
        }
    }
    let page = pages.lock().unwrap().get(&path).cloned().unwrap_or(Page::Status(404));
    let (status, headers, body) = match page {
        Page::Text(text) => {
            let etag = format!("\"{}\"", text.len());
            if known.as_deref() == Some(&etag) {
                (304, String::new(), "")
            } else {
                (200, format!("ETag: {etag}\r\n"), text)
            }
        }
        Page::To(target) => (302, format!("Location: {target}\r\n"), ""),
        Page::Status(status) => (status, String::new(), ""),
    };
    log.lock().unwrap().push(format!("{status} {path}"));
    let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len());
    let mut tls = stream.into_inner();
    let _ = tls.write_all(head.as_bytes()).and_then(|()| tls.write_all(body.as_bytes()));
    tls.conn.send_close_notify();
    let _ = tls.flush();
}

/// A proxy that makes tunnels, and what it was asked for: first lines of requests.
pub(crate) fn proxy() -> (String, impl Fn() -> Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let shared = Arc::clone(&log);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let log = Arc::clone(&shared);
            std::thread::spawn(move || tunnel(client, &log));
        }
    });
    (address, move || log.lock().unwrap().clone())
}

fn tunnel(client: TcpStream, log: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut line = first.clone();
    while line.len() > 2 {
        line.clear();
        reader.read_line(&mut line).ok()?;
    }
    let target = first.split(' ').nth(1)?.to_owned();
    log.lock().unwrap().push(first);
    let mut server = TcpStream::connect(target).ok()?;
    let mut client = client;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut from_server, mut to_client) = (server.try_clone().ok()?, client.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_client);
        to_client.shutdown(std::net::Shutdown::Write)
    });
    let _ = std::io::copy(&mut reader, &mut server);
    server.shutdown(std::net::Shutdown::Write).ok()
}
