use super::*;

fn page(files: &[&str]) -> Page {
    let contents = files.iter().map(|address| ((*address).to_owned(), Bytes::from(format!("bytes of {address}"))));
    Page::of(contents.collect()).unwrap()
}

fn headers<const N: usize>(these: [(HeaderName, &'static str); N]) -> HeaderMap {
    these.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn the_best_way_of_writing_that_the_client_takes_is_chosen() {
    let all = page(&["/index.html", "/a.js", "/a.js.br", "/a.js.gz", "/b.js", "/b.js.gz"]);
    for (accepted, both, gzip_only) in [
        (None, None, None),
        (Some(""), None, None),
        (Some("gzip, deflate, br, zstd"), Some("br"), Some("gzip")),
        (Some("gzip"), Some("gzip"), Some("gzip")),
        (Some("GZIP"), Some("gzip"), Some("gzip")),
        (Some("br"), Some("br"), None),
        (Some("br;q=0.5, gzip"), Some("gzip"), Some("gzip")),
        (Some("br;q=0.5, gzip;q=0.5"), Some("br"), Some("gzip")),
        (Some("br;q=0, gzip"), Some("gzip"), Some("gzip")),
        (Some("br;q=0, gzip;q=0"), None, None),
        (Some("br;q=0.001"), Some("br"), None),
        (Some("identity, br;q=0.9"), None, None),
        (Some("identity;q=0.5, br;q=0.4, gzip;q=0.6"), Some("gzip"), Some("gzip")),
        (Some("*"), Some("br"), Some("gzip")),
        (Some("*;q=0.1"), Some("br"), Some("gzip")),
        (Some("*, br;q=0"), Some("gzip"), Some("gzip")),
        (Some("identity;q=0"), None, None),
        (Some("*;q=0"), None, None),
        (Some("identity;q=0, gzip;q=0.1"), Some("gzip"), Some("gzip")),
        (Some("br;q=nonsense, gzip;q=0.2"), Some("gzip"), Some("gzip")),
        (Some("zstd"), None, None),
    ] {
        let asking = accepted.map_or_else(HeaderMap::new, |accepted| headers([(ACCEPT_ENCODING, accepted)]));
        for (path, coding) in [("/a.js", both), ("/b.js", gzip_only), ("/index.html", None)] {
            let response = all.answer(path, &asking).unwrap();
            assert_eq!(header(&response, &CONTENT_ENCODING), coding, "{path} for {accepted:?}");
            assert_eq!(header(&response, &VARY), Some("accept-encoding"), "{path} for {accepted:?}");
        }
    }
}

#[test]
fn an_encoding_is_no_address_unless_it_is_an_encoding_of_nothing() {
    let page = page(&["/index.html", "/index.html.br", "/a.js", "/a.js.gz", "/orders.csv.gz"]);
    for absent in ["/index.html.br", "/a.js.gz", "/a.js.br"] {
        assert!(page.answer(absent, &HeaderMap::new()).is_none(), "{absent}");
    }
    let alone = page.answer("/orders.csv.gz", &HeaderMap::new()).unwrap();
    assert_eq!(header(&alone, &CONTENT_TYPE), Some("application/gzip"));
    assert_eq!(header(&alone, &CONTENT_ENCODING), None);
}

#[test]
fn every_file_says_what_it_is_and_how_long_it_stays_so() {
    let (for_ever, asked, soon) = ("public, max-age=31536000, immutable", "no-cache", "public, max-age=300");
    let of = [
        ("/index.html", "text/html; charset=utf-8", asked),
        ("/assets/index-B2xYz.js", "text/javascript; charset=utf-8", for_ever),
        ("/assets/index-B2xYz.css", "text/css; charset=utf-8", for_ever),
        ("/assets/inter.woff2", "font/woff2", for_ever),
        ("/assets/inner/lamp.webp", "image/webp", for_ever),
        ("/assets-of-old/a.js", "text/javascript; charset=utf-8", soon),
        ("/favicon.svg", "image/svg+xml", soon),
        ("/favicon.ico", "image/x-icon", soon),
        ("/robots.txt", "text/plain; charset=utf-8", soon),
        ("/site.webmanifest", "application/manifest+json", soon),
        ("/humans", "application/octet-stream", soon),
    ];
    let page = page(&of.map(|(address, ..)| address));
    for (address, kind, freshness) in of {
        let response = page.answer(address, &HeaderMap::new()).unwrap();
        assert_eq!(header(&response, &CONTENT_TYPE), Some(kind), "{address}");
        assert_eq!(header(&response, &CACHE_CONTROL), Some(freshness), "{address}");
        assert_eq!(response.headers().get(CONTENT_SECURITY_POLICY), Some(&POLICY), "{address}");
    }
}

#[test]
fn a_browser_gets_the_page_where_it_may_be_and_nothing_where_an_api_or_a_file_may_be() {
    let page = page(&["/index.html", "/assets/a.js", "/a b.txt"]);
    let browser = || headers([(ACCEPT, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")]);
    let is_page = |path: &str, headers: &HeaderMap| {
        let kind = page.answer(path, headers).and_then(|answer| header(&answer, &CONTENT_TYPE).map(str::to_owned));
        kind.as_deref() == Some("text/html; charset=utf-8")
    };
    for view in ["/sales/aurora-1234", "/sign-in", "/v1x", "/docsx", "/openapi.jsonx", "/assetsx", "/a/../b", "//v1"] {
        assert!(is_page(view, &browser()), "{view}");
        for program in [headers([]), headers([(ACCEPT, "*/*")]), headers([(ACCEPT, "application/json, text/*")])] {
            assert!(page.answer(view, &program).is_none(), "{view}");
        }
        assert!(page.answer(view, &headers([(ACCEPT, "text/html;q=0, */*")])).is_none(), "{view}");
    }
    for nothing in [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/%76%31/nothing",
        "/v1%2fnothing",
        "/docs/nothing",
        "/openapi.json/",
        "/assets",
        "/assets/",
        "/assets/b.js",
        "/assets/../a.js",
        "/assets%2f..%2f..%2fetc/passwd",
        "/assets/a.js/",
        "/assets/A.js",
        "/%ff",
    ] {
        assert!(page.answer(nothing, &browser()).is_none(), "{nothing}");
    }
    assert!(page.answer("/a%20b.txt", &HeaderMap::new()).is_some(), "an address may be spelled in two ways");
    assert!(page.answer("/assets/%61.js", &HeaderMap::new()).is_some());
}

#[test]
fn a_folder_without_an_index_is_no_page() {
    assert!(Page::of(HashMap::from([("/a.js".to_owned(), Bytes::new())])).is_none());
}
