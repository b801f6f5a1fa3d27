//! RSA: signatures (PKCS#1 v1.5 and PSS) and encryption (OAEP).
//!
//! Keys are kept in the structures of PKCS#1. AWS-LC signs with SHA-2 only, and salts PSS with as many bytes as the hash has:
//! anything else is refused by name.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{self as sig, ParsedPublicKey, RsaEncoding, RsaKeyPair, RsaParameters};

use super::der::{self, Identifier, Reader};
use super::error::CryptoError;
use super::hash::Hash;

/// What an RSA key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RsaScheme {
    Pkcs1,
    Pss,
    Oaep,
}

impl RsaScheme {
    /// The API's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pkcs1 => "RSASSA-PKCS1-v1_5",
            Self::Pss => "RSA-PSS",
            Self::Oaep => "RSA-OAEP",
        }
    }

    /// JWK's name with this hash.
    pub(super) fn jwk(self, hash: Hash) -> String {
        match self {
            Self::Pkcs1 => format!("RS{}", hash.digits()),
            Self::Pss => format!("PS{}", hash.digits()),
            Self::Oaep if hash == Hash::Sha1 => "RSA-OAEP".to_owned(),
            Self::Oaep => format!("RSA-OAEP-{}", hash.digits()),
        }
    }
}

pub(super) const IDENTIFIER: Identifier<'static> = Identifier { algorithm: der::RSA, curve: None };

/// Smallest and largest modulus in bits.
const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key: `RSAPublicKey`.
pub(super) struct RsaPublic {
    pub(super) der: Vec<u8>,
}

/// A private key: `RSAPrivateKey`, and the form that signs, made when first needed.
pub(super) struct RsaPrivate {
    pub(super) der: Vec<u8>,
    pair: OnceLock<Option<RsaKeyPair>>,
}

/// The numbers of a private key after modulus and public exponent, in PKCS#1's order.
pub(super) const PRIVATE_PARTS: [&str; 6] = ["d", "p", "q", "dp", "dq", "qi"];

impl RsaPublic {
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, CryptoError> {
        Self::from_der(der::sequence(&[&der::integer(modulus), &der::integer(exponent)]))
    }

    pub(super) fn from_der(der: Vec<u8>) -> Result<Self, CryptoError> {
        let key = Self { der };
        check_size(key.numbers()?[0])?;
        Ok(key)
    }

    /// Modulus and exponent.
    pub(super) fn numbers(&self) -> Result<[&[u8]; 2], CryptoError> {
        let mut key = Reader::new(&self.der).sequence()?;
        Ok([key.integer()?, key.integer()?])
    }

    pub(super) fn verify(
        &self,
        scheme: RsaScheme,
        hash: Hash,
        salt: Option<usize>,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, CryptoError> {
        check_salt(hash, salt)?;
        let algorithm: &'static RsaParameters = match (scheme, hash) {
            (RsaScheme::Pss, Hash::Sha256) => &sig::RSA_PSS_2048_8192_SHA256,
            (RsaScheme::Pss, Hash::Sha384) => &sig::RSA_PSS_2048_8192_SHA384,
            (RsaScheme::Pss, Hash::Sha512) => &sig::RSA_PSS_2048_8192_SHA512,
            (RsaScheme::Pkcs1, Hash::Sha1) => &sig::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            (RsaScheme::Pkcs1, Hash::Sha256) => &sig::RSA_PKCS1_2048_8192_SHA256,
            (RsaScheme::Pkcs1, Hash::Sha384) => &sig::RSA_PKCS1_2048_8192_SHA384,
            (RsaScheme::Pkcs1, Hash::Sha512) => &sig::RSA_PKCS1_2048_8192_SHA512,
            _ => return Err(unsupported(scheme, hash)),
        };
        let spki = der::write_spki(IDENTIFIER, &self.der);
        let key =
            ParsedPublicKey::new(algorithm, &spki).map_err(|_| CryptoError::operation("the key cannot be used"))?;
        Ok(key.verify_sig(data, signature).is_ok())
    }

    pub(super) fn encrypt(&self, hash: Hash, label: &[u8], data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let failed = || CryptoError::operation("the data cannot be encrypted: it may be too long for this key");
        let spki = der::write_spki(IDENTIFIER, &self.der);
        let key = PublicEncryptingKey::from_der(&spki).map_err(|_| failed())?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| failed())?;
        let mut out = vec![0; key.ciphertext_size()];
        let length = key.encrypt(oaep(hash), data, &mut out, label_of(label)).map_err(|_| failed())?.len();
        out.truncate(length);
        Ok(out)
    }
}

