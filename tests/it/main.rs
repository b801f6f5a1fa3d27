//! The integration tests, one binary so that they link once. Each module says what it proves.

mod ai_calls;
mod ai_errors;
mod ai_truth;
mod executors;
mod exit_codes;
mod fetch;
mod files;
mod http;
mod http_failures;
mod http_pages;
mod http_samples;
mod k6_scripts;
mod limits;
mod mock_process;
mod module_server;
mod modules;
mod preflight;
mod redis;
mod secrets;
mod server;
mod sse;
mod support;
mod tidy;
mod web_crypto;
mod window;
