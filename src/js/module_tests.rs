//! What scripts see of modules: ES modules, CommonJS, JSON, TypeScript, and how they mix.

use serde_json::json;

use super::testing::{failure, failure_of, out, out_of, with_engine};

#[test]
fn names_that_are_not_exported_are_reported_with_their_place() {
    let text = failure_of(&[
        ("main.js", "import { sleep } from 'k6';\nimport { helpr, other } from './h.js';\nimport x from './h.js';\n"),
        ("h.js", "export const helper = 1;\nexport * from './i.js';\n"),
        ("i.js", "export const other = 2;\nexport default 3;\n"),
    ]);
    for part in [
        "SyntaxError: './h.js' does not export 'helpr'",
        "main.js:2:10",
        "> 2 | import { helpr, other } from './h.js';\n    |          ^^^^^",
        "help: did you mean 'helper'?",
        "'./h.js' has no default export",
        "main.js:3:8",
    ] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
    let text = failure_of(&[
        (
            "main.ts",
            "import type { T } from './h.ts';\n\nimport { T as U, missing } from './h.ts';\nconsole.log(missing);\n",
        ),
        ("h.ts", "export interface T { a: number }\n"),
    ]);
    assert!(text.contains("main.ts:3:18") && text.contains("it exports nothing"), "{text}");
}

#[test]
fn names_that_built_in_modules_lack_are_null() {
    let v = out(
        "import { check, randomIntBetween } from 'k6';\nimport * as k6 from 'k6';\nimport http, { nothing } from 'k6/http';
let said; try { randomIntBetween(1, 2); } catch (e) { said = e.name; }
export const out = [randomIntBetween, nothing, typeof check, typeof http.get, said, 'fail' in k6];",
    );
    assert_eq!(v, json!([null, null, "function", "function", "TypeError", true]));
}

#[test]
fn commonjs_modules_run_once_and_share_what_they_export() {
    let v = out_of(&[
        (
            "main.js",
            "const a = require('./a.js');\nconst b = require('./lib/b.js');\nconst data = require('./data.json');\nrequire('./data.json').n++;\nexports.out = [a.count, b.again === a, require('./a.js').count, data.n, this === exports, module.exports === exports, typeof global, b.wide()];\n",
        ),
        ("a.js", "let count = 0; count++; module.exports = { count };\n"),
        (
            "lib/b.js",
            "exports.again = require('../a.js');\nif (exports.again) { with (Math) { exports.wide = () => max(1, 2); } return; }\nexports.again = null;\n",
        ),
        ("data.json", "{\"n\": 1}"),
    ]);
    assert_eq!(v, json!([1, true, 1, 2, true, true, "object", 2]));
}

#[test]
fn commonjs_cycles_see_what_is_there_so_far() {
    let v = out_of(&[
        ("main.js", "exports.out = [require('./a.js').name, require('./b.js').seen];"),
        ("a.js", "exports.early = 'early'; const b = require('./b.js'); exports.name = 'a after ' + b.name;"),
        ("b.js", "const a = require('./a.js'); exports.name = 'b'; exports.seen = [a.early, a.name === undefined];"),
    ]);
    assert_eq!(v, json!(["a after b", ["early", true]]));
}

#[test]
fn es_modules_import_commonjs() {
    let v = out_of(&[
        (
            "main.js",
            "import whole, { one, missing } from './c.js';\nimport * as space from './c.js';\nimport def, { named } from './marked.js';\nimport fn from './fn.js';\nimport data, { x } from './d.json';\nimport { late, lazy } from './star.js';\nimport * as f from './fn.js';\nexport const out = [whole.one, one, missing === undefined, space.one, space.default === whole, Object.keys(space).sort().join(), def, named, fn(2), data.x, x, late, lazy, f.default(3)];\n",
        ),
        ("c.js", "module.exports = { one: 1, two: 2 };"),
        (
            "marked.js",
            "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'd'; exports.named = 'n';",
        ),
        ("fn.js", "module.exports = function (x) { return x * 2; };"),
        ("d.json", "{\"x\": [1]}"),
        ("star.js", "export * from './late.js';\nexport * as none from './c.js';"),
        (
            "late.js",
            "exports.late = 'late'; Object.defineProperty(exports, 'lazy', { enumerable: true, get: () => 'lazy' });",
        ),
    ]);
    assert_eq!(v, json!([1, 1, true, 1, true, "default,one,two", "d", "n", 4, [1], [1], "late", "lazy", 6]));
}

