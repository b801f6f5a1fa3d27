//! What a Redis client is made from: the options of xk6-redis in their old and new form, or a URL. Messages show no passwords.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

/// Where and how to connect.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// `host:port` of the server, of the cluster's nodes or of the sentinels.
    pub(super) addresses: Vec<String>,
    /// Follow a cluster's redirections.
    pub(super) cluster: bool,
    /// The master's name, when the addresses are sentinels.
    pub(super) master: Option<String>,
    pub(super) database: i64,
    pub(super) user: Credentials,
    pub(super) sentinel_user: Credentials,
    pub(super) tls: Option<RedisTls>,
    pub(super) dial_timeout: Duration,
    pub(super) read_timeout: Duration,
    pub(super) max_retries: u32,
    pub(super) min_backoff: Duration,
    pub(super) max_backoff: Duration,
    pub(super) max_redirects: u32,
}

/// A name and a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) name: Option<String>,
    pub(super) password: Option<String>,
}

/// PEM texts of an encrypted connection.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct RedisTls {
    pub(super) ca: Vec<String>,
    pub(super) cert: Option<String>,
    pub(super) key: Option<String>,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            cluster: false,
            master: None,
            database: 0,
            user: Credentials::default(),
            sentinel_user: Credentials::default(),
            tls: None,
            dial_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(3),
            max_retries: 3,
            min_backoff: Duration::from_millis(8),
            max_backoff: Duration::from_millis(512),
            max_redirects: 3,
        }
    }
}

impl std::fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisSettings").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Options of connection pools and routing: accepted, without effect, since a client has one connection per server.
const WITHOUT_EFFECT: &[&str] = &[
    "writeTimeout",
    "poolSize",
    "minIdleConns",
    "maxConnAge",
    "poolTimeout",
    "idleTimeout",
    "idleCheckFrequency",
    "readOnly",
    "routeByLatency",
    "routeRandomly",
];

