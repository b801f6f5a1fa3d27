//! A script whose init context has run: what `run`, `inspect` and `archive` share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::runtime::Runtime;

use super::script_flags::Unpacked;
use crate::clock::RunClock;
use crate::error::{Error, ExitCode};
use crate::js::{ScriptInfo, ScriptRunner, Shared};
use crate::metrics::{BusReceiver, BusSender, Registry, bus};
use crate::net;
use crate::script::Script;
use crate::secrets::Secrets;
use crate::stop::StopSignal;
use crate::vu::RunState;

/// Everything a script needs to run, before it does.
pub(super) struct Session {
    /// Runs what belongs to no VU.
    pub(super) runtime: Runtime,
    /// What all VUs share.
    pub(super) shared: Arc<Shared>,
    /// Ends the run.
    pub(super) stop: StopSignal,
    /// The way of samples.
    pub(super) bus: (BusSender, BusReceiver),
}

impl Session {
    /// Starts the threads for I/O and puts everything in its place; runs nothing yet.
    ///
    /// # Errors
    /// The system refuses threads.
    pub(super) fn new(
        script: Arc<Script>,
        env: BTreeMap<String, String>,
        seed: Option<u64>,
        secrets: Secrets,
    ) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("run")
            .enable_all()
            .build()
            .map_err(|e| Error::new(ExitCode::Panic, format!("cannot start the run's threads: {e}")))?;
        let lanes = net::Lanes::start(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
            .map_err(|e| Error::new(ExitCode::Panic, format!("cannot start the network's threads: {e}")))?;
        let stop = StopSignal::new();
        let bus = bus();
        let shared = Arc::new(Shared {
            script,
            registry: Arc::new(Registry::new()),
            bus: bus.0.clone(),
            state: Arc::new(RunState::new(RunClock::start())),
            stop: stop.clone(),
            runtime: runtime.handle().clone(),
            lanes,
            env,
            seed,
            options: OnceLock::new(),
            net: OnceLock::new(),
            secrets: Arc::new(secrets),
            files: Mutex::new(HashMap::new()),
            arrays: Mutex::new(HashMap::new()),
            data: Default::default(),
            targets: Mutex::default(),
            circuits: Default::default(),
            failures: Default::default(),
            unpriced: Mutex::default(),
            prices: OnceLock::new(),
            budget: OnceLock::new(),
            dry_run: OnceLock::new(),
            protos: net::grpc::Registry::default(),
            setup_data: Default::default(),
        });
        Ok(Self { runtime, shared, stop, bus })
    }

    /// Lets `open()` find the files of an archive under the absolute paths they had.
    pub(super) fn unpack(&mut self, archive: Option<&Unpacked>) {
        let files = archive.into_iter().flat_map(|archive| archive.files.clone());
        self.shared.files.lock().unwrap_or_else(|e| e.into_inner()).extend(files);
    }

    /// Runs the init context.
    ///
    /// # Errors
    /// What the script's top level threw.
    pub(super) fn start(&self) -> Result<(ScriptRunner, ScriptInfo), Error> {
        ScriptRunner::start(Arc::clone(&self.shared))
    }
}
