//! Signed adverts and job announcements for everybody, over one iroh-gossip topic per network name.
//!
//! The task of [`run`] owns the topic. A message is taken only if its author's signature fits, its author is a member,
//! and neither the neighbour that brought it nor the author talks too much. Adverts from nodes we are not connected
//! with tell their addresses, so the dialer can reach them.

use crate::address::endpoint_id;
use crate::book::Learned;
use crate::event::PeerEvent;
use crate::shared::Shared;
use bytes::Bytes;
use iroh_gossip::api::{Event, GossipReceiver, GossipSender, Message};
use iroh_gossip::net::Gossip;
use iroh_gossip::proto::TopicId;
use job_model::limits::MAX_GOSSIP_BYTES;
use job_model::{Fork, NodeId, codec, message};
use n0_future::StreamExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) mod rate;

/// How often a node repeats its advert: peers forget nobody who speaks every few seconds, and an idle node stays idle.
const ADVERT_INTERVAL: Duration = Duration::from_secs(5);
/// Shortest time between two adverts of one node, however often its load changes.
const ADVERT_MIN_GAP: Duration = Duration::from_millis(250);
/// How often a node repeats its jobs.
const JOBS_INTERVAL: Duration = Duration::from_secs(30);
/// Wait between a newcomer and the repetition for it: newcomers come in groups, and gossip joins after the connection.
const JOBS_DELAY: Duration = Duration::from_millis(300);
/// Jobs announced per advert interval at most: stays below the receivers' rate limit.
const JOBS_PER_ROUND: usize = 32;
/// With fewer neighbours than this in the topic, every new peer is asked to be one.
const FEW_NEIGHBOURS: usize = 2;
/// How often a node without neighbours asks its peers again.
const LONELY_INTERVAL: Duration = Duration::from_secs(1);
/// How often a peer that is no neighbour is asked to be one: joins parts of the topic that lost each other.
const MEND_INTERVAL: Duration = Duration::from_secs(30);
/// Peers asked at once to be neighbours.
const JOIN_AT_ONCE: usize = 4;
/// Most authors of forks remembered, so that a proof is checked once; all are forgotten for one more.
const FORKED_KEPT: usize = 4096;
/// Bytes before each gossiped statement: a number that makes every repetition another message, or gossip would take it
/// for a duplicate and cut the link it came over.
const REPEAT_BYTES: usize = 8;
/// Largest gossip payload, in bytes.
pub(crate) const MAX_PAYLOAD_BYTES: usize = MAX_GOSSIP_BYTES + REPEAT_BYTES;
/// Domain of the topic's hash.
const TOPIC_DOMAIN: &str = "p2pjob 2026-11 gossip topic v1";

/// The topic of a network name.
pub(crate) fn topic_of(network_name: &str) -> TopicId {
    TopicId::from_bytes(blake3::derive_key(TOPIC_DOMAIN, network_name.as_bytes()))
}

/// Joins the topic of this name; with nobody yet.
pub(crate) async fn join(gossip: &Gossip, network_name: &str) -> Result<(GossipSender, GossipReceiver), String> {
    let topic = gossip
        .subscribe(topic_of(network_name), Vec::new())
        .await
        .map_err(|error| error.to_string())?;
    Ok(topic.split())
}

struct Talk {
    shared: Arc<Shared>,
    sender: GossipSender,
    neighbours: BTreeSet<NodeId>,
    repeat: u64,
    advert_wanted: bool,
    advert_last: Option<Instant>,
    advert_next: Instant,
    jobs_next: Instant,
    jobs_done: usize,
    join_next: Instant,
    rates: rate::Rates,
    /// Authors whose forks were told to the node.
    forked: BTreeSet<NodeId>,
}

/// Gossips until the network closes.
pub(crate) async fn run(shared: Arc<Shared>, sender: GossipSender, mut receiver: GossipReceiver) {
    let now = Instant::now();
    let mut talk = Talk {
        repeat: crate::shared::unix_now().0 << 20,
        shared: shared.clone(),
        sender,
        neighbours: BTreeSet::new(),
        advert_wanted: true,
        advert_last: None,
        advert_next: now,
        jobs_next: now + JOBS_INTERVAL,
        jobs_done: 0,
        join_next: now + LONELY_INTERVAL,
        rates: rate::Rates::default(),
        forked: BTreeSet::new(),
    };
    loop {
        let pause = talk.next_action().saturating_duration_since(Instant::now());
        tokio::select! {
            biased;
            () = shared.closing.cancelled() => return,
            event = receiver.next() => match event {
                Some(Ok(event)) => talk.on_event(event).await,
                Some(Err(error)) => tracing::warn!(%error, "gossip stumbled"),
                None => return tracing::warn!("gossip ended"),
            },
            () = shared.gossip_wake.notified() => talk.take_wishes().await,
            () = tokio::time::sleep(pause) => {}
        }
        talk.act().await;
    }
}

