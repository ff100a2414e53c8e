//! The ledger file: torn, changed, forged, and verified by a stranger.

use super::chain::{draft, parts, ran};
use super::{T0, key, node};
use crate::ledger_file::{HEADER_BYTES, encode_record, new_ledger};
use crate::{Chain, Fork, LedgerError, LedgerRecord, LedgerReport, LedgerTail, read_ledger, verify_ledger};
use job_model::sign::Signed;
use job_model::{HalfBlock, MicroCredits, NodeId};

pub struct File {
    pub bytes: Vec<u8>,
    pub tail: LedgerTail,
}

impl File {
    pub fn new(owner: NodeId) -> Self {
        let (bytes, tail) = new_ledger(owner);
        Self { bytes, tail }
    }
    pub fn append(&mut self, record: &LedgerRecord) {
        let (bytes, tail) = encode_record(&self.tail, record);
        self.bytes.extend(bytes);
        self.tail = tail;
    }
    fn of(owner: NodeId, records: &[LedgerRecord]) -> Self {
        let mut file = Self::new(owner);
        records.iter().for_each(|record| file.append(record));
        file
    }
}

/// The records of a requester and a worker after three settlements, the last of them unanswered.
fn two_ledgers() -> (Vec<LedgerRecord>, Vec<LedgerRecord>) {
    let (mut requester, mut worker) = (Chain::new(node(1)), Chain::new(node(2)));
    let (mut ours, mut theirs) = (vec![], vec![]);
    for round in 0..3u32 {
        let proposal = requester.propose(draft(2, round * 5..round * 5 + 5), &key(1), T0);
        ours.push(proposal.record);
        if round < 2 {
            let (half, lines) = parts(&proposal.message);
            let answered = worker.accept_proposal(&key(2), &half, &lines, ran).unwrap();
            theirs.extend(answered.record);
            ours.push(
                requester
                    .accept_answer(&parts(&answered.message).0)
                    .unwrap()
                    .unwrap()
                    .record,
            );
        }
    }
    (ours, theirs)
}

fn verify(owner: u8, records: &[LedgerRecord]) -> LedgerReport {
    verify_ledger(File::of(node(owner), records).bytes.as_slice(), Some(node(owner))).unwrap()
}

#[test]
fn a_sound_ledger_verifies_on_both_sides() {
    let (ours, theirs) = two_ledgers();
    let (requester, worker) = (verify(1, &ours), verify(2, &theirs));
    assert!(requester.is_sound() && worker.is_sound(), "{requester:?} {worker:?}");
    assert_eq!(
        (requester.records, requester.seq, worker.records, worker.seq),
        (5, 3, 2, 2)
    );
    assert_eq!(requester.unanswered, [3]);
    let (at_worker, at_requester) = (worker.peers[&node(1)], requester.peers[&node(2)]);
    assert_eq!(at_worker.earned, at_requester.spent);
    assert_eq!(at_requester.balance, -at_worker.balance - at_requester.unanswered);
    assert_eq!((at_worker.lines, at_worker.settlements), (10, 2));
    assert_eq!(requester.total, at_requester.balance);
}

#[test]
fn a_chain_is_restored_from_its_file() {
    let (ours, theirs) = two_ledgers();
    for (owner, records) in [(1, ours), (2, theirs)] {
        let file = File::of(node(owner), &records);
        let mut chain = Chain::new(node(owner));
        let mut reader = read_ledger(file.bytes.as_slice()).unwrap();
        for record in reader.by_ref() {
            chain.replay(record.unwrap()).unwrap();
        }
        assert_eq!(reader.tail(), file.tail);
        assert_eq!(chain.seq(), if owner == 1 { 3 } else { 2 });
        assert_eq!(chain.unanswered_count(), usize::from(owner == 1));
        assert!(chain.clone().replay(records[0].clone()).is_err(), "no record twice");
        assert!(Chain::new(node(9)).replay(records[0].clone()).is_err(), "nobody else's");
    }
}

