//! Finds the limits of an account by asking: how many requests and tokens a provider lets through, how it counts them, and how
//! many calls it serves at a time.
//!
//! [`rate`] asks, [`verdict`] judges what was let through and when (pure), [`spend`] ends it all before it costs too much. Nothing
//! here knows the command line or JavaScript; an [`account::Account`] stands for the provider.

pub mod account;
pub mod concurrency;
pub mod facts;
pub mod rate;
pub mod spend;
pub mod verdict;

#[cfg(test)]
mod tests;
