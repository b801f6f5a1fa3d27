//! The integration tests, one binary so that they link once. Each module says what it proves.

mod ai_calls;
mod ai_errors;
mod ai_truth;
mod archives;
mod commands;
mod executors;
mod exit_codes;
mod fetch;
mod http;
mod http_failures;
mod http_samples;
mod k6_scripts;
mod limits;
mod mock_process;
mod preflight;
mod rest_api;
mod segments;
mod server;
mod sse;
mod summaries;
mod support;
mod tidy;
mod window;
