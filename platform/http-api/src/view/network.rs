//! The node and its peers. Values made for one answer; own nothing.

use super::{Hash, Prices, credits_text, finite};
use async_graphql::SimpleObject;
use node::control::protocol::{DoctorFinding, PeerReport, PricesReport, StatusReport};
use serde::Serialize;
use utoipa::ToSchema;

/// The node at a glance.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct NetworkStatus {
    /// Its key.
    #[schema(value_type = Hash)]
    pub node_id: String,
    /// Version of the program.
    pub version: String,
    /// Address at which peers reach it.
    #[schema(example = "127.0.0.1")]
    pub host: String,
    /// UDP port at which peers reach it.
    pub port: u16,
    /// All addresses at which peers reach it.
    pub addresses: Vec<String>,
    /// Its data directory.
    pub data_dir: String,
    /// When it started.
    pub started_at: u64,
    /// Connected peers.
    pub peers_count: u32,
    /// Tasks that have not ended.
    pub active_tasks: u32,
    /// Replicas that run here.
    pub running_replicas: u32,
    /// Replicas that wait here.
    pub queued_replicas: u32,
    /// Balance over all peers, in credits.
    pub credits: f64,
    /// Balance over all peers, in micro-credits.
    pub credits_micro: i64,
    /// Held for running replicas, in micro-credits.
    pub held: i64,
    /// Held, in credits.
    pub held_credits: String,
    /// 0 to 1: how requesters judged this node's replicas.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub reputation_score: f64,
    /// CPU of the node's process, in percent of one core.
    pub cpu_usage: f64,
    /// Memory of the node's process, in percent of the machine's.
    pub ram_usage: f64,
    /// Memory of the node's process, in bytes.
    pub ram_bytes: u64,
    /// Bytes of blobs.
    pub store_bytes: u64,
    /// Metering profile; only results of one profile are compared.
    #[schema(value_type = Hash)]
    pub profile: String,
    /// Known jobs.
    pub jobs: u32,
    /// Position of the last event.
    pub journal_seq: u64,
    /// This moment, by the node's clock.
    pub now: u64,
    /// Prices, their market, and where they go.
    pub pricing_analytics: Prices,
}

/// What a status is made of.
pub struct StatusParts {
    /// The node.
    pub status: StatusReport,
    /// Its prices.
    pub prices: PricesReport,
    /// Memory of the machine in bytes; 0 where it is not known.
    pub memory_total_bytes: u64,
    /// This moment, in Unix milliseconds.
    pub now: u64,
}

impl From<StatusParts> for NetworkStatus {
    fn from(parts: StatusParts) -> Self {
        let StatusParts {
            status,
            prices,
            memory_total_bytes,
            now,
        } = parts;
        let address = status.addresses.first();
        let ram_usage = match memory_total_bytes {
            0 => 0.0,
            total => status.ram_bytes as f64 * 100.0 / total as f64,
        };
        Self {
            node_id: status.node_id.to_string(),
            version: status.version,
            host: address.map(|address| address.ip().to_string()).unwrap_or_default(),
            port: address.map_or(0, std::net::SocketAddr::port),
            addresses: status.addresses.iter().map(ToString::to_string).collect(),
            data_dir: status.data_dir.display().to_string(),
            started_at: status.started_at.0,
            peers_count: status.peers_count,
            active_tasks: status.active_tasks,
            running_replicas: status.running_replicas,
            queued_replicas: status.queued_replicas,
            credits: status.credits.as_f64(),
            credits_micro: status.credits.0,
            held: status.held.0,
            held_credits: credits_text(status.held),
            reputation_score: finite(status.reputation_score),
            cpu_usage: finite(status.cpu_usage),
            ram_usage,
            ram_bytes: status.ram_bytes,
            store_bytes: status.store_bytes,
            profile: status.profile.to_string(),
            jobs: status.jobs,
            journal_seq: status.journal_seq,
            now,
            pricing_analytics: prices.into(),
        }
    }
}

/// A peer.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Peer {
    /// Its key.
    #[schema(value_type = Hash)]
    pub node: String,
    /// Whether there is a connection.
    pub connected: bool,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Round-trip time in microseconds.
    pub rtt_us: u32,
    /// Its program.
    pub agent: String,
    /// What it offers.
    pub capability: Capability,
    /// How busy it says it is.
    pub load: Load,
    /// Whether it contradicted an accepted result: it gets no more work from here.
    pub distrusted: bool,
    /// `terrible`, `poor`, `average`, `good` or `excellent`.
    pub reputation: String,
    /// Replicas of it that agreed with what was accepted.
    pub accepted: u64,
    /// Replicas of it that contradicted what was accepted.
    pub wrong: u64,
    /// Expected share of right results, 0 to 1, from what this node saw in 30 days.
    pub correctness: f64,
    /// A lower bound of `correctness` at 95 % confidence.
    pub correctness_at_least: f64,
    /// Expected share of replicas it brings in time, 0 to 1.
    pub availability: f64,
    /// Whether it signed two contradicting records: nothing is done with it any more.
    pub forked: bool,
    /// Positive when it owes, in micro-credits.
    pub balance: i64,
}

