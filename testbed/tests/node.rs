//! A real node: it starts, runs pods that may nothing, keeps their limits, and leaves the machine as it was.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testbed::image::Image;
use testbed::{Bed, eventually, node};

/// Pods start in a second where nobody else is busy.
const BOUND: Duration = Duration::from_secs(60);
const GUEST: &str = "localhost/guest:1";

/// Whether to go on; where a node cannot run, why is said in one line, past the harness, which keeps what tests print.
fn here() -> bool {
    let possible = node::possible();
    if let Err(why) = &possible {
        drop(writeln!(std::io::stderr(), "no node here: {why:#}"));
    }
    possible.is_ok()
}

/// A pod that the profile `restricted` admits.
fn pod(name: &str, arguments: &[&str], memory: &str) -> Value {
    let container = json!({
        "name": "guest",
        "image": GUEST,
        "imagePullPolicy": "Never",
        "args": arguments,
        "resources": { "limits": { "memory": memory } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "readOnlyRootFilesystem": true,
        },
    });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": {
            "restartPolicy": "Never",
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [container],
        },
    })
}

/// The same with a field more, or another one, in the object at `place`.
fn with(mut resource: Value, place: &str, field: &str, value: Value) -> Value {
    let object = resource.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
    object.insert(field.to_owned(), value);
    resource
}

/// What `kubectl` does in one namespace.
struct Shop<'bed> {
    bed: &'bed Bed,
    name: String,
}

impl<'bed> Shop<'bed> {
    /// A namespace in which pods may nothing.
    async fn open(bed: &'bed Bed) -> anyhow::Result<Self> {
        let kubernetes = bed.kubernetes().await?;
        let name = kubernetes.create_namespace(bed, "restricted").await?;
        let label = "pod-security.kubernetes.io/enforce=restricted";
        kubernetes.kubectl(&["label", "namespace", &name, label], None).await?;
        let shop = Self { bed, name };
        // Without it no pod is admitted, and a controller makes it.
        shop.kubectl(&["wait", "--for=create", "serviceaccount/default", "--timeout=60s"]).await?;
        Ok(shop)
    }

    async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let all = [&["--namespace", &self.name], arguments].concat();
        self.bed.kubernetes().await?.kubectl(&all, None).await
    }

    async fn create(&self, resource: &Value) -> anyhow::Result<()> {
        let arguments = ["--namespace", &self.name, "create", "--filename", "-"];
        self.bed.kubernetes().await?.kubectl(&arguments, Some(&resource.to_string())).await.map(drop)
    }
}

#[test]
fn pods_that_may_nothing_serve_and_are_found_by_name_and_a_limit_of_memory_is_kept() -> anyhow::Result<()> {
    if !here() {
        return Ok(());
    }
    node::run(Bed::builder().progress(|line| println!("{line}")), async |bed| {
        let node = bed.node().await?;
        node.import(bed, &Image::of_binary(GUEST, "guest")?.archive()?).await?;
        let shop = Shop::open(bed).await?;
        it_serves_without_rights(&shop).await?;
        another_pod_finds_it_by_name(&shop).await?;
        who_may_too_much_is_not_admitted(&shop).await?;
        who_takes_too_much_memory_is_ended(&shop).await?;
        a_person_outside_reaches_it(bed, &shop).await
    })
}

async fn it_serves_without_rights(shop: &Shop<'_>) -> anyhow::Result<()> {
    let probe = json!({ "httpGet": { "port": 8080 }, "periodSeconds": 1 });
    let serving = pod("serving", &["serve", "8080"], "32Mi");
    shop.create(&with(serving, "/spec/containers/0", "readinessProbe", probe)).await?;
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "serving" },
        "spec": { "selector": { "app": "serving" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
    });
    shop.create(&service).await?;
    shop.kubectl(&["wait", "--for=condition=Ready", "pod/serving", "--timeout=60s"]).await?;
    let address = part_of(shop, "service/serving", "{.spec.clusterIP}:80").await?;
    let told = eventually(BOUND, "the Service to answer", async || Ok(get(&address).await?)).await?;
    assert_eq!(told, "user 65532, read-only\n");
    Ok(())
}

