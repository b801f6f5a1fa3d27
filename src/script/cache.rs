//! Remote modules on disk: one file per URL, with a hash of the text by which a changed file is recognised.
//!
//! A file is a line of JSON (address, ETag, SHA-256) followed by the text. It is written whole or not at all.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

/// The folder of cached modules; None when there is no home to put it in.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: Option<PathBuf>,
}

/// One fetched text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where redirects led.
    pub(super) found: Url,
    /// The server's name for this version.
    pub(super) etag: Option<String>,
    /// The text as it came.
    pub(super) body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    url: String,
    found: String,
    etag: Option<String>,
    sha256: String,
}

impl Cache {
    /// `INRUSH_CACHE_DIR/modules`, or `inrush/modules` in the user's cache folder.
    pub(super) fn from_environment() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let folder = variable("INRUSH_CACHE_DIR").or_else(|| {
            let base = variable("XDG_CACHE_HOME").filter(|p| p.is_absolute());
            Some(base.or_else(|| Some(variable("HOME")?.join(".cache")))?.join("inrush"))
        });
        Self { folder: folder.map(|f| f.join("modules")) }
    }

    fn path(&self, url: &Url) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{}.js", hash(url.as_str().as_bytes()))))
    }

    /// The text of a URL, if it is here.
    ///
    /// # Errors
    /// The file is there, but is not what was written.
    pub(super) fn get(&self, url: &Url) -> Result<Option<Entry>, String> {
        let Some(path) = self.path(url) else { return Ok(None) };
        let Ok(bytes) = std::fs::read(&path) else { return Ok(None) };
        let damaged = || format!("the cached copy of '{url}' was changed or damaged ({})", path.display());
        let end = bytes.iter().position(|b| *b == b'\n').ok_or_else(damaged)?;
        let header: Header = serde_json::from_slice(&bytes[..end]).map_err(|_| damaged())?;
        let body = &bytes[end + 1..];
        let found = Url::parse(&header.found).map_err(|_| damaged())?;
        if header.url != url.as_str() || header.sha256 != hash(body) {
            return Err(damaged());
        }
        Ok(Some(Entry { found, etag: header.etag, body: body.to_vec() }))
    }

    /// Keeps a text.
    ///
    /// # Errors
    /// The folder or file cannot be written.
    pub(super) fn put(&self, url: &Url, entry: &Entry) -> std::io::Result<()> {
        let (Some(path), Some(folder)) = (self.path(url), &self.folder) else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        let header = Header {
            url: url.to_string(),
            found: entry.found.to_string(),
            etag: entry.etag.clone(),
            sha256: hash(&entry.body),
        };
        // Several runs may write at once: each has a file of its own until it is whole.
        let draft = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(serde_json::to_string(&header)?.as_bytes())?;
        file.write_all(b"\n")?;
        file.write_all(&entry.body)?;
        drop(file);
        std::fs::rename(&draft, &path)
    }
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.folder {
            Some(folder) => folder.display().fmt(f),
            None => f.write_str("no folder: set INRUSH_CACHE_DIR"),
        }
    }
}

fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_can_be_got_and_changes_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { folder: Some(dir.path().join("deep/modules")) };
        let url = Url::parse("https://h.test/a.js?v=1").unwrap();
        assert_eq!(cache.get(&url), Ok(None));
        let entry = Entry {
            found: Url::parse("https://h.test/b.js").unwrap(),
            etag: Some("\"1\"".to_owned()),
            body: b"let a = 1;\nlet b;\n".to_vec(),
        };
        cache.put(&url, &entry).unwrap();
        assert_eq!(cache.get(&url), Ok(Some(entry.clone())));
        assert_eq!(std::fs::read_dir(dir.path().join("deep/modules")).unwrap().count(), 1, "no drafts are left");
        let path = cache.path(&url).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for bad in [text.replace("a = 1", "a = 2"), text.replace("a.js", "c.js"), String::new(), "{}\n".to_owned()] {
            std::fs::write(&path, bad).unwrap();
            assert!(cache.get(&url).unwrap_err().contains("changed or damaged"));
        }
        cache.put(&url, &entry).unwrap();
        assert_eq!(cache.get(&url), Ok(Some(entry)));
    }
}
