//! The law of money, from outside: when everything is settled, what one node has gained another has lost, to the last
//! millionth, and each ledger file proves it offline.

use crate::node::Node;
use crate::report::Report;
use crate::{PATIENCE, wait_until};
use job_model::NodeId;
use market::verify_ledger;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;

/// What every node starts with, in millionths of a credit (`credits.initial` of the configuration).
const INITIAL: i64 = 100_000_000;

/// Waits until nothing is held or unanswered, then checks balances pair by pair, every ledger file offline, and that each
/// node's own books agree. The nodes must all run.
#[track_caller]
pub fn check_settled(nodes: &[Node]) {
    let reports = wait_until("all dealings are settled on both sides", PATIENCE, || {
        let reports: Vec<Report> = nodes.iter().map(|node| node.ask(&["ledger"])).collect();
        match unsettled(&reports) {
            None => Ok(reports),
            Some(what) => Err(what),
        }
    });
    let kept = |report: &Report| report.number("balance") - INITIAL + report.number("burned");
    let gained: i64 = reports.iter().map(kept).sum();
    assert_eq!(gained, 0, "credits came from nowhere or went nowhere: {reports:?}");
    for (node, report) in nodes.iter().zip(&reports) {
        check_file(node, report);
        check_doctor(node);
    }
}

/// What is still on its way, if anything is.
fn unsettled(reports: &[Report]) -> Option<String> {
    let mut balances: BTreeMap<(String, String), i64> = BTreeMap::new();
    for report in reports {
        for row in report.list("rows") {
            if row.number("held") != 0 || row.number("unanswered") != 0 {
                return Some(format!("node {}: {row}", report.text("owner")));
            }
            let pair = (report.text("owner").to_owned(), row.text("peer").to_owned());
            balances.insert(pair, row.number("balance"));
        }
    }
    let of = |a: &String, b: &String| balances.get(&(a.clone(), b.clone())).copied().unwrap_or(0);
    balances
        .keys()
        .find(|(a, b)| of(a, b) != -of(b, a))
        .map(|(a, b)| format!("{a} has {} with {b}, which has {} with it", of(a, b), of(b, a)))
}

fn check_file(node: &Node, report: &Report) {
    let path = report.text("file");
    let file = File::open(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let checked =
        verify_ledger(BufReader::new(file), Some(node.id())).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(checked.is_sound(), "{path}: {:?}", checked.problems);
    assert_eq!(
        checked.total.0,
        report.number("balance") - INITIAL + report.number("burned"),
        "{path} and the node disagree"
    );
    let in_file: BTreeMap<NodeId, i64> = checked
        .peers
        .iter()
        .map(|(peer, sums)| (*peer, sums.balance.0))
        .collect();
    for row in report.list("rows") {
        let peer: NodeId = row.text("peer").parse().expect("a node id");
        assert_eq!(
            in_file.get(&peer).copied().unwrap_or(0),
            row.number("balance"),
            "{path} and the node disagree: {row}"
        );
    }
}

fn check_doctor(node: &Node) {
    let run = node.run(&["doctor"]);
    // Whatever else it finds on this machine is not this test's matter.
    let findings = run.report(run.code).list("findings");
    let books: Vec<&Report> = findings
        .iter()
        .filter(|finding| finding.text("check") == "ledger")
        .collect();
    assert!(
        !books.is_empty() && books.iter().all(|finding| finding.text("level") == "ok"),
        "{run}"
    );
}
