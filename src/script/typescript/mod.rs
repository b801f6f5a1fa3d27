//! The only room that knows oxc: checks the syntax of a module, tells ES modules from CommonJS, measures how deeply it is
//! nested, lists what it imports and exports, and strips TypeScript down to JavaScript with a position map.
//!
//! Called by `load` once per module, never by a VU. It runs on a thread with a large stack, because the parsers are
//! recursive and a hostile source must end in an error, not in a crash.

mod depth;
mod params;
mod scan;

use std::ops::Range;
use std::path::Path;

use oxc_allocator::Allocator;
use oxc_ast::ast::{ExportDefaultDeclarationKind, Program, Statement};
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_semantic::SemanticBuilder;
use oxc_span::{GetSpan, SourceType};
use oxc_transformer::{TransformOptions, Transformer};

pub use depth::{Refused, check_snippet};

use self::scan::Scan;
use super::ModuleKind;
use super::code_frame::{line_column, offset_of};
use super::links::{Exports, Import, ImportedName, Namespace};
use super::source_map::{LineMap, Mapping};

/// Stack of the thread the parser runs on.
const STACK_BYTES: usize = 512 << 20;

/// A change to a text: the bytes at the range become the string.
pub type Edit = (Range<usize>, String);

/// A module ready for the engine.
#[derive(Debug)]
pub struct Compiled {
    /// ES module or CommonJS.
    pub kind: ModuleKind,
    /// Plain JavaScript, before [`Compiled::edits`].
    pub code: String,
    /// From `code` to the source; None when `code` is the source unchanged.
    pub map: Option<LineMap>,
    /// What has to be changed in `code` for the engine's sake.
    pub edits: Vec<Edit>,
    /// Imports of all kinds: static ones first, in order.
    pub imports: Vec<Import>,
    /// Names taken from other modules.
    pub names: Vec<ImportedName>,
    /// Imports and re-exports of whole modules.
    pub namespaces: Vec<Namespace>,
    /// What it exports; for CommonJS what can be seen without running it.
    pub exports: Exports,
    /// Bytes of native stack that parsing and compiling it takes.
    pub stack: usize,
}

/// One problem in a source text.
#[derive(Debug)]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Byte offset in the source, if known.
    pub offset: usize,
    /// Length in bytes.
    pub length: usize,
    /// How to mend it, if known.
    pub help: Option<String>,
}

/// Checks and compiles one module. `path` is only used for messages; `typescript` strips types.
///
/// # Errors
/// Every syntax error found.
pub fn compile(source: &str, path: &str, typescript: bool) -> Result<Compiled, Vec<SyntaxError>> {
    let failed = |what: &str| vec![SyntaxError { message: what.to_owned(), offset: 0, length: 0, help: None }];
    on_large_stack(|| compile_here(source, path, typescript))
        .unwrap_or_else(|| Err(failed("the parser failed on this file")))
}

/// Runs work of the recursive parsers; None when it panicked, or no thread could be started.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("parse".to_owned()).stack_size(STACK_BYTES);
        builder.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

fn parse<'a>(allocator: &'a Allocator, source: &'a str, kind: SourceType) -> ParserReturn<'a> {
    // A CommonJS module is the body of a function.
    let options = ParseOptions { allow_return_outside_function: !kind.is_module(), ..ParseOptions::default() };
    Parser::new(allocator, source, kind).with_options(options).parse()
}

fn is_sound(parsed: &ParserReturn<'_>) -> bool {
    !parsed.panicked && parsed.diagnostics.is_empty()
}

