//! `explain` names every node and every reason.

use super::{Script, check};

#[test]
fn every_node_has_its_reason() {
    check(
        "> submit quorum=3 2
         > offer n1 n2,mem=1 n3,refused n4,gone
         assign n1 Policy 0/0 1/0
         > explain
         2 chunk(s) wait; 2 of them: needs 2 more distinct nodes
         2 chunk(s) from 0, 2 missing: needs 2 more distinct nodes
         - n1: it already has a replica of the chunk, and the replicas of a chunk must run on distinct nodes; connect another node
         - n2: its sandboxes have 1 bytes of memory, the task asks for 64; submit with --memory of at most 1, or give the node larger sandboxes
         - n3: it refused to quote: too busy; do what its reason says, or use other nodes
         - n4: it is not connected; start the node, or check its address and the network between",
    );
}

#[test]
fn a_task_without_nodes_or_behind_others_says_so() {
    check(
        "> submit none 3
         > explain
         3 chunk(s) wait, and no node is known; connect nodes
         3 chunk(s) from 0, 1 missing: needs 1 more distinct node
         > offer n1,slots=1
         assign n1 Policy 0/0 1/0
         > t2 submit none 1
         > t2 offer n1,slots=1
         > t2 explain
         1 chunk(s) wait; 1 of them: waits for a node; of 1 node(s): it is full, and 1 task(s) go first
         1 chunk(s) from 0, 1 missing: waits for a node; of 1 node(s): it is full, and 1 task(s) go first
         - n1: it is full, and 1 task(s) go first; wait, submit with a higher --priority, or connect more nodes",
    );
}

#[test]
fn views_and_explanations_are_json_for_people() {
    let mut script = Script::new();
    for line in ["submit quorum=3 2", "offer n1 n2,mem=1 n3,refused n4,gone", "n1 0/0=a"] {
        script.input(line);
    }
    let [explanation, view, chunk] = script.json(1, 0);
    let node = &explanation["waiting"][0]["nodes"][2];
    assert_eq!(node["blocker"]["blocker"], "ineligible");
    assert_eq!(node["blocker"]["why"]["why"], "too busy");
    assert_eq!(node["text"], "it refused to quote: too busy");
    assert_eq!(view["status"], "running");
    assert_eq!(view["chunks"]["waiting"], 2);
    assert_eq!(view["workers"][0]["finished"], 1);
    assert_eq!(chunk["replicas"][0]["outcome"]["state"], "voted");
}
