//! Hold, post, void and what people see of it.

use super::{JOB, RATES, Requester, T0, TASK, no_verdict, node, quote, result, usage};
use crate::{LINES_PER_SETTLEMENT, QuoteAsk, QuoteError, ReputationLevel, SETTLE_AFTER_MS, UNKNOWN_JOB_USAGE};
use job_model::receipt::ReplicaVerdict::{Accepted, Late, Undecided, Wrong};
use job_model::{Event, JobId, LossReason, MicroCredits, Priority, ProfileId, TaskFailure};

fn price(fuel: u64) -> MicroCredits {
    RATES.price(&usage(fuel))
}

#[test]
fn accepted_replicas_are_paid_and_the_rest_of_the_hold_comes_back() {
    let mut requester = Requester::with_workers(&[2, 3]);
    requester.assign(2, 50_000, &[(0, 0)]);
    requester.assign(3, 50_000, &[(0, 1)]);
    assert_eq!(requester.market.balance().held, MicroCredits(100_000));
    assert_eq!(
        requester.market.credit_left(&node(2)),
        MicroCredits::credits(100) - MicroCredits(50_000)
    );
    requester.finish(2, vec![result(0, 0, "a", 1_000_000_000)]);
    requester.finish(3, vec![result(0, 1, "a", 1_000_000_000)]);
    requester.verify(0, &[(0, 2, Accepted), (1, 3, Accepted)]);
    let balance = requester.market.balance();
    assert_eq!(balance.held, MicroCredits::ZERO);
    assert_eq!(balance.spent, price(1_000_000_000) + price(1_000_000_000));
    assert_eq!(balance.balance, MicroCredits::credits(100) - balance.spent);
    assert_eq!(balance.unsettled, balance.spent);
    assert_eq!(requester.posted().len(), 1);
    assert_eq!(
        requester.market.credit_left(&node(2)),
        MicroCredits::credits(100) - price(1_000_000_000)
    );
}

#[test]
fn a_liar_is_not_paid() {
    let mut requester = Requester::with_workers(&[2, 3, 4]);
    for (attempt, worker) in [(0, 2), (1, 3), (2, 4)] {
        requester.assign(worker, 9, &[(0, attempt)]);
        requester.finish(
            worker,
            vec![result(0, attempt, if worker == 4 { "lie" } else { "true" }, 1000)],
        );
    }
    requester.verify(0, &[(0, 2, Accepted), (1, 3, Accepted), (2, 4, Wrong)]);
    let rows = requester.market.ledger();
    let row = |seed| rows.iter().find(|row| row.peer == node(seed)).unwrap();
    assert_eq!(row(4).spent, MicroCredits::ZERO);
    assert_eq!(row(2).spent, price(1000));
    assert_eq!(requester.market.level(&node(4)), ReputationLevel::Terrible);
    requester.flush(true);
    let draft = requester.drafts.iter().find(|draft| draft.worker == node(4)).unwrap();
    assert_eq!(
        (draft.lines[0].price, draft.lines[0].verdict),
        (MicroCredits::ZERO, Wrong)
    );
}

#[test]
fn who_claims_more_than_the_majority_is_paid_what_the_majority_used() {
    let mut requester = Requester::with_workers(&[2, 3, 4]);
    for (attempt, worker, fuel) in [(0, 2, 1000), (1, 3, 1000), (2, 4, 900_000_000_000)] {
        requester.assign(worker, 9, &[(0, attempt)]);
        requester.finish(worker, vec![result(0, attempt, "a", fuel)]);
    }
    requester.verify(0, &[(0, 2, Accepted), (1, 3, Accepted), (2, 4, Accepted)]);
    assert!(requester.market.ledger().iter().all(|row| row.spent == price(1000)));
    // Of two, the cheaper one is believed.
    requester.assign(2, 9, &[(1, 0)]);
    requester.assign(4, 9, &[(1, 1)]);
    requester.finish(2, vec![result(1, 0, "a", 7_000_000_000)]);
    requester.finish(4, vec![result(1, 1, "a", 9_000_000_000)]);
    requester.verify(1, &[(1, 4, Accepted), (0, 2, Accepted)]);
    assert_eq!(
        requester.market.balance().spent,
        price(1000) + price(1000) + price(1000) + price(7_000_000_000) + price(7_000_000_000)
    );
}

