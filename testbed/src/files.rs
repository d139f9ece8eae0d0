//! How many files, sockets among them, this process and those that it starts may have open at a time.
//!
//! Most systems allow a thousand unless a program asks for more, and allow it to ask. Thousands of connections need more on
//! both sides.

use anyhow::{Context as _, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files besides these connections: a crowd alone has up to 8,192.
const BESIDES: u64 = 10_000;
/// What servers of a bed are allowed, if the system does. Not "as many as there may be": some programs make a table of them.
const SERVERS: u64 = 65_536;

/// Allows this process so many connections that stay open.
///
/// # Errors
/// When the system does not; the sentence says what to do.
pub(crate) fn allow(connections: usize) -> anyhow::Result<()> {
    let wanted = u64::try_from(connections)?.saturating_add(BESIDES);
    let maximum = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    ensure!(
        wanted <= maximum,
        "{connections} connections need {wanted} open files and the system allows {maximum}: \
         as root, `prlimit --pid $$ --nofile={wanted}` raises it for a shell"
    );
    raise(wanted)
}

/// Allows the servers that are started from now on as many as they may need, or as many as the system lets them have.
pub(crate) fn allow_servers() -> anyhow::Result<()> {
    raise(SERVERS)
}

fn raise(wanted: u64) -> anyhow::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = wanted.min(maximum.unwrap_or(u64::MAX));
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).context("cannot open more files")?;
    }
    Ok(())
}
