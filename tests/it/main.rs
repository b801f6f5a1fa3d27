//! The integration tests, one binary so that they link once. Each module says what it proves.

mod executors;
mod exit_codes;
mod http;
mod http_failures;
mod http_samples;
mod k6_scripts;
mod server;
mod support;
mod tidy;
