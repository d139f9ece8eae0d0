use super::*;

#[test]
fn tries_begin_a_few_at_a_time_and_never_more_than_allowed() {
    for concurrency in 1..64 {
        for under_way in 0..=concurrency {
            let now = free(concurrency, under_way, false);
            assert!(under_way + now <= concurrency);
            assert!(under_way > 0 || now == concurrency, "nothing under way: all of it may begin");
        }
    }
    assert_eq!((free(16, 12, false), free(16, 13, false), free(1, 0, false)), (4, 0, 1));
}

#[test]
fn while_nothing_is_taken_one_is_tried_at_a_time() {
    assert_eq!((free(16, 0, true), free(16, 1, true), free(16, 16, true)), (1, 0, 0));
}

fn away() -> Result<bool, Error> {
    Err(Error::Unavailable(sqlx::Error::PoolTimedOut))
}

/// What became of writing when each time goes as told, and the last one again and again; how often it was tried.
async fn writing(times: &[fn() -> Result<bool, Error>]) -> (Result<bool, Error>, usize) {
    let (clock, mut tried) = (Clock::system(), 0);
    let written = written(&clock, clock.monotonic() + WRITTEN_WITHIN, || {
        let ended = times[tried.min(times.len() - 1)]();
        tried += 1;
        async move { ended }
    });
    (written.await, tried)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_written_down_is_kept_and_written_later() {
    let (written, times) = writing(&[away, away, away, || Ok(true)]).await;
    assert!(matches!((written, times), (Ok(true), 4)));
    let (written, times) = writing(&[away, || Ok(false)]).await;
    assert!(matches!((written, times), (Ok(true), 2)), "the first time wrote it, and nobody heard of that");
    let (written, times) = writing(&[|| Ok(false)]).await;
    assert!(matches!((written, times), (Ok(false), 1)), "the lease was somebody else's by then");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_written_down_is_thrown_away_before_its_lease_is_over() {
    let clock = Clock::system();
    let began = clock.monotonic();
    let (written, times) = writing(&[away]).await;
    assert!(matches!(written, Err(Error::Unavailable(_))) && times > 10);
    let waited = clock.monotonic() - began;
    assert!((ANSWER_WITHIN..LEASE).contains(&waited), "{waited:?}");
    let (written, times) = writing(&[|| Err(Error::Broken("a check".to_owned()))]).await;
    assert!(matches!((written, times), (Err(Error::Broken(_)), 1)), "the same again fails again");
}
