//! What the API server is told where pods run, and where none do.
//!
//! With a node it has to reach the kubelet (logs, `exec`, `port-forward`), to be reached by pods as a Service, and to speak
//! for others to the servers of aggregated interfaces, such as the one of metrics.

use std::net::Ipv4Addr;
use std::path::Path;

use super::identity::{Holder, Identity};

/// The Service that pods know the API server by: the first address of the range of Services.
const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// Who it is for kubelets.
const KUBELET_CLIENT: &str = "kubelet-client";
/// Who it is for the servers of aggregated interfaces.
const FRONT_PROXY: &str = "front-proxy";
/// What the kubelet serves with.
const KUBELET: &str = "kubelet";
/// The node's name.
pub(crate) const NODE: &str = "node0";

/// The identity of a cluster with one node, and what its parts show each other beside it.
pub(super) fn identity(folder: &Path, host: Ipv4Addr) -> anyhow::Result<Identity> {
    let identity = Identity::generate(folder, &[host, SERVICE])?;
    let node = format!("system:node:{NODE}");
    let reached = vec![NODE.to_owned(), host.to_string()];
    for (file, holder) in [
        (KUBELET_CLIENT, Holder { name: "kube-apiserver", group: Some("system:masters"), reached: Vec::new() }),
        (FRONT_PROXY, Holder { name: FRONT_PROXY, group: None, reached: Vec::new() }),
        (KUBELET, Holder { name: &node, group: Some("system:nodes"), reached }),
    ] {
        identity.certify(holder, &folder.join(format!("{file}.crt")), &folder.join(format!("{file}.key")))?;
    }
    Ok(identity)
}

/// The kubelet's certificate and its key.
pub(crate) fn kubelet_files(folder: &Path) -> (String, String) {
    let file = |kind: &str| folder.join(format!("{KUBELET}.{kind}")).display().to_string();
    (file("crt"), file("key"))
}

pub(super) fn arguments(folder: &Path) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    vec![
        "--endpoint-reconciler-type=lease".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        format!("--kubelet-client-certificate={}", file(&format!("{KUBELET_CLIENT}.crt"))),
        format!("--kubelet-client-key={}", file(&format!("{KUBELET_CLIENT}.key"))),
        format!("--kubelet-certificate-authority={}", file(Identity::AUTHORITY)),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        format!("--requestheader-client-ca-file={}", file(Identity::AUTHORITY)),
        format!("--requestheader-allowed-names={FRONT_PROXY}"),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        format!("--proxy-client-cert-file={}", file(&format!("{FRONT_PROXY}.crt"))),
        format!("--proxy-client-key-file={}", file(&format!("{FRONT_PROXY}.key"))),
        "--enable-aggregator-routing=true".to_owned(),
    ]
}

pub(super) fn arguments_without() -> Vec<String> {
    vec![
        "--endpoint-reconciler-type=none".to_owned(),
        // Nobody makes the account that it would give to pods.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ]
}
