//! Writes an answer as one JSON body, due when the last token of the plan is.

use std::time::Instant;

use super::plan::{HUGE_WORD, Plan};
use super::{ApiError, Envelope};
use crate::mock::fault::Fault;
use crate::mock::gate::Place;
use crate::mock::http_response::{Body, head};
use crate::mock::pacer::Outcome;
use crate::mock::route::Answer;
use crate::mock::scripted::{Piece, Scripted};
use crate::mock::truth_log::Record;

/// The answer, with the plan's fault worked into it.
pub(super) fn answer(envelope: &Envelope, mut plan: Plan, mut record: Record, place: Place) -> Answer {
    let fault = plan.fault;
    if let Some(Fault::ErrorEvent(_)) = fault {
        return Answer::now(ApiError::injected(500, "").into_response(), record);
    }
    let tokens = plan.total_tokens();
    let due = match fault {
        Some(Fault::Huge(_)) => plan.first_due,
        _ => plan.first_due + plan.gaps(tokens.saturating_sub(1)),
    };
    let mut body = body(envelope, &mut plan);
    if let Some(Fault::Garbage(_)) = fault {
        body.truncate(body.len() / 2);
    }
    record.status = 200;
    record.finish = Some(plan.finish);
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(envelope.headers.iter().cloned());
    let Envelope { request_id, keep_alive, http11, .. } = envelope;
    let mut bytes = head(200, &headers, request_id, *keep_alive, *http11, Body::Length(body.len()));
    let half = bytes.len() + body.len() / 2;
    bytes.extend_from_slice(&body);
    let piece = |due: Instant, bytes: Vec<u8>, tokens: u32| Piece { due, bytes, tokens };
    let (pieces, outcome) = match fault {
        Some(Fault::Cut(_)) | Some(Fault::Reset(_)) | Some(Fault::Stall(_, None)) => {
            bytes.truncate(half);
            record.finish = None;
            let outcome = match fault {
                Some(Fault::Cut(_)) => Some(Outcome::Close),
                Some(Fault::Reset(_)) => Some(Outcome::Reset),
                _ => None,
            };
            (vec![piece(due, bytes, 0)], outcome)
        }
        Some(Fault::Stall(_, Some(pause))) => {
            let rest = bytes.split_off(half);
            (vec![piece(due, bytes, 0), piece(due + pause, rest, tokens)], Some(Outcome::KeepAlive))
        }
        _ => (vec![piece(due, bytes, tokens)], Some(Outcome::KeepAlive)),
    };
    Answer::Paced(Scripted::boxed(pieces, outcome, record, place))
}

fn body(envelope: &Envelope, plan: &mut Plan) -> Vec<u8> {
    let Envelope { id, created, model, .. } = envelope;
    let mut out = format!(
        r#"{{"id":"{id}","object":"chat.completion","created":{created},"model":{model},"system_fingerprint":"fp_mock","choices":[{{"index":0,"message":{{"role":"assistant","#
    )
    .into_bytes();
    if plan.reasoning_tokens > 0 {
        out.extend_from_slice(br#""reasoning_content":""#);
        plan.reasoning.write(plan.reasoning_tokens as usize, &mut out);
        out.extend_from_slice(br#"","#);
    }
    if let Some(tool) = &plan.tool {
        let name = serde_json::Value::from(tool.as_str());
        out.extend_from_slice(
            format!(r#""content":null,"tool_calls":[{{"id":"call_{id}","type":"function","function":{{"name":{name},"arguments":""#)
                .as_bytes(),
        );
    } else {
        out.extend_from_slice(br#""content":""#);
    }
    if let Some(Fault::InvalidUtf8) = plan.fault {
        out.extend_from_slice(super::stream::INVALID_UTF8);
    }
    match plan.fault {
        Some(Fault::Huge(_)) => (0..plan.output_tokens).for_each(|_| out.extend_from_slice(HUGE_WORD)),
        _ => plan.output.write(plan.output_tokens as usize, &mut out),
    }
    if plan.tool.is_some() {
        out.extend_from_slice(br#""}}],"refusal":null},"logprobs":null,"finish_reason":"#);
        out.extend_from_slice(format!(r#""{}"}}]"#, plan.finish).as_bytes());
    } else {
        out.extend_from_slice(
            format!(r#"","refusal":null}},"logprobs":null,"finish_reason":"{}"}}]"#, plan.finish).as_bytes(),
        );
    }
    if envelope.usage {
        let usage = envelope.usage_json(u64::from(plan.output_tokens), u64::from(plan.reasoning_tokens));
        out.extend_from_slice(format!(r#","usage":{usage}"#).as_bytes());
    }
    out.push(b'}');
    out
}
