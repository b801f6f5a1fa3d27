//! Known answers from NIST and the RFCs. What other implementations made is tested in `tests/it/web_crypto.rs`.

use data_encoding::HEXLOWER;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn secret(scheme: Scheme, bytes: &[u8]) -> Key {
    Key::import(Format::Raw, &KeyData::Bytes(bytes.to_vec()), scheme, None).unwrap()
}

#[test]
fn hashes_and_hmac() {
    for (hash, want) in [
        (Hash::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Hash::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ] {
        assert_eq!(hash.digest(b"abc"), hex(want), "FIPS 180");
    }
    let key = secret(Scheme::Hmac { hash: Hash::Sha256 }, b"Jefe");
    let data = b"what do ya want for nothing?";
    let mac = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_eq!(key.sign(&Signing::default(), data).unwrap(), mac, "RFC 4231, case 2");
    assert!(key.verify(&Signing::default(), &mac, data).unwrap());
    assert!(!key.verify(&Signing::default(), &mac[1..], data).unwrap());
    assert!(!key.verify(&Signing::default(), &mac, b"other").unwrap());
}

#[test]
fn aes_modes() {
    let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
    let plain = hex("6bc1bee22e409f96e93d7e117393172a");
    let cbc = secret(Scheme::Aes(AesMode::Cbc), &key);
    let how = Cipher::AesCbc { iv: (0..16).collect() };
    let text = cbc.encrypt(&how, &plain).unwrap();
    assert_eq!(text[..16], hex("7649abac8119b246cee98e9b12e9197d"), "SP 800-38A, F.2.1");
    assert_eq!(cbc.decrypt(&how, &text).unwrap(), plain);
    for wrong in [&text[..16], &text[1..], &[]] {
        assert_eq!(cbc.decrypt(&how, wrong).unwrap_err().name, ErrorName::Operation);
    }

    let ctr = secret(Scheme::Aes(AesMode::Ctr), &key);
    let how = Cipher::AesCtr { counter: (0xf0..=0xff).collect(), length: 128 };
    assert_eq!(ctr.encrypt(&how, &plain).unwrap(), hex("874d6191b620e3261bef6864990db6ce"), "SP 800-38A, F.5.1");

    let kek = secret(Scheme::Aes(AesMode::Kw), &(0..16).collect::<Vec<u8>>());
    let wrapped = kek.encrypt(&Cipher::AesKw, &hex("00112233445566778899aabbccddeeff")).unwrap();
    assert_eq!(wrapped, hex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"), "RFC 3394, 4.1");
}

/// Cases 4, 5 and 6 of the paper that introduced GCM: the IVs have 12, 8 and 60 bytes.
#[test]
fn gcm_with_ivs_of_any_length() {
    let key = secret(Scheme::Aes(AesMode::Gcm), &hex("feffe9928665731c6d6a8f9467308308"));
    let plain = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    let additional = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    for (iv, start, tag) in [
        ("cafebabefacedbaddecaf888", "42831ec2217774244b7221b784d0d49c", "5bc94fbc3221a5db94fae95ae7121a47"),
        ("cafebabefacedbad", "61353b4c2806934a777ff51fa22a4755", "3612d2e79e3b0785561be14aaca2fccb"),
        (
            "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728\
             c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b",
            "8ce24998625615b603a033aca13fb894",
            "619cc5aefffe0bfa462af43c1699d050",
        ),
    ] {
        let how = |tag_bits| Cipher::AesGcm { iv: hex(iv), additional: additional.clone(), tag_bits };
        let text = key.encrypt(&how(128), &plain).unwrap();
        assert_eq!((&text[..16], &text[60..]), (hex(start).as_slice(), hex(tag).as_slice()), "{iv}");
        assert_eq!(key.decrypt(&how(128), &text).unwrap(), plain, "{iv}");
        let short = key.encrypt(&how(96), &plain).unwrap();
        assert_eq!(short, text[..72], "{iv}");
        assert_eq!(key.decrypt(&how(96), &short).unwrap(), plain, "{iv}");
        for at in [0, 59, 60, 75] {
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert_eq!(key.decrypt(&how(128), &changed).unwrap_err().name, ErrorName::Operation, "{iv} {at}");
        }
        assert_eq!(key.encrypt(&how(127), &plain).unwrap_err().name, ErrorName::Operation);
        assert!(key.decrypt(&how(128), &text[..15]).is_err());
    }
}

#[test]
fn derivations() {
    let password = secret(Scheme::Pbkdf2, b"password");
    let how = Derivation::Pbkdf2 { hash: Hash::Sha1, salt: b"salt".to_vec(), iterations: 2 };
    assert_eq!(password.derive(&how, Some(160)).unwrap(), hex("ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"), "RFC 6070");
    let how = Derivation::Pbkdf2 { hash: Hash::Sha1, salt: Vec::new(), iterations: 0 };
    assert_eq!(password.derive(&how, Some(160)).unwrap_err().name, ErrorName::Operation);

    let input = secret(Scheme::Hkdf, &[0x0b; 22]);
    let how = Derivation::Hkdf { hash: Hash::Sha256, salt: (0..13).collect(), info: (0xf0..=0xf9).collect() };
    let okm = hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    assert_eq!(input.derive(&how, Some(336)).unwrap(), okm, "RFC 5869, case 1");
    for wrong in [None, Some(7), Some(u32::MAX), Some(255 * 256 + 8)] {
        assert_eq!(input.derive(&how, wrong).unwrap_err().name, ErrorName::Operation, "{wrong:?}");
    }
}

#[test]
fn curve_25519() {
    let jwk = serde_json::json!({
        "kty": "OKP", "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    let key = Key::import(Format::Jwk, &KeyData::Jwk(jwk), Scheme::Okp(OkpCurve::Ed25519), None).unwrap();
    let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    assert_eq!(key.sign(&Signing::default(), b"").unwrap(), hex(signature), "RFC 8032 and 8037");

    let scheme = Scheme::Okp(OkpCurve::X25519);
    let public = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    let public = Key::import(Format::Raw, &KeyData::Bytes(public), scheme, None).unwrap();
    let own = hex(concat!(
        "302e020100300506032b656e04220420",
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
    ));
    let own = Key::import(Format::Pkcs8, &KeyData::Bytes(own), scheme, None).unwrap();
    let how = Derivation::Agree { public: public.into() };
    let secret = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(own.derive(&how, None).unwrap(), secret, "RFC 7748, 6.1");
    assert_eq!(own.derive(&how, Some(4)).unwrap(), [0x40], "bits after the last are zero");
    assert_eq!(own.derive(&how, Some(257)).unwrap_err().name, ErrorName::Operation);
}

/// Whatever is imported, nothing panics, and the error is one of the standard's.
#[test]
fn broken_keys_are_errors() {
    let schemes = [
        Scheme::Hmac { hash: Hash::Sha256 },
        Scheme::Aes(AesMode::Gcm),
        Scheme::Rsa { scheme: RsaScheme::Pss, hash: Hash::Sha256 },
        Scheme::Ecdsa(Curve::P256),
        Scheme::Ecdh(Curve::P521),
        Scheme::Okp(OkpCurve::Ed25519),
        Scheme::Pbkdf2,
    ];
    let Ok(Generated::Pair(_, key)) = generate(Scheme::Ecdsa(Curve::P256), None, None) else { panic!("no pair") };
    let Ok(KeyData::Bytes(good)) = key.export(Format::Pkcs8) else { panic!("no export") };
    for length in 0..good.len() {
        for scheme in schemes {
            for format in [Format::Spki, Format::Pkcs8] {
                let data = KeyData::Bytes(good[..length].to_vec());
                let error = Key::import(format, &data, scheme, None).err().unwrap();
                assert!(matches!(error.name, ErrorName::Data | ErrorName::NotSupported), "{error}");
            }
        }
    }
    assert!(Key::import(Format::Pkcs8, &KeyData::Bytes(good), Scheme::Ecdsa(Curve::P256), None).is_ok());
    for jwk in [
        serde_json::json!({}),
        serde_json::json!({ "kty": "oct" }),
        serde_json::json!({ "kty": "oct", "k": "***" }),
        serde_json::json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }),
        serde_json::json!({ "kty": "RSA", "n": "", "e": "" }),
        serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" }),
    ] {
        for scheme in schemes {
            let error = Key::import(Format::Jwk, &KeyData::Jwk(jwk.clone()), scheme, None).err().unwrap();
            assert!(matches!(error.name, ErrorName::Data | ErrorName::NotSupported), "{jwk} {error}");
        }
    }
}

proptest::proptest! {
    /// Changed bytes of a key make an error or another key, never a panic.
    #[test]
    fn changed_keys_do_not_panic(at in 0_usize..138, byte in 0_u8..=255, cut in 0_usize..138) {
        static GOOD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let Ok(Generated::Pair(_, key)) = generate(Scheme::Ecdh(Curve::P256), None, None) else { panic!("no pair") };
            let Ok(KeyData::Bytes(good)) = key.export(Format::Pkcs8) else { panic!("no export") };
            good
        });
        let mut changed = GOOD.clone();
        let last = changed.len() - 1;
        changed[at.min(last)] = byte;
        changed.truncate(changed.len() - cut % 3);
        for scheme in [Scheme::Ecdh(Curve::P256), Scheme::Ecdsa(Curve::P384), Scheme::Okp(OkpCurve::X25519), Scheme::Rsa { scheme: RsaScheme::Pss, hash: Hash::Sha256 }] {
            for format in [Format::Pkcs8, Format::Spki, Format::Raw] {
                let _ = Key::import(format, &KeyData::Bytes(changed.clone()), scheme, None);
            }
        }
    }

    /// The same of a certificate.
    #[test]
    fn changed_certificates_do_not_panic(at in 0_usize..800, byte in 0_u8..=255) {
        let pem = include_str!("../../tests/scripts/certificate-rsa.pem");
        let mut der = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap().1.contents;
        der[at] = byte;
        let body = data_encoding::BASE64.encode(&der);
        let text = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        let _ = Certificate::from_pem(text.as_bytes());
    }
}
