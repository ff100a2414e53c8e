//! What Prometheus is told of a node (H2): counters and histograms as things happen, gauges when somebody asks.
//!
//! The recorder belongs to the process and is installed by whoever serves `/metrics`, before the node starts; without one
//! every handle here does nothing. Handles are resolved once, and events are counted per batch: the busiest path adds a
//! handful of atomic numbers per message. Label values come from fixed lists, never from tasks or chunks. A restart
//! starts counters at zero, as Prometheus expects; what jobs report is rebuilt from the journal.

mod events;
mod jobs;
mod names;
mod scrape;

pub use events::count;
pub use names::BUCKETS;
pub use scrape::scrape;

use job_model::event::ReplicaResult;
use metrics::{Counter, Histogram};
use std::time::Duration;

/// Handles of everything that is counted as it happens.
pub struct Meters {
    tasks_submitted: Counter,
    /// Completed, failed, cancelled.
    tasks_ended: [Counter; 3],
    task_seconds: Histogram,
    chunks_planned: Counter,
    /// Accepted, failed, recalled.
    chunks: [Counter; 3],
    /// As [`job_model::event::AssignReason`].
    assigned: [Counter; 5],
    /// Value, guest error, trap, out of fuel, no verdict.
    finished: [Counter; 5],
    /// As [`job_model::LossReason`].
    lost: [Counter; 6],
    /// As [`job_model::receipt::ReplicaVerdict`].
    verdicts: [Counter; 4],
    /// accepted, refuted, unknown
    checks: [Counter; 3],
    /// close, apart, unknown
    comparisons: [Counter; 3],
    fuel: Counter,
    distrusted: Counter,
    posted: Counter,
    /// Proposed, signed.
    settlements: [Counter; 2],
    quotes: Counter,
    memo_lookups: Counter,
    memo_hits: Counter,
    plan_seconds: Histogram,
    reduce_seconds: Histogram,
    run_seconds: Histogram,
    fetch_seconds: Histogram,
    load_seconds: Histogram,
    fetched_bytes: Counter,
    turn_seconds: Histogram,
    /// Taken, failed.
    deliveries: [Counter; 2],
    delivery_seconds: Histogram,
}

fn each<const N: usize>(name: &'static str, label: &'static str, values: [&'static str; N]) -> [Counter; N] {
    values.map(|value| metrics::counter!(name, label => value))
}

impl Default for Meters {
    /// Says what every metric means, and makes all that are known beforehand exist, at zero.
    fn default() -> Self {
        names::describe();
        let reasons = ["policy", "spot", "escalation", "hedge", "retry"];
        let whys = [
            "disconnected",
            "stalled",
            "restarted",
            "refused",
            "superseded",
            "task_ended",
        ];
        let outcomes = ["value", "guest_error", "trap", "out_of_fuel", "no_verdict"];
        let verdicts = ["accepted", "wrong", "late", "undecided"];
        Self {
            tasks_submitted: metrics::counter!("p2pjob_tasks_submitted_total"),
            tasks_ended: each(
                "p2pjob_tasks_ended_total",
                "status",
                ["completed", "failed", "cancelled"],
            ),
            task_seconds: metrics::histogram!("p2pjob_task_duration_seconds"),
            chunks_planned: metrics::counter!("p2pjob_chunks_planned_total"),
            chunks: each("p2pjob_chunks_total", "outcome", ["accepted", "failed", "recalled"]),
            assigned: each("p2pjob_replicas_assigned_total", "reason", reasons),
            finished: each("p2pjob_replicas_finished_total", "outcome", outcomes),
            lost: each("p2pjob_replicas_lost_total", "why", whys),
            verdicts: each("p2pjob_replica_verdicts_total", "verdict", verdicts),
            checks: each(
                "p2pjob_output_checks_total",
                "finding",
                ["accepted", "refuted", "unknown"],
            ),
            comparisons: each(
                "p2pjob_output_comparisons_total",
                "finding",
                ["close", "apart", "unknown"],
            ),
            fuel: metrics::counter!("p2pjob_replica_fuel_total"),
            distrusted: metrics::counter!("p2pjob_nodes_distrusted_total"),
            posted: metrics::counter!("p2pjob_posted_microcredits_total"),
            settlements: each("p2pjob_settlements_total", "step", ["proposed", "signed"]),
            quotes: metrics::counter!("p2pjob_quotes_received_total"),
            memo_lookups: metrics::counter!("p2pjob_memo_lookups_total"),
            memo_hits: metrics::counter!("p2pjob_memo_hits_total"),
            plan_seconds: metrics::histogram!("p2pjob_plan_seconds"),
            reduce_seconds: metrics::histogram!("p2pjob_reduce_seconds"),
            run_seconds: metrics::histogram!("p2pjob_sandbox_run_seconds"),
            fetch_seconds: metrics::histogram!("p2pjob_input_fetch_seconds"),
            load_seconds: metrics::histogram!("p2pjob_component_load_seconds"),
            fetched_bytes: metrics::counter!("p2pjob_blob_received_bytes_total"),
            turn_seconds: metrics::histogram!("p2pjob_loop_turn_seconds"),
            deliveries: each("p2pjob_webhook_deliveries_total", "outcome", ["taken", "failed"]),
            delivery_seconds: metrics::histogram!("p2pjob_webhook_delivery_seconds"),
        }
    }
}

impl Meters {
    /// Our worker ran replicas.
    pub fn ran(&self, results: &[ReplicaResult]) {
        for result in results {
            self.run_seconds.record(result.usage.wall_us as f64 / 1e6);
        }
    }

    /// A replica's inputs were brought here, or not, after this time.
    pub fn fetched_inputs(&self, took: Duration) {
        self.fetch_seconds.record(took);
    }

    /// A job was brought here and compiled, or not, after this time.
    pub fn loaded_job(&self, took: Duration) {
        self.load_seconds.record(took);
    }

    /// A fetch brought bytes of a blob.
    pub fn received(&self, bytes: u64) {
        self.fetched_bytes.increment(bytes);
    }

    /// A task was cut, or not, after this time.
    pub fn planned(&self, took: Duration) {
        self.plan_seconds.record(took);
    }

    /// A task was reduced, or not, after this time.
    pub fn reduced(&self, took: Duration) {
        self.reduce_seconds.record(took);
    }

    /// Remembered results were looked up, and so many were there.
    pub fn recalled(&self, lookups: usize, hits: usize) {
        self.memo_lookups.increment(lookups as u64);
        self.memo_hits.increment(hits as u64);
    }

    /// A webhook's receiver took a message, or not, after this time.
    pub fn delivered(&self, took: Duration, taken: bool) {
        let [good, bad] = &self.deliveries;
        let counter = if taken { good } else { bad };
        counter.increment(1);
        self.delivery_seconds.record(took);
    }

    /// The main loop took its inputs and handed its batch over.
    pub fn turned(&self, took: Duration) {
        self.turn_seconds.record(took);
    }
}

/// What the journal's thread measures.
pub struct JournalMeters {
    seconds: Histogram,
    events: Histogram,
}

impl Default for JournalMeters {
    fn default() -> Self {
        Self {
            seconds: metrics::histogram!("p2pjob_journal_commit_seconds"),
            events: metrics::histogram!("p2pjob_journal_commit_events"),
        }
    }
}

impl JournalMeters {
    /// So many events were written and synced.
    pub fn committed(&self, took: Duration, events: usize) {
        self.seconds.record(took);
        self.events.record(events as f64);
    }
}

#[cfg(test)]
mod tests;
