declare module 'k6/http' {
  import type { Selection } from 'k6/html';

  /** How the body of a response is given: text, bytes, or not at all. */
  export type ResponseType = 'text' | 'binary' | 'none';

  /** The type of `body` for a response type; `text` unless said otherwise. Null when there was no response. */
  export type ResponseBody<RT extends ResponseType | undefined = ResponseType | undefined> =
    [RT] extends ['binary'] ? ArrayBuffer | null
    : [RT] extends ['none'] ? null
    : [RT] extends ['text' | undefined] ? string | null
    : string | ArrayBuffer | null;

  export type Url = string | HttpUrl;

  /** A URL and the name its samples are tagged with; made by the tag function `http.url`. */
  export interface HttpUrl {
    readonly url: string;
    readonly name: string;
  }

  /**
   * A string, bytes, or an object: an object is sent as a form, url-encoded, or as multipart when it holds a
   * `http.file`. For JSON use `JSON.stringify` and a `Content-Type` header.
   */
  export type RequestBody = string | ArrayBuffer | ArrayBufferView | { [name: string]: FormValue | FormValue[] };
  type FormValue = string | number | boolean | FileData;

  export interface FileData {
    readonly data: string | ArrayBuffer | ArrayBufferView;
    readonly filename: string;
    readonly content_type: string;
  }

  export interface Params<RT extends ResponseType | undefined = ResponseType | undefined> {
    headers?: Record<string, string>;
    /** Tags on this request's samples. `name` groups URLs that differ only in ids. */
    tags?: Record<string, string | number | boolean>;
    /** Of the whole exchange, redirects included: `'30s'`, or milliseconds; 60 s by default. */
    timeout?: string | number;
    /** Redirects followed; the option `maxRedirects` by default. */
    redirects?: number;
    cookies?: Record<string, string | { value: string; replace?: boolean }>;
    jar?: CookieJar;
    /** How the user and password of the URL (`http://user:password@host/`) are shown; `'basic'` by default. */
    auth?: 'basic' | 'digest' | 'ntlm';
    /** Compresses the request body: one or more of gzip, deflate, br, zstd, separated by commas. */
    compression?: string;
    responseType?: RT;
    /** Which answers count as successful for `http_req_failed`; null records nothing. */
    responseCallback?: ExpectedStatuses | null;
    /** Overrides the option `throw` for this request. */
    throw?: boolean;
  }

  /** Milliseconds. */
  export interface Timings {
    /** Waiting for a connection: name lookup, TCP and TLS included when it is new. */
    readonly blocked: number;
    readonly looking_up: number;
    /** TCP; 0 on a connection that is used again. */
    readonly connecting: number;
    readonly tls_handshaking: number;
    readonly sending: number;
    /** From the last byte sent to the first byte received. */
    readonly waiting: number;
    readonly receiving: number;
    /** `sending + waiting + receiving`. */
    readonly duration: number;
  }

  export interface ResponseCookie {
    readonly name: string;
    readonly value: string;
    readonly domain: string;
    readonly path: string;
    readonly http_only: boolean;
    readonly secure: boolean;
    readonly max_age: number;
    /** Milliseconds since 1970; 0 when the cookie sets none. */
    readonly expires: number;
  }

  export interface Response<RT extends ResponseType | undefined = ResponseType | undefined> {
    /** 0 when there was no response: see `error` and `error_code`. */
    readonly status: number;
    readonly status_text: string;
    /** After redirects. */
    readonly url: string;
    readonly remote_ip: string;
    readonly remote_port: number;
    /** `HTTP/1.1` or `HTTP/2.0`. */
    readonly proto: string;
    /** Names in canonical form (`Content-Type`); repeated headers are joined by a comma. */
    readonly headers: Record<string, string>;
    readonly cookies: Record<string, ResponseCookie[]>;
    readonly body: ResponseBody<RT>;
    readonly timings: Timings;
    readonly tls_version: string;
    readonly tls_cipher_suite: string;
    /** What the server stapled about its certificate; `unknown` when nothing. Times are Unix seconds, 0 when not told. */
    readonly ocsp: {
      readonly produced_at: number;
      readonly this_update: number;
      readonly next_update: number;
      readonly revoked_at: number;
      readonly revocation_reason: string;
      readonly status: string;
    };
    /** Empty when the exchange succeeded. A status of 400 or more is no error here, but has an `error_code`. */
    readonly error: string;
    /** k6's numbers: 1050 = timed out, 1101 = unknown host, 1212 = refused, 1404 = status 404, ...; 0 = none. */
    readonly error_code: number;
    readonly request: {
      readonly method: string;
      readonly url: string;
      readonly headers: Record<string, string[]>;
      readonly body: string;
      readonly cookies: Record<string, { name: string; value: string; replace: boolean }[]>;
    };
    /**
     * The body as JSON, or the part at a path such as `choices.0.text` or `items.#.id`; undefined when the path leads
     * nowhere. Throws when the body is not JSON.
     */
    json(path?: string): any;
    /** The body as a page, or the part of it that a selector names. */
    html(selector?: string): Selection;
    /** Gets where the first link that matches (`a[href]` by default) leads to. */
    clickLink(options?: { selector?: string; params?: Params }): Response;
    /** Sends the first form that matches, with its own values, the submit button's, and above them `fields`. */
    submitForm(options?: {
      formSelector?: string;
      submitSelector?: string;
      fields?: { [name: string]: FormValue | FormValue[] };
      params?: Params;
    }): Response;
  }

