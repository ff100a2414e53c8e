//! The handle of a running network. All clones share the tasks; the last one dropped aborts them.

use crate::address::{listening_addresses, path_of};
use crate::link::micros;
use crate::options::BootstrapPeer;
use crate::outbox::{Outbox, Unqueued};
use crate::shared::Shared;
use bytes::Bytes;
use iroh::Endpoint;
use iroh::protocol::Router;
use job_model::limits::MAX_FRAME_BYTES;
use job_model::message::{Advert, JobAdvert};
use job_model::{Capability, Fork, Load, Message, NodeId, UnixMillis, codec};
use std::borrow::Borrow;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long all goodbyes together may take.
const GOODBYES_WAIT: Duration = Duration::from_secs(2);
/// How long the transport may take to close.
const ENDPOINT_WAIT: Duration = Duration::from_secs(3);

/// Why a message is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no connection to that node.
    #[error("node {0} is not connected")]
    NotConnected(NodeId),
    /// The peer takes messages slower than they are sent; try later.
    #[error("the queue to node {0} is full")]
    QueueFull(NodeId),
    /// The message is over the limit; split it.
    #[error("the message has {bytes} bytes, at most {limit} are allowed; split it")]
    TooLarge {
        /// Its size, encoded.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// A connected peer.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerInfo {
    /// Its key.
    pub node: NodeId,
    /// Where it is reached, if that is known.
    pub addr: Option<SocketAddr>,
    /// Round-trip time in microseconds, this node's added latency included.
    pub rtt_us: u64,
    /// Name and version of its program.
    pub agent: String,
    /// Its newest advert.
    pub advert: Advert,
    /// Since when it is connected.
    pub since: UnixMillis,
    /// Bytes of frames from it on this connection.
    pub bytes_in: u64,
    /// Bytes of frames to it on this connection.
    pub bytes_out: u64,
}

/// A node that is known but not connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPeer {
    /// Its key.
    pub node: NodeId,
    /// Where it was last said to listen.
    pub addresses: Vec<SocketAddr>,
    /// Whether it was named by the user.
    pub bootstrap: bool,
    /// Failed dials since it was last connected or moved.
    pub attempts: u32,
    /// Why it is not connected, if a dial or a connection has ended.
    pub last_error: Option<String>,
    /// Time until it is dialled again.
    pub next_try_in: Duration,
}

struct Inner {
    shared: Arc<Shared>,
    router: Router,
    tasks: Mutex<JoinSet<()>>,
}

/// A running network. See the crate.
#[derive(Clone)]
pub struct Network {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Network({})", self.id().short())
    }
}

impl Network {
    pub(crate) fn new(shared: Arc<Shared>, router: Router, tasks: JoinSet<()>) -> Self {
        Self {
            inner: Arc::new(Inner {
                shared,
                router,
                tasks: Mutex::new(tasks),
            }),
        }
    }

    fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// This node.
    pub fn id(&self) -> NodeId {
        self.shared().me
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        listening_addresses(&self.shared().endpoint)
    }

    /// Bytes of frames received from and sent to all peers since the start.
    pub fn frame_bytes(&self) -> (u64, u64) {
        let traffic = &self.shared().traffic;
        (
            traffic.received.load(Ordering::Relaxed),
            traffic.sent.load(Ordering::Relaxed),
        )
    }

    /// The transport, for other protocols of this node. Admission rules hold for them too.
    pub fn endpoint(&self) -> Endpoint {
        self.shared().endpoint.clone()
    }

    /// Queues a message, at once or not at all. Messages to one peer arrive in the order in which they were queued.
    pub fn try_send(&self, to: NodeId, message: impl Borrow<Message>) -> Result<(), SendError> {
        let outbox = self.outbox(&to)?;
        outbox
            .try_push(encode(message.borrow())?)
            .map_err(|error| unsent(to, error))
    }

    /// Queues a message when there is room. Do not await this in the task that reads the events: two nodes that both
    /// wait for room there would wait for ever.
    pub async fn send(&self, to: NodeId, message: impl Borrow<Message>) -> Result<(), SendError> {
        let outbox = self.outbox(&to)?;
        outbox
            .push(encode(message.borrow())?)
            .await
            .map_err(|error| unsent(to, error))
    }

