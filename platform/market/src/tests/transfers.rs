//! Transfers: what may be given and taken, what is burned, and what a stranger finds in the two ledger files.

use super::chain::{parts, ran};
use super::ledger::File;
use super::{T0, key, node};
use crate::{Chain, LedgerRecord, Market, MarketOptions, SettleError, TransferError, verify_ledger};
use job_model::sign::Signed;
use job_model::{Event, HalfBlock, MicroCredits, NodeId, Transfer, UnixMillis};

const NOW: UnixMillis = T0;

fn market(seed: u8, peers: &[u8]) -> Market {
    let mut market = Market::new(MarketOptions::default(), node(seed));
    market.list_peers(peers.iter().map(|seed| node(*seed)));
    market
}

fn give(market: &Market, amount: i64) -> Result<(MicroCredits, MicroCredits), TransferError> {
    market.may_give(&node(2), MicroCredits(amount), MicroCredits::ZERO)
}

#[test]
fn the_fee_is_a_hundredth_rounded_up() {
    let market = market(1, &[]);
    let fee = |amount| market.transfer_fee(MicroCredits(amount)).0;
    assert_eq!([fee(100), fee(101), fee(1), fee(0), fee(-5)], [1, 2, 1, 0, 0]);
    assert_eq!(fee(i64::MAX), (i64::MAX as u128 * 10_000).div_ceil(1_000_000) as i64);
    for (share, expected) in [
        (0.0, 0),
        (1.0, 100),
        (7.0, 100),
        (-3.0, 0),
        (f64::NAN, 0),
        (f64::INFINITY, 100),
    ] {
        let options = MarketOptions {
            transfer_fee: share,
            ..MarketOptions::default()
        };
        let fee = Market::new(options, node(1)).transfer_fee(MicroCredits(100));
        assert_eq!(fee, MicroCredits(expected), "{share}");
    }
}

#[test]
fn what_cannot_be_given_is_refused_with_the_reason() {
    let mut market = market(1, &[]);
    assert_eq!(
        give(&market, 10_000_000),
        Ok((MicroCredits(9_900_000), MicroCredits(100_000)))
    );
    let text = |result: Result<_, TransferError>| result.unwrap_err().to_string();
    assert_eq!(
        text(give(&market, 99_999)),
        "0.099999 credits are less than the smallest transfer of 0.1"
    );
    assert!(matches!(give(&market, 0), Err(TransferError::Least { .. })));
    assert!(matches!(give(&market, -5), Err(TransferError::Least { .. })));
    assert!(matches!(give(&market, i64::MIN), Err(TransferError::Least { .. })));
    assert!(matches!(give(&market, i64::MAX), Err(TransferError::Balance { .. })));
    assert!(
        text(give(&market, 100_000_001)).starts_with("100.000001 credits cannot be transferred: 100 are free"),
        "{}",
        text(give(&market, 100_000_001))
    );
    let open = market.may_give(&node(2), MicroCredits(60_000_000), MicroCredits(50_000_000));
    assert!(matches!(open, Err(TransferError::Balance { .. })), "{open:?}");
    let own = market.may_give(&node(1), MicroCredits(1_000_000), MicroCredits::ZERO);
    assert_eq!(own, Err(TransferError::Itself));
    // Somebody else's credits do not help: the receiver lends this node only so much.
    let earned = Event::SettlementSigned {
        peer: node(3),
        seq: 1,
        amount: MicroCredits::credits(500),
        fee: None,
    };
    market.apply(&earned, NOW);
    assert!(matches!(give(&market, 500_000_000), Err(TransferError::Trust { .. })));
    market.ban(node(2));
    assert!(text(give(&market, 1_000_000)).contains("has forked its chain"));
}

/// A transfer of node 1 to node 2, changed and signed anew.
fn changed(change: impl FnOnce(&mut HalfBlock)) -> Signed<HalfBlock> {
    let amounts = (MicroCredits(9_900_000), MicroCredits(100_000));
    let given = Chain::new(node(1)).propose_transfer(&key(1), node(2), amounts, NOW);
    let mut half = parts(&given.message).0.open().unwrap();
    change(&mut half);
    half.balance = -half.settlement.amount;
    Signed::new(&key(1), &half)
}

