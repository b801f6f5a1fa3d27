//! CommonJS: `require`, `module.exports`, and what ES modules see of it. JSON files are modules of this kind too.
//!
//! A CommonJS module is the body of a function (see `script::COMMONJS_WRAPPER`) that runs once per context, when it is first
//! asked for. An ES module imports it by way of a synthetic module.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use boa_engine::builtins::promise::PromiseState;
use boa_engine::module::{Module, SyntheticModule, SyntheticModuleInitializer};
use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::{Attribute, PropertyDescriptor};
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, NativeFunction, Script, Source, js_string};

use super::convert::{arg, error, text, type_error};
use super::host::{Phase, host};
use super::loader::{Loader, loader, running_module, syntax_error};
use crate::script::links::NAMESPACE;
use crate::script::{ModuleKind, ModuleSource};

/// What has run, and what is running.
#[derive(Default)]
pub(super) struct Cache {
    /// The `module` object of each CommonJS module, from the moment it starts to run; for JSON an object with the value.
    modules: RefCell<HashMap<String, JsObject>>,
    /// Modules whose code is on the stack: CommonJS ones, and ES modules that were required.
    running: RefCell<Vec<String>>,
}

/// The global `require`, for ES modules; CommonJS modules get one of their own.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    let require = require_function(JsString::default(), context);
    context.register_global_property(js_string!("require"), require, Attribute::all())
}

/// `require` for the module `from`; for whichever module is running when that is empty.
fn require_function(from: JsString, context: &mut Context) -> JsObject {
    let native = NativeFunction::from_copy_closure_with_captures(require, from);
    FunctionObjectBuilder::new(context.realm(), native)
        .name(js_string!("require"))
        .length(1)
        .constructor(false)
        .build()
        .into()
}

fn require(_: &JsValue, args: &[JsValue], from: &JsString, context: &mut Context) -> JsResult<JsValue> {
    let argument = arg(args, 0);
    let Some(specifier) = argument.as_string().map(|s| text(&s)) else {
        return Err(type_error(format!(
            "require() needs the path of a module, not a value of type {}",
            argument.type_of()
        )));
    };
    if host(context).phase.get() != Phase::Init {
        return Err(error(format!(
            "require('{specifier}') can only be used in the init context: call it at the top level of the script and keep the result"
        )));
    }
    if specifier.is_empty() {
        return Err(error("require() needs the path of a module, not an empty string"));
    }
    let from = if from.is_empty() { running_module(context).unwrap_or_default() } else { text(from) };
    let loader = loader(context);
    let id = loader
        .script
        .require(&specifier, &from)
        .map_err(|reason| error(format!("require('{specifier}'): {reason}")))?;
    loader.exports(&id, &specifier, &from, context)
}

