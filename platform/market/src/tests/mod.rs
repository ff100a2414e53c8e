//! Tests of the market. Randomness is seeded and printed on failure; time is an argument.

mod accounts;
mod chain;
mod credit;
mod forks;
mod golden;
mod ledger;
mod market;
mod prices;
mod reputation;
mod transfers;
mod two_sides;

use crate::{Market, MarketInput, MarketOptions, MarketOutput};
use job_model::event::{AssignReason, ChunkVerdict, ReplicaResult};
use job_model::receipt::ReplicaVerdict;
use job_model::sign::NodeKey;
use job_model::{
    Event, JobId, LossReason, MicroCredits, NoVerdict, NodeId, Outcome, Output, Priority, ProfileId, Quote, Rates,
    Requirements, TaskConfig, TaskId, TaskSpec, UnixMillis, Usage,
};

pub const JOB: JobId = JobId([0x22; 32]);
pub const TASK: TaskId = TaskId([0x11; 32]);
pub const RATES: Rates = Rates {
    cpu: MicroCredits(10_000),
    ram: MicroCredits(20_000),
    disk: MicroCredits(5_000),
};
pub const T0: UnixMillis = UnixMillis(1_763_600_000_000);

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
    pub fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }
}

pub fn key(seed: u8) -> NodeKey {
    NodeKey::from_bytes([seed; 32])
}
pub fn node(seed: u8) -> NodeId {
    key(seed).id()
}

pub fn spec() -> TaskSpec {
    TaskSpec {
        job: JOB,
        job_name: "word_count".to_owned(),
        params: vec![0xa0],
        inputs: vec![],
        requirements: Requirements::default(),
        config: TaskConfig::default(),
    }
}

pub fn quote(worker: NodeId, requester: NodeId, number: u64) -> Quote {
    Quote {
        worker,
        requester,
        job: JOB,
        priority: Priority::Normal,
        profile: ProfileId([3; 32]),
        rates: RATES,
        slots: 4,
        expires: T0.plus(60_000),
        number,
    }
}

pub fn usage(fuel: u64) -> Usage {
    Usage {
        fuel,
        input_bytes: 1000,
        output_bytes: 10,
        memory_bytes: 1 << 20,
        wall_us: 5,
    }
}

pub fn result(chunk: u32, attempt: u32, value: &str, fuel: u64) -> ReplicaResult {
    let outcome = Outcome::Value(Output::Inline(value.as_bytes().to_vec()));
    ReplicaResult {
        chunk,
        attempt,
        outcome,
        usage: usage(fuel),
        log: String::new(),
        metrics: job_model::JobMetrics::default(),
    }
}

pub fn no_verdict(chunk: u32, attempt: u32) -> ReplicaResult {
    let outcome = Outcome::NoVerdict(NoVerdict::Host("disk full".to_owned()));
    ReplicaResult {
        chunk,
        attempt,
        outcome,
        usage: usage(5),
        log: String::new(),
        metrics: job_model::JobMetrics::default(),
    }
}

/// A requester's market that journals what it applies and obeys what its market says, but settles nothing.
pub struct Requester {
    pub market: Market,
    pub journal: Vec<(Event, UnixMillis)>,
    pub drafts: Vec<crate::SettlementDraft>,
    pub now: UnixMillis,
}

impl Requester {
    pub fn new() -> Self {
        Self {
            market: Market::new(MarketOptions::default(), node(1)),
            journal: vec![],
            drafts: vec![],
            now: T0,
        }
    }
    /// One task, one quote of each worker.
    pub fn with_workers(workers: &[u8]) -> Self {
        let mut requester = Self::new();
        requester.tell(Event::TaskSubmitted {
            task: TASK,
            spec: Box::new(spec()),
            owner: String::new(),
        });
        for worker in workers {
            requester.tell(Event::QuoteReceived {
                quote: Box::new(quote(node(*worker), node(1), 7)),
            });
        }
        requester
    }
    pub fn tell(&mut self, event: Event) {
        self.market.apply(&event, self.now);
        self.market.check_invariants().unwrap();
        let mut out = vec![];
        self.market.handle(MarketInput::Applied(&event), self.now, &mut out);
        self.journal.push((event, self.now));
        self.obey(out);
    }
    pub fn flush(&mut self, force: bool) {
        let mut out = vec![];
        self.market
            .handle(MarketInput::FlushSettlements { force }, self.now, &mut out);
        self.obey(out);
    }
    fn obey(&mut self, out: Vec<MarketOutput>) {
        for output in out {
            match output {
                MarketOutput::Event(event) => self.tell(event),
                MarketOutput::Propose(draft) => self.drafts.push(draft),
            }
        }
    }
    pub fn assign(&mut self, worker: u8, hold: i64, replicas: &[(u32, u32)]) {
        let (worker, replicas) = (node(worker), replicas.to_vec());
        let (hold, reason) = (MicroCredits(hold), AssignReason::Policy);
        self.tell(Event::ReplicasAssigned {
            task: TASK,
            worker,
            quote: 7,
            hold,
            reason,
            replicas,
        });
    }
    pub fn finish(&mut self, worker: u8, results: Vec<ReplicaResult>) {
        self.tell(Event::ReplicasFinished {
            task: TASK,
            worker: node(worker),
            results,
        });
    }
    pub fn lose(&mut self, worker: u8, replicas: &[(u32, u32)]) {
        let why = LossReason::Disconnected;
        self.tell(Event::ReplicasLost {
            task: TASK,
            worker: node(worker),
            why,
            replicas: replicas.to_vec(),
        });
    }
    pub fn verify(&mut self, chunk: u32, replicas: &[(u32, u8, ReplicaVerdict)]) {
        let replicas: Vec<_> = replicas
            .iter()
            .map(|(attempt, worker, verdict)| (*attempt, node(*worker), *verdict))
            .collect();
        let verdict = ChunkVerdict {
            chunk,
            winner: replicas[0].0,
            replicas,
        };
        self.tell(Event::ChunksVerified {
            task: TASK,
            verdicts: vec![verdict],
        });
    }
    pub fn posted(&self) -> Vec<&Event> {
        self.journal
            .iter()
            .map(|(event, _)| event)
            .filter(|event| matches!(event, Event::CreditsPosted { .. }))
            .collect()
    }
    pub fn replayed(&self) -> Market {
        let mut market = Market::new(MarketOptions::default(), node(1));
        for (event, at) in &self.journal {
            market.apply(event, *at);
            market.check_invariants().unwrap();
        }
        market
    }
}
