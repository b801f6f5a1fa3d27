//! Whole answers: phases, reuse, redirects, cookies, codings, sizes.

use super::*;
use std::sync::Mutex;

#[tokio::test]
async fn phases_follow_the_server() {
    let address = serve(|mut stream, _| async move {
        while read_request(&mut stream).await.is_some() {
            tokio::time::sleep(Duration::from_millis(60)).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab").await.unwrap();
            tokio::time::sleep(Duration::from_millis(40)).await;
            stream.write_all(b"cd").await.unwrap();
        }
    })
    .await;
    let client = client();
    let first = fetch(&client, get(format!("http://{address}/"))).await;
    assert_eq!((first.status, first.status_text.as_str(), first.proto), (200, "200 OK", "HTTP/1.1"));
    assert_eq!(&first.body[..], b"abcd");
    assert_eq!((first.remote.ip, first.remote.port), (Some(address.ip()), address.port()));
    let t = first.timings;
    assert!(t.waiting >= Duration::from_millis(59) && t.receiving >= Duration::from_millis(39), "{t:?}");
    assert!(t.connecting > Duration::ZERO && t.blocked >= t.connecting, "{t:?}");
    assert_eq!(t.duration, t.sending + t.waiting + t.receiving);
    assert!(t.duration < Duration::from_secs(2), "{t:?}");

    let second = fetch(&client, get(format!("http://{address}/"))).await;
    assert!(second.reused);
    assert_eq!((second.timings.connecting, second.timings.looking_up), (Duration::ZERO, Duration::ZERO));
    assert!(second.timings.waiting >= Duration::from_millis(59), "{:?}", second.timings);
    let (sent, received) = client.bytes().take();
    assert!(sent > 60 && received == 2 * (38 + 4), "{sent} {received}");
}

#[tokio::test]
async fn the_request_is_what_was_asked_for() {
    let seen = Arc::new(Mutex::new(String::new()));
    let log = seen.clone();
    let address = serve(move |mut stream, _| {
        let log = log.clone();
        async move {
            *log.lock().unwrap() = read_request(&mut stream).await.unwrap();
            stream.write_all(ok("").as_bytes()).await.unwrap();
        }
    })
    .await;
    let mut request = get(format!("http://user:pa%20ss@{address}/a%20b?q=1#top"));
    request.method = "POST".into();
    request.headers.push("x-custom", "1");
    request.headers.push("x-custom", "2");
    request.body = Some("hello".into());
    let exchange = fetch(&client(), request).await;
    let text = seen.lock().unwrap().clone();
    assert!(text.starts_with("POST /a%20b?q=1 HTTP/1.1\r\n"), "{text}");
    for line in [
        &format!("Host: {address}"),
        "Content-Length: 5",
        "X-Custom: 1",
        "X-Custom: 2",
        "Authorization: Basic dXNlcjpwYSBzcw==",
    ] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line} in {text}");
    }
    assert!(text.ends_with("\r\n\r\nhello"), "{text}");
    assert_eq!(exchange.url, format!("http://{address}/a%20b?q=1#top"), "no user info in what is reported");
    assert_eq!(exchange.request_body.as_deref(), Some(&b"hello"[..]));
    assert_eq!(exchange.request_headers.all("X-Custom").count(), 2);
}

