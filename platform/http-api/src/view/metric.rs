//! A number that a job reports of itself. A value made for one answer; owns nothing.

use super::finite;
use async_graphql::SimpleObject;
use job_model::{JobMetrics, Metric};
use serde::Serialize;
use utoipa::ToSchema;

/// One number over a task's accepted chunks.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct TaskMetric {
    /// Its name.
    #[schema(pattern = "^[a-z0-9_]{1,64}$")]
    pub name: String,
    /// What it means.
    #[schema(pattern = "^(counter|gauge|observed)$")]
    pub kind: String,
    /// The sum of a counter or of observed values, the last value of a gauge.
    pub value: f64,
    /// How many values were observed; null for others.
    pub count: Option<u64>,
    /// The smallest observed value.
    pub min: Option<f64>,
    /// The largest observed value.
    pub max: Option<f64>,
}

impl TaskMetric {
    fn new(name: String, metric: Metric) -> Self {
        let (kind, value, observed) = match metric {
            Metric::Counter(value) => ("counter", value, None),
            Metric::Gauge(value) => ("gauge", value, None),
            Metric::Observed { count, sum, min, max } => ("observed", sum, Some((count, min, max))),
        };
        Self {
            name,
            kind: kind.to_owned(),
            value: finite(value),
            count: observed.map(|(count, ..)| count),
            min: observed.map(|(_, min, _)| finite(min)),
            max: observed.map(|(.., max)| finite(max)),
        }
    }

    /// All numbers of a task, by name.
    pub fn all(metrics: JobMetrics) -> Vec<Self> {
        let each = metrics.values.into_iter().map(|(name, metric)| Self::new(name, metric));
        each.collect()
    }
}
