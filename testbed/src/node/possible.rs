//! Whether a node can run on this machine.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::tool;

/// What a node needs from the kernel, tried in namespaces that end at once: `$1` is nft, `$2` a folder where beds are made.
const TRY: &str = r#"
ip link add bed0 type bridge || { echo "no bridge can be made" >&2; exit 1; }
mkdir "$2/upper" "$2/work" || exit 1
mount -t overlay overlay -o "lowerdir=/var/log,upperdir=$2/upper,workdir=$2/work" /var/log || exit 1
"$1" add table ip bed || exit 1
"#;

/// What a kubelet insists on in its control group, of what the kernel has.
const CONTROLLERS: [&str; 5] = ["cpu", "cpuset", "hugetlb", "memory", "pids"];

/// What starts containers, and would not expect us beside it.
const NEIGHBOURS: [&str; 2] = ["kubelet", "containerd"];

/// Whether a node can run here: root on Linux, with namespaces, and nobody else who runs containers.
///
/// # Errors
/// When it cannot: one sentence why.
pub fn possible() -> anyhow::Result<()> {
    ensure!(cfg!(target_os = "linux"), "containers need Linux");
    ensure!(rustix::process::geteuid().is_root(), "containers need root, and this is not root");
    ensure!(Path::new("/dev/kmsg").exists(), "the kubelet needs /dev/kmsg, which is not here");
    control_groups()?;
    for program in ["/usr/bin/unshare", "/usr/bin/nsenter"] {
        ensure!(Path::new(program).is_file(), "{program} is missing, which the package util-linux has");
    }
    if let Some(neighbour) = neighbour()? {
        bail!("somebody else runs containers on this machine: {neighbour}");
    }
    let nft = tool::path("nft")?;
    let below = tempfile::tempdir().context("no temporary folder can be made")?;
    let tried = Command::new("/usr/bin/unshare")
        .args(["--net", "--mount", "--propagation=private", "/bin/sh", "-c", TRY, "try"])
        .arg(nft)
        .arg(below.path())
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

/// Whether control groups can be made, with everything that a kubelet bounds.
fn control_groups() -> anyhow::Result<()> {
    let root = Path::new("/sys/fs/cgroup");
    let one_tree = root.join("cgroup.procs").is_file();
    if one_tree {
        let has = std::fs::read_to_string(root.join("cgroup.controllers"))?;
        let given = std::fs::read_to_string(root.join("cgroup.subtree_control"))?;
        let is_in = |list: &str, wanted: &str| list.split_whitespace().any(|one| one == wanted);
        let missing: Vec<_> = CONTROLLERS
            .into_iter()
            .filter(|one| is_in(&has, one) && !is_in(&given, one))
            .map(|one| format!("+{one}"))
            .collect();
        ensure!(
            missing.is_empty(),
            "control groups do not bound all that a kubelet bounds: as root, \
             `echo {} >/sys/fs/cgroup/cgroup.subtree_control`",
            missing.join(" ")
        );
    }
    let tried =
        if one_tree { root.to_owned() } else { root.join("pids") }.join(format!("sluice-try-{}", std::process::id()));
    std::fs::create_dir(&tried).and_then(|()| std::fs::remove_dir(&tried)).context("no control group can be made")
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
