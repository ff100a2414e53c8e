//! Golden bytes of the ledger file, version 1: old files must stay readable for ever.

use super::chain::{draft, parts, ran};
use super::ledger::File;
use super::{T0, key, node};
use crate::{Chain, Fork, LedgerRecord, read_ledger};
use job_model::BlobHash;

/// One record of every kind, as node 1 would write them.
fn sample() -> (File, Vec<LedgerRecord>) {
    let (mut one, mut two) = (Chain::new(node(1)), Chain::new(node(2)));
    let proposal = one.propose(draft(2, 0..5), &key(1), T0);
    let (half, lines) = parts(&proposal.message);
    let answered = two.accept_proposal(&key(2), &half, &lines, ran).unwrap();
    let closed = one.accept_answer(&parts(&answered.message).0).unwrap().unwrap();
    let back = two.propose(draft(1, 7..9), &key(2), T0);
    let (half, lines) = parts(&back.message);
    let countersigned = one.accept_proposal(&key(1), &half, &lines, ran).unwrap();
    let second = Chain::new(node(2)).propose(draft(1, 0..1), &key(2), T0);
    let fork = Fork {
        first: half,
        second: parts(&second.message).0,
    };
    let mut records = vec![proposal.record, closed.record];
    records.extend(countersigned.record);
    records.push(LedgerRecord::Fork(Box::new(fork)));
    let mut file = File::new(node(1));
    records.iter().for_each(|record| file.append(record));
    (file, records)
}

#[test]
fn the_format_of_version_1_is_unchanged() {
    let (file, records) = sample();
    let read: Vec<LedgerRecord> = read_ledger(file.bytes.as_slice())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read, records);
    assert_eq!(&file.bytes[..16], b"p2pjob-ledger-1\n");
    assert_eq!(file.bytes[16..48], node(1).0);
    assert_eq!(
        (file.bytes.len(), BlobHash::of(&file.bytes).to_string()),
        (LENGTH, HASH.to_owned())
    );
}

const LENGTH: usize = 4696;
const HASH: &str = "b868f6aaa64b7f3799849311a1f49a3eb9d6a4195f9141071cbadcad40ec4ccd";
