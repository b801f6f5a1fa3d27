// performance: a monotonic clock, marks and measures.
(function (native) {
  'use strict';
  const start = native.now();
  const origin = native.timeOrigin;
  let entries = [];
  const entry = (name, entryType, startTime, duration, detail) => {
    if (entries.length >= 1000) entries.shift();
    const made = { name: `${name}`, entryType, startTime, duration, detail: detail ?? null };
    entries.push(made);
    return made;
  };
  const at = (mark, otherwise) => {
    if (mark === undefined) return otherwise;
    if (typeof mark === 'number') return mark;
    const found = entries.findLast((e) => e.entryType === 'mark' && e.name === `${mark}`);
    if (!found) throw new DOMException(`performance.measure: there is no mark '${mark}'`, 'SyntaxError');
    return found.startTime;
  };
  const performance = {
    now: () => native.now() - start,
    get timeOrigin() { return origin; },
    mark: (name, options) => entry(name, 'mark', options?.startTime ?? performance.now(), 0, options?.detail),
    measure(name, from, to) {
      const object = from !== null && typeof from === 'object' ? from : { start: from, end: to };
      const begin = at(object.start, 0);
      return entry(name, 'measure', begin, at(object.end, performance.now()) - begin, object.detail);
    },
    getEntries: () => entries.slice(),
    getEntriesByName: (name, type) => entries.filter((e) => e.name === name && (type === undefined || e.entryType === type)),
    getEntriesByType: (type) => entries.filter((e) => e.entryType === type),
    clearMarks(name) { entries = entries.filter((e) => e.entryType !== 'mark' || (name !== undefined && e.name !== name)); },
    clearMeasures(name) { entries = entries.filter((e) => e.entryType !== 'measure' || (name !== undefined && e.name !== name)); },
    toJSON: () => ({ timeOrigin: origin }),
  };
  return { performance };
})
