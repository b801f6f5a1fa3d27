//! `crypto.subtle`: every function reads its arguments at once and gives a promise.
//!
//! Slow work (RSA with private keys, PBKDF2, much data) is done on other threads, as many as there are cores; the rest right away, as a
//! hop to another thread costs more than hashing a token.

use std::sync::{Arc, LazyLock};

use boa_engine::{Context, JsObject, JsResult, JsValue};
use tokio::sync::Semaphore;

use super::algorithm::Given;
use super::crypto_key::CryptoKey;
use super::dom_exception::{fail, throw};
use super::usages::Usages;
use crate::crypto::{CryptoError, ErrorName, Format, Generated, Key, KeyData, KeyKind, Scheme, check_use, generate};
use crate::js::convert::{
    Native, arg, array_buffer, bytes, define, from_json, function, is_array, length_of, settled, to_json, to_text,
    type_error,
};
use crate::js::host::host;

/// More data than this is worth another thread.
const MUCH: usize = 256 * 1024;

/// Slow operations at a time, whatever the number of VUs: more threads than cores would only take memory.
static SLOW: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from))));

/// What an operation gives, before it is a JavaScript value.
enum Output {
    Bytes(Vec<u8>),
    Bool(bool),
    Jwk(serde_json::Value),
    One(CryptoKey),
    Pair(CryptoKey, CryptoKey),
}

/// An operation whose arguments have been read.
struct Work {
    slow: bool,
    run: Box<dyn FnOnce() -> Result<Output, CryptoError> + Send>,
}

fn work(slow: bool, run: impl FnOnce() -> Result<Output, CryptoError> + Send + 'static) -> JsResult<Work> {
    Ok(Work { slow, run: Box::new(run) })
}

type Operation = fn(&[JsValue], &mut Context) -> JsResult<Work>;

pub(super) fn build(context: &mut Context) -> JsObject {
    let subtle = JsObject::with_object_proto(context.intrinsics());
    let functions: [(&str, usize, Native); 12] = [
        ("digest", 2, |_, a, c| promise(digest, a, c)),
        ("sign", 3, |_, a, c| promise(sign, a, c)),
        ("verify", 4, |_, a, c| promise(verify, a, c)),
        ("encrypt", 3, |_, a, c| promise(encrypt, a, c)),
        ("decrypt", 3, |_, a, c| promise(decrypt, a, c)),
        ("generateKey", 3, |_, a, c| promise(generate_key, a, c)),
        ("importKey", 5, |_, a, c| promise(import_key, a, c)),
        ("exportKey", 2, |_, a, c| promise(export_key, a, c)),
        ("deriveBits", 3, |_, a, c| promise(derive_bits, a, c)),
        ("deriveKey", 5, |_, a, c| promise(derive_key, a, c)),
        ("wrapKey", 4, |_, a, c| promise(wrap_key, a, c)),
        ("unwrapKey", 7, |_, a, c| promise(unwrap_key, a, c)),
    ];
    for (name, length, native) in functions {
        let value = function(name, length, native, context);
        define(&subtle, name, value);
    }
    subtle
}

fn promise(operation: Operation, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let work = match operation(args, context) {
        Ok(work) => work,
        Err(error) => return settled(Err(error), context),
    };
    if work.slow {
        let run = work.run;
        let done = |result: Option<Result<Output, CryptoError>>, context: &mut Context| match result {
            Some(Ok(output)) => value(output, context),
            Some(Err(error)) => Err(throw(&error, context)),
            None => Err(fail(ErrorName::Operation, "the operation was cut off", context)),
        };
        let host = host(context);
        let task = async move {
            let turn = Arc::clone(&SLOW).acquire_owned().await.ok()?;
            let run = move || {
                let output = run();
                // Here and not when the VU stops waiting: the thread is taken until the work is done.
                drop(turn);
                output
            };
            tokio::task::spawn_blocking(run).await.ok()
        };
        return Ok(host.event_loop.promise(task, done, context).into());
    }
    let result = match (work.run)() {
        Ok(output) => value(output, context),
        Err(error) => Err(throw(&error, context)),
    };
    settled(result, context)
}

