declare module 'k6/x/redis' {
  export interface SocketOptions {
    host?: string;
    port?: number;
    /** PEM texts; `{}` encrypts with the system's roots. */
    tls?: { ca?: string[]; cert?: string; key?: string };
    /** Milliseconds; 5000 by default. */
    dialTimeout?: number;
    /** Milliseconds an answer may take; 3000 by default. */
    readTimeout?: number;
    /** These are accepted and have no effect: a client has one connection per server. */
    writeTimeout?: number;
    poolSize?: number;
    minIdleConns?: number;
    maxConnAge?: number;
    poolTimeout?: number;
    idleTimeout?: number;
  }
  export interface NodeOptions {
    socket?: SocketOptions;
    username?: string;
    password?: string;
    database?: number;
    /** Tries after the first one; 3 by default, -1 is none. */
    maxRetries?: number;
    /** Milliseconds. */
    minRetryBackoff?: number;
    maxRetryBackoff?: number;
  }
  /** The older form, with everything in one object; more than one address is a cluster. */
  export interface UniversalOptions extends Omit<NodeOptions, 'socket'>, Omit<SocketOptions, 'host' | 'port' | 'tls'> {
    addrs: string[];
    db?: number;
    /** The addresses are sentinels, which name the master. */
    masterName?: string;
    sentinelUsername?: string;
    sentinelPassword?: string;
    maxRedirects?: number;
  }
  export interface ClusterOptions {
    cluster: { nodes: (NodeOptions | string)[]; maxRedirects?: number };
  }
  type Value = string | number | boolean;

  /** Connects with the first command. A key, field or element that does not exist rejects the promise of a single value. */
  export class Client {
    constructor(options: string | NodeOptions | UniversalOptions | ClusterOptions);
    /** Whether a command was sent already. */
    isConnected(): boolean;
    /** `seconds` until it expires; 0 is never. */
    set(key: string, value: Value, seconds?: number): Promise<'OK'>;
    get(key: string): Promise<string>;
    getSet(key: string, value: Value): Promise<string>;
    getDel(key: string): Promise<string>;
    del(...keys: string[]): Promise<number>;
    exists(...keys: string[]): Promise<number>;
    incr(key: string): Promise<number>;
    incrBy(key: string, increment: number): Promise<number>;
    decr(key: string): Promise<number>;
    decrBy(key: string, decrement: number): Promise<number>;
    randomKey(): Promise<string>;
    mget(...keys: string[]): Promise<(string | null)[]>;
    expire(key: string, seconds: number): Promise<boolean>;
    /** Seconds; -1 is a key that does not expire, -2 no key. */
    ttl(key: string): Promise<number>;
    persist(key: string): Promise<boolean>;
    lpush(key: string, ...values: Value[]): Promise<number>;
    rpush(key: string, ...values: Value[]): Promise<number>;
    lpop(key: string): Promise<string>;
    rpop(key: string): Promise<string>;
    lrange(key: string, start: number, stop: number): Promise<string[]>;
    lindex(key: string, index: number): Promise<string>;
    lset(key: string, index: number, element: string): Promise<'OK'>;
    lrem(key: string, count: number, value: string): Promise<number>;
    llen(key: string): Promise<number>;
    hset(key: string, field: string, value: Value): Promise<number>;
    hsetnx(key: string, field: string, value: string): Promise<boolean>;
    hget(key: string, field: string): Promise<string>;
    hdel(key: string, ...fields: string[]): Promise<number>;
    hgetall(key: string): Promise<Record<string, string>>;
    hkeys(key: string): Promise<string[]>;
    hvals(key: string): Promise<string[]>;
    hlen(key: string): Promise<number>;
    hincrby(key: string, field: string, increment: number): Promise<number>;
    sadd(key: string, ...members: Value[]): Promise<number>;
    srem(key: string, ...members: Value[]): Promise<number>;
    sismember(key: string, member: Value): Promise<boolean>;
    smembers(key: string): Promise<string[]>;
    srandmember(key: string): Promise<string>;
    spop(key: string): Promise<string>;
    /** Any command. */
    sendCommand(command: string, ...args: Value[]): Promise<any>;
  }
  const redis: { Client: typeof Client };
  export default redis;
}

/** The old name of `k6/x/redis`. */
declare module 'k6/experimental/redis' {
  export { Client, default } from 'k6/x/redis';
}