async fn another_pod_finds_it_by_name(shop: &Shop<'_>) -> anyhow::Result<()> {
    shop.create(&pod("asking", &["ask", "serving:80"], "32Mi")).await?;
    ended(shop, "asking", "Succeeded").await?;
    assert_eq!(shop.kubectl(&["logs", "asking"]).await?, "user 65532, read-only\n");
    Ok(())
}

async fn who_may_too_much_is_not_admitted(shop: &Shop<'_>) -> anyhow::Result<()> {
    let root = pod("root", &["serve", "8080"], "32Mi");
    let root = with(root, "/spec/securityContext", "runAsNonRoot", json!(false));
    let refused = shop.create(&root).await.expect_err("a pod that may be root").to_string();
    assert!(refused.contains("violates PodSecurity") && refused.contains("runAsNonRoot"), "{refused}");
    Ok(())
}

async fn who_takes_too_much_memory_is_ended(shop: &Shop<'_>) -> anyhow::Result<()> {
    shop.create(&pod("greedy", &["grow"], "32Mi")).await?;
    ended(shop, "greedy", "Failed").await?;
    let why = part_of(shop, "pod/greedy", "{.status.containerStatuses[0].state.terminated.reason}").await?;
    assert_eq!(why, "OOMKilled");
    Ok(())
}

async fn a_person_outside_reaches_it(bed: &Bed, shop: &Shop<'_>) -> anyhow::Result<()> {
    let service = part_of(shop, "service/serving", "{.spec.clusterIP}:80").await?;
    let outside = bed.node().await?.publish(service.parse()?)?;
    // Everything here is in the network of the node; the first thread of this process is not.
    let network = format!("--net=/proc/{}/ns/net", std::process::id());
    let url = format!("http://{outside}/");
    let curl = [network.as_str(), "curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", &url];
    let told = tokio::process::Command::new("nsenter").args(curl).output().await?;
    assert_eq!(String::from_utf8_lossy(&told.stdout), "user 65532, read-only\n", "{told:?}");
    Ok(())
}

/// Waits until a pod has ended in this way.
async fn ended(shop: &Shop<'_>, pod: &str, phase: &str) -> anyhow::Result<()> {
    let target = format!("--for=jsonpath={{.status.phase}}={phase}");
    let waited = shop.kubectl(&["wait", &target, &format!("pod/{pod}"), "--timeout=60s"]).await;
    let Err(late) = waited else { return Ok(()) };
    let described = shop.kubectl(&["describe", "pod", pod]).await?;
    let said = shop.kubectl(&["logs", pod]).await.unwrap_or_default();
    Err(late.context(format!("{described}\n{said}")))
}

/// A part of a resource.
async fn part_of(shop: &Shop<'_>, resource: &str, part: &str) -> anyhow::Result<String> {
    shop.kubectl(&["get", resource, "--output", &format!("jsonpath={part}")]).await
}

async fn get(address: &str) -> anyhow::Result<String> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    Ok(client.get(format!("http://{address}/")).send().await?.error_for_status()?.text().await?)
}

#[test]
fn an_owner_that_is_killed_leaves_neither_pod_nor_mount_nor_network_nor_control_group() -> anyhow::Result<()> {
    if !here() {
        return Ok(());
    }
    let before = Machine::look()?;
    let below = tempfile::tempdir()?;
    let mut owner = Command::new(std::env::current_exe()?);
    owner.args(["--exact", "owner_of_a_node", "--ignored", "--nocapture"]).env("TMPDIR", below.path());
    let mut owner = owner.stdout(Stdio::piped()).process_group(0).spawn()?;
    let said = BufReader::new(owner.stdout.take().context("its output")?);
    let up = said.lines().any(|line| line.is_ok_and(|line| line == "a pod runs"));
    ensure!(up, "the owner ended without a pod");

    let bed = std::fs::read_dir(below.path())?.flatten().next().context("no bed")?.path();
    let name = bed.file_name().and_then(|name| name.to_str()).context("a name")?.to_owned();
    let processes = processes_of(&name)?;
    let names: BTreeSet<_> = processes.iter().map(|(_, name)| name.as_str()).collect();
    for expected in ["containerd", "containerd-shim", "kubelet", "kube-proxy", "coredns", "pause", "guest"] {
        ensure!(names.contains(expected), "no {expected} among {names:?}");
    }
    // All of it is below the bed already: what is written elsewhere would stay.
    before.is_as_it_was(&name)?;

    kill_process(Pid::from_child(&owner), Signal::KILL)?;
    owner.wait()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(eventually(BOUND, "nothing to be left of the node", async || {
        ensure!(!bed.exists(), "its folder is there");
        ensure!(control_groups(&name).is_empty(), "control groups are there: {:?}", control_groups(&name));
        for (process, name) in &processes {
            ensure!(!runs(process), "{name} runs");
        }
        Ok(())
    }))?;
    before.is_as_it_was(&name)
}

