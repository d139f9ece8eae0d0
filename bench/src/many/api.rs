//! What the API server was asked about sales, by its own counters.

use std::collections::BTreeMap;

use testbed::installation::Installation;

/// What is counted: sales and their status, and events; leases and the servers' own business are beside it.
const COUNTED: [&str; 2] = ["flashsales", "events"];
/// Verbs that change something.
const WRITES: [&str; 6] = ["APPLY", "CREATE", "DELETE", "PATCH", "POST", "PUT"];

/// Requests so far, by verb and resource.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(BTreeMap<String, f64>);

impl Requests {
    /// As counted until now.
    pub(crate) async fn counted(at: &Installation) -> anyhow::Result<Self> {
        let page = at.kubectl(&["get", "--raw", "/metrics"]).await?;
        let mut requests = BTreeMap::new();
        for line in page.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{")) {
            let Some((labels, count)) = line.split_once("} ") else { continue };
            let label = |name: &str| {
                let (_, rest) = labels.split_once(&format!("{name}=\""))?;
                rest.split('"').next()
            };
            let (Some(verb), Some(resource)) = (label("verb"), label("resource")) else { continue };
            let Ok(count) = count.parse::<f64>() else { continue };
            if COUNTED.contains(&resource) {
                let of = label("subresource").filter(|name| !name.is_empty()).unwrap_or(resource);
                *requests.entry(format!("{verb} {of}")).or_insert(0.0) += count;
            }
        }
        Ok(Self(requests))
    }

    /// What was asked since then.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let difference = self.0.iter().map(|(name, now)| (name.clone(), now - before.0.get(name).unwrap_or(&0.0)));
        Self(difference.filter(|(_, count)| *count > 0.0).collect())
    }

    /// Those that change something.
    pub(crate) fn writes(&self) -> f64 {
        let writes = self.0.iter().filter(|(name, _)| WRITES.iter().any(|verb| name.starts_with(verb)));
        writes.fold(0.0, |sum, (_, count)| sum + count)
    }

    /// All of them for each of so many sales, the most frequent first.
    pub(crate) fn per_sale(&self, sales: f64) -> String {
        let mut each: Vec<_> = self.0.iter().map(|(name, count)| (name, count / sales)).collect();
        each.sort_by(|one, other| other.1.total_cmp(&one.1));
        each.retain(|(_, count)| *count >= 0.005);
        let told: Vec<_> = each.iter().map(|(name, count)| format!("{name} {count:.2}")).collect();
        told.join(", ")
    }
}
