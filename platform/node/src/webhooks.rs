//! Webhooks (G4): receivers that are told over HTTP when tasks end.
//!
//! [`driver`] follows the journal and sends; [`store`] keeps hooks, deliveries and dead letters in `webhooks.redb`, this
//! module's own file; [`requests`] is what people may ask. After a crash deliveries go on where they were: each event is
//! queued once per hook, and sent until the receiver says 2xx or the attempts are used up.

mod address;
mod api;
mod body;
mod call;
mod driver;
mod queue;
mod requests;
mod schedule;
mod signature;
mod store;
mod types;

pub use requests::MAX_PAGE;
pub use store::StoreError;
pub use types::{
    Attempt, Delivery, DeliveryPage, DeliveryState, Disabled, HookEvent, HookReport, HookSpec, TestReport,
    WebhookReply, WebhookRequest,
};

pub(crate) use call::tls;
pub(crate) use driver::run;
pub(crate) use requests::handle;

use crate::config::WebhookSection;
use call::Caller;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use store::Store;
use tokio::sync::Notify;

/// What hook ids start with.
const HOOK_PREFIX: &str = "wh_";

/// Handles of the webhooks of a running node.
pub struct Webhooks {
    store: Arc<Store>,
    /// A person changed hooks or deliveries.
    changed: Notify,
    /// How often that was.
    changes: AtomicU64,
    /// Made at the first call: most nodes make none.
    caller: OnceLock<Result<Caller, String>>,
    allow_private: bool,
    timeout_ms: u64,
}

impl Webhooks {
    /// Opens the database. Nothing is sent before [`run`].
    pub fn open(path: &Path, config: &WebhookSection) -> Result<Self, StoreError> {
        Ok(Self {
            store: Arc::new(Store::open(path, config.max_dead_letters)?),
            changed: Notify::new(),
            changes: AtomicU64::new(0),
            caller: OnceLock::new(),
            allow_private: config.allow_private,
            timeout_ms: config.timeout_ms,
        })
    }

    /// Tells the driver that hooks or deliveries were changed, before the person hears of it.
    fn tell(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_one();
    }

    fn caller(&self) -> Result<&Caller, String> {
        let made = self
            .caller
            .get_or_init(|| Caller::new(self.allow_private, self.timeout_ms));
        made.as_ref().map_err(Clone::clone)
    }
}
