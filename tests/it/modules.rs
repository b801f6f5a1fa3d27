//! Modules from outside: https imports with cache and `--offline`, CommonJS entry scripts, errors with their place.

use crate::module_server::{ModuleServer, Page};
use crate::support::{Ran, run_files_with, run_in};

/// A server, a cache folder and a trusted certificate.
struct Bench {
    server: ModuleServer,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let (server, folder) = (ModuleServer::start(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("ca.pem"), &server.pem).unwrap();
        Self { server, folder }
    }

    /// Runs `t.js` (and other files) once; `BASE` in the texts is the server's address.
    #[track_caller]
    fn run(&self, files: &[(&str, &str)], args: &[&str]) -> Ran {
        self.run_with(files, &[("NO_PROXY", "localhost,127.0.0.1")], args)
    }

    /// As `run`, with these environment variables.
    #[track_caller]
    fn run_with(&self, files: &[(&str, &str)], env: &[(&str, &str)], args: &[&str]) -> Ran {
        let mut all = vec!["run", "--quiet"];
        all.extend(args);
        self.command(&all, files, env)
    }

    /// A command on `t.js`.
    #[track_caller]
    fn command(&self, args: &[&str], files: &[(&str, &str)], env: &[(&str, &str)]) -> Ran {
        let (ca, cache) = (self.folder.path().join("ca.pem"), self.folder.path().join("cache"));
        let mut env = env.to_vec();
        env.extend([("SSL_CERT_FILE", ca.to_str().unwrap()), ("INRUSH_CACHE_DIR", cache.to_str().unwrap())]);
        let files: Vec<(&str, String)> =
            files.iter().map(|(name, text)| (*name, text.replace("BASE", &self.server.base))).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let mut all = args.to_vec();
        all.push("t.js");
        run_files_with(&files, &env, &all)
    }

    fn cached(&self) -> Vec<std::path::PathBuf> {
        let folder = self.folder.path().join("cache/modules");
        std::fs::read_dir(folder).map(|all| all.flatten().map(|e| e.path()).collect()).unwrap_or_default()
    }
}

const SCRIPT: &str = "import { value } from 'BASE/lib/index.js';
import whole from 'BASE/moved';
export default function () { console.log(`value ${value} ${whole.name}`); }
";

fn serve_library(server: &ModuleServer) {
    server.page("/lib/index.js", Page::Text("import { part } from './part.js';\nexport const value = part + 1;\n"));
    server.page(
        "/lib/part.js",
        Page::Text("import { sleep } from 'k6';\nexport const part = typeof sleep === 'function' ? 41 : 0;\n"),
    );
    server.page("/moved", Page::To("/cjs/here.js".to_owned()));
    server.page("/cjs/here.js", Page::Text("exports.name = 'cjs' + require('./deep.json').n;\n"));
    server.page("/cjs/deep.json", Page::Text("{\"n\": 7}"));
}

#[test]
fn https_modules_are_fetched_revalidated_and_cached() {
    let bench = Bench::new();
    serve_library(&bench.server);
    bench.run(&[("t.js", SCRIPT)], &[]).exits(0).says(&["value 42 cjs7"]);
    let mut seen = bench.server.seen();
    seen.sort();
    let fresh = ["200 /cjs/deep.json", "200 /cjs/here.js", "200 /lib/index.js", "200 /lib/part.js", "302 /moved"];
    assert_eq!(seen, fresh);
    assert_eq!(bench.cached().len(), 4);

    // Unchanged texts are not sent again, changed ones are.
    bench.server.page("/lib/part.js", Page::Text("export const part = 99;\n"));
    bench.run(&[("t.js", SCRIPT)], &[]).exits(0).says(&["value 100 cjs7"]);
    let seen = bench.server.seen();
    assert!(
        seen.contains(&"304 /lib/index.js".to_owned()) && seen.contains(&"200 /lib/part.js".to_owned()),
        "{seen:?}"
    );

    // Without a network the cache answers.
    bench.run(&[("t.js", SCRIPT)], &["--offline"]).exits(0).says(&["value 100 cjs7"]);
    assert!(bench.server.seen().is_empty());
    // And so it does when the server is broken.
    bench.server.page("/lib/part.js", Page::Status(503));
    bench.run(&[("t.js", SCRIPT)], &[]).exits(0).says(&["value 100 cjs7", "the server answered 503", "is used"]);
}

