//! `k6/crypto/x509`: what is in a certificate. Reading it is `crate::crypto`'s business.

use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsObject, JsResult, JsValue};

use crate::crypto::{Certificate, Name, PublicKey};
use crate::js::convert::{Native, arg, define, error, function, string, string_or_bytes};

const COUNTRY: &str = "2.5.4.6";
const ORGANIZATIONAL_UNIT: &str = "2.5.4.11";

#[allow(clippy::unnecessary_wraps)]
pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    let functions: [(&str, Native); 4] = [
        ("parse", parse),
        ("getAltNames", |_, a, c| certificate(a, c).map(|found| strings(&found.alt_names, c))),
        ("getIssuer", |_, a, c| certificate(a, c).map(|found| issuer(&found.issuer, c))),
        ("getSubject", |_, a, c| certificate(a, c).map(|found| subject(&found.subject, c))),
    ];
    for (name, native) in functions {
        let value = function(name, 1, native, context);
        define(&api, name, value);
    }
    Ok(api)
}

fn certificate(args: &[JsValue], context: &mut Context) -> JsResult<Certificate> {
    let text = string_or_bytes(&arg(args, 0), "the certificate", context)?;
    Certificate::from_pem(&text).map_err(error)
}

/// `parse(pem)`.
fn parse(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let found = certificate(args, context)?;
    let Some(key) = &found.public_key else {
        return Err(error("unsupported public key algorithm: known are RSA, ECDSA (P-224 to P-521) and DSA"));
    };
    let out = JsObject::with_object_proto(context.intrinsics());
    let value = subject(&found.subject, context);
    define(&out, "subject", value);
    let value = issuer(&found.issuer, context);
    define(&out, "issuer", value);
    define(&out, "notBefore", date(found.not_before));
    define(&out, "notAfter", date(found.not_after));
    let value = strings(&found.alt_names, context);
    define(&out, "altNames", value);
    define(&out, "signatureAlgorithm", string(found.signature_algorithm));
    let bytes: Vec<JsValue> = found.fingerprint.iter().map(|b| JsValue::from(*b)).collect();
    let value = JsArray::from_iter(bytes, context);
    define(&out, "fingerPrint", value);
    let value = public_key(key, context);
    define(&out, "publicKey", value);
    Ok(out.into())
}

/// As RFC 3339 in UTC.
fn date(seconds: i64) -> JsValue {
    let time = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
    string(&time.and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok()).unwrap_or_default())
}

fn strings(values: &[impl AsRef<str>], context: &mut Context) -> JsValue {
    let values: Vec<JsValue> = values.iter().map(|v| string(v.as_ref())).collect();
    JsArray::from_iter(values, context).into()
}

/// The members that both names have; an attribute that is missing is an empty text.
fn name(name: &Name, context: &mut Context) -> JsObject {
    let out = JsObject::with_object_proto(context.intrinsics());
    // Of several common names the last counts, of everything else the first.
    define(&out, "commonName", string(name.all("2.5.4.3").last().copied().unwrap_or_default()));
    for (member, oid) in [
        ("country", COUNTRY),
        ("stateOrProvinceName", "2.5.4.8"),
        ("localityName", "2.5.4.7"),
        ("organizationName", "2.5.4.10"),
    ] {
        define(&out, member, string(name.all(oid).first().copied().unwrap_or_default()));
    }
    let mut names: Vec<JsValue> = Vec::with_capacity(name.0.len());
    for (oid, value) in &name.0 {
        let pair = JsObject::with_object_proto(context.intrinsics());
        define(&pair, "type", string(oid));
        define(&pair, "value", string(value));
        names.push(pair.into());
    }
    let names = JsArray::from_iter(names, context);
    define(&out, "names", names);
    out
}

fn issuer(issuer: &Name, context: &mut Context) -> JsValue {
    name(issuer, context).into()
}

fn subject(subject: &Name, context: &mut Context) -> JsValue {
    let out = name(subject, context);
    for (member, oid) in [("postalCode", "2.5.4.17"), ("streetAddress", "2.5.4.9")] {
        define(&out, member, string(subject.all(oid).first().copied().unwrap_or_default()));
    }
    let units = strings(&subject.all(ORGANIZATIONAL_UNIT), context);
    define(&out, "organizationalUnitName", units);
    out.into()
}

/// `{ algorithm, key }`; numbers beyond those of JavaScript are texts of decimal digits.
fn public_key(key: &PublicKey, context: &mut Context) -> JsObject {
    let out = JsObject::with_object_proto(context.intrinsics());
    let inner = JsObject::with_object_proto(context.intrinsics());
    let algorithm = match key {
        PublicKey::Rsa { e, n } => {
            #[allow(clippy::cast_precision_loss)]
            define(&inner, "e", *e as f64);
            define(&inner, "n", string(n));
            "RSA"
        }
        PublicKey::Ecdsa { curve, x, y } => {
            define(&inner, "curve", string(curve));
            define(&inner, "x", string(x));
            define(&inner, "y", string(y));
            "ECDSA"
        }
        PublicKey::Dsa { y } => {
            define(&inner, "y", string(y));
            "DSA"
        }
    };
    define(&out, "algorithm", string(algorithm));
    define(&out, "key", inner);
    out
}