#[test]
fn commonjs_requires_es_modules() {
    let v = out_of(&[
        (
            "main.js",
            "const e = require('./e.js');\nconst s = require('./st.js');\nexports.out = [e.default(), e.count, s.bumped, require('./e.js') === e, e.count];\n",
        ),
        ("e.js", "export let count = 1; export default () => 'd' + count; export const bump = () => { count++; };"),
        ("st.js", "import { bump, count } from './e.js';\nbump();\nexport const bumped = count;"),
    ]);
    assert_eq!(v, json!(["d2", 2, 2, true, 2]));
    let text = failure_of(&[("main.js", "require('./e.js');"), ("e.js", "await new Promise(() => {}); export {};")]);
    assert!(text.contains("top-level await cannot be required"), "{text}");
    let text =
        failure_of(&[("main.js", "\nrequire('./e.js');"), ("e.js", "export {};\nthrow new TypeError('from e');")]);
    assert!(text.starts_with("TypeError: from e") && text.contains("e.js:2:"), "{text}");
}

#[test]
fn cycles_of_both_kinds_of_modules_end() {
    let v = out_of(&[
        (
            "main.js",
            "import { fromCommon } from './c.js';\nexport const name = 'main';\nexport const out = fromCommon;\n",
        ),
        (
            "c.js",
            "const main = require('./main.js');\nlet seen; try { seen = main.name; } catch (e) { seen = e.name; }\nexports.fromCommon = [typeof main, seen];\n",
        ),
    ]);
    assert_eq!(v, json!(["object", "ReferenceError"]));
    // A required ES module that imports its requirer sees what that has exported so far.
    let v = out_of(&[
        ("main.js", "exports.early = 1; const d = require('./d.js'); exports.out = [d.seen, d.late];"),
        (
            "d.js",
            "import main from './main.js';\nexport const seen = main.early;\nexport const late = main.out === undefined;\n",
        ),
    ]);
    assert_eq!(v, json!([1, true]));
    let text = failure_of(&[
        ("main.js", "import './c.js';\nexport const x = 1;\n"),
        ("c.js", "require('./d.js');"),
        ("d.js", "import { x } from './main.js';\nexport default x;\n"),
    ]);
    assert!(text.contains("break the cycle"), "{text}");
}

#[test]
fn built_in_modules_are_one_object_for_everyone() {
    let v = out_of(&[
        (
            "main.js",
            "import http from 'k6/http';\nimport './patch.js';\nimport * as all from 'k6/http';\nexport const out = [http.get('u'), require('k6/http') === http, all.default === http, require('k6').sleep.name, typeof require('k6/metrics').Trend];\n",
        ),
        ("patch.js", "const http = require('k6/http'); http.get = (u) => 'patched ' + u;"),
    ]);
    assert_eq!(v, json!(["patched u", true, true, "sleep", "function"]));
}

#[test]
fn umd_bundles_find_commonjs() {
    let umd = "(function (root, factory) {\n  if (typeof define === 'function' && define.amd) define([], factory);\n  else if (typeof exports === 'object' && typeof module !== 'undefined') module.exports = factory();\n  else root.Lib = factory();\n})(this, function () { return { parse: (s) => s.split(','), version: '1' }; });\n";
    let v = out_of(&[
        (
            "main.js",
            "import Lib from './umd.js';\nimport { version } from './umd.js';\nexport const out = [Lib.parse('a,b'), version];",
        ),
        ("umd.js", umd),
    ]);
    assert_eq!(v, json!([["a", "b"], "1"]));
}

#[test]
fn require_errors_say_where_and_how() {
    let text = failure_of(&[
        ("main.js", "const a = 1;\nfunction load() {\n  return require('./helper');\n}\nload();\n"),
        ("helper.js", ""),
    ]);
    for part in [
        "Error: require('./helper'): ",
        "no such file",
        "did you mean 'helper.js'?",
        "main.js:3:",
        "> 3 |   return require('./helper');",
    ] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
    let text = failure("const fs = require('fs');");
    assert!(text.contains("'fs' is neither a path nor a built-in module") && text.contains("test.js:1:19"), "{text}");
    assert!(failure("require('');").contains("empty string"));
    assert!(failure("require(5);").contains("not a value of type number"));
    assert!(failure("exports.x = 1; module.exports = null;").contains("is null"));
    let v = out("let e; try { require('fs'); } catch (x) { e = x.name; } exports.out = e;");
    assert_eq!(v, "Error");
    let text = failure("import k6 from 'k6';\nmodule.exports = {};\n");
    assert!(text.contains("module is not defined") && text.contains("either import and export or"), "{text}");
}

