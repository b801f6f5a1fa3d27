//! Gives the engine modules: from the loaded script, from our built-in list, or JSON. Nothing is read from disk here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use boa_engine::module::{Module, ModuleLoader, ModuleRequest, Referrer, SyntheticModuleInitializer};
use boa_engine::{Context, JsError, JsNativeError, JsObject, JsResult, JsString, Source, js_string};

use super::convert::{self, text};
use super::modules;
use crate::script::code_frame::code_frame;
use crate::script::{ModuleKind, ModuleSource, Script};

/// The module loader of one context.
pub(crate) struct Loader {
    script: Arc<Script>,
    loaded: RefCell<HashMap<String, Module>>,
}

impl Loader {
    pub(crate) fn new(script: Arc<Script>) -> Self {
        Self { script, loaded: RefCell::default() }
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
                    Module::parse(text, None, context).map_err(|e| syntax_error(&e, source))?
                }
                ModuleKind::Json => {
                    let value = super::json_parse::parse_utf8(&source.code, context)?;
                    Module::from_value_as_default(value, context)
                }
            },
            None => builtin(id, context)?,
        };
        self.loaded.borrow_mut().insert(id.to_owned(), module.clone());
        Ok(module)
    }
}

/// What the engine's parser refuses although the syntax is valid: said with the place and the source lines.
fn syntax_error(error: &JsError, source: &ModuleSource) -> JsError {
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
            let (line, column) = source.map.as_ref().map_or((line, column), |map| map.lookup(line, column));
            let frame = code_frame(&source.original, line, column, 1);
            format!("{what} (this engine cannot parse it)\n    at {}:{line}:{column}\n\n{frame}", source.url)
        }
        None => format!("{message} (in {})", source.url),
    };
    JsNativeError::syntax().with_message(text).into()
}

/// A built-in module: its object is the default export, its properties are the named exports.
fn builtin(name: &str, context: &mut Context) -> JsResult<Module> {
    let Some(def) = modules::find(name) else {
        return Err(JsNativeError::error()
            .with_message(format!("unknown module '{name}'; known: {}", modules::names().join(", ")))
            .into());
    };
    let api = (def.build)(context)?;
    let mut names: Vec<JsString> = Vec::new();
    for (key, _) in convert::entries(&api, context)? {
        names.push(JsString::from(key));
    }
    if !names.contains(&js_string!("default")) {
        names.push(js_string!("default"));
    }
    let init = SyntheticModuleInitializer::from_copy_closure_with_captures(
        |module, api: &JsObject, context| {
            let mut has_default = false;
            for (key, value) in convert::entries(api, context)? {
                has_default |= key == "default";
                module.set_export(&JsString::from(key), value)?;
            }
            if !has_default {
                module.set_export(&js_string!("default"), api.clone().into())?;
            }
            Ok(())
        },
        api,
    );
    Ok(Module::synthetic(&names, init, None, None, context))
}

impl ModuleLoader for Loader {
    async fn load_imported_module(
        self: Rc<Self>,
        referrer: Referrer,
        request: ModuleRequest,
        context: &RefCell<&mut Context>,
    ) -> JsResult<Module> {
        let specifier = text(request.specifier());
        let id = referrer
            .path()
            .and_then(|p| self.script.module(&p.to_string_lossy()))
            .and_then(|m| m.imports.get(&specifier))
            .map_or(specifier.clone(), ToString::to_string);
        self.get(&id, &mut context.borrow_mut())
    }

    fn init_import_meta(self: Rc<Self>, import_meta: &JsObject, module: &Module, _context: &mut Context) {
        if let Some(path) = module.path() {
            convert::define(import_meta, "url", convert::string(&path.to_string_lossy()));
        }
    }
}