#[test]
fn a_malformed_transfer_is_refused_and_nothing_signed() {
    let refuse = |change: fn(&mut HalfBlock)| {
        let mut receiver = Chain::new(node(2));
        let refused = receiver
            .accept_proposal(&key(2), &changed(change), &[], ran)
            .unwrap_err();
        assert_eq!(receiver.seq(), 0);
        refused
    };
    let refusals = [
        refuse(|half| half.settlement.amount = MicroCredits::ZERO),
        refuse(|half| half.settlement.amount = MicroCredits(-1)),
        refuse(|half| half.settlement.amount = MicroCredits(i64::MIN)),
        refuse(|half| half.settlement.amount = MicroCredits::MAX),
        refuse(|half| half.transfer = Some(Transfer { fee: MicroCredits(-1) })),
        refuse(|half| half.settlement.lines = 1),
        refuse(|half| half.settlement.fuel = 1),
        refuse(|half| half.settlement.job = super::JOB),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, SettleError::Transfer(_)), "{refusal:?}");
    }
    let work = refuse(|half| half.transfer = None);
    assert!(
        matches!(work, SettleError::Sum { .. }),
        "an amount for no work: {work:?}"
    );
    let lines = [super::chain::line(0, job_model::receipt::ReplicaVerdict::Accepted)];
    let with_lines = Chain::new(node(2)).accept_proposal(&key(2), &changed(|_| ()), &lines, ran);
    assert!(matches!(with_lines, Err(SettleError::Transfer(_))), "{with_lines:?}");
}

#[test]
fn the_receiver_has_its_own_rules() {
    let open = |change: fn(&mut HalfBlock)| changed(change).open().unwrap();
    let taken = |market: &Market, half: &HalfBlock| market.may_take(&node(1), half, NOW);
    let receiver = market(2, &[1]);
    assert_eq!(taken(&receiver, &open(|_| ())), Ok(()));
    let cheap = open(|half| {
        half.transfer = Some(Transfer {
            fee: MicroCredits(99_999),
        })
    });
    assert!(matches!(taken(&receiver, &cheap), Err(TransferError::Fee { .. })));
    let small = open(|half| half.settlement.amount = MicroCredits(-1_000));
    assert!(matches!(taken(&receiver, &small), Err(TransferError::Least { .. })));
    let large = open(|half| {
        half.settlement.amount = MicroCredits::credits(100) + MicroCredits(1);
        half.transfer = Some(Transfer {
            fee: MicroCredits::credits(2),
        });
    });
    assert!(matches!(taken(&receiver, &large), Err(TransferError::Trust { .. })));
    let huge = open(|half| {
        half.settlement.amount = MicroCredits::credits(9_901);
        half.transfer = Some(Transfer {
            fee: MicroCredits::credits(200),
        });
    });
    assert!(matches!(taken(&receiver, &huge), Err(TransferError::Most { .. })));
    let overflow = open(|half| {
        half.settlement.amount = MicroCredits::MAX;
        half.transfer = Some(Transfer { fee: MicroCredits::MAX });
    });
    assert!(taken(&receiver, &overflow).is_err());
    // Of a stranger no more than all strangers together get.
    let stranger = market(2, &[]);
    assert_eq!(taken(&stranger, &open(|_| ())), Ok(()));
    let mut banning = market(2, &[1]);
    banning.ban(node(1));
    assert!(taken(&banning, &open(|_| ())).is_err());
}

