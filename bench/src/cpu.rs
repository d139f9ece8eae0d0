//! CPU time of everything that this process started, from procfs.

use std::collections::HashMap;

use anyhow::Context as _;

/// Clock ticks per second of procfs on Linux, `USER_HZ`: fixed by the kernel's interface on every architecture we run on.
const TICKS_PER_SECOND: f64 = 100.0;
/// CPU-seconds spent so far by all descendants of this process but these, by program.
pub(crate) fn spent(but: &[&str]) -> anyhow::Result<HashMap<String, f64>> {
    let mut sums = HashMap::new();
    for (_, name, seconds) in descendants()? {
        if !but.contains(&name.as_str()) {
            *sums.entry(name).or_insert(0.0) += seconds;
        }
    }
    Ok(sums)
}

/// Number, program and CPU-seconds of all descendants of this process.
pub(crate) fn descendants() -> anyhow::Result<Vec<(u32, String, f64)>> {
    let mut parents = HashMap::new();
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc").context("no procfs")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // A process may end between the listing and the reading.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((name, parent, ticks)) = parse(&stat) else { continue };
        parents.insert(pid, parent);
        all.push((pid, name, ticks / TICKS_PER_SECOND));
    }
    let own = std::process::id();
    all.retain(|(pid, ..)| {
        let mut ancestor = *pid;
        while let Some(parent) = parents.get(&ancestor).filter(|_| ancestor != own) {
            ancestor = *parent;
        }
        ancestor == own && *pid != own
    });
    Ok(all)
}

/// Name, parent, and ticks spent in user and system mode, of a line of `/proc/<pid>/stat` (proc(5)).
fn parse(stat: &str) -> Option<(String, u32, f64)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((name.to_owned(), fields.get(1)?.parse().ok()?, ticks(11)? + ticks(12)?))
}
