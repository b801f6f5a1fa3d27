//! Algorithms as scripts write them, `'SHA-256'` or `{ name: 'AES-GCM', iv }`, as parameters of `crate::crypto`.

use std::sync::Arc;

use boa_engine::{Context, JsObject, JsResult, JsString, JsValue};

use super::crypto_key::CryptoKey;
use super::dom_exception::{fail, throw};
use crate::crypto::{AesMode, Cipher, Curve, Derivation, ErrorName, Hash, OkpCurve, RsaScheme, Scheme, Signing};
use crate::js::convert::{bytes, to_text, type_error};

const KNOWN: &str = "SHA-1, SHA-256, SHA-384, SHA-512, HMAC, AES-CBC, AES-CTR, AES-GCM, AES-KW, RSASSA-PKCS1-v1_5, RSA-PSS, \
                     RSA-OAEP, ECDSA, ECDH, Ed25519, X25519, PBKDF2, HKDF";

/// An algorithm argument: its name in the API's spelling, and the object it came in.
pub(super) struct Given {
    pub(super) name: &'static str,
    object: Option<JsObject>,
}

impl Given {
    /// Reads name and object.
    pub(super) fn read(value: &JsValue, context: &mut Context) -> JsResult<Self> {
        let object = value.as_object();
        let name = match &object {
            Some(object) => object.get(JsString::from("name"), context)?,
            None => value.clone(),
        };
        let Some(name) = name.as_string().map(|s| s.to_std_string_lossy()) else {
            return Err(type_error(
                "the algorithm must be a name or an object with a name, such as { name: 'AES-GCM', iv }",
            ));
        };
        match KNOWN.split(", ").map(str::trim).find(|known| known.eq_ignore_ascii_case(&name)) {
            Some(name) => Ok(Self { name, object }),
            None => {
                let message = format!("the algorithm '{name}' is not supported; supported: {KNOWN}");
                Err(fail(ErrorName::NotSupported, message, context))
            }
        }
    }

    fn member(&self, name: &str, context: &mut Context) -> JsResult<JsValue> {
        match &self.object {
            Some(object) => object.get(JsString::from(name), context),
            None => Ok(JsValue::undefined()),
        }
    }

    fn missing(&self, name: &str, what: &str) -> boa_engine::JsError {
        type_error(format!("{} needs `{name}`: {what}", self.name))
    }

    /// A member that must hold bytes.
    fn bytes(&self, name: &str, context: &mut Context) -> JsResult<Vec<u8>> {
        let value = self.member(name, context)?;
        bytes(&value, context)?.ok_or_else(|| self.missing(name, "an ArrayBuffer or a view of one"))
    }

    fn optional_bytes(&self, name: &str, context: &mut Context) -> JsResult<Vec<u8>> {
        if self.member(name, context)?.is_undefined() { Ok(Vec::new()) } else { self.bytes(name, context) }
    }

    fn optional_number(&self, name: &str, context: &mut Context) -> JsResult<Option<u32>> {
        let value = self.member(name, context)?;
        if value.is_undefined() {
            return Ok(None);
        }
        let number = value.to_number(context)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        if (0.0..=f64::from(u32::MAX)).contains(&number) {
            Ok(Some(number as u32))
        } else {
            Err(type_error(format!("`{name}` of {} must be a whole number of zero or more", self.name)))
        }
    }

    fn number(&self, name: &str, context: &mut Context) -> JsResult<u32> {
        self.optional_number(name, context)?.ok_or_else(|| self.missing(name, "a number"))
    }

    fn hash(&self, context: &mut Context) -> JsResult<Hash> {
        let value = self.member("hash", context)?;
        if value.is_undefined() {
            return Err(self.missing("hash", "for example 'SHA-256'"));
        }
        let name = Self::read(&value, context)?.name;
        match Hash::parse(name) {
            Some(hash) => Ok(hash),
            None => Err(fail(ErrorName::NotSupported, format!("'{name}' is no hash; use SHA-256"), context)),
        }
    }

    fn curve(&self, context: &mut Context) -> JsResult<Curve> {
        let value = self.member("namedCurve", context)?;
        if value.is_undefined() {
            return Err(self.missing("namedCurve", "P-256, P-384 or P-521"));
        }
        let name = to_text(&value, context)?;
        match Curve::parse(&name) {
            Some(curve) => Ok(curve),
            None => {
                let message = format!("the curve '{name}' is not supported; supported: P-256, P-384, P-521");
                Err(fail(ErrorName::NotSupported, message, context))
            }
        }
    }

    /// The hash of `digest`.
    pub(super) fn digest(&self, context: &mut Context) -> JsResult<Hash> {
        match Hash::parse(self.name) {
            Some(hash) => Ok(hash),
            None => Err(self.not_for("digest", context)),
        }
    }

    pub(super) fn not_for(&self, what: &str, context: &mut Context) -> boa_engine::JsError {
        fail(ErrorName::NotSupported, format!("{} cannot be used with {what}", self.name), context)
    }

