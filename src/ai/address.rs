//! Base URLs: the one a model is called at, and whether that is its provider's own.
//!
//! Used by `spec`. It opens no connection.

use super::providers::ProviderDef;

/// Host name of a URL, in lower case.
pub(super) fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_ascii_lowercase)
}

/// Whether a URL belongs to the provider: only there its customary keys are sent on their own.
pub(super) fn is_own(provider: &ProviderDef, url: &str) -> bool {
    let Some(host) = host(url) else { return false };
    provider.hosts.iter().any(|own| match own.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix),
        None => host == *own,
    })
}

/// The path of a provider's default address; what a base URL without a path gets.
pub(super) fn default_path(provider: &ProviderDef) -> &'static str {
    let address = provider.default_base_url.split_once("://").map_or("", |(_, rest)| rest);
    address.find('/').map_or("", |at| &address[at..])
}

/// Checks a base URL. One without a path gets `path`: `/v1`, where every OpenAI-compatible server listens, or what the
/// provider has instead.
pub(super) fn normalise(text: &str, path: &str) -> Result<String, String> {
    let text = text.trim();
    let mut url = url::Url::parse(text)
        .map_err(|e| format!("'{text}' is not a URL ({e}); expected e.g. http://127.0.0.1:8000/v1"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("scheme '{}' is not supported; use http or https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password; use apiKey or headers".to_owned());
    }
    url.set_fragment(None);
    let own = url.path().trim_end_matches('/').to_owned();
    url.set_path(if own.is_empty() { path } else { &own });
    Ok(String::from(url).trim_end_matches('/').to_owned())
}

/// The general address `INRUSH_BASE_URL` as an API needs it: `/v1`, the habit of most, becomes its own, so that one variable
/// serves scripts of every provider.
pub(super) fn general(text: &str, path: &str) -> String {
    match text.trim().trim_end_matches('/').strip_suffix("/v1") {
        Some(before) if path != "/v1" && before.matches('/').count() == 2 => format!("{before}{path}"),
        _ => text.to_owned(),
    }
}

/// `base` with more path segments, its query kept. A base that already ends with them is taken as it is. A segment is encoded,
/// `/` included.
pub(super) fn endpoint(base: &str, segments: &[&str]) -> String {
    let Ok(mut url) = url::Url::parse(base) else { return base.to_owned() };
    if !url.path().trim_end_matches('/').ends_with(&format!("/{}", segments.join("/")))
        && let Ok(mut path) = url.path_segments_mut()
    {
        path.pop_if_empty().extend(segments);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::providers::by_name;

    #[test]
    fn own_addresses() {
        let openai = by_name("openai").unwrap();
        assert!(is_own(openai, "https://API.openai.com/v1"));
        assert!(!is_own(openai, "https://api.openai.com.evil.test/v1") && !is_own(openai, "nonsense"));
        assert_eq!(default_path(openai), "/v1");
    }

    #[test]
    fn paths() {
        assert_eq!(normalise("http://h:1", "/v1").unwrap(), "http://h:1/v1");
        assert_eq!(normalise("http://h:1/", "").unwrap(), "http://h:1");
        assert_eq!(normalise(" http://h/a/b/ ", "/v1").unwrap(), "http://h/a/b");
        assert_eq!(general("http://h:1/v1", ""), "http://h:1");
        assert_eq!(general("http://h:1/v1/", "/v1beta"), "http://h:1/v1beta");
        assert_eq!(general("http://h:1/gateway/v1", ""), "http://h:1/gateway/v1", "a chosen path stays");
        assert_eq!(endpoint("http://h/v1?a=b", &["models", "a/b:c"]), "http://h/v1/models/a%2Fb:c?a=b");
        assert_eq!(
            endpoint("http://h/v1/chat/completions/", &["chat", "completions"]),
            "http://h/v1/chat/completions/"
        );
        assert!(normalise("ftp://x", "").is_err() && normalise("http://u:p@h", "").is_err());
    }
}
