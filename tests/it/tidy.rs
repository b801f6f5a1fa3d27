//! The architecture as ordinary tests: reads the source files and checks the rules of docs/architecture.md.
//!
//! `rules.rs` decides on one file's path and text, `source.rs` finds and prepares files. Here the rules meet the real
//! tree, and each rule is shown to fail on a sample: a check that cannot fail proves nothing.

mod rules;
mod source;

use rules::{Violation, check_file};

/// All violations as the text a developer reads.
fn report(violations: &[Violation]) -> String {
    violations.iter().map(|v| format!("\n{v}\n")).collect()
}

#[test]
fn the_tree_keeps_the_house_rules() {
    let root = source::root();
    let files = source::files(&root);
    assert!(files.iter().any(|f| f == "src/lib.rs"), "the walk found no src/lib.rs under {}", root.display());
    let mut violations = Vec::new();
    for file in &files {
        let text = source::read(&root, file);
        violations.extend(check_file(file, &text));
    }
    assert!(violations.is_empty(), "{} house rules are broken:\n{}", violations.len(), report(&violations));
}

#[test]
fn the_map_in_lib_rs_names_every_room() {
    let root = source::root();
    let map = source::read(&root, "src/lib.rs");
    for (room, _) in rules::LAYERS {
        assert!(
            map.contains(&format!("pub mod {room};")),
            "src/lib.rs does not declare `{room}`, which tests/it/tidy/rules.rs has a layer for: declare it, or remove its row"
        );
    }
}

/// Asserts that `text` at `path` breaks exactly the rule whose name contains `rule`, at `line`.
#[track_caller]
fn breaks(path: &str, text: &str, line: usize, rule: &str) {
    let found = check_file(path, text);
    assert_eq!(found.len(), 1, "expected one violation of `{rule}` in {path}, found:{}", report(&found));
    assert_eq!(found[0].line, line, "{}", found[0]);
    assert!(found[0].rule.contains(rule), "expected rule `{rule}`, found: {}", found[0]);
    let shown = found[0].to_string();
    assert!(shown.starts_with(&format!("{path}:{line}: ")) && shown.contains("mend: "), "unhelpful message: {shown}");
}

#[track_caller]
fn keeps(path: &str, text: &str) {
    let found = check_file(path, text);
    assert!(found.is_empty(), "expected no violation in {path}, found:{}", report(&found));
}

#[test]
fn a_room_may_name_only_lower_rooms() {
    breaks("src/ai/call.rs", "//! x\nuse crate::js::engine::Engine;\n", 2, "lower rooms");
    breaks("src/metrics/bus.rs", "//! x\nfn f() {\n    crate::net::dial();\n}\n", 3, "lower rooms");
    breaks("src/net/http.rs", "//! x\nuse crate::{\n    error::Error,\n    vu::{Vu, Runner},\n};\n", 4, "lower rooms");
    breaks("src/clock.rs", "//! x\nuse crate::metrics::Sample;\n", 2, "lower rooms");
    keeps(
        "src/ai/call.rs",
        "//! x\nuse crate::{net::Client, options::Options, stats};\nuse crate::ai::event::Event;\n",
    );
    keeps("src/net/http.rs", "//! x\nuse crate::error::Error;\npub(crate) fn f() {}\n");
}

#[test]
fn siblings_do_not_use_each_other() {
    breaks("src/report/text.rs", "//! x\nuse crate::ui::style;\n", 2, "lower rooms");
    breaks("src/ai/mod.rs", "//! x\nuse crate::script::Script;\n", 2, "lower rooms");
    breaks("src/options/mod.rs", "//! x\nuse crate::net::Client;\n", 2, "lower rooms");
    keeps("src/net/dial.rs", "//! x\nuse crate::options::NetOptions;\n");
}

#[test]
fn super_is_no_way_around_the_layers() {
    breaks("src/ai/mod.rs", "//! x\nuse super::js::engine;\n", 2, "lower rooms");
    breaks("src/ai/call.rs", "//! x\nuse super::super::vu::Vu;\n", 2, "lower rooms");
    keeps("src/ai/call.rs", "//! x\nuse super::event::Event;\nmod tests { use super::super::event; }\n");
}

#[test]
fn comments_and_strings_are_not_code() {
    keeps(
        "src/ai/call.rs",
        "//! not crate::js\n// boa_engine\n/* hyper::x /* nested crate::cli */ */\nconst A: &str = \"crate::js\\\"::x\";\n\
         const B: &str = r#\"oxc_parser \" hyper::\"#;\nfn f<'a>(c: char) -> bool { c == '\"' }\n",
    );
}

