//! Reads recordings from files and folders, before the mock listens.
//!
//! A `.jsonl` file holds one recording a line, as `--record` writes them. Any other file is the bare body of one answer; its
//! ending tells the media type, and `NAME.meta.json` beside `NAME.ENDING` may tell the rest: `url`, `status`,
//! `response_headers`, and `model` and `stream` of `request`. In folders everything else is passed over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::mock::record::{keeps_header, keeps_query};
use crate::mock::recording::{Recording, Wish, check_headers};

/// Largest file.
const MAX_FILE: u64 = 256 * 1024 * 1024;
/// Most bytes of all files; they stay in memory.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// Most folders within folders.
const MAX_DEPTH: usize = 16;

/// Endings of bare bodies and their media types.
const BODIES: &[(&str, &str)] = &[
    ("bin", "application/vnd.amazon.eventstream"),
    ("json", "application/json; charset=UTF-8"),
    ("ndjson", "application/x-ndjson"),
    ("sse", "text/event-stream; charset=utf-8"),
];
/// Ending of files of recordings.
const RECORDED: &str = "jsonl";
/// What belongs to a bare body and is none.
const BESIDE: &[&str] = &[".meta.json", ".expected.json"];

/// Reads all that `paths` name, in order.
///
/// # Errors
/// Every file that cannot be used, one sentence each.
pub(super) fn load(paths: &[PathBuf]) -> Result<Vec<Recording>, Vec<String>> {
    let (mut found, mut problems, mut bytes) = (Vec::new(), Vec::new(), 0);
    for path in paths {
        let before = found.len() + problems.len();
        match std::fs::metadata(path) {
            Err(error) => problems.push(format!("{}: {error}", path.display())),
            Ok(at) if at.is_dir() => {
                let mut files = Vec::new();
                if let Err(error) = walk(path, MAX_DEPTH, &mut files) {
                    problems.push(format!("{}: {error}", path.display()));
                }
                for file in files {
                    let name = file.strip_prefix(path).unwrap_or(&file).to_string_lossy().into_owned();
                    read(&file, &name, &mut found, &mut problems, &mut bytes);
                }
                if found.len() + problems.len() == before {
                    problems.push(format!("{}: no recording in this folder; {}", path.display(), kinds()));
                }
            }
            Ok(_) if kind(path).is_none() => {
                problems.push(format!("{}: its ending does not say what it holds; {}", path.display(), kinds()));
            }
            Ok(_) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                read(path, &name, &mut found, &mut problems, &mut bytes);
            }
        }
    }
    let mut names: Vec<&str> = found.iter().map(|r| r.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    let twice =
        twice.map(|name| format!("two recordings are called {name}: give the folder above them, or rename one"));
    problems.extend(twice);
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn kinds() -> String {
    let bodies = BODIES.iter().map(|(ending, kind)| format!(".{ending} ({})", kind.split(';').next().unwrap_or(kind)));
    format!(".{RECORDED} files hold recordings, and bare bodies are {}", bodies.collect::<Vec<_>>().join(", "))
}

/// The media type of a bare body, or nothing for recordings; None = it is neither.
fn kind(path: &Path) -> Option<Option<&'static str>> {
    let name = path.file_name()?.to_str()?;
    if name.starts_with('.') || BESIDE.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    let ending = path.extension()?.to_str()?;
    if ending == RECORDED {
        return Some(None);
    }
    BODIES.iter().find(|(known, _)| *known == ending).map(|(_, kind)| Some(*kind))
}

/// The files of a folder and those below, in order of their names.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            if depth > 0 {
                walk(&entry, depth - 1, files)?;
            }
        } else if kind(&entry).is_some() {
            files.push(entry);
        }
    }
    Ok(())
}

fn read(path: &Path, name: &str, found: &mut Vec<Recording>, problems: &mut Vec<String>, bytes: &mut u64) {
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    *bytes += size;
    let result = if size > MAX_FILE {
        Err(format!("it has {size} bytes, and {MAX_FILE} are the most"))
    } else if *bytes > MAX_BYTES {
        Err(format!("with it the recordings have more than {MAX_BYTES} bytes, which stay in memory: serve fewer"))
    } else {
        std::fs::read(path).map_err(|e| e.to_string()).and_then(|content| match kind(path).flatten() {
            Some(media) => bare(path, name, media, content).map(|recording| found.push(recording)),
            None => lines(name, &content, found),
        })
    };
    problems.extend(result.err().map(|why| format!("{}: {why}", path.display())));
}

fn lines(name: &str, content: &[u8], found: &mut Vec<Recording>) -> Result<(), String> {
    let text = std::str::from_utf8(content).map_err(|e| format!("it is not UTF-8 text: {e}"))?;
    let all: Vec<(usize, &str)> = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).collect();
    if all.is_empty() {
        return Err("it holds no recording".to_owned());
    }
    for (n, (at, line)) in all.iter().enumerate() {
        let name = if all.len() == 1 { name.to_owned() } else { format!("{name}#{}", n + 1) };
        found.push(Recording::from_line(name, line).map_err(|why| format!("line {}: {why}", at + 1))?);
    }
    Ok(())
}

/// What may stand beside a bare body.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    url: Option<String>,
    status: Option<u16>,
    response_headers: Map<String, Value>,
    request: Value,
}

