//! JSON data as a message, by the rules of proto3's JSON mapping. What does not fit is said with the path of the field.
//!
//! Pure. Names are accepted in camelCase and as the .proto file writes them; integers also as text, enums also as numbers, bytes in
//! both alphabets of base64. Null leaves a field unset.

use std::collections::HashMap;

use bytes::Bytes;
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use prost::Message as _;
use prost_reflect::Value as Proto;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor};
use serde_json::{Map, Value};

use super::json_encode::type_of_url;
use super::well_known::{WRAPPERS, has_own_form, mask_to_snake, parse_duration, parse_timestamp};
use crate::spelling::nearest;

/// Deepest nesting, that of protobuf's own decoders.
const MAX_DEPTH: usize = 100;

/// The message that `value` describes. `types` are further places to find the types of `Any`.
///
/// # Errors
/// What does not fit, beginning with the path of the field.
pub fn from_json(
    value: &Value,
    descriptor: &MessageDescriptor,
    types: &[DescriptorPool],
) -> Result<DynamicMessage, String> {
    let mut decoder = Decoder { types, path: Vec::new() };
    decoder.message(value, descriptor).map_err(|what| {
        let path = decoder.path.concat();
        let path = path.trim_start_matches('.');
        if path.is_empty() { what } else { format!("{path}: {what}") }
    })
}

struct Decoder<'a> {
    types: &'a [DescriptorPool],
    /// Where we are: `.name`, `[3]`. After an error it stays where the error was.
    path: Vec<String>,
}

type Decoded<T> = Result<T, String>;

