//! The error every room may return to the top, and the exit code it ends the process with.
//!
//! Called by all folders. A *failed request* is never an `Error`: it is data (a response with an error kind).
//! An `Error` means that the run cannot start, or cannot go on.

use std::fmt;

/// Exit codes of the process. The numbers are k6's, which makes them an interface: CI systems read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The run ended as planned and every threshold held.
    Ok = 0,
    /// At least one threshold was crossed, at the end or by `abortOnFail`.
    ThresholdsFailed = 99,
    /// `setup()` took longer than `setupTimeout`.
    SetupTimeout = 100,
    /// `teardown()` took longer than `teardownTimeout`.
    TeardownTimeout = 101,
    /// Some other step of the run exceeded its time limit.
    GenericTimeout = 102,
    /// The run was stopped through the REST API.
    StoppedByApi = 103,
    /// The configuration is invalid: a bad option, threshold, scenario or a missing exec function.
    InvalidConfig = 104,
    /// SIGINT or SIGTERM ended the run early.
    ExternalAbort = 105,
    /// The REST API cannot be served.
    CannotStartApi = 106,
    /// The script failed outside an iteration: syntax error, init error, `setup()` or `teardown()` threw.
    ScriptException = 107,
    /// The script called `exec.test.abort()`.
    ScriptAborted = 108,
    /// A bug of ours: a thread panicked.
    Panic = 109,
    /// The script called `exec.test.fail()`.
    MarkedFailed = 110,
    /// `--strict`: the generator was saturated, so the figures are not valid as a measurement.
    NotAMeasurement = 111,
    /// `--strict`: every iteration threw, so nothing was tested.
    EveryIterationThrew = 112,
    /// Unknown flag, missing file, unresolvable import and other usage errors.
    Usage = 255,
}

impl ExitCode {
    /// The code with this number; [`ExitCode::Panic`] when there is none.
    pub fn of(number: u8) -> Self {
        use ExitCode::*;
        [Ok, ThresholdsFailed, SetupTimeout, TeardownTimeout, GenericTimeout, InvalidConfig, ExternalAbort]
            .into_iter()
            .chain([
                StoppedByApi,
                CannotStartApi,
                EveryIterationThrew,
                ScriptException,
                ScriptAborted,
                MarkedFailed,
                NotAMeasurement,
                Usage,
            ])
            .find(|code| *code as u8 == number)
            .unwrap_or(Panic)
    }
}

/// A failure that reaches the user: what is wrong, how the process ends, and how to mend it.
#[derive(Clone, Debug)]
pub struct Error {
    code: ExitCode,
    message: String,
    hint: Option<String>,
}

impl Error {
    /// An error with the message to print (one or more lines, no trailing newline).
    pub fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// A usage error (exit code 255): a flag, a file or an import that cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// An invalid configuration (exit code 104).
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ExitCode::InvalidConfig, message)
    }

    /// A script exception outside an iteration (exit code 107).
    pub fn script(message: impl Into<String>) -> Self {
        Self::new(ExitCode::ScriptException, message)
    }

    /// Adds how to mend it; printed on a line of its own.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The code the process exits with.
    pub fn code(&self) -> ExitCode {
        self.code
    }

    /// What is wrong, without the hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How to mend it, if known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
