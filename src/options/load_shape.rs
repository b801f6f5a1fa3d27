//! What k6's executors do not have: how starts are spread, rates in tokens, replays of traces. Plain data, as [`super::scenario`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How the starts of an arrival rate are spread over time; the rate is the same for all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Arrival {
    /// Even, as in k6.
    #[default]
    Uniform,
    /// Independent of each other: gaps of an exponential distribution.
    Poisson,
    /// Gaps of a gamma distribution with this coefficient of variation: 1 is Poisson, more is burstier, less is more even.
    Gamma(f64),
}

/// An arrival process and its seed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arrivals {
    /// The process.
    pub process: Arrival,
    /// Its seed; None = from the run's seed and the scenario's name.
    pub seed: Option<u64>,
}

/// Which tokens a token rate counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenCount {
    /// Input and output.
    #[default]
    Total,
    /// What the model reads.
    Input,
    /// What the model writes.
    Output,
}

impl TokenCount {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Total, Self::Input, Self::Output];

    /// The name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Input => "input",
            Self::Output => "output",
        }
    }

    /// The tokens of a call that count.
    pub fn of(self, input: u64, output: u64) -> u64 {
        match self {
            Self::Total => input.saturating_add(output),
            Self::Input => input,
            Self::Output => output,
        }
    }
}

/// The first guess of how many tokens an iteration takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TokenEstimate {
    /// None: a few iterations find out before the rate is taken up.
    #[default]
    None,
    /// The same for all.
    All(f64),
    /// By request type.
    ByType(BTreeMap<String, f64>),
}

/// What both executors of token rates have.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenRate {
    /// Unit of the rates.
    pub time_unit: Duration,
    /// Which tokens count.
    pub count: TokenCount,
    /// Tokens of an iteration before any has ended.
    pub estimate: TokenEstimate,
    /// VUs initialised before the run.
    pub pre_allocated_vus: u64,
    /// Most VUs.
    pub max_vus: u64,
}

/// How often a trace is gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passes {
    /// Once.
    #[default]
    Once,
    /// So many times.
    Times(u64),
    /// Until `duration` is over.
    Endless,
}

/// A trace to replay: what the user says, and the times that were found in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayConfig {
    /// The file, from the script's folder.
    pub file: String,
    /// Its format; None = by its first line.
    pub format: Option<String>,
    /// The second file of the formats that have one.
    pub lengths: Option<String>,
    /// Seed of the formats that leave arrivals to chance.
    pub seed: Option<u64>,
    /// How much faster than it was recorded: 2 halves all gaps.
    pub speed: f64,
    /// Where in the recording it begins.
    pub from: Duration,
    /// Where it ends; None = with the last request.
    pub to: Option<Duration>,
    /// How often.
    pub passes: Passes,
    /// When no more iterations start; None = after the last pass.
    pub duration: Option<Duration>,
    /// VUs initialised before the run.
    pub pre_allocated_vus: u64,
    /// Most VUs.
    pub max_vus: u64,
    /// The recording between `from` and `to`; set once the file is read.
    pub recording: Recording,
}

/// When the requests of a slice of a trace came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// From the start of the slice, ascending.
    pub times: Arc<[Duration]>,
    /// Length of the slice: where the next pass begins.
    pub length: Duration,
}

impl ReplayConfig {
    /// How long iterations start, once the file is read.
    pub fn length(&self) -> Duration {
        let pass = self.recording.length.as_secs_f64() / self.speed;
        let passes = match self.passes {
            Passes::Once => 1.0,
            #[allow(clippy::cast_precision_loss)]
            Passes::Times(n) => n as f64,
            // Only with a duration.
            Passes::Endless => f64::INFINITY,
        };
        let whole = Duration::try_from_secs_f64(pass * passes).unwrap_or(Duration::MAX);
        self.duration.map_or(whole, |limit| limit.min(whole))
    }
}