#[test]
fn every_torn_end_is_seen_and_cut() {
    let (ours, _) = two_ledgers();
    let whole = File::of(node(1), &ours);
    for length in HEADER_BYTES..whole.bytes.len() {
        let mut reader = read_ledger(&whole.bytes[..length]).unwrap();
        let mut last = None;
        let mut good = 0;
        for record in reader.by_ref() {
            match record {
                Ok(_) => good += 1,
                Err(error) => last = Some(error),
            }
        }
        let tail = reader.tail();
        assert_eq!(tail.records, good);
        match last {
            None => assert_eq!(tail.offset, length as u64),
            Some(LedgerError::Torn { record, offset }) => {
                assert_eq!((record, offset), (good + 1, tail.offset));
                // Truncated there and written again, the file is whole.
                let mut file = File {
                    bytes: whole.bytes[..offset as usize].to_vec(),
                    tail,
                };
                ours[good as usize..].iter().for_each(|record| file.append(record));
                assert_eq!(file.bytes, whole.bytes);
            }
            Some(other) => panic!("{other}"),
        }
        let report = verify_ledger(&whole.bytes[..length], None).unwrap();
        assert_eq!(report.torn_at.is_some(), tail.offset != length as u64);
        assert!(report.is_sound());
    }
    for length in 0..HEADER_BYTES {
        assert!(matches!(read_ledger(&whole.bytes[..length]), Err(LedgerError::TornHeader(got)) if got == length));
    }
}

#[test]
fn zeros_after_a_power_cut_are_a_torn_end() {
    let mut file = File::of(node(1), &two_ledgers().0);
    let whole = file.bytes.len() as u64;
    file.bytes.extend([0; 10_000]);
    assert_eq!(verify_ledger(file.bytes.as_slice(), None).unwrap().torn_at, Some(whole));
}

#[test]
fn every_changed_byte_is_seen() {
    let whole = File::of(node(1), &two_ledgers().0);
    for at in 0..whole.bytes.len() {
        let mut bytes = whole.bytes.clone();
        bytes[at] ^= 0x40;
        match verify_ledger(bytes.as_slice(), Some(node(1))) {
            Err(LedgerError::Magic) => assert!(at < 16),
            Err(other) => panic!("byte {at}: {other}"),
            // A changed length may look like an early end, which is told as such.
            Ok(report) => assert!(!report.is_sound() || report.torn_at.is_some(), "byte {at}"),
        }
    }
}

#[test]
fn one_edited_record_is_named_and_the_rest_is_kept() {
    let (ours, _) = two_ledgers();
    let whole = File::of(node(1), &ours);
    let starts: Vec<usize> = (0..=ours.len())
        .map(|count| File::of(node(1), &ours[..count]).bytes.len())
        .collect();
    for (number, start) in starts.iter().enumerate().take(ours.len()) {
        let mut bytes = whole.bytes.clone();
        // Somewhere inside the body, behind length and chain hash.
        bytes[start + 200] ^= 1;
        let report = verify_ledger(bytes.as_slice(), Some(node(1))).unwrap();
        let named: Vec<&str> = report
            .problems
            .iter()
            .filter(|problem| problem.record == number as u64 + 1)
            .map(|problem| problem.what.as_str())
            .collect();
        assert!(
            named[0].contains(&format!("record {} at byte {start} was changed", number + 1)),
            "{named:?}"
        );
        assert_eq!(report.records, ours.len() as u64, "the records behind it are read");
        assert!(!report.is_sound());
        // A node does not go on behind it.
        let read = read_ledger(bytes.as_slice()).unwrap().filter(Result::is_ok).count();
        assert_eq!(read, number);
    }
    // Cut out of the middle: what follows does not fit what is before.
    let mut cut = whole.bytes.clone();
    cut.drain(starts[1]..starts[2]);
    let report = verify_ledger(cut.as_slice(), Some(node(1))).unwrap();
    assert_eq!(report.problems[0].record, 2, "{:?}", report.problems);
    // A length that is none ends it: nobody knows where the next record begins.
    let mut long = whole.bytes.clone();
    long[starts[1]..starts[1] + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let report = verify_ledger(long.as_slice(), Some(node(1))).unwrap();
    assert_eq!((report.records, report.problem_count), (1, 1));
    assert!(report.problems[0].what.contains("at most 1048576 are allowed"));
}

/// Changes a ledger's records, writes them with correct hashes, and returns what is found.
fn forge(change: impl FnOnce(&mut Vec<LedgerRecord>)) -> Vec<String> {
    let (mut ours, _) = two_ledgers();
    change(&mut ours);
    verify(1, &ours)
        .problems
        .into_iter()
        .map(|problem| format!("record {}: {}", problem.record, problem.what))
        .collect()
}

fn resign(record: &mut LedgerRecord, change: impl FnOnce(&mut HalfBlock)) {
    if let LedgerRecord::Proposed { half, .. } = record {
        let mut block = half.open().unwrap();
        change(&mut block);
        *half = Signed::new(&key(1), &block);
    }
}

#[test]
fn a_forged_ledger_is_found_out() {
    let assert_found = |found: Vec<String>, expected: &str| {
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{found:?} should have {expected:?}"
        );
    };
    assert_found(
        forge(|all| drop(all.remove(0))),
        "record 1: it answers block 1, which is no open proposal",
    );
    assert_found(
        forge(|all| drop(all.remove(0))),
        "record 2: block 2 of the owner's chain stands where block 1 belongs",
    );
    assert_found(
        forge(|all| all.swap(1, 3)),
        "record 2: it answers block 2, which is no open proposal",
    );
    assert_found(forge(|all| all.push(all[1].clone())), "record 6: it answers block 1");
    assert_found(forge(|all| all.push(all[1].clone())), "record 6: block 1 of node ");
    assert_found(
        forge(|all| resign(&mut all[4], |half| half.balance = MicroCredits::ZERO)),
        "record 5: block 3 of node ",
    );
    assert_found(
        forge(|all| resign(&mut all[2], |half| half.settlement.fuel += 1)),
        "record 3: the fuel of the lines",
    );
    let reworded = |all: &mut Vec<LedgerRecord>| {
        if let LedgerRecord::Answered { answer, .. } = &mut all[1] {
            let mut block = answer.open().unwrap();
            block.settlement.fuel += 1;
            *answer = Signed::new(&key(2), &block);
        }
    };
    assert_found(
        forge(reworded),
        "record 2: the answer states another settlement than the proposal",
    );
    let relinked = forge(|all| resign(&mut all[2], |half| half.previous = job_model::BlobHash([1; 32])));
    assert_found(
        relinked.clone(),
        "record 3: block 2 does not link to the block before it",
    );
    assert_found(relinked, "record 4: it answers no proposal");
    let cheaper = |all: &mut Vec<LedgerRecord>| {
        if let LedgerRecord::Proposed { lines, .. } = &mut all[4] {
            lines[0].price -= MicroCredits(1);
        }
    };
    assert_found(forge(cheaper), "record 5: the price of the lines sums to");
    let (ours, _) = two_ledgers();
    let foreign = verify(2, &ours);
    assert!(
        foreign.problems[0].what.starts_with("the block is of node"),
        "{foreign:?}"
    );
    let other = verify_ledger(File::of(node(1), &ours).bytes.as_slice(), Some(node(2))).unwrap();
    assert!(other.problems[0].what.starts_with("the ledger belongs to node"));
}

