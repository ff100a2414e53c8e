//! Half blocks: what is proposed, what is refused and why, and how a fork shows.

use super::{JOB, RATES, T0, TASK, key, node, usage};
use crate::checks::half_hash;
use crate::{Answered, Chain, Fork, Proposal, Ran, SettleError, SettlementDraft};
use job_model::receipt::{ReplicaVerdict, lines_root};
use job_model::sign::Signed;
use job_model::{
    BlobHash, Event, HalfBlock, Message, MicroCredits, Outcome, Output, ProfileId, ReceiptLine, TaskId, VoteKey,
};

pub fn vote() -> VoteKey {
    Outcome::Value(Output::Inline(b"true".to_vec())).vote().unwrap()
}

/// What the worker of these tests ran: every replica, with the same usage.
pub fn ran(_: &TaskId, _: u32, _: u32) -> Option<Ran> {
    Ran::new(
        &Outcome::Value(Output::Inline(b"true".to_vec())),
        &usage(1_000_000_000),
        &RATES,
    )
}

pub fn line(chunk: u32, verdict: ReplicaVerdict) -> ReceiptLine {
    let used = usage(1_000_000_000);
    let price = if matches!(verdict, ReplicaVerdict::Accepted) {
        RATES.price(&used)
    } else {
        MicroCredits::ZERO
    };
    ReceiptLine {
        chunk,
        attempt: 0,
        vote: vote(),
        fuel: used.fuel,
        bytes: 1010,
        price,
        verdict,
    }
}

pub fn draft(worker: u8, chunks: std::ops::Range<u32>) -> SettlementDraft {
    let lines = chunks
        .map(|chunk| {
            line(
                chunk,
                if chunk % 5 == 4 {
                    ReplicaVerdict::Wrong
                } else {
                    ReplicaVerdict::Accepted
                },
            )
        })
        .collect();
    SettlementDraft {
        worker: node(worker),
        task: TASK,
        job: JOB,
        profile: ProfileId([3; 32]),
        quote: 7,
        lines,
    }
}

pub fn parts(message: &Message) -> (Signed<HalfBlock>, Vec<ReceiptLine>) {
    match message {
        Message::Settle { half, lines } => (Signed::clone(half), lines.clone()),
        Message::Settled { half } => (Signed::clone(half), vec![]),
        other => panic!("{other:?}"),
    }
}

fn propose(chain: &mut Chain, chunks: std::ops::Range<u32>) -> (Proposal, Signed<HalfBlock>, Vec<ReceiptLine>) {
    let proposal = chain.propose(draft(2, chunks), &key(1), T0);
    let (half, lines) = parts(&proposal.message);
    (proposal, half, lines)
}

fn accept(chain: &mut Chain, half: &Signed<HalfBlock>, lines: &[ReceiptLine]) -> Result<Answered, SettleError> {
    chain.accept_proposal(&key(2), half, lines, ran)
}

#[test]
fn both_sides_end_equal_and_opposite() {
    let (mut requester, mut worker) = (Chain::new(node(1)), Chain::new(node(2)));
    for round in 0..3 {
        let (proposal, half, lines) = propose(&mut requester, round * 10..round * 10 + 10);
        let answered = accept(&mut worker, &half, &lines).unwrap();
        let again = accept(&mut worker, &half, &lines).unwrap();
        assert_eq!(again.message, answered.message, "the same proposal, the same answer");
        assert_eq!((again.record, again.event), (None, None));
        let (answer, _) = parts(&answered.message);
        let closed = requester.accept_answer(&answer).unwrap().unwrap();
        assert_eq!(
            requester.accept_answer(&answer),
            Ok(None),
            "the same answer closes nothing twice"
        );
        let amount = half.open().unwrap().settlement.amount;
        assert_eq!(
            closed.event,
            Event::SettlementSigned {
                peer: node(2),
                seq: u64::from(round) + 1,
                amount: -amount,
                fee: None,
            }
        );
        assert_eq!(
            answered.event,
            Some(Event::SettlementSigned {
                peer: node(1),
                seq: u64::from(round) + 1,
                amount,
                fee: None,
            })
        );
        assert!(matches!(proposal.event, Event::SettlementProposed { lines: 10, .. }));
    }
    assert!(requester.balance(&node(2)) < MicroCredits::ZERO);
    assert_eq!(requester.balance(&node(2)), -worker.balance(&node(1)));
    assert_eq!(requester.unanswered_count(), 0);
}

