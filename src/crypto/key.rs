//! A key: what it is for, its material, and everything that can be done with it.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use super::aes::{self, AesMode, Cipher};
use super::ec::{Curve, EcPrivate};
use super::error::CryptoError;
use super::hash::Hash;
use super::kdf::{self, Derivation};
use super::okp::{self, OkpCurve, OkpPrivate};
use super::rsa::{self, RsaPrivate, RsaPublic, RsaScheme};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Scheme {
    Hmac { hash: Hash },
    Aes(AesMode),
    Rsa { scheme: RsaScheme, hash: Hash },
    Ecdsa(Curve),
    Ecdh(Curve),
    Okp(OkpCurve),
    Pbkdf2,
    Hkdf,
}

impl Scheme {
    /// The API's name of the algorithm.
    pub fn name(self) -> String {
        match self {
            Self::Hmac { .. } => "HMAC".to_owned(),
            Self::Aes(mode) => format!("AES-{}", mode.name()),
            Self::Rsa { scheme, .. } => scheme.name().to_owned(),
            Self::Ecdsa(_) => "ECDSA".to_owned(),
            Self::Ecdh(_) => "ECDH".to_owned(),
            Self::Okp(curve) => curve.name().to_owned(),
            Self::Pbkdf2 => "PBKDF2".to_owned(),
            Self::Hkdf => "HKDF".to_owned(),
        }
    }
}

/// Secret, or one half of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum KeyKind {
    Secret,
    Public,
    Private,
}

impl KeyKind {
    /// `secret`, `public` or `private`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

pub(super) enum Material {
    Secret(Vec<u8>),
    RsaPublic(RsaPublic),
    RsaPrivate(Box<RsaPrivate>),
    EcPublic(Vec<u8>),
    EcPrivate(Box<EcPrivate>),
    OkpPublic(Vec<u8>),
    OkpPrivate(OkpPrivate),
}

/// A key.
pub struct Key {
    pub(super) scheme: Scheme,
    pub(super) material: Material,
}

/// How data is signed, beside what the key says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signing {
    /// The hash of ECDSA.
    pub hash: Option<Hash>,
    /// `saltLength` of RSA-PSS in bytes.
    pub salt: Option<usize>,
}

/// What was generated.
pub enum Generated {
    /// A secret key.
    One(Key),
    /// A pair: public, private.
    Pair(Key, Key),
}

/// A fresh key. `bits` is the length of an AES or HMAC key or of an RSA modulus, `exponent` RSA's public exponent.
///
/// # Errors
/// Lengths that are not offered; algorithms without generated keys.
pub fn generate(scheme: Scheme, bits: Option<u32>, exponent: Option<&[u8]>) -> Result<Generated, CryptoError> {
    let secret = |bits: usize| {
        let mut bytes = vec![0; bits / 8];
        SystemRandom::new().fill(&mut bytes).map_err(|_| CryptoError::operation("the system gives no random bytes"))?;
        Ok(Generated::One(Key { scheme, material: Material::Secret(bytes) }))
    };
    let pair =
        |public, private| Ok(Generated::Pair(Key { scheme, material: public }, Key { scheme, material: private }));
    match scheme {
        Scheme::Hmac { hash } => match bits.map_or(hash.block_bits(), |b| b as usize) {
            0 => Err(CryptoError::operation("length must not be 0")),
            bits if bits % 8 == 0 && bits <= 1 << 20 => secret(bits),
            bits => {
                Err(CryptoError::operation(format!("length must be a multiple of 8 of at most 1048576, not {bits}")))
            }
        },
        Scheme::Aes(_) => match bits {
            Some(bits @ (128 | 192 | 256)) => secret(bits as usize),
            _ => Err(CryptoError::operation("length must be 128, 192 or 256")),
        },
        Scheme::Rsa { .. } => {
            if exponent.is_some_and(|e| e.iter().skip_while(|b| **b == 0).ne(&[1, 0, 1])) {
                return Err(CryptoError::not_supported(
                    "publicExponent must be new Uint8Array([1, 0, 1]); keys with others can only be imported",
                ));
            }
            let private = RsaPrivate::generate(bits.unwrap_or_default())?;
            let [modulus, exponent, ..] = private.numbers()?;
            let public = RsaPublic::new(modulus, exponent)?;
            pair(Material::RsaPublic(public), Material::RsaPrivate(Box::new(private)))
        }
        Scheme::Ecdsa(curve) | Scheme::Ecdh(curve) => {
            let private = EcPrivate::generate(curve)?;
            pair(Material::EcPublic(private.point.clone()), Material::EcPrivate(Box::new(private)))
        }
        Scheme::Okp(curve) => {
            let private = OkpPrivate::generate(curve)?;
            pair(Material::OkpPublic(private.public.clone()), Material::OkpPrivate(private))
        }
        Scheme::Pbkdf2 | Scheme::Hkdf => {
            Err(CryptoError::not_supported(format!("{} keys are imported, not generated", scheme.name())))
        }
    }
}

