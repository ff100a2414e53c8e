//! What a node shows and keeps for people: HTTP, history, webhooks, traces and logs.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What an HTTP caller may do. Each role may do everything the ones before it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything but tokens and the audit log.
    Viewer,
    /// Publish jobs, upload blobs, submit tasks, cancel its own tasks.
    Submitter,
    /// Cancel anybody's tasks, pin and unpin, manage webhooks.
    Operator,
    /// Manage tokens, read the audit log.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Submitter, Self::Operator, Self::Admin];

    /// Its name, as in tokens and the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Submitter => "submitter",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// What callers without a token may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anonymous {
    /// Nothing.
    None,
    /// As [`Role::Viewer`].
    Viewer,
    /// As [`Role::Submitter`].
    Submitter,
    /// As [`Role::Operator`].
    Operator,
    /// As [`Role::Admin`].
    Admin,
}

impl Anonymous {
    /// The role, if there is one.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::None => None,
            Self::Viewer => Some(Role::Viewer),
            Self::Submitter => Some(Role::Submitter),
            Self::Operator => Some(Role::Operator),
            Self::Admin => Some(Role::Admin),
        }
    }
}

/// Where TLS certificates come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// No TLS.
    #[default]
    Off,
    /// A certificate made by the node at its first start and kept in the data directory.
    SelfSigned,
    /// `http.tls_cert` and `http.tls_key`.
    Files,
}

/// The HTTP API and the console (I2).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpSection {
    /// Whether the node serves HTTP.
    pub enabled: bool,
    /// TCP address; none: 127.0.0.1:4780, or any free port of 127.0.0.1 while that one is taken.
    pub listen: Option<SocketAddr>,
    /// Whether and how connections are encrypted.
    pub tls: TlsMode,
    /// Certificate chain, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// What a caller from this machine may do without a token. Callers from elsewhere always need one.
    pub anonymous_role: Anonymous,
    /// Names, besides IP addresses and `localhost`, under which the node is reached (protects against DNS rebinding).
    pub allowed_hosts: Vec<String>,
    /// Origins of foreign web pages that may call the API (CORS), such as `https://lab.example`.
    pub allowed_origins: Vec<String>,
    /// Largest body of a JSON request.
    pub max_body_bytes: u64,
    /// Largest blob that may be uploaded.
    pub max_upload_bytes: u64,
    /// Connections at the same time; more wait.
    pub max_connections: u32,
    /// Requests per second of one caller (token, else IP address), over time.
    pub rate_per_second: u32,
    /// Requests of one caller at once, before the rate counts.
    pub rate_burst: u32,
    /// How long a request's head, and each pause in its body, may take.
    pub read_timeout_ms: u64,
    /// How long a login of the console lasts.
    pub session_ms: u64,
}

impl Default for HttpSection {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: None,
            tls: TlsMode::Off,
            tls_cert: None,
            tls_key: None,
            anonymous_role: Anonymous::Operator,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            max_body_bytes: 1 << 20,
            max_upload_bytes: 64 << 30,
            max_connections: 4_096,
            rate_per_second: 20_000,
            rate_burst: 40_000,
            read_timeout_ms: 30_000,
            session_ms: 12 * 3_600_000,
        }
    }
}

/// What is remembered beyond the journal (G8).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct HistorySection {
    /// Whether history is kept.
    pub enabled: bool,
    /// `postgres://user:password@host/database`, or `sqlite:/path`; none: `history.db` in the data directory.
    pub url: Option<String>,
    /// How long ended tasks are kept.
    pub keep_tasks_days: u32,
    /// How long chunks of ended tasks are kept.
    pub keep_chunks_days: u32,
    /// How long samples of load and prices are kept.
    pub keep_samples_days: u32,
    /// Time between two samples.
    pub sample_interval_ms: u64,
}

impl Default for HistorySection {
    fn default() -> Self {
        Self {
            enabled: true,
            url: None,
            keep_tasks_days: 365,
            keep_chunks_days: 30,
            keep_samples_days: 90,
            sample_interval_ms: 10_000,
        }
    }
}

/// Webhooks (G4).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookSection {
    /// Whether receivers may have loopback, private and link-local addresses, and plain `http`.
    pub allow_private: bool,
    /// Deliveries of one event before it becomes a dead letter.
    pub max_attempts: u32,
    /// Pause after the first failure; doubles after each further one.
    pub first_pause_ms: u64,
    /// Longest pause.
    pub max_pause_ms: u64,
    /// How long a receiver may take to answer.
    pub timeout_ms: u64,
    /// Dead letters that are kept; the oldest go first.
    pub max_dead_letters: u32,
}

impl Default for WebhookSection {
    fn default() -> Self {
        Self {
            allow_private: false,
            max_attempts: 10,
            first_pause_ms: 1_000,
            max_pause_ms: 3_600_000,
            timeout_ms: 10_000,
            max_dead_letters: 1_000,
        }
    }
}

/// Trace spans (H2).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct TelemetrySection {
    /// OTLP/HTTP endpoint such as `http://127.0.0.1:4318`; none: no traces are exported.
    pub otlp_endpoint: Option<String>,
    /// Headers of every export, such as an API key, each `Name: value`.
    pub otlp_headers: Vec<String>,
    /// Share of tasks that are traced, 0 to 1. Drawn from the task's id: all nodes trace the same tasks.
    pub sample_ratio: f64,
    /// `service.name` of the spans.
    pub service_name: String,
}

impl Default for TelemetrySection {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            otlp_headers: Vec::new(),
            sample_ratio: 1.0,
            service_name: "p2pjob".to_owned(),
        }
    }
}

/// How often a log file is closed and a new one begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogRotation {
    /// Every hour.
    Hourly,
    /// Every day.
    #[default]
    Daily,
    /// Never.
    Never,
}

/// Log files (H2). Standard error keeps its own format.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogSection {
    /// Folder of JSON log files; none: no files.
    pub dir: Option<PathBuf>,
    /// When a new file begins.
    pub rotation: LogRotation,
    /// Files that are kept; 0: all.
    pub keep_files: u32,
}