fn value(output: Output, context: &mut Context) -> JsResult<JsValue> {
    Ok(match output {
        Output::Bytes(bytes) => {
            host(context).count_bytes(bytes.len());
            array_buffer(&bytes, context)?.into()
        }
        Output::Bool(yes) => yes.into(),
        Output::Jwk(jwk) => from_json(&jwk, context),
        Output::One(key) => key.into_object(context)?.into(),
        Output::Pair(public, private) => {
            let pair = JsObject::with_object_proto(context.intrinsics());
            let private = private.into_object(context)?;
            define(&pair, "privateKey", private);
            let public = public.into_object(context)?;
            define(&pair, "publicKey", public);
            pair.into()
        }
    })
}

fn data(value: &JsValue, what: &str, context: &mut Context) -> JsResult<Vec<u8>> {
    bytes(value, context)?
        .ok_or_else(|| type_error(format!("{what} must be an ArrayBuffer or a view of one, not {}", value.type_of())))
}

fn usages(value: &JsValue, context: &mut Context) -> JsResult<Usages> {
    let Some(list) = value.as_object().filter(|o| is_array(o, context)) else {
        return Err(type_error("the key usages must be an array, for example ['sign', 'verify']"));
    };
    let mut names = Vec::new();
    for i in 0..length_of(&list, context)? {
        let name = list.get(i, context)?;
        names.push(to_text(&name, context)?);
    }
    Usages::of(names.iter().map(String::as_str)).map_err(|e| throw(&e, context))
}

fn format(value: &JsValue, context: &mut Context) -> JsResult<Format> {
    let name = to_text(value, context)?;
    Format::parse(&name).ok_or_else(|| type_error(format!("unknown key format '{name}'; known: raw, spki, pkcs8, jwk")))
}

fn digest(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let hash = Given::read(&arg(args, 0), context)?.digest(context)?;
    let data = data(&arg(args, 1), "digest: the data", context)?;
    work(data.len() > MUCH, move || Ok(Output::Bytes(hash.digest(&data))))
}

fn sign(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let algorithm = Given::read(&arg(args, 0), context)?;
    let how = algorithm.signing(context)?;
    let key = CryptoKey::of(&arg(args, 1), "sign: the key")?;
    let data = data(&arg(args, 2), "sign: the data", context)?;
    algorithm.check_key(&key, "sign", context)?;
    work(key.key.is_slow() || data.len() > MUCH, move || key.key.sign(&how, &data).map(Output::Bytes))
}

fn verify(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let algorithm = Given::read(&arg(args, 0), context)?;
    let how = algorithm.signing(context)?;
    let key = CryptoKey::of(&arg(args, 1), "verify: the key")?;
    let signature = data(&arg(args, 2), "verify: the signature", context)?;
    let data = data(&arg(args, 3), "verify: the data", context)?;
    algorithm.check_key(&key, "verify", context)?;
    work(data.len() > MUCH, move || key.key.verify(&how, &signature, &data).map(Output::Bool))
}

fn encrypt(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let algorithm = Given::read(&arg(args, 0), context)?;
    let how = algorithm.cipher(false, context)?;
    let key = CryptoKey::of(&arg(args, 1), "encrypt: the key")?;
    let data = data(&arg(args, 2), "encrypt: the data", context)?;
    algorithm.check_key(&key, "encrypt", context)?;
    work(data.len() > MUCH, move || key.key.encrypt(&how, &data).map(Output::Bytes))
}

fn decrypt(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let algorithm = Given::read(&arg(args, 0), context)?;
    let how = algorithm.cipher(false, context)?;
    let key = CryptoKey::of(&arg(args, 1), "decrypt: the key")?;
    let data = data(&arg(args, 2), "decrypt: the data", context)?;
    algorithm.check_key(&key, "decrypt", context)?;
    work(key.key.is_slow() || data.len() > MUCH, move || key.key.decrypt(&how, &data).map(Output::Bytes))
}

