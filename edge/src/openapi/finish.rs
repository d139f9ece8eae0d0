//! What is true of every operation, or follows from its shape, and so is said once.
//!
//! **What must always hold.** A name of a problem that does not exist is an error of ours, and is left in the document for
//! the tests to find.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use crate::problem::catalogue::{self, Kind};

/// Where an operation names what it can refuse with.
pub(super) const NAMED: &str = "x-problems";
/// What any request can be told.
const EVERYWHERE: [&str; 4] = ["invalid-request", "rate-limited", "internal", "timed-out"];

/// Completes what the routes say.
pub(super) fn finish(described: OpenApi) -> Value {
    let mut document = serde_json::to_value(described).unwrap_or_default();
    let kinds = catalogue::kinds();
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        schemas.extend(catalogue::schemas());
        let problems: Vec<Value> = kinds.iter().map(|kind| reference(&kind.schema_name())).collect();
        schemas.insert("Problem".to_owned(), json!({ "oneOf": problems, "description": "Any no." }));
        schemas.extend(kinds.iter().map(|kind| (kind.schema_name(), kind.schema())));
        // An order from the ledger is one from the sale and more, so both may fit.
        if let Some(Value::Object(any)) = schemas.get_mut("AnyOrder")
            && let Some(either) = any.remove("oneOf")
        {
            any.insert("anyOf".to_owned(), either);
        }
        unfold(schemas);
        schemas.values_mut().for_each(missing_is_not_null);
    }
    if let Some(Value::Object(components)) = document.get_mut("components") {
        components.insert("headers".to_owned(), headers());
    }
    for operations in document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            complete(method, operation, &kinds);
        }
    }
    drop_folded(&mut document);
    renamed(document)
}

/// What is only ever written with the time around it is no type of its own.
fn drop_folded(document: &mut Value) {
    let text = document.to_string();
    let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") else { return };
    let timed: BTreeSet<String> =
        schemas.keys().filter_map(|name| name.strip_prefix("Timed_")).map(str::to_owned).collect();
    schemas.retain(|name, _| !timed.contains(name) || text.contains(&format!("schemas/{name}\"")));
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// Makes one object of those that are written into one: easier to read, and to close.
fn unfold(schemas: &mut Map<String, Value>) {
    loop {
        let known = schemas.clone();
        let folded = schemas.values_mut().filter(|schema| schema.get("allOf").is_some());
        let mut changed = false;
        for schema in folded {
            let Some(Value::Array(parts)) = schema.get_mut("allOf").map(Value::take) else { continue };
            let mut properties = Map::new();
            let mut required = BTreeSet::new();
            for part in &parts {
                let name = part.get("$ref").and_then(Value::as_str).and_then(|at| at.rsplit('/').next());
                let part = name.map_or(Some(part), |name| known.get(name)).unwrap_or(part);
                properties.extend(part.get("properties").and_then(Value::as_object).cloned().unwrap_or_default());
                let more = part.get("required").and_then(Value::as_array).into_iter().flatten();
                required.extend(more.filter_map(Value::as_str).map(str::to_owned));
            }
            let about = schema.get("description").cloned();
            *schema = json!({ "type": "object", "properties": properties, "required": required });
            if let (Some(about), Some(schema)) = (about, schema.as_object_mut()) {
                schema.insert("description".to_owned(), about);
            }
            changed = true;
        }
        if !changed {
            return;
        }
    }
}

/// What may be missing is never null: it is left out.
fn missing_is_not_null(schema: &mut Value) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|known| known == name));
    for (name, field) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        let optional = !is_required(name);
        if optional && let Some(Value::Array(types)) = field.get_mut("type") {
            types.retain(|of| of != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                if let Some(of) = field.get_mut("type") {
                    *of = only;
                }
            }
        }
        let Some(Value::Array(either)) = field.get_mut("oneOf") else { continue };
        let about = either.iter().find_map(|of| of.get("description")).cloned();
        if optional {
            either.retain(|of| of.get("type") != Some(&"null".into()));
        }
        if let [only] = either.as_slice() {
            *field = only.clone();
        } else if let (Some(about), Some(field)) = (about, field.as_object_mut()) {
            field.insert("description".to_owned(), about);
        }
    }
    for variant in schema.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
        missing_is_not_null(variant);
        for field in variant.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
        {
            if let Some(field) = field.as_object_mut().filter(|field| field.contains_key("enum")) {
                field.entry("description").or_insert_with(|| "Which of them it is.".into());
            }
        }
    }
}

