//! Which typed fields an element of each tag has, as k6 names them, and how each is read.
//!
//! A table: `k6/html` makes one method of each row. The reading itself is in `element`.

use super::document::NodeId;
use super::element::{Element, FieldValue, quoted};
use super::form::value_or_html;

/// How a field is read.
#[derive(Clone, Copy)]
enum Read {
    /// The attribute's text; empty when it is missing.
    Text(&'static str),
    /// Whether the attribute is there.
    Has(&'static str),
    /// The attribute as a whole number, or this.
    Number(&'static str, f64),
    /// The attribute as a URL of the page.
    Url(&'static str),
    /// The attribute when it is one of these, else the first.
    Choice(&'static str, &'static [&'static str]),
    /// The attribute when it is one of these, else null.
    ChoiceOrNull(&'static str, &'static [&'static str]),
    /// The words of the attribute.
    Words(&'static str),
    /// Always this text.
    Always(&'static str),
    /// Anything else.
    By(fn(&Element) -> FieldValue),
}

/// A typed field.
#[derive(Clone, Copy)]
pub struct Field {
    /// The method's name in scripts.
    pub name: &'static str,
    read: Read,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Field {
    /// Reads the field of an element.
    pub fn read(&self, element: &Element) -> FieldValue {
        match self.read {
            Read::Text(name) => FieldValue::Text(element.text_attr(name)),
            Read::Has(name) => FieldValue::Bool(element.attr(name).is_some()),
            Read::Number(name, default) => element.number_attr(name, default),
            Read::Url(name) => FieldValue::Text(element.url_attr(name, "")),
            Read::Choice(name, known) => FieldValue::Text(element.choice_attr(name, known)),
            Read::ChoiceOrNull(name, known) => match element.attr(name) {
                Some(value) if known.contains(&value.as_str()) => FieldValue::Text(value),
                _ => FieldValue::Null,
            },
            Read::Words(name) => {
                FieldValue::Texts(element.text_attr(name).split_whitespace().map(str::to_owned).collect())
            }
            Read::Always(text) => FieldValue::Text(text.to_owned()),
            Read::By(read) => read(element),
        }
    }
}

use Read::{Always, By, Choice, ChoiceOrNull, Has, Number, Text, Url, Words};

const fn field(name: &'static str, read: Read) -> Field {
    Field { name, read }
}

const REFERRER: Read = Choice(
    "referrerpolicy",
    &["", "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "unsafe-url"],
);
const CROSS_ORIGIN: Read = ChoiceOrNull("crossorigin", &["anonymous", "use-credentials"]);
const ON_OFF: &[&str] = &["on", "off"];
const ENCTYPES: &[&str] = &["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
const INPUT_TYPES: &[&str] = &[
    "text",
    "button",
    "checkbox",
    "color",
    "date",
    "datetime-local",
    "email",
    "file",
    "hidden",
    "image",
    "month",
    "number",
    "password",
    "radio",
    "range",
    "reset",
    "search",
    "submit",
    "tel",
    "time",
    "url",
    "week",
];
const FORM: Field = field("form", By(|e| FieldValue::node(e.owner_form())));
const LABELS: Field = field("labels", By(Element::labels));
const TEXT: Field = field("text", By(content));

const LINK: &[Field] = &[
    field("download", Text("download")),
    field("referrerPolicy", REFERRER),
    field("rel", Text("rel")),
    field("href", Url("href")),
    field("target", Text("target")),
    field("type", Text("type")),
    field("accessKey", Text("accesskey")),
    field("hrefLang", Text("hreflang")),
    field("toString", Url("href")),
    field("hash", By(|e| url_part(e, |u| u.fragment().map(|f| format!("#{f}")).unwrap_or_default()))),
    field("host", By(|e| url_part(e, |u| u[url::Position::BeforeHost..url::Position::AfterPort].to_owned()))),
    field("hostname", By(|e| url_part(e, |u| u.host_str().unwrap_or_default().to_owned()))),
    field("port", By(|e| url_part(e, |u| u.port().map(|p| p.to_string()).unwrap_or_default()))),
    field("username", By(|e| url_part(e, |u| u.username().to_owned()))),
    field("password", By(|e| url_part(e, |u| u.password().unwrap_or_default().to_owned()))),
    field("origin", By(|e| url_part(e, origin))),
    field("pathname", By(|e| url_part(e, |u| u.path().to_owned()))),
    field("protocol", By(|e| FieldValue::Text(e.href().map_or(":".to_owned(), |u| u.scheme().to_owned())))),
    field("relList", Words("rel")),
    field("search", By(|e| url_part(e, |u| u.query().map(|q| format!("?{q}")).unwrap_or_default()))),
    TEXT,
];

const MEDIA: &[Field] = &[
    field("autoplay", Has("autoplay")),
    field("controls", Has("controls")),
    field("loop", Has("loop")),
    field("muted", Has("muted")),
    field("preload", Choice("preload", &["auto", "metadata", "none"])),
    field("src", Url("src")),
    field("crossOrigin", CROSS_ORIGIN),
    field("currentSrc", Text("src")),
    field("defaultMuted", Has("muted")),
    field("mediaGroup", Text("mediagroup")),
];

/// Buttons and inputs.
const CONTROL: &[Field] = &[
    FORM,
    LABELS,
    field("formAction", By(form_action)),
    field("formEnctype", By(|e| FieldValue::Text(one_of(e.form_attr("enctype"), ENCTYPES)))),
    field(
        "formMethod",
        By(|e| FieldValue::Text(one_of(e.form_attr("method").map(|m| m.to_ascii_lowercase()), &["get", "post"]))),
    ),
    field("formNoValidate", By(|e| FieldValue::Bool(e.form_attr("novalidate").is_some()))),
    field("formTarget", By(|e| FieldValue::Text(e.form_attr("target").unwrap_or_default()))),
    field("name", Text("name")),
];

const MODIFICATION: &[Field] = &[field("cite", Text("cite")), field("datetime", Text("datetime"))];
const SECTION: &[Field] = &[field("rows", By(|e| FieldValue::Nodes(e.find("tr"))))];
const CELL: &[Field] = &[
    field("colSpan", Number("colspan", 1.0)),
    field("rowSpan", Number("rowspan", 1.0)),
    field("headers", Text("headers")),
    field("cellIndex", By(|e| within(e, "tr", "th, td"))),
];

/// Fields by tag; a tag may have several rows.
const TABLE: &[(&[&str], &[Field])] = &[
    (&["a", "area"], LINK),
    (&["audio", "video"], MEDIA),
    (&["button", "input"], CONTROL),
    (&["del", "ins"], MODIFICATION),
    (&["thead", "tbody", "tfoot"], SECTION),
    (&["td", "th"], CELL),
    (
        &["base"],
        &[field("href", By(|e| FieldValue::Text(e.url_attr("href", &e.url)))), field("target", Text("target"))],
    ),
    (
        &["button"],
        &[
            field("accessKey", Text("accesskey")),
            field("autofocus", Has("autofocus")),
            field("disabled", Has("disabled")),
            field("tabIndex", Number("tabindex", 0.0)),
            field("type", Choice("type", &["submit", "button", "menu", "reset"])),
            field("value", By(own_value)),
        ],
    ),
    (&["canvas"], &[field("width", Number("width", 150.0)), field("height", Number("height", 150.0))]),
    (&["data"], &[field("value", Text("value"))]),
    (&["datalist"], &[field("options", By(|e| FieldValue::Nodes(e.find("option"))))]),
    (
        &["embed"],
        &[
            field("height", Text("height")),
            field("width", Text("width")),
            field("src", Text("src")),
            field("type", Text("type")),
        ],
    ),
    (
        &["fieldset"],
        &[
            FORM,
            field("disabled", Has("disabled")),
            field("name", Text("name")),
            field("type", Always("fieldset")),
            field("elements", By(|e| FieldValue::Nodes(e.find("input, select, button, textarea")))),
            field("validity", By(|_| FieldValue::Undefined)),
        ],
    ),
    (
        &["form"],
        &[
            field("action", Url("action")),
            field("name", Text("name")),
            field("target", Text("target")),
            field("enctype", Choice("enctype", ENCTYPES)),
            field("encoding", Choice("enctype", ENCTYPES)),
            field("acceptCharset", Text("accept-charset")),
            field("autocomplete", Choice("autocomplete", ON_OFF)),
            field("noValidate", Has("novalidate")),
            field("method", Choice("method", &["get", "post"])),
            field("elements", By(|e| FieldValue::Nodes(e.find(FORM_ELEMENTS)))),
            field("length", By(|e| FieldValue::count(e.find(FORM_ELEMENTS).len()))),
        ],
    ),
    (
        &["iframe"],
        &[
            field("allowfullscreen", Has("allowfullscreen")),
            field("referrerPolicy", REFERRER),
            field("height", Text("height")),
            field("width", Text("width")),
            field("name", Text("name")),
            field("src", Url("src")),
        ],
    ),
    (
        &["img"],
        &[
            field("currentSrc", Url("src")),
            field("sizes", Text("sizes")),
            field("srcset", Text("srcset")),
            field("alt", Text("alt")),
            field("crossOrigin", CROSS_ORIGIN),
            field("height", Number("height", 0.0)),
            field("width", Number("width", 0.0)),
            field("isMap", Has("ismap")),
            field("name", Text("name")),
            field("src", Url("src")),
            field("useMap", Text("usemap")),
            field("referrerPolicy", REFERRER),
        ],
    ),
    (
        &["input"],
        &[
            field("tabIndex", Number("tabindex", 0.0)),
            field("type", Choice("type", INPUT_TYPES)),
            field("disabled", Has("disabled")),
            field("autofocus", Has("autofocus")),
            field("required", Has("required")),
            field("value", Text("value")),
            field("checked", Has("checked")),
            field("defaultChecked", Has("checked")),
            field("alt", Text("alt")),
            field("src", Url("src")),
            field("height", Text("height")),
            field("width", Text("width")),
            field("accept", Text("accept")),
            field("autocomplete", Choice("autocomplete", ON_OFF)),
            field("maxLength", Number("maxlength", -1.0)),
            field("size", Number("size", 0.0)),
            field("pattern", Text("pattern")),
            field("placeholder", Text("placeholder")),
            field("readonly", Has("readonly")),
            field("min", Text("min")),
            field("max", Text("max")),
            field("defaultValue", Text("value")),
            field("dirName", Text("dirname")),
            field("accessKey", Text("accesskey")),
            field("multiple", Has("multiple")),
            field("step", Text("step")),
            field("list", By(datalist)),
        ],
    ),
    (
        &["keygen"],
        &[
            FORM,
            LABELS,
            field("autofocus", Has("autofocus")),
            field("challenge", Text("challenge")),
            field("disabled", Has("disabled")),
            field("keytype", Choice("keytype", &["RSA", "DSA", "EC"])),
            field("name", Text("name")),
            field("type", Always("keygen")),
        ],
    ),
    (&["label"], &[field("htmlFor", Text("for")), field("control", By(label_control)), FORM]),
    (&["legend"], &[field("accessKey", Text("accesskey")), FORM]),
    (
        &["li"],
        &[
            field("value", Number("value", 0.0)),
            field("type", Choice("type", &["", "1", "a", "A", "i", "I", "disc", "square", "circle"])),
        ],
    ),
    (
        &["link"],
        &[
            field("crossOrigin", CROSS_ORIGIN),
            field("referrerPolicy", REFERRER),
            field("href", Url("href")),
            field("hreflang", Text("hreflang")),
            field("media", Text("media")),
            field("rel", Text("rel")),
            field("relList", Words("rel")),
            field("target", Text("target")),
            field("type", Text("type")),
        ],
    ),
    (
        &["map"],
        &[
            field("name", Text("name")),
            field("areas", By(|e| FieldValue::Nodes(e.find("area")))),
            field("images", By(map_images)),
        ],
    ),
    (
        &["meta"],
        &[
            field("content", Text("content")),
            field("name", Text("name")),
            field("httpEquiv", Choice("http-equiv", &["content-type", "default-style", "refresh"])),
        ],
    ),
    (
        &["meter"],
        &[
            field("min", Number("min", 0.0)),
            field("max", Number("max", 0.0)),
            field("high", Number("high", 0.0)),
            field("low", Number("low", 0.0)),
            field("optimum", Number("optimum", 0.0)),
            LABELS,
        ],
    ),
    (
        &["object"],
        &[
            FORM,
            field("data", Url("data")),
            field("height", Text("height")),
            field("name", Text("name")),
            field("type", Text("type")),
            field("tabIndex", Number("tabindex", 0.0)),
            field("typeMustMatch", Has("typemustmatch")),
            field("useMap", Text("usemap")),
            field("width", Text("width")),
        ],
    ),
    (
        &["ol"],
        &[
            field("reversed", Has("reversed")),
            field("start", Number("start", 0.0)),
            field("type", Choice("type", &["1", "a", "A", "i", "I"])),
        ],
    ),
    (&["optgroup"], &[field("disabled", Has("disabled")), field("label", Text("label"))]),
    (
        &["option"],
        &[
            field("defaultSelected", Has("selected")),
            field("selected", Has("selected")),
            field("disabled", By(option_disabled)),
            field("form", By(option_form)),
            field("index", By(|e| within(e, "select, datalist", "option"))),
            field("label", By(|e| e.attr("label").map_or_else(|| content(e), FieldValue::Text))),
            TEXT,
            field("value", By(own_value)),
        ],
    ),
    (
        &["output"],
        &[
            field("htmlFor", Text("for")),
            field("name", Text("name")),
            field("type", Always("output")),
            FORM,
            LABELS,
            field("value", By(content)),
            field("defaultValue", By(content)),
        ],
    ),
    (&["param", "pre"], &[field("name", Text("name")), field("value", Text("value"))]),
    (
        &["progress"],
        &[
            field("max", By(|e| FieldValue::Number(progress_max(e)))),
            field("value", By(|e| progress(e, 0.0))),
            field("position", By(|e| progress(e, -1.0))),
            LABELS,
        ],
    ),
    (&["quote", "q", "blockquote"], &[field("cite", Text("cite"))]),
    (
        &["script"],
        &[
            field("crossOrigin", Text("crossorigin")),
            field("type", Text("type")),
            field("src", Url("src")),
            field("charset", Text("charset")),
            field("async", Has("async")),
            field("defer", Has("defer")),
            field("noModule", Has("nomodule")),
            TEXT,
        ],
    ),
    (
        &["select"],
        &[
            FORM,
            LABELS,
            field("autofocus", Has("autofocus")),
            field("disabled", Has("disabled")),
            field("multiple", Has("multiple")),
            field("name", Text("name")),
            field("required", Has("required")),
            field("tabIndex", Number("tabindex", 0.0)),
            field("length", By(|e| FieldValue::count(e.find("option").len()))),
            field("options", By(|e| FieldValue::Nodes(e.find("option")))),
            field("selectedOptions", By(|e| FieldValue::Nodes(e.find("option[selected]")))),
            field(
                "selectedIndex",
                By(|e| {
                    FieldValue::place(e.find("option").iter().position(|id| e.page.attr(*id, "selected").is_some()))
                }),
            ),
            field("size", By(|e| FieldValue::Number(if e.attr("multiple").is_some() { 4.0 } else { 1.0 }))),
            field(
                "type",
                By(|e| {
                    FieldValue::Text(if e.attr("multiple").is_some() { "select-multiple" } else { "select" }.to_owned())
                }),
            ),
            field(
                "value",
                By(|e| {
                    let chosen = e.find("option[selected]").first().map(|id| value_or_html(&e.page, *id));
                    FieldValue::Text(chosen.unwrap_or_default())
                }),
            ),
        ],
    ),
    (
        &["source"],
        &[
            field("keySystem", Text("keysystem")),
            field("media", Text("media")),
            field("sizes", Text("sizes")),
            field("src", Url("src")),
            field("srcset", Text("srcset")),
            field("type", Text("type")),
        ],
    ),
    (
        &["style"],
        &[
            field("media", Text("media")),
            field(
                "type",
                By(|e| FieldValue::Text(e.attr("type").filter(|t| !t.is_empty()).unwrap_or("text/css".into()))),
            ),
        ],
    ),
    (
        &["table"],
        &[
            field("sortable", Has("sortable")),
            field("caption", By(|e| child(e, "caption"))),
            field("tHead", By(|e| child(e, "thead"))),
            field("tFoot", By(|e| child(e, "tfoot"))),
            field("rows", By(|e| FieldValue::Nodes(e.find("tr")))),
            field("tBodies", By(|e| FieldValue::Nodes(e.find("tbody")))),
        ],
    ),
    (
        &["th"],
        &[
            field("abbr", Text("abbr")),
            field("scope", Choice("scope", &["", "row", "col", "colgroup", "rowgroup"])),
            field("sorted", Has("sorted")),
        ],
    ),
    (
        &["tr"],
        &[
            field("cells", By(|e| FieldValue::Nodes(e.find("th, td")))),
            field("rowIndex", By(|e| within(e, "table", "tr"))),
            field("sectionRowIndex", By(|e| within(e, "thead, tbody, tfoot", "tr"))),
        ],
    ),
    (
        &["textarea"],
        &[
            FORM,
            LABELS,
            field("type", Always("textarea")),
            field("value", Text("value")),
            field("defaultValue", Text("value")),
            field("placeholder", Text("placeholder")),
            field("rows", Number("rows", 0.0)),
            field("cols", Number("cols", 0.0)),
            field("maxLength", Number("maxlength", 0.0)),
            field("tabIndex", Number("tabindex", 0.0)),
            field("accessKey", Text("accesskey")),
            field("readOnly", Has("readonly")),
            field("required", Has("required")),
            field("autocomplete", Choice("autocomplete", ON_OFF)),
            field("autocapitalize", Choice("autocapitalize", &["sentences", "none", "off", "characters", "words"])),
            field("wrap", Choice("wrap", &["soft", "hard", "off"])),
            field("length", By(|e| FieldValue::count(e.text_attr("value").chars().count()))),
        ],
    ),
    (&["time"], &[field("datetime", Text("datetime"))]),
    (&["title"], &[TEXT]),
    (
        &["track"],
        &[
            field("kind", Choice("kind", &["subtitle", "captions", "descriptions", "chapters", "metadata"])),
            field("src", Url("src")),
            field("srclang", Text("srclang")),
            field("label", Text("label")),
            field("default", Has("default")),
        ],
    ),
    (&["ul"], &[field("type", Text("type"))]),
    (&["video"], &[field("poster", Url("poster")), field("height", Text("height")), field("width", Text("width"))]),
];

/// The fields of a tag, beyond what every element has. A later field of the same name replaces an earlier one.
pub fn fields_of(tag: &str) -> impl Iterator<Item = &'static Field> + '_ {
    TABLE.iter().filter(move |(tags, _)| tags.contains(&tag)).flat_map(|(_, fields)| fields.iter())
}

const FORM_ELEMENTS: &str = "input, select, button, textarea, fieldset";

fn content(e: &Element) -> FieldValue {
    FieldValue::Text(e.page.text(e.id))
}

fn own_value(e: &Element) -> FieldValue {
    FieldValue::Text(value_or_html(&e.page, e.id))
}

fn url_part(e: &Element, part: impl Fn(&url::Url) -> String) -> FieldValue {
    FieldValue::Text(e.href().map(|url| part(&url)).unwrap_or_default())
}

fn origin(url: &url::Url) -> String {
    if url.scheme() == "file" {
        return url.as_str().to_owned();
    }
    format!("{}://{}", url.scheme(), &url[url::Position::BeforeHost..url::Position::AfterPort])
}

fn one_of(value: Option<String>, known: &[&str]) -> String {
    value.filter(|v| known.contains(&v.as_str())).unwrap_or_else(|| known[0].to_owned())
}

fn form_action(e: &Element) -> FieldValue {
    let action = e.form_attr("action").filter(|action| !action.is_empty());
    FieldValue::Text(match action {
        None => e.url.to_string(),
        Some(action) if e.url.is_empty() => action,
        Some(action) => super::resolve(&e.url, &action).unwrap_or(action),
    })
}

/// The place among the elements of one kind inside the nearest holder; -1 without one.
fn within(e: &Element, holder: &str, kind: &str) -> FieldValue {
    let holder = e.page.parent(e.id).and_then(|parent| e.at(parent).above(holder));
    FieldValue::place(holder.and_then(|holder| e.at(holder).find(kind).iter().position(|id| *id == e.id)))
}

fn child(e: &Element, tag: &str) -> FieldValue {
    FieldValue::node(e.selection().children(Some(tag)).node())
}

fn datalist(e: &Element) -> FieldValue {
    let list = e.text_attr("list");
    if list.is_empty() || matches!(e.text_attr("type").as_str(), "hidden" | "checkbox" | "radio" | "file" | "button") {
        return FieldValue::Undefined;
    }
    FieldValue::node(e.in_page(&format!("datalist[id={}]", quoted(&list))).first().copied())
}

fn label_control(e: &Element) -> FieldValue {
    let wanted = e.attr("for").map(|id| e.in_page(&format!("[id={}]", quoted(&id))));
    FieldValue::node(wanted.and_then(|found: Vec<NodeId>| found.first().copied()))
}

fn map_images(e: &Element) -> FieldValue {
    let Some(name) = e.attr("id").or_else(|| e.attr("name")) else { return FieldValue::Nodes(Vec::new()) };
    let map = quoted(&format!("#{name}"));
    FieldValue::Nodes(e.in_page(&format!("img[usemap={map}], object[usemap={map}]")))
}

fn option_disabled(e: &Element) -> FieldValue {
    let of_group = || e.above("optgroup").is_some_and(|group| e.page.attr(group, "disabled").is_some());
    FieldValue::Bool(e.attr("disabled").is_some() || of_group())
}

fn option_form(e: &Element) -> FieldValue {
    FieldValue::node(e.above("form").or_else(|| e.at(e.above("select")?).owner_form()))
}

fn progress_max(e: &Element) -> f64 {
    let parsed = e.attr("max").and_then(|text| text.trim().parse::<f64>().ok());
    parsed.filter(|max| *max > 0.0 && max.is_finite()).unwrap_or(1.0)
}

fn progress(e: &Element, default: f64) -> FieldValue {
    let value = e.attr("value").and_then(|text| text.trim().parse::<f64>().ok()).filter(|value| *value >= 0.0);
    FieldValue::Number(value.map_or(default, |value| value / progress_max(e)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::Page;
    use std::rc::Rc;

    fn read(html: &str, selector: &str, name: &str) -> FieldValue {
        let page = Page::parse(html);
        let root = Element { id: page.root(), page, url: Rc::from("http://u:p@a.test:8080/dir/page?q=1") };
        let element = root.at(root.find(selector)[0]);
        let tag = element.page.name(element.id);
        let found = fields_of(&tag).filter(|f| f.name == name).last().unwrap_or_else(|| panic!("{tag} has no {name}"));
        found.read(&element)
    }

    fn text(text: &str) -> FieldValue {
        FieldValue::Text(text.to_owned())
    }

    #[test]
    fn links_know_their_parts() {
        let html = "<a href='../x?a=b#top' rel='one two'>there</a><a id=bare>x</a>";
        for (name, expected) in [
            ("href", "http://u:p@a.test:8080/x?a=b#top"),
            ("host", "a.test:8080"),
            ("hostname", "a.test"),
            ("port", "8080"),
            ("pathname", "/x"),
            ("search", "?a=b"),
            ("hash", "#top"),
            ("origin", "http://a.test:8080"),
            ("protocol", "http"),
            ("text", "there"),
        ] {
            assert_eq!(read(html, "a", name), text(expected), "{name}");
        }
        assert_eq!(read(html, "a", "relList"), FieldValue::Texts(vec!["one".into(), "two".into()]));
        assert_eq!((read(html, "#bare", "protocol"), read(html, "#bare", "host")), (text(":"), text("")));
    }

    #[test]
    fn fields_of_forms_know_their_form() {
        let html = "<form id=f action=/go method=POST><button formmethod=get>B</button><label>L<input id=i type=odd list=d></label></form>
            <select id=s form=f><option value=1>I<option selected>II</select><label for=s>S</label><datalist id=d></datalist>";
        assert_eq!(read(html, "button", "formAction"), text("http://u:p@a.test:8080/go"));
        assert_eq!((read(html, "button", "formMethod"), read(html, "#i", "formMethod")), (text("get"), text("post")));
        assert_eq!((read(html, "#i", "type"), read(html, "#i", "maxLength")), (text("text"), FieldValue::Number(-1.0)));
        assert!(matches!(read(html, "#i", "list"), FieldValue::Node(_)));
        assert!(matches!(read(html, "#i", "labels"), FieldValue::Nodes(found) if found.len() == 1));
        assert!(matches!(read(html, "#s", "labels"), FieldValue::Nodes(found) if found.len() == 1));
        assert!(matches!(read(html, "#s", "form"), FieldValue::Node(_)));
        assert!(matches!(read(html, "option", "form"), FieldValue::Node(_)));
        assert_eq!(
            (read(html, "#s", "value"), read(html, "#s", "selectedIndex")),
            (text("II"), FieldValue::Number(1.0))
        );
        assert_eq!(
            (read(html, "option", "index"), read(html, "option", "value")),
            (FieldValue::Number(0.0), text("1"))
        );
    }

    #[test]
    fn numbers_and_choices_have_defaults() {
        let html = "<progress value=5 max=10></progress><img width=abc crossorigin=odd><table><tr><td>1<th scope=row>2</table>";
        assert_eq!(read(html, "progress", "position"), FieldValue::Number(0.5));
        assert_eq!(
            (read(html, "img", "width"), read(html, "img", "crossOrigin")),
            (FieldValue::Number(0.0), FieldValue::Null)
        );
        assert_eq!((read(html, "th", "cellIndex"), read(html, "th", "scope")), (FieldValue::Number(1.0), text("row")));
        assert_eq!(read(html, "td", "colSpan"), FieldValue::Number(1.0));
        assert_eq!(read(html, "tr", "rowIndex"), FieldValue::Number(0.0));
    }
}
