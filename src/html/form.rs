//! What a form would send: the values of its fields.
//!
//! Used by `k6/html` (`val`, `serialize*`) and by a response's `submitForm()`. Pure.

use super::document::{NodeId, Page};
use super::selection::{Query, Selection};

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormValue {
    /// The element has none.
    Undefined,
    /// One text.
    Text(String),
    /// The chosen options of a list that allows several.
    List(Vec<String>),
}

/// `value`, or else what is inside.
pub(crate) fn value_or_html(page: &Page, id: NodeId) -> String {
    page.attr(id, "value").unwrap_or_else(|| page.inner_html(id))
}

/// The value of the first node of a set, as jQuery's `val()`.
pub fn value(selection: &Selection) -> FormValue {
    let (Some(id), page) = (selection.node(), selection.document()) else { return FormValue::Undefined };
    FormValue::Text(match page.name(id).as_str() {
        "input" => page.attr(id, "value").unwrap_or_else(|| match page.attr(id, "type").as_deref() {
            Some("radio" | "checkbox") => "on".to_owned(),
            _ => String::new(),
        }),
        "button" => page.attr(id, "value").unwrap_or_default(),
        "textarea" => page.inner_html(id),
        "option" => value_or_html(page, id),
        "select" => {
            let chosen = selection.eq(0).find(&Query::Selector("option[selected]".to_owned()));
            if page.attr(id, "multiple").is_some() {
                return FormValue::List(chosen.nodes().iter().map(|id| value_or_html(page, *id)).collect());
            }
            chosen.value_or_html()
        }
        _ => return FormValue::Undefined,
    })
}

/// Names and values of the fields of a form (or of the fields among the nodes) that would be sent, in the order of the page.
pub fn form_values(selection: &Selection) -> Vec<(String, FormValue)> {
    let fields = Query::Selector("input, select, textarea, keygen".to_owned());
    let found = if selection.is(&Query::Selector("form".to_owned())) {
        selection.find(&fields)
    } else {
        selection.filter(&fields)
    };
    let page = selection.document();
    let sent = |id: NodeId| {
        let kind = page.attr(id, "type").unwrap_or_default();
        let choice = matches!(kind.as_str(), "checkbox" | "radio");
        page.attr(id, "name").filter(|name| !name.is_empty()).filter(|_| {
            page.attr(id, "disabled").is_none()
                && !matches!(kind.as_str(), "submit" | "button" | "reset" | "image" | "file")
                && (!choice || page.attr(id, "checked").is_some())
        })
    };
    found.nodes().iter().filter_map(|id| Some((sent(*id)?, value(&Selection::of(page.clone(), vec![*id]))))).collect()
}

/// Values as a query, sorted by name, as Go writes them; of several values of a name the last counts.
pub fn query_string(values: &[(String, FormValue)]) -> String {
    let mut sorted: std::collections::BTreeMap<&str, &FormValue> = std::collections::BTreeMap::new();
    for (name, value) in values {
        sorted.insert(name, value);
    }
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in sorted {
        match value {
            FormValue::Undefined => {}
            FormValue::Text(text) => {
                out.append_pair(name, text);
            }
            FormValue::List(items) => {
                for item in items {
                    out.append_pair(name, item);
                }
            }
        }
    }
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_sends() {
        let page = Page::parse(
            "<form><input name=t value=1><input name=e><input type=checkbox name=c1><input type=checkbox name=c2 checked>
             <input type=radio name=r value=a><input type=radio name=r value=b checked=''>
             <input name=off value=x disabled><input type=submit name=s value=Go><input type=file name=f><input value=noname>
             <select name=one><option value=1>I<option selected>II</select>
             <select name=many multiple><option selected value=1>I<option selected value=2>II</select>
             <textarea name=area>some &amp; text</textarea><input type=hidden name=token value='a b'></form>",
        );
        let form = Selection::page(page).find(&Query::Selector("form".into()));
        let values = form_values(&form);
        let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["t", "e", "c2", "r", "one", "many", "area", "token"]);
        assert_eq!(query_string(&values), "area=some+%26amp%3B+text&c2=on&e=&many=1&many=2&one=II&r=b&t=1&token=a+b");
        let fields = form.find(&Query::Selector("input[name=t], p".into()));
        assert_eq!(form_values(&fields), [("t".to_owned(), FormValue::Text("1".into()))]);
        assert_eq!(value(&form), FormValue::Undefined);
    }
}
