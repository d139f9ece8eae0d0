//! The shoppers' page: its folder as the build writes it, at `/` beside the API.

use std::path::PathBuf;

use axum::http::header::{ACCEPT, ACCEPT_ENCODING, IF_NONE_MATCH};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use testbed::Bed;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use crate::document::success;
use crate::shop::{Edge, SOON, problem};

/// What a browser says when somebody follows a link.
pub(crate) const NAVIGATES: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
const INDEX: &str =
    "<!doctype html><title>The shop</title><script type=\"module\" src=\"/assets/index-B2xYz.js\"></script>";
const SCRIPT: &str = "document.title = 'Sold out'; // plain";

/// A folder as the build writes it; beside it lies what nobody may see.
pub(crate) async fn folder() -> PathBuf {
    static FOLDER: OnceCell<PathBuf> = OnceCell::const_new();
    let make = async || {
        let bed = Bed::shared().await.unwrap();
        let root = bed.folder().join(bed.unique("page"));
        let folder = root.join("dist");
        std::fs::create_dir_all(folder.join("assets")).unwrap();
        std::fs::create_dir_all(folder.join(".vite")).unwrap();
        for (name, content) in [
            ("../secret.txt", "secret"),
            (".vite/manifest.json", "secret"),
            ("index.html", INDEX),
            ("index.html.br", "index in br"),
            ("index.html.gz", "index in gzip"),
            ("assets/index-B2xYz.js", SCRIPT),
            ("assets/index-B2xYz.js.br", "script in br"),
            ("assets/index-B2xYz.js.gz", "script in gzip"),
            ("favicon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
            ("robots.txt", "User-agent: *\n"),
        ] {
            std::fs::write(folder.join(name), content).unwrap();
        }
        folder
    };
    FOLDER.get_or_init(make).await.clone()
}

/// An edge that serves it.
async fn serving() -> &'static Edge {
    static SERVING: OnceCell<Edge> = OnceCell::const_new();
    SERVING.get_or_init(async || Edge::with(&[&format!("--page-dir={}", folder().await.display())]).await).await
}

/// A request that says nothing by itself of what it takes.
fn get(edge: &Edge, path: &str) -> RequestBuilder {
    Client::new().get(edge.url(path))
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// All values of a header that may come in several lines.
fn varies(answer: &Response) -> String {
    let lines = answer.headers().get_all("vary").iter().map(|line| line.to_str().unwrap());
    lines.collect::<Vec<_>>().join(", ")
}

/// Sends exactly this path, which clients would tidy up, and reads to the end of the connection.
async fn raw(edge: &Edge, method: &str, path: &str, accept: &str) -> String {
    let mut stream = TcpStream::connect(&edge.address).await.unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: shop\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_file_comes_in_the_encoding_that_the_browser_prefers_and_each_has_a_tag_of_its_own() {
    let edge = serving().await;
    let mut tags = Vec::new();
    for (accepted, coding, body) in [
        ("gzip, deflate, br, zstd", "br", "script in br"),
        ("br;q=0.2, gzip;q=0.3", "gzip", "script in gzip"),
        ("deflate", "", SCRIPT),
        ("identity;q=0", "", SCRIPT),
    ] {
        let ask = || get(edge, "/assets/index-B2xYz.js").header(ACCEPT_ENCODING, accepted);
        let answer = ask().send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "content-encoding")), (200, coding), "{accepted}");
        assert_eq!(header(&answer, "content-type"), "text/javascript; charset=utf-8");
        assert_eq!(header(&answer, "cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(header(&answer, "content-length"), body.len().to_string());
        assert_eq!(varies(&answer), "accept-encoding");
        let tag = header(&answer, "etag").to_owned();
        assert!(tag.starts_with('"'), "{tag} is strong");
        assert_eq!(answer.text().await.unwrap(), body);
        // Also as a proxy that compresses by itself makes of it.
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            let again = ask().header(IF_NONE_MATCH, known).send().await.unwrap();
            assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag.as_str()));
            assert_eq!(header(&again, "cache-control"), "public, max-age=31536000, immutable");
            assert_eq!((varies(&again).as_str(), again.bytes().await.unwrap().len()), ("accept-encoding", 0));
        }
        tags.push(tag);
    }
    assert_eq!(tags[2], tags[3], "both are the plain file");
    tags.dedup();
    assert_eq!(tags.len(), 3, "{tags:?}");
    // What one encoding is called is not what another one is called.
    let other = get(edge, "/assets/index-B2xYz.js").header(IF_NONE_MATCH, &tags[0]).send().await.unwrap();
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn a_head_tells_what_a_get_would_and_carries_nothing() {
    let edge = serving().await;
    for (path, length) in [("/assets/index-B2xYz.js", SCRIPT.len()), ("/", INDEX.len()), ("/sign-in", INDEX.len())] {
        let answer = raw(edge, "HEAD", path, NAVIGATES).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        assert!(head.contains(&format!("content-length: {length}")) && head.contains("etag: \""), "{path}: {head}");
        assert_eq!(body, "", "{path}");
    }
}

