//! The address book without a network: time is passed in.

use super::*;
use crate::book::{Book, Learned, RETRY_CAP, RETRY_FIRST, backoff};
use std::time::Instant;

fn addr(port: u16) -> std::net::SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn advert_at(seq: u64, port: u16) -> Advert {
    Advert {
        addresses: vec![addr(port)],
        ..advert(seq)
    }
}

const ROOM: usize = 10;

#[test]
fn waits_double_up_to_the_cap() {
    let node = key(1).id();
    let waits: Vec<Duration> = (0..12).map(|attempts| backoff(&node, attempts)).collect();
    assert!(waits[0] <= RETRY_FIRST && waits[0] >= RETRY_FIRST * 3 / 4, "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= RETRY_CAP), "{waits:?}");
    assert!(waits[11] >= RETRY_CAP * 3 / 4, "{waits:?}");
    assert_ne!(
        backoff(&key(1).id(), 8),
        backoff(&key(2).id(), 8),
        "nodes do not return in step"
    );
}

#[test]
fn a_failed_dial_waits_and_a_new_address_is_tried_at_once() {
    let (me, peer, now) = (key(1).id(), key(2).id(), Instant::now());
    let mut book = Book::new(me);
    book.add_bootstrap(
        BootstrapPeer {
            node: peer,
            addr: addr(1),
        },
        now,
    );
    assert_eq!(book.take_due(now, ROOM, |_| false), [peer]);
    assert_eq!(book.take_due(now, ROOM, |_| false), [], "it is being dialled");
    book.dial_failed(&peer, now, "nobody answers".to_owned());
    assert_eq!(book.take_due(now, ROOM, |_| false), []);
    let next = book.next_due(|_| false).expect("it is tried again");
    assert!(next > now);
    assert_eq!(book.learn(peer, &advert_at(5, 2), now), Learned::Moved);
    assert_eq!(book.next_due(|_| false), Some(now));
    assert_eq!(book.take_due(now, ROOM, |_| false), [peer]);
    assert_eq!(book.addresses(&peer), [addr(2), addr(1)], "the newest word first");
}

#[test]
fn only_newer_adverts_count_except_from_the_node_itself() {
    let (me, peer, now) = (key(1).id(), key(2).id(), Instant::now());
    let mut book = Book::new(me);
    assert_eq!(book.learn(peer, &advert_at(5, 1), now), Learned::Moved);
    assert_eq!(book.learn(peer, &advert_at(5, 2), now), Learned::Stale);
    assert_eq!(book.learn(peer, &advert_at(4, 2), now), Learned::Stale);
    assert_eq!(book.learn(peer, &advert_at(6, 1), now), Learned::Newer);
    assert_eq!(
        book.learn_direct(peer, &advert_at(3, 2), None, now),
        Learned::Moved,
        "its clock went back"
    );
    assert_eq!(book.learn(peer, &advert_at(4, 2), now), Learned::Newer);
    assert_eq!(
        book.learn(me, &advert_at(9, 1), now),
        Learned::Stale,
        "nobody tells us where we are"
    );
}

#[test]
fn addresses_that_lead_nowhere_are_not_dialled() {
    let (peer, now) = (key(2).id(), Instant::now());
    let mut book = Book::new(key(1).id());
    let mut bad = advert(1);
    bad.addresses = vec![
        addr(0),
        "0.0.0.0:7".parse().expect("an address"),
        "224.0.0.1:7".parse().expect("an address"),
    ];
    book.learn(peer, &bad, now);
    assert_eq!(book.addresses(&peer), []);
    assert_eq!(book.take_due(now, ROOM, |_| false), []);
}

#[test]
fn room_and_size_are_bounded() {
    let now = Instant::now();
    let mut book = Book::new(key(1).id());
    let bootstrap = BootstrapPeer {
        node: key(200).id(),
        addr: addr(1),
    };
    book.add_bootstrap(bootstrap, now);
    for number in 0..3000u32 {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        book.learn(
            NodeId(id),
            &advert_at(1, 9),
            now + Duration::from_millis(u64::from(number)),
        );
    }
    assert_eq!(book.iter().count(), 1024);
    assert!(
        book.iter().any(|(node, _)| *node == bootstrap.node),
        "the user's peers stay"
    );
    let later = now + Duration::from_secs(60);
    assert_eq!(book.take_due(later, 3, |_| false).len(), 3);
    assert_eq!(book.take_due(later, 3, |_| false).len(), 0);
}
