//! Services, methods and types: from .proto sources, from a protoset, or as a server's reflection describes them.
//!
//! A [`Registry`] belongs to a run. What was loaded once is shared by all VUs: sources are keyed by their folders and names, sets of
//! descriptors by their content, so that two hundred VUs parse once and hold one copy.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use sha2::{Digest as _, Sha256};

/// A method that can be called.
#[derive(Clone, Debug)]
pub struct Method {
    /// As it is called: `/package.Service/Method`.
    pub path: String,
    /// The package of its file; empty without one.
    pub package: String,
    /// The service's name without its package.
    pub service: String,
    /// Whether the client sends any number of messages.
    pub client_streaming: bool,
    /// Whether the server sends any number of messages.
    pub server_streaming: bool,
    /// The type of what is sent.
    pub input: MessageDescriptor,
    /// The type of what comes back.
    pub output: MessageDescriptor,
}

impl Method {
    fn new(method: &MethodDescriptor) -> Self {
        let service = method.parent_service();
        Self {
            path: format!("/{}/{}", service.full_name(), method.name()),
            package: service.package_name().to_owned(),
            service: service.name().to_owned(),
            client_streaming: method.is_client_streaming(),
            server_streaming: method.is_server_streaming(),
            input: method.input(),
            output: method.output(),
        }
    }
}

/// What one `load` or one reflection found.
#[derive(Debug)]
pub struct Descriptors {
    /// All types.
    pub pool: DescriptorPool,
    /// All methods of all services, imported files included.
    pub methods: Vec<Arc<Method>>,
}

impl Descriptors {
    fn new(pool: DescriptorPool) -> Self {
        let methods = pool.services().flat_map(|s| s.methods().map(|m| Arc::new(Method::new(&m))).collect::<Vec<_>>());
        let methods = methods.collect();
        Self { pool, methods }
    }
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Sources(Vec<PathBuf>, Vec<String>),
    Content([u8; 32]),
}

type Loaded = Result<Arc<Descriptors>, String>;

/// The descriptors of a run.
#[derive(Default)]
pub struct Registry {
    // Held while loading: who asks for the same meanwhile waits for it instead of parsing once more.
    loaded: Mutex<HashMap<Key, Loaded>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Registry {
    /// Parses .proto files, which are looked for in `folders`, as their imports are. `google/protobuf/*.proto` are built in.
    ///
    /// # Errors
    /// A file that is missing or broken: `file:line:column: what`.
    pub fn sources(&self, folders: &[PathBuf], names: &[String]) -> Loaded {
        let key = Key::Sources(folders.to_vec(), names.to_vec());
        self.get(key, || compile(folders, names))
    }

    /// Reads a protoset: a serialised `FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out` writes it.
    ///
    /// # Errors
    /// It is none, or lacks a file that another one imports.
    pub fn set(&self, bytes: &[u8]) -> Loaded {
        self.get(Key::Content(Sha256::digest(bytes).into()), || {
            DescriptorPool::decode(bytes).map_err(|error| format!("{error:?}"))
        })
    }

    /// Takes what a server's reflection described.
    ///
    /// # Errors
    /// The files contradict each other.
    pub(crate) fn reflected(&self, mut files: Vec<FileDescriptorProto>) -> Loaded {
        use prost::Message as _;
        files.sort_by(|a, b| a.name().cmp(b.name()));
        let mut digest = Sha256::new();
        for file in &files {
            let bytes = file.encode_to_vec();
            digest.update(bytes.len().to_le_bytes());
            digest.update(bytes);
        }
        self.get(Key::Content(digest.finalize().into()), || {
            let mut pool = DescriptorPool::new();
            pool.add_file_descriptor_protos(files).map_err(|error| format!("{error:?}"))?;
            Ok(pool)
        })
    }

    fn get(&self, key: Key, load: impl FnOnce() -> Result<DescriptorPool, String>) -> Loaded {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = loaded.get(&key) {
            return known.clone();
        }
        let found = load().map(|pool| Arc::new(Descriptors::new(pool)));
        loaded.insert(key, found.clone());
        found
    }
}

fn compile(folders: &[PathBuf], names: &[String]) -> Result<DescriptorPool, String> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Folders(folders.to_vec()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for name in names {
        compiler.open_file(name).map_err(|error| {
            // A file that was asked for, not one that another file imports: that has its import as its place.
            if error.is_file_not_found() && !folders.iter().any(|folder| folder.join(name).is_file()) {
                let places: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
                return format!("{name}: no such file in the import paths ({})", places.join(", "));
            }
            // `Debug` is what has the place: `file:line:column: message`.
            format!("{error:?}")
        })?;
    }
    Ok(compiler.descriptor_pool())
}

/// Looks for a file in each folder in turn. Unlike the crate's own resolver it does not ask where the process stands: names
/// are relative to the folders, or absolute.
struct Folders(Vec<PathBuf>);

impl FileResolver for Folders {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        // Absolute paths become names relative to the folder they are in; one outside all folders keeps its own.
        if !path.is_absolute() {
            return path.to_str().map(|p| p.trim_start_matches("./").replace('\\', "/"));
        }
        let inside = self.0.iter().find_map(|folder| path.strip_prefix(folder).ok()).unwrap_or(path);
        inside.to_str().map(|p| p.replace('\\', "/"))
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        for folder in &self.0 {
            let path = folder.join(name);
            if path.is_file() {
                // Without its path, which the compiler would compare with the name it was asked for.
                let text = std::fs::read_to_string(&path)
                    .map_err(|why| protox::Error::new(format!("{}: {why}", path.display())))?;
                return File::from_source(name, &text);
            }
        }
        Err(protox::Error::file_not_found(name))
    }
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

