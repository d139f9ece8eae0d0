use std::path::Path;

use clap::{CommandFactory as _, Parser};

use super::*;

#[derive(Parser)]
struct Service {
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    nats: NatsArgs,
}

fn parse(arguments: &[&str]) -> Result<Service, clap::Error> {
    Service::try_parse_from(std::iter::once(&"service").chain(arguments))
}

fn secret(folder: &Path, content: impl AsRef<[u8]>) -> SecretFile {
    let path = folder.join("secret");
    std::fs::write(&path, content).unwrap();
    path.into()
}

#[test]
fn a_service_needs_no_argument() {
    Service::command().debug_assert();
    let service = parse(&[]).unwrap();
    assert_eq!(service.process.log_format, LogFormat::Text);
    assert_eq!(service.process.drain_bound(), Duration::from_secs(25));
    assert!(!service.process.dev);
    assert_eq!(service.nats.nats_url.len(), 1);
    assert_eq!(service.nats.installation.sales_bucket(), "sales");
}

#[test]
fn an_installation_has_tables_of_its_own() {
    let service = parse(&["--installation", "blue"]).unwrap();
    assert_eq!(service.nats.installation.sales_bucket(), "blue_sales");
    assert!(parse(&["--installation", "no.dots"]).is_err());
}

#[test]
fn servers_are_separated_by_commas_and_checked_at_the_door() {
    let service = parse(&["--nats-url", "nats://a:4222,tls://b:4223"]).unwrap();
    let hosts: Vec<&str> = service.nats.nats_url.iter().map(|server| server.host()).collect();
    assert_eq!(hosts, ["a", "b"]);
    assert!(parse(&["--nats-url", "ftp://a"]).is_err());
}

#[test]
fn a_user_needs_a_password_and_excludes_credentials() {
    assert!(parse(&["--nats-user", "edge"]).is_err());
    assert!(parse(&["--nats-password-file", "p"]).is_err());
    assert!(parse(&["--nats-user", "edge", "--nats-password-file", "p"]).is_ok());
    assert!(parse(&["--nats-user", "edge", "--nats-password-file", "p", "--nats-credentials-file", "c"]).is_err());
}

#[test]
fn a_clock_can_be_moved_back_by_a_hidden_flag() {
    let service = parse(&["--clock-offset-ms", "-600000"]).unwrap();
    assert_eq!(service.process.clock_offset(), SignedDuration::from_mins(-10));
    assert!(!Service::command().render_long_help().to_string().contains("clock-offset"));
}

#[test]
fn a_secret_is_read_without_the_white_space_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let secret = secret(folder.path(), "  pass word \n").read().unwrap();
    assert_eq!(secret.expose_secret(), "pass word");
}

#[test]
fn a_secret_that_is_replaced_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = secret(folder.path(), "old");
    assert_eq!(file.read().unwrap().expose_secret(), "old");
    secret(folder.path(), "new");
    assert_eq!(file.read().unwrap().expose_secret(), "new");
}

#[test]
fn a_secret_may_have_64_kib_and_not_a_byte_more() {
    let folder = tempfile::tempdir().unwrap();
    assert!(secret(folder.path(), vec![b'x'; SECRET_BYTES_MAX]).read().is_ok());
    let larger = secret(folder.path(), vec![b'x'; SECRET_BYTES_MAX + 1]);
    assert!(matches!(larger.read(), Err(SecretError::TooLarge(_))));
}

#[test]
fn an_error_names_the_file_and_never_the_content() {
    let folder = tempfile::tempdir().unwrap();
    let missing = SecretFile::from(folder.path().join("missing"));
    assert!(missing.read().unwrap_err().to_string().contains("missing"));

    let known = secret(folder.path(), "changeit");
    let error = known.read_unless_known(&["changeit"], false).unwrap_err();
    assert!(error.to_string().contains(&known.to_string()));
    assert!(!format!("{error} {error:?}").contains("changeit"));

    let binary = secret(folder.path(), b"hunter2\xff").read().unwrap_err();
    assert!(matches!(binary, SecretError::NotText(_)));
    assert!(!format!("{binary:?}").contains("hunter2"));

    let blank = secret(folder.path(), " \n").read().unwrap_err();
    assert!(matches!(blank, SecretError::Empty(_)));
}

#[test]
fn a_known_default_is_accepted_for_a_demonstration_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = secret(folder.path(), "changeit\n");
    assert!(file.read_unless_known(&["changeit"], true).is_ok());
    assert!(file.read_unless_known(&["changeit"], false).is_err());
    assert!(file.read_unless_known(&["other"], false).is_ok());
}

#[test]
fn a_key_is_long_enough_and_from_no_example() {
    let folder = tempfile::tempdir().unwrap();
    let file = secret(folder.path(), "k".repeat(KEY_BYTES_MIN - 1));
    assert!(matches!(file.read_key(true), Err(SecretError::Short(_))));
    let file = secret(folder.path(), "k".repeat(KEY_BYTES_MIN));
    assert_eq!(file.read_key(false).unwrap().expose_secret().len(), KEY_BYTES_MIN);
    for known in KNOWN_KEYS {
        let file = secret(folder.path(), known);
        assert!(matches!(file.read_key(false), Err(SecretError::Known(_))), "{known}");
        assert!(file.read_key(true).is_ok(), "{known}");
    }
}
