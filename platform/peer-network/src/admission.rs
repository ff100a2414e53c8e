//! Who may talk to us, asked once per connection of any protocol, before its handler sees it.
//!
//! The endpoint owns the hook; the hook and the rest of the crate share one [`Admission`]. It also remembers the
//! connections of other protocols (weakly), so that they end at once when a peer is found dead.

use crate::fault::code;
use iroh::EndpointAddr;
use iroh::endpoint::{
    AfterHandshakeOutcome, BeforeConnectOutcome, Connection, EndpointHooks, VarInt, WeakConnectionHandle,
};
use job_model::NodeId;
use job_model::message::ALPN;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a peer that broke the rules is neither dialled nor let in: long enough that a broken node costs nothing,
/// short enough that a repaired one is back before somebody wonders.
pub const MISBEHAVIOUR_HOLD: Duration = Duration::from_secs(10);
/// Most peers held off at the same time. Beyond, the one that would come free first does.
const MAX_HELD: usize = 1024;

#[derive(Debug, Default)]
struct Lists {
    held: BTreeMap<NodeId, (Instant, String)>,
    others: BTreeMap<NodeId, Vec<WeakConnectionHandle>>,
}

/// The rules and the memory behind them.
#[derive(Debug)]
pub(crate) struct Admission {
    allow: Option<BTreeSet<NodeId>>,
    deny: BTreeSet<NodeId>,
    lists: Mutex<Lists>,
}

impl Admission {
    pub fn new(allow: Option<BTreeSet<NodeId>>, deny: BTreeSet<NodeId>) -> Self {
        Self {
            allow,
            deny,
            lists: Mutex::default(),
        }
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why this node may not talk to us now; none if it may.
    pub fn refusal(&self, node: &NodeId, now: Instant) -> Option<String> {
        if !self.is_member(node) {
            return Some(if self.deny.contains(node) {
                "your node is on the deny-list here".to_owned()
            } else {
                "your node is not on the allow-list here; its owner must add it".to_owned()
            });
        }
        let lists = self.lists();
        let (until, why) = lists.held.get(node)?;
        (*until > now).then(|| format!("held off for {} s more: {why}", until.duration_since(now).as_secs() + 1))
    }

    /// Whether allow-list and deny-list let this node in at all.
    pub fn is_member(&self, node: &NodeId) -> bool {
        !self.deny.contains(node) && self.allow.as_ref().is_none_or(|allow| allow.contains(node))
    }

    /// Holds a node off.
    pub fn hold(&self, node: NodeId, now: Instant, why: String) {
        let mut lists = self.lists();
        lists.held.retain(|_, (until, _)| *until > now);
        if lists.held.len() >= MAX_HELD
            && let Some(first) = lists
                .held
                .iter()
                .min_by_key(|(_, (until, _))| *until)
                .map(|(node, _)| *node)
        {
            lists.held.remove(&first);
        }
        lists.held.insert(node, (now + MISBEHAVIOUR_HOLD, why));
    }

    /// Remembers a connection of another protocol.
    fn remember(&self, node: NodeId, connection: &Connection) {
        let mut lists = self.lists();
        lists.others.retain(|_, handles| {
            handles.retain(is_open);
            !handles.is_empty()
        });
        lists.others.entry(node).or_default().push(connection.weak_handle());
    }

    /// Closes those connections of other protocols with this node that `which` picks.
    pub fn close_others(&self, node: &NodeId, reason: &str, which: impl Fn(&Connection) -> bool) {
        let handles = self.lists().others.get(node).cloned().unwrap_or_default();
        let open = handles.iter().filter_map(WeakConnectionHandle::upgrade);
        for connection in open.filter(which) {
            connection.close(VarInt::from_u32(code::SILENT), reason.as_bytes());
        }
    }
}

fn is_open(handle: &WeakConnectionHandle) -> bool {
    handle
        .upgrade()
        .is_some_and(|connection| connection.close_reason().is_none())
}

/// The hook in the endpoint. Holds no endpoint: that would be a cycle.
#[derive(Debug)]
pub(crate) struct Doorkeeper(pub Arc<Admission>);

impl EndpointHooks for Doorkeeper {
    async fn before_connect<'a>(&'a self, remote: &'a EndpointAddr, _alpn: &'a [u8]) -> BeforeConnectOutcome {
        match self.0.refusal(&NodeId(*remote.id.as_bytes()), Instant::now()) {
            None => BeforeConnectOutcome::Accept,
            Some(_) => BeforeConnectOutcome::Reject,
        }
    }

    async fn after_handshake<'a>(&'a self, connection: &'a Connection) -> AfterHandshakeOutcome {
        let node = NodeId(*connection.remote_id().as_bytes());
        if let Some(why) = self.0.refusal(&node, Instant::now()) {
            tracing::info!(peer = %node.short(), why, "a connection was refused");
            return AfterHandshakeOutcome::Reject {
                error_code: VarInt::from_u32(code::NOT_ADMITTED),
                reason: why.into_bytes(),
            };
        }
        if connection.alpn() != ALPN {
            self.0.remember(node, connection);
        }
        AfterHandshakeOutcome::Accept
    }
}
