// The fields of each kind of element, as k6/html names them: text, number, flag, and what stands in when the attribute is missing.
import { parseHTML } from 'k6/html';
import { eq, done } from './eq.js';

// Markup of one element, then its getters with what they give.
const ELEMENTS = [
  ['<a href="to" download="d" hreflang="sv" rel="open" target="_top" type="text/x" accesskey="w" referrerpolicy="origin" name="n">text</a>', { download: 'd', hrefLang: 'sv', target: '_top', type: 'text/x', accessKey: 'w', referrerPolicy: 'origin', rel: 'open', relList: ['open'], text: 'text', href: 'to' }],
  ['<a>none</a>', { download: '', accessKey: '', referrerPolicy: '', href: '', target: '', text: 'none' }],
  ['<audio autoplay controls loop muted src="s.ogg" crossorigin="anonymous" mediagroup="g"></audio>', { autoplay: true, controls: true, loop: true, muted: true, defaultMuted: true, src: 's.ogg', currentSrc: 's.ogg', crossOrigin: 'anonymous', mediaGroup: 'g' }],
  ['<audio></audio>', { autoplay: false, controls: false, loop: false, muted: false, defaultMuted: false, src: '', crossOrigin: null }],
  ['<video autoplay></video>', { autoplay: true, loop: false }],
  ['<base href="b.html" target="t">', { href: 'b.html', target: 't' }],
  ['<button accesskey="e" autofocus disabled type="reset" name="b" value="v">x</button>', { accessKey: 'e', autofocus: true, disabled: true, type: 'reset', name: 'b', value: 'v' }],
  ['<button type="odd"></button>', { autofocus: false, disabled: false, type: 'submit' }],
  ['<data value="12"></data>', { value: '12' }],
  ['<embed type="t" src="s" width="1" height="2">', { type: 't', src: 's', width: '1', height: '2' }],
  ['<fieldset disabled name="f"></fieldset>', { disabled: true, name: 'f', type: 'fieldset' }],
  ['<form name="n" target="t" enctype="text/plain" action="go" accept-charset="utf-8" autocomplete="off" novalidate method="post"></form>', { target: 't', enctype: 'text/plain', encoding: 'text/plain', action: 'go', acceptCharset: 'utf-8', autocomplete: 'off', noValidate: true, method: 'post', name: 'n', length: 0 }],
  ['<form></form>', { enctype: 'application/x-www-form-urlencoded', autocomplete: 'on', noValidate: false, method: 'get' }],
  ['<iframe allowfullscreen referrerpolicy="no-referrer" name="n" width="3" height="4" src="s"></iframe>', { allowfullscreen: true, referrerPolicy: 'no-referrer', name: 'n', width: '3', height: '4', src: 's' }],
  ['<iframe referrerpolicy="odd"></iframe>', { allowfullscreen: false, referrerPolicy: '' }],
  ['<img src="i.png" sizes="50vw" srcset="l.jpg 2w" alt="a" crossorigin="use-credentials" height="5" width="6" ismap name="n" usemap="#m" referrerpolicy="origin">', { src: 'i.png', currentSrc: 'i.png', sizes: '50vw', srcset: 'l.jpg 2w', alt: 'a', crossOrigin: 'use-credentials', height: 5, width: 6, isMap: true, name: 'n', useMap: '#m', referrerPolicy: 'origin' }],
  ['<img>', { crossOrigin: null, isMap: false, referrerPolicy: '', src: '' }],
  ['<input name="n" disabled autofocus required value="v" type="button" readonly>', { name: 'n', disabled: true, autofocus: true, required: true, value: 'v', defaultValue: 'v', type: 'button', readonly: true }],
  ['<input>', { type: 'text', value: '', disabled: false, autofocus: false, required: false, readonly: false, checked: false, multiple: false }],
  ['<input type="checkbox" checked multiple>', { checked: true, defaultChecked: true, multiple: true, type: 'checkbox' }],
  ['<input type="image" alt="a" src="s" width="7" height="8" accept=".png" autocomplete="off" maxlength="9" size="5" pattern=".." placeholder="p" min="1" max="2" dirname="d" accesskey="s" step="0.5">', { alt: 'a', src: 's', width: '7', height: '8', accept: '.png', autocomplete: 'off', maxLength: 9, size: 5, pattern: '..', placeholder: 'p', min: '1', max: '2', dirName: 'd', accessKey: 's', step: '0.5' }],
  ['<keygen autofocus challenge="c" disabled keytype="DSA" name="k">', { autofocus: true, challenge: 'c', disabled: true, keytype: 'DSA', name: 'k', type: 'keygen' }],
  ['<keygen>', { challenge: '', keytype: 'RSA', autofocus: false, disabled: false }],
  ['<label for="f"></label>', { htmlFor: 'f' }],
  ['<legend accesskey="l"></legend>', { accessKey: 'l' }],
  ['<li type="disc" value="10"></li>', { type: 'disc', value: 10 }],
  ['<li></li>', { type: '', value: 0 }],
  ['<link crossorigin="anonymous" referrerpolicy="origin" href="h" hreflang="pl" media="print" rel="alternate author" target="t" type="text/css">', { crossOrigin: 'anonymous', referrerPolicy: 'origin', href: 'h', hreflang: 'pl', media: 'print', rel: 'alternate author', relList: ['alternate', 'author'], target: 't', type: 'text/css' }],
  ['<link>', { crossOrigin: null, referrerPolicy: '' }],
  ['<map name="m"></map>', { name: 'm' }],
  ['<meta name="n" content="c" http-equiv="refresh">', { name: 'n', content: 'c', httpEquiv: 'refresh' }],
  ['<meter min="1" max="9" low="2" high="8" optimum="5"></meter>', { min: 1, max: 9, low: 2, high: 8, optimum: 5 }],
  ['<ins cite="c" datetime="2020"></ins>', { cite: 'c', datetime: '2020' }],
  ['<object name="n" data="d" type="t" width="1" height="2" tabindex="6" typemustmatch usemap="#m"></object>', { name: 'n', data: 'd', type: 't', width: '1', height: '2', tabIndex: 6, typeMustMatch: true, useMap: '#m' }],
  ['<ol reversed start="4" type="a"></ol>', { reversed: true, start: 4, type: 'a' }],
  ['<optgroup disabled label="l"></optgroup>', { disabled: true, label: 'l' }],
  ['<output for="f" name="o"></output>', { htmlFor: 'f', name: 'o', type: 'output' }],
  ['<param name="n" value="v">', { name: 'n', value: 'v' }],
  ['<pre name="n" value="v"></pre>', { name: 'n', value: 'v' }],
  ['<blockquote cite="c"></blockquote>', {}],
  ['<script crossorigin="anonymous" type="t" src="s" charset="c" defer async nomodule>code</script>', { crossOrigin: 'anonymous', type: 't', src: 's', charset: 'c', defer: true, async: true, noModule: true, text: 'code' }],
  ['<script></script>', { defer: false, async: false, noModule: false, src: '' }],
  ['<select name="s" autofocus disabled multiple required size="3"><option>1<option selected>2</select>', { name: 's', autofocus: true, disabled: true, multiple: true, required: true, size: 4, type: 'select-multiple', length: 2, selectedIndex: 1, value: '2' }],
  ['<select><option value="v">t</select>', { autofocus: false, type: 'select', value: '' }],
  ['<source keysystem="k" media="m" sizes="s" srcset="ss" src="src" type="t">', { keySystem: 'k', media: 'm', sizes: 's', srcset: 'ss', src: 'src', type: 't' }],
  ['<style media="print" type="text/css">x</style>', { media: 'print', type: 'text/css' }],
  ['<table sortable><caption>c</caption><thead><tr><th>1</thead><tbody><tr><td>2</tbody><tfoot><tr><td>3</tfoot></table>', { sortable: true }],
  ['<textarea placeholder="p" rows="10" cols="12" maxlength="128" accesskey="k" tabindex="4" readonly required autocomplete="off" autocapitalize="words" wrap="hard" name="t">typed</textarea>', { placeholder: 'p', rows: 10, cols: 12, maxLength: 128, accessKey: 'k', tabIndex: 4, readOnly: true, required: true, autocomplete: 'off', autocapitalize: 'words', wrap: 'hard', type: 'textarea' }],
  ['<textarea></textarea>', { autocomplete: 'on', autocapitalize: 'sentences', wrap: 'soft', readOnly: false, required: false }],
  ['<time datetime="2017"></time>', { datetime: '2017' }],
  ['<title>The title</title>', { text: 'The title' }],
  ['<track kind="metadata" src="s" srclang="en" label="l" default>', { kind: 'metadata', src: 's', srclang: 'en', label: 'l' }],
  ['<ul type="circle"></ul>', { type: 'circle' }],
  ['<progress value="0.25" max="1"></progress>', { value: 0.25, max: 1, position: 0.25 }],
];

