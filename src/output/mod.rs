//! Live sinks for samples.
