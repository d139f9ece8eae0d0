//! What pods use, as `kubectl top` shows it and an autoscaler decides by it: metrics-server, behind the API server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Grounds;
use super::containers::text;
use crate::bed::Bed;
use crate::http;
use crate::kubernetes::Kubernetes;
use crate::kubernetes::identity::{Holder, Identity};
use crate::port::free_port;
use crate::process::{Process, Program};
use crate::tool;

/// How far apart the looks at the kubelet are, as close as it lets them be, and how long one may take, which must be less.
const LOOKS: [&str; 2] = ["--metric-resolution=10s", "--kubelet-request-timeout=5s"];
const NAME: &str = "metrics-server";
const NAMESPACE: &str = "kube-system";

/// Starts it, and waits until it has numbers of the node.
pub(super) async fn start(bed: &Bed, grounds: &Grounds) -> anyhow::Result<Process> {
    let kubernetes = bed.kubernetes().await?;
    let port = free_port()?;
    let process = Process::start(bed.folder(), program(grounds, kubernetes, port)?)?;
    let registration = registration(kubernetes, port).to_string();
    kubernetes.kubectl(&["apply", "--server-side", "-f", "-"], Some(&registration)).await?;
    let client = http::client(Some(kubernetes.authority()))?;
    let node = format!("{}/apis/metrics.k8s.io/v1beta1/nodes/node0", kubernetes.url());
    // There are no numbers before the second look.
    process.ready(async || http::text(client.get(&node).bearer_auth(kubernetes.admin_token())).await.map(drop)).await?;
    Ok(process)
}

fn program(grounds: &Grounds, kubernetes: &Kubernetes, port: u16) -> anyhow::Result<Program> {
    let (certificate, key) = (grounds.folder().join("metrics.crt"), grounds.folder().join("metrics.key"));
    let reached = vec![format!("{NAME}.{NAMESPACE}.svc"), Grounds::HOST.to_string()];
    kubernetes.identity().certify(Holder { name: NAME, group: None, reached }, &certificate, &key)?;
    let (kubeconfig, authority) =
        (text(&kubernetes.kubeconfig())?, text(&kubernetes.folder().join(Identity::AUTHORITY))?);
    let arguments = [
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        format!("--kubelet-certificate-authority={authority}"),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        format!("--bind-address={}", Grounds::HOST),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", text(&certificate)?),
        format!("--tls-private-key-file={}", text(&key)?),
    ];
    let arguments = arguments.into_iter().chain(LOOKS.map(str::to_owned));
    Ok(Program::new(NAME, tool::path(NAME)?, arguments))
}

/// Tells the API server who answers for metrics: a Service whose one address is not that of a pod.
fn registration(kubernetes: &Kubernetes, port: u16) -> Value {
    let version = "v1beta1.metrics.k8s.io";
    let items = [
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": NAME, "namespace": NAMESPACE },
            "spec": { "ports": [{ "name": "https", "port": 443, "targetPort": port }] },
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": { "name": NAME, "namespace": NAMESPACE, "labels": { "kubernetes.io/service-name": NAME } },
            "addressType": "IPv4",
            "ports": [{ "name": "https", "port": port }],
            "endpoints": [{ "addresses": [Grounds::HOST], "conditions": { "ready": true } }],
        }),
        json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": { "name": version },
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "service": { "name": NAME, "namespace": NAMESPACE },
                "caBundle": STANDARD.encode(kubernetes.authority()),
            },
        }),
    ];
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}
