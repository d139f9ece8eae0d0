//! How the release is watched: what the chart brings for a Prometheus operator and for Grafana. What the alerts and dashboards
//! themselves are worth is tested in `alerts.rs` and `dashboards.rs`, where the same files are read as they are.

use serde_json::{Value, json};
use testbed::{Bed, tool};

use crate::helm::{Place, Values, chart, kubectl, list, of_kind, one, pods, served};

/// What stands in front of a file's name in the values below.
const BASE: &str = "https://git.example/sluice/blob/main";

/// Makes the kinds of the Prometheus operator known, once, as the operator itself defines them.
pub(crate) async fn kinds_known() -> anyhow::Result<()> {
    static APPLIED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let apply = async || {
        let folder = tool::path("prometheus-operator-crds")?;
        for kind in ["podmonitors", "prometheusrules"] {
            let file = folder.join(format!("monitoring.coreos.com_{kind}.yaml")).display().to_string();
            kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &file], "").await?;
            served(&format!("{kind}.monitoring.coreos.com")).await?;
        }
        anyhow::Ok(())
    };
    APPLIED.get_or_try_init(apply).await.copied()
}

/// What somebody sets who wants all of it.
fn everything() -> [String; 4] {
    let enabled = ["podMonitor", "rules", "dashboards"].map(|part| format!("monitoring.{part}.enabled=true"));
    let [monitor, rules, dashboards] = enabled;
    [monitor, rules, dashboards, format!("monitoring.runbookBaseUrl={BASE}/")]
}

async fn rendered(further: &[&str]) -> anyhow::Result<Vec<Value>> {
    let everything = everything();
    let all: Vec<_> = everything.iter().map(String::as_str).chain(further.iter().copied()).collect();
    Place::imagined().render(Values::Default, &all).await
}

/// The files of a folder of the chart, by what is in front of their ending.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(chart().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(ending) {
            found.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(found.len() > 1, "{folder} has {} files", found.len());
    found
}

