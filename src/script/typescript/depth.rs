//! How much native stack the engine's recursive parser and compiler need for a text, from its syntax tree.
//!
//! What is written flat costs little: `a + b + c`, `x.a().b()`, `else if` and the like take 0.2 to 5 KB per link. What stands in
//! brackets costs the parser a descent through all its levels of precedence, 30 to 40 KB. A VU's thread gets a stack to match.

use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_ast::ast::{
    BinaryExpression, CallExpression, ComputedMemberExpression, LogicalExpression, NewExpression, Program,
    SequenceExpression,
};
use oxc_ast_visit::Visit;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::{GetSpan, SourceType};

use super::{SyntaxError, on_large_stack};

/// Deepest nesting of brackets that reaches the parsers at all; oxc itself recurses on a large stack.
const MAX_BRACKETS: usize = 10_000;

/// Most stack a module may need. It is only address space until it is used; every VU uses it once.
const MAX_STACK: usize = 256 << 20;

/// Most stack for code that is compiled at run time, with whatever else is on the stack of a VU already.
const MAX_SNIPPET_STACK: usize = 8 << 20;

/// Most functions in functions: what the engine notes about each grows with the number of those around it.
const MAX_FUNCTIONS: usize = 500;

/// Levels that any code may have: fewer than this never need a closer look.
const HARMLESS_LEVELS: usize = 190;

/// Bytes of stack for a program.
///
/// # Errors
/// More than there can be.
pub(super) fn stack_need(program: &Program<'_>) -> Result<usize, SyntaxError> {
    let mut depth = Depth::default();
    depth.visit_program(program);
    if let Some(offset) = depth.too_many_functions {
        return Err(SyntaxError {
            message: format!("more than {MAX_FUNCTIONS} functions stand in one another"),
            ..too_deep(offset)
        });
    }
    if depth.deepest > MAX_STACK { Err(too_deep(depth.at)) } else { Ok(depth.deepest) }
}

/// Offset of the first bracket that is nested too deeply for any parser.
pub(super) fn brackets_too_deep(source: &str) -> Option<usize> {
    brackets_deeper_than(source, MAX_BRACKETS)
}

/// What is wrong with code that is compiled at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nested too deeply for the stack of a VU.
    TooDeep,
    /// Not JavaScript, and long enough that the engine's parser might not survive finding out.
    Syntax(String),
}

/// Checks code for `eval` and `new Function`, which reaches the engine's parser without [`super::compile`]. Short code is let
/// through, and so is code this parser does not understand as long as it cannot be deep.
///
/// # Errors
/// Why the engine must not see it.
pub fn check_snippet(source: &str) -> Result<(), Refused> {
    // Every level takes a character at least.
    let levels = source.bytes().filter(|b| b"([{!~+-*/%&|^<>=?:,.`".contains(b)).count() + words_that_nest(source);
    if levels <= HARMLESS_LEVELS {
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
        let need = stack_need(&parsed.program).unwrap_or(usize::MAX);
        if need > MAX_SNIPPET_STACK { Err(Refused::TooDeep) } else { Ok(()) }
    };
    on_large_stack(check).unwrap_or(Err(Refused::TooDeep))
}

/// How often words occur that make a level of their own.
fn words_that_nest(source: &str) -> usize {
    const WORDS: [&str; 13] =
        ["typeof", "void", "delete", "new", "await", "yield", "if", "else", "for", "while", "do", "with", "in"];
    let words = source.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
    words.filter(|word| WORDS.contains(word)).count() + source.matches(':').count()
}

