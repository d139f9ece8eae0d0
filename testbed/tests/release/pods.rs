//! The pods of the release, and what is done to them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use testbed::installation::RELEASE_NAMESPACE;
use testbed::kubernetes::Kubernetes;
use testbed::{Bed, eventually};

/// What the programs of the release are called.
const PROGRAMS: [&str; 3] = ["sluice-operator", "sluice-edge", "sluice-ledger"];
/// How long an autoscaler may take: it looks every 15 s, at numbers that are some seconds old, and takes away one pod a minute.
const AUTOSCALER_BOUND: Duration = Duration::from_secs(240);
/// How a program ends that the kernel ends. Nobody else does that here.
const KILLED: u64 = 137;
/// Nobody, who runs them.
const NOBODY: &str = "65532";

/// The pods of the release.
pub(crate) struct Pods<'bed> {
    kubernetes: &'bed Kubernetes,
    /// In every control group of the bed.
    bed: String,
}

impl<'bed> Pods<'bed> {
    pub(crate) async fn of(bed: &'bed Bed) -> anyhow::Result<Self> {
        let folder = bed.folder().file_name().and_then(|name| name.to_str()).context("a bed's folder has a name")?;
        Ok(Self { kubernetes: bed.kubernetes().await?, bed: folder.to_owned() })
    }

