//! What each service account may do: asked for as that account, of the real API server.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testbed::{Bed, eventually};

use crate::helm::{BOUND, Place, Values, kind_known, kubectl, list};

const ACCOUNTS: [&str; 4] = ["operator", "edge", "ledger", "test"];

/// A release's accounts and rights in place, those of its test as well, and nothing else of it.
async fn granted() -> anyhow::Result<Place> {
    let place = Place::new(Bed::shared().await?).await?;
    kind_known().await?;
    let objects = place.render(Values::Default, &[]).await?;
    let about_rights = |object: &&Value| {
        matches!(
            object["kind"].as_str(),
            Some("ServiceAccount" | "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding")
        )
    };
    let rights = list(objects.iter().filter(about_rights));
    kubectl(&["apply", "--server-side", "-f", "-"], &rights).await?;
    eventually(BOUND, "the rights to be in force", async || {
        for (account, namespace) in [("operator", &place.sales), ("operator", &place.release), ("test", &place.sales)] {
            ensure!(!allowed(&place, account, namespace).await?.is_empty(), "{account} may nothing in {namespace}");
        }
        Ok(())
    })
    .await?;
    Ok(place)
}

fn user(place: &Place, account: &str) -> String {
    format!("--as=system:serviceaccount:{}:try-sluice-{account}", place.release)
}

/// What an account may do in a namespace beyond what any account there may.
async fn allowed(place: &Place, account: &str, namespace: &str) -> anyhow::Result<BTreeSet<String>> {
    let anybody = everything(place, "stranger", namespace).await?;
    Ok(everything(place, account, namespace).await?.difference(&anybody).cloned().collect())
}

/// Everything that an account may do in a namespace, as `verb resource` or `verb resource/name`.
async fn everything(place: &Place, account: &str, namespace: &str) -> anyhow::Result<BTreeSet<String>> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": { "namespace": namespace },
    });
    let user = user(place, account);
    // Whoever a token names is in these groups; kubectl has to be told.
    let groups = ["--as-group=system:authenticated", "--as-group=system:serviceaccounts"];
    // What kubectl knows of kinds it would ask for as this account, which may not.
    let create = ["create", "--validate=false", "-f", "-", "-o", "json", &user, groups[0], groups[1]];
    let told = kubectl(&create, &review.to_string()).await?;
    let told: Value = serde_json::from_str(&told)?;
    ensure!(told["status"]["incomplete"] == false, "the server does not know all of it: {told:#}");
    let mut allowed = BTreeSet::new();
    for rule in told["status"]["resourceRules"].as_array().context("no rules")? {
        let texts = |key: &str| -> Vec<String> {
            let texts = rule[key].as_array().into_iter().flatten();
            texts.filter_map(|text| text.as_str().map(ToOwned::to_owned)).collect()
        };
        for resource in texts("resources") {
            for verb in texts("verbs") {
                let names = texts("resourceNames");
                if names.is_empty() {
                    allowed.insert(format!("{verb} {resource}"));
                }
                allowed.extend(names.iter().map(|name| format!("{verb} {resource}/{name}")));
            }
        }
    }
    Ok(allowed)
}

fn exactly(rights: &[&str]) -> BTreeSet<String> {
    rights.iter().map(|right| (*right).to_owned()).collect()
}

#[tokio::test]
async fn each_account_may_do_what_it_needs_and_nothing_else() -> anyhow::Result<()> {
    let place = granted().await?;
    let in_sales = [
        "get flashsales",
        "list flashsales",
        "watch flashsales",
        "patch flashsales",
        "patch flashsales/status",
        "create events",
        "patch events",
    ];
    let lease = ["create leases", "get leases/try-sluice-operator", "update leases/try-sluice-operator"];
    let trial = ["create flashsales", "get flashsales", "patch flashsales", "delete flashsales"];
    for (account, namespace, rights) in [
        ("operator", &place.sales, &in_sales[..]),
        ("operator", &place.release, &lease),
        ("test", &place.sales, &trial),
        ("test", &place.release, &[]),
        ("edge", &place.sales, &[]),
        ("edge", &place.release, &[]),
        ("ledger", &place.sales, &[]),
        ("ledger", &place.release, &[]),
    ] {
        assert_eq!(allowed(&place, account, namespace).await?, exactly(rights), "{account} in {namespace}");
    }
    for account in ACCOUNTS {
        assert_eq!(allowed(&place, account, "kube-system").await?, exactly(&[]), "{account} in kube-system");
    }
    Ok(())
}

#[tokio::test]
async fn requests_are_let_through_or_refused_accordingly() -> anyhow::Result<()> {
    let place = granted().await?;
    let (sales, release) = (place.sales.as_str(), place.release.as_str());
    for (account, namespace, request, through) in [
        ("operator", sales, &["get", "flashsales"][..], true),
        ("operator", sales, &["delete", "flashsale", "aurora"], false),
        ("operator", sales, &["get", "secrets"], false),
        ("operator", sales, &["get", "configmaps"], false),
        ("operator", release, &["get", "secrets"], false),
        ("operator", release, &["get", "flashsales"], false),
        ("operator", release, &["get", "leases"], false),
        ("operator", release, &["get", "lease", "another"], false),
        ("operator", release, &["get", "pods"], false),
        ("operator", "default", &["get", "flashsales"], false),
        ("operator", sales, &["get", "namespaces"], false),
        ("operator", sales, &["get", "nodes"], false),
        ("operator", sales, &["create", "token", "default"], false),
        ("edge", sales, &["get", "flashsales"], false),
        ("edge", release, &["get", "secrets"], false),
        ("edge", release, &["get", "pods"], false),
        ("ledger", sales, &["get", "flashsales"], false),
        ("ledger", release, &["get", "secrets"], false),
        ("test", sales, &["get", "flashsales"], false),
        ("test", release, &["get", "secrets"], false),
    ] {
        let user = user(&place, account);
        let mut arguments = vec!["-n", namespace, user.as_str()];
        arguments.extend(request);
        match kubectl(&arguments, "").await {
            Ok(_) => assert!(through, "{account} may {request:?} in {namespace}"),
            Err(refused) => {
                let refused = refused.to_string().to_lowercase();
                assert!(!through && refused.contains("forbidden"), "{account}, {request:?} in {namespace}: {refused}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_granted_in_the_whole_cluster() -> anyhow::Result<()> {
    for values in Values::ALL {
        for object in Place::imagined().render(values, &[]).await? {
            let kind = object["kind"].as_str().unwrap();
            assert!(!kind.starts_with("ClusterRole"), "{values:?} renders a {kind}");
            let wide = object["rules"].to_string();
            assert!(!wide.contains("\"*\""), "{values:?} renders a wildcard: {wide}");
        }
    }
    Ok(())
}
