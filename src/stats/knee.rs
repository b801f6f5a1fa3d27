//! Where a curve of throughput against latency bends, and where throughput stops growing.

/// A step of a curve, in order of load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// What it costs: a latency.
    pub latency: f64,
    /// What it yields.
    pub throughput: f64,
}

/// Below this change, in shares of the smallest, latencies are the same: noise is not to be blown up to a knee.
const FLAT_LATENCY: f64 = 0.1;

/// The knee of a curve by Kneedle (Satopaa et al., 2011): the last point before more throughput costs more latency than it is worth.
/// Both axes are scaled to 0..=1; a point where their difference is largest is a knee once the difference falls, before it rises again,
/// by `sensitivity` mean steps of the latency. None where the curve does not bend within its range.
pub fn knee(curve: &[CurvePoint], sensitivity: f64) -> Option<usize> {
    if curve.len() < 3 || curve.iter().any(|p| !p.latency.is_finite() || !p.throughput.is_finite()) {
        return None;
    }
    let (latency, throughput) =
        (Scale::of(curve.iter().map(|p| p.latency)), Scale::of(curve.iter().map(|p| p.throughput)));
    if latency.range <= FLAT_LATENCY * latency.least.abs() || throughput.range <= GROWTH * throughput.most().abs() {
        return None;
    }
    let gain: Vec<f64> = curve.iter().map(|p| throughput.at(p.throughput) - latency.at(p.latency)).collect();
    let fall = sensitivity / (curve.len() - 1) as f64;
    let mut candidate: Option<usize> = None;
    let mut best: Option<usize> = None;
    for at in 0..gain.len() {
        let before = at.checked_sub(1).map_or(f64::NEG_INFINITY, |n| gain[n]);
        let after = gain.get(at + 1).copied().unwrap_or(f64::INFINITY);
        if gain[at] >= before && gain[at] > after {
            candidate = Some(at);
        }
        if let Some(top) = candidate
            && gain[at] <= gain[top] - fall
        {
            best = best.filter(|b| gain[*b] >= gain[top]).or(Some(top));
            candidate = None;
        }
    }
    best
}

/// Throughput that grows by less than this share does not grow.
pub const GROWTH: f64 = 0.05;

/// The first step from which throughput no longer grows: it is within 5 % of the most, and a higher load followed it. None while it grows.
pub fn saturation(throughput: &[f64]) -> Option<usize> {
    let most = throughput.iter().copied().filter(|t| t.is_finite()).fold(0.0, f64::max);
    let first = throughput.iter().position(|t| most > 0.0 && *t >= most * (1.0 - GROWTH))?;
    (first + 1 < throughput.len()).then_some(first)
}

struct Scale {
    least: f64,
    range: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), v| (v.min(l), v.max(m)));
        Self { least, range: most - least }
    }

    fn most(&self) -> f64 {
        self.least + self.range
    }

    fn at(&self, value: f64) -> f64 {
        (value - self.least) / self.range
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A server of `places` with a service time of 1: what `load` clients see.
    fn closed(loads: &[f64], places: f64) -> Vec<CurvePoint> {
        loads.iter().map(|n| CurvePoint { throughput: n.min(places), latency: (n / places).max(1.0) }).collect()
    }

    #[test]
    fn a_server_with_places_bends_where_they_are_full() {
        let loads = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        assert_eq!(knee(&closed(&loads, 8.0), 1.0), Some(3));
        assert_eq!(knee(&closed(&loads, 64.0), 1.0), None, "it was never full");
        assert_eq!(knee(&closed(&loads[..2], 1.0), 1.0), None, "two points have no bend");
        assert_eq!(knee(&closed(&loads, 0.5), 1.0), None, "it was full from the start");
        // The paper's example of a curve: y = -1/x + 5, whose knee it finds at 0.22.
        let curve: Vec<_> = (0..10)
            .map(|n| f64::from(n) / 9.0)
            .map(|x| CurvePoint { latency: x, throughput: 5.0 - 1.0 / (x + 0.1) })
            .collect();
        assert_eq!(knee(&curve, 1.0), Some(2));
    }

    #[test]
    fn a_queue_bends_before_it_is_full() {
        // M/M/1: latency 1 / (1 - load), throughput as offered.
        let curve: Vec<_> = (1..20)
            .map(|n| f64::from(n) / 20.0)
            .map(|load| CurvePoint { throughput: load, latency: 1.0 / (1.0 - load) })
            .collect();
        let at = curve[knee(&curve, 1.0).unwrap()].throughput;
        assert!((0.7..0.9).contains(&at), "{at}");
    }

    #[test]
    fn noise_is_no_knee() {
        let curve: Vec<_> = (1..10)
            .map(|n| CurvePoint { throughput: f64::from(n), latency: 1.0 + 0.01 * f64::from(n * 7 % 5) })
            .collect();
        assert_eq!(knee(&curve, 1.0), None);
        assert_eq!(knee(&[CurvePoint { throughput: 1.0, latency: f64::NAN }; 5], 1.0), None);
    }

    #[test]
    fn saturation_is_where_growth_ends() {
        assert_eq!(saturation(&[1.0, 2.0, 4.0, 7.8, 8.0, 7.0]), Some(3));
        assert_eq!(saturation(&[1.0, 2.0, 4.0]), None);
        assert_eq!(saturation(&[8.0, 8.1]), Some(0));
        assert_eq!(saturation(&[]), None);
        assert_eq!(saturation(&[0.0, 0.0]), None);
    }

    proptest! {
        #[test]
        fn scaling_the_axes_moves_nothing(places in 2.0f64..20.0, a in 0.01f64..100.0, b in 0.01f64..100.0) {
            let loads: Vec<f64> = (1..=24).map(f64::from).collect();
            let curve = closed(&loads, places);
            let scaled: Vec<_> =
                curve.iter().map(|p| CurvePoint { latency: p.latency * a, throughput: p.throughput * b }).collect();
            prop_assert_eq!(knee(&curve, 1.0), knee(&scaled, 1.0));
            let at = loads[knee(&curve, 1.0).unwrap()];
            prop_assert!((at - places).abs() <= 1.0, "{} of {}", at, places);
        }

        #[test]
        fn anything_goes_in(values in proptest::collection::vec((any::<f64>(), any::<f64>()), 0..12)) {
            let curve: Vec<_> = values.iter().map(|(latency, throughput)| CurvePoint { latency: *latency, throughput: *throughput }).collect();
            prop_assert!(knee(&curve, 1.0).is_none_or(|at| at < curve.len()));
            let throughput: Vec<f64> = values.iter().map(|v| v.1).collect();
            prop_assert!(saturation(&throughput).is_none_or(|at| at + 1 < curve.len()));
        }
    }
}
