//! A client certificate from PEM texts: the chain and the private key, decrypted when it has a password.
//!
//! Called by `tls` once per entry of `tlsAuth`. Keys and passwords never reach messages.

use aws_lc_rs::cipher::{AES_128, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use data_encoding::{BASE64, HEXUPPER_PERMISSIVE};
use md5::{Digest as _, Md5};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivateSec1KeyDer};

use crate::options::TlsAuth;

/// The chain and the key of an entry.
///
/// # Errors
/// What is wrong, without anything of the key.
pub(crate) fn read(auth: &TlsAuth) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(auth.cert.as_bytes()).collect();
    let chain = chain.map_err(|_| "`cert` is not sound PEM".to_owned())?;
    if chain.is_empty() {
        return Err("`cert` holds no certificate".to_owned());
    }
    if auth.key.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        return Err("the key is encrypted in PKCS #8 form, which is not supported (decrypt it with \
                    `openssl pkey -in key.pem -out plain.pem`, or write it with `openssl rsa -traditional -aes256`)"
            .to_owned());
    }
    if auth.key.contains("Proc-Type: 4,ENCRYPTED") {
        let password = auth.password.as_deref().ok_or("the key is encrypted: give its `password`")?;
        return Ok((chain, decrypt(&auth.key, password)?));
    }
    let key = PrivateKeyDer::from_pem_slice(auth.key.as_bytes())
        .map_err(|_| "`key` holds no private key that can be read".to_owned())?;
    Ok((chain, key))
}

