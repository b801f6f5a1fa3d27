//! Arrival processes: how the starts of an arrival rate are spread over time.
//!
//! Time is first measured in iterations: a renewal process of rate 1, whose N-th point is the sum of N gaps of mean 1 (exponential, or
//! gamma with the coefficient of variation that was asked for). A point becomes an instant through the inverse of the integral of the
//! rate, so a ramp changes how fast the process runs and nothing else. The first gap is drawn from the distribution that a
//! process that has always been running shows to a late comer: then the expected count equals the integral at every moment.
//!
//! Every instance of a split test draws the whole process from the same seed and takes its own numbers of it.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma};

use crate::options::Arrival;

use super::schedule::Schedule;
use super::{Next, Pace};

/// The starts of an arrival rate.
#[derive(Clone, Debug)]
pub struct ArrivalPace {
    schedule: Schedule,
    /// None = uniform.
    renewal: Option<Box<Renewal>>,
    /// Ours so far.
    taken: u64,
}

impl ArrivalPace {
    /// The starts of this schedule, spread by this process.
    pub fn new(schedule: Schedule, process: Arrival, seed: u64) -> Self {
        let gaps = match process {
            Arrival::Uniform => None,
            Arrival::Poisson => Some(Gaps::Exponential),
            Arrival::Gamma(cv) => Some(Gaps::gamma(cv)),
        };
        Self { schedule, renewal: gaps.map(|gaps| Box::new(Renewal::new(gaps, seed))), taken: 0 }
    }
}

impl Pace for ArrivalPace {
    fn next(&mut self, _: Duration) -> Next {
        let arrival = self.schedule.stripe().global(self.taken);
        let at = match &mut self.renewal {
            None => self.schedule.start_of(self.taken),
            Some(renewal) => self.schedule.reaches(renewal.point(arrival)),
        };
        match at {
            Some(at) => {
                self.taken += 1;
                Next::Start { at, arrival }
            }
            None => Next::End(self.schedule.duration()),
        }
    }
}

/// Gaps of mean 1.
#[derive(Clone, Copy, Debug)]
enum Gaps {
    Exponential,
    /// The gaps, and their length-biased distribution.
    Gamma(Gamma<f64>, Gamma<f64>),
}

impl Gaps {
    fn gamma(cv: f64) -> Self {
        let shape = 1.0 / (cv * cv);
        // A gap that covers a given moment is longer than most: its shape is one more.
        match (Gamma::new(shape, 1.0 / shape), Gamma::new(shape + 1.0, 1.0 / shape)) {
            (Ok(gaps), Ok(covering)) => Self::Gamma(gaps, covering),
            // Validated options keep shapes positive and finite.
            _ => Self::Exponential,
        }
    }

    fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Exponential => Exp1.sample(rng),
            Self::Gamma(gaps, _) => gaps.sample(rng),
        }
    }

    /// From a moment chosen without regard to the process to its next point.
    fn first(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Exponential => Exp1.sample(rng),
            Self::Gamma(_, covering) => covering.sample(rng) * rng.random::<f64>(),
        }
    }
}

/// A renewal process of rate 1, seen in order.
#[derive(Clone, Debug)]
struct Renewal {
    gaps: Gaps,
    rng: ChaCha8Rng,
    /// Number and place of the point reached.
    reached: Option<(u64, f64)>,
}

impl Renewal {
    fn new(gaps: Gaps, seed: u64) -> Self {
        Self { gaps, rng: ChaCha8Rng::seed_from_u64(seed), reached: None }
    }

    /// Where point `number` is; numbers must not go back.
    fn point(&mut self, number: u64) -> f64 {
        let (mut at, mut place) = match self.reached {
            Some(reached) => reached,
            None => (0, self.gaps.first(&mut self.rng)),
        };
        while at < number {
            place += self.gaps.draw(&mut self.rng);
            at += 1;
        }
        self.reached = Some((at, place));
        place
    }
}

/// The seed of a scenario that has none of its own: the run's seed (0 without one) and the scenario's name, by FNV-1a. The same on every
/// machine, so that the instances of a split test agree without talking.
pub fn seed_of(run: Option<u64>, scenario: &str) -> u64 {
    let bytes = run.unwrap_or(0).to_le_bytes();
    bytes
        .iter()
        .chain(scenario.as_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
