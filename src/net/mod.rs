//! Bytes with time stamps: dialling, TLS, HTTP, cookies, SSE framing. No JavaScript, no models.