#[test]
fn a_proposal_is_sent_again_until_it_is_answered() {
    let (mut requester, mut worker) = (Chain::new(node(1)), Chain::new(node(2)));
    let (first, ..) = propose(&mut requester, 0..3);
    let (second, half, lines) = propose(&mut requester, 3..6);
    assert_eq!(
        requester.unanswered(&node(2)),
        vec![first.message.clone(), second.message]
    );
    assert!(requester.unanswered(&node(3)).is_empty());
    // The later one first: the order of arrival does not matter.
    let (answer, _) = parts(&accept(&mut worker, &half, &lines).unwrap().message);
    requester.accept_answer(&answer).unwrap().unwrap();
    assert_eq!(requester.unanswered(&node(2)), vec![first.message.clone()]);
    let (half, lines) = parts(&first.message);
    let (answer, _) = parts(&accept(&mut worker, &half, &lines).unwrap().message);
    requester.accept_answer(&answer).unwrap().unwrap();
    assert_eq!(requester.balance(&node(2)), -worker.balance(&node(1)));
}

/// Rewrites a proposal and signs it anew, then shows it to a fresh worker.
fn check(change: impl FnOnce(&mut HalfBlock, &mut Vec<ReceiptLine>)) -> SettleError {
    let (_, half, mut lines) = propose(&mut Chain::new(node(1)), 0..5);
    let mut half = half.open().unwrap();
    change(&mut half, &mut lines);
    let mut worker = Chain::new(node(2));
    let refused = accept(&mut worker, &Signed::new(&key(1), &half), &lines).unwrap_err();
    assert_eq!(worker.seq(), 0, "nothing is signed");
    refused
}

/// Makes root, sums and balance fit the lines again.
fn resum(half: &mut HalfBlock, lines: &[ReceiptLine]) {
    half.settlement.lines_root = lines_root(lines);
    half.settlement.lines = lines.len() as u32;
    half.settlement.fuel = lines.iter().map(|line| line.fuel).sum();
    half.settlement.amount = lines.iter().map(|line| line.price).sum();
    half.balance = -half.settlement.amount;
}

#[test]
fn a_wrong_proposal_is_refused_for_its_reason() {
    let text = |change: fn(&mut HalfBlock, &mut Vec<ReceiptLine>)| check(change).to_string();
    let refusals = [
        text(|half, _| half.peer = node(3)),
        text(|half, _| half.author = node(3)),
        text(|half, _| half.seq = 0),
        text(|half, _| half.settlement.worker = node(3)),
        text(|half, _| half.answers = BlobHash([1; 32])),
        text(|half, _| half.balance = MicroCredits(7)),
        text(|half, _| half.settlement.lines = 4),
        text(|_, lines| lines[0].bytes += 1),
        text(|half, _| {
            half.settlement.amount += MicroCredits(1);
            half.balance -= MicroCredits(1);
        }),
        text(|half, _| half.settlement.fuel += 1),
        text(|half, lines| {
            lines[1].chunk = 0;
            resum(half, lines);
        }),
        text(|half, lines| {
            lines[4].price = MicroCredits(5);
            resum(half, lines);
        }),
        text(|half, lines| {
            lines[2].vote = VoteKey(BlobHash([1; 32]));
            resum(half, lines);
        }),
        text(|half, lines| {
            lines[3].price -= MicroCredits(1);
            resum(half, lines);
        }),
        text(|half, lines| {
            *lines = (0..1025).map(|chunk| line(chunk, ReplicaVerdict::Accepted)).collect();
            resum(half, lines);
        }),
    ];
    let expected = [
        "it is addressed to node ",
        "signed a half block of node ",
        "positions in a chain count from 1",
        "does not name them as the settlement's two sides",
        "it is not a proposal",
        "states a balance of 0.000007 credits",
        "the settlement states 4 lines, 5 came with it",
        "the Merkle root of the lines is ",
        "the price of the lines sums to ",
        "the fuel of the lines sums to 5000000000, the settlement states 5000000001",
        "chunk 0 attempt 0 has two lines",
        "chunk 4 attempt 0 is judged wrong and priced 0.000005",
        "chunk 2 attempt 0 is listed with another result",
        "chunk 3 attempt 0 is paid ",
        "1025 lines, at most 1024 are allowed",
    ];
    for (refusal, expected) in refusals.iter().zip(expected) {
        assert!(refusal.contains(expected), "{refusal:?} should contain {expected:?}");
    }
}

#[test]
fn a_replica_that_never_ran_is_not_signed_for() {
    let (_, half, lines) = propose(&mut Chain::new(node(1)), 0..5);
    let mut worker = Chain::new(node(2));
    let known = |task: &TaskId, chunk: u32, attempt: u32| ran(task, chunk, attempt).filter(|_| chunk != 3);
    let refused = worker.accept_proposal(&key(2), &half, &lines, known).unwrap_err();
    assert_eq!(
        refused,
        SettleError::Unknown {
            task: TASK,
            chunk: 3,
            attempt: 0
        }
    );
    assert!(
        accept(&mut worker, &half, &lines).is_ok(),
        "a refusal is not for ever: the node may find its memory"
    );
}

