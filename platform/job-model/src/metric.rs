//! Numbers that a job reports of itself (H4): for people who watch, never part of a vote or a price.
//!
//! They come from strangers' programs on strangers' nodes, so every bound is checked again wherever they are folded:
//! a name that breaks the rules or comes over the limit is counted and dropped.

use crate::limits::{MAX_METRIC_NAME_BYTES, MAX_METRICS};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a number means.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Summed over chunks.
    Counter,
    /// The last one stands.
    Gauge,
    /// Counted, summed, and its extremes kept.
    Observed,
}

/// One number of a job, over one call or over all accepted chunks of a task.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// A sum.
    Counter(f64),
    /// The last value.
    Gauge(f64),
    /// Values that were observed.
    Observed {
        /// How many.
        count: u64,
        /// Their sum.
        sum: f64,
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
}

// Compared by bits, so that results stay `Eq`: what matters is whether two nodes said the very same.
impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Metric {}

impl Metric {
    fn bits(&self) -> (u8, [u64; 4]) {
        match *self {
            Self::Counter(value) => (0, [value.to_bits(), 0, 0, 0]),
            Self::Gauge(value) => (1, [value.to_bits(), 0, 0, 0]),
            Self::Observed { count, sum, min, max } => (2, [count, sum.to_bits(), min.to_bits(), max.to_bits()]),
        }
    }

    /// What the number means.
    pub fn kind(&self) -> MetricKind {
        match self {
            Self::Counter(_) => MetricKind::Counter,
            Self::Gauge(_) => MetricKind::Gauge,
            Self::Observed { .. } => MetricKind::Observed,
        }
    }

    fn is_sound(&self) -> bool {
        match *self {
            Self::Counter(value) => value.is_finite() && value >= 0.0,
            Self::Gauge(value) => value.is_finite(),
            Self::Observed { count, sum, min, max } => {
                count > 0 && sum.is_finite() && min.is_finite() && max.is_finite() && min <= max
            }
        }
    }

    /// This one and a later one of the same kind; none if the kinds differ.
    fn then(self, later: Self) -> Option<Self> {
        match (self, later) {
            (Self::Counter(before), Self::Counter(more)) => Some(Self::Counter(finite(before + more))),
            (Self::Gauge(_), Self::Gauge(last)) => Some(Self::Gauge(last)),
            (
                Self::Observed { count, sum, min, max },
                Self::Observed {
                    count: more,
                    sum: more_sum,
                    min: other_min,
                    max: other_max,
                },
            ) => Some(Self::Observed {
                count: count.saturating_add(more),
                sum: finite(sum + more_sum),
                min: min.min(other_min),
                max: max.max(other_max),
            }),
            _ => None,
        }
    }
}

/// Sums of huge numbers stop at the largest there is.
fn finite(value: f64) -> f64 {
    value.clamp(f64::MIN, f64::MAX)
}

/// The numbers of one call, or of a task, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct JobMetrics {
    /// At most [`MAX_METRICS`], by their names.
    #[serde(default)]
    pub values: BTreeMap<String, Metric>,
    /// Reports that were not kept: a bad name, one name too many, no number, or another kind under the same name.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl JobMetrics {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.dropped == 0
    }

    /// About how many bytes it takes in a message.
    pub fn size_bytes(&self) -> usize {
        let entry = |(name, _): (&String, &Metric)| name.len() + 64;
        self.values.iter().map(entry).sum()
    }

    /// Takes one number; what breaks a rule is counted as dropped.
    pub fn add(&mut self, name: &str, metric: Metric) {
        if !metric.is_sound() || !is_name(name) {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        if let Some(known) = self.values.get_mut(name) {
            match known.then(metric) {
                Some(both) => *known = both,
                None => self.dropped = self.dropped.saturating_add(1),
            }
        } else if self.values.len() < MAX_METRICS {
            self.values.insert(name.to_owned(), metric);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Adds to a counter.
    pub fn counter(&mut self, name: &str, value: f64) {
        self.add(name, Metric::Counter(value));
    }

    /// Sets a gauge.
    pub fn gauge(&mut self, name: &str, value: f64) {
        self.add(name, Metric::Gauge(value));
    }

    /// Takes one observed value.
    pub fn observe(&mut self, name: &str, value: f64) {
        self.add(
            name,
            Metric::Observed {
                count: 1,
                sum: value,
                min: value,
                max: value,
            },
        );
    }

    /// Takes the numbers of a later call, under the same bounds.
    pub fn fold(&mut self, later: &Self) {
        self.dropped = self.dropped.saturating_add(later.dropped);
        for (name, metric) in &later.values {
            self.add(name, *metric);
        }
    }
}

/// Whether a name is what Prometheus and people can read: 1 to 64 of `a`-`z`, `0`-`9` and `_`.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.len() <= MAX_METRIC_NAME_BYTES && name.bytes().all(allowed)
}
