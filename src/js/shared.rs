//! What all VUs of a run share: the script, the metrics, the network, files and shared arrays. `Send + Sync`; no JS values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use crate::ai::spec::Target;
use crate::metrics::{BusSender, Registry};
use crate::net;
use crate::options::Options;
use crate::script::Script;
use crate::secrets::Secrets;
use crate::stop::StopSignal;
use crate::vu::RunState;

use super::modules::data::SharedArrayData;

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
    /// Where the models that the init context made send their calls.
    pub targets: Mutex<BTreeSet<Target>>,
    /// Descriptors of gRPC services: parsed once, shared by all VUs.
    pub protos: net::grpc::Registry,
    /// What `setup()` returned, as JSON text; unset before, None when it returned undefined.
    pub setup_data: OnceLock<Option<Arc<str>>>,
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