    fn outbox(&self, to: &NodeId) -> Result<Outbox, SendError> {
        let state = self.shared().state();
        state
            .links
            .get(to)
            .map(|link| link.outbox.clone())
            .ok_or(SendError::NotConnected(*to))
    }

    /// The connected peers, by id.
    pub fn peers(&self) -> Vec<PeerInfo> {
        let state = self.shared().state();
        let info = |(node, link): (&NodeId, &crate::shared::Link)| {
            let (addr, rtt) = path_of(&link.connection);
            PeerInfo {
                node: *node,
                addr,
                rtt_us: micros(rtt + self.shared().added_latency),
                agent: link.agent.clone(),
                advert: link.advert.clone(),
                since: link.since,
                bytes_in: link.traffic.received.load(Ordering::Relaxed),
                bytes_out: link.traffic.sent.load(Ordering::Relaxed),
            }
        };
        state.links.iter().map(info).collect()
    }

    /// The nodes that are known and not connected, by id, with the reason.
    pub fn known_peers(&self) -> Vec<KnownPeer> {
        let now = Instant::now();
        let state = self.shared().state();
        let apart = state.book.iter().filter(|(node, _)| !state.links.contains_key(node));
        let known = |(node, entry): (&NodeId, &crate::book::Entry)| KnownPeer {
            node: *node,
            addresses: state.book.addresses(node),
            bootstrap: entry.bootstrap.is_some(),
            attempts: entry.attempts,
            last_error: entry.last_error.clone(),
            next_try_in: entry.next_try.saturating_duration_since(now),
        };
        apart.map(known).collect()
    }

    /// Tells everybody what this node can do and how busy it is: soon when capability, running or queued changed, else
    /// with the next regular advert. Call it as often as you like.
    pub async fn set_advert(&self, capability: Capability, load: Load) {
        if self.shared().set_own(capability, load) {
            self.shared().wish(|wishes| wishes.advert = true);
        }
    }

    /// Announces a job to everybody, now, to newcomers, and now and then until this network ends. At most 256 jobs;
    /// a job of the same name and version takes the place of the old one.
    pub async fn announce_job(&self, job: JobAdvert) {
        self.shared().add_job(job);
        self.shared().wish(|wishes| wishes.jobs = true);
    }

    /// Tells everybody that a node forked its chain, now and repeatedly for some minutes. The proof was checked.
    pub async fn announce_fork(&self, fork: Fork) {
        self.shared().add_fork(fork);
        self.shared().wish(|wishes| wishes.jobs = true);
    }

    /// Adds a peer to dial, now and for ever.
    pub async fn add_peer(&self, peer: BootstrapPeer) {
        let mut state = self.shared().state();
        state.book.add_bootstrap(peer, Instant::now());
        let addresses = state.book.addresses(&peer.node);
        drop(state);
        self.shared().publish_addresses(&peer.node, &addresses);
        self.shared().dial_wake.notify_one();
    }

    /// Ends the network in order: goodbyes, tasks, handlers, endpoint. Takes at most a few seconds. The event channel
    /// ends when the last handle is dropped, too. Further calls wait for nothing.
    pub async fn shutdown(&self) {
        let endings = self.shared().endings();
        self.shared().closing.cancel();
        let goodbyes = async {
            for ended in endings {
                ended.cancelled().await;
            }
        };
        let _ = timeout(GOODBYES_WAIT, goodbyes).await;
        let mut tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let finished = async { while tasks.join_next().await.is_some() {} };
        if timeout(GOODBYES_WAIT, finished).await.is_err() {
            tasks.shutdown().await;
        }
        match timeout(ENDPOINT_WAIT, self.inner.router.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the transport did not end in order"),
            Err(_) => tracing::warn!("the transport did not end within {ENDPOINT_WAIT:?}"),
        }
    }
}

fn encode(message: &Message) -> Result<Bytes, SendError> {
    let body = codec::encode(message);
    if body.len() > MAX_FRAME_BYTES {
        return Err(SendError::TooLarge {
            bytes: body.len(),
            limit: MAX_FRAME_BYTES,
        });
    }
    Ok(Bytes::from(body))
}

fn unsent(to: NodeId, error: Unqueued) -> SendError {
    match error {
        Unqueued::Full => SendError::QueueFull(to),
        Unqueued::Ended => SendError::NotConnected(to),
    }
}

/// The one channel of events: its capacity bounds what peers can make us hold, at most this many frames.
pub(crate) const EVENT_QUEUE: usize = 64;
