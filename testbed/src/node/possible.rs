//! Whether a node can run on this machine.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::tool;

/// What a node needs from the kernel, tried in namespaces that end at once: `$1` is nft.
const TRY: &str = r#"
ip link add bed0 type bridge || { echo "no bridge can be made" >&2; exit 1; }
mount -t tmpfs tmpfs /var/tmp && mkdir /var/tmp/upper /var/tmp/work || exit 1
mount -t overlay overlay -o lowerdir=/var/log,upperdir=/var/tmp/upper,workdir=/var/tmp/work /var/log || exit 1
"$1" add table ip bed || exit 1
"#;

/// What starts containers, and would not expect us beside it.
const NEIGHBOURS: [&str; 2] = ["kubelet", "containerd"];

/// Whether a node can run here: root on Linux, with namespaces, and nobody else who runs containers.
///
/// # Errors
/// When it cannot: one sentence why. Tools that are not installed are no such reason, as `make tools` mends that.
pub fn possible() -> anyhow::Result<()> {
    ensure!(cfg!(target_os = "linux"), "containers need Linux");
    ensure!(rustix::process::geteuid().is_root(), "containers need root, and this is not root");
    ensure!(Path::new("/sys/fs/cgroup").is_dir(), "there are no control groups");
    for program in ["/usr/bin/unshare", "/usr/bin/nsenter"] {
        ensure!(Path::new(program).is_file(), "{program} is missing, which the package util-linux has");
    }
    if let Some(neighbour) = neighbour()? {
        bail!("somebody else runs containers on this machine: {neighbour}");
    }
    let Ok(nft) = tool::path("nft") else { return Ok(()) };
    let tried = Command::new("/usr/bin/unshare")
        .args(["--net", "--mount", "--propagation=private", "/bin/sh", "-c", TRY, "try"])
        .arg(nft)
        .stdin(Stdio::null())
        .output()
        .context("no namespace can be made")?;
    let complaint = String::from_utf8_lossy(&tried.stderr);
    ensure!(
        tried.status.success(),
        "the kernel refuses what containers need: {}",
        complaint.trim().replace('\n', "; ")
    );
    Ok(())
}

/// A process that runs containers and belongs to no bed.
fn neighbour() -> anyhow::Result<Option<String>> {
    for process in std::fs::read_dir("/proc")?.flatten().map(|entry| entry.path()) {
        let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
        let name = name.trim();
        if !NEIGHBOURS.contains(&name) {
            continue;
        }
        let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
        // Those of another bed have grounds of their own, and one that has ended but for its name is nobody's.
        if !command.is_empty() && !String::from_utf8_lossy(&command).contains("/sluice-bed-") {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}
