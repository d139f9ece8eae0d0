use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const BOUND: Duration = Duration::from_secs(25);

#[tokio::test(start_paused = true)]
async fn the_drain_awaits_what_is_under_way() {
    let (drain, finished) = (Drain::new(), Arc::new(AtomicBool::new(false)));
    let (stopping, done) = (drain.stopping(), finished.clone());
    drain.spawn("lane", async move {
        stopping.cancelled().await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        done.store(true, Ordering::Relaxed);
        Ok(())
    });
    drain.finish(BOUND).await.unwrap();
    assert!(finished.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn the_drain_waits_no_longer_than_its_bound_and_names_who_is_late() {
    let drain = Drain::new();
    for name in ["follower", "lane", "lane", "quick"] {
        let stopping = drain.stopping();
        drain.spawn(name, async move {
            stopping.cancelled().await;
            if name == "quick" { Ok(()) } else { std::future::pending().await }
        });
    }
    drain.tasks().spawn(std::future::pending::<()>());
    let start = crate::clock::Clock::system().monotonic();
    let error = drain.finish(BOUND).await.unwrap_err();
    assert_eq!(start.elapsed(), BOUND);
    assert_eq!(error.to_string(), "after 25 s of draining still at work: follower, 2 × lane, 1 unnamed");
}

#[tokio::test]
async fn a_task_that_fails_stops_the_others_and_its_error_is_the_processs() {
    let drain = Drain::new();
    let stopping = drain.stopping();
    drain.spawn("lane", async move {
        stopping.cancelled().await;
        Ok(())
    });
    drain.spawn("follower", async { Err(anyhow::anyhow!("the cursor moved").context("cannot follow")) });
    drain.ending().await;
    let error = drain.finish(BOUND).await.unwrap_err();
    assert_eq!(error.to_string(), "task follower failed: cannot follow: the cursor moved");
}

#[tokio::test]
async fn a_task_that_panics_stops_the_process() {
    let drain = Drain::new();
    drain.spawn("lane", async { panic!("{} is not {}", 1, 2) });
    let stopping = drain.stopping();
    drain.spawn("other", async move {
        stopping.cancelled().await;
        Ok(())
    });
    drain.ending().await;
    let error = drain.finish(BOUND).await.unwrap_err();
    assert_eq!(error.to_string(), "task lane panicked: 1 is not 2");
}

#[tokio::test]
async fn the_first_failure_is_the_one_that_counts() {
    let drain = Drain::new();
    drain.spawn("first", async { anyhow::bail!("first") });
    let stopping = drain.stopping();
    drain.spawn("second", async move {
        stopping.cancelled().await;
        anyhow::bail!("second")
    });
    assert_eq!(drain.finish(BOUND).await.unwrap_err().to_string(), "task first failed: first");
}

#[tokio::test]
async fn a_failure_during_the_drain_is_not_lost() {
    let drain = Drain::new();
    let stopping = drain.stopping();
    drain.spawn("follower", async move {
        stopping.cancelled().await;
        anyhow::bail!("the last batch was not posted")
    });
    assert!(matches!(drain.finish(BOUND).await, Err(Error::Failed { .. })));
}

#[tokio::test]
async fn a_process_whose_last_task_has_returned_ends() {
    let drain = Drain::new();
    drain.spawn("migrate", async { Ok(()) });
    tokio::time::timeout(BOUND, drain.ending()).await.unwrap();
    drain.finish(BOUND).await.unwrap();
}

#[tokio::test]
async fn a_task_without_supervision_may_panic_and_is_awaited_all_the_same() {
    let (drain, finished) = (Drain::new(), Arc::new(AtomicBool::new(false)));
    let (stopping, done) = (drain.stopping(), finished.clone());
    drain.tasks().spawn(async { panic!("one connection of many") });
    drain.tasks().spawn(async move {
        stopping.cancelled().await;
        done.store(true, Ordering::Relaxed);
    });
    drain.finish(BOUND).await.unwrap();
    assert!(finished.load(Ordering::Relaxed));
}
