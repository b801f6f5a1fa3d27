//! Archives of scripts in k6's layout: a tar of `metadata.json`, `data` (the script), and every file the script needs under
//! `file/<absolute path>`.
//!
//! Only the format: the command line decides what goes in, and where it is unpacked. Archives come from elsewhere, so nothing
//! in them may name a place outside the folder they are unpacked into.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// What an archive says of its script; fields of k6 that are not used here are left out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// `js`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The options as they were merged when the archive was made.
    pub options: Value,
    /// URL of the script, `file:///home/me/test.js`.
    pub filename: String,
    /// URL of the folder the archive was made in.
    pub pwd: String,
    /// Variables of `__ENV`.
    pub env: Option<BTreeMap<String, String>>,
    /// `extended` or `base`.
    pub compatibility_mode: String,
    /// The version of k6, or the one followed.
    #[serde(rename = "k6version")]
    pub k6_version: String,
    /// The operating system.
    pub goos: String,
    /// Remote modules that were found elsewhere: what they import is relative to that place. Not in archives of k6.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub redirects: BTreeMap<String, String>,
}

/// An archive in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Archive {
    /// What it says of itself.
    pub metadata: Metadata,
    /// Contents by path in the archive: `file/home/me/test.js`, `https/host/lib.js`.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Whether a file begins like a tar archive. What can be read only once, such as a pipe, is none.
pub fn is_archive(path: &Path) -> bool {
    let mut head = [0; 262];
    if !path.is_file() {
        return false;
    }
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && begins_like_one(&head)
}

/// Whether bytes begin like a tar archive.
pub fn begins_like_one(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// The place in an archive of a module or file with this URL.
pub fn place_of(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}/{}", rest.trim_start_matches('/')),
        None => format!("file/{}", url.trim_start_matches('/')),
    }
}

impl Archive {
    /// Reads an archive.
    ///
    /// # Errors
    /// What is wrong with it, one sentence.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let broken = |e: io::Error| format!("it is not a complete tar archive: {e}");
        let (mut metadata, mut data, mut files) = (None, None, BTreeMap::new());
        for entry in tar::Archive::new(bytes).entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(broken)?;
            match name.trim_start_matches("./") {
                "metadata.json" => {
                    let parsed = serde_json::from_slice::<Metadata>(&content);
                    metadata = Some(parsed.map_err(|e| format!("its metadata.json cannot be read: {e}"))?);
                }
                "data" => data = Some(content),
                place => {
                    if inside(place).is_none() {
                        return Err(format!("it has an entry that leaves the archive: '{place}'"));
                    }
                    files.insert(place.to_owned(), content);
                }
            }
        }
        let metadata = metadata.ok_or("it has no metadata.json: it was not made by `archive`")?;
        if !matches!(metadata.kind.as_str(), "js" | "") {
            return Err(format!("it holds a test of the type '{}', not a script", metadata.kind));
        }
        let main = place_of(&metadata.filename);
        if !main.starts_with("file/") || inside(&main).is_none() {
            return Err(format!("its script '{}' is not a file", metadata.filename));
        }
        if let Some(data) = data {
            files.entry(main.clone()).or_insert(data);
        }
        if files.contains_key(&main) {
            Ok(Self { metadata, files })
        } else {
            Err(format!("it lacks its script '{main}'"))
        }
    }

    /// The archive as bytes.
    ///
    /// # Errors
    /// A path is too long for the format.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut out = tar::Builder::new(Vec::new());
        let mut add = |name: &str, content: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            // A long path does not fit a plain header; this writes what is needed in addition.
            out.append_data(&mut header, name, content)
        };
        let mut metadata = serde_json::to_vec_pretty(&self.metadata)?;
        metadata.push(b'\n');
        add("metadata.json", &metadata)?;
        if let Some(script) = self.files.get(&place_of(&self.metadata.filename)) {
            add("data", script)?;
        }
        for (place, content) in &self.files {
            add(place, content)?;
        }
        out.into_inner()
    }

    /// Writes all files below `folder`; returns where the script is.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn unpack(&self, folder: &Path) -> io::Result<PathBuf> {
        for (place, content) in &self.files {
            let Some(place) = inside(place) else { continue };
            let path = folder.join(place);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, content)?;
        }
        Ok(folder.join(place_of(&self.metadata.filename)))
    }

    /// The file that had this absolute path where the archive was made.
    pub fn original(&self, path: &Path) -> Option<&[u8]> {
        self.files.get(&place_of(&path.to_string_lossy())).map(Vec::as_slice)
    }

    /// A remote module, and where it was found. Archives of k6 may name it without what follows `?`, or with escapes resolved.
    pub fn remote(&self, url: &Url) -> Option<(&[u8], Url)> {
        let whole = place_of(url.as_str());
        let plain = format!("{}/{}{}", url.scheme(), url.host_str()?, url.path());
        let unescaped =
            |place: &str| percent_encoding::percent_decode_str(place).decode_utf8().map(Cow::into_owned).ok();
        let places = [Some(whole.clone()), unescaped(&whole), Some(plain.clone()), unescaped(&plain)];
        let text = places.iter().flatten().find_map(|place| self.files.get(place))?;
        let found = self.metadata.redirects.get(url.as_str()).and_then(|found| Url::parse(found).ok());
        Some((text, found.unwrap_or_else(|| url.clone())))
    }

    /// The files under the absolute paths they had where the archive was made.
    pub fn original_files(&self) -> impl Iterator<Item = (PathBuf, &[u8])> {
        self.files.iter().filter_map(|(place, content)| {
            Some((Path::new("/").join(place.strip_prefix("file/")?), content.as_slice()))
        })
    }
}