/// Whether a body can be AWS' binary events: the head of its first one has the right checksum. An empty one can.
fn is_aws_events(body: &[u8]) -> bool {
    let Some((head, sum)) = body.split_at_checked(8).and_then(|(head, rest)| Some((head, rest.first_chunk::<4>()?)))
    else {
        return body.is_empty();
    };
    let mut crc = flate2::Crc::new();
    crc.update(head);
    crc.sum() == u32::from_be_bytes(*sum)
}

fn bare(path: &Path, name: &str, media: &str, body: Vec<u8>) -> Result<Recording, String> {
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("bin")) && !is_aws_events(&body) {
        return Err(
            "it holds no AWS binary events (application/vnd.amazon.eventstream), which `.bin` stands for".to_owned()
        );
    }
    let beside = path.with_extension("meta.json");
    let meta: Meta = match std::fs::read(&beside) {
        Ok(text) => serde_json::from_slice(&text).map_err(|e| format!("beside it {}: {e}", beside.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Meta::default(),
        Err(error) => return Err(format!("beside it {}: {error}", beside.display())),
    };
    let status = meta.status.unwrap_or(200);
    if !(200..=599).contains(&status) {
        return Err(format!("beside it {}: status {status} is not a number from 200 to 599", beside.display()));
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    for (header, value) in &meta.response_headers {
        let header = header.to_ascii_lowercase();
        // The body is what a recorder decoded, and its length is ours to tell.
        let decoded = ["content-encoding", "content-length"].contains(&header.as_str());
        if let (true, false, Value::String(value)) = (keeps_header(&header), decoded, value) {
            headers.push((header, value.clone()));
        }
    }
    check_headers(&headers).map_err(|why| format!("beside it {}: {why}", beside.display()))?;
    if !headers.iter().any(|(header, _)| header == "content-type") {
        headers.insert(0, ("content-type".to_owned(), media.to_owned()));
    }
    let url = meta.url.map(|url| {
        url.split_once("://").map_or(url.clone(), |(_, rest)| rest[rest.find('/').unwrap_or(rest.len())..].to_owned())
    });
    let (path, query) = match &url {
        Some(url) => {
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            (Some(if path.is_empty() { "/" } else { path }.to_owned()), keeps_query(query))
        }
        None => (None, String::new()),
    };
    Ok(Recording {
        name: name.to_owned(),
        method: "POST".to_owned(),
        path,
        query,
        wish: Wish::of(meta.request.to_string().as_bytes()),
        recorded_at: None,
        status,
        headers,
        head: Duration::ZERO,
        body,
        arrivals: Vec::new(),
        complete: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    const LINE: &str =
        r#"{"inrush_recording":1,"method":"POST","path":"/p","status":429,"headers":[],"chunks":[],"complete":true}"#;

    #[test]
    fn files_and_folders_are_read_in_order() {
        let dir = folder(&[
            ("b/two.jsonl", &format!("{LINE}\n\n{LINE}\n")),
            ("a.sse", "data: 1\n\n"),
            (
                "a.meta.json",
                r#"{"url":"https://api.x.test/v1/chat?alt=sse&key=secret","status":201,"request":{"model":"m","stream":"odd"},"response_headers":{"Content-Type":"text/event-stream","Set-Cookie":"a=b","content-encoding":"gzip"}}"#,
            ),
            ("a.expected.json", "{}"),
            ("README.md", "no recording"),
            (".hidden.sse", "no recording"),
            ("c.bin", ""),
        ]);
        let found = load(&[dir.path().to_owned()]).unwrap();
        let names: Vec<_> = found.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["a.sse", "b/two.jsonl#1", "b/two.jsonl#2", "c.bin"]);
        assert_eq!(
            (found[0].path.as_deref(), found[0].query.as_str(), found[0].status),
            (Some("/v1/chat"), "alt=sse", 201)
        );
        assert_eq!(found[0].wish, Wish { model: Some("m".to_owned()), stream: None });
        assert_eq!(found[0].headers, [("content-type".to_owned(), "text/event-stream".to_owned())]);
        assert_eq!((found[3].path.as_deref(), found[3].header("content-type")), (None, Some(BODIES[0].1)));
        let one = load(&[dir.path().join("a.sse")]).unwrap();
        assert_eq!((one.len(), one[0].name.as_str()), (1, "a.sse"));
    }

    #[test]
    fn everything_that_cannot_be_used_is_named() {
        let dir = folder(&[
            ("x/a.sse", ""),
            ("y/a.sse", ""),
            ("bad.jsonl", "{}"),
            ("empty.jsonl", "\n"),
            ("m.sse", ""),
            ("m.meta.json", "["),
            ("note.txt", ""),
            ("noise.bin", "neither a length nor a checksum"),
            ("short.bin", "short"),
        ]);
        std::fs::create_dir(dir.path().join("nothing")).unwrap();
        let at = |name: &str| dir.path().join(name);
        let paths =
            ["x", "y", "bad.jsonl", "empty.jsonl", "m.sse", "note.txt", "nothing", "absent", "noise.bin", "short.bin"]
                .map(at);
        let problems = load(&paths).unwrap_err();
        let text = problems.join("\n");
        for says in [
            "bad.jsonl: line 1: it is no recording",
            "empty.jsonl: it holds no recording",
            "m.meta.json: EOF",
            "note.txt: its ending does not say what it holds; .jsonl files hold recordings",
            "nothing: no recording in this folder",
            "absent: ",
            "two recordings are called a.sse",
            "noise.bin: it holds no AWS binary events",
            "short.bin: it holds no AWS binary events",
        ] {
            assert!(text.contains(says), "{says} is missing in {text}");
        }
        assert_eq!(problems.len(), 9, "{text}");
    }
}
