use super::*;

#[test]
fn there_is_a_sample_of_every_refusal_and_every_denial() {
    let places = |of: fn(&Problem) -> Option<usize>| samples().iter().filter_map(of).collect::<BTreeSet<_>>();
    let refused =
        places(|problem| if let Problem::Refused(refusal) = problem { Some(refusal_place(refusal)) } else { None });
    let denied =
        places(|problem| if let Problem::Denied(denied) = problem { Some(denied_place(denied)) } else { None });
    assert_eq!(refused, (0..variants(&Refusal::schema()).len()).collect());
    assert_eq!(denied, (0..variants(&Denied::schema()).len()).collect());
}

#[test]
fn every_problem_has_a_sentence_and_one_schema() {
    let kinds = kinds();
    let schemas: BTreeSet<String> = kinds.iter().map(Kind::schema_name).collect();
    assert_eq!(schemas.len(), kinds.len());
    for kind in kinds {
        assert!(kind.about.ends_with('.'), "{}: {:?}", kind.name, kind.about);
    }
}

#[test]
fn a_refusals_schema_is_that_of_its_own_variant() {
    let kinds = kinds();
    let about = |name| kinds.iter().find(|kind| kind.name == name).map(|kind| kind.about.as_str());
    assert_eq!(about("sold-out"), Some("No unit is free or held."));
    assert_eq!(about("idempotency-key-reused"), Some("The idempotency key was used for another request."));
    assert_eq!(about("already-paid"), Some("The order is paid, or needed no payment."));
    assert_eq!(about("account-exists"), Some("Somebody has registered under this address already."));
}
