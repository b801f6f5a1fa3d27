//! How many tokens the iterations of a scenario take: what those that ended took, and what those under way are likely to take.
//!
//! Filled in as iterations and calls begin and end; asked by the executors of token rates. An iteration is known by the request type of
//! its first call. What it is likely to take is what iterations of its type took that lasted at least as long as it has lasted: the large
//! ones last longer, so those under way are larger than the average. Locks are short; times count from the start of the scenario.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::options::{TokenCount, TokenEstimate};

/// Ended iterations that are looked back on: a workload that changes is followed within a few hundred.
const MEMORY: usize = 200;

/// Request types that are told apart; all others share one place.
const MOST_TYPES: usize = 256;

/// Iterations that must have shown their size before an unknown size no longer limits how many are under way.
const KNOWN_AFTER: u64 = 16;

/// How long expectations of iterations under way stand before they are looked at again: with ten thousand of them it costs some
/// hundred microseconds.
const REFRESH: Duration = Duration::from_millis(20);

/// The tokens of one scenario.
#[derive(Debug)]
pub struct TokenMeter {
    count: TokenCount,
    inner: Mutex<Ledger>,
}

/// What a pace needs to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Tokens of all iterations started: counted where they have ended, expected where they have not.
    pub committed: f64,
    /// Likely tokens of the next iteration.
    pub next: f64,
    /// Iterations under way.
    pub under_way: u64,
    /// How many may be while sizes are unknown; None = any number.
    pub limit: Option<u64>,
}

/// What became of a request type.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeSize {
    /// The type; None = calls without one.
    pub request_type: Option<String>,
    /// Iterations that took tokens.
    pub iterations: u64,
    /// Mean tokens of the last two hundred of them.
    pub mean: f64,
}

/// What became of the whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenTotals {
    /// Tokens that were counted.
    pub counted: f64,
    /// Iterations that ended with tokens.
    pub iterations: u64,
    /// Iterations that ended without: their calls failed, or they made none.
    pub without: u64,
    /// By request type, by name.
    pub types: Vec<TypeSize>,
}

#[derive(Debug, Default)]
struct Ledger {
    /// Tokens of ended iterations as the pace sees them.
    settled: f64,
    counted: f64,
    iterations: u64,
    without: u64,
    /// The first guess for the next iteration.
    guess: Option<f64>,
    all: Sizes,
    types: BTreeMap<String, Kind>,
    under_way: HashMap<u64, Flight>,
    /// The sum of what is expected of those under way.
    expected: f64,
    refreshed: Duration,
}

#[derive(Debug, Default)]
struct Kind {
    guess: Option<f64>,
    sizes: Sizes,
    iterations: u64,
}

#[derive(Debug, Default)]
struct Flight {
    begun: Duration,
    /// The type of the first call, once there was one.
    kind: Option<String>,
    tokens: f64,
    expected: f64,
}

/// Tokens and durations of the last iterations.
#[derive(Debug, Default)]
struct Sizes {
    recent: VecDeque<(f64, f64)>,
    tokens: f64,
    /// By duration, each with the mean tokens of those that lasted as long or longer; made when it is needed.
    lasting: Vec<(f64, f64)>,
    stale: bool,
}

impl Sizes {
    fn add(&mut self, seconds: f64, tokens: f64) {
        self.recent.push_back((seconds, tokens));
        self.tokens += tokens;
        if self.recent.len() > MEMORY
            && let Some((_, old)) = self.recent.pop_front()
        {
            self.tokens -= old;
        }
        self.stale = true;
    }

    fn mean(&self) -> Option<f64> {
        (!self.recent.is_empty()).then(|| self.tokens / self.recent.len() as f64)
    }

    fn sort(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        self.lasting.clear();
        self.lasting.extend(self.recent.iter().copied());
        self.lasting.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut sum, mut n) = (0.0, 0.0);
        for (_, tokens) in self.lasting.iter_mut().rev() {
            sum += *tokens;
            n += 1.0;
            *tokens = sum / n;
        }
    }

    /// Mean tokens of those that lasted longer than this; of one that lasts longer than all before, the tokens of the longest in
    /// proportion. None when nothing is known. [`Sizes::sort`] must have been called.
    fn lasting(&self, seconds: f64) -> Option<f64> {
        let after = self.lasting.partition_point(|(lasted, _)| *lasted <= seconds);
        match self.lasting.get(after) {
            Some((_, mean)) => Some(*mean),
            None => self.lasting.last().map(|(longest, tokens)| tokens * (seconds / longest.max(1e-3)).max(1.0)),
        }
    }
}

