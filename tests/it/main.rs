//! The integration tests, one binary so that they link once. Each module says what it proves.

mod exit_codes;
mod support;
mod tidy;
