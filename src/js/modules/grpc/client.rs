//! `grpc.Client`: load, connect, invoke, healthCheck, close.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::{JsArray, JsPromise};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};

use super::emit;
use super::params::{self, Call, INVOKE_TIMEOUT};
use crate::js::convert::{
    arg, define, error, from_json, is_array, length_of, string, to_proto_json, to_text, type_error,
};
use crate::js::host::{Labels, Phase, host};
use crate::net::grpc::metadata::Received;
use crate::net::grpc::{
    CallParams, Channel, Code, DescriptorPool, Descriptors, DynamicMessage, Method, Outcome, Status, error_json,
    framed, health, json_decode, json_encode, reflect, unary,
};
use crate::script::resolve::normalize;

/// What a client knows and where it is connected.
#[derive(Default)]
pub(super) struct State {
    methods: HashMap<String, Arc<Method>>,
    /// Where the types of `Any` are found.
    pools: Arc<Vec<DescriptorPool>>,
    pub(super) channel: Option<Arc<Channel>>,
    pub(super) address: String,
}

impl State {
    fn add(&mut self, found: &Descriptors) {
        self.methods.extend(found.methods.iter().map(|m| (m.path.clone(), Arc::clone(m))));
        // A pool is a handle; the same one comes back on every reconnect with reflection.
        let pools = Arc::make_mut(&mut self.pools);
        if !pools.contains(&found.pool) {
            pools.push(found.pool.clone());
        }
    }

    pub(super) fn pools(&self) -> Arc<Vec<DescriptorPool>> {
        Arc::clone(&self.pools)
    }

    pub(super) fn connected(&self) -> JsResult<Arc<Channel>> {
        self.channel.clone().ok_or_else(|| error("no gRPC connection, you must call connect first"))
    }

    pub(super) fn method(&self, name: &str) -> JsResult<Arc<Method>> {
        if name.is_empty() {
            return Err(error("method to invoke cannot be empty"));
        }
        let path = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        if let Some(method) = self.methods.get(&path) {
            return Ok(Arc::clone(method));
        }
        let known = self.methods.keys().map(String::as_str);
        let hint = match crate::spelling::nearest(&path, known) {
            Some(near) => format!("; did you mean {near:?}?"),
            None if self.methods.is_empty() => {
                "; no methods are known: load() .proto files in the init context, or connect with { reflect: true }"
                    .to_owned()
            }
            None if path.matches('/').count() != 2 => "; write package.Service/Method".to_owned(),
            None => String::new(),
        };
        Err(error(format!("method {path:?} not found in file descriptors{hint}")))
    }
}

/// The class.
#[derive(Trace, Finalize, JsData)]
pub(super) struct Client {
    #[unsafe_ignore_trace]
    state: Rc<RefCell<State>>,
}

impl Class for Client {
    const NAME: &'static str = "Client";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Ok(Self { state: Rc::default() })
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("load"), 1, NativeFunction::from_fn_ptr(load));
        class.method(js_string!("loadProtoset"), 1, NativeFunction::from_fn_ptr(load_protoset));
        class.method(js_string!("connect"), 2, NativeFunction::from_fn_ptr(connect));
        class.method(js_string!("invoke"), 3, NativeFunction::from_fn_ptr(invoke));
        class.method(js_string!("asyncInvoke"), 3, NativeFunction::from_fn_ptr(async_invoke));
        class.method(js_string!("healthCheck"), 1, NativeFunction::from_fn_ptr(health_check));
        class.method(js_string!("close"), 0, NativeFunction::from_fn_ptr(close));
        Ok(())
    }
}

/// The state behind a client object; None for anything else.
pub(super) fn state_of(value: &JsValue) -> Option<Rc<RefCell<State>>> {
    value.as_object().and_then(|o| o.downcast_ref::<Client>().map(|c| Rc::clone(&c.state)))
}

fn state(this: &JsValue) -> JsResult<Rc<RefCell<State>>> {
    state_of(this).ok_or_else(|| type_error("this is not a grpc.Client: call its methods as client.method()"))
}

fn only_in_init(context: &Context, what: &str) -> JsResult<()> {
    if host(context).phase.get() == Phase::Init {
        return Ok(());
    }
    Err(error(format!("{what} must be called in the init context: move it to the top level of the script")))
}

