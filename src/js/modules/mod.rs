//! The modules a script can import. One file per import path; a module is a function that builds its object.

mod ai;
mod crypto;
mod csv;
pub(crate) mod data;
mod encoding;
mod execution;
mod fs;
mod go_error;
mod group;
mod grpc;
mod html;
pub(crate) mod http;
mod k6;
mod llm;
mod metrics;
mod redis;
mod scenarios;
mod secrets;
mod sse;
mod websockets;
mod workload;
mod x509;

use boa_engine::{Context, JsObject, JsResult};

/// A built-in module.
pub(crate) struct ModuleDef {
    /// Import paths it answers to; the first is the canonical one.
    pub(crate) paths: &'static [&'static str],
    /// Builds the module's object: the default export, whose properties are the named exports.
    pub(crate) build: fn(&mut Context) -> JsResult<JsObject>,
}

/// All built-in modules, by import path.
pub(crate) const MODULES: &[ModuleDef] = &[
    ModuleDef { paths: &["inrush/ai", "k6/x/ai"], build: ai::build },
    ModuleDef { paths: &["inrush/data"], build: workload::build },
    ModuleDef { paths: &["inrush/scenarios"], build: scenarios::build },
    ModuleDef { paths: &["k6"], build: k6::build },
    ModuleDef { paths: &["k6/crypto"], build: crypto::build },
    ModuleDef { paths: &["k6/crypto/x509"], build: x509::build },
    ModuleDef { paths: &["k6/data"], build: data::build },
    ModuleDef { paths: &["k6/encoding"], build: encoding::build },
    ModuleDef { paths: &["k6/execution"], build: execution::build },
    ModuleDef { paths: &["k6/experimental/csv"], build: csv::build },
    ModuleDef { paths: &["k6/experimental/fs"], build: fs::build },
    ModuleDef { paths: &["k6/experimental/streams"], build: super::globals::web::streams_module },
    ModuleDef { paths: &["k6/experimental/webcrypto", "k6/x/webcrypto"], build: super::globals::web_crypto::module },
    ModuleDef { paths: &["k6/experimental/websockets"], build: websockets::build_experimental },
    ModuleDef { paths: &["k6/html"], build: html::build },
    ModuleDef { paths: &["k6/http"], build: http::build },
    ModuleDef { paths: &["k6/metrics"], build: metrics::build },
    ModuleDef { paths: &["k6/net/grpc", "k6/experimental/grpc"], build: grpc::build },
    ModuleDef { paths: &["k6/secrets"], build: secrets::build },
    ModuleDef { paths: &["k6/timers", "k6/experimental/timers"], build: super::globals::timers::module },
    ModuleDef { paths: &["k6/websockets"], build: websockets::build },
    ModuleDef { paths: &["k6/ws"], build: websockets::blocking::build },
    ModuleDef { paths: &["k6/x/llm"], build: llm::build },
    ModuleDef { paths: &["k6/x/redis", "k6/experimental/redis"], build: redis::build },
    ModuleDef { paths: &["k6/x/sse"], build: sse::build },
];

/// The module with this import path.
pub(crate) fn find(path: &str) -> Option<&'static ModuleDef> {
    MODULES.iter().find(|m| m.paths.contains(&path))
}

/// All import paths.
pub fn names() -> Vec<&'static str> {
    MODULES.iter().flat_map(|m| m.paths.iter().copied()).collect()
}
