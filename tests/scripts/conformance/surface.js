// Prints what every module exports, with the members of its classes and of the objects it hands out.
import crypto from 'k6/crypto';
import { parseHTML } from 'k6/html';
import http from 'k6/http';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const metrics = { Counter: new Counter('one_counter'), Gauge: new Gauge('one_gauge'), Rate: new Rate('one_rate'), Trend: new Trend('one_trend') };
const modules = Object.fromEntries(__ENV.MODULES.split(',').map((name) => [name, require(name)]));

// The names an object has, of its own or from its classes.
function members(object) {
  const names = new Set();
  for (let o = object; o && o !== Object.prototype; o = Object.getPrototypeOf(o)) {
    for (const name of Object.getOwnPropertyNames(o)) if (name !== 'constructor') names.add(name);
  }
  return [...names];
}

export default function () {
  const out = {};
  for (const [name, module] of Object.entries(modules)) {
    const exports = Object.keys(module).filter((key) => key !== 'default');
    const classes = {};
    for (const key of exports) {
      const value = module[key];
      if (typeof value === 'function' && value.prototype && Object.getOwnPropertyNames(value.prototype).length > 1) classes[key] = members(value.prototype);
    }
    out[name] = { exports, classes };
  }
  for (const [name, metric] of Object.entries(metrics)) out['k6/metrics'].classes[name] = members(metric);
  out['k6/http'].classes.Response = members(http.get(`${__ENV.BASE}/json`));
  out['k6/html'].classes.Selection = members(parseHTML('<p>'));
  out['k6/html'].classes.Element = members(parseHTML('<p>').find('p').get(0));
  out['k6/crypto'].classes.Hasher = members(crypto.createHash('md5'));
  out['k6/experimental/webcrypto'].classes.subtle = members(globalThis.crypto.subtle);
  console.log('SURFACE ' + JSON.stringify(out));
}