#[test]
fn archives_bring_their_https_modules() {
    let bench = Bench::new();
    serve_library(&bench.server);
    let env = [("NO_PROXY", "localhost,127.0.0.1")];
    let made = bench.command(&["archive", "-O", "a.tar"], &[("t.js", SCRIPT)], &env).exits(0);
    bench.server.seen();
    std::fs::remove_dir_all(bench.folder.path().join("cache")).unwrap();
    let ran = run_in(made.dir, &["run", "--quiet", "--offline", "a.tar"]).exits(0);
    assert!(ran.stderr.contains("value 42 cjs7") && bench.server.seen().is_empty(), "{}", ran.all());
}

#[test]
fn a_cached_module_that_was_changed_is_refused_or_fetched_again() {
    let bench = Bench::new();
    serve_library(&bench.server);
    bench.run(&[("t.js", SCRIPT)], &[]).exits(0);
    let part = bench.cached().into_iter().find(|p| std::fs::read_to_string(p).unwrap().contains("? 41 : 0"));
    let part = part.expect("part.js is cached");
    let text = std::fs::read_to_string(&part).unwrap();
    std::fs::write(&part, text.replace("41", "13")).unwrap();
    bench
        .run(&[("t.js", SCRIPT)], &["--offline"])
        .exits(255)
        .says(&["was changed or damaged", "run once without --offline"]);
    bench.server.seen();
    bench.run(&[("t.js", SCRIPT)], &[]).exits(0).says(&["was changed or damaged", "fetched again", "value 42 cjs7"]);
    assert!(bench.server.seen().contains(&"200 /lib/part.js".to_owned()));
    bench.run(&[("t.js", SCRIPT)], &["--offline"]).exits(0).says(&["value 42"]);
}

#[test]
fn what_cannot_be_fetched_is_said_with_its_import() {
    let bench = Bench::new();
    bench.server.page("/a.js", Page::Text("import './gone.js';\n"));
    bench.server.page("/loop", Page::To("/loop".to_owned()));
    bench.server.page("/plain", Page::To("http://localhost:1/x.js".to_owned()));
    let script = "import 'BASE/a.js';\nimport 'BASE/none.js';\nimport 'BASE/loop';\nimport 'http://x.test/y.js';\nimport 'BASE/plain';\nexport default () => {};\n";
    let ran = bench.run(&[("t.js", script)], &[]).exits(255).says(&[
        "none.js': the server answered 404",
        "t.js:2:8",
        "> 2 | import 'https://localhost:",
        "/gone.js': the server answered 404",
        "/a.js:1:8",
        "redirects, or one to an address without https",
        "'http://x.test/y.js' is not encrypted",
        "download the file and import it",
    ]);
    assert!(ran.took.as_secs() < 50);
    // Not trusted, not there.
    let files = [(
        "t.js",
        "import 'https://localhost:1/a.js';\nimport 'https://localhost:1/b.js';\nexport default () => {};\n",
    )];
    bench.run(&files, &[]).exits(255).says(&[
        "cannot fetch 'https://localhost:1/a.js'",
        "refused",
        "t.js:2:8",
        "HTTPS_PROXY",
    ]);
    let script = "import { x } from 'BASE/never-seen.js';\nexport default () => {};\n";
    bench.run(&[("t.js", script)], &["--offline"]).exits(255).says(&[
        "never-seen.js' is not in the cache",
        "--offline forbids fetching it",
        "t.js:1:19",
        "help: run once without --offline",
    ]);
}