export default function () {
  for (const [markup, fields] of ELEMENTS) {
    const tag = /^<(\w+)/.exec(markup)[1];
    const element = parseHTML(markup).find(tag).get(0);
    for (const [name, want] of Object.entries(fields)) {
      eq(`${markup.slice(0, 40)} has ${name}`, typeof element[name], 'function');
      if (typeof element[name] === 'function') eq(`${markup.slice(0, 40)} ${name}()`, element[name](), want);
    }
  }
  // Cells and rows know where they stand; options which form and label they have.
  const table = parseHTML('<table><thead><tr><th>1<th abbr=a scope=row sorted colspan=2>2</thead><tbody><tr><td headers=h rowspan=3>3<td>4<tr><td>5</tbody></table>');
  const cell = table.find('th').get(1);
  eq('cell', [cell.cellIndex(), cell.abbr(), cell.scope(), cell.sorted(), cell.colSpan(), table.find('td').get(0).rowSpan(), table.find('td').get(0).headers()], [1, 'a', 'row', true, 2, 3, 'h']);
  const whole = table.find('table').get(0);
  eq('rows', [whole.rows().length, whole.tHead().rows().length, whole.tBodies().length, whole.caption() === undefined], [3, 1, 1, true]);
  const row = table.find('tbody tr').get(1);
  eq('row', [row.cells().length, row.sectionRowIndex(), row.rowIndex()], [1, 1, 2]);
  const page = parseHTML('<form id=f><label for=i id=l>L</label><input id=i list=dl><select id=s><option id=o value=v label=x selected>t</select></form><datalist id=dl><option>1</datalist><map name=m id=m><area href=x></map><img usemap="#m">');
  const option = page.find('#o').get(0);
  eq('option', [option.index(), option.value(), option.text(), option.label(), option.selected(), option.defaultSelected(), option.form().id(), option.disabled()], [0, 'v', 't', 'x', true, true, 'f', false]);
  eq('select', [page.find('#s').get(0).options().length, page.find('#s').get(0).selectedOptions().length, page.find('#s').get(0).form().id()], [1, 1, 'f']);
  eq('label', [page.find('#l').get(0).control().id(), page.find('#l').get(0).form().id(), page.find('#i').get(0).labels().length], ['i', 'f', 1]);
  eq('map', [page.find('#m').get(0).areas().length, page.find('#m').get(0).images().length], [1, 1]);
  eq('datalist', page.find('#dl').get(0).options().length, 1);
  // What has no getters of its own has those of every element.
  eq('any', typeof page.find('#l').get(0).hrefLang, 'undefined');
  done();
}
