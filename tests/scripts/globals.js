// What scripts find without importing it.
import { check } from 'k6';

export const options = { thresholds: { checks: ['rate==1'] } };

export default function () {
  const bytes = new TextEncoder().encode('aß€😀');
  const decoder = new TextDecoder();
  let pieces = '';
  for (const byte of bytes) pieces += decoder.decode(new Uint8Array([byte]), { stream: true });
  check(null, {
    encodes: () => bytes instanceof Uint8Array && bytes.length === 10 && bytes[1] === 0xc3,
    decodes: () => new TextDecoder('UTF-8').decode(bytes.buffer) === 'aß€😀' && decoder.encoding === 'utf-8',
    'decodes a view': () => new TextDecoder().decode(bytes.subarray(1, 3)) === 'ß',
    'decodes in pieces': () => pieces + decoder.decode() === 'aß€😀',
    'drops the mark': () => new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 65])) === 'A',
    replaces: () => new TextDecoder().decode(new Uint8Array([65, 255])) === 'A\ufffd',
    'or throws': () => { try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])); } catch (e) { return e instanceof TypeError; } },
    uuid: () => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()) && crypto.randomUUID() !== crypto.randomUUID(),
    random: () => new Set(crypto.getRandomValues(new Uint32Array(8))).size === 8,
    'random bytes': () => crypto.getRandomValues(new Uint8Array(64)).some((b) => b > 127),
    'no floats': () => { try { crypto.getRandomValues(new Float64Array(1)); } catch (e) { return e instanceof TypeError; } },
    global: () => global === globalThis && typeof setTimeout === 'function',
  });
}
