//! `CryptoKey`: a handle on a key that never shows its material, with what it is as read-only properties.

use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::{JsArray, JsUint8Array};
use boa_engine::property::{Attribute, PropertyDescriptor};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsSymbol, JsValue, Trace, js_string};

use super::usages::Usages;
use crate::crypto::{Key, RsaScheme, Scheme};
use crate::js::convert::{define, string, type_error};

/// The data behind a `CryptoKey`.
#[derive(Clone, Trace, Finalize, JsData)]
pub(super) struct CryptoKey {
    #[unsafe_ignore_trace]
    pub(super) key: Arc<Key>,
    pub(super) extractable: bool,
    #[unsafe_ignore_trace]
    pub(super) usages: Usages,
}

impl Class for CryptoKey {
    const NAME: &'static str = "CryptoKey";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("a CryptoKey comes from crypto.subtle.generateKey(), importKey(), deriveKey() or unwrapKey()"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.property(JsSymbol::to_string_tag(), js_string!("CryptoKey"), Attribute::CONFIGURABLE);
        Ok(())
    }
}

impl CryptoKey {
    /// The key behind a value.
    pub(super) fn of(value: &JsValue, what: &str) -> JsResult<Self> {
        value
            .as_object()
            .and_then(|o| o.downcast_ref::<Self>().map(|key| key.clone()))
            .ok_or_else(|| type_error(format!("{what} must be a CryptoKey")))
    }

    /// The object that scripts get.
    pub(super) fn into_object(self, context: &mut Context) -> JsResult<JsObject> {
        let algorithm = describe(&self.key, context)?;
        let usages: Vec<JsValue> = self.usages.names().into_iter().map(string).collect();
        let usages = JsArray::from_iter(usages, context);
        let properties: [(&str, JsValue); 4] = [
            ("type", string(self.key.kind().name())),
            ("extractable", self.extractable.into()),
            ("algorithm", algorithm.into()),
            ("usages", usages.into()),
        ];
        let object = Self::from_data(self, context)?;
        for (name, value) in properties {
            object.insert_property(
                JsString::from(name),
                PropertyDescriptor::builder().value(value).writable(false).enumerable(true).configurable(false),
            );
        }
        Ok(object)
    }
}

/// `key.algorithm`.
fn describe(key: &Key, context: &mut Context) -> JsResult<JsObject> {
    let out = JsObject::with_object_proto(context.intrinsics());
    define(&out, "name", string(&key.scheme().name()));
    let bits = u32::try_from(key.bits()).unwrap_or(u32::MAX);
    let hash = match key.scheme() {
        Scheme::Hmac { hash } | Scheme::Rsa { hash, .. } => Some(hash),
        _ => None,
    };
    if let Some(hash) = hash {
        let object = JsObject::with_object_proto(context.intrinsics());
        define(&object, "name", string(hash.name()));
        define(&out, "hash", object);
    }
    match key.scheme() {
        Scheme::Hmac { .. } | Scheme::Aes(_) => define(&out, "length", bits),
        Scheme::Rsa { scheme: RsaScheme::Pkcs1 | RsaScheme::Pss | RsaScheme::Oaep, .. } => {
            define(&out, "modulusLength", bits);
            let exponent = JsUint8Array::from_iter(key.exponent().unwrap_or_default(), context)?;
            define(&out, "publicExponent", exponent);
        }
        Scheme::Ecdsa(curve) | Scheme::Ecdh(curve) => define(&out, "namedCurve", string(curve.name())),
        Scheme::Okp(_) | Scheme::Pbkdf2 | Scheme::Hkdf => {}
    }
    Ok(out)
}
