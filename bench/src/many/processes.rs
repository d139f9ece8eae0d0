//! What the processes that this one started use of the machine, by program, from procfs.

use std::collections::BTreeMap;

use crate::cpu;

/// CPU-seconds by program so far.
pub(crate) fn spent() -> anyhow::Result<BTreeMap<String, f64>> {
    Ok(cpu::spent(&[])?.into_iter().collect())
}

/// Milliseconds of CPU that each program spent in between for each of so many.
pub(crate) fn each(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>, count: f64) -> String {
    let spent = |name: &str, now: f64| (now - before.get(name).unwrap_or(&0.0)) / count * 1_000.0;
    let spent = after.iter().map(|(name, now)| (name, spent(name, *now))).filter(|(_, spent)| *spent >= 0.05);
    let told: Vec<_> = spent.map(|(name, spent)| format!("{name} {spent:.1} ms")).collect();
    told.join(", ")
}

/// Share of one core that each program used in between.
pub(crate) fn load(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>, seconds: f64) -> String {
    let share = |name: &str, now: f64| (now - before.get(name).unwrap_or(&0.0)) / seconds * 100.0;
    let loads = after.iter().map(|(name, now)| (name, share(name, *now))).filter(|(_, share)| *share >= 0.5);
    let told: Vec<_> = loads.map(|(name, share)| format!("{name} {share:.0} %")).collect();
    told.join(", ")
}
