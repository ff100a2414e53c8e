//! Gossip, strangers, and the local network of `up`.

use guest_programs::Program;
use p2pjob_tests::sim::random::Random;
use p2pjob_tests::{Cluster, Node, PATIENCE, UpNetwork, check_settled, is_running, wait_until};
use std::net::UdpSocket;

/// Datagrams of noise for each node.
const NOISE: usize = 3_000;
/// Largest of them, in bytes: what fits a packet.
const NOISE_BYTES: u64 = 1_400;

#[test]
fn a_published_job_is_known_by_name_on_every_node() {
    let mut cluster = Cluster::start(2);
    let path = cluster
        .file("echo.wasm", &Program::Echo.component())
        .display()
        .to_string();
    let job = cluster.node(1).ask(&["publish", &path]).text("job").to_owned();
    assert_eq!(cluster.node(0).await_job("guest").text("job"), job);
    let report = cluster.node(0).complete("guest", &["--verify", "quorum:2"]);
    assert_eq!(report.text("job"), job);
    // Who comes later learns it too, and can use it although its publisher is gone.
    let late = cluster.add(&["--slots".to_owned(), "1".to_owned()]);
    cluster.node(late).await_job("guest");
    cluster.await_mesh();
    check_settled(cluster.nodes());
    cluster.kill(1);
    cluster.node(late).await_peers(1);
    cluster.node(late).complete("guest", &["--verify", "quorum:2"]);
}

#[test]
fn noise_on_its_port_does_not_disturb_a_node() {
    let cluster = Cluster::start(2);
    let mut random = Random::new(15);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let task = cluster
        .node(0)
        .submit("bench_empty", &["--param", "chunks=200", "--verify", "quorum:2"]);
    for node in cluster.nodes() {
        for _ in 0..NOISE {
            let mut noise: Vec<u8> = (0..random.below(NOISE_BYTES)).map(|_| random.word() as u8).collect();
            if let Some(first) = noise.first_mut() {
                // Half of it looks like the start of a QUIC handshake.
                *first |= if random.one_in(2) { 0xc0 } else { 0 };
            }
            // The kernel drops what the node has no time for.
            let _ = socket.send_to(&noise, node.address());
        }
    }
    let report = cluster.node(0).watch(&task, 0);
    assert_eq!(report.number("accepted"), 200);
    cluster.await_mesh();
    check_settled(cluster.nodes());
}

#[test]
fn strangers_of_a_closed_network_stay_outside() {
    let mut cluster = Cluster::start(2);
    let friend = cluster.node(0).name();
    let closed = cluster.add(&[
        "--slots".to_owned(),
        "1".to_owned(),
        "--allow".to_owned(),
        friend.clone(),
    ]);
    cluster.node(closed).await_peers(1);
    let peers = cluster.node(closed).ask(&["peers"]).list("peers");
    let connected: Vec<String> = peers
        .iter()
        .filter(|peer| peer.flag("connected"))
        .map(|peer| peer.text("node").to_owned())
        .collect();
    assert_eq!(connected, [friend]);
    // Both sides know: node 1 has no connection to it either.
    let seen = cluster.node(1).ask(&["peers"]).list("peers");
    let name = cluster.node(closed).name();
    assert!(
        !seen
            .iter()
            .any(|peer| peer.text("node") == name && peer.flag("connected")),
        "{seen:?}"
    );
}

#[test]
fn up_is_found_by_other_commands_and_ends_with_its_children() {
    let mut network = UpNetwork::start(&["--nodes", "3"]);
    let program = network.program().clone();
    let found = program.run(&["--json", "status"]).report(0);
    assert_eq!(found.text("node.node_id"), network.node(0).name());
    let second = program.run(&["--json", "--node", "2", "status"]).report(0);
    assert_eq!(second.text("node.node_id"), network.node(2).name());
    program.run(&["--json", "--node", "9", "status"]).fails(4, &["0 to 2"]);
    // A child that dies is told; the others go on.
    let victim = network.node(1).pid().expect("a process");
    p2pjob_tests::kill(victim);
    wait_until("the dead child is gone", PATIENCE, || {
        if is_running(victim) { Err(victim) } else { Ok(()) }
    });
    network.node(0).await_peers(1);
    let report = network
        .node(0)
        .complete("bench_empty", &["--param", "chunks=20", "--verify", "quorum:2"]);
    assert_eq!(report.number("accepted"), 20);
    assert!(network.interrupt().success(), "Ctrl-C is the usual end");
    network.await_no_children();
    program.run(&["--json", "status"]).fails(7, &["p2pjob up"]);
}

#[test]
fn children_follow_an_up_that_was_killed() {
    let mut network = UpNetwork::start(&["--nodes", "3"]);
    assert!(network.nodes().iter().filter_map(Node::pid).all(is_running));
    network.kill();
    network.await_no_children();
}

#[test]
fn misbehaviour_cannot_be_ordered_from_a_shell() {
    let cluster = Cluster::start(1);
    let run = cluster.program().run(&["--json", "__node"]);
    run.fails(2, &["p2pjob up"]);
    let liar = cluster.program().run(&["node", "--liars", "1"]);
    assert_eq!(liar.code, 2, "{liar}");
}
