//! Keys to bytes and back: raw, SPKI, PKCS#8 and JWK.

use serde_json::Value;

use super::der::{self, Identifier, OCTET_STRING, Reader};
use super::ec::{Curve, EcPrivate};
use super::error::CryptoError;
use super::jwk;
use super::key::{Key, KeyKind, Material, Scheme};
use super::okp::{OkpCurve, OkpPrivate};
use super::rsa::{self, RsaPrivate, RsaPublic};

/// A format of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Format {
    Raw,
    Spki,
    Pkcs8,
    Jwk,
}

impl Format {
    /// By the API's name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Raw, Self::Spki, Self::Pkcs8, Self::Jwk].into_iter().find(|f| f.name() == name)
    }

    /// `raw` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Spki => "spki",
            Self::Pkcs8 => "pkcs8",
            Self::Jwk => "jwk",
        }
    }
}

/// A key outside.
pub enum KeyData {
    /// In one of the binary formats.
    Bytes(Vec<u8>),
    /// A JSON web key.
    Jwk(Value),
}

impl Key {
    /// Reads a key. `bits` is the length an HMAC key shall have.
    ///
    /// # Errors
    /// Data that is no such key, or a format the algorithm does not have.
    pub fn import(format: Format, data: &KeyData, scheme: Scheme, bits: Option<u32>) -> Result<Self, CryptoError> {
        let material = match (format, data) {
            (Format::Jwk, KeyData::Jwk(value)) => jwk::read(value, scheme)?,
            (Format::Raw, KeyData::Bytes(bytes)) => raw(bytes, scheme)?,
            (Format::Spki, KeyData::Bytes(bytes)) => spki(bytes, scheme)?,
            (Format::Pkcs8, KeyData::Bytes(bytes)) => pkcs8(bytes, scheme)?,
            _ => return Err(CryptoError::data(format!("the key data does not suit the format '{}'", format.name()))),
        };
        if let Material::Secret(bytes) = &material {
            check_secret(bytes, scheme, bits)?;
        }
        Ok(Self { scheme, material })
    }

    /// Writes a key.
    ///
    /// # Errors
    /// A format that this kind of key does not have.
    pub fn export(&self, format: Format) -> Result<KeyData, CryptoError> {
        let wrong = || {
            CryptoError::invalid_access(format!(
                "a {} {} key cannot be exported as '{}'",
                self.kind().name(),
                self.scheme.name(),
                format.name()
            ))
        };
        let bytes = match (format, &self.material) {
            _ if matches!(self.scheme, Scheme::Pbkdf2 | Scheme::Hkdf) => {
                return Err(CryptoError::not_supported(format!("{} keys cannot be exported", self.scheme.name())));
            }
            (Format::Jwk, _) => return jwk::write(self).map(KeyData::Jwk),
            (Format::Raw, Material::Secret(bytes) | Material::EcPublic(bytes) | Material::OkpPublic(bytes)) => {
                bytes.clone()
            }
            (Format::Spki, Material::RsaPublic(key)) => der::write_spki(rsa::IDENTIFIER, &key.der),
            (Format::Spki, Material::EcPublic(bytes) | Material::OkpPublic(bytes)) => {
                der::write_spki(identifier(self.scheme).ok_or_else(wrong)?, bytes)
            }
            (Format::Pkcs8, Material::RsaPrivate(key)) => der::write_pkcs8(rsa::IDENTIFIER, &key.der),
            (Format::Pkcs8, Material::EcPrivate(key)) => {
                let point = der::value(0xa1, &der::bits(&key.point));
                let one = der::integer(&[1]);
                let own = der::sequence(&[&one, &der::value(OCTET_STRING, &key.scalar), &point]);
                der::write_pkcs8(identifier(self.scheme).ok_or_else(wrong)?, &own)
            }
            (Format::Pkcs8, Material::OkpPrivate(key)) => {
                der::write_pkcs8(identifier(self.scheme).ok_or_else(wrong)?, &der::value(OCTET_STRING, &key.seed))
            }
            _ => return Err(wrong()),
        };
        debug_assert!(format != Format::Raw || self.kind() != KeyKind::Private, "a private key has no raw format");
        Ok(KeyData::Bytes(bytes))
    }
}

