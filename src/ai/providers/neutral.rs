//! A request in neutral words, read once for all dialects: turns of parts, tools, choice of tool, format.
//!
//! Accepts our own forms (`{type: 'image', url}`, `toolCalls`, `{name, schema}`) and OpenAI's (`image_url`, `tool_calls`,
//! `json_schema`), so that a script keeps working when only `provider` changes. What it does not know is passed on as it is: it
//! may be the provider's own form.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::ai::request::ChatRequest;

/// One message.
#[derive(Debug, PartialEq)]
pub(super) struct Turn<'a> {
    /// `system`, `developer`, `user`, `assistant`, `tool`, ...
    pub(super) role: &'a str,
    /// What it says.
    pub(super) parts: Vec<Part<'a>>,
}

impl Turn<'_> {
    /// Instructions rather than conversation.
    pub(super) fn is_system(&self) -> bool {
        matches!(self.role, "system" | "developer")
    }
}

/// A part of a message.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Image(Media<'a>),
    Audio(Media<'a>),
    File(Media<'a>),
    /// A call the assistant made.
    ToolCall {
        id: &'a str,
        name: &'a str,
        /// JSON text.
        arguments: Cow<'a, str>,
    },
    /// What a tool answered.
    ToolResult {
        /// The call it answers.
        id: &'a str,
        /// The tool's name, where the script gave it.
        name: Option<&'a str>,
        text: Cow<'a, str>,
    },
    /// Another form, to be passed on as it is.
    Other(&'a Value),
}

/// An image, a sound or a file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Media<'a> {
    /// Where it is, when it is not sent along.
    pub(super) url: Option<&'a str>,
    /// Base64.
    pub(super) data: Option<&'a str>,
    /// Its type: stated, else the customary one of its kind.
    pub(super) media_type: Cow<'a, str>,
    /// The provider's id of an uploaded file.
    pub(super) file_id: Option<&'a str>,
    pub(super) filename: Option<&'a str>,
    /// How closely to look at an image.
    pub(super) detail: Option<&'a str>,
}

impl Media<'_> {
    /// As a URL: its own, or a `data:` URL.
    pub(super) fn as_url(&self) -> Option<String> {
        let of_data = || self.data.map(|data| format!("data:{};base64,{data}", self.media_type));
        self.url.map(str::to_owned).or_else(of_data)
    }

    /// The short name of its type: `png`, `mp3`, `pdf`.
    pub(super) fn format(&self) -> &str {
        match self.media_type.as_ref() {
            "audio/mpeg" => "mp3",
            "audio/x-wav" | "audio/wave" => "wav",
            other => other.rsplit('/').next().unwrap_or_default(),
        }
    }
}

/// A tool.
#[derive(Debug, PartialEq)]
pub(super) enum Tool<'a> {
    /// A function of the script's.
    Function {
        name: &'a str,
        description: Option<&'a str>,
        /// JSON schema of its arguments.
        parameters: Option<&'a Value>,
        strict: Option<bool>,
    },
    /// Another form, to be passed on as it is.
    Other(&'a Value),
}

impl Tool<'_> {
    /// In OpenAI's form with every field, as those who took it over insist.
    pub(super) fn in_full(&self) -> Value {
        match self {
            Self::Function { name, description, parameters, .. } => json!({
                "type": "function",
                "function": {
                    "name": name,
                    "description": description.unwrap_or_default(),
                    "parameters": schema_of(*parameters),
                }
            }),
            Self::Other(own) => (*own).clone(),
        }
    }
}

/// The schema of a function's arguments, also where the API wants one and the script gave none.
pub(super) fn schema_of(parameters: Option<&Value>) -> Value {
    parameters.cloned().unwrap_or_else(|| json!({ "type": "object", "properties": {} }))
}

