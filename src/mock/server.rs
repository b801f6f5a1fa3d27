//! Starts and stops a mock: its listener, its runtime, its pacer and its log.
//!
//! Called by `inrush mock`, by `run --mock` and by tests. The mock lives on threads of its own: a client that keeps its
//! runtime busy, in the same process, does not disturb the pacing beyond taking CPU time.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::config::MockConfig;
use super::connection;
use super::gate::Gate;
use super::pacer::Pacer;
use super::prefix_cache::PrefixCache;
use super::rate_limit::RateLimits;
use super::record::Recorder;
use super::replay::Library;
use super::serving::Serving;
use super::stats::{Counters, MockStats};
use super::timeline::Timeline;
use super::tls::Front;
use super::truth_log::TruthLog;
use crate::clock::RunClock;
use crate::error::Error;

/// Connections the kernel may complete before they are accepted.
const BACKLOG: i32 = 4096;
/// Pause after a failed accept (out of file descriptors), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Longest time a request is waited for when the mock stops.
const SHUTDOWN: Duration = Duration::from_millis(500);

/// What every connection needs.
pub(super) struct Shared {
    pub(super) config: MockConfig,
    pub(super) counters: Arc<Counters>,
    pub(super) clock: RunClock,
    pub(super) started: Instant,
    pub(super) truth: TruthLog,
    pub(super) limits: RateLimits,
    pub(super) gate: Gate,
    pub(super) pacer: Pacer,
    pub(super) serving: Option<Arc<Serving>>,
    pub(super) prefix_cache: Option<Arc<PrefixCache>>,
    pub(super) replay: Option<Library>,
    pub(super) recorder: Option<Recorder>,
    pub(super) timeline: Timeline,
    ordinal: AtomicU64,
}

