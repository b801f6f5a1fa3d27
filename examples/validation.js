// Fast but broken: a server under load may answer quickly with nothing, with half a JSON document, or with a refusal. Each has a
// rate of its own, with thresholds like any other metric.
//
//   inrush run --mock examples/validation.js
import ai from 'inrush/ai';
import { check } from 'k6';

const llm = ai.model();

const schema = {
  type: 'object',
  required: ['name', 'age', 'tags'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1 },
    age: { type: 'integer', minimum: 0 },
    tags: { type: 'array', items: { type: 'string' } },
  },
};

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { extract: { executor: 'shared-iterations', vus: 4, iterations: 12, maxDuration: '60s' } },
  thresholds: {
    ai_valid: ['rate>0.99'], // the answer is JSON and fits the schema
    ai_empty: ['rate<0.01'],
    ai_refused: ['rate<0.01'],
  },
};

export default function () {
  const res = llm.stream(
    { prompt: 'Extract name, age and tags from: Ann, 31, likes boats.', maxTokens: 100, responseFormat: { name: 'person', schema } },
    { validate: schema }, // compiled once, whatever the number of VUs and calls
  );
  check(res, { 'fits the schema': (r) => r.valid === true });
  if (res.valid === false) console.warn(res.validationErrors.join('; '));
  else if (res.ok) check(res.json(), { 'has an age': (person) => person.age >= 0 });
}
