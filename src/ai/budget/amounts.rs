//! Amounts of the three things a budget limits. Money is counted in whole pico-dollars, so that sums are exact.

/// Pico-dollars per dollar.
const PICO: f64 = 1e12;

/// Dollars, tokens and requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// 10^-12 US dollars.
    pub pico_usd: u64,
    /// Input and output tokens.
    pub tokens: u64,
    /// Requests.
    pub requests: u64,
}

impl Amounts {
    /// Sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            pico_usd: self.pico_usd.saturating_add(other.pico_usd),
            tokens: self.tokens.saturating_add(other.tokens),
            requests: self.requests.saturating_add(other.requests),
        }
    }

    /// Difference, not below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            pico_usd: self.pico_usd.saturating_sub(other.pico_usd),
            tokens: self.tokens.saturating_sub(other.tokens),
            requests: self.requests.saturating_sub(other.requests),
        }
    }

    /// Whether any part is more than the other's.
    pub fn exceeds(self, other: Self) -> bool {
        self.pico_usd > other.pico_usd || self.tokens > other.tokens || self.requests > other.requests
    }

    /// The larger of each part.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            pico_usd: self.pico_usd.max(other.pico_usd),
            tokens: self.tokens.max(other.tokens),
            requests: self.requests.max(other.requests),
        }
    }
}

/// A cost in pico-dollars, rounded up: what is spent is never understated.
pub fn pico_up(usd: f64) -> u64 {
    // `as` saturates: a negative or undefined cost is none, one beyond the range is the largest.
    (usd * PICO - 1e-3).ceil().max(0.0) as u64
}

/// A limit in pico-dollars, rounded down.
pub fn pico_down(usd: f64) -> u64 {
    (usd * PICO + 1e-3).floor().max(0.0) as u64
}

/// Pico-dollars in dollars.
pub fn dollars(pico: u64) -> f64 {
    pico as f64 / PICO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_against_the_spender() {
        assert_eq!((pico_up(0.15), pico_down(0.15)), (150_000_000_000, 150_000_000_000));
        assert_eq!(pico_up(1.5e-12), 2);
        assert_eq!(pico_down(1.5e-12), 1);
        assert_eq!((pico_up(f64::NAN), pico_up(-1.0), pico_up(1e12)), (0, 0, u64::MAX));
        assert!((dollars(pico_up(0.000_123)) - 0.000_123).abs() < 1e-12);
    }
}
