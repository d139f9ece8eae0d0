//! An installation with the shoppers' page and an issuer: somebody signs in at the issuer, comes back to the page, and buys.

use reqwest::Url;
use serde_json::{Value, json};
use testbed::Browser;
use testbed::installation::{Installation, Plan};

use super::{alone, answered, opened, sale};

const INDEX: &str = "<!doctype html><title>The shop</title>";

#[tokio::test]
async fn every_edge_serves_the_page_and_signs_people_in_by_the_issuer() {
    let (_guard, bed) = alone().await;
    let folder = bed.folder().join(bed.unique("page"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.html"), INDEX).unwrap();
    let mut plan = Plan::on(bed).await.unwrap();
    (plan.page, plan.issuer) = (Some(folder), true);
    let at = Installation::start(bed, plan).await.unwrap();
    let sale = opened(&at, &sale("lamp", 5)).await.unwrap();
    let (mut customers, mut orders) = (Vec::new(), Vec::new());
    for edge in &at.access().edges {
        let mut browser = Browser::new().unwrap();
        let view = browser.http.get(format!("{edge}/sales/{sale}")).header("accept", "text/html");
        assert_eq!(browser.send(view).await.unwrap().text().await.unwrap(), INDEX);
        let current = browser.http.get(format!("{edge}/v1/sessions/current"));
        let current: Value = browser.send(current).await.unwrap().json().await.unwrap();
        assert_eq!(current["ways"], json!({ "password": true, "oidc": true }));
        assert!(current.get("session").is_none(), "{current}");

        let begin = browser.http.get(format!("{edge}/v1/sessions/oidc?returnTo=/sales/{sale}"));
        let begin = browser.send(begin).await.unwrap();
        let there: Url = begin.headers()["location"].to_str().unwrap().parse().unwrap();
        assert!(there.as_str().starts_with(&at.issuer.as_ref().unwrap().url()), "{there}");
        let back = browser.sign_in(there, "ann", edge).await.unwrap();
        let returned = browser.send(browser.http.get(back)).await.unwrap();
        assert_eq!(returned.headers()["location"], format!("/sales/{sale}"));
        let me = browser.http.get(format!("{edge}/v1/me/account"));
        let me: Value = browser.send(me).await.unwrap().json().await.unwrap();
        assert_eq!((&me["email"], &me["name"]), (&"ann@people.example".into(), &"The ann".into()));
        customers.push(me["customer"].clone());

        let claim = browser.http.post(format!("{edge}/v1/sales/{sale}/orders")).header("idempotency-key", "lamp");
        let claim = claim.header("sec-fetch-site", "same-origin").json(&json!({ "sku": "UNIT", "quantity": 1 }));
        let (status, _, order) = answered(browser.with_cookies(claim)).await.unwrap();
        assert_eq!(status, 201, "{order}");
        assert_eq!(order["state"], "confirmed");
        orders.push(order["id"].clone());
    }
    assert_eq!((&customers[0], &orders[0]), (&customers[1], &orders[1]), "one person at both edges, with one order");
    at.stop().await.unwrap();
}
