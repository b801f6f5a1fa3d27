//! Tests of `json_decode` and `json_encode` together, on messages of every kind.
#![cfg(test)]

use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};

use super::super::descriptors::Registry;
use super::super::json_encode::to_json;
use super::from_json;

const PROTO: &str = r#"
syntax = "proto3";
package t;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Colour { NONE = 0; RED = 1; }
message Inner { string note = 1; repeated Inner more = 2; }
message All {
  bool flag = 1; int32 int_32 = 2; int64 int_64 = 3; uint32 u32 = 4; uint64 u64 = 5; sint64 s64 = 6; fixed64 f64 = 7;
  float small = 8; double big = 9; string text = 10; bytes raw = 11; Colour colour = 12; Inner inner = 13;
  repeated int32 numbers = 14; repeated Inner inners = 15; map<string, Inner> by_name = 16; map<int32, Colour> by_number = 17;
  oneof pick { string left = 18; int32 right = 19; }
  optional int32 maybe = 20; string odd = 21 [json_name = "strange"];
}
message Known {
  google.protobuf.Timestamp at = 1; google.protobuf.Duration lasting = 2; google.protobuf.Struct data = 3;
  google.protobuf.Value value = 4; google.protobuf.ListValue items = 5; google.protobuf.Any any = 6;
  google.protobuf.FieldMask mask = 7; google.protobuf.Empty empty = 8; google.protobuf.StringValue wrapped = 9;
  google.protobuf.Int64Value wrapped64 = 10; google.protobuf.BytesValue wrapped_bytes = 11; google.protobuf.NullValue nothing = 12;
}
"#;

fn pool() -> DescriptorPool {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.proto"), PROTO).unwrap();
    Registry::default().sources(&[dir.path().to_owned()], &["t.proto".to_owned()]).unwrap().pool.clone()
}

fn decode(name: &str, value: &Value) -> Result<DynamicMessage, String> {
    from_json(value, &pool().get_message_by_name(name).unwrap(), &[])
}

#[track_caller]
fn returns(name: &str, given: Value, expected: Value) {
    let message = decode(name, &given).unwrap_or_else(|e| panic!("{given}: {e}"));
    // By way of the wire.
    let bytes = prost::Message::encode_to_vec(&message);
    let read = DynamicMessage::decode(pool().get_message_by_name(name).unwrap(), bytes.as_slice()).unwrap();
    let shown = to_json(&read, &[]);
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(shown.get(key), Some(value), "{key} of {shown}");
    }
}

#[test]
fn unset_fields_are_written_out() {
    let empty = to_json(&decode("t.All", &json!({})).unwrap(), &[]);
    assert_eq!(
        empty,
        json!({ "flag": false, "int32": 0, "int64": "0", "u32": 0, "u64": "0", "s64": "0", "f64": "0", "small": 0.0, "big": 0.0,
            "text": "", "raw": "", "colour": "NONE", "inner": null, "numbers": [], "inners": [], "byName": {}, "byNumber": {}, "strange": "" })
    );
    let known = to_json(&decode("t.Known", &json!({})).unwrap(), &[]);
    assert_eq!(known["at"], Value::Null);
    assert_eq!(known["nothing"], Value::Null);
    assert_eq!(known.as_object().unwrap().len(), 12);
}

#[test]
fn every_kind_of_field_returns() {
    returns(
        "t.All",
        json!({ "flag": true, "int_32": "-7", "int64": 9_007_199_254_740_991i64, "u32": 4e9, "u64": "18446744073709551615", "s64": -1,
            "f64": 5, "small": 0.1, "big": "NaN", "text": "ä\u{1F600}", "raw": "-_8", "colour": "RED", "inner": { "note": "n", "more": [{}] },
            "numbers": [1, "2", 3.0], "inners": [{ "note": "a" }], "by_name": { "x": { "note": "y" } }, "byNumber": { "-5": 1, "6": 9 },
            "right": 0, "maybe": 0, "strange": "s", "left": null }),
        json!({ "flag": true, "int32": -7, "int64": "9007199254740991", "u32": 4_000_000_000u32, "u64": "18446744073709551615", "s64": "-1",
            "f64": "5", "small": 0.1, "big": "NaN", "text": "ä\u{1F600}", "raw": "+/8=", "colour": "RED",
            "inner": { "note": "n", "more": [{ "note": "", "more": [] }] }, "numbers": [1, 2, 3],
            "inners": [{ "note": "a", "more": [] }], "byName": { "x": { "note": "y", "more": [] } }, "byNumber": { "-5": "RED", "6": 9 },
            "right": 0, "maybe": 0, "strange": "s" }),
    );
    returns(
        "t.All",
        json!({ "odd": "x", "big": "-Infinity", "colour": 1 }),
        json!({ "strange": "x", "big": "-Infinity", "colour": "RED" }),
    );
}

