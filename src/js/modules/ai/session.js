// Conversations: what `model.session(options)` returns. The history, its cut to `maxHistoryTokens`, and the loop of tool calls are
// here; every call is made and measured by the model's own `stream` or `complete`.
//
// A turn is a generator that yields what has to be done (a call, a tool's handler), so that `say` and `sayAsync` share it.
(function (native) {
  'use strict';

  const OWN = ['system', 'tools', 'maxHistoryTokens', 'maxRounds', 'stream'];
  const ROUNDS = 8;

  function fail(what) {
    throw new TypeError('session(): ' + what);
  }

  function count(value, name) {
    if (value === undefined || value === null) return undefined;
    if (!Number.isInteger(value) || value < 1) fail(`options.${name}: expected a whole number of at least 1, got ${String(value)}`);
    return value;
  }

  // `{name: {description, parameters, handler}}` or `[{name, description, parameters, handler}]`.
  function readTools(tools) {
    if (tools === undefined || tools === null) return [];
    if (typeof tools !== 'object') fail('options.tools: expected an object of tools by name, or an array of tools');
    const list = Array.isArray(tools) ? tools : Object.entries(tools).map(([name, tool]) => ({ ...tool, name }));
    return list.map((tool, at) => {
      const name = tool && tool.name;
      if (typeof name !== 'string' || name === '') fail(`options.tools[${at}]: a tool needs a name`);
      if (tool.handler !== undefined && typeof tool.handler !== 'function') fail(`options.tools: the handler of '${name}' must be a function`);
      const { handler, ...declared } = tool;
      return { name, handler, declared };
    });
  }

  function userMessage(content) {
    if (typeof content === 'string' || Array.isArray(content)) return { role: 'user', content };
    throw new TypeError(`say(): expected a text, an array of parts, or {content: ...}, got ${content === null ? 'null' : typeof content}`);
  }

  function assistantMessage(res) {
    const message = { role: 'assistant', content: res.text || res.refusal || '' };
    if (res.toolCalls.length > 0) {
      if (message.content === '') message.content = null;
      message.toolCalls = res.toolCalls.map((call, at) => ({ id: call.id || `call_${at}`, name: call.name, arguments: call.arguments }));
    }
    return message;
  }

  function resultText(result) {
    if (typeof result === 'string') return result;
    const text = JSON.stringify(result);
    return text === undefined ? 'null' : text;
  }

  function ids(calls) {
    return calls.map((call) => call.id).join(', ');
  }

  class Session {
    #model;
    #system;
    #request;
    #tools;
    #stream;
    #maxTokens;
    #maxRounds;
    #history = [];
    #turn = 0;
    #busy = false;
    #rounds = [];
    #weights = new WeakMap();
    #usage = { calls: 0, inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0, cost: 0 };
    // Input of the calls whose server says how much of it was cached: the others say nothing about the share.
    #cacheTold = 0;

    constructor(model, options) {
      if (options !== undefined && options !== null && (typeof options !== 'object' || Array.isArray(options))) fail('expected an object of options');
      const { system, tools, maxHistoryTokens, maxRounds, stream, ...request } = options || {};
      if (system !== undefined && system !== null && typeof system !== 'string') fail('options.system: expected a string');
      for (const field of ['messages', 'prompt', 'model']) {
        if (request[field] !== undefined) fail(`options.${field}: a session keeps the messages itself; ${field === 'model' ? 'make the session of another model' : 'pass them to say()'}`);
      }
      native.checkRequest(request, OWN);
      this.#model = model;
      this.#system = system === null ? undefined : system;
      this.#tools = readTools(tools);
      this.#maxTokens = count(maxHistoryTokens, 'maxHistoryTokens');
      this.#maxRounds = count(maxRounds, 'maxRounds') || ROUNDS;
      this.#stream = stream === undefined || stream === null ? true : Boolean(stream);
      this.#request = request;
      if (this.#tools.length > 0) this.#request.tools = this.#tools.map((tool) => tool.declared);
    }

    /** Turns that were completed. */
    get turn() {
      return this.#turn;
    }

    get system() {
      return this.#system === undefined ? null : this.#system;
    }

    /** A copy of the messages so far, without the system message. */
    get history() {
      return JSON.parse(JSON.stringify(this.#history));
    }

    set history(messages) {
      if (this.#busy) throw new Error('the session is busy with a turn: set its history when say() has returned');
      if (!Array.isArray(messages)) throw new TypeError('session.history: expected an array of messages');
      this.#history = JSON.parse(JSON.stringify(messages));
    }

    /** The responses of the last turn: one, or several when tools were called. */
    get rounds() {
      return this.#rounds.slice();
    }

    /** What all calls of the session used up, failed ones included. */
    get usage() {
      return { ...this.#usage };
    }

    /** Share of the input that the server read from its cache; null when it never said. */
    get cachedShare() {
      return this.#cacheTold > 0 ? this.#usage.cachedTokens / this.#cacheTold : null;
    }

    reset() {
      if (this.#busy) throw new Error('the session is busy with a turn: reset it when say() has returned');
      this.#history = [];
      this.#turn = 0;
      this.#rounds = [];
      return this;
    }

    say(content, params) {
      const turn = this.#converse(content, params);
      let step = turn.next();
      while (!step.done) {
        let value;
        try {
          value = step.value(false);
          if (value && typeof value.then === 'function') throw new TypeError('a tool handler of this session is asynchronous: use sayAsync()');
        } catch (error) {
          step = turn.throw(error);
          continue;
        }
        step = turn.next(value);
      }
      return step.value;
    }

    async sayAsync(content, params) {
      const turn = this.#converse(content, params);
      let step = turn.next();
      while (!step.done) {
        let value;
        try {
          value = await step.value(true);
        } catch (error) {
          step = turn.throw(error);
          continue;
        }
        step = turn.next(value);
      }
      return step.value;
    }

    /** Answers a tool call that has no handler; say() without a text goes on when all are answered. */
    toolResult(call, result) {
      const id = typeof call === 'string' ? call : call && call.id;
      const open = this.#unanswered();
      const asked = open.find((waiting) => waiting.id === id);
      if (!asked) throw new Error(`toolResult(): no tool call '${String(id)}' waits for a result; waiting: ${ids(open) || 'none'}`);
      this.#history = [...this.#history, { role: 'tool', toolCallId: id, name: asked.name, content: resultText(result) }];
      return this;
    }

    // The tool calls at the end of the history that have no result yet.
    #unanswered() {
      const answered = new Set();
      for (let at = this.#history.length - 1; at >= 0; at--) {
        const message = this.#history[at];
        if (message.role === 'tool') answered.add(message.toolCallId);
        else return (message.toolCalls || []).filter((call) => !answered.has(call.id));
      }
      return [];
    }

    *#converse(content, params) {
      if (this.#busy) throw new Error('the session is busy with a turn: wait for it before the next say()');
      let request = this.#request;
      if (content && typeof content === 'object' && !Array.isArray(content)) {
        const { content: text, ...more } = content;
        native.checkRequest(more, []);
        request = { ...request, ...more };
        content = text;
      }
      const open = this.#unanswered();
      if (open.length > 0) throw new Error(`the model waits for the results of its tool calls (${ids(open)}): give them with session.toolResult(id, result), or session.reset()`);
      let messages = this.#history;
      if (content === undefined || content === null) {
        const last = messages[messages.length - 1];
        if (!last || last.role !== 'tool') throw new TypeError('say(): a text is missing; without one it goes on after session.toolResult() only');
      } else {
        messages = [...messages, userMessage(content)];
      }
      const number = this.#turn + 1;
      const rounds = [];
      let kept = null;
      this.#busy = true;
      try {
        for (let round = 1; ; round++) {
          messages = this.#cut(messages);
          const res = yield this.#call({ ...request, messages: this.#withSystem(messages) }, { ...params, turn: number });
          rounds.push(res);
          this.#account(res);
          if (!res.ok) return res;
          if (res.finishReason === 'cancelled') {
            // The user left in the middle of the answer: what they had read is part of the conversation.
            if (res.text !== '') kept = [...messages, { role: 'assistant', content: res.text }];
            return res;
          }
          const answer = assistantMessage(res);
          messages = [...messages, answer];
          const calls = answer.toolCalls || [];
          if (calls.length === 0 || calls.some((call) => this.#isLeftToScript(call))) {
            kept = messages;
            return res;
          }
          if (round >= this.#maxRounds) return res;
          for (const call of calls) {
            const result = yield this.#handling(call, number, round);
            messages = [...messages, { role: 'tool', toolCallId: call.id, name: call.name, content: resultText(result) }];
          }
        }
      } finally {
        this.#busy = false;
        this.#rounds = rounds;
        if (kept) {
          this.#history = kept;
          this.#turn = number;
        }
      }
    }

    #withSystem(messages) {
      return this.#system === undefined ? messages : [{ role: 'system', content: this.#system }, ...messages];
    }

    #call(request, params) {
      const model = this.#model;
      if (this.#stream) return (isAsync) => (isAsync ? model.streamAsync(request, params) : model.stream(request, params));
      return (isAsync) => (isAsync ? model.completeAsync(request, params) : model.complete(request, params));
    }

    #tool(call) {
      return this.#tools.find((tool) => tool.name === call.name);
    }

    #isLeftToScript(call) {
      const tool = this.#tool(call);
      return tool !== undefined && tool.handler === undefined;
    }

    // What the model got wrong it is told; what a handler throws is the script's own error and ends the turn.
    #handling(call, turn, round) {
      return () => {
        const tool = this.#tool(call);
        if (!tool) return { error: `there is no tool named '${call.name}'; known: ${this.#tools.map((t) => t.name).join(', ') || 'none'}` };
        let args;
        try {
          args = call.arguments.trim() === '' ? {} : JSON.parse(call.arguments);
        } catch (error) {
          return { error: `the arguments are not valid JSON: ${error.message}` };
        }
        return tool.handler(args, { id: call.id, name: call.name, turn, round, session: this });
      };
    }

    // Drops whole turns from the front until the rest fits; the newest turn stays whatever its length.
    #cut(messages) {
      if (this.#maxTokens === undefined) return messages;
      const empty = this.#model.countTokens([]);
      const weight = (message) => {
        let tokens = this.#weights.get(message);
        if (tokens === undefined) {
          tokens = this.#model.countTokens([message]) - empty;
          this.#weights.set(message, tokens);
        }
        return tokens;
      };
      let sum = empty + (this.#system === undefined ? 0 : this.#model.countTokens([{ role: 'system', content: this.#system }]) - empty);
      for (const message of messages) sum += weight(message);
      let from = 0;
      while (sum > this.#maxTokens) {
        const next = messages.findIndex((message, at) => at > from && message.role === 'user');
        if (next < 0) break;
        for (; from < next; from++) sum -= weight(messages[from]);
      }
      return from === 0 ? messages : messages.slice(from);
    }

    #account(res) {
      const usage = res.usage;
      const total = this.#usage;
      total.calls += 1;
      total.inputTokens += usage.inputTokens || 0;
      total.outputTokens += usage.outputTokens || 0;
      total.reasoningTokens += usage.reasoningTokens || 0;
      total.cost += res.cost || 0;
      if (usage.cachedTokens !== null) {
        total.cachedTokens += usage.cachedTokens;
        this.#cacheTold += usage.inputTokens || 0;
      }
    }
  }

  return (model, options) => new Session(model, options);
})
