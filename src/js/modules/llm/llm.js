// The API of xk6-llm over inrush/ai: `new llm.Client(...)`, `new llm.Session(...)`, `new llm.Dataset(...)`, and the metrics `llm_*`.
// Names, defaults and formulas are the extension's; the measuring is ours.
(function (native) {
  'use strict';

  const { ai, details } = native;
  const { Counter, Gauge, Rate, Trend } = native.metrics;
  const { SharedArray } = native.data;

  const metrics = {};
  for (const [Kind, names, isTime] of [
    [Counter, ['requests', 'errors', 'prompt_tokens', 'completion_tokens', 'tool_calls', 'aborted', 'embed_requests', 'embed_tokens', 'embed_inputs', 'embed_errors']],
    [Trend, ['request_duration', 'response_headers', 'ttft', 'itl', 'tpot', 'embed_duration'], true],
    [Trend, ['chunks_per_request', 'energy_j', 'energy_j_per_token', 'cost_usd'], false],
    [Rate, ['goodput', 'slo_ttft', 'slo_tpot', 'slo_e2el']],
    [Gauge, ['ratelimit_remaining_requests', 'ratelimit_remaining_tokens']],
  ]) {
    for (const name of names) metrics[name] = new Kind('llm_' + name, isTime);
  }

  const PROVIDERS = { openai: 'openai', anthropic: 'anthropic', responses: 'openai-responses' };
  const OPTIONS = ['base_url', 'api_key', 'model', 'timeout_ms', 'ignore_eos', 'wire', 'headers', 'slo', 'cost', 'energy', 'agento11y'];
  // Fields of a chat request that have a name of ours; all others go into the body as they are.
  const REQUEST = { max_tokens: 'maxTokens', temperature: 'temperature', top_p: 'topP', seed: 'seed', stop: 'stop', tools: 'tools', tool_choice: 'toolChoice', response_format: 'responseFormat', ignore_eos: 'ignoreEos' };
  // Fields that are about the call and not for the server.
  const CALL = ['messages', 'model', 'slo', 'cache_state', 'tags', 'abort_after_ms', 'abort_after_tokens', 'stream', 'generation_id', 'parent_generation_ids'];

  let warned = false;
  let generations = 0;
  let sessions = 0;

  function isObject(value) {
    return value !== null && typeof value === 'object' && !Array.isArray(value);
  }

  function positive(value) {
    return typeof value === 'number' && value > 0 ? value : undefined;
  }

  function readSlo(slo) {
    if (!isObject(slo)) return null;
    const read = { ttft: positive(slo.ttft_ms), tpot: positive(slo.tpot_ms), e2e: positive(slo.e2el_ms) };
    return read.ttft === undefined && read.tpot === undefined && read.e2e === undefined ? null : read;
  }

  function errorType(res) {
    switch (res.errorKind) {
      case 'timeout': case 'ttft_timeout': case 'stalled':
        return res.status >= 500 ? 'http_5xx' : 'timeout';
      case 'connection': case 'dns': case 'tls':
        return 'network';
      default:
        if (res.status >= 500) return 'http_5xx';
        if (res.status >= 400) return 'http_4xx';
        if (res.errorKind === 'protocol') return 'decode';
        return res.status === 0 ? 'network' : 'stream';
    }
  }

  function header(res, name) {
    const value = Number(res.headers[name]);
    return Number.isFinite(value) ? value : 0;
  }

  // With the option `throw` a failed call is an exception that carries its response.
  async function settled(call) {
    try {
      return await call;
    } catch (error) {
      if (error && error.response) return error.response;
      throw error;
    }
  }

  class Client {
    #options;
    #models = new Map();
    #slo;

    constructor(options = {}) {
      if (!isObject(options)) throw new TypeError('llm.Client: options must be an object');
      const unknown = Object.keys(options).find((key) => !OPTIONS.includes(key));
      if (unknown !== undefined) throw new TypeError(`llm.Client: unknown option '${unknown}'; known: ${OPTIONS.join(', ')}`);
      const wire = options.wire || 'openai';
      if (!(wire in PROVIDERS)) throw new TypeError(`llm.Client: wire '${wire}' is not supported; known: ${Object.keys(PROVIDERS).join(', ')}`);
      if (options.agento11y && !warned) {
        warned = true;
        console.warn('k6/x/llm: the option agento11y is accepted without effect: no records are exported');
      }
      this.#options = options;
      this.#slo = readSlo(options.slo);
      if (options.model) this.#model(options.model);
    }

    // The extension's own default is a local Ollama; with `run --mock` it is the mock.
    #model(name) {
      const known = this.#models.get(name);
      if (known) return known;
      const options = this.#options;
      const cost = options.cost || {};
      const energy = options.energy || {};
      const model = ai.model({
        provider: PROVIDERS[options.wire || 'openai'],
        baseURL: options.base_url || __ENV.INRUSH_BASE_URL || 'http://localhost:11434/v1',
        model: name,
        apiKey: options.api_key,
        headers: options.headers,
        timeout: positive(options.timeout_ms) || 60000,
        price: options.cost && { input: cost.usd_per_million_input_tokens || 0, output: cost.usd_per_million_output_tokens || 0 },
        energy: options.energy && { joulesPerInputToken: energy.j_per_input_token || 0, joulesPerOutputToken: energy.j_per_output_token || 0, idleWatts: energy.idle_w || 0 },
      });
      this.#models.set(name, model);
      return model;
    }

    async chat(request) {
      if (!isObject(request)) throw new TypeError('llm.Client.chat: a request object with messages is required');
      const name = request.model || this.#options.model || __ENV.INRUSH_MODEL;
      if (!name) throw new TypeError("llm.Client.chat: no model named: give the client's option model, or model in the request");
      const streams = request.stream !== false;
      const ours = { messages: request.messages, extraBody: {} };
      if (this.#options.ignore_eos) ours.ignoreEos = true;
      for (const [key, value] of Object.entries(request)) {
        if (CALL.includes(key)) continue;
        if (key in REQUEST) ours[REQUEST[key]] = value;
        else ours.extraBody[key] = value;
      }
      const slo = request.slo === undefined ? this.#slo : readSlo(request.slo);
      const tags = { ...request.tags };
      if (request.cache_state) tags.cache_state = request.cache_state;
      if (!streams) tags.mode = 'unary';
      const params = { tags, slo: slo || undefined };
      const [ms, tokens] = [positive(request.abort_after_ms), positive(request.abort_after_tokens)];
      if (!streams && tokens) throw new TypeError('llm.Client.chat: abort_after_tokens needs a streamed call');
      if (streams && (ms || tokens)) params.abortAfter = { ms, tokens };
      const model = this.#model(name);
      const res = await settled(streams ? model.streamAsync(ours, params) : model.completeAsync(ours, params));
      const sampleTags = { ...tags, model: name };
      if (!res.ok) {
        metrics.errors.add(1, { ...sampleTags, error_type: errorType(res) });
        throw new Error(`llm.Client.chat: ${res.errorKind}: ${res.error}`);
      }
      const result = toResult(res, streams, request.generation_id);
      this.#emit(res, result, slo, sampleTags);
      return result;
    }

    #emit(res, r, slo, tags) {
      const add = (name, value) => metrics[name].add(value, tags);
      add('requests', 1);
      add('request_duration', r.duration_ms);
      if (r.response_headers_ms > 0) add('response_headers', r.response_headers_ms);
      if (r.stream) add('chunks_per_request', r.chunks);
      if (r.ttft_ms > 0) add('ttft', r.ttft_ms);
      for (const gap of r.itl_ms) add('itl', gap);
      if (r.tpot_ms > 0) add('tpot', r.tpot_ms);
      if (r.prompt_tokens > 0) add('prompt_tokens', r.prompt_tokens);
      if (r.completion_tokens > 0) add('completion_tokens', r.completion_tokens);
      if (r.aborted) add('aborted', 1);
      if (r.tool_calls.length > 0) add('tool_calls', r.tool_calls.length);
      for (const kind of ['requests', 'tokens']) {
        const left = r['ratelimit_remaining_' + kind];
        if (left >= 0) add('ratelimit_remaining_' + kind, left);
      }
      if (slo) {
        const met = [];
        const check = (name, limit, value) => {
          if (limit === undefined) return;
          met.push(value !== null && value <= limit);
          if (value !== null) add(name, met[met.length - 1]);
        };
        check('slo_ttft', slo.ttft, r.stream && r.ttft_ms > 0 ? r.ttft_ms : null);
        check('slo_tpot', slo.tpot, r.tpot_ms > 0 ? r.tpot_ms : null);
        check('slo_e2el', slo.e2e, r.duration_ms);
        add('goodput', met.every((held) => held));
      }
      if (r.server_cost_usd > 0) add('cost_usd', r.server_cost_usd);
      else if (this.#options.cost && res.cost !== null) add('cost_usd', res.cost);
      if (this.#options.energy && res.energy !== null) {
        add('energy_j', res.energy);
        if (r.completion_tokens > 0) add('energy_j_per_token', res.energy / r.completion_tokens);
      }
    }

    async embed(request) {
      if (!isObject(request) || request.input === undefined) throw new TypeError('llm.Client.embed: input is required: a text or an array of texts');
      const name = request.model || this.#options.model || __ENV.INRUSH_MODEL;
      if (!name) throw new TypeError("llm.Client.embed: no model named: give the client's option model, or model in the request");
      const model = this.#model(name);
      if (typeof model.embedAsync !== 'function') throw new Error('llm.Client.embed: embeddings are not supported yet; call the endpoint with k6/http');
      const inputs = Array.isArray(request.input) ? request.input.length : 1;
      const res = await settled(model.embedAsync({ input: request.input }, { tags: request.tags }));
      const tags = { ...request.tags, model: name };
      if (!res.ok) {
        metrics.embed_errors.add(1, { ...tags, error_type: errorType(res) });
        throw new Error(`llm.Client.embed: ${res.errorKind}: ${res.error}`);
      }
      const tokens = (res.usage && res.usage.inputTokens) || 0;
      metrics.embed_requests.add(1, tags);
      metrics.embed_duration.add(res.e2e, tags);
      metrics.embed_inputs.add(inputs, tags);
      if (tokens > 0) metrics.embed_tokens.add(tokens, tags);
      return { model: res.model || name, embeddings: res.embeddings, prompt_tokens: tokens, duration_ms: res.e2e, inputs };
    }

    flush() {}
  }

  function toResult(res, streams, generation) {
    const more = details(res);
    const usage = res.usage;
    const timings = (isObject(res.serverTimings) && res.serverTimings) || {};
    const number = (value) => (typeof value === 'number' ? value : 0);
    let charged = 0;
    try {
      charged = number(JSON.parse(more.usage || '{}').cost);
    } catch (_) {
      // What the server calls its usage is its own business.
    }
    const ttft = res.ttft === undefined || res.ttft === null ? 0 : res.ttft;
    const tokens = usage.outputTokens || 0;
    const derivable = tokens > 1 && ttft > 0 && more.duration > ttft;
    return {
      content: res.text,
      generation_id: generation || `gen-${__VU}-${(generations += 1)}`,
      stream: streams,
      ttft_ms: streams ? ttft : 0,
      ttf_text_ms: streams ? res.ttfo || 0 : 0,
      itl_ms: streams ? more.gaps : [],
      tpot_ms: streams && derivable ? (more.duration - ttft) / (tokens - 1) : 0,
      duration_ms: more.duration,
      response_headers_ms: more.toHead,
      chunks: streams ? res.chunks : 0,
      prompt_tokens: usage.inputTokens || 0,
      completion_tokens: tokens,
      cached_tokens: usage.cachedTokens || 0,
      cache_write_tokens: more.cacheWrite,
      thinking_tokens: usage.reasoningTokens || 0,
      thinking_chunks: more.reasoningChunks,
      finish_reason: res.finishReason === 'cancelled' ? '' : res.finishReason || '',
      aborted: res.finishReason === 'cancelled',
      tool_calls: res.toolCalls.map((call) => ({ id: call.id, name: call.name, arguments: call.arguments })),
      request_id: res.requestId || '',
      server_processing_ms: header(res, 'Openai-Processing-Ms'),
      ratelimit_remaining_requests: res.rateLimit.requests.remaining === null ? -1 : res.rateLimit.requests.remaining,
      ratelimit_remaining_tokens: res.rateLimit.tokens.remaining === null ? -1 : res.rateLimit.tokens.remaining,
      server_cost_usd: charged,
      server_prefill_ms: number(timings.prompt_ms),
      server_decode_ms: number(timings.predicted_ms),
      draft_tokens: number(timings.draft_n),
      draft_accepted: number(timings.draft_n_accepted),
    };
  }

  class Session {
    #client;
    #id;
    #system;
    #messages = [];
    #turn = 0;
    #tokens = { prompt: 0, completion: 0 };

    constructor(client, options = {}) {
      if (!(client instanceof Client)) throw new TypeError('llm.Session: the first argument must be an llm.Client');
      if (!isObject(options)) throw new TypeError('llm.Session: the second argument must be an object of options');
      this.#client = client;
      this.#system = options.system;
      this.#id = options.id || `s-${__VU}-${(sessions += 1)}`;
      this.reset();
    }

    async send(argument) {
      const text = typeof argument === 'string' ? argument : isObject(argument) ? argument.content : undefined;
      if (typeof text !== 'string') throw new TypeError('llm.Session.send: a text is required, or an object with a text as content');
      const { content, messages, role, ...request } = isObject(argument) ? argument : {};
      this.#turn += 1;
      this.#messages.push({ role: 'user', content: text });
      const turn = String(this.#turn);
      const result = await this.#client.chat({
        cache_state: this.#turn === 1 ? 'cold' : 'warm',
        ...request,
        tags: { session_id: this.#id, turn, ...request.tags },
        messages: this.messages(),
      });
      this.#messages.push({ role: 'assistant', content: result.content });
      this.#tokens.prompt += result.prompt_tokens;
      this.#tokens.completion += result.completion_tokens;
      return result;
    }

    reset() {
      this.#messages = this.#system ? [{ role: 'system', content: this.#system }] : [];
      this.#turn = 0;
    }

    id() {
      return this.#id;
    }

    turn() {
      return this.#turn;
    }

    messages() {
      return this.#messages.map((message) => ({ ...message }));
    }

    tokens() {
      const { prompt, completion } = this.#tokens;
      return { prompt, completion, total: prompt + completion };
    }
  }

  function readLines(path) {
    const items = [];
    open(path).split('\n').forEach((line, at) => {
      if (line.trim() === '') return;
      let item;
      try {
        item = JSON.parse(line);
      } catch (error) {
        throw new Error(`llm.Dataset("${path}"): line ${at + 1}: invalid JSON: ${error.message}`);
      }
      if (!item || !Array.isArray(item.messages) || item.messages.length === 0) throw new Error(`llm.Dataset("${path}"): line ${at + 1}: messages are missing or empty`);
      items.push(item);
    });
    if (items.length === 0) throw new Error(`llm.Dataset("${path}"): the file is empty`);
    return items;
  }

  // A generator of 32-bit numbers (mulberry32): the same seed gives the same order here, though not the extension's.
  function shuffled(length, seed) {
    let state = seed >>> 0;
    const random = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const order = Array.from({ length }, (_, at) => at);
    for (let at = length - 1; at > 0; at--) {
      const other = Math.floor(random() * (at + 1));
      [order[at], order[other]] = [order[other], order[at]];
    }
    return order;
  }

  class Dataset {
    #items;
    #order = null;
    #cursor = 0;

    constructor(options) {
      if (!isObject(options) || typeof options.path !== 'string' || options.path === '') throw new TypeError("llm.Dataset: an object with 'path' is required");
      const seed = options.seed === undefined ? 42 : options.seed;
      if (typeof seed !== 'number' || seed < 0) throw new TypeError("llm.Dataset: 'seed' must be a number of at least 0");
      this.#items = new SharedArray(`k6/x/llm ${options.path}`, () => readLines(options.path));
      if (options.shuffle === true) this.#order = shuffled(this.#items.length, seed);
    }

    size() {
      return this.#items.length;
    }

    at(index) {
      const size = this.size();
      const at = ((Math.trunc(index) % size) + size) % size;
      return this.#items[this.#order ? this.#order[at] : at];
    }

    next() {
      const item = this.at(this.#cursor);
      this.#cursor += 1;
      return item;
    }

    reset() {
      this.#cursor = 0;
    }
  }

  return { Client, Dataset, Session };
})
