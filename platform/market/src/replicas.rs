//! Replicas whose credits are held, what they reported, and how verdicts turn into postings and receipt lines.
//!
//! A replica lives here from its assignment until it is judged, lost for good, or its task ends. Each `ChunksVerified` that
//! judges replicas known here makes one batch; each `CreditsPosted` takes the oldest batch. So the two kinds of event
//! pair up one to one, live and in replay, however they interleave.

use crate::quotes::Terms;
use job_model::event::{ChunkVerdict, Posting, ReplicaResult};
use job_model::receipt::ReplicaVerdict;
use job_model::{JobId, MicroCredits, NodeId, ReceiptLine, TaskSpec, Usage, VoteKey};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

#[derive(Clone, Debug)]
struct Replica {
    worker: NodeId,
    terms: Arc<Terms>,
    hold: MicroCredits,
    /// What it committed to and what it says it used.
    result: Option<(VoteKey, Usage)>,
}

/// A line that was judged under some terms.
pub type PricedLine = (Arc<Terms>, ReceiptLine);

/// What one worker gets out of one batch of verdicts.
#[derive(Clone, Debug, Default)]
pub struct Due {
    pub released: MicroCredits,
    pub amount: MicroCredits,
    pub lines: Vec<PricedLine>,
}

/// One batch of verdicts, by worker.
pub type Batch = BTreeMap<NodeId, Due>;

/// What judging a batch of verdicts showed.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Every judged replica.
    pub verdicts: Vec<(NodeId, ReplicaVerdict)>,
    /// The agreed usage of every accepted chunk.
    pub usages: Vec<Usage>,
}

/// The replicas of one task.
#[derive(Clone, Debug)]
pub struct TaskBook {
    pub job: JobId,
    /// Replicas that this node runs for itself cost nothing and leave no line.
    me: NodeId,
    /// What one replica can have used at most; a claim above it is a lie and is not paid.
    limits: Usage,
    /// By chunk and attempt.
    open: BTreeMap<(u32, u32), Replica>,
    /// Agreed usage of decided chunks that still have open replicas: what a late one is paid by.
    decided: BTreeMap<u32, Usage>,
    /// Judged and not posted, oldest first.
    unposted: VecDeque<Batch>,
    /// How many of `unposted` were handed out as events that have not come back through `apply`.
    pub emitted: usize,
    ended: bool,
}

impl TaskBook {
    pub fn new(spec: &TaskSpec, me: NodeId) -> Self {
        let limit = |value: u64| if value == 0 { u64::MAX } else { value };
        let limits = Usage {
            fuel: limit(spec.requirements.fuel),
            memory_bytes: limit(spec.requirements.memory_bytes),
            output_bytes: limit(spec.requirements.output_bytes),
            input_bytes: u64::MAX,
            wall_us: u64::MAX,
        };
        Self {
            job: spec.job,
            me,
            limits,
            open: BTreeMap::new(),
            decided: BTreeMap::new(),
            unposted: VecDeque::new(),
            emitted: 0,
            ended: false,
        }
    }

    /// Whether the task ended.
    pub fn is_ended(&self) -> bool {
        self.ended
    }
    /// Nothing is left to hold, judge or post.
    pub fn is_done(&self) -> bool {
        self.ended && self.open.is_empty() && self.unposted.is_empty()
    }

    /// Holds credits for replicas; returns what is held in all. A replica that is known already is not held twice.
    pub fn assign(
        &mut self,
        worker: NodeId,
        terms: &Arc<Terms>,
        hold: MicroCredits,
        replicas: &[(u32, u32)],
    ) -> MicroCredits {
        let hold = if worker == self.me { MicroCredits::ZERO } else { hold };
        let mut held = MicroCredits::ZERO;
        for key in replicas {
            if self.open.contains_key(key) {
                continue;
            }
            self.open.insert(
                *key,
                Replica {
                    worker,
                    terms: Arc::clone(terms),
                    hold,
                    result: None,
                },
            );
            held += hold;
        }
        held
    }

    /// Takes results. Replicas without a verdict are done; returns what was held for them.
    pub fn finish(&mut self, worker: &NodeId, results: &[ReplicaResult]) -> MicroCredits {
        let mut released = MicroCredits::ZERO;
        for result in results {
            let key = (result.chunk, result.attempt);
            let Some(replica) = self.open.get_mut(&key).filter(|replica| replica.worker == *worker) else {
                continue;
            };
            match result.outcome.vote() {
                // The first word of a worker counts.
                Some(vote) if replica.result.is_none() => replica.result = Some((vote, result.usage)),
                Some(_) => {}
                None if replica.result.is_some() => {}
                None => {
                    released += replica.hold;
                    self.close(key);
                }
            }
        }
        released
    }

    /// Gives up replicas; returns what was held for them. Those whose result may still come, late, stay known without a
    /// hold until the task ends: if their result counts, it is paid.
    pub fn lose(&mut self, worker: &NodeId, replicas: &[(u32, u32)], may_come_late: bool) -> MicroCredits {
        let mut released = MicroCredits::ZERO;
        for key in replicas {
            let Some(replica) = self.open.get_mut(key).filter(|replica| replica.worker == *worker) else {
                continue;
            };
            released += std::mem::take(&mut replica.hold);
            if !may_come_late {
                self.close(*key);
            }
        }
        released
    }

    /// The task ended: what is not judged by now is given back, by worker.
    pub fn end(&mut self) -> BTreeMap<NodeId, MicroCredits> {
        self.ended = true;
        self.decided.clear();
        let mut released: BTreeMap<NodeId, MicroCredits> = BTreeMap::new();
        for replica in std::mem::take(&mut self.open).into_values() {
            *released.entry(replica.worker).or_default() += replica.hold;
        }
        released
    }

