//! Helm and kubectl, and what Helm renders.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize as _;
use serde_json::Value;
use testbed::{Bed, eventually, tool};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;

/// How long one command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the server may take to act by what it has stored: far beyond any delay that is not a fault.
pub(crate) const BOUND: Duration = Duration::from_secs(60);
/// Held by tests that change, or ask about, what the whole cluster has once: the kind, which Helm lets one release own, and rules of
/// admission for every namespace. All tests here share one API server.
pub(crate) static CLUSTER: Mutex<()> = Mutex::const_new(());
/// What every rendering needs, in place of an example's addresses where a file has none.
pub(crate) const ADDRESSES: [&str; 2] =
    ["nats.urls={nats://nats.nats:4222}", "postgres.url=postgres://sluice@postgres.data:5432/sluice"];
/// Name of the releases here.
pub(crate) const RELEASE: &str = "try";

/// A set of values that somebody would install with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// The defaults and the addresses.
    Default,
    /// `values-minimal.yaml`
    Minimal,
    /// `values-production.yaml`
    Production,
}

impl Values {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Default, Self::Minimal, Self::Production];

    /// The arguments of Helm that choose them.
    pub(crate) fn arguments(self) -> Vec<String> {
        let file = |name: &str| vec!["--values".to_owned(), chart().join(name).display().to_string()];
        match self {
            Self::Default => ADDRESSES.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]).collect(),
            Self::Minimal => file("values-minimal.yaml"),
            Self::Production => file("values-production.yaml"),
        }
    }
}

/// Where a release and its sales live.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Namespace of the release.
    pub(crate) release: String,
    /// Namespace of its sales.
    pub(crate) sales: String,
}

impl Place {
    /// Two new namespaces.
    pub(crate) async fn new(bed: &Bed) -> anyhow::Result<Self> {
        let kubernetes = bed.kubernetes().await?;
        let (release, sales) =
            (kubernetes.create_namespace(bed, "sluice").await?, kubernetes.create_namespace(bed, "shop").await?);
        Ok(Self { release, sales })
    }

    /// Two that need not be there.
    pub(crate) fn imagined() -> Self {
        Self { release: "sluice".to_owned(), sales: "shop".to_owned() }
    }

    /// The chart rendered for these values and further ones, as `--set` takes them: every object, hooks as well.
    pub(crate) async fn render(&self, values: Values, further: &[&str]) -> anyhow::Result<Vec<Value>> {
        let mut arguments = vec!["template".to_owned(), RELEASE.to_owned(), chart().display().to_string()];
        arguments.extend(self.arguments(values, further));
        documents(&helm(&arguments).await?)
    }

    /// The arguments of Helm that say what is installed here.
    pub(crate) fn arguments(&self, values: Values, further: &[&str]) -> Vec<String> {
        let mut arguments = vec!["--namespace".to_owned(), self.release.clone()];
        arguments.extend(values.arguments());
        arguments.extend(["--set".to_owned(), format!("operator.saleNamespaces={{{}}}", self.sales)]);
        arguments.extend(further.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]));
        arguments
    }
}

/// The folder of the chart.
pub(crate) fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/sluice")
}

/// Runs Helm; what it printed.
///
/// # Errors
/// With what it complained of.
pub(crate) async fn helm(arguments: &[impl AsRef<str>]) -> anyhow::Result<String> {
    let home = Bed::shared().await?.folder().join("helm");
    let mut command = tokio::process::Command::new(tool::path("helm")?);
    for kind in ["CACHE", "CONFIG", "DATA"] {
        command.env(format!("HELM_{kind}_HOME"), &home);
    }
    command.args(arguments.iter().map(AsRef::as_ref));
    output(command, "helm", "").await
}

/// Runs Helm against the bed's API server.
///
/// # Errors
/// As [`helm`].
pub(crate) async fn helm_there(arguments: &[impl AsRef<str>]) -> anyhow::Result<String> {
    let kubeconfig = Bed::shared().await?.kubernetes().await?.kubeconfig().display().to_string();
    let mut all: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
    all.extend(["--kubeconfig", &kubeconfig]);
    helm(&all).await
}

/// Runs kubectl as the administrator; what it printed.
///
/// # Errors
/// With what it complained of.
pub(crate) async fn kubectl(arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let kubeconfig = Bed::shared().await?.kubernetes().await?.kubeconfig();
    let mut command = tokio::process::Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(arguments);
    output(command, "kubectl", input).await
}

/// Makes the kind known, once; the releases here leave it alone, as Helm lets a single one of them own it.
pub(crate) async fn kind_known() -> anyhow::Result<()> {
    static APPLIED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let apply = async || {
        let file = chart().join("files/flashsale.yaml").display().to_string();
        kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &file], "").await?;
        served("flashsales.sluice.dev").await
    };
    APPLIED.get_or_try_init(apply).await.copied()
}

/// Waits until a kind that was applied can be used, which is a moment after the server calls it established.
pub(crate) async fn served(kind: &str) -> anyhow::Result<()> {
    kubectl(&["wait", "--for=condition=Established", &format!("crd/{kind}"), "--timeout=60s"], "").await?;
    eventually(BOUND, kind, async || kubectl(&["get", kind, "--all-namespaces"], "").await.map(drop)).await
}

/// Objects as kubectl takes them.
pub(crate) fn list<'a>(objects: impl IntoIterator<Item = &'a Value>) -> String {
    let items: Vec<_> = objects.into_iter().collect();
    serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

/// Every document of a stream of YAML.
pub(crate) fn documents(yaml: &str) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(yaml) {
        let value = Value::deserialize(document)?;
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(found)
}

/// The objects of a kind.
pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// The object of a kind whose name ends like this.
pub(crate) fn one<'a>(objects: &'a [Value], kind: &str, end: &str) -> &'a Value {
    let named = |object: &&Value| object["metadata"]["name"].as_str().is_some_and(|name| name.ends_with(end));
    of_kind(objects, kind).find(named).unwrap_or_else(|| panic!("no {kind} …{end}"))
}

/// The templates of all pods, with the names of what they belong to.
pub(crate) fn pods(objects: &[Value]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for object in objects {
        let template = match object["kind"].as_str() {
            Some("Deployment" | "Job") => object["spec"]["template"].clone(),
            Some("Pod") => serde_json::json!({ "metadata": object["metadata"], "spec": object["spec"] }),
            _ => continue,
        };
        found.push((object["metadata"]["name"].as_str().unwrap().to_owned(), template));
    }
    found
}

/// Runs a program to its end; what it printed.
///
/// # Errors
/// With what it complained of.
pub(crate) async fn output(mut command: tokio::process::Command, name: &str, input: &str) -> anyhow::Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let ended = tokio::time::timeout(COMMAND_TIMEOUT, child.wait_with_output()).await;
    let ended = ended.with_context(|| format!("{name} took longer than {COMMAND_TIMEOUT:?}"))??;
    let (told, complained) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    ensure!(ended.status.success(), "{name}: {}", complained.trim());
    Ok(told.into_owned())
}
