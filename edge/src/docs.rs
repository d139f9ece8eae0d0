//! The document as a page that people can read.
//!
//! **What it is for.** Somebody who integrates with the API reads it here, on the edge that they talk to, in the release
//! that it runs. It works without scripts, in a terminal's browser, on paper and on a phone.
//!
//! **What must always hold.** Whatever stands in the document is text here, never markup. The page needs nothing but its
//! style sheet.
//!
//! **What is deliberately absent.** A viewer: those are a megabyte of script to show what these few functions write once.
//! Trying requests out from the page: `curl` does that, and nobody's session is needed on a page that everybody sees.

mod example;
mod html;
mod operation;
mod schema;

use std::collections::BTreeMap;

use serde_json::Value;

use html::{Html, text};
use operation::Operation;

/// How it looks, in the light and in the dark.
pub const STYLE: &str = include_str!("docs/style.css");

/// The page of a document.
#[must_use]
pub fn page(document: &Value) -> String {
    let mut out = Html::default();
    let title = text(document, "/info/title");
    out.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    out.element("title", "", &format!("{title} API"));
    out.raw("<link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n<body>\n");
    out.raw("<a class=\"skip\" href=\"#main\">Skip to the reference</a>\n");
    let groups = groups(document);
    contents(&mut out, document, &groups);
    out.raw("<main id=\"main\">\n<h1>");
    out.text(&format!("{title} API "));
    out.element("small", "", text(document, "/info/version"));
    out.raw("</h1>\n");
    out.paragraphs(text(document, "/info/description"));
    out.raw("<p>For programs there is <a href=\"/openapi.json\">the OpenAPI document</a>.</p>\n");
    signing_in(&mut out, document);
    for (tag, operations) in &groups {
        out.raw(&format!("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">", html::id(tag)));
        out.text(tag);
        out.raw("</h2>\n");
        out.paragraphs(about(document, tag));
        for operation in operations {
            operation.write(&mut out, document);
        }
        out.raw("</section>\n");
    }
    problems(&mut out, document);
    types(&mut out, document);
    out.raw("</main>\n</body>\n</html>\n");
    out.into_string()
}

/// Operations in the order of their groups.
fn groups(document: &Value) -> Vec<(&str, Vec<Operation<'_>>)> {
    let mut by_tag = BTreeMap::<&str, Vec<Operation<'_>>>::new();
    for operation in Operation::all(document) {
        by_tag.entry(operation.tag()).or_default().push(operation);
    }
    let tags = document.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|tag| by_tag.remove_entry(tag.get("name")?.as_str()?)).collect()
}

fn about<'a>(document: &'a Value, tag: &str) -> &'a str {
    let mut tags = document.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.find(|of| text(of, "/name") == tag).map_or("", |of| text(of, "/description"))
}

fn contents(out: &mut Html, document: &Value, groups: &[(&str, Vec<Operation<'_>>)]) {
    out.raw("<nav aria-label=\"Contents\">\n<details open>\n<summary>Contents</summary>\n<ul>\n");
    out.raw("<li><a href=\"#signing-in\">Signing in</a></li>\n");
    for (tag, operations) in groups {
        out.raw(&format!("<li><a href=\"#{}\">", html::id(tag)));
        out.text(tag);
        out.raw("</a>\n<ul>\n");
        for operation in operations {
            out.raw(&format!("<li><a href=\"#{}\">", operation.id()));
            out.text(operation.summary());
            out.raw("</a></li>\n");
        }
        out.raw("</ul></li>\n");
    }
    out.raw("<li><a href=\"#problems\">Problems</a></li>\n<li><a href=\"#types\">Types</a></li>\n");
    out.raw("</ul>\n</details>\n</nav>\n");
    debug_assert!(document.get("paths").is_some(), "a document has paths");
}

fn signing_in(out: &mut Html, document: &Value) {
    out.raw("<section aria-labelledby=\"signing-in\">\n<h2 id=\"signing-in\">Signing in</h2>\n<dl>\n");
    let schemes = document.pointer("/components/securitySchemes").and_then(Value::as_object);
    for (name, scheme) in schemes.into_iter().flatten() {
        out.raw("<dt>");
        out.text(if name == "bearer" { "Authorization: Bearer …" } else { "Cookie" });
        out.raw("</dt>\n<dd>");
        out.code(text(scheme, "/description"));
        out.raw("</dd>\n");
    }
    out.raw("</dl>\n</section>\n");
}

/// Every problem, once: operations only name theirs.
fn problems(out: &mut Html, document: &Value) {
    out.raw("<section aria-labelledby=\"problems\">\n<h2 id=\"problems\">Problems</h2>\n");
    out.paragraphs(
        "Whatever is refused is refused by name. `type` is the name behind `https://sluice.dev/problems/`; `retry` says whether \
         sending the same request again can help: `never`, `later` (after the time told, or when something has changed) or \
         `now` (at once, with the same key).",
    );
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten().filter(|(_, schema)| problem_name(schema).is_some()) {
        let short = problem_name(schema).unwrap_or_default();
        out.raw(&format!("<article id=\"type-{}\">\n<h3><code>", html::id(name)));
        out.text(short);
        out.raw("</code> ");
        out.element("small", "", &format!("{} · retry: {}", values(schema, "status"), values(schema, "retry")));
        out.raw("</h3>\n");
        out.paragraphs(text(schema, "/description"));
        let general = ["type", "title", "status", "detail", "retry"];
        schema::fields(out, document, schema, &general);
        out.example("For example", schema.pointer("/examples/0"));
        out.raw("</article>\n");
    }
    out.raw("</section>\n");
}

/// What a problem's `type` ends with, if the schema is that of a problem.
fn problem_name(schema: &Value) -> Option<&str> {
    schema.pointer("/properties/type/const")?.as_str()?.rsplit('/').next()
}

/// The values that a field of a problem can have.
fn values(schema: &Value, field: &str) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let field = schema.pointer(&format!("/properties/{field}"));
    let several = field.and_then(|field| field.get("enum")?.as_array());
    match (several, field.and_then(|field| field.get("const"))) {
        (Some(several), _) => several.iter().map(plain).collect::<Vec<_>>().join(", "),
        (None, Some(only)) => plain(only),
        (None, None) => String::new(),
    }
}

/// Every type that is no problem.
fn types(out: &mut Html, document: &Value) {
    out.raw("<section aria-labelledby=\"types\">\n<h2 id=\"types\">Types</h2>\n");
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let plain = |(name, schema): &(&String, &Value)| problem_name(schema).is_none() && *name != "Problem";
    for (name, schema) in schemas.into_iter().flatten().filter(plain) {
        out.raw(&format!("<article id=\"type-{}\">\n<h3>", html::id(name)));
        out.text(name);
        out.raw("</h3>\n");
        out.paragraphs(text(schema, "/description"));
        schema::body(out, document, schema);
        out.raw("</article>\n");
    }
    out.raw("</section>\n");
}

#[cfg(test)]
mod tests;
