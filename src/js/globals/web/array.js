// Array.fromAsync.
(function () {
  'use strict';
  const fromAsync = async function fromAsync(items, map, self) {
    if (map !== undefined && typeof map !== 'function') throw new TypeError('Array.fromAsync: the second argument must be a function');
    const made = typeof this === 'function' && this !== Array ? new this() : [];
    let at = 0;
    const add = async (value) => { made[at] = map ? await map.call(self, value, at) : value; at += 1; };
    if (items?.[Symbol.asyncIterator] ?? items?.[Symbol.iterator]) for await (const value of items) await add(value);
    else for (let i = 0; i < Math.min(Number(items.length) || 0, 2 ** 32 - 1); i++) await add(await items[i]);
    made.length = at;
    return made;
  };
  Object.defineProperty(Array, 'fromAsync', { value: fromAsync, writable: true, configurable: true });
  return {};
})
