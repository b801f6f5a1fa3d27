//! AES in the modes of the Web Cryptography API: CBC, CTR, GCM and key wrapping.
//!
//! AWS-LC's GCM knows IVs of 12 bytes and tags of 16. Shorter tags are cut from whole ones; other IVs go the long way, with a
//! GHASH of our own.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    self, DecryptionContext, EncryptingKey, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap};

use super::error::CryptoError;

/// A mode of AES, the part of an algorithm's name after `AES-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AesMode {
    Cbc,
    Ctr,
    Gcm,
    Kw,
}

impl AesMode {
    /// `CBC` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cbc => "CBC",
            Self::Ctr => "CTR",
            Self::Gcm => "GCM",
            Self::Kw => "KW",
        }
    }
}

/// Parameters of encrypting and decrypting.
#[derive(Clone, Debug)]
pub enum Cipher {
    /// CBC with PKCS#7 padding; `iv` has 16 bytes.
    AesCbc {
        /// Initialisation vector.
        iv: Vec<u8>,
    },
    /// CTR; `counter` has 16 bytes, of which the last `length` bits count.
    AesCtr {
        /// The first counter block.
        counter: Vec<u8>,
        /// Bits that count, 1 to 128.
        length: u32,
    },
    /// GCM.
    AesGcm {
        /// Initialisation vector of any length but none.
        iv: Vec<u8>,
        /// Authenticated, not encrypted.
        additional: Vec<u8>,
        /// 32, 64, 96, 104, 112, 120 or 128.
        tag_bits: u32,
    },
    /// AES key wrapping (RFC 3394).
    AesKw,
    /// RSA-OAEP.
    RsaOaep {
        /// The label; usually empty.
        label: Vec<u8>,
    },
}

const FAILED: &str = "the data cannot be decrypted: key, parameters or data are wrong";

fn failed() -> CryptoError {
    CryptoError::operation(FAILED)
}

fn unbound(key: &[u8]) -> Result<UnboundCipherKey, CryptoError> {
    let algorithm = match key.len() {
        16 => &cipher::AES_128,
        24 => &cipher::AES_192,
        _ => &cipher::AES_256,
    };
    UnboundCipherKey::new(algorithm, key).map_err(|_| failed())
}

fn block(bytes: &[u8], what: &str) -> Result<[u8; 16], CryptoError> {
    bytes.try_into().map_err(|_| CryptoError::operation(format!("{what} must have 16 bytes, not {}", bytes.len())))
}

pub(super) fn encrypt(key: &[u8], cipher: &Cipher, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    match cipher {
        Cipher::AesCbc { iv } => {
            let iv = FixedLength::from(block(iv, "iv")?);
            let key = PaddedBlockEncryptingKey::cbc_pkcs7(unbound(key)?).map_err(|_| failed())?;
            let mut out = data.to_vec();
            key.less_safe_encrypt(&mut out, EncryptionContext::Iv128(iv))
                .map_err(|_| CryptoError::operation("the data cannot be encrypted"))?;
            Ok(out)
        }
        Cipher::AesCtr { counter, length } => ctr(key, block(counter, "counter")?, *length, data),
        Cipher::AesGcm { iv, additional, tag_bits } => {
            let tag_bytes = tag_bytes(*tag_bits)?;
            let (mut out, tag) = seal(key, iv, additional, data)?;
            out.extend_from_slice(&tag[..tag_bytes]);
            Ok(out)
        }
        Cipher::AesKw => wrap(key, data),
        Cipher::RsaOaep { .. } => Err(CryptoError::invalid_access("RSA-OAEP needs an RSA key")),
    }
}

pub(super) fn decrypt(key: &[u8], cipher: &Cipher, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    match cipher {
        Cipher::AesCbc { iv } => {
            let iv = FixedLength::from(block(iv, "iv")?);
            if data.is_empty() || !data.len().is_multiple_of(16) {
                return Err(failed());
            }
            let key = PaddedBlockDecryptingKey::cbc_pkcs7(unbound(key)?).map_err(|_| failed())?;
            let mut out = data.to_vec();
            let length = key.decrypt(&mut out, DecryptionContext::Iv128(iv)).map_err(|_| failed())?.len();
            out.truncate(length);
            Ok(out)
        }
        Cipher::AesCtr { counter, length } => ctr(key, block(counter, "counter")?, *length, data),
        Cipher::AesGcm { iv, additional, tag_bits } => {
            let at = data.len().checked_sub(tag_bytes(*tag_bits)?).ok_or_else(failed)?;
            let (body, tag) = data.split_at(at);
            // The mode is its own inverse; the tag of what comes out must begin with the one that came.
            let (plain, _) = seal(key, iv, additional, body)?;
            let (_, whole) = seal(key, iv, additional, &plain)?;
            verify_slices_are_equal(&whole[..tag.len()], tag).map_err(|_| failed())?;
            Ok(plain)
        }
        Cipher::AesKw => unwrap(key, data),
        Cipher::RsaOaep { .. } => Err(CryptoError::invalid_access("RSA-OAEP needs an RSA key")),
    }
}

