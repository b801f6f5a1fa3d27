//! Recorded replies for tests. They lie beside the project, not in it: without them a test says so and passes, except on
//! CI, where they must be there.

use std::path::PathBuf;

/// The folder, if it is there.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("INRUSH_FIXTURES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} is missing; CI needs the recorded replies",
        path.display()
    );
    eprintln!("SKIPPED: {} is missing (set INRUSH_FIXTURES to the folder of recorded replies)", path.display());
    None
}

/// A file's text, if it is there.
pub(crate) fn read(name: &str) -> Option<String> {
    folder(name).map(|path| std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}