    async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.kubernetes.kubectl(&[&["--namespace", RELEASE_NAMESPACE], arguments].concat(), None).await
    }

    /// Those of a component that are not about to end.
    async fn list(&self, component: &str) -> anyhow::Result<Vec<Value>> {
        let selector = format!("app.kubernetes.io/component={component}");
        let list: Value = serde_json::from_str(&self.kubectl(&["get", "pods", "-l", &selector, "-o", "json"]).await?)?;
        let pods = list["items"].as_array().context("a list has items")?;
        Ok(pods.iter().filter(|pod| pod["metadata"].get("deletionTimestamp").is_none()).cloned().collect())
    }

    /// Deletes a pod, and does not wait for its end.
    pub(crate) async fn delete(&self, pod: &str) -> anyhow::Result<()> {
        self.kubectl(&["delete", "pod", pod, "--wait=false"]).await.map(drop)
    }

    /// Deletes one pod of a component.
    pub(crate) async fn delete_one(&self, component: &str) -> anyhow::Result<()> {
        let pods = self.list(component).await?;
        let name = pods.first().and_then(|pod| pod["metadata"]["name"].as_str()).context("no pod to delete")?;
        self.delete(name).await
    }

    /// The operator that holds the Lease.
    pub(crate) async fn acting_operator(&self) -> anyhow::Result<String> {
        let holder = ["get", "lease", "sluice-operator", "-o", "jsonpath={.spec.holderIdentity}"];
        Ok(self.kubectl(&holder).await?.trim().to_owned())
    }

    /// Waits until a component has the pods that it should have, and all of them are ready.
    pub(crate) async fn all_ready(&self, component: &str) -> anyhow::Result<()> {
        let deployment = format!("deployment/sluice-{component}");
        self.kubectl(&["rollout", "status", &deployment, "--timeout=90s"]).await.map(drop)
    }

    /// Waits until an autoscaler has found that a component needs so many pods, and all of them are ready.
    pub(crate) async fn are_ready(&self, component: &str, count: usize) -> anyhow::Result<()> {
        let deployment = format!("deployment/sluice-{component}");
        eventually(AUTOSCALER_BOUND, "an autoscaler to have decided", async || {
            let status: Value = serde_json::from_str(&self.kubectl(&["get", &deployment, "-o", "json"]).await?)?;
            let is = |field: &str| status["status"][field].as_u64().unwrap_or(0) == count as u64;
            ensure!(is("replicas") && is("readyReplicas"), "{}", status["status"]);
            Ok(())
        })
        .await
    }

    /// Drains the node of a component, as before maintenance, and gives it back as soon as the first pod has gone: with one
    /// node, the others may only go once there is a new one.
    pub(crate) async fn drain(&self, component: &str) -> anyhow::Result<()> {
        let before = names(&self.list(component).await?);
        let selector = format!("--pod-selector=app.kubernetes.io/component={component}");
        let drain = ["drain", "node0", &selector, "--delete-emptydir-data", "--ignore-daemonsets", "--timeout=90s"];
        let give_back = async {
            eventually(crate::BOUND, "the first pod to be drained", async || {
                let left = names(&self.list(component).await?);
                ensure!(!before.is_subset(&left), "all of them are there");
                Ok(())
            })
            .await?;
            self.kubectl(&["uncordon", "node0"]).await.map(drop)
        };
        tokio::try_join!(self.kubectl(&drain), give_back)?;
        let left = names(&self.list(component).await?);
        ensure!(before.is_disjoint(&left), "{before:?} were to be drained, {left:?} are there");
        self.all_ready(component).await
    }

    /// The tags of the images of all pods that are not about to end.
    pub(crate) async fn tags(&self) -> anyhow::Result<Vec<String>> {
        let mut tags = BTreeSet::new();
        for component in ["operator", "edge", "ledger"] {
            for pod in self.list(component).await? {
                let image =
                    pod["spec"]["containers"][0]["image"].as_str().context("a container has an image")?.to_owned();
                tags.extend(image.rsplit_once(':').map(|(_, tag)| tag.to_owned()));
            }
        }
        Ok(tags.into_iter().collect())
    }

    /// Checks with the kernel that every process of the release is nobody, without any capability, with a filter of system
    /// calls and no way to new rights, and that it cannot write to its root.
    pub(crate) async fn may_nothing(&self) -> anyhow::Result<()> {
        let mut seen = BTreeSet::new();
        for (_, (process, program)) in self.processes()? {
            let status = std::fs::read_to_string(process.join("status"))?;
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                line.split_whitespace().next().unwrap_or_default().to_owned()
            };
            let wanted = [("Uid:", NOBODY), ("Gid:", NOBODY), ("NoNewPrivs:", "1"), ("Seccomp:", "2")];
            for (name, value) in wanted {
                ensure!(field(name) == value, "{program}: {name} {} and not {value}", field(name));
            }
            for name in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
                ensure!(
                    u64::from_str_radix(&field(name), 16)? == 0,
                    "{program} has capabilities: {name} {}",
                    field(name)
                );
            }
            let mounts = std::fs::read_to_string(process.join("mountinfo"))?;
            let root =
                mounts.lines().find(|line| line.split(' ').nth(4) == Some("/")).context("a process has a root")?;
            let read_only =
                root.split(' ').nth(5).is_some_and(|options| options.split(',').any(|option| option == "ro"));
            ensure!(read_only, "{program} can write to its root: {root}");
            seen.insert(program);
        }
        ensure!(seen.iter().eq(BTreeSet::from(PROGRAMS).iter()), "only {seen:?} run");
        Ok(())
    }

    /// Fills the memory that one pod of a component may use, until the kernel ends what uses it: of all in its control group
    /// that is the pod's own process, which is the first to go by what the kubelet wrote beside it.
    pub(crate) async fn run_out_of_memory(&self, component: &str) -> anyhow::Result<()> {
        let pods = self.list(component).await?;
        let pod = pods.first().and_then(|pod| pod["metadata"]["uid"].as_str()).context("no pod")?;
        // Those that drain at the moment are ended anyway.
        let groups = self.processes()?.into_iter().find(|(groups, _)| groups.contains(&format!("/pod{pod}/")));
        let group = groups.and_then(|(groups, _)| group_of_memory(&groups));
        let group = group.context("a container has a control group of memory")?;
        // `tail` keeps a last line that never ends.
        let mut hog = tokio::process::Command::new("/bin/sh");
        hog.args(["-c", r#"echo $$ >"$1" && exec tail /dev/zero"#, "hog", &group]);
        let mut hog = hog.stdout(Stdio::null()).kill_on_drop(true).spawn()?;
        eventually(crate::BOUND, "a pod to be ended for its memory", async || {
            let ended = self.list(component).await?.iter().any(|pod| {
                // Not by the reason: the node hears of the kernel's deed by a message that may come after the end.
                let last = pod.pointer("/status/containerStatuses/0/lastState/terminated/exitCode");
                last.and_then(Value::as_u64) == Some(KILLED)
            });
            ensure!(ended, "it runs");
            Ok(())
        })
        .await?;
        // It may have been ended as well.
        drop(hog.start_kill());
        hog.wait().await.map(drop).context("what filled the memory did not end")
    }

    /// The processes of the release: the control groups of each, its folder in `/proc`, and its program.
    fn processes(&self) -> anyhow::Result<Vec<(String, (PathBuf, &'static str))>> {
        let mut found = Vec::new();
        for process in std::fs::read_dir("/proc")?.flatten().map(|entry| entry.path()) {
            let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
            let Some(program) = PROGRAMS.into_iter().find(|program| *program == name.trim()) else { continue };
            let groups = std::fs::read_to_string(process.join("cgroup")).unwrap_or_default();
            if groups.contains(&self.bed) {
                found.push((groups, (process, program)));
            }
        }
        Ok(found)
    }
}

/// Where to join the group whose memory is bounded: in the tree of memory where there is one, else in the one tree of all.
fn group_of_memory(groups: &str) -> Option<String> {
    let groups: Vec<Vec<_>> = groups.lines().map(|line| line.splitn(3, ':').collect()).collect();
    let of =
        |wanted: &str| groups.iter().find(|group| group[1].split(',').any(|kind| kind == wanted)).map(|group| group[2]);
    let tree = of("memory").map(|path| format!("/memory{path}")).or_else(|| Some(of("")?.to_owned()))?;
    Some(format!("/sys/fs/cgroup{tree}/cgroup.procs"))
}

fn names(pods: &[Value]) -> BTreeSet<String> {
    pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str().map(ToOwned::to_owned)).collect()
}
