//! The standard health service (`grpc.health.v1.Health/Check`): its two messages have one field each.

use prost::Message;

use super::call::{CallParams, Outcome, unary};
use super::channel::Channel;
use super::frame::framed_bytes;
use super::status::{Code, Status};

/// The method that is called.
pub const CHECK: &str = "/grpc.health.v1.Health/Check";

/// The serving statuses by name.
pub const STATUSES: [(&str, i32); 4] = [("Unknown", 0), ("Serving", 1), ("NotServing", 2), ("ServiceUnknown", 3)];

#[derive(Clone, PartialEq, Message)]
struct CheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct CheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// Asks how a service is; an empty name is the whole server. Gives the serving status when the call succeeded.
pub async fn check(channel: &Channel, service: &str, params: &CallParams) -> (Outcome, Option<i32>) {
    let request = CheckRequest { service: service.to_owned() }.encode_to_vec();
    let mut outcome = unary(channel, CHECK, framed_bytes(&request), params).await;
    let answer = match (&outcome.message, outcome.status.is_ok()) {
        (Some(bytes), true) => match CheckResponse::decode(bytes.clone()) {
            Ok(response) => Some(response.status),
            Err(error) => {
                outcome.status = Status::new(Code::Internal, format!("the answer of {CHECK} is malformed: {error}"));
                None
            }
        },
        _ => None,
    };
    (outcome, answer)
}
