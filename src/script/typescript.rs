//! The only file that knows oxc: checks the syntax of a module, measures how deeply it is nested, lists its imports and strips
//! TypeScript down to JavaScript with a position map.
//!
//! Called by `load` once per module, never by a VU. It runs on a thread with a large stack, because the parsers are
//! recursive and a hostile source must end in an error, not in a crash.

use std::path::Path;

use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_ast::ast::{ExportDefaultDeclarationKind, Program, Statement};
use oxc_ast_visit::Visit;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::SemanticBuilder;
use oxc_span::{GetSpan, SourceType};
use oxc_transformer::{TransformOptions, Transformer};

use super::source_map::{LineMap, Mapping};

/// Stack of the thread the parser runs on.
const STACK_BYTES: usize = 512 << 20;

/// Deepest nesting of brackets that reaches the parsers at all; oxc itself recurses on the stack above.
const MAX_BRACKETS: usize = 10_000;

/// Deepest syntax tree a VU's engine is given. Its parser takes up to 28 KB of native stack per level.
pub const MAX_DEPTH: u32 = 250;

/// A module ready for the engine.
#[derive(Debug)]
pub struct Compiled {
    /// Plain JavaScript.
    pub code: String,
    /// From `code` to the source; None when `code` is the source unchanged.
    pub map: Option<LineMap>,
    /// Static imports and re-exports, in order.
    pub imports: Vec<Import>,
    /// Whether the text has `import` or `export` at all.
    pub has_module_syntax: bool,
}

/// One static import.
#[derive(Debug)]
pub struct Import {
    /// The specifier as written.
    pub specifier: String,
    /// Byte offset in the source.
    pub offset: usize,
    /// Length in bytes.
    pub length: usize,
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
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name("parse".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || compile_here(source, path, typescript));
        let panicked = |what: &str| vec![SyntaxError { message: what.to_owned(), offset: 0, length: 0, help: None }];
        match worker {
            Ok(handle) => handle.join().unwrap_or_else(|_| Err(panicked("the parser failed on this file"))),
            Err(e) => Err(panicked(&format!("cannot start the parser's thread: {e}"))),
        }
    })
}

/// What is wrong with code that is compiled at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nested beyond [`MAX_DEPTH`].
    TooDeep,
    /// Not JavaScript, and long enough that the engine's parser might not survive finding out.
    Syntax(String),
}

/// Checks code for `eval` and `new Function`, which reaches the engine's parser without [`compile`]. Short code is let through,
/// and so is code this parser does not understand as long as it cannot be deep.
///
/// # Errors
/// Why the engine must not see it.
pub fn check_snippet(source: &str) -> Result<(), Refused> {
    // Every level takes a character at least.
    let levels = source.bytes().filter(|b| b"([{!~+-*/%&|^<>=?:,.`".contains(b)).count() + words_that_nest(source);
    if levels <= MAX_DEPTH as usize {
        return Ok(());
    }
    if brackets_deeper_than(source, MAX_BRACKETS).is_some() {
        return Err(Refused::TooDeep);
    }
    let check = || {
        let allocator = Allocator::default();
        let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
        let parsed = Parser::new(&allocator, source, SourceType::cjs()).with_options(options).parse();
        if parsed.panicked || !parsed.diagnostics.is_empty() {
            let what = parsed.diagnostics.first().map_or_else(|| "invalid code".to_owned(), |d| d.message.to_string());
            return Err(Refused::Syntax(what));
        }
        let mut depth = Depth::default();
        depth.visit_program(&parsed.program);
        if depth.deepest > MAX_DEPTH * SCALE { Err(Refused::TooDeep) } else { Ok(()) }
    };
    std::thread::scope(|scope| {
        let worker =
            std::thread::Builder::new().name("parse".to_owned()).stack_size(STACK_BYTES).spawn_scoped(scope, check);
        worker.map_or(Err(Refused::TooDeep), |handle| handle.join().unwrap_or(Err(Refused::TooDeep)))
    })
}

/// How often words occur that make a level of their own.
fn words_that_nest(source: &str) -> usize {
    const WORDS: [&str; 13] =
        ["typeof", "void", "delete", "new", "await", "yield", "if", "else", "for", "while", "do", "with", "in"];
    let words = source.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
    words.filter(|word| WORDS.contains(word)).count() + source.matches(':').count()
}

fn compile_here(source: &str, path: &str, typescript: bool) -> Result<Compiled, Vec<SyntaxError>> {
    if let Some(offset) = brackets_deeper_than(source, MAX_BRACKETS) {
        return Err(vec![too_deep(offset)]);
    }
    let allocator = Allocator::default();
    let source_type = if typescript { SourceType::ts() } else { SourceType::mjs() };
    let parsed = Parser::new(&allocator, source, source_type).parse();
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return Err(parsed.diagnostics.iter().map(syntax_error).collect());
    }
    let mut program = parsed.program;
    let mut depth = Depth::default();
    depth.visit_program(&program);
    if depth.deepest > MAX_DEPTH * SCALE {
        return Err(vec![too_deep(depth.at)]);
    }
    let has_module_syntax = parsed.module_record.has_module_syntax;
    if !typescript {
        let mut imports = imports_of(&parsed.module_record);
        imports.sort_by_key(|i| i.offset);
        let code = bracket_async_default(source.to_owned(), &program);
        return Ok(Compiled { code, map: None, imports, has_module_syntax });
    }

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
    let map = printed.map.map(|map| {
        LineMap::new(
            map.get_tokens()
                .map(|t| Mapping {
                    line: t.get_dst_line(),
                    column: t.get_dst_col(),
                    source_line: t.get_src_line(),
                    source_column: t.get_src_col(),
                })
                .collect(),
        )
    });
    // Type-only imports are gone from the output: list what the engine will really ask for.
    let allocator = Allocator::default();
    let again = Parser::new(&allocator, &printed.code, SourceType::mjs()).parse();
    let mut imports = imports_of(&again.module_record);
    for import in &mut imports {
        // The position in the source is that of the specifier's text there.
        if let Some((offset, length)) = parsed
            .module_record
            .requested_modules
            .iter()
            .find(|(name, _)| name.as_str() == import.specifier)
            .and_then(|(_, uses)| uses.first())
            .map(|r| (r.span.start as usize, (r.span.end - r.span.start) as usize))
        {
            (import.offset, import.length) = (offset, length);
        }
    }
    imports.sort_by_key(|i| i.offset);
    let code = bracket_async_default(printed.code.clone(), &again.program);
    Ok(Compiled { code, map, imports, has_module_syntax })
}

