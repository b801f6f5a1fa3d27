//! The flags of `inrush run` that are options of the test, in k6's spelling. Shape only: `options` gives them meaning.

use clap::Args;

use crate::options::FlagOptions;

/// A Go-style boolean flag: `--throw`, `--throw=false`.
macro_rules! switch {
    () => {
        clap::builder::BoolishValueParser::new()
    };
}

/// A whole number from zero; the parser at hand would call `-3` an "invalid digit".
fn whole(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| "give a whole number of zero or more, for example 10".to_owned())
}

/// Flags that override the script's options.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Options of the test")]
pub(crate) struct OptionFlags {
    /// Number of virtual users (default 1)
    #[arg(short = 'u', long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    vus: Option<u64>,
    /// Length of the test, e.g. 30s, 1m30s
    #[arg(short = 'd', long, value_name = "TIME")]
    duration: Option<String>,
    /// Iterations in total, shared by all VUs
    #[arg(short = 'i', long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    iterations: Option<u64>,
    /// A stage `duration:target` of ramping VUs; may be repeated
    #[arg(short = 's', long = "stage", value_name = "TIME:VUS")]
    stages: Vec<String>,
    /// Run the test's scenario once, with one VU, and all else as it is
    #[arg(long)]
    once: bool,
    /// Run only these scenarios, comma-separated; may be repeated
    #[arg(long, value_name = "NAMES")]
    scenario: Vec<String>,
    /// Do not run setup()
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch!(), value_name = "BOOL", hide_possible_values = true)]
    no_setup: Option<bool>,
    /// Do not run teardown()
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch!(), value_name = "BOOL", hide_possible_values = true)]
    no_teardown: Option<bool>,
    /// Redirects followed per request (default 10)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    max_redirects: Option<u64>,
    /// Requests of one http.batch() in flight (default 20)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    batch: Option<u64>,
    /// Requests of one http.batch() in flight to one host (default 6)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    batch_per_host: Option<u64>,
    /// Limit of HTTP requests per second over all VUs (default 0: none)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    rps: Option<u64>,
    /// User-Agent of requests that set none
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
    /// Log requests and responses: headers (default) or full
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "headers")]
    http_debug: Option<String>,
    /// Accept any TLS certificate
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch!(), value_name = "BOOL", hide_possible_values = true)]
    insecure_skip_tls_verify: Option<bool>,
    /// A new connection for every request
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch!(), value_name = "BOOL", hide_possible_values = true)]
    no_connection_reuse: Option<bool>,
    /// New connections in every iteration
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch!(), value_name = "BOOL", hide_possible_values = true)]
    no_vu_connection_reuse: Option<bool>,
    /// An iteration that ends earlier waits for the rest of this time
    #[arg(long, value_name = "TIME")]
    min_iteration_duration: Option<String>,
    /// Leave the beginning of the run out of summary and thresholds: 30s, '100 iterations', or auto (until the steady state)
    #[arg(long, value_name = "LENGTH")]
    warm_up: Option<String>,
    /// Leave the end of the run out of summary and thresholds: 30s or '100 iterations'
    #[arg(long, value_name = "LENGTH")]
    cool_down: Option<String>,
    /// Failed requests throw in the script
    #[arg(short = 'w', long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch!(), value_name = "BOOL", hide_possible_values = true)]
    throw: Option<bool>,
    /// Refuse to connect to this range of addresses (CIDR); may be repeated
    #[arg(long, value_name = "CIDR")]
    blacklist_ip: Vec<String>,
    /// Refuse to connect to hosts of this pattern (leading * allowed); may be repeated
    #[arg(long, value_name = "PATTERN")]
    block_hostnames: Vec<String>,
    /// Columns of trends in the summary (default avg,min,med,max,p(90),p(95))
    #[arg(long, value_name = "LIST")]
    summary_trend_stats: Vec<String>,
    /// Unit of times in the summary: s, ms or us (default: each row picks)
    #[arg(long, value_name = "UNIT")]
    summary_time_unit: Option<String>,
    /// System tags to put on samples, comma-separated
    #[arg(long, value_name = "LIST")]
    system_tags: Option<String>,
    /// A tag on every sample; may be repeated
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<String>,
    /// Write what the script prints to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) console_output: Option<String>,
    /// Drop response bodies unless a request asks for one
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch!(), value_name = "BOOL", hide_possible_values = true)]
    discard_response_bodies: Option<bool>,
    /// Name resolution, e.g. ttl=5m,select=random,policy=preferIPv4
    #[arg(long, value_name = "LIST")]
    dns: Option<String>,
    /// Do not evaluate thresholds
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch!(), value_name = "BOOL", hide_possible_values = true)]
    no_thresholds: Option<bool>,
    /// Wait before the run until it is resumed through the REST API
    #[arg(short = 'p', long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch!(), value_name = "BOOL", hide_possible_values = true)]
    paused: Option<bool>,
    /// Local addresses to connect from, one per VU in turn: addresses, ranges a-b, networks a/24
    #[arg(long, value_name = "LIST")]
    local_ips: Option<String>,
    /// Part of the test this instance runs, e.g. 0:1/3
    #[arg(long, value_name = "FROM:TO", env = "K6_EXECUTION_SEGMENT")]
    execution_segment: Option<String>,
    /// Boundaries of the parts of all instances, e.g. 0,1/3,2/3,1
    #[arg(long, value_name = "LIST", env = "K6_EXECUTION_SEGMENT_SEQUENCE")]
    execution_segment_sequence: Option<String>,
    /// k6's experimental features, comma-separated; known: async-metric-context, merge-run-tags
    #[arg(long, value_name = "LIST")]
    features: Vec<String>,
    /// Most US dollars that model calls may cost; what would exceed it is not sent [env: INRUSH_BUDGET_USD=]
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    budget_usd: Option<String>,
    /// Most tokens of all model calls, input and output together [env: INRUSH_BUDGET_TOKENS=]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    budget_tokens: Option<u64>,
    /// Most requests to models [env: INRUSH_BUDGET_REQUESTS=]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole)]
    budget_requests: Option<u64>,
    /// Scenarios in place of the script's, of commands that bring their own load.
    #[arg(skip)]
    pub(super) scenarios: Option<serde_json::Value>,
}