fn generate_key(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let algorithm = Given::read(&arg(args, 0), context)?;
    let scheme = algorithm.scheme(context)?;
    let bits = algorithm.key_bits(scheme, context)?;
    let exponent = algorithm.exponent(scheme, context)?;
    let extractable = arg(args, 1).to_boolean();
    let usages = usages(&arg(args, 2), context)?;
    let secret = matches!(scheme, Scheme::Hmac { .. } | Scheme::Aes(_) | Scheme::Pbkdf2 | Scheme::Hkdf);
    let kinds: &[KeyKind] = if secret { &[KeyKind::Secret] } else { &[KeyKind::Public, KeyKind::Private] };
    usages.check(scheme, kinds).map_err(|e| throw(&e, context))?;
    work(matches!(scheme, Scheme::Rsa { .. }), move || {
        Ok(match generate(scheme, bits, exponent.as_deref())? {
            Generated::One(key) => Output::One(CryptoKey { key: Arc::new(key), extractable, usages }),
            Generated::Pair(public, private) => {
                let part = |kind| usages.part(scheme, kind);
                Output::Pair(
                    CryptoKey { key: Arc::new(public), extractable: true, usages: part(KeyKind::Public) },
                    CryptoKey { key: Arc::new(private), extractable, usages: part(KeyKind::Private) },
                )
            }
        })
    })
}

/// How a key shall be made from data: the last arguments of importKey, deriveKey and unwrapKey.
struct Wanted {
    scheme: Scheme,
    bits: Option<u32>,
    extractable: bool,
    usages: Usages,
}

impl Wanted {
    fn make(&self, format: Format, data: &KeyData) -> Result<Output, CryptoError> {
        if matches!(self.scheme, Scheme::Pbkdf2 | Scheme::Hkdf) && self.extractable {
            return Err(CryptoError::new(
                ErrorName::Syntax,
                format!("a {} key cannot be extractable", self.scheme.name()),
            ));
        }
        if let KeyData::Jwk(jwk) = data {
            check_use(jwk, &self.usages.names(), self.extractable)?;
        }
        let key = Key::import(format, data, self.scheme, self.bits)?;
        self.usages.check(self.scheme, &[key.kind()])?;
        Ok(Output::One(CryptoKey { key: Arc::new(key), extractable: self.extractable, usages: self.usages }))
    }
}

fn import_key(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let format = format(&arg(args, 0), context)?;
    let key = match format {
        Format::Jwk => {
            let jwk = arg(args, 1);
            if !jwk.is_object() || bytes(&jwk, context)?.is_some() {
                return Err(type_error("importKey: a key in the format 'jwk' must be an object"));
            }
            KeyData::Jwk(to_json(&jwk, context)?)
        }
        _ => KeyData::Bytes(data(&arg(args, 1), "importKey: the key data", context)?),
    };
    let algorithm = Given::read(&arg(args, 2), context)?;
    let scheme = algorithm.scheme(context)?;
    let wanted = Wanted {
        scheme,
        bits: algorithm.import_bits(scheme, context)?,
        extractable: arg(args, 3).to_boolean(),
        usages: usages(&arg(args, 4), context)?,
    };
    work(matches!(scheme, Scheme::Rsa { .. }), move || wanted.make(format, &key))
}

fn export(key: &CryptoKey, format: Format) -> Result<KeyData, CryptoError> {
    if !key.extractable {
        return Err(CryptoError::new(ErrorName::InvalidAccess, "the key is not extractable"));
    }
    let mut data = key.key.export(format)?;
    if let KeyData::Jwk(serde_json::Value::Object(jwk)) = &mut data {
        jwk.insert("key_ops".to_owned(), key.usages.names().into());
        jwk.insert("ext".to_owned(), key.extractable.into());
    }
    Ok(data)
}

fn export_key(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let format = format(&arg(args, 0), context)?;
    let key = CryptoKey::of(&arg(args, 1), "exportKey: the key")?;
    work(false, move || {
        Ok(match export(&key, format)? {
            KeyData::Bytes(bytes) => Output::Bytes(bytes),
            KeyData::Jwk(jwk) => Output::Jwk(jwk),
        })
    })
}

