//! From the body a script gives to the bytes that are sent: text, bytes, forms, and multipart when a form holds files.
//!
//! Called by `request` for every request, after its headers are known.

use std::time::{SystemTime, UNIX_EPOCH};

use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};
use bytes::Bytes;

use super::go_text::go_text;
use crate::js::convert::{
    arg, bytes, define, entries, is_array, length_of, string, string_or_bytes, to_text, type_error,
};
use crate::net::http::Request;

/// Sets body and `Content-Type` of a request.
pub(super) fn set_body(request: &mut Request, body: &JsValue, context: &mut Context) -> JsResult<()> {
    if body.is_null_or_undefined() {
        return Ok(());
    }
    if let Some(text) = body.as_string() {
        request.body = Some(Bytes::from(text.to_std_string_lossy()));
        return Ok(());
    }
    if let Some(bytes) = bytes(body, context)? {
        request.body = Some(Bytes::from(bytes));
        return Ok(());
    }
    let object = match body.as_object() {
        Some(object) if !is_array(&object, context) => object,
        other => {
            let what = if other.is_some() { "array" } else { body.type_of() };
            return Err(type_error(format!(
                "http: the body must be a string, an ArrayBuffer or an object of form fields, not a value of type {what}: \
                 JSON.stringify(body) makes a text of it"
            )));
        }
    };
    let fields = fields(&object, context)?;
    if fields.iter().any(|(_, value)| file_of(value, context).is_some()) {
        return multipart(request, fields, context);
    }
    let form = encoded(fields, context)?;
    request.body = Some(Bytes::from(form));
    if request.headers.get("Content-Type").is_none() {
        request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    }
    Ok(())
}

/// One pair per value: a list stands for several of the same name.
fn fields(object: &JsObject, context: &mut Context) -> JsResult<Vec<(String, JsValue)>> {
    let mut fields = Vec::new();
    for (name, value) in entries(object, context)? {
        match value.as_object().filter(|o| is_array(o, context)) {
            Some(list) => {
                for i in 0..length_of(&list, context)? {
                    fields.push((name.clone(), list.get(i, context)?));
                }
            }
            None => fields.push((name, value)),
        }
    }
    Ok(fields)
}

/// Values as a url-encoded form, sorted by name, as Go writes them.
fn encoded(mut fields: Vec<(String, JsValue)>, context: &mut Context) -> JsResult<String> {
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        if value.is_null_or_undefined() {
            form.append_pair(&name, "");
        } else {
            form.append_pair(&name, &go_text(&value, context)?);
        }
    }
    Ok(form.finish())
}

/// An object of values as a url-encoded form.
pub(super) fn form_text(values: &JsValue, context: &mut Context) -> JsResult<String> {
    let Some(object) = values.as_object() else { return Ok(String::new()) };
    let fields = fields(&object, context)?;
    encoded(fields, context)
}

/// `http.file(data, [filename], [contentType])`: a part of a multipart body.
pub(super) fn file(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    // Read now, so that a wrong type is reported here and not at the request.
    string_or_bytes(&arg(args, 0), "http.file: the data", context)?;
    let object = JsObject::with_object_proto(context.intrinsics());
    let name = match args.get(1) {
        Some(name) if !name.is_null_or_undefined() => to_text(name, context)?,
        _ => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos()).to_string(),
    };
    let content_type = match args.get(2) {
        Some(kind) if !kind.is_null_or_undefined() => to_text(kind, context)?,
        _ => "application/octet-stream".to_owned(),
    };
    define(&object, "data", arg(args, 0));
    define(&object, "filename", string(&name));
    define(&object, "content_type", string(&content_type));
    Ok(object.into())
}

struct File {
    data: Vec<u8>,
    name: String,
    content_type: String,
}

/// What `http.file()` made, if this is it.
fn file_of(value: &JsValue, context: &mut Context) -> Option<JsObject> {
    let object = value.as_object()?;
    let mark = object.get(js_string!("content_type"), context).ok()?;
    let name = object.get(js_string!("filename"), context).ok()?;
    (mark.is_string() && name.is_string()).then_some(object)
}

fn read_file(object: &JsObject, context: &mut Context) -> JsResult<File> {
    let data = object.get(js_string!("data"), context)?;
    let name = object.get(js_string!("filename"), context)?;
    let content_type = object.get(js_string!("content_type"), context)?;
    Ok(File {
        data: string_or_bytes(&data, "http.file: the data", context)?,
        name: to_text(&name, context)?,
        content_type: to_text(&content_type, context)?,
    })
}

/// RFC 7578. The boundary is ours: a `Content-Type` of the script cannot know it.
fn multipart(request: &mut Request, fields: Vec<(String, JsValue)>, context: &mut Context) -> JsResult<()> {
    let boundary = format!("inrush-{:032x}", rand::random::<u128>());
    let mut out: Vec<u8> = Vec::new();
    let quoted = |s: &str| s.replace('\\', "\\\\").replace('"', "\\\"").replace(['\r', '\n'], " ");
    for (name, value) in fields {
        out.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&name)).as_bytes(),
        );
        match file_of(&value, context) {
            Some(object) => {
                let file = read_file(&object, context)?;
                let head = format!(
                    "; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
                    quoted(&file.name),
                    file.content_type.replace(['\r', '\n'], " ")
                );
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(&file.data);
            }
            None => {
                let text = if value.is_null_or_undefined() { String::new() } else { go_text(&value, context)? };
                out.extend_from_slice(format!("\r\n\r\n{text}").as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    request.body = Some(Bytes::from(out));
    request.headers.set("Content-Type", format!("multipart/form-data; boundary={boundary}"));
    Ok(())
}
