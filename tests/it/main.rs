//! The integration tests, one binary so that they link once. Each module says what it proves.

mod ai_calls;
mod ai_errors;
mod ai_truth;
mod exit_codes;
mod mock_process;
mod sse;
mod support;
mod tidy;
