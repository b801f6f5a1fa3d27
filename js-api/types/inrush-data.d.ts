/** Datasets, synthetic prompts of exact token counts, distributions of lengths, mixtures. Sources are made in the init code; `next()` is for iterations. */
declare module 'inrush/data' {
  import type { ChatRequest, Message, Model, TokenizerName } from 'inrush/ai';

  // ---------------------------------------------------------------- datasets

  export interface DatasetOptions {
    /** By the file's ending when it is .jsonl, .ndjson, .json, .csv, .tsv or .parquet. */
    format?: 'csv' | 'json' | 'jsonl' | 'parquet' | 'sharegpt';
    /** Rows stand for the value of this field (or path: `a.b`); with `turns`, where the conversation is. */
    field?: string;
    /** `sequential` by default. The first two give each row once before any comes again, over all virtual users and instances. */
    sample?: 'sequential' | 'shuffle' | 'random' | 'weighted';
    /** With `sample: 'weighted'`: the field with a row's weight. */
    weight?: string;
    /** Rows are conversations: all of them, of at most so many questions, or of a number within limits. */
    turns?: boolean | 'all' | number | { min?: number; max?: number };
    /** Of the order; the run's `--seed`, or else always the same. */
    seed?: number;
    /** `false`: `next()` gives null after the last row. */
    repeat?: boolean;
    /** Between the fields of CSV; `,` by default. */
    delimiter?: string;
    /** Datasets of the same file and options share their cursor; a name of its own keeps one apart. */
    name?: string;
  }

  /** The rows of a file, in memory once for all virtual users. Each read gives a fresh copy. */
  export interface Dataset<Row> extends Iterable<Row> {
    readonly length: number;
    /** The next row; null after the last one with `repeat: false` (typed only then). Not in the init code. */
    next(): Row;
    /** The row at this place, counted from the end when negative. */
    at(index: number): Row | undefined;
  }

  /** One question of a recorded conversation. */
  export interface RecordedTurn {
    content: Message['content'];
    /** How long the user took before it, in ms; null when it was not recorded. */
    thinkTime: number | null;
    /** The answer that was recorded. */
    reply: Message['content'];
  }

  /** A recorded conversation; fields the row has besides are kept. Goes into a model call as it is. */
  export interface Conversation {
    /** Up to the last question. */
    messages: Message[];
    turns: RecordedTurn[];
    /** The recorded answer to the last question. */
    reply: Message['content'];
    /** The system message, which is the first of `messages` as well. */
    system?: string;
    [field: string]: any;
  }

  /** Reads a file, found as `open()` finds it. A broken file throws with every bad line (up to 20). */
  export function dataset(path: string, options: DatasetOptions & { turns: true | 'all' | number | { min?: number; max?: number }; repeat: false }): Dataset<Conversation | null>;
  export function dataset(path: string, options: DatasetOptions & { turns: true | 'all' | number | { min?: number; max?: number } }): Dataset<Conversation>;
  export function dataset(path: string, options: DatasetOptions & { format: 'sharegpt' }): Dataset<Conversation>;
  export function dataset<Row = any>(path: string, options?: DatasetOptions): Dataset<Row>;

  // ---------------------------------------------------------------- distributions

  /** A distribution as a plain object. */
  export interface Dist {
    readonly dist: string;
    readonly [parameter: string]: any;
    /** One value, drawn with the virtual user's random numbers. */
    sample(): number;
  }

  /** Values beyond are cut off to them. */
  export interface Limits {
    min?: number;
    max?: number;
  }

  /** `{ from, to }` are whole numbers, both included. */
  export type Bin = { from: number; to: number; weight: number } | { value: number; weight: number };

  export const dist: {
    fixed(value: number): Dist;
    uniform(min: number, max: number): Dist;
    uniform(range: { min: number; max: number }): Dist;
    normal(mean: number, sd: number, limits?: Limits): Dist;
    normal(parameters: { mean: number; sd: number } & Limits): Dist;
    /** `sigma` is the standard deviation of the logarithm. */
    lognormal(median: number, sigma: number, limits?: Limits): Dist;
    lognormal(parameters: ({ median: number; sigma: number } | { median: number; p95: number } | { mean: number; sd: number }) & Limits): Dist;
    /** Bins, or an object of values and weights. */
    histogram(bins: Bin[] | Record<number, number>, limits?: Limits): Dist;
    /** Recorded lengths: of inputs or outputs by where it is used; as both `inputTokens` and `outputTokens`, those of one request. In the init code. */
    fromTrace(path: string, options?: TraceFile & Limits): Dist;
  };

  // ---------------------------------------------------------------- synthetic prompts

