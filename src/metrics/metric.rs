//! What a metric is: a name, a type and the kind of value it holds.

use std::sync::Arc;

/// The type of a metric, k6's four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// A sum that only grows.
    Counter,
    /// The last value, with minimum and maximum.
    Gauge,
    /// The share of non-zero values.
    Rate,
    /// A distribution.
    Trend,
}

impl MetricKind {
    /// k6's lower-case name: `counter`, `gauge`, `rate`, `trend`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Rate => "rate",
            Self::Trend => "trend",
        }
    }
}

/// What the values of a metric are, which decides how they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A plain number.
    Default,
    /// Milliseconds.
    Time,
    /// Bytes.
    Data,
}

impl ValueKind {
    /// k6's name: `default`, `time`, `data`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Time => "time",
            Self::Data => "data",
        }
    }
}

/// Index of a metric in its registry; dense from 0, so it can index a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricId(pub u32);

/// One registered metric.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Index in the registry.
    pub id: MetricId,
    /// Name as in k6, e.g. `http_req_duration`.
    pub name: Arc<str>,
    /// Type.
    pub kind: MetricKind,
    /// Kind of value.
    pub contains: ValueKind,
}