impl Talk {
    fn next_action(&self) -> Instant {
        let advert = if self.advert_wanted && !self.neighbours.is_empty() {
            self.advert_last
                .map_or_else(Instant::now, |last| last + ADVERT_MIN_GAP)
                .min(self.advert_next)
        } else {
            self.advert_next
        };
        advert.min(self.jobs_next).min(self.join_next)
    }

    async fn take_wishes(&mut self) {
        let wishes = std::mem::take(&mut self.shared.state().wishes);
        self.advert_wanted |= wishes.advert;
        if wishes.jobs {
            self.hurry_jobs();
        }
        if self.neighbours.len() < FEW_NEIGHBOURS {
            self.ask_to_join(wishes.join).await;
        }
    }

    fn hurry_jobs(&mut self) {
        self.jobs_done = 0;
        self.jobs_next = self.jobs_next.min(Instant::now() + JOBS_DELAY);
    }

    async fn ask_to_join(&self, peers: impl IntoIterator<Item = NodeId>) {
        let peers: Vec<_> = peers
            .into_iter()
            .take(JOIN_AT_ONCE)
            .filter_map(|node| endpoint_id(&node))
            .collect();
        if !peers.is_empty()
            && let Err(error) = self.sender.join_peers(peers).await
        {
            tracing::warn!(%error, "gossip does not join peers");
        }
    }

    /// Does what is due.
    async fn act(&mut self) {
        let now = Instant::now();
        if self.join_next <= now {
            self.mend(now).await;
        }
        let gap_over = self.advert_last.is_none_or(|last| last + ADVERT_MIN_GAP <= now);
        if self.advert_next <= now || (self.advert_wanted && gap_over && !self.neighbours.is_empty()) {
            self.tell_advert(now).await;
        }
        if self.jobs_next <= now {
            self.tell_jobs(now).await;
        }
    }

    /// Asks peers that are no neighbours to be some: at once when alone, now and then otherwise.
    async fn mend(&mut self, now: Instant) {
        let linked: Vec<NodeId> = self.shared.state().links.keys().copied().collect();
        let others: Vec<NodeId> = linked
            .into_iter()
            .filter(|node| !self.neighbours.contains(node))
            .collect();
        let lonely = self.neighbours.is_empty();
        self.join_next = now + if lonely { LONELY_INTERVAL } else { MEND_INTERVAL };
        if others.is_empty() {
            return;
        }
        let first = usize::try_from(self.repeat).unwrap_or(0) % others.len();
        let count = if lonely { JOIN_AT_ONCE } else { 1 };
        self.repeat = self.repeat.wrapping_add(1);
        self.ask_to_join(others.iter().cycle().skip(first).take(count.min(others.len())).copied())
            .await;
    }

    async fn tell_advert(&mut self, now: Instant) {
        let signed = self.shared.next_advert();
        self.advert_last = Some(now);
        self.advert_next = now + jittered(ADVERT_INTERVAL, &self.shared.me, self.repeat);
        // Nobody heard it: it stays wanted until there is a neighbour.
        self.advert_wanted = self.neighbours.is_empty();
        self.broadcast(&message::Gossip::Node(signed)).await;
    }

    async fn tell_jobs(&mut self, now: Instant) {
        let jobs = self.shared.own_jobs();
        let from = self.jobs_done.min(jobs.len());
        if from == 0 {
            for fork in self.shared.forks_of_round() {
                self.broadcast(&message::Gossip::Fork(Box::new(fork))).await;
            }
        }
        for job in jobs.iter().skip(from).take(JOBS_PER_ROUND) {
            self.broadcast(&message::Gossip::Job(job.clone())).await;
        }
        self.jobs_done = from + JOBS_PER_ROUND;
        if self.jobs_done < jobs.len() {
            self.jobs_next = now + ADVERT_INTERVAL;
        } else {
            self.jobs_done = 0;
            self.jobs_next = now + jittered(JOBS_INTERVAL, &self.shared.me, self.repeat);
        }
    }

