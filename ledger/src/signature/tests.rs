use super::*;

fn key(text: &str) -> SecretString {
    SecretString::from(text)
}

#[test]
fn it_is_the_hmac_that_everybody_computes() {
    // echo -n '1800000000.{"a":1}' | openssl dgst -sha256 -hmac 'a key that is long enough for this test'
    let signed = sign(&key("a key that is long enough for this test"), "1800000000", br#"{"a":1}"#);
    assert_eq!(signed.as_deref(), Some("6f690d40d6693da58228c0fb47940eb0f0f9cd1b97be696682e822672347a44b"));
}

#[test]
fn only_what_was_signed_with_one_of_the_keys_is_believed() {
    let keys = [key("the old key of the two, long enough"), key("the new key of the two, long enough")];
    for signer in &keys {
        let signed = sign(signer, "7", b"body").unwrap();
        assert!(verify(&keys, "7", b"body", &signed));
        assert!(!verify(&keys, "8", b"body", &signed), "another time");
        assert!(!verify(&keys, "7", b"Body", &signed), "another body");
        assert!(!verify(&keys[..0], "7", b"body", &signed), "nobody's key");
    }
    let stranger = sign(&key("a key that nobody here has, long enough"), "7", b"body").unwrap();
    assert!(!verify(&keys, "7", b"body", &stranger));
}