impl OptionFlags {
    /// The flags as the options' highest layer.
    pub(crate) fn layer(&self) -> FlagOptions {
        let this = self.clone();
        FlagOptions {
            vus: this.vus,
            duration: this.duration,
            iterations: this.iterations,
            stages: this.stages,
            no_setup: this.no_setup,
            no_teardown: this.no_teardown,
            max_redirects: this.max_redirects,
            batch: this.batch,
            batch_per_host: this.batch_per_host,
            rps: this.rps,
            user_agent: this.user_agent,
            http_debug: this.http_debug,
            insecure_skip_tls_verify: this.insecure_skip_tls_verify,
            no_connection_reuse: this.no_connection_reuse,
            no_vu_connection_reuse: this.no_vu_connection_reuse,
            min_iteration_duration: this.min_iteration_duration,
            warm_up: this.warm_up,
            cool_down: this.cool_down,
            throw: this.throw,
            blacklist_ip: this.blacklist_ip,
            block_hostnames: this.block_hostnames,
            summary_trend_stats: this.summary_trend_stats,
            summary_time_unit: this.summary_time_unit,
            system_tags: this.system_tags.map(|t| vec![t]),
            tags: this.tags,
            console_output: this.console_output,
            discard_response_bodies: this.discard_response_bodies,
            dns: this.dns,
            no_thresholds: this.no_thresholds,
            paused: this.paused,
            local_ips: this.local_ips,
            once: this.once,
            scenario: this.scenario,
            execution_segment: this.execution_segment,
            execution_segment_sequence: this.execution_segment_sequence,
            features: this.features,
            scenarios: this.scenarios,
            budget_usd: this.budget_usd,
            budget_tokens: this.budget_tokens,
            budget_requests: this.budget_requests,
        }
    }
}