#[test]
fn proxies_of_the_environment_are_used() {
    let bench = Bench::new();
    serve_library(&bench.server);
    let (proxy, asked) = crate::module_server::proxy();
    let through = [("HTTPS_PROXY", proxy.as_str()), ("NO_PROXY", "")];
    bench.run_with(&[("t.js", SCRIPT)], &through, &[]).exits(0).says(&["value 42 cjs7"]);
    let address = bench.server.base.replace("https://", "CONNECT ");
    assert!(asked().iter().all(|line| line.starts_with(&address)) && !asked().is_empty(), "{:?}", asked());
    let before = asked().len();
    let beside = [("HTTPS_PROXY", proxy.as_str()), ("NO_PROXY", "localhost")];
    bench.run_with(&[("t.js", SCRIPT)], &beside, &[]).exits(0).says(&["value 42 cjs7"]);
    assert_eq!(asked().len(), before, "NO_PROXY was not heeded");
    // A proxy that is not there: said without its password, and without keeping our own libraries from answering.
    let gone = [("HTTPS_PROXY", "http://me:secret@127.0.0.1:1"), ("NO_PROXY", "")];
    let script = "import { x } from 'BASE/new.js';\nexport default () => {};\n";
    let ran =
        bench.run_with(&[("t.js", script)], &gone, &[]).exits(255).says(&["error: cannot fetch 'https://localhost:"]);
    assert!(!ran.all().contains("secret") && !ran.all().contains("client error"), "{}", ran.all());
    let script = "import { randomItem } from 'https://jslib.k6.io/k6-utils/1.2.0/index.js';\nexport default () => console.log('item ' + randomItem([7]));\n";
    bench
        .run_with(&[("t.js", script)], &gone, &[])
        .exits(0)
        .says(&["inrush's own version of this library is used", "item 7"]);
}

#[test]
fn libraries_of_jslib_answer_when_the_network_does_not() {
    let bench = Bench::new();
    let script = "import { randomIntBetween, getCurrentStageIndex, tagWithCurrentStageProfile, tagWithCurrentStageIndex, check } from 'https://jslib.k6.io/k6-utils/1.5.0/index.js';
import { textSummary, jUnit } from 'https://jslib.k6.io/k6-summary/0.0.1/index.js';
import exec from 'k6/execution';
export const options = {
  scenarios: { s: { executor: 'ramping-vus', startVUs: 1, gracefulRampDown: '0s', stages: [{ duration: '200ms', target: 1 }, { duration: '10s', target: 1 }] } },
  thresholds: { checks: ['rate>0.9'] },
};
export default async function () {
  const ok = await check(3, { three: (x) => x === 3, later: async (x) => x < 4 });
  if (getCurrentStageIndex() === 1) {
    tagWithCurrentStageIndex();
    tagWithCurrentStageProfile();
    console.log(`stage ${exec.vu.tags.stage} ${exec.vu.tags.stage_profile} ${ok} ${randomIntBetween(2, 2)}`);
    exec.test.abort('enough');
  }
}
export function handleSummary(data) {
  return { stdout: textSummary(data, { enableColors: false }), 'junit.xml': jUnit(data) };
}
";
    let ran = bench.run(&[("t.js", script)], &["--offline"]).exits(108);
    ran.prints(&["iteration_duration", "\u{2713} checks", "100.00%"])
        .says(&["stage 1 steady true 2"])
        .file("junit.xml");
}

#[test]
fn scripts_may_be_commonjs_with_typescript_beside_them() {
    let bench = Bench::new();
    let files = [
        (
            "t.js",
            "const { check } = require('k6');\nconst lib = require('./lib/a.ts');\nexports.options = { vus: 2, iterations: 4 };\nexports.setup = () => ({ n: 1 });\nexports.default = function (data) {\n  check(data, { 'has n': (d) => d.n === 1 });\n  console.log(`sum ${lib.sum(data.n, 2)} ${open('./lib/note.txt').length}`);\n};\nconst open = ((text) => () => text)(globalThis.open('./lib/note.txt'));\n",
        ),
        (
            "lib/a.ts",
            "import type { Pair } from './pair.ts';\nexport function sum(a: number, b: number): number { const p: Pair = [a, b]; return p[0] + p[1]; }\n",
        ),
        ("lib/pair.ts", "export type Pair = [number, number];\n"),
        ("lib/note.txt", "hello"),
    ];
    let ran = bench.run(&files, &[]).exits(0).says(&["sum 3 5"]);
    assert_eq!(ran.stderr.matches("sum 3 5").count(), 4, "{}", ran.all());
    let files = [("t.js", "exports.default = function () {\n  require('k6/http');\n};\n")];
    bench.run(&files, &[]).exits(0).says(&["can only be used in the init context", "t.js:2:"]);
    let files = [("t.js", "")];
    bench.run(&files, &[]).exits(104).says(&["no default function"]);
    let files = [
        ("t.js", "import { notThere } from './a.js';\nexport default () => {};\n"),
        ("a.js", "export const there = 1;"),
    ];
    bench.run(&files, &[]).exits(107).says(&["'./a.js' does not export 'notThere'", "t.js:1:10", "it exports: there"]);
}
