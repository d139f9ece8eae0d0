//! Who may talk to whom: one policy for each arrow of the picture, and none that allows more.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::helm::{Place, Values, of_kind, one, pods};

/// An arrow: of which components, which way, to which ports, and with whom; `anybody` where that is not said.
type Arrow = (Vec<String>, String, String, String);

/// Every policy but the first, by what it is called.
fn arrows(objects: &[Value]) -> BTreeMap<String, Arrow> {
    let mut found = BTreeMap::new();
    for policy in of_kind(objects, "NetworkPolicy") {
        let name = policy["metadata"]["name"].as_str().unwrap().strip_prefix("try-sluice-").unwrap().to_owned();
        if name == "default-deny" {
            continue;
        }
        let spec = &policy["spec"];
        assert_eq!(spec["podSelector"]["matchLabels"], own(), "{name}");
        let only = spec["podSelector"]["matchExpressions"].as_array().unwrap();
        assert_eq!(only.len(), 1, "{name}");
        assert_eq!(only[0]["key"], "app.kubernetes.io/component", "{name}");
        assert_eq!(only[0]["operator"], "In", "{name}");
        let of = serde_json::from_value(only[0]["values"].clone()).unwrap();
        let ways = spec["policyTypes"].as_array().unwrap();
        assert_eq!(ways.len(), 1, "{name} goes one way");
        let (way, key, peer) = match ways[0].as_str().unwrap() {
            "Ingress" => ("in", "ingress", "from"),
            _ => ("out", "egress", "to"),
        };
        let rules = spec[key].as_array().unwrap();
        assert_eq!(rules.len(), 1, "{name} says one thing");
        let ports = rules[0]["ports"].as_array().unwrap();
        assert!(!ports.is_empty(), "{name} allows every port");
        let port = |port: &Value| format!("{}/{}", port["protocol"].as_str().unwrap().to_lowercase(), port["port"]);
        let ports: Vec<_> = ports.iter().map(port).collect();
        let peers = rules[0].get(peer).map_or_else(|| "anybody".to_owned(), Value::to_string);
        let arrow = (of, way.to_owned(), ports.join(" "), peers);
        assert!(found.insert(name.clone(), arrow).is_none(), "{name} is there twice");
    }
    found
}

fn own() -> Value {
    json!({ "app.kubernetes.io/name": "sluice", "app.kubernetes.io/instance": "try" })
}

fn arrow(of: &[&str], way: &str, ports: &str, peers: &Value) -> Arrow {
    let peers = peers.as_str().map_or_else(|| peers.to_string(), ToOwned::to_owned);
    (of.iter().map(|name| (*name).to_owned()).collect(), way.to_owned(), ports.to_owned(), peers)
}

fn component(name: &str) -> Value {
    let mut labels = own();
    labels["app.kubernetes.io/component"] = json!(name);
    json!([{ "podSelector": { "matchLabels": labels } }])
}

fn within(namespace: &str, pods: Option<(&str, &str)>) -> Value {
    let mut peer = json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } } });
    if let Some((label, value)) = pods {
        peer["podSelector"] = json!({ "matchLabels": { label: value } });
    }
    json!([peer])
}

