//! The node's state and its one owner. Synchronous: it decides, applies, and leaves a [`Batch`] of events and effects
//! behind; the main loop hands the batch to the journal. No clock: every entry point is told the time.
//!
//! Order in every entry point: (1) a pure core decides and applies, (2) the event joins the batch, (3) effects that
//! follow from it join the batch. The journal syncs the batch before any effect starts. After a crash the same
//! `apply` functions rebuild the same state ([`replay`]).

mod checks;
mod forks;
mod jobs;
mod lending;
mod messages;
mod metric_book;
mod offers;
mod replay;
mod reports;
mod settle;
mod task_book;
mod tasks;
mod transfers;

pub use jobs::{JobBook, KnownJob};
pub use metric_book::MetricBook;
pub use offers::Standing;
pub use reports::{Bundle, slices_by_hash};
pub use settle::count_verdicts;
pub use task_book::{TaskBook, TaskFilter, TaskPage, TaskPlace};
pub use tasks::confirmations_needed;
pub use transfers::Transferred;

use crate::config::NodeConfig;
use crate::effects::Effect;
use crate::journal::{Batch, JournalReader};
use job_model::message::Advert;
use job_model::quote::{Capability, DeviceKind, Load};
use job_model::sign::NodeKey;
use job_model::{Event, Message, NodeId, ProfileId, Recorded, TaskId, UnixMillis};
use market::{Chain, LedgerTail, Market, MarketInput, MarketOutput};
use offers::QuoteBook;
use scheduler::{Input, Output, Scheduler};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// A node as we know it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Whether there is a connection.
    pub connected: bool,
    /// Its program.
    pub agent: String,
    /// Round-trip time in microseconds.
    pub rtt_us: u32,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// What it offers.
    pub capability: Capability,
    /// How busy it says it is.
    pub load: Load,
    /// Why it is not connected, if it was.
    pub gone: String,
}

/// The state of a node.
pub struct Core {
    /// Who we are.
    pub me: NodeId,
    key: NodeKey,
    profile: ProfileId,
    slots: u32,
    config: NodeConfig,
    scheduler: Scheduler,
    market: Market,
    chain: Chain,
    ledger_tail: LedgerTail,
    /// Known jobs.
    pub jobs: JobBook,
    /// Our tasks.
    pub tasks: TaskBook,
    metrics: MetricBook,
    /// Known nodes.
    pub peers: BTreeMap<NodeId, Peer>,
    quotes: QuoteBook,
    journal: JournalReader,
    seq: u64,
    now: UnixMillis,
    batch: Batch,
    scheduler_out: Vec<Output>,
    market_out: Vec<MarketOutput>,
    offers_due: bool,
    /// What our own worker offers float class `fast` on.
    fast: Option<DeviceKind>,
    /// What requesters judged of our replicas: right, wrong. From the ledger, so it survives a restart.
    judged: (u64, u64),
    /// Failure bundles kept so far, per task.
    bundles: BTreeMap<TaskId, usize>,
    /// Why peers did not sign proposals of ours, by position and peer.
    refusals: BTreeMap<(u64, NodeId), String>,
    /// When records were last shown to a peer.
    shown_at: UnixMillis,
    /// When each connected peer last showed records.
    heard_at: BTreeMap<NodeId, UnixMillis>,
}

/// What a core is made of.
pub struct Parts {
    /// Our key.
    pub key: NodeKey,
    /// Our metering profile.
    pub profile: ProfileId,
    /// Sandboxes of our worker.
    pub slots: u32,
    /// The configuration.
    pub config: NodeConfig,
    /// Decides placement.
    pub scheduler: Scheduler,
    /// Decides prices.
    pub market: Market,
    /// Our ledger chain.
    pub chain: Chain,
    /// Where our ledger file ends.
    pub ledger_tail: LedgerTail,
    /// Right and wrong replicas of ours, by the settlements in it.
    pub judged: (u64, u64),
    /// The journal's past.
    pub journal: JournalReader,
}