#[test]
fn a_claim_above_the_sandbox_limit_is_not_paid() {
    let mut requester = Requester::with_workers(&[2]);
    requester.assign(2, 9, &[(0, 0)]);
    let mut lie = result(0, 0, "a", u64::MAX);
    lie.usage.memory_bytes = u64::MAX;
    lie.usage.output_bytes = u64::MAX;
    requester.finish(2, vec![lie]);
    requester.verify(0, &[(0, 2, Accepted)]);
    let limits = super::spec().requirements;
    let most = job_model::Usage {
        fuel: limits.fuel,
        memory_bytes: limits.memory_bytes,
        output_bytes: limits.output_bytes,
        ..usage(0)
    };
    assert_eq!(requester.market.balance().spent, RATES.price(&most));
}

#[test]
fn a_late_replica_is_paid_what_was_agreed() {
    let mut requester = Requester::with_workers(&[2, 3, 4]);
    for (attempt, worker) in [(0, 2), (1, 3), (2, 4)] {
        requester.assign(worker, 9, &[(0, attempt)]);
    }
    requester.finish(2, vec![result(0, 0, "a", 1000)]);
    requester.finish(3, vec![result(0, 1, "a", 1000)]);
    requester.verify(0, &[(0, 2, Accepted), (1, 3, Accepted)]);
    assert_eq!(requester.market.balance().held, MicroCredits(9));
    requester.finish(4, vec![result(0, 2, "a", 5_000_000_000)]);
    requester.verify(0, &[(2, 4, Late)]);
    assert!(requester.market.ledger().iter().all(|row| row.spent == price(1000)));
    assert_eq!(requester.market.balance().held, MicroCredits::ZERO);
}

#[test]
fn a_result_that_was_given_up_and_counts_all_the_same_is_paid() {
    let mut requester = Requester::with_workers(&[2, 3]);
    requester.assign(2, 10, &[(0, 0)]);
    requester.lose(2, &[(0, 0)]);
    assert_eq!(
        requester.market.balance().held,
        MicroCredits::ZERO,
        "nothing is held for it"
    );
    requester.assign(3, 10, &[(0, 1)]);
    requester.finish(2, vec![result(0, 0, "a", 1000)]);
    requester.finish(3, vec![result(0, 1, "a", 1000)]);
    requester.verify(0, &[(0, 2, Accepted), (1, 3, Accepted)]);
    assert!(requester.market.ledger().iter().all(|row| row.spent == price(1000)));
    assert_eq!(requester.market.balance().held, MicroCredits::ZERO);
}

#[test]
fn what_was_taken_back_is_not_paid() {
    let mut requester = Requester::with_workers(&[2]);
    requester.assign(2, 10, &[(0, 0)]);
    requester.tell(Event::ReplicasLost {
        task: TASK,
        worker: node(2),
        why: LossReason::Superseded,
        replicas: vec![(0, 0)],
    });
    requester.finish(2, vec![result(0, 0, "a", 1000)]);
    requester.verify(0, &[(0, 2, Accepted)]);
    assert_eq!(requester.market.balance().spent, MicroCredits::ZERO);
}

#[test]
fn what_brings_nothing_costs_nothing() {
    let mut requester = Requester::with_workers(&[2, 3]);
    requester.assign(2, 10, &[(0, 0), (1, 0), (2, 0), (3, 0)]);
    requester.lose(2, &[(0, 0)]);
    requester.lose(2, &[(0, 0)]);
    requester.lose(3, &[(1, 0)]);
    assert_eq!(
        requester.market.balance().held,
        MicroCredits(30),
        "only its own replica, only once"
    );
    requester.finish(2, vec![no_verdict(1, 0), no_verdict(1, 0)]);
    assert_eq!(requester.market.balance().held, MicroCredits(20));
    requester.verify(1, &[(0, 2, Undecided)]);
    assert!(requester.posted().is_empty(), "its credits were back already");
    requester.finish(2, vec![result(2, 0, "a", 1000)]);
    requester.verify(2, &[(0, 2, Undecided)]);
    assert_eq!(requester.posted().len(), 1);
    requester.tell(Event::TaskCancelled {
        task: TASK,
        reason: "enough".to_owned(),
    });
    let balance = requester.market.balance();
    assert_eq!((balance.held, balance.spent), (MicroCredits::ZERO, MicroCredits::ZERO));
    assert_eq!(balance.balance, MicroCredits::credits(100));
}

#[test]
fn a_node_does_not_pay_itself() {
    let mut requester = Requester::with_workers(&[1]);
    requester.assign(1, 10, &[(0, 0)]);
    requester.finish(1, vec![result(0, 0, "a", 1000)]);
    requester.verify(0, &[(0, 1, Accepted)]);
    requester.flush(true);
    assert!(requester.market.ledger().is_empty());
    assert!(requester.drafts.is_empty());
}

