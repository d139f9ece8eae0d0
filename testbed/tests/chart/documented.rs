//! Every value is told of: beside it, and in the table of `docs/values.md`.

use std::path::Path;

use testbed::values as table;

use crate::helm::chart;

fn values() -> String {
    std::fs::read_to_string(chart().join("values.yaml")).unwrap()
}

#[test]
fn every_value_has_a_comment() {
    let untold: Vec<_> = table::rows(&values()).into_iter().filter(|row| row.why.is_empty()).collect();
    assert!(untold.is_empty(), "{untold:#?}");
    assert!(table::rows(&values()).len() > 150);
}

#[test]
fn the_table_of_values_is_that_of_the_chart() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/values.md");
    let told = std::fs::read_to_string(file).unwrap_or_default();
    assert_eq!(told, table::page(&values()), "run make generate");
}
