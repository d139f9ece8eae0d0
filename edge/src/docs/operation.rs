//! One operation.

use serde_json::Value;

use super::html::{Html, id, text};
use super::{example, problem_name, schema};

/// Something that can be asked.
pub(super) struct Operation<'a> {
    method: String,
    path: &'a str,
    value: &'a Value,
}

impl<'a> Operation<'a> {
    /// All of a document, by address.
    pub(super) fn all(document: &'a Value) -> impl Iterator<Item = Self> {
        let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        paths.flat_map(|(path, operations)| {
            let operations = operations.as_object().into_iter().flatten();
            operations.map(move |(method, value)| Self { method: method.to_uppercase(), path, value })
        })
    }

    /// What a link leads to.
    pub(super) fn id(&self) -> String {
        format!("operation-{}", id(text(self.value, "/operationId")))
    }

    /// Its group.
    pub(super) fn tag(&self) -> &'a str {
        text(self.value, "/tags/0")
    }

    /// What it does, without the full stop.
    pub(super) fn summary(&self) -> &'a str {
        text(self.value, "/summary").trim_end_matches('.')
    }

    /// Everything about it.
    pub(super) fn write(&self, out: &mut Html, document: &Value) {
        out.raw(&format!("<article id=\"{}\">\n<h3>", self.id()));
        out.text(self.summary());
        out.raw("</h3>\n<p class=\"address\">");
        out.element("b", "method", &self.method);
        out.raw(" ");
        out.element("code", "", self.path);
        let open = self.value.get("security").is_some();
        out.raw(" ");
        out.element("span", "who", if open { "everybody" } else { "signed in" });
        out.raw("</p>\n");
        out.paragraphs(text(self.value, "/description"));
        self.parameters(out, document);
        self.body(out, document);
        self.answers(out, document);
        self.problems(out, document);
        out.raw("<h4>With curl</h4>\n");
        out.block(&example::curl(document, &self.method, self.path, self.value));
        out.raw("</article>\n");
    }

    fn parameters(&self, out: &mut Html, document: &Value) {
        let parameters = self.value.get("parameters").and_then(Value::as_array).filter(|several| !several.is_empty());
        let Some(parameters) = parameters else { return };
        out.raw("<h4>Parameters</h4>\n<dl>\n");
        for parameter in parameters {
            let name = text(parameter, "/name");
            let name = match text(parameter, "/in") {
                "path" => format!("{{{name}}}"),
                "query" => format!("?{name}"),
                _ => format!("{name}:"),
            };
            let mut shown = parameter.get("schema").cloned().unwrap_or_default();
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("description".to_owned(), text(parameter, "/description").into());
            }
            schema::entry(out, document, &name, &shown, parameter.get("required") == Some(&true.into()));
        }
        out.raw("</dl>\n");
    }

    fn body(&self, out: &mut Html, document: &Value) {
        let content = self.value.pointer("/requestBody/content").and_then(Value::as_object);
        for (kind, media) in content.into_iter().flatten() {
            out.raw("<h4>Body ");
            out.element("small", "", kind);
            out.raw("</h4>\n");
            let of = media.get("schema").unwrap_or(&Value::Null);
            let resolved = schema::resolved(document, of);
            if resolved.get("properties").is_some() {
                schema::fields(out, document, resolved, &[]);
            } else {
                out.paragraphs(text(self.value, "/requestBody/description"));
            }
        }
    }

    fn answers(&self, out: &mut Html, document: &Value) {
        out.raw("<h4>Answers</h4>\n<dl>\n");
        for (status, response) in self.responses().filter(|(_, response)| !is_problem(response)) {
            out.raw("<dt>");
            out.element("b", "status", status);
            for (kind, media) in response.get("content").and_then(Value::as_object).into_iter().flatten() {
                out.raw(" ");
                schema::kind(out, document, media.get("schema").unwrap_or(&Value::Null));
                if kind != "application/json" {
                    out.raw(" ");
                    out.element("small", "", kind);
                }
            }
            out.raw("</dt>\n<dd>");
            out.code(text(response, "/description"));
            out.raw(".");
            let headers = response.get("headers").and_then(Value::as_object).into_iter().flatten();
            for (name, header) in headers.filter(|(name, _)| *name != "X-Request-Id") {
                out.raw("<br>\n");
                out.element("code", "", &format!("{name}:"));
                out.raw(" ");
                out.code(text(schema::resolved(document, header), "/description"));
                out.raw(".");
            }
            out.raw("</dd>\n");
        }
        out.raw("</dl>\n");
    }

    fn problems(&self, out: &mut Html, document: &Value) {
        out.raw("<h4>Problems</h4>\n<ul class=\"problems\">\n");
        for (status, response) in self.responses().filter(|(_, response)| is_problem(response)) {
            let place = "/content/application~1problem+json/schema";
            let of = response.pointer(place).unwrap_or(&Value::Null);
            let several =
                of.get("oneOf").and_then(Value::as_array).map_or_else(|| std::slice::from_ref(of), Vec::as_slice);
            for one in several {
                let Some(name) = problem_name(schema::resolved(document, one)) else { continue };
                let target = id(text(one, "/$ref").rsplit('/').next().unwrap_or_default());
                out.raw(&format!("<li><b class=\"status\">{status}</b> <a href=\"#type-{target}\">"));
                out.text(name);
                out.raw("</a></li>\n");
            }
        }
        out.raw("</ul>\n");
    }

    fn responses(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.value.get("responses").and_then(Value::as_object).into_iter().flatten()
    }
}

fn is_problem(response: &Value) -> bool {
    response.pointer("/content/application~1problem+json").is_some()
}
