//! Numbers for people who watch: shown with the task, summed over its accepted chunks, never part of a vote.
//!
//! A name has 1 to 64 bytes of `a`-`z`, `0`-`9` and `_`, and one kind. A call may use 32 names; what breaks a rule is
//! counted and dropped. Each call costs a little fuel: report sums at the end of a chunk, not every item.
//!
//! ```
//! // In `Job::run`:
//! p2pjob::metrics::counter("rows", 1_000.0);
//! p2pjob::metrics::gauge("last_key", 42.0);
//! p2pjob::metrics::observe("row_bytes", 17.5);
//! ```

/// Adds to a counter. Counters of chunks are summed.
pub fn counter(name: &str, value: f64) {
    crate::host::counter_add(name, value);
}

/// Sets a gauge. The chunk that is accepted last stands.
pub fn gauge(name: &str, value: f64) {
    crate::host::gauge_set(name, value);
}

/// Observes one value. Count, sum, smallest and largest are kept.
pub fn observe(name: &str, value: f64) {
    crate::host::observe(name, value);
}
