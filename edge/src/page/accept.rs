//! What a client would rather have, as `Accept` and `Accept-Encoding` say it: names with weights (RFC 9110, 12.4.2).
//!
//! **What must always hold.** What cannot be read counts as not wanted, and never as an error: nobody is refused a page for
//! the way in which they ask for it.

use axum::http::{HeaderMap, HeaderName};

/// The weight of what is wanted without a word about how much, in thousandths.
const MOST: u16 = 1_000;

/// How much the client wants what is called so, in thousandths; none if it does not speak of it.
#[must_use]
pub fn weight(headers: &HeaderMap, list: &HeaderName, name: &str) -> Option<u16> {
    let lines = headers.get_all(list).iter().filter_map(|line| line.to_str().ok());
    let listed = lines.flat_map(|line| line.split(',')).filter_map(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|listed| listed.eq_ignore_ascii_case(name));
        is_it.then(|| parts.find_map(quality).map_or(MOST, |read| read.unwrap_or(0)))
    });
    listed.max()
}

/// The weight that a parameter says, if it is one that does.
fn quality(parameter: &str) -> Option<Option<u16>> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
}

/// At most three digits behind the point, and nothing above one.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let part: u16 = format!("{part:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(MOST),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