#[test]
fn a_transfer_is_signed_by_both_and_told_offline() {
    let (mut payer, mut receiver) = (Chain::new(node(1)), Chain::new(node(2)));
    let (mut ours, mut theirs) = (market(1, &[2]), market(2, &[1]));
    let (mut our_file, mut their_file) = (File::new(node(1)), File::new(node(2)));
    let parts_of = give(&ours, 10_000_000).unwrap();
    let given = payer.propose_transfer(&key(1), node(2), parts_of, NOW);
    our_file.append(&given.record);
    assert_eq!(payer.giving(), MicroCredits(10_000_000));
    assert_eq!(ours.balance().balance, MicroCredits::credits(100), "nothing moved yet");
    let report = verify_ledger(our_file.bytes.as_slice(), Some(node(1))).unwrap();
    assert_eq!((report.unanswered, report.burned), (vec![1], MicroCredits::ZERO));

    let (half, lines) = parts(&given.message);
    let answered = receiver.accept_proposal(&key(2), &half, &lines, ran).unwrap();
    their_file.append(answered.record.as_ref().unwrap());
    theirs.apply(answered.event.as_ref().unwrap(), NOW);
    let again = receiver.accept_proposal(&key(2), &half, &lines, ran).unwrap();
    assert_eq!(
        (again.event, again.message.clone()),
        (None, answered.message),
        "twice is once"
    );
    let closed = payer.accept_answer(&parts(&again.message).0).unwrap().unwrap();
    our_file.append(&closed.record);
    for _ in 0..2 {
        ours.apply(&closed.event, NOW);
    }
    assert_eq!(payer.giving(), MicroCredits::ZERO);
    let (left, right) = (ours.balance(), theirs.balance());
    assert_eq!(left.balance, MicroCredits::credits(90));
    assert_eq!((left.burned, right.burned), (MicroCredits(100_000), MicroCredits::ZERO));
    assert_eq!(right.balance, MicroCredits(109_900_000));
    ours.check_invariants().unwrap();
    theirs.check_invariants().unwrap();
    // What was given does not make the line longer: it is owed.
    assert_eq!(theirs.lent(&node(1), NOW).0, MicroCredits(9_900_000));
    assert_eq!(theirs.lent(&node(1), NOW).1, Ok(MicroCredits(90_100_000)));

    let sent = verify_ledger(our_file.bytes.as_slice(), Some(node(1))).unwrap();
    let got = verify_ledger(their_file.bytes.as_slice(), Some(node(2))).unwrap();
    assert!(sent.is_sound() && got.is_sound(), "{sent:?} {got:?}");
    assert_eq!((sent.burned, got.burned), (MicroCredits(100_000), MicroCredits::ZERO));
    let (to, from) = (sent.peers[&node(2)], got.peers[&node(1)]);
    assert_eq!(
        (to.transfers, to.settlements, to.spent),
        (1, 0, MicroCredits(9_900_000))
    );
    assert_eq!((from.transfers, from.earned), (1, MicroCredits(9_900_000)));

    // A restart finds the same; a crash before the journal is made up for.
    for (file, seed, market) in [(&our_file, 1, &ours), (&their_file, 2, &theirs)] {
        let mut chain = Chain::new(node(seed));
        for record in crate::read_ledger(file.bytes.as_slice()).unwrap() {
            chain.replay(record.unwrap()).unwrap();
        }
        assert!(market.reconcile(&chain).is_empty());
        let mut lost = Market::new(MarketOptions::default(), node(seed));
        for event in lost.reconcile(&chain) {
            lost.apply(&event, NOW);
        }
        assert_eq!(lost.balance(), market.balance());
    }
}

#[test]
fn an_answer_that_changes_the_fee_is_refused() {
    let (mut payer, mut receiver) = (Chain::new(node(1)), Chain::new(node(2)));
    let given = payer.propose_transfer(&key(1), node(2), (MicroCredits(500_000), MicroCredits(5_000)), NOW);
    let (half, lines) = parts(&given.message);
    let answered = receiver.accept_proposal(&key(2), &half, &lines, ran).unwrap();
    let mut answer = parts(&answered.message).0.open().unwrap();
    answer.transfer = Some(Transfer {
        fee: MicroCredits::ZERO,
    });
    let forged = Signed::new(&key(2), &answer);
    assert_eq!(payer.accept_answer(&forged), Err(SettleError::Differs));
    answer.transfer = None;
    assert_eq!(
        payer.accept_answer(&Signed::new(&key(2), &answer)),
        Err(SettleError::Differs)
    );
    // In a ledger file as well.
    let mut file = File::new(node(1));
    file.append(&given.record);
    file.append(&LedgerRecord::Answered {
        proposal: 1,
        answer: forged,
    });
    let report = verify_ledger(file.bytes.as_slice(), None).unwrap();
    assert_eq!(report.problem_count, 1, "{:?}", report.problems);
    assert!(report.problems[0].what.contains("states another settlement"));
}

#[test]
fn a_transfer_spent_twice_is_a_fork() {
    let payer = Chain::new(node(1));
    let spend = |to: NodeId| {
        let mut twin = payer.clone();
        let given = twin.propose_transfer(&key(1), to, (MicroCredits(500_000), MicroCredits(5_000)), NOW);
        parts(&given.message).0
    };
    let (one, other) = (spend(node(2)), spend(node(3)));
    // Each receiver alone sees nothing wrong; a third that was shown both does.
    let mut third = Chain::new(node(4));
    assert_eq!(third.hear(&one), Ok(None));
    let fork = third.hear(&other).unwrap().unwrap();
    assert_eq!(fork.author(), Ok(Some(node(1))));
    assert_eq!(third.convict(&fork), Ok(Some(node(1))));
}
