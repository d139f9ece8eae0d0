use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{anyhow, bail};
use jiff::Timestamp;

use super::*;

const BOUND: Duration = Duration::from_secs(5);

fn process() -> Process {
    Process::new("sluice-test", "1.2.3", Clock::manual(Timestamp::UNIX_EPOCH)).unwrap()
}

async fn live(process: Process, start: impl AsyncFnOnce(Process) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let admin = admin::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let life = process.live(admin, pending(), BOUND, start);
    tokio::time::timeout(2 * BOUND, life).await.unwrap()
}

#[tokio::test]
async fn a_process_is_ready_when_its_start_has_returned_and_lives_until_it_is_stopped() {
    let finished = Arc::new(AtomicBool::new(false));
    let done = finished.clone();
    let ended = live(process(), async |process: Process| {
        assert!(!process.readiness.report().ready);
        let stopping = process.drain.stopping();
        process.drain.clone().spawn("lane", async move {
            while !process.readiness.report().ready {
                tokio::task::yield_now().await;
            }
            process.drain.stop();
            stopping.cancelled().await;
            done.store(true, Ordering::Relaxed);
            Ok(())
        });
        Ok(())
    });
    ended.await.unwrap();
    assert!(finished.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_task_that_fails_ends_the_process_with_its_error() {
    let ended = live(process(), async |process: Process| {
        process.drain.spawn("follower", async { Err(anyhow!("the stream is gone")) });
        let stopping = process.drain.stopping();
        process.drain.spawn("other", async move {
            stopping.cancelled().await;
            Ok(())
        });
        Ok(())
    });
    assert_eq!(format!("{:#}", ended.await.unwrap_err()), "task follower failed: the stream is gone");
}

#[tokio::test]
async fn a_start_that_fails_ends_the_process_after_its_tasks_had_their_time() {
    let finished = Arc::new(AtomicBool::new(false));
    let done = finished.clone();
    let ended = live(process(), async |process: Process| {
        let stopping = process.drain.stopping();
        process.drain.spawn("lane", async move {
            stopping.cancelled().await;
            done.store(true, Ordering::Relaxed);
            Ok(())
        });
        bail!("no such table")
    });
    assert_eq!(ended.await.unwrap_err().to_string(), "no such table");
    assert!(finished.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_start_that_waits_is_dropped_when_the_process_is_stopped() {
    let ended = live(process(), async |process: Process| {
        process.drain.stop();
        pending().await
    });
    ended.await.unwrap();
}

#[tokio::test]
async fn a_task_that_fails_while_the_process_starts_ends_it() {
    let ended = live(process(), async |process: Process| {
        process.drain.spawn("watch", async { bail!("no such bucket") });
        pending().await
    });
    assert_eq!(ended.await.unwrap_err().to_string(), "task watch failed: no such bucket");
}

#[tokio::test]
async fn a_process_whose_work_is_done_ends() {
    let ended = live(process(), async |process: Process| {
        process.drain.spawn("migrate", async { Ok(()) });
        Ok(())
    });
    ended.await.unwrap();
}
