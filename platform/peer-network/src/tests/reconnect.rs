//! Connections that end and come back: restart, crash, stop, both sides dialling at once.

use super::*;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A dead peer must be noticed about two seconds after its last word; the rest is for a starved machine.
const NOTICE_MAX: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_node_on_another_port_is_reached_again() {
    for (first, second) in [ordered_keys(1, 2), {
        let (a, b) = ordered_keys(1, 2);
        (b, a)
    }] {
        let (mut a, b) = pair(first, second.clone()).await;
        let (b_id, old) = (b.id(), b.as_bootstrap().addr);
        b.network.shutdown().await;
        drop(b);
        a.wait_down(b_id).await;
        let mut b = node(second, &[a.as_bootstrap()]).await;
        let addr = a.wait("up", |e| match e {
            PeerEvent::Up { peer, addr, .. } if *peer == b_id => Some(*addr),
            _ => None,
        });
        let addr = addr.await;
        assert_eq!(addr, Some(b.as_bootstrap().addr));
        assert_ne!(addr, Some(old));
        b.wait_up(a.id()).await;
        a.network.try_send(b_id, numbered(1, 1)).expect("sent");
        assert_eq!(b.wait_number(a.id()).await, 1);
        a.network.shutdown().await;
        b.network.shutdown().await;
    }
}

/// The node that stays dials the one that came back, whose new address a third node tells by gossip.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_address_is_learned_by_gossip() {
    let mut hub = node(key(1), &[]).await;
    let mut a = node(key(2), &[hub.as_bootstrap()]).await;
    let b = node(key(3), &[hub.as_bootstrap()]).await;
    let b_id = b.id();
    a.wait_up(b_id).await;
    b.network.shutdown().await;
    drop(b);
    a.wait_down(b_id).await;
    hub.wait_down(b_id).await;
    let b = node(key(3), &[hub.as_bootstrap()]).await;
    a.wait_up(b_id).await;
    assert_eq!(
        a.network.peers().iter().find(|p| p.node == b_id).and_then(|p| p.addr),
        Some(b.as_bootstrap().addr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_dial_at_once_and_one_connection_stays() {
    for round in 0..20u8 {
        let mut a = node(key(100 + round), &[]).await;
        let mut b = node(key(150 + round), &[]).await;
        let (to_a, to_b) = (a.as_bootstrap(), b.as_bootstrap());
        tokio::join!(a.network.add_peer(to_b), b.network.add_peer(to_a));
        let (from_a, from_b) = (a.id(), b.id());
        a.wait_up(from_b).await;
        b.wait_up(from_a).await;
        // A second connection would show as Down and Up between the messages, or lose one.
        for number in 0..20 {
            a.network.try_send(from_b, numbered(number, 1000)).expect("sent");
            b.network.try_send(from_a, numbered(number, 1000)).expect("sent");
            for (rig, from) in [(&mut a, from_b), (&mut b, from_a)] {
                let got = rig.wait("message", |e| match e {
                    PeerEvent::Message {
                        from: f,
                        message: Message::Cancel { replicas, .. },
                        ..
                    } => {
                        assert_eq!(*f, from);
                        Some(replicas[0].0)
                    }
                    PeerEvent::Up { .. } | PeerEvent::Down { .. } => panic!("round {round}: {e:?}"),
                    _ => None,
                });
                assert_eq!(got.await, number);
            }
        }
        assert_eq!((a.network.peers().len(), b.network.peers().len()), (1, 1));
        tokio::join!(a.network.shutdown(), b.network.shutdown());
    }
}

/// A node in another process, which can be killed and stopped.
struct Other {
    child: Child,
    peer: BootstrapPeer,
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SEED: &str = "PEER_NETWORK_TEST_SEED";
const DIAL: &str = "PEER_NETWORK_TEST_DIAL";

impl Other {
    fn start(seed: u8, dial: &BootstrapPeer) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "tests::reconnect::the_other_process",
                "--ignored",
                "--nocapture",
            ])
            .env(SEED, seed.to_string())
            .env(DIAL, format!("{} {}", dial.node, dial.addr))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another process");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let words = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("LISTENS ").map(|(_, w)| w.to_owned()));
        let addr: SocketAddr = words.expect("its address").parse().expect("an address");
        Self {
            child,
            peer: BootstrapPeer {
                node: key(seed).id(),
                addr,
            },
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other process of the tests below, which start it"]
async fn the_other_process() {
    let seed = std::env::var(SEED).expect("started by a test").parse().expect("a seed");
    let dial = std::env::var(DIAL).expect("started by a test");
    let (id, addr) = dial.split_once(' ').expect("two words");
    let peer = BootstrapPeer {
        node: id.parse().expect("an id"),
        addr: addr.parse().expect("an address"),
    };
    let mut rig = node(key(seed), &[peer]).await;
    println!("LISTENS {}", rig.as_bootstrap().addr);
    // Lives until it is killed, or until the test's end closes its input.
    let input = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    tokio::pin!(input);
    loop {
        tokio::select! {
            _ = rig.next() => {}
            _ = &mut input => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_is_noticed_and_its_restart_too() {
    let mut a = node(key(1), &[]).await;
    for _ in 0..2 {
        let mut other = Other::start(2, &a.as_bootstrap());
        a.wait_up(other.peer.node).await;
        other.child.kill().expect("killed");
        let killed = Instant::now();
        let why = a.wait_down(other.peer.node).await;
        assert!(
            killed.elapsed() < NOTICE_MAX,
            "noticed after {:?}: {why}",
            killed.elapsed()
        );
        eprintln!("killed: noticed after {:?}: {why}", killed.elapsed());
    }
}

/// The new process is there before the old one's connection has timed out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_takes_over_from_the_dead_connection() {
    for (mine, theirs) in [(1, 2), (2, 1)] {
        let mut a = node(key(mine), &[]).await;
        let mut old = Other::start(theirs, &a.as_bootstrap());
        a.wait_up(old.peer.node).await;
        old.child.kill().expect("killed");
        let killed = Instant::now();
        let new = Other::start(theirs, &a.as_bootstrap());
        a.wait_down(new.peer.node).await;
        a.wait_up(new.peer.node).await;
        eprintln!("killed and restarted: up again after {:?}", killed.elapsed());
        assert_eq!(a.network.peers()[0].addr, Some(new.peer.addr));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_node_is_down_and_comes_back() {
    let mut a = node(key(1), &[]).await;
    let other = Other::start(2, &a.as_bootstrap());
    a.wait_up(other.peer.node).await;
    other.signal("-STOP");
    let stopped = Instant::now();
    let why = a.wait_down(other.peer.node).await;
    assert!(
        stopped.elapsed() < NOTICE_MAX,
        "noticed after {:?}: {why}",
        stopped.elapsed()
    );
    eprintln!("stopped: noticed after {:?}: {why}", stopped.elapsed());
    other.signal("-CONT");
    let continued = Instant::now();
    a.wait_up(other.peer.node).await;
    eprintln!("continued: up after {:?}", continued.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_not_there_is_reported_and_found_later() {
    let port = std::net::UdpSocket::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let peer = BootstrapPeer {
        node: key(2).id(),
        addr: port,
    };
    let mut a = node(key(1), &[peer]).await;
    assert_eq!(a.network.known_peers()[0].node, peer.node);
    let mut b = node_with(NetworkOptions {
        bind: port,
        ..NetworkOptions::new(key(2))
    })
    .await;
    a.wait_up(b.id()).await;
    b.wait_up(a.id()).await;
    assert_eq!(a.network.known_peers(), []);
}
