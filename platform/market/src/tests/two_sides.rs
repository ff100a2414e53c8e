//! Three nodes that work for each other and settle, with messages lost, doubled and reordered, and any node killed
//! between any two steps. The shell here keeps the order that the crate's description asks of `node`.

use super::ledger::File;
use super::{JOB, Random, T0, key, node, quote, result, spec};
use crate::ledger_file::read_ledger;
use crate::{
    Chain, LedgerError, LedgerRecord, Market, MarketInput, MarketOptions, MarketOutput, Ran, SettleError, verify_ledger,
};
use job_model::event::{AssignReason, ChunkVerdict, ReplicaResult};
use job_model::receipt::ReplicaVerdict;
use job_model::{Event, Message, MicroCredits, NodeId, TaskId, UnixMillis};
use std::collections::BTreeMap;

const SEEDS: u64 = 40;
const STEPS: usize = 250;
/// More messages than this on their way are lost.
const NETWORK: usize = 100;
const NODES: u8 = 3;

/// What survives a kill.
struct Disk {
    ledger: File,
    journal: Vec<(Event, UnixMillis)>,
    ran: BTreeMap<(TaskId, u32, u32), Ran>,
}

struct Node {
    seed: u8,
    disk: Disk,
    market: Market,
    chain: Chain,
    next_chunk: u32,
    kills: u32,
    /// Events that only the ledger file knew after a kill.
    reconciled: usize,
}

/// The node dies here.
struct Killed;

/// Messages on their way: receiver and message.
type Network = Vec<(u8, Message)>;

/// Decides at every step whether the node dies there.
struct Fate<'a> {
    random: &'a mut Random,
    deadly: bool,
}

impl Fate<'_> {
    fn step(&mut self) -> Result<(), Killed> {
        if self.deadly && self.random.one_in(40) {
            Err(Killed)
        } else {
            Ok(())
        }
    }
}

fn task(seed: u8) -> TaskId {
    TaskId([seed; 32])
}
fn seed_of(id: &NodeId) -> u8 {
    (1..=NODES).find(|seed| node(*seed) == *id).unwrap()
}

impl Node {
    fn new(seed: u8) -> Self {
        let disk = Disk {
            ledger: File::new(node(seed)),
            journal: vec![],
            ran: BTreeMap::new(),
        };
        let (market, chain) = (
            Market::new(MarketOptions::default(), node(seed)),
            Chain::new(node(seed)),
        );
        let mut new = Self {
            seed,
            disk,
            market,
            chain,
            next_chunk: 0,
            kills: 0,
            reconciled: 0,
        };
        new.market.list_peers((1..=NODES).map(node));
        let mut fate = Fate {
            random: &mut Random(0),
            deadly: false,
        };
        let _ = new.tell(
            Event::TaskSubmitted {
                task: task(seed),
                spec: Box::new(spec()),
                owner: String::new(),
            },
            T0,
            &mut fate,
            &mut vec![],
        );
        for worker in (1..=NODES).filter(|worker| *worker != seed) {
            let event = Event::QuoteReceived {
                quote: Box::new(quote(node(worker), node(seed), 7)),
            };
            let _ = new.tell(event, T0, &mut fate, &mut vec![]);
        }
        new
    }

