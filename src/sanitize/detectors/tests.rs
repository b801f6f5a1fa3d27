//! What each detector finds and what it leaves alone, and properties of all: an inserted secret is gone, wherever it stands.

use proptest::prelude::*;

use super::DETECTORS;
use crate::sanitize::pseudonym::Salt;
use crate::sanitize::scrub::Scrubber;

fn scrub(text: &str) -> String {
    Scrubber::new(Salt::new("salt"), Vec::new()).scrub(text, &[]).0.into_owned()
}

/// The kinds that are found, in order.
fn kinds(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    Scrubber::new(Salt::new("salt"), Vec::new())
        .scrub(text, &[])
        .1
        .into_iter()
        .for_each(|kind| found.push(kind.to_owned()));
    found
}

/// The text has exactly these, the first in each pair of kinds, and none of the values is left.
#[track_caller]
fn finds(kind: &str, values: &[&str]) {
    for value in values {
        for text in [(*value).to_owned(), format!("Well, {value}."), format!("({value}) and\n\"{value}\", yes")] {
            let made = scrub(&text);
            assert!(!made.contains(value), "{kind}: `{value}` is left in `{made}`");
            assert!(kinds(&text).iter().all(|k| k == kind), "{kind}: `{text}` has {:?}", kinds(&text));
        }
    }
}

#[track_caller]
fn leaves(texts: &[&str]) {
    for text in texts {
        assert_eq!(scrub(text), *text, "{:?}", kinds(text));
    }
}

#[test]
fn the_table_is_in_order() {
    let mut names: Vec<&str> = DETECTORS.iter().map(|d| d.kind).collect();
    assert!(DETECTORS.iter().all(|d| !d.summary.is_empty()));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DETECTORS.len());
}

#[test]
fn emails() {
    finds(
        "email",
        &[
            "alice@corp.test",
            "Alice.O'Neil+spam@mail.corp.co.uk",
            "jürgen@müller.de",
            "x_1%y-2@a-b.museum",
            "user@xn--mller-kva.de",
            "UPPER@CASE.COM",
            "a@b.io",
            "alice%40corp.test",
        ],
    );
    assert_eq!(kinds("mailto:bob@corp.test?subject=Hi"), ["email"]);
    assert!(scrub("bob@corp.test-and-more").ends_with("-and-more"));
    assert!(!scrub("<bob@corp.test>,<carol@corp.test>").contains("corp"));
    leaves(&[
        "react@18.2.0 and @angular/core@17",
        "@dataclass\n@app.route('/')",
        "git@github.com:owner/repo.git",
        "5 @ 3 USD",
        "a@b",
        "user@localhost",
        "x @ y.com",
    ]);
}

#[test]
fn phones() {
    finds(
        "phone",
        &[
            "+49 170 1234567",
            "+49 (0)30 901820",
            "+1-415-555-2671",
            "+1 (415) 555-2671",
            "+14155552671",
            "+44 20 7946 0958",
            "+33 6 12 34 56 78",
            "+380 44 123 45 67",
            "+81-3-1234-5678",
            "+91 98765 43210",
            "+353 1 234 5678",
            "0049 170 1234567",
            "00491701234567",
            "(415) 555-2671",
            "415-555-2671",
            "415.555.2671",
            "0170 1234567",
            "0170/1234567",
            "030 12345678",
            "06 12 34 56 78",
            "06.12.34.56.78",
            "020 7946 0958",
            "07700 900123",
            "(030) 901820-1",
            "+49\u{a0}170\u{a0}1234567",
            "+(49) 170 1234567",
            "+49\u{2009}170\u{2011}1234567",
            "0170\u{202f}1234567",
            "415\u{2011}555\u{2011}2671",
        ],
    );
    for text in [
        "Phone: 5552671",
        "my tel is 12345678",
        "call me at 415 555 2671",
        "Telefon 4711 0815 22",
        "手机13812345678",
        "тел. 8 912 345-67-89",
    ] {
        assert_eq!(kinds(text), ["phone"], "{text}");
    }
    leaves(&[
        "2024-05-01",
        "on 01.02.2024 at 12:30:45",
        "05/01/2024",
        "2024-05-01T12:30:45.123456Z",
        "1714567890123",
        "1.2.3-beta.4",
        "v10.15.7",
        "order 123-456-7890",
        "Order number: 415-555-2671",
        "invoice #0451 778899",
        "ISBN 978-3-16-148410-0",
        "ISBN 0-306-40615-2",
        "call 2024-05-01",
        "+1.5 % and +12.345678",
        "a+49b",
        "call 100 times",
        "3.14159265358979",
        "1,234,567.89",
        "100-200-300",
        "0.123 456 789",
        "7 + 8 = 15",
        "range 10-20, 30-40",
        "text 5 users",
        "x+1 234",
        "00000000",
        "12 34 56 78 90",
        "2 0 4 8",
        "1e+49",
        "192 168 1 1",
        "IDs 100 200 3000",
        "id=0170 1234567",
        "build 20240501.12",
        "85-90 %",
        "pages 101-110",
        "reach 1000000 users",
        "007",
    ]);
}

