//! What service accounts asked of the API server, from its audit log.
//!
//! **What it is for.** Whether somebody's rights are the least that will do is a question about what was used, and only
//! the server knows that.
//!
//! **What it costs.** A line per request of a service account outside `kube-system`; nobody else is written down.

use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// Metadata alone: no token and no Secret ever gets into the log.
const POLICY: &str = r#"{
  "apiVersion": "audit.k8s.io/v1",
  "kind": "Policy",
  "omitStages": ["RequestReceived"],
  "rules": [
    { "level": "None", "userGroups": ["system:serviceaccounts:kube-system"] },
    { "level": "Metadata", "userGroups": ["system:serviceaccounts"] },
    { "level": "None" }
  ]
}
"#;
const POLICY_FILE: &str = "audit-policy.json";
const LOG_FILE: &str = "audit.log";

/// One request, as the server judged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Who asked.
    pub user: String,
    /// What for: `get`, `list`, `watch` …
    pub verb: String,
    /// API group; empty for the core one.
    pub group: String,
    /// Resource, or `resource/subresource`.
    pub resource: String,
    /// Where; empty for what is in no namespace.
    pub namespace: String,
    /// Of which object; empty for many, and for one that is made.
    pub name: String,
    /// Status code of the answer.
    pub code: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    user: User,
    verb: String,
    object_ref: Option<Object>,
    response_status: Option<Status>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Object {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct Status {
    code: u16,
}

/// Writes the policy; what the server has to be started with.
pub(super) fn arguments(folder: &Path) -> anyhow::Result<[String; 2]> {
    let policy = folder.join(POLICY_FILE);
    std::fs::write(&policy, POLICY)?;
    let log = folder.join(LOG_FILE);
    Ok([format!("--audit-policy-file={}", policy.display()), format!("--audit-log-path={}", log.display())])
}

/// Requests for resources, oldest first. A watch is there twice: when it begins and when it ends.
pub(super) fn read(folder: &Path) -> anyhow::Result<Vec<Audited>> {
    let log = std::fs::read_to_string(folder.join(LOG_FILE)).context("no audit log")?;
    // The last line may be half written.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let mut audited = Vec::new();
    for line in whole.lines() {
        let Line { user, verb, object_ref, response_status } =
            serde_json::from_str(line).with_context(|| format!("not a line of an audit log: {line}"))?;
        let Some(Object { api_group, mut resource, subresource, namespace, name }) = object_ref else { continue };
        if !subresource.is_empty() {
            resource = format!("{resource}/{subresource}");
        }
        let code = response_status.map_or(0, |status| status.code);
        audited.push(Audited { user: user.username, verb, group: api_group, resource, namespace, name, code });
    }
    Ok(audited)
}
