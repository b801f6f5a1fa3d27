//! What the user asked for, merged from every source and validated all at once.
//!
//! Order of precedence: defaults < `--config` file < script `options` < environment `K6_*` / `INRUSH_*` < flags.
//! Everything below reads the merged [`Options`]; nothing here performs I/O.

mod arrival_parse;
#[cfg(test)]
mod arrival_tests;
pub mod budget;
mod choice;
pub mod duration;
mod fields;
pub mod layers;
mod limit_probe;
pub mod load_shape;
mod local_ips;
mod merge;
mod merged_json;
mod net_parse;
mod parse;
pub mod presets;
pub mod problem;
mod reader;
pub mod scenario;
mod scenario_parse;
pub mod segment;
pub mod sweep;
mod sweep_parse;
#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
mod tests;
mod thresholds;
mod tls_parse;
mod window_parse;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::metrics::SystemTags;
pub use crate::metrics::threshold::{ThresholdExpression, ThresholdOption};
use crate::metrics::window::{CoolDown, WarmUp};

pub use budget::{BudgetOptions, OnExceed};
pub use duration::{format_duration, parse_duration};
pub use layers::{FlagOptions, Layers};
pub use limit_probe::LimitProbeConfig;
pub use load_shape::{Arrival, Arrivals, Passes, Recording, ReplayConfig, TokenCount, TokenEstimate, TokenRate};
pub use local_ips::IpRange;
pub use problem::{Problem, Problems, Warning};
pub use scenario::{ExecutorConfig, Scenario, Stage};
pub use segment::{Segmentation, Stripe};
pub use sweep::{Figure, LoadKind, Loads, Objective, Settle, SweepConfig};

/// Options with everything that was found out about them.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The options; defaults stand in for what is invalid, so that they can be checked further, but not run.
    pub options: Options,
    /// What is invalid.
    pub problems: Vec<Problem>,
    /// What is only odd: unknown fields, options without effect.
    pub warnings: Vec<Warning>,
}

/// Merges the layers, expands the shortcuts and validates everything.
///
/// Whether the functions named by `exec` exist is for the caller to check, who knows the script.
pub fn check(layers: Layers) -> Checked {
    let mut found = problem::Findings::default();
    let mut file = object(layers.config_file, "--config", &mut found);
    if let Some(Value::Object(nested)) = file.remove("options") {
        // Some files wrap the options, as the output of an archive does.
        file.extend(nested);
    }
    let stack = vec![
        file,
        object(layers.script, "options", &mut found),
        layers::environment(&layers.env, &mut found),
        layers::flags(&layers.flags, &mut found),
    ];
    let flags = layers.flags.clone();
    let written = [("the config file", stack[0].clone()), ("the script's options", stack[1].clone())];
    let merged = merge::merge(stack, &mut found);
    let options = parse::parse(&merged, &flags, &mut found);
    for (layer, values) in written {
        overridden(layer, values, &merged, &mut found);
    }
    let (problems, warnings) = found.finish();
    Checked { options, problems, warnings }
}

/// Reads the values of a layer that a higher one replaced: a mistake is one even where it has no effect today. Each on its own, for
/// what they would mean together no longer matters.
fn overridden(layer: &str, values: Map<String, Value>, merged: &Map<String, Value>, found: &mut problem::Findings) {
    for (name, value) in values {
        if value.is_null() || merged.get(&name) == Some(&value) {
            continue;
        }
        let mut alone = problem::Findings::default();
        parse::parse(&Map::from_iter([(name, value)]), &FlagOptions::default(), &mut alone);
        for problem in alone.problems {
            if found.problems.contains(&problem) {
                continue;
            }
            found.problem(format!("{} in {layer}", problem.path), problem.what, problem.hint);
        }
    }
}

/// As [`check`], for callers that want valid options or none.
///
/// # Errors
/// Every problem at once; exit code 104.
pub fn build(layers: Layers) -> Result<(Options, Vec<Warning>), Problems> {
    let checked = check(layers);
    if checked.problems.is_empty() { Ok((checked.options, checked.warnings)) } else { Err(Problems(checked.problems)) }
}

/// The options a script exports as k6's JSON (`inspect`): every known option, null where not set.
pub fn script_json(script: &Value) -> Value {
    merged_json::of_script(script)
}

fn object(layer: Option<Value>, path: &str, found: &mut problem::Findings) -> Map<String, Value> {
    match layer {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map,
        Some(other) => {
            let what = format!("{} is not an object", reader::shown(&other));
            found.problem(path, what, "give an object such as { vus: 10, duration: '30s' }");
            Map::new()
        }
    }
}

