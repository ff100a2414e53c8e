//! Peers that break the rules: raw clients that speak QUIC and nothing else as they should.

use super::*;
use crate::fault::code;
use iroh::endpoint::{Connection, ConnectionError, presets};
use iroh::protocol::{AcceptError, ProtocolHandler};
use iroh::{Endpoint, EndpointAddr, EndpointId, RelayMode, SecretKey};
use job_model::codec;
use job_model::limits::MAX_FRAME_BYTES;
use job_model::message::ALPN;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A QUIC client with a node key and no manners.
struct Raw {
    endpoint: Endpoint,
    key: NodeKey,
}

async fn raw(key: NodeKey) -> Raw {
    let endpoint = Endpoint::builder(presets::Minimal)
        .secret_key(SecretKey::from_bytes(&key.to_bytes()))
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")
        .expect("an address")
        .bind()
        .await
        .expect("an endpoint");
    Raw { endpoint, key }
}

impl Raw {
    async fn connect(&self, to: &Rig, alpn: &[u8]) -> Connection {
        let id = EndpointId::from_bytes(to.id().as_bytes()).expect("a key");
        let addr = EndpointAddr::new(id).with_ip_addr(to.network.addresses()[0]);
        self.endpoint.connect(addr, alpn).await.expect("connected")
    }

    /// Sends these bytes on a stream and gives what the node closes the connection with.
    async fn say(&self, to: &Rig, bytes: &[u8]) -> (u64, String) {
        let connection = self.connect(to, ALPN).await;
        let mut stream = connection.open_uni().await.expect("a stream");
        // The node may close before all is written.
        let _ = stream.write_all(bytes).await;
        closed(&connection).await
    }
}

