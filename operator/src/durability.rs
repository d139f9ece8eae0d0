//! Whether a sale survives what it asks to survive: pure.
//!
//! **What it is for.** `Durable` answers one question: can the loss of one server, its power included, take an accepted
//! order away? Three things decide it. Where the copies are, and whether each has everything, is what the stream's leader
//! says ([`Kept`]). Whether a copy is on the disk before it is acknowledged, and whether its server is one that keeps
//! batches whole, only that server knows ([`Servers`]): it has to be asked itself.
//!
//! **What must always hold.** `True` is said only when every server that holds a copy was asked and gave the right
//! answer. What is known to be wrong is `False`, however much else is unknown. A server that does not answer is
//! `Unknown`, never `True`.
//!
//! **What it costs.** Nothing per sale: servers are asked for all sales together ([`monitor`]), and the leader's words
//! come with the look at the stream. A message has no number that moves by itself, or an idle sale would be written.
//!
//! **What is deliberately absent.** The tables of definitions and of statuses: losing them loses no order. Whether a disk
//! keeps what it says that it has synced, and whether servers share one: nobody asks a disk. Selling: a sale that is not
//! durable sells all the same, because whoever set it up that way may want it so.

use std::time::Duration;

use runtime::jetstream::{StreamInfo, StreamPeer};
use runtime::nats::{OLDEST, Version};

use crate::resource::RequiredSync;
use crate::status::{Known, no, unknown, yes};

pub mod monitor;

/// Copies from which on the loss of one server loses nothing.
const COPIES_MIN: u8 = 3;
/// Writes that a copy may be behind for as long as they travel.
const LAG_MAX: u64 = 1_000;
/// How long a copy may be silent: it is heard of every second.
const SILENT_MAX: Duration = Duration::from_secs(5);
/// How long a new leader takes at most to hear of every copy.
const ELECTED_WITHIN: Duration = Duration::from_secs(5);
/// Addresses without an answer that a message names; the others are counted.
const FAILURES_TOLD_MAX: usize = 3;

const COPY_MISSING: &str = "CopyMissing";
pub(crate) const NO_LEADER: &str = "NoLeader";
const NEW_LEADER: &str = "NewLeader";
const SERVER_SILENT: &str = "ServerNotAnswering";

/// How a stream is kept, as its leader says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Copies of every message.
    pub replicas: u8,
    /// Whether they are on disk.
    pub on_disk: bool,
    /// Name of the cluster that its servers are in.
    pub cluster: String,
    /// Name of the server that leads; nothing while none does.
    pub leader: Option<String>,
    /// The servers with the other copies.
    pub others: Vec<Replica>,
}

/// A copy that follows the leader's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Name of the server that it is on.
    pub server: String,
    /// How far it is.
    pub progress: Progress,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has everything that is committed, or only what is on its way is missing.
    Current,
    /// It has more to catch up with than what is on its way.
    Behind,
    /// The leader has not heard of it lately.
    Silent,
    /// The leader has given it up until it comes back.
    Offline,
    /// The leader is new and has not heard of it yet.
    Unheard,
}

impl From<&StreamInfo> for Kept {
    fn from(info: &StreamInfo) -> Self {
        let cluster = info.cluster.clone().unwrap_or_default();
        let leads_for =
            cluster.leader_since.zip(info.ts).and_then(|(since, ts)| (ts.duration_since(since)).try_into().ok());
        let new_leader = leads_for.is_some_and(|time: Duration| time < ELECTED_WITHIN);
        // A server that is about to join has nothing yet, and one that is about to leave will not have it.
        let others = cluster.replicas.iter().filter(|peer| !peer.pending);
        Self {
            replicas: info.config.num_replicas.max(1),
            on_disk: info.config.storage != "memory",
            cluster: cluster.name,
            leader: Some(cluster.leader).filter(|leader| !leader.is_empty()),
            others: others
                .map(|peer| Replica { server: peer.name.clone(), progress: progress(peer, new_leader) })
                .collect(),
        }
    }
}

fn progress(peer: &StreamPeer, new_leader: bool) -> Progress {
    let silent = Duration::from_nanos(u64::try_from(peer.active).unwrap_or_default());
    let progress = if peer.offline {
        Progress::Offline
    } else if silent > SILENT_MAX {
        Progress::Silent
    } else if !peer.current && peer.lag > LAG_MAX {
        Progress::Behind
    } else {
        Progress::Current
    };
    if progress != Progress::Current && new_leader { Progress::Unheard } else { progress }
}

/// What is known of the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Servers {
    /// Nobody said where they can be asked.
    NotConfigured,
    /// This process has just begun to ask them.
    NotAskedYet,
    /// What became of asking them.
    Asked {
        /// Those that answered, by name.
        answers: Vec<Server>,
        /// The addresses at which none did, and why.
        failures: Vec<Failure>,
    },
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Server {
    /// Its name, which is unique in its cluster.
    pub name: String,
    /// Name of its cluster; empty when it is on its own.
    pub cluster: String,
    /// Its version, as it spells it.
    pub version: String,
    /// When it syncs its disk.
    pub syncs: Syncs,
}

/// When a server syncs its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Syncs {
    /// Before it acknowledges a write.
    Always,
    /// From time to time.
    Every(Duration),
}

/// An address at which no server answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// As it was configured, with the address that a name stands for.
    pub address: String,
    /// Why.
    pub why: String,
}

