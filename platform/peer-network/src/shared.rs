//! What the tasks of one network share: the address book, the connections, our own advert. Owned by the tasks together
//! through one `Arc`; the lock is never held across an await.

use crate::address::{endpoint_addr, listening_addresses, path_of};
use crate::admission::Admission;
use crate::book::{Book, Learned};
use crate::event::PeerEvent;
use crate::fault::Fault;
use crate::outbox::{Outbox, Queued, Traffic};
use crate::wire::Greeting;
use iroh::Endpoint;
use iroh::address_lookup::MemoryLookup;
use iroh::endpoint::Connection;
use job_model::message::{Advert, Hello, JobAdvert, PROTOCOL_VERSION};
use job_model::sign::{NodeKey, Signed};
use job_model::{Capability, Fork, Load, NodeId, UnixMillis};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Bits of an advert's number that count the adverts of one process; the bits above are its start time. A million
/// adverts last for two months at one each five seconds, and a carry does no harm.
const SEQ_COUNTER_BITS: u32 = 20;
/// Most jobs one node announces: each is repeated by gossip. Beyond, the oldest is forgotten.
pub(crate) const MAX_ANNOUNCED_JOBS: usize = 256;
/// Most proofs of forks one node repeats at the same time (about 3 kB each). Beyond, the oldest is left to others.
pub(crate) const MAX_ANNOUNCED_FORKS: usize = 32;
/// How often a node repeats a proof: ten minutes of rounds. Who comes later hears it from those who keep it.
const FORK_REPEATS: u32 = 20;
/// Connections that may be without a hello at the same time: bounds what strangers can hold open.
const MAX_GREETINGS: usize = 256;

/// Which run of a node's process an advert with this `seq` comes from: its start time in milliseconds since 1970. A
/// peer whose hello shows another incarnation than its old connection was restarted.
pub fn incarnation(seq: u64) -> u64 {
    seq >> SEQ_COUNTER_BITS
}

/// The wall clock, for stamps that others read.
pub(crate) fn unix_now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A connection that is up.
pub(crate) struct Link {
    number: u64,
    pub agent: String,
    pub advert: Advert,
    pub since: UnixMillis,
    pub outbox: Outbox,
    pub traffic: Arc<Traffic>,
    pub connection: Connection,
    retire: CancellationToken,
    ended: CancellationToken,
}

/// What the task of a new connection needs.
pub(crate) struct Registered {
    pub number: u64,
    pub queue: mpsc::Receiver<Queued>,
    pub outbox: Outbox,
    pub traffic: Arc<Traffic>,
    /// Cancelled when a newer connection of the pair takes over.
    pub retire: CancellationToken,
    /// To be cancelled when the last event of this connection is out.
    pub ended: CancellationToken,
    /// The old connection of the pair: its last event comes first.
    pub previous: Option<CancellationToken>,
}

/// What the gossip task is asked to do.
#[derive(Default)]
pub(crate) struct GossipWishes {
    pub join: BTreeSet<NodeId>,
    pub advert: bool,
    pub jobs: bool,
}

struct Own {
    seq: u64,
    capability: Capability,
    load: Load,
    signed: Signed<Advert>,
    jobs: Vec<(JobAdvert, Signed<JobAdvert>)>,
    /// Proofs of forks, and how often each is still repeated.
    forks: VecDeque<(Fork, u32)>,
}

pub(crate) struct State {
    pub book: Book,
    pub links: BTreeMap<NodeId, Link>,
    pub wishes: GossipWishes,
    own: Own,
    links_made: u64,
}

/// See the module.
pub(crate) struct Shared {
    pub key: NodeKey,
    pub me: NodeId,
    pub agent: String,
    pub added_latency: Duration,
    pub max_peers: usize,
    pub endpoint: Endpoint,
    pub lookup: MemoryLookup,
    pub admission: Arc<Admission>,
    pub events: mpsc::Sender<PeerEvent>,
    pub closing: CancellationToken,
    pub dial_wake: Notify,
    pub gossip_wake: Notify,
    pub greetings: Semaphore,
    /// Frames of all connections so far.
    pub traffic: Arc<Traffic>,
    state: Mutex<State>,
}

/// What [`Shared`] is made from.
pub(crate) struct Parts {
    pub key: NodeKey,
    pub agent: String,
    pub added_latency: Duration,
    pub max_peers: usize,
    pub endpoint: Endpoint,
    pub lookup: MemoryLookup,
    pub admission: Arc<Admission>,
    pub events: mpsc::Sender<PeerEvent>,
    pub first_advert: (Capability, Load),
}

