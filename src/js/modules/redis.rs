//! `k6/x/redis` and the old `k6/experimental/redis`: `new Client(options)` with Redis' commands as promises.
//!
//! A command is a row of [`COMMANDS`]; connecting and the protocol are `net::redis`' business.

use std::cell::RefCell;
use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};

use super::metrics::class;
use crate::js::convert::{arg, define_key, error, settled, string, to_json, to_text, type_error};
use crate::js::host::{Phase, host};
use crate::net::redis::{Redis, RedisSettings, Reply};

/// What an argument must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    /// A key or field; anything becomes a text.
    Text,
    /// A text, number or boolean.
    Value,
    /// A whole number; 0 when it is left out.
    Whole,
}

/// What the promise gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// As it comes; nothing at all is an error, as in go-redis.
    Plain,
    /// An array, in which nothing is null.
    List,
    /// 1 is true.
    Bool,
    /// An object of names and values.
    Pairs,
}

/// A method of the client that is one command.
struct Command {
    method: &'static str,
    arguments: &'static [Argument],
    /// Any number of arguments more, but at least one.
    rest: Option<Argument>,
    answer: Answer,
}

const fn command(
    method: &'static str,
    arguments: &'static [Argument],
    rest: Option<Argument>,
    answer: Answer,
) -> Command {
    Command { method, arguments, rest, answer }
}

use Answer::{Bool, List, Pairs, Plain};
use Argument::{Text, Value, Whole};

/// In alphabetical order; the command is the method's name in capitals.
const COMMANDS: &[Command] = &[
    command("decr", &[Text], None, Plain),
    command("decrBy", &[Text, Whole], None, Plain),
    command("del", &[], Some(Text), Plain),
    command("exists", &[], Some(Text), Plain),
    command("expire", &[Text, Whole], None, Bool),
    command("get", &[Text], None, Plain),
    command("getDel", &[Text], None, Plain),
    command("getSet", &[Text, Value], None, Plain),
    command("hdel", &[Text], Some(Text), Plain),
    command("hget", &[Text, Text], None, Plain),
    command("hgetall", &[Text], None, Pairs),
    command("hincrby", &[Text, Text, Whole], None, Plain),
    command("hkeys", &[Text], None, List),
    command("hlen", &[Text], None, Plain),
    command("hset", &[Text, Text, Value], None, Plain),
    command("hsetnx", &[Text, Text, Text], None, Bool),
    command("hvals", &[Text], None, List),
    command("incr", &[Text], None, Plain),
    command("incrBy", &[Text, Whole], None, Plain),
    command("lindex", &[Text, Whole], None, Plain),
    command("llen", &[Text], None, Plain),
    command("lpop", &[Text], None, Plain),
    command("lpush", &[Text], Some(Value), Plain),
    command("lrange", &[Text, Whole, Whole], None, List),
    command("lrem", &[Text, Whole, Text], None, Plain),
    command("lset", &[Text, Whole, Text], None, Plain),
    command("mget", &[], Some(Text), List),
    command("persist", &[Text], None, Bool),
    command("randomKey", &[], None, Plain),
    command("rpop", &[Text], None, Plain),
    command("rpush", &[Text], Some(Value), Plain),
    command("sadd", &[Text], Some(Value), Plain),
    command("sismember", &[Text, Value], None, Bool),
    command("smembers", &[Text], None, List),
    command("spop", &[Text], None, Plain),
    command("srandmember", &[Text], None, Plain),
    command("srem", &[Text], Some(Value), Plain),
    command("ttl", &[Text], None, Plain),
];

/// `new Client(options)`: connects with the first command.
#[derive(Trace, Finalize, JsData)]
struct Client {
    #[unsafe_ignore_trace]
    settings: RedisSettings,
    #[unsafe_ignore_trace]
    redis: RefCell<Option<Arc<Redis>>>,
}

impl Class for Client {
    const NAME: &'static str = "Client";
    const LENGTH: usize = 1;

    fn data_constructor(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Self> {
        let options = to_json(&arg(args, 0), context)?;
        let settings =
            RedisSettings::read(&options).map_err(|e| error(format!("redis: invalid options; reason: {e}")))?;
        Ok(Self { settings, redis: RefCell::default() })
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        for command in COMMANDS {
            let call =
                NativeFunction::from_copy_closure(move |this, args, context| match command.words(args, context) {
                    Ok(words) => send(this, words, command.answer, context),
                    Err(error) => settled(Err(error), context),
                });
            let length = command.arguments.len() + usize::from(command.rest.is_some());
            class.method(JsString::from(command.method), length, call);
        }
        class.method(js_string!("set"), 3, NativeFunction::from_fn_ptr(set));
        class.method(js_string!("sendCommand"), 1, NativeFunction::from_fn_ptr(send_command));
        class.method(js_string!("isConnected"), 0, NativeFunction::from_fn_ptr(is_connected));
        Ok(())
    }
}

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let client = class::<Client>(context)?;
    let api = JsObject::with_object_proto(context.intrinsics());
    define_key(&api, js_string!("Client"), client.into());
    Ok(api)
}

impl Command {
    /// The command as it is sent.
    fn words(&self, args: &[JsValue], context: &mut Context) -> JsResult<Vec<Vec<u8>>> {
        let mut words = vec![self.method.to_ascii_uppercase().into_bytes()];
        for (at, kind) in self.arguments.iter().enumerate() {
            words.push(word(self.method, at, *kind, args, context)?);
        }
        if let Some(kind) = self.rest {
            for at in self.arguments.len()..args.len().max(self.arguments.len() + 1) {
                words.push(word(self.method, at, kind, args, context)?);
            }
        }
        Ok(words)
    }
}

