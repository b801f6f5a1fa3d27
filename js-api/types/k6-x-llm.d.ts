/** The API of the community extension xk6-llm. */
declare module 'k6/x/llm' {
  /** Milliseconds; 0 or nothing = no limit. */
  export interface SLO {
    ttft_ms?: number;
    tpot_ms?: number;
    e2el_ms?: number;
  }

  export interface ClientOptions {
    /** `INRUSH_BASE_URL`, else `http://localhost:11434/v1`, by default. */
    base_url?: string;
    api_key?: string;
    model?: string;
    /** 60000 by default. */
    timeout_ms?: number;
    ignore_eos?: boolean;
    wire?: 'openai' | 'anthropic' | 'responses';
    headers?: Record<string, string>;
    slo?: SLO;
    cost?: { usd_per_million_input_tokens?: number; usd_per_million_output_tokens?: number };
    energy?: { j_per_input_token?: number; j_per_output_token?: number; idle_w?: number };
    /** Accepted without effect: nothing is exported. */
    agento11y?: Record<string, unknown>;
  }

  export interface ChatMessage {
    role: 'system' | 'user' | 'assistant' | 'tool';
    content: string | null;
    name?: string;
    tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: string } }[];
    tool_call_id?: string;
  }

  /** Fields of OpenAI's chat API, and those of the call. */
  export interface ChatRequest {
    messages: ChatMessage[];
    model?: string;
    max_tokens?: number;
    temperature?: number;
    top_p?: number;
    seed?: number;
    stop?: string | string[];
    slo?: SLO;
    /** A tag. */
    cache_state?: 'cold' | 'warm';
    tags?: Record<string, string>;
    abort_after_ms?: number;
    abort_after_tokens?: number;
    /** True by default. */
    stream?: boolean;
    generation_id?: string;
    parent_generation_ids?: string | string[];
    /** Anything else goes into the body. */
    [field: string]: unknown;
  }

  export interface ChatResult {
    content: string;
    generation_id: string;
    stream: boolean;
    /** 0 when not streamed. */
    ttft_ms: number;
    ttf_text_ms: number;
    /** Gaps between chunks. */
    itl_ms: number[];
    /** 0 when it cannot be told. */
    tpot_ms: number;
    duration_ms: number;
    response_headers_ms: number;
    chunks: number;
    prompt_tokens: number;
    completion_tokens: number;
    cached_tokens: number;
    cache_write_tokens: number;
    thinking_tokens: number;
    thinking_chunks: number;
    finish_reason: string;
    aborted: boolean;
    tool_calls: { id: string; name: string; arguments: string }[];
    request_id: string;
    server_processing_ms: number;
    /** -1 when the server does not say. */
    ratelimit_remaining_requests: number;
    ratelimit_remaining_tokens: number;
    server_cost_usd: number;
    server_prefill_ms: number;
    server_decode_ms: number;
    draft_tokens: number;
    draft_accepted: number;
  }

  export interface EmbedResult {
    model: string;
    embeddings: number[][];
    prompt_tokens: number;
    duration_ms: number;
    inputs: number;
  }

  export class Client {
    constructor(options?: ClientOptions);
    /** Rejects when the call fails. */
    chat(request: ChatRequest): Promise<ChatResult>;
    embed(request: { input: string | string[]; model?: string; tags?: Record<string, string> }): Promise<EmbedResult>;
    flush(): void;
  }

  export class Session {
    constructor(client: Client, options?: { system?: string; id?: string });
    send(what: string | (Partial<ChatRequest> & { content: string })): Promise<ChatResult>;
    reset(): void;
    id(): string;
    turn(): number;
    messages(): ChatMessage[];
    tokens(): { prompt: number; completion: number; total: number };
  }

  export class Dataset {
    constructor(options: { path: string; seed?: number; shuffle?: boolean });
    size(): number;
    /** The next request; begins again at the end. */
    next(): ChatRequest;
    at(index: number): ChatRequest;
    reset(): void;
  }

  const llm: { Client: typeof Client; Session: typeof Session; Dataset: typeof Dataset };
  export default llm;
}