/// Whether to call tools.
#[derive(Debug, PartialEq)]
pub(super) enum ToolChoice<'a> {
    Auto,
    None,
    Required,
    Named(&'a str),
    Other(&'a Value),
}

/// The form of the answer.
#[derive(Debug, PartialEq)]
pub(super) enum Format<'a> {
    Text,
    Json,
    Schema { name: &'a str, schema: &'a Value, strict: Option<bool> },
    Other(&'a Value),
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// The messages of a request.
pub(super) fn turns(request: &ChatRequest) -> Vec<Turn<'_>> {
    request.messages.iter().map(turn).collect()
}

/// The instructions of a request, joined; None without any.
pub(super) fn system_text(turns: &[Turn<'_>]) -> Option<String> {
    let texts = turns.iter().filter(|t| t.is_system()).flat_map(|t| &t.parts);
    let texts: Vec<&str> = texts.filter_map(|p| if let Part::Text(text) = p { Some(*text) } else { None }).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

fn turn(message: &Value) -> Turn<'_> {
    let role = text(message, "role").unwrap_or("user");
    let content = message.get("content");
    if role == "tool" {
        let id = text(message, "toolCallId").or_else(|| text(message, "tool_call_id")).unwrap_or_default();
        let result = Part::ToolResult { id, name: text(message, "name"), text: plain(content) };
        return Turn { role, parts: vec![result] };
    }
    let mut parts = match content {
        Some(Value::String(text)) => vec![Part::Text(text)],
        Some(Value::Array(parts)) => parts.iter().map(part).collect(),
        _ => Vec::new(),
    };
    let calls = message.get("toolCalls").or_else(|| message.get("tool_calls")).and_then(Value::as_array);
    parts.extend(calls.into_iter().flatten().map(tool_call));
    Turn { role, parts }
}

/// Content as one text.
fn plain(content: Option<&Value>) -> Cow<'_, str> {
    match content {
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(Value::Array(parts)) if parts.iter().all(|p| text(p, "text").is_some()) => {
            Cow::Owned(parts.iter().filter_map(|p| text(p, "text")).collect())
        }
        None | Some(Value::Null) => Cow::Borrowed(""),
        Some(other) => Cow::Owned(other.to_string()),
    }
}

fn tool_call(call: &Value) -> Part<'_> {
    let inner = call.get("function").unwrap_or(call);
    Part::ToolCall {
        id: text(call, "id").unwrap_or_default(),
        name: text(inner, "name").unwrap_or_default(),
        arguments: match inner.get("arguments") {
            Some(Value::String(json)) => Cow::Borrowed(json),
            None | Some(Value::Null) => Cow::Borrowed("{}"),
            Some(object) => Cow::Owned(object.to_string()),
        },
    }
}

/// One part of a message.
pub(super) fn part(part: &Value) -> Part<'_> {
    let nested = |name: &str| part.get(name).filter(|v| v.is_object());
    match text(part, "type") {
        Some("text") => text(part, "text").map_or(Part::Other(part), Part::Text),
        Some("image") if text(part, "url").is_some() || text(part, "data").is_some() => {
            Part::Image(media(part, text(part, "url"), "image/png"))
        }
        Some("image_url") => match nested("image_url") {
            Some(image) => Part::Image(media(image, text(image, "url"), "image/png")),
            None => Part::Image(media(part, text(part, "image_url"), "image/png")),
        },
        Some("audio") if text(part, "data").is_some() => Part::Audio(media(part, None, "audio/wav")),
        Some("input_audio") if nested("input_audio").is_some() => {
            Part::Audio(media(part.get("input_audio").unwrap_or(part), None, "audio/wav"))
        }
        Some("file") => {
            let file = nested("file").unwrap_or(part);
            Part::File(media(file, text(file, "url").or_else(|| text(file, "file_data")), "application/pdf"))
        }
        _ => Part::Other(part),
    }
}

fn media<'a>(value: &'a Value, url: Option<&'a str>, customary: &'static str) -> Media<'a> {
    let first = |names: &[&str]| names.iter().find_map(|name| text(value, name));
    let mut media = Media {
        url,
        data: first(&["data"]),
        media_type: Cow::Borrowed(first(&["mediaType", "media_type"]).unwrap_or(customary)),
        file_id: first(&["fileId", "file_id"]),
        filename: first(&["filename"]),
        detail: first(&["detail"]),
    };
    if let Some(format) = first(&["format"]) {
        media.media_type = match format {
            "mp3" => Cow::Borrowed("audio/mpeg"),
            other => Cow::Owned(format!("audio/{other}")),
        };
    }
    if let Some((kind, data)) = media.url.and_then(|u| u.strip_prefix("data:")).and_then(|u| u.split_once(";base64,")) {
        media.url = None;
        media.data = Some(data);
        media.media_type = Cow::Borrowed(kind);
    }
    media
}

/// The tools of a request.
pub(super) fn tools(request: &ChatRequest) -> Vec<Tool<'_>> {
    request.tools.iter().map(tool).collect()
}

fn tool(tool: &Value) -> Tool<'_> {
    let function = match text(tool, "type") {
        None => tool,
        Some("function") => tool.get("function").unwrap_or(tool),
        Some(_) => return Tool::Other(tool),
    };
    match text(function, "name") {
        Some(name) => Tool::Function {
            name,
            description: text(function, "description"),
            parameters: function.get("parameters"),
            strict: function.get("strict").and_then(Value::as_bool),
        },
        None => Tool::Other(tool),
    }
}

