//! Credit lines: what they grow with, what strangers get, what the reserve gives away, and amounts that fade.

use super::{JOB, RATES, Random, T0, key, node, result};
use crate::decay::{Fading, fade};
use crate::{AdmissionAsk, CreditError, CreditOptions, Market, MarketOptions};
use job_model::{Event, MicroCredits, NodeId, Priority, UnixMillis};

const DAY: u64 = 86_400_000;
/// A whole number of windows after 1970, so that a window begins here.
const MIDNIGHT: UnixMillis = UnixMillis(T0.0 - T0.0 % DAY);

fn market() -> Market {
    let mut market = Market::new(MarketOptions::default(), node(1));
    market.serve_with(4);
    market
}

fn ask(requester: NodeId, priority: Priority, replicas: u32) -> AdmissionAsk {
    AdmissionAsk {
        requester,
        job: JOB,
        rates: RATES,
        priority,
        replicas,
    }
}

/// A peer gave us this much (positive), or got it (negative), by a receipt that both signed.
fn settle(market: &mut Market, peer: NodeId, seq: u64, amount: i64, at: UnixMillis) {
    let amount = MicroCredits(-amount);
    if amount < MicroCredits::ZERO {
        market.accounts.spend(peer, -amount);
        *market.proposed.entry(peer).or_default() -= amount;
        let (task, quote, lines) = (super::TASK, 7, 1);
        market.apply(
            &Event::SettlementProposed {
                worker: peer,
                seq,
                task,
                quote,
                lines,
            },
            at,
        );
    }
    market.apply(
        &Event::SettlementSigned {
            peer,
            seq,
            amount,
            fee: None,
        },
        at,
    );
}

/// Lets a requester run one replica after the other until it is refused; returns what they cost.
fn take_all(market: &mut Market, requester: NodeId, fuel: u64, now: UnixMillis) -> (MicroCredits, CreditError) {
    let ran = [result(0, 0, "a", fuel)];
    let price = RATES.price(&ran[0].usage);
    let mut cost = MicroCredits::ZERO;
    loop {
        match market.admit(&ask(requester, Priority::Normal, 1), now) {
            Ok(count) => assert_eq!(count, 1),
            Err(error) => return (cost, error),
        }
        market.ran((requester, JOB), &RATES, &ran, now);
        cost += price;
    }
}

#[test]
fn amounts_halve_and_never_grow() {
    let amount = MicroCredits(1_000_000_007);
    assert_eq!(fade(amount, 0, DAY), amount);
    assert_eq!(fade(amount, DAY, DAY), MicroCredits(500_000_003));
    assert_eq!(fade(amount, 3 * DAY, DAY), MicroCredits(125_000_000));
    assert_eq!(fade(amount, 64 * DAY, DAY), MicroCredits::ZERO);
    assert_eq!(fade(amount, u64::MAX, DAY), MicroCredits::ZERO);
    assert_eq!(fade(amount, 5, 0), MicroCredits::ZERO);
    assert_eq!(fade(MicroCredits(-5), 1, DAY), MicroCredits::ZERO);
    assert!(fade(MicroCredits::MAX, 1, u64::MAX) > MicroCredits(i64::MAX / 2));
    let mut random = Random(7);
    for _ in 0..20_000 {
        let amount = MicroCredits((random.next() >> (1 + random.below(60))) as i64);
        let half_life = 1 + (random.next() >> random.below(64));
        let (early, more) = (random.next() >> random.below(64), random.next() >> random.below(64));
        let (first, later) = (
            fade(amount, early, half_life),
            fade(amount, early.saturating_add(more), half_life),
        );
        assert!(later <= first && first <= amount && later >= MicroCredits::ZERO);
        // Against the formula in floating point; the fixed point is a little below, never above.
        let exact = amount.0 as f64 * (-(early as f64) / half_life as f64).exp2();
        assert!(first.0 as f64 <= exact * (1.0 + 1e-9) + 1.0, "{first} > {exact}");
        assert!(first.0 as f64 >= exact * (1.0 - 2e-5) - 17.0, "{first} < {exact}");
    }
}

#[test]
fn a_fading_amount_takes_no_harm_from_a_clock_that_jumps() {
    let mut amount = Fading::default();
    amount.add(MicroCredits(1000), T0, DAY);
    amount.add(MicroCredits(1000), UnixMillis(T0.0 - 3_600_000), DAY);
    assert_eq!(amount.left(T0, DAY), MicroCredits(2000));
    assert_eq!(amount.left(UnixMillis(0), DAY), MicroCredits(2000));
    amount.add(MicroCredits(-9000), T0, DAY);
    assert_eq!(amount.left(T0, DAY), MicroCredits::ZERO);
}