#[tokio::test]
async fn the_page_may_do_what_it_needs_and_no_more_and_the_api_nothing() {
    let edge = serving().await;
    for path in ["/", "/sales/aurora-1234", "/index.html", "/favicon.svg"] {
        let answer = get(edge, path).header(ACCEPT, NAVIGATES).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; \
                      font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
        assert_eq!(header(&answer, "content-security-policy"), policy, "{path}");
        assert_eq!(header(&answer, "cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(header(&answer, "permissions-policy").contains("camera=()"), "{path}");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
    }
    for path in ["/v1", "/v1/sales", "/v1/nothing", "/v1/sessions/current"] {
        let answer = get(edge, path).header(ACCEPT, NAVIGATES).send().await.unwrap();
        assert_eq!(header(&answer, "content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
        assert_eq!(header(&answer, "permissions-policy"), "", "{path}");
    }
}

#[tokio::test]
async fn a_browser_that_navigates_gets_the_page_wherever_no_api_is() {
    let edge = serving().await;
    for view in ["/sign-in?problem=busy", "/sales/aurora-1234abcd", "/orders", "/me/wallets", "/index.html"] {
        let answer = get(edge, view).header(ACCEPT, NAVIGATES).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "cache-control")), (200, "no-cache"), "{view}");
        assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8", "{view}");
        let tag = header(&answer, "etag").to_owned();
        assert_eq!(answer.text().await.unwrap(), INDEX, "{view}");
        let again = get(edge, view).header(ACCEPT, NAVIGATES).header(IF_NONE_MATCH, tag).send().await.unwrap();
        assert_eq!(again.status(), 304, "{view}");
    }
    let view = get(edge, "/orders").header(ACCEPT, NAVIGATES).header(ACCEPT_ENCODING, "br").send().await.unwrap();
    assert_eq!(varies(&view), "accept-encoding, accept");
    assert_eq!(view.text().await.unwrap(), "index in br");
    for nothing in [
        "/v1/",
        "/v1/nothing",
        "/v1/sales/none-00000000/nothing",
        "/docs/nothing",
        "/openapi.json/nothing",
        "/assets/",
        "/assets/index-OLD.js",
        "/assets/index-B2xYz.js.br",
    ] {
        let answer = get(edge, nothing).header(ACCEPT, NAVIGATES).send().await.unwrap();
        assert_eq!(problem(answer).await.1, "not-found", "{nothing}");
    }
    for request in [
        get(edge, "/orders"),
        get(edge, "/orders").header(ACCEPT, "application/json"),
        Client::new().post(edge.url("/orders")).header(ACCEPT, NAVIGATES),
        Client::new().delete(edge.url("/favicon.svg")).header(ACCEPT, NAVIGATES),
    ] {
        assert_eq!(problem(request.send().await.unwrap()).await.1, "not-found");
    }
    let docs = get(edge, "/docs").header(ACCEPT, NAVIGATES).send().await.unwrap();
    assert!(docs.text().await.unwrap().contains("<h1>Sluice API"));
}

#[tokio::test]
async fn the_root_is_the_page_for_browsers_and_the_index_for_programs_and_the_index_has_an_address_of_its_own() {
    let edge = serving().await;
    let page = get(edge, "/").header(ACCEPT, NAVIGATES).send().await.unwrap();
    assert_eq!((varies(&page).as_str(), header(&page, "cache-control")), ("accept-encoding, accept", "no-cache"));
    assert_eq!(page.text().await.unwrap(), INDEX);
    for accepted in ["*/*", "application/json", "text/html;q=0, */*"] {
        let index = get(edge, "/").header(ACCEPT, accepted).send().await.unwrap();
        assert_eq!(varies(&index), "accept", "{accepted}");
        assert_eq!(success("get", index).await["sales"], "/v1/sales", "{accepted}");
    }
    let strict = Edge::shared().await;
    for (edge, path) in [(edge, "/v1"), (strict, "/v1"), (strict, "/")] {
        let index = get(edge, path).header(ACCEPT, NAVIGATES).send().await.unwrap();
        assert_eq!(varies(&index), "", "{path}");
        assert_eq!(success("get", index).await["name"], "sluice-edge", "{path}");
    }
    let none = get(strict, "/sign-in").header(ACCEPT, NAVIGATES).send().await.unwrap();
    assert_eq!(problem(none).await.1, "not-found", "nothing is served where no folder is named");
}

#[tokio::test]
async fn no_spelling_of_a_path_leaves_the_folder() {
    let edge = serving().await;
    let climbs = [
        "../secret.txt",
        "..%2fsecret.txt",
        "..%2Fsecret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "%252e%252e%252fsecret.txt",
        "..%c0%afsecret.txt",
        "..%5csecret.txt",
        "..\\secret.txt",
        "....//secret.txt",
        "./../secret.txt",
        "..;/secret.txt",
        "../secret.txt%00",
        "../secret.txt%00.html",
        "%00",
        ".vite/manifest.json",
        "%2evite/manifest.json",
        "etc/passwd",
    ];
    for climb in climbs {
        for path in [format!("/{climb}"), format!("//{climb}"), format!("/x/../{climb}")] {
            for accept in ["*/*", NAVIGATES] {
                let answer = raw(edge, "GET", &path, accept).await;
                let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                assert!(!body.contains("secret") && !body.contains("root:"), "{path}: {answer}");
                // A browser's address is the page's to understand; a path that is none at all is refused before that.
                let is_page = accept == NAVIGATES && head.starts_with("HTTP/1.1 200 ") && body == INDEX;
                assert!(is_page || head.starts_with("HTTP/1.1 40"), "{path}: {answer}");
            }
        }
        for path in
            [format!("/assets/{climb}"), format!("/assets/../{climb}"), format!("/assets/../assets/../../{climb}")]
        {
            let answer = raw(edge, "GET", &path, NAVIGATES).await;
            assert!(answer.starts_with("HTTP/1.1 40") && !answer.contains("root:"), "{path}: {answer}");
        }
    }
}

#[tokio::test]
async fn requests_for_the_page_are_counted_apart() {
    let edge = Edge::with(&[&format!("--page-dir={}", folder().await.display())]).await;
    for (path, status) in [("/", 200), ("/assets/index-B2xYz.js", 200), ("/assets/old.js", 404), ("/v1", 200)] {
        assert_eq!(get(&edge, path).header(ACCEPT, NAVIGATES).send().await.unwrap().status(), status, "{path}");
    }
    let counted = async |route: &str, outcome: &str| {
        edge.count(&format!("sluice_edge_requests_total{{outcome=\"{outcome}\",route=\"{route}\"}}")).await
    };
    let counts =
        [counted("page", "answered").await, counted("page", "invalid").await, counted("other", "answered").await];
    assert!(counts.iter().zip([2.0, 1.0, 1.0]).all(|(count, expected)| (count - expected).abs() < 0.5), "{counts:?}");
}

#[tokio::test]
async fn a_folder_that_is_no_page_ends_the_start_in_one_sentence() {
    let bed = Bed::shared().await.unwrap();
    let folder = bed.folder().join(bed.unique("empty"));
    std::fs::create_dir_all(&folder).unwrap();
    for (folder, why) in [(folder.clone(), "holds no index.html"), (folder.join("missing"), "cannot be read")] {
        let edge = Edge::spawn(&[&format!("--page-dir={}", folder.display())]).await.unwrap();
        assert!(!edge.service.wait(SOON).await.unwrap().success());
        assert!(edge.service.log().contains(why), "{}", edge.service.log());
    }
}

#[tokio::test]
async fn a_listed_sites_page_reads_what_is_not_of_the_page_as_before() {
    let page = format!("--page-dir={}", folder().await.display());
    let edge = Edge::with(&[&page, "--cors-origins=https://shop.example"]).await;
    let index = get(&edge, "/").header("origin", "https://shop.example").send().await.unwrap();
    assert_eq!(header(&index, "access-control-allow-origin"), "https://shop.example");
    assert_eq!(varies(&index), "accept, origin");
    assert_eq!(index.json::<Value>().await.unwrap()["docs"], "/docs");
}
