// Type tests of k6/ws and k6/websockets.
import ws, { connect } from 'k6/ws';
import { Blob, WebSocket } from 'k6/websockets';
import { WebSocket as Old } from 'k6/experimental/websockets';

const res = ws.connect('ws://127.0.0.1/', { headers: { a: 'b' }, tags: { n: 1 }, compression: 'deflate' }, (socket) => {
  socket.on('open', () => socket.send('text'));
  socket.on('message', (data) => data.toUpperCase());
  socket.on('binaryMessage', (data) => socket.sendBinary(data.slice(1)));
  socket.on('close', (code) => code.toFixed());
  socket.on('error', (e) => console.error(e.error()));
  socket.setInterval(() => socket.ping(), 1000);
  socket.setTimeout(() => socket.close(1000), 5000);
  // @ts-expect-error there is no such event
  socket.on('data', () => {});
  // @ts-expect-error objects are sent with JSON.stringify
  socket.send({});
  // @ts-expect-error only an ArrayBuffer
  socket.sendBinary('text');
});
const status: number = res.status;
connect('ws://127.0.0.1/', (socket) => socket.close());
// @ts-expect-error the set-up function is needed
connect('ws://127.0.0.1/');
// @ts-expect-error the only algorithm is deflate
connect('ws://127.0.0.1/', { compression: 'gzip' }, () => {});

const socket = new WebSocket('wss://127.0.0.1/', ['v1', 'v2'], { tags: { a: 'b' }, timeout: 500 });
socket.binaryType = 'arraybuffer';
socket.onmessage = (e) => { if (typeof e.data !== 'string') console.log(e.data); };
socket.addEventListener('close', (e) => console.log(e.code, e.reason, e.wasClean), { once: true });
socket.onerror = (e) => console.error(e.error.length);
socket.send(new Blob(['a', new Uint8Array(2)], { type: 'x' }));
if (socket.readyState === WebSocket.OPEN) socket.close(3000, 'done');
new Old('ws://127.0.0.1/').onping = null;
// @ts-expect-error no such type
socket.binaryType = 'text';
// @ts-expect-error readyState is read-only
socket.readyState = 1;
// @ts-expect-error numbers cannot be sent
socket.send(5);
// @ts-expect-error no such event
socket.addEventListener('data', () => {});

export { status };
