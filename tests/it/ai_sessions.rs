//! Conversations against the embedded mock: what is sent, what is kept, tools, failed turns; and what answers are worth.

use super::ai_calls::holds;
use super::ai_truth::truth;

#[test]
fn turns_keep_the_history() {
    let ran = holds(
        r"
const llm = ai.model({ model: 'gpt-4o' });
export const options = { thresholds: { 'ai_ttft{turn:1}': ['max>0'], 'ai_requests{turn:2}': ['count==1'], 'ai_requests{turn:3}': ['count==2'] } };
export default async () => {
  const talk = llm.session({ system: 'Be brief.', maxTokens: 5, ignoreEos: true });
  is('new', [talk.turn, talk.system, talk.history, talk.cachedShare, talk.usage.calls], [0, 'Be brief.', [], null, 0]);
  const one = talk.say('First', { headers: { 'x-mock-cached-tokens': '0' } });
  is('one', [one.ok, one.usage.outputTokens, talk.turn], [true, 5, 1]);
  const two = await talk.sayAsync([{ type: 'text', text: 'Second' }], { headers: { 'x-mock-cached-tokens': '10' } });
  is('history', talk.history, [
    { role: 'user', content: 'First' }, { role: 'assistant', content: one.text },
    { role: 'user', content: [{ type: 'text', text: 'Second' }] }, { role: 'assistant', content: two.text },
  ]);
  is('what was sent', two.usage.inputTokens, llm.countTokens([{ role: 'system', content: 'Be brief.' }, ...talk.history.slice(0, 3)]));
  is('usage', [talk.usage.calls, talk.usage.inputTokens, talk.usage.cachedTokens], [2, one.usage.inputTokens + two.usage.inputTokens, 10]);
  ok('cached share', Math.abs(talk.cachedShare - 10 / talk.usage.inputTokens) < 1e-9, talk.cachedShare);
  talk.history[0].content = 'changed';
  is('a copy', talk.history[0].content, 'First');
  const before = talk.history;
  const failed = talk.say('Third', { headers: { 'x-mock-error': '500' } });
  is('a failed turn', [failed.errorKind, talk.turn, talk.history], ['server', 2, before]);
  const cut = talk.say({ content: 'Third', maxTokens: 50 }, { abortAfter: { tokens: 2 } });
  is('a turn the user left', [cut.finishReason, talk.turn, talk.history[5]], ['cancelled', 3, { role: 'assistant', content: cut.text }]);
  talk.reset();
  is('reset', [talk.turn, talk.history, talk.usage.calls], [0, [], 4]);
  talk.history = before;
  is('restored', talk.history, before);
  end();
};",
        &["--mock-ttft", "5ms", "--mock-itl", "1ms"],
    )
    .exits(0)
    .prints(&["prompt cache", "of the input tokens"]);
    assert!(ran.metric("ai_cached_share", "max") > 0.0);
}

#[test]
fn long_conversations_are_cut_by_whole_turns() {
    holds(
        r"
const llm = ai.model({ model: 'gpt-4o' });
export default () => {
  const talk = llm.session({ system: 'S', maxHistoryTokens: 60, maxTokens: 10, ignoreEos: true });
  for (let turn = 1; turn <= 6; turn++) {
    const r = talk.say('Tell me more about it, please.');
    ok('fits ' + turn, r.usage.inputTokens <= 60, r.usage.inputTokens);
    is('begins with a question ' + turn, talk.history[0].role, 'user');
  }
  ok('some turns are gone', talk.history.length < 12 && talk.history.length >= 4, talk.history.length);
  is('turns are still counted', talk.turn, 6);
  const long = llm.session({ maxHistoryTokens: 5, maxTokens: 2 });
  is('the newest turn always stays', [long.say('one two three four five six seven').ok, long.history.length], [true, 2]);
  end();
};",
        &["--mock-ttft", "2ms", "--mock-itl", "1ms"],
    );
}