#[test]
fn a_wrong_signature_is_refused() {
    let (_, half, lines) = propose(&mut Chain::new(node(1)), 0..5);
    let mut bytes = job_model::codec::encode(&half);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let forged: Signed<HalfBlock> = job_model::codec::decode(&bytes, 4096).unwrap();
    let refused = accept(&mut Chain::new(node(2)), &forged, &lines).unwrap_err();
    assert!(matches!(refused, SettleError::Signature(_)), "{refused:?}");
}

#[test]
fn a_fork_is_proven_and_banned() {
    let mut honest = Chain::new(node(1));
    let mut twin = honest.clone();
    let (_, half, lines) = propose(&mut honest, 0..5);
    let (_, other, other_lines) = propose(&mut twin, 5..10);
    let mut worker = Chain::new(node(2));
    accept(&mut worker, &half, &lines).unwrap();
    let SettleError::Fork(fork) = accept(&mut worker, &other, &other_lines).unwrap_err() else {
        panic!()
    };
    assert_eq!(fork.author(), Ok(Some(node(1))), "anybody can check it");
    assert_eq!(worker.forks().map(|(node, _)| *node).collect::<Vec<_>>(), [node(1)]);
    let (_, next, next_lines) = propose(&mut honest, 10..12);
    assert_eq!(
        accept(&mut worker, &next, &next_lines),
        Err(SettleError::Banned(node(1)))
    );
    let nothing = Fork {
        first: half.clone(),
        second: half,
    };
    assert_eq!(nothing.author(), Ok(None), "one block proves nothing");
}

#[test]
fn a_rewritten_past_is_a_fork() {
    let mut honest = Chain::new(node(1));
    let (_, first, first_lines) = propose(&mut honest, 0..5);
    let (_, second, second_lines) = propose(&mut honest, 5..10);
    let mut rewritten = Chain::new(node(1));
    propose(&mut rewritten, 20..23);
    let (_, other_second, other_lines) = propose(&mut rewritten, 5..10);
    let mut worker = Chain::new(node(2));
    accept(&mut worker, &first, &first_lines).unwrap();
    let SettleError::Fork(fork) = accept(&mut worker, &other_second, &other_lines).unwrap_err() else {
        panic!()
    };
    assert_eq!(fork.author(), Ok(Some(node(1))));
    // The same the other way round: the later block came first.
    let mut worker = Chain::new(node(2));
    accept(&mut worker, &second, &second_lines).unwrap();
    let (_, other_first, other_lines) = propose(&mut Chain::new(node(1)), 20..23);
    let SettleError::Fork(fork) = accept(&mut worker, &other_first, &other_lines).unwrap_err() else {
        panic!()
    };
    assert_eq!(fork.author(), Ok(Some(node(1))));
}

#[test]
fn an_answer_must_fit_its_proposal() {
    let (mut requester, mut worker) = (Chain::new(node(1)), Chain::new(node(2)));
    let (_, half, lines) = propose(&mut requester, 0..5);
    let (answer, _) = parts(&accept(&mut worker, &half, &lines).unwrap().message);
    let forged = |change: fn(&mut HalfBlock), seed: u8| {
        let mut half = answer.open().unwrap();
        change(&mut half);
        Signed::new(&key(seed), &half)
    };
    let mut refuse = |answer: &Signed<HalfBlock>| requester.accept_answer(answer).unwrap_err();
    assert_eq!(
        refuse(&forged(|half| half.answers = BlobHash([9; 32]), 2)),
        SettleError::NotProposed
    );
    assert_eq!(
        refuse(&forged(|half| half.settlement.fuel += 1, 2)),
        SettleError::Differs
    );
    assert_eq!(
        refuse(&forged(|half| half.peer = node(4), 2)),
        SettleError::NotForMe(node(4))
    );
    assert!(matches!(refuse(&forged(|_| {}, 3)), SettleError::Signer { .. }));
    assert!(matches!(
        refuse(&forged(|half| half.author = node(3), 3)),
        SettleError::Sides { .. }
    ));
    assert!(matches!(
        refuse(&forged(|half| half.balance = MicroCredits(1), 2)),
        SettleError::Balance { .. }
    ));
    assert!(
        requester.accept_answer(&answer).unwrap().is_some(),
        "the true one still counts"
    );
}

#[test]
fn the_hash_covers_the_signature() {
    let (_, half, _) = propose(&mut Chain::new(node(1)), 0..1);
    assert_eq!(half_hash(&half), BlobHash::of(&job_model::codec::encode(&half)));
}
