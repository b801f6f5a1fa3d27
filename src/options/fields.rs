//! The table of all options: JSON name, environment variable, and how a text becomes a value of it.
//!
//! Read by the environment layer, by the check for unknown fields and by the merged JSON (`exec.test.options`).
//! What a value means is decided in the parsers.

/// How the text of an environment variable becomes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextForm {
    /// `true`, `false`, `1`, `0`.
    Bool,
    /// A whole number.
    Int,
    /// Kept as a text: durations, names, the DNS short form.
    Text,
    /// `a,b,c`.
    List,
    /// `10s:5,1m:20`.
    Stages,
    /// `key=value,key=value`.
    Pairs,
    /// Not settable from the environment in k6.
    None,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Name in JSON and in a script's `options`.
    pub(super) name: &'static str,
    /// The variable without its prefix `K6_` or `INRUSH_`; empty when there is none.
    pub(super) env: &'static str,
    /// How the variable is read.
    pub(super) form: TextForm,
}

const fn field(name: &'static str, env: &'static str, form: TextForm) -> Field {
    Field { name, env, form }
}

/// Every option, in the order `exec.test.options` shows them.
pub(super) const FIELDS: &[Field] = &[
    field("paused", "PAUSED", TextForm::Bool),
    field("vus", "VUS", TextForm::Int),
    field("duration", "DURATION", TextForm::Text),
    field("iterations", "ITERATIONS", TextForm::Int),
    field("stages", "STAGES", TextForm::Stages),
    field("scenarios", "", TextForm::None),
    field("executionSegment", "", TextForm::None),
    field("executionSegmentSequence", "", TextForm::None),
    field("noSetup", "NO_SETUP", TextForm::Bool),
    field("setupTimeout", "SETUP_TIMEOUT", TextForm::Text),
    field("noTeardown", "NO_TEARDOWN", TextForm::Bool),
    field("teardownTimeout", "TEARDOWN_TIMEOUT", TextForm::Text),
    field("handleSummaryTimeout", "HANDLE_SUMMARY_TIMEOUT", TextForm::Text),
    field("rps", "RPS", TextForm::Int),
    field("dns", "DNS", TextForm::Text),
    field("maxRedirects", "MAX_REDIRECTS", TextForm::Int),
    field("userAgent", "USER_AGENT", TextForm::Text),
    field("batch", "BATCH", TextForm::Int),
    field("batchPerHost", "BATCH_PER_HOST", TextForm::Int),
    field("httpDebug", "HTTP_DEBUG", TextForm::Text),
    field("insecureSkipTLSVerify", "INSECURE_SKIP_TLS_VERIFY", TextForm::Bool),
    field("tlsCipherSuites", "", TextForm::None),
    field("tlsVersion", "TLS_VERSION", TextForm::Text),
    field("tlsAuth", "", TextForm::None),
    field("throw", "THROW", TextForm::Bool),
    field("thresholds", "", TextForm::None),
    field("noThresholds", "NO_THRESHOLDS", TextForm::Bool),
    field("blacklistIPs", "BLACKLIST_IPS", TextForm::List),
    field("blockHostnames", "BLOCK_HOSTNAMES", TextForm::List),
    field("hosts", "", TextForm::None),
    field("noConnectionReuse", "NO_CONNECTION_REUSE", TextForm::Bool),
    field("noVUConnectionReuse", "NO_VU_CONNECTION_REUSE", TextForm::Bool),
    field("minIterationDuration", "MIN_ITERATION_DURATION", TextForm::Text),
    field("warmUp", "WARM_UP", TextForm::Text),
    field("coolDown", "COOL_DOWN", TextForm::Text),
    field("cloud", "", TextForm::None),
    field("ext", "", TextForm::None),
    field("budget", "", TextForm::None),
    field("summaryTrendStats", "SUMMARY_TREND_STATS", TextForm::List),
    field("summaryTimeUnit", "SUMMARY_TIME_UNIT", TextForm::Text),
    field("systemTags", "SYSTEM_TAGS", TextForm::List),
    field("tags", "TAGS", TextForm::Pairs),
    field("metricSamplesBufferSize", "METRIC_SAMPLES_BUFFER_SIZE", TextForm::Int),
    field("noCookiesReset", "NO_COOKIES_RESET", TextForm::Bool),
    field("discardResponseBodies", "DISCARD_RESPONSE_BODIES", TextForm::Bool),
    field("consoleOutput", "CONSOLE_OUTPUT", TextForm::Text),
    field("localIPs", "LOCAL_IPS", TextForm::Text),
    field("features", "FEATURES", TextForm::List),
];

/// The JSON names of all options.
pub(super) fn names() -> Vec<&'static str> {
    FIELDS.iter().map(|f| f.name).collect()
}