#[tokio::test]
async fn whatever_is_not_allowed_is_denied_for_every_pod_of_the_release() -> anyhow::Result<()> {
    for values in Values::ALL {
        let objects = Place::imagined().render(values, &[]).await?;
        let deny = one(&objects, "NetworkPolicy", "-default-deny");
        let spec = json!({ "podSelector": { "matchLabels": own() }, "policyTypes": ["Ingress", "Egress"] });
        assert_eq!(deny["spec"], spec);
        for (name, pod) in pods(&objects) {
            for (label, value) in own().as_object().unwrap() {
                assert_eq!(&pod["metadata"]["labels"][label], value, "{name} is not meant by {label}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_shop_has_exactly_the_arrows_of_the_picture() -> anyhow::Result<()> {
    let objects = Place::imagined().render(Values::Production, &[]).await?;
    let prometheus = within("monitoring", Some(("app.kubernetes.io/name", "prometheus")));
    let postgres = within("data", Some(("cnpg.io/cluster", "sluice-db")));
    let redis = within("data", Some(("app.kubernetes.io/name", "redis")));
    let dns = within("kube-system", Some(("k8s-app", "kube-dns")));
    let collector = within("monitoring", Some(("app.kubernetes.io/name", "opentelemetry-collector")));
    let (nats, anybody) = (within("nats", None), json!("anybody"));
    let expected = [
        ("shoppers-to-edge", arrow(&["edge"], "in", "tcp/8080", &within("ingress-nginx", None))),
        ("prometheus-to-admin", arrow(&["operator", "edge", "ledger"], "in", "tcp/9090", &prometheus)),
        ("edge-to-nats", arrow(&["edge"], "out", "tcp/4222", &nats)),
        ("ledger-to-nats", arrow(&["ledger"], "out", "tcp/4222", &nats)),
        ("operator-to-nats", arrow(&["operator"], "out", "tcp/4222", &nats)),
        ("operator-to-nats-monitor", arrow(&["operator"], "out", "tcp/8222", &nats)),
        ("edge-to-redis", arrow(&["edge"], "out", "tcp/6379", &redis)),
        ("edge-to-issuer", arrow(&["edge"], "out", "tcp/443", &anybody)),
        ("ledger-to-postgres", arrow(&["ledger"], "out", "tcp/5432", &postgres)),
        ("migration-to-postgres", arrow(&["migration"], "out", "tcp/5432", &postgres)),
        ("migration-to-dns", arrow(&["migration"], "out", "tcp/53 udp/53", &dns)),
        ("ledger-to-webhook", arrow(&["ledger"], "out", "tcp/443", &anybody)),
        ("all-to-traces", arrow(&["operator", "edge", "ledger"], "out", "tcp/4318", &collector)),
        ("operator-to-api-server", arrow(&["operator", "test"], "out", "tcp/443 tcp/6443", &anybody)),
        ("all-to-dns", arrow(&["operator", "edge", "ledger", "test"], "out", "tcp/53 udp/53", &dns)),
        ("test-to-edge", arrow(&["test"], "out", "tcp/8080", &component("edge"))),
        ("edge-from-test", arrow(&["edge"], "in", "tcp/8080", &component("test"))),
    ];
    let expected: BTreeMap<_, _> = expected.into_iter().map(|(name, arrow)| (name.to_owned(), arrow)).collect();
    assert_eq!(arrows(&objects), expected);
    Ok(())
}

#[tokio::test]
async fn an_arrow_that_leads_nowhere_is_not_drawn() -> anyhow::Result<()> {
    let objects = Place::imagined().render(Values::Minimal, &["test.enabled=false"]).await?;
    let names: Vec<_> = arrows(&objects).into_keys().collect();
    let expected = [
        "all-to-dns",
        "edge-to-nats",
        "ledger-to-nats",
        "ledger-to-postgres",
        "operator-to-api-server",
        "operator-to-nats",
        "prometheus-to-admin",
        "shoppers-to-edge",
    ];
    assert_eq!(names, expected);
    Ok(())
}

#[tokio::test]
async fn ports_are_those_of_the_addresses() -> anyhow::Result<()> {
    let further = [
        "nats.urls={nats://a:4300,tls://b}",
        "nats.monitorUrls={https://nats/}",
        "postgres.url=postgresql://sluice@db:6000/sluice?sslmode=disable",
        "ledger.migration.postgres.url=postgres://owner@primary:6001/sluice",
        "redis.url=redis://cache:7000/1",
        "edge.oidc.issuer=https://id.example:8443/realms/shop",
        "edge.oidc.clientId=shop",
        "edge.oidc.redirectUrl=https://shop.example/v1/sessions/oidc/callback",
    ];
    let objects = Place::imagined().render(Values::Default, &further).await?;
    let arrows = arrows(&objects);
    for (name, ports) in [
        ("edge-to-nats", "tcp/4300 tcp/4222"),
        ("operator-to-nats-monitor", "tcp/443"),
        ("ledger-to-postgres", "tcp/6000"),
        ("migration-to-postgres", "tcp/6001"),
        ("edge-to-redis", "tcp/7000"),
        ("edge-to-issuer", "tcp/8443"),
    ] {
        assert_eq!(arrows[name].2, ports, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn the_arrows_of_the_migration_are_drawn_before_it() -> anyhow::Result<()> {
    let objects = Place::imagined().render(Values::Default, &[]).await?;
    let hook = |object: &Value, key: &str| object["metadata"]["annotations"][format!("helm.sh/{key}")].clone();
    let job = one(&objects, "Job", "-migration");
    assert!(hook(job, "hook-weight").is_null());
    for end in ["-migration-to-postgres", "-migration-to-dns"] {
        let policy = one(&objects, "NetworkPolicy", end);
        assert_eq!(hook(policy, "hook"), hook(job, "hook"), "{end}");
        assert_eq!(hook(policy, "hook-weight"), "-1", "{end}");
        assert_eq!(hook(policy, "hook-delete-policy"), hook(job, "hook-delete-policy"), "{end}");
    }
    let meant = &job["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"];
    assert_eq!(meant, "migration");
    Ok(())
}

#[tokio::test]
async fn without_policies_there_is_none() -> anyhow::Result<()> {
    let objects = Place::imagined().render(Values::Production, &["networkPolicy.enabled=false"]).await?;
    assert_eq!(of_kind(&objects, "NetworkPolicy").count(), 0);
    Ok(())
}
