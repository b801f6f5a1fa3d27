//! Bytes with time stamps: dialling, TLS, HTTP, cookies, SSE framing. No JavaScript, no models.
use std::sync::Arc;
pub struct Shared;
pub struct Client {
    _shared: Arc<Shared>,
}
impl Client {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { _shared: shared }
    }
    pub fn take_bytes(&self) -> (u64, u64) {
        (0, 0)
    }
    pub fn close_idle(&self) {}
}
