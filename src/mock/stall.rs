//! Pauses inside a stream, by chance: the text form `SHARE:TIME` and the draw.
//!
//! Unlike the fault `stall`, which strikes once per response where it is told to, these come at any token.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::{Rng, RngExt};

use super::dist::{DelayDist, KnobError};

/// With a chance of `share` the next token comes later by a draw from `time`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stall {
    share: f64,
    time: DelayDist,
}

impl Stall {
    /// The pause after a token, mostly none.
    pub fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Duration {
        if rng.random::<f64>() < self.share { self.time.draw(rng) } else { Duration::ZERO }
    }

    /// The same with times from a file.
    ///
    /// # Errors
    /// What is wrong with the text or the file.
    pub fn read(text: &str, delay: impl Fn(&str) -> Result<DelayDist, KnobError>) -> Result<Self, KnobError> {
        let wrong = |why: &str| {
            KnobError(format!("`{text}` is not SHARE:TIME: {why}; write `0.01:500ms` or `0.001:lognormal:1s,0.5`"))
        };
        let (share, time) = text.split_once(':').ok_or_else(|| wrong("the colon is missing"))?;
        let share: f64 = share.trim().parse().map_err(|_| wrong("the share is not a number"))?;
        if !(0.0..=1.0).contains(&share) {
            return Err(wrong("the share is from 0 to 1"));
        }
        Ok(Self { share, time: delay(time)? })
    }
}

impl FromStr for Stall {
    type Err = KnobError;

    fn from_str(text: &str) -> Result<Self, KnobError> {
        Self::read(text, str::parse)
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.share, self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn it_comes_as_often_as_told() {
        let stall: Stall = "0.1:500ms".parse().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let hits = (0..10_000).filter(|_| stall.draw(&mut rng) == Duration::from_millis(500)).count();
        assert!((900..1100).contains(&hits), "{hits}");
        assert_eq!("0.5:lognormal:1s,0.5".parse::<Stall>().unwrap().to_string(), "0.5:lognormal:1s,0.5");
        for bad in ["", "0.1", "2:1s", "x:1s", "0.1:soon"] {
            assert!(bad.parse::<Stall>().is_err(), "{bad}");
        }
    }
}
