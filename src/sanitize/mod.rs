//! Production logs as datasets without secrets: bytes of a log in, clean rows, a report and a profile out. Called by `inrush sanitize`.
//!
//! `documents` cuts a log into entries, `formats` finds the requests in them, `scrub` replaces what the `detectors` find by `pseudonym`s, and
//! `pass` ties them together, one entry at a time. Opening files and choosing tokenizers is the command's. No JavaScript, no network.

mod conversation;
pub mod detectors;
mod documents;
mod fields;
mod findings;
mod formats;
mod moment;
mod pass;
mod profile;
mod pseudonym;
mod record;
mod scrub;
mod table;
mod usage;

pub use fields::Fields;
pub use findings::{Broken, Findings};
pub use formats::{FORMATS, Format};
pub use pass::{Count, Pass, Row, moved};
pub use profile::Profile;
pub use pseudonym::Salt;
pub use scrub::{Pattern, Scrubber};
