// The stream classes of the web platform: queues with back-pressure, readers, writers, pipes.
(function () {
  'use strict';
  const deferred = () => {
    const d = {};
    d.promise = new Promise((resolve, reject) => { d.resolve = resolve; d.reject = reject; });
    d.promise.catch(() => {});
    return d;
  };
  const limit = (strategy, fallback) => {
    const mark = strategy?.highWaterMark === undefined ? fallback : Number(strategy.highWaterMark);
    if (Number.isNaN(mark) || mark < 0) throw new RangeError(`Invalid highWaterMark: ${strategy.highWaterMark}`);
    return mark;
  };
  const sizer = (strategy) => {
    const size = strategy?.size;
    if (size === undefined) return () => 1;
    if (typeof size !== 'function') throw new TypeError('a strategy\'s size must be a function');
    return (chunk) => {
      const n = Number(size(chunk));
      if (!(n >= 0 && n < Infinity)) throw new RangeError(`a strategy's size must give a finite number from 0 up, not ${n}`);
      return n;
    };
  };
  const method = (source, name) => {
    const f = source?.[name];
    if (f === undefined || f === null) return undefined;
    if (typeof f !== 'function') throw new TypeError(`${name} must be a function`);
    return f.bind(source);
  };

  class CountQueuingStrategy {
    constructor(init) { if (init?.highWaterMark === undefined) throw new TypeError('highWaterMark is missing'); this.highWaterMark = Number(init.highWaterMark); }
    size() { return 1; }
  }
  class ByteLengthQueuingStrategy {
    constructor(init) { if (init?.highWaterMark === undefined) throw new TypeError('highWaterMark is missing'); this.highWaterMark = Number(init.highWaterMark); }
    size(chunk) { return chunk.byteLength; }
  }

  // What is behind a readable stream; kept apart from the public object.
  const states = new WeakMap();
  const stateOf = (stream) => {
    const state = states.get(stream);
    if (!state) throw new TypeError('this is not a ReadableStream');
    return state;
  };

  class Readable {
    constructor(source, strategy) {
      this.state = 'readable';
      this.queue = [];
      this.total = 0;
      this.requests = [];
      this.closing = false;
      this.disturbed = false;
      this.reader = undefined;
      this.mark = limit(strategy, 1);
      this.size = sizer(strategy);
      this.pull = method(source, 'pull');
      this.onCancel = method(source, 'cancel');
      this.controller = {
        get desiredSize() { return undefined; },
        enqueue: (chunk) => this.enqueue(chunk), close: () => this.close(), error: (reason) => this.fail(reason),
      };
      const self = this;
      Object.defineProperty(this.controller, 'desiredSize', { get: () => self.desired() });
      const start = method(source, 'start');
      const started = start ? start(this.controller) : undefined;
      Promise.resolve(started).then(() => { this.started = true; this.fill(); }, (reason) => this.fail(reason));
    }
    desired() { return this.state === 'errored' ? null : this.state === 'closed' ? 0 : this.mark - this.total; }
    enqueue(chunk) {
      if (this.state !== 'readable' || this.closing) throw new TypeError('the stream is closed: nothing can be enqueued');
      if (this.requests.length) this.requests.shift().resolve({ value: chunk, done: false });
      else {
        let size;
        try { size = this.size(chunk); } catch (error) { this.fail(error); throw error; }
        this.queue.push([chunk, size]);
        this.total += size;
      }
      this.fill();
    }
    close() {
      if (this.state !== 'readable' || this.closing) throw new TypeError('the stream is already closed');
      this.closing = true;
      if (!this.queue.length) this.end();
    }
    end() {
      if (this.state !== 'readable') return;
      this.state = 'closed';
      this.pull = this.onCancel = undefined;
      for (const request of this.requests.splice(0)) request.resolve({ value: undefined, done: true });
      this.reader?.done.resolve();
    }
    fail(reason) {
      if (this.state !== 'readable') return;
      this.state = 'errored';
      this.reason = reason;
      this.queue = [];
      this.total = 0;
      this.pull = this.onCancel = undefined;
      for (const request of this.requests.splice(0)) request.reject(reason);
      this.reader?.done.reject(reason);
    }
    fill() {
      if (!this.started || !this.pull || this.state !== 'readable' || this.closing) return;
      if (!this.requests.length && this.desired() <= 0) return;
      if (this.pulling) { this.again = true; return; }
      this.pulling = true;
      let result;
      try { result = this.pull(this.controller); } catch (error) { this.pulling = false; this.fail(error); return; }
      Promise.resolve(result).then(() => {
        this.pulling = false;
        if (this.again) { this.again = false; this.fill(); }
      }, (error) => this.fail(error));
    }
    read() {
      this.disturbed = true;
      if (this.queue.length) {
        const [value, size] = this.queue.shift();
        this.total -= size;
        if (this.closing && !this.queue.length) this.end(); else this.fill();
        return Promise.resolve({ value, done: false });
      }
      if (this.state === 'closed') return Promise.resolve({ value: undefined, done: true });
      if (this.state === 'errored') return Promise.reject(this.reason);
      const request = deferred();
      this.requests.push(request);
      this.fill();
      return request.promise;
    }
    async cancel(reason) {
      this.disturbed = true;
      if (this.state === 'closed') return;
      if (this.state === 'errored') throw this.reason;
      const { onCancel } = this;
      this.queue = [];
      this.total = 0;
      this.end();
      if (onCancel) await onCancel(reason);
    }
  }

  class ReadableStream {
    constructor(source = {}, strategy = {}) {
      if (source === null) throw new TypeError('ReadableStream: the source must be an object');
      if (source.type !== undefined && `${source.type}` !== 'bytes') throw new RangeError(`ReadableStream: unknown type '${source.type}'`);
      if (source.type !== undefined) throw new RangeError("ReadableStream: type 'bytes' is not supported; leave the type out and enqueue Uint8Array chunks");
      states.set(this, new Readable(source, strategy));
    }
    static from(items) {
      const iterator = (items?.[Symbol.asyncIterator] ?? items?.[Symbol.iterator])?.call(items);
      if (!iterator) throw new TypeError('ReadableStream.from: the argument is not iterable');
      return new ReadableStream({
        async pull(controller) {
          const { value, done } = await iterator.next();
          if (done) controller.close(); else controller.enqueue(await value);
        },
        async cancel(reason) { await iterator.return?.(reason); },
      }, { highWaterMark: 0 });
    }
    get locked() { return stateOf(this).reader !== undefined; }
    cancel(reason) {
      if (this.locked) return Promise.reject(new TypeError('the stream is locked by a reader: cancel through the reader'));
      return stateOf(this).cancel(reason);
    }
    getReader(options) {
      if (options?.mode !== undefined) throw new RangeError(`getReader: mode '${options.mode}' is not supported; known: the default reader`);
      return new ReadableStreamDefaultReader(this);
    }
    async pipeTo(target, { preventClose = false, preventAbort = false, preventCancel = false, signal } = {}) {
      if (!(target instanceof WritableStream)) throw new TypeError('pipeTo: the target must be a WritableStream');
      const reader = this.getReader();
      const writer = target.getWriter();
      let stop;
      const stopped = new Promise((_, reject) => { stop = () => reject(signal.reason); });
      stopped.catch(() => {});
      try {
        if (signal?.aborted) throw signal.reason;
        signal?.addEventListener('abort', stop);
        for (;;) {
          await Promise.race([writer.ready, stopped]);
          let next;
          try { next = await Promise.race([reader.read(), stopped]); } catch (error) {
            if (!preventAbort) await writer.abort(error).catch(() => {});
            if (signal?.aborted && !preventCancel) await reader.cancel(error).catch(() => {});
            throw error;
          }
          if (next.done) break;
          // Written in order; the queue's room is what is waited for.
          writer.write(next.value).catch(() => {});
        }
        if (!preventClose) await writer.close();
      } catch (error) {
        if (!preventCancel) await reader.cancel(error).catch(() => {});
        throw error;
      } finally {
        signal?.removeEventListener('abort', stop);
        reader.releaseLock();
        writer.releaseLock();
      }
    }
    pipeThrough(pair, options) {
      this.pipeTo(pair.writable, options).catch(() => {});
      return pair.readable;
    }
    tee() {
      const reader = this.getReader();
      let reading = false;
      const controllers = [];
      const cancelled = [undefined, undefined];
      const gone = [false, false];
      const over = deferred();
      const pull = async () => {
        if (reading) return;
        reading = true;
        try {
          const { value, done } = await reader.read();
          controllers.forEach((c, i) => { if (!gone[i]) { if (done) c.close(); else c.enqueue(value); } });
          if (done) over.resolve();
        } catch (error) { controllers.forEach((c) => c.error(error)); over.resolve(); } finally { reading = false; }
      };
      const branch = (i) => new ReadableStream({
        start(c) { controllers[i] = c; },
        pull,
        cancel(reason) {
          gone[i] = true;
          cancelled[i] = reason;
          if (gone[0] && gone[1]) reader.cancel(cancelled).then(over.resolve, over.reject);
          return over.promise;
        },
      });
      return [branch(0), branch(1)];
    }
    async *values({ preventCancel = false } = {}) {
      const reader = this.getReader();
      let finished = false;
      try {
        for (;;) {
          let next;
          try { next = await reader.read(); } catch (error) { finished = true; throw error; }
          if (next.done) { finished = true; return; }
          yield next.value;
        }
      } finally {
        if (!finished && !preventCancel) await reader.cancel();
        reader.releaseLock();
      }
    }
    [Symbol.asyncIterator](options) { return this.values(options); }
    get [Symbol.toStringTag]() { return 'ReadableStream'; }
  }

  class ReadableStreamDefaultReader {
    #stream; #done;
    constructor(stream) {
      const state = stateOf(stream);
      if (state.reader) throw new TypeError('the stream is locked by another reader');
      this.#stream = state;
      this.#done = deferred();
      state.reader = { done: this.#done };
      if (state.state === 'closed') this.#done.resolve();
      if (state.state === 'errored') this.#done.reject(state.reason);
    }
    get closed() { return this.#done.promise; }
    read() { return this.#stream ? this.#stream.read() : Promise.reject(new TypeError('this reader was released')); }
    cancel(reason) { return this.#stream ? this.#stream.cancel(reason) : Promise.reject(new TypeError('this reader was released')); }
    releaseLock() {
      const state = this.#stream;
      if (!state) return;
      const error = new TypeError('this reader was released');
      for (const request of state.requests.splice(0)) request.reject(error);
      state.reader = undefined;
      this.#stream = undefined;
      this.#done.reject(error);
      this.#done = deferred();
      this.#done.reject(error);
    }
    get [Symbol.toStringTag]() { return 'ReadableStreamDefaultReader'; }
  }

  const sinks = new WeakMap();
  const sinkOf = (stream) => {
    const sink = sinks.get(stream);
    if (!sink) throw new TypeError('this is not a WritableStream');
    return sink;
  };
  class Writable {
    constructor(sink, strategy) {
      this.state = 'writable';
      this.queue = [];
      this.total = 0;
      this.mark = limit(strategy, 1);
      this.size = sizer(strategy);
      this.onWrite = method(sink, 'write');
      this.onClose = method(sink, 'close');
      this.onAbort = method(sink, 'abort');
      this.closed = deferred();
      this.ready = deferred();
      this.controller = { error: (reason) => this.fail(reason), signal: undefined };
      let controller;
      Object.defineProperty(this.controller, 'signal', { get: () => (controller ??= new AbortController()).signal });
      this.signalAbort = (reason) => controller?.abort(reason);
      this.busy = true;
      if (this.mark > 0) this.ready.resolve();
      const start = method(sink, 'start');
      const started = start ? start(this.controller) : undefined;
      Promise.resolve(started).then(() => { this.busy = false; this.next(); }, (reason) => { this.busy = false; this.fail(reason); });
    }
    desired() { return this.state === 'errored' ? null : this.state === 'closed' ? 0 : this.mark - this.total; }
    write(chunk) {
      if (this.state === 'errored') return Promise.reject(this.reason);
      if (this.state !== 'writable') return Promise.reject(new TypeError('the stream is closed: nothing can be written'));
      let size;
      try { size = this.size(chunk); } catch (error) { this.fail(error); return Promise.reject(error); }
      const done = deferred();
      this.queue.push({ chunk, size, done });
      this.total += size;
      if (this.desired() <= 0 && !this.full) { this.full = true; this.ready = deferred(); }
      this.next();
      return done.promise;
    }
    close() {
      if (this.state === 'errored') return Promise.reject(this.reason);
      if (this.state !== 'writable') return Promise.reject(new TypeError('the stream is already closed'));
      this.state = 'closing';
      this.ready.resolve();
      this.next();
      return this.closed.promise;
    }
    async next() {
      if (this.busy || this.state === 'errored' || this.state === 'closed') return;
      const item = this.queue[0];
      if (!item && this.state !== 'closing') return;
      this.busy = true;
      try {
        if (item) {
          await this.onWrite?.(item.chunk, this.controller);
          this.queue.shift();
          this.total -= item.size;
          item.done.resolve();
          if (this.desired() > 0 && this.full) { this.full = false; this.ready.resolve(); }
        } else {
          await this.onClose?.();
          if (this.state === 'closing') { this.state = 'closed'; this.closed.resolve(); }
        }
      } catch (error) {
        this.fail(error);
      }
      this.busy = false;
      this.next();
    }
    fail(reason) {
      if (this.state === 'errored' || this.state === 'closed') return;
      this.state = 'errored';
      this.reason = reason;
      for (const item of this.queue.splice(0)) item.done.reject(reason);
      this.ready = deferred();
      this.ready.reject(reason);
      this.closed.reject(reason);
    }
    async abort(reason) {
      if (this.state === 'errored' || this.state === 'closed') return;
      const { onAbort } = this;
      this.signalAbort(reason);
      this.fail(reason);
      await onAbort?.(reason);
    }
  }
  class WritableStream {
    constructor(sink = {}, strategy = {}) { sinks.set(this, new Writable(sink, strategy)); }
    get locked() { return sinkOf(this).writer !== undefined; }
    getWriter() { return new WritableStreamDefaultWriter(this); }
    abort(reason) { return this.locked ? Promise.reject(new TypeError('the stream is locked by a writer')) : sinkOf(this).abort(reason); }
    close() { return this.locked ? Promise.reject(new TypeError('the stream is locked by a writer')) : sinkOf(this).close(); }
    get [Symbol.toStringTag]() { return 'WritableStream'; }
  }
  class WritableStreamDefaultWriter {
    #sink;
    constructor(stream) {
      const sink = sinkOf(stream);
      if (sink.writer) throw new TypeError('the stream is locked by another writer');
      this.#sink = sink;
      sink.writer = this;
    }
    #get() { if (!this.#sink) throw new TypeError('this writer was released'); return this.#sink; }
    get desiredSize() { return this.#get().desired(); }
    get ready() { return this.#sink ? this.#sink.ready.promise : Promise.reject(new TypeError('this writer was released')); }
    get closed() { return this.#sink ? this.#sink.closed.promise : Promise.reject(new TypeError('this writer was released')); }
    async write(chunk) { return this.#get().write(chunk); }
    async close() { return this.#get().close(); }
    async abort(reason) { return this.#get().abort(reason); }
    releaseLock() { if (this.#sink) { this.#sink.writer = undefined; this.#sink = undefined; } }
    get [Symbol.toStringTag]() { return 'WritableStreamDefaultWriter'; }
  }

  class TransformStream {
    #readable; #writable;
    constructor(transformer = {}, writableStrategy = {}, readableStrategy = {}) {
      let out;
      let room = deferred();
      const transform = method(transformer, 'transform');
      const flush = method(transformer, 'flush');
      this.#readable = new ReadableStream({
        start(c) { out = c; },
        pull() { room.resolve(); },
        cancel(reason) { sinkOf(writable).fail(reason); room.resolve(); },
      }, { highWaterMark: 0, ...readableStrategy });
      const controller = {
        get desiredSize() { return out.desiredSize; },
        enqueue: (chunk) => out.enqueue(chunk),
        error: (reason) => { out.error(reason); sinkOf(writable).fail(reason); },
        terminate: () => { out.close(); sinkOf(writable).fail(new TypeError('the transform stream was terminated')); },
      };
      const writable = new WritableStream({
        start: () => method(transformer, 'start')?.(controller),
        async write(chunk) {
          if (out.desiredSize <= 0 && !stateOf(readable).requests.length) { room = deferred(); await room.promise; }
          try {
            if (transform) await transform(chunk, controller); else controller.enqueue(chunk);
          } catch (error) { out.error(error); throw error; }
        },
        async close() {
          try { await flush?.(controller); } catch (error) { out.error(error); throw error; }
          const state = stateOf(readable);
          if (state.state === 'readable' && !state.closing) out.close();
        },
        abort(reason) { out.error(reason); },
      }, writableStrategy);
      const readable = this.#readable;
      this.#writable = writable;
    }
    get readable() { return this.#readable; }
    get writable() { return this.#writable; }
    get [Symbol.toStringTag]() { return 'TransformStream'; }
  }
  class TextDecoderStream {
    #decoder; #pair;
    constructor(label = 'utf-8', options = {}) {
      const decoder = this.#decoder = new TextDecoder(label, options);
      const send = (text, controller) => { if (text) controller.enqueue(text); };
      this.#pair = new TransformStream({
        transform: (chunk, controller) => send(decoder.decode(chunk, { stream: true }), controller),
        flush: (controller) => send(decoder.decode(), controller),
      });
    }
    get encoding() { return this.#decoder.encoding; }
    get fatal() { return this.#decoder.fatal; }
    get ignoreBOM() { return this.#decoder.ignoreBOM; }
    get readable() { return this.#pair.readable; }
    get writable() { return this.#pair.writable; }
  }
  return {
    ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableStream, ReadableStreamDefaultReader, TextDecoderStream, TransformStream,
    WritableStream, WritableStreamDefaultWriter,
  };
})
