// Type tests of k6/x/sse.
import sse from 'k6/x/sse';

const res = sse.open('http://127.0.0.1/', { method: 'POST', body: '{}', timeout: '5s', tags: { a: 'b' } }, (client) => {
  client.on('open', () => console.log('open'));
  client.on('event', (event) => {
    if (event.data === '[DONE]') client.close();
  });
  client.on('error', (e) => console.error(e.error()));
  // @ts-expect-error handlers for names of SSE events are never called
  client.on('message', () => {});
});
const status: number = res.status;
sse.open('http://127.0.0.1/', (client) => client.close());
sse.open('http://127.0.0.1/', null, (client) => client.close());
// @ts-expect-error a number is no timeout here (it fails at run time as well)
sse.open('http://127.0.0.1/', { timeout: 5000 }, () => {});
// @ts-expect-error the set-up function is needed
sse.open('http://127.0.0.1/');
const client = sse.openAsync('http://127.0.0.1/', { timeout: 5000, maxRetries: 2, tags: { a: 'b' } });
const first: string = client.waitForEvent((e) => e.data !== '', 1000).data;
client.waitForEventAsync(null, 0).then((e) => e.name.trim());
client.pollEvents().map((e) => e.comment);
client.close();
sse.openAsync('http://127.0.0.1/', { timeout: '5s' }, (c) => c.on('event', (e) => e.id)).then((r) => r.status);
// @ts-expect-error the client has no handlers
client.on('event', () => {});
// @ts-expect-error a number of attempts
sse.openAsync('http://127.0.0.1/', { maxRetries: '2' });

export { first, status };
