// fetch, Request and Response on the measured transport.
(function (native) {
  'use strict';
  // Passwords stay out of messages.
  const shown = (url) => url.replace(/\/\/[^/]*@/, '//***@');
  const REDIRECTS = [301, 302, 303, 307, 308];
  // Bytes and content type of a body given by the script.
  async function collect(body) {
    if (body === null || body === undefined) return [undefined, undefined];
    if (typeof body === 'string') return [new TextEncoder().encode(body), 'text/plain;charset=UTF-8'];
    if (body instanceof URLSearchParams) return [new TextEncoder().encode(body.toString()), 'application/x-www-form-urlencoded;charset=UTF-8'];
    if (body instanceof Blob) return [await body.bytes(), body.type || undefined];
    if (body instanceof ArrayBuffer) return [new Uint8Array(body.slice(0)), undefined];
    if (ArrayBuffer.isView(body)) return [new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice(), undefined];
    if (body instanceof ReadableStream) return [await gather(body), undefined];
    if (body instanceof FormData) {
      const boundary = `----inrush${crypto.randomUUID().replace(/-/g, '')}`;
      const quote = (s) => s.replace(/\r\n|\r|\n/g, '%0D%0A').replace(/"/g, '%22');
      const parts = [];
      for (const [name, value] of body) {
        const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"`;
        if (typeof value === 'string') parts.push(`${head}\r\n\r\n${value}\r\n`);
        else parts.push(`${head}; filename="${quote(value.name)}"\r\nContent-Type: ${value.type || 'application/octet-stream'}\r\n\r\n`, value, '\r\n');
      }
      parts.push(`--${boundary}--\r\n`);
      return [await new Blob(parts).bytes(), `multipart/form-data; boundary=${boundary}`];
    }
    return [new TextEncoder().encode(`${body}`), 'text/plain;charset=UTF-8'];
  }
  // All bytes of a stream.
  async function gather(stream) {
    const chunks = [];
    let size = 0;
    for await (const chunk of stream) {
      if (!ArrayBuffer.isView(chunk)) throw new TypeError('a body must consist of Uint8Array chunks');
      chunks.push(chunk);
      size += chunk.byteLength;
    }
    if (chunks.length === 1 && chunks[0] instanceof Uint8Array) return chunks[0];
    const all = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) { all.set(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength), at); at += chunk.byteLength; }
    return all;
  }
  const typeOf = (body) => {
    if (typeof body === 'string') return 'text/plain;charset=UTF-8';
    if (body instanceof URLSearchParams) return 'application/x-www-form-urlencoded;charset=UTF-8';
    if (body instanceof Blob) return body.type || undefined;
    return undefined;
  };

  class Body {
    #given; #stream; #used = false; #type;
    constructor(given) {
      if (given instanceof ReadableStream) this.#stream = given; else this.#given = given ?? null;
    }
    get body() {
      if (this.#stream) return this.#stream;
      if (this.#given === null) return null;
      const given = this.#given;
      return this.#stream = new ReadableStream({
        async pull(controller) {
          const [bytes] = await collect(given);
          if (bytes.length) controller.enqueue(bytes);
          controller.close();
        },
      }, { highWaterMark: 0 });
    }
    get bodyUsed() { return this.#used; }
    static take(body, what) {
      if (body.#used || body.#stream?.locked) throw new TypeError(`${what}: the body was already used; read it once, or clone() before`);
      body.#used = true;
    }
    static parts(body) { return body.#stream ?? body.#given; }
    static split(body) {
      if (body.#used || body.#stream?.locked) throw new TypeError('clone: the body was already used');
      if (!body.#stream) return body.#given;
      const [one, two] = body.#stream.tee();
      body.#stream = one;
      return two;
    }
    async #all(what) {
      take(this, what);
      if (this.#stream) return gather(this.#stream);
      const [bytes, type] = await collect(this.#given);
      this.#type = type;
      return bytes ?? new Uint8Array(0);
    }
    async bytes() { return this.#all('bytes'); }
    async arrayBuffer() { const b = await this.#all('arrayBuffer'); return b.byteLength === b.buffer.byteLength ? b.buffer : b.slice().buffer; }
    async text() { return new TextDecoder().decode(await this.#all('text')); }
    async json() { return JSON.parse(new TextDecoder().decode(await this.#all('json'))); }
    async blob() { return new Blob([await this.#all('blob')], { type: this.headers.get('content-type') ?? '' }); }
    async formData() {
      const bytes = await this.#all('formData');
      const type = this.headers.get('content-type') ?? this.#type ?? '';
      const form = new FormData();
      if (/^application\/x-www-form-urlencoded/i.test(type)) {
        for (const [name, value] of new URLSearchParams(new TextDecoder().decode(bytes))) form.append(name, value);
        return form;
      }
      const boundary = /^multipart\/form-data.*boundary="?([^";]+)/i.exec(type)?.[1];
      if (!boundary) throw new TypeError(`formData: the content type '${type}' is no form`);
      // One character per byte.
      const text = atob(bytes.toBase64());
      const back = (s) => Uint8Array.from(s, (c) => c.charCodeAt(0));
      for (const part of text.split(`--${boundary}`).slice(1, -1)) {
        const at = part.indexOf('\r\n\r\n');
        const head = part.slice(0, at);
        const name = /name="([^"]*)"/.exec(head)?.[1];
        if (at < 0 || name === undefined) throw new TypeError('formData: a part of the body is broken');
        const content = back(part.slice(at + 4, -2));
        const file = /filename="([^"]*)"/.exec(head)?.[1];
        const label = new TextDecoder().decode(back(name));
        if (file === undefined) form.append(label, new TextDecoder().decode(content));
        else form.append(label, new File([content], new TextDecoder().decode(back(file)), { type: /content-type: *([^\r\n]+)/i.exec(head)?.[1] ?? 'text/plain' }));
      }
      return form;
    }
  }
  const { take, parts, split } = Body;
  for (const name of ['take', 'parts', 'split']) delete Body[name];

  class Request extends Body {
    #o;
    constructor(input, init = {}) {
      init = init ?? {};
      const from = input instanceof Request ? input : undefined;
      const method = `${init.method ?? from?.method ?? 'GET'}`;
      if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) throw new TypeError(`fetch: '${method}' is not an HTTP method`);
      const upper = /^(get|head|post|put|delete|options|patch)$/i.test(method) ? method.toUpperCase() : method;
      const given = init.body ?? (from ? split(from) : null);
      if (given !== null && (upper === 'GET' || upper === 'HEAD')) throw new TypeError(`fetch: a ${upper} request cannot have a body`);
      super(given);
      const url = from ? from.url : `${input}`;
      const parsed = URL.parse(url);
      if (!parsed) throw new TypeError(`fetch: Invalid URL '${shown(url)}'; write it whole, such as 'https://host/path'`);
      const redirect = init.redirect ?? from?.redirect ?? 'follow';
      if (!['follow', 'error', 'manual'].includes(redirect)) throw new TypeError(`fetch: unknown redirect '${redirect}'; known: follow, error, manual`);
      const headers = new Headers(init.headers ?? from?.headers);
      const type = typeOf(given);
      if (type && !headers.has('content-type')) headers.set('content-type', type);
      this.#o = { url: parsed.href, method: upper, headers, redirect, signal: init.signal ?? from?.signal ?? null, tags: init.tags ?? from?.tags, timeout: init.timeout ?? from?.timeout };
    }
    get url() { return this.#o.url; }
    get method() { return this.#o.method; }
    get headers() { return this.#o.headers; }
    get redirect() { return this.#o.redirect; }
    get signal() { return this.#o.signal ??= new AbortController().signal; }
    get tags() { return this.#o.tags; }
    get timeout() { return this.#o.timeout; }
    clone() { return new Request(this); }
    get [Symbol.toStringTag]() { return 'Request'; }
  }

  class Response extends Body {
    #o;
    constructor(body = null, init = {}) {
      super(body);
      init = init ?? {};
      const status = init.status === undefined ? 200 : Number(init.status);
      if (!(status >= 200 && status <= 599) && !init.fetched) throw new RangeError(`Response: the status must be from 200 to 599, not ${init.status}`);
      const headers = new Headers(init.headers);
      const type = typeOf(body);
      if (type && !headers.has('content-type')) headers.set('content-type', type);
      this.#o = { status, statusText: `${init.statusText ?? ''}`, headers, url: init.fetched?.url ?? '', redirected: init.fetched?.redirected ?? false, type: init.fetched ? 'basic' : 'default' };
    }
    get status() { return this.#o.status; }
    get ok() { return this.#o.status >= 200 && this.#o.status <= 299; }
    get statusText() { return this.#o.statusText; }
    get headers() { return this.#o.headers; }
    get url() { return this.#o.url; }
    get redirected() { return this.#o.redirected; }
    get type() { return this.#o.type; }
    clone() { return new Response(split(this), { ...this.#o, fetched: this.#o.type === 'basic' ? this.#o : undefined }); }
    static json(data, init = {}) {
      const headers = new Headers(init?.headers);
      if (!headers.has('content-type')) headers.set('content-type', 'application/json');
      return new Response(JSON.stringify(data), { ...init, headers });
    }
    static error() { return new Response(null, { status: 0, fetched: { url: '', redirected: false } }); }
    static redirect(url, status = 302) {
      if (!REDIRECTS.includes(status)) throw new RangeError(`Response.redirect: ${status} is no redirect`);
      return new Response(null, { status, headers: { location: new URL(url).href } });
    }
    get [Symbol.toStringTag]() { return 'Response'; }
  }

  async function fetch(input, init = {}) {
    const request = new Request(input, init);
    const signal = init?.signal ?? (input instanceof Request ? input.signal : null);
    signal?.throwIfAborted();
    let given = parts(request);
    if (given !== null && given !== undefined) take(request, 'fetch');
    const [bytes, type] = await collect(given);
    given = undefined;
    signal?.throwIfAborted();
    const headers = Object.fromEntries(request.headers);
    if (type && !request.headers.has('content-type')) headers['content-type'] = type;
    if (!request.headers.has('accept')) headers.accept = '*/*';
    const params = { headers, redirects: request.redirect === 'follow' ? 20 : 0 };
    if (request.tags) params.tags = request.tags;
    if (request.timeout !== undefined) params.timeout = request.timeout;
    const call = native.fetch(request.method, request.url, bytes, params);
    let controller;
    let finished = false;
    let refuse;
    const aborted = new Promise((_, reject) => { refuse = reject; });
    aborted.catch(() => {});
    const onAbort = () => {
      call.cancel();
      refuse(signal.reason);
      if (controller && !finished) { finished = true; controller.error(signal.reason); }
    };
    const finish = () => { finished = true; signal?.removeEventListener('abort', onAbort); };
    signal?.addEventListener('abort', onAbort, { once: true });
    call.head.catch(() => {});
    let head;
    try { head = await Promise.race([call.head, aborted]); } catch (error) { finish(); throw error; }
    const moved = REDIRECTS.includes(head.status) && head.headers.some(([name]) => name.toLowerCase() === 'location');
    if (moved && request.redirect !== 'manual') {
      call.cancel();
      finish();
      throw new TypeError(request.redirect === 'error' ? `fetch failed: ${shown(request.url)} redirects, and redirect is 'error'` : `fetch failed: more than 20 redirects from ${shown(request.url)}`);
    }
    const empty = request.method === 'HEAD' || [101, 204, 205, 304].includes(head.status);
    const body = empty ? null : new ReadableStream({
      start(c) { controller = c; },
      async pull(c) {
        let chunk;
        try { chunk = await call.next(); } catch (error) { if (finished) return; finish(); throw error; }
        if (finished) return;
        if (chunk === undefined) { finish(); c.close(); } else c.enqueue(chunk);
      },
      cancel() { finish(); call.cancel(); },
    }, { highWaterMark: 0 });
    if (empty) finish();
    return new Response(body, { status: head.status, statusText: head.statusText, headers: head.headers, fetched: { url: head.url, redirected: head.redirected } });
  }
  return { Request, Response, fetch };
})
