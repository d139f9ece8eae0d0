use super::*;

fn error(err_code: u32, code: u32, description: &str) -> Outcome {
    let answer = serde_json::json!({
        "error": {"code": code, "err_code": err_code, "description": description}, "stream": "S", "seq": 0
    });
    read(answer.to_string().as_bytes(), Some("b"), 3)
}

#[test]
fn a_committed_batch_tells_the_revision_of_each_message() {
    let outcome = read(br#"{"stream":"S","seq":12,"batch":"b","count":3}"#, Some("b"), 3);
    let Outcome::Committed(committed) = outcome else { panic!("{outcome:?}") };
    let revisions: Vec<_> = (0..3).map(|i| committed.revision(i).0).collect();
    assert_eq!(revisions, [10, 11, 12]);
}

#[test]
fn an_answer_to_another_batch_or_of_another_length_is_unknown() {
    for answer in [
        r#"{"stream":"S","seq":12,"batch":"c","count":3}"#,
        r#"{"stream":"S","seq":12,"batch":"b","count":2}"#,
        r#"{"stream":"S","seq":12}"#,
        r#"{"stream":"S","seq":0,"batch":"b","count":3}"#,
        "",
        "[]",
        "{",
    ] {
        assert!(matches!(read(answer.as_bytes(), Some("b"), 3), Outcome::Unknown(_)), "{answer}");
    }
}

#[test]
fn a_failed_condition_names_the_last_revision_of_its_key() {
    assert_eq!(error(10_071, 400, "wrong last sequence: 41"), Outcome::Conflict(Some(Revision(41))));
    assert_eq!(error(10_071, 400, "wrong last sequence: 0"), Outcome::Conflict(None));
    assert_eq!(error(10_164, 400, "wrong last sequence"), Outcome::Conflict(None));
}

#[test]
fn a_passing_shortage_is_a_definite_no_and_a_misconfiguration_is_not_repeated() {
    for code in [10_176, 10_210, 10_002, 10_023] {
        assert!(matches!(error(code, 400, "x"), Outcome::NotTaken(_)), "{code}");
    }
    assert!(matches!(error(10_500, 503, "insufficient resources"), Outcome::NotTaken(_)));
    for code in [10_199, 10_174, 10_175, 10_177, 10_179, 10_200, 10_054, 10_097, 10_109] {
        assert!(matches!(error(code, 400, "x"), Outcome::Fault(_)), "{code}");
    }
}

#[test]
fn what_is_not_listed_is_unknown() {
    for code in [10_077, 10_999, 0] {
        assert!(matches!(error(code, 500, "x"), Outcome::Unknown(_)), "{code}");
    }
}
