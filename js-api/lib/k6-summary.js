// inrush's own version of k6's jslib `k6-summary`, used when https://jslib.k6.io cannot be reached: the end-of-test text of k6
// before 1.0, and thresholds as JUnit XML. It follows the documented behaviour of versions 0.0.1 to 0.1.0.

const STYLES = { faint: 2, red: 31, green: 32, cyan: 36 };
const PASSED = '\u2713';
const FAILED = '\u2717';
const TIME_UNITS = { s: ['s', 0.001], ms: ['ms', 1], us: ['\u00b5s', 1000] };
const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];

/** Paints a text with ANSI styles, or leaves it alone. */
function painter(colours) {
  if (!colours) return (text) => text;
  return (text, ...styles) => `\x1b[${styles.map((s) => STYLES[s]).join(';')}m${text}\x1b[0m`;
}

/** Columns a text takes; marks and letters of other scripts count as one each. */
function width(text) {
  return Array.from(text.normalize('NFKC')).length;
}

function pad(text, to) {
  return ' '.repeat(Math.max(0, to - width(text)));
}

function shortNumber(value, digits) {
  return String(Number(value.toFixed(digits)));
}

function cut(value, digits) {
  const scale = 10 ** digits;
  return shortNumber(Math.trunc(value * scale) / scale, digits);
}

function bytes(value) {
  if (value < 10) return `${value} B`;
  const power = Math.min(SIZES.length - 1, Math.floor(Math.log(value) / Math.log(1000)));
  const amount = Math.floor((value / 1000 ** power) * 10 + 0.5) / 10;
  return `${amount.toFixed(amount < 10 ? 1 : 0)} ${SIZES[power]}`;
}

function duration(ms, unit) {
  const fixed = typeof unit === 'string' && Object.prototype.hasOwnProperty.call(TIME_UNITS, unit) && TIME_UNITS[unit];
  if (fixed) return `${(ms * fixed[1]).toFixed(2)}${fixed[0]}`;
  if (ms === 0) return '0s';
  if (ms < 0.001) return `${Math.trunc(ms * 1e6)}ns`;
  if (ms < 1) return `${cut(ms * 1000, 2)}\u00b5s`;
  if (ms < 1000) return `${cut(ms, 2)}ms`;
  const seconds = `${cut((ms % 60000) / 1000, ms > 60000 ? 0 : 2)}s`;
  const minutes = Math.trunc(ms / 60000);
  if (minutes === 0) return seconds;
  const hours = Math.trunc(minutes / 60);
  return `${hours > 0 ? `${hours}h` : ''}${minutes % 60}m${seconds}`;
}

/** A value of a metric as people read it. */
export function humanizeValue(value, metric, timeUnit) {
  if (metric.type === 'rate') return `${(Math.trunc(value * 10000) / 100).toFixed(2)}%`;
  if (metric.contains === 'data') return bytes(value);
  if (metric.contains === 'time') return duration(value, timeUnit);
  return shortNumber(value, 6);
}

function checkLines(indent, check, paint) {
  if (check.fails === 0) return [paint(`${indent}${PASSED} ${check.name}`, 'green')];
  const share = Math.floor((100 * check.passes) / (check.passes + check.fails));
  const counts = `${share}% \u2014 ${PASSED} ${check.passes} / ${FAILED} ${check.fails}`;
  return [paint(`${indent}${FAILED} ${check.name}\n${indent} \u21b3  ${counts}`, 'red')];
}

function groupLines(indent, group, paint) {
  const lines = [];
  let inner = indent;
  if (group.name !== '') {
    lines.push(`${indent}\u2588 ${group.name}\n`);
    inner = `${indent}  `;
  }
  for (const check of group.checks) lines.push(...checkLines(inner, check, paint));
  if (group.checks.length > 0) lines.push('');
  for (const child of group.groups) lines.push(...groupLines(inner, child, paint));
  return lines;
}

/** "name{tag:value}" belongs under "name". */
function splitName(name) {
  const brace = name.indexOf('{');
  if (brace < 0) return { parent: name, tags: '', shown: name, indent: '' };
  return { parent: name.slice(0, brace), tags: name.slice(brace), shown: `{ ${name.slice(brace + 1, -1)} }`, indent: '  ' };
}

function plainValues(metric, unit) {
  const show = (value) => humanizeValue(value, metric, unit);
  const { values } = metric;
  switch (metric.type) {
    case 'counter':
      return [show(values.count), `${show(values.rate)}/s`];
    case 'gauge':
      return [show(values.value), `min=${show(values.min)}`, `max=${show(values.max)}`];
    case 'rate':
      return [show(values.rate), `${PASSED} ${values.passes}`, `${FAILED} ${values.fails}`];
    default:
      return ['[no data]'];
  }
}

