//! Holds `docs/k6-compat` and the types of `js-api` against the program: every module, function, class member, flag, option,
//! metric, executor and exit code has its row, and no row speaks of what is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use inrush::metrics::Builtin;
use serde_json::Value;

use crate::server;
use crate::support::{run_files, run_files_with};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A row of a Markdown table: its cells.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("| ---"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The sections of a page by the names in their headings: `## \`k6/http\`` and what follows.
fn sections(page: &str) -> Vec<(Vec<String>, String)> {
    let mut sections: Vec<(Vec<String>, String)> = Vec::new();
    for line in page.lines() {
        if line.starts_with('#') {
            sections.push((quoted(line), String::new()));
        } else if let Some((_, text)) = sections.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    sections
}

/// Whether one of the names is this one, or a family (`STATUS_*`) it belongs to.
fn covers(names: &BTreeSet<String>, name: &str) -> bool {
    names.contains(name)
        || names
            .iter()
            .any(|n| n.strip_suffix('*').is_some_and(|prefix| !prefix.is_empty() && name.starts_with(prefix)))
}

/// Complains of all gaps at once.
#[track_caller]
fn none(gaps: &[String]) {
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

/// Exports and class members of every module, by its first path.
fn surface() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let server = server::plain();
    let names = inrush::js::module_names().join(",");
    let script = read("tests/scripts/conformance/surface.js");
    let base = server.base("http");
    let variables = [("BASE", base.as_str()), ("MODULES", names.as_str())];
    let ran = run_files_with(&[("t.js", &script)], &variables, &["run", "-q", "--log-format", "json", "t.js"]).exits(0);
    let line = ran.stderr.lines().find(|l| l.contains("SURFACE ")).unwrap_or_else(|| panic!("{}", ran.all()));
    let entry: Value = serde_json::from_str(line).unwrap();
    let all: Value = serde_json::from_str(entry["msg"].as_str().unwrap().trim_start_matches("SURFACE ")).unwrap();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    all.as_object()
        .unwrap()
        .iter()
        .map(|(module, found)| {
            let members =
                found["classes"].as_object().unwrap().iter().flat_map(|(class, members)| {
                    texts(members).into_iter().map(move |member| format!("{class}.{member}"))
                });
            (module.clone(), (texts(&found["exports"]).into_iter().collect(), members.collect()))
        })
        .collect()
}

#[test]
fn every_function_has_its_row_and_every_row_its_function() {
    let page = read("docs/k6-compat/modules.md");
    let sections = sections(&page);
    let mut gaps = Vec::new();
    for (module, (exports, members)) in surface() {
        // Other names of a module are told in the section of the first.
        let Some((_, text)) = sections.iter().find(|(names, _)| names.contains(&module)) else {
            if !page.contains(&format!("`{module}`")) {
                gaps.push(format!("docs/k6-compat/modules.md: nothing on `{module}`"));
            }
            continue;
        };
        let told: BTreeSet<String> = rows(text).flat_map(|cells| quoted(cells[0])).collect();
        for name in exports.iter().chain(&members).filter(|name| !covers(&told, name)) {
            gaps.push(format!("docs/k6-compat/modules.md: `{module}` has `{name}`, but there is no row for it"));
        }
        for row in rows(text).filter(|cells| cells.get(1).is_some_and(|state| *state != "absent")) {
            // Parameters of requests are neither exports nor members.
            for name in quoted(row[0]).into_iter().filter(|_| !PARAMETERS.contains(&row[0])) {
                let family = name.strip_suffix('*').map(str::to_owned);
                let known = match &family {
                    Some(prefix) => exports.iter().any(|export| export.starts_with(prefix)),
                    None => exports.contains(&name) || members.contains(&name),
                };
                if !known {
                    gaps.push(format!(
                        "docs/k6-compat/modules.md: `{name}` is said to be in `{module}`, which has no such thing"
                    ));
                }
            }
        }
    }
    none(&gaps);
}

/// First cells of the rows on parameters of requests.
const PARAMETERS: &[&str] = &[
    "`headers`, `tags`, `cookies`, `jar`, `redirects`, `responseType`, `responseCallback`, `compression`",
    "`timeout`",
    "`auth`",
    "`throw`",
];

/// The text of each `declare module` of all type files.
fn declarations() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("js-api/types");
    let mut modules = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for part in text.split("declare module '").skip(1) {
            let (name, body) = part.split_once('\'').unwrap();
            modules.insert(name.to_owned(), body.split("\n}").next().unwrap().to_owned());
        }
    }
    modules
}

