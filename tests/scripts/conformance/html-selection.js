// Every function of a Selection, with what jQuery gives.
import { parseHTML } from 'k6/html';
import http from 'k6/http';
import { eq, throws, done } from './eq.js';

const PAGE = `<html><head><title>A title</title></head><body>
<h1 id="top" data-word="w" data-whole="12" data-part="0.25" data-kept="2.30" data-power="4e03" data-flag="true" data-none="null" data-list='{"id":7}' data-empty="" class="one two">Head</h1>
<p class="p">first</p><p class="p q">second <b>bold</b></p><div id="d"><p>inner</p></div>
<ul><li id="l1">1</li><li id="l2" class="x">2</li><li id="l3">3</li><li id="l4" class="x">4</li></ul>
<form id="f" action="/go"><input id="text" name="t" value="tv"><input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked>
<select name="s"><option value="a">A<option value="b" selected>B</select><select name="m" multiple><option selected>1<option>2<option selected>3</select>
<textarea name="ta">long
text</textarea><input name="off" disabled value="x"><input value="unnamed"><button name="btn" value="bv">B</button></form>
<footer>foot</footer></body></html>`;

export default function () {
  const doc = parseHTML(PAGE);
  const ids = (s) => s.toArray().map((e) => e.attr('id'));
  // Moving about.
  eq('find', [doc.find('p').size(), doc.find('p').length, doc.find('div').find('p').text()], [3, undefined, 'inner']);
  eq('add', [doc.find('h1').add('footer').text(), doc.find('h1').add(doc.find('footer')).size()], ['Headfoot', 2]);
  eq('children', [doc.find('head').children().text(), doc.find('body').children('p').size(), doc.find('ul').children('.x').size()], ['A title', 2, 2]);
  eq('closest', [doc.find('textarea').closest('form').attr('id'), doc.find('b').closest('table').size()], ['f', 0]);
  eq('contents', [doc.find('p.q').contents().size(), doc.find('p.q').contents().first().text()], [2, 'second ']);
  eq('end', ids(doc.find('li').first().end()), ['l1', 'l2', 'l3', 'l4']);
  eq('eq', [ids(doc.find('li').eq(1)), ids(doc.find('li').eq(-1)), doc.find('li').eq(9).size()], [['l2'], ['l4'], 0]);
  eq('filter', [ids(doc.find('li').filter('.x')), ids(doc.find('li').filter((i) => i > 1)), ids(doc.find('li').filter(doc.find('#l3')))], [['l2', 'l4'], ['l3', 'l4'], ['l3']]);
  eq('not', [ids(doc.find('li').not('.x')), ids(doc.find('li').not((i) => i === 0)), ids(doc.find('li').not(doc.find('#l3')))], [['l1', 'l3'], ['l2', 'l3', 'l4'], ['l1', 'l2', 'l4']]);
  eq('first, last', [ids(doc.find('li').first()), ids(doc.find('li').last())], [['l1'], ['l4']]);
  eq('get', [doc.find('li').get(0).id(), doc.find('li').get(-1).id(), doc.find('li').get().length, doc.find('li').get(7) === undefined], ['l1', 'l4', 4, true]);
  eq('has', [ids(doc.find('div, ul').has('p')), ids(doc.find('ul').has('p'))], [['d'], []]);
  eq('is', [doc.find('li').is('.x'), doc.find('p').is('.x'), doc.find('li').is(doc.find('#l1')), doc.find('li').is((i) => i === 3)], [true, false, true, true]);
  eq('next', [ids(doc.find('#l1').next()), ids(doc.find('#l1').next('.x')), ids(doc.find('#l2').next('.x')), ids(doc.find('#l2').nextAll()), ids(doc.find('#l1').nextAll('.x')), ids(doc.find('#l1').nextUntil('#l4')), ids(doc.find('#l1').nextUntil('#l4', '.x'))], [['l2'], ['l2'], [], ['l3', 'l4'], ['l2', 'l4'], ['l2', 'l3'], ['l2']]);
  eq('prev', [ids(doc.find('#l2').prev()), ids(doc.find('#l3').prev('.x')), ids(doc.find('#l3').prevAll()).sort(), ids(doc.find('#l4').prevAll('.x')), ids(doc.find('#l4').prevUntil('#l1')).sort(), ids(doc.find('#l4').prevUntil('#l1', '.x'))], [['l1'], ['l2'], ['l1', 'l2'], ['l2'], ['l2', 'l3'], ['l2']]);
  eq('parent', [ids(doc.find('#d p').parent()), doc.find('p').parent('div').size(), doc.find('b').parents().size(), ids(doc.find('#d p').parents('div')), doc.find('b').parentsUntil('body').size(), doc.find('b').parentsUntil('body', 'p').size()], [['d'], 1, 3, ['d'], 1, 1]);
  eq('siblings', [ids(doc.find('#l2').siblings()), ids(doc.find('#l2').siblings('.x'))], [['l1', 'l3', 'l4'], ['l4']]);
  eq('slice', [ids(doc.find('li').slice(1, 3)), ids(doc.find('li').slice(2)), ids(doc.find('li').slice(-1))], [['l2', 'l3'], ['l3', 'l4'], ['l4']]);
  eq('toArray', [doc.find('li').toArray().length, doc.find('li').toArray()[0].attr('id')], [4, 'l1']);
  eq('index', [doc.find('#l3').index(), doc.find('#l3').index('li'), doc.find('li').index(doc.find('#l2')), doc.find('b').index('li')], [2, 2, 1, -1]);
  // Walking.
  const seen = [];
  doc.find('li').each((i, el) => { seen.push(i + el.id()); return false; });
  eq('each goes on after false', seen, ['0l1', '1l2', '2l3', '3l4']);
  eq('map', doc.find('li').map((i, el) => el.text()), ['1', '2', '3', '4']);
  // Reading.
  eq('text, html', [doc.find('p.q').text(), doc.find('p.q').html(), doc.find('none').text(), doc.find('none').html()], ['second bold', 'second <b>bold</b>', '', '']);
  eq('attr', [doc.find('h1').attr('class'), doc.find('h1').attr('none') === undefined, doc.find('h1').attr('none', 'd'), doc.find('none').attr('a') === undefined], ['one two', true, 'd', true]);
  const h1 = doc.find('h1');
  eq('data', [h1.data('word'), h1.data('whole'), h1.data('part'), h1.data('kept'), h1.data('power'), h1.data('flag'), h1.data('list'), h1.data('empty') === undefined, h1.data('missing') === undefined], ['w', 12, 0.25, '2.30', '4e03', true, { id: 7 }, true, true]);
  eq('all data', Object.keys(h1.data()).sort(), ['empty', 'flag', 'kept', 'list', 'none', 'part', 'power', 'whole', 'word']);
  eq('val', [doc.find('#text').val(), doc.find('select[name=s]').val(), doc.find('select[name=m]').val(), doc.find('textarea').val(), doc.find('option[selected]').val(), doc.find('button').val()], ['tv', 'b', ['1', '3'], 'long\ntext', 'b', 'bv']);
  // Forms as a browser sends them: no button, nothing disabled, nothing without a name.
  eq('serializeArray', doc.find('#f').serializeArray().map((p) => `${p.name}=${p.value}`).sort(), ['m=1,3', 'r=2', 's=b', 't=tv', 'ta=long\ntext']);
  eq('serializeObject', doc.find('#f').serializeObject(), { t: 'tv', r: '2', s: 'b', m: ['1', '3'], ta: 'long\ntext' });
  const query = doc.find('#f').serialize();
  eq('serialize', query.split('&').sort().slice(0, 5), ['m=1', 'm=3', 'r=2', 's=b', 't=tv']);
  throws('parseHTML()', () => parseHTML(), '');
  // The same from a response.
  const res = http.get(`${__ENV.BASE}/page`);
  eq('res.html', [res.html().find('title').text(), res.html('title').text(), res.html('#login').find('input').size() > 3], ['A page', 'A page', true]);
  eq('res.html().url', res.html().url, `${__ENV.BASE}/page`);
  done();
}
