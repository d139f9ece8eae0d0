//! Waiting for a condition instead of for time to pass.

use std::time::Duration;

use anyhow::bail;

/// The first pause between two looks; each further one is half as long again.
const PAUSE_FIRST: Duration = Duration::from_millis(2);
/// The longest pause between two looks: what a wait may add to a test that could have gone on.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Asks `check` until it returns a value, for at most `bound`.
///
/// While the condition does not hold yet, `check` returns an error that describes the state it saw, which is what
/// `anyhow::ensure!(free == 0, "free is {free}")` does. The error of a wait in vain names `what` was awaited and the last
/// state seen. A check that hangs is bounded as well.
///
/// # Errors
/// When the condition did not come true within `bound`.
pub async fn eventually<T, C, F>(bound: Duration, what: &str, mut check: C) -> anyhow::Result<T>
where
    C: FnMut() -> F,
    F: Future<Output = anyhow::Result<T>>,
{
    let mut seen = None;
    let looking = async {
        let mut pause = PAUSE_FIRST;
        loop {
            match check().await {
                Ok(value) => return value,
                Err(state) => seen = Some(state),
            }
            tokio::time::sleep(pause).await;
            pause = (pause + pause / 2).min(PAUSE_MAX);
        }
    };
    if let Ok(value) = tokio::time::timeout(bound, looking).await {
        return Ok(value);
    }
    match seen {
        Some(state) => bail!("waited {bound:?} for {what}; last seen: {state:#}"),
        None => bail!("waited {bound:?} for {what}; the first look never ended"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use anyhow::ensure;

    use super::eventually;

    #[tokio::test(start_paused = true)]
    async fn a_condition_that_comes_true_ends_the_wait_with_its_value() {
        let looks = Cell::new(0);
        let value = eventually(Duration::from_secs(5), "three looks", async || {
            looks.set(looks.get() + 1);
            ensure!(looks.get() == 3, "{} looks", looks.get());
            Ok("there")
        })
        .await
        .unwrap();
        assert_eq!(value, "there");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_in_vain_tells_what_was_awaited_and_what_was_seen() {
        let failed = eventually(Duration::from_secs(5), "an empty bucket", async || {
            ensure!(false, "free is 7");
            Ok(())
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "waited 5s for an empty bucket; last seen: free is 7");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_bounded_too() {
        let failed = eventually(Duration::from_secs(5), "an answer", std::future::pending::<anyhow::Result<()>>);
        assert_eq!(failed.await.unwrap_err().to_string(), "waited 5s for an answer; the first look never ended");
    }
}
