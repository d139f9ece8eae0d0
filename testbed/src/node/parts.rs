//! What makes a node of a machine that runs containers: the kubelet, the proxy, DNS, and the scheduler.

use std::path::Path;

use serde_json::{Value, json};

use super::Grounds;
use super::containers::{self, folder_of, text};
use crate::bed::Bed;
use crate::kubernetes::Kubernetes;
use crate::kubernetes::identity::{Identity, Part};
use crate::kubernetes::with_node::{NODE, kubelet_files};
use crate::port::free_port;
use crate::process::{Process, Program};
use crate::tool;

/// Where DNS says that it knows the Services.
const DNS_READY_PORT: u16 = 8_181;

/// Where DNS says that it knows the Services.
pub(super) fn names_are_known() -> String {
    format!("http://{}:{DNS_READY_PORT}/ready", Grounds::HOST)
}

/// Starts them all, in the order in which they end.
pub(super) fn start(bed: &Bed, grounds: &Grounds, kubernetes: &Kubernetes) -> anyhow::Result<Vec<Process>> {
    let folder = grounds.folder();
    let parts = [
        kubelet(folder, grounds, kubernetes)?,
        proxy(folder, grounds, kubernetes)?,
        names(folder, grounds, kubernetes)?,
        scheduler(kubernetes)?,
    ];
    parts.into_iter().map(|program| Process::start(bed.folder(), program)).collect()
}

/// Starts pods: what the API server wants of this node, containerd is told.
fn kubelet(folder: &Path, grounds: &Grounds, kubernetes: &Kubernetes) -> anyhow::Result<Program> {
    let (certificate, key) = kubelet_files(kubernetes.folder());
    std::fs::write(folder.join("resolv.conf"), format!("nameserver {}\n", Grounds::HOST))?;
    let settings = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": Grounds::HOST,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": kubernetes.folder().join(Identity::AUTHORITY) },
        },
        "authorization": { "mode": "Webhook" },
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": grounds.control_group(),
        "clusterDNS": [Grounds::HOST],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": format!("unix://{}", containers::socket(grounds).display()),
        "evictionHard": { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
        "failCgroupV1": false,
        "failSwapOn": false,
        "imageGCHighThresholdPercent": 100,
        "makeIPTablesUtilChains": false,
        "maxOpenFiles": 20_000,
        // Not every root may lower it.
        "oomScoreAdj": 0,
        "podLogsDir": folder.join("logs"),
        "readOnlyPort": 0,
        "resolvConf": folder.join("resolv.conf"),
        "tlsCertFile": certificate,
        "tlsPrivateKeyFile": key,
        "volumePluginDir": folder.join("plugins"),
    });
    let arguments = [
        format!("--config={}", write(folder, "kubelet.json", &settings)?),
        format!("--kubeconfig={}", text(&kubernetes.kubeconfig_of(Part::Kubelet)?)?),
        format!("--hostname-override={NODE}"),
        format!("--node-ip={}", Grounds::HOST),
        format!("--root-dir={}", text(&folder.join("kubelet"))?),
        format!("--cert-dir={}", text(&folder.join("certificates"))?),
    ];
    grounds.program("kubelet", &tool::path("kubelet")?, arguments)
}

/// Makes addresses of Services lead to pods.
fn proxy(folder: &Path, grounds: &Grounds, kubernetes: &Kubernetes) -> anyhow::Result<Program> {
    let settings = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": Grounds::HOST,
        "clientConnection": { "kubeconfig": kubernetes.kubeconfig_of(Part::Proxy)? },
        "clusterCIDR": "10.244.0.0/24",
        // Settings of the whole machine, which are not ours.
        "conntrack": { "maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s" },
        "hostnameOverride": NODE,
        "mode": "nftables",
        "oomScoreAdj": 0,
    });
    let arguments = [format!("--config={}", write(folder, "kube-proxy.json", &settings)?)];
    let program = grounds.program("kube-proxy", &tool::path("kube-proxy")?, arguments)?;
    Ok(program.searching(&folder_of("nft")?))
}

/// Answers names of Services, and says of all others that they do not exist, as nothing leads there.
fn names(folder: &Path, grounds: &Grounds, kubernetes: &Kubernetes) -> anyhow::Result<Program> {
    let host = Grounds::HOST;
    let kubeconfig = text(&kubernetes.kubeconfig())?;
    let settings = format!(
        "cluster.local:53 in-addr.arpa:53 {{
  bind {host}
  errors
  ready {host}:{DNS_READY_PORT}
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig}
  }}
}}
.:53 {{
  bind {host}
  template ANY ANY . {{
    rcode NXDOMAIN
  }}
}}
"
    );
    let file = folder.join("Corefile");
    std::fs::write(&file, settings)?;
    grounds.program("coredns", &tool::path("coredns")?, ["-conf", &text(&file)?])
}

/// Puts pods on the node.
fn scheduler(kubernetes: &Kubernetes) -> anyhow::Result<Program> {
    let arguments = [
        format!("--kubeconfig={}", text(&kubernetes.kubeconfig_of(Part::Scheduler)?)?),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", free_port()?),
        "--leader-elect=false".to_owned(),
    ];
    Ok(Program::new("kube-scheduler", tool::path("kube-scheduler")?, arguments))
}

/// JSON is YAML too.
fn write(folder: &Path, name: &str, settings: &Value) -> anyhow::Result<String> {
    let path = folder.join(name);
    std::fs::write(&path, format!("{settings:#}\n"))?;
    text(&path)
}