    async fn broadcast(&mut self, statement: &message::Gossip) {
        if self.neighbours.is_empty() {
            return;
        }
        let encoded = codec::encode(statement);
        if encoded.len() > MAX_GOSSIP_BYTES {
            tracing::warn!(bytes = encoded.len(), "a statement is too large for gossip");
            return;
        }
        self.repeat = self.repeat.wrapping_add(1);
        let mut payload = Vec::with_capacity(REPEAT_BYTES + encoded.len());
        payload.extend_from_slice(&self.repeat.to_be_bytes());
        payload.extend_from_slice(&encoded);
        if let Err(error) = self.sender.broadcast(Bytes::from(payload)).await {
            tracing::warn!(%error, "gossip does not take a statement");
        }
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::NeighborUp(id) => {
                self.neighbours.insert(NodeId(*id.as_bytes()));
                self.advert_wanted = true;
                self.hurry_jobs();
            }
            Event::NeighborDown(id) => {
                self.neighbours.remove(&NodeId(*id.as_bytes()));
                if self.neighbours.is_empty() {
                    self.join_next = self.join_next.min(Instant::now() + LONELY_INTERVAL);
                }
            }
            Event::Lagged => tracing::debug!("gossip was faster than this node; adverts come again"),
            Event::Received(message) => self.on_message(message).await,
        }
    }

    async fn on_message(&mut self, message: Message) {
        let neighbour = NodeId(*message.delivered_from.as_bytes());
        let now = Instant::now();
        if !self.rates.neighbour_may(neighbour, now) {
            return;
        }
        let Some(encoded) = message.content.get(REPEAT_BYTES..) else {
            return;
        };
        // A neighbour forwards what it has not checked, so it is not to blame for what it brings.
        match codec::decode::<message::Gossip>(encoded, MAX_GOSSIP_BYTES) {
            Ok(message::Gossip::Node(signed)) if self.listens_to(&signed.node) => match signed.open() {
                Ok(advert) if self.rates.author_may(signed.node, now) => {
                    if self.shared.learn(signed.node, &advert) != Learned::Stale {
                        self.shared
                            .emit(PeerEvent::Advert {
                                node: signed.node,
                                advert,
                            })
                            .await;
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "a gossiped advert is not valid"),
            },
            Ok(message::Gossip::Job(signed)) if self.listens_to(&signed.node) => match signed.open() {
                Ok(advert) if self.rates.author_may(signed.node, now) => {
                    self.shared
                        .emit(PeerEvent::Job {
                            publisher: signed.node,
                            advert,
                        })
                        .await;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "a gossiped job is not valid"),
            },
            Ok(message::Gossip::Fork(fork)) => self.on_fork(fork, now).await,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "a gossip message is not valid"),
        }
    }

    /// A proof speaks for itself, whoever brings it and whoever it is about.
    async fn on_fork(&mut self, fork: Box<Fork>, now: Instant) {
        if self.forked.contains(&fork.first.node) {
            return;
        }
        match fork.author() {
            Ok(Some(author)) if self.rates.author_may(author, now) => {
                if self.forked.len() >= FORKED_KEPT {
                    self.forked.clear();
                }
                self.forked.insert(author);
                self.shared.emit(PeerEvent::Fork { author, fork }).await;
            }
            Ok(Some(_)) => {}
            Ok(None) => tracing::debug!("a gossiped proof of a fork proves nothing"),
            Err(error) => tracing::debug!(%error, "a gossiped proof of a fork is not valid"),
        }
    }

    fn listens_to(&self, author: &NodeId) -> bool {
        *author != self.shared.me && self.shared.admission.is_member(author)
    }
}

/// A fifth more or less, by a hash of node and round: nodes started together do not speak together for ever.
fn jittered(interval: Duration, node: &NodeId, round: u64) -> Duration {
    let hash = blake3::Hasher::new()
        .update(node.as_bytes())
        .update(&round.to_le_bytes())
        .finalize();
    let fifth = interval / 5;
    interval - fifth + fifth * 2 * u32::from(hash.as_bytes()[0]) / 256
}