/// The choice of tool, if the request makes one.
pub(super) fn tool_choice(request: &ChatRequest) -> Option<ToolChoice<'_>> {
    let choice = request.tool_choice.as_ref()?;
    Some(match choice.as_str() {
        Some("auto") => ToolChoice::Auto,
        Some("none") => ToolChoice::None,
        Some("required" | "any") => ToolChoice::Required,
        Some(_) => ToolChoice::Other(choice),
        None => {
            let named = choice.get("function").and_then(|f| text(f, "name"));
            let own = || text(choice, "name").filter(|_| choice.get("type").is_none());
            named.or_else(own).map_or(ToolChoice::Other(choice), ToolChoice::Named)
        }
    })
}

/// The form of the answer, if the request asks for one.
pub(super) fn format(request: &ChatRequest) -> Option<Format<'_>> {
    let format = request.response_format.as_ref()?;
    Some(match (format, text(format, "type")) {
        (Value::String(name), _) if name == "json" || name == "json_object" => Format::Json,
        (Value::String(name), _) if name == "text" => Format::Text,
        (_, Some("json_object")) => Format::Json,
        (_, Some("text")) => Format::Text,
        (_, Some("json_schema")) => match format.get("json_schema") {
            Some(inner) if inner.get("schema").is_some() => schema(inner),
            _ => Format::Other(format),
        },
        (_, Some("grammar" | "structural_tag" | "regex")) => Format::Other(format),
        (Value::Object(map), None) if map.get("schema").is_some_and(Value::is_object) => schema(format),
        // A bare JSON schema.
        (Value::Object(_), _) => Format::Schema { name: "response", schema: format, strict: Some(true) },
        _ => Format::Other(format),
    })
}

fn schema(wrapper: &Value) -> Format<'_> {
    Format::Schema {
        name: text(wrapper, "name").unwrap_or("response"),
        schema: wrapper.get("schema").unwrap_or(&Value::Null),
        strict: wrapper.get("strict").and_then(Value::as_bool),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(value: Value) -> ChatRequest {
        ChatRequest::from_json(&value).unwrap()
    }

    #[test]
    fn our_forms_and_openai_s_mean_the_same() {
        let ours = request(json!({"system": "s", "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image", "data": "QQ==", "mediaType": "image/jpeg"},
                {"type": "audio", "data": "QQ==", "format": "mp3"}]},
            {"role": "assistant", "content": null, "toolCalls": [{"id": "1", "name": "f", "arguments": {"a": 1}}]},
            {"role": "tool", "toolCallId": "1", "content": "r"}]}));
        let theirs = request(json!({"messages": [{"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,QQ=="}},
                {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}}]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "r"}]}]}));
        assert_eq!(turns(&ours), turns(&theirs));
        assert_eq!(system_text(&turns(&ours)).as_deref(), Some("s"));
        let turns = turns(&ours);
        let Part::Audio(audio) = &turns[1].parts[2] else { panic!("{turns:?}") };
        assert_eq!((audio.format(), audio.media_type.as_ref()), ("mp3", "audio/mpeg"));
        let Part::Image(image) = &turns[1].parts[1] else { panic!("{turns:?}") };
        assert_eq!(image.as_url().as_deref(), Some("data:image/jpeg;base64,QQ=="));
    }

    #[test]
    fn unknown_parts_pass() {
        let r = request(json!({"messages": [{"role": "user", "content": [{"type": "guard", "x": 1}]}]}));
        assert_eq!(turns(&r)[0].parts, [Part::Other(&json!({"type": "guard", "x": 1}))]);
    }

    #[test]
    fn tools_choices_and_formats() {
        let r = request(json!({"prompt": "x", "tools": [{"name": "f", "parameters": {}}, {"type": "web_search"}],
            "toolChoice": {"name": "f"}, "responseFormat": {"type": "object"}}));
        assert!(matches!(tools(&r)[..], [Tool::Function { name: "f", .. }, Tool::Other(_)]));
        assert_eq!(tool_choice(&r), Some(ToolChoice::Named("f")));
        assert!(matches!(format(&r), Some(Format::Schema { name: "response", .. })));
        let f = |value: Value| request(json!({"prompt": "x", "responseFormat": value}));
        assert_eq!(format(&f(json!("json"))), Some(Format::Json));
        assert_eq!(format(&f(json!({"type": "json_object"}))), Some(Format::Json));
        let wrapped = f(json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": false}}));
        assert_eq!(format(&wrapped), Some(Format::Schema { name: "n", schema: &json!({}), strict: Some(false) }));
        let choice = |value: Value| request(json!({"prompt": "x", "toolChoice": value}));
        assert_eq!(tool_choice(&choice(json!("required"))), Some(ToolChoice::Required));
        assert!(matches!(tool_choice(&choice(json!({"type": "web_search"}))), Some(ToolChoice::Other(_))));
    }
}