#[test]
fn cards() {
    finds(
        "card",
        &[
            "4111111111111111",
            "4111 1111 1111 1111",
            "5555-5555-5555-4444",
            "3782 822463 10005",
            "378282246310005",
            "6011111111111117",
            "3530111333300000",
            "30569309025904",
            "2221000000000009",
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
            "4111.1111.1111.1111",
            "6304 0000 0000 0000",
        ],
    );
    assert_eq!(kinds("12 4111 1111 1111 1111 99"), ["card"]);
    assert_eq!(kinds("card4111111111111111"), ["card"]);
    assert_eq!(kinds("5555555555554444 4111111111111111"), ["card", "card"]);
    leaves(&[
        "4111111111111112",
        "1234567812345678",
        "0000000000000000",
        "0.4111111111111111",
        "4444444444444444444444",
        "20240501123045123",
        "1700000000000000",
        "order 9876543210987654",
        "a4111111111111111b",
        "3.4532015112830366",
    ]);
    let made = scrub("4111 1111 1111 1111");
    assert!(made.starts_with('4') && made.len() == 19 && made.split(' ').count() == 4, "{made}");
    assert!(kinds(&made).is_empty(), "no pseudonym is a card: {made}");
    // One card, however it is written.
    let plain = |text: &str| scrub(text).replace([' ', '-'], "");
    assert_eq!(plain("4111 1111 1111 1111"), plain("4111-1111-1111-1111"));
}

#[test]
fn ibans() {
    finds(
        "iban",
        &[
            "DE89370400440532013000",
            "DE89 3704 0044 0532 0130 00",
            "GB29 NWBK 6016 1331 9268 19",
            "NO93 8601 1117 947",
            "de89370400440532013000",
            "FR14 2004 1010 0505 0001 3M02 606",
            "DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00",
            "MT84-MALT-0110-0001-2345-MTLC-AST0-01S",
        ],
    );
    leaves(&[
        "DE89370400440532013001",
        "XX89370400440532013000",
        "DE8937040044053201300",
        "AB12 3456 7890 1234",
        "GB29 is a code",
    ]);
    assert!(scrub("DE89 3704 0044 0532 0130 00").starts_with("DE00 "));
}

#[test]
fn addresses() {
    finds("ipv4", &["192.168.10.20", "10.0.0.1", "8.8.8.8", "203.0.113.77"]);
    for text in ["http://10.1.2.3:8080/x", "10.1.2.3/24", "ip=10.1.2.3,", "from 10.1.2.3."] {
        assert_eq!(kinds(text), ["ipv4"], "{text}");
    }
    finds(
        "ipv6",
        &[
            "2001:db8:85a3::8a2e:370:7334",
            "fe80::1ff:fe23:4567:890a",
            "2a00:1450:4001:81b::200e",
            "2001:0db8:0000:0000:0000:ff00:0042:8329",
            "::ffff:192.168.1.1",
        ],
    );
    assert_eq!(kinds("[2a00:1450:4001:81b::200e]:443"), ["ipv6"]);
    leaves(&[
        "127.0.0.1 and 0.0.0.0",
        "v1.2.3.4",
        "version 10.0.19.1",
        "Version: 1.2.3.4",
        "Chrome/120.0.0.0",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.02.03.04",
        "1.2.3",
        "12:30:45",
        "00:1a:2b:3c:4d:5e",
        "std::vec::Vec",
        "a::b",
        "::1",
        "Foo::bar",
        "de::ad",
        "{::}",
        "10:20:30:40",
        "x[1::2]",
    ]);
    assert_eq!(scrub("2001:DB8::8a2e:1"), scrub("2001:db8:0:0:0:0:8a2e:1"));
}

