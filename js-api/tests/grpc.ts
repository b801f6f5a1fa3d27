// Type tests of k6/net/grpc.
import grpc, { Client, StatusOK, type GrpcError } from 'k6/net/grpc';
import old from 'k6/experimental/grpc';

const client = new grpc.Client();
const first: string | undefined = client.load(['protos'], 'a.proto', 'b.proto')[0]?.full_method;
client.load(null, 'a.proto');
client.loadProtoset('set.bin');

client.connect('127.0.0.1:50051', {
  plaintext: true,
  reflect: true,
  timeout: '5s',
  tls: { cacerts: ['pem'], cert: 'pem', key: 'pem' },
});
// @ts-expect-error there is no such parameter (it fails at run time as well)
client.connect('127.0.0.1:50051', { plainText: true });

const res = client.invoke('a.B/C', { x: 1 }, { metadata: { a: 'b', 'c-bin': new Uint8Array(2) }, tags: { t: 1 } });
const ok: boolean = res.status === StatusOK && res.error === null && res.headers['a']?.[0] === 'b';
const failed: GrpcError | null = res.error;
// @ts-expect-error a request is needed
client.invoke('a.B/C');
// @ts-expect-error gRPC has metadata, not headers
client.invoke('a.B/C', {}, { headers: {} });
const later: Promise<number> = client.asyncInvoke('a.B/C', {}).then((r) => r.status);
const serving: boolean = client.healthCheck('a.B').status === grpc.HealthCheckServing;

const stream = new grpc.Stream(client, 'a.B/D', { timeout: 500 });
stream.on('data', (message, meta) => console.log(message, meta.ts));
stream.on('error', (error) => console.log(error.code, error.details));
stream.on('end', () => client.close());
// @ts-expect-error there is no such event
stream.on('close', () => {});
stream.write({ x: 1 });
stream.end();

const same: Client = new old.Client();

export { first, ok, failed, later, serving, same };
