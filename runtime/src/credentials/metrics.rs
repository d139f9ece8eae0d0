//! What is told of credentials.

use std::fs;
use std::path::PathBuf;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts};

use super::{Credential, expires};
use crate::metrics::{Error, Label, Metrics};

/// Reads the files whenever somebody looks.
struct Files {
    ends: GaugeVec,
    files: Vec<(Credential, PathBuf)>,
}

/// Shows until when these files are good. There is a series for those that end only: 0 would be an end long ago.
///
/// # Errors
/// When the name is taken.
pub fn watch(metrics: &Metrics, files: Vec<(Credential, PathBuf)>) -> Result<(), Error> {
    let opts = Opts::new(
        "sluice_credential_expires_timestamp_seconds",
        "When a credential ends, in seconds since 1970; without a series for one that does not.",
    );
    metrics.collector(Files { ends: GaugeVec::new(opts, &[Credential::NAME])?, files })
}

impl Collector for Files {
    fn desc(&self) -> Vec<&Desc> {
        self.ends.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.ends.reset();
        for (credential, path) in &self.files {
            let end = fs::read(path).ok().and_then(|file| expires(*credential, &file));
            if let Some(end) = end {
                #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit a double for ages")]
                self.ends.with_label_values(&[credential.text()]).set(end as f64);
            }
        }
        self.ends.collect()
    }
}
