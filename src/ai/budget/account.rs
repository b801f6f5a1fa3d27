//! The books of one budget: what may be spent, what is, and what is reserved. No lock: `Budget` holds one around all of them.

use super::amounts::{Amounts, dollars, pico_down};
use crate::metrics::budget::{BudgetFacts, LimitFacts};
use crate::options::{BudgetOptions, OnExceed};

/// A limit's name, and its part of the amounts.
type Unit = (&'static str, fn(&Amounts) -> u64);

/// The three limits.
const UNITS: [Unit; 3] = [("usd", |a| a.pico_usd), ("tokens", |a| a.tokens), ("requests", |a| a.requests)];

/// One set of books.
#[derive(Debug)]
pub(super) struct Account {
    /// The scenario; None = the run.
    pub(super) scenario: Option<String>,
    pub(super) on_exceed: OnExceed,
    limited: [bool; 3],
    cap: Amounts,
    spent: Amounts,
    reserved: Amounts,
    most_reserved: Amounts,
    alert_at: Vec<f64>,
    /// Alerts given, per limit.
    alerted: [usize; 3],
    pub(super) refused: u64,
    pub(super) refused_for_now: u64,
    pub(super) exhausted: bool,
    pub(super) charges: [u64; 3],
    pub(super) overruns: u64,
    pub(super) assumed_limits: u64,
}

/// Whether an amount fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It does.
    Yes,
    /// It would if calls under way were settled for less than they reserved.
    NotNow,
    /// It never will.
    Never,
}

impl Account {
    pub(super) fn new(scenario: Option<String>, options: &BudgetOptions) -> Self {
        Self {
            scenario,
            on_exceed: options.on_exceed,
            limited: [options.usd.is_some(), options.tokens.is_some(), options.requests.is_some()],
            cap: Amounts {
                pico_usd: options.usd.map_or(u64::MAX, pico_down),
                tokens: options.tokens.unwrap_or(u64::MAX),
                requests: options.requests.unwrap_or(u64::MAX),
            },
            spent: Amounts::default(),
            reserved: Amounts::default(),
            most_reserved: Amounts::default(),
            alert_at: options.alert_at.clone(),
            alerted: [0; 3],
            refused: 0,
            refused_for_now: 0,
            exhausted: false,
            charges: [0; 3],
            overruns: 0,
            assumed_limits: 0,
        }
    }

    pub(super) fn fits(&self, need: Amounts) -> Fit {
        if !self.spent.plus(self.reserved).plus(need).exceeds(self.cap) {
            Fit::Yes
        } else if self.spent.plus(need).exceeds(self.cap) {
            Fit::Never
        } else {
            Fit::NotNow
        }
    }

    pub(super) fn reserve(&mut self, need: Amounts) {
        self.reserved = self.reserved.plus(need);
        self.most_reserved = self.most_reserved.max(self.reserved);
    }

    /// Gives back what was held and books what was charged; returns the alerts that are due.
    pub(super) fn settle(&mut self, held: Amounts, charged: Amounts) -> Vec<String> {
        self.reserved = self.reserved.minus(held);
        self.spent = self.spent.plus(charged);
        let mut due = Vec::new();
        for (n, (unit, part)) in UNITS.iter().enumerate().filter(|(n, _)| self.limited[*n]) {
            let share = part(&self.spent) as f64 / part(&self.cap).max(1) as f64;
            let passed = self.alert_at.iter().filter(|mark| share >= **mark).count();
            if passed > self.alerted[n] {
                self.alerted[n] = passed;
                let whose = self.whose();
                due.push(format!("{whose}: {:.0}% of its {unit} are spent ({})", share * 100.0, self.state(n)));
            }
        }
        due
    }

    /// Largest share of any limit that is spent.
    pub(super) fn share_spent(&self) -> f64 {
        let shares = UNITS.iter().enumerate().filter(|(n, _)| self.limited[*n]);
        shares.map(|(_, (_, part))| part(&self.spent) as f64 / part(&self.cap).max(1) as f64).fold(0.0, f64::max)
    }

    /// Why an amount does not fit, for people.
    pub(super) fn why(&self, need: Amounts) -> String {
        let total = self.spent.plus(self.reserved).plus(need);
        let tight = UNITS.iter().enumerate().find(|(_, (_, part))| part(&total) > part(&self.cap));
        let Some((n, (unit, part))) = tight else { return format!("{} does not fit", self.whose()) };
        format!(
            "{}: the call may take {} {unit}, and of {} {} are spent and {} reserved by calls under way",
            self.whose(),
            shown(n, part(&need)),
            shown(n, part(&self.cap)),
            shown(n, part(&self.spent)),
            shown(n, part(&self.reserved)),
        )
    }

    fn whose(&self) -> String {
        match &self.scenario {
            None => "the run's budget".to_owned(),
            Some(name) => format!("the budget of scenario '{name}'"),
        }
    }

    fn state(&self, unit: usize) -> String {
        let part = UNITS[unit].1;
        format!("{} of {}", shown(unit, part(&self.spent)), shown(unit, part(&self.cap)))
    }

    pub(super) fn facts(&self) -> BudgetFacts {
        let plain = |unit: usize, n: u64| if unit == 0 { dollars(n) } else { n as f64 };
        BudgetFacts {
            scenario: self.scenario.clone(),
            limits: UNITS
                .iter()
                .enumerate()
                .filter(|(n, _)| self.limited[*n])
                .map(|(n, (unit, part))| LimitFacts {
                    unit,
                    cap: plain(n, part(&self.cap)),
                    spent: plain(n, part(&self.spent)),
                    most_reserved: plain(n, part(&self.most_reserved)),
                    reserved: plain(n, part(&self.reserved)),
                })
                .collect(),
            refused: self.refused,
            refused_for_now: self.refused_for_now,
            exhausted: self.exhausted,
            charges: super::charge::Basis::NAMES.into_iter().zip(self.charges).filter(|(_, n)| *n > 0).collect(),
            overruns: self.overruns,
            assumed_limits: self.assumed_limits,
        }
    }
}

fn shown(unit: usize, n: u64) -> String {
    if unit == 0 { format!("${:.6}", dollars(n)) } else { n.to_string() }
}
