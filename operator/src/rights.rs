//! What the operator may do in Kubernetes, verb by verb, and why: pure.
//!
//! **What it is for.** `sluice-operator rbac` prints these as Roles and RoleBindings, the chart takes them from a copy, and
//! the operator asks the API server for each of them, so that a missing one is told before it hurts.
//!
//! **What must always hold.** Nothing is granted that is not used, nothing is used that is not granted: a test reads the
//! API server's audit log and compares both as sets. A Role per namespace and never a ClusterRole, so an operator that is
//! taken over reaches the sales it serves and its own Lease; no wildcard, so a later version of Kubernetes grants nothing
//! new by it.
//!
//! **What it cannot do.** A Role goes with its namespace, and often before the sales in it, whose deletion waits for the
//! books. Kubernetes takes no new Role into a namespace that is being deleted, so the operator could never finish. The
//! chart's `files/keep-rights-policy.yaml` keeps what carries [`KEPT`] until the last sale is gone; without it the operator
//! says what it lacks, in `/readyz` and in its log, and an administrator has to lend it the rights by a ClusterRoleBinding.
//!
//! **What is deliberately absent.** The rights that everybody has who is signed in (asking what one may do), and rights on
//! namespaces: the operator is told which ones it serves.

use std::collections::BTreeMap;

pub mod manifest;

/// Label of the Roles and RoleBindings that stay until the last sale of a namespace that is being deleted is gone.
pub const KEPT: (&str, &str) = ("sluice.dev/kept-for", "sales");

/// One verb on one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// API group.
    pub group: &'static str,
    /// Resource, or `resource/subresource`.
    pub resource: &'static str,
    /// Verb.
    pub verb: &'static str,
    /// Whether it is for the one object whose name is known. Kubernetes cannot limit `create` to a name.
    pub named: bool,
    /// What it is needed for, in one sentence.
    pub why: &'static str,
}

/// In every namespace whose sales are served.
pub const SERVED: [Right; 7] = [
    sales("flashsales", "get", "Before anything is made for a sale, the API server is asked itself: a watch may lag."),
    sales("flashsales", "list", "A watch begins with what is there already."),
    sales("flashsales", "watch", "A change is in force within a second, and nobody asks in a loop."),
    sales("flashsales", "patch", "The finalizer is added and removed, and the annotation of a resume is used up."),
    sales("flashsales/status", "patch", "What was provisioned is latched, and how the sale stands is shown."),
    event("create", "What happens to a sale is told by kubectl describe."),
    event("patch", "What happens again within minutes is counted in the event that is there."),
];

/// In the namespace of the Lease.
pub const LEASE: [Right; 3] = [
    lease("create", false, "The first operator makes the Lease."),
    lease("get", true, "Every replica looks whose turn it is."),
    lease("update", true, "The Lease is taken, renewed, and handed over at the end."),
];

const fn sales(resource: &'static str, verb: &'static str, why: &'static str) -> Right {
    Right { group: "sluice.dev", resource, verb, named: false, why }
}

const fn event(verb: &'static str, why: &'static str) -> Right {
    Right { group: "events.k8s.io", resource: "events", verb, named: false, why }
}

const fn lease(verb: &'static str, named: bool, why: &'static str) -> Right {
    Right { group: "coordination.k8s.io", resource: "leases", verb, named, why }
}

/// One sentence about rights that are missing in a namespace.
#[must_use]
pub fn told(missing: &[Right], namespace: &str) -> String {
    let mut verbs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for right in missing {
        verbs.entry(right.resource).or_default().push(right.verb);
    }
    let told: Vec<_> = verbs.iter().map(|(resource, verbs)| format!("{} {resource}", verbs.join(", "))).collect();
    format!(
        "the operator may not {} in {namespace}: apply the Role and the RoleBinding there that sluice-operator rbac prints, \
         or, where the namespace is being deleted and took them with it, lend it these rights by a ClusterRoleBinding",
        told.join("; ")
    )
}

#[cfg(test)]
mod tests;
