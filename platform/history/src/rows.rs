//! What is read: rows as people get them. Ids and hashes are 64 hexadecimal digits, times unix milliseconds, amounts
//! micro-credits. Numbers are signed, as the databases have them, and never negative but for credits.

use serde::Serialize;

/// A value in a CSV file.
pub trait Cell {
    /// Appends it, quoted where needed (RFC 4180).
    fn write(&self, line: &mut String);
}

impl Cell for i64 {
    fn write(&self, line: &mut String) {
        line.push_str(&self.to_string());
    }
}
impl Cell for f64 {
    fn write(&self, line: &mut String) {
        line.push_str(&self.to_string());
    }
}
impl Cell for String {
    fn write(&self, line: &mut String) {
        if self.contains(['"', ',', '\n', '\r']) {
            line.push('"');
            line.push_str(&self.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(self);
        }
    }
}
impl<T: Cell> Cell for Option<T> {
    fn write(&self, line: &mut String) {
        if let Some(value) = self {
            value.write(line);
        }
    }
}

/// A row of an export.
pub trait Exported: Serialize {
    /// Names of its columns.
    const COLUMNS: &'static [&'static str];
    /// Calls with each value, in their order.
    fn cells(&self, each: &mut dyn FnMut(&dyn Cell));
}

macro_rules! rows {
    ($(#[$doc:meta])* $name:ident [$($hidden:ident),*] { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Serialize, sqlx::FromRow)]
        pub struct $name {
            $(#[serde(skip)] pub(crate) $hidden: i64,)*
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Exported for $name {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];
            fn cells(&self, each: &mut dyn FnMut(&dyn Cell)) {
                $(each(&self.$field);)*
            }
        }
    };
}

rows! {
    /// A task as it is remembered.
    TaskRow [task_key] {
        /// The node it was submitted to.
        node: String,
        /// The task.
        task: String,
        /// Whose task it is; empty: the node's own user.
        owner: String,
        /// The job.
        job: String,
        /// Its name at submit.
        job_name: String,
        /// `low`, `normal`, `high` or `critical`.
        priority: String,
        /// `none`, `spot:P` or `quorum:K`.
        verify: String,
        /// The parameters as JSON, cut.
        params: String,
        /// Their whole size as CBOR.
        params_bytes: i64,
        /// Bound inputs.
        inputs: i64,
        /// Their size in bytes.
        input_bytes: i64,
        /// The most it might cost.
        max_price: Option<i64>,
        /// `pending`, `running`, `completed`, `failed` or `cancelled`.
        status: String,
        /// When it was submitted.
        submitted_at: i64,
        /// When its first replica was placed.
        started_at: Option<i64>,
        /// When it ended.
        ended_at: Option<i64>,
        /// Chunks; 0 until planned.
        chunks: i64,
        /// Accepted chunks.
        accepted: i64,
        /// Failed chunks.
        failed: i64,
        /// Chunks whose result was known.
        recalled: i64,
        /// Replicas placed.
        replicas: i64,
        /// Replicas that brought nothing.
        lost: i64,
        /// Credits paid.
        price: i64,
        /// Fuel of all finished replicas.
        fuel: i64,
        /// Probability, 0 to 1, that its results are right (mean over its chunks).
        confidence: f64,
        /// The result, a blob.
        result_hash: Option<String>,
        /// Its size.
        result_bytes: Option<i64>,
        /// Why it failed or was cancelled.
        detail: String,
    }
}

rows! {
    /// A chunk as it is remembered.
    ChunkRow [task_key] {
        /// The node the task was submitted to.
        node: String,
        /// The task.
        task: String,
        /// Index of the chunk.
        chunk: i64,
        /// `open`, `accepted`, `failed` or `recalled`.
        status: String,
        /// The attempt whose outcome was accepted.
        winner: Option<i64>,
        /// Replicas placed.
        replicas: i64,
        /// Replicas that brought nothing.
        lost: i64,
        /// One word per finished replica: attempt and letter (v value, e guest error, t trap, f out of fuel, n no
        /// verdict).
        outcomes: String,
        /// One word per judged replica: attempt and letter (a accepted, w wrong, l late, u undecided).
        verdicts: String,
        /// The nodes of `outcomes`, in its order.
        workers: String,
        /// The newest error text.
        error: Option<String>,
        /// The longest wall time of a replica, in microseconds.
        wall_us: i64,
        /// Fuel of all finished replicas.
        fuel: i64,
        /// When it last changed.
        changed_at: i64,
    }
}

rows! {
    /// A sample of load.
    LoadRow [] {
        /// The node.
        node: String,
        /// When.
        at: i64,
        /// Of the process, in percent of one core.
        cpu_percent: f64,
        /// Of the machine, 0 to 100.
        host_cpu_percent: f64,
        /// Resident memory of the process.
        memory_bytes: i64,
        /// Memory the machine could still give.
        memory_available_bytes: i64,
        /// Free space for the data directory.
        disk_free_bytes: i64,
        /// Size of the blob store.
        store_bytes: i64,
        /// Received by the machine since boot.
        net_received_bytes: i64,
        /// Sent by the machine since boot.
        net_sent_bytes: i64,
        /// Replicas that ran.
        running: i64,
        /// Replicas that waited.
        queued: i64,
        /// Connected peers.
        peers: i64,
        /// Tasks that had not ended.
        active_tasks: i64,
        /// The balance.
        credits: i64,
    }
}

rows! {
    /// A sample of prices, in credits per unit.
    PriceRow [] {
        /// The node.
        node: String,
        /// When.
        at: i64,
        /// The market factor.
        factor: f64,
        /// Per 10^9 fuel.
        cpu: f64,
        /// 0 while no GPU is offered.
        gpu: f64,
        /// Per GiB of memory and 10^9 fuel.
        ram: f64,
        /// Per GiB read or written.
        disk: f64,
    }
}

/// Means over a span of time; counters that only grow are given as their last value.
#[derive(Clone, PartialEq, Debug, Serialize, sqlx::FromRow)]
pub struct LoadPoint {
    /// The first sample's time.
    pub at: i64,
    /// How many samples.
    pub samples: i64,
    /// Of the process, in percent of one core.
    pub cpu_percent: f64,
    /// Of the machine, 0 to 100.
    pub host_cpu_percent: f64,
    /// Resident memory of the process.
    pub memory_bytes: f64,
    /// Memory the machine could still give.
    pub memory_available_bytes: f64,
    /// Free space for the data directory.
    pub disk_free_bytes: f64,
    /// Size of the blob store.
    pub store_bytes: f64,
    /// Received by the machine since boot.
    pub net_received_bytes: i64,
    /// Sent by the machine since boot.
    pub net_sent_bytes: i64,
    /// Replicas that ran.
    pub running: f64,
    /// Replicas that waited.
    pub queued: f64,
    /// Connected peers.
    pub peers: f64,
    /// Tasks that had not ended.
    pub active_tasks: f64,
    /// The balance in micro-credits.
    pub credits: f64,
}

/// Mean prices over a span of time, in credits per unit.
#[derive(Clone, PartialEq, Debug, Serialize, sqlx::FromRow)]
pub struct PricePoint {
    /// The first sample's time.
    pub at: i64,
    /// How many samples.
    pub samples: i64,
    /// The market factor.
    pub factor: f64,
    /// Per 10^9 fuel.
    pub cpu: f64,
    /// 0 while no GPU is offered.
    pub gpu: f64,
    /// Per GiB of memory and 10^9 fuel.
    pub ram: f64,
    /// Per GiB read or written.
    pub disk: f64,
}
