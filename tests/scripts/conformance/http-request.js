// `k6/http`: what is sent, for every method and every parameter.
import http from 'k6/http';
import { eq, throws, done } from './eq.js';
const BASE = __ENV.BASE;
const echo = (r) => r.json();

export default function () {
  const lower = ['post', 'put', 'patch', 'del', 'options'];
  for (const name of lower) {
    const method = name === 'del' ? 'DELETE' : name.toUpperCase();
    for (const params of [undefined, null, {}]) eq(`${name} with ${params}`, [http[name](`${BASE}/echo`, null, params).status, echo(http[name](`${BASE}/echo`, 'data', params)).body], [200, 'data']);
    eq(`${name} method`, echo(http[name](`${BASE}/echo?p=9`, 'x', { headers: { 'X-Mine': 'here' } })).headers['x-mine'], 'here');
    eq(`${name} text has no type`, echo(http[name](`${BASE}/echo`, 'data')).headers['content-type'], undefined);
    const form = echo(http[name](`${BASE}/echo`, { name: 'ann b', age: 41, likes: ['tea', 'jam'] }));
    eq(`${name} form`, [form.method, form.body, form.headers['content-type']], [method, 'age=41&likes=tea&likes=jam&name=ann+b', 'application/x-www-form-urlencoded']);
    eq(`${name} own type`, echo(http[name](`${BASE}/echo`, { name: 'x' }, { headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' } })).headers['content-type'], 'application/x-www-form-urlencoded; charset=utf-8');
  }
  for (const params of [undefined, null, {}, { headers: null, tags: null, cookies: null }, { headers: undefined, tags: undefined }]) {
    eq('get', echo(http.get(`${BASE}/echo`, params)).method, 'GET');
    eq('request', http.request('GET', `${BASE}/echo`, null, params).status, 200);
  }
  eq('head', [http.head(`${BASE}/bytes/7`).headers['Content-Length'], http.head(`${BASE}/bytes/0`).body], ['7', '']);
  eq('methods of any kind', ['report', 'MKCOL', 'Purge'].map((m) => echo(http.request(m, `${BASE}/echo`)).method), ['REPORT', 'MKCOL', 'PURGE']);

  // Headers.
  eq('several', echo(http.get(`${BASE}/echo`, { headers: { 'x-one': '1', 'X-Two': 'b', 'X-Number': 3 } })).headers['x-number'], '3');
  eq('user agent', [echo(http.get(`${BASE}/echo`)).headers['user-agent'].length > 0, echo(http.get(`${BASE}/echo`, { headers: { 'User-Agent': 'other' } })).headers['user-agent'], echo(http.get(`${BASE}/echo`, { headers: { 'User-Agent': '' } })).headers['user-agent']], [true, 'other', undefined]);
  for (const name of ['Host', 'host']) {
    const r = http.get(`${BASE}/echo`, { headers: { [name]: 'k6.test' } });
    eq(`${name} header`, [r.json('headers.host'), r.request.headers.Host], ['k6.test', ['k6.test']]);
  }
  // Bodies of bytes.
  for (const [array, want] of [[new Uint8Array([1, 2]), [1, 2]], [new Uint16Array([1, 2]), [1, 0, 2, 0]], [new Uint32Array([7]), [7, 0, 0, 0]]]) {
    eq('buffer', echo(http.post(`${BASE}/echo`, array.buffer)).bytes, want);
    eq('its view', echo(http.post(`${BASE}/echo`, array)).bytes, want);
  }
  // Redirects.
  eq('follow', [http.get(`${BASE}/redirect/2`).url, http.get(`${BASE}/redirect/2`, { redirects: 3 }).status, http.get(`${BASE}/redirect/2`, { redirects: 0 }).status, http.get(`${BASE}/redirect/2`, { redirects: 1 }).headers.Location], [`${BASE}/echo`, 200, 302, '/echo']);
  // Times.
  for (const timeout of ['100ms', 100, '0.1s']) {
    const r = http.get(`${BASE}/slow/3000`, { timeout, responseCallback: null });
    eq(`timeout ${timeout}`, [r.status, r.error_code, r.error.startsWith('request timeout'), r.body], [0, 1050, true, null]);
  }
  eq('in time', http.get(`${BASE}/slow/10`, { timeout: '10s' }).status, 200);
  // What is no text is written into forms as Go writes it; what is neither text, bytes nor an object is no body.
  const go = echo(http.post(`${BASE}/echo`, { nest: { a: 1, b: [1, 'x'] }, list: [[1, 2], true], big: 1234567.5, small: 0.00001, n: 7 }));
  eq('form of other values', decodeURIComponent(go.body.replace(/\+/g, ' ')).replace('1.2345675e 06', '1.2345675e+06'), 'big=1.2345675e+06&list=[1 2]&list=true&n=7&nest=map[a:1 b:[1 x]]&small=1e-05');
  for (const body of [[1, 2], 5, true]) eq(`a body of ${typeof body}`, [http.post(`${BASE}/echo`, body).status, http.post(`${BASE}/echo`, body).error.includes('JSON.stringify')], [0, true]);
  // Compression of the body.
  for (const coding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, br']) {
    const seen = echo(http.post(`${BASE}/echo`, 'a'.repeat(500), { compression: coding }));
    eq(`compression ${coding}`, [seen.headers['content-encoding'], seen.bytes.length < 100, seen.headers['content-length'] === String(seen.bytes.length)], [coding, true, true]);
  }
  // Names.
  const id = 5;
  const url = http.url`${BASE}/echo/${id}?x=${'y'}`;
  eq('url', [http.get(url).json('target'), http.get(http.url`${BASE}/echo`).status, url.url, url.name], ['/echo/5?x=y', 200, `${BASE}/echo/5?x=y`, '${}/echo/${}?x=${}']);
  // Files.
  const file = http.file('content', 'a.txt', 'text/plain');
  eq('file', [file.data, file.filename, file.content_type, Object.keys(file).sort()], ['content', 'a.txt', 'text/plain', ['content_type', 'data', 'filename']]);
  // Batches.
  const list = http.batch([`${BASE}/status/200`, ['GET', `${BASE}/status/201`], ['POST', `${BASE}/echo`, 'b', { tags: { name: 'n' } }], { method: 'PUT', url: `${BASE}/echo`, body: 'p', params: {} }, http.url`${BASE}/echo`, { url: `${BASE}/echo` }].slice(0, 5));
  eq('batch of a list', list.map((r) => [r.status, r.request.method]), [[200, 'GET'], [201, 'GET'], [200, 'POST'], [200, 'PUT'], [200, 'GET']]);
  eq('batch of an object', Object.entries(http.batch({ a: `${BASE}/echo`, b: ['GET', `${BASE}/status/204`] })).map(([k, r]) => [k, r.status]), [['a', 200], ['b', 204]]);
  eq('no requests', [http.batch([]), Object.keys(http.batch({}))], [[], []]);
  throws('batch()', () => http.batch(), '');
  throws('batch of a text', () => http.batch('http://x'), '');
  throws('batch of null', () => http.batch(null), '');
  // What is wrong with a URL is said in the response.
  throws('with throw', () => http.get('http://a b.test/', { throw: true }), 'invalid');
  // Expected statuses.
  throws('none', () => http.expectedStatuses(), 'expectedStatuses');
  for (const bad of ['300', 300.5, { min: 200, max: '300' }, { min: 200, max: 300.5 }, {}]) throws(`status ${JSON.stringify(bad)}`, () => http.expectedStatuses(200, bad), 'argument');
  http.setResponseCallback(http.expectedStatuses(200, { min: 300, max: 399 }, 404));
  http.setResponseCallback(null);
  throws('a callback of another kind', () => http.setResponseCallback(() => true), '');
  // Constants.
  eq('constants', [http.TLS_1_0, http.TLS_1_1, http.TLS_1_2, http.TLS_1_3, http.OCSP_STATUS_GOOD, http.OCSP_STATUS_REVOKED, http.OCSP_STATUS_SERVER_FAILED, http.OCSP_REASON_KEY_COMPROMISE], ['tls1.0', 'tls1.1', 'tls1.2', 'tls1.3', 'good', 'revoked', 'server_failed', 'key_compromise']);
  done();
}
