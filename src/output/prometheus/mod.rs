//! Prometheus both ways: [`remote_write`] sends to it, [`scrape`] waits to be asked. Names and units are the same.

mod names;
mod proto;
pub mod remote_write;
pub mod scrape;
mod series;
