//! X.509 certificates as scripts look at them: names, validity, public key. Nothing is verified.

use std::net::IpAddr;

use aws_lc_rs::digest;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey as Parsed;

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it is for.
    pub subject: Name,
    /// Who signed it.
    pub issuer: Name,
    /// First second of its validity, since 1970.
    pub not_before: i64,
    /// Last second of its validity, since 1970.
    pub not_after: i64,
    /// Alternative names: hosts, mail addresses, IP addresses, URIs, in this order.
    pub alt_names: Vec<String>,
    /// `SHA256-RSA` and so on; `UnknownSignatureAlgorithm`.
    pub signature_algorithm: &'static str,
    /// SHA-1 of the whole certificate.
    pub fingerprint: Vec<u8>,
    /// The key; None for a kind that is not known here.
    pub public_key: Option<PublicKey>,
}

/// A distinguished name: object identifiers with values, in the certificate's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(pub Vec<(String, String)>);

impl Name {
    /// All values of an attribute.
    pub fn all(&self, oid: &str) -> Vec<&str> {
        self.0.iter().filter(|(have, _)| have == oid).map(|(_, value)| value.as_str()).collect()
    }

    fn read(name: &X509Name<'_>) -> Self {
        let attributes = name.iter_attributes().map(|attribute| {
            let value = attribute.as_str().map(str::to_owned);
            let value = value.unwrap_or_else(|_| String::from_utf8_lossy(attribute.as_slice()).into_owned());
            (attribute.attr_type().to_id_string(), value)
        });
        Self(attributes.collect())
    }
}

/// A certificate's public key; numbers are decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PublicKey {
    Rsa { e: u64, n: String },
    Ecdsa { curve: &'static str, x: String, y: String },
    Dsa { y: String },
}

impl Certificate {
    /// The first certificate in a PEM text.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn from_pem(text: &[u8]) -> Result<Self, String> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(text).map_err(|_| {
            "failed to decode certificate PEM file: it must begin with -----BEGIN CERTIFICATE----- and end with \
             -----END CERTIFICATE-----"
        })?;
        let (_, parsed) = X509Certificate::from_der(&pem.contents).map_err(|e| {
            format!("failed to parse certificate: the {} in the PEM text is none, or damaged ({e})", pem.label)
        })?;
        Ok(Self {
            subject: Name::read(parsed.subject()),
            issuer: Name::read(parsed.issuer()),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            alt_names: alt_names(&parsed),
            signature_algorithm: signature_algorithm(&parsed),
            fingerprint: digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &pem.contents).as_ref().to_vec(),
            public_key: public_key(&parsed),
        })
    }
}

fn alt_names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return Vec::new() };
    let (mut hosts, mut mails, mut addresses, mut uris) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for name in &names.value.general_names {
        match name {
            GeneralName::DNSName(name) => hosts.push((*name).to_owned()),
            GeneralName::RFC822Name(name) => mails.push((*name).to_owned()),
            GeneralName::URI(name) => uris.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
                addresses.extend(address.map(|address| address.to_string()));
            }
            _ => {}
        }
    }
    [hosts, mails, addresses, uris].concat()
}

fn signature_algorithm(parsed: &X509Certificate<'_>) -> &'static str {
    match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.2" => "MD2-RSA",
        "1.2.840.113549.1.1.4" => "MD5-RSA",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "SHA1-RSA",
        "1.2.840.113549.1.1.11" => "SHA256-RSA",
        "1.2.840.113549.1.1.12" => "SHA384-RSA",
        "1.2.840.113549.1.1.13" => "SHA512-RSA",
        "1.2.840.113549.1.1.10" => match pss_hash(parsed).as_deref() {
            Some("2.16.840.1.101.3.4.2.1") => "SHA256-RSAPSS",
            Some("2.16.840.1.101.3.4.2.2") => "SHA384-RSAPSS",
            Some("2.16.840.1.101.3.4.2.3") => "SHA512-RSAPSS",
            _ => UNKNOWN,
        },
        "1.2.840.10040.4.3" => "DSA-SHA1",
        "2.16.840.1.101.3.4.3.2" => "DSA-SHA256",
        "1.2.840.10045.4.1" => "ECDSA-SHA1",
        "1.2.840.10045.4.3.2" => "ECDSA-SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA-SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA-SHA512",
        "1.3.101.112" => "Ed25519",
        _ => UNKNOWN,
    }
}

const UNKNOWN: &str = "UnknownSignatureAlgorithm";

fn pss_hash(parsed: &X509Certificate<'_>) -> Option<String> {
    use x509_parser::signature_algorithm::SignatureAlgorithm;
    match SignatureAlgorithm::try_from(&parsed.signature_algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(params)) => Some(params.hash_algorithm_oid().to_id_string()),
        _ => None,
    }
}

fn public_key(parsed: &X509Certificate<'_>) -> Option<PublicKey> {
    let key = parsed.public_key();
    match key.parsed().ok()? {
        Parsed::RSA(rsa) => Some(PublicKey::Rsa { e: rsa.try_exponent().ok()?, n: decimal(rsa.modulus) }),
        Parsed::EC(point) => {
            let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
            let curve = match curve.as_str() {
                "1.3.132.0.33" => "P-224",
                "1.2.840.10045.3.1.7" => "P-256",
                "1.3.132.0.34" => "P-384",
                "1.3.132.0.35" => "P-521",
                _ => return None,
            };
            let (form, numbers) = point.data().split_first()?;
            if *form != 4 {
                return None;
            }
            let (x, y) = numbers.split_at(numbers.len() / 2);
            Some(PublicKey::Ecdsa { curve, x: decimal(x), y: decimal(y) })
        }
        Parsed::DSA(y) => Some(PublicKey::Dsa { y: decimal(y) }),
        _ => None,
    }
}

/// The decimal digits of a big-endian number.
fn decimal(bytes: &[u8]) -> String {
    const BASE: u64 = 1_000_000_000;
    let mut limbs: Vec<u64> = vec![0];
    for byte in bytes {
        let mut carry = u64::from(*byte);
        for limb in &mut limbs {
            let value = *limb * 256 + carry;
            *limb = value % BASE;
            carry = value / BASE;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut digits = limbs.pop().unwrap_or_default().to_string();
    limbs.iter().rev().for_each(|limb| digits.push_str(&format!("{limb:09}")));
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[0, 1, 0, 1]), "65537");
        assert_eq!(decimal(&[0xff; 16]), u128::MAX.to_string());
        assert_eq!(decimal(&[0x3b, 0x9a, 0xca, 0]), "1000000000");
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        for (text, what) in [
            ("", "failed to decode certificate PEM file"),
            ("no PEM", "failed to decode certificate PEM file"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "failed to parse certificate"),
        ] {
            let error = Certificate::from_pem(text.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{text:?}: {error}");
        }
    }
}
