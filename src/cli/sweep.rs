//! `inrush sweep`: a run whose load is a sweep or a search, of a script or of made-up prompts. It makes the arguments of `run`, and the
//! rest is `run`'s.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::{Args, FromArgMatches};
use serde_json::{Map, Value, json};

use super::GlobalFlags;
use super::mock_flags::EmbeddedKnobs;
use super::preflight::Preflight;
use super::run::{self, RunArgs};
use super::sweep_shape;
use crate::ai::spec::Target;
use crate::error::Error;
use crate::options::Options;
use crate::ui::terminal::Terminal;

/// Arguments of `inrush sweep`.
#[derive(Args, Debug)]
pub(crate) struct SweepArgs {
    /// A script whose default function is one request; without one, prompts are made up
    script: Option<String>,
    /// Numbers of VUs: 1..64 (doubling), 10..100+10, 1..64x1.5, or 1,2,4 [default: 1..64]
    #[arg(short = 'u', long, value_name = "LOADS", value_parser = sweep_shape::loads, conflicts_with = "rate")]
    vus: Option<Value>,
    /// Arrival rates per second, in the same forms
    #[arg(long, value_name = "LOADS", value_parser = sweep_shape::loads)]
    rate: Option<Value>,
    /// Search the highest load of the range that meets the objectives, instead of trying them all
    #[arg(long, requires = "slo")]
    search: bool,
    /// An objective: ttft:p95<800, tpot:p95<50, e2e:p99<5000 (ms), failed<0.01, goodput>0.9; may be repeated
    #[arg(long, value_name = "OBJECTIVE", value_parser = sweep_shape::objective)]
    slo: Vec<(String, Option<String>, f64)>,
    /// Length of a step
    #[arg(long, value_name = "TIME", default_value = "10s")]
    step_duration: String,
    /// What of each step does not count: a time, or auto
    #[arg(long, value_name = "TIME", default_value = "auto")]
    settle: String,
    /// Most VUs of a sweep by rate
    #[arg(long, value_name = "N", default_value_t = 200)]
    max_vus: u64,
    /// Provider of made-up prompts [default: openai]
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Model of made-up prompts [default: INRUSH_MODEL]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Where made-up prompts are sent [default: INRUSH_BASE_URL]
    #[arg(long, value_name = "URL", conflicts_with = "mock")]
    base_url: Option<String>,
    /// Tokens of each made-up prompt
    #[arg(long, value_name = "N", default_value_t = 200)]
    input_tokens: u64,
    /// Most tokens of each answer to a made-up prompt
    #[arg(long, value_name = "N", default_value_t = 100)]
    output_tokens: u64,
    /// A variable of __ENV; may be repeated
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Most US dollars that model calls may cost
    #[arg(long, value_name = "USD")]
    budget_usd: Option<String>,
    /// Most tokens of all model calls
    #[arg(long, value_name = "N")]
    budget_tokens: Option<u64>,
    /// Most requests to models
    #[arg(long, value_name = "N")]
    budget_requests: Option<u64>,
    /// Sends samples somewhere while the test runs, e.g. json=out.json; may be repeated
    #[arg(short = 'o', long = "out", value_name = "TYPE=ARG")]
    outputs: Vec<String>,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    summary_export: Option<String>,
    /// Seed of everything random
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Start a mock LLM server in this process and send all calls there
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "", overrides_with = "mock")]
    mock: Option<String>,
    #[command(flatten)]
    knobs: EmbeddedKnobs,
}

/// Runs the sweep; returns the exit code.
pub(crate) fn run(args: SweepArgs, global: &GlobalFlags, terminal: &Arc<Terminal>) -> Result<u8, Error> {
    let scenarios = json!({ "sweep": args.scenario()? });
    let built_in = if args.script.is_none() { Some(args.made_up()) } else { args.only_for_made_up()? };
    let mut run = args.of_run()?;
    run.is_sweep = true;
    run.bring(scenarios, built_in);
    run.knobs = args.knobs;
    run::run(run, global, terminal)
}