fn compile_here(source: &str, path: &str, typescript: bool) -> Result<Compiled, Vec<SyntaxError>> {
    if let Some(offset) = depth::brackets_too_deep(source) {
        return Err(vec![depth::too_deep(offset)]);
    }
    let allocator = Allocator::default();
    let mut parsed = parse(&allocator, source, if typescript { SourceType::ts() } else { SourceType::mjs() });
    if !is_sound(&parsed) && !parsed.module_record.has_module_syntax {
        // Sloppy code, or a `return` outside of functions.
        parsed =
            parse(&allocator, source, if typescript { SourceType::ts().with_script(true) } else { SourceType::cjs() });
    }
    if !is_sound(&parsed) {
        return Err(parsed.diagnostics.iter().map(syntax_error).collect());
    }
    let stack = depth::stack_need(&parsed.program).map_err(|e| vec![e])?;
    let unsupported = scan::unsupported(&parsed.program);
    if !unsupported.is_empty() {
        return Err(unsupported);
    }
    if !typescript {
        return Ok(describe(source.to_owned(), &parsed, stack));
    }
    let mut program = parsed.program;
    let semantic = SemanticBuilder::new().with_enum_eval(true).build(&program);
    if !semantic.diagnostics.is_empty() {
        return Err(semantic.diagnostics.iter().map(syntax_error).collect());
    }
    let scoping = semantic.semantic.into_scoping();
    let options = TransformOptions::default();
    let transformed = Transformer::new(&allocator, Path::new(path), &options).build_with_scoping(scoping, &mut program);
    if !transformed.diagnostics.is_empty() {
        return Err(transformed.diagnostics.iter().map(syntax_error).collect());
    }
    let printed = Codegen::new()
        .with_options(CodegenOptions { source_map_path: Some(path.into()), ..CodegenOptions::default() })
        .build(&program);
    let mappings = printed.map.iter().flat_map(|map| {
        map.get_tokens().map(|t| Mapping {
            line: t.get_dst_line(),
            column: t.get_dst_col(),
            source_line: t.get_src_line(),
            source_column: t.get_src_col(),
        })
    });
    let map = LineMap::new(mappings.collect());
    let code = printed.code;
    // Type-only imports are gone from the output: list what the engine will really ask for.
    let allocator = Allocator::default();
    let mut again = parse(&allocator, &code, SourceType::mjs());
    if !is_sound(&again) && !again.module_record.has_module_syntax {
        again = parse(&allocator, &code, SourceType::cjs());
    }
    let mut compiled = describe(code.clone(), &again, stack);
    let imports = compiled.imports.iter_mut().map(|i| &mut i.offset);
    for offset in imports.chain(compiled.names.iter_mut().map(|n| &mut n.offset)) {
        *offset = original_offset(*offset, &code, source, &map);
    }
    compiled.map = Some(map);
    Ok(compiled)
}

/// A byte offset in `code` as one in `source`.
fn original_offset(offset: usize, code: &str, source: &str, map: &LineMap) -> usize {
    let (line, column) = line_column(code, offset);
    let (line, column) = map.lookup(line, column);
    offset_of(source, line, column)
}

/// What a parsed JavaScript text is made of.
fn describe(code: String, parsed: &ParserReturn<'_>, stack: usize) -> Compiled {
    let scan = Scan::of(&parsed.program);
    let record = &parsed.module_record;
    let is_module = record.has_module_syntax || scan.top_level_await;
    let mut imports = scan::imports(record);
    imports.extend(scan.imports);
    let exports = if is_module { scan::exports(record) } else { Exports { names: scan.exported, stars: Vec::new() } };
    Compiled {
        kind: if is_module { ModuleKind::Esm } else { ModuleKind::CommonJs },
        edits: engine_edits(&code, &parsed.program),
        names: scan::imported_names(record),
        namespaces: scan::namespaces(record, &code),
        code,
        map: None,
        imports,
        exports,
        stack,
    }
}

/// What has to be changed for the engine's parser.
fn engine_edits(code: &str, program: &Program<'_>) -> Vec<Edit> {
    let mut edits = bracket_async_default(code, program);
    edits.extend(params::edits(program));
    // It wants a semicolon after a list of exports that ends the file.
    if let Some(Statement::ExportNamedDeclaration(last)) = program.body.last()
        && !code[..last.span.end as usize].ends_with(';')
    {
        let end = last.span.end as usize;
        edits.push((end..end, ";".to_owned()));
    }
    edits
}

