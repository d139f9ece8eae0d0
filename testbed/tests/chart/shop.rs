//! A whole shop as the chart starts it, with the users of `charts/nats-values.yaml` and `charts/cnpg-cluster.yaml`: what they are
//! granted is enough, and nothing else is let through.
//!
//! Every process gets the arguments of its container, with the files that its pod would have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testbed::{Bed, Service, eventually, free_port};

use crate::helm::{BOUND, Place, Values, chart, kind_known, kubectl, list, one};
use crate::trial::{arguments, run};

/// Password of everybody, everywhere.
const PASSWORD: &str = "known-to-this-test-alone";
/// What a server writes where it refuses.
const VIOLATION: &str = "Violation";

fn beside(file: &str) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(chart().join("..").join(file))?;
    // Comments that go before it are no document of their own.
    Ok(serde_yaml_ng::from_str(&text)?)
}

/// The users of the NATS chart's values, as a server takes them; JSON is a way to write its configuration.
fn nats_users() -> anyhow::Result<String> {
    let mut authorization = beside("nats-values.yaml")?["config"]["merge"]["authorization"].clone();
    for user in authorization["users"].as_array_mut().context("no users")? {
        let name = user["user"].as_str().context("a user without a name")?.to_uppercase();
        ensure!(user["password"] == format!("<< ${name}_PASSWORD >>"), "{user:#}");
        user["password"] = json!(PASSWORD);
    }
    Ok(format!("authorization: {authorization}"))
}

/// A database as CloudNativePG would set it up; the addresses of its owner and of the ledgers.
async fn database(bed: &Bed) -> anyhow::Result<(String, String)> {
    let cluster = beside("cnpg-cluster.yaml")?;
    let postgres = bed.postgres().await?;
    let admin = postgres.create_database("shop").await?;
    let name = admin.rsplit_once('/').and_then(|(_, rest)| rest.split_once('?')).context("no name")?.0.to_owned();
    let initdb = &cluster["spec"]["bootstrap"]["initdb"];
    let owner = initdb["owner"].as_str().context("no owner")?;
    let mut statements = vec![format!("CREATE ROLE {owner} LOGIN"), format!("ALTER DATABASE {name} OWNER TO {owner}")];
    let given = initdb["postInitApplicationSQL"].as_array().context("no statements")?;
    statements.extend(given.iter().map(|text| text.as_str().unwrap().to_owned()));
    let ledger = &cluster["spec"]["managed"]["roles"][0];
    let ledger_name = ledger["name"].as_str().context("no role")?;
    statements.push(format!("ALTER ROLE {ledger_name} CONNECTION LIMIT {}", ledger["connectionLimit"]));
    statements.extend([owner, ledger_name].map(|role| format!("ALTER ROLE {role} PASSWORD '{PASSWORD}'")));
    let mut connection = PgConnection::connect(&admin).await?;
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut connection).await.context(statement)?;
    }
    connection.close().await?;
    let url = |user: &str| format!("postgres://{user}@{}/{name}?sslmode=disable", postgres.address());
    Ok((url(owner), url(ledger_name)))
}

/// A shop: its processes, and how to reach them.
struct Shop {
    bed: Bed,
    place: Place,
    objects: Vec<Value>,
    keys: BTreeMap<String, String>,
    ledger_url: String,
    edge: String,
    services: Vec<Service>,
}

impl Shop {
    async fn open() -> anyhow::Result<Self> {
        let bed = Bed::builder().nats_settings(nats_users()?).start().await?;
        let place = Place::new(Bed::shared().await?).await?;
        kind_known().await?;
        let (owner_url, ledger_url) = database(&bed).await?;
        let (edge, admin) = (free_port()?, [free_port()?, free_port()?, free_port()?]);
        let nats = bed.nats().await?;
        let further = [
            format!("nats.urls={{{}}}", nats.url()),
            format!("nats.monitorUrls={{{}}}", nats.monitor_url()),
            format!("postgres.url={ledger_url}"),
            "postgres.passwordSecret.name=ledger".to_owned(),
            format!("ledger.migration.postgres.url={owner_url}"),
            "ledger.migration.postgres.passwordSecret.name=owner".to_owned(),
            "operator.defaultReplicas=1".to_owned(),
            "edge.page=false".to_owned(),
            format!("operator.extraArgs={{--admin-addr=127.0.0.1:{}}}", admin[0]),
            format!("edge.extraArgs={{--admin-addr=127.0.0.1:{},--listen=127.0.0.1:{edge}}}", admin[1]),
            format!("ledger.extraArgs={{--admin-addr=127.0.0.1:{}}}", admin[2]),
        ];
        let users = ["operator", "edge", "ledger"].map(|user| {
            let below = format!("nats.users.{user}");
            format!("{below}.name={user},{below}.passwordSecret.name=nats-users,{below}.passwordSecret.key={user}")
        });
        let further: Vec<_> = further.iter().chain(&users).map(String::as_str).collect();
        let objects = place.render(Values::Default, &further).await?;
        let about_rights =
            |object: &&Value| matches!(object["kind"].as_str(), Some("ServiceAccount" | "Role" | "RoleBinding"));
        kubectl(&["apply", "--server-side", "-f", "-"], &list(objects.iter().filter(about_rights))).await?;
        let keys = ["session", "customer"].map(|key| (key.to_owned(), uuid::Uuid::new_v4().to_string()));
        let edge = format!("http://127.0.0.1:{edge}");
        let mut shop = Self { bed, place, objects, keys: keys.into(), ledger_url, edge, services: Vec::new() };
        let migration = shop.container("Job", "-migration")?;
        run("sluice-ledger", &migration, None).await.context("migration")?;
        for component in ["operator", "edge", "ledger"] {
            shop.start(component).await?;
        }
        for (service, port) in shop.services.iter().zip(admin) {
            service.wait_ready(&format!("http://127.0.0.1:{port}")).await?;
        }
        Ok(shop)
    }

