//! What every handler may use. Owned by the router; gone with the node.

use crate::idempotency::Keys;
use crate::results::Results;
use crate::stream::EventHub;
use node::Api;
use std::ops::Deref;
use std::sync::Arc;

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// The parts of [`AppState`].
pub struct Shared {
    /// The node.
    pub api: Api,
    /// `Idempotency-Key`s of the last day.
    pub keys: Arc<Keys>,
    /// Events, encoded once for all who listen.
    pub events: EventHub,
    /// Small results.
    pub results: Results,
}

impl AppState {
    /// Over a node. Reads the keys of the last day from its data directory.
    pub fn new(api: Api) -> Self {
        let keys = Arc::new(Keys::open(api.data_dir()));
        Self(Arc::new(Shared {
            events: EventHub::start(&api),
            api,
            keys,
            results: Results::default(),
        }))
    }
}

impl Deref for AppState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}
