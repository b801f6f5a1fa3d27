//! A hard cap on what model calls cost: before a call is sent its worst case is reserved, afterwards what was charged is settled.
//!
//! One [`Budget`] per run, shared by all VUs. All its books are behind one mutex that is held for some additions: reserving is
//! atomic over the run's and the scenario's limits. A [`Reservation`] that is dropped settles itself, so nothing stays reserved,
//! whatever becomes of the call. What happens when nothing fits any more is the caller's business ([`Exhausted`]).

mod account;
pub mod amounts;
pub mod charge;
pub mod need;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub use amounts::Amounts;
pub use charge::{Basis, Charge, Reached};
pub use need::Need;

use self::account::{Account, Fit};
use crate::metrics::budget::BudgetFacts;
use crate::options::{BudgetOptions, OnExceed};

/// How long a refused call takes: scripts that go on without a pause must not take the CPU from the calls that are measured.
pub const REFUSED_PAUSE: Duration = Duration::from_millis(100);
/// Learnt corrections of input counts stay below this: a provider's wrong usage must not block a run.
const MAX_FACTOR: f64 = 4.0;

/// What to say of a model whose price nobody knows, when money is limited.
pub fn unpriced(model: &str) -> String {
    format!(
        "the budget limits US dollars, but the price of model '{model}' is not known, so nothing would limit it: give \
         ai.model({{price: {{input, output}}}}) or --prices FILE, or limit tokens instead"
    )
}

/// A budget ran out: a call did not fit even with nothing reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Whose budget; None = the run's.
    pub scenario: Option<String>,
    /// What is to happen.
    pub action: OnExceed,
    /// Why the call did not fit.
    pub message: String,
}

/// Called once per budget when it runs out.
type Hook = Box<dyn Fn(Exhausted) + Send + Sync>;

/// The budgets of a run and of its scenarios.
pub struct Budget {
    books: Mutex<Books>,
    scenarios: BTreeMap<String, usize>,
    hook: Hook,
    limits_usd: bool,
    limits_tokens: bool,
}

#[derive(Debug)]
struct Books {
    /// The run's account first.
    accounts: Vec<Account>,
    /// How much more input than we count a model was seen to charge.
    factors: HashMap<String, f64>,
}

impl std::fmt::Debug for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget").field("scenarios", &self.scenarios).finish_non_exhaustive()
    }
}

