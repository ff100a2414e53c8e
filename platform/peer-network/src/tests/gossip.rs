//! Adverts and jobs that reach everybody, and statements that must not.

use super::*;
use crate::address::endpoint_addr;
use crate::gossip::topic_of;
use crate::shared::unix_now;
use bytes::Bytes;
use iroh::address_lookup::MemoryLookup;
use iroh::endpoint::presets;
use iroh::protocol::Router;
use iroh::{Endpoint, RelayMode, SecretKey};
use iroh_gossip::api::Event;
use iroh_gossip::net::{GOSSIP_ALPN, Gossip};
use job_model::ids::JobId;
use job_model::message::{self, JobAdvert};
use job_model::{UnixMillis, codec};
use n0_future::StreamExt;

fn job(name: &str) -> JobAdvert {
    let at = UnixMillis(7);
    JobAdvert {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        job: JobId([7; 32]),
        size: 9,
        at,
    }
}

/// Who announced which job.
async fn wait_job(rig: &mut Rig) -> (NodeId, String) {
    rig.wait("job", |e| match e {
        PeerEvent::Job { publisher, advert } => Some((*publisher, advert.name.clone())),
        _ => None,
    })
    .await
}

/// Three in a row: the outer ones are allowed one connection each, so they hear of each other by gossip alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gossip_reaches_a_node_that_is_not_connected() {
    let mut middle = node(key(1), &[]).await;
    let alone = |seed| NetworkOptions {
        max_peers: 1,
        bootstrap: vec![middle.as_bootstrap()],
        ..NetworkOptions::new(key(seed))
    };
    let mut left = node_with(alone(2)).await;
    let mut right = node_with(alone(3)).await;
    for rig in [&mut left, &mut right] {
        rig.wait_up(middle.id()).await;
    }
    middle.wait_up(right.id()).await;
    let busy = Load {
        running: 5,
        ..Load::default()
    };
    left.network
        .set_advert(
            Capability {
                slots: 77,
                ..Capability::default()
            },
            busy,
        )
        .await;
    let heard = right.wait("advert", |e| match e {
        PeerEvent::Advert { node, advert } if *node == left.id() && advert.capability.slots == 77 => Some(advert.load),
        _ => None,
    });
    assert_eq!(heard.await, busy);
    left.network.announce_job(job("word_count")).await;
    assert_eq!(wait_job(&mut right).await, (left.id(), "word_count".to_owned()));
    assert_eq!(right.network.peers().len(), 1);
    // The connected one is told too, and its table shows the newest advert.
    let slots = middle
        .network
        .peers()
        .iter()
        .find(|p| p.node == left.id())
        .map(|p| p.advert.capability.slots);
    assert_eq!(slots, Some(77));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_learns_the_jobs_that_were_announced_before() {
    let (a, mut b) = pair(key(1), key(2)).await;
    a.network.announce_job(job("map")).await;
    assert_eq!(wait_job(&mut b).await, (a.id(), "map".to_owned()));
    let mut c = node(key(3), &[b.as_bootstrap()]).await;
    assert_eq!(wait_job(&mut c).await, (a.id(), "map".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_find_each_other_through_one_they_share() {
    let hub = node(key(1), &[]).await;
    let mut nodes = Vec::new();
    for seed in 2..6 {
        nodes.push(node(key(seed), &[hub.as_bootstrap()]).await);
    }
    let ids: Vec<NodeId> = nodes.iter().map(Rig::id).collect();
    for rig in &mut nodes {
        let mut missing: Vec<NodeId> = ids.iter().copied().filter(|id| *id != rig.id()).collect();
        while !missing.is_empty() {
            let up = rig.wait("up", |e| match e {
                PeerEvent::Up { peer, .. } => Some(*peer),
                _ => None,
            });
            let up = up.await;
            missing.retain(|id| *id != up);
        }
    }
    assert_eq!(hub.network.peers().len(), 4);
}

/// Speaks gossip and nothing else.
async fn liar(key: &NodeKey, to: &Rig) -> (Router, iroh_gossip::api::GossipSender, iroh_gossip::api::GossipReceiver) {
    let lookup = MemoryLookup::new();
    let addr = endpoint_addr(&to.id(), &to.network.addresses()).expect("a key");
    lookup.add_endpoint_info(addr.clone());
    let endpoint = Endpoint::builder(presets::Minimal)
        .secret_key(SecretKey::from_bytes(&key.to_bytes()))
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")
        .expect("an address")
        .address_lookup(lookup)
        .bind()
        .await
        .expect("an endpoint");
    let gossip = Gossip::builder().max_message_size(1 << 16).spawn(endpoint.clone());
    let router = Router::builder(endpoint).accept(GOSSIP_ALPN, gossip.clone()).spawn();
    let topic = gossip
        .subscribe_and_join(topic_of("p2pjob"), vec![addr.id])
        .await
        .expect("joined");
    let (sender, receiver) = topic.split();
    (router, sender, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_signed_and_newer_statements_count() {
    let mut node = node(key(1), &[]).await;
    let key_of_liar = key(2);
    let (router, sender, mut receiver) = liar(&key_of_liar, &node).await;
    let mut repeat = 0u64;
    let mut payload = |statement: &message::Gossip| {
        repeat += 1;
        let mut bytes = repeat.to_be_bytes().to_vec();
        bytes.extend_from_slice(&codec::encode(statement));
        Bytes::from(bytes)
    };
    let now = unix_now().0 << 20;
    let mut forged = Signed::new(&key_of_liar, &advert(now + 9));
    forged.node = key(3).id();
    let mut forged_job = Signed::new(&key_of_liar, &job("forged"));
    forged_job.node = key(3).id();
    let statements = [
        Bytes::from_static(b"x"),
        Bytes::from_static(b"garbage that is longer than a number"),
        payload(&message::Gossip::Node(forged)),
        payload(&message::Gossip::Job(forged_job)),
        payload(&message::Gossip::Node(Signed::new(&key_of_liar, &advert(now + 5)))),
        payload(&message::Gossip::Node(Signed::new(&key_of_liar, &advert(now + 4)))),
        payload(&message::Gossip::Node(Signed::new(&key_of_liar, &advert(now + 6)))),
        payload(&message::Gossip::Job(Signed::new(&key_of_liar, &job("true")))),
    ];
    for statement in statements {
        sender.broadcast(statement).await.expect("sent");
    }
    let mut heard = Vec::new();
    loop {
        match node.next().await {
            PeerEvent::Advert { node: author, advert } if author == key_of_liar.id() => heard.push(advert.seq - now),
            PeerEvent::Job { publisher, advert } => {
                assert_eq!((publisher, advert.name.as_str()), (key_of_liar.id(), "true"));
                break;
            }
            PeerEvent::Refused { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard, [5, 6], "the older advert is dropped, the forged ones too");
    // The node still talks in the topic.
    loop {
        let event = timeout(PATIENCE, receiver.next())
            .await
            .expect("in time")
            .expect("open")
            .expect("no error");
        if matches!(event, Event::Received(_)) {
            break;
        }
    }
    router.shutdown().await.expect("the liar ends");
}

#[test]
fn who_talks_too_much_is_not_heard_for_a_while() {
    let mut rates = crate::gossip::rate::Rates::default();
    let (loud, quiet, now) = (key(1).id(), key(2).id(), std::time::Instant::now());
    let heard = (0..10_000).filter(|_| rates.author_may(loud, now)).count();
    assert_eq!(heard, 512);
    assert!(rates.author_may(quiet, now), "others are heard");
    let later = now + Duration::from_secs(1);
    let heard = (0..10_000).filter(|_| rates.author_may(loud, later)).count();
    assert_eq!(heard, 12);
}