impl SweepArgs {
    fn scenario(&self) -> Result<Value, Error> {
        let (by, given) = match (&self.vus, &self.rate) {
            (_, Some(rate)) => ("rate", rate.clone()),
            (Some(vus), None) => ("vus", vus.clone()),
            (None, None) => ("vus", json!({ "from": 1, "to": 64 })),
        };
        let mut out =
            json!({ "stepDuration": self.step_duration, "settle": self.settle, "slo": sweep_shape::slo(&self.slo) });
        let mut set = |name: &str, value: Value| {
            out[name] = value;
        };
        if self.search {
            let (Some(from), Some(to)) = (given.get("from"), given.get("to")) else {
                return Err(Error::usage("--search needs a range to search, not a list")
                    .with_hint("give for example --vus 1..64"));
            };
            if given.get("step").is_some() || given.get("factor").is_some() {
                return Err(Error::usage("--search goes its own way: the range takes no step and no factor")
                    .with_hint("give for example --vus 1..64"));
            }
            set("executor", "capacity-search".into());
            set("by", by.into());
            set("from", from.clone());
            set("to", to.clone());
        } else if by == "rate" {
            set("executor", "rate-sweep".into());
            set("rates", given);
        } else {
            set("executor", "concurrency-sweep".into());
            set("vus", given);
        }
        if by == "rate" {
            set("preAllocatedVUs", self.max_vus.min(20).into());
            set("maxVUs", self.max_vus.into());
        }
        Ok(out)
    }

    /// A script that sends made-up prompts.
    fn made_up(&self) -> String {
        let mut model = Map::new();
        model.insert("provider".to_owned(), self.provider.as_deref().unwrap_or("openai").into());
        for (name, value) in [("model", &self.model), ("baseURL", &self.base_url)] {
            model.extend(value.clone().map(|value| (name.to_owned(), Value::from(value))));
        }
        format!(
            "import ai from 'inrush/ai';
import {{ synthetic }} from 'inrush/data';

const llm = ai.model({});
const prompts = synthetic({{ inputTokens: {}, outputTokens: {}, model: llm }});

export default function () {{
  llm.stream(prompts.next());
}}
",
            Value::Object(model),
            self.input_tokens,
            self.output_tokens
        )
    }

    /// Flags that say nothing about a script.
    fn only_for_made_up(&self) -> Result<Option<String>, Error> {
        let given = [("--provider", &self.provider), ("--model", &self.model), ("--base-url", &self.base_url)];
        match given.iter().find(|(_, value)| value.is_some()) {
            None => Ok(None),
            Some((flag, _)) => {
                Err(Error::usage(format!("{flag} is for made-up prompts; the script names its own models"))
                    .with_hint("leave it out, or set INRUSH_BASE_URL and INRUSH_MODEL for a script that goes by them"))
            }
        }
    }

    /// The arguments of `run` that are the same.
    fn of_run(&self) -> Result<RunArgs, Error> {
        let mut line = vec!["run".to_owned(), self.script.clone().unwrap_or_else(|| "-".to_owned())];
        let mut flag = |name: &str, value: Option<String>| line.extend(value.map(|value| format!("{name}={value}")));
        self.env.iter().for_each(|env| flag("--env", Some(env.clone())));
        self.outputs.iter().for_each(|out| flag("--out", Some(out.clone())));
        flag("--budget-usd", self.budget_usd.clone());
        flag("--budget-tokens", self.budget_tokens.map(|n| n.to_string()));
        flag("--budget-requests", self.budget_requests.map(|n| n.to_string()));
        flag("--summary-export", self.summary_export.clone());
        flag("--seed", self.seed.map(|n| n.to_string()));
        line.extend(self.mock.as_ref().map(|file| match file.as_str() {
            "" => "--mock".to_owned(),
            file => format!("--mock={file}"),
        }));
        let parsed = RunArgs::augment_args(clap::Command::new("run")).try_get_matches_from(line);
        parsed.and_then(|found| RunArgs::from_arg_matches(&found)).map_err(|e| Error::usage(e.to_string()))
    }
}

/// A sweep calls as often as it can: what costs money needs a limit.
pub(super) fn needs_budget(targets: &BTreeSet<Target>, options: &Options, found: &mut Preflight) {
    let limited =
        options.budget.is_set() || options.scenarios.iter().any(|s| s.budget.as_ref().is_some_and(|b| b.is_set()));
    if limited {
        return;
    }
    for target in targets.iter().filter(|target| !is_near(&target.host) && !target.is_mapped(&options.net.hosts)) {
        found.note(
            Error::config(format!("a sweep of {} needs a budget: it makes as many calls as the server answers", target.address))
                .with_hint("give --budget-usd, --budget-tokens or --budget-requests; servers on this machine or a private address, and --mock, need none"),
        );
    }
}

/// Whether a host is this machine or one of a private network: its calls cost no money.
fn is_near(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn what_costs_nothing() {
        for host in ["localhost", "127.0.0.1", "10.1.2.3", "192.168.0.9", "[::1]", "fd00::1", "a.localhost"] {
            assert!(is_near(host), "{host}");
        }
        for host in ["api.openai.com", "8.8.8.8", "2001:db8::1", "localhost.example.com", ""] {
            assert!(!is_near(host), "{host}");
        }
    }
}
