//! `k6/crypto`: hashes, HMACs and random bytes.

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};
use data_encoding::{BASE64, BASE64URL, BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;

use super::metrics::class;
use crate::js::convert::{Native, arg, array_buffer, define, error, function, string, string_or_bytes, to_text};

/// Most bytes `randomBytes` makes at once.
const MAX_RANDOM: f64 = 1_073_741_824.0;

/// A hash or HMAC that is being fed.
trait Feed {
    fn update(&mut self, data: &[u8]);
    fn result(&self) -> Vec<u8>;
}

struct Plain<D>(D);

impl<D: sha2::Digest + Clone> Feed for Plain<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
    fn result(&self) -> Vec<u8> {
        self.0.clone().finalize().to_vec()
    }
}

struct Keyed<M>(M);

impl<M: Mac + Clone> Feed for Keyed<M> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
    fn result(&self) -> Vec<u8> {
        self.0.clone().finalize().into_bytes().to_vec()
    }
}

/// One algorithm: its name and how a hash and an HMAC of it start.
struct Algorithm {
    name: &'static str,
    hash: fn() -> Box<dyn Feed>,
    hmac: fn(&[u8]) -> Option<Box<dyn Feed>>,
}

macro_rules! algorithms {
    ($($name:literal => $type:ty),* $(,)?) => {
        const ALGORITHMS: &[Algorithm] = &[$(Algorithm {
            name: $name,
            hash: || Box::new(Plain(<$type as sha2::Digest>::new())),
            hmac: |key| Hmac::<$type>::new_from_slice(key).ok().map(|m| Box::new(Keyed(m)) as Box<dyn Feed>),
        }),*];
    };
}

algorithms! {
    "md4" => md4::Md4,
    "md5" => md5::Md5,
    "ripemd160" => ripemd::Ripemd160,
    "sha1" => sha1::Sha1,
    "sha256" => sha2::Sha256,
    "sha384" => sha2::Sha384,
    "sha512" => sha2::Sha512,
    "sha512_224" => sha2::Sha512_224,
    "sha512_256" => sha2::Sha512_256,
}

fn algorithm(name: &str) -> JsResult<&'static Algorithm> {
    ALGORITHMS.iter().find(|a| a.name == name).ok_or_else(|| {
        let known: Vec<&str> = ALGORITHMS.iter().map(|a| a.name).collect();
        error(format!("invalid algorithm: '{name}'; known: {}", known.join(", ")))
    })
}

/// What `createHash` and `createHMAC` return.
#[derive(Trace, Finalize, JsData)]
struct Hasher {
    #[unsafe_ignore_trace]
    feed: Box<dyn Feed>,
}

impl Class for Hasher {
    const NAME: &'static str = "Hasher";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(error("use crypto.createHash() or crypto.createHMAC()"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("update"), 1, NativeFunction::from_fn_ptr(update));
        class.method(js_string!("digest"), 1, NativeFunction::from_fn_ptr(digest));
        Ok(())
    }
}

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    class::<Hasher>(context)?;
    let api = JsObject::with_object_proto(context.intrinsics());
    let hashes: [(&str, Native); 9] = [
        ("md4", |_, a, c| hash("md4", a, c)),
        ("md5", |_, a, c| hash("md5", a, c)),
        ("ripemd160", |_, a, c| hash("ripemd160", a, c)),
        ("sha1", |_, a, c| hash("sha1", a, c)),
        ("sha256", |_, a, c| hash("sha256", a, c)),
        ("sha384", |_, a, c| hash("sha384", a, c)),
        ("sha512", |_, a, c| hash("sha512", a, c)),
        ("sha512_224", |_, a, c| hash("sha512_224", a, c)),
        ("sha512_256", |_, a, c| hash("sha512_256", a, c)),
    ];
    for (name, native) in hashes {
        let value = function(name, 2, native, context);
        define(&api, name, value);
    }
    let others: [(&str, usize, Native); 5] = [
        ("hmac", 4, hmac_of),
        ("createHash", 1, create_hash),
        ("createHMAC", 2, create_hmac),
        ("randomBytes", 1, random_bytes),
        ("hexEncode", 1, hex_encode),
    ];
    for (name, length, native) in others {
        let value = function(name, length, native, context);
        define(&api, name, value);
    }
    Ok(api)
}

