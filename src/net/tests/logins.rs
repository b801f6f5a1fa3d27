//! Digest and NTLM against servers that check the proof themselves, and client certificates; nothing of it may show.

use super::*;
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md4::Digest as _;

fn denied(challenge: &str) -> String {
    format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 6\r\n\r\ndenied")
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let line = request.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")))?;
    Some(&line[name.len() + 2..])
}

fn with(auth: Auth, url: String) -> Request {
    Request { auth, method: "POST".into(), body: Some("the body".into()), ..get(url) }
}

/// Accepts `me` with the password `geheim wort`, by RFC 2617's formula.
async fn digest_server() -> SocketAddr {
    serve(|mut stream, _| async move {
        while let Some(request) = read_request(&mut stream).await {
            assert!(request.ends_with("the body"), "{request}");
            let answer = match header(&request, "authorization") {
                None => {
                    denied("Basic realm=\"b\", Digest realm=\"r\", nonce=\"abc\", qop=\"auth,auth-int\", opaque=\"o\"")
                }
                Some(proof) => {
                    let field = |name: &str| {
                        let (_, rest) =
                            proof.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("{name}: {proof}"));
                        rest.split(',').next().unwrap().trim_matches('"').to_owned()
                    };
                    let md5 = |text: String| HEXLOWER.encode(&md5::Md5::digest(text.as_bytes()));
                    let uri = request.split(' ').nth(1).unwrap();
                    let (ha1, ha2) = (md5("me:r:geheim wort".into()), md5(format!("POST:{uri}")));
                    let wanted = md5(format!("{ha1}:abc:{}:{}:auth:{ha2}", field("nc"), field("cnonce")));
                    let fits = field("response") == wanted && field("uri") == uri && field("opaque") == "o";
                    if fits { ok("welcome") } else { denied("Digest realm=\"r\", nonce=\"abc\", qop=\"auth\"") }
                }
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn digest_answers_the_challenge() {
    let address = digest_server().await;
    let hops = client().send(with(Auth::Digest, format!("http://me:geheim%20wort@{address}/p?q=1"))).await.hops;
    let seen: Vec<_> = hops.iter().map(|hop| (hop.status, hop.challenge, hop.reused)).collect();
    assert_eq!(seen, [(401, true, false), (200, false, true)]);
    assert_eq!((&hops[1].body[..], hops[1].error.clone()), (&b"welcome"[..], None));
    assert!(!format!("{hops:?}").contains("geheim"), "{hops:?}");

    let wrong = client().send(with(Auth::Digest, format!("http://me:wrong@{address}/"))).await.hops;
    let seen: Vec<_> = wrong.iter().map(|hop| (hop.status, hop.challenge)).collect();
    assert_eq!(seen, [(401, true), (401, false)], "a second refusal is the answer");
    assert_eq!(&wrong[1].body[..], b"denied");
    let nobody = client().send(with(Auth::Digest, format!("http://{address}/"))).await.hops;
    assert_eq!(nobody.iter().map(|hop| (hop.status, hop.challenge)).collect::<Vec<_>>(), [(401, false)]);
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn hmac_md5(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<md5::Md5>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// A type 2 message whose challenge belongs to the connection.
fn ntlm_challenge(connection: usize) -> Vec<u8> {
    let mut message = b"NTLMSSP\0\x02\0\0\0".to_vec();
    message.extend([4, 0, 4, 0, 48, 0, 0, 0]);
    message.extend(0xa288_8205u32.to_le_bytes());
    message.extend([u8::try_from(connection).unwrap() + 1; 8]);
    message.extend([0; 8]);
    message.extend([4, 0, 4, 0, 52, 0, 0, 0]);
    message.extend(utf16("DC"));
    message.extend([0; 4]);
    message
}

/// Whether a type 3 message proves that `me` of `DOM` knows the password.
fn ntlm_proved(message: &[u8], connection: usize) -> bool {
    let field = |at: usize| {
        let len = usize::from(u16::from_le_bytes(message[at..at + 2].try_into().unwrap()));
        let offset = u32::from_le_bytes(message[at + 4..at + 8].try_into().unwrap()) as usize;
        &message[offset..offset + len]
    };
    let (nt, domain, user) = (field(20), field(28), field(36));
    let key = hmac_md5(&md4::Md4::digest(utf16("geheim")), &[utf16("ME"), domain.to_vec()].concat());
    let challenge = [u8::try_from(connection).unwrap() + 1; 8];
    domain == utf16("DOM") && user == utf16("me") && nt[..16] == hmac_md5(&key, &[&challenge, &nt[16..]].concat())
}

async fn ntlm_server() -> SocketAddr {
    serve(|mut stream, number| async move {
        let mut known = false;
        while let Some(request) = read_request(&mut stream).await {
            let token = header(&request, "authorization").and_then(|value| value.strip_prefix("NTLM "));
            let token = token.map(|token| BASE64.decode(token.as_bytes()).unwrap());
            let answer = match token {
                Some(message) if message[8] == 1 => denied(&format!("NTLM {}", BASE64.encode(&ntlm_challenge(number)))),
                Some(message) if ntlm_proved(&message, number) => {
                    known = true;
                    ok("welcome")
                }
                None if known => ok("still known"),
                _ => denied("Negotiate\r\nWWW-Authenticate: NTLM"),
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn ntlm_stays_on_one_connection() {
    let address = ntlm_server().await;
    for no_connection_reuse in [false, true] {
        let client =
            client_with(NetOptions { insecure_skip_tls_verify: true, no_connection_reuse, ..NetOptions::default() });
        let hops = client.send(with(Auth::Ntlm, format!("http://DOM%5Cme:geheim@{address}/"))).await.hops;
        let seen: Vec<_> = hops.iter().map(|hop| (hop.status, hop.challenge, hop.reused)).collect();
        assert_eq!(seen, [(401, true, false), (401, true, true), (200, false, true)]);
        assert_eq!(&hops[2].body[..], b"welcome");
        assert!(!format!("{hops:?}").contains("geheim"));
        let again = client.send(with(Auth::Ntlm, format!("http://DOM%5Cme:geheim@{address}/"))).await.hops;
        assert_eq!(again.len(), if no_connection_reuse { 3 } else { 1 }, "a connection that is known needs no proof");
    }
    let wrong = client().send(with(Auth::Ntlm, format!("http://DOM%5Cme:wrong@{address}/"))).await.hops;
    assert_eq!(wrong.iter().map(|hop| hop.status).collect::<Vec<_>>(), [401, 401, 401]);
}

#[tokio::test]
async fn a_login_is_not_carried_to_another_host() {
    let target = serve(|mut stream, _| async move {
        let request = read_request(&mut stream).await.unwrap();
        let says = if header(&request, "authorization").is_some() { "leaked" } else { "clean" };
        stream.write_all(ok(says).as_bytes()).await.unwrap();
    })
    .await;
    let redirecting = answer(format!(
        "HTTP/1.1 302 Found\r\nLocation: http://localhost:{}/\r\nContent-Length: 0\r\n\r\n",
        target.port()
    ));
    let redirecting = redirecting.await;
    for auth in [Auth::Basic, Auth::Digest, Auth::Ntlm] {
        let exchange = fetch(&client(), Request { auth, ..get(format!("http://me:geheim@{redirecting}/")) }).await;
        assert_eq!((&exchange.body[..], exchange.error), (&b"clean"[..], None), "{auth:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn each_vu_has_a_local_address_of_its_own() {
    let address = serve(|mut stream, _| async move {
        let peer = stream.peer_addr().unwrap().ip().to_string();
        while read_request(&mut stream).await.is_some() {
            stream.write_all(ok(&peer).as_bytes()).await.unwrap();
        }
    })
    .await;
    let options = |text: &str| NetOptions {
        insecure_skip_tls_verify: true,
        local_ips: vec![crate::options::IpRange::parse(text).unwrap()],
        ..NetOptions::default()
    };
    let shared = Shared::with(options("127.0.0.2-127.0.0.3"), ProxyConfig::default(), &[]).unwrap();
    for (vu, expected) in [(1, "127.0.0.3"), (2, "127.0.0.2"), (3, "127.0.0.3")] {
        let exchange = fetch(&Client::for_vu(shared.clone(), vu), get(format!("http://{address}/"))).await;
        assert_eq!(String::from_utf8_lossy(&exchange.body), expected);
    }
    for (text, says) in [("203.0.113.9", "203.0.113.9 (localIPs) cannot be used"), ("::1", "of another kind")] {
        let error = fetch(&client_with(options(text)), get(format!("http://{address}/"))).await.error.unwrap();
        assert!(error.kind == NetErrorKind::Connect && error.message.contains(says), "{error}");
    }
}
