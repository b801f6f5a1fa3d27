// How much can a server bear? The highest rate at which it still meets the objectives, found by trying: the rate doubles until they are
// missed, then the gap is halved. The mock below answers 4 calls at a time, each in about 100 ms: 40 calls per second.
//
//   inrush run --mock --mock-max-concurrency 4 examples/capacity.js
import ai from 'inrush/ai';

const llm = ai.model({ provider: 'openai' });

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    capacity: {
      executor: 'capacity-search',
      by: 'rate', // or 'vus'
      from: 20,
      to: 60,
      precision: 0.1, // the answer is within 10 %
      repeats: 0,
      slo: { e2e: { p95: 250 }, failed: 0.05 }, // ms, share of calls
      stepDuration: '1500ms', // minutes, for a server that people use
      pause: '100ms',
      preAllocatedVUs: 20,
      maxVUs: 60,
      gracefulStop: '5s',
    },
  },
};

export default function () {
  // The mock takes its times from these headers; other servers ignore them.
  llm.stream(
    { prompt: 'Say hello.', maxTokens: 6, ignoreEos: true },
    { headers: { 'x-mock-ttft-ms': '50', 'x-mock-itl-ms': '10' } },
  );
}
