//! Markup, written so that text cannot become any.

use serde_json::Value;

/// A page that is being written.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of ours.
    pub(super) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Text.
    pub(super) fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                plain => self.0.push(plain),
            }
        }
    }

    /// Text in which what stands between backticks is code.
    pub(super) fn code(&mut self, text: &str) {
        for (place, part) in text.split('`').enumerate() {
            if place % 2 == 1 {
                self.element("code", "", part);
            } else {
                self.text(part);
            }
        }
    }

    /// Text in an element.
    pub(super) fn element(&mut self, name: &str, class: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.raw(&format!("<{name}{class}>"));
        self.text(text);
        self.raw(&format!("</{name}>"));
    }

    /// Paragraphs, with an empty line between them.
    pub(super) fn paragraphs(&mut self, text: &str) {
        for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            self.raw("<p>");
            self.code(paragraph.trim());
            self.raw("</p>\n");
        }
    }

    /// A value, if there is one, folded away under a title.
    pub(super) fn example(&mut self, title: &str, value: Option<&Value>) {
        let Some(value) = value else { return };
        self.raw("<details>\n");
        self.element("summary", "", title);
        self.block(&format!("{value:#}"));
        self.raw("</details>\n");
    }

    /// Text that is shown as it is; it can be scrolled with the keyboard too.
    pub(super) fn block(&mut self, text: &str) {
        self.raw("<pre tabindex=\"0\"><code>");
        self.text(text);
        self.raw("</code></pre>\n");
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// The text at this place, or none.
pub(super) fn text<'a>(value: &'a Value, place: &str) -> &'a str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

/// A name as the target of a link.
pub(super) fn id(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }).collect()
}
