use super::*;

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, No>, expected: &str) {
    match result {
        Err(No::Invalid { field, .. }) => assert_eq!(field, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn addresses_are_compared_in_small_letters() {
    assert_eq!(email("Ann.Lee+Shoes@Example.COM").unwrap(), "ann.lee+shoes@example.com");
    assert_eq!(email("o'neil@a-b.co.example").unwrap(), "o'neil@a-b.co.example");
    let longest = format!("{}@{}.example", "a".repeat(64), ["b".repeat(63), "c".repeat(63), "d".repeat(53)].join("."));
    assert_eq!(longest.len(), EMAIL_BYTES_MAX);
    email(&longest).unwrap();
}

#[test]
fn what_is_no_address_is_refused() {
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long_label = format!("a@{}.com", "b".repeat(64));
    let too_long = format!("a@{}example.com", "b.".repeat(125));
    for text in [
        "",
        "ann",
        "@",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@.com",
        "ann@example.",
        "ann@-a.com",
        "ann@a-.com",
        "ann@exa mple.com",
        "an n@example.com",
        "ann@@example.com",
        "a@b@example.com",
        ".ann@example.com",
        "ann.@example.com",
        "a..b@example.com",
        "\"ann\"@example.com",
        "ann@[127.0.0.1]",
        "ann@example.com\n",
        "ann\0@example.com",
        "änn@example.com",
        "ann@exämple.com",
        "<ann@example.com>",
        "ann@example.com,b@example.com",
        &long_local,
        &long_label,
        &too_long,
    ] {
        refused(email(text), "email");
    }
}

#[test]
fn a_password_has_8_to_128_characters_whatever_they_weigh() {
    let password = |text: String| Password(text);
    refused(new_password(&password("1234567".to_owned())), "password");
    refused(new_password(&password("🦀".repeat(129))), "password");
    refused(new_password(&password("a".repeat(1_000_000))), "password");
    refused(new_password(&password("1234567\u{7}8".to_owned())), "password");
    for text in ["12345678".to_owned(), "🦀".repeat(8), "🦀".repeat(128), "with some spaces".to_owned()] {
        new_password(&password(text)).unwrap();
    }
    typed_password(&password("short".to_owned())).unwrap();
    refused(typed_password(&password("a".repeat(129))), "password");
}

#[test]
fn a_name_is_trimmed_and_an_empty_one_is_none() {
    assert_eq!(name(Some("  Ann Lee ")).unwrap().as_deref(), Some("Ann Lee"));
    assert_eq!(name(Some(" \t")).unwrap(), None);
    assert_eq!(name(None).unwrap(), None);
    assert_eq!(name(Some(&"é".repeat(100))).unwrap(), Some("é".repeat(100)));
    refused(name(Some(&"é".repeat(101))), "name");
    refused(name(Some("Ann\u{1b}[2J")), "name");
}

#[test]
fn what_another_issuer_says_is_made_to_fit_and_never_keeps_its_owner_out() {
    assert_eq!(foreign_email(Some("Ann@Example.com")).as_deref(), Some("ann@example.com"));
    assert_eq!(foreign_email(Some("ann at example")), None);
    assert_eq!(foreign_name(Some(&"x".repeat(500))).map(|name| name.len()), Some(100));
    assert_eq!(foreign_name(Some("An\0n\n")).as_deref(), Some("Ann"));
    assert_eq!(foreign_name(Some("\0")), None);
    foreign("subject", "248289761001").unwrap();
    for text in [String::new(), "a".repeat(256), "a\0b".to_owned()] {
        refused(foreign("subject", &text), "subject");
    }
}
