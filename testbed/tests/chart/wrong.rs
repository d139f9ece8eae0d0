//! Wrong values: each is refused before anything is installed, by a sentence that names the value.

use crate::helm::{ADDRESSES, Place, Values, chart, helm};

/// What is set, and what the refusal says.
const WRONG: [(&[&str], &str); 53] = [
    (&["nats.urls=null"], "missing property 'urls'"),
    (&["nats.urls={http://nats:4222}"], "/nats/urls/0"),
    (&["nats.urls={nats://user:secret@nats:4222}"], "/nats/urls/0"),
    (&["nats.monitorUrls={nats-headless:8222}"], "/nats/monitorUrls/0"),
    (&["nats.installation=my shop"], "/nats/installation"),
    (&["nats.users.edge.name=edge"], "nats.users.edge.passwordSecret.name is empty"),
    (&["nats.users.ledger.passwordSecret.name=x"], "nats.users.ledger.name is empty"),
    (
        &["nats.users.operator.name=o", "nats.users.operator.credentialsSecret.name=c"],
        "nats.users.operator has both a name and a credentialsSecret",
    ),
    (&["nats.users.shop.name=x"], "/nats/users"),
    (&["postgres.url="], "postgres.url is empty"),
    (&["postgres.url=mysql://postgres/sluice"], "/postgres/url"),
    (&["postgres.url=postgres://sluice:secret@postgres/sluice"], "/postgres/url"),
    (&["postgres.password=secret"], "'password' not allowed"),
    (&["redis.passwordSecret.name=redis"], "redis.passwordSecret is set, but redis.url is empty"),
    (&["redis.caSecret.name=redis"], "redis.caSecret is set, but redis.url is empty"),
    (&["redis.url=redis://user:secret@redis"], "/redis/url"),
    (&["keys.sessionKeys=null"], "at '/keys': missing property 'sessionKeys'"),
    (&["keys.sessionKeys={a,b,c}"], "/keys/sessionKeys"),
    (&["keys.customerKey=session"], "keys.customerKey is session, which is one of keys.sessionKeys too"),
    (&["keys.existingSecret=Not A Name"], "/keys/existingSecret"),
    (&["operator.saleNamespaces={sluice}"], "the release's own namespace"),
    (&["operator.saleNamespaces=null"], "missing property 'saleNamespaces'"),
    (&["operator.saleNamespaces={shop,shop}"], "/operator/saleNamespaces"),
    (&["operator.defaultReplicas=2"], "/operator/defaultReplicas"),
    (&["operator.storage=tape"], "/operator/storage"),
    (&["operator.extraArgs={storage=memory}"], "/operator/extraArgs/0"),
    (&["edge.replicas=0"], "/edge/replicas"),
    (&["edge.replica=3"], "'replica' not allowed"),
    (&["edge.trustedProxyCIDRs={10.0.0.1}"], "/edge/trustedProxyCIDRs/0"),
    (&["edge.oidc.issuer=https://id.example"], "edge.oidc.clientId is empty"),
    (&["edge.oidc.issuer=https://id.example", "edge.oidc.clientId=shop"], "edge.oidc.redirectUrl is empty"),
    (&["edge.oidc.clientId=shop"], "edge.oidc.issuer is empty"),
    (
        &[
            "edge.oidc.issuer=http://id.example",
            "edge.oidc.clientId=shop",
            "edge.oidc.redirectUrl=https://shop.example/v1/sessions/oidc/callback",
        ],
        "edge.oidc.issuer has no TLS",
    ),
    (&["edge.ingress.enabled=true"], "edge.ingress.hosts is empty"),
    (&["edge.httpRoute.enabled=true"], "edge.httpRoute.parentRefs is empty"),
    (&["edge.autoscaling.enabled=true", "edge.autoscaling.minReplicas=30"], "edge.autoscaling.minReplicas is 30"),
    (&["edge.autoscaling.enabled=true", "edge.autoscaling.targetCPUPercent=null"], "there is nothing to scale by"),
    (&["edge.autoscaling.enabled=true", "edge.resources.requests=null"], "edge.resources.requests.cpu is empty"),
    (&["edge.image.digest=sha256:1234"], "/edge/image/digest"),
    (&["ledger.webhook.url=https://orders.example"], "ledger.webhook.secret is empty"),
    (&["ledger.webhook.url=http://orders.example", "ledger.webhook.secret=x"], "ledger.webhook.url has no TLS"),
    (&["ledger.roles={follow,sell}"], "/ledger/roles/1"),
    (&["ledger.migration.by=Magic"], "/ledger/migration/by"),
    (&["ledger.migration.postgres.passwordSecret.name=owner"], "ledger.migration.postgres.url is empty"),
    (
        &["ledger.migration.by=None", "ledger.migration.postgres.url=postgres://owner@db/sluice"],
        "ledger.migration.postgres.url is set, but ledger.migration.by is None",
    ),
    (&["networkPolicy.nats[0].cidr=10.0.0.0/8"], "/networkPolicy/nats/0"),
    (&["tracing.endpoint=collector:4318"], "/tracing/endpoint"),
    (&["tracing.sample=2"], "/tracing/sample"),
    (&["monitoring.runbookBaseUrl=git.shop.example"], "/monitoring/runbookBaseUrl"),
    (&["monitoring.podMonitor.interval=2m"], "/monitoring/podMonitor/interval"),
    (&["monitoring.podMonitor.interval=5s"], "monitoring.podMonitor.scrapeTimeout is 10s, longer than the interval"),
    (
        &["monitoring.podMonitor.enabled=true", "monitoring.scrapeAnnotations.enabled=true"],
        "monitoring.podMonitor and monitoring.scrapeAnnotations are both enabled",
    ),
    (&["monitoring.alerts.enabled=true"], "'alerts' not allowed"),
];

#[tokio::test]
async fn a_wrong_value_is_refused_by_a_sentence_that_names_it() -> anyhow::Result<()> {
    let place = Place::imagined();
    let mut silent = Vec::new();
    for (set, sentence) in WRONG {
        match place.render(Values::Default, set).await {
            Ok(_) => silent.push(format!("{set:?} is taken")),
            Err(refused) if format!("{refused:#}").contains(sentence) => {}
            Err(refused) => silent.push(format!("{set:?} is refused, but not by {sentence:?}: {refused:#}")),
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    Ok(())
}

#[tokio::test]
async fn without_an_address_it_says_which_one_is_needed() -> anyhow::Result<()> {
    for (given, missing) in [(ADDRESSES[1], "nats.urls is empty: name"), (ADDRESSES[0], "postgres.url is empty: name")]
    {
        let chart = chart().display().to_string();
        let refused = helm(&["template", "try", &chart, "--namespace", "sluice", "--set", given]).await.unwrap_err();
        assert!(refused.to_string().contains(missing), "{refused}");
    }
    Ok(())
}
