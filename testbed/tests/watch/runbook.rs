//! Runbooks as whoever is on duty reads them: the commands of "Diagnosis" are typed as they stand there.
//!
//! **How a page is read.** In blocks `console`, whatever follows `$ ` is a command, a backslash at the end of a line goes on in the
//! next one, and other lines are what is printed, which nobody compares. `$SALE`, `$PROMETHEUS` and `$ADMIN` are variables of the
//! shell; `$ADMIN` is the admin port of the component whose pods the same command or the next one after it names.
//!
//! **What must hold.** Each command succeeds and prints something. `sluice-ledger reconcile` may as well end with 1, which is how it
//! says that the books differ.
//!
//! **What is not typed.** A bed has no pods, so whatever asks `kubectl` for them is looked at only: it must name pods that the
//! chart makes. Nor is an admin port asked of which no process runs.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize as _;
use serde_yaml_ng::Value;
use testbed::installation::{Installation, Member};
use testbed::prometheus::Prometheus;
use testbed::{Bed, binary, tool};

/// Longer than any command here bounds itself.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// Verbs of kubectl that need a pod.
const OF_PODS: [&str; 6] = ["logs", "port-forward", "exec", "rollout", "top", "pods"];
/// How pods are named, before the component.
const NAMES: [&str; 3] = ["app.kubernetes.io/component=", "deployment/sluice-", "deploy/sluice-"];
/// Ends with 1 when the books differ.
const COMPARES: &str = "sluice-ledger reconcile ";
/// How Prometheus is asked.
const ASKS: &str = "promtool query instant $PROMETHEUS '";
/// The section of which every command is typed.
const SECTION: &str = "Diagnosis";

/// What a page says to type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Runbook {
    commands: Vec<String>,
}

impl Runbook {
    /// The page of an alert.
    pub(crate) fn of(alert: &str) -> anyhow::Result<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/runbooks/{alert}.md"));
        let page = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
        Self::read(&page).with_context(|| format!("{}", file.display()))
    }

    /// What the page of every alert says to ask of Prometheus, with the page.
    pub(crate) fn queries() -> anyhow::Result<Vec<(String, String)>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbooks");
        let mut found = Vec::new();
        for file in std::fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let file = file?.path();
            let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if !name.starts_with("Sluice") {
                continue;
            }
            for command in Self::of(name)?.commands {
                let query = command.strip_prefix(ASKS).and_then(|rest| rest.strip_suffix('\''));
                found.extend(query.map(|query| (name.to_owned(), query.to_owned())));
            }
        }
        ensure!(!found.is_empty(), "no page asks Prometheus anything");
        Ok(found)
    }

    fn read(page: &str) -> anyhow::Result<Self> {
        let mut commands: Vec<String> = Vec::new();
        let (mut within, mut fenced, mut goes_on) = (false, false, false);
        for line in page.lines() {
            if line.starts_with("```") {
                ensure!(!goes_on, "a command does not end");
                fenced = !fenced;
                ensure!(!(within && fenced) || line == "```console", "a block of {SECTION} is {line}, not console");
            } else if let Some(heading) = line.strip_prefix("## ").filter(|_| !fenced) {
                within = heading.trim() == SECTION;
            } else if within && fenced {
                let (text, more) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
                match (text.strip_prefix("$ "), commands.last_mut().filter(|_| goes_on)) {
                    (_, Some(last)) => last.push_str(text),
                    (Some(command), None) => commands.push(command.to_owned()),
                    (None, None) => continue,
                }
                goes_on = more;
            }
        }
        ensure!(!fenced, "a block does not end");
        ensure!(!commands.is_empty(), "{SECTION} says nothing to type");
        Ok(Self { commands })
    }
}

/// Whether a command asks Kubernetes for pods.
fn needs_pods(command: &str) -> bool {
    let mut words = command.split_whitespace().take_while(|word| !matches!(*word, "--" | "|"));
    words.next() == Some("kubectl") && words.any(|word| OF_PODS.contains(&word))
}

/// The component whose pods a command names: by their label, or by their Deployment.
fn component(command: &str) -> Option<&str> {
    let mut words = command.split_whitespace();
    words.find_map(|word| NAMES.iter().find_map(|name| word.strip_prefix(name)))
}

/// The components of which the chart has pods, where it is installed as the runbooks have it.
async fn of_chart() -> anyhow::Result<BTreeSet<String>> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/sluice");
    let mut helm = tokio::process::Command::new(tool::path("helm")?);
    helm.args(["template", "sluice", "--namespace", "sluice-system"]).arg(&chart);
    helm.arg("--values").arg(chart.join("values-minimal.yaml"));
    let rendered = helm.output().await?;
    ensure!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let mut found = BTreeSet::new();
    for object in serde_yaml_ng::Deserializer::from_slice(&rendered.stdout) {
        let object = Value::deserialize(object)?;
        if object.get("kind").and_then(Value::as_str) != Some("Deployment") {
            continue;
        }
        let name = object["metadata"]["name"].as_str().context("an object has a name")?;
        let label = object["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"].as_str();
        let label = label.context("a pod says of which component it is")?;
        ensure!(name == format!("sluice-{label}"), "{name} has pods of {label}");
        found.insert(label.to_owned());
    }
    ensure!(!found.is_empty(), "the chart has no Deployments");
    Ok(found)
}

