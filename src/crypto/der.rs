//! The little of DER that keys are written in: sequences, integers, strings of octets and bits, object identifiers.

use super::error::CryptoError;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
const NULL: &[u8] = &[0x05, 0x00];
const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// Object identifiers, encoded.
pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
pub(super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(super) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(super) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
pub(super) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
pub(super) const X25519: &[u8] = &[0x2b, 0x65, 0x6e];
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Reads values one after the other.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next value's tag, without taking it.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The content of the next value, which must have this tag.
    pub(super) fn take(&mut self, tag: u8) -> Result<&'a [u8], CryptoError> {
        let wrong = || CryptoError::data("the key is not valid DER of the expected structure");
        let (&have, rest) = self.0.split_first().ok_or_else(wrong)?;
        let (&short, mut rest) = rest.split_first().ok_or_else(wrong)?;
        let mut length = usize::from(short);
        if short >= 0x80 {
            let bytes = usize::from(short & 0x7f);
            if bytes == 0 || bytes > 4 || bytes > rest.len() {
                return Err(wrong());
            }
            length = rest[..bytes].iter().fold(0, |n, b| n << 8 | usize::from(*b));
            rest = &rest[bytes..];
        }
        if have != tag || length > rest.len() {
            return Err(wrong());
        }
        let (content, rest) = rest.split_at(length);
        self.0 = rest;
        Ok(content)
    }

    pub(super) fn sequence(&mut self) -> Result<Reader<'a>, CryptoError> {
        self.take(SEQUENCE).map(Reader)
    }

    /// A positive integer without leading zeros.
    pub(super) fn integer(&mut self) -> Result<&'a [u8], CryptoError> {
        let bytes = self.take(INTEGER)?;
        let zeros = bytes.iter().take_while(|b| **b == 0).count();
        Ok(&bytes[zeros..])
    }

    /// A string of whole bytes.
    pub(super) fn bits(&mut self) -> Result<&'a [u8], CryptoError> {
        match self.take(BIT_STRING)?.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(CryptoError::data("the key's bit string is not made of whole bytes")),
        }
    }
}

/// A value of this tag.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let zeros = bytes.iter().take_while(|b| **b == 0).count();
        out.push(0x80 | (bytes.len() - zeros) as u8);
        out.extend_from_slice(&bytes[zeros..]);
    }
    out.extend_from_slice(content);
    out
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(SEQUENCE, &parts.concat())
}

/// A positive integer.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    let digits = &bytes[zeros..];
    let lead: &[u8] = if digits.first().is_none_or(|b| *b >= 0x80) { &[0] } else { &[] };
    value(INTEGER, &[lead, digits].concat())
}

pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], bytes].concat())
}

/// What kind of key it is: `AlgorithmIdentifier`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Identifier<'a> {
    pub(super) algorithm: &'a [u8],
    /// The curve of an EC key.
    pub(super) curve: Option<&'a [u8]>,
}

impl<'a> Identifier<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CryptoError> {
        let mut inside = reader.sequence()?;
        let algorithm = inside.take(OBJECT_IDENTIFIER)?;
        let curve = if inside.peek() == Some(OBJECT_IDENTIFIER) { Some(inside.take(OBJECT_IDENTIFIER)?) } else { None };
        Ok(Self { algorithm, curve })
    }

    fn write(self) -> Vec<u8> {
        let algorithm = value(OBJECT_IDENTIFIER, self.algorithm);
        let parameters = match self.curve {
            Some(curve) => value(OBJECT_IDENTIFIER, curve),
            None if self.algorithm == RSA => NULL.to_vec(),
            None => Vec::new(),
        };
        sequence(&[&algorithm, &parameters])
    }
}

/// A `SubjectPublicKeyInfo`: what the key is, and its bits.
pub(super) fn read_spki(bytes: &[u8]) -> Result<(Identifier<'_>, &[u8]), CryptoError> {
    let mut all = Reader::new(bytes);
    let mut spki = all.sequence()?;
    let identifier = Identifier::read(&mut spki)?;
    let key = spki.bits()?;
    if all.is_empty() { Ok((identifier, key)) } else { Err(CryptoError::data("there is data after the key")) }
}

pub(super) fn write_spki(identifier: Identifier<'_>, key: &[u8]) -> Vec<u8> {
    sequence(&[&identifier.write(), &bits(key)])
}

/// A `PrivateKeyInfo` (PKCS#8): what the key is, and its own structure.
pub(super) fn read_pkcs8(bytes: &[u8]) -> Result<(Identifier<'_>, &[u8]), CryptoError> {
    let mut all = Reader::new(bytes);
    let mut pkcs8 = all.sequence()?;
    pkcs8.integer()?;
    let identifier = Identifier::read(&mut pkcs8)?;
    let key = pkcs8.take(OCTET_STRING)?;
    if all.is_empty() { Ok((identifier, key)) } else { Err(CryptoError::data("there is data after the key")) }
}

pub(super) fn write_pkcs8(identifier: Identifier<'_>, key: &[u8]) -> Vec<u8> {
    sequence(&[&value(INTEGER, &[0]), &identifier.write(), &value(OCTET_STRING, key)])
}