impl RsaPrivate {
    pub(super) fn generate(bits: u32) -> Result<Self, CryptoError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => {
                return Err(CryptoError::not_supported(format!(
                    "RSA keys of {bits} bits cannot be generated; modulusLength can be 2048, 3072, 4096 or 8192"
                )));
            }
        };
        let failed = |_| CryptoError::operation("the key cannot be generated");
        let pair = RsaKeyPair::generate(size).map_err(failed)?;
        let pkcs8 = AsDer::as_der(&pair).map_err(failed)?;
        let der = der::read_pkcs8(pkcs8.as_ref())?.1.to_vec();
        Ok(Self { der, pair: Some(pair).into() })
    }

    /// From modulus, public exponent and the six private numbers.
    pub(super) fn new(numbers: [&[u8]; 8]) -> Result<Self, CryptoError> {
        let parts: Vec<Vec<u8>> = numbers.iter().map(|n| der::integer(n)).collect();
        let mut all: Vec<&[u8]> = vec![&[der::INTEGER, 1, 0]];
        all.extend(parts.iter().map(Vec::as_slice));
        Self::from_der(der::sequence(&all))
    }

    pub(super) fn from_der(der: Vec<u8>) -> Result<Self, CryptoError> {
        let key = Self { der, pair: OnceLock::new() };
        check_size(key.numbers()?[0])?;
        // Parsing checks that the numbers belong together.
        if key.pair().is_err() {
            return Err(CryptoError::data("the numbers of this RSA key do not belong together"));
        }
        Ok(key)
    }

    /// Modulus, public exponent, and the private numbers in the order of [`PRIVATE_PARTS`].
    pub(super) fn numbers(&self) -> Result<[&[u8]; 8], CryptoError> {
        let mut key = Reader::new(&self.der).sequence()?;
        key.integer()?;
        let mut numbers: [&[u8]; 8] = [&[]; 8];
        for number in &mut numbers {
            *number = key.integer()?;
        }
        Ok(numbers)
    }

    fn pair(&self) -> Result<&RsaKeyPair, CryptoError> {
        self.pair
            .get_or_init(|| RsaKeyPair::from_der(&self.der).ok())
            .as_ref()
            .ok_or_else(|| CryptoError::operation("the key cannot be used"))
    }

    pub(super) fn sign(
        &self,
        scheme: RsaScheme,
        hash: Hash,
        salt: Option<usize>,
        data: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        check_salt(hash, salt)?;
        let encoding: &'static dyn RsaEncoding = match (scheme, hash) {
            (RsaScheme::Pss, Hash::Sha256) => &sig::RSA_PSS_SHA256,
            (RsaScheme::Pss, Hash::Sha384) => &sig::RSA_PSS_SHA384,
            (RsaScheme::Pss, Hash::Sha512) => &sig::RSA_PSS_SHA512,
            (RsaScheme::Pkcs1, Hash::Sha256) => &sig::RSA_PKCS1_SHA256,
            (RsaScheme::Pkcs1, Hash::Sha384) => &sig::RSA_PKCS1_SHA384,
            (RsaScheme::Pkcs1, Hash::Sha512) => &sig::RSA_PKCS1_SHA512,
            _ => return Err(unsupported(scheme, hash)),
        };
        let pair = self.pair()?;
        let mut out = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), data, &mut out)
            .map_err(|_| CryptoError::operation("the data cannot be signed with this key"))?;
        Ok(out)
    }

    pub(super) fn decrypt(&self, hash: Hash, label: &[u8], data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let failed = || CryptoError::operation("the data cannot be decrypted: key, label or data are wrong");
        let pkcs8 = der::write_pkcs8(IDENTIFIER, &self.der);
        let key = PrivateDecryptingKey::from_pkcs8(&pkcs8).map_err(|_| failed())?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| failed())?;
        let mut out = vec![0; key.min_output_size()];
        let length = key.decrypt(oaep(hash), data, &mut out, label_of(label)).map_err(|_| failed())?.len();
        out.truncate(length);
        Ok(out)
    }
}

/// Bits of a modulus without leading zeros.
pub(super) fn bit_length(modulus: &[u8]) -> usize {
    modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize)
}

fn check_size(modulus: &[u8]) -> Result<(), CryptoError> {
    let bits = bit_length(modulus);
    if BITS.contains(&bits) {
        return Ok(());
    }
    Err(CryptoError::not_supported(format!("RSA keys of {bits} bits are not supported; use 2048 to 8192")))
}

fn check_salt(hash: Hash, salt: Option<usize>) -> Result<(), CryptoError> {
    match salt {
        Some(length) if length != hash.length() => Err(CryptoError::not_supported(format!(
            "RSA-PSS with saltLength {length} is not supported; with {} it must be {}",
            hash.name(),
            hash.length()
        ))),
        _ => Ok(()),
    }
}

fn unsupported(scheme: RsaScheme, hash: Hash) -> CryptoError {
    CryptoError::not_supported(format!("{} with {} is not supported; use SHA-256", scheme.name(), hash.name()))
}

fn oaep(hash: Hash) -> &'static OaepAlgorithm {
    match hash {
        Hash::Sha1 => &OAEP_SHA1_MGF1SHA1,
        Hash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        Hash::Sha384 => &OAEP_SHA384_MGF1SHA384,
        Hash::Sha512 => &OAEP_SHA512_MGF1SHA512,
    }
}

fn label_of(label: &[u8]) -> Option<&[u8]> {
    Some(label).filter(|l| !l.is_empty())
}
