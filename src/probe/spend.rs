//! What a probe may use up, and what it has used. Called before and after every call.

use super::account::Reply;

/// The most that may be used; None = no limit of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Caps {
    /// Calls that are served.
    pub requests: Option<u64>,
    /// Tokens.
    pub tokens: Option<u64>,
    /// US dollars.
    pub usd: Option<f64>,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Calls that were served.
    pub requests: u64,
    /// Calls that were refused; they cost nothing.
    pub refused: u64,
    /// Tokens.
    pub tokens: u64,
    /// US dollars, as far as the prices are known.
    pub usd: f64,
    /// Served calls whose price is not known.
    pub unpriced: u64,
}

/// Caps and what is used of them.
#[derive(Clone, Debug, Default)]
pub struct Purse {
    /// The most.
    pub caps: Caps,
    /// The rest of it is free.
    pub spent: Spent,
}

impl Purse {
    /// An unused purse.
    pub fn new(caps: Caps) -> Self {
        Self { caps, spent: Spent::default() }
    }

    /// Whether `calls` more of `tokens` each fit, going by what calls have cost so far.
    pub fn allows(&self, calls: u64, tokens: u64) -> bool {
        let Spent { requests, tokens: used, usd, .. } = self.spent;
        let each = if requests == 0 { 0.0 } else { usd / requests as f64 };
        // A larger call costs more: in proportion to its tokens.
        let mean = if requests == 0 { 1.0 } else { (used as f64 / requests as f64).max(1.0) };
        let price = each * (tokens as f64 / mean).max(1.0);
        self.caps.requests.is_none_or(|most| requests + calls <= most)
            && self.caps.tokens.is_none_or(|most| used + calls.saturating_mul(tokens) <= most)
            && self.caps.usd.is_none_or(|most| usd + price * calls as f64 <= most)
    }

    /// Notes a call.
    pub fn note(&mut self, reply: &Reply) {
        if reply.tokens == 0 && reply.outcome != super::account::Outcome::Admitted {
            self.spent.refused += 1;
            return;
        }
        self.spent.requests += 1;
        self.spent.tokens += reply.tokens;
        match reply.cost {
            Some(usd) => self.spent.usd += usd,
            None => self.spent.unpriced += 1,
        }
    }
}
