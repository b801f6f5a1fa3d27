// A session: log in, keep the cookie, call an API, batch the rest of the page.
import http from 'k6/http';
import { check, sleep } from 'k6';

export const options = { stages: [{ duration: '1s', target: 3 }, { duration: '500ms', target: 0 }], thresholds: { checks: ['rate==1'], http_req_failed: ['rate==0'] } };

export default () => {
  const before = http.get(`${__ENV.BASE}/echo`);
  const login = http.post(`${__ENV.BASE}/cookie?session=s${__VU}`, { user: 'u', pass: 'p&=' }, { redirects: 0 });
  const me = http.get(`${__ENV.BASE}/echo`, { headers: { Authorization: `Bearer ${login.cookies.session[0].value}` } });
  const [js, css] = http.batch([['GET', `${__ENV.BASE}/bytes/10`], ['GET', `${__ENV.BASE}/bytes/20`]]);
  check(null, {
    'no cookie from the last iteration': () => before.json('headers.cookie') === undefined,
    'cookie is sent': () => me.json('headers.cookie') === `session=s${__VU}`,
    'header is sent': () => me.json('headers.authorization') === `Bearer s${__VU}`,
    'page is loaded': () => js.body.length === 10 && css.body.length === 20,
  });
  sleep(Math.random() * 0.05);
};
