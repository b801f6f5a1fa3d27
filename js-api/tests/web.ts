// Globals of the web platform: what must check, and what must not.
import streams, { ReadableStream as Readable } from 'k6/experimental/streams';

export default async function (): Promise<void> {
  const url = new URL('/a', 'https://example.com');
  url.searchParams.append('q', '1');
  const res = await fetch(url, { method: 'POST', body: new URLSearchParams({ a: 'b' }), tags: { kind: 'x' }, signal: AbortSignal.timeout(1000) });
  for await (const chunk of res.body!) console.log(chunk.length);
  const numbers: Readable<number> = new streams.ReadableStream<number>({ pull: (c) => c.enqueue(1) });
  const { value, done } = await numbers.getReader().read();
  if (!done) console.log(value.toFixed(1));
  console.table([{ a: 1 }], ['a']);
  const copy: Date = structuredClone(new Date());
  console.log(copy.toLocaleDateString('en-US'), new Uint8Array([1]).toBase64(), btoa('x'), performance.now());

  // @ts-expect-error there is no such redirect mode
  await fetch(url, { redirect: 'never' });
  // @ts-expect-error a signal is not made with new
  new AbortSignal();
  // @ts-expect-error not a browser
  window.alert('x');
}