    async fn start(&mut self, component: &str) -> anyhow::Result<()> {
        let arguments = self.container("Deployment", &format!("-{component}"))?;
        let mut environment = Vec::new();
        if component == "operator" {
            environment.push(("KUBECONFIG", self.kubeconfig("operator").await?.display().to_string()));
        }
        let program = format!("sluice-{component}");
        self.services.push(Service::spawn(&self.bed, component, &program, arguments, environment)?);
        Ok(())
    }

    async fn kubeconfig(&self, account: &str) -> anyhow::Result<PathBuf> {
        let kubernetes = Bed::shared().await?.kubernetes().await?;
        kubernetes.kubeconfig_for(&self.place.release, &format!("try-sluice-{account}")).await
    }

    /// The arguments of the first container of an object, once the files are there that they name.
    fn container(&self, kind: &str, end: &str) -> anyhow::Result<Vec<String>> {
        let object = one(&self.objects, kind, end);
        let spec = if kind == "Pod" { &object["spec"] } else { &object["spec"]["template"]["spec"] };
        let folder = self.bed.folder().join(format!("etc{end}"));
        self.files(&spec["volumes"], &folder)?;
        let arguments = spec["containers"][0]["args"].as_array().context("no arguments")?;
        let placed = arguments.iter().map(|text| {
            let text = text.as_str().unwrap().replace("$(POD_NAME)", "operator-0");
            text.replace("/etc/sluice", &folder.display().to_string())
        });
        Ok(placed.collect())
    }

    /// What a pod's volume would hold.
    fn files(&self, volumes: &Value, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let etc = volumes.as_array().into_iter().flatten().find(|volume| volume["name"] == "etc");
        for source in etc.map(|etc| &etc["projected"]["sources"]).and_then(Value::as_array).into_iter().flatten() {
            for item in source["secret"]["items"].as_array().context("no items")? {
                let text = |key: &str| item[key].as_str().context("no text");
                let known = self.keys.get(text("key")?).map_or(PASSWORD, String::as_str);
                std::fs::write(folder.join(text("path")?), known)?;
            }
        }
        Ok(())
    }

    /// A session of somebody, in a file.
    async fn session(&self) -> anyhow::Result<String> {
        let folder = self.bed.folder().join("etc-session");
        let pod = one(&self.objects, "Pod", "-test");
        self.files(&pod["spec"]["volumes"], &folder)?;
        let file = |name: &str| folder.join(name).display().to_string();
        let here = [
            ("--session-key-file", file("session-key")),
            ("--customer-key-file", file("customer-key")),
            ("--output", file("token")),
        ];
        let here = here.each_ref().map(|(name, path)| (*name, path.as_str()));
        run("sluice-edge", &arguments(&pod["spec"]["initContainers"][0], &here), None).await?;
        Ok(file("token"))
    }

