//! A message as JSON data, by the rules of proto3's JSON mapping with unset fields written out, as k6 does it: enums by name, 64-bit
//! integers as text, bytes as base64, names in camelCase, well-known types in their own forms.
//!
//! Pure. What the mapping cannot express (an `Any` of unknown type, a timestamp out of range) is still given, field by field:
//! a load test should see what the server sent and not lose its answer.

use std::collections::HashMap;

use data_encoding::BASE64;
use prost_reflect::Value as Proto;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _,
};
use serde_json::{Map, Number, Value};

use super::well_known::{WRAPPERS, duration_text, has_own_form, mask_to_camel, timestamp_text};

/// The message as JSON. `types` are further places to find the types of `Any`, after the message's own.
pub fn to_json(message: &DynamicMessage, types: &[DescriptorPool]) -> Value {
    Encoder { types }.message(message)
}

struct Encoder<'a> {
    types: &'a [DescriptorPool],
}

/// Finds the type named by the URL of an `Any`: what follows its last slash.
pub(super) fn type_of_url(url: &str, own: &DescriptorPool, types: &[DescriptorPool]) -> Option<MessageDescriptor> {
    let name = url.rsplit('/').next().unwrap_or(url);
    std::iter::once(own).chain(types).find_map(|pool| pool.get_message_by_name(name))
}

