use serde_json::json;

use super::*;
use crate::app;
use crate::openapi::DOCUMENT;

#[test]
fn the_page_has_every_operation_every_problem_and_every_type_and_each_link_leads_somewhere() {
    let page = page(&DOCUMENT);
    let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), ids.len(), "an id twice");
    let links: Vec<&str> = page.split(" href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for link in &links {
        assert!(ids.contains(link), "{link} leads nowhere");
    }
    let operations: Vec<Operation<'_>> = Operation::all(&DOCUMENT).collect();
    assert_eq!(operations.len(), app::addresses().len());
    for operation in operations {
        assert!(links.contains(&operation.id().as_str()), "{} is not in the contents", operation.id());
    }
    for name in DOCUMENT["components"]["schemas"].as_object().unwrap().keys().filter(|name| *name != "Problem") {
        assert!(ids.contains(&format!("type-{}", html::id(name)).as_str()), "{name} is missing");
    }
}

#[test]
fn the_page_needs_nothing_but_its_style_sheet() {
    let page = page(&DOCUMENT);
    for never in ["<script", "<style", " style=\"", " on", "src=", "http-equiv", "@import"] {
        let found = page.match_indices(never).map(|(at, _)| page[at..].chars().take(40).collect::<String>());
        let markup: Vec<String> = found
            .filter(|text| {
                never != " on"
                    || text.split_once('=').is_some_and(|(name, _)| name.trim_start().chars().all(char::is_alphabetic))
            })
            .collect();
        assert!(markup.is_empty(), "{markup:?}");
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"), "nothing is loaded from anywhere");
}

#[test]
fn text_of_a_document_is_never_markup() {
    let evil = "<img src=x onerror=alert(1)>\"&`<b>`";
    let document = json!({
        "info": { "title": evil, "version": evil, "description": evil },
        "tags": [{ "name": evil, "description": evil }],
        "paths": { evil: { "get": { "operationId": evil, "tags": [evil], "summary": evil, "description": evil,
            "parameters": [{ "name": evil, "in": "query", "description": evil, "schema": { "pattern": evil, "type": evil } }],
            "responses": { "200": { "description": evil, "headers": { evil: { "description": evil } } } } } } },
        "components": { "schemas": { evil: { "description": evil, "properties": { evil: { "const": evil } } } } },
    });
    let page = page(&document);
    assert!(page.contains("&lt;img"), "{page}");
    assert!(!page.contains("<img") && !page.contains("<b>`") && !page.contains("\"&`"), "{page}");
}

#[test]
fn a_claim_with_curl_is_complete() {
    let page = page(&DOCUMENT);
    let claim = page.split("id=\"operation-claim\"").nth(1).unwrap().split("</article>").next().unwrap();
    for part in [
        "curl -X POST",
        "$SLUICE/v1/sales/aurora-3f2a9c1e/orders",
        "Bearer $TOKEN",
        "Idempotency-Key: 0198",
        "AUR-42-BLK",
    ] {
        assert!(claim.contains(part), "{part} is missing in {claim}");
    }
    assert!(claim.contains("href=\"#type-soldoutproblem\""), "{claim}");
}
