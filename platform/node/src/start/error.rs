//! Why a node does not start: one error over everything that is opened, each with what to do. Owns nothing.

use crate::control::protocol::ErrorCode;
use crate::data_dir::DataDirError;
use crate::journal::JournalError;
use crate::recorder;
use peer_network::KeyError;
use std::path::PathBuf;
use wasm_runtime::EngineError;

/// Why a node did not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The blob store.
    #[error(transparent)]
    Store(#[from] blob_store::OpenError),
    /// The sandbox.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The network.
    #[error(transparent)]
    Network(#[from] peer_network::StartError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ledger file.
    #[error("ledger {path}: {why}")]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Tokens or audit log.
    #[error(transparent)]
    Access(#[from] crate::access::AccessError),
    /// The file of webhooks.
    #[error(transparent)]
    Webhooks(#[from] crate::webhooks::StoreError),
    /// The history database.
    #[error(transparent)]
    History(#[from] history::HistoryError),
    /// The control socket.
    #[error("control socket in {dir}: {source}")]
    Control {
        /// The data directory.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The HTTP front.
    #[error("{0}")]
    Front(String),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

impl StartError {
    /// The error's class.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::DataDir(DataDirError::InUse(_)) | Self::Network(_) | Self::Control { .. } | Self::Front(_) => {
                ErrorCode::Unavailable
            }
            Self::History(error) => recorder::code(error),
            Self::DataDir(_) | Self::Key(_) | Self::Ledger { .. } | Self::Access(_) => ErrorCode::BadInput,
            Self::Store(_) | Self::Journal(_) | Self::Webhooks(_) => ErrorCode::Limit,
            Self::Engine(_) | Self::Thread(_) => ErrorCode::Internal,
        }
    }
}
