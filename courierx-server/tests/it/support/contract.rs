//! Every answer that a test gets is looked up in the document of the API: its status, and what is in it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use courierx_server::http::openapi::document;
use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

use super::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// Made when the first answer of their kind comes.
static SCHEMAS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Panics if the document does not know of such an answer.
pub(super) fn check(method: &Method, path: &str, answer: &Answer) {
    let said = format!("{method} {path}: {answer:?}");
    let Some((route, item)) = route(path) else {
        assert_eq!(answer.status, 404, "no such path is in the document: {said}");
        return fits("Error", &json!({ "$ref": "#/components/schemas/Error" }), &answer.body, &said);
    };
    // Whoever answers a GET answers a HEAD.
    // Names of methods are what they are: `get` is none.
    let known = Some(method.as_str().to_lowercase()).filter(|name| name.to_uppercase() == method.as_str());
    let Some(operation) = known.and_then(|name| item.get(name)) else {
        assert!(answer.status == 405 || method == Method::HEAD, "no such method is in the document: {said}");
        return;
    };
    let responses = &operation["responses"];
    let response = &responses[answer.status.to_string()];
    assert!(response.is_object(), "the document knows no such status: {said}");
    let response = response["$ref"].as_str().map_or(response, |to| DOCUMENT.pointer(&to[1..]).unwrap());
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        assert_eq!(answer.text, "", "the document knows of nothing in it: {said}");
        return;
    };
    let given = answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default();
    let schema = content.get(media).unwrap_or_else(|| panic!("the document knows no such type: {said}"));
    if media == "application/json" {
        fits(&format!("{method} {route} {}", answer.status), &schema["schema"], &answer.body, &said);
    }
}

/// The path of the document that a path is of. Of several it is the one with the fewest variable parts.
fn route(path: &str) -> Option<(&'static str, &'static Value)> {
    let parts: Vec<&str> = path.split('/').collect();
    let variable = |part: &str| part.starts_with('{');
    let is_of = |route: &str| {
        let names: Vec<&str> = route.split('/').collect();
        names.len() == parts.len()
            && names
                .iter()
                .zip(&parts)
                .all(|(name, part)| name == part || (variable(name) && !part.is_empty()))
    };
    let all = DOCUMENT["paths"].as_object()?.iter().filter(|(route, _)| is_of(route));
    let one = all.min_by_key(|(route, _)| route.split('/').filter(|part| variable(part)).count());
    one.map(|(route, item)| (route.as_str(), item))
}

fn fits(name: &str, schema: &Value, body: &Value, said: &str) {
    let known = SCHEMAS.lock().unwrap().get(name).cloned();
    let validator = known.unwrap_or_else(|| {
        // What it refers to has to be in the same document.
        let whole = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let made = Arc::new(options.build(&whole).unwrap());
        SCHEMAS.lock().unwrap().insert(name.to_owned(), Arc::clone(&made));
        made
    });
    let wrong: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "not as the document has it: {wrong:#?}\n{said}");
}