#[test]
fn require_works_in_the_init_context_only() {
    with_engine(&[("main.js", "exports.default = function () { return require('k6'); };")], |engine| {
        let engine = engine.unwrap_or_else(|e| panic!("{}", e.message()));
        assert_eq!(engine.exported_functions(), ["default"]);
        engine.host.phase.set(super::host::Phase::Vu);
        let function = engine.function("default").expect("exported");
        let error = engine.call(&function, &[]).expect_err("not in an iteration");
        assert!(error.to_string().contains("init context"), "{error}");
    });
    with_engine(&[("main.js", "module.exports = () => 1; module.exports.options = { vus: 2 };")], |engine| {
        let engine = engine.unwrap_or_else(|e| panic!("{}", e.message()));
        assert_eq!(engine.exported_functions(), ["default"]);
        assert!(engine.export("options").is_some());
    });
}

#[test]
fn computed_paths_are_loaded_when_they_are_asked_for() {
    let v = out_of(&[
        (
            "main.js",
            "const names = ['a.js', 'b.json', 'c.js'];\nexports.out = names.map((n) => require('./' + n)).map((m) => m.x);\n",
        ),
        ("a.js", "exports.x = require('./' + 'd.js').x;"),
        ("b.json", "{\"x\": 2}"),
        ("c.js", "export const x = 3;"),
        ("d.js", "import { y } from './e.js'; export const x = y;"),
        ("e.js", "exports.y = 1;"),
    ]);
    assert_eq!(v, json!([1, 2, 3]));
    let text = failure_of(&[("main.js", "\nrequire('./' + 'bad.js');"), ("bad.js", "let x = ;")]);
    assert!(text.contains("bad.js:1:9") && text.contains("main.js:2:"), "{text}");
    let v = out("export const out = (await import('k' + '6')).sleep.name;");
    assert_eq!(v, "sleep");
}

#[test]
fn what_import_cannot_find_is_said_when_it_is_asked_for() {
    let text = |n: usize| {
        with_engine(
            &[(
                "main.js",
                "export const literal = () => import('./gone.js');\nexport const computed = (x) => import(x);\n",
            )],
            |engine| {
                let engine = engine.unwrap_or_else(|e| panic!("{}", e.message()));
                engine.host.phase.set(super::host::Phase::Vu);
                let function = engine.function(["literal", "computed"][n]).expect("exported");
                engine.call(&function, &[boa_engine::js_string!("k6").into()]).expect_err("not there").to_string()
            },
        )
    };
    assert!(text(0).contains("import('./gone.js'): ") && text(0).contains("no such file"), "{}", text(0));
    assert!(text(1).contains("import('k6'): ") && text(1).contains("init context"), "{}", text(1));
}

#[test]
fn import_meta_resolves_specifiers() {
    let v = out(
        "export const out = [import.meta.resolve('./x.js'), import.meta.resolve('k6/http'), import.meta.resolve('https://h.test/a.js')];",
    );
    assert!(v[0].as_str().unwrap().starts_with("file:///") && v[0].as_str().unwrap().ends_with("/x.js"), "{v}");
    assert_eq!((&v[1], &v[2]), (&json!("k6/http"), &json!("https://h.test/a.js")));
    assert!(failure("export {};\nimport.meta.resolve('lodash');").contains("neither a path nor a built-in module"));
}