fn load(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state(this)?;
    only_in_init(context, "load")?;
    let host = host(context);
    let dir = &host.shared.script.dir;
    let mut folders: Vec<PathBuf> = Vec::new();
    let paths = arg(args, 0);
    if !paths.is_null_or_undefined() {
        let Some(list) = paths.as_object().filter(|o| is_array(o, context)) else {
            return Err(type_error(
                "load: the import paths must be an array such as ['./protos'], or [] for the script's folder",
            ));
        };
        for i in 0..length_of(&list, context)? {
            let path = list.get(i, context)?;
            let path = to_text(&path, context)?;
            folders.push(normalize(&dir.join(path.strip_prefix("file://").unwrap_or(&path))));
        }
    }
    if folders.is_empty() {
        folders.push(normalize(dir));
    }
    let mut names = Vec::new();
    for name in args.iter().skip(1) {
        names.push(to_text(name, context)?);
    }
    let found = host.shared.protos.sources(&folders, &names).map_err(|why| error(format!("load: {why}")))?;
    state.borrow_mut().add(&found);
    Ok(method_infos(&found, context))
}

fn load_protoset(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state(this)?;
    only_in_init(context, "loadProtoset")?;
    let host = host(context);
    let name = to_text(&arg(args, 0), context)?;
    let path = normalize(&host.shared.script.dir.join(name.strip_prefix("file://").unwrap_or(&name)));
    let bytes =
        std::fs::read(&path).map_err(|why| error(format!("couldn't open protoset: {why} ({})", path.display())))?;
    let found = host.shared.protos.set(&bytes).map_err(|why| {
        error(format!("couldn't unmarshal protoset file {name}: {why} (write it with --include_imports)"))
    })?;
    state.borrow_mut().add(&found);
    Ok(method_infos(&found, context))
}

fn method_infos(found: &Descriptors, context: &mut Context) -> JsValue {
    let infos: Vec<JsValue> = found
        .methods
        .iter()
        .map(|method| {
            let object = JsObject::with_object_proto(context.intrinsics());
            define(&object, "package", string(&method.package));
            define(&object, "service", string(&method.service));
            define(&object, "full_method", string(&method.path));
            object.into()
        })
        .collect();
    JsArray::from_iter(infos, context).into()
}

fn connect(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state(this)?;
    let host = host(context);
    host.not_in_init("connecting to a gRPC server")?;
    let address = to_text(&arg(args, 0), context)?;
    let params = params::connect(address.clone(), &arg(args, 1), context)
        .map_err(|e| prefixed("invalid grpc.connect() parameters", &e))?;
    let client = (*host.client()?).clone();
    // What it was connected to is given up first: a client has one connection.
    state.borrow_mut().channel = None;
    let limit = params.params.timeout;
    let shared = Arc::clone(&host.shared);
    let result = host.block(async move {
        let channel = Channel::connect(client, params.params).await?;
        let found = match params.reflect {
            true => Some(reflect(&channel, &shared.protos, params.reflect_metadata, limit).await?),
            false => None,
        };
        Ok::<_, String>((channel, found))
    })?;
    let (channel, found) = result.map_err(|why| error(format!("grpc: {why}")))?;
    let mut state = state.borrow_mut();
    if let Some(found) = found {
        state.add(&found);
    }
    (state.channel, state.address) = (Some(channel), address);
    Ok(true.into())
}

/// An error with what it is about before its message.
pub(super) fn prefixed(what: &str, inner: &boa_engine::JsError) -> boa_engine::JsError {
    match inner.as_native() {
        Some(native) => error(format!("{what}: {}", native.message())),
        None => inner.clone(),
    }
}

/// A call that is ready to go.
struct Prepared {
    channel: Arc<Channel>,
    method: Arc<Method>,
    request: bytes::Bytes,
    params: CallParams,
    finish: Finish,
}

/// What is needed when it comes back.
struct Finish {
    method: Arc<Method>,
    labels: Labels,
    discard: bool,
    pools: Arc<Vec<DescriptorPool>>,
}

