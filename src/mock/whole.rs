//! Writes an answer as one JSON body, due when the last token of the plan is.

use std::time::{Duration, Instant};

use super::fault::Fault;
use super::gate::Place;
use super::http_response::{Body, head};
use super::model_call::{Envelope, Speech};
use super::pacer::{Outcome, Source};
use super::plan::{HUGE_WORD, Plan};
use super::route::Answer;
use super::scripted::{Piece, Scripted};
use super::stream::INVALID_UTF8;
use super::truth_log::Record;

/// What a whole answer is made of. Text comes as it stands inside a JSON string, and may hold bytes that are not UTF-8.
pub(super) struct Texts<'a> {
    pub(super) reasoning: &'a [u8],
    pub(super) output: &'a [u8],
    /// From the arrival of the request to the first token.
    pub(super) ttft: Duration,
    /// From the arrival of the request to the last token.
    pub(super) elapsed: Duration,
}

/// The answer, with the plan's fault worked into it.
pub(super) fn answer(speech: &Speech, envelope: &Envelope, plan: Plan, record: Record, place: Place) -> Answer {
    Answer::Paced(source(speech, envelope, plan, record, place))
}

/// The same as what the pacer takes.
pub(super) fn source(
    speech: &Speech,
    envelope: &Envelope,
    mut plan: Plan,
    mut record: Record,
    place: Place,
) -> Box<dyn Source> {
    let fault = plan.fault;
    let tokens = plan.total_tokens().saturating_mul(envelope.choices);
    let due = plan.end_due();
    let (reasoning, output) = texts(&mut plan);
    let since = |at: Instant| at.saturating_duration_since(envelope.arrived);
    let texts = Texts { reasoning: &reasoning, output: &output, ttft: since(plan.first_due), elapsed: since(due) };
    let mut body = (speech.whole)(envelope, &plan, &texts);
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
    Scripted::boxed(pieces, outcome, record, place)
}

fn texts(plan: &mut Plan) -> (Vec<u8>, Vec<u8>) {
    let (mut reasoning, mut output) = (Vec::new(), Vec::new());
    plan.reasoning.write(plan.reasoning_tokens as usize, &mut reasoning);
    if let Some(Fault::InvalidUtf8) = plan.fault {
        output.extend_from_slice(INVALID_UTF8);
    }
    match plan.fault {
        Some(Fault::Huge(_)) => (0..plan.output_tokens).for_each(|_| output.extend_from_slice(HUGE_WORD)),
        _ => plan.output.write(plan.output_tokens as usize, &mut output),
    }
    (reasoning, output)
}

/// Joins parts of a body.
pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}