#[test]
#[ignore = "an owner for an_owner_that_is_killed_leaves_neither_pod_nor_mount_nor_network_nor_control_group"]
fn owner_of_a_node() -> anyhow::Result<()> {
    node::run(Bed::builder(), async |bed| {
        bed.node().await?.import(bed, &Image::of_binary(GUEST, "guest")?.archive()?).await?;
        let shop = Shop::open(bed).await?;
        shop.create(&pod("left", &["serve", "8080"], "32Mi")).await?;
        shop.kubectl(&["wait", "--for=condition=Ready", "pod/left", "--timeout=60s"]).await?;
        println!("a pod runs");
        std::future::pending().await
    })
}

/// What everybody on the machine sees and a kubelet likes to change.
struct Machine {
    mounts: String,
    links: BTreeSet<PathBuf>,
    settings: Vec<(&'static str, String)>,
    folders: Vec<(&'static str, bool)>,
}

const SETTINGS: [&str; 4] = ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"];
const FOLDERS: [&str; 8] = [
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/var/log/pods",
    "/var/log/containers",
    "/run/containerd",
    "/run/netns",
    "/run/xtables.lock",
    "/usr/libexec/kubernetes",
];

impl Machine {
    fn look() -> anyhow::Result<Self> {
        let setting = |name| anyhow::Ok((name, std::fs::read_to_string(Path::new("/proc/sys").join(name))?));
        Ok(Self {
            mounts: std::fs::read_to_string("/proc/self/mounts")?,
            links: std::fs::read_dir("/sys/class/net")?.flatten().map(|link| link.path()).collect(),
            settings: SETTINGS.into_iter().map(setting).collect::<anyhow::Result<_>>()?,
            folders: FOLDERS.map(|folder| (folder, Path::new(folder).exists())).to_vec(),
        })
    }

    fn is_as_it_was(&self, bed: &str) -> anyhow::Result<()> {
        let now = Self::look()?;
        ensure!(!now.mounts.contains(bed), "mounts of the bed are there:\n{}", now.mounts);
        ensure!(now.mounts == self.mounts, "mounts were\n{}and are\n{}", self.mounts, now.mounts);
        ensure!(now.links == self.links, "links were {:?} and are {:?}", self.links, now.links);
        ensure!(now.settings == self.settings, "settings were {:?} and are {:?}", self.settings, now.settings);
        ensure!(now.folders == self.folders, "folders were {:?} and are {:?}", self.folders, now.folders);
        Ok(())
    }
}

/// Every control group of a bed, in each tree.
fn control_groups(bed: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let trees = std::fs::read_dir(root).into_iter().flatten().flatten().map(|tree| tree.path().join(bed));
    trees.chain([root.join(bed)]).filter(|group| group.exists()).collect()
}

/// Every process in the control groups of a bed: its folder below `/proc` with the moment it began, and its name.
fn processes_of(bed: &str) -> anyhow::Result<Vec<((PathBuf, String), String)>> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc")?.flatten().map(|entry| entry.path()) {
        let groups = std::fs::read_to_string(process.join("cgroup")).unwrap_or_default();
        if let Some(began) = began(&process).filter(|_| groups.contains(bed)) {
            let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
            found.push(((process, began), name.trim().to_owned()));
        }
    }
    Ok(found)
}

/// The moment a process began, by which it is told from a later one of the same number.
fn began(process: &Path) -> Option<String> {
    let told = std::fs::read_to_string(process.join("stat")).ok()?;
    // The name in parentheses may hold anything; the state follows, and the moment nineteen fields later.
    let mut fields = told.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_owned))?
}

fn runs((process, began_at): &(PathBuf, String)) -> bool {
    began(process).as_ref() == Some(began_at)
}
