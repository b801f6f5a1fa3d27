// inrush's own version of k6's jslib `k6-utils`, used when https://jslib.k6.io cannot be reached. It follows the documented
// behaviour of versions 1.0.0 to 1.6.0; functions a version does not have yet are there all the same.

import exec from 'k6/execution';
import crypto from 'k6/crypto';
import { Rate } from 'k6/metrics';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

// What findBetween gives for "not found" changed with version 1.2.
const version = /k6-utils\/1\.(\d+)\./.exec(import.meta.url);
const NOTHING = version !== null && Number(version[1]) < 2 ? '' : null;

/** A version 4 UUID; from the system's secure source when `secure` is true. */
export function uuidv4(secure = false) {
  const bytes = secure
    ? new Uint8Array(crypto.randomBytes(16))
    : Uint8Array.from({ length: 16 }, () => Math.floor(Math.random() * 256));
  bytes[6] = 0x40 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A whole number from `min` to `max`, both included. */
export function randomIntBetween(min, max) {
  const choices = max - min + 1;
  return Math.floor(min + Math.random() * choices);
}

/** One element of an array. */
export function randomItem(items) {
  return items[randomIntBetween(0, items.length - 1)];
}

/** A string of `length` characters, each one of `charset`. */
export function randomString(length, charset = LETTERS) {
  const characters = [];
  for (let i = 0; i < length; i += 1) {
    characters.push(charset.charAt(randomIntBetween(0, charset.length - 1)));
  }
  return characters.join('');
}

/** The text between two delimiters; all such texts as an array when `repeat` is true. */
export function findBetween(content, left, right, repeat = false) {
  const found = [];
  let from = content.indexOf(left);
  while (from >= 0) {
    const start = from + left.length;
    const end = content.indexOf(right, start);
    if (end < 0) break;
    found.push(content.slice(start, end));
    if (!repeat) return found[0];
    from = content.indexOf(left, Math.max(end + right.length, start + 1));
  }
  return found.length > 0 ? found : NOTHING;
}

/** Stages whose targets follow a bell curve from -2 to +2 standard deviations, with a sixth of the time before and after it. */
export function normalDistributionStages(maxVus, durationSeconds, numberOfStages = 10) {
  const bell = (x) => Math.exp(-(x * x) / 2);
  const targets = [];
  for (let i = 0; i <= numberOfStages; i += 1) {
    targets.push(bell((4 * i) / numberOfStages - 2));
  }
  const peak = Math.max(...targets);
  const edge = Math.ceil(durationSeconds / 6);
  const inner = Math.ceil((durationSeconds * 4) / (6 * numberOfStages));
  const stages = targets.map((height, i) => ({
    duration: `${i === 0 ? edge : inner}s`,
    target: Math.round((height * maxVus) / peak),
  }));
  stages.push({ duration: `${edge}s`, target: 0 });
  return stages;
}

const UNITS = { d: 86400000, h: 3600000, m: 60000, s: 1000, ms: 1 };

/** Milliseconds of a duration such as "1d5h31m20s3ms"; a bare number is milliseconds. */
export function parseDuration(text) {
  if (text === undefined || text === null || text === '') {
    throw new Error('str is empty');
  }
  const seen = new Set();
  let total = 0;
  for (const [, digits, letters] of String(text).matchAll(/([\d.]*)([^\d.]*)/g)) {
    if (digits === '' && letters === '') continue;
    const amount = parseFloat(digits);
    if (letters === '') {
      total += amount;
      continue;
    }
    if (!Object.prototype.hasOwnProperty.call(UNITS, letters)) {
      throw new Error(`${letters} is an unsupported time unit`);
    }
    if (seen.has(letters)) {
      throw new Error(`${letters} time unit is provided multiple times`);
    }
    seen.add(letters);
    // Milliseconds are the finest there is.
    total += letters === 'ms' ? Math.trunc(amount) : amount * UNITS[letters];
  }
  return total;
}

/** The stages of a list of options, with durations in milliseconds. */
export function parseStages(stages) {
  return stages.map(({ duration, target }) => ({ duration: parseDuration(duration), target }));
}

function currentStages() {
  const { name } = exec.scenario;
  const scenario = exec.test.options.scenarios[name];
  if (!scenario) {
    throw new Error(`exec.test.options has no scenario '${name}'`);
  }
  if (!scenario.stages) {
    throw new Error(
      `scenario '${name}' has no stages: only the executors ramping-vus and ramping-arrival-rate have a current stage`
    );
  }
  if (scenario.stages.length === 0) {
    throw new Error(`the stages of scenario '${name}' are empty`);
  }
  return scenario.stages;
}

/** Index of the stage the scenario is in now; the last one once all are over. */
export function getCurrentStageIndex() {
  const stages = currentStages();
  let left = Date.now() - exec.scenario.startTime;
  const index = stages.findIndex(({ duration }) => {
    left -= parseDuration(duration);
    return left < 0;
  });
  return index < 0 ? stages.length - 1 : index;
}

/** Tags what this VU measures from now on with `stage`: the index of the current stage. */
export function tagWithCurrentStageIndex() {
  exec.vu.tags.stage = getCurrentStageIndex();
}

/** Tags what this VU measures from now on with `stage_profile`: ramp-up, steady or ramp-down. */
export function tagWithCurrentStageProfile() {
  const index = getCurrentStageIndex();
  const stages = currentStages();
  let profile = 'ramp-up';
  if (index > 0) {
    const step = stages[index].target - stages[index - 1].target;
    if (step === 0) profile = 'steady';
    if (step < 0) profile = 'ramp-down';
  }
  exec.vu.tags.stage_profile = profile;
}

const checks = new Rate('checks');

/** k6's `check` for values and predicates that may be promises: a boolean, or a promise of one. */
export function check(value, sets, tags = {}) {
  const count = (name, outcome) => {
    checks.add(Boolean(outcome), { ...tags, check: name });
    return Boolean(outcome);
  };
  const isPromise = (x) => x instanceof Promise;
  const outcomes = Object.entries(sets).map(([name, test]) => {
    const outcome = typeof test === 'function' ? test(value) : test;
    return isPromise(outcome) ? outcome.then((o) => count(name, o)) : count(name, outcome);
  });
  const all = (list) => list.every(Boolean);
  return outcomes.some(isPromise) ? Promise.all(outcomes).then(all) : all(outcomes);
}