fn derive_bits(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let algorithm = Given::read(&arg(args, 0), context)?;
    let how = algorithm.derivation(context)?;
    let key = CryptoKey::of(&arg(args, 1), "deriveBits: the key")?;
    algorithm.check_key(&key, "deriveBits", context)?;
    let length = arg(args, 2);
    let bits = if length.is_null_or_undefined() { None } else { Some(length.to_u32(context)?) };
    work(key.key.is_slow(), move || key.key.derive(&how, bits).map(Output::Bytes))
}

fn derive_key(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let algorithm = Given::read(&arg(args, 0), context)?;
    let how = algorithm.derivation(context)?;
    let key = CryptoKey::of(&arg(args, 1), "deriveKey: the key")?;
    let derived = Given::read(&arg(args, 2), context)?;
    let scheme = derived.scheme(context)?;
    let bits = match (scheme, derived.key_bits(scheme, context)?) {
        // Secrets for derivation are taken whole.
        (Scheme::Hmac { hash }, None) => u32::try_from(hash.block_bits()).ok(),
        (Scheme::Rsa { .. } | Scheme::Ecdsa(_) | Scheme::Ecdh(_) | Scheme::Okp(_), _) => {
            return Err(derived.not_for("deriveKey as the kind of key to make", context));
        }
        (_, bits) => bits,
    };
    let extractable = arg(args, 3).to_boolean();
    let wanted = Wanted { scheme, bits: None, extractable, usages: usages(&arg(args, 4), context)? };
    algorithm.check_key(&key, "deriveKey", context)?;
    work(key.key.is_slow(), move || {
        let secret = key.key.derive(&how, bits)?;
        wanted.make(Format::Raw, &KeyData::Bytes(secret))
    })
}

fn wrap_key(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let format = format(&arg(args, 0), context)?;
    let key = CryptoKey::of(&arg(args, 1), "wrapKey: the key")?;
    let wrapping = CryptoKey::of(&arg(args, 2), "wrapKey: the wrapping key")?;
    let algorithm = Given::read(&arg(args, 3), context)?;
    let how = algorithm.cipher(true, context)?;
    algorithm.check_key(&wrapping, "wrapKey", context)?;
    work(false, move || {
        let bytes = match export(&key, format)? {
            KeyData::Bytes(bytes) => bytes,
            KeyData::Jwk(jwk) => jwk.to_string().into_bytes(),
        };
        wrapping.key.encrypt(&how, &bytes).map(Output::Bytes)
    })
}

fn unwrap_key(args: &[JsValue], context: &mut Context) -> JsResult<Work> {
    let format = format(&arg(args, 0), context)?;
    let wrapped = data(&arg(args, 1), "unwrapKey: the wrapped key", context)?;
    let wrapping = CryptoKey::of(&arg(args, 2), "unwrapKey: the unwrapping key")?;
    let algorithm = Given::read(&arg(args, 3), context)?;
    let how = algorithm.cipher(true, context)?;
    let kind = Given::read(&arg(args, 4), context)?;
    let scheme = kind.scheme(context)?;
    let wanted = Wanted {
        scheme,
        bits: kind.import_bits(scheme, context)?,
        extractable: arg(args, 5).to_boolean(),
        usages: usages(&arg(args, 6), context)?,
    };
    algorithm.check_key(&wrapping, "unwrapKey", context)?;
    work(wrapping.key.is_slow() || matches!(scheme, Scheme::Rsa { .. }), move || {
        let bytes = wrapping.key.decrypt(&how, &wrapped)?;
        let data = match format {
            Format::Jwk => {
                let jwk = serde_json::from_slice(&bytes);
                KeyData::Jwk(jwk.map_err(|_| CryptoError::new(ErrorName::Data, "what was unwrapped is not a JWK"))?)
            }
            _ => KeyData::Bytes(bytes),
        };
        wanted.make(format, &data)
    })
}
