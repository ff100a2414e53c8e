//! The task that dials: every known peer that is not connected, with growing waits. It owns the outgoing connections'
//! futures for their whole life, so when it ends they have ended.

use crate::address::endpoint_addr;
use crate::link;
use crate::shared::Shared;
use iroh::endpoint::{ConnectOptions, Connection, QuicTransportConfig};
use job_model::NodeId;
use job_model::message::ALPN;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long one dial may take: a live peer answers within a few round trips, even on a busy machine.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);
/// Dials at the same time: bounds the burst when a large address book is new.
const MAX_DIALS: usize = 16;
/// Sleep when nobody is to be dialled; a change of the book wakes earlier.
const IDLE_SLEEP: Duration = Duration::from_secs(60);

/// Dials until the network closes.
pub(crate) async fn run(shared: Arc<Shared>, transport: QuicTransportConfig) {
    let mut dials = JoinSet::new();
    loop {
        let now = Instant::now();
        let (due, next) = plan(&shared, now);
        for peer in due {
            dials.spawn(dial(shared.clone(), peer, transport.clone()));
        }
        let pause = next.map_or(IDLE_SLEEP, |next| next.saturating_duration_since(now));
        tokio::select! {
            biased;
            () = shared.closing.cancelled() => break,
            () = shared.dial_wake.notified() => {}
            Some(_) = dials.join_next() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    while dials.join_next().await.is_some() {}
}

/// Who is to be dialled now, and when to look again.
fn plan(shared: &Shared, now: Instant) -> (Vec<NodeId>, Option<Instant>) {
    let mut guard = shared.state();
    let state = &mut *guard;
    let room = shared.max_peers.saturating_sub(state.links.len()).min(MAX_DIALS);
    let links = &state.links;
    let busy = |node: &NodeId| links.contains_key(node) || !shared.admission.is_member(node);
    let due = state.book.take_due(now, room, busy);
    // Without room a due dial must not spin; a connection that ends wakes this task.
    let next = if room == 0 {
        None
    } else {
        state.book.next_due(busy).map(|at| at.max(now + MIN_PAUSE))
    };
    (due, next)
}

/// Shortest sleep between two looks at the book: what is due but has no room does not spin.
const MIN_PAUSE: Duration = Duration::from_millis(20);

async fn dial(shared: Arc<Shared>, peer: NodeId, transport: QuicTransportConfig) {
    let connected = tokio::select! {
        biased;
        () = shared.closing.cancelled() => return,
        connected = connect(&shared, &peer, transport) => connected,
    };
    match connected {
        Ok(connection) => link::run(shared, connection, true).await,
        Err(why) => {
            tracing::debug!(peer = %peer.short(), why, "a dial failed");
            shared.state().book.dial_failed(&peer, Instant::now(), why);
        }
    }
}

async fn connect(shared: &Shared, peer: &NodeId, transport: QuicTransportConfig) -> Result<Connection, String> {
    let addresses = shared.state().book.addresses(peer);
    let Some(addr) = endpoint_addr(peer, &addresses) else {
        return Err("its id is no valid node key".to_owned());
    };
    shared.publish_addresses(peer, &addresses);
    let options = ConnectOptions::new().with_transport_config(transport);
    let dialing = async {
        let connecting = shared
            .endpoint
            .connect_with_opts(addr, ALPN, options)
            .await
            .map_err(|e| format!("{e:#}"))?;
        connecting.await.map_err(|error| format!("{error:#}"))
    };
    match timeout(DIAL_TIMEOUT, dialing).await {
        Ok(result) => result,
        Err(_) => Err(format!("nobody answers at {addresses:?} within {DIAL_TIMEOUT:?}")),
    }
}
