//! What a module asks of others and gives to them: imports, `require` calls, exports, by walking its syntax tree.

use oxc_ast::ast::{
    ArrowFunctionExpression, AssignmentExpression, AssignmentTarget, AwaitExpression, CallExpression, Expression,
    ForOfStatement, Function, ImportExpression, ObjectPropertyKind, Program, StringLiteral, VariableDeclaration,
    VariableDeclarationKind,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::Span;
use oxc_syntax::module_record::{ExportExportName, ExportImportName, ImportImportName, ModuleRecord};
use oxc_syntax::scope::ScopeFlags;

use super::SyntaxError;
use crate::script::links::{Exports, How, Import, ImportedName, Namespace};

/// The static imports and re-exports of an ES module, one per specifier, in order.
pub(super) fn imports(record: &ModuleRecord<'_>) -> Vec<Import> {
    let mut all: Vec<Import> = record
        .requested_modules
        .iter()
        .filter_map(|(name, uses)| {
            let first = uses.iter().find(|r| !r.is_type)?;
            Some(import(name.as_str(), first.span, How::Static))
        })
        .collect();
    all.sort_by_key(|i| i.offset);
    all
}

fn import(specifier: &str, span: Span, how: How) -> Import {
    Import { specifier: specifier.to_owned(), offset: span.start as usize, length: span.size() as usize, how }
}

/// Every name an ES module takes from another one.
pub(super) fn imported_names(record: &ModuleRecord<'_>) -> Vec<ImportedName> {
    let name = |specifier: &str, name: &str, span: Span| ImportedName {
        specifier: specifier.to_owned(),
        name: name.to_owned(),
        offset: span.start as usize,
        length: span.size() as usize,
    };
    let imports = record.import_entries.iter().filter(|e| !e.is_type).filter_map(|e| {
        let from = e.module_request.name.as_str();
        match &e.import_name {
            ImportImportName::Name(n) => Some(name(from, n.name.as_str(), n.span)),
            ImportImportName::Default(span) => Some(name(from, "default", *span)),
            ImportImportName::NamespaceObject => None,
        }
    });
    let exports = record.indirect_export_entries.iter().filter(|e| !e.is_type).filter_map(|e| {
        match (&e.module_request, &e.import_name) {
            (Some(from), ExportImportName::Name(n)) => Some(name(from.name.as_str(), n.name.as_str(), n.span)),
            _ => None,
        }
    });
    imports.chain(exports).collect()
}

/// Where `* as name` stands in `code`, for imports and re-exports of whole modules.
pub(super) fn namespaces(record: &ModuleRecord<'_>, code: &str) -> Vec<Namespace> {
    let place = |specifier: &str, statement: Span, name: Span, local: &str| {
        let start = statement.start as usize;
        let star = code.get(start..name.start as usize)?.rfind('*')? + start;
        Some(Namespace { specifier: specifier.to_owned(), range: star..name.end as usize, local: local.to_owned() })
    };
    let imports = record.import_entries.iter().filter_map(|e| match e.import_name {
        ImportImportName::NamespaceObject if !e.is_type => place(
            e.module_request.name.as_str(),
            e.statement_span,
            e.local_name.span,
            code.get(e.local_name.span.start as usize..e.local_name.span.end as usize)?,
        ),
        _ => None,
    });
    let exports = record.indirect_export_entries.iter().filter_map(|e| match (&e.module_request, &e.export_name) {
        (Some(from), ExportExportName::Name(n)) if e.import_name.is_all() && !e.is_type => {
            place(from.name.as_str(), e.statement_span, n.span, code.get(n.span.start as usize..n.span.end as usize)?)
        }
        _ => None,
    });
    imports.chain(exports).collect()
}

/// What an ES module exports.
pub(super) fn exports(record: &ModuleRecord<'_>) -> Exports {
    let mut out = Exports::default();
    for entry in record.local_export_entries.iter().chain(record.indirect_export_entries.iter()) {
        match &entry.export_name {
            _ if entry.is_type => {}
            ExportExportName::Name(n) => out.names.push(n.name.to_string()),
            ExportExportName::Default(_) => out.names.push("default".to_owned()),
            ExportExportName::Null => {}
        }
    }
    for entry in record.star_export_entries.iter().filter(|e| !e.is_type) {
        if let Some(from) = &entry.module_request {
            out.stars.push(from.name.to_string());
        }
    }
    out
}

/// What the parser knows and the engine does not: accepted by it, and wrong or worse when it runs.
pub(super) fn unsupported(program: &Program<'_>) -> Vec<SyntaxError> {
    struct Walker(Vec<SyntaxError>);
    impl<'a> Visit<'a> for Walker {
        fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
            if matches!(it.kind, VariableDeclarationKind::Using | VariableDeclarationKind::AwaitUsing) {
                self.0.push(SyntaxError {
                    message: "`using` declarations are not supported".to_owned(),
                    offset: it.span.start as usize,
                    length: "using".len(),
                    help: Some("declare it with const, and dispose of it in a `finally` block".to_owned()),
                });
            }
            walk::walk_variable_declaration(self, it);
        }
    }
    let mut walker = Walker(Vec::new());
    walker.visit_program(program);
    walker.0
}

