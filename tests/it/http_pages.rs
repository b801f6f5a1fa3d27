//! Responses as pages: `html()`, `clickLink()`, `submitForm()`, and forms with files, against a server that says what it saw.

use crate::http::against;
use crate::server;

#[test]
fn links_are_followed() {
    let server = server::plain();
    against(
        &server,
        "{}",
        r#"
const page = http.get(`${BASE}/page/dir?x=1`);
eq('html', [page.html().find('title').text(), page.html('#rel').text(), page.html('h9').size()], ['A page', 'relative', 0]);
eq('url', page.html('#rel').get(0).href(), `${BASE}/echo/near?a=1&b=2`);
eq('first', page.clickLink().json('target'), '/echo/near?a=1&b=2');
eq('chosen', page.clickLink({ selector: '#abs', params: { headers: { 'X-Own': 'v' } } }).json('headers.x-own'), 'v');
eq('absolute', page.clickLink({ selector: '#abs' }).json('target'), '/echo/abs');
throws('no link', () => page.clickLink({ selector: '#none' }), "no element found for selector '#none'");
throws('no href', () => page.clickLink({ selector: 'form' }), 'has no href');
throws('no body', () => http.get(`${BASE}/page/dir`, { responseType: 'none' }).html(), 'discarded');
throws('failed', () => http.get('http://127.0.0.1:1/').html(), 'the request failed');
eq('binary', http.get(`${BASE}/page/dir`, { responseType: 'binary' }).html('title').text(), 'A page');
"#,
        &[],
    );
}

#[test]
fn forms_are_submitted() {
    let server = server::plain();
    against(
        &server,
        "{}",
        r#"
const page = http.get(`${BASE}/page/dir?x=1`);
const post = page.submitForm().json();
eq('post', [post.method, post.target, post.headers['content-type']], ['POST', '/echo/post?q=1', 'application/x-www-form-urlencoded']);
eq('own values', post.body, 'agree=yes&go=Send&pick=1&pick=2&token=a+b&user=');
const filled = page.submitForm({ formSelector: '#login', fields: { user: 'me', extra: 1 }, submitSelector: '#other', params: { tags: { t: 'v' } } }).json();
eq('filled', filled.body, 'agree=yes&extra=1&other=O&pick=1&pick=2&token=a+b&user=me');
const search = page.submitForm({ formSelector: '#search', fields: { q: 'ä b' } }).json();
eq('get', [search.method, search.target, search.body], ['GET', '/echo/find?q=%C3%A4+b', '']);
const self = page.submitForm({ formSelector: '#self' });
eq('no action', [self.status, self.url], [200, `${BASE}/page/dir?here=1`]);
throws('no form', () => page.submitForm({ formSelector: '#none' }), "no form found for selector '#none'");
throws('options', () => page.submitForm('form'), 'object of options');
"#,
        &[],
    );
}

#[test]
fn forms_with_files_are_multipart() {
    let server = server::plain();
    against(
        &server,
        "{}",
        r#"
const body = { list: ['a', 'b'], files: [http.file('1', 'one.txt'), http.file([50], 'two "x".bin', 'a/b')], last: null };
const seen = http.post(`${BASE}/echo`, body, { headers: { 'Content-Type': 'multipart/form-data' } }).json();
const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(seen.headers['content-type'])[1];
const parts = seen.body.split('--' + boundary).slice(1, -1).map((p) => p.replace(/^\r\nContent-Disposition: form-data; /, ''));
eq('parts', parts, [
  'name="list"\r\n\r\na\r\n', 'name="list"\r\n\r\nb\r\n',
  'name="files"; filename="one.txt"\r\nContent-Type: application/octet-stream\r\n\r\n1\r\n',
  'name="files"; filename="two \\"x\\".bin"\r\nContent-Type: a/b\r\n\r\n2\r\n',
  'name="last"\r\n\r\n\r\n',
]);
const file = http.file('data');
eq('defaults', [/^\d{19}$/.test(file.filename), file.content_type, file.data], [true, 'application/octet-stream', 'data']);
throws('no data', () => http.file({}), 'string or an ArrayBuffer');
eq('sorted', http.post(`${BASE}/echo`, { b: 1, a: ['2', '1'], c: null }).json('body'), 'a=2&a=1&b=1&c=');
eq('own type', http.post(`${BASE}/echo`, { a: 1 }, { headers: { 'content-type': 'x/y' } }).json('headers.content-type'), 'x/y');
eq('body of a get', http.request('GET', `${BASE}/echo`, 'text').json('body'), 'text');
"#,
        &[],
    );
}

#[test]
fn a_path_into_what_is_no_json_leads_nowhere() {
    let server = server::plain();
    against(
        &server,
        "{}",
        "const r = http.get(`${BASE}/page/dir`); eq('path', r.json('a.b') === undefined, true); throws('whole', () => r.json(), 'JSON');",
        &[],
    );
}
