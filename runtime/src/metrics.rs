//! What a process counts.
//!
//! **What it is for.** A service resolves every handle once, at its start, so that counting costs one atomic addition
//! and a metric that cannot exist stops the process before it serves anybody.
//!
//! **What must always hold.** A label is an enum ([`label!`](crate::label)), so the number of series is known when the
//! program is compiled, and every series is there from the start: a rate over a counter that has just appeared is wrong.
//! Never a customer, an order or a text of an error in a label.

use std::marker::PhantomData;
use std::ops::Index;

use prometheus::core::{Collector, Desc, Metric, MetricVec, MetricVecBuilder};
use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::release;

/// Bounds for how long something took: half a millisecond to ten seconds.
pub const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A metric cannot exist, or cannot be shown.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct Error(prometheus::Error);

impl From<prometheus::Error> for Error {
    fn from(error: prometheus::Error) -> Self {
        Self(error)
    }
}

/// The metrics of a process; its clones are the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Those that every process has: `sluice_build_info` and, on Linux, `process_*`.
    ///
    /// # Errors
    /// When one cannot be registered.
    pub fn new(component: &str, version: &str) -> Result<Self, Error> {
        let metrics = Self { registry: Registry::new() };
        #[cfg(target_os = "linux")]
        metrics.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let opts = Opts::new("sluice_build_info", "Always 1; says what runs.")
            .const_label("component", component)
            .const_label("version", version)
            .const_label("commit", release::commit());
        metrics.kept(IntGauge::with_opts(opts))?.set(1);
        Ok(metrics)
    }

    /// A count that only rises.
    ///
    /// # Errors
    /// When the name is taken or is none.
    pub fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.kept(IntCounter::new(name, help))
    }

    /// A count for each value of a label.
    ///
    /// # Errors
    /// When the name is taken or is none.
    pub fn counter_by<L: Labels>(&self, name: &str, help: &str) -> Result<By<L, IntCounter>, Error> {
        self.each(IntCounterVec::new(Opts::new(name, help), &L::names()))
    }

    /// A whole number that rises and falls.
    ///
    /// # Errors
    /// When the name is taken or is none.
    pub fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.kept(IntGauge::new(name, help))
    }

    /// A whole number for each value of a label.
    ///
    /// # Errors
    /// When the name is taken or is none.
    pub fn gauge_by<L: Labels>(&self, name: &str, help: &str) -> Result<By<L, IntGauge>, Error> {
        self.each(IntGaugeVec::new(Opts::new(name, help), &L::names()))
    }

    /// A measure that rises and falls, such as seconds of lag.
    ///
    /// # Errors
    /// When the name is taken or is none.
    pub fn float_gauge(&self, name: &str, help: &str) -> Result<Gauge, Error> {
        self.kept(Gauge::new(name, help))
    }

    /// A measure for each value of a label.
    ///
    /// # Errors
    /// When the name is taken or is none.
    pub fn float_gauge_by<L: Labels>(&self, name: &str, help: &str) -> Result<By<L, Gauge>, Error> {
        self.each(GaugeVec::new(Opts::new(name, help), &L::names()))
    }

    /// A distribution; `bounds` rise, [`SECONDS`] for durations.
    ///
    /// # Errors
    /// When the name is taken or is none, or the bounds do not rise.
    pub fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Result<Histogram, Error> {
        self.kept(Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec())))
    }

    /// A distribution for each value of a label.
    ///
    /// # Errors
    /// When the name is taken or is none, or the bounds do not rise.
    pub fn histogram_by<L: Labels>(&self, name: &str, help: &str, bounds: &[f64]) -> Result<By<L, Histogram>, Error> {
        self.each(HistogramVec::new(HistogramOpts::new(name, help).buckets(bounds.to_vec()), &L::names()))
    }

    /// A whole number that is asked for whenever somebody looks; `ask` must be quick.
    ///
    /// # Errors
    /// When the name is taken or is none.
    pub fn gauge_of(&self, name: &str, help: &str, ask: impl Fn() -> i64 + Send + Sync + 'static) -> Result<(), Error> {
        let gauge = IntGauge::new(name, help)?;
        self.collector(Asked { gauge, ask })
    }

    /// Whatever else can be collected.
    pub(crate) fn collector(&self, collector: impl Collector + 'static) -> Result<(), Error> {
        Ok(self.registry.register(Box::new(collector))?)
    }

    /// A family whose labels are not known before the process runs; whoever makes one says why they stay few.
    pub(crate) fn family<M: Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> Result<M, Error> {
        self.kept(made)
    }

    /// Everything that was counted, in the text format of Prometheus.
    ///
    /// # Errors
    /// When a collector yields what that format cannot say.
    pub fn encode(&self) -> Result<String, Error> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    fn kept<M: Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> Result<M, Error> {
        let metric = made?;
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn each<L, B>(&self, made: prometheus::Result<MetricVec<B>>) -> Result<By<L, B::M>, Error>
    where
        L: Labels,
        B: MetricVecBuilder + 'static,
        B::M: Metric,
    {
        let family = self.kept(made)?;
        let handles = L::all().into_iter().map(|labels| family.get_metric_with_label_values(&labels.texts()));
        Ok(By { handles: handles.collect::<prometheus::Result<_>>()?, labels: PhantomData })
    }
}

