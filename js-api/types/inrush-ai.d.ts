declare module 'inrush/ai' {
  import type { Timings } from 'k6/http';

  // ---------------------------------------------------------------- the model

  /** A model and how to reach it. Made in the init code or anywhere else; it opens no connection. */
  export interface ModelSpec {
    /** The API spoken; `openai` (any OpenAI-compatible chat endpoint) by default. Unknown names throw, listing the known. */
    provider?: 'openai' | (string & {});
    /** Model name as the server knows it; `INRUSH_MODEL` by default. */
    model?: string;
    /** Up to and including the version, e.g. `http://127.0.0.1:8000/v1`; `INRUSH_BASE_URL`, then the provider's, by default. */
    baseURL?: string;
    /** `INRUSH_API_KEY`, then the provider's customary variable, by default. Never printed. */
    apiKey?: string;
    /** Added to every request. */
    headers?: Record<string, string>;
    /** Of a whole call: `'30s'`, or milliseconds; 60 s by default. */
    timeout?: string | number;
    /** Tags on every sample of this model's calls. */
    tags?: Record<string, string | number | boolean>;
    /**
     * Name of the tokenizer, or the path of a Hugging Face `tokenizer.json` (found as `open()` finds files); chosen by the
     * model's name by default.
     */
    tokenizer?: TokenizerName;
    /** USD per one million tokens; the built-in table by default. Unknown prices give no cost, never a guessed one. */
    price?: Price;
    /** Objectives of every call. */
    slo?: Slo;
    /** Merged into the JSON body of every request, as the server spells it. */
    extraBody?: Record<string, unknown>;
  }

  export interface Price {
    input: number;
    output: number;
    /** `input` by default. */
    cachedInput?: number;
    /** Of tokens written to a cache; `input` by default. */
    cacheWrite?: number;
    /** `output` by default. */
    reasoning?: number;
    /** USD of each request, whatever its tokens; 0 by default. */
    request?: number;
  }

  /** Limits in milliseconds; a call meets its SLO when it succeeded and every limit given here holds. */
  export interface Slo {
    ttft?: number;
    tpot?: number;
    e2e?: number;
  }

  export interface Model {
    readonly provider: string;
    readonly model: string;
    /** Streams an answer and blocks the VU until it ends. A failed call returns a response with `ok: false`. */
    stream(request: Request, params?: Params): StreamResponse;
    streamAsync(request: Request, params?: Params): Promise<StreamResponse>;
    /** Asks for the answer in one piece. */
    complete(request: Request, params?: CommonParams): CompleteResponse;
    completeAsync(request: Request, params?: CommonParams): Promise<CompleteResponse>;
    /** How this model's tokens are counted; `source` says whether that is its own vocabulary or an estimate. */
    readonly tokenizer: { readonly name: string; readonly source: 'tokenizer' | 'estimate' };
    /** Tokens of a text, or of messages with the overhead of the chat format, by this model's tokenizer. */
    countTokens(input: string | Message[]): number;
    /** As `ai.encode`, with this model's tokenizer. */
    encode(text: string): number[];
    /** As `ai.decode`. */
    decode(ids: number[]): string;
    /** As `ai.truncate`. */
    truncate(text: string, tokens: number): string;
  }

  // ---------------------------------------------------------------- the request

  export type Role = 'system' | 'developer' | 'user' | 'assistant' | 'tool';

  export interface Message {
    role: Role;
    /** Text or parts; null is allowed for an assistant message that only calls tools. */
    content: string | ContentPart[] | null;
    name?: string;
    /** In a message of role `tool`: the call it answers. */
    toolCallId?: string;
    /** In a message of role `assistant`: the calls it made. */
    toolCalls?: { id: string; name: string; arguments: string | Record<string, unknown> }[];
  }

  export type ContentPart =
    | { type: 'text'; text: string }
    /** `url` may be a `data:` URL. */
    | { type: 'image'; url: string; detail?: 'auto' | 'low' | 'high' }
    /** Base64. */
    | { type: 'audio'; data: string; format: string }
    | { type: 'file'; data?: string; fileId?: string; filename?: string };

  export interface Tool {
    name: string;
    description?: string;
    /** JSON schema of the arguments. */
    parameters?: Record<string, unknown>;
    strict?: boolean;
  }

  /** A request in neutral words; each provider translates it. A plain string is a single user message. */
  export type Request = string | ChatRequest;

  export interface ChatRequest {
    /** Used by `ai.stream` and `ai.complete`; a Model's own methods know theirs. */
    model?: Model | string;
    /** The conversation. Give this or `prompt`. */
    messages?: Message[];
    prompt?: string;
    /** Put before the messages as a system message. */
    system?: string;
    maxTokens?: number;
    /** Where the server allows it (vLLM, SGLang). */
    minTokens?: number;
    /** Go on after the end-of-text token, where the server allows it: output of an exact length. */
    ignoreEos?: boolean;
    temperature?: number;
    topP?: number;
    seed?: number;
    stop?: string | string[];
    tools?: Tool[];
    toolChoice?: 'auto' | 'none' | 'required' | { name: string };
    responseFormat?: 'text' | 'json' | { name?: string; schema: Record<string, unknown>; strict?: boolean };
    reasoning?: { effort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | (string & {}); budgetTokens?: number };
    cachePrompt?: boolean;
    /** Merged into the JSON body last, so it wins. */
    extraBody?: Record<string, unknown>;
  }

  // ---------------------------------------------------------------- the parameters

  export interface CommonParams {
    tags?: Record<string, string | number | boolean>;
    /** Tag `name` of the samples. */
    name?: string;
    /** Tag `request_type`; the summary shows the request types apart, thresholds select them: `ai_ttft{request_type:long}`. */
    requestType?: string;
    /** Of the whole call: `'30s'`, or milliseconds. On expiry `errorKind` is `timeout`. */
    timeout?: string | number;
    headers?: Record<string, string>;
    /** Replaces the model's SLO for this call. */
    slo?: Slo;
  }

  export interface Params extends CommonParams {
    /** Until the first output. On expiry `errorKind` is `ttft_timeout`. */
    ttftTimeout?: string | number;
    /** Longest silence after it. On expiry `errorKind` is `stalled`. */
    stallTimeout?: string | number;
    /** A gap longer than this counts as a stall in `stalls` and `ai_stall`; 1 s by default. */
    stallThreshold?: string | number;
    /**
     * Called with each piece of text or reasoning. Costs the VU some 10 us a call; times are taken before and are not affected.
     * Returning false cancels the call; what it throws, the call throws (with `streamAsync`: the promise is rejected).
     */
    onToken?: (text: string, info: TokenInfo) => void | boolean;
    /** Called with every event, output or not, in the same way. */
    onEvent?: (event: StreamEvent) => void | boolean;
    /** Closes the connection after so many tokens or milliseconds, as a user does who leaves. `finishReason` is `cancelled`. */
    abortAfter?: { tokens?: number; ms?: number };
  }

  export interface TokenInfo {
    /** Number of this content event, from 0. */
    readonly index: number;
    readonly kind: 'text' | 'reasoning';
    /** Milliseconds from the start of the call to the socket read that completed the event. */
    readonly elapsed: number;
  }

  export interface StreamEvent {
    /** Number of this data event, from 0; bookkeeping events count too. */
    readonly index: number;
    /**
     * What it is about. An event about several things: an error before output (the first kind) before `finish`, `usage`,
     * `role`. The terminator and empty pieces are `other`; data that cannot be read is an `error`.
     */
    readonly type:
      | 'role' | 'text' | 'reasoning' | 'tool_call' | 'refusal' | 'audio' | 'usage' | 'finish' | 'error' | 'other';
    /** Empty for events without output. */
    readonly text: string;
    /** The data as received: JSON of the server's own shape, or `[DONE]`. */
    readonly data: string;
    /** Milliseconds from the start of the call to the socket read that completed the event. */
    readonly elapsed: number;
  }

  // ---------------------------------------------------------------- the response

  export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'cancelled' | 'error';

  export type ErrorKind =
    | 'rate_limited' | 'quota_exhausted' | 'overloaded' | 'queue_full'
    | 'timeout' | 'ttft_timeout' | 'stalled' | 'interrupted'
    | 'connection' | 'tls' | 'dns'
    | 'auth' | 'not_found' | 'context_length' | 'content_filter' | 'bad_request'
    | 'server' | 'protocol' | 'budget' | 'cancelled';

  export interface Usage {
    /** Cached tokens included. Null when nobody could tell. */
    readonly inputTokens: number | null;
    /** Reasoning tokens included. */
    readonly outputTokens: number | null;
    /** Null when the server does not say. */
    readonly cachedTokens: number | null;
    /** Part of `outputTokens`. Null when the server counts but does not say. */
    readonly reasoningTokens: number | null;
    /** Who counted: the server, our tokenizer, or an estimate from the length of the text. Null when nothing was counted. */
    readonly source: 'provider' | 'tokenizer' | 'estimate' | null;
  }

  export interface ToolCall {
    readonly id: string;
    readonly name: string;
    /** As the model wrote them, which need not be valid JSON. */
    readonly arguments: string;
    /** The arguments as JSON. Throws when they are not. */
    json(): any;
  }

  /** Milliseconds. */
  export interface Distribution {
    readonly min: number;
    readonly avg: number;
    readonly med: number;
    readonly max: number;
    readonly p90: number;
    readonly p95: number;
    readonly p99: number;
    readonly count: number;
  }

  export interface RateLimitWindow {
    readonly limit: number | null;
    readonly remaining: number | null;
    /** Milliseconds until it is full again. */
    readonly resetMs: number | null;
  }

  /** What a call of either kind answers. Times are milliseconds; null = undefined for this call (docs/metrics.md says when). */
  export interface Response {
    /** The call succeeded: an answer arrived completely, or the script itself ended it (`finishReason` is `cancelled`). */
    readonly ok: boolean;
    /** HTTP status; 0 when there was no response. */
    readonly status: number;
    /** Message of the failure; empty when `ok`. */
    readonly error: string;
    readonly errorKind: ErrorKind | null;
    /** The server's own code (`context_length_exceeded`, ...), when it gave one. */
    readonly errorCode: string | null;
    readonly text: string;
    readonly reasoning: string;
    /** Where the API keeps it apart from the text; null when there is none. */
    readonly refusal: string | null;
    readonly toolCalls: ToolCall[];
    /** `error` when the call failed, `cancelled` when it was ended from our side; null when a whole answer names none. */
    readonly finishReason: FinishReason | null;
    readonly usage: Usage;
    /** From the start of the call to its last output (streaming) or the end of the body. Null when it failed or was cancelled. */
    readonly e2e: number | null;
    /** USD; null when the price or the number of tokens is unknown. */
    readonly cost: number | null;
    /** Null when no SLO was given. */
    readonly sloMet: boolean | null;
    /** As the server named it; null when it did not. */
    readonly model: string | null;
    readonly requestId: string | null;
    /** The server's own figures, in its own shape (llama.cpp `timings`, Groq, Azure, Fireworks); null when it sends none. */
    readonly serverTimings: any;
    readonly rateLimit: {
      readonly requests: RateLimitWindow;
      readonly tokens: RateLimitWindow;
      /** Null when the server asked for no delay. */
      readonly retryAfterMs: number | null;
    };
    /** The HTTP phases, as in k6/http. */
    readonly timings: Timings;
    /** Names in canonical form (`Content-Type`). */
    readonly headers: Record<string, string>;
    /** Requests sent for this call; 1 without retries. */
    readonly attempts: number;
    /** `text` as JSON. Throws when it is not. */
    json(): any;
  }

  export interface CompleteResponse extends Response {}

  export interface StreamResponse extends Response {
    /** Time to first token: start of the call to the first output of any kind. Connection set-up included. */
    readonly ttft: number | null;
    /** Time to first visible output: as `ttft`, reasoning left out. */
    readonly ttfo: number | null;
    /** Time per output token after the first: (last - first output) / (tokens - tokens of the first event). */
    readonly tpot: number | null;
    /** Gaps per token; null when the number of tokens per event is unknown. */
    readonly itl: Distribution | null;
    /** Gaps longer than `stallThreshold`. */
    readonly stalls: number;
    /** 1000 / tpot. */
    readonly tokensPerSecond: number | null;
    /** Events with output. */
    readonly chunks: number;
  }

  // ---------------------------------------------------------------- functions

  /**
   * A model. Throws when the spec is invalid (all problems at once), or when neither the spec nor the environment gives
   * a model name.
   */
  export function model(spec?: ModelSpec): Model;

  /** Streams with `request.model`, or the model of the environment. */
  export function stream(request: Request, params?: Params): StreamResponse;
  export function streamAsync(request: Request, params?: Params): Promise<StreamResponse>;
  export function complete(request: Request, params?: CommonParams): CompleteResponse;
  export function completeAsync(request: Request, params?: CommonParams): Promise<CompleteResponse>;

  /** Tokens of a text or of messages. Throws when neither a model nor a tokenizer is known. */
  export function countTokens(input: string | Message[], options?: TokenizerChoice): number;

  /** Built-in tokenizers; any other text is the path of a `tokenizer.json`. */
  export type TokenizerName = 'cl100k_base' | 'o200k_base' | 'o200k_harmony' | 'estimate' | (string & {});

  /** By default the tokenizer of the environment's model, or `o200k_base`. */
  export interface TokenizerChoice {
    model?: string | Model;
    tokenizer?: TokenizerName;
  }

  /** Ids of a text's tokens, special tokens neither added nor read. Throws when there is no vocabulary (`estimate`). */
  export function encode(text: string, options?: TokenizerChoice): number[];
  /** The text of ids; bytes that are no whole character become U+FFFD. Throws for ids that are not in the vocabulary. */
  export function decode(ids: number[], options?: TokenizerChoice): string;
  /** The longest beginning of a text that has at most so many tokens and cuts no character. */
  export function truncate(text: string, tokens: number, options?: TokenizerChoice): string;

  const ai: {
    model: typeof model;
    stream: typeof stream;
    streamAsync: typeof streamAsync;
    complete: typeof complete;
    completeAsync: typeof completeAsync;
    countTokens: typeof countTokens;
    encode: typeof encode;
    decode: typeof decode;
    truncate: typeof truncate;
  };
  export default ai;
}

/** The same module under the name of a k6 extension. */
declare module 'k6/x/ai' {
  export * from 'inrush/ai';
  export { default } from 'inrush/ai';
}
