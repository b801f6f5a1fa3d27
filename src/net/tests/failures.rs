//! Everything that goes wrong is data, with k6's number.

use super::*;
use std::time::Instant;

async fn failure(request: Request) -> (u32, NetErrorKind, Exchange) {
    let exchange = fetch(&client(), request).await;
    let error = exchange.error.clone().unwrap_or_else(|| panic!("no error: {exchange:?}"));
    (error.code, error.kind, exchange)
}

#[tokio::test]
async fn unusable_urls_are_1020() {
    for url in ["", "nonsense", "ftp://a.test/", "http://", "http://[::1/", "http://u:geheim@:x/"] {
        let (code, _, exchange) = failure(get(url)).await;
        assert_eq!(code, 1020, "{url}");
        assert!(!format!("{exchange:?}").contains("geheim"), "{exchange:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_1212() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (code, kind, exchange) = failure(get(format!("http://{address}/"))).await;
    assert_eq!((code, kind, exchange.status), (1212, NetErrorKind::Connect, 0));
    assert_eq!((exchange.timings.duration, exchange.timings.connecting), (Duration::ZERO, Duration::ZERO));
    assert_eq!(exchange.remote.port, address.port());
}

#[tokio::test]
async fn forbidden_targets_are_1110_and_1111() {
    let options = NetOptions {
        block_hostnames: vec!["*.blocked.test".into()],
        blacklist_ips: vec!["127.0.0.0/8".into()],
        insecure_skip_tls_verify: true,
        ..NetOptions::default()
    };
    let client = client_with(options);
    assert_eq!(fetch(&client, get("http://x.blocked.test/")).await.error_code(), Some(1111));
    assert_eq!(fetch(&client, get("http://127.0.0.1:9/")).await.error_code(), Some(1110));
}

#[tokio::test]
async fn hosts_redirects_the_connection_but_not_the_name() {
    let address = serve(|mut stream, _| async move {
        let request = read_request(&mut stream).await.unwrap();
        stream.write_all(ok(&request).as_bytes()).await.unwrap();
    })
    .await;
    let options = NetOptions {
        hosts: [("*.mapped.test".to_owned(), address.to_string())].into(),
        insecure_skip_tls_verify: true,
        ..NetOptions::default()
    };
    let exchange = fetch(&client_with(options), get("http://a.mapped.test/")).await;
    assert!(String::from_utf8_lossy(&exchange.body).contains("Host: a.mapped.test\r\n"));
    assert_eq!(exchange.remote.port, address.port());
}

#[tokio::test]
async fn time_limits_are_1050_wherever_they_strike() {
    let silent = serve(|mut stream, _| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let stalling = serve(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let dribbling = serve(|mut stream, _| async move {
        read_request(&mut stream).await;
        for byte in b"HTTP/1.1 200 OK".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let looping = answer("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await;
    for address in [silent, stalling, dribbling, looping] {
        let mut request = get(format!("http://{address}/"));
        request.timeout = Some(Duration::from_millis(150));
        request.max_redirects = Some(1_000_000);
        let began = Instant::now();
        let (code, kind, exchange) = failure(request).await;
        assert_eq!((code, kind), (1050, NetErrorKind::Timeout));
        assert!((140..2_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        if address == silent {
            assert!(exchange.timings.waiting >= Duration::from_millis(140), "{:?}", exchange.timings);
            assert!(exchange.marks.sent.is_some() && exchange.marks.first_byte.is_none());
        }
        if address == stalling {
            assert_eq!((exchange.status, &exchange.body[..]), (200, &b"abc"[..]));
        }
    }
}

#[tokio::test]
async fn a_reset_is_1220() {
    let address = serve(|mut stream, _| async move {
        read_request(&mut stream).await;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let (code, kind, _) = failure(get(format!("http://{address}/"))).await;
    assert_eq!((code, kind), (1220, NetErrorKind::Reset));
}

#[tokio::test]
async fn broken_answers_are_told_apart() {
    use NetErrorKind::{Interrupted, Protocol, TooLarge};
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(2 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(2_000));
    let cases: Vec<(&str, Vec<u8>, NetErrorKind)> = vec![
        ("nothing", b"".to_vec(), Interrupted),
        ("half a head", b"HTTP/1.1 200 OK\r\nX: ".to_vec(), Interrupted),
        ("garbage", b"\x16\x03\x01 SSH-2.0 hello\r\n\r\n".to_vec(), Protocol),
        ("a bad status", b"HTTP/1.1 xx OK\r\n\r\n".to_vec(), Protocol),
        ("a cut body", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec(), Interrupted),
        ("a cut chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".to_vec(), Interrupted),
        ("no last chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n".to_vec(), Interrupted),
        ("a bad chunk size", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab".to_vec(), Protocol),
        ("a bad length", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_vec(), Protocol),
        ("a long head", long.into_bytes(), TooLarge),
        ("many headers", many.into_bytes(), TooLarge),
        ("a huge body", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\nabc".to_vec(), TooLarge),
    ];
    for (name, reply, want) in cases {
        let reply = Arc::new(reply);
        let address = serve(move |mut stream, _| {
            let reply = reply.clone();
            async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(&reply).await;
            }
        })
        .await;
        let (code, kind, exchange) = failure(get(format!("http://{address}/"))).await;
        assert_eq!((code, kind), (1000, want), "{name}: {:?}", exchange.error);
    }
}

#[tokio::test]
async fn requests_that_cannot_be_sent_say_why() {
    let address = answer(ok("")).await;
    let mut request = get(format!("http://{address}/"));
    request.headers.push("x-y", "a\r\nInjected: 1");
    let (code, kind, _) = failure(request).await;
    assert_eq!((code, kind), (1000, NetErrorKind::InvalidRequest));
    let (_, kind, _) = failure(Request { method: "G ET".into(), ..get(format!("http://{address}/")) }).await;
    assert_eq!(kind, NetErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_forwarding_proxy_gets_the_whole_url_and_the_credentials() {
    let proxy = serve(|mut stream, _| async move {
        let request = read_request(&mut stream).await.unwrap();
        stream.write_all(ok(&request).as_bytes()).await.unwrap();
    })
    .await;
    let vars = |name: &str| (name == "HTTP_PROXY").then(|| format!("http://u:p@{proxy}"));
    let options = NetOptions { insecure_skip_tls_verify: true, ..NetOptions::default() };
    let shared = Shared::with(options, ProxyConfig::from_vars(vars).unwrap(), &[]).unwrap();
    let exchange = fetch(&Client::new(shared), get("http://far.test/x?y")).await;
    let seen = String::from_utf8_lossy(&exchange.body).into_owned();
    assert!(seen.starts_with("GET http://far.test/x?y HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("Proxy-Authorization: Basic dTpw\r\n") && seen.contains("Host: far.test\r\n"), "{seen}");
}