/// What `Durable` says of a stream of which `copies` were asked for; `None` as long as the servers have not been asked.
#[must_use]
pub fn verdict(kept: &Kept, copies: u8, required: RequiredSync, servers: &Servers) -> Option<Known> {
    let of_copies = judge_copies(kept, copies);
    if of_copies.is_some() || required == RequiredSync::Relaxed {
        let replicated =
            || yes("Replicated", format!("{} copies; a power cut of all servers may lose seconds", kept.replicas));
        return Some(of_copies.unwrap_or_else(replicated));
    }
    match servers {
        Servers::NotAskedYet => None,
        Servers::NotConfigured => Some(unknown(
            "NotMonitored",
            format!(
                "{} copies; whether every server syncs each write is not known: set --nats-monitor-urls of the operator \
                 to the monitoring endpoint of every nats-server",
                kept.replicas
            ),
        )),
        Servers::Asked { answers, failures } => Some(judge_servers(kept, answers, failures)),
    }
}

/// Whether what a condition with this reason says may pass without anybody telling us.
#[must_use]
pub fn may_pass(reason: &str) -> bool {
    [COPY_MISSING, NO_LEADER, NEW_LEADER, SERVER_SILENT].contains(&reason)
}

/// What the copies alone decide, if they do.
fn judge_copies(kept: &Kept, copies: u8) -> Option<Known> {
    if !kept.on_disk {
        return Some(no("MemoryStorage", "the stream is kept in memory: a restart of the server loses the sale"));
    }
    if kept.replicas < copies {
        let now = kept.replicas;
        return Some(no(
            "FewerReplicas",
            format!("the stream is set to {now} of the {copies} copies it was made with"),
        ));
    }
    if kept.replicas < COPIES_MIN {
        return Some(no("SingleReplica", "the stream has one copy: losing its server's disk loses the sale"));
    }
    let Some(leader) = &kept.leader else {
        return Some(unknown(NO_LEADER, "no server leads the stream, so nobody knows how its copies are"));
    };
    let (all, mut trouble) = (usize::from(kept.replicas), Vec::new());
    for copy in &kept.others {
        trouble.push(match copy.progress {
            Progress::Current | Progress::Unheard => continue,
            Progress::Behind => format!("{} is more than {LAG_MAX} writes behind", copy.server),
            Progress::Silent => format!("{} was not heard of for {} s", copy.server, SILENT_MAX.as_secs()),
            Progress::Offline => format!("{} is offline", copy.server),
        });
    }
    let there = 1 + kept.others.len() - trouble.len();
    if kept.others.len() + 1 < all {
        trouble.push(format!("no server holds {} of them", all - 1 - kept.others.len()));
    }
    if !trouble.is_empty() {
        return Some(no(COPY_MISSING, format!("{there} of {all} copies are current: {}", trouble.join(", "))));
    }
    kept.others.iter().any(|copy| copy.progress == Progress::Unheard).then(|| {
        unknown(NEW_LEADER, format!("{leader} has just begun to lead the stream and has not heard of every copy"))
    })
}

/// What the servers that hold the copies decide.
fn judge_servers(kept: &Kept, answers: &[Server], failures: &[Failure]) -> Known {
    let mut names: Vec<&str> =
        kept.leader.iter().chain(kept.others.iter().map(|copy| &copy.server)).map(String::as_str).collect();
    names.sort_unstable();
    // Servers of another cluster may have the same names; a name that answers twice has to be right twice.
    let holding =
        || answers.iter().filter(|server| server.cluster == kept.cluster && names.contains(&server.name.as_str()));
    let old: Vec<_> = holding()
        .filter(|server| Version::parse(&server.version).is_none_or(|version| version < OLDEST))
        .map(|server| format!("{} is nats-server {}", server.name, server.version))
        .collect();
    if !old.is_empty() {
        return no("ServerTooOld", format!("{}: {OLDEST} or newer keeps what it acknowledged", old.join(", ")));
    }
    let late: Vec<_> = holding()
        .filter_map(|server| match server.syncs {
            Syncs::Always => None,
            Syncs::Every(pause) => Some(format!("{} (every {} s)", server.name, pause.as_secs_f64())),
        })
        .collect();
    if !late.is_empty() {
        return no(
            "SyncNotAlways",
            format!(
                "not every write is synced to the disk by {}: a power cut loses what they acknowledged since; set \
                 sync_interval: always in their jetstream block",
                late.join(", ")
            ),
        );
    }
    let missing: Vec<_> = names.iter().filter(|name| !holding().any(|server| server.name == **name)).copied().collect();
    if !missing.is_empty() {
        let (missing, why) = (missing.join(", "), unanswered(answers, failures));
        return unknown(SERVER_SILENT, format!("nobody knows how {missing} syncs, which has a copy: {why}"));
    }
    let mut versions: Vec<_> = holding().map(|server| server.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    yes(
        "EveryWriteSynced",
        format!(
            "{} copies, on {}; each syncs every write to its disk (nats-server {})",
            kept.replicas,
            names.join(", "),
            versions.join(", ")
        ),
    )
}

/// Why a server may be missing among the answers.
fn unanswered(answers: &[Server], failures: &[Failure]) -> String {
    let mut told: Vec<_> = failures
        .iter()
        .take(FAILURES_TOLD_MAX)
        .map(|Failure { address, why }| format!("no answer at {address}: {why}"))
        .collect();
    if failures.len() > FAILURES_TOLD_MAX {
        told.push(format!("and {} other addresses", failures.len() - FAILURES_TOLD_MAX));
    }
    let answered: Vec<_> = answers
        .iter()
        .map(|server| match server.cluster.as_str() {
            "" => server.name.clone(),
            cluster => format!("{} of cluster {cluster}", server.name),
        })
        .collect();
    told.push(match answered.as_slice() {
        [] => "no server answered".to_owned(),
        names => format!("answers came from {}", names.join(", ")),
    });
    told.join("; ")
}

#[cfg(test)]
mod tests;
