//! Curve 25519: Ed25519 signatures and X25519 agreement.

use aws_lc_rs::agreement::{self, UnparsedPublicKey};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};

use super::der;
use super::error::CryptoError;

/// What the curve is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum OkpCurve {
    Ed25519,
    X25519,
}

impl OkpCurve {
    /// The API's and JWK's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::X25519 => "X25519",
        }
    }

    pub(super) fn identifier(self) -> &'static [u8] {
        match self {
            Self::Ed25519 => der::ED25519,
            Self::X25519 => der::X25519,
        }
    }
}

/// A private key and the public one that belongs to it, 32 bytes each.
pub(super) struct OkpPrivate {
    pub(super) seed: Vec<u8>,
    pub(super) public: Vec<u8>,
}

impl OkpPrivate {
    pub(super) fn generate(curve: OkpCurve) -> Result<Self, CryptoError> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| CryptoError::operation("the system gives no random bytes"))?;
        Self::new(curve, &seed)
    }

    pub(super) fn new(curve: OkpCurve, seed: &[u8]) -> Result<Self, CryptoError> {
        let wrong = || CryptoError::data(format!("this is no private key of {}", curve.name()));
        let public = match curve {
            OkpCurve::Ed25519 => {
                Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| wrong())?.public_key().as_ref().to_vec()
            }
            OkpCurve::X25519 => {
                let key = agreement::PrivateKey::from_private_key(&agreement::X25519, seed).map_err(|_| wrong())?;
                key.compute_public_key().map_err(|_| wrong())?.as_ref().to_vec()
            }
        };
        Ok(Self { seed: seed.to_vec(), public })
    }

    pub(super) fn sign(&self, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let failed = |_| CryptoError::operation("the data cannot be signed with this key");
        let pair = Ed25519KeyPair::from_seed_and_public_key(&self.seed, &self.public).map_err(failed)?;
        Ok(pair.sign(data).as_ref().to_vec())
    }

    pub(super) fn agree(&self, public: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let failed = || CryptoError::operation("no secret can be agreed on with these keys");
        let key = agreement::PrivateKey::from_private_key(&agreement::X25519, &self.seed).map_err(|_| failed())?;
        agreement::agree(&key, UnparsedPublicKey::new(&agreement::X25519, public), failed(), |s| Ok(s.to_vec()))
    }
}

pub(super) fn verify(public: &[u8], data: &[u8], signature: &[u8]) -> bool {
    ParsedPublicKey::new(&ED25519, public).is_ok_and(|key| key.verify_sig(data, signature).is_ok())
}