/// Puts the arrow function of `export default async () => ...` in brackets: the engine's parser expects `function` after those
/// words. The opening one takes the place of the space before it, so that positions stay right.
fn bracket_async_default(mut code: String, program: &Program<'_>) -> String {
    let arrow = program.body.iter().find_map(|statement| match statement {
        Statement::ExportDefaultDeclaration(export) => match &export.declaration {
            ExportDefaultDeclarationKind::ArrowFunctionExpression(arrow) if arrow.r#async => Some(arrow.span()),
            _ => None,
        },
        _ => None,
    });
    if let Some(span) = arrow {
        let (start, end) = (span.start as usize, span.end as usize);
        code.insert(end, ')');
        match code.as_bytes().get(start - 1) {
            Some(b' ' | b'\t') => code.replace_range(start - 1..start, "("),
            _ => code.insert(start, '('),
        }
    }
    code
}

fn imports_of(record: &oxc_syntax::module_record::ModuleRecord<'_>) -> Vec<Import> {
    record
        .requested_modules
        .iter()
        .filter_map(|(name, uses)| {
            let first = uses.iter().find(|r| !r.is_type)?;
            Some(Import {
                specifier: name.as_str().to_owned(),
                offset: first.span.start as usize,
                length: (first.span.end - first.span.start) as usize,
            })
        })
        .collect()
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

fn too_deep(offset: usize) -> SyntaxError {
    SyntaxError {
        message: format!("the code is nested too deeply (more than {MAX_DEPTH} levels)"),
        offset,
        length: 1,
        help: Some("move inner parts into functions, or data into a JSON file".to_owned()),
    }
}

/// Offset of the first bracket nested deeper than `limit`. Counts brackets wherever they stand, so it can only
/// overestimate; the limit leaves room for that.
fn brackets_deeper_than(source: &str, limit: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in source.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return Some(at);
                }
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Weight of a level that costs the engine's parser a full descent.
const SCALE: u32 = 16;

/// Measures nesting. Chains that parsers walk in a loop (`a + b + c`, `a.b().c()`) weigh a sixteenth.
#[derive(Default)]
struct Depth {
    now: u32,
    deepest: u32,
    at: usize,
}

fn weight(kind: &AstKind<'_>) -> u32 {
    match kind {
        AstKind::BinaryExpression(_)
        | AstKind::LogicalExpression(_)
        | AstKind::CallExpression(_)
        | AstKind::StaticMemberExpression(_)
        | AstKind::ComputedMemberExpression(_)
        | AstKind::ExpressionStatement(_) => 1,
        AstKind::ParenthesizedExpression(_)
        | AstKind::ArrayExpression(_)
        | AstKind::ObjectExpression(_)
        | AstKind::ArrowFunctionExpression(_)
        | AstKind::Function(_)
        | AstKind::UnaryExpression(_)
        | AstKind::ConditionalExpression(_)
        | AstKind::TemplateLiteral(_)
        | AstKind::BlockStatement(_)
        | AstKind::IfStatement(_) => SCALE,
        _ => SCALE / 2,
    }
}

impl<'a> Visit<'a> for Depth {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        self.now += weight(&kind);
        if self.now > self.deepest {
            self.deepest = self.now;
            self.at = oxc_span::GetSpan::span(&kind).start as usize;
        }
    }

    fn leave_node(&mut self, kind: AstKind<'a>) {
        self.now -= weight(&kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_async_arrow_as_default_is_put_in_brackets() {
        for (source, typescript, code) in [
            ("export default async () => { f(); };", false, "export default(async () => { f(); });"),
            ("export default/**/async x => x\nlet y;", false, "export default/**/(async x => x)\nlet y;"),
            ("export default async (x: number) => x;", true, "export default(async (x) => x);\n"),
            ("export default async function () {}", false, "export default async function () {}"),
            ("export default () => async () => {};", false, "export default () => async () => {};"),
        ] {
            assert_eq!(compile(source, "t.ts", typescript).unwrap().code, code);
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
    fn deep_nesting_is_an_error_and_long_chains_are_not() {
        for n in [400, 5_000, 200_000] {
            let deep = format!("export default {}1{}", "(".repeat(n), ")".repeat(n));
            let errors = compile(&deep, "t.js", false).unwrap_err();
            assert!(errors[0].message.contains("nested too deeply"), "{n}: {errors:?}");
        }
        let chain = format!("export const s = {}'z';", "'a' + ".repeat(2000));
        assert!(compile(&chain, "t.js", false).is_ok());
        let ok = format!("export default {}1{}", "[".repeat(60), "]".repeat(60));
        assert!(compile(&ok, "t.js", false).is_ok());
    }
}
