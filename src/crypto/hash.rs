//! The hashes of the Web Cryptography API, and HMAC.

use aws_lc_rs::{constant_time, digest, hmac};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// By the API's name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512].into_iter().find(|h| h.name().eq_ignore_ascii_case(name))
    }

    /// `SHA-256` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Digits of the name as JWK's algorithm names have them: `1`, `256`, ...
    pub(super) fn digits(self) -> &'static str {
        &self.name()[4..]
    }

    pub(super) fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// Bytes of a digest.
    pub(super) fn length(self) -> usize {
        self.algorithm().output_len()
    }

    /// Bits of a block, which is the length of an HMAC key for which none is given.
    pub fn block_bits(self) -> usize {
        self.algorithm().block_len() * 8
    }

    /// The digest.
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), data).as_ref().to_vec()
    }

    pub(super) fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec()
    }

    pub(super) fn hmac_holds(self, key: &[u8], data: &[u8], signature: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.hmac(key, data), signature).is_ok()
    }
}
