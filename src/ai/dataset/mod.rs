//! Data sets for scripts, read natively: recorded traces of requests.

pub mod trace;
