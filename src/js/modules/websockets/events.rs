//! Listeners and event objects of a `WebSocket`. Called by `socket` alone.

use std::time::Instant;

use boa_engine::{Context, Finalize, JsObject, JsValue, Trace};

use crate::js::convert::{define, string};
use crate::js::host::host;

/// The events there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Message,
    Error,
    Close,
    Ping,
    Pong,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Kind; 6] = [Kind::Open, Kind::Message, Kind::Error, Kind::Close, Kind::Ping, Kind::Pong];

    /// As scripts write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Open => "open",
            Kind::Message => "message",
            Kind::Error => "error",
            Kind::Close => "close",
            Kind::Ping => "ping",
            Kind::Pong => "pong",
        }
    }

    /// The kind of this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A function of the script.
#[derive(Clone, Trace, Finalize)]
struct Listener {
    #[unsafe_ignore_trace]
    kind: Kind,
    function: JsObject,
    /// Set through `onmessage` and the like, not `addEventListener`.
    property: bool,
    once: bool,
}

/// The listeners of a socket. Those set through properties are called before the others, as in k6.
#[derive(Default, Trace, Finalize)]
pub(super) struct Listeners(Vec<Listener>);

impl Listeners {
    /// The function of a property such as `onmessage`.
    pub(super) fn property(&self, kind: Kind) -> Option<JsObject> {
        self.0.iter().find(|l| l.property && l.kind == kind).map(|l| l.function.clone())
    }

    /// Sets or clears a property.
    pub(super) fn set_property(&mut self, kind: Kind, function: Option<JsObject>) {
        self.0.retain(|l| !(l.property && l.kind == kind));
        if let Some(function) = function {
            self.0.push(Listener { kind, function, property: true, once: false });
        }
    }

    /// Adds a listener; a function that listens to this event already is not added again.
    pub(super) fn add(&mut self, kind: Kind, function: JsObject, once: bool) {
        let same = |l: &Listener| !l.property && l.kind == kind && JsObject::equals(&l.function, &function);
        if !self.0.iter().any(same) {
            self.0.push(Listener { kind, function, property: false, once });
        }
    }

    /// Removes a listener.
    pub(super) fn remove(&mut self, kind: Kind, function: &JsObject) {
        self.0.retain(|l| l.property || l.kind != kind || !JsObject::equals(&l.function, function));
    }

    /// The functions to call for an event now; those that listen once are gone afterwards.
    pub(super) fn take(&mut self, kind: Kind) -> Vec<JsObject> {
        let mut functions: Vec<JsObject> = self.property(kind).into_iter().collect();
        functions.extend(self.0.iter().filter(|l| !l.property && l.kind == kind).map(|l| l.function.clone()));
        self.0.retain(|l| !(l.once && l.kind == kind));
        functions
    }
}

/// A new event of a socket.
pub(super) fn event(kind: Kind, target: &JsObject, at: Instant, context: &Context) -> JsObject {
    let object = JsObject::with_object_proto(context.intrinsics());
    #[allow(clippy::cast_precision_loss)]
    let millis = host(context).shared.state.clock.unix_ns(at) as f64 / 1e6;
    define(&object, "type", string(kind.name()));
    define(&object, "target", target.clone());
    define(&object, "currentTarget", target.clone());
    define(&object, "timestamp", millis);
    define(&object, "timeStamp", JsValue::from(millis));
    object
}
