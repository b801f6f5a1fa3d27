// Unary calls, a server stream, a bidirectional stream and health, in the style of k6's manual.
import grpc from 'k6/net/grpc';
import { check, sleep } from 'k6';

const client = new grpc.Client();
client.load(['protos'], 'greeter.proto');

export const options = {
  iterations: 2,
  thresholds: {
    checks: ['rate==1'],
    grpc_req_duration: ['p(95)<10000'],
    'grpc_req_duration{method:Hello}': ['max>0'],
    grpc_streams_msgs_received: ['count==12'],
  },
};

export default () => {
  client.connect(__ENV.GRPC_ADDR, { plaintext: true });

  const response = client.invoke('demo.Greeter/Hello', { name: 'Bert', number: 5 }, { metadata: { 'x-my-header': 'k6test' } });
  check(response, {
    'status is OK': (r) => r && r.status === grpc.StatusOK,
    'message': (r) => r.message.hello.name === 'Bert' && r.message.number === '5',
    'headers': (r) => r.headers['x-my-header'][0] === 'k6test',
  });

  check(client.healthCheck(), { serving: (r) => r.status === grpc.HealthCheckServing });

  const count = new grpc.Stream(client, 'demo.Greeter/Count');
  let seen = 0;
  count.on('data', (reply) => {
    seen += 1;
    check(reply, { 'in order': (r) => Number(r.number) === seen });
  });
  count.on('end', () => {
    check(seen, { 'all arrived': (n) => n === 4 });
    chat();
  });
  count.write({ name: 'x', number: 4 });
  sleep(0.01);
};

function chat() {
  const stream = new grpc.Stream(client, 'demo.Greeter/Chat', { tags: { kind: 'chat' } });
  const answers = [];
  stream.on('data', (reply) => {
    answers.push(reply.text);
    if (answers.length < 2) stream.write({ name: 'second' });
    else stream.end();
  });
  stream.on('error', (e) => check(e, { 'no error': () => false }));
  stream.on('end', () => {
    check(answers, { answered: (a) => a.join() === 're: first,re: second' });
    client.close();
  });
  stream.write({ name: 'first' });
}
