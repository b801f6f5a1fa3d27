// Blob, File, FormData and Headers.
(function () {
  'use strict';
  const toBytes = (part) => {
    if (part instanceof Blob) return bytesOf(part);
    if (part instanceof ArrayBuffer) return new Uint8Array(part);
    if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    return new TextEncoder().encode(`${part}`);
  };
  let bytesOf;
  class Blob {
    #bytes; #type;
    constructor(parts = [], options = {}) {
      if (parts === null || typeof parts !== 'object' || typeof parts[Symbol.iterator] !== 'function') throw new TypeError('Blob: the first argument must be an array of parts');
      const all = Array.from(parts, toBytes);
      this.#bytes = new Uint8Array(all.reduce((sum, b) => sum + b.length, 0));
      let at = 0;
      for (const bytes of all) { this.#bytes.set(bytes, at); at += bytes.length; }
      const type = `${options?.type ?? ''}`;
      this.#type = /[^\x20-\x7e]/.test(type) ? '' : type.toLowerCase();
    }
    static { bytesOf = (blob) => blob.#bytes; }
    get size() { return this.#bytes.length; }
    get type() { return this.#type; }
    slice(start, end, type = '') { return new Blob([this.#bytes.slice(start, end)], { type }); }
    async arrayBuffer() { return this.#bytes.slice().buffer; }
    async bytes() { return this.#bytes.slice(); }
    async text() { return new TextDecoder().decode(this.#bytes); }
    stream() {
      const bytes = this.#bytes;
      return new ReadableStream({ start(c) { if (bytes.length) c.enqueue(bytes.slice()); c.close(); } });
    }
    get [Symbol.toStringTag]() { return 'Blob'; }
  }
  class File extends Blob {
    #name; #lastModified;
    constructor(parts, name, options = {}) {
      if (arguments.length < 2) throw new TypeError('File: write new File(parts, name, [options])');
      super(parts, options);
      this.#name = `${name}`;
      this.#lastModified = options?.lastModified === undefined ? Date.now() : Number(options.lastModified);
    }
    get name() { return this.#name; }
    get lastModified() { return this.#lastModified; }
    get [Symbol.toStringTag]() { return 'File'; }
  }

  class FormData {
    #list = [];
    static #entry(name, value, filename) {
      if (value instanceof Blob) {
        const file = value instanceof File && filename === undefined;
        return [`${name}`, file ? value : new File([value], filename === undefined ? 'blob' : `${filename}`, { type: value.type })];
      }
      if (filename !== undefined) throw new TypeError('FormData: a file name needs a Blob as value');
      return [`${name}`, `${value}`];
    }
    append(name, value, filename) { this.#list.push(FormData.#entry(name, value, filename)); }
    set(name, value, filename) {
      const entry = FormData.#entry(name, value, filename);
      const at = this.#list.findIndex((e) => e[0] === entry[0]);
      if (at < 0) this.#list.push(entry);
      else this.#list = this.#list.filter((e, i) => i === at || e[0] !== entry[0]).map((e) => (e[0] === entry[0] ? entry : e));
    }
    delete(name) { this.#list = this.#list.filter((e) => e[0] !== `${name}`); }
    get(name) { return this.#list.find((e) => e[0] === `${name}`)?.[1] ?? null; }
    getAll(name) { return this.#list.filter((e) => e[0] === `${name}`).map((e) => e[1]); }
    has(name) { return this.#list.some((e) => e[0] === `${name}`); }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    *entries() { for (const [name, value] of this.#list) yield [name, value]; }
    *keys() { for (const [name] of this.#list) yield name; }
    *values() { for (const [, value] of this.#list) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    get [Symbol.toStringTag]() { return 'FormData'; }
  }

  class Headers {
    #map = new Map();
    constructor(init) {
      if (init === undefined) return;
      if (init === null || typeof init !== 'object') throw new TypeError('Headers: the argument must be an object, an array of pairs or Headers');
      if (typeof init[Symbol.iterator] === 'function') {
        for (const pair of init) {
          const both = Array.from(pair);
          if (both.length !== 2) throw new TypeError('Headers: each entry must be a pair [name, value]');
          this.append(both[0], both[1]);
        }
      } else for (const name of Object.keys(init)) this.append(name, init[name]);
    }
    static #name(name) {
      const text = `${name}`;
      if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)) throw new TypeError(`Headers: '${text}' is no name of a header`);
      return text.toLowerCase();
    }
    static #value(value) {
      const text = `${value}`.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
      // The value is not shown: it may be a secret.
      if (/[\0\n\r]/.test(text) || /[^\0-\xff]/.test(text)) throw new TypeError('Headers: a value has a line break or a character outside of Latin-1');
      return text;
    }
    append(name, value) {
      const [key, text] = [Headers.#name(name), Headers.#value(value)];
      const list = this.#map.get(key);
      if (list) list.push(text); else this.#map.set(key, [text]);
    }
    set(name, value) { this.#map.set(Headers.#name(name), [Headers.#value(value)]); }
    delete(name) { this.#map.delete(Headers.#name(name)); }
    get(name) { return this.#map.get(Headers.#name(name))?.join(', ') ?? null; }
    has(name) { return this.#map.has(Headers.#name(name)); }
    getSetCookie() { return (this.#map.get('set-cookie') ?? []).slice(); }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    *entries() {
      for (const name of [...this.#map.keys()].sort()) {
        const list = this.#map.get(name);
        if (name === 'set-cookie') for (const value of list) yield [name, value];
        else yield [name, list.join(', ')];
      }
    }
    *keys() { for (const [name] of this.entries()) yield name; }
    *values() { for (const [, value] of this.entries()) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    get [Symbol.toStringTag]() { return 'Headers'; }
  }
  return { Blob, File, FormData, Headers };
})