impl Key {
    /// What it is for.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Secret, public or private.
    pub fn kind(&self) -> KeyKind {
        match self.material {
            Material::Secret(_) => KeyKind::Secret,
            Material::RsaPublic(_) | Material::EcPublic(_) | Material::OkpPublic(_) => KeyKind::Public,
            Material::RsaPrivate(_) | Material::EcPrivate(_) | Material::OkpPrivate(_) => KeyKind::Private,
        }
    }

    /// Bits of a secret or of an RSA modulus; 0 for curves.
    pub fn bits(&self) -> usize {
        match &self.material {
            Material::Secret(bytes) => bytes.len() * 8,
            _ => self.rsa_numbers().map_or(0, |[modulus, _]| rsa::bit_length(modulus)),
        }
    }

    /// RSA's public exponent.
    pub fn exponent(&self) -> Option<Vec<u8>> {
        self.rsa_numbers().map(|[_, exponent]| exponent.to_vec())
    }

    /// Modulus and public exponent.
    pub(super) fn rsa_numbers(&self) -> Option<[&[u8]; 2]> {
        match &self.material {
            Material::RsaPublic(key) => key.numbers().ok(),
            Material::RsaPrivate(key) => key.numbers().ok().map(|[modulus, exponent, ..]| [modulus, exponent]),
            _ => None,
        }
    }

    /// Whether work with this key is slow enough to be done elsewhere than on a VU's thread.
    pub fn is_slow(&self) -> bool {
        matches!(self.material, Material::RsaPrivate(_)) || self.scheme == Scheme::Pbkdf2
    }

    fn cannot(&self, what: &str) -> CryptoError {
        CryptoError::invalid_access(format!("a {} {} key cannot {what}", self.kind().name(), self.scheme.name()))
    }

    /// The signature of some data.
    ///
    /// # Errors
    /// A key that cannot sign, or a combination that is not offered.
    pub fn sign(&self, how: &Signing, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match (self.scheme, &self.material) {
            (Scheme::Hmac { hash }, Material::Secret(key)) => Ok(hash.hmac(key, data)),
            (Scheme::Rsa { scheme, hash }, Material::RsaPrivate(key)) if scheme != RsaScheme::Oaep => {
                key.sign(scheme, hash, how.salt, data)
            }
            (Scheme::Ecdsa(curve), Material::EcPrivate(key)) => key.sign(curve, ecdsa_hash(how)?, data),
            (Scheme::Okp(OkpCurve::Ed25519), Material::OkpPrivate(key)) => key.sign(data),
            _ => Err(self.cannot("sign")),
        }
    }

    /// Whether a signature is one of this data.
    ///
    /// # Errors
    /// As for [`Key::sign`]; a wrong signature is no error.
    pub fn verify(&self, how: &Signing, signature: &[u8], data: &[u8]) -> Result<bool, CryptoError> {
        match (self.scheme, &self.material) {
            (Scheme::Hmac { hash }, Material::Secret(key)) => Ok(hash.hmac_holds(key, data, signature)),
            (Scheme::Rsa { scheme, hash }, Material::RsaPublic(key)) if scheme != RsaScheme::Oaep => {
                key.verify(scheme, hash, how.salt, data, signature)
            }
            (Scheme::Ecdsa(curve), Material::EcPublic(point)) => curve.verify(point, ecdsa_hash(how)?, data, signature),
            (Scheme::Okp(OkpCurve::Ed25519), Material::OkpPublic(key)) => Ok(okp::verify(key, data, signature)),
            _ => Err(self.cannot("verify")),
        }
    }