impl Encoder<'_> {
    fn message(&self, message: &DynamicMessage) -> Value {
        let descriptor = message.descriptor();
        let own = descriptor.full_name().strip_prefix("google.protobuf.").and_then(|name| self.own_form(name, message));
        own.unwrap_or_else(|| Value::Object(self.fields(message, &descriptor)))
    }

    /// The form of a well-known type; None for others, and for contents that have no such form.
    fn own_form(&self, name: &str, message: &DynamicMessage) -> Option<Value> {
        let at = |number| message.get_field_by_number(number);
        let seconds_and_nanos = || Some((at(1)?.as_i64()?, at(2)?.as_i32()?));
        Some(match name {
            "Timestamp" => {
                let (seconds, nanos) = seconds_and_nanos()?;
                Value::String(timestamp_text(seconds, nanos)?)
            }
            "Duration" => {
                let (seconds, nanos) = seconds_and_nanos()?;
                Value::String(duration_text(seconds, nanos)?)
            }
            "Empty" => Value::Object(Map::new()),
            "FieldMask" => {
                let paths = at(1)?;
                let paths = paths.as_list()?.iter().filter_map(Proto::as_str).map(mask_to_camel);
                Value::String(paths.collect::<Vec<_>>().join(","))
            }
            "Struct" | "ListValue" => self.value(at(1)?.as_ref(), &message.descriptor().get_field(1)?),
            "Value" => {
                let (field, value) = message.fields().next()?;
                match value {
                    Proto::EnumNumber(_) => Value::Null,
                    value => self.value(value, &field),
                }
            }
            "Any" => self.any(message)?,
            name if WRAPPERS.contains(&name) => self.value(at(1)?.as_ref(), &message.descriptor().get_field(1)?),
            _ => return None,
        })
    }

    fn any(&self, message: &DynamicMessage) -> Option<Value> {
        let (url, value) = (message.get_field_by_number(1)?, message.get_field_by_number(2)?);
        let (url, bytes) = (url.as_str()?, value.as_bytes()?);
        if url.is_empty() && bytes.is_empty() {
            return Some(Value::Object(Map::new()));
        }
        let mut object = Map::new();
        object.insert("@type".to_owned(), Value::String(url.to_owned()));
        let inner = type_of_url(url, message.descriptor().parent_pool(), self.types)
            .and_then(|descriptor| DynamicMessage::decode(descriptor, bytes.clone()).ok());
        match inner {
            Some(inner) if has_own_form(inner.descriptor().full_name()) => {
                object.insert("value".to_owned(), self.message(&inner));
            }
            Some(inner) => object.extend(self.fields(&inner, &inner.descriptor())),
            // Of unknown type: the bytes, so that nothing is lost.
            None => {
                object.insert("value".to_owned(), Value::String(BASE64.encode(bytes)));
            }
        }
        Some(Value::Object(object))
    }

    fn fields(&self, message: &DynamicMessage, descriptor: &MessageDescriptor) -> Map<String, Value> {
        let mut object = Map::new();
        for field in descriptor.fields() {
            if message.has_field(&field) {
                object.insert(field.json_name().to_owned(), self.value(message.get_field(&field).as_ref(), &field));
            } else if field.containing_oneof().is_some() {
                // Which one is set is the information; an `optional` of proto3 is such a group of one.
            } else if field.supports_presence() {
                object.insert(field.json_name().to_owned(), Value::Null);
            } else {
                object.insert(field.json_name().to_owned(), self.value(message.get_field(&field).as_ref(), &field));
            }
        }
        for (extension, value) in message.extensions() {
            let kind = extension.kind();
            let value = match value {
                Proto::List(items) => Value::Array(items.iter().map(|item| self.single(item, &kind)).collect()),
                value => self.single(value, &kind),
            };
            object.insert(extension.json_name().to_owned(), value);
        }
        object
    }

    fn value(&self, value: &Proto, field: &FieldDescriptor) -> Value {
        match value {
            Proto::List(items) => {
                let kind = field.kind();
                Value::Array(items.iter().map(|item| self.single(item, &kind)).collect())
            }
            Proto::Map(entries) => self.map(entries, field),
            value => self.single(value, &field.kind()),
        }
    }

    fn map(&self, entries: &HashMap<MapKey, Proto>, field: &FieldDescriptor) -> Value {
        let kind = match field.kind() {
            Kind::Message(entry) => entry.map_entry_value_field().kind(),
            other => other,
        };
        let mut sorted: Vec<(String, &Proto)> = entries.iter().map(|(key, value)| (key_text(key), value)).collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        Value::Object(sorted.into_iter().map(|(key, value)| (key, self.single(value, &kind))).collect())
    }

    fn single(&self, value: &Proto, kind: &Kind) -> Value {
        match value {
            Proto::Bool(b) => Value::Bool(*b),
            Proto::I32(n) => Value::from(*n),
            Proto::U32(n) => Value::from(*n),
            Proto::I64(n) => Value::String(n.to_string()),
            Proto::U64(n) => Value::String(n.to_string()),
            // The shortest text of a float is what JSON shows: 0.1 and not 0.10000000149011612.
            Proto::F32(n) if n.is_finite() => float(n.to_string().parse().unwrap_or(f64::from(*n))),
            Proto::F32(n) => float(f64::from(*n)),
            Proto::F64(n) => float(*n),
            Proto::String(s) => Value::String(s.clone()),
            Proto::Bytes(bytes) => Value::String(BASE64.encode(bytes)),
            Proto::EnumNumber(number) => match kind {
                Kind::Enum(e) if e.full_name() == "google.protobuf.NullValue" => Value::Null,
                Kind::Enum(e) => {
                    e.get_value(*number).map_or_else(|| Value::from(*number), |v| Value::String(v.name().to_owned()))
                }
                _ => Value::from(*number),
            },
            Proto::Message(message) => self.message(message),
            // Lists and maps do not nest.
            Proto::List(_) | Proto::Map(_) => Value::Null,
        }
    }
}

fn float(n: f64) -> Value {
    let named = if n.is_nan() {
        "NaN"
    } else if n > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    Number::from_f64(n).map_or_else(|| Value::String(named.to_owned()), Value::Number)
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(b) => b.to_string(),
        MapKey::I32(n) => n.to_string(),
        MapKey::I64(n) => n.to_string(),
        MapKey::U32(n) => n.to_string(),
        MapKey::U64(n) => n.to_string(),
        MapKey::String(s) => s.clone(),
    }
}
