//! An answer of the serving model that is not streamed: waits for its last token, then is written as one body.
//!
//! A body may tell times (Ollama's does), so it is not made before they are known.

use std::time::Instant;

use super::ticket::Asked;
use crate::mock::gate::Place;
use crate::mock::model_call::{Envelope, Speech};
use crate::mock::pacer::{Ending, Next, Source};
use crate::mock::plan::Plan;
use crate::mock::truth_log::Record;
use crate::mock::whole;

struct Parts {
    speech: &'static Speech,
    envelope: Envelope,
    plan: Plan,
    record: Record,
    place: Place,
}

enum Stage {
    Waiting(Box<Parts>),
    Made(Box<dyn Source>),
    Over,
}

/// See the module.
pub(in crate::mock) struct LateWhole {
    stage: Stage,
    ask_at: Instant,
}

impl LateWhole {
    pub(in crate::mock) fn boxed(
        speech: &'static Speech,
        envelope: Envelope,
        plan: Plan,
        record: Record,
        place: Place,
    ) -> Box<dyn Source> {
        let ask_at = plan.head_due;
        let mut late =
            Self { stage: Stage::Waiting(Box::new(Parts { speech, envelope, plan, record, place })), ask_at };
        late.ask();
        Box::new(late)
    }

    fn ask(&mut self) {
        let Stage::Waiting(parts) = &mut self.stage else { return };
        let last = parts.plan.served_tokens() - 1;
        let Some(ticket) = &mut parts.plan.served else { return };
        let (first, last) = (ticket.ask(0), ticket.ask(last));
        match (first, last) {
            (Asked::Due(first), Asked::Due(last)) => {
                let account = ticket.account();
                let Stage::Waiting(parts) = std::mem::replace(&mut self.stage, Stage::Over) else { return };
                let Parts { speech, envelope, mut plan, mut record, place } = *parts;
                record.served = Some(account);
                plan.served_from(first, last);
                self.stage = Stage::Made(whole::source(speech, &envelope, plan, record, place));
            }
            (_, Asked::Later(again)) | (Asked::Later(again), _) => self.ask_at = again,
        }
    }
}

impl Source for LateWhole {
    fn next(&self) -> Next {
        match &self.stage {
            Stage::Made(source) => source.next(),
            Stage::Waiting(_) => Next::At(self.ask_at),
            Stage::Over => Next::End(crate::mock::pacer::Outcome::Close),
        }
    }

    fn emit(&mut self, out: &mut Vec<u8>) {
        match &mut self.stage {
            Stage::Made(source) => source.emit(out),
            _ => self.ask(),
        }
    }

    fn written(&mut self, before: Instant, after: Instant, late_ns: &mut Vec<u64>) -> u64 {
        match &mut self.stage {
            Stage::Made(source) => source.written(before, after, late_ns),
            _ => 0,
        }
    }

    fn finish(self: Box<Self>, ending: Ending) {
        match self.stage {
            Stage::Made(source) => source.finish(ending),
            Stage::Waiting(parts) => {
                let Parts { plan, mut record, .. } = *parts;
                record.served = plan.served.as_ref().map(super::ticket::Ticket::account);
                record.submit(ending);
            }
            Stage::Over => {}
        }
    }
}
