//! What scripts see of `inrush/data` in the init context; taking rows and prompts needs a run (`tests/it/workload.rs`).
#![cfg(test)]

use serde_json::json;

use crate::js::testing::{failure, failure_of, out, out_of};

const ROWS: &str = "{\"id\": 1, \"prompt\": \"a\"}\n{\"id\": 2, \"prompt\": \"b\"}\n{\"id\": 3, \"prompt\": \"c\"}\n";

#[test]
fn rows_by_place_and_one_after_the_other() {
    let script = "
import data, { dataset } from 'inrush/data';
const rows = dataset('./rows.jsonl');
const prompts = dataset('rows.jsonl', { field: 'prompt', sample: 'shuffle', seed: 1 });
const list = [...rows];
const copy = rows.at(0);
copy.id = 9;
const deep = dataset('sub/x.csv', { delimiter: ';' });
export const out = [rows.length, rows.at(1), rows.at(-1).id, rows.at(3) === undefined, list.map((r) => r.id), [...prompts].join(),
  rows.at(0).id, Object.keys(copy), data.dataset === dataset, deep.at(0), Array.from(deep).length];";
    let value = out_of(&[("t.js", script), ("rows.jsonl", ROWS), ("sub/x.csv", "a;b\n1;x y\n2;z\n")]);
    let expected = json!([3, {"id": 2, "prompt": "b"}, 3, true, [1, 2, 3], "a,b,c", 1, ["id", "prompt"], true,
        {"a": "1", "b": "x y"}, 2]);
    assert_eq!(value, expected);
}

#[test]
fn paths_are_those_of_open() {
    let script = "import { rows } from './sub/lib.js';\nexport const out = rows.length;";
    let module = "import { dataset } from 'inrush/data';\nexport const rows = dataset('./rows.jsonl');";
    assert_eq!(out_of(&[("t.js", script), ("sub/lib.js", module), ("sub/rows.jsonl", ROWS)]), 3);
}