/// Puts the arrow function of `export default async () => ...` in brackets: the engine's parser expects `function` after those
/// words. The opening one takes the place of the space before it, so that positions stay right.
fn bracket_async_default(code: &str, program: &Program<'_>) -> Vec<Edit> {
    let arrow = program.body.iter().find_map(|statement| match statement {
        Statement::ExportDefaultDeclaration(export) => match &export.declaration {
            ExportDefaultDeclarationKind::ArrowFunctionExpression(arrow) if arrow.r#async => Some(arrow.span()),
            _ => None,
        },
        _ => None,
    });
    let Some(span) = arrow else { return Vec::new() };
    let (start, end) = (span.start as usize, span.end as usize);
    let space = matches!(code.as_bytes().get(start - 1), Some(b' ' | b'\t'));
    vec![(if space { start - 1 } else { start }..start, "(".to_owned()), (end..end, ")".to_owned())]
}

/// Applies edits, which must not overlap.
pub fn apply(mut code: String, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, text) in edits {
        code.replace_range(range, &text);
    }
    code
}

fn syntax_error(diagnostic: &OxcDiagnostic) -> SyntaxError {
    let label = diagnostic.labels.first();
    SyntaxError {
        message: diagnostic.message.to_string(),
        offset: label.map_or(0, |l| l.offset() as usize),
        length: label.map_or(0, |l| l.len() as usize),
        help: diagnostic.help.as_ref().map(ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::links::How;

    #[test]
    fn what_the_engine_cannot_parse_is_rewritten() {
        for (source, typescript, code) in [
            ("export default async () => { f(); };", false, "export default(async () => { f(); });"),
            ("export default/**/async x => x\nlet y;", false, "export default/**/(async x => x)\nlet y;"),
            ("export default async (x: number) => x;", true, "export default(async (x) => x);\n"),
            ("export default async function () {}", false, "export default async function () {}"),
            ("export default () => async () => {};", false, "export default () => async () => {};"),
            ("export { a } // end", false, "export { a }; // end"),
            ("export { a }; export { b as c };", false, "export { a }; export { b as c };"),
        ] {
            let out = compile(source, "t.ts", typescript).unwrap();
            assert_eq!(apply(out.code, out.edits), code);
        }
    }

    #[test]
    fn strips_types_enums_and_type_imports() {
        let source = "import type { A } from './a.ts';\nimport { b } from './b.ts';\nenum E { X = 1 << 2 }\nexport default function (x: number): number { return (x as any) + b + E.X; }\n";
        let out = compile(source, "t.ts", true).unwrap();
        assert!(!out.code.contains(": number") && !out.code.contains("enum "), "{}", out.code);
        assert_eq!(out.imports.iter().map(|i| i.specifier.as_str()).collect::<Vec<_>>(), ["./b.ts"]);
        assert!(out.imports[0].offset > 30, "position in the source: {}", out.imports[0].offset);
        let line = out.code.lines().position(|l| l.contains("+ b")).unwrap() as u32 + 1;
        assert_eq!(out.map.unwrap().lookup(line, 2).0, 4);
    }

    #[test]
    fn reports_position_of_a_syntax_error() {
        let errors = compile("let a = 1;\nlet b = ;\n", "t.js", false).unwrap_err();
        assert_eq!(errors[0].offset, 19, "{errors:?}");
    }

    #[test]
    fn nesting_without_end_is_an_error_and_flat_code_is_not() {
        for n in [8_000, 200_000] {
            let deep = format!("export default {}1{}", "(".repeat(n), ")".repeat(n));
            let errors = compile(&deep, "t.js", false).unwrap_err();
            assert!(errors[0].message.contains("nested too deeply"), "{n}: {errors:?}");
        }
        for (before, after) in [("function f() {", "}"), ("(() => {", "})()"), ("(class { a = ", "})")] {
            let deep = format!("{}1{}", before.repeat(600), after.repeat(600));
            let errors = compile(&deep, "t.js", false).unwrap_err();
            assert!(errors[0].message.contains("functions stand in one another"), "{errors:?}");
        }
        let need = |source: &str| compile(source, "t.js", false).unwrap().stack >> 20;
        // In MB: what is flat stays far below the ordinary stack of a VU.
        for flat in [
            format!("export const s = {}'z';", "'a' + ".repeat(10_000)),
            format!("x{};", ".a().b".repeat(2_000)),
            format!("if (x) {{}} {}", "else if (y) { f(); }".repeat(400)),
            format!("x = {}1;", "a ? b : ".repeat(400)),
            format!("x = {}1;", "f(a), ".repeat(2_000)),
            format!("x = [{}];", "f(g(1)), ".repeat(1_000)),
        ] {
            assert!(need(&flat) <= 4, "{} MB for {}...", need(&flat), &flat[..40]);
        }
        for call in ["f(", "import("] {
            let nested = format!("x = {}1{}", call.repeat(1_000), ")".repeat(1_000));
            assert!((20..100).contains(&need(&nested)), "{call} {}", need(&nested));
        }
    }

    #[test]
    fn tells_es_modules_from_commonjs() {
        for (source, typescript, kind) in [
            ("import 'k6';", false, ModuleKind::Esm),
            ("export {};", false, ModuleKind::Esm),
            ("await 1;", false, ModuleKind::Esm),
            ("for await (const x of []) {}", false, ModuleKind::Esm),
            ("async function f() { await 1; } (async () => await 1)();", false, ModuleKind::CommonJs),
            ("", false, ModuleKind::CommonJs),
            ("with (Math) { exports.x = max(1, 2); }", false, ModuleKind::CommonJs),
            ("if (1) return; exports.x = 010;", false, ModuleKind::CommonJs),
            ("const x: number = 1; module.exports = x;", true, ModuleKind::CommonJs),
            ("import x = require('./a'); export = x;", true, ModuleKind::CommonJs),
            ("import type { A } from './a.ts'; export type B = A;", true, ModuleKind::Esm),
        ] {
            let out = compile(source, "t.ts", typescript).unwrap_or_else(|e| panic!("{source}: {e:?}"));
            assert_eq!(out.kind, kind, "{source}\n{}", out.code);
        }
        assert!(compile("let let = 1; )", "t.js", false).is_err());
    }

    #[test]
    fn lists_what_modules_ask_of_each_other() {
        let source = "import d, { a as b } from './x';\nimport * as n from './y';\nexport { c } from './z';\nexport * as m from './y';\nexport * from './w';\nexport const e = require('./q'), f = () => import('./p');\nexport default 1;\n";
        let out = compile(source, "t.js", false).unwrap();
        let imports: Vec<(&str, How)> = out.imports.iter().map(|i| (i.specifier.as_str(), i.how)).collect();
        let stat = How::Static;
        let expected =
            [("./x", stat), ("./y", stat), ("./z", stat), ("./w", stat), ("./q", How::Require), ("./p", How::Dynamic)];
        assert_eq!(imports, expected);
        let names: Vec<(&str, &str)> = out.names.iter().map(|n| (n.specifier.as_str(), n.name.as_str())).collect();
        assert_eq!(names, [("./x", "default"), ("./x", "a"), ("./z", "c")]);
        assert_eq!(&source[out.names[1].offset..][..out.names[1].length], "a");
        let spaces: Vec<&str> = out.namespaces.iter().map(|n| &source[n.range.clone()]).collect();
        assert_eq!(spaces, ["* as n", "* as m"]);
        let mut exported = out.exports.names.clone();
        exported.sort_unstable();
        assert_eq!(
            (exported, out.exports.stars),
            (["c", "default", "e", "f", "m"].map(String::from).to_vec(), vec!["./w".to_owned()])
        );
        let cjs = "exports.a = 1; module.exports.b = 2; Object.defineProperty(exports, 'c', {}); module.exports = { d: 1, e };";
        assert_eq!(compile(cjs, "t.js", false).unwrap().exports.names, ["a", "b", "c", "d", "e"]);
    }
}
