//! The life of a release on a real API server: installed, upgraded, rolled back, uninstalled, installed again.
//!
//! Nothing runs there, so hooks are left out: what a migration and a trial do is tested elsewhere.

use anyhow::Context as _;
use serde_json::{Value, json};
use testbed::Bed;

use crate::helm::{CLUSTER, Place, RELEASE, Values, chart, helm_there, kind_known, kubectl};

async fn release(verb: &str, place: &Place, further: &[&str]) -> anyhow::Result<()> {
    let mut arguments =
        vec![verb.to_owned(), RELEASE.to_owned(), chart().display().to_string(), "--no-hooks".to_owned()];
    arguments.extend(place.arguments(Values::Default, further));
    helm_there(&arguments).await.map(drop)
}

async fn command(verb: &str, place: &Place, further: &[&str]) -> anyhow::Result<()> {
    let mut arguments = vec![verb, RELEASE, "--namespace", &place.release, "--no-hooks"];
    arguments.extend(further);
    helm_there(&arguments).await.map(drop)
}

async fn get(place: &Place, what: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&kubectl(&["-n", &place.release, "get", what, "-o", "json"], "").await?)?)
}

async fn gone(namespace: &str, what: &str) -> anyhow::Result<bool> {
    Ok(kubectl(&["-n", namespace, "get", what, "--ignore-not-found", "-o", "name"], "").await?.trim().is_empty())
}

async fn edges(place: &Place) -> anyhow::Result<Value> {
    Ok(get(place, "deployment/try-sluice-edge").await?["spec"]["replicas"].clone())
}

async fn keys(place: &Place) -> anyhow::Result<Value> {
    Ok(get(place, "secret/try-sluice-keys").await?["data"].clone())
}

/// Whether the kind that is installed has a column of this name.
async fn has_column(name: &str) -> anyhow::Result<bool> {
    let kind: Value =
        serde_json::from_str(&kubectl(&["get", "crd", "flashsales.sluice.dev", "-o", "json"], "").await?)?;
    let columns = kind["spec"]["versions"][0]["additionalPrinterColumns"].as_array().context("no columns")?;
    Ok(columns.iter().any(|column| column["name"] == name))
}

/// An older kind, with one column less, that a release is said to own.
async fn older_kind(place: &Place) -> anyhow::Result<()> {
    let mut kind: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(chart().join("files/flashsale.yaml"))?)?;
    kind["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "Helm" });
    kind["metadata"]["annotations"] =
        json!({ "meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": place.release });
    let columns = kind["spec"]["versions"][0]["additionalPrinterColumns"].as_array_mut().context("no columns")?;
    columns.retain(|column| column["name"] != "DURABLE" && column["name"] != "CONSERVED");
    let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=helm", "-f", "-"];
    kubectl(&apply, &kind.to_string()).await.map(drop)
}

/// The commands of the notes name what is there, and the sale in them is one.
async fn what_the_notes_say(place: &Place) -> anyhow::Result<()> {
    let notes = helm_there(&["get", "notes", RELEASE, "--namespace", &place.release]).await?;
    let (_, rest) = notes.split_once("<<END\n").context("no sale in the notes")?;
    let (sale, rest) = rest.split_once("     END\n").context("the sale does not end")?;
    kubectl(&["-n", &place.sales, "create", "--dry-run=server", "--validate=strict", "-f", "-"], sale).await?;
    for told in
        ["create -f - <<END".to_owned(), format!("helm -n {} test {RELEASE}", place.release), place.sales.clone()]
    {
        assert!(notes.contains(&told), "{told} is not in {notes}");
    }
    let service = rest.split_once("port-forward service/").context("no way to the page")?.1;
    let (name, ports) = service.split_once(' ').context("no port")?;
    assert_eq!(get(place, &format!("service/{name}")).await?["spec"]["ports"][0]["port"], 80);
    assert!(ports.starts_with("8080:80\n"), "{ports}");
    let labelled = ["-n", &place.release, "get", "deployment", "-l", "app.kubernetes.io/instance=try", "-o", "name"];
    assert_eq!(kubectl(&labelled, "").await?.lines().count(), 3);
    Ok(())
}

