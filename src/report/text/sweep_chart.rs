//! A chart of characters: latency upwards, throughput to the right, one character per step.

use crate::report::human;

/// A step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    /// Throughput.
    pub(super) x: f64,
    /// Latency in ms.
    pub(super) y: f64,
    /// The character that stands for it.
    pub(super) key: char,
}

const HEIGHT: usize = 10;
const WIDEST: usize = 64;
/// Characters of the labels on the left.
const LABEL: usize = 9;
/// From this factor between the least and the largest latency on, the axis is logarithmic.
const LOGARITHMIC: f64 = 20.0;

/// The lines; none for fewer than two points.
pub(super) fn draw(marks: &[Mark], room: usize, y_title: &str, x_title: &str) -> Vec<String> {
    let marks: Vec<Mark> = marks.iter().copied().filter(|m| m.x.is_finite() && m.y.is_finite() && m.y > 0.0).collect();
    let width = WIDEST.min(room.saturating_sub(LABEL + 3));
    if marks.len() < 2 || width < 10 {
        return Vec::new();
    }
    let most = |of: fn(&Mark) -> f64| marks.iter().map(of).fold(0.0, f64::max);
    let (right, top) = (most(|m| m.x).max(f64::MIN_POSITIVE), most(|m| m.y));
    let least = marks.iter().map(|m| m.y).fold(f64::INFINITY, f64::min);
    let log = top / least > LOGARITHMIC;
    let share = |y: f64| if log { (y / least).ln() / (top / least).ln() } else { y / top };
    let value = |share: f64| if log { least * (top / least).powf(share) } else { top * share };
    let cell = |share: f64, cells: usize| ((share * (cells - 1) as f64).round() as usize).min(cells - 1);
    let mut grid = vec![vec![' '; width]; HEIGHT];
    for mark in &marks {
        // Of steps in one place the first is shown: it is the cheapest that got there.
        let at = &mut grid[HEIGHT - 1 - cell(share(mark.y), HEIGHT)][cell(mark.x / right, width)];
        if *at == ' ' {
            *at = mark.key;
        }
    }
    let scale = if log { " (logarithmic)" } else { "" };
    let mut out = vec![format!("{y_title}{scale}")];
    for (row, cells) in grid.iter().enumerate() {
        let at = 1.0 - row as f64 / (HEIGHT - 1) as f64;
        let label = if row % 3 == 0 { human::duration(value(at), None) } else { String::new() };
        let line: String = cells.iter().collect();
        out.push(format!("{label:>LABEL$} │{}", line.trim_end()));
    }
    out.push(format!("{:>LABEL$} └{}", "", "─".repeat(width)));
    let end = format!("{} {x_title}", human::number((right * 100.0).round() / 100.0));
    out.push(format!("{:>LABEL$}  0{end:>1$}", "", width.saturating_sub(1)));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(x: f64, y: f64, key: char) -> Mark {
        Mark { x, y, key }
    }

    #[test]
    fn points_are_where_they_belong() {
        let lines =
            draw(&[mark(1.0, 100.0, '1'), mark(2.0, 100.0, '2'), mark(2.0, 400.0, '3')], 40, "e2e p95", "calls/s");
        assert_eq!(lines.len(), HEIGHT + 3);
        assert!(lines[1].ends_with('3') && lines[1].contains("400ms"), "{lines:#?}");
        let both = lines.iter().find(|l| l.contains("1  ") || l.ends_with('2')).unwrap();
        assert!(
            both.contains('1') && both.ends_with('2') && both.chars().count() == lines[1].chars().count(),
            "{lines:#?}"
        );
        assert!(lines.last().unwrap().ends_with("2 calls/s"));
        let lines = draw(&[mark(1.0, 10.0, '1'), mark(2.0, 10_000.0, '2')], 100, "e2e p95", "calls/s");
        assert!(lines[0].contains("logarithmic") && lines[10].contains('1'), "{lines:#?}");
        assert!(draw(&[mark(1.0, 1.0, '1')], 100, "", "").is_empty());
        assert!(draw(&[mark(1.0, 1.0, '1'); 2], 15, "", "").is_empty(), "no room");
    }

    proptest! {
        #[test]
        fn it_fits(points in proptest::collection::vec((any::<f64>(), any::<f64>()), 0..20), room in 0usize..200) {
            let marks: Vec<Mark> = points.into_iter().map(|(x, y)| mark(x.abs(), y, 'x')).collect();
            for line in draw(&marks, room, "e2e", "c/s").iter().skip(1) {
                // A number may be long; the grid is not.
                prop_assert!(line.chars().count() <= room.max(LABEL + 400));
            }
        }
    }
}
