//! Sluice as people install it: the chart, by Helm, with images that were built here, on a node of the bed.
//!
//! NATS, Postgres and Redis are the bed's, beside the pods, so that a test can break them; their passwords and the keys are in
//! Secrets, as the chart wants them. Both namespaces admit nothing but pods of the profile `restricted`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::access::{Access, Keys, path};
use crate::bed::Bed;
use crate::command::{kubectl, output};
use crate::image::{Archive, Image};
use crate::tool;

/// Where the release lives; its sales must not.
pub const RELEASE_NAMESPACE: &str = "sluice";
/// Where its sales live.
pub const SALES_NAMESPACE: &str = "shop";
/// What Helm calls it; its objects are called so too, with the service behind.
const RELEASE: &str = "sluice";
/// Passwords of the servers.
const SERVERS_SECRET: &str = "servers";
/// What signs.
const KEYS_SECRET: &str = "keys";
/// Longest that a release may take until all of it is ready.
const READY_WITHIN: &str = "140s";

/// The chart on a node.
#[derive(Debug, Clone)]
pub struct Release {
    /// How to reach it from inside, by the address of its Service.
    pub access: Access,
    /// What Helm was told, for upgrades that change some of it.
    pub values: Value,
}

/// The images of the three services, under `localhost/<binary>:<tag>`; that of the edge with the page, if it was built.
///
/// # Errors
/// When a binary is not built, or not linked statically.
pub fn images(tag: &str, page: Option<&Path>) -> anyhow::Result<Vec<Archive>> {
    let image = |binary: &str| Image::of_binary(&format!("localhost/{binary}:{tag}"), binary);
    let edge = image("sluice-edge")?;
    let edge = match page {
        Some(folder) => edge.folder("/page", folder)?,
        None => edge,
    };
    [image("sluice-operator")?, edge, image("sluice-ledger")?].iter().map(Image::archive).collect()
}

impl Release {
    /// Imports the images, which are all of one tag, installs the chart with them, and waits until all of it is ready.
    ///
    /// # Errors
    /// With what Helm complained of.
    pub async fn install(bed: &Bed, images: &[Archive]) -> anyhow::Result<Self> {
        let node = bed.node().await?;
        for image in images {
            node.import(bed, image).await?;
        }
        let (_, tag) = images.first().and_then(|image| image.name.rsplit_once(':')).context("an image has a tag")?;
        let kubernetes = bed.kubernetes().await?;
        let keys = Keys::make(bed.folder(), SALES_NAMESPACE)?;
        let servers = Servers::start(bed).await?;
        let objects = objects(&keys, &servers)?;
        kubernetes.kubectl(&["apply", "--server-side", "-f", "-"], Some(&objects.to_string())).await?;
        let values = values(tag, &servers);
        install_chart(bed, &values).await?;
        let service = ["get", "service", "sluice-edge", "-n", RELEASE_NAMESPACE, "-o", "jsonpath={.spec.clusterIP}"];
        let address = kubernetes.kubectl(&service, None).await?;
        let access = Access {
            kubeconfig: kubernetes.kubeconfig(),
            namespace: SALES_NAMESPACE.to_owned(),
            edges: vec![format!("http://{}", address.trim())],
            nats: servers.nats,
            postgres: servers.postgres,
            keys,
        };
        Ok(Self { access, values })
    }

    /// Upgrades it, with its values changed by a merge patch, and waits until all of it is ready.
    ///
    /// # Errors
    /// With what Helm complained of.
    pub async fn change(&self, bed: &Bed, change: &Value) -> anyhow::Result<()> {
        let mut values = self.values.clone();
        merge(&mut values, change);
        install_chart(bed, &values).await
    }

    /// Runs Helm in the release's namespace; what it said.
    ///
    /// # Errors
    /// With what it complained of, and what became of the pods.
    pub async fn helm(&self, bed: &Bed, arguments: &[&str]) -> anyhow::Result<String> {
        helm(bed, arguments).await
    }

    /// How to reach it from outside: everything by an address of loopback, as long as the node lives.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn outside(&self, bed: &Bed) -> anyhow::Result<Access> {
        let (node, kubernetes) = (bed.node().await?, bed.kubernetes().await?);
        let publish = |address: &str| anyhow::Ok(node.publish(address.parse()?)?.to_string());
        let moved = |url: &str, address: &str| anyhow::Ok(url.replace(address, &publish(address)?));
        let edges = self.access.edges.iter().map(|edge| {
            let address = format!("{}:80", edge.trim_start_matches("http://"));
            Ok(format!("http://{}", publish(&address)?))
        });
        Ok(Access {
            kubeconfig: kubernetes.kubeconfig_at(&format!("https://{}", publish(&kubernetes.address())?))?,
            edges: edges.collect::<anyhow::Result<_>>()?,
            nats: moved(&self.access.nats, &bed.nats().await?.address())?,
            postgres: moved(&self.access.postgres, &bed.postgres().await?.address())?,
            ..self.access.clone()
        })
    }
}

