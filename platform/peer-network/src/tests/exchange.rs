//! Messages between well-behaved nodes: order, limits, back pressure, latency, shutdown.

use super::*;
use crate::{SendError, StartError};
use job_model::codec;
use job_model::limits::MAX_FRAME_BYTES;
use std::time::Instant;

/// A message whose encoding has exactly this many bytes.
fn message_of(bytes: usize) -> Message {
    let empty = codec::encode(&numbered(7, 1 << 16)).len() - (1 << 16);
    let message = numbered(7, bytes - empty);
    assert_eq!(codec::encode(&message).len(), bytes);
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_arrive_both_ways_in_order() {
    for (first, second) in [ordered_keys(1, 2), {
        let (a, b) = ordered_keys(1, 2);
        (b, a)
    }] {
        let (mut a, mut b) = pair(first, second).await;
        for number in 0..2000 {
            a.network.send(b.id(), numbered(number, 100)).await.expect("sent");
            if number % 10 == 0 {
                b.network.try_send(a.id(), numbered(number, 10)).expect("sent");
            }
            // Both sides read while they write, as a node does.
            assert_eq!(b.wait_number(a.id()).await, number);
            if number % 10 == 0 {
                assert_eq!(a.wait_number(b.id()).await, number);
            }
        }
        let info = a.network.peers();
        assert_eq!(info.len(), 1);
        assert_eq!(info[0].node, b.id());
        assert_eq!(info[0].advert.capability.slots, 2);
        assert_eq!(info[0].addr, Some(b.network.addresses()[0]));
        assert!(
            info[0].bytes_out > 2000 * 100 && info[0].bytes_in > 200 * 10,
            "{info:?}"
        );
        assert!(info[0].rtt_us > 0);
        a.network.shutdown().await;
        b.network.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_frame_arrives_and_one_byte_more_is_refused() {
    let (a, mut b) = pair(key(1), key(2)).await;
    let error = a
        .network
        .try_send(b.id(), message_of(MAX_FRAME_BYTES + 1))
        .expect_err("too large");
    assert_eq!(
        error,
        SendError::TooLarge {
            bytes: MAX_FRAME_BYTES + 1,
            limit: MAX_FRAME_BYTES
        }
    );
    assert_eq!(
        error.to_string(),
        "the message has 1048577 bytes, at most 1048576 are allowed; split it"
    );
    a.network.try_send(b.id(), message_of(MAX_FRAME_BYTES)).expect("sent");
    let bytes = b.wait("message", |e| match e {
        PeerEvent::Message { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert_eq!(bytes.await, MAX_FRAME_BYTES + 4);
    let nobody = key(9).id();
    assert_eq!(
        a.network.try_send(nobody, numbered(1, 1)),
        Err(SendError::NotConnected(nobody))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_fills_the_queue_and_loses_nothing() {
    let (a, mut b) = pair(key(3), key(4)).await;
    let mut sent = 0u32;
    // Nobody reads at b: its event queue, the transport's windows and a's queue fill up, and then nothing moves.
    let mut full_since = None;
    while full_since.is_none_or(|since: Instant| since.elapsed() < Duration::from_secs(1)) {
        match a.network.try_send(b.id(), numbered(sent, 500 << 10)) {
            Ok(()) => (sent, full_since) = (sent + 1, None),
            Err(SendError::QueueFull(_)) => {
                full_since.get_or_insert_with(Instant::now);
                tokio::task::yield_now().await;
            }
            Err(other) => panic!("{other}"),
        }
        assert!(sent < 400, "200 MB are under way to a node that reads nothing");
    }
    for number in 0..sent {
        assert_eq!(b.wait_number(a.id()).await, number);
    }
    a.network.send(b.id(), numbered(sent, 1)).await.expect("room again");
    assert_eq!(b.wait_number(a.id()).await, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn added_latency_delays_and_keeps_order_and_throughput() {
    const LATENCY: Duration = Duration::from_millis(150);
    const FRAMES: u32 = 200;
    let mut a = node_with(NetworkOptions {
        added_latency: Some(LATENCY),
        ..NetworkOptions::new(key(1))
    })
    .await;
    let mut b = node(key(2), &[a.as_bootstrap()]).await;
    a.wait_up(b.id()).await;
    b.wait_up(a.id()).await;
    let start = Instant::now();
    let (network, to) = (a.network.clone(), b.id());
    let sender = tokio::spawn(async move {
        for number in 0..FRAMES {
            network.send(to, numbered(number, 100 << 10)).await.expect("sent");
        }
    });
    assert_eq!(b.wait_number(a.id()).await, 0);
    assert!(
        start.elapsed() >= LATENCY,
        "the first frame came after {:?}",
        start.elapsed()
    );
    for number in 1..FRAMES {
        assert_eq!(b.wait_number(a.id()).await, number);
    }
    sender.await.expect("the sender ends");
    // One at a time would take 30 s.
    assert!(
        start.elapsed() < LATENCY * FRAMES / 3,
        "{FRAMES} frames took {:?}",
        start.elapsed()
    );
    assert!(a.network.peers()[0].rtt_us >= 150_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_delivers_what_is_queued_and_says_goodbye() {
    let (mut a, mut b) = pair(key(1), key(2)).await;
    for number in 0..100 {
        a.network.try_send(b.id(), numbered(number, 10_000)).expect("sent");
    }
    let (network, from) = (a.network.clone(), a.id());
    let closing = tokio::spawn(async move { network.shutdown().await });
    for number in 0..100 {
        assert_eq!(b.wait_number(from).await, number);
    }
    assert_eq!(
        b.wait_down(from).await,
        "the peer said goodbye: the node is shutting down"
    );
    assert_eq!(a.wait_down(b.id()).await, "this node is shutting down");
    closing.await.expect("the shutdown ends");
    assert_eq!(
        a.network.try_send(b.id(), numbered(0, 0)),
        Err(SendError::NotConnected(b.id()))
    );
    drop(a.network);
    while a.events.recv().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_named_with_the_remedy() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let bind = taken.local_addr().expect("an address");
    let options = NetworkOptions {
        bind,
        ..NetworkOptions::new(key(1))
    };
    let error = crate::start(options, Vec::new(), (Capability::default(), Load::default()))
        .await
        .expect_err("in use");
    assert!(
        matches!(error, StartError::PortInUse { addr } if addr == bind),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains(&bind.port().to_string()) && text.contains("choose another port"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keep_alive_that_is_too_long_is_refused() {
    let options = NetworkOptions {
        keep_alive: Duration::from_secs(2),
        ..NetworkOptions::new(key(1))
    };
    let started = crate::start(options, Vec::new(), (Capability::default(), Load::default())).await;
    assert!(matches!(started, Err(StartError::Options(_))));
}

/// A node that listens everywhere names addresses by which others on this machine reach it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_all_interfaces_can_be_reached() {
    let bind = "0.0.0.0:0".parse().expect("an address");
    let mut a = node_with(NetworkOptions {
        bind,
        ..NetworkOptions::new(key(1))
    })
    .await;
    let addresses = a.network.addresses();
    assert!(
        !addresses.is_empty() && addresses.iter().all(|addr| !addr.ip().is_unspecified()),
        "{addresses:?}"
    );
    let addr = ([127, 0, 0, 1], addresses[0].port()).into();
    let mut b = node(key(2), &[BootstrapPeer { node: a.id(), addr }]).await;
    a.wait_up(b.id()).await;
    b.wait_up(a.id()).await;
}
