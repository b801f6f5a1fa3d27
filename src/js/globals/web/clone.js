// structuredClone.
(function () {
  'use strict';
  const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  const refuse = (value) => {
    let shown = typeof value;
    try { shown = String(value); } catch { /* an object that cannot be shown */ }
    throw new DOMException(`${shown.slice(0, 80)} could not be cloned`, 'DataCloneError');
  };
  function clone(value, seen, depth) {
    if (typeof value === 'symbol' || typeof value === 'function') refuse(value);
    if (value === null || typeof value !== 'object') return value;
    if (seen.has(value)) return seen.get(value);
    if (depth > 400) throw new RangeError('structuredClone: the value is nested deeper than 400 levels');
    const keep = (copy) => { seen.set(value, copy); return copy; };
    const deeper = (inner) => clone(inner, seen, depth + 1);
    if (Array.isArray(value)) {
      const copy = keep(new Array(value.length));
      for (const key of Object.keys(value)) copy[key] = deeper(value[key]);
      return copy;
    }
    if (value instanceof Date) return keep(new Date(value.getTime()));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof Boolean || value instanceof Number || value instanceof String || value instanceof BigInt) return keep(Object(value.valueOf()));
    if (value instanceof ArrayBuffer) return keep(value.slice(0));
    if (ArrayBuffer.isView(value)) {
      const buffer = deeper(value.buffer);
      const length = value instanceof DataView ? value.byteLength : value.length;
      return keep(new value.constructor(buffer, value.byteOffset, length));
    }
    if (value instanceof Map) {
      const copy = keep(new Map());
      for (const [k, v] of [...value]) copy.set(deeper(k), deeper(v));
      return copy;
    }
    if (value instanceof Set) {
      const copy = keep(new Set());
      for (const v of [...value]) copy.add(deeper(v));
      return copy;
    }
    if (value instanceof Error) {
      const Class = ERRORS[value.name] ?? Error;
      const copy = keep(new Class(value.message));
      if (Object.hasOwn(value, 'cause')) Object.defineProperty(copy, 'cause', { value: deeper(value.cause), writable: true, configurable: true });
      return copy;
    }
    if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) refuse(value);
    const copy = keep({});
    for (const key of Object.keys(value)) {
      Object.defineProperty(copy, key, { value: deeper(value[key]), writable: true, enumerable: true, configurable: true });
    }
    return copy;
  }
  function structuredClone(value) {
    if (arguments.length === 0) throw new TypeError('structuredClone: the value is missing');
    return clone(value, new Map(), 0);
  }
  return { structuredClone };
})