#[test]
fn keys_and_tokens() {
    // Parts are joined here so that no scanner takes this file for a leak.
    let key = |start: &str, body: &str| format!("{start}{body}");
    let long = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4f";
    for value in [
        key("sk-", long),
        key("sk-proj-", long),
        key("sk-ant-api03-", long),
        key("hf_", long),
        key("gsk_", long),
        key("AKIA", "IOSFODNN7EXAMPLE"),
        key("AIza", "SyA1234567890abcdefghijklmnopqrstuv"),
        key("ghp_", "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8"),
        key("xoxb-", "1234567890-abcdefABCDEF"),
        key("sk_live_", "4eC39HqLyjWDarjtT1zdp7dc"),
        key("glpat-", "a1b2C3d4E5f6G7h8I9j0"),
    ] {
        finds("key", &[&value]);
        assert!(scrub(&value).starts_with(&value[..3]));
    }
    let jwt =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    finds("jwt", &[jwt]);
    finds("jwt", &["eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0."]);
    let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----";
    finds("private_key", &[pem]);
    let made = scrub(&pem.replace('\n', "\\n"));
    assert!(
        made.starts_with("-----BEGIN RSA PRIVATE KEY-----\\n")
            && !made.contains("MIIEow")
            && made.len() == pem.len() + 3,
        "{made}"
    );
    assert!(!scrub("-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKC").contains("MIIEow"));
    finds(
        "token",
        &[
            "wJa7rXUtn9EMIK7MdENG2PxRfiC3zQ8vT2kLm5Np",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "k3jx9v2m4q8w7z1p5t6y",
        ],
    );
    leaves(&[
        "risk-management-strategy-2024",
        "AbstractSingletonProxyFactoryBean2",
        "claude-3-5-sonnet-20241022",
        "gpt-4o-mini-2024-07-18",
        "src/main/java/com/example/Http2Client",
        "i18n-l10n-a11y-k8s-e2e-m17n",
        "123e4567-e89b-12d3-a456-426614174000",
        "eyJust.a.word",
        "the_quick_brown_fox_jumps_over_1_dog",
        "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----",
        "sk-learn",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "==============================",
        "https://example.com/blog/2024/05/01/how-to-write-a-post-in-10-minutes",
        "sha256",
        "1234567890123456789012345678901234567890",
    ]);
}

#[test]
fn named_secrets() {
    for (text, secret) in [
        ("password: hunter2!", "hunter2!"),
        ("My password is Tr0ub4dor&3.", "Tr0ub4dor&3"),
        ("PASSWORD=s3cr3t-value", "s3cr3t-value"),
        ("{\"api_key\": \"abc123def456\"}", "abc123def456"),
        ("OPENAI_API_KEY='abc123def456'", "abc123def456"),
        ("Authorization: Bearer abcdef123456789", "abcdef123456789"),
        ("authorization: Basic dXNlcjpwYXNzMTIz", "dXNlcjpwYXNzMTIz"),
        ("Passwort: geheim99", "geheim99"),
        ("client secret = q1w2e3r4", "q1w2e3r4"),
        ("{\\\"token\\\": \\\"a1b2c3d4\\\"}", "a1b2c3d4"),
    ] {
        let made = scrub(text);
        assert!(!made.contains(secret), "{made}");
        assert_eq!(made.len(), text.len(), "{made}");
    }
    leaves(&[
        "token = tokenizer.encode(text)",
        "max_tokens: 4096",
        "tokens: 123456",
        "password: required",
        "the password is wrong",
        "api_key=YOUR_API_KEY",
        "api_key = os.environ['KEY1']",
        "token: null",
        "password: &self.password",
        "let password = Md4::digest(x)",
        "secret: ${SECRET1}",
        "password: ********",
        "secret santa: 24 people",
        "token: 100 per second",
    ]);
}

#[test]
fn urls() {
    for (text, made_of) in [
        ("https://bob:pa55w0rd@db.corp.test/x", "https://????????????@db.corp.test/x"),
        ("postgres://u:p@ss/w@h", "postgres://???@ss/w@h"),
        ("https://api.test/v1?api_key=abc&x=1", "https://api.test/v1?api_key=???&x=1"),
        ("GET /v1?token=abc", "GET /v1?token=???"),
    ] {
        let made = scrub(text);
        assert_ne!(made, text);
        assert_eq!(made.len(), made_of.len(), "{made}");
        for (a, b) in made.chars().zip(made_of.chars()) {
            assert!(a == b || b == '?', "{made}");
        }
    }
    leaves(&[
        "https://example.com/@user/post",
        "https://example.com/?q=a@b",
        "see https://example.com/a?page=2",
        "key=value",
        "a://b",
    ]);
}

