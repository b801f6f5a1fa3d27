//! What a sent call was charged: the provider's word where there is one, else what it most likely charged, labelled as such.

use crate::ai::answer::Answer;
use crate::ai::cost::price_of;
use crate::ai::result::Usage;
use crate::metrics::sample::TokenSource;

use super::amounts::{Amounts, pico_up};
use super::need::Need;

/// How a charge is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The provider stated the tokens.
    Provider,
    /// We counted what was answered.
    Counted,
    /// The answer broke off, or never came: what the provider had most likely done by then.
    Assumed,
}

impl Basis {
    /// Names in the order of the variants.
    pub const NAMES: [&'static str; 3] = ["provider", "counted", "assumed"];
}

/// A charge; None = the call never reached the provider, or it refused it, so that nothing but the request counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Charge {
    /// What is booked.
    pub amounts: Amounts,
    /// How it is known.
    pub basis: Basis,
    /// Input tokens as the provider counted them, to learn how far our count is off.
    pub stated_input: Option<u64>,
}

/// How far a call got, kept up to date while it runs, so that a call whose VU is interrupted can be charged too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reached {
    /// No connection: nothing was sent.
    #[default]
    Nothing,
    /// The request may have arrived.
    Sent,
    /// The provider refused it: a status that is no success.
    Refused,
    /// An answer began; so many bytes of output came.
    Answered(usize),
}

/// The charge of a call with token counts.
pub fn of_usage(need: &Need, usage: &Usage, cost: Option<f64>, broke_off: bool) -> Charge {
    let usd =
        cost.or_else(|| need.list.as_ref().map(|list| price_of(usage, list.for_input(usage.input)))).unwrap_or(0.0);
    let stated = usage.source == TokenSource::Provider;
    Charge {
        amounts: Amounts { pico_usd: pico_up(usd), tokens: usage.input.saturating_add(usage.output), requests: 1 },
        basis: match (stated, broke_off) {
            (true, _) => Basis::Provider,
            (false, false) => Basis::Counted,
            (false, true) => Basis::Assumed,
        },
        stated_input: stated.then_some(usage.input),
    }
}

/// The most likely charge of a call without token counts.
pub fn likely(need: &Need, reached: Reached, streams: bool) -> Charge {
    let usage = |output: u64| Usage { input: need.counted_input, output: output.min(need.output), ..Usage::default() };
    let assumed = match reached {
        Reached::Nothing => {
            return Charge { amounts: Amounts::default(), basis: Basis::Assumed, stated_input: None };
        }
        Reached::Refused => {
            let amounts = Amounts { requests: 1, ..Amounts::default() };
            return Charge { amounts, basis: Basis::Counted, stated_input: None };
        }
        // Providers finish what is not streamed and bill it, whether anybody still listens or not.
        Reached::Sent | Reached::Answered(_) if !streams => usage(need.output),
        // The prompt was most likely read by then.
        Reached::Sent => usage(0),
        // Three bytes a token is less than any vocabulary needs for ordinary text: rather too much than too little.
        Reached::Answered(bytes) => usage(bytes.div_ceil(3) as u64),
    };
    Charge { basis: Basis::Assumed, ..of_usage(need, &assumed, None, true) }
}

/// Bytes of output received so far.
pub fn seen(answer: &Answer) -> usize {
    answer.output_bytes()
}
