//! URLs as they may stand in logs and error messages: without the values of query parameters that look like secrets.
//!
//! Tags keep the whole URL, as k6's do: scripts that put keys into URLs name their requests (`name`, `http.url`).

use std::borrow::Cow;

/// Names, and ends of names, of parameters whose value must not be read by others.
const SECRET: [&str; 10] =
    ["key", "token", "secret", "password", "passwd", "pwd", "signature", "sig", "authorization", "credential"];

/// The URL with `***` for the values of secret parameters.
pub fn log_url(url: &str) -> Cow<'_, str> {
    let Some((before, query)) = url.split_once('?') else { return Cow::Borrowed(url) };
    let (query, fragment) = query.split_once('#').map_or((query, None), |(query, fragment)| (query, Some(fragment)));
    if !query.split('&').any(is_secret) {
        return Cow::Borrowed(url);
    }
    let pairs: Vec<Cow<'_, str>> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret(pair) => Cow::Owned(format!("{name}=***")),
            _ => Cow::Borrowed(pair),
        })
        .collect();
    let mut text = format!("{before}?{}", pairs.join("&"));
    if let Some(fragment) = fragment {
        text.push('#');
        text.push_str(fragment);
    }
    Cow::Owned(text)
}

/// `api_key=...`, `access-token=...`, `X-Amz-Signature=...`; not `monkey=...`.
fn is_secret(pair: &str) -> bool {
    let Some((name, value)) = pair.split_once('=') else { return false };
    let name = name.to_ascii_lowercase();
    !value.is_empty()
        && SECRET.iter().any(|secret| match name.strip_suffix(secret) {
            Some(before) => {
                before.is_empty() || before.ends_with(['_', '-', '.']) || matches!(before, "api" | "auth" | "access")
            }
            None => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_kept() {
        for (url, want) in [
            ("http://a.test/x?api_key=abc&q=1#f", "http://a.test/x?api_key=***&q=1#f"),
            ("http://a.test/?KEY=abc&access-token=b=c", "http://a.test/?KEY=***&access-token=***"),
            ("http://a.test/?apikey=abc&X-Amz-Signature=d", "http://a.test/?apikey=***&X-Amz-Signature=***"),
            ("http://a.test/?monkey=1&tokens=2&key&token=", "http://a.test/?monkey=1&tokens=2&key&token="),
            ("http://a.test/key=1", "http://a.test/key=1"),
            ("?password=p?&x", "?password=***&x"),
        ] {
            assert_eq!(log_url(url), want);
        }
    }
}
