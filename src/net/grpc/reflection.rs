//! Server reflection: asks a server for its services and their files, with v1 and, for older servers, v1alpha.
//!
//! One stream, one question at a time. What a server can make us fetch is bounded in files and bytes, and by the caller's time limit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use prost_reflect::prost_types::FileDescriptorProto;
use tokio::sync::mpsc;

use super::body::{CallBody, Flow};
use super::call::{Answer, CallParams, Receiving, begin};
use super::channel::Channel;
use super::descriptors::{Descriptors, Registry};
use super::error_details::standard_file;
use super::frame::framed_bytes;
use super::metadata::Metadata;
use super::status::{Code, Status};

/// Newest first.
const METHODS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Most files, and their bytes in all.
const MAX_FILES: usize = 10_000;
const MAX_BYTES: usize = 64 << 20;

#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(string, optional, tag = "3")]
    file_by_filename: Option<String>,
    #[prost(string, optional, tag = "4")]
    file_containing_symbol: Option<String>,
    #[prost(string, optional, tag = "7")]
    list_services: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Reply {
    #[prost(message, optional, tag = "4")]
    files: Option<Files>,
    #[prost(message, optional, tag = "6")]
    services: Option<Services>,
    #[prost(message, optional, tag = "7")]
    error: Option<Refusal>,
}

#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    descriptors: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Services {
    #[prost(message, repeated, tag = "1")]
    service: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Refusal {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Everything a server's reflection describes.
///
/// # Errors
/// The server has no reflection, refuses, contradicts itself, or takes longer than `limit`.
pub async fn reflect(
    channel: &Channel,
    registry: &Registry,
    metadata: Metadata,
    limit: Duration,
) -> Result<Arc<Descriptors>, String> {
    let params = CallParams { metadata, timeout: Some(limit) };
    let work = async {
        let mut result = ask_all(channel, METHODS[0], &params).await;
        if matches!(&result, Err(status) if status.code == Code::Unimplemented as u32) {
            result = ask_all(channel, METHODS[1], &params).await;
        }
        result
    };
    let files =
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Status::deadline())).map_err(|status| {
            let hint = if status.code == Code::Unimplemented as u32 {
                "; the server has no reflection service: load() the .proto files instead"
            } else {
                ""
            };
            format!("reflection of {}: code = {}, {}{hint}", channel.params().address, status.code, status.message)
        })?;
    registry.reflected(files).map_err(|error| format!("reflection of {}: {error}", channel.params().address))
}

struct Session {
    questions: mpsc::UnboundedSender<Bytes>,
    answers: Box<Receiving>,
}

impl Session {
    fn send(questions: &mpsc::UnboundedSender<Bytes>, question: &Question) {
        let _ = questions.send(framed_bytes(&question.encode_to_vec()));
    }

    async fn reply(&mut self) -> Result<Reply, Status> {
        match self.answers.message().await? {
            Some((bytes, _)) => Reply::decode(bytes)
                .map_err(|error| Status::new(Code::Internal, format!("an answer is malformed: {error}"))),
            None => Err(Status::new(Code::Internal, "the server ended the stream early")),
        }
    }

    async fn files(&mut self, question: Question) -> Result<Result<Vec<Bytes>, Refusal>, Status> {
        Self::send(&self.questions, &question);
        let reply = self.reply().await?;
        Ok(match (reply.files, reply.error) {
            (Some(files), _) => Ok(files.descriptors),
            (None, Some(error)) => Err(error),
            (None, None) => return Err(Status::new(Code::Internal, "an answer has neither files nor an error")),
        })
    }
}

async fn ask_all(channel: &Channel, method: &str, params: &CallParams) -> Result<Vec<FileDescriptorProto>, Status> {
    let (questions, rx) = mpsc::unbounded_channel();
    // Servers may wait for the first question before they send the head of the answer.
    Session::send(&questions, &Question { list_services: Some("*".to_owned()), ..Question::default() });
    let answers = match begin(channel, method, CallBody::Many(rx, Arc::new(Flow::default())), params).await {
        Answer::Messages(receiving) => receiving,
        Answer::Over(outcome) => return Err(outcome.status),
    };
    let mut session = Session { questions, answers };
    let first = session.reply().await?;
    let services = match (first.services, first.error) {
        (Some(services), _) => services.service,
        (None, Some(error)) => return Err(refused("can't list services", &error)),
        (None, None) => return Err(Status::new(Code::Internal, "can't list services: an empty answer")),
    };
    let mut found = Found::default();
    for service in services {
        if found.has_service(&service.name) {
            continue;
        }
        let question = Question { file_containing_symbol: Some(service.name.clone()), ..Question::default() };
        match session.files(question).await? {
            Ok(files) => found.add(files)?,
            Err(error) => return Err(refused(&format!("can't get the file of service {:?}", service.name), &error)),
        }
        while let Some(name) = found.missing.pop_front() {
            if found.files.contains_key(&name) {
                continue;
            }
            let question = Question { file_by_filename: Some(name.clone()), ..Question::default() };
            match session.files(question).await? {
                Ok(files) => found.add(files)?,
                // Some servers do not serve the standard files.
                Err(error) => match standard_file(&name) {
                    Some(file) => found.insert(file),
                    None => return Err(refused(&format!("can't get the file {name:?}, which others import"), &error)),
                },
            }
        }
    }
    Ok(found.files.into_values().collect())
}

fn refused(what: &str, error: &Refusal) -> Status {
    let code = u32::try_from(error.code).ok().filter(|code| *code != 0).unwrap_or(Code::Unknown as u32);
    Status { code, message: format!("{what}: {}", error.message), details: None }
}

#[derive(Default)]
struct Found {
    files: BTreeMap<String, FileDescriptorProto>,
    /// Imported, not seen yet.
    missing: VecDeque<String>,
    bytes: usize,
}

impl Found {
    fn add(&mut self, files: Vec<Bytes>) -> Result<(), Status> {
        for bytes in files {
            self.bytes += bytes.len();
            if self.bytes > MAX_BYTES || self.files.len() >= MAX_FILES {
                let message = format!("the server describes more than {MAX_FILES} files or {} MiB", MAX_BYTES >> 20);
                return Err(Status::new(Code::ResourceExhausted, message));
            }
            let file = FileDescriptorProto::decode(bytes)
                .map_err(|error| Status::new(Code::Internal, format!("a file descriptor is malformed: {error}")))?;
            self.insert(file);
        }
        Ok(())
    }

    fn insert(&mut self, file: FileDescriptorProto) {
        self.missing.extend(file.dependency.iter().filter(|name| !self.files.contains_key(*name)).cloned());
        self.files.entry(file.name().to_owned()).or_insert(file);
    }

    fn has_service(&self, name: &str) -> bool {
        self.files.values().any(|file| {
            file.service.iter().any(|service| match file.package() {
                "" => service.name() == name,
                package => name.strip_prefix(package).and_then(|n| n.strip_prefix('.')) == Some(service.name()),
            })
        })
    }
}
