use super::*;

#[test]
fn an_address_has_tls_or_is_this_machine_or_a_demonstration() {
    for (text, plain) in [
        ("https://shop.example/orders?token=abc", false),
        ("http://127.0.0.1:8080/", false),
        ("http://[::1]:8080/", false),
        ("http://localhost/orders", false),
        ("http://fulfilment.shop.svc/orders", true),
    ] {
        assert_eq!(address(text, plain).unwrap().as_str(), text, "{text}");
    }
}

#[test]
fn a_wrong_address_is_refused_in_one_sentence_that_does_not_show_it() {
    for (text, rule) in [
        ("http://fulfilment.example/secret", "needs https"),
        ("http://127.0.0.1.example.com/secret", "needs https"),
        ("http://localhost.example.com/secret", "needs https"),
        ("http://169.254.169.254/secret", "needs https"),
        ("https://ann:secret@shop.example/", "user or a password"),
        ("https://secret@shop.example/", "user or a password"),
        ("ftp://shop.example/secret", "https://"),
        ("file:///secret", "https://"),
        ("shop.example/secret", "no URL"),
        ("https://", "no URL"),
        ("", "no URL"),
    ] {
        let told = address(text, false).unwrap_err().to_string();
        assert!(told.contains(rule) && !told.contains("secret") && told.lines().count() == 1, "{text}: {told}");
    }
}