#[test]
fn typescript_runs_in_all_its_forms() {
    let v = out_of(&[
        (
            "main.ts",
            "import http = require('k6/http');\nimport { Color, Shape } from './types.ts';\nimport type { Options } from './types.ts';\nnamespace Geo { export const pi: number = 3; export namespace Deep { export const x = pi + 1; } }\nclass P { constructor(private readonly a: number, public b?: string) {} sum(): number { return this.a! + 1; } }\nconst enum Flag { A = 1 << 1, B = A | 4 }\nfunction id<T extends object>(x: T): T { return x satisfies T; }\nconst o: Options = { n: 1 };\nabstract class Q { abstract f(): void; declare z: string; }\nexport const out = [typeof http.get, Color.Green, Color[1], Geo.Deep.x, new P(1).sum(), Flag.B, id(o).n, Q.name, <number>5, new Shape(2).area];\n",
        ),
        (
            "types.ts",
            "export enum Color { Red, Green }\nexport interface Options { n: number }\nexport type { Options as Other };\nexport class Shape { readonly area: number; constructor(s: number) { this.area = s * s; } }\n",
        ),
    ]);
    assert_eq!(v, json!(["function", 1, "Green", 4, 2, 6, 1, "Q", 5, 4]));
    let v = out_of(&[
        ("main.ts", "const lib = require('./lib.ts');\nconst x: number = lib.twice(2);\nexports.out = x;\n"),
        ("lib.ts", "function twice(n: number): number { return n * 2; }\nexport = { twice };\n"),
    ]);
    assert_eq!(v, 4);
}

#[test]
fn errors_in_commonjs_are_on_the_users_lines_and_columns() {
    let text = failure("null.x;");
    assert!(text.contains("test.js:1:1)") || text.contains("test.js:1:5)") || text.contains("test.js:1:6)"), "{text}");
    assert!(text.contains("> 1 | null.x;"), "{text}");
    let text = failure("const o = {};\nlet x = o.a.b;\n");
    assert!(text.contains("test.js:2:"), "{text}");
}

#[test]
fn odd_texts_are_read() {
    for (text, what) in [
        ("\u{feff}export const out = 1;", "byte order mark"),
        ("#!/usr/bin/env inrush\nexport const out = 1;", "shebang"),
        ("#!/usr/bin/env inrush\r\nexports.out = 1;\r\n", "shebang in CommonJS, CRLF"),
        ("\u{feff}#!/x\nexports.out = 1;", "both"),
        ("exports.out = 1; // no newline", "comment at the end"),
        ("const out = 1;\nexport { out }", "no semicolon at the end"),
        ("exports.out = 1; <!-- html comment", "html comment"),
    ] {
        assert_eq!(out(text), 1, "{what}");
    }
    let text =
        failure_of(&[("main.js", "import x from './d.json';\n"), ("d.json", "{\r\n  \"a\": 1,\r\n  \"b\" 2\r\n}")]);
    assert!(text.contains("invalid JSON: expected `:`") && text.contains("d.json:3:7"), "{text}");
    let text = failure_of(&[("main.js", "require('./d.json');\n"), ("d.json", "")]);
    assert!(text.contains("invalid JSON") && text.contains("d.json:1:1"), "{text}");
}

#[test]
fn flat_and_deep_code_of_bundlers_runs() {
    let code = format!(
        "function f(x) {{ return x + 1; }}\nconst o = {{ m() {{ return this; }}, v: 7 }};\nlet r;\nfunction branch(x) {{ if (x === -1) {{ return 'first'; }} {} return 'none'; }}\nexport const out = [{}0{}, {}'last', {}, o{}.v, branch(399), {}];\n",
        (0..400).map(|i| format!("else if (x === {i}) {{ return 'branch {i}'; }}")).collect::<String>(),
        "f(".repeat(1_000),
        ")".repeat(1_000),
        "false ? 1 : ".repeat(500),
        "1 + ".repeat(5_000) + "0",
        ".m()".repeat(1_500),
        "[".repeat(400) + &"]".repeat(400) + ".length",
    );
    let v = out(&code);
    assert_eq!(v, json!([1000, "last", 5000, 7, "branch 399", 1]));
}

#[test]
fn code_of_old_and_generated_kinds_runs() {
    let v = out(
        "const f = new Function('o', 'with (o) { return a + b; }');\nvar undeclared; assigned = 5;\nfunction old() { return arguments.callee === old && this === globalThis; }\nexports.out = [f({ a: 1, b: 2 }), assigned, 010, old(), delete assigned, (0, eval)('1 + 1'), function () { return typeof this; }.call(1), '\\07'.length];\nlabel: { break label; }\nfunction old2(a, a) { return a; }\n",
    );
    assert_eq!(v, json!([3, 5, 8, true, true, 2, "object", 1]));
}

