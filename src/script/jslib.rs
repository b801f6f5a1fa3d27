//! Our own versions of k6's most used remote libraries, for when the network cannot give the originals.
//!
//! They are written from the libraries' documented behaviour and serve every published version; the texts are in `js-api/lib`.

use url::Url;

const UTILS: &str = include_str!("../../js-api/lib/k6-utils.js");
const SUMMARY: &str = include_str!("../../js-api/lib/k6-summary.js");

/// Library, versions, text.
const LIBRARIES: &[(&str, &[&str], &str)] = &[
    ("k6-summary", &["0.0.1", "0.0.2", "0.0.3", "0.0.4", "0.1.0"], SUMMARY),
    ("k6-utils", &["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0"], UTILS),
];

/// The text of `https://jslib.k6.io/LIBRARY/VERSION/index.js`, if we have one.
pub(super) fn text(url: &Url) -> Option<&'static str> {
    if url.host_str() != Some("jslib.k6.io") {
        return None;
    }
    let path: Vec<&str> = url.path_segments()?.collect();
    let [name, version, "index.js"] = path[..] else { return None };
    let found = LIBRARIES.iter().find(|(library, versions, _)| *library == name && versions.contains(&version));
    found.map(|(.., text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_addresses_have_a_text() {
        let at = |url: &str| text(&Url::parse(url).unwrap());
        assert!(at("https://jslib.k6.io/k6-utils/1.4.0/index.js").is_some_and(|t| t.contains("randomIntBetween")));
        assert!(at("https://jslib.k6.io/k6-summary/0.0.1/index.js").is_some_and(|t| t.contains("textSummary")));
        for other in ["k6-utils/9.0.0/index.js", "k6-utils/1.4.0/other.js", "nothing/1.0.0/index.js", ""] {
            assert!(at(&format!("https://jslib.k6.io/{other}")).is_none(), "{other}");
        }
        assert!(at("https://example.test/k6-utils/1.4.0/index.js").is_none());
    }
}
