//! A response as a page: `html()`, `clickLink()` and `submitForm()`.

use std::sync::Arc;

use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};

use super::request::prepare;
use super::response::{Response, body_text, this_response};
use crate::html::{FormValue, Query, Selection, form_value, form_values, resolve};
use crate::js::convert::{arg, define, entries, error, to_text, type_error};
use crate::js::modules::html::{form_value_object, page_object, parse, selection_of};

/// What a link is looked for by when the script does not say.
const LINK: &str = "a[href]";

/// The body as a Selection of the whole page.
fn whole_page(response: &JsObject<Response>, context: &mut Context) -> JsResult<(JsValue, Arc<str>)> {
    let url: Arc<str> = Arc::from(response.borrow().data().data().exchange.url.as_str());
    let Some(text) = body_text(response) else {
        return Err(error(if response.borrow().data().data().exchange.status == 0 {
            "the body is null so it cannot be read as HTML: the request failed, check `res.error`"
        } else {
            "the body is null so it cannot be read as HTML: it was discarded (responseType 'none' or discardResponseBodies)"
        }));
    };
    let page = response.borrow().data().page(|| parse(&text, context));
    Ok((page_object(page, &url, context)?, url))
}

/// The page and the part of it that a selector names.
fn part(response: &JsObject<Response>, selector: &str, context: &mut Context) -> JsResult<(Selection, Arc<str>)> {
    let (page, url) = whole_page(response, context)?;
    let (page, _) = selection_of(&page).ok_or_else(|| error("the page could not be made"))?;
    Ok((page.find(&Query::Selector(selector.to_owned())), url))
}

/// `html([selector])`: the body as a Selection.
pub(super) fn html(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let response = this_response(this)?;
    let (page, _) = whole_page(&response, context)?;
    let selector = arg(args, 0);
    if selector.is_undefined() {
        return Ok(page);
    }
    let find = page.as_object().map(|o| o.get(js_string!("find"), context)).transpose()?.unwrap_or_default();
    let find = find.as_callable().ok_or_else(|| error("the page could not be searched"))?;
    find.call(&page, &[selector], context)
}

/// The options of `clickLink` and `submitForm`.
fn options(args: &[JsValue], name: &str) -> JsResult<Option<JsObject>> {
    match arg(args, 0) {
        none if none.is_null_or_undefined() => Ok(None),
        given => given
            .as_object()
            .map(Some)
            .ok_or_else(|| type_error(format!("{name}() takes an object of options, not {}", given.type_of()))),
    }
}

fn text_option(options: &JsObject, name: &str, default: &str, context: &mut Context) -> JsResult<String> {
    let value = options.get(boa_engine::JsString::from(name), context)?;
    if value.is_null_or_undefined() { Ok(default.to_owned()) } else { to_text(&value, context) }
}

/// `clickLink([{ selector, params }])`: a GET of where the first link that matches leads to.
pub(super) fn click_link(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let response = this_response(this)?;
    let (mut selector, mut params) = (LINK.to_owned(), JsValue::undefined());
    if let Some(options) = options(args, "clickLink")? {
        selector = text_option(&options, "selector", LINK, context)?;
        params = options.get(js_string!("params"), context)?;
    }
    let (link, url) = part(&response, &selector, context)?;
    if link.node().is_none() {
        return Err(error(format!("clickLink: no element found for selector '{selector}' in response '{url}'")));
    }
    let href = link.attr("href").ok_or_else(|| {
        error(format!("clickLink: the element found by '{selector}' in response '{url}' has no href"))
    })?;
    let target = resolved(&url, &href, "clickLink: the href")?;
    let target = crate::js::convert::string(&target);
    super::send(prepare("GET", &target, &JsValue::undefined(), &params, context)?, context)
}

fn resolved(url: &str, reference: &str, what: &str) -> JsResult<String> {
    resolve(url, reference).ok_or_else(|| error(format!("{what} '{reference}' in response '{url}' is not a URL")))
}

/// `submitForm([{ formSelector, submitSelector, fields, params }])`: sends the first form that matches, with its own values,
/// the submit button's, and above them those given.
pub(super) fn submit_form(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    const SUBMIT: &str = "[type=\"submit\"]";
    let response = this_response(this)?;
    let (mut form_selector, mut submit_selector) = ("form".to_owned(), SUBMIT.to_owned());
    let (mut fields, mut params) = (None, JsValue::undefined());
    if let Some(options) = options(args, "submitForm")? {
        form_selector = text_option(&options, "formSelector", "form", context)?;
        submit_selector = text_option(&options, "submitSelector", SUBMIT, context)?;
        let given = options.get(js_string!("fields"), context)?;
        if !given.is_null_or_undefined() {
            fields = Some(given.as_object().ok_or_else(|| {
                type_error("submitForm: `fields` must be an object of values, such as { login: 'me' }")
            })?);
        }
        params = options.get(js_string!("params"), context)?;
    }
    let (form, url) = part(&response, &form_selector, context)?;
    if form.node().is_none() {
        return Err(error(format!("submitForm: no form found for selector '{form_selector}' in response '{url}'")));
    }
    let form = form.eq(0);
    let method = match form.attr("method").map(|m| m.trim().to_uppercase()) {
        None => "GET".to_owned(),
        Some(method) if method.is_empty() => "GET".to_owned(),
        Some(method) => method,
    };
    let target = resolved(&url, &form.attr("action").unwrap_or_default(), "submitForm: the action")?;

    let mut values: Vec<(String, JsValue)> = Vec::new();
    let mut set = |name: String, value: JsValue| match values.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => values.push((name, value)),
    };
    for (name, value) in form_values(&form) {
        set(name, form_value_object(&value, context));
    }
    let submit = form.find(&Query::Selector(submit_selector)).eq(0);
    if let (Some(name), value @ (FormValue::Text(_) | FormValue::List(_))) = (submit.attr("name"), form_value(&submit))
    {
        set(name, form_value_object(&value, context));
    }
    if let Some(fields) = fields {
        for (name, value) in entries(&fields, context)? {
            set(name, value);
        }
    }

    let body = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in values {
        define(&body, &name, value);
    }
    let body = JsValue::from(body);
    let (target, body) = if method == "GET" {
        // The values take the place of the action's own query.
        let mut url = url::Url::parse(&target).map_err(|e| error(format!("submitForm: {e}")))?;
        let query = super::body::form_text(&body, context)?;
        url.set_query(Some(&query).filter(|q| !q.is_empty()).map(String::as_str));
        (String::from(url), JsValue::undefined())
    } else {
        (target, body)
    };
    let method = super::method_of(&crate::js::convert::string(&method), context)?;
    let target = crate::js::convert::string(&target);
    super::send(prepare(&method, &target, &body, &params, context)?, context)
}
