use std::path::Path;

use super::yaml;

#[test]
fn the_charts_copy_of_the_definition_is_not_stale() {
    let copy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/sluice/files/flashsale.yaml");
    let found = std::fs::read_to_string(&copy).unwrap_or_default();
    let mend = "cargo run -p operator -- crd > charts/sluice/files/flashsale.yaml";
    assert!(found == yaml().unwrap(), "{} is stale; to write it: {mend}", copy.display());
}

#[test]
fn no_count_has_a_format_that_the_api_server_warns_about() {
    let yaml = yaml().unwrap();
    assert!(!yaml.contains("format: uint"), "unsigned formats are not known to Kubernetes");
    assert_eq!(yaml.matches("x-kubernetes-list-type: map").count(), 3, "items, status.items and conditions");
}