  export interface SyntheticOptions {
    /** Tokens of a prompt, a shared beginning included; of each question of a conversation. */
    inputTokens: number | Dist;
    /** Becomes `maxTokens`. */
    outputTokens?: number | Dist;
    /**
     * Prompts of a group begin with the same text. `user` (the default): the prompt begins with it; `system`: it is a message of its
     * own, exact as well. Groups are drawn evenly.
     */
    sharedPrefix?: { tokens: number; groups?: number; role?: 'user' | 'system' };
    /** Conversations of so many questions. */
    turns?: number | Dist;
    /** Of a conversation: how long the user takes before each further question, in ms. */
    thinkTime?: number | Dist;
    /** Only so many different prompts, again and again; without it no prompt comes twice. */
    distinct?: number;
    /** `inputTokens` include OpenAI's chat template: what `usage` will say. */
    chatTemplate?: boolean;
    /** A UTF-8 text file whose sentences are used instead of made-up ones; found as `open()` finds it. */
    corpus?: string;
    /** Whose tokens: a Model, or a model's name. The environment's model by default. */
    model?: Model | string;
    tokenizer?: TokenizerName;
    /** The same prompts in every run; the run's `--seed`, or else others each time. */
    seed?: number;
    /** Sources of the same options share their prompts' numbers; a name of its own keeps one apart. */
    name?: string;
  }

  /** What describes a prompt; model calls leave it out of the request. */
  export interface PromptFacts {
    inputTokens: number;
    outputTokens?: number;
    /** From 0; with `sharedPrefix`. */
    prefixGroup?: number;
  }

  /** Goes into a model call as it is: `llm.stream(prompts.next())`, also as `{ ...prompts.next(), temperature: 0 }`. */
  export interface Prompt extends PromptFacts, Pick<ChatRequest, 'prompt' | 'messages' | 'maxTokens'> {}

  export interface SyntheticTurn {
    content: string;
    inputTokens: number;
    outputTokens?: number;
    /** In ms; null before the first question. */
    thinkTime: number | null;
  }

  /** The questions of a conversation, for `llm.session()`. */
  export interface SyntheticConversation extends PromptFacts {
    system?: string;
    turns: SyntheticTurn[];
  }

  export interface Prompts<P = Prompt> {
    readonly tokenizer: { readonly name: string; readonly source: 'tokenizer' | 'estimate' };
    /** The next prompt; no two are the same, over all virtual users and instances. Not in the init code. */
    next(): P;
  }

  export function synthetic(options: SyntheticOptions & { turns: number | Dist }): Prompts<SyntheticConversation>;
  export function synthetic(options: SyntheticOptions): Prompts;

  // ---------------------------------------------------------------- traces

  export interface TraceFile {
    /** By the first line when not given. */
    format?: 'azure' | 'burstgpt' | 'jsonl' | 'mooncake' | 'qwen' | 'servegen';
    /** ServeGen's second file. */
    lengths?: string;
    seed?: number;
  }

  export interface TraceOptions extends TraceFile, Pick<SyntheticOptions, 'model' | 'tokenizer' | 'corpus' | 'name'> {
    /** `false`: `next()` gives null after the last request. */
    repeat?: boolean;
  }

  /** Goes into a model call as it is. */
  export interface RecordedRequest extends Prompt {
    /** Seconds from the start of the trace. */
    at: number;
    session?: string;
    /** From 1. */
    turn?: number;
    requestType?: string;
    /** The model that was asked when it was recorded. */
    recordedModel?: string;
  }

  export interface RecordedRequests {
    readonly length: number;
    readonly tokenizer: { readonly name: string; readonly source: 'tokenizer' | 'estimate' };
    /** The next request; null after the last one with `repeat: false` (typed only then). Not in the init code. */
    next(): RecordedRequest;
    /** The request of this number: `requests.at(exec.scenario.trace.index)`. */
    at(index: number): RecordedRequest;
  }

  /** Recorded requests with made-up texts of exactly their lengths; blocks they shared are equal texts. */
  export function trace(path: string, options: TraceOptions & { repeat: false }): Omit<RecordedRequests, 'next'> & { next(): RecordedRequest | null };
  export function trace(path: string, options?: TraceOptions): RecordedRequests;

  // ---------------------------------------------------------------- mixtures

  /** Anything that gives requests, texts (they become `prompt`) or null at its end. */
  export interface Source {
    next(): any;
  }

  /** One kind of request: from a source, as synthetic prompts, or always the same; with fields that every request of it has. */
  export type Kind = { weight?: number } & (
    | (Omit<ChatRequest, 'model' | 'seed'> & SyntheticOptions & { from?: undefined })
    | (ChatRequest & { from?: Source; inputTokens?: undefined })
  );

  export interface Mix<Names extends string> {
    /** The next request; its kind is `requestType`, which becomes the tag `request_type`. Null when its source is at its end. */
    next(): ChatRequest & Partial<PromptFacts> & { requestType: Names };
  }

  /** Several kinds of requests. Every block of 10 to 100 has each kind as often as its weight says, in an order that is drawn. */
  export function mix<Kinds extends Record<string, Kind>>(kinds: Kinds, options?: { seed?: number; name?: string }): Mix<Extract<keyof Kinds, string>>;

  const data: { dataset: typeof dataset; dist: typeof dist; mix: typeof mix; synthetic: typeof synthetic; trace: typeof trace };
  export default data;
}
