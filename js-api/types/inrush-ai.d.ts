declare module 'inrush/ai' {
  import type { Timings } from 'k6/http';

  // ---------------------------------------------------------------- the model

  /** A model and how to reach it. Made in the init code or anywhere else; it opens no connection. */
  export interface ModelSpec {
    /** The API spoken; `openai` (any OpenAI-compatible chat endpoint) by default. Unknown names throw, listing the known. */
    provider?: Provider;
    /** Another API of the same service: `'responses'` of `azure-openai` is the provider `azure-openai-responses`. */
    api?: 'chat' | 'responses' | 'completions' | 'messages' | (string & {});
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
    /** Gives `energy` of a response and `ai_energy`: an estimate from your own figures. */
    energy?: Energy;
    /** Merged into the JSON body of every request, as the server spells it. */
    extraBody?: Record<string, unknown>;

    // What some providers need to know besides; others refuse it. docs/providers names the variables that fill them.

    /** Azure: the host's name. */
    resource?: string;
    /** Azure: the deployment; the model's name by default. */
    deployment?: string;
    /** Azure: given, addresses have deployments and `api-version`; not given, `/openai/v1`. */
    apiVersion?: string;
    /** Google Cloud. */
    project?: string;
    /** Google Cloud: `global` by default. */
    location?: string;
    /** Gemini: events, or one JSON array; `'sse'` by default. */
    alt?: 'sse' | 'json';
    /** AWS: `us-east-1` unless the environment or the profile names another. */
    region?: string;
    /** AWS, as are the next two: requests are signed with them when there is no `apiKey`; else with
     * those of the environment or of the profile `AWS_PROFILE`. Never printed. */
    accessKeyId?: string;
    secretAccessKey?: string;
    sessionToken?: string;
  }

  export type Provider =
    | 'bedrock' | 'bedrock-invoke' | 'cohere' | 'gemini' | 'ollama' | 'ollama-generate' | 'tgi' | 'vertex'
    | 'alibaba' | 'anthropic' | 'azure-openai' | 'azure-openai-responses' | 'cerebras' | 'deepinfra' | 'deepseek'
    | 'deepseek-responses' | 'fireworks' | 'groq' | 'groq-responses' | 'huggingface' | 'llamacpp'
    | 'llamacpp-completion' | 'lmstudio' | 'mistral'
    | 'moonshot' | 'nvidia' | 'openai' | 'openai-completions' | 'openai-responses' | 'openrouter' | 'openrouter-messages'
    | 'openrouter-responses' | 'perplexity' | 'sglang' | 'together' | 'venice' | 'vercel' | 'vertex-anthropic' | 'vllm' | 'xai'
    | 'xai-responses' | 'zai' | (string & {});

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

  /** What a server's tokens cost in energy, as you measured it. */
  export interface Energy {
    /** Per prompt token that was computed; cached ones cost nothing. 0 by default. */
    joulesPerInputToken?: number;
    joulesPerOutputToken: number;
    /** Power drawn while the call lasts; under load, the machine's idle power divided by the calls in flight. 0 by default. */
    idleWatts?: number;
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
    /** Embeddings. Tag `request_type` is `embed` unless the params give one. Throws when the provider offers none. */
    embed(request: EmbedRequest, params?: CommonParams): CompleteResponse;
    embedAsync(request: EmbedRequest, params?: CommonParams): Promise<CompleteResponse>;
    /** Documents by relevance. Tag `request_type` is `rerank` unless the params give one. Throws when the provider offers none. */
    rerank(request: RerankRequest, params?: CommonParams): CompleteResponse;
    rerankAsync(request: RerankRequest, params?: CommonParams): Promise<CompleteResponse>;
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
    /** A conversation with this model, which keeps the history and calls tools. */
    session(options?: SessionOptions): Session;
  }

  /** Options of a failover. */
  export interface FailoverOptions {
    /** Kinds of failure after which the next target is tried; all that another server can mend by default. */
    on?: ErrorKind[];
    /** How long a target is passed by once its circuit is open, before one call probes it; 30 s by default. */
    cooldown?: string | number;
    /** Failures in a row that open a circuit; 3 by default. */
    failures?: number;
    /** A stream without a token after so long is cancelled and the next target tried. Not applied to the last one that is left. */
    ttftBudget?: string | number;
  }

  // ---------------------------------------------------------------- conversations

  /** Fields of a request, sent with every call of the session, beside its own. */
  export interface SessionOptions extends Omit<ChatRequest, 'model' | 'messages' | 'prompt' | 'system' | 'tools'> {
    system?: string;
    /** With a `handler` the session calls the tool itself; without one, `say` returns the calls and waits for `toolResult`. */
    tools?: Record<string, SessionTool> | (SessionTool & { name: string })[];
    /** Before a call, whole turns are dropped from the front until the messages fit; the newest turn always stays. */
    maxHistoryTokens?: number;
    /** Most calls of one turn; 8 by default. */
    maxRounds?: number;
    /** `false` asks for each answer in one piece. */
    stream?: boolean;
  }

  export interface SessionTool {
    description?: string;
    /** JSON schema of the arguments. */
    parameters?: Record<string, unknown>;
    strict?: boolean;
    /**
     * Called with the arguments; a string is passed on as it is, anything else as JSON. With `sayAsync` it may be asynchronous. What it
     * throws, `say` throws, and the turn is undone.
     */
    handler?: (args: any, info: ToolInfo) => unknown;
  }

  export interface ToolInfo {
    readonly id: string;
    readonly name: string;
    readonly turn: number;
    /** The call of the turn that asked for it, from 1. */
    readonly round: number;
    readonly session: Session;
  }

  /** What to say: a text, parts, or either with request fields for this turn. Nothing: go on after `toolResult`. */
  export type Saying = string | ContentPart[] | (Partial<Omit<SessionOptions, 'system' | 'tools' | 'maxHistoryTokens' | 'maxRounds' | 'stream'>> & { content: string | ContentPart[] });

  export interface Session {
    /** One turn; blocks until the answer (after all tool calls) is there. A failed turn leaves the history as it was. */
    say(content?: Saying, params?: Params): StreamResponse;
    sayAsync(content?: Saying, params?: Params): Promise<StreamResponse>;
    /** The result of a tool call that has no handler. */
    toolResult(call: string | ToolCall, result: unknown): Session;
    /** Forgets the messages and begins with turn 1; `usage` goes on. */
    reset(): Session;
    /** Completed turns. */
    readonly turn: number;
    readonly system: string | null;
    /** A copy of the messages, without the system message; may be set. */
    history: Message[];
    /** The responses of the last turn, in order. */
    readonly rounds: StreamResponse[];
    /** What all its calls used up. */
    readonly usage: {
      readonly calls: number;
      readonly inputTokens: number;
      readonly outputTokens: number;
      readonly cachedTokens: number;
      readonly reasoningTokens: number;
      readonly cost: number;
    };
    /** Share of the input that came from the server's cache; null when it never said. */
    readonly cachedShare: number | null;
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

  /** One text, several, or an object with more. */
  export type EmbedRequest =
    | string
    | string[]
    | {
        input: string | string[];
        model?: string;
        /** Length of the vectors, where it is a choice. */
        dimensions?: number;
        /** What the texts are for: `query`, `document`, or the provider's own word. */
        inputType?: string;
        extraBody?: Record<string, unknown>;
      };

  export interface RerankRequest {
    query: string;
    documents: (string | { text: string })[];
    /** How many to return; all by default. */
    topN?: number;
    model?: string;
    extraBody?: Record<string, unknown>;
  }

  export type ContentPart =
    | { type: 'text'; text: string }
    /** `url` may be a `data:` URL. */
    | { type: 'image'; url: string; detail?: 'auto' | 'low' | 'high' }
    /** Base64. */
    | { type: 'image'; data: string; mediaType?: string; detail?: 'auto' | 'low' | 'high' }
    /** Base64. */
    | { type: 'audio'; data: string; format: string }
    | { type: 'file'; data?: string; mediaType?: string; fileId?: string; filename?: string };

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
    /** Sends a failed call again: how often in all, or a policy. Off by default. `timeout` covers all attempts. */
    retry?: number | Retry;
    /** JSON schema of the answer's text: gives `valid`, `validationErrors` and the rate `ai_valid`. Compiled once. */
    validate?: Record<string, unknown> | boolean;
    /** Tag `turn`; sessions set it themselves. */
    turn?: number;
  }

  export interface Retry {
    /** Most tries, the first one included. */
    attempts: number;
    /** `rate_limited`, `overloaded`, `queue_full`, `timeout`, `ttft_timeout`, `stalled`, `interrupted`, `connection` and `server` by default. */
    on?: Exclude<ErrorKind, 'auth' | 'budget' | 'cancelled'>[];
    /** `retry-after` by default: what the server asks for, else exponential. Text or number: a fixed wait. */
    backoff?: 'retry-after' | 'exponential' | (string & {}) | number | Backoff;
  }

  export interface Backoff {
    /** The first wait; 500 ms by default. */
    initial?: string | number;
    /** 2 by default. */
    factor?: number;
    /** The longest wait, also for `Retry-After`; 60 s by default. */
    max?: string | number;
    /** Random share of a wait, 0 to 1; 0.25 by default. */
    jitter?: number;
    /** Whether the server's `Retry-After` goes before; true by default. */
    retryAfter?: boolean;
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
    /** Milliseconds from the start of the attempt to the socket read that completed the event. */
    readonly elapsed: number;
    /** The attempt it belongs to, from 1: a call that is sent again streams again. */
    readonly attempt: number;
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
    /** Milliseconds from the start of the attempt to the socket read that completed the event. */
    readonly elapsed: number;
    /** The attempt it belongs to, from 1. */
    readonly attempt: number;
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

  /** What a server says of itself. Times are milliseconds; null = not stated. */
  export interface ServerFigures {
    readonly ttft: number | null;
    readonly queue: number | null;
    readonly load: number | null;
    readonly prefill: number | null;
    readonly decode: number | null;
    readonly total: number | null;
    readonly draftTokens: number | null;
    readonly acceptedDraftTokens: number | null;
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
    /** Vectors in the order of the texts, of `embed()`; null otherwise. */
    readonly embeddings: number[][] | null;
    /** Documents by their position in the request, best first, of `rerank()`; null otherwise. */
    readonly ranking: { index: number; score: number }[] | null;
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
    /** The same in common names, headers included; null when it states none. */
    readonly server: ServerFigures | null;
    readonly rateLimit: {
      readonly requests: RateLimitWindow;
      /** Where input and output are limited apart: the most restrictive limit. */
      readonly tokens: RateLimitWindow;
      readonly inputTokens: RateLimitWindow;
      readonly outputTokens: RateLimitWindow;
      /** Null when the server asked for no delay. */
      readonly retryAfterMs: number | null;
    };
    /** The HTTP phases, as in k6/http. */
    readonly timings: Timings;
    /** Names in canonical form (`Content-Type`). */
    readonly headers: Record<string, string>;
    /** Requests sent for this call; 1 without retries. */
    readonly attempts: number;
    /** Every attempt, the last one included. */
    readonly attemptLog: Attempt[];
    /** Which target of a failover ended the call; null without one. */
    readonly target: string | null;
    /** As `e2e`, from the start of the first attempt. */
    readonly e2eTotal: number | null;
    /** Whether the text fits `validate`; null without it, for a failed call, and when only tools were called. */
    readonly valid: boolean | null;
    /** Why not, at most 10 reasons. */
    readonly validationErrors: string[];
    /** Whether the API says that the model or a filter refused; null for a failed call. */
    readonly refused: boolean | null;
    /** Neither text nor tool call nor refusal nor audio; null for a failed call. */
    readonly empty: boolean | null;
    /** Joules, an estimate; null without `energy` of the model. */
    readonly energy: number | null;
    /** `text` as JSON. Throws when it is not. */
    json(): any;
  }

  export interface Attempt {
    readonly target: string | null;
    readonly status: number;
    readonly errorKind: ErrorKind | null;
    readonly error: string;
    readonly ttft: number | null;
    /** Milliseconds from its start to its end. */
    readonly duration: number;
    /** Milliseconds waited after it. */
    readonly waited: number;
  }

  export interface CompleteResponse extends Response {}

  export interface StreamResponse extends Response {
    /** Time to first token: start of the call to the first output of any kind. Connection set-up included. */
    readonly ttft: number | null;
    /** As `ttft`, from the start of the first attempt: what a user waited. */
    readonly ttftTotal: number | null;
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

  /**
   * Several models behind one, tried in order. Every method works as that of a single model; which targets are down is known to all VUs.
   */
  export function failover(targets: (Model | ModelSpec | string)[], options?: FailoverOptions): Model;

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
    failover: typeof failover;
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
