//! Gives the engine modules: from the loaded script, from our built-in list, or JSON. Nothing is read from disk here.
//!
//! One `Loader` per context, reached with [`loader`]: each module is made and run once per VU. CommonJS is in `commonjs`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use boa_engine::module::{Module, ModuleLoader, ModuleRequest, Referrer, SyntheticModuleInitializer};
use boa_engine::{
    Context, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction, Source, js_string,
};

use super::commonjs;
use super::convert::{self, arg, text, to_text};
use super::host::{Phase, host};
use super::modules;
use crate::script::code_frame::{code_frame, line_column};
use crate::script::links::missing_name;
use crate::script::resolve::Location;
use crate::script::{ModuleKind, ModuleSource, Script};

/// The module loader of one context.
pub(crate) struct Loader {
    pub(super) script: Arc<Script>,
    loaded: RefCell<HashMap<String, Module>>,
    builtins: RefCell<HashMap<&'static str, JsObject>>,
    pub(super) commonjs: commonjs::Cache,
}

/// The handle kept in the context.
struct LoaderData(Rc<Loader>);

/// Ties a loader to its context.
pub(crate) fn install(loader: Rc<Loader>, context: &mut Context) {
    context.insert_data(LoaderData(loader));
}

/// The loader of this context.
pub(crate) fn loader(context: &Context) -> Rc<Loader> {
    Rc::clone(&context.get_data::<LoaderData>().expect("every context has a loader").0)
}

/// URL of the module whose code is running.
pub(crate) fn running_module(context: &Context) -> Option<String> {
    let referrer = Referrer::from(context.get_active_script_or_module()?);
    referrer.path().map(|p| p.to_string_lossy().into_owned())
}

impl Loader {
    pub(crate) fn new(script: Arc<Script>) -> Self {
        Self { script, loaded: RefCell::default(), builtins: RefCell::default(), commonjs: commonjs::Cache::default() }
    }

    /// The module with this URL or built-in name; parsed on first use.
    pub(crate) fn get(&self, id: &str, context: &mut Context) -> JsResult<Module> {
        if let Some(module) = self.loaded.borrow().get(id) {
            return Ok(module.clone());
        }
        let module = match self.script.module(id) {
            Some(source) => match source.kind {
                ModuleKind::Esm => {
                    let path = source.url.to_string();
                    let text = Source::from_bytes(source.code.as_bytes()).with_path(Path::new(&path));
                    Module::parse(text, None, context).map_err(|e| syntax_error(&e, &source))?
                }
                ModuleKind::CommonJs | ModuleKind::Json => commonjs::module(&source, context),
            },
            None => {
                let api = self.builtin(id, context)?;
                builtin_module(api, self.wanted_from(id), context)?
            }
        };
        self.loaded.borrow_mut().insert(id.to_owned(), module.clone());
        Ok(module)
    }

    /// Whether the ES module, or what ES modules see of another one, exists in this context.
    pub(super) fn is_loaded(&self, id: &str) -> bool {
        self.loaded.borrow().contains_key(id)
    }

    /// The object of a built-in module: one per context, whoever asks for it under whichever name.
    pub(super) fn builtin(&self, name: &str, context: &mut Context) -> JsResult<JsObject> {
        let Some(def) = modules::find(name) else {
            return Err(JsNativeError::error()
                .with_message(format!("unknown module '{name}'; known: {}", modules::names().join(", ")))
                .into());
        };
        if let Some(api) = self.builtins.borrow().get(def.paths[0]) {
            return Ok(api.clone());
        }
        let api = (def.build)(context)?;
        self.builtins.borrow_mut().insert(def.paths[0], api.clone());
        Ok(api)
    }

    /// Warns of names that built-in modules do not export. The script runs all the same, as in k6: such a name is null, and
    /// published scripts import some that they never use.
    ///
    /// # Errors
    /// Whatever building a module throws.
    pub(crate) fn warn_of_unknown_names(&self, context: &mut Context) -> JsResult<()> {
        // Once per run, not once per VU.
        if host(context).vu_id != 0 {
            return Ok(());
        }
        for module in self.script.modules() {
            for wanted in &module.names {
                let Some(target) = module.imports.get(&wanted.specifier) else { continue };
                if wanted.name == "default" || self.script.module(target).is_some() {
                    continue;
                }
                let api = self.builtin(target, context)?;
                if api.has_own_property(JsString::from(wanted.name.as_str()), context)? {
                    continue;
                }
                let names: Vec<String> = convert::entries(&api, context)?.into_iter().map(|(name, _)| name).collect();
                let (message, hint) = missing_name(&wanted.name, target, &names);
                let (line, column) = line_column(&module.original, wanted.offset);
                tracing::warn!("{message} ({}:{line}:{column}); {hint}; it is null here", Location::of(&module.url));
            }
        }
        Ok(())
    }

