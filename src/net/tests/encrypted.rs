//! TLS and HTTP/2: negotiation, verification, multiplexing, tunnels.

use super::*;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::PrivateKeyDer;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// A certificate for `localhost` and what a client needs to trust it.
fn certificate() -> (rcgen::CertifiedKey<rcgen::KeyPair>, Vec<u8>) {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let der = key.cert.der().to_vec();
    (key, der)
}

fn acceptor(key: &rcgen::CertifiedKey<rcgen::KeyPair>, protocols: &[&str]) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let private = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

fn trusting(root: Vec<u8>, options: NetOptions) -> Client {
    Client::new(Shared::with(options, ProxyConfig::default(), &[root]).unwrap())
}

async fn https_server(acceptor: TlsAcceptor) -> SocketAddr {
    serve(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            while read_request(&mut stream).await.is_some() {
                // Session tickets were sent long ago: only the answer may count as the first byte.
                tokio::time::sleep(Duration::from_millis(50)).await;
                stream.write_all(ok("secret").as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn https_is_measured_and_described() {
    let (key, root) = certificate();
    let address = https_server(acceptor(&key, &["http/1.1"])).await;
    let url = format!("https://localhost:{}/", address.port());
    let client = trusting(root.clone(), NetOptions::default());
    let first = fetch(&client, get(&url)).await;
    assert_eq!((first.error.clone(), &first.body[..], first.proto), (None, &b"secret"[..], "HTTP/1.1"));
    let tls = first.remote.tls.clone().unwrap();
    assert_eq!(tls.version, "tls1.3");
    assert!(tls.cipher_suite.starts_with("TLS_") && !tls.cipher_suite.contains("TLS13"), "{tls:?}");
    let t = first.timings;
    assert!(t.tls_handshaking > Duration::ZERO && t.blocked >= t.tls_handshaking + t.connecting, "{t:?}");
    assert!(t.waiting >= Duration::from_millis(49), "{t:?}");
    let second = fetch(&client, get(&url)).await;
    assert!(second.reused && second.timings.tls_handshaking == Duration::ZERO && second.remote.tls.is_some());

    let old = NetOptions { tls_max: Some("tls1.2".into()), ..NetOptions::default() };
    let exchange = fetch(&trusting(root, old), get(&url)).await;
    assert_eq!(exchange.remote.tls.unwrap().version, "tls1.2");
}

#[tokio::test]
async fn certificates_are_verified_unless_told_otherwise() {
    let (key, root) = certificate();
    let address = https_server(acceptor(&key, &[])).await;
    let url = format!("https://localhost:{}/", address.port());
    let (_, stranger) = certificate();
    let unknown = fetch(&trusting(stranger, NetOptions::default()), get(&url)).await;
    assert_eq!(unknown.error_code(), Some(1310), "{:?}", unknown.error);
    let wrong_name = get(format!("https://127.0.0.1:{}/", address.port()));
    let mismatch = fetch(&trusting(root, NetOptions::default()), wrong_name).await;
    assert_eq!(mismatch.error_code(), Some(1311), "{:?}", mismatch.error);
    let trusted = fetch(&client(), get(&url)).await;
    assert_eq!((trusted.error, trusted.status), (None, 200));
    let plain = serve(|mut stream, _| async move {
        let _ = stream.read_u8().await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let error = fetch(&client(), get(format!("https://{plain}/"))).await.error.unwrap();
    assert_eq!((error.code, error.kind), (1300, NetErrorKind::Tls));
    assert!(error.message.contains("does this port speak https"), "{error}");
}

/// What `openssl req -x509` makes: a certificate that is its own authority. Trusted, it will do; its host name still counts.
#[tokio::test]
async fn a_server_may_present_a_trusted_root_itself() {
    let own = |names: &[&str]| {
        let mut params =
            rcgen::CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let signing_key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertifiedKey { cert: params.self_signed(&signing_key).unwrap(), signing_key }
    };
    let key = own(&["localhost"]);
    let address = https_server(acceptor(&key, &["http/1.1"])).await;
    let url = |host: &str| get(format!("https://{host}:{}/", address.port()));
    let known = trusting(key.cert.der().to_vec(), NetOptions::default());
    let answer = fetch(&known, url("localhost")).await;
    assert_eq!((answer.error, &answer.body[..]), (None, &b"secret"[..]));
    assert_eq!(fetch(&known, url("127.0.0.1")).await.error_code(), Some(1311));
    // The same name is not the same certificate.
    let stranger = trusting(own(&["localhost"]).cert.der().to_vec(), NetOptions::default());
    let error = fetch(&stranger, url("localhost")).await.error.unwrap();
    assert_eq!(error.code, 1310, "{error}");
    assert!(error.message.contains("self-signed") && error.message.contains("SSL_CERT_FILE"), "{error}");
}

/// A body fed by a task.
struct Piped(mpsc::Receiver<Result<bytes::Bytes, std::io::Error>>);

impl Body for Piped {
    type Data = bytes::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, std::io::Error>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|result| result.map(Frame::data)))
    }
}

/// An HTTP/2 server: `/stream` sends events 20 ms apart for ever, `/reset` refuses, others echo method, path and body length.
async fn h2_server(acceptor: TlsAcceptor) -> SocketAddr {
    async fn reply(
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<http_body_util::combinators::BoxBody<bytes::Bytes, std::io::Error>>, Infallible> {
        let (head, body) = request.into_parts();
        if head.uri.path() == "/stream" {
            let (tx, rx) = mpsc::channel(1);
            tokio::spawn(async move {
                while tx.send(Ok("data: x\n\n".into())).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
            return Ok(hyper::Response::new(Piped(rx).boxed()));
        }
        if head.uri.path() == "/reset" {
            let (tx, rx) = mpsc::channel(1);
            tokio::spawn(async move {
                let _ = tx.send(Ok("abc".into())).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = tx.send(Err(std::io::Error::other("no more"))).await;
            });
            return Ok(hyper::Response::new(Piped(rx).boxed()));
        }
        let length = body.collect().await.unwrap().to_bytes().len();
        let text = format!("{} {} {length}", head.method, head.uri);
        let body = http_body_util::Full::new(bytes::Bytes::from(text)).map_err(|never| match never {});
        Ok(hyper::Response::new(body.boxed()))
    }
    serve(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let stream = acceptor.accept(stream).await.unwrap();
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = http.serve_connection(TokioIo::new(stream), service_fn(reply)).await;
        }
    })
    .await
}

#[tokio::test]
async fn http2_is_negotiated_and_shared() {
    let (key, root) = certificate();
    let address = h2_server(acceptor(&key, &["h2", "http/1.1"])).await;
    let url = |path: &str| format!("https://localhost:{}{path}", address.port());
    let client = trusting(root, NetOptions::default());
    let first = fetch(&client, get(url("/a"))).await;
    assert_eq!((first.error.clone(), first.proto, first.status_text.as_str()), (None, "HTTP/2.0", "200 OK"));
    assert!(first.marks.sent.is_some() && first.marks.first_byte >= first.marks.sent);
    let upload = Request { method: "POST".into(), body: Some(vec![b'x'; 3 << 20].into()), ..get(url("/b")) };
    let (up, other) = tokio::join!(fetch(&client, upload), fetch(&client, get(url("/c"))));
    assert!(up.reused && other.reused, "both on the first connection");
    assert_eq!(&up.body[..], format!("POST {} {}", url("/b"), 3 << 20).as_bytes());
    assert!(up.timings.sending > Duration::ZERO);

    let mut stream = client.open(get(url("/stream"))).await.unwrap();
    for _ in 0..5 {
        assert_eq!(&stream.chunk().await.unwrap().unwrap().bytes[..], b"data: x\n\n");
    }
    assert_eq!(stream.abort().error, None);
    // Giving one stream up leaves the connection to the others.
    assert!(fetch(&client, get(url("/d"))).await.reused);

    let cut = fetch(&client, get(url("/reset"))).await;
    let error = cut.error.unwrap();
    assert!((1630..1650).contains(&error.code), "{error:?}");
    assert_eq!(&cut.body[..], b"abc");
}

#[tokio::test]
async fn http1_can_be_insisted_on() {
    let (key, root) = certificate();
    let address = https_server(acceptor(&key, &["h2", "http/1.1"])).await;
    let request = Request { http1_only: true, ..get(format!("https://localhost:{}/", address.port())) };
    assert_eq!(fetch(&trusting(root, NetOptions::default()), request).await.proto, "HTTP/1.1");
}

#[tokio::test]
async fn tunnels_lead_to_the_server() {
    let (key, root) = certificate();
    let server = https_server(acceptor(&key, &[])).await;
    let proxy = serve(move |mut stream, _| async move {
        let request = read_request(&mut stream).await.unwrap();
        if !request.contains("Proxy-Authorization: Basic dTpw\r\n") {
            stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
            return;
        }
        assert!(request.starts_with("CONNECT far.test:443 HTTP/1.1\r\n"), "{request}");
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
        let mut server = TcpStream::connect(server).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
    })
    .await;
    let through = |user: &str, options: NetOptions| {
        let user = user.to_owned();
        let vars = move |name: &str| (name == "HTTPS_PROXY").then(|| format!("http://{user}{proxy}"));
        Client::new(Shared::with(options, ProxyConfig::from_vars(vars).unwrap(), std::slice::from_ref(&root)).unwrap())
    };
    let insecure = NetOptions { insecure_skip_tls_verify: true, ..NetOptions::default() };
    let exchange = fetch(&through("u:p@", insecure.clone()), get("https://far.test/")).await;
    assert_eq!((exchange.error.clone(), &exchange.body[..]), (None, &b"secret"[..]));
    let refused = fetch(&through("", insecure), get("https://far.test/")).await;
    let error = refused.error.unwrap();
    assert!(error.kind == NetErrorKind::Proxy && error.message.contains("407"), "{error}");
}

/// A server that wants a client certificate signed by `root`.
async fn demanding(key: &rcgen::CertifiedKey<rcgen::KeyPair>, root: Vec<u8>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let private = PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.into()).unwrap();
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    https_server(TlsAcceptor::from(Arc::new(config))).await
}

#[tokio::test]
async fn client_certificates_are_shown_to_their_hosts() {
    let ((key, root), (mine, my_root)) = (certificate(), certificate());
    let address = demanding(&key, my_root).await;
    let url = format!("https://localhost:{}/", address.port());
    let auth = |domains: &[&str]| crate::options::TlsAuth {
        domains: domains.iter().map(|d| (*d).to_owned()).collect(),
        cert: mine.cert.pem(),
        key: mine.signing_key.serialize_pem(),
        password: None,
    };
    for (domains, welcome) in [(&[][..], true), (&["other.test", "LOCALHOST"][..], true), (&["*.localhost"][..], false)]
    {
        for tls_max in [None, Some("tls1.2".to_owned())] {
            let options = NetOptions { tls_auth: vec![auth(domains)], tls_max, ..NetOptions::default() };
            let exchange = fetch(&trusting(root.clone(), options), get(&url)).await;
            assert_eq!(exchange.error.is_none(), welcome, "{domains:?}: {:?}", exchange.error);
            assert!(
                welcome || exchange.error.as_ref().is_some_and(|e| e.kind == NetErrorKind::Tls),
                "{:?}",
                exchange.error
            );
        }
    }
    let unusable = crate::options::TlsAuth { key: key.signing_key.serialize_pem(), ..auth(&[]) };
    let options = NetOptions { tls_auth: vec![unusable], ..NetOptions::default() };
    let error = Shared::with(options, ProxyConfig::default(), &[]).unwrap_err().to_string();
    assert!(error.contains("tlsAuth[0]"), "{error}");
}

#[tokio::test]
async fn only_the_chosen_suites_are_offered() {
    let (key, root) = certificate();
    let address = https_server(acceptor(&key, &[])).await;
    let url = format!("https://localhost:{}/", address.port());
    let tls = |suite: &str, max: Option<&str>| {
        let (tls_cipher_suites, tls_max) = (vec![suite.to_owned()], max.map(str::to_owned));
        trusting(root.clone(), NetOptions { tls_cipher_suites, tls_max, ..NetOptions::default() })
    };
    let suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    let info = fetch(&tls(suite, Some("tls1.2")), get(&url)).await.remote.tls.unwrap();
    assert_eq!((info.version, info.cipher_suite.as_str()), ("tls1.2", suite));
    assert_eq!(fetch(&tls(suite, None), get(&url)).await.remote.tls.unwrap().version, "tls1.3");
    // The server's key is no RSA key.
    let rsa = fetch(&tls("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Some("tls1.2")), get(&url)).await;
    assert_eq!(rsa.error.map(|e| e.kind), Some(NetErrorKind::Tls));
}