impl Core {
    /// A core without history.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            key,
            profile,
            slots,
            config,
            scheduler,
            mut market,
            chain,
            ledger_tail,
            judged,
            journal,
        } = parts;
        market.serve_with(slots);
        market.list_peers(config.network.allow.iter().flatten().copied());
        // The proofs are in the ledger file.
        chain.forks().for_each(|(node, _)| market.ban(*node));
        Self {
            me: key.id(),
            key,
            profile,
            slots,
            config,
            scheduler,
            market,
            chain,
            ledger_tail,
            jobs: JobBook::default(),
            tasks: TaskBook::default(),
            metrics: MetricBook::default(),
            peers: BTreeMap::new(),
            quotes: QuoteBook::default(),
            journal,
            seq: 0,
            now: UnixMillis::default(),
            batch: Batch::default(),
            scheduler_out: Vec::new(),
            market_out: Vec::new(),
            offers_due: false,
            fast: None,
            judged,
            bundles: BTreeMap::new(),
            refusals: BTreeMap::new(),
            shown_at: UnixMillis::default(),
            heard_at: BTreeMap::new(),
        }
    }

    /// Tells the time; never backwards.
    pub fn at(&mut self, now: UnixMillis) {
        self.now = self.now.max(now);
    }

    /// What was decided since the last call.
    pub fn take_batch(&mut self) -> Batch {
        if self.offers_due {
            self.offers_due = false;
            self.refresh_offers();
        }
        std::mem::take(&mut self.batch)
    }

    /// When [`Core::tick`] is due at the latest.
    pub fn next_wakeup(&self) -> Option<UnixMillis> {
        self.scheduler.next_wakeup()
    }

    /// Adds an effect.
    pub fn effect(&mut self, effect: Effect) {
        self.batch.then.push(effect);
    }

    /// Answers once everything decided so far is on disk.
    pub fn answer_when_durable(&mut self, answer: impl FnOnce() + Send + 'static) {
        self.effect(Effect::Answer(Box::new(answer)));
    }

    fn send(&mut self, to: NodeId, message: Message) {
        self.effect(Effect::Send { to, message });
    }

    /// Lets the scheduler decide and does what it says.
    pub(crate) fn schedule(&mut self, input: Input) {
        let mut out = std::mem::take(&mut self.scheduler_out);
        self.scheduler.handle(input, self.now, &mut out);
        for output in out.drain(..) {
            self.on_scheduler(output);
        }
        self.scheduler_out = out;
    }

    fn on_scheduler(&mut self, output: Output) {
        match output {
            Output::Event(event) => self.record(event, AppliedBy::Scheduler),
            Output::StartReduce { task } => self.start_reduce(task),
            Output::CheckReplicas { task, replicas } => self.start_checks(task, &replicas),
            Output::CompareOutputs { task, pairs } => self.start_comparisons(task, &pairs),
            Output::CancelReplicas {
                task,
                worker,
                replicas,
                reason,
            } => {
                self.send(worker, Message::Cancel { task, replicas, reason });
            }
            Output::Ignored {
                task,
                worker,
                replicas,
                why,
            } => {
                let (task, worker) = (task.map(|t| t.short()), worker.map(|w| w.short()));
                tracing::debug!(?task, ?worker, count = replicas.len(), %why, "ignored");
            }
        }
    }

    /// Takes an event of our own into every book.
    pub(crate) fn emit(&mut self, event: Event) {
        self.record(event, AppliedBy::Nobody);
    }

    fn record(&mut self, event: Event, by: AppliedBy) {
        if by != AppliedBy::Scheduler {
            self.scheduler.apply(&event, self.now);
        }
        self.market.apply(&event, self.now);
        self.tasks.apply(&event, self.now);
        self.metrics.apply(&event);
        self.jobs.apply(&event);
        self.seq += 1;
        let record = Arc::new(Recorded {
            seq: self.seq,
            at: self.now,
            event,
        });
        self.batch.events.push(Arc::clone(&record));
        self.follow_up(&record.event);
        self.effect(Effect::Publish(Arc::clone(&record)));
        self.let_market(MarketInput::Applied(&record.event));
    }

    pub(crate) fn let_market(&mut self, input: MarketInput<'_>) {
        let mut out = std::mem::take(&mut self.market_out);
        self.market.handle(input, self.now, &mut out);
        for output in std::mem::take(&mut out) {
            match output {
                MarketOutput::Event(event) => self.record(event, AppliedBy::Nobody),
                MarketOutput::Propose(draft) => self.propose(draft),
            }
        }
        self.market_out = out;
    }

    /// Time passed.
    pub fn tick(&mut self) {
        self.schedule(Input::Tick);
        self.let_market(MarketInput::FlushSettlements { force: false });
        self.refresh_quotes();
        self.show_records();
        self.forget_old_tasks();
        self.offers_due = true;
    }

    /// What our worker offers float class `fast` on.
    pub fn observe_fast(&mut self, fast: Option<DeviceKind>) {
        self.offers_due |= self.fast != fast;
        self.fast = fast;
    }

    /// How busy our worker is: feeds our prices and our advert.
    pub fn observe_load(&mut self, load: Load) {
        let slots = f64::from(self.slots.max(1));
        self.market
            .observe_load(f64::from(load.running + load.queued) / slots, self.now);
    }

    /// What we say of our load and capability.
    pub fn on_advert(&mut self, node: NodeId, advert: Advert) {
        let peer = self.peers.entry(node).or_insert_with(|| Peer {
            connected: false,
            agent: String::new(),
            rtt_us: 0,
            addresses: Vec::new(),
            capability: Capability::default(),
            load: Load::default(),
            gone: String::new(),
        });
        peer.addresses = advert.addresses;
        peer.capability = advert.capability;
        peer.load = advert.load;
        self.offers_due = true;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AppliedBy {
    Scheduler,
    Nobody,
}