impl RedisSettings {
    /// From the argument of `new Client()`: a URL, or an object of options.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(value: &Value) -> Result<Self, String> {
        let mut settings = Self::default();
        match value {
            Value::String(url) => settings.url(url)?,
            Value::Object(options) => match options.get("cluster") {
                Some(Value::Object(cluster)) => {
                    if let Some(name) = options.keys().find(|k| *k != "cluster") {
                        return Err(format!("'{name}' must stand inside of 'cluster'"));
                    }
                    settings.cluster = true;
                    settings.members(cluster)?;
                }
                Some(_) => return Err("'cluster' must be an object with 'nodes'".to_owned()),
                None => settings.members(options)?,
            },
            _ => return Err("the options must be a URL such as 'redis://localhost:6379', or an object".to_owned()),
        }
        if settings.addresses.is_empty() {
            return Err("no server is named: give a URL, 'socket' with host and port, 'addrs', or 'cluster'".to_owned());
        }
        settings.cluster |= settings.addresses.len() > 1 && settings.master.is_none();
        Ok(settings)
    }

    fn url(&mut self, text: &str) -> Result<(), String> {
        // The text may hold a password: it is not repeated.
        let url = Url::parse(text).map_err(|e| format!("the URL cannot be read: {e}"))?;
        match url.scheme() {
            "redis" => {}
            "rediss" => self.tls = Some(RedisTls::default()),
            other => return Err(format!("the URL must begin with redis:// or rediss://, not {other}://")),
        }
        let host = url.host_str().filter(|h| !h.is_empty()).unwrap_or("localhost");
        self.addresses.push(format!("{host}:{}", url.port().unwrap_or(6379)));
        let decoded = |text: &str| percent_decoded(text).filter(|t| !t.is_empty());
        self.user.name = decoded(url.username()).or(self.user.name.take());
        self.user.password = url.password().and_then(decoded).or(self.user.password.take());
        let path = url.path().trim_matches('/');
        if !path.is_empty() {
            self.database =
                path.parse().map_err(|_| format!("the URL's path must be a database number, not '{path}'"))?;
        }
        for (name, value) in url.query_pairs() {
            let number = value.parse::<i64>();
            match name.as_ref() {
                "db" => self.database = number.map_err(|_| "db in the URL must be a number".to_owned())?,
                _ => return Err(format!("the URL has an unknown parameter '{name}'; known: db")),
            }
        }
        Ok(())
    }

    fn members(&mut self, options: &Map<String, Value>) -> Result<(), String> {
        for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "addrs" => {
                    for address in list(name, value)? {
                        self.addresses.push(with_port(text(name, address)?));
                    }
                }
                "nodes" => {
                    for node in list(name, value)? {
                        match node {
                            Value::String(url) => self.url(url)?,
                            Value::Object(node) => self.members(node)?,
                            _ => return Err("each of 'nodes' must be a URL or an object".to_owned()),
                        }
                    }
                }
                "socket" => match value {
                    Value::Object(socket) => self.socket(socket)?,
                    _ => return Err("'socket' must be an object with 'host' and 'port'".to_owned()),
                },
                "masterName" => self.master = Some(text(name, value)?.to_owned()),
                "username" => self.user.name = Some(text(name, value)?.to_owned()).filter(|t| !t.is_empty()),
                "password" => self.user.password = Some(text(name, value)?.to_owned()).filter(|t| !t.is_empty()),
                "sentinelUsername" => self.sentinel_user.name = Some(text(name, value)?.to_owned()),
                "sentinelPassword" => self.sentinel_user.password = Some(text(name, value)?.to_owned()),
                "db" | "database" => self.database = i64::from(number(name, value)?),
                // As in xk6-redis 0 is the default; retries are switched off with -1.
                "maxRetries" if value.as_i64() == Some(-1) => self.max_retries = 0,
                "maxRetries" => default_at_zero(number(name, value)?, &mut self.max_retries),
                "maxRedirects" => default_at_zero(number(name, value)?, &mut self.max_redirects),
                "minRetryBackoff" => millis(name, value, &mut self.min_backoff)?,
                "maxRetryBackoff" => millis(name, value, &mut self.max_backoff)?,
                _ => self.shared(name, value)?,
            }
        }
        Ok(())
    }

    fn socket(&mut self, socket: &Map<String, Value>) -> Result<(), String> {
        let host = socket.get("host").map_or(Ok("localhost"), |host| text("host", host))?;
        let port = socket.get("port").map_or(Ok(6379), |port| number("port", port))?;
        self.addresses.push(format!("{host}:{port}"));
        for (name, value) in socket.iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "host" | "port" => {}
                "tls" => {
                    let Value::Object(members) = value else {
                        return Err("'tls' must be an object, which may hold 'ca', 'cert' and 'key'".to_owned());
                    };
                    let mut tls = RedisTls::default();
                    for (name, value) in members {
                        match name.as_str() {
                            "ca" => {
                                tls.ca = list(name, value)?
                                    .iter()
                                    .map(|c| text("ca", c).map(str::to_owned))
                                    .collect::<Result<_, _>>()?
                            }
                            "cert" => tls.cert = Some(text(name, value)?.to_owned()),
                            "key" => tls.key = Some(text(name, value)?.to_owned()),
                            _ => return Err(format!("unknown option '{name}' in 'tls'; known: ca, cert, key")),
                        }
                    }
                    if tls.cert.is_some() != tls.key.is_some() {
                        return Err("'cert' and 'key' of 'tls' go together".to_owned());
                    }
                    self.tls = Some(tls);
                }
                _ => self.shared(name, value)?,
            }
        }
        Ok(())
    }

    /// Options that stand beside the others in the old form, and in `socket` in the new one.
    fn shared(&mut self, name: &str, value: &Value) -> Result<(), String> {
        match name {
            "dialTimeout" => millis(name, value, &mut self.dial_timeout),
            "readTimeout" => millis(name, value, &mut self.read_timeout),
            _ if WITHOUT_EFFECT.contains(&name) => Ok(()),
            _ => Err(format!("unknown option '{name}'")),
        }
    }
}

