use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser as _;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding};
use serde::Deserialize as _;

use super::{LEASE, Right, SERVED, manifest, told};
use crate::args::{Args, Command, RbacArgs};

fn args(words: &str) -> RbacArgs {
    match Args::try_parse_from(words.split_whitespace()).unwrap().command {
        Command::Rbac(args) => args,
        other => panic!("{other:?}"),
    }
}

fn granted(rules: &[PolicyRule]) -> BTreeSet<(String, String, String, Vec<String>)> {
    let mut granted = BTreeSet::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                for verb in &rule.verbs {
                    let names = rule.resource_names.clone().unwrap_or_default();
                    granted.insert((group.clone(), resource.clone(), verb.clone(), names));
                }
            }
        }
    }
    granted
}

fn asked(rights: &[Right], name: &str) -> BTreeSet<(String, String, String, Vec<String>)> {
    let one = |right: &Right| {
        let names = if right.named { vec![name.to_owned()] } else { Vec::new() };
        (right.group.to_owned(), right.resource.to_owned(), right.verb.to_owned(), names)
    };
    rights.iter().map(one).collect()
}

#[test]
fn the_charts_copy_of_the_rules_is_not_stale() {
    let copy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/sluice/files/operator-rules.yaml");
    let found = std::fs::read_to_string(&copy).unwrap_or_default();
    assert!(found == manifest::rules(), "{} is stale; to write it: make generate", copy.display());
}

#[test]
fn the_rules_read_as_the_rights_they_are_written_from() {
    let rules: std::collections::BTreeMap<String, Vec<PolicyRule>> =
        serde_yaml_ng::from_str(&manifest::rules()).unwrap();
    assert_eq!(granted(&rules["served"]), asked(&SERVED, ""));
    assert_eq!(granted(&rules["lease"]), asked(&LEASE, "sluice-operator"));
    assert_eq!(rules.len(), 2);
}

#[test]
fn every_served_namespace_has_a_role_and_the_lease_has_one_of_its_own() {
    let words = "sluice-operator rbac --namespace shop,1234 --namespace null --lease-namespace home --lease-name turn \
                 --service-account system/robot";
    let yaml = manifest::manifests(&args(words));
    let (mut roles, mut bindings) = (Vec::new(), Vec::new());
    for document in serde_yaml_ng::Deserializer::from_str(&yaml) {
        let value = serde_yaml_ng::Value::deserialize(document).unwrap();
        match value["kind"].as_str() {
            Some("Role") => roles.push(serde_yaml_ng::from_value::<Role>(value).unwrap()),
            Some("RoleBinding") => bindings.push(serde_yaml_ng::from_value::<RoleBinding>(value).unwrap()),
            other => panic!("{other:?} is none of ours"),
        }
    }
    let namespaces: Vec<_> = roles.iter().filter_map(|role| role.metadata.namespace.as_deref()).collect();
    assert_eq!(namespaces, ["shop", "1234", "null", "home"]);
    for (role, binding) in roles.iter().zip(&bindings) {
        assert_eq!((&role.metadata.name, &role.metadata.labels), (&binding.metadata.name, &binding.metadata.labels));
        assert_eq!(role.metadata.namespace, binding.metadata.namespace);
        assert_eq!(binding.role_ref.kind, "Role");
        assert_eq!(Some(&binding.role_ref.name), role.metadata.name.as_ref());
        let [subject] = binding.subjects.as_deref().unwrap() else { panic!("{binding:?}") };
        assert_eq!((subject.namespace.as_deref(), subject.name.as_str()), (Some("system"), "robot"));
        let of_the_lease = role.metadata.namespace.as_deref() == Some("home");
        let expected = if of_the_lease { asked(&LEASE, "turn") } else { asked(&SERVED, "") };
        assert_eq!(granted(role.rules.as_deref().unwrap()), expected);
        let kept = role.metadata.labels.as_ref().unwrap().get("sluice.dev/kept-for");
        assert_eq!(kept.is_some(), !of_the_lease, "the namespace of the Lease holds no sale by itself");
    }
    assert_eq!(bindings.len(), roles.len());
}

#[test]
fn an_operator_serves_its_own_namespace_unless_told_otherwise() {
    let yaml = manifest::manifests(&args("sluice-operator rbac --service-account system/robot"));
    assert_eq!(
        yaml.matches("  namespace: \"system\"\n").count(),
        6,
        "two Roles, two RoleBindings, two subjects:\n{yaml}"
    );
}

#[test]
fn what_is_no_name_in_kubernetes_is_not_taken() {
    let words = ["rbac --namespace a\"b", "rbac --namespace ..", "rbac --service-account robot", "rbac --lease-name A"];
    for words in words {
        let parsed = Args::try_parse_from(format!("sluice-operator {words}").split_whitespace());
        assert!(parsed.is_err(), "{words}");
    }
}

#[test]
fn nothing_is_granted_by_a_wildcard_and_nothing_twice() {
    for rights in [SERVED.as_slice(), &LEASE] {
        for right in rights {
            assert!(![right.group, right.resource, right.verb].contains(&"*"), "{right:?}");
            assert!(!(right.named && right.verb == "create"), "Kubernetes cannot limit create to a name");
            assert!(right.why.ends_with('.') && right.why.len() > 20, "{right:?}");
        }
        assert_eq!(asked(rights, "x").len(), rights.len());
    }
}

#[test]
fn what_is_missing_is_told_in_one_sentence_by_resource() {
    let sentence = told(&SERVED[2..6], "shop");
    assert!(
        sentence.starts_with(
            "the operator may not create events; watch, patch flashsales; patch flashsales/status in shop: apply the Role"
        ),
        "{sentence}"
    );
    assert_eq!(sentence.lines().count(), 1);
}
