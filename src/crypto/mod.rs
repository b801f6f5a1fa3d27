//! What the Web Cryptography API computes: keys, their formats and their algorithms, without JavaScript; and
//! X.509 certificates.
//!
//! Used by the global `crypto.subtle` and `k6/crypto/x509` in `js`. The arithmetic is AWS-LC's (through `aws-lc-rs`), which is linked for TLS anyway;
//! what it does not offer is refused by name. Deliberately without I/O, promises and usages: those are `js`' business.

mod aes;
mod certificate;
mod der;
mod ec;
mod error;
mod hash;
mod jwk;
mod kdf;
mod key;
mod key_format;
mod okp;
mod rsa;

pub use aes::{AesMode, Cipher};
pub use certificate::{Certificate, Name, PublicKey};
pub use ec::Curve;
pub use error::{CryptoError, ErrorName};
pub use hash::Hash;
pub use jwk::check_use;
pub use kdf::Derivation;
pub use key::{Generated, Key, KeyKind, Scheme, Signing, generate};
pub use key_format::{Format, KeyData};
pub use okp::OkpCurve;
pub use rsa::RsaScheme;

#[cfg(test)]
mod tests;
