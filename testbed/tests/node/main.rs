//! A real node: it runs pods that may nothing, keeps their limits, and leaves the machine as it was.

mod left;
mod pods;

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use testbed::{Bed, node};

/// Pods start in a second where nobody else is busy.
const BOUND: Duration = Duration::from_secs(60);
const GUEST: &str = "localhost/guest:1";

/// Each test has a node, and a machine is small for two.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The machine to oneself, to go on; where a node cannot run, why is said in one line, past the harness, which keeps what tests print.
fn here() -> Option<MutexGuard<'static, ()>> {
    if let Err(why) = node::possible() {
        drop(writeln!(std::io::stderr(), "no node here: {why:#}"));
        return None;
    }
    Some(ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner))
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
