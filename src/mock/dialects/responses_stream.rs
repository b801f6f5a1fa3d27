//! Streams of OpenAI's Responses API: named, numbered events that open and close every item and its parts, and tell the whole
//! text once more at the end.

use super::openai_responses::Pieces;
use crate::mock::model_call::Envelope;
use crate::mock::plan::Plan;
use crate::mock::stream::{Part, Sink, Writer};

/// See the module.
pub(super) struct ResponseWriter {
    pieces: Pieces,
    /// Number of the next event.
    number: u64,
    /// Items that are over.
    items: Vec<Vec<u8>>,
    open: Option<Part>,
    reasoning: String,
    output: String,
    no_reasoning: bool,
}

impl ResponseWriter {
    pub(super) fn new(envelope: &Envelope, plan: &Plan) -> Self {
        Self {
            pieces: Pieces::new(envelope, plan),
            number: 0,
            items: Vec::new(),
            open: None,
            reasoning: plan.reasoning_text(),
            output: plan.output_text(),
            no_reasoning: plan.reasoning_tokens == 0,
        }
    }

    /// Sends an event with more fields after its number.
    fn event(&mut self, name: &str, rest: &[&[u8]], sink: &mut Sink<'_>) {
        let head = self.head(name);
        let rest = rest.concat();
        sink.send(&[head.as_bytes(), &rest, b"}\n\n"]);
        self.number += 1;
    }

    fn head(&self, name: &str) -> String {
        format!("event: {name}\ndata: {{\"type\":\"{name}\",\"sequence_number\":{}", self.number)
    }

    /// `,"item_id":...` and where the part is.
    fn place(&self, part: Part) -> String {
        let index = self.items.len();
        match part {
            Part::Reasoning => {
                format!(r#","item_id":"{}","output_index":{index},"summary_index":0"#, self.pieces.reasoning_id)
            }
            Part::Output if self.pieces.tool.is_some() => {
                format!(r#","item_id":"{}","output_index":{index}"#, self.pieces.item_id)
            }
            Part::Output => format!(r#","item_id":"{}","output_index":{index},"content_index":0"#, self.pieces.item_id),
        }
    }

    /// The names of the events of a part: added, delta, done.
    fn names(&self, part: Part) -> (Option<&'static str>, &'static str, &'static str) {
        match part {
            Part::Reasoning => (
                Some("response.reasoning_summary_part"),
                "response.reasoning_summary_text.delta",
                "response.reasoning_summary_text.done",
            ),
            Part::Output if self.pieces.tool.is_some() => {
                (None, "response.function_call_arguments.delta", "response.function_call_arguments.done")
            }
            Part::Output => (Some("response.content_part"), "response.output_text.delta", "response.output_text.done"),
        }
    }

    /// What events of text have, and others have not.
    fn end_of_text(&self, part: Part) -> &'static str {
        if part == Part::Output && self.pieces.tool.is_none() { r#","logprobs":[]"# } else { "" }
    }

    fn begin(&mut self, part: Part, sink: &mut Sink<'_>) {
        if self.open == Some(part) {
            return;
        }
        self.end_open(sink);
        let item = match part {
            Part::Reasoning => format!(r#"{{"id":"{}","type":"reasoning","summary":[]}}"#, self.pieces.reasoning_id),
            Part::Output if self.pieces.tool.is_some() => {
                String::from_utf8_lossy(&self.pieces.item(b"", "in_progress")).into_owned()
            }
            Part::Output => format!(
                r#"{{"id":"{}","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
                self.pieces.item_id
            ),
        };
        let added = format!(r#","output_index":{},"item":{item}"#, self.items.len());
        self.event("response.output_item.added", &[added.as_bytes()], sink);
        if let (Some(name), ..) = self.names(part) {
            let added = self.place(part) + &part_json(part, "");
            self.event(&format!("{name}.added"), &[added.as_bytes()], sink);
        }
        self.open = Some(part);
    }

    fn end_open(&mut self, sink: &mut Sink<'_>) {
        let Some(part) = self.open.take() else { return };
        let (container, _, done) = self.names(part);
        let place = self.place(part);
        let text = match part {
            Part::Reasoning => std::mem::take(&mut self.reasoning),
            Part::Output => std::mem::take(&mut self.output),
        };
        let field = if part == Part::Output && self.pieces.tool.is_some() { "arguments" } else { "text" };
        let more = match self.pieces.tool.as_ref().filter(|_| part == Part::Output) {
            Some(name) => format!(r#","name":{name}"#),
            None => self.end_of_text(part).to_owned(),
        };
        self.event(done, &[format!(r#"{place},"{field}":"{text}"{more}"#).as_bytes()], sink);
        if let Some(name) = container {
            let ended = place + &part_json(part, &text);
            self.event(&format!("{name}.done"), &[ended.as_bytes()], sink);
        }
        let item = match part {
            Part::Reasoning => self.pieces.reasoning_item(text.as_bytes()),
            Part::Output => self.pieces.item(text.as_bytes(), self.pieces.item_status()),
        };
        let index = format!(r#","output_index":{},"item":"#, self.items.len());
        self.event("response.output_item.done", &[index.as_bytes(), &item], sink);
        self.items.push(item);
    }
}

fn part_json(part: Part, text: &str) -> String {
    match part {
        Part::Reasoning => format!(r#","part":{{"type":"summary_text","text":"{text}"}}"#),
        Part::Output => format!(r#","part":{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#),
    }
}

impl Writer for ResponseWriter {
    fn content_type(&self) -> &'static str {
        super::SSE
    }

    fn open(&mut self, sink: &mut Sink<'_>) {
        let begun = format!(r#","response":{}"#, self.pieces.begun());
        self.event("response.created", &[begun.as_bytes()], sink);
        self.event("response.in_progress", &[begun.as_bytes()], sink);
    }

    fn tokens(&mut self, part: Part, text: &[u8], _: u32, sink: &mut Sink<'_>) {
        self.begin(part, sink);
        let (_, delta, _) = self.names(part);
        let place = self.place(part);
        let more = self.end_of_text(part);
        self.event(delta, &[place.as_bytes(), br#","delta":""#, text, b"\"", more.as_bytes()], sink);
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        if self.no_reasoning {
            // An answer without a token is an empty message.
            self.begin_unless_over(sink);
        }
        self.end_open(sink);
        let (before, after) = self.pieces.ended();
        let items = self.items.join(&b","[..]);
        let last = self.pieces.last_event();
        self.event(last, &[br#","response":"#, before.as_bytes(), &items, after.as_bytes()], sink);
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\": <html>\x01\n\n"]);
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        let error =
            br#","code":"server_error","message":"The server had an error (injected by the mock)","param":null"#;
        self.event("error", &[error], sink);
    }

    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        None
    }
}

impl ResponseWriter {
    fn begin_unless_over(&mut self, sink: &mut Sink<'_>) {
        if self.open.is_none() && self.items.is_empty() {
            self.begin(Part::Output, sink);
        }
    }
}
