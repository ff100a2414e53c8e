//! Tests of the placement strategies: each over the same five seats.

use super::{Pick, Seat, choose};
use crate::io::Candidate;
use job_model::{Chunk, MicroCredits, NodeId, Placement, ProfileId, Slice};

/// Price, round trip in microseconds, replicas of ours in flight, inputs held.
type Row = (i64, u32, u32, &'static [u32]);

const ROWS: [Row; 5] = [
    (5, 900, 4, &[0]),
    (3, 800, 2, &[]),
    (9, 100, 9, &[0, 1]),
    (3, 700, 1, &[1]),
    (4, 600, 0, &[]),
];

fn candidates() -> Vec<Candidate> {
    let one = |(n, (price, rtt_us, _, held)): (usize, &Row)| Candidate {
        node: NodeId([n as u8; 32]),
        quote: 1,
        slots: 2,
        hold: MicroCredits(10),
        credit: MicroCredits::MAX,
        price: MicroCredits(*price),
        queued: 0,
        rtt_us: *rtt_us,
        memory_bytes: 0,
        disk_bytes: 0,
        profile: ProfileId::default(),
        fast: None,
        local_inputs: held.to_vec(),
        eligible: Ok(()),
    };
    ROWS.iter().enumerate().map(one).collect()
}

/// What the strategy chooses when only these seats are open.
#[track_caller]
fn check(strategy: Placement, open: &[usize], (turn, draw): (u64, u64), expected: Option<usize>) {
    let candidates = candidates();
    let seats: Vec<Seat> = candidates
        .iter()
        .zip(ROWS)
        .enumerate()
        .map(|(n, (candidate, row))| Seat {
            node: n as u32,
            candidate,
            room: 1,
            in_flight: row.2,
            allowed: open.contains(&n),
        })
        .collect();
    let slices = vec![
        Slice {
            input: 0,
            offset: 0,
            length: 10,
        },
        Slice {
            input: 1,
            offset: 0,
            length: 20,
        },
    ];
    let chunk = Chunk {
        body: Vec::new(),
        slices,
        weight: 1,
    };
    assert_eq!(
        choose(
            strategy,
            &seats,
            &Pick {
                chunk: &chunk,
                draw,
                turn
            }
        ),
        expected
    );
}

const ALL: &[usize] = &[0, 1, 2, 3, 4];

#[test]
fn each_strategy_takes_what_its_name_says() {
    check(Placement::LeastLoaded, ALL, (0, 0), Some(4));
    check(Placement::Cheapest, ALL, (0, 0), Some(3));
    check(Placement::Nearest, ALL, (0, 0), Some(2));
    check(Placement::DataLocal, ALL, (0, 0), Some(2));
    check(Placement::DataLocal, &[0, 1, 3], (0, 0), Some(3));
    check(Placement::RoundRobin, ALL, (6, 0), Some(1));
    check(Placement::RoundRobin, &[0, 4], (3, 0), Some(4));
}

#[test]
fn power_of_two_takes_the_less_loaded_of_two_distinct_seats() {
    // The low half draws the first seat, the high half the distance to the second.
    check(Placement::PowerOfTwo, ALL, (0, 2), Some(3));
    check(Placement::PowerOfTwo, ALL, (0, 2 | 1 << 32), Some(4));
    check(Placement::PowerOfTwo, &[2, 0], (0, 1), Some(0));
    check(Placement::PowerOfTwo, &[2], (0, 77), Some(2));
}

#[test]
fn without_an_open_seat_nothing_is_chosen() {
    for strategy in [
        Placement::RoundRobin,
        Placement::LeastLoaded,
        Placement::PowerOfTwo,
        Placement::Cheapest,
        Placement::Nearest,
        Placement::DataLocal,
    ] {
        check(strategy, &[], (1, 1), None);
    }
}