/// The digest in the asked encoding; `binary` is an ArrayBuffer.
fn encode(bytes: &[u8], encoding: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let name = if encoding.is_null_or_undefined() { String::new() } else { to_text(encoding, context)? };
    Ok(match name.as_str() {
        "hex" => string(&HEXLOWER.encode(bytes)),
        "base64" => string(&BASE64.encode(bytes)),
        "base64url" => string(&BASE64URL.encode(bytes)),
        "base64rawurl" => string(&BASE64URL_NOPAD.encode(bytes)),
        "binary" => array_buffer(bytes, context)?.into(),
        other => {
            return Err(error(format!(
                "invalid output encoding: '{other}'; known: hex, base64, base64url, base64rawurl, binary"
            )));
        }
    })
}

fn hash(name: &str, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let data = string_or_bytes(&arg(args, 0), &format!("{name}: the input"), context)?;
    let mut feed = (algorithm(name)?.hash)();
    feed.update(&data);
    encode(&feed.result(), &arg(args, 1), context)
}

fn keyed(name: &JsValue, key: &JsValue, context: &mut Context) -> JsResult<Box<dyn Feed>> {
    let name = to_text(name, context)?;
    let key = string_or_bytes(key, "hmac: the key", context)?;
    (algorithm(&name)?.hmac)(&key).ok_or_else(|| error("hmac: the key cannot be used"))
}

fn hmac_of(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut feed = keyed(&arg(args, 0), &arg(args, 1), context)?;
    feed.update(&string_or_bytes(&arg(args, 2), "hmac: the data", context)?);
    encode(&feed.result(), &arg(args, 3), context)
}

fn create_hash(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = to_text(&arg(args, 0), context)?;
    let feed = (algorithm(&name)?.hash)();
    Ok(Hasher::from_data(Hasher { feed }, context)?.into())
}

fn create_hmac(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let feed = keyed(&arg(args, 0), &arg(args, 1), context)?;
    Ok(Hasher::from_data(Hasher { feed }, context)?.into())
}

fn with_hasher<T>(this: &JsValue, act: impl FnOnce(&mut Hasher) -> T) -> JsResult<T> {
    let object = this.as_object();
    let mut hasher = object.as_ref().and_then(|o| o.downcast_mut::<Hasher>());
    match hasher.as_mut() {
        Some(hasher) => Ok(act(hasher)),
        None => Err(error("this is not a hasher: use crypto.createHash() or crypto.createHMAC()")),
    }
}

fn update(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let data = string_or_bytes(&arg(args, 0), "update: the data", context)?;
    with_hasher(this, |h| h.feed.update(&data))?;
    Ok(this.clone())
}

fn digest(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = with_hasher(this, |h| h.feed.result())?;
    encode(&bytes, &arg(args, 0), context)
}

/// `randomBytes(n)`: an ArrayBuffer of unpredictable bytes, whatever `randomSeed` was called with.
fn random_bytes(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let size = arg(args, 0).to_number(context)?;
    if !(1.0..=MAX_RANDOM).contains(&size) {
        return Err(error(format!("randomBytes: invalid size: it must be between 1 and {MAX_RANDOM}, not {size}")));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let mut bytes = vec![0_u8; size as usize];
    rand::rng().fill_bytes(&mut bytes);
    Ok(array_buffer(&bytes, context)?.into())
}

fn hex_encode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let data = string_or_bytes(&arg(args, 0), "hexEncode: the input", context)?;
    Ok(string(&HEXLOWER.encode(&data)))
}