/// What the walk finds.
#[derive(Default)]
pub(super) struct Scan {
    /// `require('x')` and `import('x')`.
    pub(super) imports: Vec<Import>,
    /// Names assigned to CommonJS's `exports`, as far as they can be seen.
    pub(super) exported: Vec<String>,
    /// Whether `await` stands outside all functions.
    pub(super) top_level_await: bool,
    functions: u32,
}

impl Scan {
    pub(super) fn of(program: &Program<'_>) -> Self {
        let mut scan = Self::default();
        scan.visit_program(program);
        scan
    }

    fn export_object(&mut self, value: &Expression<'_>) {
        if let Expression::ObjectExpression(object) = value {
            for property in &object.properties {
                if let ObjectPropertyKind::ObjectProperty(p) = property
                    && let Some(name) = p.key.static_name()
                {
                    self.exported.push(name.to_string());
                }
            }
        }
    }
}

fn literal<'a>(argument: &'a Expression<'a>) -> Option<&'a StringLiteral<'a>> {
    match argument {
        Expression::StringLiteral(text) => Some(text),
        _ => None,
    }
}

/// Whether an expression is `exports` or `module.exports`.
fn is_exports(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::Identifier(name) => name.name == "exports",
        Expression::StaticMemberExpression(member) => {
            member.property.name == "exports"
                && matches!(&member.object, Expression::Identifier(name) if name.name == "module")
        }
        _ => false,
    }
}

impl<'a> Visit<'a> for Scan {
    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        let first = call.arguments.first().and_then(|a| a.as_expression()).and_then(literal);
        match (&call.callee, first) {
            (Expression::Identifier(name), Some(text)) if name.name == "require" && call.arguments.len() == 1 => {
                self.imports.push(import(text.value.as_str(), text.span, How::Require));
            }
            _ => {}
        }
        if let Expression::StaticMemberExpression(callee) = &call.callee
            && callee.property.name == "defineProperty"
            && let [target, key, ..] = call.arguments.as_slice()
            && target.as_expression().is_some_and(is_exports)
            && let Some(key) = key.as_expression().and_then(literal)
        {
            self.exported.push(key.value.to_string());
        }
        walk::walk_call_expression(self, call);
    }

    fn visit_import_expression(&mut self, call: &ImportExpression<'a>) {
        if let Some(text) = literal(&call.source) {
            self.imports.push(import(text.value.as_str(), text.span, How::Dynamic));
        }
        walk::walk_import_expression(self, call);
    }

    fn visit_assignment_expression(&mut self, assignment: &AssignmentExpression<'a>) {
        if let AssignmentTarget::StaticMemberExpression(member) = &assignment.left {
            if is_exports(&member.object) {
                self.exported.push(member.property.name.to_string());
            }
            let whole = member.property.name == "exports"
                && matches!(&member.object, Expression::Identifier(name) if name.name == "module");
            if whole {
                self.export_object(&assignment.right);
            }
        }
        walk::walk_assignment_expression(self, assignment);
    }

    fn visit_await_expression(&mut self, it: &AwaitExpression<'a>) {
        self.top_level_await |= self.functions == 0;
        walk::walk_await_expression(self, it);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.top_level_await |= it.r#await && self.functions == 0;
        walk::walk_for_of_statement(self, it);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.functions += 1;
        walk::walk_arrow_function_expression(self, it);
        self.functions -= 1;
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.functions += 1;
        walk::walk_function(self, it, flags);
        self.functions -= 1;
    }
}