function widest(rows, column) {
  return rows.reduce((most, row) => (row[column] === undefined ? most : Math.max(most, width(row[column]))), 0);
}

function metricLines(data, options, paint) {
  const unit = options.summaryTimeUnit;
  const stats = options.summaryTrendStats;
  const rows = Object.keys(data.metrics).map((name) => {
    const metric = data.metrics[name];
    const isTrend = metric.type === 'trend';
    const cells = isTrend
      ? stats.map((stat) => (stat === 'count' ? String(metric.values[stat]) : humanizeValue(metric.values[stat], metric, unit)))
      : plainValues(metric, unit);
    return { ...splitName(name), metric, isTrend, cells };
  });
  rows.sort((a, b) => a.parent.localeCompare(b.parent) || a.tags.localeCompare(b.tags));

  const nameWidth = rows.reduce((most, row) => Math.max(most, width(row.indent + row.shown)), 0);
  const trends = rows.filter((row) => row.isTrend).map((row) => row.cells);
  const others = rows.filter((row) => !row.isTrend).map((row) => row.cells);
  const trendWidths = stats.map((_, i) => widest(trends, i));
  const otherWidths = [0, 1, 2].map((i) => widest(others, i));

  return rows.map(({ metric, isTrend, cells, indent, shown }) => {
    let text;
    if (isTrend) {
      text = cells.map((cell, i) => `${stats[i]}=${paint(cell, 'cyan')}${pad(cell, trendWidths[i])}`).join(' ');
    } else {
      const [first, ...extra] = cells;
      text = paint(first, 'cyan') + pad(first, otherWidths[0]);
      if (extra.length === 1) {
        text += ` ${paint(extra[0], 'cyan', 'faint')}`;
      } else {
        for (let i = 0; i < extra.length; i += 1) {
          text += ` ${paint(extra[i], 'cyan', 'faint')}${pad(extra[i], otherWidths[i + 1])}`;
        }
      }
    }
    let mark = ' ';
    if (metric.thresholds) {
      const passed = Object.values(metric.thresholds).every((threshold) => threshold.ok);
      mark = passed ? paint(PASSED, 'green') : paint(FAILED, 'red');
    }
    const dots = '.'.repeat(nameWidth - width(indent + shown) + 3);
    return `${options.indent}  ${indent}${mark} ${shown}${paint(`${dots}:`, 'faint')} ${text}`;
  });
}

/** The summary as text, in the layout of k6 before 1.0. Options: indent, enableColors, summaryTimeUnit, summaryTrendStats. */
export function textSummary(data, options) {
  const merged = { indent: ' ', enableColors: true, summaryTimeUnit: null, summaryTrendStats: null, ...data.options, ...options };
  const paint = painter(merged.enableColors);
  return [...groupLines(`${merged.indent}    `, data.root_group, paint), ...metricLines(data, merged, paint)].join('\n');
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&quot;' };

function xml(text) {
  return String(text).replace(/[&<>'"]/g, (character) => ENTITIES[character]);
}

/** What was measured, for a threshold that was not kept. */
function whyFailed({ values }) {
  const measured = Object.entries(values).map(([stat, value]) => `${stat}=${value}`);
  return `threshold crossed: ${measured.join(', ')}`;
}

/** Thresholds as JUnit XML: one test case each. Options: name, classname. */
export function jUnit(data, options = {}) {
  const { name = 'k6 thresholds', classname } = options || {};
  const place = classname ? ` classname="${xml(classname)}"` : '';
  const cases = [];
  let failures = 0;
  for (const [metricName, metric] of Object.entries(data.metrics)) {
    for (const [expression, { ok }] of Object.entries(metric.thresholds || {})) {
      const open = `<testcase name="${xml(metricName)} - ${xml(expression)}"${place}`;
      if (!ok) failures += 1;
      cases.push(ok ? `${open} />` : `${open}><failure message="${xml(whyFailed(metric))}"/></testcase>`);
    }
  }
  const counts = `tests="${cases.length}" failures="${failures}"`;
  return [
    '<?xml version="1.0"?>',
    `<testsuites ${counts}>`,
    `<testsuite name="${xml(name)}" ${counts}>`,
    ...cases,
    '</testsuite>',
    '</testsuites>',
  ].join('\n');
}
