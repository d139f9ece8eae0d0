use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;
use crate::metrics::Metrics;

fn certificate(year: i32) -> String {
    let mut params = CertificateParams::new(vec!["nats".to_owned()]).unwrap();
    params.not_after = date_time_ymd(year, 1, 1);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

fn credentials(claims: &str) -> String {
    let part = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
    let jwt = format!("{}.{}.c2lnbmF0dXJl", part("{\"typ\":\"JWT\"}"), part(claims));
    format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\nIMPORTANT: keep it. Really.\n\n\
         -----BEGIN USER NKEY SEED-----\nSUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU\n\
         ------END USER NKEY SEED------\n"
    )
}

#[test]
fn the_first_certificate_of_a_chain_to_end_is_what_counts() {
    let chain = [certificate(2040), certificate(2030), certificate(2035)].concat();
    assert_eq!(expires(Credential::NatsCa, chain.as_bytes()), Some(1_893_456_000));
    assert_eq!(expires(Credential::RedisCa, b"no certificate"), None);
}

#[test]
fn the_credentials_of_a_nats_user_end_when_its_jwt_says_so() {
    let ends = |claims: &str| expires(Credential::NatsUser, credentials(claims).as_bytes());
    assert_eq!(ends("{\"exp\":1893456000,\"sub\":\"U\"}"), Some(1_893_456_000));
    assert_eq!(ends("{\"sub\":\"U\"}"), None, "one that never ends");
    assert_eq!(expires(Credential::NatsUser, b"nothing of the kind"), None);
}

#[test]
fn a_file_that_is_replaced_is_seen_and_one_that_is_gone_is_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("user.creds");
    let metrics = Metrics::new("test", "0").unwrap();
    watch(&metrics, vec![(Credential::NatsUser, path.clone())]).unwrap();
    let text = || metrics.encode().unwrap();
    assert!(!text().contains("sluice_credential_expires"));
    for end in ["1893456000", "1893456001"] {
        std::fs::write(&path, credentials(&format!("{{\"exp\":{end}}}"))).unwrap();
        let line = format!("sluice_credential_expires_timestamp_seconds{{credential=\"nats-user\"}} {end}\n");
        assert!(text().contains(&line), "{}", text());
    }
    std::fs::remove_file(&path).unwrap();
    assert!(!text().contains("sluice_credential_expires"));
}
