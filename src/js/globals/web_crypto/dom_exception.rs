//! Errors of `crypto.subtle` as scripts see them: a `DOMException` where there is one, else an `Error` with its name.

use boa_engine::{Context, JsError, js_string};

use crate::crypto::{CryptoError, ErrorName};
use crate::js::convert::{named_error, string, type_error};

/// The error to throw or to reject with.
pub(super) fn throw(error: &CryptoError, context: &mut Context) -> JsError {
    if error.name == ErrorName::Type {
        return type_error(error.message.clone());
    }
    make(error, context).unwrap_or_else(|e| e)
}

fn make(error: &CryptoError, context: &mut Context) -> Result<JsError, JsError> {
    let name = error.name.text();
    let constructor = context.global_object().get(js_string!("DOMException"), context)?;
    if let Some(constructor) = constructor.as_constructor() {
        let args = [string(&error.message), string(name)];
        return constructor.construct(&args, None, context).map(|object| JsError::from_opaque(object.into()));
    }
    Err(named_error(name, error.message.clone(), context))
}

/// As [`throw`], for a name and a message.
pub(super) fn fail(name: ErrorName, message: impl Into<String>, context: &mut Context) -> JsError {
    throw(&CryptoError::new(name, message), context)
}
