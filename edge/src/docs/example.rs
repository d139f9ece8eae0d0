//! An operation as a line of `curl`, made of the document's own examples.

use serde_json::{Map, Value};

use super::html::text;
use super::schema::resolved;

/// Where the shop is, as whoever reads it has set it.
const SHOP: &str = "\"$SLUICE";

/// The line.
pub(super) fn curl(document: &Value, method: &str, path: &str, operation: &Value) -> String {
    let mut path = path.to_owned();
    let mut headers = Vec::new();
    for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        let name = text(parameter, "/name");
        let value = sample(document, parameter.get("schema").unwrap_or(&Value::Null), parameter.get("example"));
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match text(parameter, "/in") {
            "path" => path = path.replace(&format!("{{{name}}}"), &value),
            "header" if parameter.get("required") == Some(&true.into()) => headers.push(format!("{name}: {value}")),
            _ => {}
        }
    }
    let mut words = vec!["curl".to_owned()];
    if method != "GET" {
        words.push(format!("-X {method}"));
    }
    let streams = operation.pointer("/responses/200/content/text~1event-stream").is_some();
    if streams {
        words.push("-N".to_owned());
    }
    words.push(format!("{SHOP}{path}\""));
    let mut lines = vec![words.join(" ")];
    if operation.get("security").is_none() {
        lines.push("-H \"Authorization: Bearer $TOKEN\"".to_owned());
    }
    lines.extend(headers.iter().map(|header| format!("-H '{header}'")));
    if let Some(media) = operation.pointer("/requestBody/content/application~1json") {
        lines.push("-H 'Content-Type: application/json'".to_owned());
        lines.push(format!("-d '{}'", body(document, media)));
    }
    lines.join(" \\\n  ")
}

/// A body that could be sent: the first example, or what the fields' own examples make.
fn body(document: &Value, media: &Value) -> String {
    let named = media.get("examples").and_then(Value::as_object);
    if let Some(example) = named.and_then(|named| named.values().next_back()?.get("value")) {
        return example.to_string();
    }
    sample(document, media.get("schema").unwrap_or(&Value::Null), media.get("example")).to_string()
}

/// A value of this type.
fn sample(document: &Value, schema: &Value, given: Option<&Value>) -> Value {
    let schema = resolved(document, schema);
    let known = given.or_else(|| schema.pointer("/examples/0")).or_else(|| schema.get("example"));
    if let Some(known) = known {
        return known.clone();
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let fields = required.filter_map(|name| properties.get_key_value(name.as_str()?));
        let fields = fields.map(|(name, field)| (name.clone(), sample(document, field, None)));
        return Value::Object(fields.collect::<Map<_, _>>());
    }
    match text(schema, "/type") {
        "integer" | "number" => 1.into(),
        "boolean" => true.into(),
        _ => "…".into(),
    }
}
