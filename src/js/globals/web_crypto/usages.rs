//! What a key may be used for, as a set.

use crate::crypto::{AesMode, CryptoError, ErrorName, KeyKind, OkpCurve, RsaScheme, Scheme};

/// All usages, in the order in which `key.usages` lists them.
const NAMES: [&str; 8] = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];

/// A set of usages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usages(u8);

impl Usages {
    /// The set of these names.
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, CryptoError> {
        let mut set = 0;
        for name in names {
            let at = NAMES.iter().position(|n| *n == name).ok_or_else(|| {
                CryptoError::new(ErrorName::Type, format!("unknown key usage '{name}'; known: {}", NAMES.join(", ")))
            })?;
            set |= 1 << at;
        }
        Ok(Self(set))
    }

    fn known(names: &[&str]) -> Self {
        Self::of(names.iter().copied()).unwrap_or_default()
    }

    /// The names in the set.
    pub(super) fn names(self) -> Vec<&'static str> {
        NAMES.iter().enumerate().filter(|(at, _)| self.0 >> at & 1 == 1).map(|(_, name)| *name).collect()
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.names().contains(&name)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Everything that a key of this algorithm and kind can be used for.
    fn allowed(scheme: Scheme, kind: KeyKind) -> Self {
        let public = kind == KeyKind::Public;
        Self::known(match scheme {
            Scheme::Hmac { .. } => &["sign", "verify"],
            Scheme::Aes(AesMode::Kw) => &["wrapKey", "unwrapKey"],
            Scheme::Aes(_) => &["encrypt", "decrypt", "wrapKey", "unwrapKey"],
            Scheme::Rsa { scheme: RsaScheme::Oaep, .. } if public => &["encrypt", "wrapKey"],
            Scheme::Rsa { scheme: RsaScheme::Oaep, .. } => &["decrypt", "unwrapKey"],
            Scheme::Rsa { .. } | Scheme::Ecdsa(_) | Scheme::Okp(OkpCurve::Ed25519) if public => &["verify"],
            Scheme::Rsa { .. } | Scheme::Ecdsa(_) | Scheme::Okp(OkpCurve::Ed25519) => &["sign"],
            Scheme::Ecdh(_) | Scheme::Okp(OkpCurve::X25519) if public => &[],
            Scheme::Ecdh(_) | Scheme::Okp(OkpCurve::X25519) | Scheme::Pbkdf2 | Scheme::Hkdf => {
                &["deriveKey", "deriveBits"]
            }
        })
    }

    /// Whether a key of these kinds can have these usages, the last of which must get one.
    pub(super) fn check(self, scheme: Scheme, kinds: &[KeyKind]) -> Result<(), CryptoError> {
        let allowed = kinds.iter().fold(0, |all, kind| all | Self::allowed(scheme, *kind).0);
        let syntax = |message| Err(CryptoError::new(ErrorName::Syntax, message));
        if let Some(name) = Self(self.0 & !allowed).names().first() {
            let known = Self(allowed).names().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            return syntax(format!(
                "a {} key of this kind cannot have the usage '{name}'; possible: {known}",
                scheme.name()
            ));
        }
        let last = kinds.last().copied().unwrap_or(KeyKind::Secret);
        if last != KeyKind::Public && self.and(Self::allowed(scheme, last)).is_empty() {
            return syntax(format!("a {} {} key needs at least one usage", last.name(), scheme.name()));
        }
        Ok(())
    }

    /// The part of a pair's usages that goes to one of its keys.
    pub(super) fn part(self, scheme: Scheme, kind: KeyKind) -> Self {
        self.and(Self::allowed(scheme, kind))
    }
}