#[test]
fn well_known_types_have_their_own_forms() {
    let forms = json!({ "at": "2024-01-31T10:00:00.500Z", "lasting": "-1.500s", "data": { "a": [1.0, "x", null, { "b": true }] },
        "value": null, "items": [1.0, []], "any": { "@type": "type.googleapis.com/t.Inner", "note": "inside", "more": [] },
        "mask": "fooBar.baz,q", "empty": {}, "wrapped": "w", "wrapped64": "12", "wrappedBytes": "AQI=", "nothing": null });
    returns("t.Known", forms.clone(), forms);
    let any = json!({ "any": { "@type": "x/google.protobuf.Duration", "value": "2s" }, "value": { "k": "v" } });
    returns("t.Known", any.clone(), any);
    returns("t.Known", json!({ "wrapped": "", "any": {} }), json!({ "wrapped": "", "any": {} }));
}

#[test]
fn an_any_of_unknown_type_keeps_its_bytes() {
    let pool = pool();
    let mut any = DynamicMessage::new(pool.get_message_by_name("google.protobuf.Any").unwrap());
    any.set_field_by_number(1, prost_reflect::Value::String("x/no.Such".to_owned()));
    any.set_field_by_number(2, prost_reflect::Value::Bytes(vec![1, 2].into()));
    assert_eq!(to_json(&any, &[]), json!({ "@type": "x/no.Such", "value": "AQI=" }));
}

#[test]
fn what_does_not_fit_is_named_by_its_path() {
    for (name, given, texts) in [
        ("t.All", json!({ "int32": "x" }), &["int32: \"x\" is not a 32-bit integer"][..]),
        ("t.All", json!({ "int32": 1.5 }), &["int32: 1.5"]),
        ("t.All", json!({ "u32": -1 }), &["u32: -1 is not an unsigned"]),
        ("t.All", json!({ "inner": { "more": [{}, { "note": 3 }] } }), &["inner.more[1].note: 3 is not a string"]),
        ("t.All", json!({ "by_name": { "k": 5 } }), &["by_name[\"k\"]: 5 is not an object", "t.Inner"]),
        ("t.All", json!({ "byNumber": { "k": 1 } }), &["byNumber[\"k\"]", "not a key"]),
        ("t.All", json!({ "texts": "" }), &["t.All has no field \"texts\"", "did you mean \"text\"?"]),
        ("t.All", json!({ "inner": { "zzzzz": 1 } }), &["inner: message t.Inner has no field \"zzzzz\"", "note, more"]),
        ("t.All", json!({ "colour": "BLUE" }), &["colour: \"BLUE\" is not a value of enum t.Colour: NONE, RED"]),
        ("t.All", json!({ "left": "a", "right": 1 }), &["right", "`left` is given too", "`pick`"]),
        ("t.All", json!({ "numbers": 1 }), &["numbers: 1 is not an array"]),
        ("t.All", json!({ "numbers": [null] }), &["numbers[0]: null"]),
        ("t.All", json!({ "raw": "*" }), &["raw: \"*\" is not bytes"]),
        ("t.All", json!({ "small": 1e300 }), &["small: 1e+300"]),
        ("t.All", json!([]), &["an array is not an object", "t.All"]),
        ("t.Known", json!({ "at": "now" }), &["at: \"now\" is not a timestamp"]),
        ("t.Known", json!({ "lasting": 5 }), &["lasting: 5 is not a google.protobuf.Duration"]),
        ("t.Known", json!({ "any": { "note": 1 } }), &["any: an Any needs its type"]),
        ("t.Known", json!({ "any": { "@type": "x/no.Such" } }), &["no.Such", "none of the loaded files"]),
    ] {
        let error = decode(name, &given).unwrap_err();
        assert!(texts.iter().all(|text| error.contains(text)), "{given}: {error}");
    }
    let mut deep = json!({});
    for _ in 0..150 {
        deep = json!({ "more": [deep] });
    }
    assert!(decode("t.Inner", &deep).unwrap_err().contains("nested deeper"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("flag"),
        Just("int32"),
        Just("inner"),
        Just("inners"),
        Just("byName"),
        Just("raw"),
        Just("colour"),
        Just("text"),
        Just("at"),
        Just("lasting"),
        Just("data"),
        Just("value"),
        Just("any"),
        Just("@type"),
        Just("mask"),
        Just("wrapped"),
        Just("more")
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((names.clone(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_accepted_returns(value in any_json()) {
        for name in ["t.All", "t.Known"] {
            if let Ok(message) = decode(name, &value) {
                let shown = to_json(&message, &[]);
                let again = decode(name, &shown).map_err(|e| TestCaseError::fail(format!("{shown}: {e}")))?;
                prop_assert_eq!(to_json(&again, &[]), shown);
            }
        }
    }
}