    /// What a key generated or imported with this algorithm is for.
    pub(super) fn scheme(&self, context: &mut Context) -> JsResult<Scheme> {
        Ok(match self.name {
            "HMAC" => Scheme::Hmac { hash: self.hash(context)? },
            "AES-CBC" => Scheme::Aes(AesMode::Cbc),
            "AES-CTR" => Scheme::Aes(AesMode::Ctr),
            "AES-GCM" => Scheme::Aes(AesMode::Gcm),
            "AES-KW" => Scheme::Aes(AesMode::Kw),
            "RSASSA-PKCS1-v1_5" => Scheme::Rsa { scheme: RsaScheme::Pkcs1, hash: self.hash(context)? },
            "RSA-PSS" => Scheme::Rsa { scheme: RsaScheme::Pss, hash: self.hash(context)? },
            "RSA-OAEP" => Scheme::Rsa { scheme: RsaScheme::Oaep, hash: self.hash(context)? },
            "ECDSA" => Scheme::Ecdsa(self.curve(context)?),
            "ECDH" => Scheme::Ecdh(self.curve(context)?),
            "Ed25519" => Scheme::Okp(OkpCurve::Ed25519),
            "X25519" => Scheme::Okp(OkpCurve::X25519),
            "PBKDF2" => Scheme::Pbkdf2,
            "HKDF" => Scheme::Hkdf,
            _ => return Err(self.not_for("keys", context)),
        })
    }

    /// Bits of an AES or HMAC key, or of an RSA modulus.
    pub(super) fn key_bits(&self, scheme: Scheme, context: &mut Context) -> JsResult<Option<u32>> {
        match scheme {
            Scheme::Hmac { .. } => self.optional_number("length", context),
            Scheme::Aes(_) => self.number("length", context).map(Some),
            Scheme::Rsa { .. } => self.number("modulusLength", context).map(Some),
            _ => Ok(None),
        }
    }

    /// The length an imported HMAC key shall have.
    pub(super) fn import_bits(&self, scheme: Scheme, context: &mut Context) -> JsResult<Option<u32>> {
        if matches!(scheme, Scheme::Hmac { .. }) { self.optional_number("length", context) } else { Ok(None) }
    }

    /// RSA's public exponent.
    pub(super) fn exponent(&self, scheme: Scheme, context: &mut Context) -> JsResult<Option<Vec<u8>>> {
        if matches!(scheme, Scheme::Rsa { .. }) { self.bytes("publicExponent", context).map(Some) } else { Ok(None) }
    }

    /// Parameters of signing and verifying.
    pub(super) fn signing(&self, context: &mut Context) -> JsResult<Signing> {
        match self.name {
            "HMAC" | "RSASSA-PKCS1-v1_5" | "Ed25519" => Ok(Signing::default()),
            "RSA-PSS" => Ok(Signing { salt: Some(self.number("saltLength", context)? as usize), hash: None }),
            "ECDSA" => Ok(Signing { hash: Some(self.hash(context)?), salt: None }),
            _ => Err(self.not_for("signatures", context)),
        }
    }

    /// Parameters of encrypting and wrapping.
    pub(super) fn cipher(&self, wrapping: bool, context: &mut Context) -> JsResult<Cipher> {
        match self.name {
            "AES-CBC" => Ok(Cipher::AesCbc { iv: self.bytes("iv", context)? }),
            "AES-CTR" => {
                Ok(Cipher::AesCtr { counter: self.bytes("counter", context)?, length: self.number("length", context)? })
            }
            "AES-GCM" => Ok(Cipher::AesGcm {
                iv: self.bytes("iv", context)?,
                additional: self.optional_bytes("additionalData", context)?,
                tag_bits: self.optional_number("tagLength", context)?.unwrap_or(128),
            }),
            "AES-KW" if wrapping => Ok(Cipher::AesKw),
            "RSA-OAEP" => Ok(Cipher::RsaOaep { label: self.optional_bytes("label", context)? }),
            _ => Err(self.not_for(if wrapping { "wrapKey and unwrapKey" } else { "encrypt and decrypt" }, context)),
        }
    }

    /// Parameters of deriving.
    pub(super) fn derivation(&self, context: &mut Context) -> JsResult<Derivation> {
        match self.name {
            "PBKDF2" => Ok(Derivation::Pbkdf2 {
                hash: self.hash(context)?,
                salt: self.bytes("salt", context)?,
                iterations: self.number("iterations", context)?,
            }),
            "HKDF" => Ok(Derivation::Hkdf {
                hash: self.hash(context)?,
                salt: self.bytes("salt", context)?,
                info: self.bytes("info", context)?,
            }),
            "ECDH" | "X25519" => {
                let public = self.member("public", context)?;
                let public = CryptoKey::of(&public, &format!("`public` of {}", self.name))?;
                Ok(Derivation::Agree { public: Arc::clone(&public.key) })
            }
            _ => Err(self.not_for("deriveBits and deriveKey", context)),
        }
    }

    /// An error unless the key is one of this algorithm and may be used for `usage`.
    pub(super) fn check_key(&self, key: &CryptoKey, usage: &str, context: &mut Context) -> JsResult<()> {
        let own = key.key.scheme().name();
        let message = if own != self.name {
            format!("the key is one of {own}, not of {}", self.name)
        } else if !key.usages.has(usage) {
            format!("the key's usages do not include '{usage}'")
        } else {
            return Ok(());
        };
        Err(throw(&crate::crypto::CryptoError::new(ErrorName::InvalidAccess, message), context))
    }
}
