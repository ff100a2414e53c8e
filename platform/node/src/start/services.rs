//! What stands beside the core: files and databases of their own, opened before the network, and the front.

use super::{Front, StartError};
use crate::access::{Access, FrontFacts};
use crate::api::{Api, FrontInfo};
use crate::config::NodeConfig;
use crate::context::Context;
use crate::data_dir::{DataDir, ReadyInfo};
use crate::recorder;
use crate::webhooks::Webhooks;
use blob_store::{BlobStore, Pin, StoreOptions};
use history::History;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Opened, not yet started.
pub struct Services {
    /// Tokens and the audit log.
    pub access: Access,
    /// The history, if it is kept.
    pub history: Option<History>,
    /// Blobs.
    pub store: BlobStore,
    /// Receivers and deliveries.
    pub webhooks: Webhooks,
}

impl Services {
    /// Opens all of them; the one that fails ends the start.
    pub async fn open(config: &NodeConfig, dir: &DataDir) -> Result<Self, StartError> {
        Ok(Self {
            access: Access::open(dir.path())?,
            history: recorder::open(config, dir.path()).await?,
            store: open_store(config, dir).await?,
            webhooks: Webhooks::open(&dir.file("webhooks.redb"), &config.webhooks)?,
        })
    }
}

async fn open_store(config: &NodeConfig, dir: &DataDir) -> Result<BlobStore, StartError> {
    let store = BlobStore::open(StoreOptions {
        dir: dir.file("blobs"),
        quota_bytes: config.store.quota_bytes,
        gc_interval: Duration::from_millis(config.store.gc_interval_ms),
        min_free_bytes: config.store.min_free_bytes,
    })
    .await?;
    // Inputs of quotes that no task followed.
    if let Err(error) = store.unpin(&Pin::Named(crate::control::IMPORT_PIN.to_owned())).await {
        tracing::warn!(%error, "inputs of old quotes stay in the store");
    }
    Ok(store)
}

/// Starts the front, if there is one. It binds and returns; what it asks later waits in the loop's queue until the loop
/// runs.
pub async fn open_front(front: Option<Front>, context: &Arc<Context>) -> Result<Option<FrontInfo>, StartError> {
    let Some(front) = front else { return Ok(None) };
    let info = front(Api::new(Arc::clone(context))).await.map_err(StartError::Front)?;
    // Set once: there is one front.
    let _ = context.access.front.set(FrontFacts {
        url: info.url.clone(),
        fingerprint: info.fingerprint.clone(),
    });
    Ok(Some(info))
}

/// What is told to whoever waits for the node.
pub fn ready_info(context: &Context, socket: &Path, front: Option<&FrontInfo>) -> ReadyInfo {
    ReadyInfo {
        pid: std::process::id(),
        node_id: context.me,
        addresses: context.network.addresses(),
        socket: socket.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: context.started,
        http: front.map(|front| front.url.clone()),
        tls_fingerprint: front.and_then(|front| front.fingerprint.clone()),
    }
}