fn with_port(address: &str) -> String {
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { address.to_owned() } else { format!("{address}:6379") }
}

fn percent_decoded(text: &str) -> Option<String> {
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
}

fn list<'a>(name: &str, value: &'a Value) -> Result<&'a Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("'{name}' must be an array"))
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("'{name}' must be a text"))
}

fn number(name: &str, value: &Value) -> Result<u32, String> {
    let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
    number.ok_or_else(|| format!("'{name}' must be a whole number of 0 or more"))
}

fn default_at_zero(number: u32, target: &mut u32) {
    if number > 0 {
        *target = number;
    }
}

/// Milliseconds; 0 leaves the default.
fn millis(name: &str, value: &Value, target: &mut Duration) -> Result<(), String> {
    let millis = number(name, value)?;
    if millis > 0 {
        *target = Duration::from_millis(u64::from(millis));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_forms_are_read() {
        let url = RedisSettings::read(&json!("rediss://me:s%40+1@example.org/2")).unwrap();
        assert_eq!((url.addresses, url.database, url.tls.is_some()), (vec!["example.org:6379".to_owned()], 2, true));
        assert_eq!((url.user.name.as_deref(), url.user.password.as_deref()), (Some("me"), Some("s@+1")));
        let old = json!({ "addrs": ["a:1", "b"], "password": "x", "db": 3, "readTimeout": 10, "poolSize": 5 });
        let old = RedisSettings::read(&old).unwrap();
        assert_eq!((old.addresses, old.cluster, old.database), (vec!["a:1".to_owned(), "b:6379".to_owned()], true, 3));
        assert_eq!((old.read_timeout, old.dial_timeout), (Duration::from_millis(10), Duration::from_secs(5)));
        let new = json!({ "socket": { "host": "h", "port": 7, "tls": { "ca": ["x"] }, "dialTimeout": 0 }, "username": "u", "database": 1, "maxRetries": -1 });
        let new = RedisSettings::read(&new).unwrap();
        assert_eq!((new.addresses, new.cluster, new.max_retries), (vec!["h:7".to_owned()], false, 0));
        assert_eq!(new.tls.unwrap().ca, ["x"]);
        let nodes = json!({ "cluster": { "maxRedirects": 9, "nodes": [{ "socket": { "host": "a", "port": 1 } }, "redis://b:2"] } });
        let nodes = RedisSettings::read(&nodes).unwrap();
        assert_eq!(
            (nodes.addresses, nodes.cluster, nodes.max_redirects),
            (vec!["a:1".to_owned(), "b:2".to_owned()], true, 9)
        );
        let sentinel = RedisSettings::read(&json!({ "addrs": ["a:1", "b:2"], "masterName": "m" })).unwrap();
        assert_eq!((sentinel.cluster, sentinel.master.as_deref()), (false, Some("m")));
    }

    #[test]
    fn mistakes_are_told_without_passwords() {
        for (value, what) in [
            (json!(1), "URL"),
            (json!({}), "no server"),
            (json!("http://u:hush@x"), "redis://"),
            (json!("redis://u:hush@x:99999"), "cannot be read"),
            (json!("redis://u:hush@x/a"), "database number"),
            (json!("redis://x?color=1"), "'color'"),
            (json!({ "addrs": ["a"], "pasword": "hush" }), "'pasword'"),
            (json!({ "addrs": "a" }), "'addrs' must be an array"),
            (json!({ "socket": { "host": 1 } }), "'host' must be a text"),
            (json!({ "socket": { "host": "x", "port": -1 } }), "'port'"),
            (json!({ "socket": { "tls": { "cert": "x" } } }), "go together"),
            (json!({ "cluster": { "nodes": [1] } }), "'nodes'"),
            (json!({ "cluster": { "nodes": [] }, "password": "hush" }), "inside of 'cluster'"),
        ] {
            let error = RedisSettings::read(&value).unwrap_err();
            assert!(error.contains(what) && !error.contains("hush"), "{value}: {error}");
        }
        let settings = RedisSettings::read(&json!("redis://u:hush@x")).unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
