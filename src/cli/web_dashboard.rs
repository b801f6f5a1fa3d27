//! The dashboard of `inrush run`: what it shows, and how k6's ways to ask for one (`-o web-dashboard`, `K6_WEB_DASHBOARD`) are understood.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::preflight::Preflight;
use super::summary_out::SummaryFlags;
use crate::api::dashboard::{DEFAULT_ADDRESS, Fragment};
use crate::js::Shared;
use crate::metrics::live::LiveView;
use crate::metrics::snapshot::Snapshot;
use crate::output::flag;
use crate::output::over_time::Recorded;
use crate::report::live;

/// The name of k6's output.
const OUTPUT: &str = "web-dashboard";

/// Settings of k6's output without a meaning here: how often it renews the page, whether it opens a browser, a recording of its own kind.
const IGNORED: [&str; 3] = ["period", "open", "record"];

/// Where what is shown comes from.
pub(super) struct Source {
    pub(super) recorded: Recorded,
    pub(super) snapshots: Box<dyn Fn() -> Snapshot + Send + Sync>,
    pub(super) view: LiveView,
    pub(super) shared: Arc<Shared>,
    /// Set when the scenarios have ended.
    pub(super) over: Arc<AtomicBool>,
}

/// Makes what is shown, off the threads that serve the run.
pub(super) fn fragment(source: Source) -> Fragment {
    let source = Arc::new(source);
    Box::new(move || {
        let source = Arc::clone(&source);
        Box::pin(async move {
            let mut summary = source.view.summary().await?;
            let made = tokio::task::spawn_blocking(move || {
                summary.budgets = source.shared.budget.get().map(|budget| budget.facts()).unwrap_or_default();
                let over = source.over.load(Ordering::Relaxed);
                live::render(&source.recorded.spans(), &(source.snapshots)(), &summary, over)
            });
            made.await.ok()
        })
    })
}

/// Takes k6's requests for a dashboard out of outputs and environment: an address, unless one was given, and a report.
pub(super) fn from_k6(
    outputs: &mut Vec<String>,
    env: &BTreeMap<String, String>,
    dashboard: &mut Option<String>,
    summary: &mut SummaryFlags,
    found: &mut Preflight,
) {
    let is_asked =
        |spec: &String| spec == OUTPUT || spec.strip_prefix(OUTPUT).is_some_and(|rest| rest.starts_with('='));
    let asked: Vec<String> = outputs.extract_if(.., |spec| is_asked(spec)).collect();
    let on = env.get("K6_WEB_DASHBOARD").is_some_and(|on| flag(on) == Some(true));
    if asked.is_empty() && !on {
        return;
    }
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in env {
        if let Some(name) = name.strip_prefix("K6_WEB_DASHBOARD_").filter(|_| !value.is_empty()) {
            settings.insert(name.to_ascii_lowercase(), value.clone());
        }
    }
    for spec in &asked {
        let arg = spec.split_once('=').map_or("", |(_, arg)| arg);
        let pairs = url::form_urlencoded::parse(arg.as_bytes());
        settings.extend(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())));
    }
    let host = settings.remove("host").unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = settings.remove("port");
    if let Some(file) = settings.remove("export") {
        summary.add_report(file);
    }
    let unknown: Vec<&String> = settings.keys().filter(|name| !IGNORED.contains(&name.as_str())).collect();
    if !unknown.is_empty() && !asked.is_empty() {
        let names: Vec<String> = unknown.iter().map(|name| format!("'{name}'")).collect();
        found.flags(vec![format!(
            "-o {OUTPUT}: unknown setting {}; known: host, port, export, {}",
            names.join(", "),
            IGNORED.join(", ")
        )]);
    }
    // k6 has no page at all with the port -1, only the report.
    if dashboard.is_none() && port.as_deref() != Some("-1") {
        let default = DEFAULT_ADDRESS.rsplit_once(':').map_or("0", |(_, port)| port);
        *dashboard = Some(format!("{host}:{}", port.as_deref().unwrap_or(default)));
    }
}