    /// Encrypts; the parameters must be of the key's algorithm.
    ///
    /// # Errors
    /// Wrong parameters, or data that is too long.
    pub fn encrypt(&self, how: &Cipher, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match (self.scheme, &self.material, how) {
            (Scheme::Aes(_), Material::Secret(key), _) => aes::encrypt(key, how, data),
            (Scheme::Rsa { hash, .. }, Material::RsaPublic(key), Cipher::RsaOaep { label }) => {
                key.encrypt(hash, label, data)
            }
            _ => Err(self.cannot("encrypt")),
        }
    }

    /// Decrypts.
    ///
    /// # Errors
    /// Wrong parameters, key or data.
    pub fn decrypt(&self, how: &Cipher, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match (self.scheme, &self.material, how) {
            (Scheme::Aes(_), Material::Secret(key), _) => aes::decrypt(key, how, data),
            (Scheme::Rsa { hash, .. }, Material::RsaPrivate(key), Cipher::RsaOaep { label }) => {
                key.decrypt(hash, label, data)
            }
            _ => Err(self.cannot("decrypt")),
        }
    }

    /// Derives bits; None takes all that an agreement gives.
    ///
    /// # Errors
    /// Lengths that do not suit, or a public key of another curve.
    pub fn derive(&self, how: &Derivation, bits: Option<u32>) -> Result<Vec<u8>, CryptoError> {
        match (&self.material, how) {
            (Material::Secret(secret), Derivation::Pbkdf2 { hash, salt, iterations }) => {
                kdf::pbkdf2(secret, *hash, salt, *iterations, bits)
            }
            (Material::Secret(secret), Derivation::Hkdf { hash, salt, info }) => {
                kdf::hkdf(secret, *hash, salt, info, bits)
            }
            (_, Derivation::Agree { public }) => {
                if public.scheme != self.scheme {
                    return Err(CryptoError::invalid_access(
                        "the other side's key is of another algorithm or curve than this one",
                    ));
                }
                let secret = match (self.scheme, &self.material, &public.material) {
                    (Scheme::Ecdh(curve), Material::EcPrivate(key), Material::EcPublic(point)) => {
                        key.agree(curve, point)?
                    }
                    (Scheme::Okp(OkpCurve::X25519), Material::OkpPrivate(key), Material::OkpPublic(public)) => {
                        key.agree(public)?
                    }
                    (_, _, Material::EcPublic(_) | Material::OkpPublic(_)) => return Err(self.cannot("derive bits")),
                    _ => return Err(CryptoError::invalid_access("the other side's key must be a public one")),
                };
                first_bits(secret, bits)
            }
            _ => Err(self.cannot("derive bits this way")),
        }
    }
}

fn ecdsa_hash(how: &Signing) -> Result<Hash, CryptoError> {
    how.hash.ok_or_else(|| CryptoError::operation("ECDSA needs a hash"))
}

/// The first bits of a secret; those after the last one in its byte are zero.
fn first_bits(mut secret: Vec<u8>, bits: Option<u32>) -> Result<Vec<u8>, CryptoError> {
    let Some(bits) = bits.map(|b| b as usize) else { return Ok(secret) };
    if bits > secret.len() * 8 {
        return Err(CryptoError::operation(format!(
            "length must be at most {} bits for these keys, not {bits}",
            secret.len() * 8
        )));
    }
    secret.truncate(bits.div_ceil(8));
    if let (Some(last), rest @ 1..) = (secret.last_mut(), bits % 8) {
        *last &= 0xff << (8 - rest);
    }
    Ok(secret)
}
