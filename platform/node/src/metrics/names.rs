//! Every metric of a node: name, unit, and what it means. Names end in their unit, counters in `_total`.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Upper bounds of histograms, by metric: seconds from a tenth of a millisecond to five minutes unless said otherwise.
pub const BUCKETS: [(&str, &[f64]); 11] = [
    ("p2pjob_task_duration_seconds", TASK_SECONDS),
    ("p2pjob_plan_seconds", WORK_SECONDS),
    ("p2pjob_reduce_seconds", WORK_SECONDS),
    ("p2pjob_sandbox_run_seconds", WORK_SECONDS),
    ("p2pjob_input_fetch_seconds", WORK_SECONDS),
    ("p2pjob_component_load_seconds", WORK_SECONDS),
    ("p2pjob_journal_commit_seconds", SHORT_SECONDS),
    ("p2pjob_loop_turn_seconds", SHORT_SECONDS),
    ("p2pjob_http_request_duration_seconds", SHORT_SECONDS),
    (
        "p2pjob_journal_commit_events",
        &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0],
    ),
    ("p2pjob_webhook_delivery_seconds", WORK_SECONDS),
];

const TASK_SECONDS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0];
const WORK_SECONDS: &[f64] = &[
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0,
];
const SHORT_SECONDS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
];

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}
use Kind::{Counter as C, Gauge as G, Histogram as H};

const N: Unit = Unit::Count;
const S: Unit = Unit::Seconds;
const B: Unit = Unit::Bytes;

