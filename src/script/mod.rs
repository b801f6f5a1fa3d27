//! A script as data: loading, TypeScript stripping, resolution. Send + Sync, no engine.
