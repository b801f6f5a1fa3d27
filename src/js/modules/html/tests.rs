//! `k6/html` as scripts use it.

use serde_json::json;

use crate::js::testing::{failure, out};

fn on_page(expression: &str) -> serde_json::Value {
    out(&format!(
        "import {{ parseHTML }} from 'k6/html';
        const doc = parseHTML(`<html lang=en><head><title>T</title></head><body>
          <h1 class='big red' data-item-id=7 data-on=true>Head <b>line</b></h1>
          <ul><li id=a>one</li><li id=b>two</li><li id=c>three</li></ul>
          <a id=link href='/x?y=1' rel='nofollow me'>go</a>
          <form id=f><input name=user value=me><input type=checkbox name=box><select name=pick multiple><option selected>1<option selected>2</select><button name=b value=send>Send</button></form>
          <!-- note --></body></html>`);
        export const out = {expression};"
    ))
}

#[test]
fn selections_are_jquery() {
    for (expression, expected) in [
        ("doc.find('li').size()", json!(3)),
        ("doc.find('title').text()", json!("T")),
        ("doc.find('h1').html()", json!("Head <b>line</b>")),
        ("doc.find('h1').attr('class')", json!("big red")),
        ("[doc.find('h1').attr('none') === undefined, doc.find('h1').attr('none', 'else')]", json!([true, "else"])),
        ("doc.find('h1').data()", json!({ "itemId": 7, "on": true })),
        ("[doc.find('h1').data('itemId'), doc.find('h1').data('item-id')]", json!([7, 7])),
        ("doc.find('li').map((i, el) => `${i}:${el.text()}`)", json!(["0:one", "1:two", "2:three"])),
        (
            "{ const seen = []; doc.find('li').each((i, el) => seen.push(i + el.id())); return seen }",
            json!(["0a", "1b", "2c"]),
        ),
        ("doc.find('li').filter((i, el) => i !== 1).map((_, el) => el.attr('id'))", json!(["a", "c"])),
        ("doc.find('li').not('#a').map((_, el) => el.attr('id'))", json!(["b", "c"])),
        ("doc.find('li').not(doc.find('#b')).size()", json!(2)),
        ("doc.find('li').is((i, el) => el.attr('id') === 'c')", json!(true)),
        ("doc.find('li').slice(1).toArray().map((s) => s.text())", json!(["two", "three"])),
        ("doc.find('li').get().map((e) => e.textContent())", json!(["one", "two", "three"])),
        ("[doc.find('li').get(-1).id(), doc.find('li').get(9) === undefined]", json!(["c", true])),
        (
            "[doc.find('#b').index(), doc.find('li').index(doc.find('#c')), doc.find('#b').index('li'), doc.find('none').index()]",
            json!([1, 2, 1, -1]),
        ),
        ("doc.find('#a').nextUntil('#c').attr('id')", json!("b")),
        ("doc.find('#b').closest('body').children('ul').size()", json!(1)),
        ("doc.find('li').first().next().end().attr('id')", json!("a")),
        ("doc.find('form').serialize()", json!("pick=1&pick=2&user=me")),
        ("doc.find('form').serializeObject()", json!({ "user": "me", "pick": ["1", "2"] })),
        ("doc.find('form').serializeArray()[0]", json!({ "name": "user", "value": "me" })),
        (
            "[doc.find('button').val(), doc.find('select').val(), doc.find('h1').val() === undefined]",
            json!(["send", ["1", "2"], true]),
        ),
        ("doc.find('[').size()", json!(0)),
        ("doc.url", json!("")),
    ] {
        let expression = match expression.strip_prefix('{') {
            Some(body) => format!("(() => {{ {body})()"),
            None => expression.to_owned(),
        };
        assert_eq!(on_page(&expression), expected, "{expression}");
    }
}

#[test]
fn elements_have_the_doms_fields() {
    for (expression, expected) in [
        ("[e.nodeName(), e.nodeType(), e.className(), e.classList()]", json!(["h1", 1, "big red", ["big", "red"]])),
        ("[e.textContent(), e.innerHTML(), String(e)]", json!(["Head line", "Head <b>line</b>", "[object html.Node]"])),
        (
            "[e.hasAttribute('class'), e.hasAttribute('x'), e.getAttribute('x') === undefined]",
            json!([true, false, true]),
        ),
        ("Object.keys(e.attributes())", json!(["class", "data-item-id", "data-on"])),
        ("[e.attributes().class.value, e.getAttributeNode('class').localName()]", json!(["big red", "class"])),
        (
            "[e.firstChild().nodeValue(), e.firstElementChild().nodeName(), e.lastChild().nodeName()]",
            json!(["Head ", "b", "b"]),
        ),
        (
            "[e.nextElementSibling().nodeName(), e.parentElement().nodeName(), e.ownerDocument().nodeType()]",
            json!(["ul", "body", 9]),
        ),
        ("[e.children().length, e.childNodes().length, e.childElementCount()]", json!([1, 2, 1])),
        (
            "[e.matches('.red'), e.querySelector('b').textContent(), e.querySelector('i') === undefined]",
            json!([true, "line", true]),
        ),
        (
            "[e.isSameNode(doc.find('h1').get(0)), e.contains(e), e.contains(e.firstChild())]",
            json!([true, false, true]),
        ),
        ("[e.selection().attr('class'), typeof e.href]", json!(["big red", "undefined"])),
        (
            "(() => { const a = doc.find('a').get(0); return [a.href(), a.relList(), a.text()]; })()",
            json!(["/x?y=1", ["nofollow", "me"], "go"]),
        ),
        ("doc.find('form').get(0).elements().map((x) => x.name())", json!(["user", "box", "pick", "b"])),
        ("doc.find('input').get(1).form().id()", json!("f")),
    ] {
        let whole = format!("(() => {{ const e = doc.find('h1').get(0); return {expression}; }})()");
        assert_eq!(on_page(&whole), expected, "{expression}");
    }
}

#[test]
fn wrong_arguments_are_named() {
    let with =
        |code: &str| failure(&format!("import {{ parseHTML }} from 'k6/html'; const d = parseHTML('<p>');\n{code}"));
    assert!(with("d.find(7)").contains("number cannot be used as a selector"));
    assert!(with("d.each('x')").contains("must be a function"));
    assert!(with("parseHTML()").contains("needs the text"));
    assert!(with("d.find('p').map(() => { throw new Error('mine') })").contains("mine"));
}

#[test]
fn globals_of_the_script_stay() {
    let seen = out("import { parseHTML } from 'k6/html'; globalThis.Element = 1; parseHTML('<p>').find('p').get(0);
        export const out = [globalThis.Element, typeof globalThis.Selection];");
    assert_eq!(seen, json!([1, "undefined"]));
}
