//! What the integration tests stand on: [`Cluster`], a network of real node processes on loopback that is driven as a user
//! drives it, through the command line with `--json`; and [`sim`], the scheduler's simulator.
//!
//! The crate links none of the node's own code beyond the vocabulary and the pure cores: a test sees what a user sees.
//! Every process belongs to a value that kills it when dropped, also when a test panics; folders of failed tests stay.

#![expect(clippy::expect_used, clippy::panic, reason = "a harness fails its test by panicking")]

pub mod sim;

mod cluster;
mod folder;
mod guest;
mod http;
mod node;
mod postgres;
mod program;
mod receiver;
mod report;
mod settled;
mod signal;
mod up;
mod wait;
mod websocket;
mod words;

pub use cluster::{Cluster, ClusterOptions};
pub use guest::checked_job;
pub use http::{Connection, Head, HttpClient, HttpRequest, HttpResponse, HttpStream, SseEvent};
pub use node::Node;
pub use postgres::{POSTGRES_SECRETS, Postgres};
pub use program::{Program, Run, Running};
pub use receiver::{Received, Receiver};
pub use report::Report;
pub use settled::check_settled;
pub use signal::{is_running, kill};
pub use up::UpNetwork;
pub use wait::{PATIENCE, wait_until};
pub use websocket::{Message, WebSocket};
pub use words::{count_words, text};

/// Most a test waits for a node to become ready: a cold compile cache on a busy machine included.
pub const READY_BOUND: std::time::Duration = std::time::Duration::from_secs(180);
