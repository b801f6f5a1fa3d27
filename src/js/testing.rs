//! Test support: runs a script text in a context of its own and hands back what it exported.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;

use super::engine::Engine;
use super::shared::Shared;
use crate::clock::RunClock;
use crate::error::Error;
use crate::metrics::{BusReceiver, Registry, bus};
use crate::script::{Sources, load};
use crate::stop::StopSignal;
use crate::vu::{Interrupter, RunState};

/// What a run of a script shares, and the far end of its bus.
pub(crate) fn shared(files: &[(&str, &str)]) -> Result<(Arc<Shared>, BusReceiver), Error> {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    });
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a temporary folder");
        std::fs::write(path, text).expect("a temporary file");
    }
    let script = load(files[0].0, dir.path(), None, Sources::new(super::module_names(), true))?;
    let (tx, rx) = bus();
    // The folder stays for open(): tests are short.
    let _ = dir.keep();
    Ok((
        Arc::new(Shared {
            script: Arc::new(script),
            registry: Arc::new(Registry::new()),
            bus: tx,
            state: Arc::new(RunState::new(RunClock::start())),
            stop: StopSignal::new(),
            runtime: runtime.handle().clone(),
            lanes: crate::net::Lanes::start(1).expect("a network thread"),
            env: BTreeMap::from([("NAME".to_owned(), "value".to_owned())]),
            seed: Some(7),
            options: OnceLock::new(),
            net: OnceLock::new(),
            secrets: Arc::default(),
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
            protos: crate::net::grpc::Registry::default(),
            setup_data: Default::default(),
        }),
        rx,
    ))
}

/// Runs the first file as entry module, on a thread like a VU's, and hands the engine to `look`.
pub(crate) fn with_engine<T: Send>(
    files: &[(&str, &str)],
    look: impl FnOnce(Result<&mut Engine, Error>) -> T + Send,
) -> T {
    let made = shared(files);
    let stack = made.as_ref().map_or(1 << 20, |(shared, _)| super::engine::stack_bytes(&shared.script));
    std::thread::scope(|scope| {
        let work = || match made.and_then(|(s, _rx)| Engine::new(&s, 0, Interrupter::default())) {
            Ok(mut engine) => look(Ok(&mut engine)),
            Err(error) => look(Err(error)),
        };
        let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, work);
        match thread.expect("a thread").join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The export `out` of a script of several files, as JSON.
pub(crate) fn out_of(files: &[(&str, &str)]) -> Value {
    with_engine(files, |engine| {
        let engine = engine.unwrap_or_else(|e| panic!("{}", e.message()));
        let value = engine.export("out").expect("the script exports `out`");
        super::convert::to_json(&value, &mut engine.context).expect("`out` is plain data")
    })
}

/// The export `out` of a script, as JSON.
pub(crate) fn out(text: &str) -> Value {
    out_of(&[("test.js", text)])
}

/// The message of a script that fails in its init context.
pub(crate) fn failure_of(files: &[(&str, &str)]) -> String {
    with_engine(files, |engine| match engine {
        Ok(_) => panic!("the script was expected to fail"),
        Err(error) => error.message().to_owned(),
    })
}

/// As [`failure_of`], for one file.
pub(crate) fn failure(text: &str) -> String {
    failure_of(&[("test.js", text)])
}
