//! Where a node lives: a network and a mount namespace of its own, and control groups named after the bed.
//!
//! A sleeping process holds the namespaces; they end with the last process in them. Only the control groups outlive it,
//! which is why the warden knows their name: it is that of the bed's folder.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::outside::Outside;
use crate::process::{Process, Program};

const LAY_OUT: &str = include_str!("grounds.sh");

/// Joins the control group `$1`, whose processes the warden ends, and becomes the program.
const JOIN: &str = r#"echo $$ >"$1" && shift && exec "$@""#;

/// The namespaces of a node, and the way in.
#[derive(Debug)]
pub struct Grounds {
    holder: Process,
    folder: PathBuf,
    name: String,
    outside: Outside,
}

impl Grounds {
    /// The node's address, and that of every server of its bed.
    pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);

    /// Lays them out for the bed in the folder `bed`.
    pub(super) async fn start(bed: &Path, outside: Outside) -> anyhow::Result<Self> {
        // Paths of sockets end after a hundred characters, and those of containers take sixty-four.
        let folder = bed.join("n");
        std::fs::create_dir_all(&folder)?;
        let name = bed.file_name().and_then(|name| name.to_str()).context("a bed's folder has a name")?.to_owned();
        let place = folder.display().to_string();
        let host = Self::HOST.to_string();
        let arguments = ["--net", "--mount", "--propagation=private", "/bin/sh", "-c", LAY_OUT, "grounds"];
        let arguments = arguments.into_iter().chain([place.as_str(), &name, &host]);
        let holder = Process::start(bed, Program::new("grounds", PathBuf::from("/usr/bin/unshare"), arguments))?;
        holder
            .ready(async || {
                ensure!(folder.join("laid-out").exists(), "they are not laid out yet");
                Ok(())
            })
            .await?;
        Ok(Self { holder, folder, name, outside })
    }

    /// Moves this thread, and whatever it starts from now on, into the network.
    pub(super) fn enter(&self) -> anyhow::Result<()> {
        let network = File::open(self.namespace("net")?)?;
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
            .context("the network of the node cannot be entered")
    }

    /// A program that starts containers, or mounts for them: inside, and in a control group that the warden empties.
    pub(super) fn program<S: Into<String>>(
        &self,
        name: &str,
        path: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Program> {
        let mounts = format!("--mount={}", self.namespace("mnt")?);
        let program = path.display().to_string();
        let around = ["-c", JOIN, "join", &self.daemons(), "nsenter", &mounts, &program].map(str::to_owned);
        let arguments = around.into_iter().chain(arguments.into_iter().map(Into::into));
        Ok(Program::new(name, PathBuf::from("/bin/sh"), arguments))
    }

    /// The folder for everything of the node.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The control group above those of all pods, as the kubelet names it.
    pub(super) fn control_group(&self) -> String {
        format!("/{}", self.name)
    }

    pub(super) fn outside(&self) -> &Outside {
        &self.outside
    }

    fn namespace(&self, kind: &str) -> anyhow::Result<String> {
        let holder = self.holder.id().context("the namespaces have no holder")?;
        Ok(format!("/proc/{holder}/ns/{kind}"))
    }

    /// The control group of what runs beside pods. Processes cannot be in a group that has groups below it.
    fn daemons(&self) -> String {
        let one_tree = Path::new("/sys/fs/cgroup/cgroup.procs").exists();
        let tree = if one_tree { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/pids" };
        format!("{tree}/{}/daemons/cgroup.procs", self.name)
    }
}
