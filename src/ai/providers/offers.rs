//! What can be asked of a provider. What it does not offer is refused before anything is sent, with a reason, instead of with
//! one error per request from the server.

use crate::ai::request::ChatRequest;

/// Capabilities of one API. They say what the API has a place for, not what every model behind it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Offers {
    pub stream: bool,
    pub complete: bool,
    pub tools: bool,
    pub images: bool,
    pub audio: bool,
    pub files: bool,
    pub json_schema: bool,
    pub reasoning: bool,
}

impl Offers {
    /// Everything.
    pub const ALL: Self = Self {
        stream: true,
        complete: true,
        tools: true,
        images: true,
        audio: true,
        files: true,
        json_schema: true,
        reasoning: true,
    };

    /// Text in, text out.
    pub const TEXT: Self = Self {
        stream: true,
        complete: true,
        tools: false,
        images: false,
        audio: false,
        files: false,
        json_schema: false,
        reasoning: false,
    };

    /// Embeddings or ranking only: neither chat nor completions.
    pub const NO_CHAT: Self = Self { stream: false, complete: false, ..Self::TEXT };

    /// What of a request it does not offer.
    pub(in crate::ai) fn problems(&self, provider: &str, request: &ChatRequest, stream: bool) -> Vec<String> {
        let part = |names: &[&str]| {
            let parts = request.messages.iter().filter_map(|m| m.get("content")?.as_array()).flatten();
            let mut types = parts.filter_map(|p| p.get("type")?.as_str());
            types.any(|t| names.contains(&t))
        };
        let asks = [
            (self.stream || !stream, "stream()", "streams no answers; use complete()"),
            (self.complete || stream, "complete()", "only streams; use stream()"),
            (
                self.tools || (request.tools.is_empty() && request.tool_choice.is_none()),
                "request.tools",
                "has no tools",
            ),
            (self.images || !part(&["image", "image_url", "input_image"]), "request.messages", "takes no images"),
            (self.audio || !part(&["audio", "input_audio"]), "request.messages", "takes no audio"),
            (self.files || !part(&["file", "input_file", "document"]), "request.messages", "takes no files"),
            (self.json_schema || request.response_format.is_none(), "request.responseFormat", "has no such choice"),
            (self.reasoning || request.reasoning.is_none(), "request.reasoning", "has no such choice"),
        ];
        asks.iter()
            .filter(|(fine, ..)| !fine)
            .map(|(_, what, why)| format!("{what}: the API of provider '{provider}' {why}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_offered_is_said() {
        let request = ChatRequest::from_json(&json!({
            "messages": [{"role": "user", "content": [{"type": "image", "url": "u"}, {"type": "audio", "data": ""}]}],
            "tools": [{"name": "f"}], "responseFormat": "json", "reasoning": {"effort": "low"}}))
        .unwrap();
        assert!(Offers::ALL.problems("p", &request, true).is_empty());
        let all = Offers::TEXT.problems("p", &request, true).join("\n");
        assert_eq!(all.lines().count(), 5, "{all}");
        assert!(all.contains("request.messages: the API of provider 'p' takes no images"), "{all}");
        let plain = ChatRequest::from_json(&json!("hi")).unwrap();
        assert_eq!(Offers::NO_CHAT.problems("p", &plain, true).len(), 1);
        assert_eq!(Offers { complete: false, ..Offers::ALL }.problems("p", &plain, false).len(), 1);
    }
}
