//! Pure mathematics on numbers: no I/O, no clock, no knowledge of what is measured.

pub mod bootstrap;
pub mod flow;
pub mod gamma;
pub mod holm;
pub mod interval;
pub mod knee;
pub mod kolmogorov_smirnov;
pub mod mann_whitney;
pub mod quantile;
pub mod settled;
pub mod steady_state;

pub use quantile::{Spread, quantile_sorted};
