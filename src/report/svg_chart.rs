//! A line chart as SVG, and with the table of its figures as a section of HTML. Colours are those of whoever takes it in.

use super::markup::escaped;

/// Left, right, top and bottom edge of the plot in the picture; of heat maps as well.
pub(super) const LEFT: f64 = 84.0;
pub(super) const RIGHT: f64 = 722.0;
pub(super) const TOP: f64 = 20.0;
pub(super) const BOTTOM: f64 = 220.0;
/// The picture, but for the names of lines below it.
pub(super) const WIDTH: u32 = 750;
pub(super) const HEIGHT: u32 = 266;
/// Names of lines in one row, and how high it is.
const KEYS: usize = 4;
const KEY_HEIGHT: u32 = 20;
/// Fewer labels than points along an axis, so that they do not touch.
const LABELS: usize = 12;

/// A point, and how its place on the axis is written.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) at: String,
    pub(super) y: f64,
}

/// A chart of one line; values start at 0.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    /// A sentence below the title, or nothing.
    pub(super) about: String,
    /// What the axis is.
    pub(super) axis: &'static str,
    /// What the values are.
    pub(super) what: &'static str,
    /// Ascending.
    pub(super) points: Vec<Point>,
    /// More lines over the same points: what they are, and a value for each point that has one.
    pub(super) others: Vec<(String, Vec<Option<f64>>)>,
    /// How a value is written.
    pub(super) shown: fn(f64) -> String,
}

impl Chart {
    /// A section with the chart and its table.
    pub(super) fn section(&self) -> String {
        let shown = self.shown;
        let rows = self.points.iter().enumerate().map(|(n, point)| {
            let more = self.others.iter().map(|(_, ys)| ys.get(n).copied().flatten().map_or_else(String::new, shown));
            [point.at.clone(), shown(point.y)].into_iter().chain(more).collect()
        });
        let head: Vec<&str> =
            [self.axis, self.what].into_iter().chain(self.others.iter().map(|(name, _)| name.as_str())).collect();
        let table = rows_of(&head, rows.collect());
        section(&self.title, &self.about, self.height(), &self.drawing(), &table)
    }

    /// How high the picture is.
    pub(super) fn height(&self) -> u32 {
        let keys = if self.others.is_empty() { 0 } else { self.others.len() + 1 };
        HEIGHT + KEY_HEIGHT * keys.div_ceil(KEYS) as u32
    }

    /// Axes, points and the line, without the element around them.
    pub(super) fn drawing(&self) -> String {
        let shown = self.shown;
        let others = self.others.iter().flat_map(|(_, ys)| ys.iter().flatten().copied());
        let top = self.points.iter().map(|point| point.y).chain(others).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let (first, last) = (self.points.first().map_or(0.0, |p| p.x), self.points.last().map_or(0.0, |p| p.x));
        let width = (last - first).max(f64::MIN_POSITIVE);
        let x = |v: f64| LEFT + 10.0 + (RIGHT - LEFT - 10.0) * (v - first) / width;
        let y = |v: f64| BOTTOM - (BOTTOM - TOP) * v / top;
        let mut marks = String::new();
        for v in [0.0, top / 4.0, top / 2.0, top * 0.75, top] {
            let y = y(v);
            marks += &format!("<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"var(--line)\" stroke-width=\".5\"/>");
            marks += &label(LEFT - 6.0, y + 4.0, "end", &shown(v));
        }
        let every = label_every(self.points.len());
        for (i, point) in self.points.iter().enumerate() {
            let (x, y) = (x(point.x), y(point.y));
            marks += &format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{}\" fill=\"var(--curve)\"><title>{}: {}</title></circle>",
                if self.points.len() > 50 { 2 } else { 4 },
                escaped(&point.at),
                escaped(&shown(point.y))
            );
            if i % every == 0 {
                marks += &label(x, BOTTOM + 20.0, "middle", &point.at);
            }
        }
        marks += &label(RIGHT, BOTTOM + 38.0, "end", self.axis);
        // Lines are told apart by their dashes, which print and are seen by everybody, and named below.
        for (n, (name, ys)) in self.others.iter().enumerate() {
            let dash = DASHES[n % DASHES.len()];
            let with_values = self.points.iter().zip(ys).filter_map(|(point, value)| Some((point.x, (*value)?)));
            let line: Vec<String> = with_values.map(|(at, value)| format!("{:.1},{:.1}", x(at), y(value))).collect();
            marks += &format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"var(--curve)\" stroke-width=\"1.5\" stroke-dasharray=\"{dash}\"/>",
                line.join(" ")
            );
            marks += &key(n + 1, dash, name);
        }
        if !self.others.is_empty() {
            marks += &key(0, "none", self.what);
        }
        let line: Vec<String> = self.points.iter().map(|p| format!("{:.1},{:.1}", x(p.x), y(p.y))).collect();
        format!(
            "{marks}<polyline points=\"{}\" fill=\"none\" stroke=\"var(--curve)\" stroke-width=\"2\"/>",
            line.join(" ")
        )
    }
}

