//! Bounds and sums of a job's own numbers.

use crate::codec;
use crate::limits::{MAX_METRIC_NAME_BYTES, MAX_METRICS};
use crate::metric::{JobMetrics, Metric, is_name};

#[test]
fn folds_by_kind() {
    let mut total = JobMetrics::default();
    for value in [1.0, 2.5] {
        let mut call = JobMetrics::default();
        call.counter("words", value);
        call.gauge("depth", value);
        call.observe("line_bytes", value);
        call.observe("line_bytes", -value);
        total.fold(&call);
    }
    assert_eq!(total.dropped, 0);
    assert_eq!(total.values["words"], Metric::Counter(3.5));
    assert_eq!(total.values["depth"], Metric::Gauge(2.5));
    let observed = Metric::Observed {
        count: 4,
        sum: 0.0,
        min: -2.5,
        max: 2.5,
    };
    assert_eq!(total.values["line_bytes"], observed);
}

#[test]
fn what_breaks_a_rule_is_counted() {
    let mut metrics = JobMetrics::default();
    metrics.counter("n", 1.0);
    for (name, value) in [("n", -1.0), ("n", f64::NAN), ("Up", 1.0), ("", 1.0), ("a b", 1.0)] {
        metrics.counter(name, value);
    }
    metrics.gauge("n", 1.0);
    assert_eq!(metrics.dropped, 6);
    assert_eq!(metrics.values.len(), 1);
    assert!(is_name(&"a".repeat(MAX_METRIC_NAME_BYTES)));
    assert!(!is_name(&"a".repeat(MAX_METRIC_NAME_BYTES + 1)));
}

#[test]
fn a_name_too_many_is_counted() {
    let mut metrics = JobMetrics::default();
    for number in 0..MAX_METRICS + 3 {
        metrics.counter(&format!("n{number}"), 1.0);
    }
    assert_eq!((metrics.values.len(), metrics.dropped), (MAX_METRICS, 3));
}

#[test]
fn a_stranger_cannot_bring_infinity_in() {
    let mut foreign = JobMetrics::default();
    foreign.values.insert("evil\n".to_owned(), Metric::Counter(1.0));
    foreign.values.insert("big".to_owned(), Metric::Gauge(f64::INFINITY));
    foreign.values.insert("huge".to_owned(), Metric::Counter(f64::MAX));
    let decoded: JobMetrics = codec::decode(&codec::encode(&foreign), 1 << 10).unwrap();
    let mut total = JobMetrics::default();
    total.fold(&decoded);
    total.fold(&decoded);
    assert_eq!(total.values.len(), 1);
    assert_eq!(total.values["huge"], Metric::Counter(f64::MAX));
    assert_eq!(total.dropped, 4);
}

#[test]
fn a_result_without_numbers_has_no_field_for_them() {
    let result = |metrics| crate::event::ReplicaResult {
        chunk: 1,
        attempt: 0,
        outcome: crate::Outcome::OutOfFuel,
        usage: crate::Usage::default(),
        log: String::new(),
        metrics,
    };
    let bytes = codec::encode(&result(JobMetrics::default()));
    assert!(!bytes.windows(7).any(|window| window == b"metrics"));
    let mut metrics = JobMetrics::default();
    metrics.observe("bytes", 2.0);
    let full = result(metrics);
    assert_eq!(
        codec::decode::<crate::event::ReplicaResult>(&codec::encode(&full), 1 << 10).unwrap(),
        full
    );
}