    /// What is left after a kill, started again.
    fn restart(&mut self, now: UnixMillis) {
        self.kills += 1;
        self.market = Market::new(MarketOptions::default(), node(self.seed));
        self.market.list_peers((1..=NODES).map(node));
        for (event, at) in &self.disk.journal {
            self.market.apply(event, *at);
        }
        self.chain = Chain::new(node(self.seed));
        let mut reader = read_ledger(self.disk.ledger.bytes.as_slice()).unwrap();
        for record in reader.by_ref() {
            match record {
                Ok(record) => self.chain.replay(record).unwrap(),
                Err(LedgerError::Torn { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        self.disk.ledger.tail = reader.tail();
        self.disk.ledger.bytes.truncate(self.disk.ledger.tail.offset as usize);
        for event in self.market.reconcile(&self.chain) {
            self.reconciled += 1;
            self.market.apply(&event, now);
            self.disk.journal.push((event, now));
        }
        assert!(self.market.reconcile(&self.chain).is_empty());
        self.market.check_invariants().unwrap();
    }

    fn tell(&mut self, event: Event, now: UnixMillis, fate: &mut Fate<'_>, net: &mut Network) -> Result<(), Killed> {
        self.market.apply(&event, now);
        self.market.check_invariants().unwrap();
        fate.step()?;
        self.disk.journal.push((event.clone(), now));
        fate.step()?;
        let mut out = vec![];
        self.market.handle(MarketInput::Applied(&event), now, &mut out);
        self.obey(out, now, fate, net)
    }

    fn flush(&mut self, force: bool, now: UnixMillis, fate: &mut Fate<'_>, net: &mut Network) -> Result<(), Killed> {
        let mut out = vec![];
        self.market
            .handle(MarketInput::FlushSettlements { force }, now, &mut out);
        self.obey(out, now, fate, net)
    }

    fn obey(
        &mut self,
        out: Vec<MarketOutput>,
        now: UnixMillis,
        fate: &mut Fate<'_>,
        net: &mut Network,
    ) -> Result<(), Killed> {
        for output in out {
            match output {
                MarketOutput::Event(event) => self.tell(event, now, fate, net)?,
                MarketOutput::Propose(draft) => {
                    let to = seed_of(&draft.worker);
                    let proposal = self.chain.propose(draft, &key(self.seed), now);
                    self.append(&proposal.record, fate)?;
                    self.tell(proposal.event, now, fate, net)?;
                    net.push((to, proposal.message));
                }
            }
        }
        Ok(())
    }

    /// Appends to the ledger file; a kill may leave any part of the record.
    fn append(&mut self, record: &LedgerRecord, fate: &mut Fate<'_>) -> Result<(), Killed> {
        fate.step()?;
        let before = self.disk.ledger.bytes.len();
        self.disk.ledger.append(record);
        let written = self.disk.ledger.bytes.len() - before;
        if fate.step().is_err() {
            self.disk.ledger.bytes.truncate(before + fate.random.below(written + 1));
            return Err(Killed);
        }
        Ok(())
    }

    fn receive(
        &mut self,
        message: Message,
        now: UnixMillis,
        fate: &mut Fate<'_>,
        net: &mut Network,
    ) -> Result<(), Killed> {
        match message {
            Message::Settle { half, lines } => {
                let ran =
                    |task: &TaskId, chunk: u32, attempt: u32| self.disk.ran.get(&(*task, chunk, attempt)).copied();
                let block = half.open().unwrap();
                self.market.may_take(&half.node, &block, now).unwrap();
                let answered = self.chain.accept_proposal(&key(self.seed), &half, &lines, ran).unwrap();
                if let Some(record) = &answered.record {
                    self.append(record, fate)?;
                }
                if let Some(event) = answered.event {
                    self.tell(event, now, fate, net)?;
                }
                net.push((seed_of(&half.node), answered.message));
            }
            Message::Settled { half } => match self.chain.accept_answer(&half) {
                Ok(Some(closed)) => {
                    self.append(&closed.record, fate)?;
                    self.tell(closed.event, now, fate, net)?;
                }
                Ok(None) => {}
                Err(error) => assert_eq!(error, SettleError::NotProposed),
            },
            other => panic!("{other:?}"),
        }
        Ok(())
    }

    /// Runs chunks, and remembers on disk what it ran before it says so.
    fn run(&mut self, task: TaskId, chunks: std::ops::Range<u32>, attempt: u32, says: &str) -> Vec<ReplicaResult> {
        let results: Vec<ReplicaResult> = chunks
            .map(|chunk| result(chunk, attempt, says, 1_000_000 + u64::from(chunk)))
            .collect();
        for result in &results {
            let ran = Ran::new(&result.outcome, &result.usage, &super::RATES).unwrap();
            self.disk.ran.insert((task, result.chunk, result.attempt), ran);
        }
        results
    }

    /// Gives some credits away, if the rules allow it.
    fn give(&mut self, to: u8, now: UnixMillis, fate: &mut Fate<'_>, net: &mut Network) -> Result<(), Killed> {
        let amount = MicroCredits(50_000 + (fate.random.next() % 500_000) as i64);
        let Ok(parts) = self.market.may_give(&node(to), amount, self.chain.giving()) else {
            return Ok(());
        };
        assert_eq!(parts.0 + parts.1, amount);
        let given = self.chain.propose_transfer(&key(self.seed), node(to), parts, now);
        self.append(&given.record, fate)?;
        fate.step()?;
        net.push((to, given.message));
        Ok(())
    }

    fn resend(&self, net: &mut Network) {
        for peer in (1..=NODES).filter(|peer| *peer != self.seed) {
            net.extend(
                self.chain
                    .unanswered(&node(peer))
                    .into_iter()
                    .map(|message| (peer, message)),
            );
        }
    }
}

/// One node gives two others chunks; they run them, one may lie; the verdict is told.
fn work(nodes: &mut [Node], at: usize, now: UnixMillis, fate: &mut Fate<'_>, net: &mut Network) -> Result<(), Killed> {
    let (requester, mine) = (nodes[at].seed, task(nodes[at].seed));
    let most = if fate.random.one_in(20) { 1200 } else { 30 };
    let size = fate.random.below(most);
    let first = nodes[at].next_chunk;
    let chunks = first..first + 1 + size as u32;
    nodes[at].next_chunk = chunks.end;
    let workers: Vec<u8> = (1..=NODES).filter(|worker| *worker != requester).collect();
    let liar = fate.random.one_in(3);
    let results: Vec<(u8, Vec<ReplicaResult>)> = (0..)
        .zip(&workers)
        .map(|(attempt, worker)| {
            let says = if liar && attempt == 1 { "lie" } else { "true" };
            let running = nodes.iter_mut().find(|node| node.seed == *worker).unwrap();
            (*worker, running.run(mine, chunks.clone(), attempt, says))
        })
        .collect();
    for (attempt, worker) in (0..).zip(&workers) {
        let replicas = chunks.clone().map(|chunk| (chunk, attempt)).collect();
        let (hold, reason) = (
            nodes[at].market.estimate_hold(&JOB, &super::RATES),
            AssignReason::Policy,
        );
        let event = Event::ReplicasAssigned {
            task: mine,
            worker: node(*worker),
            quote: 7,
            hold,
            reason,
            replicas,
        };
        nodes[at].tell(event, now, fate, net)?;
    }
    for (worker, results) in results {
        nodes[at].tell(
            Event::ReplicasFinished {
                task: mine,
                worker: node(worker),
                results,
            },
            now,
            fate,
            net,
        )?;
    }
    let second = if liar {
        ReplicaVerdict::Wrong
    } else {
        ReplicaVerdict::Accepted
    };
    let verdict = |chunk| ChunkVerdict {
        chunk,
        winner: 0,
        replicas: vec![
            (0, node(workers[0]), ReplicaVerdict::Accepted),
            (1, node(workers[1]), second),
        ],
    };
    nodes[at].tell(
        Event::ChunksVerified {
            task: mine,
            verdicts: chunks.map(verdict).collect(),
        },
        now,
        fate,
        net,
    )
}

/// Returns how often nodes were killed, and how many events were found only in a ledger file.
fn simulate(seed: u64) -> (u32, usize) {
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut nodes: Vec<Node> = (1..=NODES).map(Node::new).collect();
    let mut net: Network = vec![];
    let mut now = T0;
    for _ in 0..STEPS {
        now = now.plus(random.next() % 2000);
        net.truncate(NETWORK);
        let at = random.below(nodes.len());
        let choice = random.below(10);
        let mut fate = Fate {
            random: &mut random,
            deadly: true,
        };
        let lived = match choice {
            0 => work(&mut nodes, at, now, &mut fate, &mut net),
            1 => {
                let force = fate.random.one_in(2);
                nodes[at].flush(force, now, &mut fate, &mut net)
            }
            2 => {
                nodes[at].resend(&mut net);
                Ok(())
            }
            3 => {
                let to = 1 + (at as u8 + 1 + fate.random.below(2) as u8) % NODES;
                nodes[at].give(to, now, &mut fate, &mut net)
            }
            _ => deliver(&mut nodes, now, &mut fate, &mut net),
        };
        if lived.is_err() {
            nodes.iter_mut().for_each(|node| node.restart(now));
        }
    }
    let kills = nodes.iter().map(|node| node.kills).sum();
    let reconciled = nodes.iter().map(|node| node.reconciled).sum();
    settle_all(&mut nodes, now, &mut random);
    assert!(compare(&nodes) > MicroCredits::ZERO, "the test must transfer");
    (kills, reconciled)
}

/// Delivers any of the messages; some are lost, some come twice.
fn deliver(nodes: &mut [Node], now: UnixMillis, fate: &mut Fate<'_>, net: &mut Network) -> Result<(), Killed> {
    if net.is_empty() {
        return Ok(());
    }
    let (to, message) = net.swap_remove(fate.random.below(net.len()));
    if fate.random.one_in(5) {
        return Ok(());
    }
    if fate.random.one_in(5) {
        net.push((to, message.clone()));
    }
    let node = nodes.iter_mut().find(|node| node.seed == to).unwrap();
    node.receive(message, now, fate, net)
}

/// From now on nothing is lost and nobody dies: everything must come to rest.
fn settle_all(nodes: &mut [Node], now: UnixMillis, random: &mut Random) {
    let mut fate = Fate { random, deadly: false };
    let mut net: Network = vec![];
    for node in nodes.iter_mut() {
        let cancelled = Event::TaskCancelled {
            task: task(node.seed),
            reason: "end".to_owned(),
        };
        assert!(node.flush(true, now, &mut fate, &mut net).is_ok());
        assert!(node.tell(cancelled, now, &mut fate, &mut net).is_ok());
        assert!(node.flush(true, now, &mut fate, &mut net).is_ok());
        node.resend(&mut net);
    }
    while let Some((to, message)) = net.pop() {
        let node = nodes.iter_mut().find(|node| node.seed == to).unwrap();
        assert!(node.receive(message, now, &mut fate, &mut net).is_ok());
    }
}

/// Returns the fees that were burned.
fn compare(nodes: &[Node]) -> MicroCredits {
    let (mut total, mut burned) = (MicroCredits::ZERO, MicroCredits::ZERO);
    for here in nodes {
        here.market.check_invariants().unwrap();
        let view = here.market.balance();
        assert_eq!((view.held, view.unsettled), (MicroCredits::ZERO, MicroCredits::ZERO));
        assert_eq!(here.chain.unanswered_count(), 0);
        total += view.balance - view.initial + view.burned;
        burned += view.burned;
        let report = verify_ledger(here.disk.ledger.bytes.as_slice(), Some(node(here.seed))).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
        assert_eq!(
            (report.burned, report.total),
            (view.burned, view.balance - view.initial + view.burned)
        );
        for there in nodes.iter().filter(|there| there.seed != here.seed) {
            let balance = here.chain.balance(&node(there.seed));
            assert_eq!(balance, -there.chain.balance(&node(here.seed)));
            let row = here
                .market
                .ledger()
                .into_iter()
                .find(|row| row.peer == node(there.seed));
            assert_eq!(row.map_or(MicroCredits::ZERO, |row| row.balance), balance);
            assert_eq!(
                report
                    .peers
                    .get(&node(there.seed))
                    .map_or(MicroCredits::ZERO, |peer| peer.balance),
                balance
            );
        }
    }
    assert_eq!(total, MicroCredits::ZERO);
    burned
}

#[test]
fn no_credit_is_lost_or_paid_twice() {
    let (kills, reconciled) = (0..SEEDS)
        .map(simulate)
        .fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    assert!(kills > SEEDS as u32, "the test must kill: {kills}");
    assert!(
        reconciled > 10,
        "the test must kill between ledger file and journal: {reconciled}"
    );
}
