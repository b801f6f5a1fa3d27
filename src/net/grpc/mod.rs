//! gRPC as a client: descriptors, messages as JSON, calls over a dialled and stamped HTTP/2 connection. No JavaScript.
//!
//! `k6/net/grpc` calls it. The framing is ours on hyper's HTTP/2 client and not tonic's: a call is five bytes before each message
//! and two trailers, and our own connection keeps the stamps of the socket, the options of the run (`hosts`, `dns`, block lists)
//! and the byte counters. Descriptors come from .proto sources (protox, so no protoc), from a protoset, or by reflection, and
//! are shared by all VUs.

mod body;
mod call;
mod channel;
pub mod descriptors;
mod error_details;
mod frame;
pub mod health;
pub mod json_decode;
pub mod json_encode;
pub mod metadata;
mod preface;
mod reflection;
pub mod status;
mod streaming;
mod well_known;

pub use call::{CallParams, Outcome, unary};
pub use channel::{Channel, ConnectParams};
pub use descriptors::{Descriptors, Method, Registry};
pub use error_details::error_json;
pub use frame::framed;
pub use reflection::reflect;
pub use status::{Code, Status};
pub use streaming::{Event, Stream};

pub use super::tls_files::TlsFiles;
pub use prost_reflect::{DescriptorPool, DynamicMessage};
