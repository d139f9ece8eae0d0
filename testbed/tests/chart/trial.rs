//! What `helm test` does, with the programs, the arguments and the rights of its pod.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use testbed::installation::{Installation, Plan, chart_file};
use testbed::{Bed, binary};

use crate::helm::{CLUSTER, Place, Values, kubectl, list, output};

/// A release that is said to live beside an installation, and whose test has its rights there.
async fn tested(bed: &Bed, installation: &Installation) -> anyhow::Result<(Place, Value)> {
    let release = bed.kubernetes().await?.create_namespace(bed, "sluice").await?;
    let place = Place { release, sales: installation.namespace.clone() };
    let objects = place.render(Values::Default, &["test.stepSeconds=45"]).await?;
    let of_test = |object: &&Value| {
        let hook = object["metadata"]["annotations"]["helm.sh/hook"] == "test";
        hook && object["kind"] != "Pod"
    };
    let rights: Vec<_> = objects.iter().filter(of_test).collect();
    assert_eq!(rights.len(), 3, "an account, a Role and its binding");
    kubectl(&["apply", "--server-side", "-f", "-"], &list(rights)).await?;
    let pod = objects.iter().find(|object| object["kind"] == "Pod").context("no pod")?.clone();
    Ok((place, pod))
}

/// The arguments of a container, with what is elsewhere on this machine put in place.
pub(crate) fn arguments(container: &Value, here: &[(&str, &str)]) -> Vec<String> {
    let arguments = container["args"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
    let placed = arguments.map(|argument| match argument.split_once('=') {
        Some((name, _)) => {
            let replaced = here.iter().find(|(replaced, _)| *replaced == name);
            replaced.map_or_else(|| argument.to_owned(), |(name, value)| format!("{name}={value}"))
        }
        None => argument.to_owned(),
    });
    placed.collect()
}

pub(crate) async fn run(program: &str, arguments: &[String], kubeconfig: Option<&Path>) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(binary(program)?);
    command.env_clear().args(arguments);
    if let Some(file) = kubeconfig {
        command.env("KUBECONFIG", file);
    }
    output(command, program, "").await.map(drop)
}

async fn sales(namespace: &str) -> anyhow::Result<usize> {
    let told = kubectl(&["-n", namespace, "get", "flashsales", "-o", "name"], "").await?;
    Ok(told.lines().count())
}

#[tokio::test]
async fn a_unit_is_bought_as_often_as_the_release_is_tested() -> anyhow::Result<()> {
    let _alone = CLUSTER.lock().await;
    let bed = Bed::shared().await?;
    let installation = Installation::start(bed, Plan::on(bed).await?).await?;
    let (place, pod) = tested(bed, &installation).await?;
    let kubeconfig = bed.kubernetes().await?.kubeconfig_for(&place.release, "try-sluice-test").await?;

    let token = bed.folder().join(format!("{}.token", place.release)).display().to_string();
    let keys = installation.key_arguments()?;
    let key = |name: &str| keys.iter().skip_while(|argument| *argument != name).nth(1).map(String::as_str).unwrap();
    let session = arguments(
        &pod["spec"]["initContainers"][0],
        &[
            ("--session-key-file", key("--session-key-file")),
            ("--customer-key-file", key("--customer-key-file")),
            ("--output", &token),
        ],
    );
    // The installation has a name, as it shares its NATS.
    let session = [session, vec![format!("--installation={}", installation.namespace)]].concat();
    // A pod that starts again has it already.
    std::fs::write(&token, "")?;
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644))?;
    run("sluice-edge", &session, None).await?;
    let mode = std::fs::metadata(&token)?.permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "whoever reads a session is that person");

    let trial =
        |edge: &str| arguments(&pod["spec"]["containers"][0], &[("--edge-url", edge), ("--session-file", &token)]);
    for _ in 0..2 {
        run("sluice-operator", &trial(&installation.edges[0].public), Some(&kubeconfig)).await?;
    }

    // Nobody is there: it says so, and cleans up all the same.
    let nowhere = [trial("http://127.0.0.1:9"), vec!["--step-seconds=20".to_owned()]].concat();
    let nowhere: Vec<_> = nowhere.into_iter().filter(|argument| argument != "--step-seconds=45").collect();
    let failed = run("sluice-operator", &nowhere, Some(&kubeconfig)).await.unwrap_err().to_string();
    assert!(failed.contains("was not bought within 20 s"), "{failed}");

    testbed::eventually(std::time::Duration::from_secs(60), "every sale of a trial is gone", async || {
        let left = sales(&place.sales).await?;
        anyhow::ensure!(left == 0, "{left} are left");
        Ok(())
    })
    .await?;
    installation.stop().await?;
    // They hold in every namespace, and so for other tests.
    for policies in ["deletion-policy.yaml", "keep-rights-policy.yaml"] {
        kubectl(&["delete", "-f", "-"], &chart_file(policies)?).await?;
    }
    Ok(())
}
