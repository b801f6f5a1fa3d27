//! What scripts see of the engine: language globals, JSON, timers, errors, modules. Network modules have tests of their own.

use serde_json::json;

use super::testing::{failure, failure_of, out, out_of};

#[test]
fn json_round_trips_like_the_language_says() {
    let v = out(r#"
        const text = '{"a":[1,-0,1.5e3,"\\u00e9\\ud83d\\ude00\\n"],"b":{"__proto__":1,"2":true},"c":null}';
        const v = JSON.parse(text);
        const r = JSON.parse('[1,[2,{"x":3}]]', (k, v) => typeof v === 'number' ? v * 10 : v);
        const cyc = {}; cyc.self = cyc;
        let cycle; try { JSON.stringify(cyc); } catch (e) { cycle = e.name; }
        let lone = JSON.stringify('\ud800');
        export const out = {
            same: JSON.stringify(v), negzero: Object.is(v.a[1], -0), revived: JSON.stringify(r), cycle, lone,
            pretty: JSON.stringify({a: [1, {}], b: undefined, c() {}, d: new Date(0), e: NaN, f: []}, null, 2),
            allow: JSON.stringify({a: 1, b: {a: 2, c: 3}}, ['a', 'b']),
            undef: JSON.stringify(undefined) === undefined, arr: JSON.stringify([undefined, () => 1, Symbol('x')]),
            wrapped: JSON.stringify([new Number(3), new String('s'), new Boolean(false)]),
            proto: Object.getPrototypeOf(v.b) === Object.prototype,
        };
    "#);
    assert_eq!(v["same"], "{\"a\":[1,0,1500,\"é😀\\n\"],\"b\":{\"2\":true,\"__proto__\":1},\"c\":null}");
    assert_eq!(v["negzero"], true);
    assert_eq!(v["revived"], "[10,[20,{\"x\":30}]]");
    assert_eq!(v["cycle"], "TypeError");
    assert_eq!(v["lone"], "\"\\ud800\"");
    assert_eq!(
        v["pretty"],
        "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"d\": \"1970-01-01T00:00:00.000Z\",\n  \"e\": null,\n  \"f\": []\n}"
    );
    assert_eq!(v["allow"], "{\"a\":1,\"b\":{\"a\":2}}");
    assert_eq!(v["undef"], true);
    assert_eq!(v["arr"], "[null,null,null]");
    assert_eq!(v["wrapped"], "[3,\"s\",false]");
    assert_eq!(v["proto"], true);
}

#[test]
fn json_errors_say_where() {
    let v = out(r#"
        const bad = ['{"a":}', '[1,]', '', 'tru', '"\\x"', '01', '1 2', '{"a":1', "{'a':1}", '"a\nb"', '-', '1.'];
        export const out = bad.map((t) => { try { JSON.parse(t); return 'parsed'; } catch (e) { return e.name + ': ' + e.message; } });
    "#);
    for item in v.as_array().unwrap() {
        assert!(item.as_str().unwrap().starts_with("SyntaxError: Unexpected "), "{item}");
    }
    assert_eq!(v[0], "SyntaxError: Unexpected token '}' in JSON at position 5 (line 1 column 6)");
    assert_eq!(v[2], "SyntaxError: Unexpected end of JSON input");
}

#[test]
fn deep_json_neither_overflows_nor_leaks_into_a_crash() {
    let v = out(r#"
        const n = 100000;
        const deep = JSON.parse('['.repeat(n) + ']'.repeat(n));
        let name; try { JSON.stringify(deep); } catch (e) { name = e.name; }
        export const out = { array: Array.isArray(deep), name };
    "#);
    assert_eq!(v, json!({"array": true, "name": "RangeError"}));
}

#[test]
fn timers_and_promises_run_in_order() {
    let v = out(r#"
        const log = [];
        const wait = (ms) => new Promise((r) => setTimeout(r, ms));
        setTimeout((x) => log.push('t20' + x), 20, '!');
        const id = setInterval(() => { log.push('i'); if (log.filter((l) => l === 'i').length === 3) clearInterval(id); }, 3);
        const gone = setTimeout(() => log.push('never'), 1); clearTimeout(gone);
        Promise.resolve().then(() => log.push('micro'));
        log.push('sync');
        await wait(40);
        log.push('end');
        export const out = log;
    "#);
    assert_eq!(v, json!(["sync", "micro", "i", "i", "i", "t20!", "end"]));
}

#[test]
fn errors_have_a_stack_with_header_and_user_lines() {
    let v = out(
        "function inner() { return null.x; }\nlet stack = '';\ntry {\n  inner();\n} catch (e) { stack = e.stack; }\nexport const out = { stack, fresh: new Error('boo').stack.split('\\n')[0] };\n",
    );
    let stack = v["stack"].as_str().unwrap();
    assert!(stack.starts_with("TypeError: "), "{stack}");
    assert!(stack.contains("at inner (file://") && stack.contains("test.js:1:"), "{stack}");
    assert_eq!(v["fresh"], "Error: boo");
}

#[test]
fn an_exception_of_the_init_context_shows_message_stack_and_source() {
    let text = failure("const a = 1;\nfunction go() {\n  throw new RangeError('too much');\n}\ngo();\n");
    assert!(text.starts_with("RangeError: too much\n\tat go (file://"), "{text}");
    assert!(text.contains("test.js:3:") && text.contains("> 3 |   throw new RangeError('too much');"), "{text}");
    assert!(failure("throw 'plain text';").starts_with("Uncaught plain text"), "{}", failure("throw 'plain text';"));
    let undefined = failure("const o = {};\no.a.b();\nexport {};\n");
    assert!(undefined.contains("null or undefined") && undefined.contains("test.js:2:"), "{undefined}");
}

#[test]
fn typescript_errors_are_on_original_lines() {
    let error = failure_of(&[(
        "test.ts",
        "interface A {\n  x: number;\n}\nenum Color { Red, Green }\nfunction f(a: A): void {\n  throw new Error('c' + Color.Green + a.x);\n}\nf({ x: 1 });\nexport {};\n",
    )]);
    assert!(error.starts_with("Error: c11\n\tat f (file://"), "{error}");
    assert!(error.contains("test.ts:6:"), "{error}");
}

#[test]
fn endless_recursion_is_a_range_error() {
    let text = failure("function f() { return f() + 1; }\nf();\n");
    assert!(text.starts_with("RangeError: Maximum call stack size exceeded"), "{text}");
}

#[test]
fn modules_json_cycles_and_dynamic_import() {
    let v = out_of(&[
        (
            "main.js",
            "import { b } from './b.js';\nimport data from './d.json';\nexport const a = 'a';\nexport const out = [b(), data.x, (await import('k6')).sleep.name, import.meta.url.slice(0, 7)];\n",
        ),
        ("b.js", "import { a } from './main.js';\nexport const b = () => typeof a;\n"),
        ("d.json", "{\"x\": [1]}"),
    ]);
    assert_eq!(v, json!(["string", [1], "sleep", "file://"]));
}

#[test]
fn environment_and_seeded_random() {
    let v = out("export const out = [__ENV.NAME, __VU, typeof __ITER, Math.random(), Math.random() < 1];");
    assert_eq!(v[0], "value");
    assert_eq!(v[1], 0);
    assert_eq!(v[2], "undefined");
    assert_eq!(v[3], out("export const out = [Math.random()];")[0], "the same seed gives the same numbers");
}

#[test]
fn open_reads_beside_the_script() {
    let v = out_of(&[
        ("main.js", "export const out = [open('./d.txt'), new Uint8Array(open('d.txt', 'b')).length];"),
        ("d.txt", "héllo"),
    ]);
    assert_eq!(v, json!(["héllo", 6]));
    assert!(
        failure("open('nope.txt');").contains("open('nope.txt'): No such file"),
        "{}",
        failure("open('nope.txt');")
    );
}

#[test]
fn encoding_and_crypto_match_published_vectors() {
    let v = out(r#"
        import encoding from 'k6/encoding';
        import crypto, { hmac, createHash } from 'k6/crypto';
        const h = createHash('sha256'); h.update('hello '); h.update('world');
        export const out = {
            b64: encoding.b64encode('hello world'), raw: encoding.b64encode('hello', 'rawstd'), url: encoding.b64encode('\u00ff\u00fe>', 'rawurl'),
            back: encoding.b64decode('aGVsbG8gd29ybGQ=', 'std', 's'), bytes: encoding.b64decode('AQID').byteLength,
            md5: crypto.md5('hello world', 'hex'), md4: crypto.md4('', 'hex'), sha1: crypto.sha1('hello world', 'hex'),
            sha256: crypto.sha256('hello world', 'base64'), streamed: h.digest('hex'),
            ripemd160: crypto.ripemd160('', 'hex'), s512_256: crypto.sha512_256('', 'hex'),
            hmac: hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog', 'hex'),
            random: crypto.randomBytes(8).byteLength, hex: crypto.hexEncode('ab'),
            bad: (() => { try { crypto.sha256('x', 'nope'); } catch (e) { return e.message; } })(),
        };
    "#);
    assert_eq!(v["b64"], "aGVsbG8gd29ybGQ=");
    assert_eq!(v["raw"], "aGVsbG8");
    assert_eq!(v["url"], "w7_Dvj4");
    assert_eq!(v["back"], "hello world");
    assert_eq!(v["bytes"], 3);
    assert_eq!(v["md5"], "5eb63bbbe01eeed093cb22bb8f5acdc3");
    assert_eq!(v["md4"], "31d6cfe0d16ae931b73c59d7e0c089c0");
    assert_eq!(v["sha1"], "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed");
    assert_eq!(v["sha256"], "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=");
    assert_eq!(v["streamed"], "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    assert_eq!(v["ripemd160"], "9c1185a5c5e9fc54612808977ee8f548b2258d31");
    assert_eq!(v["s512_256"], "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a");
    assert_eq!(v["hmac"], "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    assert_eq!(v["hex"], "6162");
    assert!(v["bad"].as_str().unwrap().contains("known: hex, base64"));
}

#[test]
fn shared_array_behaves_like_an_array_and_is_immutable() {
    let v = out(r#"
        import { SharedArray } from 'k6/data';
        let calls = 0;
        const a = new SharedArray('users', () => { calls++; return [{ n: 'x' }, { n: 'y' }, 3]; });
        const again = new SharedArray('users', () => { calls++; return [0]; });
        a[0].n = 'changed';
        const err = (f) => { try { f(); return 'no error'; } catch (e) { return e.constructor.name; } };
        export const out = {
            length: a.length, first: a[0].n, is: Array.isArray(a), map: a.map((e) => e.n || e), of: [...a].length,
            missing: a[9] === undefined, calls, again: again.length, set: err(() => { 'use strict'; a[0] = 1; }), push: err(() => a.push(1)),
            json: JSON.stringify(a), has: 1 in a && !(5 in a), find: a.find((e) => e === 3), slice: a.slice(1).length,
            bad: err(() => new SharedArray('bad', () => 5)), keys: Object.keys(a).join(),
        };
    "#);
    assert_eq!(
        v,
        json!({"length": 3, "first": "x", "is": true, "map": ["x", "y", 3], "of": 3, "missing": true, "calls": 1, "again": 3,
               "set": "TypeError", "push": "TypeError", "json": "[{\"n\":\"x\"},{\"n\":\"y\"},3]", "has": true, "find": 3,
               "slice": 2, "bad": "TypeError", "keys": "0,1,2"})
    );
}

#[test]
fn metrics_are_made_in_init_with_valid_names() {
    let v = out(r#"
        import { Counter, Trend, Rate, Gauge } from 'k6/metrics';
        const c = new Counter('my_counter'); const t = new Trend('my_trend', true); new Rate('my_rate'); new Gauge('my_gauge');
        const err = (f) => { try { f(); return 'no error'; } catch (e) { return e.message; } };
        export const out = [c.name, c instanceof Counter, err(() => new Counter('a')), err(() => new Trend('my_counter')), typeof Rate.prototype.add, err(() => c.add(1))];
    "#);
    assert_eq!(v[0], "my_counter");
    assert_eq!(v[1], true);
    assert!(v[2].as_str().unwrap().contains("invalid metric name"));
    assert!(v[3].as_str().unwrap().contains("already exists"));
    assert!(v[5].as_str().unwrap().contains("init context"));
}

#[test]
fn async_arrows_can_be_the_default_export() {
    let v = out(
        "import { sleep } from 'k6';\nexport const out = [typeof sleep];\nexport default async () => { await 1; };\n",
    );
    assert_eq!(v, json!(["function"]));
}

#[test]
fn deep_values_and_deep_source_are_range_errors_not_crashes() {
    let v = out(r#"
        let deep = []; for (let i = 0; i < 100000; i++) deep = [deep];
        const err = (f) => { try { return 'value ' + f(); } catch (e) { return e.name; } };
        export const out = {
            string: err(() => String(deep)), parsed: err(() => `${JSON.parse('['.repeat(50000) + ']'.repeat(50000))}`),
            flat: err(() => deep.flat(Infinity)), source: err(() => new Function('return ' + '('.repeat(3000) + '1' + ')'.repeat(3000))),
            evaluated: err(() => (0, eval)('['.repeat(3000) + ']'.repeat(3000))),
            ok: [String([1, [2, [3]]]), [1, [2, [[3]]]].flat(Infinity).join('-'), new Function('a', 'return (a + 1)')(1)],
        };
    "#);
    for name in ["string", "parsed", "flat", "source", "evaluated"] {
        assert_eq!(v[name], "RangeError", "{name}: {v}");
    }
    assert_eq!(v["ok"], json!(["1,2,3", "1-2-3", 2]));
}

#[test]
fn a_deep_value_that_is_thrown_is_reported() {
    let text = failure("let a = []; for (let i = 0; i < 100000; i++) a = [a];\nthrow a;");
    assert!(text.starts_with("Uncaught "), "{text}");
}
