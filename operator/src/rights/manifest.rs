//! The rights as YAML: `sluice-operator rbac`, and the chart's copy.
//!
//! It is written line by line and not by a serializer, which knows no comments: whoever reviews what an operator may do
//! reads the reason beside each verb.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use super::{KEPT, LEASE, Right, SERVED};
use crate::args::{LEASE_NAME, RbacArgs};

/// First lines of the chart's copy.
const HEADER: &str = "\
# Generated from operator/src/rights.rs: sluice-operator rbac --rules > charts/sluice/files/operator-rules.yaml
# served: the rules of the Role in every namespace whose sales are served. lease: of the one beside the Lease, which is
# meant by its name; an operator with another --lease-name needs that one there.
";
/// Name of the Role and RoleBinding in a namespace whose sales are served.
const SERVED_NAME: &str = "sluice-operator";
/// Name of those beside the Lease.
const LEASE_ROLE_NAME: &str = "sluice-operator-lease";

/// The rules alone, as the chart's templates take them.
#[must_use]
pub fn rules() -> String {
    format!("{HEADER}served:\n{}lease:\n{}", written(&SERVED, LEASE_NAME), written(&LEASE, LEASE_NAME))
}

/// Roles and RoleBindings, ready to be applied.
#[must_use]
pub fn manifests(args: &RbacArgs) -> String {
    let account = &args.service_account;
    let own = std::slice::from_ref(&account.namespace);
    let namespaces = if args.namespaces.is_empty() { own } else { &args.namespaces };
    let mut yaml = String::new();
    for namespace in namespaces {
        yaml.push_str(&pair(SERVED_NAME, namespace, true, &written(&SERVED, &args.lease_name), args));
    }
    let lease_namespace = args.lease_namespace.as_ref().unwrap_or(&account.namespace);
    yaml.push_str(&pair(LEASE_ROLE_NAME, lease_namespace, false, &written(&LEASE, &args.lease_name), args));
    yaml
}

/// A Role and the RoleBinding that gives it to the operator.
fn pair(name: &str, namespace: &str, kept: bool, rules: &str, args: &RbacArgs) -> String {
    let account = &args.service_account;
    let (key, value) = KEPT;
    let kept = if kept { format!("    {key}: {value}\n") } else { String::new() };
    let metadata = format!(
        "metadata:\n  name: {name}\n  namespace: \"{namespace}\"\n  labels:\n    app.kubernetes.io/name: sluice\n    \
         app.kubernetes.io/component: operator\n{kept}"
    );
    format!(
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n{metadata}rules:\n{rules}\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n{metadata}\
         roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: {name}\n\
         subjects:\n- kind: ServiceAccount\n  name: \"{}\"\n  namespace: \"{}\"\n",
        account.name, account.namespace
    )
}

/// A list of rules: one for each resource, and within it for those with a name and those without.
fn written(rights: &[Right], lease_name: &str) -> String {
    let mut yaml = String::new();
    for rule in rights.chunk_by(|a, b| (a.group, a.resource, a.named) == (b.group, b.resource, b.named)) {
        let Some(first) = rule.first() else { continue };
        let _ = writeln!(yaml, "- apiGroups: [\"{}\"]\n  resources: [\"{}\"]", first.group, first.resource);
        if first.named {
            let _ = writeln!(yaml, "  resourceNames: [\"{lease_name}\"]");
        }
        yaml.push_str("  verbs:\n");
        for right in rule {
            let _ = writeln!(yaml, "  # {}\n  - {}", right.why, right.verb);
        }
    }
    yaml
}

pub(crate) fn print(args: &RbacArgs) -> ExitCode {
    let yaml = if args.rules { rules() } else { manifests(args) };
    match std::io::stdout().lock().write_all(yaml.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sluice-operator: the rights cannot be printed: {error}");
            ExitCode::FAILURE
        }
    }
}