impl Shared {
    /// The number of the next request, from 1.
    pub(super) fn next_ordinal(&self) -> u64 {
        self.ordinal.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A running mock. Dropping it stops it.
pub struct MockServer {
    shared: Arc<Shared>,
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts a mock: when this returns it accepts connections, and its tokenizer is loaded (about 0.1 s), so that its first
/// answers are on time too.
///
/// # Errors
/// When the configuration is invalid (all problems at once), the address cannot be bound or the truth log cannot be
/// created.
pub fn start(config: MockConfig) -> Result<MockServer, Error> {
    config.validate().map_err(|problems| {
        Error::config(format!("the mock's configuration is not valid:\n- {}", problems.join("\n- ")))
            .with_hint("`inrush mock --help` lists every flag with its form")
    })?;
    let replay = Library::load(&config).map_err(|problems| {
        Error::usage(format!("recordings cannot be replayed:\n- {}", problems.join("\n- ")))
            .with_hint("--replay (--mock-replay) names files that --record wrote, bare bodies, or folders of them")
    })?;
    let recorder = Recorder::open(&config).map_err(|why| {
        Error::usage(format!("answers cannot be recorded: {why}"))
            .with_hint("--record-to names a file in a folder you may write to")
    })?;
    let outer = bind(config.listen).map_err(|error| bind_error(config.listen, &error))?;
    let address = |listener: &TcpListener| {
        listener.local_addr().map_err(|e| Error::config(format!("cannot read the mock's own address: {e}")))
    };
    let addr = address(&outer)?;
    let (listener, front) = match &config.tls {
        None => (outer, None),
        Some(file) => {
            let inside = SocketAddr::from(([127, 0, 0, 1], 0));
            let inner = bind(inside).map_err(|error| bind_error(inside, &error))?;
            let front = Front::new(outer, address(&inner)?, file).map_err(|why| {
                Error::usage(format!("the mock cannot speak TLS: {why}"))
                    .with_hint("--tls names the file its certificate is written to")
            })?;
            (inner, Some(front))
        }
    };
    let thread_error = |e: io::Error| Error::config(format!("cannot start the mock's threads: {e}"));

    let clock = RunClock::start();
    let counters = Arc::new(Counters::new());
    if let Some(folder) = config.truth_log.as_deref().and_then(|path| path.parent()) {
        // What goes wrong here is told by the next step.
        let _ = std::fs::create_dir_all(folder);
    }
    let (truth, writer) = TruthLog::open(config.truth_log.as_deref(), clock, &counters).map_err(|error| {
        let path = config.truth_log.as_deref().unwrap_or_else(|| "".as_ref()).display();
        Error::usage(format!("cannot create the truth log {path}: {error}"))
            .with_hint("--truth-log (--mock-truth-log) names a file in a folder you may write to")
    })?;
    let (pacer, mut threads) = Pacer::start(config.pacer_threads, &counters).map_err(thread_error)?;
    let shared = Arc::new(Shared {
        limits: RateLimits::new(config.rpm, config.tpm, config.limit_rule),
        gate: Gate::new(config.max_concurrency, config.when_full, config.queue_limit),
        serving: config.serving.map(|serving| Serving::new(serving, config.queue_limit)),
        prefix_cache: config.prefix_cache.map(PrefixCache::new),
        ordinal: AtomicU64::new(0),
        timeline: Timeline::new(config.faults.clone()),
        config,
        counters,
        clock,
        started: Instant::now(),
        truth,
        pacer,
        replay,
        recorder,
    });
    let (stop, stopped) = oneshot::channel();
    // From here on a failure drops the server, which stops what runs already.
    let mut server = MockServer { shared: Arc::clone(&shared), addr, stop: Some(stop), threads: Vec::new() };
    let io_thread = std::thread::Builder::new().name("mock-io".to_owned());
    threads.insert(0, io_thread.spawn(move || run(&shared, listener, front, stopped)).map_err(thread_error)?);
    threads.extend(writer);
    server.threads = threads;
    tiktoken_rs::o200k_base_singleton();
    Ok(server)
}

impl MockServer {
    /// Root of the OpenAI-compatible API, e.g. `http://127.0.0.1:4010/v1`.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.root_url())
    }

    /// Root of the server, e.g. `http://127.0.0.1:4010`; the plain HTTP helpers live here.
    pub fn root_url(&self) -> String {
        let scheme = if self.shared.config.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// The address listened on, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The clock behind `arrived_unix_ns` of the truth log.
    pub fn clock(&self) -> RunClock {
        self.shared.clock
    }

    /// How many recorded answers it serves.
    pub fn recordings(&self) -> usize {
        self.shared.replay.as_ref().map_or(0, Library::len)
    }

    /// What it has done so far.
    pub fn stats(&self) -> MockStats {
        self.shared.counters.snapshot()
    }

    /// Ends all responses, closes the listener, writes the truth log out, and returns the final counters. Blocks for
    /// less than a second.
    pub fn stop(mut self) -> MockStats {
        self.shut_down();
        self.stats()
    }

    fn shut_down(&mut self) {
        let Some(stop) = self.stop.take() else { return };
        self.shared.pacer.stop();
        let _ = stop.send(());
        // The runtime and the pacer end first, so that the log's writer has every record before its own stop.
        let writer = if self.shared.truth.is_on() { self.threads.pop() } else { None };
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.shared.truth.stop();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl std::fmt::Debug for MockServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockServer").field("addr", &self.addr).field("config", &self.shared.config).finish()
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // On Unix this allows a port whose last connections linger; on Windows it would allow a port in use.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn bind_error(addr: SocketAddr, error: &io::Error) -> Error {
    let (why, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "another process listens there".to_owned(),
            format!("end that process, or take any free port with --listen {}:0", addr.ip()),
        ),
        io::ErrorKind::AddrNotAvailable => (
            "this machine has no such address".to_owned(),
            "use --listen 127.0.0.1:0 (this machine only) or --listen 0.0.0.0:PORT (every interface)".to_owned(),
        ),
        io::ErrorKind::PermissionDenied => (
            "the system does not permit it".to_owned(),
            "ports below 1024 need privileges: use a higher one".to_owned(),
        ),
        _ => (error.to_string(), "choose another address with --listen ADDRESS:PORT".to_owned()),
    };
    Error::config(format!("the mock cannot listen on {addr}: {why}")).with_hint(hint)
}

fn run(shared: &Arc<Shared>, listener: TcpListener, front: Option<Front>, stopped: oneshot::Receiver<()>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads((cores / 2).clamp(1, 4))
        .thread_name("mock-worker")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!("the mock cannot start its runtime: {error}"),
    };
    runtime.spawn(accept(Arc::clone(shared), listener));
    if let Some(front) = front {
        runtime.spawn(front.accept(Arc::clone(shared)));
    }
    let _ = runtime.block_on(stopped);
    runtime.shutdown_timeout(SHUTDOWN);
}

async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("the mock cannot use its listener: {error}"),
    };
    let warned = AtomicBool::new(false);
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                Counters::add(&shared.counters.connections, 1);
                tokio::spawn(connection::serve(Arc::clone(&shared), socket));
            }
            Err(error) => {
                if !warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "the mock cannot accept a connection: {error}; raise the limit of open files (ulimit -n)"
                    );
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