#[test]
fn broken_files_and_options_are_told_at_once() {
    let script = "import { dataset } from 'inrush/data';\n\ndataset('./rows.jsonl', { field: 'text' });";
    let text = failure_of(&[("t.js", script), ("rows.jsonl", "{\"text\": 1}\n{\"text\": }\n{\"txt\": 1}\n")]);
    for expected in [
        "t.js:3:",
        "dataset('./rows.jsonl')",
        "2 problems",
        "line 2, column 10: expected value",
        "line 3: there is no field 'text'",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let text = failure("import { dataset } from 'inrush/data';\ndataset('x.jsonl', { fields: 'a', sample: 'any' });");
    assert!(text.contains("did you mean 'field'?") && text.contains("unknown way to sample 'any'"), "{text}");
    let text = failure("import { dataset } from 'inrush/data';\ndataset('none.jsonl');");
    assert!(text.contains("dataset('none.jsonl'): No such file"), "{text}");
    assert!(failure("import { dataset } from 'inrush/data';\ndataset();").contains("needs the path of a file"));
    let text = failure_of(&[
        ("t.js", "import { dataset } from 'inrush/data';\ndataset('a.jsonl').next();"),
        ("a.jsonl", ROWS),
    ]);
    assert!(text.contains("next() of a dataset is not supported in the init context"), "{text}");
}

#[test]
fn distributions_are_plain_objects() {
    let value = out("
import { dist } from 'inrush/data';
const draws = (d) => Array.from({ length: 200 }, () => d.sample());
const normal = draws(dist.normal(100, 10, { min: 95, max: 105 }));
const histogram = draws(dist.histogram({ 8: 1, 16: 3 }));
export const out = [dist.fixed(5), dist.uniform(1, 9), dist.normal({ mean: 5, sd: 1 }), dist.lognormal(400, 0.5, { max: 9000 }),
  dist.lognormal({ median: 400, p95: 1000 }), dist.histogram([{ from: 1, to: 9, weight: 1 }]), Object.keys(dist.fixed(1)),
  normal.every((n) => n >= 95 && n <= 105) && new Set(normal).size > 20, histogram.every((n) => n === 8 || n === 16), dist.fixed(7).sample()];");
    let expected = json!([{"dist": "fixed", "value": 5}, {"dist": "uniform", "min": 1, "max": 9},
        {"dist": "normal", "mean": 5, "sd": 1}, {"dist": "lognormal", "median": 400, "sigma": 0.5, "max": 9000},
        {"dist": "lognormal", "median": 400, "p95": 1000}, {"dist": "histogram", "bins": [{"from": 1, "to": 9, "weight": 1}]},
        ["dist", "value"], true, true, 7]);
    assert_eq!(value, expected);
    let wrong = |call: &str| failure(&format!("import {{ dist }} from 'inrush/data';\n{call};"));
    assert!(
        wrong("dist.uniform(9, 1)").contains("dist.uniform(): min: 9 is above max, 1"),
        "{}",
        wrong("dist.uniform(9, 1)")
    );
    assert!(wrong("dist.normal(9)").contains("dist.normal(): sd: missing"), "{}", wrong("dist.normal(9)"));
    assert!(wrong("dist.fixed(1, 2)").contains("takes value and an object of limits"));
    assert!(wrong("dist.lognormal({ median: 1, sigm: 1 })").contains("did you mean 'sigma'?"));
}

#[test]
fn prompts_name_their_tokenizer() {
    let value = out("
import { synthetic } from 'inrush/data';
import ai from 'inrush/ai';
const llm = ai.model({ model: 'gpt-4' });
const of = (options) => synthetic({ inputTokens: 10, ...options }).tokenizer;
export const out = [of({ model: llm }), of({ model: 'gpt-4o' }), of({ tokenizer: 'estimate' })];");
    let expected = json!([{"name": "cl100k_base", "source": "tokenizer"}, {"name": "o200k_base", "source": "tokenizer"},
        {"name": "estimate", "source": "estimate"}]);
    assert_eq!(value, expected);
    let wrong = |options: &str| failure(&format!("import {{ synthetic }} from 'inrush/data';\nsynthetic({options});"));
    assert!(wrong("{ inputTokens: 5, tokenizer: 'x' }").contains("unknown tokenizer 'x'"));
    assert!(
        wrong("{ input: 5 }").contains("options.inputTokens: missing")
            && wrong("{ input: 5 }").contains("unknown field")
    );
    assert!(wrong("{ inputTokens: 5, corpus: 'none.txt' }").contains("corpus 'none.txt': No such file"));
}

const TRACE: &str = "{\"timestamp\": 0, \"input_length\": 700, \"output_length\": 52, \"hash_ids\": [1, 2]}
{\"timestamp\": 2500, \"input_length\": 800, \"output_length\": 0, \"hash_ids\": [1, 3]}
";

#[test]
fn recorded_requests_have_texts_of_their_lengths() {
    let script = "
import { dist, synthetic, trace } from 'inrush/data';
import ai from 'inrush/ai';
const options = { tokenizer: 'o200k_base', seed: 1 };
const requests = trace('trace.jsonl', options);
const [one, two, again] = [0, 1, 2].map((i) => requests.at(i));
const shared = (a, b) => [...a].findIndex((c, i) => c !== b[i]);
const count = (text) => ai.countTokens(text, options);
const lengths = dist.fromTrace('./trace.jsonl', { max: 750 });
const both = synthetic({ inputTokens: dist.fromTrace('trace.jsonl'), outputTokens: dist.fromTrace('trace.jsonl'), ...options });
export const out = [requests.length, Object.keys(one), count(one.prompt), count(two.prompt), count(one.prompt.slice(0, shared(one.prompt, two.prompt))) >= 511,
  two.at, two.maxTokens, two.outputTokens, again.prompt === one.prompt, Array.from({ length: 50 }, () => lengths.sample()).every((n) => n === 700 || n === 750), requests.tokenizer];";
    let value = out_of(&[("t.js", script), ("trace.jsonl", TRACE)]);
    let expected = json!([2, ["prompt", "maxTokens", "outputTokens", "inputTokens", "at"], 700, 800, true, 2.5, 1, 0, true, true,
        {"name": "o200k_base", "source": "tokenizer"}]);
    assert_eq!(value, expected);
    let wrong = |call: &str| {
        let script = format!("import {{ dist, trace }} from 'inrush/data';\n{call};");
        failure_of(&[("t.js", &script), ("trace.jsonl", TRACE), ("bad.csv", "a,b\n1,2\n")])
    };
    assert!(wrong("trace('trace.jsonl', { format: 'aws' })").contains("unknown format 'aws'; known: azure"));
    assert!(
        wrong("trace('bad.csv')").contains("bad.csv: its first line is that of no known trace"),
        "{}",
        wrong("trace('bad.csv')")
    );
    assert!(wrong("dist.fromTrace()").contains("needs the path of a file"), "{}", wrong("dist.fromTrace()"));
    assert!(wrong("trace('trace.jsonl').at(-1)").contains("needs the number of a request"));
}

#[test]
fn mixes_say_what_is_wrong_with_their_kinds() {
    let text = failure(
        "import { mix } from 'inrush/data';
mix({ a: { weight: -1, prompt: 'x' }, b: { weight: 1 }, c: 5, d: { from: {} }, e: { prompt: 'x', temprature: 1 } }, { sed: 1 });",
    );
    for expected in [
        "a.weight: expected a number of at least 0",
        "b: says not what to send",
        "c: expected an object",
        "d.from: expected a dataset",
        "e.temprature: is neither",
        "options.sed: unknown field; did you mean 'seed'?",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(failure("import { mix } from 'inrush/data';\nmix({});").contains("the weights must be"));
    assert!(failure("import { mix } from 'inrush/data';\nmix();").contains("needs an object of kinds"));
}
