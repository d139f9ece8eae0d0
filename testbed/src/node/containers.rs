//! containerd: what runs containers, and what images it has.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::{Grounds, PAUSE};
use crate::bed::Bed;
use crate::image::Archive;
use crate::process::Process;
use crate::tool;

/// How long taking in an image may take: a few megabytes are unpacked.
const IMPORT_BOUND: Duration = Duration::from_secs(60);

/// Where containerd listens.
pub(super) fn socket(grounds: &Grounds) -> PathBuf {
    grounds.folder().join("c.sock")
}

/// Starts containerd, and waits until it answers.
pub(super) async fn start(bed: &Bed, grounds: &Grounds) -> anyhow::Result<Process> {
    let folder = grounds.folder();
    let settings = folder.join("containerd.toml");
    std::fs::write(&settings, configuration(folder)?)?;
    std::fs::create_dir_all(folder.join("cni"))?;
    std::fs::write(folder.join("cni/10-bed.conflist"), network(folder))?;
    let program = grounds.program("containerd", &tool::path("containerd")?, ["--config", &text(&settings)?])?;
    // It looks for the shim beside itself and then in the search path.
    let process = Process::start(bed.folder(), program.searching(&folder_of("containerd-shim-runc-v2")?))?;
    let socket = socket(grounds);
    process.ready(async || Ok(UnixStream::connect(&socket)?)).await?;
    Ok(process)
}

/// Gives containerd an image, where the kubelet looks for it.
pub(super) async fn import(bed: &Bed, grounds: &Grounds, image: &Archive) -> anyhow::Result<()> {
    let name = bed.unique("image");
    let file = grounds.folder().join(format!("{name}.tar"));
    std::fs::write(&file, &image.bytes)?;
    let socket = text(&socket(grounds))?;
    let arguments = ["--address", &socket, "--namespace", "k8s.io", "images", "import", &text(&file)?];
    let process = Process::start(bed.folder(), grounds.program(&name, &tool::path("ctr")?, arguments)?)?;
    let status = process.wait(IMPORT_BOUND).await?;
    ensure!(status.success(), "the image {} was not taken in: {}", image.name, process.log().trim());
    Ok(std::fs::remove_file(file)?)
}

/// Its settings: everything below the folder, and our own pause image, as none can be fetched.
fn configuration(folder: &Path) -> anyhow::Result<String> {
    let n = text(folder)?;
    let plugins = text(&folder_of("cni-bridge")?)?;
    let runc = text(&tool::path("runc")?)?;
    Ok(format!(
        "version = 4
root = '{n}/root'
state = '{n}/state'
imports = []
[plugins.'io.containerd.server.v1.grpc']
  address = '{n}/c.sock'
[plugins.'io.containerd.server.v1.ttrpc']
  address = '{n}/c.sock.ttrpc'
[plugins.'io.containerd.shim.v1.manager']
  socket_dir = '{n}/s'
[plugins.'io.containerd.internal.v1.opt']
  path = '{n}/opt'
[plugins.'io.containerd.nri.v1.nri']
  # It would listen at one place for the whole machine, and start whatever plugins lie there.
  disable = true
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{PAUSE}'
[plugins.'io.containerd.cri.v1.runtime']
  # Without the capability to lower it for containers, which not every root has, no sandbox would start.
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['{plugins}']
  conf_dir = '{n}/cni'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = '{runc}'
  Root = '{n}/runc'
  SystemdCgroup = false
"
    ))
}

/// One bridge with all pods. It needs no packet filter.
fn network(folder: &Path) -> String {
    let addresses = json!({
        "type": "host-local",
        "dataDir": folder.join("addresses"),
        "ranges": [[{ "subnet": "10.244.0.0/24", "gateway": Grounds::HOST }]],
        "routes": [{ "dst": "0.0.0.0/0" }],
    });
    let bridge = json!({
        "type": "bridge",
        "bridge": "bed0",
        "isGateway": true,
        "hairpinMode": true,
        "ipMasq": false,
        "ipam": addresses,
    });
    json!({ "cniVersion": "1.0.0", "name": "bed", "plugins": [bridge] }).to_string()
}

/// The folder a tool lies in.
pub(super) fn folder_of(name: &str) -> anyhow::Result<PathBuf> {
    Ok(tool::path(name)?.parent().context("a tool lies in a folder")?.to_owned())
}

pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    Ok(path.to_str().context("a path of the node is no text")?.to_owned())
}