#[tokio::test]
async fn nothing_of_it_is_there_that_nobody_asked_for() -> anyhow::Result<()> {
    for values in [Values::Default, Values::Minimal] {
        let objects = Place::imagined().render(values, &[]).await?;
        let asked = |object: &&Value| object["apiVersion"].as_str().unwrap().starts_with("monitoring.coreos.com/");
        assert_eq!(objects.iter().find(asked), None, "{values:?}");
        assert_eq!(of_kind(&objects, "ConfigMap").count(), 0, "{values:?}");
        for (name, pod) in pods(&objects) {
            assert_eq!(pod["metadata"]["annotations"]["prometheus.io/scrape"], Value::Null, "{name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_definitions_of_the_operator_refuse_what_they_do_not_know() -> anyhow::Result<()> {
    let place = Place::new(Bed::shared().await?).await?;
    kinds_known().await?;
    let everything = everything();
    let further: Vec<_> = everything.iter().map(String::as_str).chain(["crd.install=false"]).collect();
    let objects = place.render(Values::Default, &further).await?;
    let dry_run = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
    let (monitor, rules) = (one(&objects, "PodMonitor", "-sluice"), one(&objects, "PrometheusRule", "-books"));
    kubectl(&dry_run, &list([monitor, rules])).await?;

    let mut wrong = monitor.clone();
    wrong["spec"]["podMetricsEndpoints"][0]["intervall"] = json!("15s");
    let refused = kubectl(&dry_run, &wrong.to_string()).await.unwrap_err().to_string();
    assert!(refused.contains("intervall"), "{refused}");
    let mut wrong = rules.clone();
    wrong["spec"]["groups"][0]["rules"][0]["for"] = json!("five minutes");
    let refused = kubectl(&dry_run, &wrong.to_string()).await.unwrap_err().to_string();
    assert!(refused.contains("spec.groups[0].rules[0].for"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn every_process_that_serves_is_scraped_where_it_is_and_nothing_else() -> anyhow::Result<()> {
    let objects = rendered(&["monitoring.podMonitor.labels.release=monitoring"]).await?;
    let monitor = one(&objects, "PodMonitor", "-sluice");
    assert_eq!(monitor["metadata"]["labels"]["release"], "monitoring");
    let spec = &monitor["spec"];
    let endpoint = &spec["podMetricsEndpoints"][0];
    assert_eq!(endpoint["path"], "/metrics");
    let components = spec["selector"]["matchExpressions"][0]["values"].as_array().unwrap();
    assert_eq!(spec["selector"]["matchExpressions"][0]["key"], "app.kubernetes.io/component");
    let mut scraped = Vec::new();
    for (name, pod) in pods(&objects) {
        let labels = &pod["metadata"]["labels"];
        let own = spec["selector"]["matchLabels"].as_object().unwrap();
        assert!(own.iter().all(|(label, value)| &labels[label] == value), "{name}");
        if !components.contains(&labels["app.kubernetes.io/component"]) {
            continue;
        }
        let ports = pod["spec"]["containers"][0]["ports"].as_array().unwrap();
        let port = ports.iter().find(|port| port["name"] == endpoint["port"]);
        assert_eq!(port.map(|port| &port["containerPort"]), Some(&json!(9090)), "{name}");
        scraped.push(name);
    }
    scraped.sort();
    assert_eq!(scraped, ["try-sluice-edge", "try-sluice-ledger", "try-sluice-operator"]);
    Ok(())
}

#[tokio::test]
async fn a_prometheus_without_the_operator_finds_the_pods_by_annotations() -> anyhow::Result<()> {
    let further = ["monitoring.scrapeAnnotations.enabled=true", r"edge.podAnnotations.prometheus\.io/path=/other"];
    let objects = Place::imagined().render(Values::Default, &further).await?;
    for (name, pod) in pods(&objects) {
        let annotations = &pod["metadata"]["annotations"];
        if name.ends_with("-migration") || name.ends_with("-test") {
            assert_eq!(annotations["prometheus.io/scrape"], Value::Null, "{name}");
            continue;
        }
        assert_eq!(annotations["prometheus.io/scrape"], "true", "{name}");
        assert_eq!(annotations["prometheus.io/port"], "9090", "{name}");
        let path = if name.ends_with("-edge") { "/other" } else { "/metrics" };
        assert_eq!(annotations["prometheus.io/path"], path, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn rules_are_those_of_the_files_and_lead_to_the_runbooks() -> anyhow::Result<()> {
    let objects = rendered(&["monitoring.rules.labels.release=monitoring"]).await?;
    let files = files("alerts", ".yaml");
    assert_eq!(of_kind(&objects, "PrometheusRule").count(), files.len());
    let mut alerts = 0;
    for (name, text) in files {
        let rules = one(&objects, "PrometheusRule", &format!("-{name}"));
        assert_eq!(rules["metadata"]["labels"]["release"], "monitoring");
        let mut expected: Value = serde_yaml_ng::from_str(&text)?;
        for rule in
            expected["groups"].as_array_mut().unwrap().iter_mut().flat_map(|g| g["rules"].as_array_mut().unwrap())
        {
            if let Some(url) = rule["annotations"]["runbook_url"].as_str() {
                rule["annotations"]["runbook_url"] = json!(format!("{BASE}/{url}"));
                alerts += 1;
            } else {
                rule.as_object_mut().unwrap().remove("annotations");
            }
        }
        assert_eq!(rules["spec"], expected, "{name}");
    }
    assert!(alerts > 20, "only {alerts} alerts");

    let relative = Place::imagined().render(Values::Default, &["monitoring.rules.enabled=true"]).await?;
    let first = &one(&relative, "PrometheusRule", "-edge")["spec"]["groups"][0]["rules"][0];
    assert_eq!(first["annotations"]["runbook_url"], format!("docs/runbooks/{}.md", first["alert"].as_str().unwrap()));
    Ok(())
}

#[tokio::test]
async fn dashboards_are_those_of_the_files_where_grafana_looks_for_them() -> anyhow::Result<()> {
    let objects = rendered(&["monitoring.dashboards.namespace=grafana"]).await?;
    let files = files("dashboards", ".json");
    assert_eq!(of_kind(&objects, "ConfigMap").count(), files.len());
    for (name, text) in files {
        let map = one(&objects, "ConfigMap", &format!("-dashboard-{name}"));
        assert_eq!(map["metadata"]["namespace"], "grafana");
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
        assert_eq!(map["metadata"]["annotations"]["grafana_folder"], "Sluice");
        let shown: Value = serde_json::from_str(map["data"][format!("sluice-{name}.json")].as_str().unwrap())?;
        let expected = text.replace("docs/runbooks/", &format!("{BASE}/docs/runbooks/"));
        assert_eq!(shown, serde_json::from_str::<Value>(&expected)?, "{name}");
    }
    Ok(())
}
