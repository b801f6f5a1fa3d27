//! What flows through a system in a window of time: its rate, what is in it, and whether the two agree.
//!
//! Times are in seconds from the start of the window; spans may begin before it and end after it.

/// The rate at which events of these times and weights happen in a window: the slope of a straight line through the count of those that
/// have happened. Unlike a count divided by the length it hardly depends on where the window cuts a rhythm: VUs that all begin together
/// end together, and a count would be wrong by up to a whole round.
pub fn rate(events: impl IntoIterator<Item = (f64, f64)>, length: f64) -> f64 {
    if length <= 0.0 {
        return 0.0;
    }
    let inside = events.into_iter().filter(|(at, _)| (0.0..=length).contains(at));
    // Not `sum`, which of nothing is -0.
    6.0 / length.powi(3) * inside.fold(0.0, |sum, (at, weight)| sum + weight * at * (length - at))
}

/// Mean number of spans open in each of `windows` windows of equal length.
pub fn in_flight(spans: impl IntoIterator<Item = (f64, f64)>, length: f64, windows: usize) -> Vec<f64> {
    let mut out = vec![0.0; windows];
    let width = length / windows as f64;
    if width.is_nan() || width <= 0.0 {
        return out;
    }
    for (start, end) in spans {
        let (start, end) = (start.max(0.0), end.min(length));
        if start >= end {
            continue;
        }
        let (first, last) = ((start / width) as usize, ((end / width) as usize).min(windows - 1));
        for (at, window) in out.iter_mut().enumerate().take(last + 1).skip(first) {
            let (from, to) = (at as f64 * width, (at + 1) as f64 * width);
            *window += (end.min(to) - start.max(from)).max(0.0) / width;
        }
    }
    out
}

/// Little's law: the mean number in a system is the rate times the mean time in it. By how much the first differs from what the others
/// say, in shares of it. It differs when the window is not in a steady state, or something was not seen. None when nothing flows.
pub fn little_deviation(in_flight: f64, rate: f64, mean_time: f64) -> Option<f64> {
    let expected = rate * mean_time;
    (expected > 0.0).then(|| in_flight / expected - 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Clients that make calls of `time` one after the other from -2 to 12 s, each beginning `stagger` after the one before.
    fn clients(n: usize, time: f64, stagger: f64) -> Vec<(f64, f64)> {
        let calls = |client: usize| {
            let first = -2.0 + client as f64 * stagger;
            (0..).map(move |k| (first + k as f64 * time, first + (k + 1) as f64 * time)).take_while(|s| s.0 < 12.0)
        };
        (0..n).flat_map(calls).collect()
    }

    #[test]
    fn a_rhythm_does_not_matter() {
        for (time, stagger) in [(1.0, 0.0), (1.3, 0.0), (0.7, 0.05), (0.1, 0.013)] {
            let calls = clients(8, time, stagger);
            let rate = rate(calls.iter().map(|c| (c.1, 1.0)), 10.0);
            assert!((rate * time / 8.0 - 1.0).abs() < 0.03, "{time} {stagger}: {rate}");
            let open = in_flight(calls.iter().copied(), 10.0, 20);
            assert!(open.iter().all(|n| (n - 8.0).abs() < 1e-9), "{open:?}");
            assert!(little_deviation(8.0, rate, time).unwrap().abs() < 0.03);
        }
        assert_eq!((rate([], 10.0), rate([(1.0, 1.0)], 0.0)), (0.0, 0.0));
        assert_eq!(little_deviation(1.0, 0.0, 1.0), None);
        assert_eq!(in_flight([(0.0, 1.0)], 0.0, 3), [0.0; 3]);
    }

    #[test]
    fn a_queue_that_grows_breaks_littles_law() {
        // 20 arrive per second, 10 are served.
        let calls: Vec<(f64, f64)> = (0..200).map(f64::from).map(|n| (n / 20.0, n / 10.0 + 0.1)).collect();
        let served = rate(calls.iter().map(|c| (c.1, 1.0)), 10.0);
        assert!((served - 10.0).abs() < 0.1, "{served}");
        let open = in_flight(calls.iter().copied(), 10.0, 10);
        assert!(open.windows(2).all(|w| w[1] > w[0]), "{open:?}");
        let ended: Vec<f64> = calls.iter().filter(|c| c.1 <= 10.0).map(|c| c.1 - c.0).collect();
        let mean = ended.iter().sum::<f64>() / ended.len() as f64;
        let deviation = little_deviation(open.iter().sum::<f64>() / 10.0, served, mean).unwrap();
        assert!(deviation > 0.5, "{deviation}");
    }

    proptest! {
        #[test]
        fn windows_add_up(spans in proptest::collection::vec((-5.0f64..15.0, 0.0f64..10.0), 0..40), windows in 1usize..50) {
            let spans: Vec<(f64, f64)> = spans.into_iter().map(|(start, time)| (start, start + time)).collect();
            let inside: f64 = spans.iter().map(|(s, e)| (e.min(10.0) - s.max(0.0)).max(0.0)).sum();
            let open = in_flight(spans.iter().copied(), 10.0, windows);
            let total: f64 = open.iter().sum::<f64>() * 10.0 / windows as f64;
            prop_assert!((total - inside).abs() < 1e-6, "{} {}", total, inside);
        }

        #[test]
        fn even_events_have_their_rate(rate_of in 5.0f64..500.0, phase in 0.0f64..1.0) {
            let events = (0..).map(|n| (f64::from(n) + phase) / rate_of).take_while(|t| *t <= 10.0).map(|t| (t, 1.0));
            let found = rate(events, 10.0);
            prop_assert!((found / rate_of - 1.0).abs() < 0.002, "{} {}", found, rate_of);
        }
    }
}
