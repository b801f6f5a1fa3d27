//! The starts of a trace: the recorded times, scaled, once or several times over.

use std::sync::Arc;
use std::time::Duration;

use crate::options::{ReplayConfig, Stripe};

use super::{Next, Pace};

/// The starts of a replay.
#[derive(Clone, Debug)]
pub struct ReplayPace {
    /// From the start of the slice, as recorded.
    times: Arc<[Duration]>,
    /// From one pass to the next, as recorded.
    period: Duration,
    speed: f64,
    length: Duration,
    stripe: Stripe,
    taken: u64,
}

impl ReplayPace {
    /// The starts of this replay that are ours.
    pub fn new(config: &ReplayConfig, stripe: Stripe) -> Self {
        let (times, period) = (Arc::clone(&config.recording.times), config.recording.length);
        Self { times, period, speed: config.speed, length: config.length(), stripe, taken: 0 }
    }

    /// When the start with this number is, from 0 over all passes; None beyond the end.
    pub fn start_of(&self, arrival: u64) -> Option<Duration> {
        let rows = self.times.len() as u64;
        let pass = arrival.checked_div(rows)?;
        let row = self.times.get(usize::try_from(arrival % rows).ok()?)?;
        let recorded = self.period.as_secs_f64() * pass as f64 + row.as_secs_f64();
        let at = Duration::try_from_secs_f64(recorded / self.speed).ok()?;
        (at < self.length || (pass == 0 && at.is_zero())).then_some(at)
    }

    /// Starts per second of the recorded seconds around a time: what a display shows.
    pub fn rate_at(&self, at: Duration) -> f64 {
        const AROUND: f64 = 5.0;
        if self.period.is_zero() {
            return 0.0;
        }
        let within = (at.as_secs_f64() * self.speed) % self.period.as_secs_f64();
        let (from, to) = ((within - AROUND).max(0.0), (within + AROUND).min(self.period.as_secs_f64()));
        let before = |t: f64| self.times.partition_point(|time| time.as_secs_f64() < t);
        (before(to) - before(from)) as f64 / (to - from).max(1e-9) * self.speed
    }

    /// How long iterations start.
    pub fn length(&self) -> Duration {
        self.length
    }
}

impl Pace for ReplayPace {
    fn next(&mut self, _: Duration) -> Next {
        let arrival = self.stripe.global(self.taken);
        match self.start_of(arrival) {
            Some(at) => {
                self.taken += 1;
                Next::Start { at, arrival }
            }
            None => Next::End(self.length),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::options::{Passes, Recording, Segmentation};

    fn config(ms: &[u64], length_ms: u64) -> ReplayConfig {
        let times = ms.iter().map(|ms| Duration::from_millis(*ms)).collect();
        ReplayConfig {
            file: "t.csv".to_owned(),
            format: None,
            lengths: None,
            seed: None,
            speed: 1.0,
            from: Duration::ZERO,
            to: None,
            passes: Passes::Once,
            duration: None,
            pre_allocated_vus: 1,
            max_vus: 1,
            recording: Recording { times, length: Duration::from_millis(length_ms) },
        }
    }

    fn all(config: &ReplayConfig, stripe: Stripe) -> Vec<(u64, u64)> {
        let mut pace = ReplayPace::new(config, stripe);
        let mut out = Vec::new();
        while let Next::Start { at, arrival } = pace.next(Duration::ZERO) {
            out.push((arrival, u64::try_from(at.as_millis()).unwrap()));
        }
        assert_eq!(pace.next(Duration::ZERO), Next::End(config.length()));
        out
    }

    fn at(starts: &[(u64, u64)]) -> Vec<u64> {
        starts.iter().map(|(_, at)| *at).collect()
    }

    #[test]
    fn once_faster_and_over_again() {
        let once = config(&[0, 100, 100, 900], 1_000);
        assert_eq!(all(&once, Stripe::default()), [(0, 0), (1, 100), (2, 100), (3, 900)]);
        let fast = ReplayConfig { speed: 2.0, ..once.clone() };
        assert_eq!(
            (at(&all(&fast, Stripe::default())), fast.length()),
            (vec![0, 50, 50, 450], Duration::from_millis(500))
        );
        let twice = ReplayConfig { passes: Passes::Times(2), ..once.clone() };
        assert_eq!(at(&all(&twice, Stripe::default())), [0, 100, 100, 900, 1_000, 1_100, 1_100, 1_900]);
        let endless =
            ReplayConfig { passes: Passes::Endless, duration: Some(Duration::from_millis(1_100)), ..once.clone() };
        assert_eq!(at(&all(&endless, Stripe::default())), [0, 100, 100, 900, 1_000], "the end itself is outside");
        let cut = ReplayConfig { duration: Some(Duration::from_millis(500)), ..once };
        assert_eq!(at(&all(&cut, Stripe::default())), [0, 100, 100]);
        assert_eq!(at(&all(&config(&[0], 0), Stripe::default())), [0], "a trace of one request");
        assert!(all(&config(&[], 0), Stripe::default()).is_empty());
    }

    #[test]
    fn the_rate_follows_the_recording() {
        let busy: Vec<u64> = (0..1_000).map(|n| n * 10).chain([60_000]).collect();
        let pace = ReplayPace::new(&config(&busy, 61_000), Stripe::default());
        assert!((pace.rate_at(Duration::from_secs(5)) - 100.0).abs() < 1.0);
        assert_eq!(pace.rate_at(Duration::from_secs(30)), 0.0);
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(mut ms in proptest::collection::vec(0u64..10_000, 1..50), passes in 1u64..4) {
            ms.sort_unstable();
            let config = ReplayConfig { passes: Passes::Times(passes), ..config(&ms, 10_000) };
            let whole = all(&config, Stripe::default());
            prop_assert_eq!(whole.len() as u64, passes * ms.len() as u64);
            let mut parts = Vec::new();
            for segment in ["0:1/4", "1/4:1/2", "1/2:1"] {
                let part = Segmentation::parse(Some(segment), Some("0,1/4,1/2,1")).unwrap();
                parts.extend(all(&config, part.for_vus(8).unwrap()));
            }
            parts.sort_unstable();
            prop_assert_eq!(parts, whole);
        }
    }
}