#[tokio::test]
async fn connections_are_kept_unless_told_otherwise() {
    let address = serve(|mut stream, number| async move {
        while read_request(&mut stream).await.is_some() {
            stream.write_all(ok(&number.to_string()).as_bytes()).await.unwrap();
        }
    })
    .await;
    let url = format!("http://{address}/");
    let body = async |client: &Client| String::from_utf8(fetch(client, get(&url)).await.body.to_vec()).unwrap();
    let keeping = client();
    assert_eq!([body(&keeping).await, body(&keeping).await], ["0", "0"]);
    keeping.close_idle();
    assert_eq!(body(&keeping).await, "1");
    let other = client();
    assert_eq!(body(&other).await, "2", "VUs do not share connections");
    let closing =
        client_with(NetOptions { no_connection_reuse: true, insecure_skip_tls_verify: true, ..NetOptions::default() });
    assert_eq!([body(&closing).await, body(&closing).await], ["3", "4"]);
    // Concurrent requests of one VU take connections of their own.
    let (a, b) = tokio::join!(body(&other), body(&other));
    assert_ne!(a, b);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    // The server closes after each answer without saying so.
    let address = serve(|mut stream, number| async move {
        if read_request(&mut stream).await.is_some() {
            stream.write_all(ok(&number.to_string()).as_bytes()).await.unwrap();
        }
    })
    .await;
    let client = client();
    for method in ["GET", "POST"] {
        let request = || Request { method: method.into(), ..get(format!("http://{address}/")) };
        assert_eq!(fetch(&client, request()).await.error, None);
        tokio::time::sleep(Duration::from_millis(30)).await;
        let again = fetch(&client, request()).await;
        assert_eq!((again.error, again.reused), (None, false), "{method}");
    }
}

#[tokio::test]
async fn a_reused_connection_that_dies_unanswered_is_retried_once_if_that_is_safe() {
    // The first connection serves one request, reads the next and hangs up.
    let address = serve(|mut stream, number| async move {
        read_request(&mut stream).await;
        stream.write_all(ok(&number.to_string()).as_bytes()).await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let url = format!("http://{address}/");
    let vu = client();
    fetch(&vu, get(&url)).await;
    let retried = fetch(&vu, get(&url)).await;
    assert_eq!((&retried.body[..], retried.reused, retried.error), (&b"1"[..], false, None));
    // A POST may have been acted upon: it is not sent twice.
    let vu = client();
    fetch(&vu, get(&url)).await;
    let post = fetch(&vu, Request { method: "POST".into(), ..get(&url) }).await;
    assert_eq!(post.error.map(|e| (e.code, e.kind)), Some((1000, NetErrorKind::Interrupted)));
}

#[tokio::test]
async fn each_redirect_is_a_hop() {
    let address = serve(|mut stream, _| async move {
        while let Some(request) = read_request(&mut stream).await {
            let path = request.split(' ').nth(1).unwrap().to_owned();
            let reply = match path.as_str() {
                "/start" => {
                    "HTTP/1.1 302 Found\r\nLocation: /next\r\nSet-Cookie: a=1; Path=/\r\nContent-Length: 3\r\n\r\nbye"
                        .to_owned()
                }
                "/next" => "HTTP/1.1 307 Temporary Redirect\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n".to_owned(),
                "/loop" => "HTTP/1.1 301 Moved\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n".to_owned(),
                _ => ok(&request),
            };
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    })
    .await;
    let client = client();
    let jar = Arc::new(Mutex::new(CookieJar::new()));
    let mut request = get(format!("http://{address}/start"));
    request.method = "POST".into();
    request.body = Some("x".into());
    request.jar = Some(jar.clone());
    let response = client.send(request).await;
    let hops: Vec<_> = response.hops.iter().map(|hop| (hop.method.as_str(), hop.status, hop.reused)).collect();
    assert_eq!(hops, [("POST", 302, false), ("GET", 307, true), ("GET", 200, true)]);
    let echoed = String::from_utf8_lossy(&response.last().body).into_owned();
    assert!(
        echoed.contains("Cookie: a=1\r\n") && echoed.contains(&format!("Referer: http://{address}/next")),
        "{echoed}"
    );
    assert_eq!(response.last().url, format!("http://{address}/end"));

    let limited = client.send(Request { max_redirects: Some(2), ..get(format!("http://{address}/loop")) }).await;
    assert_eq!((limited.hops.len(), limited.last().status, &limited.last().error), (3, 301, &None));
    assert_eq!(limited.last().status_text, "301 Moved");
    let none = client.send(Request { max_redirects: Some(0), ..get(format!("http://{address}/start")) }).await;
    assert_eq!((none.hops.len(), &none.last().body[..]), (1, &b"bye"[..]));
}

#[tokio::test]
async fn codings_are_undone() {
    let text = "streaming tokens ".repeat(500);
    for coding in Compression::ALL {
        let packed = body::compress(text.as_bytes(), &[coding]).unwrap();
        let mut reply = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\nContent-Length: {}\r\n\r\n",
            coding.name(),
            packed.len()
        )
        .into_bytes();
        reply.extend_from_slice(&packed);
        let exchange = fetch(&client(), get(format!("http://{}/", answer(reply).await))).await;
        assert_eq!(exchange.body, text.as_bytes(), "{coding:?}");
        assert_eq!(exchange.body_bytes, packed.len() as u64);
    }
    let reply = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope";
    let broken = fetch(&client(), get(format!("http://{}/", answer(reply).await))).await;
    assert_eq!((broken.status, broken.error_code()), (200, Some(1701)));
}

#[tokio::test]
async fn request_bodies_are_compressed() {
    let address = serve(|mut stream, _| async move {
        let request = read_request(&mut stream).await.unwrap();
        stream.write_all(ok(request.split("\r\n\r\n").next().unwrap()).as_bytes()).await.unwrap();
    })
    .await;
    let mut request = get(format!("http://{address}/"));
    request.method = "POST".into();
    request.body = Some("a".repeat(10_000).into());
    request.compression = vec![Compression::Gzip, Compression::Zstd];
    let exchange = fetch(&client(), request).await;
    let head = String::from_utf8_lossy(&exchange.body).into_owned();
    assert!(head.contains("Content-Encoding: gzip, zstd"), "{head}");
    let length: usize = exchange.request_headers.get("Content-Length").unwrap().parse().unwrap();
    assert!(length < 500 && exchange.request_body.unwrap().len() == 10_000);
}

#[tokio::test]
async fn a_hundred_megabytes_are_counted_and_dropped() {
    const SIZE: usize = 100 << 20;
    let address = serve(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes()).await.unwrap();
        let block = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            stream.write_all(&block).await.unwrap();
        }
    })
    .await;
    let request = Request { body_mode: BodyMode::Discard, ..get(format!("http://{address}/")) };
    let exchange = fetch(&client(), request).await;
    assert_eq!((exchange.error, exchange.body.len(), exchange.body_bytes), (None, 0, SIZE as u64));
}

