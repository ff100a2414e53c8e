//! The node's configuration: one typed value, made at the top (file, environment, flags) and read nowhere else.
//! Every duration is in milliseconds and every size in bytes, and its name says so.

mod front;

pub use front::{
    Anonymous, HistorySection, HttpSection, LogRotation, LogSection, Role, TelemetrySection, TlsMode, WebhookSection,
};

use job_model::NodeId;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Where a node is found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PeerAddress {
    /// Its key.
    pub node: NodeId,
    /// Its UDP address.
    pub address: SocketAddr,
}

/// Everything a node needs to know to start.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeConfig {
    /// Holds key, journal, ledger, blobs and the control socket. One process at a time.
    pub data_dir: PathBuf,
    /// Folder of components known by name on every node; none: the folder `jobs` beside the program.
    pub jobs_dir: Option<PathBuf>,
    /// Folder of compiled jobs, owned by this user only; none: `compiled` in the data directory. Nodes of one user may
    /// share it.
    pub cache_dir: Option<PathBuf>,
    /// Peers and who may be one.
    pub network: NetworkSection,
    /// Running other nodes' chunks.
    pub worker: WorkerSection,
    /// Float class fast.
    pub compute: ComputeSection,
    /// Blobs on disk.
    pub store: StoreSection,
    /// Base prices and their factors (E1).
    pub prices: PriceSection,
    /// Credits (E3).
    pub credits: CreditSection,
    /// Placement and retries.
    pub scheduler: SchedulerSection,
    /// The HTTP API and the console (I2).
    pub http: HttpSection,
    /// What is remembered beyond the journal (G8).
    pub history: HistorySection,
    /// Webhooks (G4).
    pub webhooks: WebhookSection,
    /// Trace spans (H2).
    pub telemetry: TelemetrySection,
    /// Log files (H2).
    pub logs: LogSection,
}

/// Peers and who may be one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkSection {
    /// UDP address to listen on; port 0 is any free port.
    pub listen: SocketAddr,
    /// Peers to dial at start.
    pub bootstrap: Vec<PeerAddress>,
    /// If given, only these nodes may connect.
    pub allow: Option<Vec<NodeId>>,
    /// These nodes may not connect.
    pub deny: Vec<NodeId>,
    /// Nodes of different networks do not see each other's gossip.
    pub name: String,
    /// A silent peer counts as gone after this.
    pub idle_timeout_ms: u64,
    /// Most connected peers.
    pub max_peers: u32,
}

/// Running other nodes' chunks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerSection {
    /// Whether this node takes replicas.
    pub enabled: bool,
    /// Sandboxes at the same time; 0 is one per core.
    pub slots: u32,
    /// The largest memory of one sandbox.
    pub memory_bytes: u64,
    /// Most replicas that may wait here, over all requesters.
    pub queue: u32,
    /// Whether this node runs chunks of its own tasks too, as one worker among the others.
    pub run_own_tasks: bool,
}

/// Float class fast: results that are compared by tolerance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ComputeSection {
    /// `auto`: the best GPU there is, else the processor; `off`: the processor; or the beginning of a GPU's name. Software
    /// that acts as a GPU is used only when it is named.
    pub gpu: String,
}

/// Blobs on disk.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreSection {
    /// Most bytes of blobs; none is no cap.
    pub quota_bytes: Option<u64>,
    /// Disk that stays free.
    pub min_free_bytes: u64,
    /// How often unpinned blobs are dropped.
    pub gc_interval_ms: u64,
    /// How long a finished task's blobs stay pinned.
    pub keep_task_ms: u64,
}

/// Base prices and their factors (E1), in credits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceSection {
    /// Per 10^9 fuel.
    pub base_cpu_price: f64,
    /// Per 10^9 declared GPU operations.
    pub base_gpu_price: f64,
    /// Per GiB of sandbox memory and 10^9 fuel.
    pub base_ram_price: f64,
    /// Per GiB read or written.
    pub base_disk_price: f64,
    /// Step of the market factor per unit of load beside the target.
    pub adjustment_rate: f64,
    /// Weight of a new market factor against the old one.
    pub price_smoothing: f64,
}

/// Credits (E3).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct CreditSection {
    /// What a peer may owe before it has earned anything, in credits.
    pub initial: f64,
    /// Most a balance may reach, in credits.
    pub max_balance: f64,
    /// What all peers together that are not on the allow-list may newly owe per day, in credits.
    pub newcomer_budget: f64,
}

/// Placement and retries.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulerSection {
    /// A replica older than this many times the median is hedged.
    pub hedge_factor: f64,
    /// No replica is hedged before this age.
    pub hedge_min_ms: u64,
    /// Executions of one chunk before the task gives up.
    pub max_attempts: u32,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("p2pjob-data"),
            jobs_dir: None,
            cache_dir: None,
            network: NetworkSection::default(),
            worker: WorkerSection::default(),
            compute: ComputeSection::default(),
            store: StoreSection::default(),
            prices: PriceSection::default(),
            credits: CreditSection::default(),
            scheduler: SchedulerSection::default(),
            http: HttpSection::default(),
            history: HistorySection::default(),
            webhooks: WebhookSection::default(),
            telemetry: TelemetrySection::default(),
            logs: LogSection::default(),
        }
    }
}

impl Default for NetworkSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            bootstrap: Vec::new(),
            allow: None,
            deny: Vec::new(),
            name: "p2pjob".to_owned(),
            idle_timeout_ms: 2_000,
            max_peers: 256,
        }
    }
}

impl Default for WorkerSection {
    fn default() -> Self {
        Self {
            enabled: true,
            slots: 0,
            memory_bytes: job_model::limits::DEFAULT_OFFERED_MEMORY_BYTES,
            queue: 8_192,
            run_own_tasks: true,
        }
    }
}

impl Default for ComputeSection {
    fn default() -> Self {
        Self { gpu: "auto".to_owned() }
    }
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            quota_bytes: None,
            min_free_bytes: 256 << 20,
            gc_interval_ms: 60_000,
            keep_task_ms: 7 * 24 * 3_600_000,
        }
    }
}

impl Default for PriceSection {
    fn default() -> Self {
        Self {
            base_cpu_price: 0.01,
            base_gpu_price: 0.05,
            base_ram_price: 0.02,
            base_disk_price: 0.005,
            adjustment_rate: 0.1,
            price_smoothing: 0.3,
        }
    }
}

impl Default for CreditSection {
    fn default() -> Self {
        Self {
            initial: 100.0,
            max_balance: 10_000.0,
            newcomer_budget: 100.0,
        }
    }
}

impl Default for SchedulerSection {
    fn default() -> Self {
        Self {
            hedge_factor: 3.0,
            hedge_min_ms: 2_000,
            max_attempts: job_model::limits::MAX_ATTEMPTS,
        }
    }
}

/// Misbehaviour to order, for local test networks only: no file, variable or public flag can ask for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// Report a wrong output for every replica.
    pub lie: bool,
    /// Delay every outgoing frame, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Accept replicas and never answer.
    pub stall: bool,
    /// Round floats of class `fast` differently than other nodes do.
    pub jitter: bool,
}