/// The words of a text.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').filter(|w| !w.is_empty()).collect()
}

#[test]
fn every_function_is_typed_and_every_type_is_a_function() {
    let modules = declarations();
    let mut gaps = Vec::new();
    let web = read("js-api/types/globals.d.ts") + &read("js-api/types/web-crypto.d.ts");
    for (module, (exports, members)) in surface() {
        let Some(text) = modules.get(&module) else {
            gaps.push(format!("js-api/types: no `declare module '{module}'`"));
            continue;
        };
        // One that only hands on another's exports.
        if text.contains(" from 'k6/") && text.contains("export {") || text.contains("export * from") {
            continue;
        }
        let (here, everywhere) = (words(text), words(&web));
        for name in &exports {
            if !here.contains(name.as_str()) {
                gaps.push(format!("js-api/types: '{module}' does not declare `{name}`"));
            }
        }
        for member in &members {
            let name = member.rsplit('.').next().unwrap();
            if !here.contains(name) && !everywhere.contains(name) && !UNTYPED.contains(&member.as_str()) {
                gaps.push(format!("js-api/types: '{module}' does not declare `{member}`"));
            }
        }
        for line in text.lines().map(str::trim) {
            let declared = ["export function ", "export const ", "export class ", "export enum ", "export import "]
                .iter()
                .find_map(|start| line.strip_prefix(start));
            let Some(rest) = declared else { continue };
            let name = words(rest.split(['(', '<', ':', '=', ' ']).next().unwrap_or_default());
            if let Some(name) = name.iter().next().filter(|name| !exports.contains(**name)) {
                gaps.push(format!("js-api/types: '{module}' declares `{name}`, which it does not export"));
            }
        }
    }
    none(&gaps);
}

/// Members that scripts need not know of.
const UNTYPED: &[&str] = &["Response.toJSON"];

#[test]
fn every_module_is_in_the_overview() {
    let page = read("docs/k6-compat.md");
    let told: BTreeSet<String> = rows(&page).flat_map(|cells| quoted(cells[0])).collect();
    let gaps: Vec<String> = inrush::js::module_names()
        .into_iter()
        .filter(|name| !told.contains(*name))
        .map(|name| format!("docs/k6-compat.md: no row names `{name}`"))
        .collect();
    none(&gaps);
}

#[test]
fn every_flag_has_its_row_and_every_row_its_flag() {
    let page = read("docs/k6-compat/command-line.md");
    let (_, table) = page.split_once("## Flags of `run`").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let told: BTreeSet<String> = rows(table).flat_map(|cells| quoted(cells[0])).collect();
    let help = run_files(&[], &["run", "--help"]).exits(0).stdout;
    let mut gaps = Vec::new();
    for line in help.lines().map(str::trim_start).filter(|line| line.starts_with('-')) {
        for flag in line.split([' ', ',', '=', '[', '<']).filter(|word| word.starts_with('-')) {
            if !covers(&told, flag) {
                gaps.push(format!("docs/k6-compat/command-line.md: no row for {flag}"));
            }
        }
    }
    for flag in told.iter().filter(|flag| flag.starts_with("--") && !flag.ends_with('*')) {
        // Hidden flags are not in the help, but known.
        let said = run_files(&[], &["run", flag]).stderr;
        if said.contains("unexpected argument") {
            gaps.push(format!("docs/k6-compat/command-line.md has {flag}, which `run` does not know"));
        }
    }
    // The help names the variables of flags; those of options are looked at in `options`.
    for variable in help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next()) {
        if !page.contains(&format!("`{variable}`")) {
            gaps.push(format!("docs/k6-compat/command-line.md: nothing on the variable {variable}"));
        }
    }
    none(&gaps);
}

