//! The metrics inrush itself emits. k6's names and types verbatim; ours start with `ai_` (formulas in docs/metrics.md).

use super::metric::{MetricId, MetricKind, ValueKind};

macro_rules! builtins {
    ($($variant:ident => $name:literal, $kind:ident, $contains:ident;)*) => {
        /// A built-in metric. Its discriminant is its id in every [`super::Registry`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        #[repr(u32)]
        pub enum Builtin { $($variant),* }

        impl Builtin {
            /// All built-ins in id order.
            pub const ALL: &'static [Builtin] = &[$(Builtin::$variant),*];

            /// The metric's name.
            pub fn name(self) -> &'static str {
                match self { $(Builtin::$variant => $name),* }
            }

            /// The metric's type.
            pub fn kind(self) -> MetricKind {
                match self { $(Builtin::$variant => MetricKind::$kind),* }
            }

            /// The kind of its values.
            pub fn contains(self) -> ValueKind {
                match self { $(Builtin::$variant => ValueKind::$contains),* }
            }
        }
    };
}

builtins! {
    Vus => "vus", Gauge, Default;
    VusMax => "vus_max", Gauge, Default;
    Iterations => "iterations", Counter, Default;
    IterationDuration => "iteration_duration", Trend, Time;
    DroppedIterations => "dropped_iterations", Counter, Default;
    // Ours: actual start - intended start of an iteration (arrival-rate executors).
    IterationStartDelay => "iteration_start_delay", Trend, Time;
    Checks => "checks", Rate, Default;
    GroupDuration => "group_duration", Trend, Time;
    DataSent => "data_sent", Counter, Data;
    DataReceived => "data_received", Counter, Data;
    HttpReqs => "http_reqs", Counter, Default;
    HttpReqFailed => "http_req_failed", Rate, Default;
    HttpReqDuration => "http_req_duration", Trend, Time;
    HttpReqBlocked => "http_req_blocked", Trend, Time;
    HttpReqConnecting => "http_req_connecting", Trend, Time;
    HttpReqTlsHandshaking => "http_req_tls_handshaking", Trend, Time;
    HttpReqSending => "http_req_sending", Trend, Time;
    HttpReqWaiting => "http_req_waiting", Trend, Time;
    HttpReqReceiving => "http_req_receiving", Trend, Time;
    SseEvent => "sse_event", Counter, Default;
    // Ours: request start to the first event, and event to event.
    SseTtfe => "sse_ttfe", Trend, Time;
    SseInterEvent => "sse_inter_event", Trend, Time;
    WsSessions => "ws_sessions", Counter, Default;
    WsConnecting => "ws_connecting", Trend, Time;
    WsMsgsSent => "ws_msgs_sent", Counter, Default;
    WsMsgsReceived => "ws_msgs_received", Counter, Default;
    WsPing => "ws_ping", Trend, Time;
    WsSessionDuration => "ws_session_duration", Trend, Time;
    GrpcReqDuration => "grpc_req_duration", Trend, Time;
    GrpcStreams => "grpc_streams", Counter, Default;
    GrpcStreamsMsgsSent => "grpc_streams_msgs_sent", Counter, Default;
    GrpcStreamsMsgsReceived => "grpc_streams_msgs_received", Counter, Default;
    AiRequests => "ai_requests", Counter, Default;
    AiReqFailed => "ai_req_failed", Rate, Default;
    AiErrors => "ai_errors", Counter, Default;
    AiConnect => "ai_connect", Trend, Time;
    AiTtft => "ai_ttft", Trend, Time;
    AiTtfo => "ai_ttfo", Trend, Time;
    AiTtftIntended => "ai_ttft_intended", Trend, Time;
    AiIcl => "ai_icl", Trend, Time;
    AiItl => "ai_itl", Trend, Time;
    AiTpot => "ai_tpot", Trend, Time;
    AiStreamDuration => "ai_stream_duration", Trend, Time;
    AiE2e => "ai_e2e", Trend, Time;
    AiE2eIntended => "ai_e2e_intended", Trend, Time;
    AiScheduleDelay => "ai_schedule_delay", Trend, Time;
    AiStreamTokensPerSecond => "ai_stream_tokens_per_second", Trend, Default;
    AiStall => "ai_stall", Counter, Default;
    AiMaxGap => "ai_max_gap", Trend, Time;
    AiCoalescedEvents => "ai_coalesced_events", Counter, Default;
    AiInputTokens => "ai_input_tokens", Counter, Default;
    AiOutputTokens => "ai_output_tokens", Counter, Default;
    AiReasoningTokens => "ai_reasoning_tokens", Counter, Default;
    AiCachedTokens => "ai_cached_tokens", Counter, Default;
    AiInputLength => "ai_input_length", Trend, Default;
    AiOutputLength => "ai_output_length", Trend, Default;
    AiTokenCountGap => "ai_token_count_gap", Trend, Default;
    AiCost => "ai_cost", Counter, Default;
    AiCostUnknown => "ai_cost_unknown", Counter, Default;
    // Calls that may be sent more than once: from the start of the first attempt.
    AiTtftTotal => "ai_ttft_total", Trend, Time;
    AiE2eTotal => "ai_e2e_total", Trend, Time;
    AiRetries => "ai_retries", Counter, Default;
    AiFailovers => "ai_failovers", Counter, Default;
    AiOutages => "ai_outages", Counter, Default;
    AiRecoveryTime => "ai_recovery_time", Trend, Time;
    AiCachedShare => "ai_cached_share", Trend, Default;
    AiToolCalls => "ai_tool_calls", Counter, Default;
    AiValid => "ai_valid", Rate, Default;
    AiRefused => "ai_refused", Rate, Default;
    AiEmpty => "ai_empty", Rate, Default;
    AiEnergy => "ai_energy", Counter, Default;
    AiBudgetUsed => "ai_budget_used", Gauge, Default;
    AiBudgetRefused => "ai_budget_refused", Counter, Default;
    AiSloMet => "ai_slo_met", Rate, Default;
    // Of a scenario with a token rate: tokens counted / tokens due, at its end.
    AiTokenRateAchieved => "ai_token_rate_achieved", Gauge, Default;
    AiRatelimitRemainingRequests => "ai_ratelimit_remaining_requests", Gauge, Default;
    AiRatelimitRemainingTokens => "ai_ratelimit_remaining_tokens", Gauge, Default;
}

impl Builtin {
    /// The id of this metric in every registry.
    pub fn id(self) -> MetricId {
        MetricId(self as u32)
    }

    /// A sample of this metric.
    pub fn sample(self, value: f64) -> super::Sample {
        super::Sample { metric: self.id(), value }
    }
}