/// A section of HTML: a picture with what is said of it, and its figures.
pub(super) fn section(title: &str, about: &str, height: u32, drawing: &str, table: &str) -> String {
    let title = escaped(title);
    let about = if about.is_empty() { String::new() } else { format!("<p>{}</p>", escaped(about)) };
    format!(
        "<section><h2>{title}</h2>{about}\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">{drawing}</svg>\n\
         <details><summary>The figures of this chart</summary>{table}</details></section>\n"
    )
}

/// A text along an axis.
pub(super) fn label(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escaped(text))
}

/// Of how many points along an axis one has a label.
pub(super) fn label_every(points: usize) -> usize {
    points.div_ceil(LABELS).max(1)
}

/// Dashes of the lines beside the first.
const DASHES: [&str; 6] = ["6 3", "2 2", "10 3 2 3", "1 4", "14 4", "14 3 2 3 2 3"];

/// What a line is, below the chart.
fn key(place: usize, dash: &str, name: &str) -> String {
    let from = LEFT + (RIGHT - LEFT) / KEYS as f64 * (place % KEYS) as f64;
    let y = f64::from(HEIGHT) + f64::from(KEY_HEIGHT) * (place / KEYS) as f64 + 8.0;
    format!(
        "<path d=\"M{from:.0} {y:.0}h24\" stroke=\"var(--curve)\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
         <text x=\"{:.0}\" y=\"{:.0}\">{}</text>",
        from + 30.0,
        y + 4.0,
        escaped(name)
    )
}

/// A table that can be scrolled by keyboard; the first cell of a row is its head.
pub(super) fn rows_of(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let heads: String = head.iter().map(|h| format!("<th scope=\"col\">{}</th>", escaped(h))).collect();
    let mut out = format!("<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>{heads}</tr></thead><tbody>\n");
    for row in rows {
        out += "<tr>";
        for (i, text) in row.iter().enumerate() {
            let text = escaped(text);
            out +=
                &if i == 0 { format!("<th scope=\"row\">{text}</th>") } else { format!("<td class=\"n\">{text}</td>") };
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_in_the_picture_and_in_the_table() {
        let points = (0..100).map(|i| Point { x: f64::from(i), at: format!("{i} s"), y: f64::from(i * i) }).collect();
        let shown: fn(f64) -> String = |v| format!("{v} <t>");
        let chart = Chart {
            title: "A & B".into(),
            about: String::new(),
            axis: "time",
            what: "t/s",
            points,
            others: Vec::new(),
            shown,
        };
        let text = chart.section();
        assert_eq!(text.matches("<circle").count(), 100);
        assert_eq!(text.matches("<th scope=\"row\">").count(), 100);
        assert!(text.contains("<title>99 s: 9801 &lt;t&gt;</title>") && text.contains("<h2>A &amp; B</h2>"));
        assert!(text.contains("cx=\"722.0\" cy=\"20.0\""), "the largest is at the top right: {text}");
    }

    #[test]
    fn one_point_and_only_zeros_are_charts() {
        let shown: fn(f64) -> String = |v| v.to_string();
        let points = vec![Point { x: 5.0, at: "5".into(), y: 0.0 }];
        let text =
            Chart { title: "T".into(), about: "x".into(), axis: "a", what: "b", points, others: Vec::new(), shown }
                .section();
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