/// A gauge whose value somebody else knows.
struct Asked<F> {
    gauge: IntGauge,
    ask: F,
}

impl<F: Fn() -> i64 + Send + Sync> Collector for Asked<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.gauge.set((self.ask)());
        self.gauge.collect()
    }
}

/// A handle for each value of a label: `refusals[Refusal::SoldOut].inc()`.
#[derive(Debug, Clone)]
pub struct By<L, M> {
    handles: Vec<M>,
    labels: PhantomData<fn(L)>,
}

impl<L: Labels, M> Index<L> for By<L, M> {
    type Output = M;

    #[expect(clippy::indexing_slicing, reason = "there is a handle for every value, in the order of their positions")]
    fn index(&self, labels: L) -> &M {
        &self.handles[labels.position()]
    }
}

/// A label with a fixed set of values; [`label!`](crate::label) writes it.
pub trait Label: Copy + 'static {
    /// Name of the label.
    const NAME: &'static str;
    /// Every value, each at its position.
    const VALUES: &'static [Self];

    /// How the value is spelled.
    fn text(self) -> &'static str;

    /// Where it stands in [`VALUES`](Self::VALUES).
    fn position(self) -> usize;
}

/// What a family of metrics is labelled with: one [`Label`], or a pair.
pub trait Labels: Copy + 'static {
    /// Names of the labels.
    fn names() -> Vec<&'static str>;

    /// Every combination, each at its position.
    fn all() -> Vec<Self>;

    /// How the combination is spelled.
    fn texts(self) -> Vec<&'static str>;

    /// Where it stands in [`all`](Self::all).
    fn position(self) -> usize;
}

impl<L: Label> Labels for L {
    fn names() -> Vec<&'static str> {
        vec![L::NAME]
    }

    fn all() -> Vec<Self> {
        L::VALUES.to_vec()
    }

    fn texts(self) -> Vec<&'static str> {
        vec![self.text()]
    }

    fn position(self) -> usize {
        Label::position(self)
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    fn names() -> Vec<&'static str> {
        vec![A::NAME, B::NAME]
    }

    fn all() -> Vec<Self> {
        A::VALUES.iter().flat_map(|a| B::VALUES.iter().map(|b| (*a, *b))).collect()
    }

    fn texts(self) -> Vec<&'static str> {
        vec![self.0.text(), self.1.text()]
    }

    fn position(self) -> usize {
        Label::position(self.0) * B::VALUES.len() + Label::position(self.1)
    }
}

/// An enum that labels a metric.
///
/// ```
/// runtime::label! {
///     /// How a try ended.
///     pub enum Outcome as "outcome" {
///         /// Well.
///         Taken = "taken",
///         /// Not so well.
///         Refused = "refused",
///     }
/// }
/// # fn main() -> Result<(), runtime::metrics::Error> {
/// let metrics = runtime::metrics::Metrics::new("sluice-example", "0.1.0")?;
/// let tries = metrics.counter_by::<Outcome>("sluice_example_tries_total", "Tries, by how they ended.")?;
/// tries[Outcome::Taken].inc();
/// # Ok(()) }
/// ```
#[macro_export]
macro_rules! label {
    (
        $(#[$about:meta])*
        $visibility:vis enum $label:ident as $name:literal {
            $($(#[$about_value:meta])* $value:ident = $text:literal),+ $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $label {
            $($(#[$about_value])* $value),+
        }

        impl $crate::metrics::Label for $label {
            const NAME: &'static str = $name;
            const VALUES: &'static [Self] = &[$(Self::$value),+];

            fn text(self) -> &'static str {
                match self {
                    $(Self::$value => $text),+
                }
            }

            fn position(self) -> usize {
                self as usize
            }
        }
    };
}

#[cfg(test)]
mod tests;
