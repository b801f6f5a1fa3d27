//! The columns of request records, in order: name, type and where each comes from. docs/outputs.md describes them.

use crate::metrics::Builtin;

/// Where a column comes from; it decides its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    /// `model`, `http` or `grpc`. Text.
    Kind,
    /// How it ended. Text.
    Outcome,
    /// Where token counts come from. Text.
    CountedBy,
    /// A tag. Text.
    Tag(&'static str),
    /// All tags without a column of their own. A JSON object in text.
    OtherTags,
    /// When it began. Time.
    Start,
    /// When it ended. Time.
    End,
    /// A tag that is a whole number.
    TagCount(&'static str),
    /// A pair of the metadata that is a whole number.
    Metadata(&'static str),
    /// A sample that is a whole number.
    Count(Builtin),
    /// A tag that is `true` or `false`.
    TagFlag(&'static str),
    /// A sample that is 0 or 1.
    Flag(Builtin),
    /// A sample.
    Number(Builtin),
    /// Times of arrival of output, in milliseconds since the start. A list of numbers.
    ArrivalTimes,
    /// Tokens that arrived at these times. A list of numbers.
    ArrivalTokens,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Text.
    Text,
    /// Unix nanoseconds.
    Time,
    /// A whole number.
    Count,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// A list of numbers.
    Numbers,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    /// Its name, with the unit where there is one.
    pub(super) name: &'static str,
    /// Where it comes from.
    pub(super) source: Source,
}

impl Column {
    /// What it holds.
    pub(super) fn holds(&self) -> Type {
        match self.source {
            Source::Kind | Source::Outcome | Source::CountedBy | Source::Tag(_) | Source::OtherTags => Type::Text,
            Source::Start | Source::End => Type::Time,
            Source::TagCount(_) | Source::Metadata(_) | Source::Count(_) => Type::Count,
            Source::TagFlag(_) | Source::Flag(_) => Type::Flag,
            Source::Number(_) => Type::Number,
            Source::ArrivalTimes | Source::ArrivalTokens => Type::Numbers,
        }
    }
}

const fn column(name: &'static str, source: Source) -> Column {
    Column { name, source }
}

/// All columns. New ones come at the end of their block; readers go by name.
pub(super) const COLUMNS: &[Column] = &[
    column("kind", Source::Kind),
    column("start", Source::Start),
    column("end", Source::End),
    column("outcome", Source::Outcome),
    column("scenario", Source::Tag("scenario")),
    column("group", Source::Tag("group")),
    column("request_type", Source::Tag("request_type")),
    column("name", Source::Tag("name")),
    column("vu", Source::Metadata("vu")),
    column("iter", Source::Metadata("iter")),
    column("provider", Source::Tag("provider")),
    column("model", Source::Tag("model")),
    column("target", Source::Tag("target")),
    column("attempt", Source::TagCount("attempt")),
    column("turn", Source::TagCount("turn")),
    column("method", Source::Tag("method")),
    column("url", Source::Tag("url")),
    column("status", Source::TagCount("status")),
    column("error_kind", Source::Tag("error_kind")),
    column("error_code", Source::Tag("error_code")),
    column("error", Source::Tag("error")),
    column("finish_reason", Source::Tag("finish_reason")),
    column("stream", Source::TagFlag("stream")),
    column("input_tokens", Source::Count(Builtin::AiInputTokens)),
    column("output_tokens", Source::Count(Builtin::AiOutputTokens)),
    column("reasoning_tokens", Source::Count(Builtin::AiReasoningTokens)),
    column("cached_tokens", Source::Count(Builtin::AiCachedTokens)),
    column("token_source", Source::CountedBy),
    column("cost_usd", Source::Number(Builtin::AiCost)),
    column("energy_joules", Source::Number(Builtin::AiEnergy)),
    column("connect_ms", Source::Number(Builtin::AiConnect)),
    column("ttft_ms", Source::Number(Builtin::AiTtft)),
    column("ttfo_ms", Source::Number(Builtin::AiTtfo)),
    column("tpot_ms", Source::Number(Builtin::AiTpot)),
    column("stream_duration_ms", Source::Number(Builtin::AiStreamDuration)),
    column("e2e_ms", Source::Number(Builtin::AiE2e)),
    column("tokens_per_second", Source::Number(Builtin::AiStreamTokensPerSecond)),
    column("max_gap_ms", Source::Number(Builtin::AiMaxGap)),
    column("stalls", Source::Count(Builtin::AiStall)),
    column("schedule_delay_ms", Source::Number(Builtin::AiScheduleDelay)),
    column("ttft_intended_ms", Source::Number(Builtin::AiTtftIntended)),
    column("e2e_intended_ms", Source::Number(Builtin::AiE2eIntended)),
    column("ttft_total_ms", Source::Number(Builtin::AiTtftTotal)),
    column("e2e_total_ms", Source::Number(Builtin::AiE2eTotal)),
    column("slo_met", Source::Flag(Builtin::AiSloMet)),
    column("valid", Source::Flag(Builtin::AiValid)),
    column("refused", Source::Flag(Builtin::AiRefused)),
    column("empty", Source::Flag(Builtin::AiEmpty)),
    column("tool_calls", Source::Count(Builtin::AiToolCalls)),
    column("http_duration_ms", Source::Number(Builtin::HttpReqDuration)),
    column("http_blocked_ms", Source::Number(Builtin::HttpReqBlocked)),
    column("http_connecting_ms", Source::Number(Builtin::HttpReqConnecting)),
    column("http_tls_handshaking_ms", Source::Number(Builtin::HttpReqTlsHandshaking)),
    column("http_sending_ms", Source::Number(Builtin::HttpReqSending)),
    column("http_waiting_ms", Source::Number(Builtin::HttpReqWaiting)),
    column("http_receiving_ms", Source::Number(Builtin::HttpReqReceiving)),
    column("grpc_duration_ms", Source::Number(Builtin::GrpcReqDuration)),
    column("arrivals_ms", Source::ArrivalTimes),
    column("arrivals_tokens", Source::ArrivalTokens),
    column("tags", Source::OtherTags),
];

/// Whether a tag has a column of its own.
pub(super) fn has_column(tag: &str) -> bool {
    COLUMNS
        .iter()
        .any(|column| matches!(column.source, Source::Tag(t) | Source::TagCount(t) | Source::TagFlag(t) if t == tag))
}
