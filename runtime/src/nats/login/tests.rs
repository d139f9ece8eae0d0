use clap::Parser;

use super::*;

#[derive(Parser)]
struct Service {
    #[command(flatten)]
    nats: NatsArgs,
}

fn login(arguments: &[&str]) -> Login {
    Login::new(&Service::parse_from(std::iter::once(&"service").chain(arguments)).nats)
}

#[test]
fn nobody_in_particular_brings_no_secret() {
    let auth = login(&[]).auth(b"challenge").unwrap();
    assert!(auth.username.is_none() && auth.password.is_none() && auth.jwt.is_none() && auth.signature.is_none());
}

#[test]
fn a_password_that_is_replaced_is_used_at_the_next_connect() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "old\n").unwrap();
    let file = path.to_string_lossy();
    let login = login(&["--nats-user", "edge", "--nats-password-file", &file]);
    assert_eq!(login.auth(&[]).unwrap().password.as_deref(), Some("old"));
    std::fs::write(&path, "new\n").unwrap();
    assert_eq!(login.auth(&[]).unwrap().password.as_deref(), Some("new"));
}

#[test]
fn credentials_answer_a_challenge_with_a_signature_that_their_key_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edge.creds");
    let key = nkeys::KeyPair::new_user();
    let seed = key.seed().unwrap();
    std::fs::write(
        &path,
        format!(
            "-----BEGIN NATS USER JWT-----\nheader.claims.signature\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        ),
    )
    .unwrap();
    let login = login(&["--nats-credentials-file", &path.to_string_lossy()]);
    let auth = login.auth(b"challenge").unwrap();
    assert_eq!(auth.jwt.as_deref(), Some("header.claims.signature"));
    key.verify(b"challenge", &auth.signature.unwrap()).unwrap();

    std::fs::write(&path, "hunter2").unwrap();
    let error = login.auth(b"challenge").err().unwrap();
    assert!(matches!(error, Error::NotCredentials(_)));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
