//! A status as the object a script reads: code, message, details. Details are `Any`s; Google's standard ones are known here, so
//! that scripts need not load their .proto file.

use std::sync::OnceLock;

use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{DescriptorPool, DynamicMessage};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use serde_json::{Value, json};

use super::json_encode::to_json;
use super::status::Status;

/// The fields of `google/rpc/status.proto` and `google/rpc/error_details.proto`.
const SOURCE: &str = r#"
syntax = "proto3";
package google.rpc;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
message RetryInfo { google.protobuf.Duration retry_delay = 1; }
message DebugInfo { repeated string stack_entries = 1; string detail = 2; }
message QuotaFailure {
  message Violation {
    string subject = 1; string description = 2; string api_service = 3; string quota_metric = 4; string quota_id = 5;
    map<string, string> quota_dimensions = 6; int64 quota_value = 7; optional int64 future_quota_value = 8;
  }
  repeated Violation violations = 1;
}
message PreconditionFailure {
  message Violation { string type = 1; string subject = 2; string description = 3; }
  repeated Violation violations = 1;
}
message LocalizedMessage { string locale = 1; string message = 2; }
message BadRequest {
  message FieldViolation { string field = 1; string description = 2; string reason = 3; LocalizedMessage localized_message = 4; }
  repeated FieldViolation field_violations = 1;
}
message RequestInfo { string request_id = 1; string serving_data = 2; }
message ResourceInfo { string resource_type = 1; string resource_name = 2; string owner = 3; string description = 4; }
message Help {
  message Link { string description = 1; string url = 2; }
  repeated Link links = 1;
}
"#;

const NAME: &str = "google/rpc/error_details.proto";

struct Embedded;

impl FileResolver for Embedded {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == NAME { File::from_source(name, SOURCE) } else { Err(protox::Error::file_not_found(name)) }
    }
}

/// The types above; parsed on first use.
fn standard() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        let mut resolver = ChainFileResolver::new();
        resolver.add(Embedded);
        resolver.add(GoogleFileResolver::new());
        let mut compiler = protox::Compiler::with_file_resolver(resolver);
        compiler.include_imports(true);
        match compiler.open_file(NAME) {
            Ok(compiler) => compiler.descriptor_pool(),
            // The text above is tested.
            Err(_) => DescriptorPool::new(),
        }
    })
}

/// A file of the standard library, for servers whose reflection leaves it out.
pub(super) fn standard_file(name: &str) -> Option<FileDescriptorProto> {
    let file = GoogleFileResolver::new().open_file(name).ok()?;
    Some(file.file_descriptor_proto().clone())
}

/// `{code, message, details}` of a status that is no success. `types` are where the types of details are looked up.
pub fn error_json(status: &Status, types: &[DescriptorPool]) -> Value {
    let plain = || json!({ "code": status.code, "message": status.message, "details": [] });
    let Some(bytes) = &status.details else { return plain() };
    let Some(descriptor) = standard().get_message_by_name("google.rpc.Status") else { return plain() };
    let Ok(message) = DynamicMessage::decode(descriptor, bytes.clone()) else { return plain() };
    let value = to_json(&message, types);
    // Details that belong to another status say nothing of this one.
    if value["code"] == json!(status.code) { value } else { plain() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    #[test]
    fn standard_details_are_readable_without_loading_anything() {
        let value = json!({ "code": 3, "message": "bad", "details": [
            { "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations":
                [{ "field": "name", "description": "is empty", "reason": "", "localizedMessage": null }] },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.500s" } ] });
        let descriptor = standard().get_message_by_name("google.rpc.Status").unwrap();
        let message = super::super::json_decode::from_json(&value, &descriptor, &[]).unwrap();
        let details = Some(message.encode_to_vec().into());
        let status = Status { code: 3, message: "other".to_owned(), details };
        assert_eq!(error_json(&status, &[]), value);
        let other = Status { code: 5, ..status };
        assert_eq!(error_json(&other, &[]), json!({ "code": 5, "message": "other", "details": [] }));
        let broken = Status { details: Some(vec![0xff].into()), ..other };
        assert_eq!(error_json(&broken, &[])["code"], 5);
    }
}