/// Where somebody on duty sits.
pub(crate) struct Desk<'a> {
    pub(crate) bed: &'a Bed,
    pub(crate) at: &'a Installation,
    pub(crate) prometheus: &'a Prometheus,
    pub(crate) sale_id: &'a str,
}

impl Desk<'_> {
    /// Types every command of a page.
    pub(crate) async fn read(&self, page: &Runbook) -> anyhow::Result<()> {
        let known = of_chart().await?;
        let mut typed = 0;
        for (at, command) in page.commands.iter().enumerate() {
            let of = page.commands[at..].iter().find_map(|command| component(command));
            if needs_pods(command) {
                let of = component(command).with_context(|| format!("which pods? {command}"))?;
                ensure!(known.contains(of), "the chart has no pods of {of}: {command}");
                // kubectl shows ten lines of each pod that a label selects, unless it is told not to.
                ensure!(!command.contains(" logs -l ") || command.contains(" --tail=-1"), "ten lines only: {command}");
                continue;
            }
            let admin = match of.filter(|_| command.contains("$ADMIN")) {
                None => String::new(),
                Some(of) => match self.admin(of)? {
                    Some(admin) => admin,
                    None => continue,
                },
            };
            self.types(command, &admin).await?;
            typed += 1;
        }
        ensure!(typed > 0, "nothing of the page can be typed");
        Ok(())
    }

    /// The admin port of a process of this component, if one runs.
    fn admin(&self, component: &str) -> anyhow::Result<Option<String>> {
        let members: Vec<&Member> = match component {
            "operator" => self.at.operators().collect(),
            "ledger" => self.at.ledgers.iter().collect(),
            "edge" => self.at.edges.iter().collect(),
            other => anyhow::bail!("nobody listens for {other}"),
        };
        for member in members {
            if member.service.ended()?.is_none() {
                return Ok(Some(member.admin.clone()));
            }
        }
        Ok(None)
    }

    async fn types(&self, command: &str, admin: &str) -> anyhow::Result<()> {
        let access = self.at.access();
        let programs = binary("sluice-ledger")?.parent().context("a program lies in a folder")?.to_owned();
        let mut bash = tokio::process::Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", command]).current_dir(self.bed.folder());
        bash.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()));
        bash.env("KUBECONFIG", &access.kubeconfig).env("SALE", self.sale_id);
        bash.env("PROMETHEUS", self.prometheus.url()).env("ADMIN", admin);
        // What the chart tells the pods.
        bash.env("SLUICE_NATS_URL", &access.nats).env("SLUICE_POSTGRES_URL", &access.postgres);
        bash.env("SLUICE_INSTALLATION", &access.namespace);
        bash.env("SLUICE_NATS_MONITOR_URLS", self.at.plan.nats_monitors.join(","));
        bash.stdin(Stdio::null()).kill_on_drop(true);
        let ended = tokio::time::timeout(COMMAND_TIMEOUT, bash.output()).await;
        let ended = ended.with_context(|| format!("it took longer than {COMMAND_TIMEOUT:?}: {command}"))??;
        let (told, complained) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        let differs = command.starts_with(COMPARES) && ended.status.code() == Some(1);
        ensure!(ended.status.success() || differs, "{}: {command}\n{complained}{told}", ended.status);
        ensure!(!told.trim().is_empty(), "it prints nothing: {command}\n{complained}");
        Ok(())
    }
}

#[test]
fn every_command_of_the_diagnosis_is_read_and_none_of_another_section() {
    let page = "# A\n## Meaning\n```console\n$ never\n```\n## Diagnosis\nText.\n```console\n$ one \\\n    two\nprinted\n$ three\n```\n\
                ## Mitigation\n```sh\nnever\n```\n";
    assert_eq!(Runbook::read(page).unwrap().commands, ["one     two", "three"]);
    for (page, because) in [
        ("## Diagnosis\n```sh\n$ one\n```\n", "not console"),
        ("## Diagnosis\n```console\n$ one\n", "does not end"),
        ("## Diagnosis\n```console\n$ one \\\n```\n", "a command does not end"),
        ("## Diagnosis\n```console\none\n```\n", "says nothing to type"),
        ("## Meaning\n```console\n$ one\n```\n", "says nothing to type"),
    ] {
        let refused = Runbook::read(page).expect_err(page).to_string();
        assert!(refused.contains(because), "{refused}");
    }
}

#[test]
fn only_what_needs_a_pod_is_not_typed() {
    for typed in
        ["kubectl -n shop get fs -o wide", "curl -s $ADMIN/readyz | grep pods", "kubectl -n shop get fs -- logs"]
    {
        assert!(!needs_pods(typed), "{typed}");
    }
    let by_label = "kubectl -n sluice-system logs -l app.kubernetes.io/component=edge --since=10m";
    let by_name = "kubectl -n sluice-system rollout status deployment/sluice-ledger";
    assert!(needs_pods(by_label) && needs_pods(by_name) && needs_pods("kubectl -n sluice-system get pods"));
    let named = [by_label, by_name, "kubectl -n sluice-system get pods"].map(component);
    assert_eq!(named, [Some("edge"), Some("ledger"), None]);
}