#[test]
fn fork_records_must_prove_something() {
    let one = Chain::new(node(3)).propose(draft(1, 0..2), &key(3), T0);
    let two = Chain::new(node(3)).propose(draft(1, 2..4), &key(3), T0);
    let (first, second) = (parts(&one.message).0, parts(&two.message).0);
    let proof = LedgerRecord::Fork(Box::new(Fork {
        first: first.clone(),
        second,
    }));
    let report = verify(1, std::slice::from_ref(&proof));
    assert!(report.is_sound());
    assert_eq!(report.forked, [node(3)]);
    let mut chain = Chain::new(node(1));
    chain.replay(proof).unwrap();
    assert_eq!(chain.forks().count(), 1, "a ban survives a restart");
    let empty = LedgerRecord::Fork(Box::new(Fork {
        first: first.clone(),
        second: first,
    }));
    assert_eq!(verify(1, &[empty]).problem_count, 1);
}

#[test]
fn a_worker_that_signs_two_blocks_at_one_position_is_found_by_its_requester() {
    let mut requester = Chain::new(node(1));
    let (mut worker, mut twin) = (Chain::new(node(2)), Chain::new(node(2)));
    let mut records = vec![];
    for round in 0..2u32 {
        let proposal = requester.propose(draft(2, round * 5..round * 5 + 5), &key(1), T0);
        let (half, lines) = parts(&proposal.message);
        let signer = if round == 0 { &mut worker } else { &mut twin };
        let answered = signer.accept_proposal(&key(2), &half, &lines, ran).unwrap();
        let (answer, _) = parts(&answered.message);
        records.push(proposal.record);
        records.push(LedgerRecord::Answered {
            proposal: u64::from(round) + 1,
            answer,
        });
    }
    let report = verify(1, &records);
    assert_eq!(report.forked, [node(2)]);
    assert!(
        report
            .problems
            .iter()
            .any(|problem| problem.record == 4 && problem.what.contains("has forked its chain"))
    );
}
