//! Credits are conserved under any sequence of events, and a replay ends where the live market stood.

use super::{Random, Requester, TASK, no_verdict, node, result};
use job_model::event::{AssignReason, ChunkVerdict};
use job_model::receipt::ReplicaVerdict;
use job_model::{Event, LossReason, MicroCredits};
use std::collections::BTreeMap;

const SEEDS: u64 = 60;
const STEPS: usize = 300;
const WORKERS: usize = 4;

/// Chunk and attempt; who runs it, and whether it reported.
type Open = ((u32, u32), (u8, bool));

/// What the test knows: who runs what, and whether it reported.
#[derive(Default)]
struct World {
    open: BTreeMap<(u32, u32), (u8, bool)>,
    next_chunk: u32,
}

fn step(random: &mut Random, world: &mut World, requester: &mut Requester) {
    requester.now = requester.now.plus(random.next() % 3000);
    let keys: Vec<Open> = world.open.iter().map(|(key, value)| (*key, *value)).collect();
    match random.below(12) {
        0..=3 => assign(random, world, requester),
        4..=6 => {
            for (key, (worker, done)) in &keys {
                if random.one_in(2) {
                    continue;
                }
                let said = if random.one_in(5) { "lie" } else { "true" };
                let fuel = 1000 + random.next() % 3;
                let none = !done && random.one_in(8);
                let answer = if none {
                    no_verdict(key.0, key.1)
                } else {
                    result(key.0, key.1, said, fuel)
                };
                requester.finish(*worker, vec![answer]);
                if none {
                    world.open.remove(key);
                } else {
                    world.open.insert(*key, (*worker, true));
                }
            }
        }
        7 => {
            if let Some((key, (worker, _))) = keys.get(random.below(keys.len())) {
                requester.lose(*worker, &[*key]);
                world.open.remove(key);
            }
        }
        8..=9 => verify(random, world, requester, &keys),
        10 => requester.flush(random.one_in(3)),
        _ => {
            let (view, rows) = (requester.market.balance(), requester.market.ledger());
            requester.market = requester.replayed();
            assert_eq!(requester.market.balance(), view);
            assert_eq!(requester.market.ledger(), rows);
            requester.drafts.clear();
        }
    }
}

fn assign(random: &mut Random, world: &mut World, requester: &mut Requester) {
    let worker = 2 + random.below(WORKERS) as u8;
    let mut replicas = vec![];
    for _ in 0..=random.below(3) {
        let key = if random.one_in(2) {
            (world.next_chunk, 0)
        } else {
            (random.below(world.next_chunk as usize) as u32, random.below(5) as u32)
        };
        world.next_chunk = world.next_chunk.max(key.0 + 1);
        if let std::collections::btree_map::Entry::Vacant(free) = world.open.entry(key) {
            free.insert((worker, false));
            replicas.push(key);
        }
    }
    let hold = MicroCredits((random.next() % 1000) as i64);
    let reason = AssignReason::Policy;
    requester.tell(Event::ReplicasAssigned {
        task: TASK,
        worker: node(worker),
        quote: 7,
        hold,
        reason,
        replicas,
    });
}

fn verify(random: &mut Random, world: &mut World, requester: &mut Requester, keys: &[Open]) {
    use ReplicaVerdict::{Accepted, Late, Undecided, Wrong};
    let mut verdicts: BTreeMap<u32, ChunkVerdict> = BTreeMap::new();
    for ((chunk, attempt), (worker, _)) in keys.iter().filter(|(_, (_, done))| *done) {
        if random.one_in(3) {
            continue;
        }
        let verdict = [Accepted, Accepted, Wrong, Late, Undecided][random.below(5)];
        let entry = verdicts.entry(*chunk).or_insert(ChunkVerdict {
            chunk: *chunk,
            winner: *attempt,
            replicas: vec![],
        });
        entry.replicas.push((*attempt, node(*worker), verdict));
        world.open.remove(&(*chunk, *attempt));
    }
    requester.tell(Event::ChunksVerified {
        task: TASK,
        verdicts: verdicts.into_values().collect(),
    });
}

#[test]
fn credits_are_conserved_after_every_event() {
    let mut spent = 0i64;
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut random = Random(seed);
        let mut requester = Requester::with_workers(&[2, 3, 4, 5]);
        let mut world = World::default();
        for _ in 0..STEPS {
            step(&mut random, &mut world, &mut requester);
        }
        requester.tell(Event::ReplicasLost {
            task: TASK,
            worker: node(2),
            why: LossReason::TaskEnded,
            replicas: vec![],
        });
        requester.tell(Event::TaskCancelled {
            task: TASK,
            reason: "end".to_owned(),
        });
        assert_eq!(requester.market.balance().held, MicroCredits::ZERO);
        // Every credit that was spent is in exactly one line that waits to be settled.
        requester.market = requester.replayed();
        requester.drafts.clear();
        requester.flush(true);
        let total: MicroCredits = requester
            .drafts
            .iter()
            .flat_map(|draft| &draft.lines)
            .map(|line| line.price)
            .sum();
        assert_eq!(requester.market.balance().spent, total);
        spent += total.0;
    }
    assert!(spent > 0);
}
