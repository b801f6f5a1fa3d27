//! The charts of a run as one SVG picture, one below the other. For documents and wikis; `inrush report --format svg`.

use super::ReportOptions;
use super::charts;
use super::markup::escaped;
use super::svg_chart::{HEIGHT, WIDTH};
use crate::metrics::Summary;

/// Room for a chart's title.
const TITLE: u32 = 34;

/// Light, and dark where the viewer asks for it.
const STYLE: &str = "
svg{--ink:#1a1a1a;--paper:#fff;--line:#767676;--curve:#0b57d0;font-family:system-ui,sans-serif}
@media (prefers-color-scheme:dark){svg{--ink:#eee;--paper:#16181c;--line:#9aa0a6;--curve:#8ab4f8}}
text{fill:var(--ink);font-size:13px}.title{font-size:18px;font-weight:bold}.paper{fill:var(--paper)}
";

/// The picture of one run; a run without anything to draw says so in it.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    let script = escaped(options.origin.as_ref().map_or("inrush", |o| o.script.as_str()));
    let charts = charts::of(summary);
    let heat = charts::heat(&summary.over_time);
    let drawn = charts.iter().map(|chart| (&chart.title, chart.height(), chart.drawing()));
    let drawn: Vec<_> = drawn.chain(heat.iter().map(|map| (&map.title, HEIGHT, map.drawing()))).collect();
    let mut body = format!("<text class=\"title\" x=\"10\" y=\"24\">{script}</text>\n");
    let mut y = TITLE;
    for (title, height, drawing) in &drawn {
        let title = escaped(title);
        body += &format!(
            "<g role=\"img\" aria-label=\"{title}\" transform=\"translate(0 {y})\"><text class=\"title\" x=\"10\" y=\"24\">{title}</text>\
             <g transform=\"translate(0 {TITLE})\">{drawing}</g></g>\n"
        );
        y += height + TITLE;
    }
    let height = if drawn.is_empty() { TITLE + HEIGHT } else { y };
    if drawn.is_empty() {
        body += "<text x=\"10\" y=\"60\">Nothing was measured that could be drawn.</text>\n";
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\">\
         <title>{script}: inrush</title><style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_run::summary;

    #[test]
    fn the_picture_has_every_chart_and_is_well_formed() {
        let summary = summary();
        let picture = String::from_utf8(render(&summary, &ReportOptions::default())).unwrap();
        let charts = charts::of(&summary);
        assert!(!charts.is_empty());
        assert_eq!(picture.matches("<polyline").count(), charts.len());
        for tag in ["svg", "g", "text", "circle", "style", "title"] {
            let opened = picture.matches(&format!("<{tag}>")).count() + picture.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, picture.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        let none = String::from_utf8(render(&Summary::default(), &ReportOptions::default())).unwrap();
        assert!(none.contains("Nothing was measured"));
    }
}