impl Budget {
    /// The budgets of a run; None when nothing is limited.
    pub fn new<'a>(
        run: &BudgetOptions,
        scenarios: impl IntoIterator<Item = (&'a str, &'a BudgetOptions)>,
        hook: impl Fn(Exhausted) + Send + Sync + 'static,
    ) -> Option<Arc<Self>> {
        let own: Vec<_> = scenarios.into_iter().filter(|(_, options)| options.is_set()).collect();
        if !run.is_set() && own.is_empty() {
            return None;
        }
        let all = || std::iter::once(run).chain(own.iter().map(|(_, options)| *options));
        let mut accounts = vec![Account::new(None, run)];
        accounts.extend(own.iter().map(|(name, options)| Account::new(Some((*name).to_owned()), options)));
        Some(Arc::new(Self {
            limits_usd: all().any(|o| o.usd.is_some()),
            limits_tokens: all().any(|o| o.tokens.is_some()),
            scenarios: own.iter().enumerate().map(|(n, (name, _))| ((*name).to_owned(), n + 1)).collect(),
            books: Mutex::new(Books { accounts, factors: HashMap::new() }),
            hook: Box::new(hook),
        }))
    }

    /// Whether money is limited, so that every model needs a price.
    pub fn limits_usd(&self) -> bool {
        self.limits_usd
    }

    /// Whether tokens or money are limited, so that requests must be counted before they are sent.
    pub fn counts_tokens(&self) -> bool {
        self.limits_usd || self.limits_tokens
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Which accounts a call of this scenario is booked on.
    fn accounts_of(&self, scenario: Option<&str>) -> [Option<usize>; 2] {
        [Some(0), scenario.and_then(|name| self.scenarios.get(name)).copied()]
    }

    /// Reserves the worst case of a call, or says why it does not fit.
    ///
    /// # Errors
    /// The message for the call's error.
    pub fn reserve(self: &Arc<Self>, scenario: Option<&str>, need: &Arc<Need>) -> Result<Reservation, String> {
        let on = self.accounts_of(scenario);
        let mut books = self.books();
        let factor = books.factors.get(&need.model).copied().unwrap_or(1.0);
        let amounts = need.amounts(factor);
        for index in on.into_iter().flatten() {
            let account = &mut books.accounts[index];
            let fit = account.fits(amounts);
            if fit == Fit::Yes {
                continue;
            }
            let message = account.why(amounts);
            account.refused += 1;
            account.refused_for_now += u64::from(fit == Fit::NotNow);
            let first = fit == Fit::Never && !std::mem::replace(&mut account.exhausted, true);
            let exhausted =
                Exhausted { scenario: account.scenario.clone(), action: account.on_exceed, message: message.clone() };
            drop(books);
            if first {
                (self.hook)(exhausted);
            }
            return Err(message);
        }
        for index in on.into_iter().flatten() {
            let account = &mut books.accounts[index];
            account.reserve(amounts);
            account.assumed_limits += u64::from(need.assumed_limit && self.counts_tokens());
        }
        drop(books);
        Ok(Reservation {
            budget: Arc::clone(self),
            on,
            held: amounts,
            need: Arc::clone(need),
            reached: Reached::Nothing,
            streams: true,
            open: true,
        })
    }

    fn settle(&self, on: [Option<usize>; 2], held: Amounts, need: &Need, charge: &Charge) {
        let mut alerts = Vec::new();
        let mut books = self.books();
        for index in on.into_iter().flatten() {
            let account = &mut books.accounts[index];
            alerts.extend(account.settle(held, charge.amounts));
            if charge.amounts.requests > 0 {
                account.charges[charge.basis as usize] += 1;
            }
            account.overruns += u64::from(charge.amounts.exceeds(held));
        }
        if let Some(stated) = charge.stated_input.filter(|stated| *stated > need.input) {
            let factor = (stated as f64 / need.input.max(1) as f64).min(MAX_FACTOR);
            let known = books.factors.entry(need.model.clone()).or_insert(1.0);
            *known = known.max(factor);
        }
        drop(books);
        for alert in alerts {
            tracing::warn!("{alert}");
        }
    }

    /// Largest share of any limit of the run's, or if it has none the scenarios', budget that is spent.
    pub fn share_spent(&self, scenario: Option<&str>) -> f64 {
        let books = self.books();
        let shares = self.accounts_of(scenario).into_iter().flatten().map(|n| books.accounts[n].share_spent());
        shares.fold(0.0, f64::max)
    }

    /// The figures for the summary; the run's come first, unless only scenarios have limits.
    pub fn facts(&self) -> Vec<BudgetFacts> {
        let all = self.books().accounts.iter().map(Account::facts).collect::<Vec<_>>();
        all.into_iter().filter(|facts| !facts.limits.is_empty()).collect()
    }
}

/// What a call takes along: reserves for each attempt anew. Clones share the budget.
#[derive(Clone, Debug)]
pub struct Ticket {
    budget: Arc<Budget>,
    scenario: Option<Arc<str>>,
    need: Arc<Need>,
}

impl Ticket {
    /// For a call of this scenario.
    pub fn new(budget: Arc<Budget>, scenario: Option<Arc<str>>, need: Need) -> Self {
        Self { budget, scenario, need: Arc::new(need) }
    }

    /// Reserves the worst case of one attempt.
    ///
    /// # Errors
    /// The message for the call's error.
    pub fn reserve(&self) -> Result<Reservation, String> {
        self.budget.reserve(self.scenario.as_deref(), &self.need)
    }

    /// See [`Budget::share_spent`].
    pub fn share_spent(&self) -> f64 {
        self.budget.share_spent(self.scenario.as_deref())
    }
}

/// The reserved worst case of one attempt. Dropped without [`Reservation::settle`], it is settled by what the provider most
/// likely charged for as far as the call got.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<Budget>,
    on: [Option<usize>; 2],
    held: Amounts,
    need: Arc<Need>,
    reached: Reached,
    streams: bool,
    open: bool,
}

impl Reservation {
    /// Notes how far the call got.
    pub fn reached(&mut self, reached: Reached, streams: bool) {
        (self.reached, self.streams) = (reached, streams);
    }

    /// The worst case.
    pub fn need(&self) -> &Need {
        &self.need
    }

    /// What is held.
    pub fn held(&self) -> Amounts {
        self.held
    }

    /// Books the tokens of the call, with its cost where the caller knows it; `broke_off` when the answer is not whole.
    pub fn settle(mut self, usage: &crate::ai::Usage, cost: Option<f64>, broke_off: bool) {
        self.open = false;
        let charge = charge::of_usage(&self.need, usage, cost, broke_off);
        self.budget.settle(self.on, self.held, &self.need, &charge);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if std::mem::replace(&mut self.open, false) {
            let charge = charge::likely(&self.need, self.reached, self.streams);
            self.budget.settle(self.on, self.held, &self.need, &charge);
        }
    }
}