#[test]
fn a_line_grows_with_what_was_given_and_not_with_what_was_taken() {
    let (mut market, peer) = (market(), node(2));
    market.list_peers([peer]);
    let room = |market: &Market, at| market.lent(&peer, at).1.unwrap();
    assert_eq!(room(&market, T0), MicroCredits::credits(100));
    // It gave 40: we owe it 40, and half of that is added to its line.
    settle(&mut market, peer, 1, 40_000_000, T0);
    assert_eq!(room(&market, T0), MicroCredits::credits(100 + 20 + 40));
    // It took 60 of that: what it may still take falls by just that.
    settle(&mut market, peer, 2, -60_000_000, T0);
    assert_eq!(room(&market, T0), MicroCredits::credits(100));
    // After a half-life only half of the growth is left.
    assert_eq!(room(&market, T0.plus(30 * DAY)), MicroCredits::credits(90));
    // No line is longer than the longest.
    settle(&mut market, peer, 3, 100_000_000_000, T0);
    settle(&mut market, peer, 4, -100_000_000_000, T0);
    assert_eq!(room(&market, T0), MicroCredits::credits(1000 - 20));
    // What we expect of its line follows from what it took: 100_060 halved is far above the longest as well.
    assert_eq!(market.credit_line(&peer), MicroCredits::credits(1000));
    assert_eq!(market.credit_line(&node(3)), MicroCredits::credits(100));
}

#[test]
fn a_listed_peer_is_refused_at_the_end_of_its_line_and_told_what_to_do() {
    let (mut market, peer) = (market(), node(2));
    market.list_peers([peer]);
    let (cost, error) = take_all(&mut market, peer, 500_000_000_000, T0);
    assert!(cost >= MicroCredits::credits(100), "{cost}");
    assert!(cost <= MicroCredits::credits(106), "one replica beyond at most: {cost}");
    assert!(matches!(error, CreditError::Line { .. }));
    let text = error.to_string();
    assert!(
        text.starts_with("you owe this node ") && text.contains("your credit line is 100"),
        "{text}"
    );
    assert_eq!(market.may_serve(&peer, Priority::Normal, T0), Err(error));
    // The receipt comes: what was claimed is owed now, no more and no less.
    let owed = market.lent(&peer, T0).0;
    market.covered(peer, cost, T0);
    settle(&mut market, peer, 1, -cost.0, T0);
    assert_eq!(market.lent(&peer, T0).0, owed);
    // It works for us, and may have more.
    settle(&mut market, peer, 2, 30_000_000, T0);
    assert!(market.admit(&ask(peer, Priority::Normal, 1), T0).is_ok());
}

#[test]
fn a_thousand_fresh_keys_get_no_more_than_one() {
    let mut market = market();
    let mut all = MicroCredits::ZERO;
    for identity in 0..1000u32 {
        let mut bytes = [9; 32];
        bytes[..4].copy_from_slice(&identity.to_le_bytes());
        let (cost, error) = take_all(
            &mut market,
            NodeId(bytes),
            100_000_000_000,
            MIDNIGHT.plus(u64::from(identity)),
        );
        all += cost;
        if identity > 0 {
            assert!(matches!(error, CreditError::Newcomers { .. }), "{error}");
        }
    }
    assert!(all >= MicroCredits::credits(100), "{all}");
    assert!(all <= MicroCredits::credits(102), "{all}");
    // A peer on the list, and one that gave something, are not held back by them.
    market.list_peers([node(2)]);
    assert!(market.admit(&ask(node(2), Priority::Normal, 1), MIDNIGHT).is_ok());
    settle(&mut market, node(3), 1, 5_000_000, MIDNIGHT);
    assert!(market.admit(&ask(node(3), Priority::Normal, 1), MIDNIGHT).is_ok());
    // Tomorrow is another window; a clock that goes back is not.
    let fresh = node(77);
    assert!(
        market
            .admit(&ask(fresh, Priority::Normal, 1), MIDNIGHT.plus(3_600_000))
            .is_err()
    );
    assert!(
        market
            .admit(&ask(fresh, Priority::Normal, 1), MIDNIGHT.plus(DAY))
            .is_ok()
    );
    let (cost, _) = take_all(&mut market, fresh, 100_000_000_000, MIDNIGHT.plus(DAY));
    assert!(cost > MicroCredits::credits(98));
    let later = market.admit(&ask(node(78), Priority::Normal, 1), MIDNIGHT.plus(3_600_000));
    assert!(matches!(later, Err(CreditError::Newcomers { .. })), "{later:?}");
}

