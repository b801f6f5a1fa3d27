//! Commands of k6 that have no counterpart here: each says so in one message.

use super::print;
use crate::error::Error;

/// `cloud` and `login`.
pub(super) fn cloud(command: &str) -> Result<u8, Error> {
    Err(Error::usage(format!("`{command}` belongs to Grafana Cloud k6, which inrush does not talk to")).with_hint(
        "run the script here with `run`, and send results elsewhere with `-o`; `run --help` lists the outputs",
    ))
}

/// `x`: sub-commands of extensions.
pub(super) fn extension() -> Result<u8, Error> {
    Err(Error::usage("`x` runs commands of k6 extensions, which cannot be added to inrush")
        .with_hint("the modules that are built in are listed in docs/k6-compat.md"))
}

/// `features`: k6's experimental features, and what became of them here.
pub(super) fn features() -> Result<u8, Error> {
    let text = "\
async-metric-context  known: asynchronous work keeps the tags, metadata and group it was registered under; group() takes async functions
merge-run-tags        known: tags of --tag are added to the script's instead of replacing them
native-histograms     not known: ignored with a warning
freeze-env            not known: ignored with a warning
";
    print(text.as_bytes())
}