/// What a node can run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Capability {
    /// Whether it takes replicas at all.
    pub worker: bool,
    /// Sandboxes at the same time.
    pub slots: u32,
    /// The largest memory of one sandbox, in bytes.
    pub memory_bytes: u64,
    /// Free disk for blobs, in bytes.
    pub disk_bytes: u64,
    /// Metering profile.
    #[schema(value_type = Hash)]
    pub profile: String,
    /// CPU architecture.
    pub arch: String,
    /// What it computes with, and how fast, once it has measured that.
    pub compute: Option<ComputeOffer>,
}

/// What a node computes with, as it measured itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct ComputeOffer {
    /// Instruction set of its kernels.
    pub instructions: String,
    /// Threads of one operation.
    pub threads: u32,
    /// Products of f32 matrices in float class exact, in 10^6 floating-point operations per second.
    pub megaflops: u64,
    /// Bytes moved by a sum of long vectors, in 10^6 per second.
    pub megabytes_per_second: u64,
    /// What it computes float class fast with; null: it does not offer that class.
    pub fast: Option<FastOffer>,
}

/// What a node computes float class fast with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct FastOffer {
    /// The device as its driver calls it.
    pub device: String,
    /// `cpu` or `gpu`.
    pub kind: String,
    /// The program's way to it.
    pub backend: String,
    /// Products of f32 matrices, in 10^6 floating-point operations per second; 0: not measured yet.
    pub megaflops: u64,
    /// Bytes moved by a sum of long vectors, in 10^6 per second; 0: not measured yet.
    pub megabytes_per_second: u64,
    /// Whether models run on onnxruntime.
    pub onnxruntime: bool,
}

impl From<job_model::quote::FastOffer> for FastOffer {
    fn from(offer: job_model::quote::FastOffer) -> Self {
        Self {
            device: offer.device,
            kind: offer.kind.name().to_owned(),
            backend: offer.backend,
            megaflops: offer.megaflops,
            megabytes_per_second: offer.megabytes_per_second,
            onnxruntime: offer.onnxruntime,
        }
    }
}

/// How busy a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Load {
    /// Replicas that run.
    pub running: u32,
    /// Replicas that wait.
    pub queued: u32,
    /// CPU of its process, in thousandths of one core.
    pub cpu_permille: u32,
    /// Memory of its process, in bytes.
    pub resident_bytes: u64,
}

impl From<PeerReport> for Peer {
    fn from(report: PeerReport) -> Self {
        let (capability, load) = (report.capability, report.load);
        Self {
            node: report.node.to_string(),
            connected: report.connected,
            addresses: report.addresses.iter().map(ToString::to_string).collect(),
            rtt_us: report.rtt_us,
            agent: report.agent,
            capability: Capability {
                worker: capability.worker,
                slots: capability.slots,
                memory_bytes: capability.memory_bytes,
                disk_bytes: capability.disk_bytes,
                profile: capability.profile.to_string(),
                arch: capability.arch,
                compute: capability.compute.map(|compute| ComputeOffer {
                    instructions: compute.instructions,
                    threads: compute.threads,
                    megaflops: compute.megaflops,
                    megabytes_per_second: compute.megabytes_per_second,
                    fast: compute.fast.map(FastOffer::from),
                }),
            },
            load: Load {
                running: load.running,
                queued: load.queued,
                cpu_permille: load.cpu_permille,
                resident_bytes: load.resident_bytes,
            },
            distrusted: report.distrusted,
            reputation: report.reputation,
            accepted: report.accepted,
            wrong: report.wrong,
            correctness: finite(report.correctness),
            correctness_at_least: finite(report.correctness_at_least),
            availability: finite(report.availability),
            forked: report.forked,
            balance: report.balance.0,
        }
    }
}

/// One check of the node, with what to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Finding {
    /// `ok`, `warn` or `fail`.
    pub level: String,
    /// What was checked.
    pub check: String,
    /// What was found.
    pub finding: String,
    /// What to do; may be empty.
    pub remedy: String,
}

impl From<DoctorFinding> for Finding {
    fn from(finding: DoctorFinding) -> Self {
        Self {
            level: finding.level,
            check: finding.check,
            finding: finding.finding,
            remedy: finding.remedy,
        }
    }
}