#[test]
fn every_option_has_its_row_and_every_row_its_option() {
    let page = read("docs/k6-compat/options.md");
    let (_, table) = page.split_once("## Options").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let told: BTreeSet<String> =
        rows(table).filter(|cells| cells[0] != "option").flat_map(|cells| quoted(cells[0])).collect();
    let shown = run_files(&[("t.js", "export default () => {};")], &["inspect", "t.js"]).exits(0).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let known: BTreeSet<String> = shown.as_object().unwrap().keys().cloned().collect();
    assert_eq!(known, told, "options that are known, and those docs/k6-compat/options.md has rows for");
    let typed = read("js-api/types/k6-options.d.ts");
    let typed = words(&typed);
    // What has no place in a script: an internal, one that does nothing yet, and what is for the command line.
    let gaps: Vec<String> = known
        .iter()
        .filter(|name| {
            !typed.contains(name.as_str())
                && !["budget", "noThresholds", "metricSamplesBufferSize", "features", "consoleOutput"]
                    .contains(&name.as_str())
        })
        .map(|name| format!("js-api/types/k6-options.d.ts: no option `{name}`"))
        .collect();
    none(&gaps);
}

#[test]
fn every_executor_metric_and_exit_code_has_its_row() {
    let mut gaps = Vec::new();
    let options = read("docs/k6-compat/options.md");
    let refused = "export const options = { scenarios: { s: { executor: 'none' } } };\nexport default () => {};";
    let said = run_files(&[("t.js", refused)], &["inspect", "t.js"]).exits(104).stderr;
    let typed = read("js-api/types/k6-options.d.ts");
    for executor in [
        "constant-arrival-rate",
        "constant-token-rate",
        "constant-vus",
        "externally-controlled",
        "per-vu-iterations",
        "ramping-arrival-rate",
        "ramping-token-rate",
        "ramping-vus",
        "shared-iterations",
        "trace-replay",
    ] {
        assert!(said.contains(executor), "known executors are named in {said}");
        if !options.contains(&format!("| `{executor}` |")) || !typed.contains(&format!("'{executor}'")) {
            gaps.push(format!("docs/k6-compat/options.md or k6-options.d.ts: nothing on {executor}"));
        }
    }
    let metrics = read("docs/k6-compat/metrics.md");
    let told: BTreeSet<String> =
        rows(&metrics).filter(|c| c[0] != "metric").flat_map(|cells| quoted(cells[0])).collect();
    let known: BTreeSet<&str> = Builtin::ALL.iter().map(|m| m.name()).filter(|name| !name.starts_with("ai_")).collect();
    for name in known.iter().filter(|name| !told.contains(**name)) {
        gaps.push(format!("docs/k6-compat/metrics.md: no row for {name}"));
    }
    for name in told.iter().filter(|name| !name.ends_with('*') && !known.contains(name.as_str())) {
        gaps.push(format!("docs/k6-compat/metrics.md: {name} is no metric"));
    }
    let ours = read("docs/metrics.md");
    for name in Builtin::ALL.iter().map(|m| m.name()).filter(|name| name.starts_with("ai_")) {
        if !ours.contains(&format!("`{name}`")) {
            gaps.push(format!("docs/metrics.md: nothing on {name}"));
        }
    }
    let line = read("docs/k6-compat/command-line.md");
    let (_, table) = line.split_once("## Exit codes").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let told: BTreeSet<u16> =
        rows(table).flat_map(|c| c[0].split(", ").filter_map(|n| n.parse().ok()).collect::<Vec<u16>>()).collect();
    let source = read("src/error.rs");
    let (_, codes) = source.split_once("pub enum ExitCode {").unwrap();
    let codes = codes.split("\n}").next().unwrap();
    for code in codes.lines().filter_map(|l| l.trim().trim_end_matches(',').split_once(" = ")?.1.parse::<u16>().ok()) {
        if !told.contains(&code) {
            gaps.push(format!("docs/k6-compat/command-line.md: no row for exit code {code}"));
        }
    }
    none(&gaps);
}