  /** k6's name of a response whose body type follows from `responseType`. */
  export type RefinedResponse<RT extends ResponseType | undefined> = Response<RT>;
  export type RefinedParams<RT extends ResponseType | undefined> = Params<RT>;

  export function get<RT extends ResponseType | undefined = undefined>(
    url: Url, params?: Params<RT> | null): Response<RT>;
  export function head<RT extends ResponseType | undefined = undefined>(
    url: Url, params?: Params<RT> | null): Response<RT>;
  export function post<RT extends ResponseType | undefined = undefined>(
    url: Url, body?: RequestBody | null, params?: Params<RT> | null): Response<RT>;
  export function put<RT extends ResponseType | undefined = undefined>(
    url: Url, body?: RequestBody | null, params?: Params<RT> | null): Response<RT>;
  export function patch<RT extends ResponseType | undefined = undefined>(
    url: Url, body?: RequestBody | null, params?: Params<RT> | null): Response<RT>;
  export function del<RT extends ResponseType | undefined = undefined>(
    url: Url, body?: RequestBody | null, params?: Params<RT> | null): Response<RT>;
  export function options<RT extends ResponseType | undefined = undefined>(
    url: Url, body?: RequestBody | null, params?: Params<RT> | null): Response<RT>;
  /** Sends a request and blocks the VU until its response, or its failure, is complete. */
  export function request<RT extends ResponseType | undefined = undefined>(
    method: string, url: Url, body?: RequestBody | null, params?: Params<RT> | null): Response<RT>;
  /** As `request`, without blocking. */
  export function asyncRequest<RT extends ResponseType | undefined = undefined>(
    method: string, url: Url, body?: RequestBody | null, params?: Params<RT> | null): Promise<Response<RT>>;

  /** `[method, url, body, params]`, an object with these fields, or a URL to GET. */
  export type BatchRequest =
    | string
    | HttpUrl
    | [method: string, url: Url, body?: RequestBody | null, params?: Params | null]
    | { method: string; url: Url; body?: RequestBody | null; params?: Params | null };

  /** Sends requests at once (limits: options `batch`, `batchPerHost`) and returns their responses in the same shape. */
  export function batch<Q extends readonly BatchRequest[]>(requests: readonly [...Q]): { [K in keyof Q]: Response };
  export function batch<Q extends { readonly [name: string]: BatchRequest }>(
    requests: Q): { [K in keyof Q]: Response };

  /** Tag function: http.url`https://host/users/${id}` groups all ids under one name, `https://host/users/${}`. */
  export function url(strings: TemplateStringsArray, ...values: unknown[]): HttpUrl;

  /** A file for a multipart body. The name is the time of the call by default, the type `application/octet-stream`. */
  export function file(data: string | ArrayBuffer | ArrayBufferView, filename?: string, contentType?: string): FileData;

  /** Cookies a VU keeps; they are forgotten after each iteration unless `noCookiesReset` is set. */
  export class CookieJar {
    constructor();
    set(url: string, name: string, value: string, options?: {
      domain?: string;
      path?: string;
      /** A date as HTTP writes it. */
      expires?: string;
      /** Seconds. */
      max_age?: number;
      secure?: boolean;
      http_only?: boolean;
    }): boolean;
    /** The values sent to a URL, by name. */
    cookiesForURL(url: string): Record<string, string[]>;
    clear(url: string): boolean;
    delete(url: string, name: string): boolean;
  }
  /** This VU's own jar. Throws in the init code. */
  export function cookieJar(): CookieJar;

