// URL and URLSearchParams; parsing and writing are native.
(function (native) {
  'use strict';
  const text = (value) => `${value}`;
  // Passwords stay out of messages.
  const shown = (url) => text(url).replace(/\/\/[^/]*@/, '//***@');

  class URLSearchParams {
    #list = [];
    #changed = undefined;
    constructor(init = '') {
      if (init instanceof URLSearchParams) this.#list = init.#list.slice();
      else if (init !== null && (typeof init === 'object' || typeof init === 'function')) {
        if (init[Symbol.iterator] !== undefined && init[Symbol.iterator] !== null) {
          for (const pair of init) {
            const both = Array.from(pair);
            if (both.length !== 2) throw new TypeError('URLSearchParams: each entry must be a pair [name, value]');
            this.#list.push(text(both[0]), text(both[1]));
          }
        } else {
          for (const name of Reflect.ownKeys(init)) {
            const own = Object.getOwnPropertyDescriptor(init, name);
            if (own && own.enumerable) this.#list.push(text(name), text(init[name]));
          }
        }
      } else this.#list = native.parseQuery(text(init).replace(/^\?/, ''));
    }
    // For URL only: ties a list to a URL.
    static tie(params, changed) { params.#changed = changed; return params; }
    static renew(params, search) { params.#list = native.parseQuery(search.replace(/^\?/, '')); }
    #update() { if (this.#changed) this.#changed(this.toString()); }
    get size() { return this.#list.length / 2; }
    append(name, value) { this.#list.push(text(name), text(value)); this.#update(); }
    delete(name, value) {
      name = text(name);
      const kept = [];
      for (let i = 0; i < this.#list.length; i += 2) {
        const hit = this.#list[i] === name && (value === undefined || this.#list[i + 1] === text(value));
        if (!hit) kept.push(this.#list[i], this.#list[i + 1]);
      }
      this.#list = kept;
      this.#update();
    }
    get(name) {
      name = text(name);
      for (let i = 0; i < this.#list.length; i += 2) if (this.#list[i] === name) return this.#list[i + 1];
      return null;
    }
    getAll(name) {
      name = text(name);
      return this.#list.filter((_, i) => i % 2 === 1 && this.#list[i - 1] === name);
    }
    has(name, value) {
      const all = this.getAll(name);
      return value === undefined ? all.length > 0 : all.includes(text(value));
    }
    set(name, value) {
      name = text(name);
      const kept = [];
      let done = false;
      for (let i = 0; i < this.#list.length; i += 2) {
        if (this.#list[i] !== name) kept.push(this.#list[i], this.#list[i + 1]);
        else if (!done) { done = true; kept.push(name, text(value)); }
      }
      if (!done) kept.push(name, text(value));
      this.#list = kept;
      this.#update();
    }
    sort() {
      const pairs = [...this].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
      this.#list = pairs.flat();
      this.#update();
    }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    *entries() { for (let i = 0; i < this.#list.length; i += 2) yield [this.#list[i], this.#list[i + 1]]; }
    *keys() { for (let i = 0; i < this.#list.length; i += 2) yield this.#list[i]; }
    *values() { for (let i = 0; i < this.#list.length; i += 2) yield this.#list[i + 1]; }
    toString() { return native.writeQuery(this.#list); }
    get [Symbol.toStringTag]() { return 'URLSearchParams'; }
  }
  const { tie, renew } = URLSearchParams;
  delete URLSearchParams.tie;
  delete URLSearchParams.renew;
  Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
    value: URLSearchParams.prototype.entries, writable: true, configurable: true,
  });

  class URL {
    #parts;
    #params;
    constructor(url, base) {
      if (arguments.length === 0) throw new TypeError('URL: the first argument is missing');
      this.#parts = native.parseUrl(text(url), base === undefined ? undefined : text(base));
      if (this.#parts === null) throw new TypeError(`Invalid URL: '${shown(url)}'${base === undefined ? '' : ` with base '${shown(base)}'`}`);
    }
    static canParse(url, base) { return native.parseUrl(text(url), base === undefined ? undefined : text(base)) !== null; }
    static parse(url, base) { return URL.canParse(url, base) ? new URL(url, base) : null; }
    static set(url, part, value) {
      url.#parts = native.setUrl(url.#parts.href, part, text(value));
      if (part === 'search' && url.#params) renew(url.#params, url.#parts.search);
    }
    static part(url, part) { return url.#parts[part]; }
    get href() { return this.#parts.href; }
    set href(value) {
      const parts = native.parseUrl(text(value));
      if (parts === null) throw new TypeError(`Invalid URL: '${shown(value)}'`);
      this.#parts = parts;
      if (this.#params) renew(this.#params, parts.search);
    }
    get origin() { return this.#parts.origin; }
    get searchParams() {
      return this.#params ??= tie(new URLSearchParams(this.#parts.search), (query) => {
        this.#parts = native.setUrl(this.#parts.href, 'search', query);
      });
    }
    toString() { return this.#parts.href; }
    toJSON() { return this.#parts.href; }
    get [Symbol.toStringTag]() { return 'URL'; }
  }
  const { set, part } = URL;
  delete URL.set;
  delete URL.part;
  for (const name of ['protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash']) {
    Object.defineProperty(URL.prototype, name, {
      get() { return part(this, name); },
      set(value) { set(this, name, value); },
      enumerable: true, configurable: true,
    });
  }
  return { URL, URLSearchParams };
})