/// The synthetic module through which ES modules see a CommonJS or JSON module.
pub(super) fn module(source: &ModuleSource, context: &mut Context) -> Module {
    let mut names: Vec<JsString> = source.exports.names.iter().map(|n| JsString::from(n.as_str())).collect();
    for name in [js_string!("default"), JsString::from(NAMESPACE)] {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let init =
        SyntheticModuleInitializer::from_copy_closure_with_captures(evaluate, JsString::from(source.url.as_ref()));
    Module::synthetic(&names, init, None, None, context)
}

fn evaluate(module: &SyntheticModule, id: &JsString, context: &mut Context) -> JsResult<()> {
    let (loader, id) = (loader(context), text(id));
    let value = loader.exports(&id, &id, &id, context)?;
    let Some(source) = loader.script.module(&id) else { return Ok(()) };
    let names = source.exports.names.iter().map(String::as_str).filter(|n| *n != "default" && *n != NAMESPACE);
    let object = value.as_object();
    for name in names {
        let value = match &object {
            Some(object) => object.get(JsString::from(name), context)?,
            None => JsValue::undefined(),
        };
        module.set_export(&JsString::from(name), value)?;
    }
    let default = default_of(&value, context)?;
    if source.exports.names.iter().any(|n| n == NAMESPACE) {
        let space = namespace(&value, &default, context)?;
        module.set_export(&JsString::from(NAMESPACE), space)?;
    }
    module.set_export(&js_string!("default"), default)
}

/// What `import x from` gives: the export `default` if there is one, else all of `module.exports`.
pub(super) fn default_of(exports: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    match exports.as_object() {
        Some(object) if object.has_property(js_string!("default"), context)? => {
            object.get(js_string!("default"), context)
        }
        _ => Ok(exports.clone()),
    }
}

/// What `import * as x from` gives: the properties of `module.exports`, and `default`.
fn namespace(exports: &JsValue, default: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let prototype = exports.as_object();
    let space = JsObject::from_proto_and_data(prototype.clone(), boa_engine::builtins::object::OrdinaryObject);
    if let Some(object) = &prototype {
        for key in object.own_property_keys(context)? {
            // Getters are copied as such: bundlers make exports lazy with them. Properties of functions are not exports.
            let own = object.borrow().properties().get(&key);
            if let Some(descriptor) = own.filter(|d| d.enumerable() == Some(true)) {
                space.define_property_or_throw(key, descriptor, context)?;
            }
        }
    }
    let own = PropertyDescriptor::builder().value(default.clone()).writable(true).enumerable(true).configurable(true);
    space.define_property_or_throw(js_string!("default"), own, context)?;
    Ok(space.into())
}

impl Loader {
    /// What `require` gives for a module; runs it when it is asked for the first time.
    pub(super) fn exports(&self, id: &str, specifier: &str, from: &str, context: &mut Context) -> JsResult<JsValue> {
        let Some(source) = self.script.module(id) else { return Ok(self.builtin(id, context)?.into()) };
        if source.kind == ModuleKind::Esm {
            return self.require_es_module(id, specifier, from, context);
        }
        let known = self.commonjs.modules.borrow().get(id).cloned();
        if let Some(module) = known {
            return module.get(js_string!("exports"), context);
        }
        let module = JsObject::with_object_proto(context.intrinsics());
        let exports = match source.kind {
            ModuleKind::Json => super::json_parse::parse_utf8(&source.code, context)?,
            _ => JsObject::with_object_proto(context.intrinsics()).into(),
        };
        module.create_data_property_or_throw(js_string!("exports"), exports, context)?;
        self.commonjs.modules.borrow_mut().insert(id.to_owned(), module.clone());
        if source.kind == ModuleKind::CommonJs {
            self.commonjs.running.borrow_mut().push(id.to_owned());
            let result = run(&source, &module, context);
            self.commonjs.running.borrow_mut().pop();
            if let Err(error) = result {
                self.commonjs.modules.borrow_mut().remove(id);
                return Err(error);
            }
        }
        let exports = module.get(js_string!("exports"), context)?;
        if exports.is_null() && source.kind == ModuleKind::CommonJs {
            return Err(type_error(format!("module.exports of '{specifier}' is null: a module must export something")));
        }
        Ok(exports)
    }

    /// The namespace of an ES module that CommonJS (or a computed path) asks for.
    fn require_es_module(&self, id: &str, specifier: &str, from: &str, context: &mut Context) -> JsResult<JsValue> {
        let waiting = self.waiting_for(from);
        let module = self.get(id, context)?;
        if waiting.contains(id) {
            // It runs already, and waits for the module that asks: its exports fill in later.
            return Ok(module.namespace(context).into());
        }
        if self.static_closure(id).iter().any(|m| waiting.contains(m)) {
            return Err(error(format!(
                "require('{specifier}'): that ES module imports one that is running now and waits for this file; break the cycle, or use import in both"
            )));
        }
        let event_loop = std::rc::Rc::clone(&host(context).event_loop);
        event_loop.settle_apart(|context| module.load(context), context)?;
        module.link(context)?;
        self.commonjs.running.borrow_mut().push(id.to_owned());
        let evaluated = module.evaluate(context);
        self.commonjs.running.borrow_mut().pop();
        let evaluated = evaluated?;
        match evaluated.state() {
            PromiseState::Fulfilled(_) => Ok(module.namespace(context).into()),
            PromiseState::Rejected(reason) => {
                event_loop.forget_rejection(&evaluated.into());
                Err(boa_engine::JsError::from_opaque(reason))
            }
            PromiseState::Pending => Err(error(format!(
                "require('{specifier}'): an ES module with a top-level await cannot be required; import it"
            ))),
        }
    }

    /// All ES modules a module imports statically, itself included.
    fn static_closure(&self, id: &str) -> HashSet<String> {
        let (mut seen, mut queue) = (HashSet::new(), vec![id.to_owned()]);
        while let Some(id) = queue.pop() {
            if let Some(module) = self.script.module(&id).filter(|m| m.kind == ModuleKind::Esm)
                && seen.insert(id)
            {
                queue.extend(module.imports.values().map(ToString::to_string));
            }
        }
        seen
    }

    /// The ES modules that may be in the middle of running: those in this context that import, directly or not, a module on the
    /// stack.
    fn waiting_for(&self, from: &str) -> HashSet<String> {
        let modules = self.script.modules();
        let mut waiting: HashSet<String> = self.commonjs.running.borrow().iter().cloned().collect();
        waiting.insert(from.to_owned());
        loop {
            let before = waiting.len();
            for module in modules.iter().filter(|m| m.kind == ModuleKind::Esm) {
                if module.imports.values().any(|target| waiting.contains(target.as_ref())) {
                    waiting.insert(module.url.to_string());
                }
            }
            if waiting.len() == before {
                // What was never loaded here has not begun to run.
                waiting.retain(|id| self.is_loaded(id));
                return waiting;
            }
        }
    }
}

/// Runs the code of a CommonJS module.
fn run(source: &Arc<ModuleSource>, module: &JsObject, context: &mut Context) -> JsResult<()> {
    let path = source.url.to_string();
    let text = Source::from_bytes(source.code.as_bytes()).with_path(Path::new(&path));
    let script = Script::parse(text, None, context).map_err(|e| syntax_error(&e, source))?;
    let outer = script.evaluate(context)?;
    let not_wrapped = || error(format!("'{path}' cannot be run as a CommonJS module"));
    let require = require_function(JsString::from(path.as_str()), context);
    let undefined = JsValue::undefined();
    let body = outer.as_callable().ok_or_else(not_wrapped)?.call(&undefined, &[require.into()], context)?;
    let exports = module.get(js_string!("exports"), context)?;
    let args = [module.clone().into(), exports.clone()];
    body.as_callable().ok_or_else(not_wrapped)?.call(&exports, &args, context).map(|_| ())
}