fn check_secret(bytes: &[u8], scheme: Scheme, bits: Option<u32>) -> Result<(), CryptoError> {
    let have = bytes.len() * 8;
    match scheme {
        Scheme::Aes(_) if !matches!(have, 128 | 192 | 256) => {
            Err(CryptoError::data(format!("an AES key has 128, 192 or 256 bits, not {have}")))
        }
        Scheme::Hmac { .. } if have == 0 => Err(CryptoError::data("an HMAC key must not be empty")),
        Scheme::Hmac { .. } if bits.is_some_and(|bits| bits as usize != have) => {
            Err(CryptoError::data(format!("the key has {have} bits, another number than its length says")))
        }
        _ => Ok(()),
    }
}

fn identifier(scheme: Scheme) -> Option<Identifier<'static>> {
    match scheme {
        Scheme::Rsa { .. } => Some(rsa::IDENTIFIER),
        Scheme::Ecdsa(curve) | Scheme::Ecdh(curve) => {
            Some(Identifier { algorithm: der::EC, curve: Some(curve.identifier()) })
        }
        Scheme::Okp(curve) => Some(Identifier { algorithm: curve.identifier(), curve: None }),
        _ => None,
    }
}

fn no_format(format: Format, scheme: Scheme) -> CryptoError {
    CryptoError::not_supported(format!("{} keys have no format '{}'", scheme.name(), format.name()))
}

fn raw(bytes: &[u8], scheme: Scheme) -> Result<Material, CryptoError> {
    match scheme {
        Scheme::Ecdsa(curve) | Scheme::Ecdh(curve) => ec_public(curve, bytes),
        Scheme::Okp(curve) => okp_public(curve, bytes),
        Scheme::Rsa { .. } => Err(no_format(Format::Raw, scheme)),
        _ => Ok(Material::Secret(bytes.to_vec())),
    }
}

pub(super) fn ec_public(curve: Curve, point: &[u8]) -> Result<Material, CryptoError> {
    curve.check_point(point)?;
    Ok(Material::EcPublic(point.to_vec()))
}

pub(super) fn okp_public(curve: OkpCurve, bytes: &[u8]) -> Result<Material, CryptoError> {
    if bytes.len() == 32 {
        Ok(Material::OkpPublic(bytes.to_vec()))
    } else {
        Err(CryptoError::data(format!("a public key of {} has 32 bytes, not {}", curve.name(), bytes.len())))
    }
}

/// Whether the key in a container is one of the wanted algorithm and curve.
fn check(found: Identifier<'_>, format: Format, scheme: Scheme) -> Result<(), CryptoError> {
    let Some(wanted) = identifier(scheme) else { return Err(no_format(format, scheme)) };
    if found.algorithm == wanted.algorithm && found.curve == wanted.curve {
        return Ok(());
    }
    Err(CryptoError::data(format!("this is no {} key of the wanted kind", scheme.name())))
}

fn spki(bytes: &[u8], scheme: Scheme) -> Result<Material, CryptoError> {
    if identifier(scheme).is_none() {
        return Err(no_format(Format::Spki, scheme));
    }
    let (found, key) = der::read_spki(bytes)?;
    check(found, Format::Spki, scheme)?;
    match scheme {
        Scheme::Ecdsa(curve) | Scheme::Ecdh(curve) => ec_public(curve, key),
        Scheme::Okp(curve) => okp_public(curve, key),
        _ => RsaPublic::from_der(key.to_vec()).map(Material::RsaPublic),
    }
}

fn pkcs8(bytes: &[u8], scheme: Scheme) -> Result<Material, CryptoError> {
    if identifier(scheme).is_none() {
        return Err(no_format(Format::Pkcs8, scheme));
    }
    let (found, key) = der::read_pkcs8(bytes)?;
    check(found, Format::Pkcs8, scheme)?;
    match scheme {
        Scheme::Ecdsa(curve) | Scheme::Ecdh(curve) => {
            let mut own = Reader::new(key).sequence()?;
            own.integer()?;
            let scalar = own.take(OCTET_STRING)?;
            if own.peek() == Some(0xa0) {
                own.take(0xa0)?;
            }
            let point = match own.peek() {
                Some(0xa1) => Some(Reader::new(own.take(0xa1)?).bits()?),
                _ => None,
            };
            EcPrivate::new(curve, scalar, point).map(|key| Material::EcPrivate(Box::new(key)))
        }
        Scheme::Okp(curve) => {
            let seed = Reader::new(key).take(OCTET_STRING)?;
            OkpPrivate::new(curve, seed).map(Material::OkpPrivate)
        }
        _ => RsaPrivate::from_der(key.to_vec()).map(|key| Material::RsaPrivate(Box::new(key))),
    }
}
