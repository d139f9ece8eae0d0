//! What happens to the operators: one thing at a time, so that one of the two can always take over.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use testbed::eventually;
use testbed::installation::{Installation, Member};
use tokio::sync::Mutex;

use super::script::Trouble;
use crate::rush::Rush;

/// How long nobody may act after the one who did is gone: its Lease and some looks at it.
const TAKEOVER_BOUND: Duration = Duration::from_secs(60);
/// Claims that are answered while an operator sleeps for a moment.
const CLAIMS_MEANWHILE: usize = 40;

const LEADS: &str = "sluice_operator_leader";

/// Both operators of an installation.
pub(super) struct Operators<'a> {
    at: &'a Installation,
    one_at_a_time: Mutex<()>,
}

impl<'a> Operators<'a> {
    pub(super) fn of(at: &'a Installation) -> Self {
        Self { at, one_at_a_time: Mutex::new(()) }
    }

    /// Does it, and leaves two that run.
    pub(super) async fn suffer(&self, trouble: Trouble, rush: &Rush) -> anyhow::Result<()> {
        let _alone = self.one_at_a_time.lock().await;
        let (leader, follower) = self.roles().await?;
        match trouble {
            Trouble::KillLeader => killed(leader).await,
            Trouble::KillFollower => killed(follower).await,
            Trouble::RestartLeader => restarted(leader).await,
            Trouble::RestartFollower => restarted(follower).await,
            Trouble::PauseLeader => asleep(leader, rush.goes_on(CLAIMS_MEANWHILE)).await,
            Trouble::PauseFollower => asleep(follower, rush.goes_on(CLAIMS_MEANWHILE)).await,
            Trouble::DeposeLeader => asleep(leader, leads(follower)).await,
        }
        .with_context(|| format!("{trouble:?}"))
    }

    /// Who acts, and who waits.
    async fn roles(&self) -> anyhow::Result<(&'a Member, &'a Member)> {
        eventually(TAKEOVER_BOUND, "an operator that acts", async || {
            let mut roles = (None, None);
            for member in self.at.operators() {
                let acts = member.metric(LEADS).await? > 0.0;
                *(if acts { &mut roles.0 } else { &mut roles.1 }) = Some(member);
            }
            let (Some(leader), Some(follower)) = roles else { bail!("it is not one of two") };
            Ok((leader, follower))
        })
        .await
    }
}

async fn leads(member: &Member) -> anyhow::Result<()> {
    eventually(TAKEOVER_BOUND, "the other operator to act", async || {
        ensure!(member.metric(LEADS).await? > 0.0, "it waits");
        Ok(())
    })
    .await
}

async fn killed(member: &Member) -> anyhow::Result<()> {
    member.service.kill9().await?;
    member.service.restart()?;
    member.ready().await
}

async fn restarted(member: &Member) -> anyhow::Result<()> {
    member.service.stop().await?;
    member.service.restart()?;
    member.ready().await
}

async fn asleep(member: &Member, meanwhile: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    member.service.pause()?;
    let done = meanwhile.await;
    member.service.resume()?;
    done
}
