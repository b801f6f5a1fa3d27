// Every kind of call against grpcio, with descriptors from sources, from a protoset of protoc, and by reflection.
import grpc from 'k6/net/grpc';
import { check } from 'k6';

const clients = { sources: new grpc.Client(), protoset: new grpc.Client(), reflection: new grpc.Client() };
clients.sources.load(['../scripts/protos'], 'greeter.proto');
clients.protoset.loadProtoset(__ENV.PROTOSET);

export const options = { vus: 4, iterations: 12, thresholds: { checks: ['rate==1'], iterations: ['count==12'] } };

function is(what, got, want) {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  if (!check(null, { [what]: () => g === w })) console.error(`${what}: got ${g}, want ${w}`);
}

function collect(client, method, write) {
  return new Promise((resolve) => {
    const stream = new grpc.Stream(client, method);
    const seen = [];
    stream.on('data', (d) => seen.push(`${d.text} ${d.number}`));
    stream.on('error', (e) => seen.push(`error ${e.code}`));
    stream.on('end', () => resolve(seen));
    write(stream);
  });
}

export default async () => {
  for (const [name, client] of Object.entries(clients)) {
    client.connect(__ENV.ADDR, { plaintext: true, reflect: name === 'reflection' });
    const request = { name: 'ä', number: '9007199254740993', counts: { a: 1 }, mood: 'HAPPY', raw: 'AQI=', at: '2024-01-31T10:00:00.500Z', phone: '1' };
    const res = client.invoke('demo.Greeter/Hello', request, { metadata: { 'x-one': 'v' }, timeout: '30s' });
    is(`${name}: status`, res.status, grpc.StatusOK);
    is(`${name}: echo`, res.message.hello, { name: 'ä', number: '9007199254740993', counts: { a: 1 }, mood: 'HAPPY', raw: 'AQI=', at: '2024-01-31T10:00:00.500Z', size: 0, phone: '1' });
    is(`${name}: deadline`, ['timeout=30', 'timeout=29'].includes(res.message.text), true);
    is(`${name}: metadata`, [res.headers['x-echo'], res.headers['x-raw-bin'], res.trailers['x-end']], [['v'], ['ä'], ['yes']]);
    const bad = client.invoke('demo.Greeter/Hello', { name: 'error' });
    is(`${name}: error`, [bad.status, bad.error.message, bad.error.details[0].reason], [3, 'kö', 'BAD']);
    is(`${name}: missing`, client.invoke('demo.Greeter/Missing', {}).status, grpc.StatusUnimplemented);
    is(`${name}: late`, client.invoke('demo.Greeter/Hello', { name: 'slow' }, { timeout: '200ms' }).status, grpc.StatusDeadlineExceeded);
    is(`${name}: large`, client.invoke('demo.Greeter/Hello', { size: 5 << 20 }).status, grpc.StatusResourceExhausted);
    is(`${name}: larger`, client.invoke('demo.Greeter/Hello', { size: 1 << 20 }).message.blob.length, 4 * Math.ceil((1 << 20) / 3));
    is(`${name}: server stream`, await collect(client, 'demo.Greeter/Count', (s) => s.write({ name: 'c', number: 3 })), ['c 1', 'c 2', 'c 3']);
    is(`${name}: client stream`, await collect(client, 'demo.Greeter/Sum', (s) => { s.write({ number: 2 }); s.write({ number: 3 }); s.end(); }), [' 5']);
    is(`${name}: both`, await collect(client, 'demo.Greeter/Chat', (s) => { s.write({ name: 'x' }); s.write({ name: 'y' }); s.end(); }), ['re: x 0', 're: y 0']);
    is(`${name}: many`, (await collect(client, 'demo.Greeter/Count', (s) => s.write({ number: 500 }))).length, 500);
    is(`${name}: health`, [client.healthCheck().status, client.healthCheck('demo.Broken').status], [grpc.HealthCheckServing, grpc.HealthCheckNotServing]);
    client.close();
  }
};