fn tag_bytes(bits: u32) -> Result<usize, CryptoError> {
    match bits {
        32 | 64 | 96 | 104 | 112 | 120 | 128 => Ok(bits as usize / 8),
        _ => Err(CryptoError::operation(format!("tagLength must be 32, 64, 96, 104, 112, 120 or 128, not {bits}"))),
    }
}

/// CTR with a counter of `length` bits that wraps within them.
fn ctr(key: &[u8], counter: [u8; 16], length: u32, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    if !(1..=128).contains(&length) {
        return Err(CryptoError::operation(format!("length must be between 1 and 128 bits, not {length}")));
    }
    let blocks = data.len().div_ceil(16) as u128;
    let mask = if length == 128 { u128::MAX } else { (1 << length) - 1 };
    let first = u128::from_be_bytes(counter);
    if length < 128 && blocks > mask + 1 {
        return Err(CryptoError::operation("the data has more blocks than the counter has values"));
    }
    // Blocks until the counter is back at zero; AWS-LC would carry into the bits before it.
    let until_wrap = (mask - (first & mask)).saturating_add(1);
    let split = if blocks > until_wrap { usize::try_from(until_wrap).unwrap_or(usize::MAX) * 16 } else { data.len() };
    let key = EncryptingKey::ctr(unbound(key)?).map_err(|_| failed())?;
    let mut out = data.to_vec();
    let (before, after) = out.split_at_mut(split);
    for (part, start) in [(before, first), (after, first & !mask)] {
        if !part.is_empty() {
            let iv = FixedLength::from(start.to_be_bytes());
            key.less_safe_encrypt(part, EncryptionContext::Iv128(iv)).map_err(|_| failed())?;
        }
    }
    Ok(out)
}

/// GCM: what the data becomes, and the whole tag.
fn seal(key: &[u8], iv: &[u8], additional: &[u8], data: &[u8]) -> Result<(Vec<u8>, [u8; 16]), CryptoError> {
    let Ok(nonce) = <[u8; 12]>::try_from(iv) else { return seal_any_iv(key, iv, additional, data) };
    let algorithm = match key.len() {
        16 => &aead::AES_128_GCM,
        24 => &aead::AES_192_GCM,
        _ => &aead::AES_256_GCM,
    };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| failed())?);
    let mut out = data.to_vec();
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(additional), &mut out)
        .map_err(|_| CryptoError::operation("the data cannot be encrypted"))?;
    Ok((out, tag.as_ref().try_into().map_err(|_| failed())?))
}

/// NIST SP 800-38D, 7.1, for an IV that is hashed first.
fn seal_any_iv(key: &[u8], iv: &[u8], additional: &[u8], data: &[u8]) -> Result<(Vec<u8>, [u8; 16]), CryptoError> {
    if iv.is_empty() {
        return Err(CryptoError::operation("iv must not be empty"));
    }
    let zero = ctr(key, [0; 16], 128, &[0; 16])?;
    let subkey = u128::from_be_bytes(zero.try_into().map_err(|_| failed())?);
    let start = ghash(subkey, &[], iv);
    // The 32-bit counter begins one after the block that hides the tag.
    let next = (start & !0xffff_ffff) | u128::from((start as u32).wrapping_add(1));
    let out = ctr(key, next.to_be_bytes(), 32, data)?;
    Ok(out).and_then(|out| {
        let hidden = ctr(key, start.to_be_bytes(), 128, &ghash(subkey, additional, &out).to_be_bytes())?;
        Ok((out, hidden.try_into().map_err(|_| failed())?))
    })
}

/// GHASH of both texts, each filled up to whole blocks, and of their lengths.
fn ghash(subkey: u128, additional: &[u8], data: &[u8]) -> u128 {
    let mut sum = 0_u128;
    for chunk in additional.chunks(16).chain(data.chunks(16)) {
        let mut block = [0; 16];
        block[..chunk.len()].copy_from_slice(chunk);
        sum = multiply(sum ^ u128::from_be_bytes(block), subkey);
    }
    multiply(sum ^ ((additional.len() as u128 * 8) << 64 | (data.len() as u128 * 8)), subkey)
}

/// Product in GF(2^128) with GCM's order of bits.
fn multiply(x: u128, y: u128) -> u128 {
    let (mut product, mut v) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= v;
        }
        v = if v & 1 == 1 { v >> 1 ^ (0xe1 << 120) } else { v >> 1 };
    }
    product
}

fn kek(key: &[u8]) -> Result<AesKek, CryptoError> {
    match key.len() {
        16 => AesKek::new(&AES_128, key).map_err(|_| failed()),
        32 => AesKek::new(&AES_256, key).map_err(|_| failed()),
        _ => Err(CryptoError::not_supported("AES-KW with keys of 192 bits is not supported; use 128 or 256")),
    }
}

fn wrap(key: &[u8], data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut out = vec![0; data.len() + 8];
    let wrong = |_| CryptoError::operation("AES-KW wraps 16 bytes or more, in multiples of 8");
    let length = kek(key)?.wrap(data, &mut out).map_err(wrong)?.len();
    out.truncate(length);
    Ok(out)
}

fn unwrap(key: &[u8], data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut out = vec![0; data.len()];
    let length = kek(key)?.unwrap(data, &mut out).map_err(|_| failed())?.len();
    out.truncate(length);
    Ok(out)
}