    /// Buys a unit of a sale that has to be paid and gives it back, and another that comes back once nobody paid.
    async fn hold(&self, token: &str) -> anyhow::Result<()> {
        let sale = json!({
            "apiVersion": "sluice.dev/v1alpha1",
            "kind": "FlashSale",
            "metadata": { "name": "held", "namespace": self.place.sales },
            "spec": {
                "schedule": { "startTime": "2020-01-01T00:00:00Z", "endTime": "2040-01-01T00:00:00Z" },
                "items": [{ "sku": "LAMP", "quantity": 3, "price": { "amountMinor": 100, "currency": "EUR" } }],
                "payment": { "mode": "Wallet" },
                "reservation": { "holdSeconds": 3_600 },
            },
        });
        kubectl(&["create", "-f", "-"], &sale.to_string()).await?;
        let id = eventually(BOUND, "the sale is open", async || {
            let status = self.status().await?;
            ensure!(status["openedAt"].is_string(), "{status:#}");
            Ok(status["saleID"].as_str().context("no id")?.to_owned())
        });
        let url = format!("{}/v1/sales/{}", self.edge, id.await?);
        let (client, session) = (reqwest::Client::new(), std::fs::read_to_string(token)?);
        let post = |path: &str, key: &str| {
            let request = client.post(format!("{url}/orders{path}")).bearer_auth(session.trim());
            request.header("Idempotency-Key", key).json(&json!({ "sku": "LAMP", "quantity": 1 }))
        };
        let order = until(post("", "first"), "/state", &json!("held")).await?;
        self.shows_held(1).await?;
        let cancel = format!("/{}/cancel", order["id"].as_str().context("no id")?);
        until(post(&cancel, "back"), "/state", &json!("released")).await?;
        self.shows_held(0).await?;

        self.patch(&json!({ "reservation": { "holdSeconds": 10 } })).await?;
        until(client.get(&url), "/holdSeconds", &json!(10)).await?;
        let order = until(post("", "second"), "/state", &json!("held")).await?;
        let order = format!("{url}/orders/{}", order["id"].as_str().context("no id")?);
        until(client.get(order).bearer_auth(session.trim()), "/reason", &json!("expired")).await?;
        self.shows_held(0).await?;
        self.patch(&json!({ "desiredState": "Closed" })).await?;
        let delete = ["-n", &self.place.sales, "delete", "flashsale", "held", "--timeout=60s"];
        let deleted = kubectl(&delete, "").await.map(drop);
        match deleted {
            Ok(()) => Ok(()),
            Err(late) => Err(late.context(format!("{:#}", self.status().await?))),
        }
    }

    /// The status of that sale.
    async fn status(&self) -> anyhow::Result<Value> {
        let get = ["-n", &self.place.sales, "get", "flashsale", "held", "-o", "json"];
        Ok(serde_json::from_str::<Value>(&kubectl(&get, "").await?)?["status"].clone())
    }

    async fn patch(&self, spec: &Value) -> anyhow::Result<()> {
        let more = json!({ "spec": spec }).to_string();
        kubectl(&["-n", &self.place.sales, "patch", "flashsale", "held", "--type=merge", "-p", &more], "")
            .await
            .map(drop)
    }

    async fn shows_held(&self, held: i64) -> anyhow::Result<()> {
        eventually(BOUND, "what is held to be shown", async || {
            let status = self.status().await?;
            ensure!(status["totals"]["held"] == held && status["totals"]["free"] == 3 - held, "{status:#}");
            Ok(())
        })
        .await
    }

    async fn refusals(&self) -> anyhow::Result<Vec<String>> {
        let log = self.bed.nats().await?.log();
        Ok(log.lines().filter(|line| line.contains(VIOLATION)).map(ToOwned::to_owned).collect())
    }

    async fn close(&self) -> anyhow::Result<()> {
        for service in self.services.iter().rev() {
            service.stop().await?;
        }
        Ok(())
    }
}

/// Sends a request until its answer says this; the answer.
async fn until(request: reqwest::RequestBuilder, field: &str, wanted: &Value) -> anyhow::Result<Value> {
    eventually(BOUND, &format!("{field} to be {wanted}"), async || {
        let answer = request.try_clone().context("it cannot be repeated")?.send().await?;
        let told: Value = answer.json().await?;
        ensure!(told.pointer(field) == Some(wanted), "{told}");
        Ok(told)
    })
    .await
}

#[test]
fn the_examples_fit_one_another() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(chart().join("values-production.yaml"))?;
    let shop: Value = serde_yaml_ng::from_str(&text)?;
    let users = beside("nats-values.yaml")?["config"]["merge"]["authorization"]["users"].clone();
    let users: Vec<_> = users.as_array().context("no users")?.iter().map(|user| user["user"].clone()).collect();
    let named: Vec<_> = ["operator", "edge", "ledger"].map(|user| shop["nats"]["users"][user]["name"].clone()).into();
    assert_eq!(named, users);

    let cluster = beside("cnpg-cluster.yaml")?;
    let (meta, initdb) = (&cluster["metadata"], &cluster["spec"]["bootstrap"]["initdb"]);
    let role = &cluster["spec"]["managed"]["roles"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let host = format!("{}-rw.{}.svc.cluster.local:5432", text(&meta["name"]), text(&meta["namespace"]));
    let url = |user: &Value| format!("postgres://{}@{host}/{}", text(user), text(&initdb["database"]));
    assert_eq!(shop["postgres"]["url"], url(&role["name"]));
    assert_eq!(shop["postgres"]["passwordSecret"], role["passwordSecret"]);
    let migration = &shop["ledger"]["migration"]["postgres"];
    assert_eq!(migration["url"], url(&initdb["owner"]));
    assert_eq!(migration["passwordSecret"]["name"], format!("{}-app", text(&meta["name"])));
    let most: i64 = text(&cluster["spec"]["postgresql"]["parameters"]["max_connections"]).parse()?;
    assert!(role["connectionLimit"].as_i64().is_some_and(|limit| limit < most), "nobody else could connect");
    Ok(())
}

