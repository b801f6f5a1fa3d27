declare module 'k6/net/grpc' {
  /** Texts; buffers under names that end in `-bin`. */
  export type Metadata = Record<string, string | ArrayBuffer | ArrayBufferView>;

  export interface ConnectParams {
    /** No TLS. `false` by default. */
    plaintext?: boolean;
    /** Ask the server's reflection for its services instead of loading .proto files. */
    reflect?: boolean;
    reflectMetadata?: Metadata;
    /** 60 s by default. */
    timeout?: string | number;
    /** Largest message received, in bytes; 4 MiB by default. */
    maxReceiveSize?: number;
    /** Largest message sent, in bytes. */
    maxSendSize?: number;
    tls?: TlsParams;
    /** What stands in `:authority`, and what the certificate must be for. */
    authority?: string;
    /** Accepted, without effect: every VU has connections of its own. */
    connectionSharing?: boolean;
  }

  /** PEM texts. */
  export interface TlsParams {
    cacerts?: string | string[];
    cert?: string;
    /** Not encrypted. */
    key?: string;
    password?: string;
  }

  export interface CallParams {
    metadata?: Metadata;
    tags?: Record<string, string | number | boolean>;
    /** Two minutes by default for `invoke`, none for a stream. */
    timeout?: string | number;
    discardResponseMessage?: boolean;
  }

  export interface MethodInfo {
    readonly package: string;
    readonly service: string;
    /** `/package.Service/Method`. */
    readonly full_method: string;
  }

  export interface GrpcError {
    /** One of the `Status...` constants. */
    readonly code: number;
    readonly message: string;
    /** What the server attached, each with its type as `@type`. */
    readonly details: object[];
  }

  export interface Response {
    /** By proto3's JSON mapping, unset fields included; null with `discardResponseMessage`. */
    readonly message: any;
    /** Null when the call succeeded. */
    readonly error: GrpcError | null;
    readonly headers: Record<string, string[]>;
    readonly trailers: Record<string, string[]>;
    /** One of the `Status...` constants. */
    readonly status: number;
  }

  export interface HealthCheckResponse {
    /** One of the `HealthCheck...` constants. */
    readonly status: number;
    readonly message: { readonly status: number };
  }

  export class Client {
    /** Parses .proto files; in the init context only. Without import paths they are looked for in the script's folder. */
    load(importPaths: string[] | null | undefined, ...protoFiles: string[]): MethodInfo[];
    /** Reads a serialised FileDescriptorSet; in the init context only. */
    loadProtoset(protosetFile: string): MethodInfo[];
    /** Connects to `host:port`. Throws when it cannot. */
    connect(address: string, params?: ConnectParams | null): true;
    /** Calls `package.Service/Method` and waits. A call that fails is a response with `error`. */
    invoke(method: string, request: object | string | number | boolean, params?: CallParams | null): Response;
    asyncInvoke(
      method: string,
      request: object | string | number | boolean,
      params?: CallParams | null,
    ): Promise<Response>;
    /** Asks the standard health service; throws when that call fails. */
    healthCheck(service?: string): HealthCheckResponse;
    close(): void;
  }

  export interface EventMeta {
    /** When it happened, in seconds since 1970. */
    readonly ts: number;
  }

  export class Stream {
    constructor(client: Client, method: string, params?: CallParams | null);
    on(event: 'data', handler: (message: any, meta: EventMeta) => void): void;
    on(event: 'error', handler: (error: GrpcError, meta: EventMeta) => void): void;
    on(event: 'end', handler: (nothing: object, meta: EventMeta) => void): void;
    /** Called with the headers of the answer; k6 has no such event. */
    on(event: 'metadata', handler: (headers: Record<string, string[]>, meta: EventMeta) => void): void;
    /** Called before `end`; k6 never calls it. */
    on(event: 'status', handler: (status: GrpcError, meta: EventMeta) => void): void;
    write(message: object | string | number | boolean): void;
    /** Ends our side; the server may go on. */
    end(): void;
  }

  export const StatusOK: 0;
  export const StatusCanceled: 1;
  export const StatusUnknown: 2;
  export const StatusInvalidArgument: 3;
  export const StatusDeadlineExceeded: 4;
  export const StatusNotFound: 5;
  export const StatusAlreadyExists: 6;
  export const StatusPermissionDenied: 7;
  export const StatusResourceExhausted: 8;
  export const StatusFailedPrecondition: 9;
  export const StatusAborted: 10;
  export const StatusOutOfRange: 11;
  export const StatusUnimplemented: 12;
  export const StatusInternal: 13;
  export const StatusUnavailable: 14;
  export const StatusDataLoss: 15;
  export const StatusUnauthenticated: 16;
  export const HealthCheckUnknown: 0;
  export const HealthCheckServing: 1;
  export const HealthCheckNotServing: 2;
  export const HealthCheckServiceUnknown: 3;
  /** k6's spelling. */
  export const HealthCheckServiceUnkown: 3;

  const grpc: {
    Client: typeof Client;
    Stream: typeof Stream;
    StatusOK: 0;
    StatusCanceled: 1;
    StatusUnknown: 2;
    StatusInvalidArgument: 3;
    StatusDeadlineExceeded: 4;
    StatusNotFound: 5;
    StatusAlreadyExists: 6;
    StatusPermissionDenied: 7;
    StatusResourceExhausted: 8;
    StatusFailedPrecondition: 9;
    StatusAborted: 10;
    StatusOutOfRange: 11;
    StatusUnimplemented: 12;
    StatusInternal: 13;
    StatusUnavailable: 14;
    StatusDataLoss: 15;
    StatusUnauthenticated: 16;
    HealthCheckUnknown: 0;
    HealthCheckServing: 1;
    HealthCheckNotServing: 2;
    HealthCheckServiceUnknown: 3;
    HealthCheckServiceUnkown: 3;
  };
  export default grpc;
}

/** The name of old scripts. */
declare module 'k6/experimental/grpc' {
  export * from 'k6/net/grpc';
  export { default } from 'k6/net/grpc';
}
