//! Who misbehaves, and what children are told.

use super::*;

fn plan(nodes: usize, liars: usize, stalled: usize) -> Plan {
    let base = NodeConfig {
        ..NodeConfig::default()
    };
    Plan {
        base,
        folder: PathBuf::from("/net"),
        nodes,
        liars,
        stalled,
        latency_ms: Some(40),
        jitter: false,
        log: "info".to_owned(),
    }
}

fn roles(nodes: usize, liars: usize, stalled: usize) -> Vec<&'static str> {
    let plan = plan(nodes, liars, stalled);
    (0..nodes).map(|number| plan.order(number, &[]).faults.role()).collect()
}

#[test]
fn the_last_nodes_misbehave() {
    assert_eq!(roles(5, 1, 0), ["honest", "honest", "honest", "honest", "liar"]);
    assert_eq!(roles(4, 1, 2), ["honest", "stalled", "stalled", "liar"]);
    assert_eq!(roles(3, 0, 0), ["honest", "honest", "honest"]);
}

#[test]
fn an_order_survives_its_pipe() {
    let bootstrap = PeerAddress {
        node: NodeId([7; 32]),
        address: "127.0.0.1:9".parse().unwrap(),
    };
    let order = plan(5, 1, 0).order(3, std::slice::from_ref(&bootstrap));
    assert_eq!(order.config.data_dir, Path::new("/net/node-3"));
    assert_eq!(order.config.network.bootstrap, [bootstrap]);
    assert_eq!(order.faults.latency_ms, Some(40));
    let line = serde_json::to_string(&order).unwrap();
    assert!(!line.contains('\n'));
    assert_eq!(serde_json::from_str::<Order>(&line).unwrap(), order);
}

#[test]
fn a_shell_cannot_start_a_child() {
    // The parent of a test program is cargo or a shell, never the test program itself.
    let error = order::parent_must_be_us().unwrap_err();
    assert_eq!(error.exit, Exit::Usage);
    assert_eq!(error.remedy, "run a node with `p2pjob node`");
}
