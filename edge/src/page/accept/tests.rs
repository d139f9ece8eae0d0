use axum::http::HeaderValue;
use axum::http::header::ACCEPT_ENCODING;

use super::*;

fn of(lines: &[&str], name: &str) -> Option<u16> {
    let mut all = HeaderMap::new();
    for line in lines {
        all.append(ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
    }
    weight(&all, &ACCEPT_ENCODING, name)
}

#[test]
fn a_name_weighs_what_is_said_and_most_if_nothing_is() {
    for (lines, name, weight) in [
        (&["gzip, deflate, br"][..], "br", Some(1_000)),
        (&["gzip;q=0.8, br;q=0.25"], "br", Some(250)),
        (&["gzip ; q=0.8 ,BR ; Q=1.000"], "br", Some(1_000)),
        (&["gzip", "br;q=0.5"], "br", Some(500)),
        (&["br;q=0"], "br", Some(0)),
        (&["br;q=0.000"], "br", Some(0)),
        (&["br;q=0."], "br", Some(0)),
        (&["br;level=3;q=0.5"], "br", Some(500)),
        (&["br;level=3"], "br", Some(1_000)),
        (&["brotli, xbr"], "br", None),
        (&[""], "br", None),
        (&[], "br", None),
    ] {
        assert_eq!(of(lines, name), weight, "{lines:?}");
    }
}

#[test]
fn a_weight_that_is_none_counts_as_not_wanted() {
    for wrong in ["1.001", "2", "-1", "0.0001", "0,5", "", "abc", "1.5", "0.5.5", "+0.5", ".5", "0.+1", "NaN"] {
        assert_eq!(of(&[&format!("br;q={wrong}")], "br"), Some(0), "{wrong}");
    }
}
