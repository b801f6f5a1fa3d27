//! k6's dotted rows: names filled up with dots to one width, the columns of trends aligned over all sections, the first
//! value of other rows likewise.

use super::paint::Paint;

/// The shortest run of dots after a name.
const DOTS: usize = 3;

/// A titled group of rows.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
}

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    /// The name, with two blanks in front for a sub-metric.
    pub(super) name: String,
    pub(super) cells: Cells,
}

/// What stands to the right of the dots.
#[derive(Debug)]
pub(super) enum Cells {
    /// `avg=1ms min=...`: label and value per column.
    Trend(Vec<(String, String)>),
    /// A value, then additions.
    Plain(String, Vec<String>),
    /// Free text that takes no part in the alignment.
    Text(String),
}

/// Writes blocks, aligned with each other; each ends with an empty line.
pub(super) fn write(blocks: &[Block], paint: &Paint) -> String {
    let widths = Widths::of(blocks.iter().flat_map(|b| &b.rows));
    let mut out = String::new();
    for block in blocks {
        out += &format!("    {}\n", paint.strong(&block.title));
        for row in &block.rows {
            out += &widths.line(row, paint);
        }
        out.push('\n');
    }
    out
}

/// Writes rows without a title, aligned with each other.
pub(super) fn rows(rows: &[Row], paint: &Paint) -> String {
    let widths = Widths::of(rows.iter());
    rows.iter().map(|row| widths.line(row, paint)).collect()
}

/// Widths of the columns, in characters.
struct Widths {
    name: usize,
    trend: Vec<usize>,
    plain: Vec<usize>,
}

impl Widths {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut widths = Self { name: 0, trend: Vec::new(), plain: vec![0] };
        for row in rows {
            widths.name = widths.name.max(width(&row.name) + DOTS);
            match &row.cells {
                Cells::Trend(columns) => {
                    for (at, (label, value)) in columns.iter().enumerate() {
                        widen(&mut widths.trend, at, width(label) + 1 + width(value));
                    }
                }
                Cells::Plain(first, rest) => {
                    widen(&mut widths.plain, 0, width(first));
                    for (at, text) in rest.iter().enumerate() {
                        widen(&mut widths.plain, at + 1, width(text));
                    }
                }
                Cells::Text(_) => {}
            }
        }
        widths
    }

    fn line(&self, row: &Row, paint: &Paint) -> String {
        let dots = ".".repeat(self.name - width(&row.name));
        format!("    {}{}: {}\n", row.name, paint.faint(&dots), self.cells(&row.cells, paint))
    }

    fn cells(&self, cells: &Cells, paint: &Paint) -> String {
        let parts: Vec<String> = match cells {
            Cells::Trend(columns) => columns
                .iter()
                .enumerate()
                .map(|(at, (label, value))| {
                    let text = format!("{label}={}", paint.value(value));
                    pad(text, width(label) + 1 + width(value), self.trend[at])
                })
                .collect(),
            Cells::Plain(first, rest) => {
                let head = pad(paint.value(first), width(first), if rest.is_empty() { 0 } else { self.plain[0] });
                let tail = rest.iter().enumerate().map(|(at, text)| {
                    // A single addition ends the row, so it needs no filling up.
                    pad(paint.faint(text), width(text), if rest.len() == 1 { 0 } else { self.plain[at + 1] })
                });
                std::iter::once(head).chain(tail).collect()
            }
            Cells::Text(text) => vec![paint.value(text)],
        };
        parts.join(" ")
    }
}

fn widen(widths: &mut Vec<usize>, at: usize, width: usize) {
    if widths.len() <= at {
        widths.resize(at + 1, 0);
    }
    widths[at] = widths[at].max(width);
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn pad(mut text: String, width: usize, to: usize) -> String {
    text.extend(std::iter::repeat_n(' ', to.saturating_sub(width)));
    text
}
