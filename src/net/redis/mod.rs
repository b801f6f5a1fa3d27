//! A Redis client: one server, a cluster, or a master that sentinels name. Dialled as everything else of a run is (`hosts`,
//! `blacklistIPs`, TLS options, byte counters); the protocol is the `redis` crate's.
//!
//! One connection per server, over which calls are pipelined. A connection that breaks is opened anew and the call repeated, as
//! often as `maxRetries` says. Of a cluster's slots only those are remembered that it redirected us from.

mod settings;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, ErrorKind, RedisConnectionInfo, RedisError, ServerErrorKind, Value};
use rustls::ClientConfig;

use super::dial;
use super::shared::Shared;
use super::timed_io::ByteCounters;
use super::tls;
use settings::Credentials;

pub use settings::RedisSettings;

/// A server's answer.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Reply {
    Nil,
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(Vec<u8>),
    List(Vec<Reply>),
}

/// A client.
pub struct Redis {
    shared: Arc<Shared>,
    bytes: Arc<ByteCounters>,
    settings: RedisSettings,
    tls: Option<Arc<ClientConfig>>,
    /// Open connections by address; also what makes calls wait for a connection that is being opened.
    connections: tokio::sync::Mutex<HashMap<String, MultiplexedConnection>>,
    /// The node of a cluster's slot; at most 16384.
    slots: Mutex<HashMap<u16, String>>,
    /// The master that a sentinel named.
    master: Mutex<Option<String>>,
}

