//! Text of a job's numbers.

use super::jobs;
use job_model::JobMetrics;
use std::collections::BTreeMap;

#[test]
fn numbers_of_jobs_are_one_series_each() {
    let mut metrics = JobMetrics::default();
    metrics.counter("words", 2.5);
    metrics.gauge("depth", -1.0);
    metrics.observe("bytes", 3.0);
    metrics.observe("bytes", 5.0);
    let text = jobs::text(&BTreeMap::from([("a\"b".to_owned(), metrics)]));
    for line in [
        "p2pjob_job_counter_total{job=\"a\\\"b\",name=\"words\"} 2.5",
        "p2pjob_job_gauge{job=\"a\\\"b\",name=\"depth\"} -1",
        "p2pjob_job_observed_sum{job=\"a\\\"b\",name=\"bytes\"} 8",
        "p2pjob_job_observed_count{job=\"a\\\"b\",name=\"bytes\"} 2",
        "p2pjob_job_observed_min{job=\"a\\\"b\",name=\"bytes\"} 3",
        "p2pjob_job_observed_max{job=\"a\\\"b\",name=\"bytes\"} 5",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}