    fn load(dir: &tempfile::TempDir, names: &[&str]) -> Loaded {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        Registry::default().sources(&[dir.path().to_owned()], &names)
    }

    const SERVICE: &str = "syntax = \"proto3\"; package a.b; import \"types/t.proto\"; import \"google/protobuf/empty.proto\";
        service S { rpc One(types.T) returns (google.protobuf.Empty); rpc Two(stream types.T) returns (stream types.T); }";
    const TYPES: &str = "syntax = \"proto3\"; package types; message T { string x = 1; }";

    #[test]
    fn sources_with_imports_give_methods() {
        let dir = folder(&[("s.proto", SERVICE), ("types/t.proto", TYPES)]);
        for name in ["s.proto", "./s.proto", dir.path().join("s.proto").to_str().unwrap()] {
            let found = load(&dir, &[name]).unwrap();
            let shown: Vec<_> = found
                .methods
                .iter()
                .map(|m| {
                    (m.path.as_str(), m.package.as_str(), m.service.as_str(), m.client_streaming, m.server_streaming)
                })
                .collect();
            assert_eq!(shown, [("/a.b.S/One", "a.b", "S", false, false), ("/a.b.S/Two", "a.b", "S", true, true)]);
            assert_eq!(found.methods[1].input.full_name(), "types.T");
        }
    }

    #[test]
    fn the_same_sources_are_parsed_once() {
        let dir = folder(&[("t.proto", TYPES)]);
        let (registry, folders, names) = (Registry::default(), [dir.path().to_owned()], ["t.proto".to_owned()]);
        let first = registry.sources(&folders, &names).unwrap();
        std::fs::remove_file(dir.path().join("t.proto")).unwrap();
        assert!(Arc::ptr_eq(&first, &registry.sources(&folders, &names).unwrap()));
        let bytes = first.pool.encode_to_vec();
        let set = registry.set(&bytes).unwrap();
        assert!(Arc::ptr_eq(&set, &registry.set(&bytes).unwrap()));
        assert!(set.pool.get_message_by_name("types.T").is_some());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let dir = folder(&[
            ("broken.proto", "syntax = \"proto3\";\nmessage M {\n  strin x = ;\n}\n"),
            ("untyped.proto", "syntax = \"proto3\";\n\nmessage M {\n  Missing x = 1;\n}\n"),
            ("importer.proto", "syntax = \"proto3\";\nimport \"gone.proto\";\n"),
        ]);
        for (name, texts) in [
            ("broken.proto", &["broken.proto:3:13"][..]),
            ("untyped.proto", &["untyped.proto:4:3", "Missing"]),
            ("importer.proto", &["importer.proto:2:1", "gone.proto"]),
            ("none.proto", &["none.proto", "no such file", dir.path().to_str().unwrap()]),
        ] {
            let error = load(&dir, &[name]).unwrap_err();
            assert!(texts.iter().all(|text| error.contains(text)), "{name}: {error}");
        }
        assert!(Registry::default().set(b"\xff\xff").is_err());
    }
}
