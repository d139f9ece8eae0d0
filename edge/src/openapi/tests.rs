use std::collections::BTreeSet;
use std::path::Path;

use super::finish::NAMED;
use super::*;
use crate::problem::catalogue;

/// Every object in the document, with where it is.
fn walk<'a>(value: &'a Value, place: &str, visit: &mut impl FnMut(&str, &'a serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            visit(place, fields);
            fields.iter().for_each(|(name, field)| walk(field, &format!("{place}/{}", name.replace('/', "~1")), visit));
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(at, value)| walk(value, &format!("{place}/{at}"), visit));
        }
        _ => {}
    }
}

fn operations() -> Vec<(String, String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let of = |(path, operations): (&String, &'static Value)| {
        let operations = operations.as_object().unwrap().iter();
        operations.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

#[test]
fn the_committed_copy_is_not_stale() {
    let copy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../frontend/openapi.json");
    let found = std::fs::read_to_string(&copy).unwrap_or_default();
    assert!(found == text(), "{} is stale; to write it: make generate", copy.display());
}

#[test]
fn it_is_openapi_3_1_and_has_every_address_of_the_router() {
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    let described: BTreeSet<(String, String)> =
        operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    let routed = app::addresses().into_iter().map(|(method, path)| (method.to_string(), path)).collect();
    assert_eq!(described, routed);
    assert!(described.contains(&("POST".to_owned(), "/v1/sales/{sale}/orders".to_owned())), "{described:?}");
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let mut used = BTreeSet::new();
    walk(&DOCUMENT, "", &mut |place, fields| {
        if let Some(Value::String(reference)) = fields.get("$ref") {
            let target = reference.strip_prefix('#').unwrap();
            assert!(DOCUMENT.pointer(target).is_some(), "{place} refers to {reference}");
            used.insert(target.rsplit('/').next().unwrap().to_owned());
        }
    });
    let known: BTreeSet<String> = DOCUMENT["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
    let unused: Vec<&String> = known.difference(&used).collect();
    assert_eq!(unused, ["Problem"], "for clients: any of them");
}

#[test]
fn operations_have_distinct_ids_a_group_that_is_known_and_a_sentence() {
    let tags: BTreeSet<&str> = TAGS.iter().map(|(name, _)| *name).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let what = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}: {}", operation["operationId"]);
        assert!(tags.contains(operation["tags"][0].as_str().unwrap()), "{what}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{what}");
        let summary = operation["summary"].as_str().unwrap();
        assert!(summary.ends_with('.') && !summary.contains('`'), "{what}: {summary}");
        assert!(!operation.to_string().contains("# Errors"), "{what}");
    }
}

#[test]
fn every_field_parameter_and_type_has_a_sentence() {
    let mut missing = Vec::new();
    walk(&DOCUMENT, "", &mut |place, fields| {
        let described = |value: &Value| {
            let name = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            let referred = name.and_then(|name| DOCUMENT.pointer(name));
            let has = |value: &Value| value["description"].as_str().is_some_and(|text| !text.is_empty());
            has(value) || referred.is_some_and(has)
        };
        for (name, field) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if !described(field) {
                missing.push(format!("{place}.{name}"));
            }
        }
        for parameter in fields.get("parameters").and_then(Value::as_array).into_iter().flatten() {
            if !described(parameter) {
                missing.push(format!("{place}.{}", parameter["name"]));
            }
        }
    });
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        if schema["description"].as_str().is_none_or(str::is_empty) {
            missing.push(name.clone());
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_parameter_of_an_address_is_described() {
    for (method, path, operation) in operations() {
        let named =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect::<BTreeSet<_>>();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let described = parameters.filter(|parameter| parameter["in"] == "path");
        assert_eq!(described.map(|of| of["name"].as_str().unwrap()).collect::<BTreeSet<_>>(), named, "{method} {path}");
    }
}

#[test]
fn every_problem_that_can_be_answered_with_has_a_schema_that_fits_it() {
    let kinds = catalogue::kinds();
    for problem in catalogue::samples() {
        let name = problem.name();
        let kind = kinds.iter().find(|kind| kind.name == name).unwrap();
        let body = catalogue::written(&problem);
        let misfits = broken(&kind.schema_name(), &body);
        assert!(misfits.is_empty(), "{name}: {body}: {misfits:?}");
        let wrong = serde_json::json!({ "type": body["type"], "surprise": true });
        assert!(!broken(&kind.schema_name(), &wrong).is_empty(), "{name}");
    }
}

#[test]
fn every_operation_names_problems_that_exist_and_every_problem_but_one_is_named_by_an_operation() {
    let mut named = BTreeSet::new();
    for (method, path, operation) in operations() {
        assert!(operation.get(NAMED).is_none(), "{method} {path} names what does not exist: {}", operation[NAMED]);
        walk(operation, "", &mut |_, fields| {
            named.extend(fields.get("$ref").and_then(Value::as_str).and_then(|at| at.rsplit('/').next()));
        });
    }
    let kinds = catalogue::kinds();
    let schemas: Vec<String> = kinds.iter().map(catalogue::Kind::schema_name).collect();
    let unnamed: Vec<&String> = schemas.iter().filter(|name| !named.contains(name.as_str())).collect();
    assert_eq!(unnamed, ["MethodNotAllowedProblem"], "it answers where there is no operation");
}

#[test]
fn every_example_is_true() {
    walk(&DOCUMENT, "", &mut |place, fields| {
        let Some(schema) = fields.get("schema").filter(|_| place.contains("/content/")) else { return };
        for example in fields.get("examples").and_then(Value::as_object).into_iter().flatten() {
            let misfits = broken_at(schema, &example.1["value"]);
            assert!(misfits.is_empty(), "{place}: {misfits:?}");
        }
    });
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        for example in schema["examples"].as_array().into_iter().flatten() {
            assert!(broken(name, example).is_empty(), "{name}: {example}: {:?}", broken(name, example));
        }
    }
}

/// In which ways a value does not fit a type of the document.
fn broken(name: &str, value: &Value) -> Vec<String> {
    broken_at(&serde_json::json!({ "$ref": format!("#/components/schemas/{name}") }), value)
}

fn broken_at(schema: &Value, value: &Value) -> Vec<String> {
    let mut whole = serde_json::json!({ "components": DOCUMENT["components"] });
    whole.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap();
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

#[test]
fn an_orders_states_are_those_of_the_protocol() {
    use protocol::order::State::{Confirmed, Held, Released};
    let spelled = [Held, Confirmed, Released].map(|state| Value::from(state.as_str()));
    let states = &DOCUMENT["components"]["schemas"]["OrderState"];
    let listed: Vec<&Value> = match states["enum"].as_array() {
        Some(values) => values.iter().collect(),
        None => {
            states["oneOf"].as_array().unwrap().iter().map(|of| of["enum"].get(0).unwrap_or(&of["const"])).collect()
        }
    };
    assert_eq!(listed, spelled.iter().collect::<Vec<_>>());
}
