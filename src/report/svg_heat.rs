//! A heat map as SVG, and with the table of its figures as a section of HTML: time from left to right, values from below, and the more samples
//! the stronger the colour. Colours are those of whoever takes it in.

use super::markup::escaped;
use super::svg_chart::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, label, label_every, rows_of, section};

/// What one sample looks like beside the most: seen, but faint.
const FAINTEST: f64 = 0.12;

/// How values are spread at each time.
#[derive(Debug)]
pub(super) struct HeatMap {
    pub(super) title: String,
    /// A sentence below the title.
    pub(super) about: String,
    /// How the time of each column is written.
    pub(super) times: Vec<String>,
    /// How the upper bound of each row is written; one more row is above the last.
    pub(super) bounds: Vec<String>,
    /// For each column the samples in its rows, from below; what is missing at the end is 0.
    pub(super) counts: Vec<Vec<u64>>,
}

impl HeatMap {
    /// A section with the map and its table.
    pub(super) fn section(&self) -> String {
        let rows = self.rows();
        let heads: Vec<String> = rows.clone().map(|row| self.range(row)).collect();
        let head: Vec<&str> = std::iter::once("since the start").chain(heads.iter().map(String::as_str)).collect();
        let cells = |(time, counts): (&String, &Vec<u64>)| {
            let counts = rows.clone().map(|row| counts.get(row).copied().unwrap_or(0).to_string());
            std::iter::once(time.clone()).chain(counts).collect()
        };
        let table = self.times.iter().zip(&self.counts).map(cells).collect();
        section(&self.title, &self.about, HEIGHT, &self.drawing(), &rows_of(&head, table))
    }

    /// The rows between the lowest and the highest that have samples.
    fn rows(&self) -> std::ops::Range<usize> {
        let filled = |counts: &Vec<u64>| counts.iter().position(|n| *n > 0);
        let lowest = self.counts.iter().filter_map(filled).min().unwrap_or(0);
        let highest = self.counts.iter().filter_map(|counts| counts.iter().rposition(|n| *n > 0)).max().unwrap_or(0);
        lowest..highest + 1
    }

    fn range(&self, row: usize) -> String {
        match (self.bounds.get(row), row.checked_sub(1).and_then(|below| self.bounds.get(below))) {
            (Some(to), Some(from)) => format!("{from} to {to}"),
            (Some(to), None) => format!("up to {to}"),
            (None, from) => format!("above {}", from.map_or("", String::as_str)),
        }
    }

    /// Axes and cells, without the element around them.
    pub(super) fn drawing(&self) -> String {
        let rows = self.rows();
        let most = self.counts.iter().flatten().copied().max().unwrap_or(0).max(1) as f64;
        let (wide, high) = ((RIGHT - LEFT) / self.times.len().max(1) as f64, (BOTTOM - TOP) / rows.len().max(1) as f64);
        let mut marks = format!(
            "<path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" fill=\"none\" stroke=\"var(--line)\" stroke-width=\".5\"/>"
        );
        for (column, (time, counts)) in self.times.iter().zip(&self.counts).enumerate() {
            let x = LEFT + wide * column as f64;
            for row in rows.clone() {
                let n = counts.get(row).copied().unwrap_or(0);
                if n == 0 {
                    continue;
                }
                let y = BOTTOM - high * (row - rows.start + 1) as f64;
                // By the root: few samples in the tail are what one looks for.
                let opacity = FAINTEST + (1.0 - FAINTEST) * (n as f64 / most).sqrt();
                marks += &format!(
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.2}\" height=\"{high:.2}\" fill=\"var(--curve)\" fill-opacity=\"{opacity:.2}\">\
                     <title>{}, {}: {n}</title></rect>",
                    escaped(time),
                    escaped(&self.range(row))
                );
            }
            if column % label_every(self.times.len()) == 0 {
                marks += &label(x, BOTTOM + 20.0, "middle", time);
            }
        }
        for row in rows.clone().step_by(label_every(rows.len())) {
            let Some(bound) = self.bounds.get(row) else { continue };
            marks += &label(LEFT - 6.0, BOTTOM - high * (row - rows.start + 1) as f64 + 4.0, "end", bound);
        }
        marks + &label(RIGHT, BOTTOM + 38.0, "end", "since the start")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_in_the_picture_and_in_the_table() {
        let bounds = ["1 ms", "10 ms", "100 ms"].map(str::to_owned).to_vec();
        let counts = vec![vec![0, 5], vec![], vec![0, 20, 1, 2]];
        let times = ["0 s", "1 s", "2 s"].map(str::to_owned).to_vec();
        let map = HeatMap { title: "A & B".into(), about: "x".into(), times, bounds, counts };
        let text = map.section();
        assert_eq!(text.matches("<rect").count(), 4);
        for cell in ["0 s, 1 ms to 10 ms: 5", "2 s, 10 ms to 100 ms: 1", "2 s, above 100 ms: 2"] {
            assert!(text.contains(&format!("<title>{cell}</title>")), "{cell} in {text}");
        }
        assert!(text.contains("fill-opacity=\"1.00\"><title>2 s, 1 ms to 10 ms: 20</title>"), "{text}");
        assert!(!text.contains("up to 1 ms"), "rows without samples below are left out: {text}");
        assert!(
            text.contains(
                "<th scope=\"row\">1 s</th><td class=\"n\">0</td><td class=\"n\">0</td><td class=\"n\">0</td>"
            )
        );
    }
}
