// A small Intl: separators and forms of a few locales; others fall back to en-US. No ICU data: that would be megabytes per process.
(function (native) {
  'use strict';
  // [decimal, group, currency behind the number, date order, date separator, 12 hours]
  const LOCALES = {
    'en-US': ['.', ',', false, 'mdy', '/', true], 'en-GB': ['.', ',', false, 'dmy', '/', false], 'en-CA': ['.', ',', false, 'ymd', '-', true],
    'en-AU': ['.', ',', false, 'dmy', '/', true], 'en-IN': ['.', ',', false, 'dmy', '/', true], 'de-DE': [',', '.', true, 'dmy', '.', false],
    'fr-FR': [',', '\u202f', true, 'dmy', '/', false], 'es-ES': [',', '.', true, 'dmy', '/', false], 'it-IT': [',', '.', true, 'dmy', '/', false],
    'nl-NL': [',', '.', false, 'dmy', '-', false], 'pt-BR': [',', '.', false, 'dmy', '/', false], 'ru-RU': [',', '\u00a0', true, 'dmy', '.', false],
    'pl-PL': [',', '\u00a0', true, 'dmy', '.', false], 'sv-SE': [',', '\u00a0', true, 'ymd', '-', false], 'ja-JP': ['.', ',', false, 'ymd', '/', false],
    'zh-CN': ['.', ',', false, 'ymd', '/', false],
  };
  const PADDED = new Set(['en-GB', 'fr-FR', 'pt-BR', 'ru-RU', 'sv-SE', 'pl-PL', 'en-CA', 'en-AU']);
  const SYMBOLS = { USD: '$', EUR: '€', GBP: '£', JPY: '¥', CNY: 'CN¥', INR: '₹', BRL: 'R$', KRW: '₩', CAD: 'CA$', AUD: 'A$', ILS: '₪', VND: '₫', MXN: 'MX$', NZD: 'NZ$' };
  const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
  const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
  const find = (tag) => {
    if (LOCALES[tag]) return tag;
    const language = tag.split('-')[0];
    return Object.keys(LOCALES).find((l) => l.split('-')[0] === language);
  };
  const list = (locales) => {
    const all = locales === undefined ? [] : typeof locales === 'string' ? [locales] : Array.from(locales, String);
    for (const tag of all) if (!/^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$/.test(tag)) throw new RangeError(`Incorrect locale information provided: '${tag}'`);
    return all;
  };
  const resolve = (locales) => list(locales).map(find).find((l) => l !== undefined) ?? 'en-US';
  const supported = (locales) => list(locales).filter((l) => find(l) !== undefined);
  const option = (options, name, allowed, fallback) => {
    const value = options[name];
    if (value === undefined) return fallback;
    if (allowed && !allowed.includes(`${value}`)) throw new RangeError(`Value ${value} out of range for Intl option ${name}; known: ${allowed.join(', ')}`);
    return allowed ? `${value}` : value;
  };
  const digits = (options, name, min, max, fallback) => {
    if (options[name] === undefined) return fallback;
    const n = Math.floor(Number(options[name]));
    if (!(n >= min && n <= max)) throw new RangeError(`${name} value is out of range: ${options[name]}`);
    return n;
  };
  // Rounds a non-negative number half away from zero, by its shortest decimal form.
  const fixed = (n, places) => {
    if (n >= 1e21) return BigInt(n).toString() + (places ? `.${'0'.repeat(places)}` : '');
    const [mantissa, exponent = '0'] = String(n).split('e');
    let [whole, fraction = ''] = mantissa.split('.');
    const shift = Number(exponent);
    if (shift < 0) { fraction = '0'.repeat(-shift - 1) + whole + fraction; whole = '0'; }
    fraction = fraction.padEnd(places + 1, '0');
    let all = BigInt(whole + fraction.slice(0, places));
    if (fraction[places] >= '5') all += 1n;
    const text = all.toString().padStart(places + 1, '0');
    return places ? `${text.slice(0, -places)}.${text.slice(-places)}` : text;
  };
  const group = (whole, separator, indian) => {
    if (!indian) return whole.replace(/\B(?=(\d{3})+$)/g, separator);
    const tail = whole.slice(-3);
    const head = whole.slice(0, -3);
    return head ? `${head.replace(/\B(?=(\d{2})+$)/g, separator)}${separator}${tail}` : tail;
  };

  class NumberFormat {
    #o; #bound;
    constructor(locales, options = {}) {
      options = options ?? {};
      const style = option(options, 'style', ['decimal', 'percent', 'currency', 'unit'], 'decimal');
      const notation = option(options, 'notation', ['standard', 'compact', 'scientific', 'engineering'], 'standard');
      let currency = options.currency;
      if (style === 'currency' && currency === undefined) throw new TypeError('Currency code is required with currency style.');
      if (currency !== undefined) {
        currency = `${currency}`.toUpperCase();
        if (!/^[A-Z]{3}$/.test(currency)) throw new RangeError(`Invalid currency code: ${options.currency}`);
      }
      if (style === 'unit' && options.unit === undefined) throw new TypeError('Unit is required with unit style.');
      const usual = style === 'currency' ? (['JPY', 'KRW', 'VND'].includes(currency) ? 0 : 2) : 0;
      const most = style === 'currency' ? usual : style === 'percent' || notation === 'compact' ? 0 : 3;
      const givenMin = digits(options, 'minimumFractionDigits', 0, 100, undefined);
      const givenMax = digits(options, 'maximumFractionDigits', 0, 100, undefined);
      if (givenMin !== undefined && givenMax !== undefined && givenMin > givenMax) throw new RangeError(`maximumFractionDigits value is out of range: ${givenMax}`);
      const minimumFractionDigits = givenMin ?? Math.min(usual, givenMax ?? usual);
      this.#o = {
        locale: resolve(locales), numberingSystem: 'latn', style, currency: style === 'currency' ? currency : undefined,
        currencyDisplay: style === 'currency' ? option(options, 'currencyDisplay', ['code', 'symbol', 'narrowSymbol', 'name'], 'symbol') : undefined,
        unit: options.unit, unitDisplay: options.unitDisplay, minimumIntegerDigits: digits(options, 'minimumIntegerDigits', 1, 21, 1), minimumFractionDigits,
        maximumFractionDigits: givenMax ?? Math.max(minimumFractionDigits, most),
        minimumSignificantDigits: digits(options, 'minimumSignificantDigits', 1, 21, options.maximumSignificantDigits === undefined ? undefined : 1),
        maximumSignificantDigits: digits(options, 'maximumSignificantDigits', 1, 21, options.minimumSignificantDigits === undefined ? undefined : 21),
        useGrouping: options.useGrouping === undefined ? 'auto' : options.useGrouping === 'false' ? false : options.useGrouping,
        notation, signDisplay: option(options, 'signDisplay', ['auto', 'never', 'always', 'exceptZero', 'negative'], 'auto'),
      };
    }
    #plain(n) {
      const o = this.#o;
      if (o.maximumSignificantDigits !== undefined) {
        if (n === 0) return '0';
        const [mantissa, exponent] = n.toExponential(o.maximumSignificantDigits - 1).split('e');
        const places = Math.max(0, o.maximumSignificantDigits - 1 - Number(exponent));
        const value = fixed(Number(`${mantissa}e${exponent}`), Math.min(places, 100));
        const keep = Math.max(0, o.minimumSignificantDigits - 1 - Number(exponent));
        return NumberFormat.#trim(value, keep);
      }
      return NumberFormat.#trim(fixed(n, o.maximumFractionDigits), o.minimumFractionDigits);
    }
    static #trim(text, keep) {
      let [whole, fraction = ''] = text.split('.');
      while (fraction.length > keep && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
      return fraction ? `${whole}.${fraction}` : whole;
    }
    formatToParts(value) {
      const o = this.#o;
      const [decimal, separator, behind] = LOCALES[o.locale];
      let n = typeof value === 'bigint' ? value : Number(value);
      const negative = n < 0 || Object.is(n, -0);
      const parts = [];
      const push = (type, text) => parts.push({ type, value: text });
      if (typeof n === 'bigint') n = negative ? -n : n; else n = Math.abs(n);
      if (o.style === 'percent') n = typeof n === 'bigint' ? n * 100n : Number(`${n}e2`.replace(/e([+-]?\d+)e2$/, (_, e) => `e${Number(e) + 2}`));
      if (Number.isNaN(n)) push('nan', 'NaN');
      else if (n === Infinity) push('infinity', '∞');
      else {
        let suffix = '';
        let exponent;
        if (o.notation === 'compact') {
          n = Number(n);
          for (const [size, letter] of [[1e12, 'T'], [1e9, 'B'], [1e6, 'M'], [1e3, 'K']]) if (n >= size * 0.9995) { n /= size; suffix = letter; break; }
          n = n < 100 ? Number(n.toPrecision(2)) : Math.round(n);
        } else if (o.notation !== 'standard') {
          n = Number(n);
          exponent = n === 0 ? 0 : Math.floor(Math.log10(n));
          if (o.notation === 'engineering') exponent = Math.floor(exponent / 3) * 3;
          n /= 10 ** exponent;
        }
        const text = typeof n === 'bigint' ? NumberFormat.#trim(`${n}.${'0'.repeat(o.minimumFractionDigits)}`, o.minimumFractionDigits)
          : o.notation === 'compact' && suffix + n !== '' ? String(n) : this.#plain(n);
        const [whole, fraction] = text.split('.');
        const padded = whole.padStart(o.minimumIntegerDigits, '0');
        const grouped = o.useGrouping === false ? padded : group(padded, '\u0000', o.locale === 'en-IN');
        grouped.split('\u0000').forEach((piece, i) => { if (i) push('group', separator); push('integer', piece); });
        if (fraction) { push('decimal', decimal); push('fraction', fraction); }
        if (suffix) push('compact', suffix);
        if (exponent !== undefined) { push('exponentSeparator', 'E'); push('exponentInteger', String(exponent)); }
      }
      const zero = !parts.some((p) => (p.type === 'integer' || p.type === 'fraction') && /[1-9]/.test(p.value)) && parts[0].type === 'integer';
      if (o.style === 'percent') { if (behind) push('literal', '\u00a0'); push('percentSign', '%'); }
      if (o.style === 'unit') { push('literal', ' '); push('unit', o.unit === 'percent' ? '%' : o.unit); }
      if (o.style === 'currency') {
        const name = o.currencyDisplay === 'code' || o.currencyDisplay === 'name' ? o.currency
          : (o.currencyDisplay === 'narrowSymbol' ? SYMBOLS[o.currency]?.replace(/^[A-Z]+(?=[^A-Z])/, '') : SYMBOLS[o.currency]) ?? o.currency;
        if (behind) { push('literal', '\u00a0'); push('currency', name); }
        else {
          if (/[A-Za-z]$/.test(name) || ['nl-NL', 'pt-BR'].includes(o.locale)) parts.unshift({ type: 'literal', value: '\u00a0' });
          parts.unshift({ type: 'currency', value: name });
        }
      }
      const sign = o.signDisplay;
      if (negative && (sign === 'auto' || sign === 'always' || (!zero && sign !== 'never'))) parts.unshift({ type: 'minusSign', value: '-' });
      else if (!negative && (sign === 'always' || (sign === 'exceptZero' && !zero))) parts.unshift({ type: 'plusSign', value: '+' });
      return parts;
    }
    get format() { return this.#bound ??= (value) => this.formatToParts(value).map((p) => p.value).join(''); }
    resolvedOptions() { return Object.fromEntries(Object.entries(this.#o).filter(([, v]) => v !== undefined)); }
    static supportedLocalesOf(locales) { return supported(locales); }
    get [Symbol.toStringTag]() { return 'Intl.NumberFormat'; }
  }

  const DATE = ['weekday', 'era', 'year', 'month', 'day'];
  const TIME = ['hour', 'minute', 'second', 'fractionalSecondDigits', 'dayPeriod'];
  const localZone = () => (new Date().getTimezoneOffset() === 0 ? 'UTC' : offsetName(-new Date().getTimezoneOffset()));
  const offsetName = (minutes) => {
    const n = Math.abs(minutes);
    return `${minutes < 0 ? '-' : '+'}${String(Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}`;
  };
  const zone = (name) => {
    if (name === undefined) return undefined;
    const text = `${name}`;
    if (/^(utc|gmt|etc\/utc|etc\/gmt)$/i.test(text)) return { name: 'UTC', at: () => 0 };
    const m = /^([+-])(\d\d):?(\d\d)$/.exec(text);
    if (m) { const minutes = (m[1] === '-' ? -1 : 1) * (Number(m[2]) * 60 + Number(m[3])); return { name: offsetName(minutes), at: () => minutes }; }
    if (native.zoneOffset(text, 0) !== undefined) return { name: text, at: (time) => native.zoneOffset(text, time) };
    throw new RangeError(`Invalid time zone specified: ${text}; use a name such as 'Europe/Paris', UTC, or an offset such as '+02:00'`);
  };
  class DateTimeFormat {
    #o; #bound; #zone;
    constructor(locales, options = {}, defaults = 'any') {
      options = options ?? {};
      const o = { locale: resolve(locales), calendar: 'gregory', numberingSystem: 'latn' };
      this.#zone = zone(options.timeZone);
      o.timeZone = this.#zone?.name ?? localZone();
      const widths = { weekday: ['narrow', 'short', 'long'], year: ['2-digit', 'numeric'], month: ['2-digit', 'numeric', 'narrow', 'short', 'long'],
        day: ['2-digit', 'numeric'], hour: ['2-digit', 'numeric'], minute: ['2-digit', 'numeric'], second: ['2-digit', 'numeric'],
        timeZoneName: ['short', 'long', 'shortOffset', 'longOffset', 'shortGeneric', 'longGeneric'],
        dateStyle: ['full', 'long', 'medium', 'short'], timeStyle: ['full', 'long', 'medium', 'short'] };
      for (const name of Object.keys(widths)) o[name] = option(options, name, widths[name], undefined);
      o.fractionalSecondDigits = digits(options, 'fractionalSecondDigits', 1, 3, undefined);
      if ((o.dateStyle || o.timeStyle) && [...DATE, ...TIME].some((n) => o[n] !== undefined)) throw new TypeError('dateStyle and timeStyle cannot be used together with single fields such as year or hour');
      const given = (names) => names.some((n) => o[n] !== undefined);
      const missing = !o.dateStyle && !o.timeStyle && !(defaults === 'date' ? given(DATE) : defaults === 'time' ? given(TIME) : given(DATE) || given(TIME));
      if (missing && defaults !== 'time') o.year = o.month = o.day = 'numeric';
      if (missing && (defaults === 'both' || defaults === 'time')) { o.hour = 'numeric'; o.minute = o.second = '2-digit'; }
      if (o.dateStyle) {
        Object.assign(o, { full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' }, long: { year: 'numeric', month: 'long', day: 'numeric' },
          medium: { year: 'numeric', month: 'short', day: 'numeric' }, short: { year: '2-digit', month: 'numeric', day: 'numeric' } }[o.dateStyle]);
      }
      if (o.timeStyle) {
        Object.assign(o, { hour: 'numeric', minute: '2-digit' }, o.timeStyle === 'short' ? {} : { second: '2-digit' });
        if (o.timeStyle === 'full' || o.timeStyle === 'long') o.timeZoneName = 'short';
      }
      if (o.hour) {
        const cycle = options.hourCycle;
        o.hour12 = options.hour12 !== undefined ? Boolean(options.hour12) : cycle ? cycle === 'h12' || cycle === 'h11' : LOCALES[o.locale][5];
        o.hourCycle = o.hour12 ? 'h12' : cycle === 'h24' ? 'h24' : 'h23';
      }
      this.#o = o;
    }
    formatToParts(date) {
      const o = this.#o;
      const time = date === undefined ? Date.now() : Number(date);
      if (!Number.isFinite(time)) throw new RangeError('Invalid time value');
      const local = new Date(time);
      const minutes = this.#zone ? this.#zone.at(time) : -local.getTimezoneOffset();
      const d = new Date(time + minutes * 60000);
      const two = (n) => String(n).padStart(2, '0');
      const [, , , order, separator] = LOCALES[o.locale];
      const parts = [];
      const push = (type, value) => parts.push({ type, value });
      const worded = o.month === 'long' || o.month === 'short' || o.month === 'narrow';
      const pad = PADDED.has(o.locale) && o.year && o.month && o.day && !worded;
      const fields = {
        year: () => (o.year === '2-digit' ? two(d.getUTCFullYear() % 100) : String(d.getUTCFullYear())),
        month: () => {
          const name = MONTHS[d.getUTCMonth()];
          if (o.month === 'long') return name;
          if (o.month === 'short') return o.locale === 'en-GB' && name === 'September' ? 'Sept' : name.slice(0, 3);
          if (o.month === 'narrow') return name[0];
          return o.month === '2-digit' || pad ? two(d.getUTCMonth() + 1) : String(d.getUTCMonth() + 1);
        },
        day: () => (o.day === '2-digit' || pad ? two(d.getUTCDate()) : String(d.getUTCDate())),
      };
      const name = DAYS[d.getUTCDay()];
      const day = { long: name, short: name.slice(0, 3), narrow: name[0] }[o.weekday];
      const present = (worded ? (order === 'dmy' ? 'dmy' : 'mdy') : order).split('').map((l) => ({ y: 'year', m: 'month', d: 'day' })[l]).filter((f) => o[f]);
      if (day) push('weekday', day);
      if (day && present.length) push('literal', worded && order === 'dmy' && o.weekday === 'short' ? ' ' : ', ');
      present.forEach((field, i) => {
        if (i) push('literal', worded ? (field === 'year' && present[i - 1] === 'day' ? ', ' : ' ') : separator);
        push(field, fields[field]());
      });
      if (o.hour || o.minute || o.second || o.fractionalSecondDigits) {
        if (parts.length) push('literal', o.dateStyle === 'full' || o.dateStyle === 'long' ? ' at ' : o.locale === 'fr-FR' || o.locale === 'ja-JP' || o.locale === 'zh-CN' || o.locale === 'sv-SE' ? ' ' : ', ');
        const hours = d.getUTCHours();
        let first = true;
        const timed = (type, value) => { if (!first) push('literal', type === 'fractionalSecond' ? '.' : ':'); first = false; push(type, value); };
        if (o.hour) {
          const h = o.hour12 ? hours % 12 || 12 : o.hourCycle === 'h24' ? hours || 24 : hours;
          timed('hour', o.hour === '2-digit' || (!o.hour12) ? two(h) : String(h));
        }
        if (o.minute) timed('minute', o.hour || o.second || o.minute === '2-digit' ? two(d.getUTCMinutes()) : String(d.getUTCMinutes()));
        if (o.second) timed('second', o.minute || o.second === '2-digit' ? two(d.getUTCSeconds()) : String(d.getUTCSeconds()));
        if (o.fractionalSecondDigits) timed('fractionalSecond', String(d.getUTCMilliseconds()).padStart(3, '0').slice(0, o.fractionalSecondDigits));
        if (o.hour && o.hour12) { push('literal', ' '); push('dayPeriod', o.locale === 'en-US' || o.locale === 'en-CA' ? (hours < 12 ? 'AM' : 'PM') : hours < 12 ? 'am' : 'pm'); }
      }
      if (o.timeZoneName) { if (parts.length) push('literal', ' '); push('timeZoneName', minutes === 0 ? 'UTC' : `GMT${offsetName(minutes)}`); }
      return parts;
    }
    get format() { return this.#bound ??= (date) => this.formatToParts(date).map((p) => p.value).join(''); }
    resolvedOptions() { return Object.fromEntries(Object.entries(this.#o).filter(([, v]) => v !== undefined)); }
    static supportedLocalesOf(locales) { return supported(locales); }
    get [Symbol.toStringTag]() { return 'Intl.DateTimeFormat'; }
  }

  const strip = (text) => text.normalize('NFD').replace(/[\u0300-\u036f]/g, '');
  const sign = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  class Collator {
    #o; #bound;
    constructor(locales, options = {}) {
      options = options ?? {};
      this.#o = { locale: resolve(locales), usage: 'sort', sensitivity: option(options, 'sensitivity', ['base', 'accent', 'case', 'variant'], 'variant'),
        ignorePunctuation: Boolean(options.ignorePunctuation), collation: 'default', numeric: Boolean(options.numeric), caseFirst: option(options, 'caseFirst', ['upper', 'lower', 'false'], 'false') };
    }
    #key(text) {
      // Punctuation sorts before digits, digits before letters.
      return Array.from(strip(text).toLowerCase(), (c) => (/[\p{L}]/u.test(c) ? 2 : /[\p{N}]/u.test(c) ? 1 : 0) + c).join('');
    }
    #primary(a, b) {
      if (!this.#o.numeric) return sign(this.#key(a), this.#key(b));
      const [x, y] = [a, b].map((t) => t.match(/\d+|\D+/g) ?? []);
      for (let i = 0; i < Math.min(x.length, y.length); i++) {
        const both = /^\d/.test(x[i]) && /^\d/.test(y[i]);
        const order = both ? sign(BigInt(x[i]), BigInt(y[i])) : sign(this.#key(x[i]), this.#key(y[i]));
        if (order) return order;
      }
      return sign(x.length, y.length);
    }
    #compare(a, b) {
      const o = this.#o;
      [a, b] = [`${a}`.normalize(), `${b}`.normalize()];
      if (a === b) return 0;
      if (o.ignorePunctuation) [a, b] = [a, b].map((t) => t.replace(/[\p{P}\s]/gu, ''));
      const first = this.#primary(a, b);
      if (first || o.sensitivity === 'base') return first;
      if (o.sensitivity !== 'case') { const accents = sign(a.toLowerCase(), b.toLowerCase()); if (accents) return accents; }
      if (o.sensitivity === 'accent') return 0;
      const [x, y] = o.sensitivity === 'case' ? [strip(a), strip(b)] : [a, b];
      // Lower case first, the reverse of code points.
      return o.caseFirst === 'upper' ? sign(x, y) : sign(y, x);
    }
    get compare() { return this.#bound ??= (a, b) => this.#compare(a, b); }
    resolvedOptions() { return { ...this.#o }; }
    static supportedLocalesOf(locales) { return supported(locales); }
    get [Symbol.toStringTag]() { return 'Intl.Collator'; }
  }

  class PluralRules {
    #o;
    constructor(locales, options = {}) { this.#o = { locale: resolve(locales), type: option(options ?? {}, 'type', ['cardinal', 'ordinal'], 'cardinal') }; }
    select(value) {
      const n = Math.abs(Number(value));
      const language = this.#o.locale.split('-')[0];
      if (this.#o.type === 'ordinal') {
        if (language !== 'en') return 'other';
        const tens = n % 100;
        return n % 10 === 1 && tens !== 11 ? 'one' : n % 10 === 2 && tens !== 12 ? 'two' : n % 10 === 3 && tens !== 13 ? 'few' : 'other';
      }
      if (language === 'ja' || language === 'zh') return 'other';
      if (language === 'fr' || language === 'pt') return n < 2 ? 'one' : 'other';
      if (language === 'ru' || language === 'pl') {
        if (!Number.isInteger(n)) return 'other';
        if (language === 'pl' ? n === 1 : n % 10 === 1 && n % 100 !== 11) return 'one';
        return n % 10 >= 2 && n % 10 <= 4 && !(n % 100 >= 12 && n % 100 <= 14) ? 'few' : 'many';
      }
      return n === 1 ? 'one' : 'other';
    }
    resolvedOptions() { return { ...this.#o }; }
    static supportedLocalesOf(locales) { return supported(locales); }
    get [Symbol.toStringTag]() { return 'Intl.PluralRules'; }
  }

  // As the language has it, the two format classes and Collator can be called without `new`.
  const callable = (Class) => {
    const f = function (locales, options) { return new Class(locales, options); };
    f.prototype = Class.prototype;
    Object.defineProperty(f, 'name', { value: Class.name });
    f.supportedLocalesOf = Class.supportedLocalesOf;
    Object.defineProperty(Class.prototype, 'constructor', { value: f, writable: true, configurable: true });
    return f;
  };
  const Intl = {
    NumberFormat: callable(NumberFormat), DateTimeFormat: callable(DateTimeFormat), Collator: callable(Collator), PluralRules,
    getCanonicalLocales: (locales) => list(locales),
  };
  Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl', configurable: true });
  const method = (prototype, name, value) => Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  method(Number.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return new NumberFormat(locales, options).format(Number.prototype.valueOf.call(this));
  });
  method(BigInt.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return new NumberFormat(locales, options).format(BigInt.prototype.valueOf.call(this));
  });
  const dated = (name, defaults) => method(Date.prototype, name, { [name](locales, options) {
    const time = Date.prototype.getTime.call(this);
    return Number.isNaN(time) ? 'Invalid Date' : new DateTimeFormat(locales, options, defaults).format(time);
  } }[name]);
  dated('toLocaleString', 'both');
  dated('toLocaleDateString', 'date');
  dated('toLocaleTimeString', 'time');
  method(String.prototype, 'localeCompare', function localeCompare(that, locales, options) {
    return new Collator(locales, options).compare(String(this), that);
  });
  return { Intl };
})