/// A key in OpenSSL's traditional encryption: AES in CBC mode, its key made from password and salt by MD5.
fn decrypt(pem: &str, password: &str) -> Result<PrivateKeyDer<'static>, String> {
    let broken = || "`key` is not sound PEM".to_owned();
    let (label, rest) =
        pem.split_once("-----BEGIN ").and_then(|(_, rest)| rest.split_once("-----")).ok_or_else(broken)?;
    let (block, _) = rest.split_once("-----END ").ok_or_else(broken)?;
    let mut info = None;
    let mut encoded = String::new();
    for line in block.lines().map(str::trim) {
        match line.split_once(':') {
            Some(("DEK-Info", value)) => info = value.trim().split_once(','),
            Some(_) => {}
            None => encoded.push_str(line),
        }
    }
    let (cipher, iv) = info.ok_or_else(broken)?;
    let (algorithm, length): (&Algorithm, usize) = match cipher.trim() {
        "AES-128-CBC" => (&AES_128, 16),
        "AES-256-CBC" => (&AES_256, 32),
        other => {
            return Err(format!(
                "the key is encrypted with {other}, which is not supported (AES-128-CBC and AES-256-CBC are; \
                 `openssl rsa -traditional -aes256` writes the latter)"
            ));
        }
    };
    let iv: [u8; 16] =
        HEXUPPER_PERMISSIVE.decode(iv.trim().as_bytes()).ok().and_then(|iv| iv.try_into().ok()).ok_or_else(broken)?;
    let mut data = BASE64.decode(encoded.as_bytes()).map_err(|_| broken())?;
    let wrong = || "the key cannot be decrypted: is the `password` right?".to_owned();
    let key = UnboundCipherKey::new(algorithm, &derived(password.as_bytes(), &iv[..8], length)).map_err(|_| wrong())?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| wrong())?;
    let plain = key.decrypt(&mut data, DecryptionContext::Iv128(FixedLength::from(iv))).map_err(|_| wrong())?.to_vec();
    // A wrong password can leave sound padding behind; every key is a SEQUENCE.
    if plain.first() != Some(&0x30) {
        return Err(wrong());
    }
    match label {
        "RSA PRIVATE KEY" => Ok(PrivatePkcs1KeyDer::from(plain).into()),
        "EC PRIVATE KEY" => Ok(PrivateSec1KeyDer::from(plain).into()),
        other => Err(format!("an encrypted '{other}' is not supported")),
    }
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one round.
fn derived(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    while out.len() < length {
        let last = out.len().checked_sub(16).map(|at| out[at..].to_vec()).unwrap_or_default();
        let mut hash = Md5::new();
        hash.update(&last);
        hash.update(password);
        hash.update(salt);
        out.extend(hash.finalize());
    }
    out.truncate(length);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERT: &str = "-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIUVmnPfw4WHZfPxixBpjRc8lsb8DkwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGY2xpZW50MCAXDTI2MTEyNTIyMTMyNloYDzIxMjYxMTAxMjIx
MzI2WjARMQ8wDQYDVQQDDAZjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAT63+ZZl11hbsmBROpgaq3ov1/+5vd79xUbEwaX+ADg2/sMrEhNPMqVLzbw7l1A
LuHwJZt+5O9MgYQse9aYgLsgo1MwUTAdBgNVHQ4EFgQUoSbbpuRPHWIhNUO6jYcS
XtZ4bRMwHwYDVR0jBBgwFoAUoSbbpuRPHWIhNUO6jYcSXtZ4bRMwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAdkCwDtWYPvCias2wPsklUwAIjyzXc
tMVAOhP+7dWAZgIgKQ+1kGk2WTROrK4pmUtsQfgQMuLfCAitBC6TbswXK3E=
-----END CERTIFICATE-----\n";
    const PLAIN: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEILO/nmg9N98z1AQsalIgfmCipgrV7jMH62ASz13z8L3IoAoGCCqGSM49
AwEHoUQDQgAE+t/mWZddYW7JgUTqYGqt6L9f/ub3e/cVGxMGl/gA4Nv7DKxITTzK
lS828O5dQC7h8CWbfuTvTIGELHvWmIC7IA==
-----END EC PRIVATE KEY-----\n";
    const AES_256_KEY: &str = "-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,BE82F0F5E9350F238B630B0E1FF5DA60

or35fIgUYuO2fTgjWii2T+s9GYuUOzBfrqkEjIQMBrJ/mtOorqOZRH37qEetwZBF
F1kbatOLyTooBWztM+KNgCHOBO1ctqA8nvZsCumwt0fqBtF5N6bYnZbZEl2y5ZQY
MuIAZ1eX1rIe3YTacZI9yz6dnsFMIsZZRQQCactynaY=
-----END EC PRIVATE KEY-----\n";
    const AES_128_KEY: &str = "-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,3ECA289FBF5CCA5EF3A5B3FEFAC05181

IE5afGVZD1swddg2TfqvD4hChnz/i20qt+Pflfg7F+Rm1IqCgmvXdtpr2IjC/CCr
5HC4d3HbFduoQQ+rqPAlJzDALFFY3CaQOuKxpb1NMuL+KUqxCbUIvKNEh0PsMUk1
TPK0BEH/0f0tpDV9yzFQTA35c2ur+bVhsb4276/NsZM=
-----END EC PRIVATE KEY-----\n";

    fn auth(key: &str, password: Option<&str>) -> TlsAuth {
        TlsAuth {
            domains: Vec::new(),
            cert: CERT.to_owned(),
            key: key.to_owned(),
            password: password.map(str::to_owned),
        }
    }

    #[test]
    fn an_encrypted_key_is_the_plain_one() {
        let (chain, plain) = read(&auth(PLAIN, None)).unwrap();
        assert_eq!(chain.len(), 1);
        for encrypted in [AES_256_KEY, AES_128_KEY] {
            let (_, key) = read(&auth(encrypted, Some("secret words"))).unwrap();
            assert_eq!(key.secret_der(), plain.secret_der());
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        let error = |key: &str, password| read(&auth(key, password)).unwrap_err();
        assert!(error(AES_256_KEY, None).contains("give its `password`"));
        let wrong = error(AES_256_KEY, Some("geheim"));
        assert!(wrong.contains("is the `password` right?") && !wrong.contains("geheim"), "{wrong}");
        assert!(error("-----BEGIN ENCRYPTED PRIVATE KEY-----", Some("x")).contains("PKCS #8"));
        assert!(error(&AES_256_KEY.replace("AES-256-CBC", "DES-EDE3-CBC"), Some("x")).contains("DES-EDE3-CBC"));
        assert!(error("no pem", None).contains("no private key"));
    }
}