const ALL: &[(Kind, &str, Unit, &str)] = &[
    (C, "p2pjob_tasks_submitted_total", N, "Tasks submitted to this node."),
    (
        C,
        "p2pjob_tasks_ended_total",
        N,
        "Tasks of this node that ended, by status.",
    ),
    (
        H,
        "p2pjob_task_duration_seconds",
        S,
        "Time from submission to end of a task of this node.",
    ),
    (
        C,
        "p2pjob_chunks_planned_total",
        N,
        "Chunks that tasks of this node were cut into.",
    ),
    (
        C,
        "p2pjob_chunks_total",
        N,
        "Decided chunks of this node's tasks, by outcome.",
    ),
    (
        C,
        "p2pjob_replicas_assigned_total",
        N,
        "Replicas given to workers, by reason.",
    ),
    (
        C,
        "p2pjob_replicas_finished_total",
        N,
        "Replicas that workers sent results of, by outcome.",
    ),
    (
        C,
        "p2pjob_replicas_lost_total",
        N,
        "Replicas that brought nothing, by cause.",
    ),
    (C, "p2pjob_replica_verdicts_total", N, "Judged replicas, by verdict."),
    (
        C,
        "p2pjob_output_checks_total",
        N,
        "Outputs that jobs' own checks looked at here, by finding: accepted, refuted, or unknown where it could not be done.",
    ),
    (
        C,
        "p2pjob_output_comparisons_total",
        N,
        "Pairs of outputs compared by tolerance here, by finding: close, apart, or unknown where it could not be done.",
    ),
    (
        C,
        "p2pjob_replica_fuel_total",
        N,
        "Fuel of all results that workers sent.",
    ),
    (
        C,
        "p2pjob_nodes_distrusted_total",
        N,
        "Nodes caught contradicting an accepted result.",
    ),
    (
        C,
        "p2pjob_posted_microcredits_total",
        N,
        "Micro-credits posted to workers.",
    ),
    (C, "p2pjob_settlements_total", N, "Settlements, by step."),
    (C, "p2pjob_quotes_received_total", N, "Offers received from workers."),
    (
        C,
        "p2pjob_memo_lookups_total",
        N,
        "Chunks whose result was looked up among remembered ones.",
    ),
    (
        C,
        "p2pjob_memo_hits_total",
        N,
        "Chunks whose result was remembered and confirmed enough.",
    ),
    (
        H,
        "p2pjob_plan_seconds",
        S,
        "Time to cut a task, both runs of the plan.",
    ),
    (
        H,
        "p2pjob_reduce_seconds",
        S,
        "Time to fold the outputs of a task's chunks.",
    ),
    (
        H,
        "p2pjob_sandbox_run_seconds",
        S,
        "Wall time of a replica in this node's sandbox.",
    ),
    (
        H,
        "p2pjob_input_fetch_seconds",
        S,
        "Time to bring the inputs of a replica here.",
    ),
    (
        H,
        "p2pjob_component_load_seconds",
        S,
        "Time to bring a job here and compile it, or to find it compiled.",
    ),
    (
        C,
        "p2pjob_blob_received_bytes_total",
        B,
        "Bytes of blobs received from peers.",
    ),
    (C, "p2pjob_blob_sent_bytes_total", B, "Bytes of blobs sent to peers."),
    (
        H,
        "p2pjob_loop_turn_seconds",
        S,
        "Time the main loop takes for its inputs and their hand-over to the journal.",
    ),
    (
        H,
        "p2pjob_journal_commit_seconds",
        S,
        "Time to write a group of events and sync it.",
    ),
    (H, "p2pjob_journal_commit_events", N, "Events written together."),
    (
        C,
        "p2pjob_journal_events_total",
        N,
        "Events in the journal since it was made.",
    ),
    (G, "p2pjob_tasks_active", N, "Tasks of this node that are not over."),
    (
        G,
        "p2pjob_replicas_running",
        N,
        "Replicas handed to this node's sandboxes.",
    ),
    (
        G,
        "p2pjob_replicas_queued",
        N,
        "Replicas that wait for a sandbox of this node.",
    ),
    (G, "p2pjob_sandbox_slots", N, "Sandboxes of this node."),
    (G, "p2pjob_jobs", N, "Jobs known by name."),
    (G, "p2pjob_peers", N, "Connected peers."),
    (
        G,
        "p2pjob_event_listeners",
        N,
        "Followers of this node's events, streams of clients among them.",
    ),
    (
        C,
        "p2pjob_frame_received_bytes_total",
        B,
        "Bytes of messages received from peers, blobs not counted.",
    ),
    (
        C,
        "p2pjob_frame_sent_bytes_total",
        B,
        "Bytes of messages sent to peers, blobs not counted.",
    ),
    (G, "p2pjob_store_bytes", B, "Bytes of blobs stored here."),
    (
        G,
        "p2pjob_balance_credits",
        N,
        "Initial credits plus earned minus spent.",
    ),
    (
        G,
        "p2pjob_held_credits",
        N,
        "Credits held for replicas that are not settled.",
    ),
    (
        C,
        "p2pjob_earned_microcredits_total",
        N,
        "Micro-credits earned from peers, by signed settlements.",
    ),
    (
        C,
        "p2pjob_spent_microcredits_total",
        N,
        "Micro-credits spent on peers, by signed settlements.",
    ),
    (
        G,
        "p2pjob_reputation_score",
        N,
        "What requesters judged of this node's replicas, 0 to 1.",
    ),
    (
        G,
        "p2pjob_market_factor_ratio",
        N,
        "Factor on base prices that load makes.",
    ),
    (
        G,
        "p2pjob_price_credits",
        N,
        "Price per unit of a resource, by resource.",
    ),
    (
        G,
        "p2pjob_price_in_1h_credits",
        N,
        "Predicted price in one hour, by resource.",
    ),
    (
        G,
        "p2pjob_process_cpu_ratio",
        N,
        "Processor time of the node, of one core.",
    ),
    (
        G,
        "p2pjob_process_resident_memory_bytes",
        B,
        "Resident memory of the node.",
    ),
    (G, "p2pjob_process_open_files", N, "Open files and sockets of the node."),
    (
        G,
        "p2pjob_process_start_time_seconds",
        S,
        "When the node started, since 1970.",
    ),
    (
        G,
        "p2pjob_host_cpu_ratio",
        N,
        "Busy share of the whole machine, 0 to 1.",
    ),
    (G, "p2pjob_host_memory_size_bytes", B, "Memory of the machine."),
    (
        G,
        "p2pjob_host_memory_available_bytes",
        B,
        "Memory of the machine that programs could still have.",
    ),
    (
        G,
        "p2pjob_disk_size_bytes",
        B,
        "Size of the file system that holds the data directory.",
    ),
    (
        G,
        "p2pjob_disk_free_bytes",
        B,
        "Bytes free for the node on that file system.",
    ),
    (
        C,
        "p2pjob_host_network_received_bytes_total",
        B,
        "Bytes the machine received since its boot.",
    ),
    (
        C,
        "p2pjob_host_network_sent_bytes_total",
        B,
        "Bytes the machine sent since its boot.",
    ),
    (G, "p2pjob_gpu_devices", N, "Accelerators that sandboxes can use."),
    (G, "p2pjob_build_info", N, "Always 1; the labels say what runs."),
    (
        C,
        "p2pjob_trace_spans_exported_total",
        N,
        "Trace spans that the receiver took.",
    ),
    (
        C,
        "p2pjob_trace_spans_dropped_total",
        N,
        "Trace spans lost to a full queue or a failing receiver.",
    ),
    (
        C,
        "p2pjob_webhook_deliveries_total",
        N,
        "Attempts to deliver a webhook, by outcome.",
    ),
    (
        H,
        "p2pjob_webhook_delivery_seconds",
        S,
        "Time a webhook's receiver took to answer.",
    ),
];

/// Tells the recorder.
pub fn describe() {
    for (kind, name, unit, help) in ALL {
        match kind {
            C => describe_counter!(*name, *unit, *help),
            G => describe_gauge!(*name, *unit, *help),
            H => describe_histogram!(*name, *unit, *help),
        }
    }
}