impl TokenMeter {
    /// A meter of these tokens with this first guess.
    pub fn new(count: TokenCount, estimate: &TokenEstimate) -> Self {
        let mut ledger = Ledger::default();
        match estimate {
            TokenEstimate::None => {}
            TokenEstimate::All(tokens) => ledger.guess = Some(*tokens),
            TokenEstimate::ByType(all) => {
                for (name, tokens) in all.iter().take(MOST_TYPES) {
                    ledger.types.insert(name.clone(), Kind { guess: Some(*tokens), ..Kind::default() });
                }
                ledger.guess = Some(all.values().sum::<f64>() / all.len().max(1) as f64);
            }
        }
        Self { count, inner: Mutex::new(ledger) }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// An iteration was started then; `iteration` is its number on this instance.
    pub fn begins(&self, iteration: u64, at: Duration) {
        let ledger = &mut *self.lock();
        let expected = ledger.next();
        ledger.expected += expected;
        ledger.under_way.insert(iteration, Flight { begun: at, expected, ..Flight::default() });
    }

    /// An iteration that was just begun found nobody to run it.
    pub fn takes_back(&self, iteration: u64) {
        let ledger = &mut *self.lock();
        if let Some(flight) = ledger.under_way.remove(&iteration) {
            ledger.expected -= flight.expected;
        }
    }

    /// An iteration could not be started: what it would have taken is lost, as its place in the schedule is.
    pub fn drops(&self) {
        let mut ledger = self.lock();
        ledger.settled += ledger.next();
    }

    /// A call of the iteration begins.
    pub fn call_begins(&self, iteration: u64, request_type: Option<&str>) {
        let ledger = &mut *self.lock();
        let Some(flight) = ledger.under_way.get_mut(&iteration).filter(|flight| flight.kind.is_none()) else { return };
        let name = request_type.unwrap_or_default();
        let name = if ledger.types.contains_key(name) || ledger.types.len() < MOST_TYPES { name } else { "" };
        flight.kind = Some(name.to_owned());
        let kind = ledger.types.entry(name.to_owned()).or_default();
        if let Some(mean) = kind.sizes.mean().or(kind.guess) {
            let expected = mean.max(flight.tokens);
            ledger.expected += expected - flight.expected;
            flight.expected = expected;
        }
    }

    /// A call of the iteration has ended with these tokens.
    pub fn call_ends(&self, iteration: u64, input: u64, output: u64) {
        let tokens = self.count.of(input, output) as f64;
        let ledger = &mut *self.lock();
        ledger.counted += tokens;
        let Some(flight) = ledger.under_way.get_mut(&iteration) else {
            // The iteration is over (its VU was left behind): the tokens are real all the same.
            ledger.settled += tokens;
            return;
        };
        flight.tokens += tokens;
        if flight.tokens > flight.expected {
            ledger.expected += flight.tokens - flight.expected;
            flight.expected = flight.tokens;
        }
    }

    /// An iteration is over. One without tokens settles what it was expected to take: when calls fail, sending more in their place
    /// would be a storm.
    pub fn ends(&self, iteration: u64, lasted: Duration) {
        let ledger = &mut *self.lock();
        let Some(flight) = ledger.under_way.remove(&iteration) else { return };
        ledger.expected -= flight.expected;
        if flight.tokens <= 0.0 {
            ledger.without += 1;
            ledger.settled += flight.expected;
            return;
        }
        ledger.settled += flight.tokens;
        ledger.iterations += 1;
        ledger.all.add(lasted.as_secs_f64(), flight.tokens);
        if let Some(kind) = flight.kind.as_ref().and_then(|name| ledger.types.get_mut(name)) {
            kind.sizes.add(lasted.as_secs_f64(), flight.tokens);
            kind.iterations += 1;
        }
    }

    /// What can be said at this time.
    pub fn outlook(&self, now: Duration) -> Outlook {
        let ledger = &mut *self.lock();
        if now.saturating_sub(ledger.refreshed) >= REFRESH {
            ledger.refresh(now);
        }
        let known = ledger.guess.is_some() || ledger.iterations >= KNOWN_AFTER;
        Outlook {
            committed: ledger.settled + ledger.expected.max(0.0),
            next: ledger.next(),
            under_way: ledger.under_way.len() as u64,
            limit: (!known).then(|| (4 * ledger.iterations).max(1)),
        }
    }

    /// The figures at the end.
    pub fn totals(&self) -> TokenTotals {
        let ledger = self.lock();
        let types = ledger.types.iter().filter(|(_, kind)| kind.iterations > 0);
        TokenTotals {
            counted: ledger.counted,
            iterations: ledger.iterations,
            without: ledger.without,
            types: types
                .map(|(name, kind)| TypeSize {
                    request_type: Some(name.clone()).filter(|name| !name.is_empty()),
                    iterations: kind.iterations,
                    mean: kind.sizes.mean().unwrap_or_default(),
                })
                .collect(),
        }
    }
}

impl Ledger {
    /// Likely tokens of an iteration nothing is known of: the mean of the last ones that ended. As long as these are few, those under way
    /// are added, because the first to end are the small ones; and a first guess, as one more.
    fn next(&self) -> f64 {
        match self.all.mean() {
            None => return self.guess.unwrap_or_default(),
            Some(mean) if self.all.recent.len() >= MEMORY => return mean,
            Some(_) => {}
        }
        let guess = self.guess.map_or((0.0, 0.0), |guess| (guess, 1.0));
        let tokens = guess.0 + self.all.tokens + self.expected.max(0.0);
        tokens / (guess.1 + (self.all.recent.len() + self.under_way.len()) as f64)
    }