/// The options of a run, complete and valid.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scenarios to run, in order of name; never empty. Shortcuts (`vus`, `duration`, ...) are expanded into
    /// one scenario named `default`.
    pub scenarios: Vec<Scenario>,
    /// Which part of the test this instance runs; the scenarios above are those of the whole test.
    pub segmentation: Segmentation,
    /// Wait after the initialisation until the run is resumed through the REST API.
    pub paused: bool,
    /// Threshold expressions by metric selector, as written: `http_req_duration{name:x}` -> expressions.
    pub thresholds: Vec<ThresholdOption>,
    /// Skip `setup()`.
    pub no_setup: bool,
    /// Limit of `setup()`; 60 s by default.
    pub setup_timeout: Duration,
    /// Skip `teardown()`.
    pub no_teardown: bool,
    /// Limit of `teardown()`; 60 s by default.
    pub teardown_timeout: Duration,
    /// Limit of `handleSummary()`; 2 min by default.
    pub handle_summary_timeout: Duration,
    /// Do not evaluate thresholds.
    pub no_thresholds: bool,
    /// An iteration that ends earlier sleeps for the rest of this.
    pub min_iteration_duration: Duration,
    /// What the summary and the thresholds leave out at the beginning of the run.
    pub warm_up: WarmUp,
    /// And at its planned end.
    pub cool_down: CoolDown,
    /// A failed HTTP request or model call throws in the script.
    pub throw: bool,
    /// What the run may spend.
    pub budget: BudgetOptions,
    /// Network options.
    pub net: NetOptions,
    /// Tags on every sample.
    pub tags: BTreeMap<String, String>,
    /// Which system tags are put on samples.
    pub system_tags: SystemTags,
    /// Columns of a trend in the summary, e.g. `avg`, `p(95)`; k6's default list.
    pub summary_trend_stats: Vec<String>,
    /// `s`, `ms` or `us` for all times of the summary; None = each row picks.
    pub summary_time_unit: Option<String>,
    /// Keep cookies between iterations of a VU.
    pub no_cookies_reset: bool,
    /// Drop response bodies unless a request asks for one.
    pub discard_response_bodies: bool,
    /// `console.*` output goes to this file instead of the log.
    pub console_output: Option<String>,
    /// k6's feature `async-metric-context`: asynchronous work keeps the tags, metadata and group it was registered under.
    pub async_metric_context: bool,
    /// The merged options as k6's JSON (`exec.test.options`, `inspect`).
    pub json: serde_json::Value,
}

/// Options of the network room.
#[derive(Clone, Debug)]
pub struct NetOptions {
    /// Redirects followed per request; 10 by default.
    pub max_redirects: u32,
    /// `User-Agent` of requests that set none.
    pub user_agent: String,
    /// Requests in flight of one `http.batch`; 20 by default.
    pub batch: usize,
    /// Requests in flight of one `http.batch` to one host; 6 by default.
    pub batch_per_host: usize,
    /// Accept any server certificate.
    pub insecure_skip_tls_verify: bool,
    /// Close connections after each request.
    pub no_connection_reuse: bool,
    /// Close connections after each iteration.
    pub no_vu_connection_reuse: bool,
    /// Global limit of HTTP requests per second; 0 = none.
    pub rps: u64,
    /// Log requests and responses: None, headers only or full.
    pub http_debug: Option<HttpDebug>,
    /// Static resolution: `host[:port]` or `*.domain` -> `ip[:port]`.
    pub hosts: BTreeMap<String, String>,
    /// Refused address ranges in CIDR form.
    pub blacklist_ips: Vec<String>,
    /// Refused host patterns; a leading `*` is allowed.
    pub block_hostnames: Vec<String>,
    /// DNS cache life; None = for ever, zero = no cache. 5 min by default.
    pub dns_ttl: Option<Duration>,
    /// Choice among addresses: `random`, `first`, `roundRobin`.
    pub dns_select: String,
    /// Choice of address family: `preferIPv4`, `preferIPv6`, `onlyIPv4`, `onlyIPv6`, `any`.
    pub dns_policy: String,
    /// Lowest TLS version (`tls1.2`, `tls1.3`); None = library default.
    pub tls_min: Option<String>,
    /// Highest TLS version; None = library default.
    pub tls_max: Option<String>,
    /// Cipher suites offered for TLS 1.2, by IANA's names; empty = all that are safe.
    pub tls_cipher_suites: Vec<String>,
    /// Client certificates.
    pub tls_auth: Vec<TlsAuth>,
    /// Addresses requests leave from, one per VU in turn; empty = the system picks.
    pub local_ips: Vec<IpRange>,
    /// Nothing reaches the network (`estimate`): HTTP is answered here, by an empty 200, and all else refused.
    pub dry_run: bool,
}

/// A client certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsAuth {
    /// Hosts it is shown to; a leading `*.` stands for any subdomain; empty = all.
    pub domains: Vec<String>,
    /// PEM text of the certificate and those that vouch for it.
    pub cert: String,
    /// PEM text of the private key.
    pub key: String,
    /// Of the key.
    pub password: Option<String>,
}

impl std::fmt::Debug for TlsAuth {
    /// Without key and password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsAuth").field("domains", &self.domains).finish_non_exhaustive()
    }
}

impl Default for NetOptions {
    fn default() -> Self {
        Self {
            max_redirects: 10,
            user_agent: concat!("inrush/", env!("CARGO_PKG_VERSION")).to_owned(),
            batch: 20,
            batch_per_host: 6,
            insecure_skip_tls_verify: false,
            no_connection_reuse: false,
            no_vu_connection_reuse: false,
            rps: 0,
            http_debug: None,
            hosts: BTreeMap::new(),
            blacklist_ips: Vec::new(),
            block_hostnames: Vec::new(),
            dns_ttl: Some(Duration::from_secs(300)),
            dns_select: "random".to_owned(),
            dns_policy: "preferIPv4".to_owned(),
            tls_min: None,
            tls_max: None,
            tls_cipher_suites: Vec::new(),
            tls_auth: Vec::new(),
            local_ips: Vec::new(),
            dry_run: false,
        }
    }
}

/// How much of HTTP traffic is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpDebug {
    /// Request and response heads (secrets masked).
    Headers,
    /// Heads and bodies.
    Full,
}