impl Decoder<'_> {
    fn message(&mut self, value: &Value, descriptor: &MessageDescriptor) -> Decoded<DynamicMessage> {
        if self.path.len() > 2 * MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} messages"));
        }
        if let Some(name) = descriptor.full_name().strip_prefix("google.protobuf.")
            && has_own_form(descriptor.full_name())
        {
            return self.own_form(name, value, descriptor);
        }
        let Value::Object(object) = value else {
            return Err(format!(
                "{} is not an object, as a message of type {} needs",
                shown(value),
                descriptor.full_name()
            ));
        };
        let mut message = DynamicMessage::new(descriptor.clone());
        self.fields(&mut message, object, descriptor, &[])?;
        Ok(message)
    }

    fn fields(
        &mut self,
        message: &mut DynamicMessage,
        object: &Map<String, Value>,
        descriptor: &MessageDescriptor,
        skip: &[&str],
    ) -> Decoded<()> {
        let mut chosen: HashMap<String, String> = HashMap::new();
        for (name, value) in object.iter().filter(|(name, _)| !skip.contains(&name.as_str())) {
            let field = descriptor.get_field_by_json_name(name).or_else(|| descriptor.get_field_by_name(name));
            let Some(field) = field else { return Err(unknown(name, descriptor)) };
            let is_null_value = matches!(field.kind(), Kind::Enum(e) if e.full_name() == "google.protobuf.NullValue")
                || matches!(field.kind(), Kind::Message(m) if m.full_name() == "google.protobuf.Value");
            if value.is_null() && (!is_null_value || field.is_list()) {
                continue;
            }
            self.path.push(format!(".{name}"));
            if let Some(oneof) = field.containing_oneof()
                && let Some(other) = chosen.insert(oneof.name().to_owned(), name.clone())
            {
                return Err(format!("`{other}` is given too, but only one field of `{}` can be set", oneof.name()));
            }
            let value = self.field(value, &field)?;
            message.try_set_field(&field, value).map_err(|error| error.to_string())?;
            self.path.pop();
        }
        Ok(())
    }

    fn field(&mut self, value: &Value, field: &FieldDescriptor) -> Decoded<Proto> {
        if field.is_map() {
            return self.map(value, field);
        }
        if !field.is_list() {
            return self.single(value, &field.kind());
        }
        let Value::Array(items) = value else {
            return Err(format!("{} is not an array, but the field is repeated", shown(value)));
        };
        let kind = field.kind();
        let mut list = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            self.path.push(format!("[{i}]"));
            list.push(self.single(item, &kind)?);
            self.path.pop();
        }
        Ok(Proto::List(list))
    }

    fn map(&mut self, value: &Value, field: &FieldDescriptor) -> Decoded<Proto> {
        let (Value::Object(object), Kind::Message(entry)) = (value, field.kind()) else {
            return Err(format!("{} is not an object, but the field is a map", shown(value)));
        };
        let (keys, values) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        let mut map = HashMap::with_capacity(object.len());
        for (key, value) in object {
            self.path.push(format!("[{key:?}]"));
            let parsed = map_key(key, &keys).ok_or_else(|| format!("{key:?} is not a key of type {keys:?}"))?;
            map.insert(parsed, self.single(value, &values)?);
            self.path.pop();
        }
        Ok(Proto::Map(map))
    }

    fn single(&mut self, value: &Value, kind: &Kind) -> Decoded<Proto> {
        let wrong = |wanted: &str| Err(format!("{} is not {wanted}", shown(value)));
        match kind {
            Kind::Bool => value.as_bool().map_or_else(|| wrong("a boolean"), |b| Ok(Proto::Bool(b))),
            Kind::String => match value {
                Value::String(s) => Ok(Proto::String(s.clone())),
                _ => wrong("a string"),
            },
            Kind::Bytes => match value.as_str().and_then(base64) {
                Some(bytes) => Ok(Proto::Bytes(bytes)),
                None => wrong("bytes in base64"),
            },
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => match integer(value).map(i32::try_from) {
                Some(Ok(n)) => Ok(Proto::I32(n)),
                _ => wrong("a 32-bit integer"),
            },
            Kind::Uint32 | Kind::Fixed32 => match integer(value).map(u32::try_from) {
                Some(Ok(n)) => Ok(Proto::U32(n)),
                _ => wrong("an unsigned 32-bit integer"),
            },
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => match integer(value).map(i64::try_from) {
                Some(Ok(n)) => Ok(Proto::I64(n)),
                _ => wrong("a 64-bit integer"),
            },
            Kind::Uint64 | Kind::Fixed64 => match integer(value).map(u64::try_from) {
                Some(Ok(n)) => Ok(Proto::U64(n)),
                _ => wrong("an unsigned 64-bit integer"),
            },
            Kind::Double => float(value).map_or_else(|| wrong("a number"), |n| Ok(Proto::F64(n))),
            Kind::Float => match float(value) {
                #[allow(clippy::cast_possible_truncation)]
                Some(n) if !n.is_finite() || (n as f32).is_finite() => Ok(Proto::F32(n as f32)),
                _ => wrong("a 32-bit number"),
            },
            Kind::Enum(e) => {
                if value.is_null() && e.full_name() == "google.protobuf.NullValue" {
                    return Ok(Proto::EnumNumber(0));
                }
                match value {
                    Value::String(name) => match e.get_value_by_name(name) {
                        Some(found) => Ok(Proto::EnumNumber(found.number())),
                        None => {
                            let names: Vec<String> = e.values().map(|v| v.name().to_owned()).collect();
                            Err(format!("{name:?} is not a value of enum {}: {}", e.full_name(), list(&names)))
                        }
                    },
                    value => match integer(value).map(i32::try_from) {
                        Some(Ok(n)) => Ok(Proto::EnumNumber(n)),
                        _ => wrong(&format!("a value of enum {}", e.full_name())),
                    },
                }
            }
            Kind::Message(descriptor) => self.message(value, descriptor).map(Proto::Message),
        }
    }

    fn own_form(&mut self, name: &str, value: &Value, descriptor: &MessageDescriptor) -> Decoded<DynamicMessage> {
        let mut message = DynamicMessage::new(descriptor.clone());
        let mut set = |number: u32, value: Proto| {
            message.try_set_field_by_number(number, value).map_err(|error| error.to_string())
        };
        match (name, value) {
            ("Timestamp" | "Duration", Value::String(text)) => {
                let (parsed, wanted) = if name == "Timestamp" {
                    (parse_timestamp(text), "a timestamp such as \"2024-01-31T10:00:00Z\"")
                } else {
                    (parse_duration(text), "a duration such as \"1.5s\"")
                };
                let (seconds, nanos) = parsed.ok_or_else(|| format!("{text:?} is not {wanted}"))?;
                set(1, Proto::I64(seconds))?;
                set(2, Proto::I32(nanos))?;
            }
            ("FieldMask", Value::String(text)) => {
                let paths = text.split(',').filter(|p| !p.is_empty());
                set(1, Proto::List(paths.map(|path| Proto::String(mask_to_snake(path))).collect()))?;
            }
            ("Empty", Value::Object(object)) => {
                if let Some(name) = object.keys().next() {
                    return Err(unknown(name, descriptor));
                }
            }
            ("Struct", Value::Object(_)) | ("ListValue", Value::Array(_)) => {
                let field = descriptor.get_field(1).ok_or("the type is not the known one")?;
                let value = self.field(value, &field)?;
                set(1, value)?;
            }
            ("Value", value) => {
                let (number, value) = match value {
                    Value::Null => (1, Proto::EnumNumber(0)),
                    Value::Number(n) => (2, Proto::F64(n.as_f64().unwrap_or(f64::NAN))),
                    Value::String(s) => (3, Proto::String(s.clone())),
                    Value::Bool(b) => (4, Proto::Bool(*b)),
                    Value::Object(_) | Value::Array(_) => {
                        let number = if value.is_object() { 5 } else { 6 };
                        let field = descriptor.get_field(number).ok_or("the type is not the known one")?;
                        (number, self.single(value, &field.kind())?)
                    }
                };
                set(number, value)?;
            }
            ("Any", Value::Object(object)) => return self.any(object, descriptor),
            (name, value) if WRAPPERS.contains(&name) => {
                let field = descriptor.get_field(1).ok_or("the type is not the known one")?;
                let value = self.single(value, &field.kind())?;
                set(1, value)?;
            }
            _ => return Err(format!("{} is not a {}", shown(value), descriptor.full_name())),
        }
        Ok(message)
    }

    fn any(&mut self, object: &Map<String, Value>, descriptor: &MessageDescriptor) -> Decoded<DynamicMessage> {
        let mut message = DynamicMessage::new(descriptor.clone());
        let Some(url) = object.get("@type").and_then(Value::as_str) else {
            return if object.is_empty() { Ok(message) } else { Err("an Any needs its type as \"@type\"".to_owned()) };
        };
        let inner = type_of_url(url, descriptor.parent_pool(), self.types)
            .ok_or_else(|| format!("the type {url:?} of an Any is in none of the loaded files"))?;
        let inner = if has_own_form(inner.full_name()) {
            self.path.push(".value".to_owned());
            let value = self.message(object.get("value").unwrap_or(&Value::Null), &inner)?;
            self.path.pop();
            value
        } else {
            let mut value = DynamicMessage::new(inner.clone());
            self.fields(&mut value, object, &inner, &["@type"])?;
            value
        };
        let set = [(1, Proto::String(url.to_owned())), (2, Proto::Bytes(inner.encode_to_vec().into()))];
        for (number, value) in set {
            message.try_set_field_by_number(number, value).map_err(|error| error.to_string())?;
        }
        Ok(message)
    }
}

