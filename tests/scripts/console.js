// What console methods print.
export const options = { iterations: 1 };

export default function () {
  console.log('plain', 1, true, null, undefined);
  console.log({ a: [1, { b: 2 }], c: 'text' }, [1, 'two']);
  console.info('info');
  console.warn('warned');
  console.error('failed');
  console.debug('hidden');
  console.log(new Error('an error').message, `multi\nline "quoted"`);
  console.log();
  const circular = {};
  circular.self = circular;
  console.log(circular);
  console.log(() => 1, Symbol('s'), 10n, new Date(0), new Map([[1, 2]]), NaN);
}
