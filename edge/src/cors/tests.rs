use super::*;

fn listed() -> Origins {
    vec!["https://shop.example".parse().unwrap()].into()
}

fn from(origin: &str) -> HeaderMap {
    HeaderMap::from_iter([(ORIGIN, HeaderValue::from_str(origin).unwrap())])
}

fn told(origins: &Origins, method: &Method, headers: &HeaderMap) -> HeaderMap {
    let mut told = HeaderMap::new();
    origins.permissions(method, headers).tell(&mut told);
    told
}

#[test]
fn an_origin_is_written_out_as_browsers_do() {
    for text in ["https://shop.example", "http://localhost:5173", "https://[::1]:8443"] {
        assert!(text.parse::<Origin>().is_ok(), "{text}");
    }
    for text in ["*", "null", "", "shop.example", "https://", "https://*.example", "https://shop.example/", "ftp://a"] {
        assert!(text.parse::<Origin>().is_err(), "{text}");
    }
}

#[test]
fn only_a_listed_origin_is_permitted_anything() {
    let told_listed = told(&listed(), &Method::GET, &from("https://shop.example"));
    assert_eq!(told_listed[ACCESS_CONTROL_ALLOW_ORIGIN], "https://shop.example");
    assert_eq!(told_listed[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    assert_eq!(told_listed[VARY], "origin");
    for other in ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"] {
        let told = told(&listed(), &Method::GET, &from(other));
        assert_eq!((told.len(), &told[VARY]), (1, &HeaderValue::from_static("origin")), "{other}");
    }
    assert!(told(&Origins::default(), &Method::GET, &from("https://shop.example")).is_empty());
}

#[test]
fn a_preflight_is_one_only_from_a_listed_origin() {
    let asking = |origin: &str| {
        let mut headers = from(origin);
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        headers
    };
    let ours = listed().permissions(&Method::OPTIONS, &asking("https://shop.example"));
    assert!(ours.is_preflight());
    assert!(!listed().permissions(&Method::OPTIONS, &asking("https://evil.example")).is_preflight());
    assert!(!listed().permissions(&Method::OPTIONS, &from("https://shop.example")).is_preflight());
    let told = told(&listed(), &Method::OPTIONS, &asking("https://shop.example"));
    let allowed: Vec<&str> = told[ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().split(", ").collect();
    for header in ["content-type", "idempotency-key", "sluice-customer", "traceparent"] {
        assert!(allowed.contains(&header), "{header}");
    }
    assert_eq!(told[ACCESS_CONTROL_ALLOW_METHODS], "GET, POST, DELETE");
}
