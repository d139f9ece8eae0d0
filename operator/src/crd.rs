//! The custom resource definition as YAML: `sluice-operator crd`, and the chart's copy.

use std::io::Write as _;
use std::process::ExitCode;

use kube::CustomResourceExt as _;

use crate::resource::FlashSale;

/// First line of the generated file.
const HEADER: &str =
    "# Generated from operator/src/resource.rs: sluice-operator crd > charts/sluice/files/flashsale.yaml\n";

/// The definition.
///
/// # Errors
/// When it cannot be written as YAML.
pub fn yaml() -> Result<String, serde_yaml_ng::Error> {
    Ok(format!("{HEADER}{}", serde_yaml_ng::to_string(&FlashSale::crd())?))
}

pub(crate) fn print() -> ExitCode {
    let written = yaml().map_err(std::io::Error::other);
    match written.and_then(|yaml| std::io::stdout().lock().write_all(yaml.as_bytes())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sluice-operator: the custom resource definition cannot be printed: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests;