/// The path, if it stays inside the folder it is joined to.
fn inside(place: &str) -> Option<&Path> {
    let path = Path::new(place);
    let ordinary = path.components().all(|part| matches!(part, Component::Normal(_)));
    (ordinary && !place.is_empty() && !place.contains('\0')).then_some(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Archive {
        let metadata = Metadata {
            kind: "js".to_owned(),
            options: json!({ "iterations": 3 }),
            filename: "file:///home/me/test.js".to_owned(),
            env: Some(BTreeMap::from([("A".to_owned(), "1".to_owned())])),
            ..Metadata::default()
        };
        let long = format!("file/{}/data.bin", "folder/".repeat(40));
        let files = BTreeMap::from([
            ("file/home/me/test.js".to_owned(), b"export default () => {}".to_vec()),
            (long, vec![0, 255, 1]),
        ]);
        Archive { metadata, files }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = sample().to_bytes().unwrap();
        assert!(begins_like_one(&bytes) && !begins_like_one(b"export default"));
        assert_eq!(Archive::read(&bytes).unwrap(), sample());
        let folder = tempfile::tempdir().unwrap();
        let script = sample().unpack(folder.path()).unwrap();
        assert_eq!(script, folder.path().join("file/home/me/test.js"));
        assert!(is_archive(Path::new("Cargo.toml")).eq(&false) && script.is_file());
    }

    #[test]
    fn remote_modules_are_found_by_their_address() {
        let files =
            ["https/h/a.js", "https/h/b.js?x=1", "https/h/c d.js"].map(|place| (place.to_owned(), place.into()));
        let mut archive = Archive { files: files.into(), ..Archive::default() };
        archive.metadata.redirects.insert("https://h/a.js".to_owned(), "https://h/v2/a.js".to_owned());
        let at = |url: &str| Url::parse(url).unwrap();
        assert_eq!(archive.remote(&at("https://h/a.js")).unwrap().1, at("https://h/v2/a.js"));
        assert_eq!(archive.remote(&at("https://h/b.js?x=1")).unwrap().1, at("https://h/b.js?x=1"));
        let found = |url: &str| archive.remote(&at(url)).map(|(text, _)| String::from_utf8_lossy(text).into_owned());
        for (url, place) in [
            ("https://h/a.js", Some("https/h/a.js")),
            ("https://h/a.js?v=2", Some("https/h/a.js")),
            ("https://h/b.js?x=1", Some("https/h/b.js?x=1")),
            ("https://h/b.js", None),
            ("https://h/c%20d.js", Some("https/h/c d.js")),
            ("https://i/a.js", None),
        ] {
            assert_eq!(found(url).as_deref(), place, "{url}");
        }
    }

    fn tar_of(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut out = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            // `set_path` would refuse what is to be refused when read.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_cksum();
            out.append(&header, content.as_bytes()).unwrap();
        }
        out.into_inner().unwrap()
    }

    #[test]
    fn bad_archives_say_what_is_wrong() {
        let good = r#"{"type": "js", "filename": "file:///t.js"}"#;
        for (entries, text) in [
            (vec![("data", "x")], "no metadata.json"),
            (vec![("metadata.json", "{")], "cannot be read"),
            (vec![("metadata.json", good)], "lacks its script 'file/t.js'"),
            (vec![("metadata.json", good), ("data", "x"), ("file/../../etc/x", "y")], "leaves the archive"),
            (vec![("metadata.json", good), ("data", "x"), ("/etc/x", "y")], "leaves the archive"),
            (vec![("metadata.json", r#"{"filename": "file:///../x.js"}"#), ("data", "x")], "is not a file"),
            (vec![("metadata.json", r#"{"filename": "https://h/x.js"}"#), ("data", "x")], "is not a file"),
        ] {
            let error = Archive::read(&tar_of(&entries)).unwrap_err();
            assert!(error.contains(text), "{entries:?}: {error}");
        }
        let bytes = sample().to_bytes().unwrap();
        assert!(Archive::read(&bytes[..700]).is_err());
    }
}
