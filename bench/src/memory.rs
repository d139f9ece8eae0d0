//! Memory of everything that this process started, from procfs.

use anyhow::Context as _;

use crate::cpu;

const KILOBYTES_PER_MEGABYTE: f64 = 1_024.0;

/// Megabytes of memory in use by all descendants of this name.
pub(crate) fn used_mb(program: &str) -> anyhow::Result<f64> {
    let mut kilobytes = 0.0;
    for (pid, name, _) in cpu::descendants()? {
        // A process may end between the listing and the reading.
        let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        if name == program {
            let used = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
            kilobytes += used.and_then(|used| used.parse::<f64>().ok()).context("a process without memory")?;
        }
    }
    Ok(kilobytes / KILOBYTES_PER_MEGABYTE)
}