#[test]
fn events_that_come_twice_count_once() {
    let mut requester = Requester::with_workers(&[2]);
    requester.assign(2, 10, &[(0, 0)]);
    requester.assign(2, 10, &[(0, 0)]);
    assert_eq!(requester.market.balance().held, MicroCredits(10));
    requester.finish(2, vec![result(0, 0, "a", 1000)]);
    requester.finish(2, vec![result(0, 0, "b", 9_000_000_000), no_verdict(0, 0)]);
    requester.verify(0, &[(0, 2, Accepted)]);
    requester.verify(0, &[(0, 2, Accepted)]);
    assert_eq!(requester.market.balance().spent, price(1000));
    requester.tell(Event::CreditsPosted {
        task: TASK,
        postings: vec![],
    });
    assert_eq!(requester.market.balance().spent, price(1000));
}

#[test]
fn batches_fill_age_or_end_with_their_task() {
    let mut requester = Requester::with_workers(&[2]);
    let count = LINES_PER_SETTLEMENT as u32 + 10;
    for chunk in 0..count {
        requester.assign(2, 1, &[(chunk, 0)]);
        requester.finish(2, vec![result(chunk, 0, "a", 1000)]);
        requester.verify(chunk, &[(0, 2, Accepted)]);
    }
    assert_eq!(requester.drafts.len(), 1, "one full batch");
    assert_eq!(requester.drafts[0].lines.len(), LINES_PER_SETTLEMENT);
    requester.flush(false);
    assert_eq!(requester.drafts.len(), 1, "ten lines wait");
    requester.now = T0.plus(SETTLE_AFTER_MS);
    requester.flush(false);
    assert_eq!(requester.drafts.len(), 2);
    assert_eq!(requester.drafts[1].lines.len(), 10);
    requester.flush(true);
    assert_eq!(requester.drafts.len(), 2, "nothing is proposed twice");
    requester.assign(2, 1, &[(count, 0)]);
    requester.finish(2, vec![result(count, 0, "a", 1000)]);
    requester.verify(count, &[(0, 2, Accepted)]);
    requester.tell(Event::TaskFailed {
        task: TASK,
        failure: TaskFailure::Internal("x".to_owned()),
    });
    assert_eq!(requester.drafts.len(), 3, "the task is over");
}

#[test]
fn a_crash_before_posting_posts_after_replay() {
    let mut requester = Requester::with_workers(&[2]);
    requester.assign(2, 10, &[(0, 0)]);
    requester.finish(2, vec![result(0, 0, "a", 1000)]);
    requester.verify(0, &[(0, 2, Accepted)]);
    let before = requester.market.balance();
    assert!(matches!(
        requester.journal.pop(),
        Some((Event::CreditsPosted { .. }, _))
    ));
    requester.market = requester.replayed();
    assert_ne!(requester.market.balance(), before);
    requester.flush(false);
    assert_eq!(requester.market.balance(), before);
    requester.flush(false);
    assert_eq!(requester.posted().len(), 1);
}

#[test]
fn estimates_follow_what_was_seen() {
    let mut requester = Requester::with_workers(&[2]);
    let market = &requester.market;
    assert_eq!(market.expected_price(&JOB, &RATES), RATES.price(&UNKNOWN_JOB_USAGE));
    assert_eq!(
        market.estimate_hold(&JOB, &RATES).0,
        2 * market.expected_price(&JOB, &RATES).0
    );
    for chunk in 0..100 {
        requester.assign(2, 10, &[(chunk, 0)]);
        requester.finish(2, vec![result(chunk, 0, "a", 5_000_000)]);
        requester.verify(chunk, &[(0, 2, Accepted)]);
    }
    assert_eq!(requester.market.expected_usage(&JOB).fuel, 5_000_000);
    for chunk in 100..300 {
        requester.assign(2, 10, &[(chunk, 0)]);
        requester.finish(2, vec![result(chunk, 0, "a", 1000)]);
        requester.verify(chunk, &[(0, 2, Accepted)]);
    }
    let fuel = requester.market.expected_usage(&JOB).fuel;
    assert!((1000..1100).contains(&fuel), "{fuel}");
    assert_eq!(requester.market.expected_usage(&JobId([9; 32])), UNKNOWN_JOB_USAGE);
    assert_eq!(requester.market.level(&node(2)), ReputationLevel::Good);
    requester.tell(Event::NodeDistrusted {
        node: node(2),
        task: TASK,
        chunk: 3,
    });
    assert_eq!(requester.market.level(&node(2)), ReputationLevel::Terrible);
}