fn unknown(name: &str, descriptor: &MessageDescriptor) -> String {
    let names: Vec<String> = descriptor.fields().map(|f| f.json_name().to_owned()).collect();
    let hint = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if names.is_empty() => "it has none".to_owned(),
        None => format!("it has {}", list(&names)),
    };
    format!("message {} has no field \"{name}\" ({hint})", descriptor.full_name())
}

/// At most ten names.
fn list(names: &[String]) -> String {
    let more = if names.len() > 10 { ", ..." } else { "" };
    format!("{}{more}", names.iter().take(10).cloned().collect::<Vec<_>>().join(", "))
}

/// A value in a message to people: short.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Object(_) => return "an object".to_owned(),
        Value::Array(_) => return "an array".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// A whole number, also as text or as a float without fraction.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(n) => {
            n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from)).or_else(|| whole(n.as_f64()?))
        }
        Value::String(s) if !s.is_empty() && s.trim() == s => s.parse().ok().or_else(|| whole(s.parse().ok()?)),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation)]
fn whole(n: f64) -> Option<i128> {
    (n.fract() == 0.0 && n.abs() < 1e30).then_some(n as i128)
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => match s.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                text.parse().ok().filter(|n: &f64| n.is_finite())
            }
            _ => None,
        },
        _ => None,
    }
}

fn base64(text: &str) -> Option<Bytes> {
    let text = text.trim_end_matches('=').as_bytes();
    BASE64_NOPAD.decode(text).or_else(|_| BASE64URL_NOPAD.decode(text)).ok().map(Bytes::from)
}

fn map_key(key: &str, kind: &Kind) -> Option<MapKey> {
    Some(match kind {
        Kind::Bool => MapKey::Bool(key.parse().ok()?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(key.parse().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(key.parse().ok()?),
        Kind::Uint32 | Kind::Fixed32 => MapKey::U32(key.parse().ok()?),
        Kind::Uint64 | Kind::Fixed64 => MapKey::U64(key.parse().ok()?),
        Kind::String => MapKey::String(key.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod json_tests;