fn complete(method: &str, operation: &mut Value, kinds: &[Kind]) {
    let Some(operation) = operation.as_object_mut() else { return };
    // What stands under `# Errors` is for whoever reads the code: here every problem has its own place.
    if let Some(Value::String(about)) = operation.get_mut("description")
        && let Some(at) = about.find("# Errors")
    {
        *about = about.get(..at).unwrap_or_default().trim_end().to_owned();
    }
    if operation.get("description") == operation.get("summary") || operation.get("description") == Some(&"".into()) {
        operation.remove("description");
    }
    let named = operation.remove(NAMED).and_then(|named| serde_json::from_value(named).ok()).unwrap_or_default();
    let mut named: BTreeSet<String> = named;
    named.extend(EVERYWHERE.map(str::to_owned));
    let for_customers = !operation.contains_key("security");
    if for_customers {
        named.insert("not-signed-in".to_owned());
        // A page of another site, with the cookie of whoever looks at it.
        if method != "get" {
            named.insert("forbidden".to_owned());
        }
    }
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let checked = parameters.into_iter().flatten().any(|parameter| {
        let part = |name| parameter.get(name).and_then(Value::as_str).unwrap_or_default();
        part("in") == "query" || (part("in") == "header" && !matches!(part("name"), "If-None-Match" | "Last-Event-ID"))
    });
    let is_read = method == "post";
    let json = operation.contains_key("requestBody") && operation.get("operationId") != Some(&"paymentCallback".into());
    let invalid = catalogue::invalid(checked, is_read, json);
    let mut by_status = BTreeMap::<u16, Vec<&Kind>>::new();
    for kind in kinds.iter().filter(|kind| named.remove(kind.name)) {
        let possible = |status: &&u16| kind.name != "invalid-request" || invalid.contains(status);
        for status in kind.statuses.iter().filter(possible) {
            by_status.entry(*status).or_default().push(kind);
        }
    }
    if !named.is_empty() {
        operation.insert(NAMED.to_owned(), json!(named));
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        tell(status, response);
    }
    responses.extend(by_status.iter().map(|(status, kinds)| (status.to_string(), refused(*status, kinds))));
}

/// Headers that go with a status.
fn tell(status: &str, response: &mut Value) {
    let Some(response) = response.as_object_mut() else { return };
    let headers = response.entry("headers").or_insert_with(|| json!({}));
    let Some(headers) = headers.as_object_mut() else { return };
    for header in headers.values_mut().filter_map(Value::as_object_mut) {
        header.entry("required").or_insert(false.into());
    }
    if let "201" | "202" | "303" = status {
        headers.insert("Location".to_owned(), named("Location"));
    }
    if status == "202" {
        headers.insert("Retry-After".to_owned(), named("Retry-After"));
    }
    headers.insert("X-Request-Id".to_owned(), named("X-Request-Id"));
}

/// Headers that many answers have.
fn headers() -> Value {
    let header = |required: bool, kind: &str, about: &str| json!({ "description": about, "required": required, "schema": { "type": kind } });
    json!({
        "Location": header(true, "string", "Where it is"),
        "RateLimit": header(false, "string", "What is left, and when all of it is back"),
        "RateLimit-Policy": header(false, "string", "The limit"),
        "Retry-After": header(true, "integer", "Seconds until to ask again"),
        "Retry-After-Some": header(false, "integer", "Seconds until to ask again, where that is known"),
        "WWW-Authenticate": header(true, "string", "How to send a session"),
        "X-Request-Id": header(true, "string", "Yours, if you sent one; what our logs call it"),
    })
}

/// One of those.
fn named(header: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{header}") })
}

fn refused(status: u16, kinds: &[&Kind]) -> Value {
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title).collect();
    let schemas: Vec<Value> = kinds.iter().map(|kind| reference(&kind.schema_name())).collect();
    let schema = match schemas.as_slice() {
        [only] => only.clone(),
        several => json!({ "oneOf": several }),
    };
    let some = |is: fn(&Kind) -> bool| kinds.iter().any(|kind| is(kind));
    let mut headers = vec![("X-Request-Id", "X-Request-Id")];
    if some(|kind| kind.says_when) {
        let each = kinds.iter().all(|kind| kind.says_when);
        headers.push(("Retry-After", if each { "Retry-After" } else { "Retry-After-Some" }));
    }
    if some(|kind| kind.name == "not-signed-in") {
        headers.push(("WWW-Authenticate", "WWW-Authenticate"));
    }
    if some(|kind| kind.name == "rate-limited") {
        headers.extend([("RateLimit", "RateLimit"), ("RateLimit-Policy", "RateLimit-Policy")]);
    }
    let headers: Map<String, Value> = headers.into_iter().map(|(name, of)| (name.to_owned(), named(of))).collect();
    let content = json!({ "application/problem+json": { "schema": schema } });
    debug_assert!(status >= 400, "{status} is no refusal");
    json!({ "description": titles.join(", "), "headers": headers, "content": content })
}

/// A value with the time around it is called `TimedSale`: an underscore is no name in other languages.
fn renamed(document: Value) -> Value {
    serde_json::from_str(&document.to_string().replace("Timed_", "Timed")).unwrap_or(document)
}
