//! The only room that knows the JavaScript engine.