pub(super) fn too_deep(offset: usize) -> SyntaxError {
    SyntaxError {
        message: "the code is nested too deeply (more than some thousand levels)".to_owned(),
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

/// A link of a chain that parsers walk in a loop, and a tree of it that is walked later (measured: 230 to 490 bytes).
const LINK: usize = 300;
/// The right side of an operator, an operand, a branch (measured: 1 to 4 KB).
const STEP: usize = 4_000;
/// A statement in a statement, an arrow function, a function declaration (measured: 3 to 7 KB).
const STATEMENT: usize = 8_000;
/// Whatever makes the parser start again at the lowest precedence (measured: 29 to 40 KB).
const DESCENT: usize = 42_000;

/// Measures the stack along the deepest path.
#[derive(Default)]
struct Depth {
    now: usize,
    deepest: usize,
    at: usize,
    functions: usize,
    too_many_functions: Option<usize>,
}

fn cost(kind: &AstKind<'_>) -> usize {
    match kind {
        AstKind::BinaryExpression(_)
        | AstKind::LogicalExpression(_)
        | AstKind::CallExpression(_)
        | AstKind::ChainExpression(_)
        | AstKind::StaticMemberExpression(_)
        | AstKind::PrivateFieldExpression(_)
        | AstKind::ComputedMemberExpression(_)
        | AstKind::TaggedTemplateExpression(_)
        | AstKind::IdentifierReference(_)
        | AstKind::IdentifierName(_)
        | AstKind::BindingIdentifier(_)
        | AstKind::StringLiteral(_)
        | AstKind::NumericLiteral(_)
        | AstKind::ClassBody(_)
        | AstKind::FunctionBody(_)
        | AstKind::SwitchCase(_)
        | AstKind::Program(_)
        | AstKind::ExpressionStatement(_) => LINK,
        AstKind::ParenthesizedExpression(_)
        | AstKind::ArrayExpression(_)
        | AstKind::ObjectExpression(_)
        | AstKind::Class(_)
        | AstKind::ArrayAssignmentTarget(_)
        | AstKind::ObjectAssignmentTarget(_)
        | AstKind::FormalParameters(_)
        | AstKind::TemplateLiteral(_)
        | AstKind::ImportExpression(_) => DESCENT,
        AstKind::Function(function) => {
            if function.is_declaration() {
                STATEMENT
            } else {
                DESCENT
            }
        }
        AstKind::ArrayPattern(_)
        | AstKind::ObjectPattern(_)
        | AstKind::BlockStatement(_)
        | AstKind::IfStatement(_)
        | AstKind::ForStatement(_)
        | AstKind::ForInStatement(_)
        | AstKind::ForOfStatement(_)
        | AstKind::WhileStatement(_)
        | AstKind::DoWhileStatement(_)
        | AstKind::WithStatement(_)
        | AstKind::SwitchStatement(_)
        | AstKind::TryStatement(_)
        | AstKind::LabeledStatement(_)
        | AstKind::ArrowFunctionExpression(_) => STATEMENT,
        _ => STEP,
    }
}

fn is_function(kind: &AstKind<'_>) -> bool {
    matches!(kind, AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) | AstKind::Class(_))
}

impl Depth {
    fn enter(&mut self, bytes: usize, at: u32) {
        self.now += bytes;
        if self.now > self.deepest {
            self.deepest = self.now;
            self.at = at as usize;
        }
    }

    fn within(&mut self, bytes: usize, at: u32, walk: impl FnOnce(&mut Self)) {
        self.enter(bytes, at);
        walk(self);
        self.now -= bytes;
    }
}

impl<'a> Visit<'a> for Depth {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        self.enter(cost(&kind), kind.span().start);
        if is_function(&kind) {
            self.functions += 1;
            if self.functions > MAX_FUNCTIONS && self.too_many_functions.is_none() {
                self.too_many_functions = Some(kind.span().start as usize);
            }
        }
    }

    fn leave_node(&mut self, kind: AstKind<'a>) {
        self.now -= cost(&kind);
        self.functions -= usize::from(is_function(&kind));
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        self.within(LINK, it.span.start, |depth| {
            depth.visit_expression(&it.callee);
            depth.within(DESCENT, it.span.start, |depth| depth.visit_arguments(&it.arguments));
        });
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        self.within(STEP, it.span.start, |depth| {
            depth.visit_expression(&it.callee);
            depth.within(DESCENT, it.span.start, |depth| depth.visit_arguments(&it.arguments));
        });
    }

    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        self.within(LINK, it.span.start, |depth| {
            depth.visit_expression(&it.object);
            depth.within(DESCENT, it.span.start, |depth| depth.visit_expression(&it.expression));
        });
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        self.within(LINK, it.span.start, |depth| {
            depth.visit_expression(&it.left);
            depth.within(STEP, it.span.start, |depth| depth.visit_expression(&it.right));
        });
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        self.within(LINK, it.span.start, |depth| {
            depth.visit_expression(&it.left);
            depth.within(STEP, it.span.start, |depth| depth.visit_expression(&it.right));
        });
    }

    /// The engine keeps `a, b, c` as a chain.
    fn visit_sequence_expression(&mut self, it: &SequenceExpression<'a>) {
        const PART: usize = 1_100;
        self.within(PART * it.expressions.len(), it.span.start, |depth| {
            for expression in &it.expressions {
                depth.visit_expression(expression);
            }
        });
    }
}
