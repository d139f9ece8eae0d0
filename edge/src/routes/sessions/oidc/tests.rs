use super::*;

#[test]
fn a_browser_is_sent_on_to_a_path_of_ours_only() {
    for path in ["/", "/sales/aurora-1234abcd", "/a?b=c#d"] {
        assert!(is_path(path), "{path}");
    }
    let long = format!("/{}", "a".repeat(BACK_BYTES_MAX));
    for elsewhere in
        ["", "a", "//evil.example", "/\\evil.example", "https://evil.example", "/a b", "/\r\nSet-Cookie:a", &long]
    {
        assert!(!is_path(elsewhere), "{elsewhere:?}");
    }
}
