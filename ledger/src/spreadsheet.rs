//! What a spreadsheet makes of a cell.
//!
//! **What must always hold.** What people or payment providers chose is text in whatever opens the file: a cell that a
//! spreadsheet would take for a formula begins with an apostrophe.

/// The text, so that no spreadsheet computes it. Quoting does not help: they look at what is between the quotes.
#[must_use]
pub fn harmless(text: &str) -> String {
    // Some skip white space first, some read the full-width forms too.
    let first = text.trim_start().chars().next();
    let white = text.starts_with(['\t', '\r', '\n']);
    let formula = first.is_some_and(|first| "=+-@|%＝＋－＠".contains(first));
    if formula || white { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
