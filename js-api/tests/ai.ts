// Type tests of inrush/ai. A line after @ts-expect-error must not compile; every other line must.
import ai, { model, type ErrorKind, type Model, type StreamResponse } from 'inrush/ai';
import alias from 'k6/x/ai';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

const llm: Model = ai.model({
  provider: 'openai',
  baseURL: __ENV.INRUSH_BASE_URL,
  model: 'gpt-4o-mini',
  price: { input: 0.15, output: 0.6 },
  slo: { ttft: 800, tpot: 50 },
});
same<typeof alias, typeof ai>(true);
ai.model();
model({ provider: 'a-provider-of-a-later-version' });

const res: StreamResponse = llm.stream('Why is the sky blue?');
llm.stream(
  { messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }], maxTokens: 10, ignoreEos: true },
  {
    requestType: 'short',
    ttftTimeout: '2s',
    stallTimeout: 500,
    abortAfter: { tokens: 5 },
    onToken: (text, info) => text.length + info.elapsed < 1e6,
    onEvent: (event) => console.log(event.type),
  },
);
ai.stream({ model: llm, prompt: 'hello' });
ai.stream({ model: 'gpt-4o', prompt: 'hello' });
same<Promise<StreamResponse>, ReturnType<typeof ai.streamAsync>>(true);

// Undefined times are null, never 0: arithmetic needs a check first.
same<typeof res.ttft, number | null>(true);
same<typeof res.errorKind, ErrorKind | null>(true);
same<typeof res.usage.source, 'provider' | 'tokenizer' | 'estimate' | null>(true);
same<typeof res.refusal, string | null>(true);
llm.streamAsync('hello', { onEvent: (event) => event.type !== 'audio' && event.index + event.data.length < 1e6 });
// @ts-expect-error a type of event that does not exist
llm.stream('hello', { onEvent: (event) => event.type === 'ping' });
// @ts-expect-error ttft may be null
const sum: number = res.ttft + 1;
const tokens: number = ai.countTokens('hello', { model: 'gpt-4o' }) + llm.countTokens([{ role: 'user', content: 'x' }]);
const ids: number[] = ai.encode('hello', { tokenizer: 'o200k_base' });
const back: string = ai.decode(ids, { model: llm }) + llm.decode(llm.encode('x')) + llm.truncate('a long text', 2);
ai.truncate('a long text', 2, { tokenizer: './tokenizer.json' });
same<typeof llm.tokenizer.source, 'tokenizer' | 'estimate'>(true);
ai.model({ tokenizer: './tokenizer.json', price: { input: 1, output: 2, cacheWrite: 1.25, request: 0.005 } });
const call = res.toolCalls[0];
call.json().anything;

// @ts-expect-error a misspelt field
llm.stream({ prompt: 'hello', max_tokens: 10 });
// @ts-expect-error an unknown role
llm.stream({ messages: [{ role: 'robot', content: 'x' }] });
// @ts-expect-error a response cannot be written to
res.text = 'x';
// @ts-expect-error complete() has no time to first token
ai.complete('hello').ttft;
// @ts-expect-error complete() takes no token callback
ai.complete('hello', { onToken: () => {} });
// @ts-expect-error a kind of failure that does not exist
const kind: ErrorKind = 'too_slow';
// @ts-expect-error limits are numbers of milliseconds
ai.model({ slo: { ttft: '800ms' } });
// @ts-expect-error a price needs both directions
ai.model({ price: { input: 1 } });
// @ts-expect-error a text is needed, not messages
ai.encode([{ role: 'user', content: 'x' }]);
// @ts-expect-error ids are numbers
ai.decode('hello');
// @ts-expect-error how many tokens?
ai.truncate('a long text');
// @ts-expect-error a request is needed
llm.stream();

export { sum, tokens, kind, back };
