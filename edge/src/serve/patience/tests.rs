use super::*;

const BOUND: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn an_answer_that_a_peer_never_takes_ends_its_connection_however_much_else_it_says() {
    let progress = Arc::new(Progress::default());
    let _stuck = progress.open(true).answered();
    // Other requests of the connection come and go; the clock is paused and jumps.
    let others = async {
        loop {
            drop(progress.open(true).answered());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = progress.untaken(BOUND) => {}
        () = others => {}
        () = tokio::time::sleep(2 * BOUND) => panic!("it was waited for"),
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_taken_and_endless_ones_end_nothing() {
    let progress = Arc::new(Progress::default());
    let _events = progress.open(true);
    let taken = async {
        for _ in 0..1_000 {
            let answer = progress.open(true).answered();
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(answer);
        }
    };
    tokio::select! {
        () = progress.untaken(BOUND) => panic!("it was ended"),
        () = taken => {}
    }
    let single = Arc::new(Progress::default());
    let _one = single.open(false).answered();
    let waited = tokio::time::timeout(10 * BOUND, single.untaken(BOUND)).await;
    assert!(waited.is_err(), "where one answer follows the other, writing is watched instead");
}
