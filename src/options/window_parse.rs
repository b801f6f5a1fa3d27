//! `warmUp` and `coolDown`: a time, a number of iterations (`'100 iterations'` or `{ iterations: 100 }`), or for the warm-up `'auto'`.

use std::time::Duration;

use serde_json::Value;

use super::duration::parse_duration;
use super::reader::Reader;
use crate::metrics::window::{CoolDown, WarmUp};

/// What an edge of the window is given as.
enum Edge {
    Time(Duration),
    Iterations(u64),
    Auto,
}

pub(super) fn warm_up(top: &mut Reader<'_>) -> WarmUp {
    match edge(top, "warmUp", "a time such as '30s', '100 iterations', or 'auto' to wait for the steady state") {
        Some(Edge::Time(time)) => WarmUp::Time(time),
        Some(Edge::Iterations(0)) | None => WarmUp::default(),
        Some(Edge::Iterations(count)) => WarmUp::Iterations(count),
        Some(Edge::Auto) => WarmUp::Steady,
    }
}

pub(super) fn cool_down(top: &mut Reader<'_>) -> CoolDown {
    let forms = "a time such as '30s', or '100 iterations'";
    match edge(top, "coolDown", forms) {
        Some(Edge::Time(time)) => CoolDown::Time(time),
        Some(Edge::Iterations(0)) | None => CoolDown::default(),
        Some(Edge::Iterations(count)) => CoolDown::Iterations(count),
        Some(Edge::Auto) => {
            let what = "'auto' is for the warm-up: nobody knows beforehand when a steady state ends";
            top.problem("coolDown", what, format!("give {forms}"));
            CoolDown::default()
        }
    }
}

fn edge(top: &mut Reader<'_>, name: &str, forms: &str) -> Option<Edge> {
    match top.get(name)? {
        Value::String(text) => {
            let text = text.trim();
            if text == "auto" {
                return Some(Edge::Auto);
            }
            let number = text.strip_suffix("iterations").or_else(|| text.strip_suffix("iteration"));
            if let Some(count) = number.and_then(|number| number.trim().parse().ok()) {
                return Some(Edge::Iterations(count));
            }
            match parse_duration(text) {
                Ok(time) => Some(Edge::Time(time)),
                Err(error) => {
                    top.problem(name, error.to_string(), format!("give {forms}"));
                    None
                }
            }
        }
        Value::Object(fields) => {
            let mut inner = Reader::new(fields, name, top.found());
            inner.check_names(&["iterations"]);
            if !inner.has("iterations") {
                inner.problem("iterations", "is missing", "give for example { iterations: 100 }");
            }
            inner.count("iterations").map(Edge::Iterations)
        }
        _ => top.duration(name).map(Edge::Time),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::options::{Layers, Options, Problems, build};

    fn parsed(options: Value) -> Result<Options, Problems> {
        build(Layers { script: Some(options), ..Layers::default() }).map(|(options, _)| options)
    }

    #[test]
    fn a_time_iterations_or_the_steady_state() {
        let s = Duration::from_secs;
        for (given, warm_up) in [
            (json!("30s"), WarmUp::Time(s(30))),
            (json!(5000), WarmUp::Time(s(5))),
            (json!("100 iterations"), WarmUp::Iterations(100)),
            (json!("1 iteration"), WarmUp::Iterations(1)),
            (json!("20iterations"), WarmUp::Iterations(20)),
            (json!({ "iterations": "7" }), WarmUp::Iterations(7)),
            (json!("auto"), WarmUp::Steady),
            (json!("0 iterations"), WarmUp::default()),
            (json!(null), WarmUp::default()),
        ] {
            assert_eq!(parsed(json!({ "warmUp": given })).unwrap().warm_up, warm_up, "{given}");
        }
        let options = parsed(json!({ "coolDown": "5 iterations" })).unwrap();
        assert_eq!(options.cool_down, CoolDown::Iterations(5));
        assert_eq!(parsed(json!({ "coolDown": "5s" })).unwrap().cool_down, CoolDown::Time(s(5)));
    }

    #[test]
    fn anything_else_is_a_problem() {
        for given in [
            json!("soon"),
            json!("-5 iterations"),
            json!("ten iterations"),
            json!({}),
            json!({ "iterations": -1 }),
            json!(["1s"]),
            json!(true),
        ] {
            let problems = parsed(json!({ "warmUp": given })).expect_err(&given.to_string()).0;
            assert!(problems.len() == 1 && problems[0].path.starts_with("warmUp"), "{problems:?}");
        }
        let problems = parsed(json!({ "coolDown": "auto" })).unwrap_err().0;
        assert!(problems[0].what.contains("for the warm-up"), "{problems:?}");
    }
}
