//! Whether answers are what the document says: every problem that any test provokes, and the main successes.

use std::sync::LazyLock;

use edge::openapi::DOCUMENT;
use reqwest::Response;
use serde_json::{Map, Value, json};

/// The types of the document, each closed: a field that it does not know is one that it should.
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut components = DOCUMENT["components"].clone();
    close(&mut components);
    components
});

fn close(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(|properties| !properties["type"]["type"].is_string()) {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

/// The operations of the address that was asked, by method.
fn operations(path: &str) -> Option<&'static Map<String, Value>> {
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == asked.len()
            && parts.iter().zip(&asked).all(|(part, asked)| part.starts_with('{') || part == asked)
    };
    // An address that is spelled out comes before one with a place for anything.
    let mut fitting: Vec<_> = DOCUMENT["paths"].as_object().unwrap().iter().filter(|(path, _)| fits(path)).collect();
    fitting.sort_by_key(|(path, _)| path.matches('{').count());
    fitting.first().map(|(_, operations)| operations.as_object().unwrap())
}

#[track_caller]
fn assert_fits(schema: &Value, body: &Value, what: &str) {
    let mut whole = json!({ "components": *CLOSED });
    whole.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap();
    let broken: Vec<String> = validator.iter_errors(body).map(|error| error.to_string()).collect();
    assert!(broken.is_empty(), "{what}: {body} is not what the document says: {broken:#?}");
}

/// Fails unless the document knows this problem, and the address that was asked names it.
#[track_caller]
pub(crate) fn assert_problem(path: &str, status: u16, body: &Value) {
    let what = format!("{status} at {path}");
    assert_fits(&json!({ "$ref": "#/components/schemas/Problem" }), body, &what);
    // A method that an address does not have is refused by no operation.
    let Some(operations) = operations(path).filter(|_| status != 405) else { return };
    let place = format!("/responses/{status}/content/application~1problem+json/schema");
    let named: Vec<&Value> = operations.values().filter_map(|operation| operation.pointer(&place)).collect();
    assert!(!named.is_empty(), "{what} is not in the document: {body}");
    assert_fits(&json!({ "anyOf": named }), body, &what);
}

/// The body of a success that is what the document says, head and all.
pub(crate) async fn success(method: &str, answer: Response) -> Value {
    let (status, path) = (answer.status().as_u16(), answer.url().path().to_owned());
    let what = format!("{status} of {method} {path}");
    let operation = operations(&path).and_then(|operations| operations.get(method)).unwrap_or_else(|| panic!("{what}"));
    let response =
        operation.pointer(&format!("/responses/{status}")).unwrap_or_else(|| panic!("{what} is not in the document"));
    for (name, header) in response["headers"].as_object().unwrap() {
        let shared = header["$ref"].as_str().and_then(|reference| DOCUMENT.pointer(reference.strip_prefix('#')?));
        let header = shared.unwrap_or(header);
        let there = answer.headers().contains_key(name.as_str());
        assert!(there || header["required"] != true, "{what} has no {name}");
    }
    let body: Value = answer.json().await.unwrap();
    assert_fits(&response["content"]["application/json"]["schema"], &body, &what);
    body
}

/// The data of an event is what the document says about a stream.
#[track_caller]
pub(crate) fn assert_event(path: &str, data: &Value) {
    let operation = &operations(path).unwrap()["get"];
    let place = "/responses/200/content/text~1event-stream/schema";
    assert_fits(operation.pointer(place).unwrap(), data, path);
}
