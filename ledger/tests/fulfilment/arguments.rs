//! What is wrong with the arguments is said in one sentence, before anything is waited for.

use std::time::Duration;

use crate::receiver::{KEY, NEXT_KEY, key_file};
use crate::shop::Shop;

/// What a ledger that cannot start says.
async fn refused(shop: &Shop, arguments: &[String]) -> String {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ledger = shop.ledger(0, &arguments);
    let status = ledger.service.wait(Duration::from_secs(20)).await.unwrap();
    assert!(!status.success());
    let log = ledger.service.log();
    let last = log.lines().rfind(|line| line.contains("ERROR")).unwrap_or_default();
    last.to_owned()
}

#[tokio::test]
async fn wrong_addresses_and_keys_are_told_without_showing_them() {
    let shop = Shop::of("wrong", 10).await;
    let key = format!("--webhook-key-file={}", key_file(&shop, KEY));
    let url = "--webhook-url=https://shop.example/?token=a-secret".to_owned();
    let file = |name: &str, text: &str| {
        let path = shop.bed.folder().join(format!("{}-{name}", shop.installation.name()));
        std::fs::write(&path, text).unwrap();
        format!("--webhook-key-file={}", path.display())
    };
    let three = format!("{key},{},{}", key_file(&shop, NEXT_KEY), key_file(&shop, KEY));
    let cases: Vec<(Vec<String>, &str)> = vec![
        (vec!["--webhook-url=http://shop.example/a-secret".to_owned(), key.clone()], "needs https://"),
        (vec!["--webhook-url=https://ann:a-secret@shop.example/".to_owned(), key.clone()], "a user or a password"),
        (vec!["--webhook-url=a-secret".to_owned(), key.clone()], "is no URL"),
        (vec!["--webhook-url=gopher://a-secret".to_owned(), key.clone()], "https://"),
        (vec![url.clone()], "needs --webhook-key-file"),
        (vec![key.clone()], "which is not given"),
        (vec![url.clone(), three], "two while it is rotated"),
        (vec![url.clone(), file("short", "a-secret")], "too short"),
        (vec![url.clone(), file("empty", "")], "is empty"),
        (vec![url.clone(), file("known", "changeme-changeme-changeme-changeme")], "everybody knows"),
        (vec![url.clone(), "--webhook-key-file=/nowhere/key".to_owned()], "cannot be read"),
        // Whoever only follows must not be told a wrong address either: it notes what others tell.
        (vec!["--webhook-url=http://shop.example/a-secret".to_owned(), "--roles=follow".to_owned()], "needs https://"),
    ];
    for (arguments, sentence) in cases {
        let told = refused(&shop, &arguments).await;
        assert!(told.contains(sentence) && !told.contains("a-secret"), "{arguments:?}: {told}");
    }
}