/// What each user may not do: publish (`>`) or subscribe (`<`).
const FORBIDDEN: [(&str, &str); 30] = [
    ("operator", "> $KV.aurora-1_e1_s0.order.alice.0"),
    ("operator", "> sluice.ask.sign-in"),
    ("operator", "> $JS.API.STREAM.PURGE.KV_sales"),
    ("operator", "> $JS.API.STREAM.UPDATE.KV_sales"),
    ("operator", "> $JS.API.STREAM.MSG.DELETE.KV_sales"),
    ("operator", "> $JS.API.STREAM.SNAPSHOT.KV_sales"),
    ("operator", "< >"),
    ("operator", "< $KV.>"),
    ("edge", "> $JS.API.STREAM.DELETE.KV_sales"),
    ("edge", "> $JS.API.STREAM.CREATE.KV_other"),
    ("edge", "> $JS.API.STREAM.UPDATE.KV_sales"),
    ("edge", "> $JS.API.STREAM.PURGE.KV_sales"),
    ("edge", "> $JS.API.CONSUMER.DELETE.KV_sales.x"),
    ("edge", "> $KV.sales.aurora-1"),
    ("edge", "> $KV.deeds.shop.aurora"),
    ("edge", "> $KV.deeds.bucket.x"),
    ("edge", "> $KV.sale_status.order.x.0"),
    ("edge", "> $KV.aurora-1_e1_s0.supply.A.1"),
    ("edge", "> $KV.aurora-1_e1_s0.meta"),
    ("edge", "< sluice.ask.*"),
    ("edge", "< $KV.>"),
    ("edge", "< $SYS.>"),
    ("ledger", "> $JS.API.STREAM.DELETE.KV_sales"),
    ("ledger", "> $JS.API.STREAM.CREATE.KV_other"),
    ("ledger", "> $JS.API.STREAM.PURGE.KV_sales"),
    ("ledger", "> $KV.sales.aurora-1"),
    ("ledger", "> $KV.deeds.shop.aurora"),
    ("ledger", "> $KV.aurora-1_e1_s0.supply.A.1"),
    ("ledger", "> _INBOX.somebody.else"),
    ("ledger", "< $KV.>"),
];

#[tokio::test]
async fn a_shop_sells_with_the_narrowest_rights_and_nothing_else_is_let_through() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let token = shop.session().await?;
    let pod = one(&shop.objects, "Pod", "-test");
    let trial = arguments(&pod["spec"]["containers"][0], &[("--edge-url", &shop.edge), ("--session-file", &token)]);
    let sold = run("sluice-operator", &trial, Some(&shop.kubeconfig("test").await?)).await;
    let held = if sold.is_ok() { shop.hold(&token).await } else { Ok(()) };
    let refused = shop.refusals().await?;
    assert!(refused.is_empty(), "somebody lacks a right:\n{}\n{sold:?}\n{held:?}", refused.join("\n"));
    sold.and(held)?;

    let url = shop.bed.nats().await?.url();
    for (user, what) in FORBIDDEN {
        let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), PASSWORD.to_owned());
        let client = options.connect(&url).await?;
        let (way, subject) = what.split_once(' ').context("which way?")?;
        match way {
            ">" => client.publish(subject.to_owned(), "{}".into()).await?,
            _ => drop(client.subscribe(subject.to_owned()).await?),
        }
        client.flush().await?;
        eventually(BOUND, "it is refused", async || {
            let refused = shop.refusals().await?;
            let told =
                |line: &&String| line.contains(&format!("user:{user}\"")) && line.contains(&format!("\"{subject}\""));
            ensure!(refused.iter().any(|line| told(&line)), "{user} {what} is let through:\n{}", refused.join("\n"));
            Ok(())
        })
        .await?;
    }
    // The user of the ledgers keeps the books and cannot change what books are.
    let url = shop.ledger_url.replace("sluice_ledger@", &format!("sluice_ledger:{PASSWORD}@"));
    let mut connection = PgConnection::connect(&url).await?;
    for statement in
        ["CREATE TABLE mine (a int)", "DROP TABLE orders", "ALTER TABLE orders ADD COLUMN a int", "TRUNCATE orders"]
    {
        let refused = sqlx::raw_sql(statement).execute(&mut connection).await.err().context(statement)?.to_string();
        assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{statement}: {refused}");
    }
    connection.close().await?;
    shop.close().await
}
