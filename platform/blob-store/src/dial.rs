//! Connections to nodes that provide blobs, kept and used again: a new connection costs two milliseconds and a
//! handshake's worth of CPU. A closed connection is replaced on the next use; shutdown closes all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iroh::endpoint::Connection;
use iroh::{Endpoint, EndpointId};
use job_model::NodeId;

/// How long a provider may take to answer a dial before the next one is tried.
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections kept at most. Each costs some ten kilobytes and its keep-alives.
const MAX_CONNECTIONS: usize = 64;

type Slot = Arc<tokio::sync::Mutex<Option<Connection>>>;

/// The connections of one store.
#[derive(Debug, Default)]
pub(crate) struct Dialer {
    slots: Mutex<HashMap<NodeId, Slot>>,
}

/// A connection, and whether it was just made: a kept one may turn out dead at first use, and deserves a second try.
pub(crate) struct Dialed {
    pub(crate) connection: Connection,
    pub(crate) fresh: bool,
}

impl Dialer {
    /// A connection to this node. Callers that ask at the same time share one dial. The error is the reason.
    pub(crate) async fn connect(&self, endpoint: &Endpoint, node: &NodeId) -> Result<Dialed, String> {
        let id = EndpointId::from_bytes(node.as_bytes()).map_err(|_| "its id is no valid public key".to_owned())?;
        if id == endpoint.id() {
            return Err("it is this node".to_owned());
        }
        let slot = self.slot(node);
        let mut kept = slot.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| connection.close_reason().is_none()) {
            return Ok(Dialed {
                connection: connection.clone(),
                fresh: false,
            });
        }
        let dialed = tokio::time::timeout(DIAL_TIMEOUT, endpoint.connect(id, iroh_blobs::ALPN)).await;
        let connection = match dialed {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(format!("cannot connect: {error:#}")),
            Err(_) => return Err(format!("no connection within {} s", DIAL_TIMEOUT.as_secs())),
        };
        *kept = Some(connection.clone());
        Ok(Dialed {
            connection,
            fresh: true,
        })
    }

    fn slot(&self, node: &NodeId) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_CONNECTIONS && !slots.contains_key(node) {
            // Those in use right now are locked or cloned by their users and live on; only the keeping ends.
            slots.retain(|_, slot| slot.try_lock().is_ok_and(|kept| is_open(kept.as_ref())));
            if slots.len() >= MAX_CONNECTIONS
                && let Some(any) = slots.keys().next().copied()
            {
                slots.remove(&any);
            }
        }
        slots.entry(*node).or_default().clone()
    }

    /// Closes all connections.
    pub(crate) fn close_all(&self) {
        let slots = std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner));
        for slot in slots.into_values() {
            if let Ok(mut kept) = slot.try_lock()
                && let Some(connection) = kept.take()
            {
                connection.close(0u32.into(), b"closed");
            }
        }
    }
}

fn is_open(connection: Option<&Connection>) -> bool {
    connection.is_some_and(|connection| connection.close_reason().is_none())
}
