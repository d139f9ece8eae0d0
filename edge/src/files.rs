//! How many files, sockets among them, this process may have open.
//!
//! Container runtimes start programs with room for a thousand, which is what programs of old can bear, and let them ask for
//! more. An edge asks for its connections; where it may not have so many, it takes fewer and says so: a connection that
//! waits is better than one that is accepted into an error.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files besides the connections of shoppers: those to NATS and Redis, the log, keys that are read anew.
const BESIDES: u64 = 256;

/// Asks the system for room for so many connections; how many there is room for, at least one.
pub fn room_for(connections: u32) -> u32 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = u64::from(connections).saturating_add(BESIDES).min(maximum.unwrap_or(u64::MAX));
    let enough = current.is_none_or(|current| current >= wanted)
        || setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    let room = room(connections, if enough { Some(wanted) } else { current });
    if room < connections {
        tracing::warn!(
            connections.max = room,
            connections.wanted = connections,
            "the system allows too few open files for as many connections as were asked for"
        );
    }
    room
}

/// How many of these connections fit into so many files; nothing for as many as there may be.
fn room(connections: u32, files: Option<u64>) -> u32 {
    let room = files.map_or(u64::MAX, |files| files.saturating_sub(BESIDES).max(1));
    u32::try_from(room).unwrap_or(u32::MAX).min(connections)
}

#[cfg(test)]
mod tests;