/// Why a call failed.
enum Failed {
    /// No connection; trying again may help.
    Connect(String),
    /// Wrong settings; it does not.
    Refused(String),
    Server(RedisError),
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Redis {
    /// A client that is not connected yet.
    ///
    /// # Errors
    /// Certificates or keys that cannot be used.
    pub(super) fn new(shared: Arc<Shared>, bytes: Arc<ByteCounters>, settings: RedisSettings) -> Result<Self, String> {
        let tls = match &settings.tls {
            None => None,
            Some(tls) => {
                let client = tls.cert.as_deref().zip(tls.key.as_deref());
                let config = tls::custom(shared.options(), &tls.ca, client).map_err(|e| e.message().to_owned())?;
                Some(Arc::new(config))
            }
        };
        let connections = tokio::sync::Mutex::default();
        Ok(Self { shared, bytes, settings, tls, connections, slots: Mutex::default(), master: Mutex::default() })
    }

    /// Sends a command and waits for the answer.
    ///
    /// # Errors
    /// What the server says, or why there is no connection; in words, never with credentials.
    pub async fn call(&self, args: &[Vec<u8>]) -> Result<Reply, String> {
        let mut command = Cmd::new();
        for arg in args {
            command.arg(arg.as_slice());
        }
        let slot = args.get(1).filter(|_| self.settings.cluster).map(|key| slot(key));
        let (mut redirects, mut retries) = (0, 0);
        let mut redirected: Option<(String, bool)> = None;
        loop {
            let result = match &redirected {
                Some((node, ask)) => self.send(node, &command, *ask).await,
                None => match self.node(slot, retries).await {
                    Ok(node) => self.send(&node, &command, false).await,
                    Err(failed) => Err(failed),
                },
            };
            let failed = match result {
                Ok(value) => return reply(value).map_err(|e| message(&e)),
                Err(failed) => failed,
            };
            match &failed {
                Failed::Server(error) if self.settings.cluster && error.redirect_node().is_some() => {
                    if redirects >= self.settings.max_redirects {
                        return Err(format!("the cluster redirected the command more than {redirects} times"));
                    }
                    redirects += 1;
                    let Some((node, slot)) = error.redirect_node() else { continue };
                    let ask = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
                    if !ask {
                        lock(&self.slots).insert(slot, node.to_owned());
                    }
                    redirected = Some((node.to_owned(), ask));
                }
                Failed::Connect(_) if retries < self.settings.max_retries => {
                    let wait = self.settings.min_backoff.saturating_mul(1 << retries.min(16));
                    tokio::time::sleep(wait.min(self.settings.max_backoff)).await;
                    retries += 1;
                    redirected = None;
                    slot.and_then(|slot| lock(&self.slots).remove(&slot));
                    *lock(&self.master) = None;
                }
                Failed::Connect(text) | Failed::Refused(text) => return Err(text.clone()),
                Failed::Server(error) => return Err(message(error)),
            }
        }
    }

    /// The address a command goes to first.
    async fn node(&self, slot: Option<u16>, attempt: u32) -> Result<String, Failed> {
        if let Some(node) = slot.and_then(|slot| lock(&self.slots).get(&slot).cloned()) {
            return Ok(node);
        }
        let addresses = &self.settings.addresses;
        let Some(name) = &self.settings.master else {
            return Ok(addresses[attempt as usize % addresses.len()].clone());
        };
        if let Some(master) = lock(&self.master).clone() {
            return Ok(master);
        }
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let mut last = Failed::Connect("no sentinel answered".to_owned());
        for sentinel in addresses {
            let sent = match self.open(sentinel, &self.settings.sentinel_user, 0).await {
                Ok(mut connection) => connection.send_packed_command(&command).await.map_err(Failed::Server),
                Err(failed) => Err(failed),
            };
            match sent.map(reply) {
                Ok(Ok(Reply::List(parts))) => {
                    if let [Reply::Text(host), Reply::Text(port)] = parts.as_slice() {
                        let (host, port) = (String::from_utf8_lossy(host), String::from_utf8_lossy(port));
                        let master = format!("{host}:{port}");
                        *lock(&self.master) = Some(master.clone());
                        return Ok(master);
                    }
                }
                Ok(_) => last = Failed::Refused(format!("the sentinel {sentinel} knows no master '{name}'")),
                Err(failed) => last = failed,
            }
        }
        Err(last)
    }

    async fn send(&self, node: &str, command: &Cmd, ask: bool) -> Result<Value, Failed> {
        let mut connection = {
            let mut connections = self.connections.lock().await;
            match connections.get(node) {
                Some(connection) => connection.clone(),
                None => {
                    let database = if self.settings.cluster { 0 } else { self.settings.database };
                    let opened = self.open(node, &self.settings.user, database).await?;
                    connections.insert(node.to_owned(), opened.clone());
                    opened
                }
            }
        };
        let sent = async {
            if ask {
                connection.send_packed_command(&redis::cmd("ASKING")).await?;
            }
            connection.send_packed_command(command).await
        };
        match sent.await {
            Ok(Value::ServerError(error)) => Err(Failed::Server(error.into())),
            Ok(value) => Ok(value),
            Err(error) if error.is_io_error() => {
                if !error.is_timeout() {
                    self.connections.lock().await.remove(node);
                }
                Err(Failed::Connect(message(&error)))
            }
            Err(error) => Err(Failed::Server(error)),
        }
    }

    async fn open(&self, node: &str, user: &Credentials, database: i64) -> Result<MultiplexedConnection, Failed> {
        let (host, port) = node.rsplit_once(':').unwrap_or((node, "6379"));
        let port = port.parse().map_err(|_| Failed::Refused(format!("'{node}' is not host:port")))?;
        let limit = self.settings.dial_timeout;
        let timeout = |_| Failed::Connect(format!("dial {node}: no connection within {limit:?}"));
        let dialled = dial::raw(&self.shared, host, port, self.tls.as_ref(), &self.bytes);
        let io = tokio::time::timeout(limit, dialled).await.map_err(timeout)?;
        let io = io.map_err(|e| Failed::Connect(e.message))?;
        let mut info = RedisConnectionInfo::default().set_db(database).set_skip_set_lib_name();
        if let Some(name) = &user.name {
            info = info.set_username(name);
        }
        if let Some(password) = &user.password {
            info = info.set_password(password);
        }
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(self.settings.read_timeout));
        let made = MultiplexedConnection::new_with_config(&info, io, config);
        match tokio::time::timeout(limit.max(Duration::from_secs(1)), made).await.map_err(timeout)? {
            Ok((connection, driver)) => {
                // Ends with the last clone of the connection.
                tokio::spawn(driver);
                Ok(connection)
            }
            Err(error) if error.is_io_error() => Err(Failed::Connect(message(&error))),
            Err(error) => Err(Failed::Refused(message(&error))),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reply(value: Value) -> Result<Reply, RedisError> {
    let list = |values: Vec<Value>| values.into_iter().map(reply).collect::<Result<Vec<_>, _>>().map(Reply::List);
    Ok(match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Int(number),
        Value::BulkString(bytes) => Reply::Text(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Reply::Text(text.into_bytes()),
        Value::Okay => Reply::Text(b"OK".to_vec()),
        Value::Array(values) | Value::Set(values) => list(values)?,
        Value::Map(pairs) => list(pairs.into_iter().flat_map(|(k, v)| [k, v]).collect())?,
        Value::Double(number) => Reply::Float(number),
        Value::Boolean(yes) => Reply::Bool(yes),
        Value::ServerError(error) => return Err(error.into()),
        other => {
            return Err(
                (ErrorKind::UnexpectedReturnType, "this kind of answer is unknown", format!("{other:?}")).into()
            );
        }
    })
}

/// As the server wrote it: `WRONGTYPE Operation against ...`.
fn message(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ if error.is_timeout() => "the server did not answer in time (readTimeout)".to_owned(),
        _ if error.is_io_error() => format!("the connection broke: {error}"),
        _ => error.to_string(),
    }
}

/// The slot of a key in a cluster: a checksum of the key, or of what stands in its first braces.
fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|b| *b == b'{').and_then(|open| {
        let inside = &key[open + 1..];
        inside.iter().position(|b| *b == b'}').filter(|close| *close > 0).map(|close| &inside[..close])
    });
    let mut crc = 0_u16;
    for byte in tag.unwrap_or(key) {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
    }
    crc % 16384
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // CLUSTER KEYSLOT of a real server.
        assert_eq!((slot(b"123456789"), slot(b"foo"), slot(b"somekey")), (12739, 12182, 11058));
        assert_eq!(slot(b"user{1000}.following"), slot(b"1000"));
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
        assert_ne!(slot(b"foo{}{bar}"), slot(b"bar"));
    }
}