#[test]
fn what_never_came_back_is_forgotten_in_time() {
    let (mut market, peer) = (market(), node(2));
    market.list_peers([peer]);
    // Work at 0.03 credits by estimate: 100 credits hold a few thousand of it.
    let admitted = market.admit(&ask(peer, Priority::Normal, 1_000_000), T0).unwrap();
    assert!(admitted > 1000 && admitted < 20_000, "{admitted}");
    assert!(market.lent(&peer, T0).1.unwrap_or_default() < MicroCredits(100_000));
    // It cancelled all of it: an hour later its line is free again.
    let room = market.lent(&peer, T0.plus(2 * 3_600_000)).1.unwrap();
    assert!(room > MicroCredits(99_999_000), "{room}");
}

#[test]
fn the_reserve_lets_the_penniless_run_a_little_at_low_priority() {
    let (mut market, poor) = (market(), node(2));
    settle(&mut market, poor, 1, -500_000_000, T0);
    assert!(matches!(
        market.may_serve(&poor, Priority::Normal, T0),
        Err(CreditError::Line { .. })
    ));
    assert_eq!(market.may_serve(&poor, Priority::Low, T0), Ok(()));
    // 4 sandboxes, 5 %, 10 minutes: 120 s of a sandbox at most, a second each by guess.
    assert_eq!(market.admit(&ask(poor, Priority::Low, 1000), T0), Ok(120));
    assert!(
        market.admit(&ask(poor, Priority::Low, 1), T0).is_err(),
        "the reserve is empty"
    );
    // They took 10 ms each, not a second: nearly everything comes back.
    let mut quick = result(0, 0, "a", 1000);
    quick.usage.wall_us = 10_000;
    market.ran((poor, JOB), &RATES, &vec![quick; 120], T0);
    let again = market.admit(&ask(poor, Priority::Low, 100_000), T0).unwrap();
    assert!(again > 10_000, "118.8 s at 10 ms each: {again}");
    // Ten seconds later there are two seconds more: 5 % of four sandboxes.
    assert_eq!(
        market.admit(&ask(poor, Priority::Low, 100_000), T0.plus(10_000)),
        Ok(200)
    );
    // What has its line needs no reserve.
    assert_eq!(market.admit(&ask(node(3), Priority::Low, 5), T0), Ok(5));
}

#[test]
fn a_banned_node_gets_nothing_at_all() {
    let (mut market, forker) = (market(), node(2));
    market.list_peers([forker]);
    market.ban(forker);
    for priority in [Priority::Normal, Priority::Low] {
        assert_eq!(
            market.admit(&ask(forker, priority, 1), T0),
            Err(CreditError::Banned(forker))
        );
        assert_eq!(
            market.may_serve(&forker, priority, T0),
            Err(CreditError::Banned(forker))
        );
    }
}

#[test]
fn random_dealings_never_lend_more_than_the_rules_allow() {
    for seed in 0..30 {
        let mut random = Random(seed);
        let options = CreditOptions::default();
        let mut market = market();
        let peers: Vec<NodeId> = (2..8).map(|seed| key(seed).id()).collect();
        market.list_peers(peers[..2].iter().copied());
        let (mut now, mut seq) = (MIDNIGHT, 0);
        let mut open: Vec<(NodeId, u32)> = vec![];
        for _ in 0..400 {
            now = now.plus(random.next() % 60_000);
            let peer = peers[random.below(peers.len())];
            match random.below(4) {
                0 | 1 => {
                    let wanted = ask(peer, Priority::Normal, 1 + random.below(500) as u32);
                    if let Ok(count) = market.admit(&wanted, now) {
                        open.push((peer, count));
                    }
                }
                2 if !open.is_empty() => {
                    let (peer, count) = open.swap_remove(random.below(open.len()));
                    let results: Vec<_> = (0..count).map(|chunk| result(chunk, 0, "a", 1_000_000_000)).collect();
                    market.ran((peer, JOB), &RATES, &results, now);
                    let cost = MicroCredits(RATES.price(&results[0].usage).0 * i64::from(count));
                    if random.one_in(2) {
                        seq += 1;
                        market.covered(peer, cost, now);
                        settle(&mut market, peer, seq, -cost.0, now);
                    }
                }
                _ => {
                    seq += 1;
                    settle(&mut market, peer, seq, (random.next() % 1_000_000) as i64, now);
                }
            }
            market
                .check_invariants()
                .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            for peer in &peers {
                let (owed, room) = market.lent(peer, now);
                let line = options.max_line.min(MicroCredits::credits(600));
                assert!(owed <= line, "seed {seed}: {owed} owed");
                assert!(room.unwrap_or_default() <= line, "seed {seed}");
            }
        }
    }
}
