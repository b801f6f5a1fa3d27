//! The comparison, its text and its JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::bounds::{Bound, TIMES};
use super::run::{self, Measured};
use super::truth::{self, Truth};
use crate::stats::quantile_sorted;

/// Calls with wrong tokens that are shown by id.
const SHOWN: usize = 5;

/// The errors of one time, in milliseconds: measured less true.
#[derive(Clone, Debug, Default)]
struct Errors {
    signed: Vec<f64>,
    /// Absolute, ascending once the comparison is done.
    sizes: Vec<f64>,
}

impl Errors {
    fn add(&mut self, measured_ms: f64, true_ms: f64) {
        self.signed.push(measured_ms - true_ms);
    }

    fn sort(&mut self) {
        self.signed.sort_by(f64::total_cmp);
        self.sizes = self.signed.iter().map(|e| e.abs()).collect();
        self.sizes.sort_by(f64::total_cmp);
    }

    fn quantile(&self, q: f64) -> Option<f64> {
        quantile_sorted(&self.sizes, q)
    }
}

/// How well a run measured.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of [`TIMES`].
    times: [Errors; TIMES.len()],
    matched: u64,
    only_in_truth: u64,
    only_in_run: u64,
    without_id: u64,
    ambiguous: u64,
    failed: u64,
    /// Calls whose number of events differs, so that their gaps cannot be compared.
    uncompared_gaps: u64,
    tokens: u64,
    /// Request id, measured and true tokens.
    wrong_tokens: Vec<(String, u64, u64)>,
    /// How late the mock itself was, in ms, ascending.
    lateness: Vec<f64>,
}

