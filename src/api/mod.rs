//! The REST API of a run, k6's `/v1`: status, metrics, groups, setup and teardown, and the client behind the commands `status`,
//! `pause`, `resume`, `scale` and `stats`.
//!
//! Started by the command line when an address is given. It reads the run's shared state and changes it through `vu::Control`
//! and the `StopSignal`; it does not know the scheduler.

pub mod client;
pub mod dashboard;
pub mod documents;
mod routes;
pub mod server;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::metrics::live::LiveView;
use crate::stop::StopSignal;
use crate::vu::{RunState, Runner, ScenarioState};

pub use server::ApiServer;

/// Where the commands look for a run, and where a run that has to be controlled listens when it was not told where.
pub const DEFAULT_ADDRESS: &str = "localhost:6565";

/// What the API shows and changes.
pub struct ApiState {
    /// State and counters of the run.
    pub run: Arc<RunState>,
    /// Its scenarios.
    pub scenarios: Vec<Arc<ScenarioState>>,
    /// Ends the run.
    pub stop: StopSignal,
    /// Its metrics.
    pub live: LiveView,
    /// Runs `setup()` and `teardown()`.
    pub runner: Arc<dyn Runner>,
    /// What `setup()` returned.
    pub setup_data: Arc<dyn SetupData>,
}

/// What `setup()` returned and hands to the VUs.
pub trait SetupData: Send + Sync {
    /// The data; null when there is none.
    fn get(&self) -> Value;

    /// Replaces it; VUs that begin afterwards get the new data.
    fn set(&self, data: Value);
}

type Answer<'a> = Pin<Box<dyn Future<Output = documents::Reply> + Send + 'a>>;