#[test]
fn tools_are_called_until_the_model_answers_in_words() {
    let ran = holds(
        r"
const llm = ai.model();
const seen = [];
const parameters = { type: 'object', required: ['city'], properties: { city: { enum: ['Rome'] } } };
const weather = { description: 'x', parameters, handler: (args, info) => { seen.push([args, info.name, info.turn, info.round]); return { sky: 'clear' }; } };
export default async () => {
  for (const stream of [true, false]) {
    const agent = llm.session({ tools: { get_weather: weather }, stream, maxTokens: 30 });
    const r = agent.say('How is the weather?');
    is('answer', [r.ok, r.toolCalls, agent.turn, agent.rounds.length], [true, [], 1, 2]);
    ok('in words', r.text.length > 5, r.text);
    const call = agent.rounds[0].toolCalls[0];
    is('the call', [agent.rounds[0].finishReason, call.name, call.json()], ['tool_calls', 'get_weather', { city: 'Rome' }]);
    is('history', agent.history, [
      { role: 'user', content: 'How is the weather?' },
      { role: 'assistant', content: null, toolCalls: [{ id: call.id, name: 'get_weather', arguments: call.arguments }] },
      { role: 'tool', toolCallId: call.id, name: 'get_weather', content: JSON.stringify({ sky: 'clear' }) },
      { role: 'assistant', content: r.text },
    ]);
  }
  is('handlers', seen, [[{ city: 'Rome' }, 'get_weather', 1, 1], [{ city: 'Rome' }, 'get_weather', 1, 1]]);

  let agent = llm.session({ tools: [{ ...weather, name: 'weather', handler: async () => { await null; return 'sunny'; } }], maxTokens: 8 });
  ok('asynchronous handlers need sayAsync', /use sayAsync/.test(thrown(() => agent.say('weather?')).message), 0);
  is('undone', [agent.history, agent.turn], [[], 0]);
  is('async', [(await agent.sayAsync('weather?')).ok, agent.history[2].content], [true, 'sunny']);

  agent = llm.session({ tools: { weather: { handler: () => { throw new RangeError('mine'); } } } });
  ok('what a handler throws', thrown(() => agent.say('weather?')) instanceof RangeError && agent.history.length === 0, agent.history);

  agent = llm.session({ tools: { weather: { description: 'no handler' } }, maxTokens: 8 });
  const asked = agent.say('weather?');
  is('left to the script', [asked.toolCalls.length, agent.turn, agent.history.length], [1, 1, 2]);
  ok('a result is due', /toolResult/.test(thrown(() => agent.say('go on')).message), 0);
  ok('an unknown call', /waiting: call_/.test(thrown(() => agent.toolResult('x', 1)).message), 0);
  is('goes on', [agent.toolResult(asked.toolCalls[0], 7).say().ok, agent.history[2].content, agent.turn], [true, '7', 2]);

  // A model that always asks: the mock does, when the last message is the user's.
  const endless = ai.model().session({ tools: { weather: { handler: () => 'x' } }, maxRounds: 1, maxTokens: 8 });
  const last = endless.say('weather?');
  is('bounded', [last.toolCalls.length, endless.history, endless.rounds.length], [1, [], 1]);
  end();
};",
        &["--mock-ttft", "3ms", "--mock-itl", "1ms", "--mock-truth-log", "truth.jsonl"],
    );
    assert!(ran.metric("ai_tool_calls", "count") >= 6.0);
    let finishes: Vec<_> = truth(&ran).iter().map(|r| r["finish"].as_str().unwrap_or("").to_owned()).collect();
    assert!(finishes.iter().filter(|f| *f == "tool_calls").count() >= 6, "{finishes:?}");
}

#[test]
fn what_is_wrong_with_a_session_is_said() {
    holds(
        r"
const llm = ai.model();
const says = (f, word) => ok(word, !!thrown(f) && thrown(f).message.includes(word), String(thrown(f)));
export default async () => {
  says(() => llm.session({ maxToken: 5 }), `did you mean 'maxTokens'`);
  says(() => llm.session({ nonsense: 5 }), 'and of a session: system, tools');
  says(() => llm.session({ messages: [] }), 'keeps the messages itself');
  says(() => llm.session({ tools: 5 }), 'options.tools');
  says(() => llm.session({ tools: { f: { handler: 5 } } }), `the handler of 'f' must be a function`);
  says(() => llm.session({ maxRounds: 0 }), 'options.maxRounds');
  says(() => llm.session({ system: 5 }), 'options.system: expected a string');
  const talk = llm.session();
  says(() => talk.say(), 'a text is missing');
  says(() => talk.say(5), 'expected a text');
  says(() => talk.say({ content: 'x', maxToken: 1 }), `did you mean 'maxTokens'`);
  const running = talk.sayAsync('x');
  says(() => talk.say('y'), 'busy');
  says(() => talk.reset(), 'busy');
  await running;
  is('and then', talk.say('y').ok, true);
  end();
};",
        &["--mock-ttft", "3ms", "--mock-itl", "1ms", "--mock-output-tokens", "4"],
    );
}

#[test]
fn fast_but_broken_answers_are_seen() {
    let ran = holds(
        r"
const llm = ai.model({ model: 'm', energy: { joulesPerInputToken: 0.5, joulesPerOutputToken: 2 } });
const schema = { type: 'object', required: ['n'], properties: { n: { type: 'integer', minimum: 3 } } };
export default () => {
  const format = { name: 'x', schema };
  let r = llm.stream({ prompt: 'x', responseFormat: format, maxTokens: 50 }, { validate: schema });
  is('valid', [r.valid, r.validationErrors, r.json(), r.refused, r.empty], [true, [], { n: 3 }, false, false]);
  is('energy', r.energy, r.usage.inputTokens * 0.5 + r.usage.outputTokens * 2);
  r = llm.complete({ prompt: 'x', responseFormat: { schema: { type: 'object', properties: { n: { const: 1 } } } } }, { validate: schema });
  is('does not fit', [r.ok, r.valid, r.validationErrors.length], [true, false, 1]);
  ok('says where', r.validationErrors[0].startsWith('/n: '), r.validationErrors);
  r = llm.stream({ prompt: 'x', responseFormat: format, maxTokens: 2 }, { validate: schema });
  is('half a document', [r.ok, r.valid, r.finishReason], [true, false, 'length']);
  ok('is not JSON', r.validationErrors[0].includes('not JSON'), r.validationErrors);
  r = llm.stream({ prompt: 'x', maxTokens: 4, ignoreEos: true }, { headers: { 'x-mock-reasoning-tokens': '4' } });
  is('only thinking', [r.ok, r.empty, r.text, r.valid], [true, true, '', null]);
  r = llm.stream('x', { validate: schema, headers: { 'x-mock-error': '500' } });
  is('a failure is not judged', [r.valid, r.empty, r.refused, r.energy], [null, null, null, null]);
  end();
};",
        &["--mock-ttft", "3ms", "--mock-itl", "1ms"],
    )
    .exits(0)
    .prints(&["ai_valid", "33.33%", "ai_empty", "25.00%", "ai_energy", "J (estimate)"]);
    assert!(!ran.stdout.contains("ai_refused"), "nobody refused: no line\n{}", ran.all());
    assert_eq!(ran.metric("ai_refused", "value"), 0.0);
}
