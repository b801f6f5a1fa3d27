//! The TLS options: versions, cipher suites, client certificates. Names and shapes are checked here; certificates are read by
//! `net`, which knows how.

use serde_json::Value;

use super::reader::{Reader, shown};
use super::{NetOptions, TlsAuth};
use crate::spelling::nearest;

const TLS_VERSIONS: &[&str] = &["tls1.2", "tls1.3"];
const OLD_TLS_VERSIONS: &[&str] = &["ssl3.0", "tls1.0", "tls1.1"];

/// What can be offered: IANA's name, and OpenSSL's. The suites of TLS 1.3 are always offered with that version, as in Go.
const SUITES: &[(&str, &str)] = &[
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
    ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
    ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
];

/// What k6 knows and no safe client offers any more: no forward secrecy, or CBC, or worse.
const WEAK_SUITES: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

/// Reads the TLS options.
pub(super) fn parse(top: &mut Reader<'_>, net: &mut NetOptions) {
    versions(top, net);
    suites(top, net);
    certificates(top, net);
}

/// `"tls1.2"` (exactly that) or `{min, max}`.
fn versions(top: &mut Reader<'_>, net: &mut NetOptions) {
    let (min, max) = match top.get("tlsVersion") {
        None => return,
        Some(Value::String(both)) => (Some(both.clone()), Some(both.clone())),
        Some(Value::Object(_)) => {
            let Some(object) = top.object("tlsVersion") else { return };
            let mut range = Reader::new(object, "tlsVersion", top.found());
            range.check_names(&["min", "max"]);
            (range.text("min"), range.text("max"))
        }
        Some(other) => {
            let what = format!("{} is not a TLS version", shown(other));
            top.problem("tlsVersion", what, "give 'tls1.2', 'tls1.3' or { min, max }");
            return;
        }
    };
    let (min, max) = (min.filter(|v| !v.is_empty()), max.filter(|v| !v.is_empty()));
    for (is_min, version) in [(true, &min), (false, &max)] {
        let Some(version) = version else { continue };
        if OLD_TLS_VERSIONS.contains(&version.as_str()) {
            if is_min && max.as_deref().is_none_or(|v| TLS_VERSIONS.contains(&v)) {
                top.warn("tlsVersion", format!("{version} is not supported; TLS 1.2 is the lowest version offered"));
            } else if !is_min {
                let what = format!("{version} is not supported: this client speaks TLS 1.2 and 1.3 only");
                top.problem("tlsVersion", what, "raise `max` to 'tls1.2' or 'tls1.3'");
            }
        } else if !TLS_VERSIONS.contains(&version.as_str()) && (is_min || min != max) {
            top.problem("tlsVersion", format!("unknown version '{version}'"), "use 'tls1.2' or 'tls1.3'");
        }
    }
    let supported = |v: &String| TLS_VERSIONS.contains(&v.as_str());
    (net.tls_min, net.tls_max) = (min.filter(supported), max.filter(supported));
    if let (Some(min), Some(max)) = (&net.tls_min, &net.tls_max)
        && min > max
    {
        top.problem("tlsVersion", format!("min {min} is above max {max}"), "swap them");
    }
}

/// Names of suites, by IANA or OpenSSL.
fn suites(top: &mut Reader<'_>, net: &mut NetOptions) {
    let mut weak = Vec::new();
    for name in top.texts("tlsCipherSuites").unwrap_or_default() {
        let upper = name.trim().to_ascii_uppercase();
        // Go's older name of a suite leaves the hash out.
        let full = if upper.ends_with("_POLY1305") { format!("{upper}_SHA256") } else { upper };
        if let Some((iana, _)) = SUITES.iter().find(|(iana, openssl)| *iana == full || *openssl == full) {
            net.tls_cipher_suites.push((*iana).to_owned());
        } else if WEAK_SUITES.contains(&full.as_str()) {
            weak.push(name);
        } else {
            let known = SUITES.iter().map(|(iana, _)| *iana);
            let hint = match nearest(&full, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
            };
            top.problem("tlsCipherSuites", format!("unknown cipher suite '{name}'"), hint);
        }
    }
    if weak.is_empty() {
        return;
    }
    let names = weak.join(", ");
    let instead = if net.tls_cipher_suites.is_empty() { "; the usual suites are offered instead" } else { "" };
    top.warn("tlsCipherSuites", format!("not offered, as they are not safe any more: {names}{instead}"));
}

/// `[{ domains, cert, key, password }]`.
fn certificates(top: &mut Reader<'_>, net: &mut NetOptions) {
    for (at, object) in top.objects("tlsAuth").unwrap_or_default().into_iter().enumerate() {
        let mut entry = Reader::new(object, format!("tlsAuth[{at}]"), top.found());
        entry.check_names(&["domains", "cert", "key", "password"]);
        let domains = entry.texts("domains").unwrap_or_default();
        let (cert, key) = (entry.text("cert").unwrap_or_default(), entry.text("key").unwrap_or_default());
        for (name, value, begin) in [("cert", &cert, "CERTIFICATE"), ("key", &key, "PRIVATE KEY")] {
            if !value.contains("-----BEGIN ") || !value.contains(begin) {
                let hint = format!("give the text of a PEM file, for example {name}: open('{name}.pem')");
                entry.problem(name, format!("there is no PEM block of a {}", begin.to_lowercase()), hint);
            }
        }
        let password = entry.text("password").filter(|p| !p.is_empty());
        net.tls_auth.push(TlsAuth { domains, cert, key, password });
    }
}
