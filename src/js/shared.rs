//! What all VUs of a run share: the script, the metrics, the network, files and shared arrays. `Send + Sync`; no JS values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use crate::ai::budget::Budget;
use crate::ai::circuit;
use crate::ai::estimate::DryRun;
use crate::ai::failure_log::FailureLog;
use crate::ai::prices::PriceBook;
use crate::ai::spec::Target;
use crate::data;
use crate::metrics::{BusSender, Registry};
use crate::net;
use crate::options::Options;
use crate::script::Script;
use crate::secrets::Secrets;
use crate::stop::StopSignal;
use crate::vu::RunState;

use super::modules::data::SharedArrayData;

/// What `setup()` returned, as JSON text; None before, and when it returned undefined. The REST API may replace it.
#[derive(Debug, Default)]
pub struct SetupStore(RwLock<Option<Arc<str>>>);

impl SetupStore {
    /// The data.
    pub fn get(&self) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Replaces the data; VUs that begin afterwards get it.
    pub fn set(&self, data: Option<Arc<str>>) {
        *self.0.write().unwrap_or_else(|e| e.into_inner()) = data;
    }
}

/// Shared by the init context, all VUs, setup, teardown and handleSummary.
pub struct Shared {
    /// The script.
    pub script: Arc<Script>,
    /// The metrics of the run.
    pub registry: Arc<Registry>,
    /// Where samples go.
    pub bus: BusSender,
    /// Counters and clock.
    pub state: Arc<RunState>,
    /// Ends the run early.
    pub stop: StopSignal,
    /// Runs what belongs to no VU.
    pub runtime: tokio::runtime::Handle,
    /// Runs the VUs' I/O.
    pub lanes: net::Lanes,
    /// `__ENV`.
    pub env: BTreeMap<String, String>,
    /// Seed of `Math.random` when the user fixed one.
    pub seed: Option<u64>,
    /// The merged options; set after the init context has run.
    pub options: OnceLock<Arc<Options>>,
    /// The network's shared part; set together with the options.
    pub net: OnceLock<Arc<net::Shared>>,
    /// What `k6/secrets` gives out.
    pub secrets: Arc<Secrets>,
    /// Files read by `open()`, by path: read once, shared by all VUs.
    pub files: Mutex<HashMap<PathBuf, Arc<[u8]>>>,
    /// SharedArrays by name.
    pub arrays: Mutex<HashMap<String, Arc<OnceLock<SharedArrayData>>>>,
    /// Datasets and sources of prompts.
    pub data: data::Registry,
    /// Where the models that the init context made send their calls.
    pub targets: Mutex<BTreeSet<Target>>,
    /// Which targets of failovers are believed to be down.
    pub circuits: Arc<circuit::Registry>,
    /// Which failed model calls get a line of the log.
    pub failures: FailureLog,
    /// Models that the init context made and whose price is not known.
    pub unpriced: Mutex<BTreeSet<String>>,
    /// List prices; set before the init context runs.
    pub prices: OnceLock<PriceBook>,
    /// What model calls may cost; set with the options when there is a budget.
    pub budget: OnceLock<Arc<Budget>>,
    /// Where a dry run (`estimate`) notes what it would have done; model calls and pauses are made up then.
    pub dry_run: OnceLock<DryRun>,
    /// Descriptors of gRPC services: parsed once, shared by all VUs.
    pub protos: net::grpc::Registry,
    /// What `setup()` returned.
    pub setup_data: SetupStore,
}

impl Shared {
    /// The merged options.
    ///
    /// # Panics
    /// Before the init context has run; VUs only start afterwards.
    pub fn options(&self) -> &Arc<Options> {
        self.options.get().expect("VUs start after the options are merged")
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("entry", &self.script.entry).finish_non_exhaustive()
    }
}
