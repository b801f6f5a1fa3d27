//! Pure mathematics: quantiles.