/// Installs the chart, or changes what is installed, and waits until all of it is ready.
async fn install_chart(bed: &Bed, values: &Value) -> anyhow::Result<()> {
    let file = bed.folder().join("values.json");
    std::fs::write(&file, values.to_string())?;
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/sluice");
    let upgrade = ["upgrade", "--install", RELEASE, path(&chart)?];
    helm(bed, &[&upgrade[..], &["--values", path(&file)?, "--wait", "--timeout", READY_WITHIN]].concat())
        .await
        .map(drop)
}

/// Runs Helm in the release's namespace. Its complaint comes with what became of the pods.
async fn helm(bed: &Bed, arguments: &[&str]) -> anyhow::Result<String> {
    let kubernetes = bed.kubernetes().await?;
    let mut helm = tokio::process::Command::new(tool::path("helm")?);
    helm.args(arguments).args(["--namespace", RELEASE_NAMESPACE]);
    helm.env("KUBECONFIG", kubernetes.kubeconfig());
    for kind in ["CACHE", "CONFIG", "DATA"] {
        helm.env(format!("HELM_{kind}_HOME"), bed.folder().join("helm"));
    }
    let failed = match output(&mut helm, "helm", None).await {
        Ok(said) => return Ok(said),
        Err(failed) => failed,
    };
    let ask = async |what: &[&str]| {
        let all = [what, &["-n", RELEASE_NAMESPACE]].concat();
        kubectl(&kubernetes.kubeconfig(), &all, None).await.unwrap_or_default()
    };
    let (pods, events) = (ask(&["get", "pods", "-o", "wide"]).await, ask(&["get", "events"]).await);
    Err(failed.context(format!("helm {} failed\n{pods}\n{events}", arguments.join(" "))))
}

/// Values as Helm merges them: of two objects every entry, and anything else is replaced.
fn merge(values: &mut Value, change: &Value) {
    match (values, change) {
        (Value::Object(values), Value::Object(change)) => {
            for (key, change) in change {
                merge(values.entry(key.as_str()).or_insert(Value::Null), change);
            }
        }
        (value, change) => *value = change.clone(),
    }
}

/// Where the servers of the bed are, and their passwords.
struct Servers {
    nats: String,
    nats_monitor: String,
    postgres: String,
    postgres_password: String,
    redis: String,
    redis_password: String,
}

impl Servers {
    async fn start(bed: &Bed) -> anyhow::Result<Self> {
        let (nats, postgres, redis) = tokio::try_join!(bed.nats(), bed.postgres(), bed.redis())?;
        Ok(Self {
            nats: nats.url(),
            nats_monitor: nats.monitor_url(),
            postgres: postgres.create_database("sluice").await?,
            postgres_password: postgres.password().to_owned(),
            redis: format!("redis://{}", redis.address()),
            redis_password: redis.password().to_owned(),
        })
    }

    /// Addresses go into values, passwords do not.
    fn postgres_without_password(&self) -> String {
        self.postgres.replace(&format!(":{}@", self.postgres_password), "@")
    }
}

/// Both namespaces, and the Secrets that the values name.
fn objects(keys: &Keys, servers: &Servers) -> anyhow::Result<Value> {
    let namespaces = [RELEASE_NAMESPACE, SALES_NAMESPACE].map(|name| {
        let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
    });
    let read = |file: &PathBuf| std::fs::read(file).with_context(|| format!("no key at {}", file.display()));
    let (session, customer, payment) = (read(&keys.session)?, read(&keys.customer)?, read(&keys.payment)?);
    let keys = [("session", session.as_slice()), ("customer", &customer), ("payment", &payment)];
    let passwords = [("postgres", servers.postgres_password.as_bytes()), ("redis", servers.redis_password.as_bytes())];
    let secrets = [secret(KEYS_SECRET, &keys), secret(SERVERS_SECRET, &passwords)];
    let items: Vec<Value> = namespaces.into_iter().chain(secrets).collect();
    Ok(json!({ "apiVersion": "v1", "kind": "List", "items": items }))
}

fn secret(name: &str, entries: &[(&str, &[u8])]) -> Value {
    let data: Map<_, _> =
        entries.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into())).collect();
    let metadata = json!({ "name": name, "namespace": RELEASE_NAMESPACE });
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data })
}

fn values(tag: &str, servers: &Servers) -> Value {
    json!({
        "image": { "registry": "localhost", "tag": tag, "pullPolicy": "Never" },
        "nats": {
            "urls": [servers.nats],
            "monitorUrls": [servers.nats_monitor],
            "installation": SALES_NAMESPACE,
        },
        "postgres": {
            "url": servers.postgres_without_password(),
            "passwordSecret": { "name": SERVERS_SECRET, "key": "postgres" },
        },
        "redis": { "url": servers.redis, "passwordSecret": { "name": SERVERS_SECRET, "key": "redis" } },
        "keys": { "existingSecret": KEYS_SECRET },
        "operator": { "saleNamespaces": [SALES_NAMESPACE], "defaultReplicas": 1 },
        "edge": { "page": super::built_page().is_some(), "resources": { "requests": { "cpu": "100m" } } },
        "ledger": {
            "payment": { "secret": KEYS_SECRET },
            "resources": { "requests": { "cpu": "100m" } },
        },
    })
}