impl Shared {
    pub fn new(parts: Parts) -> Self {
        let me = parts.key.id();
        let (capability, load) = parts.first_advert;
        let seq = unix_now().0 << SEQ_COUNTER_BITS;
        let advert = Advert {
            seq,
            at: unix_now(),
            addresses: listening_addresses(&parts.endpoint),
            capability: capability.clone(),
            load,
        };
        let own = Own {
            seq,
            capability,
            load,
            signed: Signed::new(&parts.key, &advert),
            jobs: Vec::new(),
            forks: VecDeque::new(),
        };
        let wishes = GossipWishes::default();
        let state = State {
            book: Book::new(me),
            links: BTreeMap::new(),
            wishes,
            own,
            links_made: 0,
        };
        Self {
            key: parts.key,
            me,
            agent: parts.agent,
            added_latency: parts.added_latency,
            max_peers: parts.max_peers,
            endpoint: parts.endpoint,
            lookup: parts.lookup,
            admission: parts.admission,
            events: parts.events,
            closing: CancellationToken::new(),
            dial_wake: Notify::new(),
            gossip_wake: Notify::new(),
            greetings: Semaphore::new(MAX_GREETINGS),
            traffic: Arc::default(),
            state: Mutex::new(state),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held is a bug in this crate; the tables stay usable for the others.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the node. Waits for room, so a slow node slows its peers; while closing, nothing waits.
    pub async fn emit(&self, event: PeerEvent) {
        let permit = tokio::select! {
            biased;
            permit = self.events.reserve() => permit.ok(),
            () = self.closing.cancelled() => self.events.try_reserve().ok(),
        };
        if let Some(permit) = permit {
            permit.send(event);
        }
    }

    /// Our hello.
    pub fn hello(&self) -> Hello {
        let advert = self.state().own.signed.clone();
        Hello {
            version: PROTOCOL_VERSION,
            agent: self.agent.clone(),
            advert,
        }
    }

    /// Stores what we can do and how busy we are. True if others should hear of it at once.
    pub fn set_own(&self, capability: Capability, load: Load) -> bool {
        let own = &mut self.state().own;
        let at_once =
            own.capability != capability || own.load.running != load.running || own.load.queued != load.queued;
        own.capability = capability;
        own.load = load;
        at_once
    }

    /// Our advert as of now, under the next number.
    pub fn next_advert(&self) -> Signed<Advert> {
        let addresses = listening_addresses(&self.endpoint);
        let own = &mut self.state().own;
        own.seq = own.seq.wrapping_add(1);
        let (capability, load) = (own.capability.clone(), own.load);
        let advert = Advert {
            seq: own.seq,
            at: unix_now(),
            addresses,
            capability,
            load,
        };
        own.signed = Signed::new(&self.key, &advert);
        own.signed.clone()
    }

    /// Keeps a job to announce; one with the same name and version takes its place.
    pub fn add_job(&self, job: JobAdvert) {
        let signed = Signed::new(&self.key, &job);
        let jobs = &mut self.state().own.jobs;
        jobs.retain(|(known, _)| (&known.name, &known.version) != (&job.name, &job.version));
        if jobs.len() >= MAX_ANNOUNCED_JOBS {
            jobs.remove(0);
        }
        jobs.push((job, signed));
    }

    /// The jobs we announce.
    pub fn own_jobs(&self) -> Vec<Signed<JobAdvert>> {
        self.state().own.jobs.iter().map(|(_, signed)| signed.clone()).collect()
    }

    /// Adds a proof to repeat.
    pub fn add_fork(&self, fork: Fork) {
        let forks = &mut self.state().own.forks;
        if forks.len() >= MAX_ANNOUNCED_FORKS {
            forks.pop_front();
        }
        forks.push_back((fork, FORK_REPEATS));
    }

    /// The proofs to tell in this round.
    pub fn forks_of_round(&self) -> Vec<Fork> {
        let forks = &mut self.state().own.forks;
        let told = forks.iter_mut().map(|(fork, left)| {
            *left = left.saturating_sub(1);
            fork.clone()
        });
        let told = told.collect();
        forks.retain(|(_, left)| *left > 0);
        told
    }

    /// Takes a wish to the gossip task.
    pub fn wish(&self, change: impl FnOnce(&mut GossipWishes)) {
        change(&mut self.state().wishes);
        self.gossip_wake.notify_one();
    }

    /// Brings a greeted connection into the table, or says why not. Of two live connections of a pair the smaller id
    /// keeps the one it has, unless the peer was restarted; the larger id follows.
    pub fn register(&self, peer: NodeId, greeting: &Greeting, connection: &Connection) -> Result<Registered, Fault> {
        let mut guard = self.state();
        let state = &mut *guard;
        let new_incarnation = incarnation(greeting.advert.seq);
        match state.links.get(&peer) {
            Some(old) if self.me < peer && incarnation(old.advert.seq) == new_incarnation && old.is_open() => {
                return Err(Fault::Duplicate);
            }
            Some(_) => {}
            None if state.links.len() >= self.max_peers => return Err(Fault::Full { max: self.max_peers }),
            None => {}
        }
        state.links_made += 1;
        let (outbox, queue) = Outbox::new();
        let (retire, ended) = (CancellationToken::new(), CancellationToken::new());
        let traffic = Arc::new(Traffic::part_of(&self.traffic));
        let link = Link {
            number: state.links_made,
            agent: greeting.agent.clone(),
            advert: greeting.advert.clone(),
            since: unix_now(),
            outbox: outbox.clone(),
            traffic: traffic.clone(),
            connection: connection.clone(),
            retire: retire.clone(),
            ended: ended.clone(),
        };
        let number = link.number;
        let mut restarted = false;
        let previous = state.links.insert(peer, link).map(|old| {
            restarted = incarnation(old.advert.seq) != new_incarnation;
            old.retire.cancel();
            old.ended
        });
        let (observed, _) = path_of(connection);
        state
            .book
            .learn_direct(peer, &greeting.advert, observed, Instant::now());
        state.book.connected(&peer, Instant::now());
        let addresses = state.book.addresses(&peer);
        drop(guard);
        if restarted {
            // Gossip and blob transfer would wait for an answer of a process that is gone, most of all at its old address.
            self.admission.close_others(&peer, "the node was restarted", |_| true);
        }
        self.publish_addresses(&peer, &addresses);
        Ok(Registered {
            number,
            queue,
            outbox,
            traffic,
            retire,
            ended,
            previous,
        })
    }

    /// Takes a connection out of the table, unless another has its place.
    pub fn unregister(&self, peer: &NodeId, number: u64, why: &str) {
        let mut state = self.state();
        if state.links.get(peer).is_some_and(|link| link.number == number) {
            state.links.remove(peer);
            state.book.lost(peer, Instant::now(), why.to_owned());
        }
        drop(state);
        self.dial_wake.notify_one();
    }

    /// Ends what other protocols still hold to an address of this peer where it no longer is.
    pub fn forget_old_place(&self, peer: &NodeId) {
        let here = self
            .state()
            .links
            .get(peer)
            .and_then(|link| path_of(&link.connection).0);
        if let Some(here) = here {
            let left = |connection: &Connection| path_of(connection).0.is_some_and(|addr| addr != here);
            self.admission
                .close_others(peer, "the node was restarted elsewhere", left);
        }
    }

    /// Takes in an advert from gossip whose signature is checked.
    pub fn learn(&self, node: NodeId, advert: &Advert) -> Learned {
        let mut state = self.state();
        let learned = state.book.learn(node, advert, Instant::now());
        if learned != Learned::Stale
            && let Some(link) = state.links.get_mut(&node)
        {
            link.advert = advert.clone();
        }
        let addresses = state.book.addresses(&node);
        drop(state);
        if learned == Learned::Moved {
            self.publish_addresses(&node, &addresses);
            self.dial_wake.notify_one();
        }
        learned
    }

    /// Lets gossip and blob transfer, which dial by id alone, find the node.
    pub fn publish_addresses(&self, node: &NodeId, addresses: &[SocketAddr]) {
        if let Some(addr) = endpoint_addr(node, addresses) {
            self.lookup.set_endpoint_info(addr);
        }
    }

    /// The tokens of all connections, cancelled when their last event is out.
    pub fn endings(&self) -> Vec<CancellationToken> {
        self.state().links.values().map(|link| link.ended.clone()).collect()
    }
}

impl Link {
    fn is_open(&self) -> bool {
        self.connection.close_reason().is_none() && !self.retire.is_cancelled()
    }
}