fn prepare(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Prepared> {
    let state = state(this)?;
    let host = host(context);
    host.not_in_init("invoking RPC methods")?;
    let channel = state.borrow().connected()?;
    let name = match arg(args, 0) {
        none if none.is_null_or_undefined() => String::new(),
        name => to_text(&name, context)?,
    };
    let method = state.borrow().method(&name)?;
    let Call { mut params, tags, discard } =
        params::call(&arg(args, 2), context).map_err(|e| prefixed("invalid GRPC's client.invoke() parameters", &e))?;
    params.timeout.get_or_insert(INVOKE_TIMEOUT);
    if arg(args, 1).is_null_or_undefined() {
        return Err(error("request cannot be nil: give an object, {} for an empty message"));
    }
    let pools = state.borrow().pools();
    let message = to_message(&arg(args, 1), &method, &pools, context)?
        .map_err(|why| error(format!("unable to serialise request object to protocol buffer: {why}")))?;
    let labels = emit::labels(&host, &state.borrow().address, &method.path, &tags);
    let finish = Finish { method: Arc::clone(&method), labels, discard, pools };
    Ok(Prepared { channel, method, request: framed(&message), params, finish })
}

/// A script's value as the input of a method.
pub(super) fn to_message(
    value: &JsValue,
    method: &Method,
    pools: &[DescriptorPool],
    context: &mut Context,
) -> JsResult<Result<DynamicMessage, String>> {
    let json = to_proto_json(value, context)?;
    Ok(json_decode::from_json(&json, &method.input, pools))
}

fn invoke(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Prepared { channel, method, request, params, finish } = prepare(this, args, context)?;
    let outcome = host(context).block(async move { unary(&channel, &method.path, request, &params).await })?;
    respond(outcome, finish, context)
}

fn async_invoke(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Prepared { channel, method, request, params, finish } = match prepare(this, args, context) {
        Ok(prepared) => prepared,
        // As in k6, what is wrong with the call comes through the promise.
        Err(why) if crate::js::host::is_interrupted(&why) => return Err(why),
        Err(why) => return Ok(JsPromise::reject(why, context)?.into()),
    };
    let promise = host(context).event_loop.promise(
        async move { unary(&channel, &method.path, request, &params).await },
        move |outcome, context| respond(outcome, finish, context),
        context,
    );
    Ok(promise.into())
}

/// Emits the sample and makes the response: message, error, headers, trailers, status.
fn respond(mut outcome: Outcome, finish: Finish, context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let output = &finish.method.output;
    // As in k6, a failed call has a message too: an empty one.
    let mut message = DynamicMessage::new(output.clone());
    if let (Some(bytes), false) = (&outcome.message, finish.discard) {
        host.count_bytes(2 * bytes.len());
        match DynamicMessage::decode(output.clone(), bytes.clone()) {
            Ok(decoded) => message = decoded,
            Err(why) => outcome.status = undecodable(output.full_name(), &why.to_string()),
        }
    }
    emit::duration(&host, &finish.labels, &outcome);
    let response = JsObject::with_object_proto(context.intrinsics());
    let shown = match finish.discard {
        true => JsValue::null(),
        false => from_json(&json_encode::to_json(&message, &finish.pools), context),
    };
    define(&response, "message", shown);
    let failure = match outcome.status.is_ok() {
        true => JsValue::null(),
        false => from_json(&error_json(&outcome.status, &finish.pools), context),
    };
    define(&response, "error", failure);
    let headers = headers(&outcome.headers, context);
    define(&response, "headers", headers);
    let trailers = self::headers(&outcome.trailers, context);
    define(&response, "trailers", trailers);
    define(&response, "status", outcome.status.code);
    Ok(response.into())
}

/// The status of an answer that is not what its type says.
pub(super) fn undecodable(name: &str, why: &str) -> Status {
    Status::new(Code::Internal, format!("the answer is not a message of type {name}: {why}"))
}

/// Headers as a script sees them: arrays of texts by name.
pub(super) fn headers(received: &Received, context: &mut Context) -> JsValue {
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, values) in received {
        let values: Vec<JsValue> = values.iter().map(|value| string(value)).collect();
        let values = JsArray::from_iter(values, context);
        define(&object, name, values);
    }
    object.into()
}

/// `healthCheck([service])`: `{status}`. Throws when the call fails, as in k6. `message.status` is for scripts written after k6's
/// manual, which describes the answer in that form.
fn health_check(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state(this)?;
    let host = host(context);
    host.not_in_init("checking the health of a gRPC server")?;
    let channel = state.borrow().connected()?;
    let service = match arg(args, 0) {
        none if none.is_null_or_undefined() => String::new(),
        name => to_text(&name, context)?,
    };
    let labels = emit::labels(&host, &state.borrow().address, health::CHECK, &std::collections::BTreeMap::new());
    let params = CallParams { timeout: Some(INVOKE_TIMEOUT), ..CallParams::default() };
    let (outcome, status) = host.block(async move { health::check(&channel, &service, &params).await })?;
    emit::duration(&host, &labels, &outcome);
    let Some(status) = status else {
        let Status { code, message, .. } = &outcome.status;
        return Err(error(format!("health check failed: rpc error: code = {code} desc = {message}")));
    };
    let response = JsObject::with_object_proto(context.intrinsics());
    define(&response, "status", status);
    let message = JsObject::with_object_proto(context.intrinsics());
    define(&message, "status", status);
    define(&response, "message", message);
    Ok(response.into())
}

fn close(this: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let state = state(this)?;
    if let Some(channel) = state.borrow_mut().channel.take() {
        channel.close();
    }
    Ok(JsValue::undefined())
}
