//! Answers read piece by piece: stamps, cancellation, reuse.

use super::*;
use std::time::Instant;
use tokio::sync::mpsc;

/// An event stream that writes `count` chunks, `gap` apart, and reports when it wrote each.
async fn pacing(count: usize, gap: Duration) -> (SocketAddr, mpsc::UnboundedReceiver<Instant>) {
    let (tx, rx) = mpsc::unbounded_channel();
    let address = serve(move |mut stream, _| {
        let tx = tx.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                stream
                    .write_all(
                        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
                    )
                    .await
                    .unwrap();
                for n in 0..count {
                    tokio::time::sleep(gap).await;
                    let event = format!("data: {n}\n\n");
                    let now = Instant::now();
                    if stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await.is_err() {
                        return;
                    }
                    let _ = tx.send(now);
                }
                stream.write_all(b"0\r\n\r\n").await.unwrap();
            }
        }
    })
    .await;
    (address, rx)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stamps_are_those_of_the_socket_reads() {
    let (address, mut wrote) = pacing(20, Duration::from_millis(10)).await;
    let client = client();
    let mut stream = client.open(get(format!("http://{address}/"))).await.unwrap();
    let head = stream.head();
    assert_eq!((head.status, head.headers.get("content-type")), (200, Some("text/event-stream")));
    let marks = head.marks;
    assert!(marks.start <= marks.conn.unwrap() && marks.conn <= marks.sent && marks.sent <= marks.first_byte);
    assert!(marks.first_byte <= marks.headers);
    let (mut parser, mut events) = (sse::Parser::new(), Vec::new());
    let mut late = Vec::new();
    while let Some(chunk) = stream.chunk().await {
        let chunk = chunk.unwrap();
        parser.feed(&chunk.bytes, chunk.at, |event| events.push(event.data_str().into_owned())).unwrap();
        // A reader that dawdles does not move the stamps: those bytes are stamped when they are read.
        late.push(chunk.at.saturating_duration_since(wrote.recv().await.unwrap()));
    }
    assert_eq!(events, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    late.sort();
    assert!(late[10] < Duration::from_millis(5), "median {:?}", late[10]);
    let exchange = stream.finish();
    assert_eq!((exchange.error.clone(), exchange.status), (None, 200));
    assert!(exchange.timings.receiving >= Duration::from_millis(190), "{:?}", exchange.timings);
    assert!(fetch(&client, get(format!("http://{address}/"))).await.reused);
}

#[tokio::test]
async fn chunks_of_one_read_share_their_stamp() {
    let address =
        answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n").await;
    let mut stream = client().open(get(format!("http://{address}/"))).await.unwrap();
    let headers = stream.head().marks.headers.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.chunk().await {
        chunks.push(chunk.unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(chunks.len(), 3);
    assert!(chunks.iter().all(|chunk| chunk.at == headers), "{chunks:?}");
}

/// Resolves once the peer has closed or reset the connection.
async fn until_closed(stream: &mut TcpStream) {
    let mut byte = [0; 64];
    while matches!(stream.read(&mut byte).await, Ok(1..)) {}
}

#[tokio::test]
async fn cancelling_closes_the_socket() {
    let (tx, mut closed) = mpsc::unbounded_channel();
    let address = serve(move |mut stream, number| {
        let tx = tx.clone();
        async move {
            read_request(&mut stream).await;
            if number != 1 {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc").await.unwrap();
            }
            until_closed(&mut stream).await;
            tx.send(number).unwrap();
        }
    })
    .await;
    let url = format!("http://{address}/");
    let client = client();
    let wait = async |rx: &mut mpsc::UnboundedReceiver<usize>| {
        tokio::time::timeout(Duration::from_secs(5), rx.recv()).await.expect("the socket stays open")
    };
    // 0: a stream is given up; its exchange is not a failure.
    let mut stream = client.open(get(&url)).await.unwrap();
    assert_eq!(&stream.chunk().await.unwrap().unwrap().bytes[..], b"abc");
    let exchange = stream.abort();
    assert_eq!((exchange.error, exchange.body_bytes), (None, 3));
    assert_eq!(wait(&mut closed).await, Some(0));
    // 1: the future is dropped while it waits for an answer.
    assert!(tokio::time::timeout(Duration::from_millis(80), client.send(get(&url))).await.is_err());
    assert_eq!(wait(&mut closed).await, Some(1));
    // 2: the stream is dropped, the client lives on.
    let mut stream = client.open(get(&url)).await.unwrap();
    stream.chunk().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(wait(&mut closed).await, Some(2));
}

#[tokio::test]
async fn a_cut_stream_keeps_what_came_and_says_so() {
    let address = serve(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
    })
    .await;
    let mut stream = client().open(get(format!("http://{address}/"))).await.unwrap();
    assert_eq!(&stream.chunk().await.unwrap().unwrap().bytes[..], b"data: 1\n\n");
    assert_eq!(stream.chunk().await.unwrap().unwrap_err().kind, NetErrorKind::Interrupted);
    assert!(stream.chunk().await.is_none());
    assert_eq!(stream.finish().error_code(), Some(1000));
}

#[tokio::test]
async fn redirects_of_a_stream_are_kept_and_failures_are_responses() {
    let address = serve(|mut stream, _| async move {
        while let Some(request) = read_request(&mut stream).await {
            let reply = match request.starts_with("POST /a ") {
                true => "HTTP/1.1 308 Permanent Redirect\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".to_owned(),
                false => ok(&request),
            };
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    })
    .await;
    let request = Request { method: "POST".into(), body: Some("q".into()), ..get(format!("http://{address}/a")) };
    let mut stream = client().open(request).await.unwrap();
    assert_eq!(stream.take_redirects().len(), 1);
    let chunk = stream.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&chunk.bytes).starts_with("POST /b "));
    let refused = client().open(get("http://127.0.0.1:1/")).await.unwrap_err();
    assert_eq!(refused.last().error_code(), Some(1212));
}
