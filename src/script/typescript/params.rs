//! `var` declarations that name a parameter again, in functions whose parameters have defaults. The engine forgets to give such a
//! variable the parameter's value; as an assignment to the parameter it means the same.

use oxc_ast::ast::{
    ArrowFunctionBody, ArrowFunctionExpression, BindingPattern, FormalParameters, Function, FunctionBody, Program,
    VariableDeclaration, VariableDeclarationKind,
};
use oxc_ast_visit::{Visit, walk};
use oxc_syntax::scope::ScopeFlags;

use super::Edit;

/// The changes a program needs.
pub(super) fn edits(program: &Program<'_>) -> Vec<Edit> {
    let mut walker = Walker::default();
    walker.visit_program(program);
    walker.edits
}

#[derive(Default)]
struct Walker {
    edits: Vec<Edit>,
    /// The functions around, innermost last; None where nothing has to be changed.
    around: Vec<Option<Around>>,
}

struct Around {
    parameters: Vec<String>,
    /// Other variables of declarations that were made assignments: declared at the beginning of the body.
    declare: Vec<String>,
}

impl Walker {
    fn enter(&mut self, params: &FormalParameters<'_>) {
        let mut names = Names::default();
        names.visit_formal_parameters(params);
        let has_default = params.items.iter().any(|item| item.initializer.is_some()) || names.defaults;
        self.around.push(has_default.then(|| Around { parameters: names.names, declare: Vec::new() }));
    }

    fn leave(&mut self, body: Option<&FunctionBody<'_>>) {
        let Some(Some(around)) = self.around.pop() else { return };
        if let Some(body) = body
            && !around.declare.is_empty()
        {
            let at = body.directives.last().map_or(body.span.start + 1, |d| d.span.end) as usize;
            self.edits.push((at..at, format!(";var {};", around.declare.join(","))));
        }
    }

    /// Makes a declaration an assignment when it names a parameter.
    fn declaration(&mut self, it: &VariableDeclaration<'_>) {
        let Some(Some(around)) = self.around.last_mut() else { return };
        if it.kind != VariableDeclarationKind::Var {
            return;
        }
        let mut names = Names::default();
        it.declarations.iter().for_each(|d| names.visit_binding_pattern(&d.id));
        let (again, others): (Vec<_>, Vec<_>) = names.names.into_iter().partition(|n| around.parameters.contains(n));
        // A pattern at the beginning of a statement would be a block.
        let starts_plain =
            it.declarations.first().is_some_and(|d| matches!(d.id, BindingPattern::BindingIdentifier(_)));
        if again.is_empty() || !starts_plain {
            return;
        }
        around.declare.extend(others);
        let start = it.span.start as usize;
        self.edits.push((start..start + "var".len(), "   ".to_owned()));
    }
}

impl<'a> Visit<'a> for Walker {
    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.enter(&it.params);
        walk::walk_function(self, it, flags);
        self.leave(it.body.as_deref());
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.enter(&it.params);
        walk::walk_arrow_function_expression(self, it);
        self.leave(match &it.body {
            ArrowFunctionBody::FunctionBody(body) => Some(body),
            _ => None,
        });
    }

    fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
        self.declaration(it);
        walk::walk_variable_declaration(self, it);
    }
}

/// The names a pattern binds, and whether it has defaults.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    defaults: bool,
}

impl<'a> Visit<'a> for Names {
    fn visit_binding_identifier(&mut self, it: &oxc_ast::ast::BindingIdentifier<'a>) {
        self.names.push(it.name.to_string());
    }

    fn visit_assignment_pattern(&mut self, it: &oxc_ast::ast::AssignmentPattern<'a>) {
        self.defaults = true;
        self.visit_binding_pattern(&it.left);
    }

    // Values of defaults bind nothing here.
    fn visit_expression(&mut self, _: &oxc_ast::ast::Expression<'a>) {}
}

#[cfg(test)]
mod tests {
    use super::super::{apply, compile};

    #[test]
    fn only_parameters_are_assigned() {
        for (source, code) in [
            ("function f(x = 1) { var x; return x }", "function f(x = 1) {     x; return x }"),
            ("const f = (u, p = {}) => { var p = g(p); };", "const f = (u, p = {}) => {     p = g(p); };"),
            ("function f(x = 1) { for (var x = 0; ;) {} }", "function f(x = 1) { for (    x = 0; ;) {} }"),
            ("function f(x = 1) { for (var x of y) {} }", "function f(x = 1) { for (    x of y) {} }"),
            (
                "function f(x = 1) { 'use strict'; var a = 1, x = 2 }",
                "function f(x = 1) { 'use strict';;var a;     a = 1, x = 2 }",
            ),
            ("function f({ a = 1 }) { var a = 2 }", "function f({ a = 1 }) {     a = 2 }"),
            // Nothing to do: no default, another function, another name.
            ("function f(x) { var x = 2 }", "function f(x) { var x = 2 }"),
            (
                "function f(x = 1) { return function () { var x = 2 } }",
                "function f(x = 1) { return function () { var x = 2 } }",
            ),
            ("function f(x = 1) { var y = 2 }", "function f(x = 1) { var y = 2 }"),
            ("function f(x = () => { var z }) { var z = 2 }", "function f(x = () => { var z }) { var z = 2 }"),
        ] {
            let out = compile(source, "t.js", false).unwrap();
            assert_eq!(apply(out.code, out.edits), code);
        }
    }
}