fn word(method: &str, at: usize, kind: Argument, args: &[JsValue], context: &mut Context) -> JsResult<Vec<u8>> {
    let value = arg(args, at);
    if at >= args.len() && kind != Whole {
        return Err(type_error(format!("{method}: the argument at index {at} is missing")));
    }
    let text = match kind {
        Text => to_text(&value, context)?,
        Value => match value.as_boolean() {
            Some(yes) => u8::from(yes).to_string(),
            None if value.is_string() || value.is_number() => to_text(&value, context)?,
            None => {
                return Err(type_error(format!(
                    "{method}: unsupported type provided for the argument at index {at} ({}); supported types are string, \
                     number and boolean (JSON.stringify makes strings of objects)",
                    value.type_of()
                )));
            }
        },
        Whole if value.is_undefined() => "0".to_owned(),
        Whole => match value.as_number().filter(|n| n.fract() == 0.0 && n.abs() < 9e15) {
            #[allow(clippy::cast_possible_truncation)]
            Some(number) => (number as i64).to_string(),
            None => return Err(type_error(format!("{method}: the argument at index {at} must be a whole number"))),
        },
    };
    Ok(text.into_bytes())
}

/// `set(key, value, [seconds])`.
fn set(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut words = || {
        let key = word("set", 0, Text, args, context)?;
        let value = word("set", 1, Value, args, context)?;
        let seconds = word("set", 2, Whole, args, context)?;
        let mut words = vec![b"SET".to_vec(), key, value];
        if !seconds.starts_with(b"-") && seconds != b"0" {
            words.extend([b"EX".to_vec(), seconds]);
        }
        Ok(words)
    };
    match words() {
        Ok(words) => send(this, words, Plain, context),
        Err(error) => settled(Err(error), context),
    }
}

/// `sendCommand(command, ...args)`.
fn send_command(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let words: JsResult<Vec<_>> =
        (0..args.len().max(1)).map(|at| word("sendCommand", at, Value, args, context)).collect();
    match words {
        Ok(words) => send(this, words, Plain, context),
        Err(error) => settled(Err(error), context),
    }
}

fn not_a_client() -> boa_engine::JsError {
    type_error("this is not a Client of k6/x/redis")
}

/// `isConnected()`: whether a command was sent already, as in xk6-redis.
fn is_connected(this: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let object = this.as_object();
    let client = object.as_ref().and_then(|o| o.downcast_ref::<Client>()).ok_or_else(not_a_client)?;
    Ok(client.redis.borrow().is_some().into())
}

fn connected(this: &JsValue, context: &mut Context) -> JsResult<Arc<Redis>> {
    let host = host(context);
    let object = this.as_object();
    let client = object.as_ref().and_then(|o| o.downcast_ref::<Client>()).ok_or_else(not_a_client)?;
    if host.phase.get() == Phase::Init {
        return Err(error(
            "connecting to a redis server in the init context is not supported; send commands in the default function, \
             setup() or teardown()",
        ));
    }
    let mut redis = client.redis.borrow_mut();
    if let Some(redis) = redis.as_ref() {
        return Ok(Arc::clone(redis));
    }
    let made = host.client()?.redis(client.settings.clone());
    let made = Arc::new(made.map_err(|e| error(format!("redis: invalid options; reason: {e}")))?);
    *redis = Some(Arc::clone(&made));
    Ok(made)
}

fn send(this: &JsValue, words: Vec<Vec<u8>>, answer: Answer, context: &mut Context) -> JsResult<JsValue> {
    let redis = match connected(this, context) {
        Ok(redis) => redis,
        Err(error) => return settled(Err(error), context),
    };
    let call = async move { redis.call(&words).await };
    let done = move |result: Result<Reply, String>, context: &mut Context| match result {
        Ok(reply) => give(reply, answer, context),
        Err(text) => Err(error(text)),
    };
    Ok(host(context).event_loop.promise(call, done, context).into())
}

fn give(reply: Reply, answer: Answer, context: &mut Context) -> JsResult<JsValue> {
    match (answer, reply) {
        (Plain, Reply::Nil) => Err(error("redis: nil (there is no such key, field or element)")),
        (Bool, Reply::Int(number)) => Ok((number == 1).into()),
        (Pairs, Reply::List(parts)) => {
            let object = JsObject::with_object_proto(context.intrinsics());
            let mut parts = parts.into_iter();
            while let (Some(Reply::Text(name)), Some(value)) = (parts.next(), parts.next()) {
                let value = plain(value, context);
                define_key(&object, JsString::from(String::from_utf8_lossy(&name).as_ref()), value);
            }
            Ok(object.into())
        }
        (_, reply) => Ok(plain(reply, context)),
    }
}

fn plain(reply: Reply, context: &mut Context) -> JsValue {
    match reply {
        Reply::Nil => JsValue::null(),
        #[allow(clippy::cast_precision_loss)]
        Reply::Int(number) => (number as f64).into(),
        Reply::Float(number) => number.into(),
        Reply::Bool(yes) => yes.into(),
        Reply::Text(bytes) => {
            host(context).count_bytes(bytes.len());
            string(&String::from_utf8_lossy(&bytes))
        }
        Reply::List(parts) => {
            let parts: Vec<JsValue> = parts.into_iter().map(|part| plain(part, context)).collect();
            JsArray::from_iter(parts, context).into()
        }
    }
}
