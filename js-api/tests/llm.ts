// Type tests of k6/x/llm.
import llm, { Client, type ChatResult } from 'k6/x/llm';

const client: Client = new llm.Client({ base_url: 'http://localhost:8000/v1', model: 'm', slo: { ttft_ms: 500 }, energy: { j_per_output_token: 1 } });
export const data = new llm.Dataset({ path: './prompts.jsonl', shuffle: true });

export default async function () {
  const res: ChatResult = await client.chat({ messages: [{ role: 'user', content: 'hi' }], max_tokens: 5, repetition_penalty: 1.1 });
  const gaps: number[] = res.itl_ms;
  await new llm.Session(client, { system: 'x' }).send({ content: 'hi', cache_state: 'cold' });
  await client.chat(data.next());
  client.flush();
  return gaps.length + res.server_cost_usd;
}

// @ts-expect-error a wire that is not supported
new Client({ wire: 'grpc' });
// @ts-expect-error messages are needed
client.chat({ model: 'm' });
// @ts-expect-error a dataset is a file
new llm.Dataset({ seed: 1 });
