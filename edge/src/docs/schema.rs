//! A type, as its fields or as a few words.

use serde_json::Value;

use super::html::{Html, id, text};

/// What a reference means.
pub(super) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let place = text(schema, "/$ref").strip_prefix('#').unwrap_or_default();
    if place.is_empty() { schema } else { document.pointer(place).unwrap_or(schema) }
}

/// All of a type.
pub(super) fn body(out: &mut Html, document: &Value, schema: &Value) {
    if schema.get("properties").is_some() {
        fields(out, document, schema, &[]);
        return;
    }
    out.raw("<ul class=\"plain\">\n");
    let variants = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array());
    match variants {
        Some(variants) => {
            for variant in variants {
                out.raw("<li>");
                if variant.get("properties").is_some() {
                    out.code(text(variant, "/description"));
                    fields(out, document, variant, &[]);
                } else {
                    kind(out, document, variant);
                    out.raw(" ");
                    out.code(text(variant, "/description"));
                }
                out.raw("</li>\n");
            }
        }
        None => {
            out.raw("<li>");
            kind(out, document, schema);
            out.raw("</li>\n");
        }
    }
    out.raw("</ul>\n");
}

/// The fields of an object but these.
pub(super) fn fields(out: &mut Html, document: &Value, schema: &Value, but: &[&str]) {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut properties = properties.filter(|(name, _)| !but.contains(&name.as_str())).peekable();
    if properties.peek().is_none() {
        return;
    }
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    out.raw("<dl>\n");
    for (name, field) in properties {
        entry(out, document, name, field, required.contains(&name.as_str()));
    }
    out.raw("</dl>\n");
}

/// One named thing: what it is, whether it may be missing, and what it means.
pub(super) fn entry(out: &mut Html, document: &Value, name: &str, schema: &Value, required: bool) {
    out.raw("<dt>");
    out.element("code", "", name);
    out.raw(" ");
    kind(out, document, schema);
    if !required {
        out.raw(" ");
        out.element("em", "", "optional");
    }
    out.raw("</dt>\n<dd>");
    let own = text(schema, "/description");
    out.code(if own.is_empty() { text(resolved(document, schema), "/description") } else { own });
    out.raw("</dd>\n");
}

/// A type in a few words.
pub(super) fn kind(out: &mut Html, document: &Value, schema: &Value) {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|place| place.rsplit('/').next()) {
        out.raw(&format!("<a href=\"#type-{}\">", id(name)));
        out.text(name);
        out.raw("</a>");
        return;
    }
    if let Some(several) = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array()) {
        for (place, variant) in several.iter().enumerate() {
            if place > 0 {
                out.raw(" or ");
            }
            kind(out, document, variant);
        }
        return;
    }
    let quoted = |value: &Value| value.to_string();
    if let Some(only) = schema.get("const") {
        return out.element("code", "", &quoted(only));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return out.element("code", "", &values.iter().map(quoted).collect::<Vec<_>>().join(" | "));
    }
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    };
    if name == "array" {
        out.raw("list of ");
        return kind(out, document, schema.get("items").unwrap_or(&Value::Null));
    }
    out.element("span", "type", &name);
    let format = text(schema, "/format");
    if !format.is_empty() && !format.starts_with("int") {
        out.text(&format!(", {format}"));
    }
    bounds(out, schema);
}

fn bounds(out: &mut Html, schema: &Value) {
    let told = [
        ("minimum", "at least "),
        ("maximum", "at most "),
        ("minLength", "characters at least "),
        ("maxLength", "characters at most "),
    ];
    for (key, words) in told {
        if let Some(bound) = schema.get(key).filter(|bound| bound.as_f64() != Some(0.0)) {
            out.text(&format!(", {words}{bound}"));
        }
    }
    let pattern = text(schema, "/pattern");
    if !pattern.is_empty() {
        out.raw(", ");
        out.element("code", "pattern", pattern);
    }
}
