//! What jobs report of themselves, as Prometheus text: four families with the labels `job` and `name`. Written here and
//! not by the recorder, whose counters are whole numbers.

use job_model::{JobMetrics, Metric};
use std::collections::BTreeMap;
use std::fmt::Write;

/// One family: its name, its type, what it means, and its lines for one metric (suffix and value).
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    lines: fn(&Metric) -> Vec<(&'static str, f64)>,
}

const FAMILIES: [Family; 5] = [
    Family {
        name: "p2pjob_job_counter_total",
        kind: "counter",
        help: "Counters that jobs report, summed over accepted chunks of this node's tasks.",
        lines: |metric| match metric {
            Metric::Counter(value) => vec![("", *value)],
            _ => Vec::new(),
        },
    },
    Family {
        name: "p2pjob_job_gauge",
        kind: "gauge",
        help: "Gauges that jobs report, of the chunk accepted last.",
        lines: |metric| match metric {
            Metric::Gauge(value) => vec![("", *value)],
            _ => Vec::new(),
        },
    },
    Family {
        name: "p2pjob_job_observed",
        kind: "summary",
        help: "Values that jobs observe.",
        lines: |metric| match metric {
            Metric::Observed { count, sum, .. } => vec![("_sum", *sum), ("_count", *count as f64)],
            _ => Vec::new(),
        },
    },
    Family {
        name: "p2pjob_job_observed_min",
        kind: "gauge",
        help: "The smallest value that jobs observed.",
        lines: |metric| match metric {
            Metric::Observed { min, .. } => vec![("", *min)],
            _ => Vec::new(),
        },
    },
    Family {
        name: "p2pjob_job_observed_max",
        kind: "gauge",
        help: "The largest value that jobs observed.",
        lines: |metric| match metric {
            Metric::Observed { max, .. } => vec![("", *max)],
            _ => Vec::new(),
        },
    },
];

/// All families, those without a line too, so that dashboards find them.
pub fn text(jobs: &BTreeMap<String, JobMetrics>) -> String {
    let mut text = String::new();
    for family in &FAMILIES {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "# HELP {} {}\n# TYPE {0} {}",
            family.name, family.help, family.kind
        );
        for (job, metrics) in jobs {
            for (name, metric) in &metrics.values {
                for (suffix, value) in (family.lines)(metric) {
                    let job = escaped(job);
                    let _ = writeln!(text, "{}{suffix}{{job=\"{job}\",name=\"{name}\"}} {value}", family.name);
                }
            }
        }
    }
    text
}

/// A label's value: names of jobs come from strangers.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
