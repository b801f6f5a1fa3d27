//! JSON web keys (RFC 7517, 7518, 8037).

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::ec::{Curve, EcPrivate};
use super::error::CryptoError;
use super::key::{Key, Material, Scheme};
use super::key_format::{ec_public, okp_public};
use super::okp::OkpPrivate;
use super::rsa::{PRIVATE_PARTS, RsaPrivate, RsaPublic};

fn kind(scheme: Scheme) -> Result<&'static str, CryptoError> {
    match scheme {
        Scheme::Hmac { .. } | Scheme::Aes(_) => Ok("oct"),
        Scheme::Rsa { .. } => Ok("RSA"),
        Scheme::Ecdsa(_) | Scheme::Ecdh(_) => Ok("EC"),
        Scheme::Okp(_) => Ok("OKP"),
        Scheme::Pbkdf2 | Scheme::Hkdf => {
            Err(CryptoError::not_supported(format!("{} keys have no format 'jwk'", scheme.name())))
        }
    }
}

/// The name in `alg`, where the algorithm has one. `bits` is the length of an AES key.
fn algorithm(scheme: Scheme, bits: usize) -> Option<String> {
    match scheme {
        Scheme::Hmac { hash } => Some(format!("HS{}", hash.digits())),
        Scheme::Aes(mode) => Some(format!("A{bits}{}", mode.name())),
        Scheme::Rsa { scheme, hash } => Some(scheme.jwk(hash)),
        _ => None,
    }
}

/// Bytes of a member.
fn member(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, CryptoError> {
    let text = jwk.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| CryptoError::data(format!("the JWK has no '{name}'")))?;
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| CryptoError::data(format!("the JWK's '{name}' is not base64url without padding")))
}

fn check(jwk: &Map<String, Value>, name: &str, want: &str) -> Result<(), CryptoError> {
    match jwk.get(name).and_then(Value::as_str) {
        Some(have) if have == want => Ok(()),
        _ => Err(CryptoError::data(format!("the JWK's '{name}' must be '{want}' for this algorithm"))),
    }
}

/// Whether the key's own statements allow it to be used so.
///
/// # Errors
/// `ext` or `key_ops` that forbid it.
pub fn check_use(jwk: &Value, usages: &[&str], extractable: bool) -> Result<(), CryptoError> {
    if jwk.get("ext") == Some(&Value::Bool(false)) && extractable {
        return Err(CryptoError::data("the JWK's 'ext' forbids an extractable key"));
    }
    let Some(allowed) = jwk.get("key_ops").and_then(Value::as_array) else { return Ok(()) };
    match usages.iter().find(|usage| !allowed.iter().any(|a| a.as_str() == Some(usage))) {
        Some(usage) => Err(CryptoError::data(format!("the JWK's 'key_ops' do not include '{usage}'"))),
        None => Ok(()),
    }
}

pub(super) fn read(jwk: &Value, scheme: Scheme) -> Result<Material, CryptoError> {
    let kind = kind(scheme)?;
    let Some(jwk) = jwk.as_object() else { return Err(CryptoError::data("a JWK is an object")) };
    check(jwk, "kty", kind)?;
    let material = match scheme {
        Scheme::Rsa { .. } => {
            let (modulus, exponent) = (member(jwk, "n")?, member(jwk, "e")?);
            if !jwk.contains_key("d") {
                Material::RsaPublic(RsaPublic::new(&modulus, &exponent)?)
            } else {
                let mut parts = vec![modulus, exponent];
                for name in PRIVATE_PARTS {
                    parts.push(member(jwk, name)?);
                }
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                let numbers = parts.try_into().map_err(|_| CryptoError::data("the JWK is incomplete"))?;
                Material::RsaPrivate(Box::new(RsaPrivate::new(numbers)?))
            }
        }
        Scheme::Ecdsa(curve) | Scheme::Ecdh(curve) => {
            check(jwk, "crv", curve.name())?;
            let point = [&[4][..], &coordinate(jwk, "x", curve)?, &coordinate(jwk, "y", curve)?].concat();
            let public = ec_public(curve, &point)?;
            if jwk.contains_key("d") {
                let key = EcPrivate::new(curve, &coordinate(jwk, "d", curve)?, Some(&point))?;
                Material::EcPrivate(Box::new(key))
            } else {
                public
            }
        }
        Scheme::Okp(curve) => {
            check(jwk, "crv", curve.name())?;
            let public = member(jwk, "x")?;
            if jwk.contains_key("d") {
                let key = OkpPrivate::new(curve, &member(jwk, "d")?)?;
                if key.public != public {
                    return Err(CryptoError::data("the JWK's 'd' and 'x' do not belong together"));
                }
                Material::OkpPrivate(key)
            } else {
                okp_public(curve, &public)?
            }
        }
        _ => Material::Secret(member(jwk, "k")?),
    };
    let bits = if let Material::Secret(bytes) = &material { bytes.len() * 8 } else { 0 };
    if let (Some(want), true) = (algorithm(scheme, bits), jwk.contains_key("alg")) {
        check(jwk, "alg", &want)?;
    }
    Ok(material)
}

fn coordinate(jwk: &Map<String, Value>, name: &str, curve: Curve) -> Result<Vec<u8>, CryptoError> {
    let bytes = member(jwk, name)?;
    if bytes.len() == curve.bytes() {
        return Ok(bytes);
    }
    Err(CryptoError::data(format!("the JWK's '{name}' must have {} bytes for {}", curve.bytes(), curve.name())))
}

pub(super) fn write(key: &Key) -> Result<Value, CryptoError> {
    let mut jwk = Map::new();
    let mut put = |name: &str, bytes: &[u8]| jwk.insert(name.to_owned(), BASE64URL_NOPAD.encode(bytes).into());
    let curve = match key.scheme {
        Scheme::Ecdsa(curve) | Scheme::Ecdh(curve) => Some(curve.name()),
        Scheme::Okp(curve) => Some(curve.name()),
        _ => None,
    };
    match &key.material {
        Material::Secret(bytes) => {
            put("k", bytes);
        }
        Material::RsaPublic(_) | Material::RsaPrivate(_) => {
            for (name, number) in ["n", "e"].into_iter().zip(key.rsa_numbers().unwrap_or_default()) {
                put(name, number);
            }
            if let Material::RsaPrivate(key) = &key.material {
                for (name, number) in PRIVATE_PARTS.into_iter().zip(&key.numbers()?[2..]) {
                    put(name, number);
                }
            }
        }
        Material::EcPublic(point) => put_point(&mut put, point),
        Material::EcPrivate(key) => {
            put_point(&mut put, &key.point);
            put("d", &key.scalar);
        }
        Material::OkpPublic(public) => {
            put("x", public);
        }
        Material::OkpPrivate(key) => {
            put("x", &key.public);
            put("d", &key.seed);
        }
    }
    jwk.insert("kty".to_owned(), kind(key.scheme)?.into());
    if let Some(curve) = curve {
        jwk.insert("crv".to_owned(), curve.into());
    }
    if let Some(name) = algorithm(key.scheme, key.bits()) {
        jwk.insert("alg".to_owned(), name.into());
    }
    Ok(Value::Object(jwk))
}

fn put_point(put: &mut impl FnMut(&str, &[u8]) -> Option<Value>, point: &[u8]) {
    let (x, y) = point[1..].split_at(point.len() / 2);
    put("x", x);
    put("y", y);
}
