//! Errors with the names the Web Cryptography API gives them.

use std::fmt;

/// Name of a `DOMException`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorName {
    /// Data or parameters that do not make a key.
    Data,
    /// A key that is not for this.
    InvalidAccess,
    /// An algorithm, curve or size that is not offered.
    NotSupported,
    /// The operation failed; decrypting with a wrong key does.
    Operation,
    /// Usages that do not suit.
    Syntax,
    /// An argument of a wrong type: a plain `TypeError`.
    Type,
}

impl ErrorName {
    /// `DataError` and so on.
    pub fn text(self) -> &'static str {
        match self {
            Self::Data => "DataError",
            Self::InvalidAccess => "InvalidAccessError",
            Self::NotSupported => "NotSupportedError",
            Self::Operation => "OperationError",
            Self::Syntax => "SyntaxError",
            Self::Type => "TypeError",
        }
    }
}

/// Why an operation of `crypto.subtle` failed. Never says anything about key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CryptoError {
    /// The name scripts look at.
    pub name: ErrorName,
    /// What is wrong, and how to mend it.
    pub message: String,
}

impl CryptoError {
    /// An error of this name.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into() }
    }

    pub(super) fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorName::Data, message)
    }

    pub(super) fn not_supported(message: impl Into<String>) -> Self {
        Self::new(ErrorName::NotSupported, message)
    }

    pub(super) fn operation(message: impl Into<String>) -> Self {
        Self::new(ErrorName::Operation, message)
    }

    pub(super) fn invalid_access(message: impl Into<String>) -> Self {
        Self::new(ErrorName::InvalidAccess, message)
    }
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name.text(), self.message)
    }
}

impl std::error::Error for CryptoError {}