async fn closed(connection: &Connection) -> (u64, String) {
    match timeout(PATIENCE, connection.closed()).await.expect("closed in time") {
        ConnectionError::ApplicationClosed(close) => (
            close.error_code.into_inner(),
            String::from_utf8_lossy(&close.reason).into_owned(),
        ),
        other => panic!("closed otherwise: {other:?}"),
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(body.len()).expect("small").to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

fn hello_frame(hello: Hello) -> Vec<u8> {
    frame(&codec::encode(&Message::Hello(Box::new(hello))))
}

/// Says `bytes` to a fresh node from a smaller and from a larger id and expects to be cut off with this in the reason.
async fn check(bytes: impl Fn(&NodeKey) -> Vec<u8>, expected: &str) {
    let (small, large) = ordered_keys(21, 22);
    for (honest, hostile) in [(small.clone(), large.clone()), (large, small)] {
        let mut node = node(honest, &[]).await;
        let raw = raw(hostile).await;
        let (closed_with, reason) = raw.say(&node, &bytes(&raw.key)).await;
        assert_eq!(closed_with, u64::from(code::MISBEHAVED), "{reason}");
        assert!(reason.contains(expected), "expected {expected:?} in {reason:?}");
        assert_eq!(node.wait_misbehaved(raw.key.id()).await, reason);
        // Held off, for every protocol, and told why.
        let again = raw.connect(&node, iroh_gossip::net::GOSSIP_ALPN).await;
        let (closed_with, reason) = closed(&again).await;
        assert_eq!(closed_with, u64::from(code::NOT_ADMITTED));
        assert!(reason.contains("held off") && reason.contains(expected), "{reason}");
        // Nobody else suffers.
        let other = pair_with(&mut node, 23).await;
        other.network.shutdown().await;
    }
}

async fn pair_with(node: &mut Rig, seed: u8) -> Rig {
    let mut other = super::node(key(seed), &[node.as_bootstrap()]).await;
    node.wait_up(other.id()).await;
    other.wait_up(node.id()).await;
    other
}

fn after_hello(key: &NodeKey, bytes: &[u8]) -> Vec<u8> {
    let mut all = hello_frame(hello(key));
    all.extend_from_slice(bytes);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_over_the_limit_is_not_read() {
    let over = u32::try_from(MAX_FRAME_BYTES + 1).expect("small").to_be_bytes();
    check(
        |key| after_hello(key, &over),
        "a frame of 1048577 bytes, at most 1048576",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_hello_is_not_read() {
    check(
        |_| u32::MAX.to_be_bytes().to_vec(),
        "a frame of 4294967295 bytes, at most 8192",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_no_message() {
    check(|key| after_hello(key, &frame(b"\xff\xffgarbage")), "no message").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_no_hello() {
    check(|_| frame(b"GET / HTTP/1.1\r\n"), "first frame is no hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_message_is_no_hello() {
    check(|_| frame(&codec::encode(&numbered(1, 1))), "first frame is no hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_hello_is_refused() {
    check(|key| after_hello(key, &hello_frame(hello(key))), "second hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_advert_of_another_node_is_refused() {
    check(|_| hello_frame(hello(&key(99))), "is signed by node").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_signature_is_refused() {
    let forged = |key: &NodeKey| {
        let mut hello = hello(&super::key(99));
        hello.advert.node = key.id();
        hello_frame(hello)
    };
    check(forged, "does not fit its statement").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_protocol_version_is_told_apart_from_garbage() {
    let mut node = node(key(1), &[]).await;
    for (seed, version, update) in [(31, 0, "update your node"), (32, 9, "update the node you connect to")] {
        let raw = raw(key(seed)).await;
        let (closed_with, reason) = raw
            .say(
                &node,
                &hello_frame(Hello {
                    version,
                    ..hello(&raw.key)
                }),
            )
            .await;
        assert_eq!(closed_with, u64::from(code::VERSION));
        assert_eq!(reason, format!("you speak protocol {version}, we speak 1; {update}"));
        let why = node.wait_refused(raw.key.id()).await;
        assert!(
            why.starts_with(&format!("it speaks protocol {version}, we speak 1; update ")),
            "{why}"
        );
    }
}

/// Counts the connections that get past the door.
#[derive(Debug, Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl ProtocolHandler for Counter {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        connection.close(7u32.into(), b"counted");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_allow_list_stands_before_every_handler() {
    const OTHER: &[u8] = b"test/other/1";
    let (friend, stranger, denied) = (raw(key(41)).await, raw(key(42)).await, raw(key(43)).await);
    let counter = Counter::default();
    let options = NetworkOptions {
        allow: Some([friend.key.id(), denied.key.id()].into()),
        deny: [denied.key.id()].into(),
        ..NetworkOptions::new(key(1))
    };
    let first = (Capability::default(), Load::default());
    let handlers = vec![(OTHER.to_vec(), Box::new(counter.clone()).into())];
    let (network, events) = crate::start(options, handlers, first).await.expect("started");
    let node = Rig { network, events };
    for (raw, list) in [(&stranger, "allow-list"), (&denied, "deny-list")] {
        for alpn in [OTHER, ALPN, iroh_gossip::net::GOSSIP_ALPN] {
            let (closed_with, reason) = closed(&raw.connect(&node, alpn).await).await;
            assert_eq!(closed_with, u64::from(code::NOT_ADMITTED));
            assert!(reason.contains(list), "{reason}");
        }
    }
    assert_eq!(
        closed(&friend.connect(&node, OTHER).await).await,
        (7, "counted".to_owned())
    );
    assert_eq!(counter.0.load(Ordering::SeqCst), 1, "only the friend got through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_admitted_is_told_so() {
    let closed = node_with(NetworkOptions {
        allow: Some([].into()),
        ..NetworkOptions::new(key(1))
    })
    .await;
    let mut stranger = node(key(2), &[closed.as_bootstrap()]).await;
    let why = stranger.wait_refused(closed.id()).await;
    assert!(
        why.contains("your node is not on the allow-list here; its owner must add it"),
        "{why}"
    );
    let known = stranger.network.known_peers();
    assert_eq!(known[0].last_error.as_deref(), Some(why.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_node_says_so() {
    let mut small = node_with(NetworkOptions {
        max_peers: 1,
        ..NetworkOptions::new(key(1))
    })
    .await;
    let first = pair_with(&mut small, 2).await;
    let mut second = node(key(3), &[small.as_bootstrap()]).await;
    let why = second.wait_refused(small.id()).await;
    assert!(why.contains("1 peers are connected"), "{why}");
    drop(first);
}
