// `k6/http`: every field and function of a response, of cookies and of jars.
import http from 'k6/http';
import { eq, throws, done } from './eq.js';
const BASE = __ENV.BASE;

export default function () {
  const r = http.get(`${BASE}/json`);
  eq('fields', ['body', 'cookies', 'error', 'error_code', 'headers', 'ocsp', 'proto', 'remote_ip', 'remote_port', 'request', 'status', 'status_text', 'timings', 'tls_cipher_suite', 'tls_version', 'url'].filter((name) => !(name in r)), []);
  eq('functions', ['json', 'html', 'clickLink', 'submitForm'].map((name) => typeof r[name]), ['function', 'function', 'function', 'function']);
  eq('values', [r.status, r.status_text, r.proto, r.error, r.error_code, r.remote_ip, `${r.remote_port}`, r.tls_version, r.tls_cipher_suite, r.url], [200, '200 Thing', 'HTTP/1.1', '', 0, '127.0.0.1', BASE.split(':')[2], '', '', `${BASE}/json`]);
  eq('timings', Object.keys(r.timings).sort(), ['blocked', 'connecting', 'duration', 'looking_up', 'receiving', 'sending', 'tls_handshaking', 'waiting']);
  eq('request', [Object.keys(r.request).sort(), r.request.method, r.request.url, r.request.body, r.request.cookies], [['body', 'cookies', 'headers', 'method', 'url'], 'GET', `${BASE}/json`, '', {}]);
  eq('body of a request', [http.post(`${BASE}/echo`, { one: 'x', two: 3 }).request.body, http.post(`${BASE}/echo`, 'text', { headers: { 'X-A': 'b' } }).request.headers['X-A']], ['one=x&two=3', ['b']]);
  eq('ocsp', Object.keys(r.ocsp).sort(), ['next_update', 'produced_at', 'revocation_reason', 'revoked_at', 'status', 'this_update']);

  // json(): paths.
  eq('paths', [r.json('a.b.0'), r.json('a.b.2.c'), r.json('items.#'), r.json('items.#.id'), r.json('items.1'), r.json('items.#(id==2).n'), r.json('items.#(id>0)#.n'), r.json('s'), r.json('z'), r.json('big'), r.json('nope') === undefined], [1, 'deep', 2, [1, 2], { id: 2, n: 'y' }, 'y', ['x', 'y'], 'text', null, 1000, true]);
  eq('all of it', [r.json().s, r.json().items[1].n], ['text', 'y']);
  throws('no JSON', () => http.get(`${BASE}/page`).json(), 'JSON');
  throws('no body for json()', () => http.get(`${BASE}/json`, { responseType: 'none' }).json(), 'null');
  throws('no body for html()', () => http.get(`${BASE}/page`, { responseType: 'none' }).html(), 'null');
  // Types of bodies.
  eq('text', [typeof http.get(`${BASE}/json`, { responseType: 'text' }).body, http.get(`${BASE}/json`, { responseType: 'none' }).body], ['string', null]);
  const binary = http.get(`${BASE}/binary`, { responseType: 'binary' });
  eq('binary', [Object.prototype.toString.call(binary.body), binary.body.byteLength], ['[object ArrayBuffer]', 4]);
  eq('json of bytes', http.get(`${BASE}/json`, { responseType: 'binary' }).json('s'), 'text');
  eq('headers', [r.headers['Content-Type'], r.headers['content-type'] === undefined, Object.keys(r.headers).sort()], ['application/json', true, ['Content-Length', 'Content-Type']]);
  for (const coding of ['gzip', 'deflate', 'br', 'zstd']) {
    const coded = http.get(`${BASE}/encoded/${coding}`);
    eq(coding, [coded.body, coded.headers['Content-Encoding']], ['hello hello hello', coding]);
  }
  eq('statuses', [200, 204, 301, 400, 404, 500, 503].map((s) => { const x = http.get(`${BASE}/status/${s}`); return [x.status, x.error_code, x.error]; }), [[200, 0, ''], [204, 0, ''], [301, 0, ''], [400, 1400, ''], [404, 1404, ''], [500, 1500, ''], [503, 1503, '']]);

  // Cookies.
  const set = http.get(`${BASE}/cookie?sid=s1`);
  eq('cookie', [Object.keys(set.cookies), Object.keys(set.cookies.sid[0]).sort(), set.cookies.sid[0].name, set.cookies.sid[0].value, set.cookies.sid[0].path, set.cookies.sid[0].http_only, set.cookies.sid[0].secure, set.cookies.sid[0].max_age, set.cookies.sid[0].expires, set.cookies.sid[0].domain], [['sid'], ['domain', 'expires', 'http_only', 'max_age', 'name', 'path', 'secure', 'value'], 'sid', 's1', '/', true, false, 0, 0, '']);
  const sent = (params) => (http.get(`${BASE}/echo`, params).json('headers.cookie') || '').split('; ').sort();
  const jar = http.cookieJar();
  eq('kept', [sent(), jar.cookiesForURL(`${BASE}/x`)], [['sid=s1'], { sid: ['s1'] }]);
  eq('of one request', [sent({ cookies: { extra: 'e' } }), Object.keys(jar.cookiesForURL(BASE))], [['extra=e', 'sid=s1'], ['sid']]);
  eq('replaced', [sent({ cookies: { sid: { value: 'other', replace: true } } }), jar.cookiesForURL(BASE).sid], [['sid=other'], ['s1']]);
  eq('not replaced', sent({ cookies: { sid: { value: 'other' } } }), ['sid=other', 'sid=s1']);
  eq('shown in the request', http.get(`${BASE}/echo`, { cookies: { a: 'b' } }).request.cookies.a[0].value, 'b');
  eq('set', [jar.set(`${BASE}/echo`, 'far', '1', { path: '/elsewhere' }), jar.set(`${BASE}/echo`, 'foreign', '1', { domain: 'example.com' }), jar.set(`${BASE}/echo`, 'old', '1', { expires: 'Fri, 02 Jan 1998 03:04:05 GMT' }), jar.set(`${BASE}/echo`, 'new', '1', { expires: 'Mon, 03 Jan 2095 03:04:05 GMT' }), jar.set(`${BASE}/echo`, 'short', '1', { max_age: 600 }), jar.set(`${BASE}/echo`, 'safe', '1', { secure: true, http_only: true })], [true, true, true, true, true, true]);
  eq('sent', sent(), ['new=1', 'short=1', 'sid=s1']);
  eq('delete', [jar.delete(`${BASE}/echo`, 'new'), sent()], [true, ['short=1', 'sid=s1']]);
  eq('clear', [jar.clear(`${BASE}/echo`), sent()], [true, ['']]);
  throws('expires', () => jar.set(BASE, 'a', 'b', { expires: 'soon' }), 'expires');
  const own = new http.CookieJar();
  own.set(BASE, 'mine', '1');
  eq('another jar', [sent({ jar: own }), sent(), sent({ jar: own, cookies: { more: '2' } })], [['mine=1'], [''], ['mine=1', 'more=2']]);
  // Logins in the URL.
  const login = http.get(`${BASE.replace('://', '://ann:word@')}/echo`);
  eq('basic', login.json('headers.authorization'), 'Basic YW5uOndvcmQ=');
  done();
}