#[tokio::test]
async fn a_release_lives_and_leaves_behind_what_cannot_be_made_again() -> anyhow::Result<()> {
    let _alone = CLUSTER.lock().await;
    let place = Place::new(Bed::shared().await?).await?;
    // So that nobody else makes it known meanwhile.
    kind_known().await?;
    older_kind(&place).await?;
    assert!(!has_column("DURABLE").await?);

    release("install", &place, &[]).await?;
    assert!(has_column("DURABLE").await?, "the kind was not brought up to date");
    assert_eq!(edges(&place).await?, 2);
    let first = keys(&place).await?;
    assert_ne!(first["session"], first["customer"]);

    what_the_notes_say(&place).await?;

    release("upgrade", &place, &["edge.replicas=5", "keys.sessionKeys={next,session}"]).await?;
    assert_eq!(edges(&place).await?, 5);
    let rotated = keys(&place).await?;
    assert_eq!((&rotated["session"], &rotated["customer"]), (&first["session"], &first["customer"]));
    assert!(rotated["next"].is_string() && rotated["next"] != rotated["session"]);

    command("rollback", &place, &["1"]).await?;
    assert_eq!(edges(&place).await?, 2);
    let back = keys(&place).await?;
    assert_eq!((&back["session"], &back["customer"]), (&first["session"], &first["customer"]));

    release("upgrade", &place, &["edge.replicas=3"]).await?;
    assert_eq!(edges(&place).await?, 3);
    let (session, customer) = (first["session"].clone(), first["customer"].clone());

    command("uninstall", &place, &[]).await?;
    for what in
        ["deployment/try-sluice-edge", "serviceaccount/try-sluice-operator", "networkpolicy/try-sluice-default-deny"]
    {
        assert!(gone(&place.release, what).await?, "{what} is still there");
    }
    assert!(gone(&place.sales, "role/sluice-operator").await?, "the operator's rights are still there");
    assert!(has_column("DURABLE").await?, "the kind went, and every sale with it");

    release("install", &place, &[]).await?;
    let again = keys(&place).await?;
    assert_eq!((&again["session"], &again["customer"]), (&session, &customer));
    command("uninstall", &place, &[]).await
}

#[tokio::test]
async fn keys_that_vanished_are_not_made_anew_behind_anybodys_back() -> anyhow::Result<()> {
    let place = Place::new(Bed::shared().await?).await?;
    let further = ["crd.install=false", "admissionPolicies.enabled=false"];
    release("install", &place, &further).await?;
    let data = keys(&place).await?;
    kubectl(&["-n", &place.release, "delete", "secret", "try-sluice-keys"], "").await?;
    let refused = release("upgrade", &place, &further).await.unwrap_err().to_string();
    let sentence = format!("the Secret try-sluice-keys with the keys is not in {}", place.release);
    assert!(refused.contains(&sentence), "{refused}");

    // From a backup, which knows nothing of Helm.
    let backup = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "try-sluice-keys", "namespace": place.release },
        "data": data,
    });
    kubectl(&["create", "-f", "-"], &backup.to_string()).await?;
    release("upgrade", &place, &further).await?;
    assert_eq!(keys(&place).await?, data);

    // Before anything was made there is nobody to be somebody else.
    kubectl(&["-n", &place.release, "delete", "secret/try-sluice-keys", "deployment/try-sluice-edge"], "").await?;
    release("upgrade", &place, &further).await?;
    assert_ne!(keys(&place).await?, data);
    command("uninstall", &place, &[]).await
}

#[tokio::test]
async fn how_many_edges_there_are_is_left_to_the_autoscaler() -> anyhow::Result<()> {
    let place = Place::new(Bed::shared().await?).await?;
    let by_itself = ["crd.install=false", "admissionPolicies.enabled=false", "edge.autoscaling.enabled=true"];
    release("install", &place, &by_itself[..2]).await?;
    let before = edges(&place).await?;
    assert!(before.as_u64() > Some(1), "{before}");
    // A count that is nobody's would be one, until the autoscaler has looked; and it may not look before the next upgrade.
    for viewers in ["edge.viewersMax=10", "edge.viewersMax=20"] {
        release("upgrade", &place, &[&by_itself[..], &[viewers]].concat()).await?;
        assert_eq!(edges(&place).await?, before);
    }
    // As the autoscaler does it.
    kubectl(&["-n", &place.release, "scale", "deployment/try-sluice-edge", "--replicas=7"], "").await?;
    release("upgrade", &place, &[&by_itself[..], &["edge.viewersMax=100"]].concat()).await?;
    assert_eq!(edges(&place).await?, 7);
    let edge = get(&place, "deployment/try-sluice-edge").await?;
    let arguments = &edge["spec"]["template"]["spec"]["containers"][0]["args"];
    assert!(arguments.as_array().unwrap().contains(&json!("--viewers-max=100")), "{arguments}");
    command("uninstall", &place, &[]).await
}

#[tokio::test]
async fn two_releases_never_serve_the_same_sales() -> anyhow::Result<()> {
    let bed = Bed::shared().await?;
    let (first, mut second) = (Place::new(bed).await?, Place::new(bed).await?);
    let further = ["crd.install=false", "admissionPolicies.enabled=false"];
    release("install", &first, &further).await?;
    release("install", &second, &further).await?;
    command("uninstall", &second, &[]).await?;
    second.sales.clone_from(&first.sales);
    let refused = release("install", &second, &further).await.unwrap_err().to_string();
    assert!(refused.contains("sluice-operator") && refused.contains(&first.sales), "{refused}");
    command("uninstall", &first, &[]).await
}
