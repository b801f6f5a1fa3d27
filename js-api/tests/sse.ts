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

export { status };