    /// What the script imports from a built-in module by name, whether the module has it or not.
    fn wanted_from(&self, id: &str) -> Vec<JsString> {
        let modules = self.script.modules();
        let wanted = modules.iter().flat_map(|module| {
            module
                .names
                .iter()
                .filter(|wanted| module.imports.get(&wanted.specifier).is_some_and(|target| &**target == id))
        });
        wanted.map(|wanted| JsString::from(wanted.name.as_str())).collect()
    }
}

/// What the engine's parser refuses although the syntax is valid: said with the place and the source lines.
pub(super) fn syntax_error(error: &JsError, source: &ModuleSource) -> JsError {
    let message = error.as_native().map_or_else(|| error.to_string(), |n| n.message().to_string());
    let place = message.rsplit_once(" at line ").and_then(|(what, place)| {
        let (line, column) = place.split_once(", col ")?;
        Some((
            what.to_owned(),
            line.parse::<u32>().ok()?,
            column.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok()?,
        ))
    });
    let text = match place {
        Some((what, line, column)) => {
            let (line, column) = source.original_position(line, column);
            let frame = code_frame(&source.original, line, column, 1);
            format!("{what} (this engine cannot parse it)\n    at {}:{line}:{column}\n\n{frame}", source.url)
        }
        None => format!("{message} (in {})", source.url),
    };
    JsNativeError::syntax().with_message(text).into()
}

/// A built-in module: its object is the default export, its properties are the named exports. Names that are `wanted` and
/// that it does not have are null.
fn builtin_module(api: JsObject, wanted: Vec<JsString>, context: &mut Context) -> JsResult<Module> {
    let mut names: Vec<JsString> = Vec::new();
    for (key, _) in convert::entries(&api, context)? {
        names.push(JsString::from(key));
    }
    let mut unknown: Vec<JsString> = Vec::new();
    for name in wanted {
        if name != js_string!("default") && !names.contains(&name) {
            names.push(name.clone());
            unknown.push(name);
        }
    }
    if !names.contains(&js_string!("default")) {
        names.push(js_string!("default"));
    }
    let init = SyntheticModuleInitializer::from_copy_closure_with_captures(
        |module, (api, unknown): &(JsObject, Vec<JsString>), context| {
            let mut has_default = false;
            for name in unknown {
                module.set_export(name, JsValue::null())?;
            }
            for (key, value) in convert::entries(api, context)? {
                // Added by the script before the module was first imported.
                if module.set_export(&JsString::from(key.as_str()), value).is_ok() {
                    has_default |= key == "default";
                }
            }
            if !has_default {
                module.set_export(&js_string!("default"), api.clone().into())?;
            }
            Ok(())
        },
        (api, unknown),
    );
    Ok(Module::synthetic(&names, init, None, None, context))
}

/// `import.meta.resolve(specifier)`: the URL (or built-in name) a specifier stands for.
fn resolve(_: &JsValue, args: &[JsValue], from: &JsString, context: &mut Context) -> JsResult<JsValue> {
    let specifier = to_text(&arg(args, 0), context)?;
    let target = loader(context).script.resolve(&specifier, &text(from)).map_err(convert::error)?;
    Ok(convert::string(&target))
}

impl ModuleLoader for Loader {
    async fn load_imported_module(
        self: Rc<Self>,
        referrer: Referrer,
        request: ModuleRequest,
        context: &RefCell<&mut Context>,
    ) -> JsResult<Module> {
        let specifier = text(request.specifier());
        let from = referrer.path().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        let importer = self.script.module(&from);
        let known = importer.as_ref().and_then(|m| m.imports.get(&specifier).cloned());
        let context = &mut context.borrow_mut();
        let id = match known {
            Some(id) => id,
            None if host(context).phase.get() == Phase::Init => {
                self.script.require(&specifier, &from).map_err(convert::error)?
            }
            None => {
                let missing = importer.as_ref().and_then(|m| m.missing.get(&specifier));
                let reason =
                    missing.map_or("a path that is computed can only be imported in the init context", String::as_str);
                return Err(convert::error(format!("import('{specifier}'): {reason}")));
            }
        };
        self.get(&id, context)
    }

    fn init_import_meta(self: Rc<Self>, import_meta: &JsObject, module: &Module, context: &mut Context) {
        if let Some(path) = module.path() {
            let url = path.to_string_lossy();
            convert::define(import_meta, "url", convert::string(&url));
            let native = NativeFunction::from_copy_closure_with_captures(resolve, JsString::from(url.as_ref()));
            let function = boa_engine::object::FunctionObjectBuilder::new(context.realm(), native)
                .name(js_string!("resolve"))
                .length(1)
                .build();
            convert::define(import_meta, "resolve", function);
        }
    }
}
