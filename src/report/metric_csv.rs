//! All figures of a run as CSV, one a line: where (whole run, or scenario and request type), metric, figure, value, unit. For spreadsheets.

use super::ReportOptions;
use crate::metrics::Summary;
use crate::metrics::summary::SummaryMetric;
use crate::metrics::{TrendStat, ValueKind};

/// Head of the file.
pub const HEAD: [&str; 7] = ["run", "scenario", "request_type", "metric", "figure", "value", "unit"];

/// The file of one run.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    let name = options.origin.as_ref().map_or("", |o| o.script.as_str());
    table(&[(name, summary)], &options.trend_stats)
}

/// The figures of several runs, under one head.
pub fn table(runs: &[(&str, &Summary)], columns: &[TrendStat]) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let mut write = |row: [&str; 7]| out.write_record(row).expect("a vector takes everything");
    write(HEAD);
    let mut figures =
        TrendStat::parse_all(["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "count"]).unwrap_or_default();
    for column in columns {
        if figures.iter().all(|f| f.label != column.label) {
            figures.push(column.clone());
        }
    }
    for (run, summary) in runs {
        let mut lines = |scenario: &str, request_type: &str, metrics: &[SummaryMetric]| {
            for metric in metrics {
                for (figure, value) in metric.values(&figures, summary.duration) {
                    let unit = match (figure.as_str(), metric.contains) {
                        ("count" | "rate" | "passes" | "fails", ValueKind::Time) => "",
                        (_, ValueKind::Time) => "ms",
                        ("rate", ValueKind::Data) => "bytes/s",
                        (_, ValueKind::Data) => "bytes",
                        (_, ValueKind::Default) => "",
                    };
                    write([run, scenario, request_type, &metric.name, &figure, &value.to_string(), unit]);
                }
            }
        };
        lines("", "", &summary.metrics);
        for cell in &summary.cells {
            lines(&cell.scenario, cell.request_type.as_deref().unwrap_or(""), &cell.metrics);
        }
    }
    out.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::sample_run;
    use super::*;

    #[test]
    fn a_line_per_figure() {
        let summary = sample_run::run(true, true);
        let text = String::from_utf8(render(&summary, &ReportOptions::default())).unwrap();
        assert!(text.starts_with("run,scenario,request_type,metric,figure,value,unit\n"));
        assert!(text.contains("\n,,,ai_ttft,med,200,ms\n"), "{text}");
        assert!(text.contains("\n,default,long,ai_ttft,max,600,ms\n"), "{text}");
        assert!(text.contains("\n,,,data_sent,count,1250000,bytes\n"), "{text}");
        let rows = csv::Reader::from_reader(text.as_bytes()).into_records().filter_map(Result::ok).count();
        assert_eq!(rows + 1, text.lines().count());
    }
}