    /// Looks at the iterations under way again: they have lasted longer by now, and more of their kind have ended.
    fn refresh(&mut self, now: Duration) {
        self.refreshed = now;
        self.all.sort();
        self.types.values_mut().for_each(|kind| kind.sizes.sort());
        let (all, types) = (&self.all, &self.types);
        let mut sum = 0.0;
        for flight in self.under_way.values_mut() {
            let seconds = now.saturating_sub(flight.begun).as_secs_f64();
            let kind = flight.kind.as_ref().and_then(|name| types.get(name));
            let likely = match kind {
                Some(kind) => kind.sizes.lasting(seconds).or(kind.guess),
                None => all.lasting(seconds),
            };
            if let Some(likely) = likely {
                flight.expected = likely.max(flight.tokens);
            }
            sum += flight.expected;
        }
        self.expected = sum;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn meter(estimate: TokenEstimate) -> TokenMeter {
        TokenMeter::new(TokenCount::Total, &estimate)
    }

    fn run(meter: &TokenMeter, iteration: u64, kind: Option<&str>, tokens: u64, lasted: Duration) {
        meter.begins(iteration, Duration::ZERO);
        meter.call_begins(iteration, kind);
        meter.call_ends(iteration, 0, tokens);
        meter.ends(iteration, lasted);
    }

    #[test]
    fn each_type_has_its_own_mean() {
        let meter = meter(TokenEstimate::ByType([("long".to_owned(), 1_000.0), ("short".to_owned(), 100.0)].into()));
        let committed = || meter.outlook(Duration::ZERO).committed;
        assert_eq!(meter.outlook(Duration::ZERO), Outlook { committed: 0.0, next: 550.0, under_way: 0, limit: None });
        meter.begins(0, Duration::ZERO);
        assert_eq!(committed(), 550.0, "nobody knows its type yet");
        meter.call_begins(0, Some("short"));
        assert_eq!(committed(), 100.0);
        meter.call_ends(0, 50, 250);
        assert_eq!(committed(), 300.0, "more than expected already");
        meter.ends(0, S);
        assert_eq!(committed(), 300.0);
        meter.begins(1, Duration::ZERO);
        meter.call_begins(1, Some("short"));
        assert_eq!(committed(), 600.0, "the mean is 300 now");
        meter.begins(2, Duration::ZERO);
        meter.call_begins(2, Some("new"));
        // (550 guessed + 300 ended + 300 expected) / 3
        assert!((committed() - 600.0 - 1_150.0 / 3.0).abs() < 1e-9, "a type not seen before is like the others");
        let totals = meter.totals();
        assert_eq!((totals.counted, totals.iterations, totals.types.len()), (300.0, 1, 1));
        assert_eq!(totals.types[0], TypeSize { request_type: Some("short".into()), iterations: 1, mean: 300.0 });
    }

    #[test]
    fn what_lasts_is_large() {
        let meter = meter(TokenEstimate::None);
        for (n, (tokens, seconds)) in [(10, 1), (20, 2), (30, 3), (100, 10)].into_iter().enumerate() {
            run(&meter, n as u64, None, tokens, seconds * S);
        }
        meter.begins(9, Duration::ZERO);
        meter.call_begins(9, None);
        let expected = |seconds: f64| meter.outlook(Duration::from_secs_f64(seconds)).committed - 160.0;
        assert_eq!(expected(0.0), 40.0);
        assert_eq!((expected(1.5), expected(2.5), expected(5.0)), (50.0, 65.0, 100.0));
        assert_eq!(expected(20.0), 200.0, "longer than any before: in proportion");
        assert!((meter.outlook(20 * S).next - 360.0 / 5.0).abs() < 1e-9, "and the next one is likely larger too");
    }

    #[test]
    fn without_a_guess_a_few_iterations_find_out() {
        let meter = meter(TokenEstimate::None);
        let outlook = || meter.outlook(Duration::ZERO);
        assert_eq!(outlook(), Outlook { committed: 0.0, next: 0.0, under_way: 0, limit: Some(1) });
        run(&meter, 0, None, 80, S);
        assert_eq!(outlook(), Outlook { committed: 80.0, next: 80.0, under_way: 0, limit: Some(4) });
        (1..16).for_each(|n| run(&meter, n, None, 80, S));
        assert_eq!(outlook().limit, None);
        let failing = self::meter(TokenEstimate::None);
        (0..50).for_each(|n| run(&failing, n, None, 0, S));
        assert_eq!(failing.outlook(S).limit, Some(1), "failures teach nothing");
    }

    #[test]
    fn failures_settle_what_was_expected() {
        let meter = meter(TokenEstimate::All(100.0));
        run(&meter, 0, Some("a"), 0, S);
        meter.drops();
        meter.begins(1, Duration::ZERO);
        meter.ends(1, S);
        assert_eq!(meter.outlook(S), Outlook { committed: 300.0, next: 100.0, under_way: 0, limit: None });
        assert_eq!((meter.totals().counted, meter.totals().without), (0.0, 2));
    }

    #[test]
    fn only_the_tokens_asked_for_count() {
        for (count, tokens) in [(TokenCount::Total, 17.0), (TokenCount::Input, 10.0), (TokenCount::Output, 7.0)] {
            let meter = TokenMeter::new(count, &TokenEstimate::None);
            meter.begins(0, Duration::ZERO);
            meter.call_begins(0, None);
            meter.call_ends(0, 10, 7);
            meter.ends(0, S);
            assert_eq!(meter.totals().counted, tokens);
        }
    }

    proptest! {
        /// Whatever happens in whatever order: nothing is counted twice or lost, and the sum of expectations is that of the iterations.
        #[test]
        fn the_books_balance(steps in proptest::collection::vec((0u8..6, 0u64..6, 0u64..50), 0..200)) {
            let meter = meter(TokenEstimate::All(10.0));
            let mut counted = 0.0;
            for (n, (step, iteration, tokens)) in steps.into_iter().enumerate() {
                let now = Duration::from_millis(7 * n as u64);
                let open = meter.lock().under_way.contains_key(&iteration);
                match step {
                    0 if !open => meter.begins(iteration, now),
                    1 => meter.call_begins(iteration, ["a", "b"].get(tokens as usize % 3).copied()),
                    2 => { meter.call_ends(iteration, 0, tokens); counted += tokens as f64; }
                    3 => meter.ends(iteration, Duration::from_millis(tokens)),
                    4 => meter.drops(),
                    5 => meter.takes_back(iteration),
                    _ => {}
                }
                let outlook = meter.outlook(now);
                let ledger = meter.lock();
                let sum: f64 = ledger.under_way.values().map(|flight| flight.expected).sum();
                prop_assert!((ledger.expected - sum).abs() < 1e-6 && outlook.committed >= 0.0 && outlook.next > 0.0);
                prop_assert!(ledger.under_way.values().all(|flight| flight.expected >= flight.tokens));
            }
            prop_assert_eq!(meter.totals().counted, counted);
        }
    }
}
