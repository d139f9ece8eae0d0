use super::*;

fn cheap(password: &str, memory_kib: u32) -> String {
    let params = Params::new(memory_kib, 1, 1, None).unwrap();
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    hasher.hash_password(password.as_bytes()).unwrap().to_string()
}

fn password(text: &str) -> Password {
    Password(text.to_owned())
}

#[test]
fn a_hash_says_its_parameters_and_two_of_a_password_differ() {
    let (one, other) = (hash(b"correct horse").unwrap(), hash(b"correct horse").unwrap());
    assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
    assert_ne!(one, other);
    assert!(is_current(&PasswordHash::new(&one).unwrap()));
    acceptable(&one).unwrap();
}

#[tokio::test]
async fn only_the_password_that_was_hashed_fits() {
    let passwords = Passwords::new().unwrap();
    let stored = passwords.turn().await.unwrap().hash(password("correct horse")).await.unwrap();
    for (typed, expected) in [
        ("correct horse", Verdict::Right { renewed: None }),
        ("correct horse ", Verdict::Wrong),
        ("Correct horse", Verdict::Wrong),
        ("", Verdict::Wrong),
    ] {
        let turn = passwords.turn().await.unwrap();
        assert_eq!(turn.compare(password(typed), Some(stored.clone())).await.unwrap(), expected, "{typed:?}");
    }
}

#[test]
fn nothing_fits_nobody_and_it_is_hashed_as_everybody_is() {
    let passwords = Passwords::new().unwrap();
    assert!(is_current(&PasswordHash::new(&passwords.nobody).unwrap()), "an unknown account must cost the same time");
    assert_eq!(compare(b"anything", None, &passwords.nobody).unwrap(), Verdict::Wrong);
    // Even if somebody guessed what it is made of.
    let guessed = hash(b"guessed").unwrap();
    assert_eq!(compare(b"guessed", None, &guessed).unwrap(), Verdict::Wrong);
}

#[test]
fn who_signs_in_with_an_older_hash_is_hashed_anew() {
    let stored = cheap("correct horse", 64);
    let Verdict::Right { renewed: Some(renewed) } = compare(b"correct horse", Some(&stored), "").unwrap() else {
        panic!("not renewed")
    };
    assert_eq!(compare(b"correct horse", Some(&renewed), "").unwrap(), Verdict::Right { renewed: None });
    assert_eq!(compare(b"wrong", Some(&stored), "").unwrap(), Verdict::Wrong);
}

#[test]
fn a_hash_from_elsewhere_is_cheap_enough_to_compare_and_of_our_kind() {
    acceptable(&cheap("correct horse", 64)).unwrap();
    let wrong = [
        ("", "PHC"),
        ("hunter22", "PHC"),
        ("$2b$12$KIXl1J2Yc4nV1cU3Yb3mEe", "PHC"),
        ("$argon2i$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A", "Argon2id"),
        ("$argon2id$v=19$m=4096000,t=3,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A", "costs more"),
        ("$argon2id$v=19$m=4096,t=1,p=1$c29tZXNhbHQ", "needs a salt"),
    ];
    for (phc, rule) in wrong {
        let said = acceptable(phc).unwrap_err();
        assert!(said.contains(rule) && !said.contains("hunter22"), "{phc}: {said}");
    }
}

#[tokio::test]
async fn past_the_queue_the_answer_is_busy_at_once() {
    let passwords = Passwords::new().unwrap();
    let all = passwords.places.available_permits();
    let cores = passwords.cores.available_permits();
    let mut working = Vec::new();
    for _ in 0..cores {
        working.push(passwords.turn().await.unwrap());
    }
    let mut waiting: Vec<_> = (cores..all).map(|_| Box::pin(passwords.turn())).collect();
    for turn in &mut waiting {
        assert!(futures::poll!(turn).is_pending());
    }
    assert_eq!(passwords.turn().await.unwrap_err(), busy());
    working.pop();
    assert!(futures::poll!(&mut waiting[0]).is_ready(), "the first who waits is next");
    let mut last = Box::pin(passwords.turn());
    assert!(futures::poll!(&mut last).is_pending(), "a place is free again");
}

#[tokio::test]
async fn who_gives_up_does_not_make_room_while_the_work_goes_on() {
    let passwords = Passwords::new().unwrap();
    let cores = passwords.cores.available_permits();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let turn = passwords.turn().await.unwrap();
    let mut work = Box::pin(turn.work(move |_| {
        assert!(held.recv().is_err(), "nothing is ever sent");
        Ok(())
    }));
    assert!(futures::poll!(&mut work).is_pending());
    drop(work);
    assert_eq!(passwords.cores.available_permits(), cores - 1);
    drop(release);
    let freed = testbed::eventually(std::time::Duration::from_secs(10), "the core", async || {
        anyhow::ensure!(passwords.cores.available_permits() == cores, "still at work");
        Ok(())
    });
    freed.await.unwrap();
}