#[test]
fn engines_stay_in_their_rooms() {
    breaks("src/vu/state.rs", "//! x\nuse boa_engine::Context;\n", 2, "boa_");
    breaks("src/js/loader.rs", "//! x\nuse oxc_parser::Parser;\n", 2, "oxc_");
    breaks("src/script/load.rs", "//! x\nuse oxc_span::SourceType;\n", 2, "oxc_");
    breaks("src/ai/call.rs", "//! x\nuse hyper::Request;\n", 2, "hyper");
    breaks("src/js/engine.rs", "//! x\nuse hyper_util::rt::TokioIo;\n", 2, "hyper");
    breaks("src/net/dial.rs", "//! x\nuse anyhow::Result;\n", 2, "anyhow");
    keeps("src/js/engine.rs", "//! x\nuse boa_engine::Context;\n");
    keeps("src/script/typescript/scan.rs", "//! x\nuse oxc_parser::Parser;\n");
    keeps("src/mock/server.rs", "//! x\nuse hyper::body::Frame;\n");
    keeps("src/cli/run.rs", "//! x\nuse anyhow::Context;\n");
}

#[test]
fn the_mock_is_written_apart_from_the_client() {
    breaks("src/mock/openai.rs", "//! x\nuse crate::ai::event::Event;\n", 2, "both sides");
    breaks("src/mock/server.rs", "//! x\nuse crate::net::sse;\n", 2, "both sides");
    keeps("src/mock/server.rs", "//! x\nuse crate::error::Error;\n");
}

#[test]
fn executors_know_a_vu_only_through_its_traits() {
    breaks("src/executor/pool.rs", "//! x\nuse crate::ai::call;\n", 2, "through vu");
    breaks("src/scheduler/mod.rs", "//! x\nuse crate::script::Script;\n", 2, "through vu");
    keeps("src/scheduler/mod.rs", "//! x\nuse crate::{executor, vu::Runner, metrics, options::Options};\n");
}

#[test]
fn outputs_and_reports_see_metrics_and_options_only() {
    breaks("src/output/json.rs", "//! x\nuse crate::vu::RunState;\n", 2, "metrics and options");
    breaks("src/report/text.rs", "//! x\nuse crate::executor::EXECUTORS;\n", 2, "metrics and options");
    keeps("src/report/text.rs", "//! x\nuse crate::{metrics::Summary, options::Options, stats::quantile};\n");
}

#[test]
fn pure_code_reads_no_clock_and_does_no_io() {
    for path in [
        "src/stats/quantile.rs",
        "src/report/text.rs",
        "src/executor/pacing.rs",
        "src/ai/timeline.rs",
        "src/net/sse.rs",
    ] {
        breaks(path, "//! x\nfn f() {\n    let t = Instant::now();\n}\n", 3, "no clock");
    }
    breaks("src/executor/stages.rs", "//! x\nlet t = std::time::SystemTime::now();\n", 2, "no clock");
    breaks("src/report/json.rs", "//! x\nuse std::fs;\n", 2, "no I/O");
    breaks("src/net/sse.rs", "//! x\nuse tokio::net::TcpStream;\n", 2, "no I/O");
    keeps("src/net/dial.rs", "//! x\nlet t = Instant::now();\n");
    keeps("src/ai/timeline.rs", "//! x\nfn f() {}\n#[cfg(test)]\nmod tests { fn t() { Instant::now(); } }\n");
}

#[test]
fn a_file_says_what_it_is() {
    breaks("src/net/dial.rs", "use std::io;\n", 1, "opens with");
    breaks("src/net/dial.rs", "", 1, "opens with");
    breaks("benches/streaming.rs", "fn main() {}\n", 1, "opens with");
    keeps("tests/real/check.py", "\"\"\"Python has its own way.\"\"\"\n");
}

#[test]
fn files_stay_readable() {
    let lines = |n: usize| format!("//! x\n{}", "\n".repeat(n - 1));
    breaks("src/net/dial.rs", &lines(801), 801, "800 lines");
    breaks("js-api/types/index.d.ts", &lines(900), 801, "800 lines");
    keeps("src/net/dial.rs", &lines(800));
}

#[test]
fn names_say_what_is_inside() {
    for path in
        ["src/net/util.rs", "src/ai/helpers.rs", "src/vu/common.rs", "src/js/manager.rs", "src/net/utils/url.rs"]
    {
        breaks(path, "//! x\n", 1, "name");
    }
    keeps("src/net/utility_pole.rs", "//! x\n");
}

#[test]
fn a_new_room_needs_a_layer() {
    breaks("src/lobby/mod.rs", "//! x\n", 1, "layer");
    breaks("src/attic.rs", "//! x\n", 1, "layer");
    keeps("src/main.rs", "//! x\nuse inrush::cli;\n");
}