    fn close(&mut self, key: (u32, u32)) -> Option<Replica> {
        let replica = self.open.remove(&key);
        if !self.has_open(key.0) {
            self.decided.remove(&key.0);
        }
        replica
    }

    fn has_open(&self, chunk: u32) -> bool {
        self.open.range((chunk, 0)..=(chunk, u32::MAX)).next().is_some()
    }

    /// Turns verdicts into one batch of postings and lines. Replicas that are not open are passed over: their credits
    /// were released or posted before.
    pub fn judge(&mut self, verdicts: &[ChunkVerdict]) -> Judged {
        let mut judged = Judged::default();
        let mut batch = Batch::new();
        for verdict in verdicts {
            self.judge_chunk(verdict, &mut batch, &mut judged);
        }
        if !batch.is_empty() {
            self.unposted.push_back(batch);
        }
        judged
    }

    fn judge_chunk(&mut self, verdict: &ChunkVerdict, batch: &mut Batch, judged: &mut Judged) {
        let chunk = verdict.chunk;
        let agreed = self.decided.get(&chunk).copied().or_else(|| {
            let agreed = self.agreed_usage(verdict);
            judged.usages.extend(agreed);
            agreed
        });
        for (attempt, node, decision) in &verdict.replicas {
            let key = (chunk, *attempt);
            if self.open.get(&key).is_none_or(|replica| replica.worker != *node) {
                continue;
            }
            let Some(replica) = self.open.remove(&key) else {
                continue;
            };
            judged.verdicts.push((*node, *decision));
            if replica.worker == self.me {
                continue;
            }
            let due = batch.entry(*node).or_default();
            due.released += replica.hold;
            if let Some((vote, own)) = replica.result {
                let usage = least([Some(&own), agreed.as_ref(), Some(&self.limits)]);
                let line = price_line(key, vote, &usage, *decision, &replica.terms);
                due.amount += line.price;
                due.lines.push((replica.terms, line));
            }
        }
        match agreed {
            Some(usage) if self.has_open(chunk) => {
                self.decided.insert(chunk, usage);
            }
            _ => {
                self.decided.remove(&chunk);
            }
        }
    }

    /// What most of the believed replicas say they used; of two sayings that are equally frequent the cheaper one.
    fn agreed_usage(&self, verdict: &ChunkVerdict) -> Option<Usage> {
        let mut sayings: BTreeMap<(u64, u64, u64, u64), u32> = BTreeMap::new();
        for (attempt, node, decision) in &verdict.replicas {
            if !is_paid(*decision) {
                continue;
            }
            if let Some(replica) = self.open.get(&(verdict.chunk, *attempt))
                && replica.worker == *node
                && let Some((_, usage)) = &replica.result
            {
                *sayings
                    .entry((usage.fuel, usage.memory_bytes, usage.input_bytes, usage.output_bytes))
                    .or_default() += 1;
            }
        }
        // The map is in ascending order and `max_by_key` takes the last of equals, so it is walked backwards.
        let ((fuel, memory_bytes, input_bytes, output_bytes), _) =
            sayings.into_iter().rev().max_by_key(|(_, count)| *count)?;
        Some(Usage {
            fuel,
            memory_bytes,
            input_bytes,
            output_bytes,
            wall_us: 0,
        })
    }

    /// Every batch that waits to be posted, oldest first.
    pub fn unposted(&self) -> impl Iterator<Item = &Batch> {
        self.unposted.iter()
    }
    /// Takes the oldest batch.
    pub fn post(&mut self) -> Option<Batch> {
        self.emitted = self.emitted.saturating_sub(1);
        self.unposted.pop_front()
    }

    /// What is held here, by worker: open replicas and unposted batches.
    pub fn held(&self, by: &mut BTreeMap<NodeId, MicroCredits>) {
        for replica in self.open.values() {
            *by.entry(replica.worker).or_default() += replica.hold;
        }
        for (worker, due) in self.unposted.iter().flatten() {
            *by.entry(*worker).or_default() += due.released;
        }
    }
}

/// The postings of a batch, as the journal keeps them.
pub fn postings(batch: &Batch) -> Vec<Posting> {
    batch
        .iter()
        .map(|(worker, due)| Posting {
            worker: *worker,
            released: due.released,
            amount: due.amount,
        })
        .collect()
}

/// Whether a verdict is paid.
pub fn is_paid(verdict: ReplicaVerdict) -> bool {
    matches!(verdict, ReplicaVerdict::Accepted | ReplicaVerdict::Late)
}

/// Paid is the least of what the replica says, what most say, and what the sandbox's limits allow.
fn least(sayings: [Option<&Usage>; 3]) -> Usage {
    let least = |of: fn(&Usage) -> u64| sayings.iter().flatten().map(|usage| of(usage)).min().unwrap_or(0);
    Usage {
        fuel: least(|u| u.fuel),
        input_bytes: least(|u| u.input_bytes),
        output_bytes: least(|u| u.output_bytes),
        memory_bytes: least(|u| u.memory_bytes),
        wall_us: 0,
    }
}

fn price_line(key: (u32, u32), vote: VoteKey, usage: &Usage, verdict: ReplicaVerdict, terms: &Terms) -> ReceiptLine {
    let (chunk, attempt) = key;
    let price = if is_paid(verdict) {
        terms.rates.price(usage)
    } else {
        MicroCredits::ZERO
    };
    let bytes = usage.input_bytes.saturating_add(usage.output_bytes);
    ReceiptLine {
        chunk,
        attempt,
        vote,
        fuel: usage.fuel,
        bytes,
        price,
        verdict,
    }
}
