//! The live dashboard of `--dashboard`: one page that fetches its charts anew each second. What is on it is made by whoever serves it; here
//! are only the page around it, the listener and who may look.

use std::future::Future;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use rand::RngExt;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::server::{self, Answers, ApiServer};
use crate::error::{Error, ExitCode};

/// Where it listens when nothing is said: k6's port for its own.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:5665";

/// The page: it holds everything it needs, and puts what it fetches into its middle.
const PAGE: &str = include_str!("dashboard.html");

/// How old what is shown may be: however many look, it is made once in this time.
const FRESH: Duration = Duration::from_millis(900);

/// Makes the middle of the page, as HTML; None once the run can no longer be asked.
pub type Fragment = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Option<String>> + Send>> + Send + Sync>;

/// Takes the address, before the run.
///
/// # Errors
/// The address cannot be read or listened on (106).
pub fn bind(address: &str) -> Result<TcpListener, Error> {
    let address = if address.is_empty() { DEFAULT_ADDRESS } else { address };
    server::listen(address).map_err(|why| {
        Error::new(ExitCode::CannotStartApi, format!("the dashboard cannot listen on '{address}': {why}"))
            .with_hint("give a free address, for example --dashboard=127.0.0.1:0 for any free port")
    })
}

/// Serves it until it is dropped; with the address to open.
///
/// # Errors
/// The listener cannot be used (106).
pub fn serve(
    listener: TcpListener,
    style: &'static str,
    fragment: Fragment,
    runtime: &tokio::runtime::Handle,
) -> Result<(ApiServer, String), Error> {
    let addr = listener.local_addr().ok();
    // From elsewhere only who was told the address may look.
    let token = addr.filter(|addr| !addr.ip().is_loopback()).map(|_| {
        let bytes: [u8; 16] = rand::rng().random();
        data_encoding::HEXLOWER.encode(&bytes)
    });
    let shown = addr.map(|addr| url(addr, token.as_deref())).unwrap_or_default();
    let page = PAGE.replace("/*STYLE*/", style);
    let server = server::serve(listener, Dashboard { page, fragment, token, latest: Mutex::default() }, runtime)?;
    Ok((server, shown))
}

fn url(addr: SocketAddr, token: Option<&str>) -> String {
    // A wildcard is no address to open.
    let host = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    let token = token.map(|token| format!("?token={token}")).unwrap_or_default();
    format!("http://{host}:{}/{token}", addr.port())
}

struct Dashboard {
    page: String,
    fragment: Fragment,
    token: Option<String>,
    /// What was made last, and when.
    latest: Mutex<(Option<Instant>, String)>,
}

impl Dashboard {
    async fn live(&self) -> String {
        let mut latest = self.latest.lock().await;
        if latest.0.is_none_or(|made| made.elapsed() > FRESH)
            && let Some(text) = (self.fragment)().await
        {
            *latest = (Some(Instant::now()), text);
        }
        latest.1.clone()
    }

    /// Without a token only this machine's own names may be asked for: a page from elsewhere could have pointed a name of its own here.
    fn is_own_name(&self, host: Option<&str>) -> bool {
        let name = host
            .map(|host| host.rsplit_once(':').map_or(host, |(name, _)| if name.ends_with(':') { host } else { name }));
        let own = |name: &str| name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        self.token.is_some() || name.is_none_or(own)
    }

    fn may_look(&self, query: Option<&str>) -> bool {
        let Some(token) = &self.token else { return true };
        let given = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        given.into_iter().any(|(name, value)| name == "token" && value == token.as_str())
    }
}

impl Answers for Dashboard {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let uri = request.uri();
        let host = request.headers().get("host").and_then(|host| host.to_str().ok());
        let (status, body) = match (uri.path(), self.may_look(uri.query())) {
            _ if !self.is_own_name(host) => (
                StatusCode::FORBIDDEN,
                "<p>Open the address that inrush printed, not another name of it.</p>".to_owned(),
            ),
            (_, false) => {
                (StatusCode::FORBIDDEN, "<p>Open the address that inrush printed: it carries a token.</p>".to_owned())
            }
            ("/", true) => (StatusCode::OK, self.page.clone()),
            ("/live", true) => (StatusCode::OK, self.live().await),
            _ => (
                StatusCode::NOT_FOUND,
                "<p>There is nothing here; the dashboard is at <a href=\"/\">/</a>.</p>".to_owned(),
            ),
        };
        let mut response = Response::new(Full::from(Bytes::from(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert("content-type", http::HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert("cache-control", http::HeaderValue::from_static("no-store"));
        headers.insert("referrer-policy", http::HeaderValue::from_static("no-referrer"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dashboard(token: Option<&str>) -> Dashboard {
        let made = std::sync::atomic::AtomicU32::new(0);
        let fragment: Fragment = Box::new(move || {
            let n = made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Box::pin(async move { (n < 2).then(|| n.to_string()) })
        });
        Dashboard { page: String::new(), fragment, token: token.map(str::to_owned), latest: Mutex::default() }
    }

    #[test]
    fn a_token_is_needed_where_there_is_one() {
        let open = dashboard(None);
        assert!(open.may_look(None));
        let closed = dashboard(Some("abc"));
        assert!(closed.may_look(Some("x=1&token=abc")));
        for query in [None, Some("token=abd"), Some("tok=abc"), Some("")] {
            assert!(!closed.may_look(query), "{query:?}");
        }
    }

    #[test]
    fn names_from_elsewhere_are_refused() {
        let open = dashboard(None);
        for own in
            [None, Some("localhost:5665"), Some("127.0.0.1:5665"), Some("127.0.0.1"), Some("[::1]:5665"), Some("[::1]")]
        {
            assert!(open.is_own_name(own), "{own:?}");
        }
        for other in ["evil.example:5665", "localhost.evil.example", ""] {
            assert!(!open.is_own_name(Some(other)), "{other}");
        }
        assert!(dashboard(Some("abc")).is_own_name(Some("load.example:80")), "a token guards it");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_shown_is_made_once_a_second_and_kept_after_the_end() {
        let dashboard = dashboard(None);
        assert_eq!((dashboard.live().await, dashboard.live().await), ("0".to_owned(), "0".to_owned()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(dashboard.live().await, "1");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(dashboard.live().await, "1", "the run is gone; what was seen last stays");
    }

    #[test]
    fn the_address_can_be_opened() {
        let shown = |addr: &str, token| url(addr.parse().unwrap(), token);
        assert_eq!(shown("127.0.0.1:80", None), "http://127.0.0.1:80/");
        assert_eq!(shown("0.0.0.0:81", Some("t")), "http://127.0.0.1:81/?token=t");
        assert_eq!(shown("[::]:82", None), "http://[::1]:82/");
        assert!(bind("nowhere").unwrap_err().message().contains("the dashboard cannot listen on 'nowhere'"));
    }
}
