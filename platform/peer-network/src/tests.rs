//! Tests of the network on loopback, with real endpoints. They wait for events, never for time to pass; a wait that
//! takes longer than [`PATIENCE`] fails the test.

mod admission;
mod book;
mod exchange;
mod gossip;
mod hostile;
mod key;
mod reconnect;
mod wire;

use crate::{BootstrapPeer, Network, NetworkOptions, PeerEvent};
use job_model::ids::TaskId;
use job_model::message::{Advert, Hello, PROTOCOL_VERSION};
use job_model::sign::{NodeKey, Signed};
use job_model::{Capability, Load, Message, NodeId};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long any awaited event may take on a starved machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn key(seed: u8) -> NodeKey {
    NodeKey::from_bytes([seed; 32])
}

/// Two keys, the one with the smaller id first.
pub(crate) fn ordered_keys(a: u8, b: u8) -> (NodeKey, NodeKey) {
    let (a, b) = (key(a), key(b));
    if a.id() < b.id() { (a, b) } else { (b, a) }
}

/// A node under test.
pub(crate) struct Rig {
    pub network: Network,
    pub events: mpsc::Receiver<PeerEvent>,
}

/// A node on loopback.
pub(crate) async fn node(key: NodeKey, bootstrap: &[BootstrapPeer]) -> Rig {
    let bootstrap = bootstrap.to_vec();
    node_with(NetworkOptions {
        bootstrap,
        ..NetworkOptions::new(key)
    })
    .await
}

pub(crate) async fn node_with(options: NetworkOptions) -> Rig {
    let first = (
        Capability {
            worker: true,
            slots: 2,
            ..Capability::default()
        },
        Load::default(),
    );
    let (network, events) = crate::start(options, Vec::new(), first)
        .await
        .expect("the network starts");
    Rig { network, events }
}

impl Rig {
    pub fn id(&self) -> NodeId {
        self.network.id()
    }

    pub fn as_bootstrap(&self) -> BootstrapPeer {
        BootstrapPeer {
            node: self.id(),
            addr: self.network.addresses()[0],
        }
    }

    pub async fn next(&mut self) -> PeerEvent {
        timeout(PATIENCE, self.events.recv())
            .await
            .expect("an event in time")
            .expect("the network runs")
    }

    /// The first event for which `pick` gives something; others are dropped.
    pub async fn wait<T>(&mut self, what: &str, mut pick: impl FnMut(&PeerEvent) -> Option<T>) -> T {
        let mut seen = Vec::new();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match tokio::time::timeout_at(deadline, self.events.recv()).await {
                Ok(Some(event)) => match pick(&event) {
                    Some(found) => return found,
                    None => seen.push(event),
                },
                Ok(None) => panic!("the events ended before {what}; seen: {seen:?}"),
                Err(_) => panic!("no {what} within {PATIENCE:?}; seen: {seen:?}"),
            }
        }
    }

    pub async fn wait_up(&mut self, node: NodeId) {
        self.wait("up", |e| {
            matches!(e, PeerEvent::Up { peer, .. } if *peer == node).then_some(())
        })
        .await;
    }

    pub async fn wait_down(&mut self, node: NodeId) -> String {
        self.wait("down", |e| match e {
            PeerEvent::Down { peer, why } if *peer == node => Some(why.clone()),
            _ => None,
        })
        .await
    }

    /// The number in the next [`numbered`] message of this peer.
    pub async fn wait_number(&mut self, node: NodeId) -> u32 {
        self.wait("message", |e| match e {
            PeerEvent::Message {
                from,
                message: Message::Cancel { replicas, .. },
                ..
            } if *from == node => Some(replicas[0].0),
            _ => None,
        })
        .await
    }

    pub async fn wait_misbehaved(&mut self, node: NodeId) -> String {
        self.wait("misbehaviour", |e| match e {
            PeerEvent::Misbehaved { peer, why } if *peer == node => Some(why.clone()),
            _ => None,
        })
        .await
    }

    pub async fn wait_refused(&mut self, node: NodeId) -> String {
        self.wait("refusal", |e| match e {
            PeerEvent::Refused { peer, why } if *peer == node => Some(why.clone()),
            _ => None,
        })
        .await
    }
}

/// A message that carries a number and some ballast.
pub(crate) fn numbered(number: u32, ballast: usize) -> Message {
    Message::Cancel {
        task: TaskId::default(),
        replicas: vec![(number, 0)],
        reason: "x".repeat(ballast),
    }
}

/// Two nodes, connected; the second one has dialled.
pub(crate) async fn pair(first: NodeKey, second: NodeKey) -> (Rig, Rig) {
    let mut a = node(first, &[]).await;
    let mut b = node(second, &[a.as_bootstrap()]).await;
    a.wait_up(b.id()).await;
    b.wait_up(a.id()).await;
    (a, b)
}

pub(crate) fn advert(seq: u64) -> Advert {
    let addresses = vec!["127.0.0.1:9".parse().expect("an address")];
    Advert {
        seq,
        at: crate::shared::unix_now(),
        addresses,
        capability: Capability::default(),
        load: Load::default(),
    }
}

pub(crate) fn hello(key: &NodeKey) -> Hello {
    Hello {
        version: PROTOCOL_VERSION,
        agent: "test".to_owned(),
        advert: Signed::new(key, &advert(1 << 40)),
    }
}
