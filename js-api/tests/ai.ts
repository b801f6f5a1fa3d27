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
model({ provider: 'azure-openai', api: 'responses', resource: 'r', apiVersion: '2024-10-21', model: 'm' });
model({ provider: 'vertex-anthropic', project: 'p', location: 'global', model: 'm' });
model({ provider: 'bedrock', region: 'eu-west-1', accessKeyId: 'a', secretAccessKey: 's', model: 'm' });
model({ provider: 'gemini', alt: 'json', model: 'm' });
// @ts-expect-error there are two framings only
model({ provider: 'gemini', alt: 'xml', model: 'm' });
same<number[][] | null, ReturnType<Model['embed']>['embeddings']>(true);
llm.embed('text', { requestType: 'index' });
llm.embed({ input: ['a', 'b'], dimensions: 256, inputType: 'query' }).e2e;
llm.rerankAsync({ query: 'q', documents: ['a', { text: 'b' }], topN: 1 }).then((r) => r.ranking?.[0].score);
// @ts-expect-error nothing to rank
llm.rerank({ query: 'q' });
// @ts-expect-error a misspelt field
llm.embed({ inputs: 'a' });
// @ts-expect-error a resource is a name
model({ provider: 'azure-openai', resource: 5, model: 'm' });

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

const pair: Model = ai.failover([llm, { model: 'b', baseURL: 'http://127.0.0.1:1/v1' }, 'c'], {
  on: ['server', 'overloaded'],
  cooldown: '5s',
  failures: 2,
  ttftBudget: 800,
});
pair.stream('hello', { retry: 3 }).attemptLog.map((attempt) => attempt.errorKind);
llm.complete('hello', { retry: { attempts: 2, on: ['server'], backoff: 'exponential' }, validate: { type: 'object' } }).valid;
llm.stream('hello', { retry: { attempts: 2, backoff: { initial: 100, max: '1s', jitter: 0, retryAfter: false } } }).ttftTotal;
ai.model({ model: 'm', energy: { joulesPerOutputToken: 0.4 } }).stream('hello').energy;
const talk = llm.session({
  system: 'Be brief.',
  maxHistoryTokens: 2000,
  temperature: 0,
  tools: { weather: { description: 'x', parameters: { type: 'object' }, handler: (args, info) => info.name + args.city } },
});
same<StreamResponse, ReturnType<typeof talk.say>>(true);
talk.say('hello', { onToken: (_, info) => info.attempt < 3 });
talk.say({ content: 'hello', maxTokens: 5 });
talk.toolResult('id', { ok: true }).reset().history = [];
same<typeof talk.cachedShare, number | null>(true);
// @ts-expect-error a wrong key is never tried again
llm.stream('hello', { retry: { attempts: 2, on: ['auth'] } });
// @ts-expect-error a policy says how often
llm.stream('hello', { retry: { on: ['server'] } });
// @ts-expect-error a session keeps the messages itself
llm.session({ messages: [] });
// @ts-expect-error models, not functions
ai.failover([() => llm]);
// @ts-expect-error an estimate needs the cost of an output token
ai.model({ energy: { idleWatts: 3 } });

// Undefined times are null, never 0: arithmetic needs a check first.
same<typeof res.ttft, number | null>(true);
same<typeof res.errorKind, ErrorKind | null>(true);
same<typeof res.usage.source, 'provider' | 'tokenizer' | 'estimate' | null>(true);
same<typeof res.refusal, string | null>(true);
same<number | null | undefined, NonNullable<typeof res.server>['queue'] | undefined>(true);
res.rateLimit.inputTokens.remaining;
// @ts-expect-error the server may state nothing
res.server.queue;
llm.stream({ messages: [{ role: 'user', content: [{ type: 'image', data: 'QQ==', mediaType: 'image/png' }] }] });
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
