//! Elliptic curves P-256, P-384 and P-521: ECDSA with any of the hashes, and ECDH.

use std::sync::OnceLock;

use aws_lc_rs::agreement::{self, UnparsedPublicKey};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    EcdsaVerificationAlgorithm, KeyPair, ParsedPublicKey,
};

use super::der;
use super::error::CryptoError;
use super::hash::Hash;

/// A curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// By the API's name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }

    /// `P-256` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Bytes of a coordinate.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    pub(super) fn identifier(self) -> &'static [u8] {
        match self {
            Self::P256 => der::P256,
            Self::P384 => der::P384,
            Self::P521 => der::P521,
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }

    fn verifying(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
            Self::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }

    fn agreement(self) -> &'static agreement::Algorithm {
        match self {
            Self::P256 => &agreement::ECDH_P256,
            Self::P384 => &agreement::ECDH_P384,
            Self::P521 => &agreement::ECDH_P521,
        }
    }

    /// The hash value in the form the signing algorithm above takes. ECDSA uses the leftmost bits of a hash as a number, so a
    /// longer hash is cut and a shorter one gets zeros in front: the number stays the same.
    fn prehashed(self, hash: Hash, data: &[u8]) -> Result<Digest, CryptoError> {
        let own = match self {
            Self::P256 => &digest::SHA256,
            Self::P384 => &digest::SHA384,
            Self::P521 => &digest::SHA512,
        };
        let (value, length) = (hash.digest(data), own.output_len());
        let value = match value.len() {
            have if have >= length => value[..length].to_vec(),
            have => [&vec![0; length - have], &value[..]].concat(),
        };
        Digest::import_less_safe(&value, own).map_err(|_| CryptoError::operation("the hash cannot be signed"))
    }

    /// The uncompressed point, if it is one of this curve.
    pub(super) fn check_point(self, point: &[u8]) -> Result<(), CryptoError> {
        let wrong = || CryptoError::data(format!("this is no point of {}", self.name()));
        if point.len() != 1 + 2 * self.bytes() || point[0] != 4 {
            return Err(wrong());
        }
        ParsedPublicKey::new(self.verifying(), point).map(|_| ()).map_err(|_| wrong())
    }

    pub(super) fn verify(self, point: &[u8], hash: Hash, data: &[u8], signature: &[u8]) -> Result<bool, CryptoError> {
        if signature.len() != 2 * self.bytes() {
            return Ok(false);
        }
        let key =
            ParsedPublicKey::new(self.verifying(), point).map_err(|_| CryptoError::operation("the key is broken"))?;
        Ok(key.verify_digest_sig(&self.prehashed(hash, data)?, signature).is_ok())
    }
}

/// A private key: the number, its point, and the form that signs, made when first needed.
pub(super) struct EcPrivate {
    pub(super) scalar: Vec<u8>,
    pub(super) point: Vec<u8>,
    pair: OnceLock<Option<EcdsaKeyPair>>,
}

impl EcPrivate {
    pub(super) fn generate(curve: Curve) -> Result<Self, CryptoError> {
        let failed = |_| CryptoError::operation("the key cannot be generated");
        let pair = EcdsaKeyPair::generate(curve.signing()).map_err(failed)?;
        let scalar = pair.private_key().as_be_bytes().map_err(failed)?.as_ref().to_vec();
        let point = pair.public_key().as_ref().to_vec();
        Ok(Self { scalar, point, pair: Some(pair).into() })
    }

    /// From the number; the point, when it is known, must belong to it.
    pub(super) fn new(curve: Curve, scalar: &[u8], point: Option<&[u8]>) -> Result<Self, CryptoError> {
        let wrong = || CryptoError::data(format!("this is no private key of {}", curve.name()));
        let key = agreement::PrivateKey::from_private_key(curve.agreement(), scalar).map_err(|_| wrong())?;
        let own = key.compute_public_key().map_err(|_| wrong())?;
        if point.is_some_and(|p| p != own.as_ref()) {
            return Err(CryptoError::data("the private and the public part of the key do not belong together"));
        }
        Ok(Self { scalar: scalar.to_vec(), point: own.as_ref().to_vec(), pair: OnceLock::new() })
    }

    pub(super) fn sign(&self, curve: Curve, hash: Hash, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let pair = self.pair.get_or_init(|| {
            EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), &self.scalar, &self.point).ok()
        });
        let failed = || CryptoError::operation("the data cannot be signed with this key");
        let digest = curve.prehashed(hash, data)?;
        let signature = pair.as_ref().ok_or_else(failed)?.sign_digest(&digest).map_err(|_| failed())?;
        Ok(signature.as_ref().to_vec())
    }

    /// The shared secret with the owner of another point.
    pub(super) fn agree(&self, curve: Curve, point: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let failed = || CryptoError::operation("no secret can be agreed on with these keys");
        let key = agreement::PrivateKey::from_private_key(curve.agreement(), &self.scalar).map_err(|_| failed())?;
        let peer = UnparsedPublicKey::new(curve.agreement(), point);
        agreement::agree(&key, peer, failed(), |secret| Ok(secret.to_vec()))
    }
}
