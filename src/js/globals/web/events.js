// DOMException, events and abort signals.
(function (native) {
  'use strict';
  const CODES = {
    IndexSizeError: 1, HierarchyRequestError: 3, InvalidCharacterError: 5, NotFoundError: 8, NotSupportedError: 9, InvalidStateError: 11,
    SyntaxError: 12, InvalidAccessError: 15, SecurityError: 18, NetworkError: 19, AbortError: 20, QuotaExceededError: 22,
    TimeoutError: 23, DataCloneError: 25,
  };
  class DOMException extends Error {
    #name;
    constructor(message = '', name = 'Error') {
      super(message);
      this.#name = `${name !== null && typeof name === 'object' ? name.name ?? 'Error' : name}`;
      if (name !== null && typeof name === 'object' && 'cause' in name) this.cause = name.cause;
    }
    get name() { return this.#name; }
    get code() { return CODES[this.#name] ?? 0; }
    get [Symbol.toStringTag]() { return 'DOMException'; }
  }

  class Event {
    #type; #bubbles; #cancelable; #prevented = false;
    constructor(type, init = {}) {
      if (arguments.length === 0) throw new TypeError('Event: the type is missing');
      this.#type = `${type}`;
      this.#bubbles = Boolean(init?.bubbles);
      this.#cancelable = Boolean(init?.cancelable);
      this.target = null;
      this.currentTarget = null;
      this.timeStamp = native.now();
      this.stopped = false;
      Object.defineProperty(this, 'stopped', { enumerable: false, writable: true });
    }
    get type() { return this.#type; }
    get bubbles() { return this.#bubbles; }
    get cancelable() { return this.#cancelable; }
    get composed() { return false; }
    get defaultPrevented() { return this.#prevented; }
    preventDefault() { if (this.#cancelable) this.#prevented = true; }
    stopPropagation() {}
    stopImmediatePropagation() { this.stopped = true; }
    get [Symbol.toStringTag]() { return 'Event'; }
  }
  class CustomEvent extends Event {
    #detail;
    constructor(type, init = {}) { super(type, init); this.#detail = init?.detail ?? null; }
    get detail() { return this.#detail; }
  }

  class EventTarget {
    #listeners = new Map();
    addEventListener(type, callback, options) {
      if (callback === null || callback === undefined) return;
      if (typeof callback !== 'function' && typeof callback !== 'object') throw new TypeError('addEventListener: the listener must be a function or an object with handleEvent()');
      const once = Boolean(options?.once);
      const capture = typeof options === 'boolean' ? options : Boolean(options?.capture);
      const signal = options?.signal;
      if (signal?.aborted) return;
      const list = this.#listeners.get(`${type}`) ?? [];
      if (list.some((l) => l.callback === callback && l.capture === capture)) return;
      list.push({ callback, once, capture });
      this.#listeners.set(`${type}`, list);
      if (signal) signal.addEventListener('abort', () => this.removeEventListener(type, callback, options), { once: true });
    }
    removeEventListener(type, callback, options) {
      const capture = typeof options === 'boolean' ? options : Boolean(options?.capture);
      const list = this.#listeners.get(`${type}`);
      const at = list ? list.findIndex((l) => l.callback === callback && l.capture === capture) : -1;
      if (at >= 0) list.splice(at, 1)[0].removed = true;
    }
    dispatchEvent(event) {
      if (!(event instanceof Event)) throw new TypeError('dispatchEvent: the argument must be an Event');
      event.target = event.currentTarget = this;
      const handler = this[`on${event.type}`];
      const all = (this.#listeners.get(event.type) ?? []).slice();
      if (typeof handler === 'function') all.unshift({ callback: handler });
      for (const listener of all) {
        if (event.stopped) break;
        if (listener.removed) continue;
        if (listener.once) this.removeEventListener(event.type, listener.callback, listener.capture);
        const { callback } = listener;
        try {
          if (typeof callback === 'function') callback.call(this, event);
          else callback.handleEvent(event);
        } catch (error) {
          console.error(error);
        }
      }
      event.currentTarget = null;
      return !event.defaultPrevented;
    }
    get [Symbol.toStringTag]() { return 'EventTarget'; }
  }

  let trusted = false;
  const make = () => { trusted = true; try { return new AbortSignal(); } finally { trusted = false; } };
  let abort;
  class AbortSignal extends EventTarget {
    #aborted = false; #reason = undefined;
    constructor() {
      if (!trusted) throw new TypeError('AbortSignal: a signal comes from new AbortController(), AbortSignal.abort(), timeout() or any()');
      super();
      this.onabort = null;
    }
    static {
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        signal.#aborted = true;
        signal.#reason = reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
        signal.dispatchEvent(new Event('abort'));
      };
    }
    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }
    static abort(reason) { const signal = make(); abort(signal, reason); return signal; }
    static timeout(milliseconds) {
      const time = Number(milliseconds);
      if (!(time >= 0)) throw new TypeError('AbortSignal.timeout: the time must be a number of milliseconds from 0 up');
      const signal = make();
      native.backgroundTimer(() => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')), time);
      return signal;
    }
    static any(signals) {
      const all = Array.from(signals);
      const signal = make();
      const first = all.find((s) => s.aborted);
      if (first) abort(signal, first.reason);
      else for (const s of all) s.addEventListener('abort', () => abort(signal, s.reason), { once: true });
      return signal;
    }
    get [Symbol.toStringTag]() { return 'AbortSignal'; }
  }
  class AbortController {
    #signal = make();
    get signal() { return this.#signal; }
    abort(reason) { abort(this.#signal, reason); }
    get [Symbol.toStringTag]() { return 'AbortController'; }
  }
  return { AbortController, AbortSignal, CustomEvent, DOMException, Event, EventTarget };
})