  export interface ExpectedStatuses {
    readonly __brand: 'ExpectedStatuses';
  }
  /** Statuses that count as successful: numbers, or ranges with both ends included. */
  export function expectedStatuses(...statuses: (number | { min: number; max: number })[]): ExpectedStatuses;
  /** Sets what counts as successful for all requests of this VU (200 to 399 by default); null records nothing. */
  export function setResponseCallback(callback: ExpectedStatuses | null): void;

  /** Values of `tls_version`, `ocsp.status` and `ocsp.revocation_reason`. */
  export const SSL_3_0: string;
  export const TLS_1_0: string;
  export const TLS_1_1: string;
  export const TLS_1_2: string;
  export const TLS_1_3: string;
  export const OCSP_STATUS_GOOD: string;
  export const OCSP_STATUS_REVOKED: string;
  export const OCSP_STATUS_SERVER_FAILED: string;
  export const OCSP_STATUS_UNKNOWN: string;
  export const OCSP_REASON_UNSPECIFIED: string;
  export const OCSP_REASON_KEY_COMPROMISE: string;
  export const OCSP_REASON_CA_COMPROMISE: string;
  export const OCSP_REASON_AFFILIATION_CHANGED: string;
  export const OCSP_REASON_SUPERSEDED: string;
  export const OCSP_REASON_CESSATION_OF_OPERATION: string;
  export const OCSP_REASON_CERTIFICATE_HOLD: string;
  export const OCSP_REASON_REMOVE_FROM_CRL: string;
  export const OCSP_REASON_PRIVILEGE_WITHDRAWN: string;
  export const OCSP_REASON_AA_COMPROMISE: string;

  const http: {
    get: typeof get;
    head: typeof head;
    post: typeof post;
    put: typeof put;
    patch: typeof patch;
    del: typeof del;
    options: typeof options;
    request: typeof request;
    asyncRequest: typeof asyncRequest;
    batch: typeof batch;
    url: typeof url;
    file: typeof file;
    CookieJar: typeof CookieJar;
    cookieJar: typeof cookieJar;
    expectedStatuses: typeof expectedStatuses;
    setResponseCallback: typeof setResponseCallback;
    SSL_3_0: typeof SSL_3_0;
    TLS_1_0: typeof TLS_1_0;
    TLS_1_1: typeof TLS_1_1;
    TLS_1_2: typeof TLS_1_2;
    TLS_1_3: typeof TLS_1_3;
    OCSP_STATUS_GOOD: typeof OCSP_STATUS_GOOD;
    OCSP_STATUS_REVOKED: typeof OCSP_STATUS_REVOKED;
    OCSP_STATUS_SERVER_FAILED: typeof OCSP_STATUS_SERVER_FAILED;
    OCSP_STATUS_UNKNOWN: typeof OCSP_STATUS_UNKNOWN;
    OCSP_REASON_UNSPECIFIED: typeof OCSP_REASON_UNSPECIFIED;
    OCSP_REASON_KEY_COMPROMISE: typeof OCSP_REASON_KEY_COMPROMISE;
    OCSP_REASON_CA_COMPROMISE: typeof OCSP_REASON_CA_COMPROMISE;
    OCSP_REASON_AFFILIATION_CHANGED: typeof OCSP_REASON_AFFILIATION_CHANGED;
    OCSP_REASON_SUPERSEDED: typeof OCSP_REASON_SUPERSEDED;
    OCSP_REASON_CESSATION_OF_OPERATION: typeof OCSP_REASON_CESSATION_OF_OPERATION;
    OCSP_REASON_CERTIFICATE_HOLD: typeof OCSP_REASON_CERTIFICATE_HOLD;
    OCSP_REASON_REMOVE_FROM_CRL: typeof OCSP_REASON_REMOVE_FROM_CRL;
    OCSP_REASON_PRIVILEGE_WITHDRAWN: typeof OCSP_REASON_PRIVILEGE_WITHDRAWN;
    OCSP_REASON_AA_COMPROMISE: typeof OCSP_REASON_AA_COMPROMISE;
  };
  export default http;
}
