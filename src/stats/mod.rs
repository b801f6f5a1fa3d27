//! Pure mathematics on numbers: no I/O, no clock, no knowledge of what is measured.

pub mod gamma;
pub mod kolmogorov_smirnov;
pub mod quantile;
pub mod steady_state;

pub use quantile::{Spread, quantile_sorted};
