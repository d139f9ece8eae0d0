//! `/openapi.json` and `/docs`

use edge::openapi::DOCUMENT;
use reqwest::Client;
use serde_json::Value;

use crate::shop::Edge;

#[tokio::test]
async fn the_document_is_served_as_it_is_and_whoever_has_it_is_told_so() {
    let edge = Edge::shared().await;
    let ask = |etag: &str| Client::new().get(edge.url("/openapi.json")).header("if-none-match", etag).send();
    let first = ask("\"another\"").await.unwrap();
    assert_eq!(
        (first.status().as_u16(), &first.headers()["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(first.headers()["cache-control"], "public, max-age=300");
    assert_eq!(first.json::<Value>().await.unwrap(), *DOCUMENT);
    let again = ask(&etag).await.unwrap();
    assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, etag.as_str()));
    assert_eq!(again.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn the_page_lets_nothing_in_but_its_own_style_sheet_which_is_there() {
    let edge = Edge::shared().await;
    let page = reqwest::get(edge.url("/docs")).await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"), "{policy}");
    let text = page.text().await.unwrap();
    assert!(text.contains("<link rel=\"stylesheet\" href=\"/docs/style.css\">"), "{text}");
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        for operation in operations.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap().to_lowercase();
            assert!(text.contains(&format!("href=\"#operation-{id}\"")), "{id} of {path} is not on the page");
        }
    }
    let style = reqwest::get(edge.url("/docs/style.css")).await.unwrap();
    assert_eq!(
        (style.status().as_u16(), &style.headers()["content-type"]),
        (200, &"text/css; charset=utf-8".parse().unwrap())
    );
}
