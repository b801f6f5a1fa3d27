// The official Node SDKs against `inrush mock`: whole and streamed answers, tools, usage and errors, each through the SDK's own parsing.
// Usage: node check.mjs FILE, which has a line `NAME URL` for each of the servers of servers.yaml. Exits with 1 and says what differs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const servers = Object.fromEntries(readFileSync(process.argv[2], 'utf8').trim().split('\n').map((line) => line.split(' ')));
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const question = [{ role: 'user', content: 'What is the weather in Rome? Use the tool get_weather.' }];
const ask = [{ role: 'user', content: 'Say something.' }];
const long = 'word '.repeat(2000);

/** Checks that a call fails as the provider's would: with this class of error. */
async function fails(what, call, kind) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof kind, `${what}: ${error?.constructor?.name}: ${error?.message}`);
    return error;
  }
  throw new Error(`${what} did not fail`);
}

/** Makes a call to the server that allows one per minute: afterwards it has been made, by whomever. */
async function usedUp(call) {
  await call().catch(() => {});
  return call;
}

async function openai() {
  const of = (name, apiKey = 'k') => new OpenAI({ baseURL: servers[name], apiKey, maxRetries: 0 });
  const client = of('open');
  const whole = await client.chat.completions.create({ model: 'm', messages: ask, max_tokens: 7 });
  assert.ok(whole.choices[0].message.content && whole.usage.completion_tokens > 0);

  let text = '';
  let usage;
  const stream = await client.chat.completions.create({
    model: 'm', messages: ask, max_tokens: 5, stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.ok(text && usage.completion_tokens > 0);

  const tools = [{ type: 'function', function: { name: 'get_weather', parameters: schema } }];
  const called = await client.chat.completions.create({ model: 'm', messages: question, tools });
  assert.equal(called.choices[0].message.tool_calls[0].function.name, 'get_weather');
  const helper = client.chat.completions.stream({ model: 'm', messages: question, tools });
  const final = await helper.finalChatCompletion();
  assert.ok('city' in JSON.parse(final.choices[0].message.tool_calls[0].function.arguments));

  const response = await client.responses.create({ model: 'm', input: 'Say something.' });
  assert.ok(response.output_text && response.usage.output_tokens > 0);
  const kinds = new Set();
  for await (const event of await client.responses.create({ model: 'm', input: 'Say something.', stream: true })) kinds.add(event.type);
  assert.ok(kinds.has('response.output_text.delta') && kinds.has('response.completed'));
  const vectors = await client.embeddings.create({ model: 'm', input: ['a', 'b'], dimensions: 8 });
  assert.deepEqual(vectors.data.map((d) => d.embedding.length), [8, 8]);

  const asked = (client, model = 'm', content = 'hi') => () =>
    client.chat.completions.create({ model, messages: [{ role: 'user', content }] });
  await fails('key', asked(of('strict', 'wrong')), OpenAI.AuthenticationError);
  await fails('model', asked(of('strict', 'right'), 'x'), OpenAI.NotFoundError);
  const context = await fails('context', asked(of('strict', 'right'), 'm', long), OpenAI.BadRequestError);
  assert.equal(context.code, 'context_length_exceeded');
  const limited = await fails('rate', await usedUp(asked(of('limited'))), OpenAI.RateLimitError);
  assert.ok(Number(limited.headers.get('retry-after')) > 0);
  const cut = async () => {
    const options = { headers: { 'x-mock-error': 'error:2' } };
    for await (const _ of await client.chat.completions.create({ model: 'm', messages: ask, stream: true }, options));
  };
  await fails('an error inside a stream', cut, OpenAI.APIError);
}

async function anthropic() {
  const of = (name, apiKey = 'k') => new Anthropic({ baseURL: servers[name].replace(/\/v1$/, ''), apiKey, maxRetries: 0 });
  const client = of('open');
  const whole = await client.messages.create({ model: 'm', max_tokens: 30, messages: ask });
  assert.ok(whole.content[0].text && whole.usage.output_tokens > 0);

  let text = '';
  const stream = client.messages.stream({ model: 'm', max_tokens: 30, messages: ask });
  stream.on('text', (piece) => { text += piece; });
  const final = await stream.finalMessage();
  assert.equal(final.content[0].text, text);

  const tools = [{ name: 'get_weather', input_schema: schema }];
  const called = await client.messages.create({ model: 'm', max_tokens: 200, messages: question, tools });
  assert.equal(called.stop_reason, 'tool_use');
  const streamed = await client.messages.stream({ model: 'm', max_tokens: 200, messages: question, tools }).finalMessage();
  assert.ok('city' in streamed.content.find((block) => block.type === 'tool_use').input);

  const asked = (client, model = 'm', content = 'hi', options = {}) => () =>
    client.messages.create({ model, max_tokens: 5, messages: [{ role: 'user', content }] }, options);
  await fails('key', asked(of('strict', 'wrong')), Anthropic.AuthenticationError);
  await fails('model', asked(of('strict', 'right'), 'x'), Anthropic.NotFoundError);
  const context = await fails('context', asked(of('strict', 'right'), 'm', long), Anthropic.BadRequestError);
  assert.match(context.message, /prompt is too long/);
  const limited = await fails('rate', await usedUp(asked(of('limited'))), Anthropic.RateLimitError);
  assert.ok(Number(limited.headers.get('retry-after')) > 0);
  const overloaded = { headers: { 'x-mock-error': '529' } };
  assert.equal((await fails('overloaded', asked(client, 'm', 'hi', overloaded), Anthropic.InternalServerError)).status, 529);
}

let failed = 0;
for (const check of [openai, anthropic]) {
  try {
    await check();
    console.log(`tests/sdk: ${check.name} (Node): ok`);
  } catch (error) {
    failed += 1;
    console.error(`tests/sdk: ${check.name} (Node): FAILED`, error);
  }
}
process.exit(failed ? 1 : 0);