/// A secret of every kind with random content, and what must not be left of it.
fn any_secret() -> impl Strategy<Value = String> {
    let digits = |n: usize| proptest::collection::vec(0u8..10, n);
    prop_oneof![
        "[a-z][a-z0-9._]{0,12}[a-z0-9]@[a-z]{2,10}\\.(com|de|co\\.uk|org)",
        "\\+(49|44|33|1|380|91) [1-9][0-9]{2} [0-9]{3} [0-9]{4}",
        "\\([2-9][0-9]{2}\\) [2-9][0-9]{2}-[0-9]{4}",
        digits(15).prop_map(|d| {
            let mut digits = vec![4];
            digits.extend(d);
            digits.pop();
            let sum: u32 = digits
                .iter()
                .rev()
                .enumerate()
                .map(|(at, d)| match (at % 2, u32::from(*d)) {
                    (1, d) => d,
                    (_, d) => {
                        if d > 4 {
                            d * 2 - 9
                        } else {
                            d * 2
                        }
                    }
                })
                .sum();
            digits.push(((10 - sum % 10) % 10) as u8);
            digits.iter().map(|d| char::from(b'0' + d)).collect()
        }),
        digits(18).prop_map(|d| {
            let account: String = d.iter().map(|d| char::from(b'0' + d)).collect();
            // DE is 13 14; the check digits make the whole 1 modulo 97.
            let rest = format!("{account}131400").bytes().fold(0u64, |rest, b| (rest * 10 + u64::from(b - b'0')) % 97);
            format!("DE{:02}{account}", 98 - rest)
        }),
        "(10|192|8|77)\\.(1[0-9]|2[0-9])\\.[1-9][0-9]\\.[1-9][0-9]",
        "2001:db8:[1-9a-f][0-9a-f]{3}:[1-9][0-9a-f]{3}::[1-9][0-9a-f]{2}",
        "(sk|pk)_live_[a-z]{3}[0-9]{3}[A-Za-z0-9]{18}",
        "sk-ant-api03-[a-z]{3}[0-9]{3}[A-Za-z0-9_]{20}",
        "AKIA[A-Z]{4}[0-9]{4}[A-Z0-9]{8}",
        "eyJhbGciOiJIUzI1NiJ9\\.[A-Za-z0-9_-]{10,40}\\.[A-Za-z0-9_-]{20,43}",
        "[0-9a-f]{10}a1[0-9a-f]{28}",
        "https://[a-z]{3,8}:[A-Za-z0-9]{6,12}@host\\.test".prop_map(|url: String| url),
        "-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/]{64}\n-----END PRIVATE KEY-----",
    ]
}

/// What of a secret must not be found again.
fn core(secret: &str) -> &str {
    if let Some(rest) = secret.strip_prefix("https://") {
        return rest.split('@').next().unwrap();
    }
    secret.strip_prefix("-----BEGIN PRIVATE KEY-----\n").map_or(secret, |rest| rest.split('\n').next().unwrap())
}

/// Words, punctuation and numbers that are nobody's. A word follows every number: several in a row may by chance be a number that means something.
const PLAIN: &str = "([A-Za-z]{1,9}|[0-9]{1,3}|v[0-9]\\.[0-9]|20[0-9]{2}-0[1-9]-1[0-9]|ü|你好)([,.!?]?[ \n][A-Za-z]{1,9}(,? ([0-9]{1,3}|20[0-9]{2}-0[1-9]-1[0-9]))?){0,8}";

/// Whether the last word says what the next number is: of a phone, or that it is none.
fn announces(text: &str) -> bool {
    let lower = text.to_lowercase();
    let last = lower.rsplit(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    let numbered = [
        "id", "nr", "no", "ref", "sku", "doi", "case", "part", "item", "port", "line", "page", "code", "order",
        "model", "build", "isbn",
    ];
    numbered.contains(&last) || last.ends_with("ver")
}

proptest! {
    #[test]
    fn an_inserted_secret_is_gone(before in PLAIN, secret in any_secret(), after in PLAIN, around in prop_oneof![
        Just((" ", " ")), Just(("\n", "\n")), Just((" \"", "\" ")), Just((" (", ") ")), Just((": ", ", ")), Just(("", ".")), Just(("=", ";"))
    ]) {
        let (before, after) = if around.0.is_empty() { (String::new(), format!(" {after}")) } else { (before, after) };
        prop_assume!(!announces(&before));
        let text = format!("{before}{}{secret}{}{after}", around.0, around.1);
        let made = scrub(&text);
        prop_assert!(!made.contains(core(&secret)), "`{}` is left in `{}`", secret, made);
    }

    #[test]
    fn what_has_none_is_left(text in PLAIN) {
        // A word before a number may announce it.
        let lower = text.to_lowercase();
        prop_assume!(!["tel", "cell", "fax", "call", "text", "sms", "ring", "dial", "mobil", "handy", "pass", "token", "pwd"].iter().any(|w| lower.contains(w)));
        prop_assert_eq!(scrub(&text), text);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}", seed in "[ -~\u{a0}\u{fc}\u{4f60}]{0,120}", digits in "[0-9 ()+./:@=&?-]{0,60}") {
        for text in [text, seed, digits] {
            let once = scrub(&text);
            prop_assert_eq!(once, scrub(&text));
        }
    }

    #[test]
    fn the_same_value_has_the_same_pseudonym(secret in any_secret()) {
        let made = scrub(&format!("{secret} | {secret}"));
        let (a, b) = made.split_once(" | ").unwrap();
        prop_assert_eq!(a, b);
    }
}
