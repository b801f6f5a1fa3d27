// An agent with tools: the model asks for a tool, the session calls its handler and sends the result back, until the model answers in
// words. Every call of the loop is measured; `ai_tool_calls` counts the tools asked for.
//
//   inrush run --mock examples/tools.js
import ai from 'inrush/ai';
import { check } from 'k6';

const llm = ai.model();

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { agents: { executor: 'shared-iterations', vus: 2, iterations: 4, maxDuration: '60s' } },
  thresholds: { ai_tool_calls: ['count>=4'], checks: ['rate==1'] },
};

export default function () {
  const agent = llm.session({
    system: 'Use the tools.',
    maxTokens: 64,
    maxRounds: 4, // calls of one turn; a model that never stops asking is stopped
    tools: {
      get_weather: {
        description: 'The weather in a city now.',
        parameters: { type: 'object', required: ['city'], properties: { city: { type: 'string' } } },
        handler: ({ city }) => ({ city, celsius: 21, sky: 'clear' }),
      },
    },
  });

  const res = agent.say('What is the weather in Rome?');
  check(res, { 'answered in words': (r) => r.ok && r.finishReason !== 'tool_calls' && r.text.length > 0 });
  check(agent, {
    'the tool was called': (a) => a.rounds.length === 2 && a.rounds[0].toolCalls[0].name === 'get_weather',
    'its result is in the history': (a) => a.history[2].role === 'tool' && JSON.parse(String(a.history[2].content)).celsius === 21,
  });
}