/// Compares call by call. TTFT and e2e are compared without the connection, which the mock cannot see.
pub fn compare(truth: &Truth, run: &Measured) -> Report {
    let mut report = Report {
        without_id: run.without_id,
        ambiguous: run.ambiguous.max(truth.ambiguous),
        only_in_truth: truth.calls.keys().filter(|id| !run.calls.contains_key(*id)).count() as u64,
        ..Report::default()
    };
    let mut ids: Vec<&String> = run.calls.keys().collect();
    ids.sort();
    for id in ids {
        let measured = &run.calls[id];
        match truth.calls.get(id) {
            _ if measured.failed => report.failed += 1,
            None => report.only_in_run += 1,
            Some(call) => report.call(id, call, measured),
        }
    }
    report.times.iter_mut().for_each(Errors::sort);
    report.lateness.sort_by(f64::total_cmp);
    report
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

impl Report {
    fn call(&mut self, id: &str, truth: &truth::Call, measured: &run::Call) {
        self.matched += 1;
        let [ttft, gap, tpot, e2e] = &mut self.times;
        if let (Some(at), Some(&first)) = (measured.ttft.filter(|_| truth.streamed()), truth.written.first()) {
            ttft.add(at - measured.connect, ms(first));
        }
        if truth.streamed() {
            let gaps: Vec<u64> = truth.gaps().collect();
            if gaps.len() == measured.gaps.len() {
                measured.gaps.iter().zip(gaps).for_each(|(measured, ns)| gap.add(*measured, ms(ns)));
            } else {
                self.uncompared_gaps += 1;
            }
            if let (Some(measured), Some(ns)) = (measured.tpot, truth.tpot()) {
                tpot.add(measured, ns / 1e6);
            }
        }
        if let (Some(at), Some(&last)) = (measured.e2e, truth.written.last()) {
            e2e.add(at - measured.connect, ms(last));
        }
        if let Some(tokens) = measured.tokens {
            self.tokens += 1;
            if tokens != truth.tokens {
                self.wrong_tokens.push((id.to_owned(), tokens, truth.tokens));
            }
        }
        self.lateness.extend(truth.lateness().map(ms));
    }

    /// What exceeds the bounds, one sentence each. Nothing matched is a failure of every bound.
    pub fn exceeded(&self, bounds: &[Bound]) -> Vec<String> {
        let mut problems = Vec::new();
        if self.matched == 0 {
            problems.push("no call is in both files: nothing was compared".to_owned());
            return problems;
        }
        for bound in bounds {
            match bound {
                Bound::Tokens(most) if self.wrong_tokens.len() as u64 > *most => {
                    let n = self.wrong_tokens.len();
                    problems.push(format!("{n} calls have a wrong number of tokens; allowed are {most}"));
                }
                Bound::Unmatched(most) if self.unmatched() > *most => {
                    problems.push(format!("{} calls are unmatched; allowed are {most}", self.unmatched()));
                }
                Bound::Time { of, name, quantile, most_ms } => {
                    for (time, errors) in
                        TIMES.iter().zip(&self.times).filter(|(time, _)| of.is_none_or(|of| of == **time))
                    {
                        match errors.quantile(*quantile) {
                            Some(error) if error > *most_ms => problems.push(format!(
                                "the error of {time} has {name} = {error:.3} ms; allowed are {most_ms} ms"
                            )),
                            None if of.is_some() => problems.push(format!("no {time} was compared")),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        problems
    }

    fn unmatched(&self) -> u64 {
        self.only_in_truth + self.only_in_run + self.without_id + self.ambiguous
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = format!("{} calls compared", self.matched);
        for (count, what) in [
            (self.only_in_truth, "only in the truth log"),
            (self.only_in_run, "only in the run"),
            (self.without_id, "without a request id"),
            (self.ambiguous, "with a request id that another call has too"),
            (self.failed, "failed"),
        ] {
            if count > 0 {
                let _ = write!(out, ", {count} {what}");
            }
        }
        out.push_str("\n\nerror in ms        count      bias       p50       p90       p99       max\n");
        for (name, errors) in TIMES.iter().zip(&self.times) {
            let Some(bias) = quantile_sorted(&errors.signed, 0.5) else { continue };
            let _ = write!(out, "{name:<12} {:>11} {bias:>+9.3}", errors.sizes.len());
            for q in [0.5, 0.9, 0.99, 1.0] {
                let _ = write!(out, " {:>9.3}", errors.quantile(q).unwrap_or_default());
            }
            out.push('\n');
        }
        out.push('\n');
        if self.uncompared_gaps > 0 {
            let _ = writeln!(out, "gaps of {} calls are not compared: the run saw other events", self.uncompared_gaps);
        }
        let _ =
            writeln!(out, "tokens: {} of {} calls agree", self.tokens - self.wrong_tokens.len() as u64, self.tokens);
        for (id, measured, truth) in self.wrong_tokens.iter().take(SHOWN) {
            let _ = writeln!(out, "  {id}: {measured} measured, {truth} sent");
        }
        if let (Some(p99), Some(max)) = (quantile_sorted(&self.lateness, 0.99), self.lateness.last()) {
            let _ = writeln!(
                out,
                "the mock wrote 99 % of its events within {p99:.3} ms of their plan, all within {max:.3} ms: so busy was the machine"
            );
        }
        out
    }

    /// For programs; times in milliseconds.
    pub fn json(&self) -> Value {
        let errors: Map<String, Value> = TIMES
            .iter()
            .zip(&self.times)
            .map(|(name, errors)| {
                let q = |q: f64| errors.quantile(q);
                let value = json!({
                    "count": errors.sizes.len(),
                    "bias": quantile_sorted(&errors.signed, 0.5),
                    "p50": q(0.5), "p90": q(0.9), "p99": q(0.99), "max": q(1.0),
                });
                ((*name).to_owned(), value)
            })
            .collect();
        let wrong: Vec<Value> = self
            .wrong_tokens
            .iter()
            .map(|(id, measured, truth)| json!({ "request_id": id, "measured": measured, "sent": truth }))
            .collect();
        json!({
            "matched": self.matched,
            "unmatched": {
                "only_in_truth": self.only_in_truth,
                "only_in_run": self.only_in_run,
                "without_id": self.without_id,
                "ambiguous": self.ambiguous,
            },
            "failed": self.failed,
            "errors_ms": errors,
            "gaps_not_compared": self.uncompared_gaps,
            "tokens": { "compared": self.tokens, "wrong": wrong },
            "mock_lateness_ms": { "p99": quantile_sorted(&self.lateness, 0.99), "max": self.lateness.last() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read_run, read_truth};
    use super::*;

    fn truth_line(id: &str, written_ms: &[u64], tokens: u64) -> String {
        let ns: Vec<u64> = written_ms.iter().map(|ms| ms * 1_000_000).collect();
        json!({ "id": id, "model": "m", "stream": true, "ended": "complete", "arrived_unix_ns": 1, "planned_ns": ns,
            "written_ns": ns, "event_tokens": vec![1; ns.len()], "tokens": tokens })
        .to_string()
    }

    fn points(id: &str, values: &[(&str, f64)]) -> String {
        let line = |(metric, value): &(&str, f64)| {
            let data = json!({ "value": value, "tags": {}, "metadata": { "request_id": id } });
            json!({ "type": "Point", "metric": metric, "data": data }).to_string() + "\n"
        };
        values.iter().map(line).collect()
    }

    fn report() -> Report {
        let truth = [
            truth_line("a", &[100, 120, 150], 3),
            truth_line("b", &[100, 120], 2),
            truth_line("c", &[100], 1),
            truth_line("twice", &[1], 1),
            truth_line("twice", &[1], 1),
        ]
        .join("\n");
        let a = [("ai_requests", 1.0), ("ai_connect", 2.0), ("ai_ttft", 103.0), ("ai_icl", 19.5), ("ai_icl", 31.0)];
        let more = [("ai_e2e", 152.5), ("ai_tpot", 25.5), ("ai_output_tokens", 3.0), ("ai_req_failed", 0.0)];
        let b = [("ai_requests", 1.0), ("ai_ttft", 100.0), ("ai_output_tokens", 5.0)];
        let run = points("a", &a) + &points("a", &more) + &points("b", &b) + &points("x", &[("ai_requests", 1.0)]);
        let (truth, run) = (read_truth("t", truth.as_bytes()).unwrap(), read_run("r", run.as_bytes()).unwrap());
        compare(&truth, &run)
    }

    #[test]
    fn errors_are_measured_less_true_without_the_connection() {
        let json = report().json();
        assert_eq!(json["matched"], 2);
        assert_eq!(json["unmatched"], json!({ "only_in_truth": 1, "only_in_run": 1, "without_id": 0, "ambiguous": 1 }));
        assert_eq!((&json["errors_ms"]["ttft"]["count"], &json["errors_ms"]["ttft"]["max"]), (&json!(2), &json!(1.0)));
        assert_eq!((&json["errors_ms"]["gap"]["max"], &json["errors_ms"]["gap"]["count"]), (&json!(1.0), &json!(2)));
        assert_eq!((&json["errors_ms"]["tpot"]["bias"], &json["errors_ms"]["e2e"]["max"]), (&json!(0.5), &json!(0.5)));
        assert_eq!(json["tokens"]["wrong"], json!([{ "request_id": "b", "measured": 5, "sent": 2 }]));
        assert_eq!(json["gaps_not_compared"], 1);
        let text = report().text();
        for part in [
            "2 calls compared, 1 only in the truth log, 1 only in the run",
            "1 of 2 calls agree",
            "b: 5 measured, 2 sent",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn bounds_are_checked() {
        let exceeded = |bounds: &[&str]| {
            let bounds: Vec<Bound> = bounds.iter().map(|b| b.parse().unwrap()).collect();
            report().exceeded(&bounds)
        };
        assert_eq!(exceeded(&["max=1ms", "ttft:p50=1ms", "tokens=1", "unmatched=3"]), Vec::<String>::new());
        assert_eq!(exceeded(&["max=0.9ms"]).len(), 2);
        let all = exceeded(&["gap:max=0.5ms", "tokens=0", "unmatched=0"]);
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(Report::default().exceeded(&[])[0].contains("nothing was compared"));
    }

    #[test]
    fn files_that_cannot_be_used_are_told_with_line_and_remedy() {
        let truth = truth_line("a", &[1], 1);
        let point = points("a", &[("ai_requests", 1.0)]);
        let bad_truth = |text: &str| read_truth("t", text.as_bytes()).unwrap_err().to_string();
        let bad_run = |text: &str| read_run("r", text.as_bytes()).unwrap_err().to_string();
        assert!(bad_truth("").contains("t is empty"));
        assert!(bad_truth(&format!("{truth}\n{}", &truth[..20])).contains("t, line 2: no JSON object: it breaks off"));
        assert!(bad_truth(&point).contains("the truth log comes first"));
        assert!(bad_truth("{}").contains("no line of a truth log"));
        assert!(bad_truth(&truth.replace("[1]", "[1,1]")).contains("differ in length"));
        assert!(bad_run(&truth).contains("this is a truth log"));
        assert!(bad_run(&point.replace("request_id", "other")).contains("--system-tags request_id"));
        assert!(bad_run(&point.replace("ai_requests", "http_reqs")).contains("no model call"));
    }
}
