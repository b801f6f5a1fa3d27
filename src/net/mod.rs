//! Bytes with time stamps: dialling, TLS, HTTP, cookies, SSE framing. No JavaScript, no models.

pub mod sse;
pub mod sse_xk6;
