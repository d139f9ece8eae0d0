//! What a Prometheus answers: values, ranges, alerts, names.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use runtime::clock::Clock;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::http;

/// A Prometheus that runs somewhere.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
}

/// One value that an expression has at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What tells it from the others, its name included.
    pub labels: Labels,
    /// Not a number where the expression divided nothing by nothing.
    pub value: f64,
}

/// The values that an expression had over a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What tells it from the others.
    pub labels: Labels,
    /// Moments in seconds since 1970, and the values then.
    pub points: Vec<(f64, f64)>,
}

/// Labels and their values.
pub type Labels = BTreeMap<String, String>;

/// An alert whose condition holds.
#[derive(Debug, Clone, Deserialize)]
pub struct Alert {
    /// Of the alert, its name (`alertname`) and severity included.
    pub labels: Labels,
    /// What it says to a person.
    pub annotations: Labels,
    /// Whether it has held for as long as it must.
    pub state: AlertState,
}

/// How far an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// It holds, and somebody would be told if it held longer.
    Pending,
    /// Somebody is told.
    Firing,
}

impl Alert {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }
}

/// An answer of the API, whose payload is of this shape.
#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Found {
    result: Vec<FoundSeries>,
}

#[derive(Deserialize)]
struct FoundSeries {
    metric: Labels,
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Alerts {
    alerts: Vec<Alert>,
}

/// A scalar is one number, everything else a list.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Instant {
    Vector(Vec<FoundSeries>),
    Scalar((f64, String)),
}

impl Api {
    /// The one at `http://<host>:<port>`.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// Where its own page is, and the API below it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What an expression is now.
    ///
    /// # Errors
    /// When it is none; with what Prometheus says about it.
    pub async fn query(&self, expression: &str) -> anyhow::Result<Vec<Sample>> {
        let found: Instant = self.ask("/api/v1/query", &[("query", expression)]).await?;
        match found {
            Instant::Vector(found) => found
                .into_iter()
                .map(|one| {
                    let (_, value) = one.value.context("a vector has values")?;
                    Ok(Sample { labels: one.metric, value: value.parse()? })
                })
                .collect(),
            Instant::Scalar((_, value)) => Ok(vec![Sample { labels: Labels::new(), value: value.parse()? }]),
        }
    }

    /// What an expression was during the last `back`, at moments that are `step` apart.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn query_range(&self, expression: &str, back: Duration, step: Duration) -> anyhow::Result<Vec<Series>> {
        let end = Clock::system().now();
        let start = end - jiff::SignedDuration::try_from(back)?;
        let (start, end, step) = (start.to_string(), end.to_string(), step.as_secs_f64().to_string());
        let asked = [("query", expression), ("start", &start), ("end", &end), ("step", &step)];
        let found: Found = self.ask("/api/v1/query_range", &asked).await?;
        found
            .result
            .into_iter()
            .map(|one| {
                let points = one.values.iter().map(|(at, value)| Ok((*at, value.parse()?)));
                Ok(Series { labels: one.metric, points: points.collect::<anyhow::Result<_>>()? })
            })
            .collect()
    }

    /// Every alert whose condition holds.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn alerts(&self) -> anyhow::Result<Vec<Alert>> {
        let found: Alerts = self.ask("/api/v1/alerts", &[]).await?;
        Ok(found.alerts)
    }

    /// The names of all metrics that it has seen.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn names(&self) -> anyhow::Result<Vec<String>> {
        self.ask("/api/v1/label/__name__/values", &[]).await
    }

    /// Succeeds once the last scrape of each of so many targets did.
    ///
    /// # Errors
    /// Names those that did not answer.
    pub async fn sees(&self, count: usize) -> anyhow::Result<()> {
        let up = self.query("up").await?;
        let down: Vec<_> = up.iter().filter(|one| one.value < 1.0).map(|one| &one.labels).collect();
        ensure!(up.len() == count && down.is_empty(), "{} of {count} targets, without an answer {down:?}", up.len());
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, asked: &[(&str, &str)]) -> anyhow::Result<T> {
        // As a form, as expressions may be longer than a URL.
        let request = match asked {
            [] => http::client(None)?.get(format!("{}{path}", self.url)),
            asked => http::client(None)?.post(format!("{}{path}", self.url)).form(asked),
        };
        let answer: Answer<T> = serde_json::from_str(&http::text(request).await?)?;
        Ok(answer.data)
    }
}