#[test]
fn remote_libraries_of_k6_answer_without_a_network() {
    let v = out(r"
import { randomIntBetween, randomItem, randomString, uuidv4, findBetween, normalDistributionStages, parseDuration, parseStages } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
import { findBetween as oldFind } from 'https://jslib.k6.io/k6-utils/1.1.0/index.js';
const many = Array.from({ length: 300 }, () => randomIntBetween(3, 5));
const thrown = (f) => { try { return f(); } catch (e) { return e.message; } };
export const out = {
  ints: [Math.min(...many), Math.max(...many)], item: randomItem(['x']), string: randomString(8, 'ab'), length: randomString(5).length, uuid: uuidv4(), secure: uuidv4(true),
  found: findBetween('<a>1</a><a>2</a>', '<a>', '</a>'), all: findBetween('<a>1</a><a>2</a>', '<a>', '</a>', true), none: [findBetween('x', '<', '>'), oldFind('x', '<', '>')],
  bell: normalDistributionStages(10, 60, 4), ms: [parseDuration('1d5h31m20s3.2ms'), parseDuration('90'), parseDuration('1.5s'), parseStages([{ duration: '2m', target: 3 }])[0].duration],
  errors: [thrown(() => parseDuration('')), thrown(() => parseDuration('5x')), thrown(() => parseDuration('1s2s'))],
};");
    assert_eq!(v["ints"], json!([3, 5]));
    assert_eq!((&v["item"], &v["length"]), (&json!("x"), &json!(5)));
    let uuid = |key: &str| {
        let text = v[key].as_str().unwrap().to_owned();
        text.len() == 36 && &text[14..15] == "4" && "89ab".contains(&text[19..20])
    };
    assert!(uuid("uuid") && uuid("secure") && v["string"].as_str().unwrap().chars().all(|c| "ab".contains(c)), "{v}");
    assert_eq!((&v["found"], &v["all"], &v["none"]), (&json!("1"), &json!(["1", "2"]), &json!([null, ""])));
    let bell: Vec<(&str, i64)> = v["bell"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["duration"].as_str().unwrap(), s["target"].as_i64().unwrap()))
        .collect();
    assert_eq!(bell, [("10s", 1), ("10s", 6), ("10s", 10), ("10s", 6), ("10s", 1), ("10s", 0)]);
    assert_eq!(v["ms"], json!([106_280_003, 90, 1500, 120_000]));
    let errors = ["str is empty", "x is an unsupported time unit", "s time unit is provided multiple times"];
    assert_eq!(v["errors"], json!(errors));
}

#[test]
fn summaries_of_k6s_library_answer_without_a_network() {
    let data = include_str!("../report/golden/handle_summary.json");
    let v = out_of(&[
        (
            "main.js",
            "import { textSummary, jUnit, humanizeValue } from 'https://jslib.k6.io/k6-summary/0.0.2/index.js';\nimport data from './data.json';\nconst time = (v, u) => humanizeValue(v, { type: 'trend', contains: 'time' }, u);\nexport const out = { text: textSummary(data, { indent: ' ', enableColors: false }), colour: textSummary(data), xml: jUnit(data, { name: 'a & b', classname: 'c' }), human: [time(0.0005), time(0.5), time(12.345), time(61000), time(3723000), time(1500, 's'), humanizeValue(1234567, { type: 'counter', contains: 'data' }), humanizeValue(0.12345, { type: 'rate' })] };\n",
        ),
        ("data.json", data),
    ]);
    let text = v["text"].as_str().unwrap();
    for line in [
        "     \u{2713} is up",
        "     \u{2588} shop\n\n       \u{2717} status is 200\n        \u{21b3}  50% \u{2014} \u{2713} 1 / \u{2717} 1",
        "   \u{2713} checks",
        "     { expected_response:true }",
        "75.00%",
        "3.1 kB/s",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains('\u{1b}') && v["colour"].as_str().unwrap().contains("\u{1b}[32m"));
    let xml = v["xml"].as_str().unwrap();
    assert!(xml.contains("<testsuite name=\"a &amp; b\"") && xml.contains("classname=\"c\""), "{xml}");
    assert!(xml.contains("<testcase name=\"checks - rate&gt;0.7\""), "{xml}");
    assert_eq!(v["human"], json!(["500ns", "500\u{b5}s", "12.34ms", "1m1s", "1h2m3s", "1.50s", "1.2 MB", "12.34%"]));
}