#[test]
fn quotes_hold_for_whom_they_were_given() {
    let mut market = Requester::new().market;
    let ask = QuoteAsk {
        requester: node(5),
        job: JOB,
        priority: Priority::High,
        profile: ProfileId([3; 32]),
        slots: 2,
    };
    let first = market.issue_quote(&ask, T0);
    let second = market.issue_quote(&ask, T0);
    assert!(second.number > first.number);
    assert_eq!(first.rates.cpu, MicroCredits(15_000));
    assert_eq!(
        market.issued_rates(&node(5), &JOB, first.number, T0.plus(60_000)),
        Ok(first.rates)
    );
    assert_eq!(
        market.issued_rates(&node(6), &JOB, first.number, T0),
        Err(QuoteError::Other(first.number))
    );
    assert_eq!(
        market.issued_rates(&node(5), &JOB, first.number, T0.plus(70_000)),
        Err(QuoteError::Expired(first.number))
    );
    assert_eq!(market.issued_rates(&node(5), &JOB, 1, T0), Err(QuoteError::Unknown(1)));
    let mut restarted = Requester::new().market;
    assert!(
        restarted.issue_quote(&ask, T0.plus(1000)).number > second.number,
        "numbers grow over restarts"
    );
    let received = quote(node(2), node(1), 7);
    market.apply(
        &Event::QuoteReceived {
            quote: Box::new(received.clone()),
        },
        T0,
    );
    assert_eq!(market.quote_rates(&node(2), 7), Some(received.rates));
    assert_eq!(market.quote_rates(&node(2), 8), None);
}

#[test]
fn postings_pair_with_verdicts_however_they_interleave() {
    use crate::{MarketInput, MarketOutput};
    use job_model::event::ChunkVerdict;
    let mut requester = Requester::with_workers(&[2]);
    requester.assign(2, 10, &[(0, 0), (1, 0)]);
    requester.finish(2, vec![result(0, 0, "a", 1000), result(1, 0, "a", 9_000_000_000)]);
    let verified = [0, 1].map(|chunk| {
        let verdict = ChunkVerdict {
            chunk,
            winner: 0,
            replicas: vec![(0, node(2), Accepted)],
        };
        Event::ChunksVerified {
            task: TASK,
            verdicts: vec![verdict],
        }
    });
    // Both verdicts are applied before the market is asked, and it is asked twice before it is obeyed.
    let market = &mut requester.market;
    verified.iter().for_each(|event| market.apply(event, T0));
    let mut out = vec![];
    verified
        .iter()
        .for_each(|event| market.handle(MarketInput::Applied(event), T0, &mut out));
    market.handle(MarketInput::FlushSettlements { force: false }, T0, &mut out);
    let amounts: Vec<MicroCredits> = out
        .iter()
        .map(|output| match output {
            MarketOutput::Event(Event::CreditsPosted { postings, .. }) => postings[0].amount,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        amounts,
        [price(1000), price(9_000_000_000)],
        "one posting for each verdict"
    );
    for output in out {
        if let MarketOutput::Event(event) = output {
            market.apply(&event, T0);
            market.check_invariants().unwrap();
        }
    }
    assert_eq!(market.balance().spent, price(1000) + price(9_000_000_000));
    assert_eq!(market.balance().held, MicroCredits::ZERO);
}

#[test]
fn a_settlement_is_booked_once() {
    let mut market = Requester::new().market;
    let earned = Event::SettlementSigned {
        peer: node(2),
        seq: 1,
        amount: MicroCredits(30),
        fee: None,
    };
    market.apply(&earned, T0);
    market.apply(&earned, T0);
    market.check_invariants().unwrap();
    assert_eq!(market.balance().earned, MicroCredits(30));
    let mut requester = Requester::with_workers(&[2]);
    requester.assign(2, 10, &[(0, 0)]);
    requester.finish(2, vec![result(0, 0, "a", 1000)]);
    requester.verify(0, &[(0, 2, Accepted)]);
    let proposed = Event::SettlementProposed {
        worker: node(2),
        seq: 1,
        task: TASK,
        quote: 7,
        lines: 1,
    };
    let signed = Event::SettlementSigned {
        peer: node(2),
        seq: 1,
        amount: -price(1000),
        fee: None,
    };
    for event in [&proposed, &proposed, &signed, &signed] {
        requester.tell(event.clone());
    }
    let balance = requester.market.balance();
    assert_eq!(
        (balance.spent, balance.unsettled, balance.earned),
        (price(1000), MicroCredits::ZERO, MicroCredits::ZERO)
    );
    requester.flush(true);
    assert!(requester.drafts.is_empty(), "its line is settled");
}
