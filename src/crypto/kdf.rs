//! Keys from passwords and secrets: PBKDF2 and HKDF; the parameters of agreement with another key.

use std::num::NonZeroU32;
use std::sync::Arc;

use aws_lc_rs::{hkdf, pbkdf2};

use super::error::CryptoError;
use super::hash::Hash;
use super::key::Key;

/// Most bytes that are derived at once: nobody needs more, and a mistake must not take the memory.
const MAX_BYTES: usize = 1 << 24;

/// Parameters of `deriveBits` and `deriveKey`.
#[derive(Clone)]
pub enum Derivation {
    /// PBKDF2.
    Pbkdf2 {
        /// The hash of its HMAC.
        hash: Hash,
        /// The salt.
        salt: Vec<u8>,
        /// Rounds, one or more.
        iterations: u32,
    },
    /// HKDF (RFC 5869).
    Hkdf {
        /// The hash of its HMAC.
        hash: Hash,
        /// The salt.
        salt: Vec<u8>,
        /// What the bits are for.
        info: Vec<u8>,
    },
    /// ECDH or X25519 with this public key.
    Agree {
        /// The other side's key.
        public: Arc<Key>,
    },
}

fn bytes(bits: Option<u32>) -> Result<usize, CryptoError> {
    match bits {
        Some(bits) if bits % 8 == 0 && bits as usize / 8 <= MAX_BYTES => Ok(bits as usize / 8),
        Some(bits) => Err(CryptoError::operation(format!(
            "length must be a multiple of 8 of at most {} bits, not {bits}",
            MAX_BYTES * 8
        ))),
        None => Err(CryptoError::operation("length must be given: the number of bits to derive")),
    }
}

pub(super) fn pbkdf2(
    secret: &[u8],
    hash: Hash,
    salt: &[u8],
    iterations: u32,
    bits: Option<u32>,
) -> Result<Vec<u8>, CryptoError> {
    let mut out = vec![0; bytes(bits)?];
    let Some(iterations) = NonZeroU32::new(iterations) else {
        return Err(CryptoError::operation("iterations must be 1 or more"));
    };
    let algorithm = match hash {
        Hash::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Hash::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
        Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    };
    if !out.is_empty() {
        pbkdf2::derive(algorithm, iterations, salt, secret, &mut out);
    }
    Ok(out)
}

/// How many bytes to expand to.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

pub(super) fn hkdf(
    secret: &[u8],
    hash: Hash,
    salt: &[u8],
    info: &[u8],
    bits: Option<u32>,
) -> Result<Vec<u8>, CryptoError> {
    let mut out = vec![0; bytes(bits)?];
    if out.len() > 255 * hash.length() {
        return Err(CryptoError::operation(format!(
            "HKDF with {} gives at most {} bits",
            hash.name(),
            255 * 8 * hash.length()
        )));
    }
    let algorithm = match hash {
        Hash::Sha1 => hkdf::HKDF_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hkdf::HKDF_SHA256,
        Hash::Sha384 => hkdf::HKDF_SHA384,
        Hash::Sha512 => hkdf::HKDF_SHA512,
    };
    if !out.is_empty() {
        let failed = |_| CryptoError::operation("the bits cannot be derived");
        let key = hkdf::Salt::new(algorithm, salt).extract(secret);
        key.expand(&[info], Length(out.len())).and_then(|okm| okm.fill(&mut out)).map_err(failed)?;
    }
    Ok(out)
}
