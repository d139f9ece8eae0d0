use protocol::ask::people::{Password, SignIn};
use runtime::metrics::{Label as _, Metrics};

use super::*;

fn metrics() -> AnswerMetrics {
    AnswerMetrics::new(&Metrics::new("sluice-ledger", "0.0.0").unwrap()).unwrap()
}

#[test]
fn a_question_that_cannot_be_read_is_refused_without_quoting_it() {
    for payload in [
        &b""[..],
        b"{",
        b"[]",
        b"{\"v\":1}",
        b"{\"v\":1,\"email\":\"a@b.example\",\"password\":{\"hunter22\":1}}",
        b"{\"v\":1,\"email\":7,\"password\":\"hunter22\"}",
        b"{\"v\":1,\"email\":\"a@b.example\",\"password\":\"hunter22\",\"source\":\"hunter22\"}",
        b"\xff\xfe",
    ] {
        let Err(No::Invalid { field, rule }) = read::<SignIn>(payload) else { panic!("{payload:?} was read") };
        assert_eq!((field.as_str(), rule.as_str()), ("question", "not a valid sign-in"));
    }
    let deep = [b"{\"v\":1,\"email\":".as_slice(), "[".repeat(20_000).as_bytes()].concat();
    assert!(read::<SignIn>(&deep).is_err());
    let Err(No::Invalid { rule, .. }) = read::<SignIn>(&vec![b' '; QUESTION_BYTES_MAX + 1]) else { panic!("read") };
    assert!(rule.contains("32768 bytes"), "{rule}");
}

#[test]
fn a_question_of_a_newer_release_names_the_versions() {
    let Err(No::Invalid { field, rule }) = read::<SignIn>(b"{\"v\":2}") else { panic!("read") };
    assert_eq!(field, "v");
    assert!(rule.contains("version 2"), "{rule}");
}

#[test]
fn a_question_that_was_written_is_read() {
    let asked = SignIn { email: "a@b.example".to_owned(), password: Password("hunter22".to_owned()), source: None };
    assert_eq!(read::<SignIn>(&asked.encode()).unwrap().password, asked.password);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_done_is_unsettled_when_it_takes_too_long_and_what_only_reads_is_busy() {
    let (metrics, clock) = (metrics(), Clock::system());
    for verb in Verb::ALL {
        let (outcome, result) = bounded(verb, &metrics, &clock, std::future::pending::<Answer<()>>()).await;
        let expected = if changes(verb) { No::Unsettled } else { busy() };
        assert_eq!((outcome, result), (Outcome::Late, Err(expected)));
    }
}

#[tokio::test]
async fn a_postgres_that_is_away_is_busy_and_one_that_contradicts_is_not() {
    let (metrics, clock) = (metrics(), Clock::system());
    let away = async { Err::<(), _>(Failure::Rows(Error::Unavailable(sqlx::Error::PoolTimedOut))) };
    let (outcome, result) = bounded(Verb::Profile, &metrics, &clock, away).await;
    assert_eq!((outcome, result), (Outcome::Away, Err(No::Busy { retry_after_seconds: AWAY_SECONDS })));
    let broken = async { Err::<(), _>(Failure::Rows(Error::Broken("secret".to_owned()))) };
    let (outcome, result) = bounded(Verb::Profile, &metrics, &clock, broken).await;
    assert_eq!((outcome, result), (Outcome::Broken, Err(No::Unsettled)));
}

#[test]
fn every_verb_has_its_own_place_among_the_labels() {
    for (position, verb) in Verb::ALL.into_iter().enumerate() {
        assert_eq!((Asked(verb).position(), Asked::VALUES.get(position)), (position, Some(&Asked(verb))));
    }
}
