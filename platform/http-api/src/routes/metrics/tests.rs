//! The recorder and what its text looks like.

use super::{build, method_name};
use axum::http::Method;
use node::METRIC_BUCKETS;

#[test]
fn every_histogram_has_its_buckets() {
    let recorder = build().expect("bounds that are accepted").build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        for (name, _) in METRIC_BUCKETS {
            metrics::histogram!(name).record(0.003);
        }
    });
    let text = handle.render();
    for (name, bounds) in METRIC_BUCKETS {
        assert!(bounds.is_sorted(), "{name}");
        let lines = text.lines().filter(|line| line.starts_with(&format!("{name}_bucket")));
        assert_eq!(lines.count(), bounds.len() + 1, "{name}\n{text}");
    }
}

#[test]
fn methods_of_strangers_make_no_series() {
    assert_eq!(method_name(&Method::GET), "GET");
    assert_eq!(method_name(&Method::from_bytes(b"BREW").expect("a method")), "other");
}