#[tokio::test]
async fn odd_but_legal_answers() {
    let cases: [(&str, &[u8], &str); 4] = [
        (
            "chunked",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
            "abcde",
        ),
        ("until close", b"HTTP/1.0 200 Fine\r\n\r\nabcde", "abcde"),
        ("continue first", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", "abcde"),
        ("no content", b"HTTP/1.1 204 No Content\r\n\r\n", ""),
    ];
    for (name, reply, want) in cases {
        let address = serve(move |mut stream, _| async move {
            read_request(&mut stream).await;
            stream.write_all(reply).await.unwrap();
        })
        .await;
        let exchange = fetch(&client(), get(format!("http://{address}/"))).await;
        assert_eq!((exchange.error, &exchange.body[..]), (None, want.as_bytes()), "{name}");
    }
    let reply = b"HTTP/1.1 404 \xffnope\r\nX-Bad: a\xff\xfeb\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n";
    let exchange = fetch(&client(), get(format!("http://{}/", answer(&reply[..]).await))).await;
    assert_eq!((exchange.status, exchange.error_code()), (404, Some(1404)));
    assert_eq!(exchange.headers.get("X-Bad"), Some("a\u{fffd}\u{fffd}b"));
    assert_eq!(Cookie::of_response(&exchange.headers).len(), 2);
}

/// A slice of the read buffer would keep kilobytes alive for each byte of a body.
#[tokio::test]
async fn a_short_body_does_not_hold_the_read_buffer() {
    let address = answer(ok("{\"status\":\"ok\"}")).await;
    let exchange = fetch(&client(), get(format!("http://{address}/"))).await;
    assert_eq!((&exchange.body[..], exchange.error), (&b"{\"status\":\"ok\"}"[..], None));
    assert_eq!(exchange.body.try_into_mut().map(|body| body.capacity()).ok(), Some(15));
}
