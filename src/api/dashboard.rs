//! The live dashboard of `--dashboard`: one page that fetches its charts anew each second. What is on it is made by whoever serves it; here
//! are only the page around it, the listener and who may look.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use rand::RngExt;

use super::server::{self, Answers, ApiServer};
use crate::error::{Error, ExitCode};

/// Where it listens when nothing is said: k6's port for its own.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:5665";

/// The page: it holds everything it needs, and puts what it fetches into its middle.
const PAGE: &str = include_str!("dashboard.html");

/// Makes the middle of the page, as HTML.
pub type Fragment = Arc<dyn Fn() -> String + Send + Sync>;

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
    let server = server::serve(listener, Dashboard { page, fragment, token }, runtime)?;
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
}

impl Dashboard {
    fn may_look(&self, query: Option<&str>) -> bool {
        let Some(token) = &self.token else { return true };
        let given = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        given.into_iter().any(|(name, value)| name == "token" && value == token.as_str())
    }
}

impl Answers for Dashboard {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let uri = request.uri();
        let (status, body) = match (uri.path(), self.may_look(uri.query())) {
            (_, false) => {
                (StatusCode::FORBIDDEN, "<p>Open the address that inrush printed: it carries a token.</p>".to_owned())
            }
            ("/", true) => (StatusCode::OK, self.page.clone()),
            ("/live", true) => (StatusCode::OK, (self.fragment)()),
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
        Dashboard { page: String::new(), fragment: Arc::new(String::new), token: token.map(str::to_owned) }
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
    fn the_address_can_be_opened() {
        let shown = |addr: &str, token| url(addr.parse().unwrap(), token);
        assert_eq!(shown("127.0.0.1:80", None), "http://127.0.0.1:80/");
        assert_eq!(shown("0.0.0.0:81", Some("t")), "http://127.0.0.1:81/?token=t");
        assert_eq!(shown("[::]:82", None), "http://[::1]:82/");
        assert!(bind("nowhere").unwrap_err().message().contains("the dashboard cannot listen on 'nowhere'"));
    }
}
